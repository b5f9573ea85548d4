//! Tests association negotiation: which contexts are accepted and how, what is rejected, and the content of the
//! A-ASSOCIATE-AC (PS3.8 §7.1.1, PS3.7 Annex D).

use std::collections::BTreeSet;
use std::time::Duration;

use interop::process::run;
use interop::wire::{Answer, Client, Context, Request, uid};
use interop::{Object, Program, Server, both, peers};

/// All options that set the preferred transfer syntaxes.
const PREFERENCES: [&str; 23] = [
    "+x=", "+xe", "+xb", "+xs", "+xy", "+xx", "+xv", "+xw", "+xt", "+xu", "+xm", "+xh", "+xn",
    "+xl", "+x2", "+x3", "+xo", "+x4", "+x5", "+xr", "+xd", "+xi", "+xa",
];

#[test]
fn preferred_transfer_syntaxes_equal_debian() {
    for option in PREFERENCES {
        let [ours, theirs] = both(&[option], |server| ranking(server, &uid::KNOWN_TO_DEBIAN));
        assert_eq!(ours, theirs, "{option}");
    }
}

#[test]
fn default_transfer_syntaxes_equal_debian() {
    let [ours, theirs] = both(&[], |server| {
        let backwards: Vec<&str> = uid::KNOWN_TO_DEBIAN.iter().rev().copied().collect();
        (ranking(server, &uid::KNOWN_TO_DEBIAN), ranking(server, &backwards))
    });
    assert_eq!(ours, theirs);
    assert_eq!(ours.0, [uid::EVLE, uid::EVBE, uid::IVLE]);
    assert_eq!(ours.0, ours.1, "the proposer's order does not matter");
}

/// Debian's version is older and knows fewer transfer syntaxes.
#[test]
fn accept_all_takes_the_transfer_syntaxes_of_today() {
    let server = Server::start(Program::Ours, &["+xa"]);
    assert_eq!(ranking(&server, &uid::ACCEPT_ALL), uid::ACCEPT_ALL);
}

#[test]
fn the_last_preference_counts() {
    for options in [["+xs", "+xi"], ["+xi", "+xs"], ["+xa", "+xe"], ["+xe", "+xa"], ["+xb", "+x="]]
    {
        let [ours, theirs] = both(&options, |server| ranking(server, &uid::KNOWN_TO_DEBIAN));
        assert_eq!(ours, theirs, "{options:?}");
    }
}

/// All SOP classes that pydicom knows, and some unknown ones: those that Debian's program accepts are accepted.
/// Beyond that, we accept only storage classes that are newer than Debian's version.
#[test]
fn accepted_sop_classes_equal_debian() {
    accepted_sop_classes(&[], &[]);
}

#[test]
fn promiscuous_sop_classes_equal_debian() {
    // Registered since, so they are not unknown any more; today's DCMTK refuses them too.
    let registered_since = [
        "1.2.840.10008.5.1.4.1.1.201.2",
        "1.2.840.10008.5.1.4.1.1.201.3",
        "1.2.840.10008.5.1.4.1.1.201.4",
        "1.2.840.10008.5.1.4.1.1.201.5",
        "1.2.840.10008.5.1.4.1.1.201.6",
        "1.2.840.10008.5.1.4.38.4",
    ];
    accepted_sop_classes(&["-pm"], &registered_since);
}

/// The SOP classes listed in DCMTK's manual, including retired and draft ones.
#[test]
fn sop_classes_of_the_manual_are_accepted() {
    let server = Server::start(Program::Ours, &[]);
    let accepted = accepted(&server, &SOP_CLASSES_OF_THE_MANUAL.map(str::to_owned));
    assert_eq!(accepted, SOP_CLASSES_OF_THE_MANUAL.map(str::to_owned).into());
}

