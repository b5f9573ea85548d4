//! A-ASSOCIATE-RQ and A-ASSOCIATE-AC (PS3.8 §9.3.2, §9.3.3): read item by item, written whole.
//!
//! A request may be 1 MiB long. It is never held whole: one item at a time is gathered, and what is
//! kept of it is bounded (see [`limits`]).

use dataset::transfer_syntax::IMPLICIT_VR_LITTLE_ENDIAN;
use dataset::{TransferSyntax, Uid};

use super::item::{USER_INFORMATION, items, put_item};
use super::pdu::{A_ASSOCIATE_AC, A_ASSOCIATE_RQ, ASSOCIATE_FIXED_BYTES};
use super::proposal::{
    APPLICATION_CONTEXT_NAME, Acceptance, ContextAnswer, ContextResult, Proposal, ProposedContext,
};
use super::user_information::UserInformation;
use crate::ae_title::AeTitle;
use crate::context_id::ContextId;
use crate::error::PeerFault;
use crate::limits;

/// Item types.
const APPLICATION_CONTEXT: u8 = 0x10;
const PROPOSED_CONTEXT: u8 = 0x20;
const CONTEXT_ANSWER: u8 = 0x21;
const ABSTRACT_SYNTAX: u8 = 0x30;
const TRANSFER_SYNTAX: u8 = 0x40;

/// Bytes 7 to 74: protocol version, both AE titles, reserved bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FixedFields {
    /// Bit 0 set means version 1.
    pub(crate) protocol_version: u16,
    /// Called AE title, calling AE title, and 32 reserved bytes: an A-ASSOCIATE-AC repeats them byte
    /// for byte (PS3.8 §9.3.3).
    pub(crate) echoed: [u8; FixedFields::ECHOED_BYTES],
}

impl FixedFields {
    const ECHOED_BYTES: usize = 64;

    fn decode(bytes: &[u8; ASSOCIATE_FIXED_BYTES]) -> FixedFields {
        let mut echoed = [0; FixedFields::ECHOED_BYTES];
        echoed.copy_from_slice(&bytes[4..]);
        FixedFields { protocol_version: u16::from_be_bytes([bytes[0], bytes[1]]), echoed }
    }

    fn called_ae(&self) -> AeTitle {
        self.title_at(0)
    }

    fn calling_ae(&self) -> AeTitle {
        self.title_at(AeTitle::BYTES)
    }

    fn title_at(&self, start: usize) -> AeTitle {
        let mut field = [0; AeTitle::BYTES];
        field.copy_from_slice(&self.echoed[start..start + AeTitle::BYTES]);
        AeTitle::from_field(field)
    }
}

/// Reads one A-ASSOCIATE-RQ or -AC that arrives in any number of pieces.
///
/// Memory: the item being read, at most [`limits::ASSOCIATE_ITEM_BYTES`], and what was decoded so far.
#[derive(Debug)]
pub(crate) struct AssociateReader {
    pdu_type: u8,
    /// Bytes of the PDU after the current piece.
    rest: usize,
    piece: Piece,
    /// Bytes of the current piece that are still to arrive.
    missing: usize,
    /// Bytes of the current piece so far; empty if it arrives whole.
    gathered: Vec<u8>,
    fixed: FixedFields,
    application_context: Option<Uid>,
    proposed: Vec<ProposedContext>,
    contexts_over_limit: u32,
    answered: Vec<RawAnswer>,
    user_information: Option<UserInformation>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Piece {
    Fixed,
    ItemHeader,
    Item(u8),
    /// An item that is ignored, and therefore not gathered.
    Skipped,
}

/// A presentation context item of an A-ASSOCIATE-AC (PS3.8 §9.3.3.2).
#[derive(Clone, Copy, Debug)]
struct RawAnswer {
    id: ContextId,
    result: u8,
    transfer_syntax: Option<Uid>,
}

impl AssociateReader {
    /// `length` is the PDU's, already known to be at least [`ASSOCIATE_FIXED_BYTES`].
    pub(crate) fn new(pdu_type: u8, length: u32) -> AssociateReader {
        AssociateReader {
            pdu_type,
            rest: (length as usize).saturating_sub(ASSOCIATE_FIXED_BYTES),
            piece: Piece::Fixed,
            missing: ASSOCIATE_FIXED_BYTES,
            gathered: Vec::new(),
            fixed: FixedFields { protocol_version: 0, echoed: [0; FixedFields::ECHOED_BYTES] },
            application_context: None,
            proposed: Vec::new(),
            contexts_over_limit: 0,
            answered: Vec::new(),
            user_information: None,
        }
    }

