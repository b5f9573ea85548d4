//! What to do about a SOP class that was refused, for the log: the options that would have accepted it, as far as
//! they go with those that were given.

use crate::negotiation::Negotiation;
use dataset::{Uid, sop_class, uid_names};
use receiver::{ContextResult, Refused, RefusedClass, Rejection, Status};
use std::sync::Arc;

/// What is accepted, in the words of the command line.
pub(crate) struct Advisor {
    pub(crate) negotiation: Arc<Negotiation>,
    /// Whether an option gives the transfer syntax of files, which `--accept-all` excludes.
    pub(crate) rewrites: bool,
}

impl Advisor {
    /// What whoever runs the receiver can do about a refused class; `None` if nothing is known to help.
    pub(crate) fn advice(&self, refused: &RefusedClass<'_>) -> Option<String> {
        let class = refused.abstract_syntax.as_ref()?;
        match refused.result {
            ContextResult::AbstractSyntaxNotSupported => Some(self.about_class(class)),
            ContextResult::TransferSyntaxesNotSupported => {
                Some(self.about_transfer_syntaxes(refused))
            }
            ContextResult::ProviderRejection => Some(format!(
                "{} lets the peer be SCP only of some classes: give them another role there",
                self.profile_in_words()?
            )),
            _ => None,
        }
    }

    fn about_class(&self, class: &Uid) -> String {
        let is_storage = sop_class::find(class.as_str()).is_some();
        if !is_storage && sop_class::is_registered(class.as_str()) {
            let name = uid_names::name_of(class.as_str()).unwrap_or(class.as_str());
            let to_echo =
                self.profile_in_words().filter(|_| class.as_str() == sop_class::VERIFICATION);
            return match to_echo {
                Some(profile) => {
                    format!("{name} brings no objects: to answer C-ECHO, list it in {profile}")
                }
                None => format!("{name} brings no objects"),
            };
        }
        match self.profile_in_words() {
            Some(profile) => format!("to accept other SOP classes, list them in {profile}"),
            None => {
                "to accept SOP classes that the standard does not register, use --promiscuous (-pm)"
                    .to_owned()
            }
        }
    }

    fn about_transfer_syntaxes(&self, refused: &RefusedClass<'_>) -> String {
        if let Some(profile) = self.profile_in_words() {
            return format!("to accept other transfer syntaxes, list them in {profile}");
        }
        let is_in_accept_all = |proposed| self.negotiation.accept_all.contains(&proposed);
        if !refused.transfer_syntaxes().any(is_in_accept_all) {
            return "to accept transfer syntaxes that --accept-all does not know, list them in a profile \
                    (--config-file)"
                .to_owned();
        }
        let conflict = if self.rewrites {
            " and leave out the option for the transfer syntax of files (+t...)"
        } else {
            ""
        };
        format!("to accept compressed objects, use --accept-all (+xa){conflict}")
    }

    fn profile_in_words(&self) -> Option<String> {
        let profile = self.negotiation.profile.as_ref()?;
        Some(format!("profile '{}' of {}", profile.name, profile.file.display()))
    }
}

/// What an operator can do about a refusal, for the API; `None` if nothing is known to help.
pub(crate) fn refusal_hint(refused: &Refused<'_>) -> Option<String> {
    match refused {
        Refused::Connection { reason, .. } => connection_hint(reason).map(str::to_owned),
        Refused::Association { peer, rejection, .. } => association_hint(
            *rejection,
            &peer.calling_ae.to_string(),
            &peer.called_ae.to_string(),
            &peer.address.to_canonical().to_string(),
        ),
        Refused::Object { status, .. } => object_hint(*status).map(str::to_owned),
        _ => None,
    }
}

fn connection_hint(reason: &str) -> Option<&'static str> {
    if reason == "host access control" {
        return Some("allow the address in /etc/hosts.allow, or leave --access-control out");
    }
    if reason.contains("no shared cipher") {
        return Some("to accept older cipher suites, choose another TLS profile, or add suites");
    }
    if reason.contains("certificate") {
        return Some(
            "add the authority that issued the sender's certificate to the trusted ones, or have the sender use \
             a certificate of one that is",
        );
    }
    None
}

fn association_hint(
    rejection: Rejection,
    calling: &str,
    called: &str,
    address: &str,
) -> Option<String> {
    Some(match rejection {
        Rejection::CALLING_AE_TITLE => format!(
            "to let it in, put a rule with calling = [{calling:?}] (or address = [{address:?}]) before the one that \
             refuses it; if no rule names it, also default = \"accept\" does"
        ),
        Rejection::CALLED_AE_TITLE => format!(
            "have the sender call a title that is served here, or put a rule with called = [{called:?}] before the \
             one that refuses it"
        ),
        Rejection::LOCAL_LIMIT_EXCEEDED => {
            "if so many associations at a time are meant, raise the limit that was reached"
                .to_owned()
        }
        Rejection::TEMPORARY_CONGESTION => {
            "make room in the output directory, or lower min-free".to_owned()
        }
        _ => return None,
    })
}

