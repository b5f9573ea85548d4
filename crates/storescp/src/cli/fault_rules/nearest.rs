//! The name that was probably meant.

/// Of these names the one that differs least from what was typed, if that is little: at most a third of its
/// characters, in either case.
pub(super) fn nearest<'a>(
    typed: &str,
    names: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    const LONGEST: usize = 100;

    let typed: Vec<char> = typed.chars().flat_map(char::to_lowercase).collect();
    if typed.len() > LONGEST {
        return None;
    }
    let distances = names.into_iter().map(|name| {
        let lower: Vec<char> = name.chars().flat_map(char::to_lowercase).collect();
        (distance(&typed, &lower), name)
    });
    let (distance, name) = distances.min_by_key(|(distance, _)| *distance)?;
    (distance <= (typed.len() / 3).max(1)).then_some(name)
}

/// Characters to insert, delete or replace (Levenshtein).
fn distance(one: &[char], other: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (index, character) in one.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = index + 1;
        for (column, candidate) in other.iter().enumerate() {
            let replaced = diagonal + usize::from(character != candidate);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn little_differences_are_forgiven() {
        let names = ["status", "silence", "CTImageStorage"];
        assert_eq!(nearest("stauts", names), Some("status"));
        assert_eq!(nearest("ctimagestorage", names), Some("CTImageStorage"));
        assert_eq!(nearest("CTImageStorag", names), Some("CTImageStorage"));
        assert_eq!(nearest("explode", names), None);
        assert_eq!(nearest("", names), None);
        assert_eq!(nearest(&"x".repeat(1_000_000), names), None);
    }
}