    /// Consumes what belongs to the PDU; returns how many bytes, and whether the PDU is complete.
    ///
    /// # Errors
    /// [`PeerFault::ItemLength`] as soon as lengths contradict each other; the reader must not be
    /// used again.
    pub(crate) fn read(&mut self, input: &[u8]) -> Result<(usize, bool), PeerFault> {
        let mut at = 0;
        loop {
            let taken = self.missing.min(input.len() - at);
            let piece = &input[at..at + taken];
            at += taken;
            self.missing -= taken;
            if self.missing > 0 {
                if self.piece != Piece::Skipped && taken > 0 {
                    self.gathered.reserve_exact(taken + self.missing);
                    self.gathered.extend_from_slice(piece);
                }
                return Ok((at, false));
            }
            if self.gathered.is_empty() {
                self.complete(piece)?;
            } else {
                let mut gathered = std::mem::take(&mut self.gathered);
                gathered.extend_from_slice(piece);
                self.complete(&gathered)?;
            }
            if self.rest == 0 && self.missing == 0 {
                return Ok((at, true));
            }
        }
    }

    /// Decodes a complete piece and prepares for the next.
    fn complete(&mut self, piece: &[u8]) -> Result<(), PeerFault> {
        match self.piece {
            Piece::Fixed => {
                if let Some(bytes) = piece.first_chunk() {
                    self.fixed = FixedFields::decode(bytes);
                }
            }
            Piece::ItemHeader => {
                if let Some(&[item_type, _, high, low]) = piece.first_chunk() {
                    let length = usize::from(u16::from_be_bytes([high, low]));
                    return self.begin_item(item_type, length);
                }
            }
            Piece::Item(item_type) => self.item(item_type, piece)?,
            Piece::Skipped => {}
        }
        self.piece = Piece::ItemHeader;
        self.missing = 4.min(self.rest);
        self.rest -= self.missing;
        if (1..4).contains(&self.missing) {
            return Err(PeerFault::ItemLength { item_type: 0 });
        }
        Ok(())
    }

    fn begin_item(&mut self, item_type: u8, length: usize) -> Result<(), PeerFault> {
        if length > self.rest {
            return Err(PeerFault::ItemLength { item_type });
        }
        let wanted = match item_type {
            APPLICATION_CONTEXT => self.application_context.is_none(),
            PROPOSED_CONTEXT => self.pdu_type == A_ASSOCIATE_RQ,
            CONTEXT_ANSWER => self.pdu_type == A_ASSOCIATE_AC,
            USER_INFORMATION => self.user_information.is_none(),
            _ => false,
        };
        self.piece = if wanted { Piece::Item(item_type) } else { Piece::Skipped };
        self.missing = length;
        self.rest -= length;
        if length == 0 { self.complete(&[]) } else { Ok(()) }
    }

    fn item(&mut self, item_type: u8, value: &[u8]) -> Result<(), PeerFault> {
        match item_type {
            APPLICATION_CONTEXT => self.application_context = Uid::parse(value).ok(),
            PROPOSED_CONTEXT => self.proposed_context(value)?,
            CONTEXT_ANSWER => {
                let answer = decode_answer(value)?;
                let repeated = self.answered.iter().any(|known| known.id == answer.id);
                if !repeated && self.answered.len() < limits::PRESENTATION_CONTEXTS {
                    self.answered.push(answer);
                }
            }
            USER_INFORMATION => self.user_information = Some(UserInformation::decode(value)?),
            _ => {}
        }
        Ok(())
    }

