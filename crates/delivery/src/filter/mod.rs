//! Filters: which objects a destination wants, by what their data sets say.
//!
//! ```text
//!   Modality in ['MR', 'CT'] and not StudyDescription like '%LOCALIZER%'
//! ```
//!
//! ```text
//!   condition   = condition "or" condition | condition "and" condition | "not" condition | "(" condition ")"
//!               | "exists" attribute
//!               | attribute ( "=" | "!=" | "<" | "<=" | ">" | ">=" ) literal
//!               | attribute [ "not" ] "in" "[" literal { "," literal } "]"
//!               | attribute [ "not" ] "like" text
//!   attribute   = keyword | "(" group "," element ")" | "(" group "," creator "," element ")"
//!   literal     = text | number
//!   text        = "'" … "'" | '"' … '"'           the quote itself is typed twice
//! ```
//!
//! `not` binds most tightly, then `and`, then `or`. These words are read in either case, keywords of attributes in the
//! spelling of PS3.6 only.
//!
//! | what | means |
//! |---|---|
//! | `=` | one of the values is equal. Texts are compared with case; of attributes whose VR is a number, numbers |
//! | `!=` | there is a value, and none is equal |
//! | `<` … | one of the values is; texts by their characters, which orders dates and times |
//! | `in` | one of the values is equal to one of the list |
//! | `like` | one of the values matches, in either case: `%` stands for any characters, `_` for one, `\` makes the next one plain |
//! | `exists` | there is a value |
//! | `not in`, `not like` | `in` or `like` is false: also if there is no value |
//!
//! An attribute that is absent or empty has no value. So has one that the data set has only within sequences.
//!
//! Beside attributes of the data set there are `CallingAETitle`, `CalledAETitle`, `SOPClassUID`, `TransferSyntaxUID` (that
//! of the file) and `Rule`. UIDs may be compared with names: `SOPClassUID = 'CTImageStorage'`.

mod attribute;
mod condition;
mod fault;
mod parser;
mod tokens;

pub use fault::FilterFault;

use condition::Condition;
use dataset::AttributeName;
use std::fmt;

/// A condition on an object.
///
/// Memory: a few times the text, which has at most [`FILTER_BYTES`](crate::limits::FILTER_BYTES).
#[derive(Clone)]
pub struct Filter {
    /// As it was written.
    text: String,
    condition: Condition,
}

/// What is known of an object beside its data set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Known<'o> {
    /// The title of the sender, without padding.
    pub calling_ae_title: &'o str,
    /// The title that it called, without padding.
    pub called_ae_title: &'o str,
    /// SOP Class UID.
    pub sop_class_uid: &'o str,
    /// Transfer Syntax UID of the file.
    pub transfer_syntax_uid: &'o str,
    /// The rule that named the sender.
    pub rule: Option<&'o str>,
}

impl Filter {
    /// Reads a filter.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn parse(text: &str) -> Result<Self, FilterFault> {
        let condition = parser::parse(text)?;
        Ok(Self { text: text.to_owned(), condition })
    }

    /// The attributes of the data set that it looks at, each once: at most
    /// [`FILTER_ATTRIBUTES`](crate::limits::FILTER_ATTRIBUTES).
    #[must_use]
    pub fn attributes(&self) -> Vec<AttributeName> {
        self.condition.attributes()
    }

    /// Whether an object matches: `values` gives those of an attribute as UTF-8, without padding, numbers in decimal; none
    /// if the data set does not have it.
    #[must_use]
    pub fn matches(
        &self,
        known: &Known<'_>,
        values: &dyn Fn(&AttributeName) -> Vec<String>,
    ) -> bool {
        self.condition.holds(known, values)
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Filter").field(&self.text).finish()
    }
}

/// Filters are equal if they are written alike.
impl PartialEq for Filter {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Filter {}

#[cfg(test)]
mod tests;
