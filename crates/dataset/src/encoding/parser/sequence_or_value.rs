//! Elements that are sequences by their tag but may be values, and the reverse.

use std::sync::Arc;

use super::frames::Kind;
use super::{Parser, State};
use crate::encoding::element::Encoding;
use crate::encoding::token::Token;
use crate::error::{Error, Fault};
use crate::registry::dictionary;
use crate::registry::transfer_syntax::IMPLICIT_VR_LITTLE_ENDIAN;
use crate::repairs::RepairKind;
use crate::tag::Tag;
use crate::vr::Vr;

impl Parser {
    /// Reads the first bytes of the last element, which is of VR `SQ`. If they are not an item, it is a value of
    /// unknown VR: older senders have text under tags that have become sequences.
    pub(super) fn sequence_or_value<'a>(
        &mut self,
        input: &mut &'a [u8],
        end: bool,
    ) -> Result<Option<Token<'a>>, Error> {
        let encoding = self.element.encoding;
        let wanted = TAG_BYTES.min(self.element.length as usize);
        let is_sequence = match input.get(..wanted) {
            Some(bytes) if self.lookahead_bytes == 0 => begins_sequence(bytes, encoding),
            _ => {
                while self.lookahead_bytes < wanted
                    && let Some((&byte, rest)) = input.split_first()
                {
                    self.lookahead[self.lookahead_bytes] = byte;
                    self.lookahead_bytes += 1;
                    *input = rest;
                }
                if self.lookahead_bytes < wanted && !end {
                    return Ok(None);
                }
                // If the data set ends here, it counts as a truncated sequence.
                self.lookahead_bytes < wanted
                    || begins_sequence(&self.lookahead[..wanted], encoding)
            }
        };
        self.state = State::Header;
        if is_sequence {
            return self.open(Kind::Sequence).map(Some);
        }
        self.element.vr = Vr::UN;
        if self.would_be_read_as_sequence() {
            return Err(self.malformed(Fault::NotASequence));
        }
        self.note_repair(RepairKind::NotASequence);
        Ok(Some(self.begin_value(input)))
    }

    /// Whether the output is in implicit VR, where a reader would take this value for a sequence
    /// because of its tag. Tags that most readers do not know as sequences yet are accepted if the data
    /// set was received in implicit VR.
    pub(super) fn would_be_read_as_sequence(&mut self) -> bool {
        let as_received = !self.frames.data_set().encoding.explicit_vr;
        self.implicit_output
            && self.element.length > 0
            && self.resolver.is_sequence(self.element.tag)
            && !(as_received && dictionary::is_sequence_since_2022(self.element.tag))
    }

    /// Whether the output is in implicit VR, where a reader would take this sequence for a value
    /// because of its tag. If the data set was received in implicit VR, it is a sequence only because
    /// its tag says so.
    pub(super) fn would_be_read_as_value(&mut self, tag: Tag) -> bool {
        let as_received = !self.frames.data_set().encoding.explicit_vr;
        self.implicit_output && !as_received && self.resolver.is_value(tag)
    }

    /// Starts a check that the value, which a reader would take for a sequence, is one.
    pub(super) fn check_as_sequence(&mut self) -> Result<(), Error> {
        if self.element.vr != Vr::UN {
            return Err(self.malformed(Fault::NotASequence));
        }
        let mut check = Parser::new(
            IMPLICIT_VR_LITTLE_ENDIAN,
            false,
            false,
            Arc::clone(self.resolver.dictionary()),
        );
        check.push(Kind::Sequence, Encoding::IMPLICIT, self.element.tag, self.element.length)?;
        self.sequence_check = Some(Box::new(check));
        Ok(())
    }

    /// Parses the next piece of a value that has to be a sequence.
    pub(super) fn continue_sequence_check(
        &mut self,
        mut bytes: &[u8],
        last: bool,
    ) -> Result<(), Error> {
        let Some(check) = &mut self.sequence_check else {
            return Ok(());
        };
        loop {
            match check.next(&mut bytes, last) {
                Ok(Some(Token::End)) => break,
                Ok(Some(_)) => {}
                Ok(None) => return Ok(()),
                Err(_) => return Err(self.not_a_sequence()),
            }
        }
        // Other readers do not accept these.
        let repaired = |kind| check.repairs.count(kind) > 0;
        if [RepairKind::TrailingBytes, RepairKind::MissingEnd, RepairKind::NotASequence]
            .into_iter()
            .any(repaired)
        {
            return Err(self.not_a_sequence());
        }
        self.sequence_check = None;
        Ok(())
    }

    /// The error for the current value; the same wherever the value was cut into pieces.
    fn not_a_sequence(&mut self) -> Error {
        self.offset = self.header_end;
        self.malformed(Fault::NotASequence)
    }
}

/// Whether a sequence may begin with these bytes.
fn begins_sequence(bytes: &[u8], encoding: Encoding) -> bool {
    let &[a, b, c, d] = bytes else {
        return false;
    };
    let tag = Tag(encoding.u16([a, b]), encoding.u16([c, d]));
    matches!(tag, Tag::ITEM | Tag::SEQUENCE_DELIMITATION)
}

/// The size of a tag in bytes.
const TAG_BYTES: usize = 4;
