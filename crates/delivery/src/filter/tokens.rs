//! The words of a filter.

use super::attribute::{Source, private, public};
use super::fault::{FilterFault, fault};
use std::borrow::Cow;

/// A word of a filter.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token<'t> {
    /// Letters, digits and underscores.
    Word(&'t str),
    /// A text in quotes, without them.
    Text(Cow<'t, str>),
    /// A number, as it is written.
    Number(&'t str),
    /// An attribute by its tag.
    Attribute(Source),
    /// A sign: `(`, `)`, `[`, `]`, `,` or that of a comparison.
    Sign(&'static str),
    /// Nothing is left.
    End,
}

/// The longest first.
const SIGNS: [&str; 11] = ["!=", "<=", ">=", "=", "<", ">", "(", ")", "[", "]", ","];

/// Signs of other languages, and what to write here.
const FOREIGN: [(&str, &str); 6] =
    [("==", "="), ("<>", "!="), ("&&", "and"), ("||", "or"), ("!", "not"), ("~", "like")];

/// Gives the words of a text one after the other.
pub(super) struct Tokens<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Tokens<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, at: 0 }
    }

    /// The next word, and where it begins.
    pub(super) fn next(&mut self) -> Result<(Token<'t>, usize), FilterFault> {
        let rest = self.text[self.at..].trim_start();
        self.at = self.text.len() - rest.len();
        let start = self.at;
        let Some(first) = rest.chars().next() else { return Ok((Token::End, start)) };
        let token = match first {
            '\'' | '"' => self.quoted(rest, first)?,
            '(' => match self.tag(rest)? {
                Some(token) => token,
                None => self.sign(rest)?,
            },
            '0'..='9' | '-' | '+' | '.' => self.number(rest)?,
            _ if is_of_word(first) => {
                let end = rest.find(|it| !is_of_word(it)).unwrap_or(rest.len());
                self.at += end;
                Token::Word(&rest[..end])
            }
            _ => self.sign(rest)?,
        };
        Ok((token, start))
    }

    fn sign(&mut self, rest: &str) -> Result<Token<'t>, FilterFault> {
        if let Some((foreign, ours)) =
            FOREIGN.iter().find(|(foreign, _)| rest.starts_with(foreign) && !rest.starts_with("!="))
        {
            return Err(fault(self.at, format!("{foreign} is not of this language: write {ours}")));
        }
        let Some(sign) = SIGNS.into_iter().find(|sign| rest.starts_with(sign)) else {
            let letter: String = rest.chars().take(1).flat_map(char::escape_debug).collect();
            return Err(fault(self.at, format!("{letter} has no meaning here")));
        };
        self.at += sign.len();
        Ok(Token::Sign(sign))
    }

    /// A text in quotes; the quote itself is typed twice.
    fn quoted(&mut self, rest: &'t str, quote: char) -> Result<Token<'t>, FilterFault> {
        let body = &rest[1..];
        let mut end = 0;
        let mut is_doubled = false;
        loop {
            let Some(found) = body[end..].find(quote) else {
                return Err(fault(self.at, format!("the text has no end: {quote} is missing")));
            };
            end += found;
            if !body[end + 1..].starts_with(quote) {
                break;
            }
            is_doubled = true;
            end += 2;
        }
        self.at += end + 2;
        let text = &body[..end];
        let twice = format!("{quote}{quote}");
        Ok(Token::Text(match is_doubled {
            true => text.replace(&twice, &quote.to_string()).into(),
            false => text.into(),
        }))
    }

    fn number(&mut self, rest: &'t str) -> Result<Token<'t>, FilterFault> {
        let is_of_number = |it: char| it.is_ascii_alphanumeric() || matches!(it, '.' | '-' | '+');
        let end = rest.find(|it| !is_of_number(it)).unwrap_or(rest.len());
        let number = &rest[..end];
        let is_number = number.parse::<f64>().is_ok_and(f64::is_finite)
            && number.contains(|it: char| it.is_ascii_digit());
        if !is_number {
            let message = format!("{number} is no number; a text needs quotes: '{number}'");
            return Err(fault(self.at, message));
        }
        self.at += end;
        Ok(Token::Number(number))
    }

    /// `(0010,0020)` or `(0029,'ACME',08)`. What begins otherwise is a bracket.
    fn tag(&mut self, rest: &str) -> Result<Option<Token<'t>>, FilterFault> {
        let inner = rest[1..].trim_start();
        let group = inner.get(..4).and_then(|digits| hexadecimal(digits, 4));
        let after = inner.get(4..).map(str::trim_start).and_then(|it| it.strip_prefix(','));
        let (Some(group), Some(after)) = (group, after.map(str::trim_start)) else {
            return Ok(None);
        };
        let at = self.at;
        let wrong = || {
            let forms = "(0010,0020), or a private one with its creator, (0029,'ACME',08)";
            fault(at, format!("expected a tag of hexadecimal digits such as {forms}"))
        };
        let end = after.find(')').ok_or_else(wrong)?;
        let (source, closing) = match after.chars().next() {
            Some(quote @ ('\'' | '"')) => {
                let (creator, after) = after[1..].split_once(quote).ok_or_else(wrong)?;
                let element = after.trim_start().strip_prefix(',').ok_or_else(wrong)?;
                let (element, closing) = element.split_once(')').ok_or_else(wrong)?;
                let element = hexadecimal(element.trim(), 2).ok_or_else(wrong)?;
                (private(group, creator, element, at)?, closing)
            }
            _ => {
                let element = hexadecimal(after[..end].trim(), 4).ok_or_else(wrong)?;
                (public(group, element, at)?, &after[end + 1..])
            }
        };
        self.at = self.text.len() - closing.len();
        Ok(Some(Token::Attribute(source)))
    }
}

fn is_of_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

/// The number that so many hexadecimal digits stand for.
fn hexadecimal(text: &str, digits: usize) -> Option<u16> {
    let is_number = text.len() == digits && text.bytes().all(|it| it.is_ascii_hexdigit());
    is_number.then(|| u16::from_str_radix(text, 16).ok())?
}
