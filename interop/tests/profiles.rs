//! Tests negotiation profiles (`--config-file`): the files that DCMTK ships and documents, compared with
//! Debian's program, and our improvements.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use interop::process::{eventually, run};
use interop::wire::{Accept, Client, Context, Request, uid};
use interop::{Object, Program, Scratch, Server, StartFailure, both, part10::Part10, peers};

const SHIPPED: &str = "/etc/dcmtk/storescp.cfg";

/// A file with one profile that uses every feature.
const PROFILE: &str = r"# All kinds of lists
[[TransferSyntaxes]]
[Any]
TransferSyntax1 = JPEGBaseline
TransferSyntax2 = LocalEndianExplicit
TransferSyntax3 = 1.2.840.10008.1.2
[Implicit]
TransferSyntax1 = =LittleEndianImplicit
[[PresentationContexts]]
[ Mixed Case ]
PresentationContext1 = VerificationSOPClass\Implicit
PresentationContext2 = CTImageStorage\Any
PresentationContext3 = 1.2.840.10008.5.1.4.1.1.4\any
PresentationContext4 = 1.2.3.4.5.6\Implicit
PresentationContext5 = FINDStudyRootQueryRetrieveInformationModel\Implicit
[[SCPSCURoleSelection]]
[Roles]
Role1 = CTImageStorage\BOTH
Role2 = MRImageStorage\SCP
[[ExtendedNegotiation]]
[Information]
ExtendedNegotiation1 = CTImageStorage\020100FF
[[Profiles]]
[My Profile]
PresentationContexts = mixedcase
SCPSCURoleSelection = Roles
ExtendedNegotiation = Information
";

/// Every SOP class that pydicom knows, with every transfer syntax, under every profile.
#[test]
fn the_shipped_profiles_negotiate_as_with_debian() {
    let classes = sop_classes();
    for profile in ["Default", "AllDICOM", " all dicom "] {
        let [ours, theirs] = both(&["-xf", SHIPPED, profile], |server| {
            let all = best_syntaxes(server, &classes, &transfer_syntaxes());
            let orders = ["1.2.840.10008.1.1", uid::CT, "1.2.840.10008.5.1.4.1.1.88.11"]
                .map(|class| order(server, class));
            (all, orders)
        });
        assert_eq!(ours.0, theirs.0, "{profile}");
        assert_eq!(ours.1, theirs.1, "{profile}");
        assert!(ours.0.values().filter(|it| it.0 == 0).count() > 100, "{profile} accepts little");
        assert_eq!(ours.1.map(|order| order.len()), [3, 21, 4], "{profile}");
    }
}

#[test]
fn roles_and_extended_negotiation_are_answered_as_with_debian() {
    let scratch = Scratch::new();
    let file = write(&scratch, PROFILE);
    let classes = ["1.2.840.10008.1.1", uid::CT, uid::MR, "1.2.3.4.5.6", uid::FIND, "1.2.3.4.5.7"];
    let contexts: Vec<Context> = classes
        .iter()
        .zip((1..).step_by(2))
        .map(|(class, id)| Context::new(id, class, &[uid::EVLE, uid::IVLE]))
        .collect();
    let [ours, theirs] = both(&["-xf", &file, "MYPROFILE"], |server| {
        // The second class is proposed without roles, or with one that it may take.
        [None, Some([1, 0]), Some([0, 1]), Some([1, 1])].map(|ct| {
            let mut request = Request::new(contexts.clone());
            request.user_items.extend(ct.map(|roles| role(uid::CT, roles)));
            // The third class is for a peer that is an SCP.
            request.user_items.extend(ct.map(|_| role(uid::MR, [0, 1])));
            let (client, accept) = Client::associate(server.port(), &request);
            client.release();
            negotiated(&accept)
        })
    });
    assert_eq!(ours, theirs);
    let results = |accept: &Negotiated| accept.0.iter().map(|it| it.1).collect::<Vec<_>>();
    assert_eq!(results(&ours[0]), [0, 0, 2, 0, 0, 3]);
    assert_eq!(results(&ours[1]), [0, 0, 0, 0, 0, 3]);
    assert_eq!(ours[0].1.iter().filter(|(kind, _)| *kind == 0x56).count(), 1);
    assert_eq!(ours[1].1.iter().filter(|(kind, _)| *kind == 0x54).count(), 2);
}