#[test]
fn contexts_are_answered_one_by_one_as_debian_does() {
    let request = Request::new(vec![
        Context::new(1, uid::CT, &[uid::IVLE, uid::EVLE]),
        Context::new(3, uid::CT, &[uid::JPEG_LOSSLESS]),
        Context::new(5, uid::FIND, &[uid::IVLE]),
        Context::new(7, uid::MR, &["1.2.3.4.5", uid::EVBE]),
        Context::new(255, uid::VERIFICATION, &[uid::IVLE]),
    ]);
    let [ours, theirs] = both(&[], |server| Client::associate(server.port(), &request).1);
    assert_eq!(ours.contexts, theirs.contexts);
    let results = ours.contexts.iter().map(|context| (context.id, context.result));
    assert_eq!(results.collect::<Vec<_>>(), [(1, 0), (3, 4), (5, 3), (7, 0), (255, 0)]);
}

/// The preferred transfer syntax for objects does not affect Verification. In Debian's program it does, for no
/// reason.
#[test]
fn verification_is_uncompressed_where_it_can_be() {
    for option in ["+xs", "+xa", "+xd", "+xr"] {
        let server = Server::start(Program::Ours, &[option]);
        let compressed = [uid::JPEG_LOSSLESS, uid::DEFLATED, "1.2.840.10008.1.2.5"];
        let both = [&compressed[..], &[uid::IVLE]].concat();
        let request = Request::new(vec![
            Context::new(1, uid::VERIFICATION, &both),
            Context::new(3, uid::VERIFICATION, &compressed),
            Context::new(5, uid::CT, &both),
        ]);
        let (client, accept) = Client::associate(server.port(), &request);
        client.release();
        assert_eq!(accept.context(1), (0, uid::IVLE), "{option}");
        assert!(compressed.contains(&accept.context(3).1), "{option}");
        assert!(compressed.contains(&accept.context(5).1), "{option}");
    }
}

/// Debian's program reports this at DEBUG only.
#[test]
fn refused_contexts_are_counted_in_the_log() {
    let server = Server::start(Program::Ours, &["-v"]);
    let (client, _) = Client::associate(
        server.port(),
        &Request::new(vec![
            Context::new(1, uid::CT, &[uid::IVLE]),
            Context::new(3, uid::CT, &[uid::JPEG_LOSSLESS]),
            Context::new(5, uid::FIND, &[uid::IVLE]),
            Context::new(7, uid::FIND, &[uid::EVLE]),
        ]),
    );
    client.release();
    server.wait_for_log(
        "W: refused presentation contexts: FINDStudyRootQueryRetrieveInformationModel (abstract \
         syntax not supported); FINDStudyRootQueryRetrieveInformationModel brings no objects (peer \
         INTEROP@127.0.0.1, association 1)\n",
    );
    server.wait_for_log(
        "I:     (refused presentation contexts: 2 for the abstract syntax, 1 for the transfer syntaxes \
         or the role) (peer INTEROP@127.0.0.1, association 1)\n",
    );
    server.wait_for_log("I: association ended: ");
    let (client, _) = Client::associate(server.port(), &Request::usual());
    client.release();
    server.wait_for_log("association 1)\nI: Association Received\nI: Association Acknowledged");
    assert_eq!(
        server.stderr().matches("refused presentation contexts").count(),
        2,
        "{}",
        server.stderr()
    );
}

#[test]
fn even_context_ids_are_answered_as_debian_does() {
    let request = Request::new(vec![
        Context::new(0, uid::CT, &[uid::IVLE]),
        Context::new(2, uid::CT, &[uid::EVLE]),
    ]);
    let [ours, theirs] = both(&[], |server| Client::associate(server.port(), &request).1);
    assert_eq!(ours.contexts, theirs.contexts);
}

