//! The presentation contexts of an association (PS3.8 §9.3.2.2, §9.3.3.2), packed.

use crate::limits::CONTEXTS_BYTES;
use dataset::{TransferSyntax, Uid};
use proto::{Acceptance, ContextAnswer, ContextId, ContextResult, Proposal, ProposedContext};

/// For a transfer syntax that is not in the table.
const UNLISTED: u8 = u8::MAX;
const _: () = assert!(proto::limits::KNOWN_TRANSFER_SYNTAXES < UNLISTED as usize);

/// The presentation contexts that were proposed, each with its answer: as many as fit into
/// [`CONTEXTS_BYTES`], in the order proposed.
///
/// Memory: one block of up to [`CONTEXTS_BYTES`], mostly some 40 bytes for each context.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Contexts {
    packed: Box<[u8]>,
    /// How many did not fit.
    left_out: u16,
}

/// A presentation context with its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Context {
    pub(crate) id: u8,
    pub(crate) result: ContextResult,
    /// `None` if the peer named none.
    pub(crate) abstract_syntax: Option<Uid>,
    /// The accepted transfer syntax.
    pub(crate) accepted: Option<Uid>,
    /// The proposed transfer syntaxes.
    pub(crate) proposed: Vec<Uid>,
    /// How many others were proposed.
    pub(crate) others: u8,
}

impl Contexts {
    /// Those of an association.
    pub(crate) fn new(proposal: &Proposal, acceptance: &Acceptance) -> Self {
        let mut packed = Vec::with_capacity(64 * proposal.contexts.len().min(16));
        let mut left_out = u16::try_from(proposal.contexts_over_limit).unwrap_or(u16::MAX);
        for (context, answer) in proposal.contexts.iter().zip(&acceptance.contexts) {
            let before = packed.len();
            pack(&mut packed, context, answer);
            if packed.len() > CONTEXTS_BYTES {
                packed.truncate(before);
                left_out = left_out.saturating_add(1);
            }
        }
        Self { packed: packed.into_boxed_slice(), left_out }
    }

    /// How many are missing, since there was no room for them.
    pub(crate) fn left_out(&self) -> u16 {
        self.left_out
    }

    /// Each of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Context> {
        let mut rest = &*self.packed;
        std::iter::from_fn(move || unpack(&mut rest))
    }
}

fn pack(packed: &mut Vec<u8>, context: &ProposedContext, answer: &ContextAnswer) {
    let ContextId(id) = context.id;
    packed.extend([id, answer.result.code()]);
    pack_uid(packed, context.abstract_syntax.as_ref());
    let accepted = (answer.result == ContextResult::Acceptance).then_some(answer.transfer_syntax);
    match accepted.map(index_of) {
        None => packed.extend([UNLISTED, 0]),
        Some(Some(index)) => packed.push(index),
        Some(None) => {
            packed.push(UNLISTED);
            let uid = accepted.and_then(|it| Uid::parse(it.uid().as_bytes()).ok());
            pack_uid(packed, uid.as_ref());
        }
    }
    let known: Vec<u8> = context.transfer_syntaxes.iter().filter_map(|it| index_of(it)).collect();
    packed.push(count(known.len()));
    packed.extend(known);
    packed.push(count(context.other_transfer_syntaxes.len()));
    context.other_transfer_syntaxes.iter().for_each(|uid| pack_uid(packed, Some(uid)));
    let kept = context.other_transfer_syntaxes.len();
    packed.push(count((context.other_transfer_syntax_count as usize).saturating_sub(kept)));
}

fn unpack(rest: &mut &[u8]) -> Option<Context> {
    let (id, result) = (byte(rest)?, result_of(byte(rest)?));
    let abstract_syntax = unpack_uid(rest)?;
    let accepted = match byte(rest)? {
        UNLISTED => unpack_uid(rest)?,
        index => syntax_at(index),
    };
    let mut proposed = Vec::new();
    for _ in 0..byte(rest)? {
        proposed.extend(syntax_at(byte(rest)?));
    }
    for _ in 0..byte(rest)? {
        proposed.extend(unpack_uid(rest)?);
    }
    let others = byte(rest)?;
    Some(Context { id, result, abstract_syntax, accepted, proposed, others })
}