/// The message equals Debian's, followed by the file and the line.
#[test]
fn faults_are_reported_as_by_debian_and_with_the_line() {
    let scratch = Scratch::new();
    for (old, new, line) in [
        ("[[TransferSyntaxes]]", "[[Nothing]]", None),
        ("[[PresentationContexts]]", "[[Nothing]]", None),
        ("[[Profiles]]", "[[Nothing]]", None),
        ("[My Profile]", "[Other]", None),
        ("= JPEGBaseline", "= JPEG", Some(4)),
        ("= JPEGBaseline", "=", Some(4)),
        ("TransferSyntax1 = JPEG", "TransferSyntax9 = JPEG", Some(3)),
        (r"VerificationSOPClass\Implicit", "VerificationSOPClass", Some(11)),
        ("VerificationSOPClass", "VerificationSOP", Some(11)),
        (r"Class\Implicit", r"Class\Missing One", Some(11)),
        ("PresentationContext1", "PresentationContext01", Some(10)),
        (r"CTImageStorage\BOTH", r"CTImageStorage", Some(18)),
        (r"\BOTH", r"\Neither", Some(18)),
        ("Role1 = CT", "Role1 = MR", Some(19)),
        ("Role1 = CTImageStorage", "Role1 = NuclearMedicineImageStorage", Some(26)),
        (r"CTImageStorage\02", r"CTImageStorage02", Some(22)),
        (r"\020100FF", r"\020100F", Some(22)),
        (r"\020100FF", r"\0201000G", Some(22)),
        (r"\020100FF", "\\02\nExtendedNegotiation2 = CTImageStorage\\03", Some(23)),
        ("= mixedcase", "= none", Some(25)),
        ("PresentationContexts = mixedcase", "", Some(24)),
        ("= Roles", "= none", Some(26)),
        ("= Information", "= none", Some(27)),
        (r"1.2.3.4.5.6\Implicit", r"CTImageStorage\Implicit", Some(14)),
    ] {
        assert!(PROFILE.contains(old), "{old}");
        let file = write(&scratch, &PROFILE.replacen(old, new, 1));
        let [ours, theirs] = both_refuse(&file, "My Profile");
        let place = line.map_or(format!(" ({file})\n"), |line| format!(" ({file}, line {line})\n"));
        let words = ours.strip_suffix(&place).unwrap_or_else(|| panic!("{new}: {ours}"));
        let theirs = theirs.trim_end_matches('\n');
        if theirs.ends_with("duplicate abstract syntaxes found") {
            assert!(words.starts_with(theirs), "{new}: {words}");
        } else {
            assert_eq!(words, theirs, "{new}");
        }
        assert!(words.starts_with("F: "), "{words}");
    }
    let [ours, theirs] = both_refuse("/nonexistent/file.cfg", "Default");
    assert_eq!(ours, theirs);
    // A profile for requestors.
    let [ours, theirs] = both_refuse("/etc/dcmtk/storescu.cfg", "Default");
    assert!(ours.starts_with(theirs.trim_end()), "{ours}{theirs}");
}

/// What Debian's program rejects or misinterprets: trailing blanks, indented lines and comments, comments after
/// section names, DICOM's own keywords, colons between bytes, lists of more than 128 classes.
#[test]
fn more_is_understood_than_by_debian() {
    let scratch = Scratch::new();
    let more: String =
        (6..=140).map(|n| format!("PresentationContext{n} = 1.2.3.4.{n}\\Any\n")).collect();
    let text = PROFILE
        .replace("JPEGBaseline\n", "JPEGBaseline8Bit \t\n  # nothing\n")
        .replace("VerificationSOPClass", "Verification")
        .replace("FINDStudyRoot", "StudyRoot")
        .replace("InformationModel\\", "InformationModelFind\\")
        .replace("[Implicit]", "  [Implicit] # a comment")
        .replace("02010", "02:01:0")
        .replace("0FF", "0:ff")
        .replace("[[SCPSCU", &format!("{more}[[SCPSCU"));
    let file = write(&scratch, &text);
    let refused = refusal(Program::Debian, &file, "MyProfile");
    assert!(refused.starts_with("F: cannot read config file: "), "{refused}");

    let server = Server::start(Program::Ours, &["-xf", &file, "MyProfile"]);
    let contexts = vec![
        Context::new(1, "1.2.840.10008.1.1", &[uid::IVLE]),
        Context::new(3, uid::CT, &[uid::IVLE, "1.2.840.10008.1.2.4.50"]),
        Context::new(5, uid::FIND, &[uid::IVLE]),
        Context::new(7, "1.2.3.4.140", &[uid::IVLE]),
    ];
    let (client, accept) = Client::associate(server.port(), &Request::new(contexts));
    client.release();
    assert_eq!(accept.context(1).0, 0);
    assert_eq!(accept.context(3), (0, "1.2.840.10008.1.2.4.50"));
    assert_eq!((accept.context(5).0, accept.context(7).0), (0, 0));
    let information = accept.user_item(0x56).expect("extended negotiation is answered");
    assert!(information.ends_with(&[2, 1, 0, 0xff]), "{information:02x?}");
}

