//! Conditions, and whether they hold.

use super::Known;
use super::attribute::Source;
use dataset::AttributeName;
use std::borrow::Cow;
use std::cmp::Ordering;

/// Gives the values of an attribute of the data set.
type Values<'v> = dyn Fn(&AttributeName) -> Vec<String> + 'v;

/// A condition. Its depth is bounded by [`FILTER_DEPTH`](crate::limits::FILTER_DEPTH), so that recursion is.
#[derive(Debug, Clone)]
pub(super) enum Condition {
    /// At least one; true if one is.
    Any(Vec<Condition>),
    /// At least one; true if all are.
    All(Vec<Condition>),
    Not(Box<Condition>),
    Exists(Source),
    Compare(Source, Comparison, Literal),
    In(Source, Vec<Literal>),
    Like(Source, Pattern),
}

/// How two values are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// What values are compared with.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Literal {
    Text(String),
    Number(Number),
    /// A number, or the same as text, as the value turns out to be.
    Either(Number, String),
}

/// A number: whole ones exactly.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Number {
    Whole(i128),
    Other(f64),
}

impl Number {
    /// Reads a number; blanks around it do not matter.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.trim_matches(' ');
        if let Ok(whole) = text.parse() {
            return Some(Self::Whole(whole));
        }
        let starts = text.starts_with(|it: char| it.is_ascii_digit() || "+-.".contains(it));
        let number = text.parse::<f64>().ok().filter(|number| number.is_finite());
        number.filter(|_| starts).map(Self::Other)
    }

    fn compare(self, other: Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Whole(one), Self::Whole(other)) => Some(one.cmp(&other)),
            (one, other) => one.float().partial_cmp(&other.float()),
        }
    }

    #[allow(clippy::cast_precision_loss, reason = "only where the other one is no whole number")]
    fn float(self) -> f64 {
        match self {
            Self::Whole(number) => number as f64,
            Self::Other(number) => number,
        }
    }
}

impl Literal {
    /// How a value compares with it; `None` if it is no number, and this one is.
    fn compare(&self, value: &str) -> Option<Ordering> {
        match self {
            Self::Text(text) => Some(value.cmp(text.as_str())),
            Self::Number(number) => Number::parse(value)?.compare(*number),
            Self::Either(number, text) => match Number::parse(value) {
                Some(value) => value.compare(*number),
                None => Some(value.cmp(text.as_str())),
            },
        }
    }
}

/// A pattern of `like`, in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern(Vec<Part>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Letter(char),
    One,
    Many,
}

impl Pattern {
    /// Any text is a pattern.
    pub(super) fn new(text: &str) -> Self {
        let mut parts = Vec::new();
        let mut letters = text.chars();
        while let Some(letter) = letters.next() {
            match letter {
                '%' if parts.last() == Some(&Part::Many) => {}
                '%' => parts.push(Part::Many),
                '_' => parts.push(Part::One),
                '\\' => parts.extend(lower(letters.next().unwrap_or('\\')).map(Part::Letter)),
                letter => parts.extend(lower(letter).map(Part::Letter)),
            }
        }
        Self(parts)
    }

    /// Whether a text matches: in time proportional to both lengths' product at most.
    pub(super) fn matches(&self, text: &str) -> bool {
        let text: Vec<char> = text.chars().flat_map(lower).collect();
        let (mut at, mut part) = (0, 0);
        // Where the last % stands, and how much of the text it takes: the rest is tried again with more.
        let mut retry: Option<(usize, usize)> = None;
        while at < text.len() {
            match self.0.get(part) {
                Some(Part::Many) => {
                    retry = Some((part, at));
                    part += 1;
                }
                Some(Part::One) => (at, part) = (at + 1, part + 1),
                Some(Part::Letter(letter)) if *letter == text[at] => {
                    (at, part) = (at + 1, part + 1);
                }
                _ => {
                    let Some((many, taken)) = retry else { return false };
                    retry = Some((many, taken + 1));
                    (at, part) = (taken + 1, many + 1);
                }
            }
        }
        self.0[part..].iter().all(|part| *part == Part::Many)
    }
}

/// As one letter, so that `_` stands for what one letter was.
fn lower(letter: char) -> impl Iterator<Item = char> {
    let mut lower = letter.to_lowercase();
    let first = lower.next().filter(|_| lower.next().is_none());
    std::iter::once(first.unwrap_or(letter))
}

impl Condition {
    /// Whether it holds.
    pub(super) fn holds(&self, known: &Known<'_>, data_set: &Values<'_>) -> bool {
        let values = |source: &Source| source.values(known, data_set);
        match self {
            Self::Any(conditions) => conditions.iter().any(|it| it.holds(known, data_set)),
            Self::All(conditions) => conditions.iter().all(|it| it.holds(known, data_set)),
            Self::Not(condition) => !condition.holds(known, data_set),
            Self::Exists(source) => !values(source).is_empty(),
            Self::Compare(source, comparison, literal) => {
                compared(&values(source), *comparison, literal)
            }
            Self::In(source, list) => {
                let is_equal = |value: &str| {
                    list.iter().any(|literal| literal.compare(value) == Some(Ordering::Equal))
                };
                values(source).iter().any(|value| is_equal(value))
            }
            Self::Like(source, pattern) => {
                values(source).iter().any(|value| pattern.matches(value))
            }
        }
    }

    /// The attributes of the data set in it, each once.
    pub(super) fn attributes(&self) -> Vec<AttributeName> {
        let mut names = Vec::new();
        self.gather(&mut names);
        names
    }

    fn gather(&self, names: &mut Vec<AttributeName>) {
        match self {
            Self::Any(conditions) | Self::All(conditions) => {
                conditions.iter().for_each(|it| it.gather(names));
            }
            Self::Not(condition) => condition.gather(names),
            Self::Exists(source)
            | Self::Compare(source, ..)
            | Self::In(source, _)
            | Self::Like(source, _) => {
                if let Source::DataSet { name, .. } = source
                    && !names.contains(name)
                {
                    names.push(name.clone());
                }
            }
        }
    }
}

/// Of `!=`, that no value is equal; of all others, that one is so.
fn compared(values: &[Cow<'_, str>], comparison: Comparison, literal: &Literal) -> bool {
    let is = |wanted: fn(Ordering) -> bool| {
        values.iter().any(|value| literal.compare(value).is_some_and(wanted))
    };
    match comparison {
        Comparison::Equal => is(Ordering::is_eq),
        Comparison::NotEqual => !values.is_empty() && !is(Ordering::is_eq),
        Comparison::Less => is(Ordering::is_lt),
        Comparison::LessOrEqual => is(Ordering::is_le),
        Comparison::Greater => is(Ordering::is_gt),
        Comparison::GreaterOrEqual => is(Ordering::is_ge),
    }
}
