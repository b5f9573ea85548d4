//! Makes the path of an object.

use super::PathTemplate;
use super::field::{Alternative, Component, Format, Piece, Source};
use super::time::Moment;
use super::value::{TextValue, first_value, padded};
use crate::limits::SAME_PATH_FILES;
use crate::output::naming;
use crate::peer::Peer;
use chrono::{DateTime, Local};
use dataset::{AttributeName, Attributes, Tag, Uid};
use std::time::SystemTime;
use storage::{FileName, portable};

/// What the path of an object is made from.
#[derive(Clone, Copy, Debug)]
pub struct Naming<'a> {
    /// Those of its data set, once that is complete; [`PathTemplate::wanted`] were noted.
    pub attributes: &'a Attributes,
    /// Specific Character Set where the data set declares none.
    pub default_character_set: Option<&'a str>,
    /// The SOP Class UID by which it is stored.
    pub sop_class: &'a Uid,
    /// The SOP Instance UID by which it is stored.
    pub sop_instance: &'a Uid,
    /// Who sent it.
    pub peer: &'a Peer,
    /// When its C-STORE-RQ came.
    pub requested: SystemTime,
}

/// The path of an object beneath the output directory: at most
/// [`TEMPLATE_PATH_BYTES`](crate::limits::TEMPLATE_PATH_BYTES).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenderedPath {
    /// One in the other, the outermost first.
    pub folders: Vec<FileName>,
    /// Without the extension.
    stem: String,
    /// With its dot, or empty.
    extension: String,
}

impl PathTemplate {
    /// The path of an object; `None` if a name is none that a file may have, which does not occur.
    #[must_use]
    pub fn render(&self, naming: &Naming<'_>) -> Option<RenderedPath> {
        let (file, folders) = self.components.split_last()?;
        let name = |component: &Component| {
            FileName::new(portable::safe(&self.text_of(&component.pieces, naming), ""))
        };
        let folders = folders.iter().map(name).collect::<Option<Vec<_>>>()?;
        let (extension, pieces) = extension(&file.pieces);
        let mut stem = self.text_of(pieces, naming);
        // The text in front of the extension, which is in one piece with it.
        if let Some(Piece::Text(text)) = file.pieces.get(pieces.len()) {
            stem.push_str(&text[..text.len() - extension.len()]);
        }
        let whole = portable::safe(&stem, extension);
        let stem = whole[..whole.len() - extension.len()].to_owned();
        Some(RenderedPath { folders, stem, extension: extension.to_owned() })
    }

    fn text_of(&self, pieces: &[Piece], naming: &Naming<'_>) -> String {
        let mut text = String::new();
        for piece in pieces {
            match piece {
                Piece::Text(piece) => text.push_str(piece),
                Piece::Field(alternatives) => {
                    let value = alternatives.iter().find_map(|it| self.value(it, naming));
                    text.push_str(value.as_deref().unwrap_or(NO_VALUE));
                }
            }
        }
        text
    }

    /// The value of an alternative as it stands in a name; `None` if it has none.
    fn value(&self, alternative: &Alternative, naming: &Naming<'_>) -> Option<String> {
        let format = &alternative.format;
        let plain = |text: String| written(&TextValue { text, vr: None, rest: None }, format);
        let text = match &alternative.source {
            Source::Literal(text) => return Some(text.clone()),
            Source::Received => {
                let time = DateTime::<Local>::from(naming.requested);
                return match format {
                    Format::Time(parts) => Moment::of(time).format(parts),
                    _ => plain(time.format("%Y%m%d%H%M%S%3f").to_string()),
                };
            }
            Source::Calling => naming.peer.calling_ae.to_string(),
            Source::Called => naming.peer.called_ae.to_string(),
            Source::SopClass => naming::prefix(naming.sop_class).to_owned(),
            Source::Attribute { name: AttributeName::Public(Tag::SOP_INSTANCE_UID), .. } => {
                naming.sop_instance.to_string()
            }
            Source::Attribute { name: AttributeName::Public(Tag::SOP_CLASS_UID), .. } => {
                naming.sop_class.to_string()
            }
            Source::Attribute { name, vr } => {
                let noted = naming.attributes.noted_as(name)?;
                let declared = naming.attributes.specific_character_set();
                let is_blank = |set: &&[u8]| set.iter().all(|byte| matches!(byte, 0 | b' '));
                let character_set = declared
                    .filter(|set| !is_blank(set))
                    .or(naming.default_character_set.map(str::as_bytes));
                let value = first_value(&noted, *vr, character_set)?;
                return written(&value, format);
            }
        };
        plain(text.trim().to_owned())
    }
}

/// What stands for a field that has no value.
const NO_VALUE: &str = "unknown";

/// A value in its format, as it stands in a name; `None` if nothing is left.
fn written(value: &TextValue, format: &Format) -> Option<String> {
    let TextValue { text, vr, rest } = value;
    let written = match format {
        Format::Plain => portable::part(text, *rest),
        Format::Width(width) => portable::part(&padded(text, *width), *rest),
        Format::Cut(most) => portable::plain(portable::cut(text, *most)).0,
        Format::Time(parts) => return Moment::read(text, *vr)?.format(parts),
    };
    (!written.is_empty()).then_some(written)
}

/// The extension of a file, which ends the text of its name, and the pieces in front of that.
fn extension(pieces: &[Piece]) -> (&str, &[Piece]) {
    let Some((Piece::Text(text), before)) = pieces.split_last() else { return ("", pieces) };
    let extension = text.rfind('.').map_or("", |dot| &text[dot..]);
    let is_one = (2..=LONGEST_EXTENSION + 1).contains(&extension.len())
        && extension[1..].bytes().all(|byte| byte.is_ascii_alphanumeric());
    (if is_one { extension } else { "" }, before)
}

const LONGEST_EXTENSION: usize = 16;

impl RenderedPath {
    /// The names that the file may have, the best first: from the second on with a number.
    pub fn names(&self) -> impl Iterator<Item = FileName> {
        let Self { stem, extension, .. } = self;
        (1..=SAME_PATH_FILES).map_while(move |number| {
            FileName::new(match number {
                1 => format!("{stem}{extension}"),
                _ => format!("{stem}_{number}{extension}"),
            })
        })
    }
}
