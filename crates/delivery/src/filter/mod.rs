//! Filters: which objects a destination wants, by what their data sets say.
//!
//! ```text
//!   Modality in ['MR', 'CT'] and not StudyDescription like '%LOCALIZER%'
//! ```

use dataset::AttributeName;
use std::fmt;

/// A condition on attributes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// As it was written.
    text: String,
}

/// What is wrong with the text of a filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilterFault {
    /// The byte at which it is wrong.
    pub offset: usize,
    /// What is wrong, and what to do.
    pub message: String,
}

impl Filter {
    /// Reads a filter.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn parse(text: &str) -> Result<Self, FilterFault> {
        Ok(Self { text: text.to_owned() })
    }

    /// The attributes that it looks at.
    #[must_use]
    pub fn attributes(&self) -> Vec<AttributeName> {
        Vec::new()
    }

    /// Whether an object matches: `values` gives those of an attribute as UTF-8, without padding; none if the data set
    /// does not have it.
    #[must_use]
    pub fn matches(&self, values: &dyn Fn(&AttributeName) -> Vec<String>) -> bool {
        let _ = values;
        true
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
