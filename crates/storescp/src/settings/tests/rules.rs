//! Rules as they are merged.

use super::*;
use crate::rules::{CertificateCondition, Decision, TreatmentSettings};
use dataset::TransferSyntax;
use proto::Rejection;
use receiver::{Duplicates, IfDifferent, NamedBy, Sorting};

fn accepted(rule: &crate::rules::Rule) -> &TreatmentSettings {
    match &rule.decision {
        Decision::Accept(settings) => settings,
        Decision::Refuse(rejection) => panic!("{}: {rejection}", rule.name),
    }
}

fn uids(settings: &TreatmentSettings) -> Vec<&'static str> {
    settings.negotiation.transfer_syntaxes.iter().map(|it| TransferSyntax::uid(it)).collect()
}

#[test]
fn conditions_are_as_typed() {
    let config = config(
        "default = 'refuse'\n[[rule]]\nname = 'a'\ncalling = ['CT*', ' MR1 ']\ncalled = 'STORE'\n\
         address = ['10.0.0.0/8', '::1']\nclass = ['CT', 'MRImageStorage', '1.2.3']\n\
         certificate = { subject = 'CN=x*', alternative-name = ['a', 'b'] }\n\
         [[rule]]\nrefuse = 'called-ae-title-not-recognized'\n",
    );
    assert!(config.refuses_others);
    let [first, second] = config.rules.as_slice() else { panic!("two rules") };
    assert_eq!((first.name.as_str(), second.name.as_str()), ("a", "rule 2"));
    let condition = &first.condition;
    assert_eq!(
        (&condition.calling[..], &condition.called[..]),
        (&["CT*".into(), "MR1".into()][..], &["STORE".into()][..])
    );
    let networks: Vec<String> = condition.addresses.iter().map(ToString::to_string).collect();
    assert_eq!(networks, ["10.0.0.0/8", "::1/128"]);
    let classes: Vec<&str> = condition.classes.iter().map(dataset::Uid::as_str).collect();
    assert_eq!(classes, ["1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.4", "1.2.3"]);
    let names = ["a", "b"].map(|name| CertificateCondition::AlternativeName(name.into()));
    assert_eq!(condition.certificates[0], CertificateCondition::Subject("CN=x*".into()));
    assert_eq!(condition.certificates[1..], names);
    assert!(matches!(second.decision, Decision::Refuse(Rejection::CALLED_AE_TITLE)));
    assert_eq!(
        config.warnings,
        [
            "settings.toml:8:15: rule.certificate never matches: there is no TLS, so no certificate is verified"
        ]
    );
}

#[test]
fn a_rule_that_never_decides_is_warned_of_by_the_service_too() {
    let config = config("[[rule]]\nname = 'all'\n[[rule]]\nname = 'ct'\ncalling = 'CT1'\n");
    let told =
        "rule \"ct\" never decides: \"all\" in line 1 comes first and matches all that it matches";
    assert_eq!(config.warnings, [format!("settings.toml:3:1: {told}")]);
}