fn pack_uid(packed: &mut Vec<u8>, uid: Option<&Uid>) {
    let text = uid.map_or("", Uid::as_str);
    packed.push(count(text.len()));
    packed.extend(text.as_bytes());
}

/// The outer `None` is the end of what is packed.
fn unpack_uid(rest: &mut &[u8]) -> Option<Option<Uid>> {
    let length = usize::from(byte(rest)?);
    let (text, behind) = rest.split_at_checked(length)?;
    *rest = behind;
    Some(Uid::parse(text).ok())
}

fn byte(rest: &mut &[u8]) -> Option<u8> {
    let (&first, behind) = rest.split_first()?;
    *rest = behind;
    Some(first)
}

fn count(number: usize) -> u8 {
    u8::try_from(number).unwrap_or(u8::MAX)
}

fn index_of(syntax: &TransferSyntax) -> Option<u8> {
    let index = TransferSyntax::all().iter().position(|known| std::ptr::eq(known, syntax))?;
    u8::try_from(index).ok().filter(|&index| index != UNLISTED)
}

fn syntax_at(index: u8) -> Option<Uid> {
    let syntax = TransferSyntax::all().get(usize::from(index))?;
    Uid::parse(syntax.uid().as_bytes()).ok()
}

fn result_of(code: u8) -> ContextResult {
    match code {
        0 => ContextResult::Acceptance,
        1 => ContextResult::UserRejection,
        3 => ContextResult::AbstractSyntaxNotSupported,
        4 => ContextResult::TransferSyntaxesNotSupported,
        _ => ContextResult::ProviderRejection,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::monitor::testing;

    #[test]
    fn what_is_packed_comes_out_again() {
        let (proposal, acceptance) = testing::three_contexts();
        let contexts = Contexts::new(&proposal, &acceptance);
        let all: Vec<Context> = contexts.iter().collect();
        assert_eq!(all.len(), 3);
        for (context, (proposed, answer)) in
            all.iter().zip(proposal.contexts.iter().zip(&acceptance.contexts))
        {
            assert_eq!((context.id, context.result), (proposed.id.0, answer.result));
            assert_eq!(context.abstract_syntax, proposed.abstract_syntax);
            let known = proposed.transfer_syntaxes.iter().map(|it| it.uid().to_owned());
            let others = proposed.other_transfer_syntaxes.iter().map(ToString::to_string);
            let uids: Vec<_> = context.proposed.iter().map(ToString::to_string).collect();
            assert_eq!(uids, known.chain(others).collect::<Vec<_>>());
        }
        assert_eq!(all[0].accepted.unwrap().as_str(), acceptance.contexts[0].transfer_syntax.uid());
        assert_eq!(all[1].accepted, None);
        assert_eq!((all[2].others, contexts.left_out()), (6, 0));
    }

    #[test]
    fn no_proposal_takes_more_than_the_bound() {
        let (proposal, acceptance) = testing::as_large_as_can_be();
        let contexts = Contexts::new(&proposal, &acceptance);
        assert!(contexts.packed.len() <= CONTEXTS_BYTES);
        let kept = contexts.iter().count();
        assert!(kept > 20, "{kept}");
        assert_eq!(kept + usize::from(contexts.left_out()), 128 + 7);
        let (mut honest, acceptance) = testing::as_large_as_can_be();
        for context in &mut honest.contexts {
            context.transfer_syntaxes.truncate(30);
            context.other_transfer_syntaxes.clear();
        }
        honest.contexts_over_limit = 0;
        assert_eq!(Contexts::new(&honest, &acceptance).left_out(), 0);
    }

    #[test]
    fn every_known_transfer_syntax_has_its_place() {
        for syntax in TransferSyntax::all() {
            let index = index_of(syntax).unwrap();
            assert_eq!(syntax_at(index).unwrap().as_str(), syntax.uid());
        }
    }
}