#[test]
fn what_has_no_effect_is_warned_of() {
    let scratch = Scratch::new();
    let text = PROFILE.replace("PresentationContext4", "PresentationContext44");
    let text = text.replace("[Roles]", "lost\n[Roles]").replace("= Roles", "= Roles\nExtra = 1");
    let file = write(&scratch, &text);
    let server = Server::start(Program::Ours, &["-xf", &file, "MyProfile"]);
    let log = server.stderr();
    for (line, what) in [
        (14, "PRESENTATIONCONTEXT44 has no effect: PRESENTATIONCONTEXT4 is missing"),
        (15, "PRESENTATIONCONTEXT5 has no effect: PRESENTATIONCONTEXT4 is missing"),
        (17, "neither section nor entry"),
    ] {
        assert!(log.contains(&format!("W: {file}: line {line}: {what}\n")), "{what}:\n{log}");
    }
}

/// An unknown transfer syntax can be negotiated if a profile lists it; the data set is stored as received,
/// whatever the output options.
#[test]
fn a_listed_unknown_transfer_syntax_is_stored_bit_for_bit() {
    const UNKNOWN: &str = "1.2.3.4.5.6.7";
    let scratch = Scratch::new();
    let file = write(&scratch, &PROFILE.replace("= JPEGBaseline", &format!("= {UNKNOWN}")));
    let server = Server::start(Program::Ours, &["-xf", &file, "MyProfile", "-g", "+te"]);
    let contexts = vec![Context::new(1, uid::CT, &["1.2.3", UNKNOWN, uid::EVLE])];
    let (mut client, accept) = Client::associate(server.port(), &Request::new(contexts));
    assert_eq!(accept.context(1), (0, UNKNOWN));

    let plain = Object::ct(1000);
    assert_eq!(client.store(1, &plain).status(), 0);
    // It is kept even if it cannot be parsed as a data set.
    let mut nonsense = Object::ct(0);
    nonsense.bytes =
        (0..3000_u32).flat_map(|n| n.wrapping_mul(0x9E37_79B1).to_le_bytes()).collect();
    assert_eq!(client.store(1, &nonsense).status(), 0);
    client.release();
    for object in [plain, nonsense] {
        let stored = Part10::read(&server.directory().join(object.file_name()));
        assert_eq!(stored.transfer_syntax(), UNKNOWN);
        assert!(stored.data_set == object.bytes, "stored as it came");
    }
}

/// Dumps use DCMTK's names for SOP classes and transfer syntaxes.
#[test]
fn names_in_dumps_equal_debian() {
    let classes = sop_classes();
    let [ours, theirs] = both(&["-v", "+v"], |server| {
        for chunk in classes.chunks(100) {
            let contexts = chunk.iter().zip((1..=255).step_by(2));
            let contexts =
                contexts.map(|(class, id)| Context::new(id, class, &transfer_syntaxes()));
            let (client, _) = Client::associate(server.port(), &Request::new(contexts.collect()));
            client.release();
        }
        let ends = classes.len().div_ceil(100);
        let log = || server.stderr();
        eventually("all is logged", Duration::from_secs(30), || {
            log().matches("Association Release").count() == ends
        });
        let log = log();
        let (proposed, _) = log.rsplit_once("END A-ASSOCIATE-AC").expect("a dump");
        let named =
            |line: &&str| line.contains("Abstract Syntax: ") || line.starts_with("I:       ");
        proposed.lines().filter(named).map(str::to_owned).collect::<Vec<_>>()
    });
    assert_eq!(ours.len(), theirs.len());
    let mut names = 0;
    for (ours, theirs) in ours.iter().zip(&theirs) {
        // Debian's older version lacks some names, and has a different one for one of them.
        if theirs.contains('=') && !theirs.contains("=ImplantationPlanSRDocumentStorage") {
            assert_eq!(ours, theirs);
            names += 1;
        }
    }
    assert!(names > 400, "{names}");
}