    fn proposed_context(&mut self, value: &[u8]) -> Result<(), PeerFault> {
        let context = decode_proposed(value)?;
        if self.proposed.iter().any(|known| known.id == context.id) {
            return Ok(());
        }
        if self.proposed.len() < limits::PRESENTATION_CONTEXTS {
            self.proposed.push(context);
        } else {
            self.contexts_over_limit += 1;
        }
        Ok(())
    }

    /// Bytes of the PDU that are still to arrive.
    pub(crate) fn pdu_rest(&self) -> u32 {
        // The PDU's length is a 32-bit field.
        (self.rest + self.missing) as u32
    }

    /// The fields that an A-ASSOCIATE-AC repeats.
    pub(crate) fn fixed(&self) -> FixedFields {
        self.fixed
    }

    /// The content of a complete A-ASSOCIATE-RQ.
    pub(crate) fn into_proposal(self) -> Proposal {
        Proposal {
            called_ae: self.fixed.called_ae(),
            calling_ae: self.fixed.calling_ae(),
            application_context: self.application_context,
            contexts: self.proposed,
            contexts_over_limit: self.contexts_over_limit,
            user_information: self.user_information.unwrap_or_default(),
        }
    }

    /// The content of a complete A-ASSOCIATE-AC, for the contexts that were `proposed`. Answers to other
    /// contexts are dropped; a context without an answer counts as refused.
    pub(crate) fn into_acceptance(self, proposed: &[ProposedContext]) -> Acceptance {
        let contexts = proposed.iter().map(|context| {
            let answer = self.answered.iter().find(|answer| answer.id == context.id);
            let chosen = answer.and_then(|answer| answer.transfer_syntax);
            // Among those proposed, so that one that is known by its UID only is found too.
            let offered = chosen.and_then(|uid| {
                context.transfer_syntaxes.iter().find(|proposed| uid == proposed.uid()).copied()
            });
            let result = match answer.map(|answer| ContextResult::from_code(answer.result)) {
                Some(ContextResult::Acceptance) if offered.is_none() => {
                    ContextResult::TransferSyntaxesNotSupported
                }
                Some(result) => result,
                None => ContextResult::ProviderRejection,
            };
            ContextAnswer {
                id: context.id,
                abstract_syntax: context.abstract_syntax,
                result,
                transfer_syntax: offered.unwrap_or(IMPLICIT_VR_LITTLE_ENDIAN),
            }
        });
        Acceptance {
            contexts: contexts.collect(),
            user_information: self.user_information.unwrap_or_default(),
        }
    }
}

/// A presentation context item of an A-ASSOCIATE-RQ (PS3.8 §9.3.2.2).
fn decode_proposed(value: &[u8]) -> Result<ProposedContext, PeerFault> {
    let (id, sub_items) = context_header(value, PROPOSED_CONTEXT)?;
    let mut context = ProposedContext {
        id,
        abstract_syntax: None,
        transfer_syntaxes: Vec::new(),
        other_transfer_syntaxes: Vec::new(),
        other_transfer_syntax_count: 0,
    };
    for sub_item in items(sub_items, PROPOSED_CONTEXT) {
        let (item_type, value) = sub_item?;
        let uid = Uid::parse(value).ok();
        match item_type {
            ABSTRACT_SYNTAX => context.abstract_syntax = context.abstract_syntax.or(uid),
            TRANSFER_SYNTAX => context.add_transfer_syntax(uid),
            _ => {}
        }
    }
    context.transfer_syntaxes.shrink_to_fit();
    Ok(context)
}

fn decode_answer(value: &[u8]) -> Result<RawAnswer, PeerFault> {
    let (id, sub_items) = context_header(value, CONTEXT_ANSWER)?;
    let mut answer = RawAnswer { id, result: value[2], transfer_syntax: None };
    for sub_item in items(sub_items, CONTEXT_ANSWER) {
        if let (TRANSFER_SYNTAX, value) = sub_item? {
            answer.transfer_syntax = answer.transfer_syntax.or(Uid::parse(value).ok());
        }
    }
    Ok(answer)
}

/// Both kinds of presentation context item begin with the ID and three more bytes.
fn context_header(value: &[u8], item_type: u8) -> Result<(ContextId, &[u8]), PeerFault> {
    match value.split_first_chunk::<4>() {
        Some((&[id, ..], sub_items)) => Ok((ContextId(id), sub_items)),
        None => Err(PeerFault::ItemLength { item_type }),
    }
}

impl ProposedContext {
    /// Keeps a transfer syntax within the bounds; `None` stands for an invalid UID.
    fn add_transfer_syntax(&mut self, uid: Option<Uid>) {
        let known = uid.and_then(|uid| TransferSyntax::find(&uid));
        if let Some(known) = known {
            if !self.transfer_syntaxes.contains(&known) {
                self.transfer_syntaxes.push(known);
            }
            return;
        }
        self.other_transfer_syntax_count += 1;
        if self.other_transfer_syntaxes.len() < limits::OTHER_TRANSFER_SYNTAXES {
            self.other_transfer_syntaxes.extend(uid);
        }
    }
}

impl Proposal {
    /// The A-ASSOCIATE-RQ PDU.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut echoed = [0; FixedFields::ECHOED_BYTES];
        echoed[..AeTitle::BYTES].copy_from_slice(&self.called_ae.field());
        echoed[AeTitle::BYTES..2 * AeTitle::BYTES].copy_from_slice(&self.calling_ae.field());
        let mut out = begin_pdu(A_ASSOCIATE_RQ, &echoed);
        if let Some(name) = &self.application_context {
            append_item(&mut out, APPLICATION_CONTEXT, name.as_bytes());
        }
        for context in &self.contexts {
            let mut value = vec![context.id.0, 0, 0, 0];
            if let Some(uid) = &context.abstract_syntax {
                put_item(&mut value, ABSTRACT_SYNTAX, &[uid.as_bytes()]);
            }
            for transfer_syntax in &context.transfer_syntaxes {
                put_item(&mut value, TRANSFER_SYNTAX, &[transfer_syntax.uid().as_bytes()]);
            }
            for uid in &context.other_transfer_syntaxes {
                put_item(&mut value, TRANSFER_SYNTAX, &[uid.as_bytes()]);
            }
            append_item(&mut out, PROPOSED_CONTEXT, &value);
        }
        append_item(&mut out, USER_INFORMATION, &self.user_information.encode());
        end_pdu(out)
    }
}