/// The first definition applies. Debian's program mixes them.
#[test]
fn a_repeated_context_id_is_answered_once() {
    let request = Request::new(vec![
        Context::new(1, uid::CT, &[uid::IVLE]),
        Context::new(1, uid::MR, &[uid::EVBE]),
        Context::new(3, uid::CT, &[uid::EVLE]),
    ]);
    let server = Server::start(Program::Ours, &[]);
    let accept = Client::associate(server.port(), &request).1;
    assert_eq!(accept.contexts.len(), 2);
    assert_eq!(accept.context(1), (0, uid::IVLE));
    assert_eq!(accept.context(3), (0, uid::EVLE));
}

#[test]
fn an_association_without_accepted_contexts_is_accepted() {
    let request = Request::new(vec![Context::new(1, uid::FIND, &[uid::IVLE])]);
    let [ours, theirs] = both(&["-v"], |server| {
        let (client, accept) = Client::associate(server.port(), &request);
        client.release();
        server.wait_for_log("no valid presentation contexts");
        accept.contexts
    });
    assert_eq!(ours, theirs);
    assert_eq!(ours[0].result, 3);
}

#[test]
fn rejections_equal_debian() {
    let good = Request::usual();
    let version = Request { version: 2, ..good.clone() };
    let no_application = Request { application_context: None, ..good.clone() };
    let bad_application =
        Request { application_context: Some("1.2.840.10008.3.1.1.2".to_owned()), ..good.clone() };
    let anonymous = Request { implementation_class: None, ..good.clone() };
    for program in [Program::Debian, Program::Ours] {
        let answer = |options: &[&str], request: &Request| {
            first_answer(&Server::start(program, options), request)
        };
        let rejection = |options: &[&str], request: &Request| match answer(options, request) {
            Answer::Reject(result, source, reason) => [result, source, reason],
            other => panic!("{program:?} {options:?}: {other:?}"),
        };
        assert!(matches!(answer(&[], &anonymous), Answer::Accept(_)));
        assert!(matches!(answer(&["--reject"], &good), Answer::Accept(_)));
        assert_eq!(rejection(&["--reject"], &anonymous), [1, 1, 1]);
        assert_eq!(rejection(&[], &version), [1, 2, 2]);
        assert_eq!(rejection(&[], &no_application), [1, 1, 2]);
        assert_eq!(rejection(&[], &bad_application), [1, 1, 2]);
        assert_eq!(rejection(&["--refuse"], &good), [1, 1, 1]);
        assert_eq!(rejection(&["--refuse"], &version), [1, 2, 2]);
        assert_eq!(rejection(&["--refuse"], &bad_application), [1, 1, 1]);
    }
}

/// Version bits other than the first are ignored (PS3.8 §9.3.2).
#[test]
fn later_protocol_versions_are_accepted() {
    let request = Request { version: 3, ..Request::usual() };
    let [ours, theirs] = both(&[], |server| Client::associate(server.port(), &request).1.version);
    assert_eq!((ours, theirs), (1, 1));
}

#[test]
fn ae_titles_come_back_as_sent() {
    let request = Request {
        called: "  SPACES IN IT".to_owned(),
        calling: "ABCDEFGHIJKLMNOP".to_owned(),
        ..Request::usual()
    };
    let [ours, theirs] = both(&["-aet", "OTHER"], |server| {
        let accept = Client::associate(server.port(), &request).1;
        (accept.called, accept.calling, accept.application_context)
    });
    assert_eq!(ours, theirs);
    assert_eq!(ours.0, b"  SPACES IN IT  ");
}

#[test]
fn the_acceptance_tells_who_we_are() {
    let server = Server::start(Program::Ours, &[]);
    let accept = Client::associate(server.port(), &Request::usual()).1;
    let kinds: Vec<u8> = accept.user_items.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(kinds, [0x51, 0x52, 0x55]);
    let class = String::from_utf8(accept.user_item(0x52).expect("class").to_vec()).expect("text");
    assert!(class.starts_with("2.25."), "{class}");
    let version = accept.user_item(0x55).expect("version name");
    assert!((1..=16).contains(&version.len()), "{version:?}");
}

