//! From the text of a filter to a condition.

use super::attribute::{Source, named};
use super::condition::{Comparison, Condition, Literal, Number, Pattern};
use super::fault::{FilterFault, fault};
use super::tokens::{Token, Tokens};
use crate::limits::{FILTER_ATTRIBUTES, FILTER_BYTES, FILTER_DEPTH};

/// Reads a filter.
pub(super) fn parse(text: &str) -> Result<Condition, FilterFault> {
    if text.len() > FILTER_BYTES {
        let end = (0..=FILTER_BYTES).rfind(|&at| text.is_char_boundary(at)).unwrap_or(0);
        return Err(fault(end, format!("a filter has at most {FILTER_BYTES} bytes")));
    }
    let mut tokens = Tokens::new(text);
    let (token, at) = tokens.next()?;
    let mut parser = Parser { tokens, token, at, depth: 0 };
    let condition = parser.any()?;
    if parser.token != Token::End {
        return Err(fault(parser.at, "expected and, or or the end"));
    }
    if condition.attributes().len() > FILTER_ATTRIBUTES {
        return Err(fault(0, format!("a filter has at most {FILTER_ATTRIBUTES} attributes")));
    }
    Ok(condition)
}

/// Where reading stands: at a word that is not taken yet.
struct Parser<'t> {
    tokens: Tokens<'t>,
    token: Token<'t>,
    /// Where the word begins.
    at: usize,
    /// Brackets and `not` around it.
    depth: usize,
}

