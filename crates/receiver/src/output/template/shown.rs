//! Which names the log may show.

use super::PathTemplate;
use super::field::{Component, Format, Piece, Source, TimePart};
use dataset::dictionary::EntryVr;
use dataset::{AttributeName, Tag, Vr, sop_class};

/// Groups whose dates and numbers are of an examination and not of a patient.
const SHOWN_GROUPS: [u16; 5] = [0x0008, 0x0018, 0x0020, 0x0028, 0x0054];

/// Modality.
const MODALITY: Tag = Tag(0x0008, 0x0060);

/// Modalities (PS3.3 §C.7.3.1.1.1) that are not prefixes of SOP classes as well.
const MODALITIES: [&str; 24] = [
    "AR", "AU", "BI", "BMD", "CR", "DG", "ES", "GM", "HD", "IO", "IVUS", "KO", "LS", "MG", "OCT",
    "OP", "OT", "PR", "PT", "PX", "RTIMAGE", "RTSTRUCT", "SM", "TG",
];

impl PathTemplate {
    /// What the log shows of a name at this level, from 0 on: the name, if it consists of UIDs, dates, numbers and
    /// modalities, else what the template says there.
    pub(crate) fn shown<'a>(&'a self, level: usize, name: &'a str) -> &'a str {
        let Some(component) = self.components.get(level) else { return "<name>" };
        let says_nothing = component.pieces.iter().all(says_nothing_of_a_patient)
            && words(name).all(|word| is_known(word, component));
        if says_nothing { name } else { &component.text }
    }
}

fn says_nothing_of_a_patient(piece: &Piece) -> bool {
    let Piece::Field(alternatives) = piece else { return true };
    alternatives.iter().all(|alternative| match &alternative.source {
        Source::Literal(_) | Source::Received | Source::SopClass => true,
        // The log has titles anyway, but not with each path.
        Source::Calling | Source::Called => false,
        Source::Attribute { name: AttributeName::Public(tag), vr: Some(EntryVr::Exact(vr)) } => {
            let is_number = matches!(vr, Vr::IS | Vr::US | Vr::UL | Vr::SS | Vr::SL);
            let is_time = matches!(vr, Vr::DA | Vr::TM | Vr::DT);
            *vr == Vr::UI
                || *tag == MODALITY
                || SHOWN_GROUPS.contains(&tag.group()) && (is_number || is_time)
        }
        Source::Attribute { .. } => false,
    })
}

/// The parts of a name that are more than digits.
fn words(name: &str) -> impl Iterator<Item = &str> {
    let words = name.split(|letter: char| letter.is_ascii_digit() || "._-".contains(letter));
    words.filter(|word| !word.is_empty())
}

/// Whether a word is of the template, or one that any object may have.
fn is_known(word: &str, component: &Component) -> bool {
    let in_text = component.pieces.iter().any(|piece| match piece {
        Piece::Text(text) => words(text).any(|known| known == word),
        Piece::Field(alternatives) => alternatives.iter().any(|alternative| {
            let in_literal = match &alternative.source {
                Source::Literal(text) => words(text).any(|known| known == word),
                _ => false,
            };
            let in_format = match &alternative.format {
                Format::Time(parts) => {
                    word.chars().all(|letter| parts.contains(&TimePart::Text(letter)))
                }
                _ => false,
            };
            in_literal || in_format
        }),
    });
    in_text
        || word == "unknown"
        || MODALITIES.contains(&word)
        || sop_class::all().iter().any(|class| class.prefix == word)
}
