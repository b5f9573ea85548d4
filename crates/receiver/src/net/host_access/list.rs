//! Lists in rules and in files of patterns.

/// The elements of a list.
pub(super) fn words(list: &str) -> impl Iterator<Item = &str> {
    list.split(|c: char| c.is_whitespace() || c == ',').filter(|it| !it.is_empty())
}
