//! Words of a fault, one after another.

use super::error::RuleError;
use super::tokens::{Kind, Token, tokens};
use crate::cli::similarity::nearest;
use receiver::faults::words::Words;
use receiver::faults::{DelayRange, Rule};
use std::time::Duration;

/// Where in a fault the parser is.
pub(super) struct Parser<'a> {
    tokens: Vec<Token<'a>>,
    next: usize,
    /// The column behind the last character.
    end: usize,
}

impl<'a> Parser<'a> {
    /// At the first word.
    pub(super) fn new(text: &'a str) -> Result<Self, RuleError> {
        let end = text.trim_end().chars().count() + 1;
        Ok(Self { tokens: tokens(text)?, next: 0, end })
    }

    /// Reads all of a fault.
    pub(super) fn rule(&mut self) -> Result<Rule, RuleError> {
        let selection = self.selection()?;
        match self.peek() {
            Some(Token { kind: Kind::Colon, .. }) => self.next += 1,
            Some(token) if Self::begins_action(token) => {
                let text = token.kind.text();
                let problem = format!("expected a colon before '{text}'");
                return Err(RuleError::at(token.column, problem));
            }
            Some(token) => return Err(unexpected(token, SELECTORS.iter().copied())),
            None => return Err(self.missing("a colon and what is to happen")),
        }
        let action = self.action(selection.subject)?;
        match self.peek() {
            Some(token) => Err(unexpected(token, MODIFIERS.iter().copied())),
            None => Ok(Rule { selection, action }),
        }
    }

    /// `seed N` and nothing else; `None` for anything that does not begin with that word.
    pub(super) fn seed(&mut self) -> Result<Option<u64>, RuleError> {
        if !self.take("seed") {
            return Ok(None);
        }
        let seed = self.number("a number", u64::MAX)?;
        match self.peek() {
            Some(token) => Err(unexpected(token, [])),
            None => Ok(Some(seed)),
        }
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.next == self.tokens.len()
    }