impl<'t> Parser<'t> {
    /// Takes the word, and goes on to the next.
    fn take(&mut self) -> Result<Token<'t>, FilterFault> {
        let (next, at) = self.tokens.next()?;
        self.at = at;
        Ok(std::mem::replace(&mut self.token, next))
    }

    fn is_word(&self, word: &str) -> bool {
        matches!(self.token, Token::Word(found) if found.eq_ignore_ascii_case(word))
    }

    /// Takes the word if it is this one.
    fn takes_word(&mut self, word: &str) -> Result<bool, FilterFault> {
        let is = self.is_word(word);
        if is {
            self.take()?;
        }
        Ok(is)
    }

    fn takes_sign(&mut self, sign: &str) -> Result<bool, FilterFault> {
        let is = matches!(self.token, Token::Sign(found) if found == sign);
        if is {
            self.take()?;
        }
        Ok(is)
    }

    fn any(&mut self) -> Result<Condition, FilterFault> {
        let first = self.all()?;
        let mut conditions = vec![first];
        while self.takes_word("or")? {
            conditions.push(self.all()?);
        }
        Ok(one_or(conditions, Condition::Any))
    }

    fn all(&mut self) -> Result<Condition, FilterFault> {
        let first = self.single()?;
        let mut conditions = vec![first];
        while self.takes_word("and")? {
            conditions.push(self.single()?);
        }
        Ok(one_or(conditions, Condition::All))
    }

    /// What stands between `and` and `or`.
    fn single(&mut self) -> Result<Condition, FilterFault> {
        let at = self.at;
        if self.takes_word("not")? {
            return self.deeper(at, |parser| Ok(Condition::Not(Box::new(parser.single()?))));
        }
        if self.takes_sign("(")? {
            return self.deeper(at, |parser| {
                let condition = parser.any()?;
                match parser.takes_sign(")")? {
                    true => Ok(condition),
                    false => Err(fault(parser.at, "expected ), and or or")),
                }
            });
        }
        if self.takes_word("exists")? {
            return self.source().map(Condition::Exists);
        }
        let source = self.source()?;
        self.condition(source)
    }

    fn deeper(
        &mut self,
        at: usize,
        read: impl FnOnce(&mut Self) -> Result<Condition, FilterFault>,
    ) -> Result<Condition, FilterFault> {
        if self.depth == FILTER_DEPTH {
            return Err(fault(at, format!("brackets and not are at most {FILTER_DEPTH} deep")));
        }
        self.depth += 1;
        let condition = read(self);
        self.depth -= 1;
        condition
    }

    fn source(&mut self) -> Result<Source, FilterFault> {
        let at = self.at;
        let is_other =
            ["and", "or", "not", "in", "like", "exists"].into_iter().any(|it| self.is_word(it));
        match &self.token {
            Token::Word(word) if !is_other => {
                let source = named(word, at)?;
                self.take()?;
                Ok(source)
            }
            Token::Attribute(source) => {
                let source = source.clone();
                self.take()?;
                Ok(source)
            }
            _ => Err(fault(
                at,
                "expected an attribute such as Modality or (0008,0060), exists, not or (",
            )),
        }
    }

    /// What stands behind an attribute.
    fn condition(&mut self, source: Source) -> Result<Condition, FilterFault> {
        if let Token::Sign(sign) = self.token
            && let Some(comparison) = comparison(sign)
        {
            self.take()?;
            let literal = self.literal(&source)?;
            return Ok(Condition::Compare(source, comparison, literal));
        }
        let is_negated = self.takes_word("not")?;
        let condition = if self.takes_word("in")? {
            let list = self.list(&source)?;
            Condition::In(source, list)
        } else if self.takes_word("like")? {
            let Token::Text(text) = &self.token else {
                return Err(fault(self.at, "expected a text in quotes, such as '%LOCALIZER%'"));
            };
            let pattern = Pattern::new(text);
            self.take()?;
            Condition::Like(source, pattern)
        } else {
            let what = if is_negated { "in or like" } else { "=, !=, <, <=, >, >=, in or like" };
            return Err(fault(self.at, format!("expected {what}")));
        };
        Ok(if is_negated { Condition::Not(Box::new(condition)) } else { condition })
    }

    fn list(&mut self, source: &Source) -> Result<Vec<Literal>, FilterFault> {
        if !self.takes_sign("[")? {
            return Err(fault(self.at, "expected a list, such as ['CT', 'MR']"));
        }
        let first = self.literal(source)?;
        let mut list = vec![first];
        while !self.takes_sign("]")? {
            if !self.takes_sign(",")? {
                return Err(fault(self.at, "expected , or ]"));
            }
            list.push(self.literal(source)?);
        }
        Ok(list)
    }

    /// A text or a number, as the values are that it is compared with.
    fn literal(&mut self, source: &Source) -> Result<Literal, FilterFault> {
        let at = self.at;
        let (text, is_quoted) = match &self.token {
            Token::Text(text) => (text.clone().into_owned(), true),
            Token::Number(text) => ((*text).to_owned(), false),
            Token::Word(word) => {
                let word: String = word.chars().take(80).collect();
                return Err(fault(at, format!("expected a text in quotes or a number: '{word}'")));
            }
            _ => return Err(fault(at, "expected a text in quotes, or a number")),
        };
        if text.is_empty() {
            let message = "no value is empty: write not exists, with the attribute";
            return Err(fault(at, message));
        }
        let number = Number::parse(&text);
        let literal = match (source.is_number(), number) {
            (Some(true), Some(number)) => Literal::Number(number),
            (Some(true), None) => {
                return Err(fault(
                    at,
                    "expected a number: the values of this attribute are numbers",
                ));
            }
            (None, Some(number)) if !is_quoted => Literal::Either(number, text),
            _ => Literal::Text(source.literal(&text)),
        };
        self.take()?;
        Ok(literal)
    }
}

fn comparison(sign: &str) -> Option<Comparison> {
    Some(match sign {
        "=" => Comparison::Equal,
        "!=" => Comparison::NotEqual,
        "<" => Comparison::Less,
        "<=" => Comparison::LessOrEqual,
        ">" => Comparison::Greater,
        ">=" => Comparison::GreaterOrEqual,
        _ => return None,
    })
}

/// A condition alone needs none around it.
fn one_or(mut conditions: Vec<Condition>, all: fn(Vec<Condition>) -> Condition) -> Condition {
    match conditions.pop() {
        Some(single) if conditions.is_empty() => single,
        Some(last) => {
            conditions.push(last);
            all(conditions)
        }
        None => all(conditions),
    }
}
