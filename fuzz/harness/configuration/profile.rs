//! Any text, as a file of negotiation profiles (`--config-file`).
//!
//! The first line of the input names the profile. Checked: there is no panic; errors and warnings name a line;
//! the result is within bounds, can be negotiated, and is the same if it is written in a plain form and parsed
//! again.

use std::collections::HashSet;
use std::fmt::Write as _;

use dataset::Uid;
use proto::{
    AcceptorPolicy, AssociateResponse, ClassPolicy, ContextResult, Proposal, Roles, VersionName,
    negotiate,
};
use storescp::negotiation::profile::Profile;

use super::{check_line, one_further};

/// Runs one input.
pub fn run(data: &[u8]) {
    let data = String::from_utf8_lossy(data);
    let (name, text) = data.split_once('\n').unwrap_or((&data, ""));
    let moved = Profile::parse(&format!("#\n{text}"), name);
    let profile = match Profile::parse(text, name) {
        Ok(profile) => profile,
        Err(fault) => {
            let (message, moved) = (fault.to_string(), moved.expect_err("as before").to_string());
            // The line number is at the end.
            match message.rsplit_once(" (line ") {
                Some((what, number)) if number.ends_with(')') => {
                    let number = format!("line {number}");
                    check_line(&number, text);
                    assert_eq!(moved, format!("{what} ({}", one_further(&number)));
                }
                _ => assert_eq!(moved, message),
            }
            return;
        }
    };
    for warning in profile.warnings() {
        check_line(warning, text);
    }
    let moved = moved.expect("as before");
    assert_eq!(described(moved.classes()), described(profile.classes()));
    let warnings: Vec<_> = profile.warnings().iter().map(|it| all_further(it)).collect();
    assert_eq!(moved.warnings(), warnings);

    let classes = profile.classes();
    assert!(!classes.is_empty());
    let uids: HashSet<&str> = classes.iter().map(|(class, _)| class.as_str()).collect();
    assert_eq!(uids.len(), classes.len(), "each once");
    for (_, policy) in classes {
        assert!(!policy.transfer_syntaxes.is_empty());
        let extended = policy.extended_negotiation.as_deref();
        assert!(extended.is_none_or(|bytes| (1..=1024).contains(&bytes.len())));
    }
    let again = Profile::parse(&plainly(classes), "p").expect("it is in order");
    assert_eq!(described(again.classes()), described(classes));
    assert!(again.warnings().is_empty());
    can_be_negotiated(&profile);
}

/// The warning expected after one line is inserted before the text; some warnings name an earlier line as well.
fn all_further(warning: &str) -> String {
    let mut parts = warning.split("line ");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |all, part| all + &one_further(&format!("line {part}")))
}

type Described<'p> = Vec<(&'p str, Vec<&'static str>, String, Option<&'p [u8]>)>;

fn described(classes: &[(Uid, ClassPolicy)]) -> Described<'_> {
    let described = classes.iter().map(|(class, policy)| {
        let syntaxes = policy.transfer_syntaxes.iter().map(|syntax| syntax.uid()).collect();
        let extended = policy.extended_negotiation.as_deref();
        (class.as_str(), syntaxes, format!("{:?}", policy.roles), extended)
    });
    described.collect()
}

/// Writes an equivalent file, with a separate list for each class.
fn plainly(classes: &[(Uid, ClassPolicy)]) -> String {
    let (mut syntaxes, mut contexts) = (String::new(), String::new());
    let (mut roles, mut extended) = (String::new(), String::new());
    let mut extended_count = 0;
    for (index, (class, policy)) in classes.iter().enumerate() {
        let number = index + 1;
        let _ = writeln!(syntaxes, "[T{number}]");
        for (index, syntax) in policy.transfer_syntaxes.iter().enumerate() {
            let _ = writeln!(syntaxes, "TransferSyntax{} = {}", index + 1, syntax.uid());
        }
        let class = class.as_str();
        let _ = writeln!(contexts, "PresentationContext{number} = {class}\\T{number}");
        let role = match policy.roles {
            Roles::Scu => "SCU",
            Roles::Scp => "SCP",
            Roles::Both => "BOTH",
        };
        let _ = writeln!(roles, "Role{number} = {class}\\{role}");
        if let Some(bytes) = &policy.extended_negotiation {
            extended_count += 1;
            let _ = write!(extended, "ExtendedNegotiation{extended_count} = {class}\\");
            for byte in &**bytes {
                let _ = write!(extended, "{byte:02x}");
            }
            extended.push('\n');
        }
    }
    let named = if extended_count > 0 { "ExtendedNegotiation = E\n" } else { "" };
    format!(
        "[[TransferSyntaxes]]\n{syntaxes}[[PresentationContexts]]\n[C]\n{contexts}\
         [[SCPSCURoleSelection]]\n[R]\n{roles}[[ExtendedNegotiation]]\n[E]\n{extended}\
         [[Profiles]]\n[P]\nPresentationContexts = C\nSCPSCURoleSelection = R\n{named}"
    )
}

/// Checks that each class is accepted with the first of its transfer syntaxes.
fn can_be_negotiated(profile: &Profile) {
    let ae = |text: &str| text.parse().expect("an AE title");
    let mut proposal = Proposal::new(ae("REQUESTOR"), ae("ACCEPTOR"), 16384);
    for (class, policy) in profile.classes().iter().take(128) {
        let syntax = policy.transfer_syntaxes[0];
        proposal.propose(*class, &[syntax]);
        if syntax.is_unlisted() {
            let context = proposal.contexts.last_mut().expect("one was added");
            context.transfer_syntaxes.clear();
            context.other_transfer_syntaxes = vec![syntax.uid().parse().expect("a UID")];
            context.other_transfer_syntax_count = 1;
        }
    }
    let policy = AcceptorPolicy {
        max_pdu_bytes: 16384,
        implementation_class_uid: "2.25.1".parse().expect("a UID"),
        implementation_version_name: VersionName::parse(b"FUZZ").expect("a name"),
        refuse: false,
        require_implementation_class_uid: false,
        abstract_syntaxes: profile.abstract_syntaxes(),
        user_identity_response: None,
    };
    let AssociateResponse::Accept(acceptance) = negotiate(&proposal, &policy) else {
        panic!("rejected")
    };
    for (context, (class, policy)) in acceptance.contexts.iter().zip(profile.classes()) {
        // No role is proposed here, so classes that accept only requestors that are SCPs are refused.
        let accepted = context.result == ContextResult::Acceptance;
        assert!(accepted || policy.roles == Roles::Scp, "{context:?}");
        assert_eq!(context.abstract_syntax, Some(*class));
    }
}