    pub(super) fn peek(&self) -> Option<Token<'a>> {
        self.tokens.get(self.next).copied()
    }

    /// The next token if it is a word.
    pub(super) fn peek_word(&self) -> Option<&'a str> {
        match self.peek()?.kind {
            Kind::Word(word) => Some(word),
            _ => None,
        }
    }

    /// Passes this word, if it is the next.
    pub(super) fn take(&mut self, word: &str) -> bool {
        let is_next = self.peek_word().is_some_and(|next| is_word(next, word));
        self.next += usize::from(is_next);
        is_next
    }

    /// Passes a comma, if it is the next.
    pub(super) fn take_comma(&mut self) -> bool {
        let is_next = self.peek().is_some_and(|token| token.kind == Kind::Comma);
        self.next += usize::from(is_next);
        is_next
    }

    /// The next token, which must be a word or quoted, with its column.
    pub(super) fn text(&mut self, expected: &str) -> Result<(&'a str, usize), RuleError> {
        match self.peek() {
            Some(Token { kind: Kind::Word(text) | Kind::Quoted(text), column }) => {
                self.next += 1;
                Ok((text, column))
            }
            Some(Token { kind, column }) => {
                let found = kind.text();
                Err(RuleError::at(column, format!("expected {expected}, not '{found}'")))
            }
            None => Err(self.missing(expected)),
        }
    }

    /// One of these words: which of them.
    pub(super) fn one_of(&mut self, words: &[&'static str]) -> Result<&'static str, RuleError> {
        let (text, column) = self.text(&listed(words))?;
        let found = words.iter().find(|word| is_word(text, word));
        found.copied().ok_or_else(|| {
            let meant = suggestion(text, words.iter().copied());
            RuleError::at(column, format!("expected {}, not '{text}'{meant}", listed(words)))
        })
    }

    /// A value by its name, or as a number.
    pub(super) fn value(&mut self, words: &Words, what: &str) -> Result<u8, RuleError> {
        let (text, column) = self.text(what)?;
        let named = words.iter().find(|(name, _)| is_word(text, name)).map(|(_, value)| *value);
        let value = named.or_else(|| number(text).and_then(|value| u8::try_from(value).ok()));
        value.ok_or_else(|| {
            let meant = suggestion(text, words.iter().map(|(name, _)| *name));
            RuleError::at(
                column,
                format!("'{text}' is neither {what} nor a number up to 255{meant}"),
            )
        })
    }

    /// A number, decimal or after `0x` hexadecimal.
    pub(super) fn number(&mut self, what: &str, most: u64) -> Result<u64, RuleError> {
        let (text, column) = self.text(what)?;
        number(text).filter(|number| *number <= most).ok_or_else(|| {
            RuleError::at(column, format!("'{text}' is not {what} from 0 to {most}"))
        })
    }

    /// A number, if there is any next word.
    pub(super) fn optional_number(
        &mut self,
        what: &str,
        most: u64,
    ) -> Result<Option<u64>, RuleError> {
        if self.is_at_end() { Ok(None) } else { self.number(what, most).map(Some) }
    }

    /// A time, or two with `..` between them.
    pub(super) fn delay(&mut self) -> Result<DelayRange, RuleError> {
        let (text, column) = self.text("a time, such as 500ms or 2s..5s")?;
        let range = match text.split_once("..") {
            None => duration(text).map(DelayRange::of),
            Some((from, to)) => {
                duration(from).zip(duration(to)).map(|(from, to)| DelayRange { from, to })
            }
        };
        range.filter(|range| range.from <= range.to).ok_or_else(|| {
            let problem =
                format!("'{text}' is not a time, such as 500ms or 2s..5s (units: ms, s, m, h)");
            RuleError::at(column, problem)
        })
    }

    pub(super) fn missing(&self, expected: &str) -> RuleError {
        RuleError::at(self.end, format!("expected {expected} here"))
    }
}

/// The words that narrow down what a fault strikes.
pub(super) const SELECTORS: [&str; 5] = ["every", "from", "to", "at", "of"];

/// The words that may end an action.
const MODIFIERS: [&str; 3] = ["during", "after", "without"];

/// Whether a typed word is this one: in either case, with underscores for hyphens.
pub(super) fn is_word(typed: &str, word: &str) -> bool {
    typed.len() == word.len()
        && typed.bytes().zip(word.bytes()).all(|(typed, byte)| {
            typed.eq_ignore_ascii_case(&byte) || (typed == b'_' && byte == b'-')
        })
}

/// What was probably meant, as the end of a sentence.
pub(super) fn suggestion<'n>(typed: &str, names: impl IntoIterator<Item = &'n str>) -> String {
    nearest(typed, names).map_or_else(String::new, |name| format!("; did you mean '{name}'?"))
}

/// Something that cannot stand here.
pub(super) fn unexpected<'n>(
    token: Token<'_>,
    names: impl IntoIterator<Item = &'n str>,
) -> RuleError {
    let text = token.kind.text();
    RuleError::at(token.column, format!("unexpected '{text}'{}", suggestion(text, names)))
}

fn listed(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [word] => format!("'{word}'"),
        [words @ .., last] => format!("{} or {last}", words.join(", ")),
    }
}

/// Decimal, or after `0x` hexadecimal.
pub(super) fn number(text: &str) -> Option<u64> {
    let is_number = |digits: &str| digits.starts_with(|first: char| first.is_ascii_hexdigit());
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) if is_number(digits) => u64::from_str_radix(digits, 16).ok(),
        _ if is_number(text) => text.parse().ok(),
        _ => None,
    }
}

/// A decimal number and its unit, in whole milliseconds, at most 2^32 - 1 seconds.
fn duration(text: &str) -> Option<Duration> {
    const UNITS: [(&str, u64); 4] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000)];
    const MOST: u64 = u32::MAX as u64 * 1_000;

    let digits = text.trim_end_matches(|it: char| it.is_ascii_alphabetic());
    let (_, unit) = UNITS.iter().find(|(name, _)| *name == &text[digits.len()..])?;
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let is_number = |digits: &str| {
        (1..=12).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
    };
    if !is_number(whole) || !is_number(fraction) {
        return None;
    }
    let part = fraction.parse::<u64>().ok()?.checked_mul(*unit)?;
    let scale = 10u64.pow(u32::try_from(fraction.len()).ok()?);
    if !part.is_multiple_of(scale) {
        return None;
    }
    let milliseconds = whole.parse::<u64>().ok()?.checked_mul(*unit)?.checked_add(part / scale)?;
    (milliseconds <= MOST).then(|| Duration::from_millis(milliseconds))
}
