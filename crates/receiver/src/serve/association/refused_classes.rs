//! The line that names the SOP classes of which a peer can send nothing.

use crate::node::Node;
use crate::observer::RefusedClass;
use crate::peer::Peer;
use crate::store::class_name;
use dataset::Uid;
use proto::{Acceptance, ContextResult, Proposal};
use std::collections::BTreeSet;
use tracing::warn;

/// Refused classes that are named in one line, and transfer syntaxes that are named of each.
const NAMED: usize = 8;

/// Names the classes that the peer can send nothing of: none of their presentation contexts was accepted. A context
/// that is refused beside an accepted one is nothing unusual. Tells the observer, and says what it advises.
pub(super) fn tell(node: &Node, peer: &Peer, proposal: &Proposal, acceptance: &Acceptance) {
    let refused = refused_classes(proposal, acceptance);
    if refused.is_empty() {
        return;
    }
    let advice = refused.iter().filter_map(|class| node.observer.class_refused(peer, class));
    let advice: String =
        advice.collect::<BTreeSet<_>>().iter().map(|advice| format!("; {advice}")).collect();
    let more = match refused.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let named: Vec<String> = refused.iter().take(NAMED).map(class_and_reason).collect();
    warn!("refused presentation contexts: {}{more}{advice}", named.join(", "));
}

/// Each class once, in the order proposed.
fn refused_classes<'p>(proposal: &'p Proposal, acceptance: &Acceptance) -> Vec<RefusedClass<'p>> {
    let accepted = |class: Option<Uid>| {
        let mut contexts = acceptance.contexts.iter();
        contexts.any(|it| it.abstract_syntax == class && it.result == ContextResult::Acceptance)
    };
    let mut refused: Vec<RefusedClass<'p>> = Vec::new();
    for (answer, context) in acceptance.contexts.iter().zip(&proposal.contexts) {
        let abstract_syntax = answer.abstract_syntax;
        if accepted(abstract_syntax) {
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

fn class_and_reason(class: &RefusedClass<'_>) -> String {
    let name = class.abstract_syntax.as_ref();
    let name = name.map_or_else(|| "invalid UID".to_owned(), class_name);
    let why = match class.result {
        ContextResult::AbstractSyntaxNotSupported => "abstract syntax not supported",
        ContextResult::UserRejection => "user rejection",
        ContextResult::TransferSyntaxesNotSupported => {
            let known = class.transfer_syntaxes().map(|syntax| -> &str { syntax.name() });
            let mut named: Vec<&str> = Vec::new();
            for syntax in known.chain(class.other_transfer_syntaxes().map(Uid::as_str)) {
                if named.len() < NAMED && !named.contains(&syntax) {
                    named.push(syntax);
                }
            }
            return format!("{name} (transfer syntaxes not supported: {})", named.join(", "));
        }
        _ => "role not supported",
    };
    format!("{name} ({why})")
}