/// All transfer syntaxes of the shipped profiles, and one that none contains.
fn transfer_syntaxes() -> Vec<&'static str> {
    [&uid::KNOWN_TO_DEBIAN[..], &["1.2.3.4.5"]].concat()
}

fn sop_classes() -> Vec<String> {
    let listed = run(&mut peers::python_script("sop_classes.py"), Duration::from_secs(30))
        .expect_success("SOP classes");
    let uids = listed.stdout.lines().filter_map(|line| line.split_once('\t'));
    let uids: Vec<String> = uids.map(|(uid, _)| uid.to_owned()).chain(["1.2.3.4".into()]).collect();
    assert!(uids.len() > 200);
    uids
}

/// The result for each proposed class, with the transfer syntax if it is accepted.
fn best_syntaxes(
    server: &Server,
    classes: &[String],
    syntaxes: &[&str],
) -> BTreeMap<String, (u8, String)> {
    let mut best = BTreeMap::new();
    for chunk in classes.chunks(100) {
        let contexts = chunk.iter().zip((1..=255).step_by(2));
        let contexts = contexts.map(|(class, id)| Context::new(id, class, syntaxes));
        let request = Request::new(contexts.collect());
        let (client, accept) = Client::associate(server.port(), &request);
        client.release();
        for context in &request.contexts {
            let (result, syntax) = accept.context(context.id);
            let syntax = if result == 0 { syntax } else { "" };
            best.insert(context.abstract_syntax.clone(), (result, syntax.to_owned()));
        }
    }
    best
}

/// The transfer syntaxes accepted for a class, most preferred first.
fn order(server: &Server, class: &str) -> Vec<String> {
    let mut left = transfer_syntaxes();
    let mut picked = Vec::new();
    loop {
        let best = best_syntaxes(server, &[class.to_owned()], &left);
        let (0, syntax) = &best[class] else { return picked };
        left.retain(|other| other != syntax);
        picked.push(syntax.clone());
    }
}

type Negotiated = (Vec<(u8, u8, String)>, Vec<(u8, Vec<u8>)>);

/// The content of an acceptance, without the implementation's identity.
fn negotiated(accept: &Accept) -> Negotiated {
    let contexts = accept.contexts.iter().map(|context| {
        let syntax = if context.result == 0 { &context.transfer_syntax[..] } else { "" };
        (context.id, context.result, syntax.to_owned())
    });
    let mut items: Vec<(u8, Vec<u8>)> =
        accept.user_items.iter().filter(|(kind, _)| matches!(kind, 0x54 | 0x56)).cloned().collect();
    items.sort();
    (contexts.collect(), items)
}

fn role(class: &str, roles: [u8; 2]) -> (u8, Vec<u8>) {
    let length = u16::try_from(class.len()).expect("a UID");
    (0x54, [&length.to_be_bytes()[..], class.as_bytes(), &roles].concat())
}

fn write(scratch: &Scratch, text: &str) -> String {
    let path: PathBuf = scratch.path().join("profiles.cfg");
    fs::write(&path, text).expect("a file of profiles");
    path.to_str().expect("UTF-8").to_owned()
}

fn both_refuse(file: &str, profile: &str) -> [String; 2] {
    [Program::Ours, Program::Debian].map(|program| refusal(program, file, profile))
}

/// What a receiver prints when it fails to start.
fn refusal(program: Program, file: &str, profile: &str) -> String {
    let started = Server::with(program, &["-xf", file, profile]).try_start();
    let StartFailure { status, stdout, stderr } =
        started.expect_err(&format!("{program:?} takes {}", Path::new(file).display()));
    assert_eq!(status.code(), Some(1));
    assert_eq!(stdout, "");
    stderr
}
