//! The line that names the SOP classes of which a peer can send nothing.

use crate::node::Node;
use crate::observer::{Refused, RefusedClass};
use crate::peer::Peer;
use crate::store::class_name;
use crate::treatment::Treatment;
use dataset::{TransferSyntax, Uid, sop_class};
use proto::{Acceptance, ContextAnswer, ContextId, ContextResult, Proposal, ProposedContext};
use std::collections::BTreeSet;
use tracing::warn;

/// Transfer syntaxes that are named of a class, and pieces of advice.
const NAMED: usize = 8;
/// How long the names of classes, with why they are refused, may get in one line, in bytes.
const NAMES_BYTES: usize = 3000;

/// Transfer syntaxes that were refused beside others of the same class that were accepted, which is nothing unusual
/// unless the peer then goes away.
///
/// Memory: no heap.
pub(super) struct RefusedSyntaxes {
    class: Uid,
    syntaxes: [Option<&'static TransferSyntax>; NAMED],
}

/// Names the classes that the peer can send nothing of: none of their presentation contexts was accepted. A context
/// that is refused beside an accepted one is nothing unusual. Tells the observer, and says what it advises.
pub(super) fn tell(
    node: &Node,
    peer: &Peer,
    treatment: &Treatment,
    proposal: &Proposal,
    acceptance: &Acceptance,
) {
    let refused = refused_classes(proposal, acceptance);
    if refused.is_empty() {
        return;
    }
    let advice =
        refused.iter().filter_map(|class| node.observer.class_refused(peer, treatment, class));
    let advice: Vec<String> =
        advice.collect::<BTreeSet<_>>().into_iter().rev().take(NAMED).collect();
    let (reason, advice) = (classes_and_reasons(&refused), advice.join("; "));
    let advice = (!advice.is_empty()).then_some(advice.as_str());
    let separator = if advice.is_some() { "; " } else { "" };
    warn!("refused presentation contexts: {reason}{separator}{}", advice.unwrap_or_default());
    node.observer.refused(&Refused::Classes { peer, reason: &reason, advice });
}

impl RefusedSyntaxes {
    /// `None` if there are none.
    pub(super) fn of(proposal: &Proposal, acceptance: &Acceptance) -> Option<Self> {
        let is_refused = |(answer, _): &(&ContextAnswer, &ProposedContext)| {
            answer.result == ContextResult::TransferSyntaxesNotSupported
                && is_accepted(acceptance, answer.abstract_syntax)
        };
        let contexts = acceptance.contexts.iter().zip(&proposal.contexts).filter(is_refused);
        let mut refused: Option<Self> = None;
        for (answer, context) in contexts {
            let Some(class) = answer.abstract_syntax else { continue };
            let refused = refused.get_or_insert(Self { class, syntaxes: [None; NAMED] });
            for &syntax in &context.transfer_syntaxes {
                refused.add(syntax);
            }
        }
        refused.filter(|it| it.syntaxes[0].is_some())
    }

    fn add(&mut self, syntax: &'static TransferSyntax) {
        let is_its = |it: &&mut Option<&'static TransferSyntax>| {
            it.is_none_or(|known| known.uid() == syntax.uid())
        };
        if let Some(place) = self.syntaxes.iter_mut().find(is_its) {
            *place = Some(syntax);
        }
    }

    /// `: refused transfer syntaxes: A, B; ADVICE`
    pub(super) fn describe(&self, node: &Node, peer: &Peer, treatment: &Treatment) -> String {
        let syntaxes: Vec<_> = self.syntaxes.iter().flatten().copied().collect();
        let names: Vec<&str> = syntaxes.iter().map(|it| -> &str { it.name() }).collect();
        let names = names.join(", ");
        let context = ProposedContext {
            id: ContextId(1),
            abstract_syntax: Some(self.class),
            transfer_syntaxes: syntaxes,
            other_transfer_syntaxes: Vec::new(),
            other_transfer_syntax_count: 0,
        };
        let refused = RefusedClass {
            abstract_syntax: Some(self.class),
            result: ContextResult::TransferSyntaxesNotSupported,
            contexts: vec![&context],
        };
        let advice = node.observer.syntaxes_refused(peer, treatment, &refused);
        let advice = advice.map(|advice| format!("; {advice}")).unwrap_or_default();
        format!(": refused transfer syntaxes: {names}{advice}")
    }
}

