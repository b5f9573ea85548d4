//! Tests that only what was negotiated is served, and that AE titles are checked: SOP classes, roles and
//! contexts of C-STORE (PS3.7 §9.1.1), AE titles, reasons of rejections.

use std::fs;

use interop::part10::Part10;
use interop::wire::{Answer, Client, Command, Context, Request, uid};
use interop::{Object, Program, Scratch, Server};

const NOT_SUPPORTED: u16 = 0x0122;
const PRIVATE: &str = "1.2.3.4.5";

/// If the SOP class was accepted on no context, the object is refused, nothing is stored, and the association
/// continues. On a context of another class, it is stored with a warning.
#[test]
fn a_sop_class_is_stored_only_if_it_was_accepted() {
    for (options, proposed, context, class, status) in [
        (&[][..], &[uid::CT][..], 1, uid::CT, 0),
        (&[], &[uid::CT], 1, uid::MR, NOT_SUPPORTED),
        (&[], &[uid::CT], 1, PRIVATE, NOT_SUPPORTED),
        (&[], &[uid::VERIFICATION], 1, uid::CT, NOT_SUPPORTED),
        (&[], &[uid::VERIFICATION], 1, uid::VERIFICATION, NOT_SUPPORTED),
        (&["+B"], &[uid::CT, PRIVATE], 1, PRIVATE, NOT_SUPPORTED),
        (&["--ignore"], &[uid::CT, PRIVATE], 1, PRIVATE, NOT_SUPPORTED),
        (&[], &[uid::CT, uid::MR], 1, uid::MR, 0),
        (&["+B"], &[uid::CT, uid::MR], 3, uid::CT, 0),
        (&[], &[uid::VERIFICATION, uid::CT], 1, uid::CT, 0),
        (&["-pm"], &[PRIVATE], 1, PRIVATE, 0),
        (&["-pm"], &[uid::CT, PRIVATE], 1, PRIVATE, 0),
        (&["-pm"], &[uid::CT], 1, PRIVATE, NOT_SUPPORTED),
        (&["-pm"], &[PRIVATE], 1, "1.2.3.4.50", NOT_SUPPORTED),
    ] {
        let server = Server::start(Program::Ours, options);
        let contexts = proposed.iter().zip([1, 3]);
        let contexts = contexts.map(|(class, id)| Context::new(id, class, &[uid::EVLE])).collect();
        let mut client = Client::associate(server.port(), &Request::new(contexts)).0;
        let object = Object::new(class, "2.25.1", 100_000);
        let what = format!("{options:?} {proposed:?} {class}");
        assert_eq!(client.store(context, &object).status(), status, "{what}");
        let files = if status == 0 && options != ["--ignore"] { 1 } else { 0 };
        assert_eq!(server.files().len(), files, "{what}");
        let is_its_own = proposed[usize::from(context) / 2] == class;
        let warned = server.stderr().contains(&format!("W: SOP class {class} was accepted on"));
        assert_eq!(warned, status == 0 && !is_its_own, "{what}: {}", server.stderr());
        let refused = server.stderr().contains("), status 0122H (SOP class not supported): ");
        assert_eq!(refused, status != 0, "{what}: {}", server.stderr());
        let object = Object::new(proposed[0], "2.25.2", 10);
        if proposed[0] != uid::VERIFICATION {
            assert_eq!(client.store(1, &object).status(), 0, "{what}: the association goes on");
        }
        assert_eq!(client.echo(1), 0, "{what}");
        client.release();
    }
}

