//! What an element header announces: a value, a sequence, Pixel Data, or an error.

use super::frames::Kind;
use super::{Parser, State};
use crate::encoding::element::{Encoding, RawHeader, UNDEFINED_LENGTH};
use crate::encoding::token::{Element, Token};
use crate::error::{Error, Fault};
use crate::repairs::RepairKind;
use crate::tag::Tag;
use crate::vr::Vr;

impl Parser {
    /// Interprets a header in the place of an element. `None` if the first bytes of its value have to
    /// be read first: [`sequence_or_value`](Self::sequence_or_value).
    // Called for each element, from one place.
    #[inline]
    pub(super) fn read_element<'a>(
        &mut self,
        header: RawHeader,
        input: &mut &'a [u8],
    ) -> Result<Option<Token<'a>>, Error> {
        let (kind, end) = (self.frames.innermost().kind, self.frames.innermost().end);
        match header.tag {
            Tag::ITEM_DELIMITATION if kind == Kind::Item => {
                return Ok(Some(self.close_delimited(&header)));
            }
            Tag::ITEM | Tag::ITEM_DELIMITATION | Tag::SEQUENCE_DELIMITATION => {
                return Err(self.malformed(Fault::UnexpectedDelimiter));
            }
            _ => {}
        }
        // A header may extend past the end of its item; a value may not.
        let room = end.and_then(|end| end.checked_sub(self.offset));
        let defined = header.length != UNDEFINED_LENGTH;
        if defined && room.is_some_and(|room| u64::from(header.length) > room) {
            return Err(self.malformed(Fault::LengthMismatch));
        }
        let encoding = self.frames.innermost().encoding;
        let Some((mut vr, encoding)) = self.resolver.resolve(&header, encoding) else {
            return Err(self.malformed(Fault::Vr));
        };
        self.note_vr(&header, vr);
        if kind == Kind::DataSet
            && header.tag.is_object_identifier()
            && !(vr.is_text() || matches!(vr, Vr::UN | Vr::SQ))
        {
            // Its bytes are compared and used in file names, so no reader may take them for numbers.
            vr = Vr::UI;
            self.note_repair(RepairKind::WrongVr);
        }
        self.element = Element { tag: header.tag, vr, length: header.length, encoding };
        if header.tag == Tag::PIXEL_DATA {
            // If it occurs twice, the first one counts.
            let innermost = self.frames.innermost_mut();
            let is_first = !std::mem::replace(&mut innermost.has_pixel_data, true);
            if !defined && matches!(vr, Vr::OB | Vr::OW) {
                if header.code == Some(Vr::OW.code()) {
                    self.note_repair(RepairKind::WrongVr);
                }
                self.element.vr = Vr::OB;
                return self.open(Kind::PixelSequence).map(Some);
            }
            if defined && self.encapsulated && kind == Kind::DataSet && is_first {
                return Err(self.malformed(Fault::NativePixelData));
            }
        }
        if vr == Vr::SQ && defined && header.length > 0 {
            self.state = State::SequenceOrValue;
            return Ok(None);
        }
        if vr == Vr::SQ || !defined {
            return self.open_sequence().map(Some);
        }
        self.open_value(&header, input).map(Some)
    }

    /// An element of VR `SQ`, or of undefined length.
    fn open_sequence(&mut self) -> Result<Token<'static>, Error> {
        if self.element.vr == Vr::UN {
            // PS3.5 §6.2.2: such a value is a sequence in implicit VR little endian.
            self.element.vr = Vr::SQ;
            self.element.encoding = Encoding::IMPLICIT;
        }
        if self.element.vr != Vr::SQ {
            return Err(self.malformed(Fault::UndefinedLength));
        }
        self.open(Kind::Sequence)
    }

    #[inline]
    fn open_value<'a>(
        &mut self,
        header: &RawHeader,
        input: &mut &'a [u8],
    ) -> Result<Token<'a>, Error> {
        // PS3.3 defines it as a sequence, and DCMTK refuses it as one long value.
        if header.tag == Tag::VOI_LUT_SEQUENCE
            && header.code.is_some_and(|code| code == *b"OB" || code == *b"OW")
        {
            return Err(self.malformed(Fault::Vr));
        }
        // In implicit VR, the VR came from the dictionary: if that is the standard's, it is a value.
        let may_be_sequence = header.code.is_some() || !self.resolver.knows_standard();
        if self.implicit_output && may_be_sequence && self.would_be_read_as_sequence() {
            self.check_as_sequence()?;
        }
        Ok(self.begin_value(input))
    }

    /// The value of the last element begins.
    #[inline]
    pub(super) fn begin_value<'a>(&mut self, input: &mut &'a [u8]) -> Token<'a> {
        self.resolver.begin(&self.element);
        Token::Element { value: self.whole_value(self.element.length, input) }
    }

    /// Notes a repair if the VR in the header is not one of the standard's.
    #[inline]
    fn note_vr(&mut self, header: &RawHeader, resolved: Vr) {
        let is_nonstandard = header.vr.is_none() && header.code.is_some();
        // A foreign element is omitted, which is noted elsewhere.
        if is_nonstandard && !header.tag.is_foreign() {
            let unknown = resolved == Vr::UN;
            self.note_repair(if unknown { RepairKind::UnknownVr } else { RepairKind::WrongVr });
        }
    }
}
