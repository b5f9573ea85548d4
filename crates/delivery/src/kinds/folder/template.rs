//! Where files go in the folder, by the fields of their event: `{studyInstanceUid}/{sopInstanceUid}.dcm`.

use crate::limits::{FOLDER_LEVELS, FOLDER_TEMPLATE_BYTES};
use crate::{event_field, is_event_field};
use serde_json::Value;
use std::fmt;
use storage::portable::{part, safe, split_extension};
use storage::{FileName, portable};

/// A path beneath a folder, with fields of an event's data in braces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FolderTemplate {
    components: Vec<Vec<Piece>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Field(String),
}

/// Why a text is no template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateFault {
    /// The byte at which it is wrong.
    pub offset: usize,
    /// What is wrong, and what to do.
    pub message: String,
}

impl fmt::Display for TemplateFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// The final name beneath the output directory, which may have folders of its own.
const FILE: &str = "file";

impl FolderTemplate {
    /// Reads a template: names with `/` between, fields in braces, `{{` and `}}` for a brace.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn parse(text: &str) -> Result<Self, TemplateFault> {
        let wrong = |offset, message: &str| TemplateFault { offset, message: message.to_owned() };
        if text.len() > FOLDER_TEMPLATE_BYTES {
            return Err(wrong(FOLDER_TEMPLATE_BYTES, "it is longer than 1024 bytes"));
        }
        let (mut components, mut offset) = (Vec::new(), 0);
        for component in text.split('/') {
            components.push(component_of(component, offset)?);
            offset += component.len() + 1;
        }
        if components.len() > FOLDER_LEVELS {
            return Err(wrong(0, "it has more than 16 levels"));
        }
        let is_varied = |pieces: &[Piece]| pieces.iter().any(|it| matches!(it, Piece::Field(_)));
        if !components.iter().any(|pieces| is_varied(pieces)) {
            return Err(wrong(
                0,
                "it has no field, so all files had one name: add {sopInstanceUid}",
            ));
        }
        Ok(Self { components })
    }

    /// The names for an event: those of folders, and last that of the file. Safe whatever the values are.
    pub(super) fn names(&self, event: &Value) -> Vec<FileName> {
        let mut names = Vec::new();
        let last = self.components.len() - 1;
        for (index, pieces) in self.components.iter().enumerate() {
            let file = event_field(event, FILE);
            match (pieces.as_slice(), file) {
                ([Piece::Field(field)], Some(file)) if field == FILE => {
                    let parts = file.split('/').filter(|name| !name.is_empty());
                    names.extend(parts.filter_map(|name| as_it_is(name).or_else(|| made(name))));
                }
                _ => names.extend(name(pieces, event, index == last)),
            }
        }
        names
    }
}

fn component_of(text: &str, offset: usize) -> Result<Vec<Piece>, TemplateFault> {
    let wrong = |at, message: String| TemplateFault { offset: offset + at, message };
    let (mut pieces, mut literal, mut at) = (Vec::new(), String::new(), 0);
    while let Some(letter) = text[at..].chars().next() {
        let rest = &text[at..];
        if rest.starts_with("{{") || rest.starts_with("}}") {
            literal.push(letter);
            at += 2;
        } else if letter == '{' {
            let Some(length) = rest.find('}') else {
                return Err(wrong(at, "} is missing".to_owned()));
            };
            let field = &rest[1..length];
            if !is_event_field(field) {
                return Err(wrong(
                    at + 1,
                    format!("no event has a field {field:?}: see docs/events.md"),
                ));
            }
            if !literal.is_empty() {
                pieces.push(Piece::Text(std::mem::take(&mut literal)));
            }
            pieces.push(Piece::Field(field.to_owned()));
            at += length + 1;
        } else if letter == '}' {
            return Err(wrong(at, "} has no {; a brace is written }}".to_owned()));
        } else if letter.is_control() || "\\:*?\"<>|".contains(letter) {
            return Err(wrong(at, format!("{letter:?} cannot be in a name")));
        } else {
            literal.push(letter);
            at += letter.len_utf8();
        }
    }
    if !literal.is_empty() {
        pieces.push(Piece::Text(literal));
    }
    if pieces.is_empty() {
        return Err(wrong(0, "a name is empty".to_owned()));
    }
    if text.starts_with(['.', '-', ' ']) || text.ends_with(['.', ' ']) {
        return Err(wrong(
            0,
            "a name must not begin with '.', '-' or a blank, or end with '.' or a blank".to_owned(),
        ));
    }
    Ok(pieces)
}

fn name(pieces: &[Piece], event: &Value, is_file: bool) -> Option<FileName> {
    let (mut text, mut extension) = (String::new(), "");
    for piece in pieces {
        match piece {
            Piece::Text(literal) => text.push_str(literal),
            Piece::Field(field) => {
                let value = event_field(event, field).unwrap_or_default();
                let value = value.trim_matches([' ', '\0']);
                text.push_str(if value.is_empty() { portable::UNKNOWN } else { "" });
                text.push_str(&part(value, None));
            }
        }
    }
    // An extension is what the template itself says, never a part of a UID.
    if let (true, Some(Piece::Text(literal))) = (is_file, pieces.last()) {
        extension = split_extension(literal).1;
        text.truncate(text.len() - extension.len());
    }
    FileName::new(safe(&text, extension))
}

/// A name of the output directory.
fn as_it_is(name: &str) -> Option<FileName> {
    let is_fine = name.len() <= storage::limits::PATH_COMPONENT_BYTES && !name.starts_with('.');
    FileName::new(name.to_owned()).filter(|_| is_fine)
}

fn made(name: &str) -> Option<FileName> {
    FileName::new(safe(&part(name, None), ""))
}