fn is_accepted(acceptance: &Acceptance, class: Option<Uid>) -> bool {
    let mut contexts = acceptance.contexts.iter();
    contexts.any(|it| it.abstract_syntax == class && it.result == ContextResult::Acceptance)
}

/// Each class once, in the order proposed.
fn refused_classes<'p>(proposal: &'p Proposal, acceptance: &Acceptance) -> Vec<RefusedClass<'p>> {
    let mut refused: Vec<RefusedClass<'p>> = Vec::new();
    for (answer, context) in acceptance.contexts.iter().zip(&proposal.contexts) {
        let abstract_syntax = answer.abstract_syntax;
        if is_accepted(acceptance, abstract_syntax) {
            continue;
        }
        let known = refused.iter().position(|it| it.abstract_syntax == abstract_syntax);
        let index = known.unwrap_or(refused.len());
        if known.is_none() {
            let contexts = Vec::new();
            refused.push(RefusedClass { abstract_syntax, result: answer.result, contexts });
        }
        refused[index].contexts.push(context);
    }
    refused
}

/// `A, B (abstract syntax not supported), C (role not supported) and 5 more`: the classes by why they are refused,
/// of each those first that a sender is most likely to miss.
fn classes_and_reasons(refused: &[RefusedClass<'_>]) -> String {
    let mut groups: Vec<(String, Vec<&RefusedClass<'_>>)> = Vec::new();
    for class in refused {
        let reason = reason(class);
        match groups.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, classes)) => classes.push(class),
            None => groups.push((reason, vec![class])),
        }
    }
    for (_, classes) in &mut groups {
        classes.sort_by_key(|class| rank(class));
    }
    groups.sort_by_key(|(_, classes)| classes.first().map(|class| rank(class)));
    let (mut text, mut named) = (String::new(), 0);
    for (reason, classes) in groups {
        let mut names = Vec::new();
        let mut length = text.len() + reason.len();
        for class in classes {
            let name = name(class);
            length += name.len() + 2;
            if length > NAMES_BYTES && named + names.len() > 0 {
                break;
            }
            names.push(name);
        }
        if !names.is_empty() {
            let comma = if named == 0 { "" } else { ", " };
            named += names.len();
            text += &format!("{comma}{} ({reason})", names.join(", "));
        }
    }
    match refused.len() - named {
        0 => text,
        more => format!("{text} and {more} more"),
    }
}

/// Images first, and of these CT and MR.
fn rank(class: &RefusedClass<'_>) -> u8 {
    let uid = class.abstract_syntax.as_ref();
    match uid.and_then(|uid| sop_class::find(uid.as_str())) {
        Some(class) if matches!(class.name, "CTImageStorage" | "MRImageStorage") => 0,
        Some(class) if class.name.contains("Image") => 1,
        Some(_) => 2,
        None => 3,
    }
}

fn name(class: &RefusedClass<'_>) -> String {
    let name = class.abstract_syntax.as_ref();
    name.map_or_else(|| "invalid UID".to_owned(), class_name)
}

fn reason(class: &RefusedClass<'_>) -> String {
    match class.result {
        ContextResult::AbstractSyntaxNotSupported => "abstract syntax not supported".to_owned(),
        ContextResult::UserRejection => "user rejection".to_owned(),
        ContextResult::TransferSyntaxesNotSupported => {
            let known = class.transfer_syntaxes().map(|syntax| -> &str { syntax.name() });
            let mut named: Vec<&str> = Vec::new();
            for syntax in known.chain(class.other_transfer_syntaxes().map(Uid::as_str)) {
                if named.len() < NAMED && !named.contains(&syntax) {
                    named.push(syntax);
                }
            }
            format!("transfer syntaxes not supported: {}", named.join(", "))
        }
        _ => "role not supported".to_owned(),
    }
}