#[test]
fn the_announced_maximum_equals_debian() {
    for options in [&[][..], &["-pdu", "4096"], &["-pdu", "131072"], &["-pdu", "5001"]] {
        let [ours, theirs] =
            both(options, |server| Client::associate(server.port(), &Request::usual()).1.max_pdu());
        assert_eq!(ours, theirs, "{options:?}");
    }
}

/// Debian's program does not answer these; PS3.7 §D.3.3 defines an answer for the first two.
#[test]
fn asynchronous_operations_and_roles_are_answered() {
    let mut request = Request::usual();
    request.user_items.push((0x53, vec![0, 5, 0, 7]));
    request.user_items.push((0x54, role(uid::CT, 1, 0)));
    request.user_items.push((0x54, role(uid::MR, 1, 1)));
    let server = Server::start(Program::Ours, &[]);
    let (mut client, accept) = Client::associate(server.port(), &request);
    assert_eq!(accept.user_item(0x53), Some(&[0, 1, 0, 1][..]), "one operation at a time");
    let roles: Vec<&[u8]> = accept
        .user_items
        .iter()
        .filter(|(kind, _)| *kind == 0x54)
        .map(|(_, value)| value.as_slice())
        .collect();
    let expected = [role(uid::CT, 1, 0), role(uid::MR, 1, 0)];
    assert_eq!(roles, expected.each_ref().map(Vec::as_slice), "the requestor is SCU, never SCP");
    assert_eq!(client.echo(1), 0);
}

#[test]
fn extended_negotiation_and_user_identity_are_ignored_as_debian_does() {
    let mut request = Request::usual();
    let uid_and = |rest: &[u8]| {
        let length = u16::try_from(uid::CT.len()).expect("short");
        [&length.to_be_bytes(), uid::CT.as_bytes(), rest].concat()
    };
    request.user_items.push((0x56, uid_and(&[1, 0, 2, 0, 1])));
    request.user_items.push((0x57, uid_and(&[0, 3, b'1', b'.', b'2', 0, 0])));
    // User name "joe" without a positive response requested, then an item of unknown type.
    request.user_items.push((0x58, vec![1, 0, 0, 3, b'j', b'o', b'e', 0, 0]));
    request.user_items.push((0x5F, vec![1, 2, 3]));
    let [ours, theirs] = both(&[], |server| {
        let (mut client, accept) = Client::associate(server.port(), &request);
        assert_eq!(client.echo(1), 0);
        accept.user_items.iter().map(|(kind, _)| *kind).collect::<Vec<u8>>()
    });
    assert_eq!(ours, theirs);
    assert_eq!(ours, [0x51, 0x52, 0x55]);
}

/// Every response respects the maximum length that the peer announced (PS3.8 §D.1); 0 or none mean no limit.
#[test]
fn responses_fit_the_maximum_of_the_peer() {
    for max_pdu in [None, Some(0), Some(64), Some(65), Some(100), Some(4096), Some(1 << 31)] {
        let server = Server::start(Program::Ours, &["--ignore"]);
        let request = Request { max_pdu, ..Request::usual() };
        let (mut client, _) = Client::associate(server.port(), &request);
        let object = Object::ct(100);
        let id = client.message_id();
        let command = interop::wire::Command::store(id, &object.sop_class, &object.sop_instance);
        client.command(3, &command);
        client.data_set(3, &object.bytes);
        let mut pieces = 0;
        loop {
            let Answer::Data(pdvs) = client.answer() else { panic!("a response") };
            let length: usize = pdvs.iter().map(|pdv| pdv.data.len() + 6).sum();
            let most = max_pdu.filter(|max| *max != 0).unwrap_or(u32::MAX);
            assert!(length <= most as usize, "{length} bytes for a maximum of {max_pdu:?}");
            pieces += 1;
            if pdvs.iter().any(|pdv| pdv.last) {
                break;
            }
        }
        let expect_pieces = max_pdu.is_some_and(|max| (1..=100).contains(&max));
        assert_eq!(pieces > 1, expect_pieces, "maximum of {max_pdu:?}");
    }
}

