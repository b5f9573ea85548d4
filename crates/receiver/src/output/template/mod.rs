//! Path templates: where a file goes, by attributes of its data set. `docs/paths.md` is their reference.
//!
//! ```text
//!   text ──► parser ──► components of pieces ──► render ──► names ──► folders, and names for the file
//!                              │                   ▲
//!                              └── wanted ──► attributes noted while the data set passes
//! ```
//!
//! A name is made of parsed values only, and is safe whatever they are: it leads nowhere but into the output
//! directory.

mod field;
mod parser;
mod render;
mod shown;
#[cfg(test)]
mod tests;
mod time;
mod value;

pub use render::{Naming, RenderedPath};

use crate::limits::TEMPLATE_ATTRIBUTES;
use dataset::{AttributeName, Attributes, Vr, WantedAttributes};
use field::{Component, Piece, Source};
use std::fmt;
use std::sync::Arc;

/// Where the files of objects go beneath the output directory:
/// `{PatientID}/{StudyDate}/{SeriesNumber:04}_{Modality}/{InstanceNumber:05}.dcm`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathTemplate {
    text: String,
    /// The last one is the name of the file.
    components: Vec<Component>,
    wanted: Arc<WantedAttributes>,
}

/// Why a text is no path template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateError {
    /// Where in the text, in bytes.
    pub offset: usize,
    /// What is wrong there, and what was expected.
    pub message: String,
}

impl PathTemplate {
    /// Reads a template of at most [`TEMPLATE_BYTES`](crate::limits::TEMPLATE_BYTES).
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let components = parser::parse(text)?;
        let wanted = WantedAttributes::new(attributes(&components));
        let wanted = wanted.filter(|it| it.len() <= TEMPLATE_ATTRIBUTES).ok_or_else(|| {
            let most = TEMPLATE_ATTRIBUTES;
            TemplateError { offset: 0, message: format!("more than {most} different attributes") }
        })?;
        Ok(Self { text: text.to_owned(), components, wanted: Arc::new(wanted) })
    }

    /// The template as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The attributes that it uses, to be [noted](dataset::Transcoder::noting) while a data set passes.
    #[must_use]
    pub fn wanted(&self) -> &Arc<WantedAttributes> {
        &self.wanted
    }

    /// Values as they came of the attributes that it uses whose text depends on the character set.
    pub(crate) fn texts<'a>(
        &'a self,
        attributes: &'a Attributes,
    ) -> impl Iterator<Item = &'a [u8]> {
        use Vr::{LO, LT, PN, SH, ST, UC, UN, UT};
        let noted = self.wanted.names().filter_map(|name| attributes.noted_as(name));
        let is_text = |vr| matches!(vr, LO | LT | PN | SH | ST | UC | UN | UT);
        noted.filter(move |noted| is_text(noted.vr)).map(|noted| noted.bytes)
    }

    /// How many folders there are around each file.
    #[must_use]
    pub fn folders(&self) -> usize {
        self.components.len() - 1
    }

    /// The text of the template that names have as it is, of folders and of the file: what paths contain beside
    /// letters of any alphabet, digits and `. _ - +`.
    pub fn literals(&self) -> impl Iterator<Item = &str> {
        self.pieces().flat_map(|piece| match piece {
            Piece::Text(text) => vec![text.as_str()],
            Piece::Field(alternatives) => {
                let literals = alternatives.iter().filter_map(|it| match &it.source {
                    Source::Literal(text) => Some(text.as_str()),
                    _ => None,
                });
                literals.collect()
            }
        })
    }

    fn pieces(&self) -> impl Iterator<Item = &Piece> {
        self.components.iter().flat_map(|component| &component.pieces)
    }
}

fn attributes(components: &[Component]) -> impl Iterator<Item = AttributeName> {
    let pieces = components.iter().flat_map(|component| &component.pieces);
    let alternatives = pieces.flat_map(|piece| match piece {
        Piece::Text(_) => &[],
        Piece::Field(alternatives) => alternatives.as_slice(),
    });
    alternatives.filter_map(|alternative| match &alternative.source {
        Source::Attribute { name, .. } => Some(name.clone()),
        _ => None,
    })
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for TemplateError {}