/// A class that the profile does not contain, in each way of sending it; and a requestor that has the role of
/// an SCP only.
#[test]
fn what_a_profile_leaves_out_is_not_stored() {
    let profile = "\
[[TransferSyntaxes]]
[Plain]
TransferSyntax1 = ExplicitVRLittleEndian
[[PresentationContexts]]
[Some]
PresentationContext1 = VerificationSOPClass\\Plain
PresentationContext2 = MRImageStorage\\Plain
[[SCPSCURoleSelection]]
[Roles]
Role1 = MRImageStorage\\BOTH
[[Profiles]]
[Default]
PresentationContexts = Some
SCPSCURoleSelection = Roles
";
    let scratch = Scratch::new();
    let path = scratch.path().join("profile.cfg");
    fs::write(&path, profile).expect("a file");
    let server = Server::start(Program::Ours, &["-xf", path.to_str().expect("text"), "Default"]);
    for (roles, statuses) in [
        (None, [NOT_SUPPORTED, NOT_SUPPORTED, 0]),
        (Some([1, 1]), [NOT_SUPPORTED, NOT_SUPPORTED, 0]),
        (Some([0, 1]), [NOT_SUPPORTED, NOT_SUPPORTED, NOT_SUPPORTED]),
    ] {
        let mut request = Request::usual();
        if let Some(roles) = roles {
            let length = u16::try_from(uid::MR.len()).expect("a UID").to_be_bytes();
            let item = [&length[..], uid::MR.as_bytes(), &roles].concat();
            request.user_items.push((0x54, item));
        }
        let (mut client, accept) = Client::associate(server.port(), &request);
        assert_eq!([1, 3, 5].map(|id| accept.context(id).0), [0, 3, 0]);
        let before = server.files().len();
        let found = [(1, uid::CT), (5, uid::CT), (5, uid::MR)].map(|(context, class)| {
            client.store(context, &Object::new(class, "2.25.3", 10)).status()
        });
        assert_eq!(found, statuses, "{roles:?}");
        assert_eq!(server.files().len(), before.max(usize::from(statuses[2] == 0)));
        // A context that was not accepted does not exist.
        client.command(3, &Command::store(9, uid::CT, "2.25.4"));
        assert!(matches!(client.answer(), Answer::Abort(..)));
    }
}

/// AE titles that the standard forbids: Debian's program accepts all of them but blank ones, which it does not
/// answer. The file name contains the sender's title as with Debian's program.
#[test]
fn any_ae_titles_are_served() {
    let titles = [
        "SCANNER\u{7}",
        "\u{1b}(BSCANNER",
        "A\u{7f}",
        "A\nB\tC\r",
        "A\\B",
        "ABCDEFGHIJKLMNO\u{1}",
        "Ü $(reboot) `x`",
        "\0ABC",
        "A\0B",
        "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
        "",
        "\t",
    ];
    let server = Server::start(Program::Ours, &["-d"]);
    let debian = Server::start(Program::Debian, &[]);
    for (number, title) in titles.into_iter().enumerate() {
        for (called, calling) in [(title, "INTEROP"), ("STORESCP", title), (title, title)] {
            let request = Request {
                called: called.to_owned(),
                calling: calling.to_owned(),
                ..Request::usual()
            };
            let (mut client, accept) = Client::associate(server.port(), &request);
            let field = |title: &str| {
                let mut field = title.as_bytes().to_vec();
                field.resize(16, b' ');
                field
            };
            assert_eq!((accept.called, accept.calling), (field(called), field(calling)));
            let object = Object::new(uid::CT, &format!("2.25.{number}"), 10);
            assert_eq!(client.store(3, &object).status(), 0, "{title:?}");
            client.release();
            // A blank title and one that begins with NUL get no answer from Debian's program.
            if called == "STORESCP" && !title.is_empty() && !title.starts_with('\0') {
                let (mut client, _) = Client::associate(debian.port(), &request);
                assert_eq!(client.store(3, &object).status(), 0, "{title:?}");
                client.release();
                let sources = [&server, &debian].map(|server| {
                    let file = Part10::read(&server.directory().join(object.file_name()));
                    file.meta.get(&0x0016).cloned()
                });
                assert_eq!(sources[0], sources[1], "{title:?}");
            }
        }
    }
    let log = server.stderr();
    assert!(log.lines().all(|line| !line.contains(char::is_control)), "{log:?}");
}

/// Each rejection has the result, source and reason from PS3.8 Table 9-21.
#[test]
fn refusals_have_the_reasons_of_the_standard() {
    let usual = Request::usual();
    let many = (0..=255_u8).map(|id| Context::new(id, uid::CT, &[uid::EVLE])).collect();
    for (options, request, reason) in [
        (&["--refuse"][..], usual.clone(), (1, 1, 1)),
        (&["--reject"], Request { implementation_class: None, ..usual.clone() }, (1, 1, 1)),
        (&[], Request { application_context: None, ..usual.clone() }, (1, 1, 2)),
        (&[], Request { application_context: Some("1.2.3".into()), ..usual.clone() }, (1, 1, 2)),
        (&[], Request { version: 2, ..usual.clone() }, (1, 2, 2)),
        (&[], Request::new(Vec::new()), (1, 1, 1)),
        (&[], Request::new(many), (1, 3, 2)),
        (&["--min-free", "1T"], usual, (2, 3, 1)),
    ] {
        let server = Server::start(Program::Ours, options);
        let mut client = Client::connect(server.port());
        client.send(&request.encode());
        let expected = Answer::Reject(reason.0, reason.1, reason.2);
        assert_eq!(client.answer(), expected, "{options:?}");
    }
}