/// Transfer syntaxes in the order of preference, determined by proposing all of them and repeatedly removing
/// the accepted one.
fn ranking<'a>(server: &Server, proposed: &[&'a str]) -> Vec<&'a str> {
    let mut left = proposed.to_vec();
    let mut picked = Vec::new();
    while !left.is_empty() {
        let request = Request::new(vec![Context::new(1, uid::CT, &left)]);
        let (client, accept) = Client::associate(server.port(), &request);
        let (result, syntax) = accept.context(1);
        client.release();
        if result != 0 {
            assert_eq!(result, 4, "no transfer syntax left that is accepted");
            break;
        }
        let index = left.iter().position(|proposed| *proposed == syntax);
        picked.push(left.remove(index.expect("one of those proposed")));
    }
    picked
}

fn accepted_sop_classes(options: &[&str], registered_since: &[&str]) {
    let listed = run(&mut peers::python_script("sop_classes.py"), Duration::from_secs(30))
        .expect_success("SOP classes");
    let classes: Vec<(String, String)> = listed
        .stdout
        .lines()
        .chain(["1.2.3.4.5\tprivate", "1.2.840.10008.5.1.4.1.1.999999\tunregistered"])
        .map(|line| line.split_once('\t').expect("UID and name"))
        .map(|(uid, name)| (uid.to_owned(), name.to_owned()))
        .collect();
    assert!(classes.len() > 200);
    let uids: Vec<String> = classes.iter().map(|(uid, _)| uid.clone()).collect();
    let [ours, theirs] = both(options, |server| accepted(server, &uids));
    let missing: Vec<&String> =
        theirs.difference(&ours).filter(|uid| !registered_since.contains(&uid.as_str())).collect();
    assert!(missing.is_empty(), "accepted by Debian only: {missing:?}");
    for (uid, name) in classes.iter().filter(|(uid, _)| ours.contains(uid) && !theirs.contains(uid))
    {
        assert!(name.contains("Storage"), "{uid} {name} is no storage class");
        assert!(!name.contains("Commitment"), "{uid} {name} is no storage class");
    }
}

/// The abstract syntaxes that are accepted.
fn accepted(server: &Server, abstract_syntaxes: &[String]) -> BTreeSet<String> {
    let mut accepted = BTreeSet::new();
    for chunk in abstract_syntaxes.chunks(128) {
        let contexts = chunk.iter().zip((1..=255).step_by(2));
        let contexts = contexts.map(|(class, id)| Context::new(id, class, &[uid::IVLE]));
        let request = Request::new(contexts.collect());
        let (client, accept) = Client::associate(server.port(), &request);
        client.release();
        for context in &request.contexts {
            match accept.context(context.id).0 {
                0 => _ = accepted.insert(context.abstract_syntax.clone()),
                result => assert_eq!(result, 3, "{}", context.abstract_syntax),
            }
        }
    }
    accepted
}

fn first_answer(server: &Server, request: &Request) -> Answer {
    let mut client = Client::connect(server.port());
    client.send(&request.encode());
    client.answer()
}

/// Encodes the content of a role selection sub-item (PS3.7 §D.3.3.4).
fn role(class: &str, scu: u8, scp: u8) -> Vec<u8> {
    let length = u16::try_from(class.len()).expect("short");
    [&length.to_be_bytes(), class.as_bytes(), &[scu, scp]].concat()
}