fn object_hint(status: Status) -> Option<&'static str> {
    match status.0 {
        0xA700 => {
            Some("make room in the output directory, and check that files can be created there")
        }
        0xA900 => Some(
            "the data set is of another class or instance than its command says: to store it all the same, set \
             lenient = [\"mismatched-uids\"] in a rule for this sender",
        ),
        0x0111 => Some("the instance is stored already: to take it again, change duplicates"),
        0x0122 => Some(
            "the class was not negotiated: to store it all the same, set lenient = [\"classes-not-negotiated\"] in \
             a rule for this sender",
        ),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Action, parse};
    use dataset::TransferSyntax;
    use dataset::format::OutputTransferSyntax;
    use proto::{ContextId, ProposedContext};
    use std::ffi::OsString;

    const MR: &str = "1.2.840.10008.5.1.4.1.1.4";
    const FIND: &str = "1.2.840.10008.5.1.4.1.2.2.1";
    const JPEG: &str = "1.2.840.10008.1.2.4.70";
    /// Known by name, and not accepted by `--accept-all`.
    const RETIRED: &str = "1.2.840.10008.1.2.4.52";
    const PRIVATE: &str = "1.2.3.4";

    /// What is advised a receiver with these options for a class of which these transfer syntaxes are proposed.
    fn advice(line: &str, class: &str, result: ContextResult, syntaxes: &[&str]) -> Option<String> {
        let Action::Run(config) = parse(line.split(' ').map(OsString::from)) else {
            panic!("{line}")
        };
        let uid = |text: &&str| Uid::parse(text.as_bytes()).unwrap();
        let known = |text: &&str| TransferSyntax::find(text);
        let context = ProposedContext {
            id: ContextId(1),
            abstract_syntax: Some(uid(&class)),
            transfer_syntaxes: syntaxes.iter().filter_map(known).collect(),
            other_transfer_syntaxes: syntaxes
                .iter()
                .filter(|it| known(it).is_none())
                .map(uid)
                .collect(),
            other_transfer_syntax_count: 0,
        };
        let (abstract_syntax, contexts) = (context.abstract_syntax, vec![&context]);
        let refused = RefusedClass { abstract_syntax, result, contexts };
        let rewrites = config.output.format.transfer_syntax != OutputTransferSyntax::AsReceived;
        Advisor { negotiation: Arc::new(config.negotiation), rewrites }.advice(&refused)
    }

    #[test]
    fn what_is_advised_fits_the_options_that_are_given() {
        let class = ContextResult::AbstractSyntaxNotSupported;
        let syntaxes = ContextResult::TransferSyntaxesNotSupported;
        let cases: [(&str, &str, ContextResult, &[&str], &str); 10] = [
            ("104", PRIVATE, class, &[JPEG], "use --promiscuous (-pm)"),
            ("104", FIND, class, &[JPEG], "QueryRetrieveInformationModel brings no objects"),
            ("104 -pm", FIND, class, &[JPEG], "QueryRetrieveInformationModel brings no objects"),
            (
                "104 -xf f.cfg Some",
                sop_class::VERIFICATION,
                class,
                &[JPEG],
                "VerificationSOPClass brings no objects: to answer C-ECHO, list it in profile 'Some'",
            ),
            ("104 -xf f.cfg Some", MR, class, &[JPEG], "list them in profile 'Some' of f.cfg"),
            ("104", MR, syntaxes, &[PRIVATE, JPEG], "use --accept-all (+xa)"),
            ("104 +te", MR, syntaxes, &[JPEG], "(+xa) and leave out the option"),
            ("104", MR, syntaxes, &[RETIRED, PRIVATE], "list them in a profile"),
            ("104 +xa", MR, syntaxes, &[RETIRED], "list them in a profile"),
            ("104 -xf f.cfg Some", MR, syntaxes, &[JPEG], "list them in profile 'Some' of f.cfg"),
        ];
        for (line, uid, result, proposed, expected) in cases {
            let advice = advice(line, uid, result, proposed).unwrap_or_default();
            assert!(advice.contains(expected), "{line} {uid}: {advice}");
        }
        assert_eq!(advice("104", MR, ContextResult::UserRejection, &[JPEG]), None);
    }
}
