//! The words of a fault, and where they stand.

use super::error::RuleError;

/// A piece of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub(super) kind: Kind<'a>,
    /// In characters, from 1.
    pub(super) column: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind<'a> {
    Word(&'a str),
    /// Without its double quotes.
    Quoted(&'a str),
    Colon,
    Comma,
}

impl<'a> Kind<'a> {
    /// The text that stands for itself, quoted or not.
    pub(super) fn text(self) -> &'a str {
        match self {
            Self::Word(text) | Self::Quoted(text) => text,
            Self::Colon => ":",
            Self::Comma => ",",
        }
    }
}

/// Splits a line at white space, colons and commas, up to a `#`.
///
/// # Errors
/// A double quote within a word, or one that nothing ends.
pub(super) fn tokens(line: &str) -> Result<Vec<Token<'_>>, RuleError> {
    let mut tokens = Vec::new();
    let mut rest = line;
    let mut column = 1;
    while let Some(first) = rest.chars().next() {
        let (kind, length) = match first {
            '#' => break,
            ':' => (Some(Kind::Colon), 1),
            ',' => (Some(Kind::Comma), 1),
            '"' => {
                let quoted = rest[1..].split_once('"').map(|(quoted, _)| quoted);
                let quoted = quoted.ok_or_else(|| {
                    RuleError::at(column, "no second double quote follows".to_owned())
                })?;
                (Some(Kind::Quoted(quoted)), quoted.len() + 2)
            }
            space if space.is_whitespace() => (None, space.len_utf8()),
            _ => {
                let is_end = |it: char| it.is_whitespace() || matches!(it, ':' | ',');
                let word = &rest[..rest.find(is_end).unwrap_or(rest.len())];
                if let Some(quote) = word.find('"') {
                    let column = column + word[..quote].chars().count();
                    return Err(RuleError::at(column, "a double quote within a word".to_owned()));
                }
                (Some(Kind::Word(word)), word.len())
            }
        };
        tokens.extend(kind.map(|kind| Token { kind, column }));
        column += rest[..length].chars().count();
        rest = &rest[length..];
    }
    Ok(tokens)
}