const SOP_CLASSES_OF_THE_MANUAL: [&str; 63] = [
    "1.2.840.10008.1.1",
    "1.2.840.10008.5.1.1.27",
    "1.2.840.10008.5.1.1.29",
    "1.2.840.10008.5.1.1.30",
    "1.2.840.10008.5.1.4.1.1.1",
    "1.2.840.10008.5.1.4.1.1.1.1",
    "1.2.840.10008.5.1.4.1.1.1.1.1",
    "1.2.840.10008.5.1.4.1.1.1.2",
    "1.2.840.10008.5.1.4.1.1.1.2.1",
    "1.2.840.10008.5.1.4.1.1.1.3",
    "1.2.840.10008.5.1.4.1.1.1.3.1",
    "1.2.840.10008.5.1.4.1.1.10",
    "1.2.840.10008.5.1.4.1.1.11",
    "1.2.840.10008.5.1.4.1.1.11.1",
    "1.2.840.10008.5.1.4.1.1.12.1",
    "1.2.840.10008.5.1.4.1.1.12.2",
    "1.2.840.10008.5.1.4.1.1.12.3",
    "1.2.840.10008.5.1.4.1.1.128",
    "1.2.840.10008.5.1.4.1.1.129",
    "1.2.840.10008.5.1.4.1.1.2",
    "1.2.840.10008.5.1.4.1.1.20",
    "1.2.840.10008.5.1.4.1.1.3",
    "1.2.840.10008.5.1.4.1.1.3.1",
    "1.2.840.10008.5.1.4.1.1.4",
    "1.2.840.10008.5.1.4.1.1.481.1",
    "1.2.840.10008.5.1.4.1.1.481.2",
    "1.2.840.10008.5.1.4.1.1.481.3",
    "1.2.840.10008.5.1.4.1.1.481.4",
    "1.2.840.10008.5.1.4.1.1.481.5",
    "1.2.840.10008.5.1.4.1.1.481.6",
    "1.2.840.10008.5.1.4.1.1.481.7",
    "1.2.840.10008.5.1.4.1.1.5",
    "1.2.840.10008.5.1.4.1.1.6",
    "1.2.840.10008.5.1.4.1.1.6.1",
    "1.2.840.10008.5.1.4.1.1.7",
    "1.2.840.10008.5.1.4.1.1.7.1",
    "1.2.840.10008.5.1.4.1.1.7.2",
    "1.2.840.10008.5.1.4.1.1.7.3",
    "1.2.840.10008.5.1.4.1.1.7.4",
    "1.2.840.10008.5.1.4.1.1.77.1",
    "1.2.840.10008.5.1.4.1.1.77.1.1",
    "1.2.840.10008.5.1.4.1.1.77.1.2",
    "1.2.840.10008.5.1.4.1.1.77.1.3",
    "1.2.840.10008.5.1.4.1.1.77.1.4",
    "1.2.840.10008.5.1.4.1.1.77.2",
    "1.2.840.10008.5.1.4.1.1.8",
    "1.2.840.10008.5.1.4.1.1.88.1",
    "1.2.840.10008.5.1.4.1.1.88.11",
    "1.2.840.10008.5.1.4.1.1.88.2",
    "1.2.840.10008.5.1.4.1.1.88.22",
    "1.2.840.10008.5.1.4.1.1.88.3",
    "1.2.840.10008.5.1.4.1.1.88.33",
    "1.2.840.10008.5.1.4.1.1.88.4",
    "1.2.840.10008.5.1.4.1.1.88.50",
    "1.2.840.10008.5.1.4.1.1.88.59",
    "1.2.840.10008.5.1.4.1.1.9",
    "1.2.840.10008.5.1.4.1.1.9.1",
    "1.2.840.10008.5.1.4.1.1.9.1.1",
    "1.2.840.10008.5.1.4.1.1.9.1.2",
    "1.2.840.10008.5.1.4.1.1.9.1.3",
    "1.2.840.10008.5.1.4.1.1.9.2.1",
    "1.2.840.10008.5.1.4.1.1.9.3.1",
    "1.2.840.10008.5.1.4.1.1.9.4.1",
];