impl Acceptance {
    /// The A-ASSOCIATE-AC PDU that answers a request with these fixed fields.
    pub(crate) fn encode(&self, request: &FixedFields) -> Vec<u8> {
        let mut out = begin_pdu(A_ASSOCIATE_AC, &request.echoed);
        append_item(&mut out, APPLICATION_CONTEXT, APPLICATION_CONTEXT_NAME.as_bytes());
        for context in &self.contexts {
            let mut value = vec![context.id.0, 0, context.result.code(), 0];
            put_item(&mut value, TRANSFER_SYNTAX, &[context.transfer_syntax.uid().as_bytes()]);
            append_item(&mut out, CONTEXT_ANSWER, &value);
        }
        append_item(&mut out, USER_INFORMATION, &self.user_information.encode());
        end_pdu(out)
    }
}

fn begin_pdu(pdu_type: u8, echoed: &[u8; FixedFields::ECHOED_BYTES]) -> Vec<u8> {
    const PROTOCOL_VERSION: [u8; 2] = [0, 1];
    let mut out = vec![pdu_type, 0, 0, 0, 0, 0];
    out.extend(PROTOCOL_VERSION);
    out.extend([0, 0]);
    out.extend(echoed);
    out
}

/// `value` was filled by [`put_item`], which keeps it within 16 bits, or is a UID.
fn append_item(out: &mut Vec<u8>, item_type: u8, value: &[u8]) {
    let length = u16::try_from(value.len()).unwrap_or(u16::MAX);
    out.extend([item_type, 0]);
    out.extend(length.to_be_bytes());
    out.extend_from_slice(&value[..usize::from(length)]);
}

