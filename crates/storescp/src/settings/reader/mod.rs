//! Reads TOML into structs, and gathers everything that is wrong on the way.
//!
//! Serde would stop at the first fault, so structs are read by [`table!`](super::reader::table), which also
//! derives their JSON Schema.

mod numbers;
mod report;
mod source;
mod table;
mod texts;

pub(super) use numbers::{Integer, integer};
pub(super) use report::{Report, meant};
pub(super) use source::{Source, read_at_most};
pub(super) use table::{ReadTable, TableReader, read_table, read_value, table};
pub(super) use texts::{Word, word, word_schema, words};

use schemars::{JsonSchema, Schema, SchemaGenerator};
use std::borrow::Cow;
use std::ops::Range;
use std::path::PathBuf;
use toml::Spanned;
use toml::de::DeValue;

/// A value of the file, as the parser gives it.
pub(super) type Value<'i> = Spanned<DeValue<'i>>;

/// Something that is read from a value of the file.
pub(super) trait Read: Sized {
    /// Reads it. What is wrong goes to `report`; `None` if nothing can be made of the value.
    fn read(value: &Value<'_>, report: &mut Report) -> Option<Self>;
}

/// What was read, and where it stands.
#[derive(Debug, Clone)]
pub(super) struct At<T> {
    pub(super) value: T,
    /// Its bytes in the file.
    pub(super) span: Range<usize>,
}

impl<T: JsonSchema> JsonSchema for At<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn schema_id() -> Cow<'static, str> {
        T::schema_id()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

impl Read for bool {
    fn read(value: &Value<'_>, report: &mut Report) -> Option<Self> {
        let read = value.get_ref().as_bool();
        if read.is_none() {
            report.expected(value, "true or false");
        }
        read
    }
}

impl Read for String {
    fn read(value: &Value<'_>, report: &mut Report) -> Option<Self> {
        let text = value.get_ref().as_str();
        if text.is_none() {
            report.expected(value, "a text in quotes");
        }
        text.map(str::to_owned)
    }
}

impl Read for PathBuf {
    fn read(value: &Value<'_>, report: &mut Report) -> Option<Self> {
        match value.get_ref().as_str() {
            Some(text) if !text.is_empty() && !text.contains('\0') => Some(text.into()),
            _ => {
                report.expected(value, "a path in quotes");
                None
            }
        }
    }
}

/// A list. Every entry that is wrong is reported; those that are right are kept.
impl<T: Read> Read for Vec<At<T>> {
    fn read(value: &Value<'_>, report: &mut Report) -> Option<Self> {
        let Some(entries) = value.get_ref().as_array() else {
            let is_table = value.get_ref().is_table();
            let header = if is_table { ", or a header in double brackets, [[ ]]" } else { "" };
            report.expected(value, &format!("a list in [ ]{header}"));
            return None;
        };
        Some(entries.iter().filter_map(|entry| read_at(entry, report)).collect())
    }
}

/// One value, or a list of them. What is wrong is left out.
#[derive(Debug, Clone)]
pub(super) struct OneOrMore<T>(pub(super) Vec<At<T>>);

impl<T: Read> Read for OneOrMore<T> {
    fn read(value: &Value<'_>, report: &mut Report) -> Option<Self> {
        if value.get_ref().is_array() {
            return Vec::read(value, report).map(Self);
        }
        Some(Self(read_at(value, report).into_iter().collect()))
    }
}

impl<T: JsonSchema> JsonSchema for OneOrMore<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("OneOrMore_{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let one = generator.subschema_for::<T>();
        schemars::json_schema!({ "anyOf": [one.clone(), { "type": "array", "items": one }] })
    }
}

/// Reads a value and notes where it stands.
pub(super) fn read_at<T: Read>(value: &Value<'_>, report: &mut Report) -> Option<At<T>> {
    // Where a value is missing or broken, the parser puts one that stands nowhere, and has told so.
    if value.span().is_empty() && !value.get_ref().is_table() {
        return None;
    }
    T::read(value, report).map(|read| At { value: read, span: value.span() })
}

/// A place within a text, so many bytes from its beginning; the whole text if it has escapes.
pub(super) fn within(value: &Value<'_>, offset: usize) -> Range<usize> {
    let span = value.span();
    let length = value.get_ref().as_str().map_or(0, str::len);
    // Two quotes, and no escapes.
    if span.len() == length + 2 && offset <= length {
        let at = span.start + 1 + offset;
        return at..span.end;
    }
    span
}

/// A value in words, for `expected …, not …`.
pub(super) fn described(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => format!("the text {}", quoted(text)),
        DeValue::Integer(number) => format!("the number {}", shortened(number.as_str())),
        DeValue::Float(number) => format!("the number {}", shortened(number.as_str())),
        DeValue::Boolean(value) => value.to_string(),
        DeValue::Datetime(_) => "a date or time".to_owned(),
        DeValue::Array(_) => "a list".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
    }
}

/// A text in quotes, control characters escaped, cut if it is long.
pub(super) fn quoted(text: &str) -> String {
    format!("\"{}\"", shortened(text))
}

fn shortened(text: &str) -> String {
    const MOST: usize = 80;

    let mut short: String = text.chars().take(MOST).flat_map(char::escape_debug).collect();
    if text.chars().nth(MOST).is_some() {
        short.push('…');
    }
    short
}

/// `a`, `a or b`, `a, b or c`.
pub(super) fn listed<'w>(words: impl IntoIterator<Item = &'w str>) -> String {
    let words: Vec<&str> = words.into_iter().collect();
    match words.as_slice() {
        [] => String::new(),
        [word] => (*word).to_owned(),
        [words @ .., last] => format!("{} or {last}", words.join(", ")),
    }
}
