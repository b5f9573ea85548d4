//! What to do about a SOP class that was refused, for the log: the options or the keys of the settings file that would
//! have accepted it, as far as they go with those that were given.

use crate::negotiation::Negotiation;
use dataset::{Uid, sop_class, uid_names};
use receiver::{ContextResult, Refused, RefusedClass, Rejection};
use std::sync::Arc;

/// What is accepted, in the words of the settings file or, without one, of the command line.
pub(crate) struct Advisor {
    pub(crate) negotiation: Arc<Negotiation>,
    /// Whether an option gives the transfer syntax of files, which `--accept-all` excludes.
    pub(crate) rewrites: bool,
    /// Where the settings file decides it, such as `in rule "ct" of storescp.toml`; `None` without a file. What the file
    /// says wins over options, so options are no help then.
    pub(crate) place: Option<String>,
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
        if let Some(profile) = self.profile_in_words() {
            return format!("to accept other SOP classes, list them in {profile}");
        }
        match &self.place {
            Some(place) if is_storage => {
                format!("to accept other SOP classes, list them in accept-classes {place}")
            }
            Some(place) => format!(
                "to accept SOP classes that the standard does not register, set accept-unregistered-classes = true \
                 {place}"
            ),
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
        if let Some(place) = &self.place {
            let conflict =
                if self.rewrites { ", where transfer-syntax excludes compressed ones" } else { "" };
            return format!(
                "to accept other transfer syntaxes, list them in accept-transfer-syntaxes {place}{conflict}"
            );
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

/// What an operator can do about an association that the rules refuse, or about one past the limit of a rule; `None`
/// if the control plane knows as much.
pub(crate) fn refusal_hint(refused: &Refused<'_>) -> Option<String> {
    let Refused::Association { peer, rejection, .. } = refused else { return None };
    let (calling, called) = (peer.calling_ae.to_string(), peer.called_ae.to_string());
    let address = peer.address.to_canonical().to_string();
    Some(match *rejection {
        Rejection::CALLING_AE_TITLE => format!(
            "to let it in, put this before the rule that refuses it, or set default = \"accept\" if none names it: \
             [[rule]] calling = {calling:?}, or address = {address:?}"
        ),
        Rejection::CALLED_AE_TITLE => format!(
            "have the sender call a title that is served here, or put this before the rule that refuses it: \
             [[rule]] called = {called:?}"
        ),
        _ => return None,
    })
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
        advice_at(None, line, class, result, syntaxes)
    }

    /// Likewise, of a settings file that says it there.
    fn advice_at(
        place: Option<&str>,
        line: &str,
        class: &str,
        result: ContextResult,
        syntaxes: &[&str],
    ) -> Option<String> {
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
        let place = place.map(str::to_owned);
        Advisor { negotiation: Arc::new(config.negotiation), rewrites, place }.advice(&refused)
    }

    #[test]
    fn with_a_settings_file_its_keys_are_advised_and_no_options() {
        let class = ContextResult::AbstractSyntaxNotSupported;
        let syntaxes = ContextResult::TransferSyntaxesNotSupported;
        let cases = [
            ("104", MR, class, "list them in accept-classes in rule \"ct\" of s.toml"),
            (
                "104",
                PRIVATE,
                class,
                "set accept-unregistered-classes = true in rule \"ct\" of s.toml",
            ),
            ("104", MR, syntaxes, "list them in accept-transfer-syntaxes in rule \"ct\" of s.toml"),
            ("104 +te", MR, syntaxes, "of s.toml, where transfer-syntax excludes compressed ones"),
            ("104 -xf f.cfg Some", MR, syntaxes, "list them in profile 'Some' of f.cfg"),
        ];
        for (line, uid, result, expected) in cases {
            let place = Some("in rule \"ct\" of s.toml");
            let advice = advice_at(place, line, uid, result, &[JPEG]).unwrap();
            assert!(advice.ends_with(expected), "{line} {uid}: {advice}");
        }
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

    #[test]
    fn who_is_refused_by_a_rule_is_told_the_rule_that_lets_it_in() {
        let title = |text: &str| proto::AeTitle::parse(text.as_bytes()).unwrap();
        let peer = receiver::Peer {
            calling_ae: title("CT \"1\""),
            called_ae: title("PACS"),
            address: "::ffff:10.0.0.7".parse().unwrap(),
            ..receiver::Peer::default()
        };
        let hint =
            |rejection| refusal_hint(&Refused::Association { peer: &peer, rejection, reason: "" });
        let calling = hint(Rejection::CALLING_AE_TITLE).unwrap();
        assert!(
            calling.ends_with(r#"[[rule]] calling = "CT \"1\"", or address = "10.0.0.7""#),
            "{calling}"
        );
        assert!(hint(Rejection::CALLED_AE_TITLE).unwrap().ends_with(r#"called = "PACS""#));
        assert_eq!(hint(Rejection::NO_REASON_GIVEN), None);
    }
}