fn end_pdu(mut out: Vec<u8>) -> Vec<u8> {
    let length = u32::try_from(out.len().saturating_sub(6)).unwrap_or(u32::MAX);
    if let Some(field) = out.get_mut(2..6) {
        field.copy_from_slice(&length.to_be_bytes());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A reader that was given the fixed part and then `items`, in two pieces cut at `cut`.
    fn reader_with(items: &[u8], cut: usize) -> AssociateReader {
        let length = ASSOCIATE_FIXED_BYTES + items.len() + 1000;
        let mut reader = AssociateReader::new(A_ASSOCIATE_RQ, length as u32);
        assert_eq!(reader.read(&[0; ASSOCIATE_FIXED_BYTES]), Ok((ASSOCIATE_FIXED_BYTES, false)));
        assert_eq!(reader.read(&items[..cut]), Ok((cut, false)));
        reader
    }

    fn item(item_type: u8) -> Vec<u8> {
        let mut item = Vec::new();
        append_item(&mut item, item_type, &[b'1'; 500]);
        item
    }

    #[test]
    fn an_item_is_gathered_once_and_in_no_more_room_than_it_needs() {
        let known = item(USER_INFORMATION);
        let reader = reader_with(&known, 4);
        assert_eq!(reader.gathered.capacity(), 0, "nothing of it has come");
        let mut reader = reader_with(&known, 5);
        assert_eq!((reader.gathered.len(), reader.gathered.capacity()), (1, 500));
        assert_eq!(reader.read(&known[5..100]), Ok((95, false)));
        assert_eq!((reader.gathered.len(), reader.gathered.capacity()), (96, 500));
    }

    #[test]
    fn an_item_that_nobody_looks_at_is_not_gathered() {
        let mut reader = reader_with(&item(0x99), 100);
        assert_eq!(reader.gathered.capacity(), 0);
        assert_eq!(reader.pdu_rest(), 1404);
        assert_eq!(reader.read(&item(0x99)[100..]), Ok((404, false)));
    }

    #[test]
    fn items_that_come_whole_are_not_copied() {
        let items = [item(0x10), item(0x99)].concat();
        let reader = reader_with(&items, items.len());
        assert_eq!(reader.gathered.capacity(), 0);
    }
    #[test]
    fn answers_are_bounded_and_the_first_to_an_id_counts() {
        let answers: Vec<Vec<u8>> = (0..=255_u8)
            .flat_map(|id| [[id, 0, 0, 0], [id, 0, 4, 0]])
            .map(|value| {
                let mut item = Vec::new();
                append_item(&mut item, CONTEXT_ANSWER, &value);
                item
            })
            .collect();
        let answers = answers.concat();
        let length = ASSOCIATE_FIXED_BYTES + answers.len();
        let mut reader = AssociateReader::new(A_ASSOCIATE_AC, length as u32);
        let pdu = [vec![0; ASSOCIATE_FIXED_BYTES], answers].concat();
        assert_eq!(reader.read(&pdu), Ok((length, true)));
        assert_eq!(reader.answered.len(), limits::PRESENTATION_CONTEXTS);
        assert!(reader.answered.iter().all(|answer| answer.result == 0));
    }
}