#[test]
fn what_a_rule_does_not_say_is_as_at_the_top() {
    let config = config(
        "directory = '/in'\nsort = 'study-uid'\nfile-extension = '.dcm'\ndimse-timeout = '9 s'\n\
         accept-classes = ['CT']\nlenient = ['mismatched-uids']\nnamed-by = 'command'\nduplicates = 'keep'\n\
         commands = { on-end-of-study = 'x', wait = true }\n\
         [[rule]]\n\
         [[rule]]\ndirectory = '/ct'\nsort = 'none'\nmax-associations = 3\nmax-pdu = 4096\nlenient = []\n\
         duplicates = 'keep-if-equal'\nif-different = 'reject'\ndefault-character-set = 'ISO_IR 100'\n\
         commands = { on-end-of-study = '', on-reception = 'y' }\n\
         accept-transfer-syntaxes = ['JPEG2000Lossless', '1.2.840.10008.1.2', 'uncompressed']\n\
         [[rule]]\nfile = '{PatientID}/{SOPInstanceUID}'\ncommands.on-end-of-study = ''\n\
         accept-classes = ['storage']\n",
    );
    let [same, other, path] = config.rules.as_slice() else { panic!("three rules") };
    let top = config.treatment();
    assert_eq!(format!("{:?}", accepted(same)), format!("{top:?}"));
    assert_eq!(top.leniency.mismatched_uids, Some(NamedBy::Command));
    let other = accepted(other);
    assert_eq!((other.output.directory.to_str(), &other.output.sorting), (Some("/ct"), &None));
    assert_eq!(other.output.file_naming.extension, ".dcm");
    assert_eq!((other.max_associations, other.negotiation.max_pdu_bytes), (Some(3), 4096));
    assert_eq!(other.timeouts.dimse, top.timeouts.dimse);
    assert_eq!(other.leniency.mismatched_uids, None);
    assert_eq!(other.leniency.default_character_set.as_deref(), Some("ISO_IR 100"));
    assert_eq!(other.output.duplicates, Duplicates::KeepIfEqual(IfDifferent::Reject));
    assert_eq!((&other.commands.on_end_of_study, other.commands.wait), (&None, true));
    assert_eq!(other.commands.on_reception.as_deref(), Some("y".as_ref()));
    let expected = [
        "1.2.840.10008.1.2.4.90",
        "1.2.840.10008.1.2",
        "1.2.840.10008.1.2.1",
        "1.2.840.10008.1.2.2",
    ];
    assert_eq!(uids(other), expected);
    assert_eq!(other.negotiation.classes.as_ref().map(Vec::len), Some(1));
    let path = accepted(path);
    assert_eq!((&path.output.sorting, path.output.file_naming.extension.as_str()), (&None, ""));
    assert_eq!(
        path.output.path.as_ref().map(receiver::PathTemplate::as_str),
        Some("{PatientID}/{SOPInstanceUID}")
    );
    assert_eq!(path.negotiation.classes, None);
    assert_eq!(top.output.sorting, Some(Sorting::ByStudyUid { prefix: String::new() }));
}

#[test]
fn what_excludes_each_other_replaces_what_was_so_further_up() {
    let config = config(
        "transfer-syntax = 'explicit-little'\ngroup-lengths = 'create'\npadding.file = 4\nfile = '{PatientID}'\n\
         [[rule]]\nbit-preserving = true\naccept-transfer-syntaxes = ['all']\n\
         [[rule]]\nsort = 'time'\nfile-format = 'data-set'\n\
         [[rule]]\nprofile = { file = '/p', name = 'x' }\n\
         [[rule]]\ntransfer-syntax = 'as-received'\naccept-transfer-syntaxes = ['RLELossless']\n",
    );
    let rules: Vec<_> = config.rules.iter().map(accepted).collect();
    let format = &rules[0].output.format;
    assert!(format.bit_preserving);
    assert_eq!(format.transfer_syntax, dataset::format::OutputTransferSyntax::AsReceived);
    assert_eq!(format.padding, dataset::format::Padding::default());
    assert_eq!(rules[1].output.path, None);
    assert_eq!(rules[1].output.format.padding, dataset::format::Padding::default());
    assert!(rules[2].negotiation.profile.is_some());
    assert_eq!(uids(rules[3]), ["1.2.840.10008.1.2.5"]);
}

#[test]
fn listed_classes_are_accepted_beside_verification() {
    let config = config("accept-classes = ['CT', '1.2.3']\naccept-unregistered-classes = true");
    let accepted = config.negotiation.policy().unwrap().abstract_syntaxes;
    let has = |uid: &str| accepted.find(&dataset::Uid::parse(uid.as_bytes()).unwrap()).is_some();
    assert!(
        has("1.2.840.10008.1.1")
            && has("1.2.840.10008.5.1.4.1.1.2")
            && has("1.2.3")
            && has("1.2.4")
    );
    assert!(!has("1.2.840.10008.5.1.4.1.1.4"));
}

#[test]
fn addresses_are_listened_on() {
    let listens = |text: &str| {
        let network = config(text).network;
        let addresses: Vec<String> = network.addresses.iter().map(ToString::to_string).collect();
        (network.port, addresses.join(" "))
    };
    assert_eq!(listens("listen = 104"), (104, String::new()));
    assert_eq!(listens("listen = [104]"), (104, String::new()));
    assert_eq!(listens("listen = '127.0.0.1:104'"), (104, "127.0.0.1:104".into()));
    assert_eq!(
        listens("listen = [104, '[::1]:105', 106]"),
        (104, "0.0.0.0:104 [::1]:105 0.0.0.0:106".into())
    );
    assert_eq!(listens("listen = [104, 105]\naddress-family = 'both'").1, "[::]:104 [::]:105");
}
