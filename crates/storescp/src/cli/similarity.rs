//! Words that are like what was typed.

/// Of these names the one that differs least from what was typed, if that is little: at most a third of its
/// characters, in either case.
pub(crate) fn nearest<'a>(
    typed: &str,
    names: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    const LONGEST: usize = 100;

    if typed.len() > LONGEST {
        return None;
    }
    let typed = typed.to_lowercase();
    let distances = names.into_iter().map(|name| (distance(&typed, &name.to_lowercase()), name));
    let (distance, name) = distances.min_by_key(|(distance, _)| *distance)?;
    (distance <= (typed.chars().count() / 3).max(1)).then_some(name)
}

/// How many letters have to be changed, added or left out to make one word of the other (Levenshtein).
pub(super) fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (line, letter) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = line + 1;
        for (column, &wanted) in other.iter().enumerate() {
            let changed = diagonal + usize::from(letter != wanted);
            diagonal = row[column + 1];
            row[column + 1] = changed.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        for (one, other, changes) in [
            ("", "", 0),
            ("a", "", 1),
            ("abc", "abc", 0),
            ("abc", "axc", 1),
            ("kitten", "sitting", 3),
        ] {
            assert_eq!(distance(one, other), changes, "{one} {other}");
            assert_eq!(distance(other, one), changes, "{other} {one}");
        }
    }

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
