//! Tests what the log tells of whole associations: who sent what, with which result, and how it ended.

use std::collections::{BTreeMap, BTreeSet};
use std::thread;
use std::time::Duration;

use interop::process::eventually;
use interop::wire::{Answer, Client, Command, Context, Pdv, Request, abort, data_pdu, uid};
use interop::{Namespace, Object, Program, Server, element, skip};

const LIMIT: Duration = Duration::from_secs(30);

/// The last line of an association, read back as a script would.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ended {
    pub(crate) stored: u64,
    /// By status.
    pub(crate) refused: BTreeMap<String, u64>,
    pub(crate) broken_off: u64,
    pub(crate) bytes: u64,
    pub(crate) end: String,
    pub(crate) called: String,
    pub(crate) calling: String,
    pub(crate) address: String,
    pub(crate) number: u64,
}

impl Ended {
    /// `None` for other lines.
    fn parse(line: &str) -> Option<Self> {
        let text = line.strip_prefix("I: association ended: ")?;
        // The numbers come first and the titles last: what a peer chose cannot be taken for a number.
        let (stored, text) = text.split_once(" stored, ").expect("objects stored");
        let (refused, text) = text.split_once(" refused").expect("objects refused");
        let (by_status, text) = match text.strip_prefix(" (") {
            Some(text) => text.split_once(')').expect("its end"),
            None => ("", text),
        };
        let refused_by_status: BTreeMap<String, u64> = by_status
            .split_terminator(", ")
            .map(|one| one.split_once(' ').expect("a count and a status"))
            .map(|(count, status)| (status.to_owned(), count.parse().expect("a count")))
            .collect();
        assert_eq!(refused_by_status.values().sum::<u64>().to_string(), refused, "{line}");
        let text = text.strip_prefix(", ").expect("a comma");
        let (broken_off, text) = text.split_once(" broken off, ").unwrap_or(("0", text));
        let (bytes, text) = text.split_once(" bytes, ").expect("bytes");
        let (seconds, text) = text.split_once(" s, ").expect("seconds");
        assert!(seconds.parse::<f64>().is_ok_and(|it| it < 60.0), "{line}");
        let (text, number) = text.rsplit_once(", association ").expect("a number");
        let (text, address) = text.rsplit_once('@').expect("an address");
        let (end, titles) = text.split_once(", called \"").expect("a called title");
        let (called, calling) = titles.split_once("\" (peer ").expect("a calling title");
        Some(Self {
            stored: stored.parse().expect("a number"),
            refused: refused_by_status,
            broken_off: broken_off.parse().expect("a number"),
            bytes: bytes.parse().expect("a number"),
            end: end.to_owned(),
            called: called.to_owned(),
            calling: calling.to_owned(),
            address: address.to_owned(),
            number: number.strip_suffix(')').expect("the end").parse().expect("a number"),
        })
    }

    /// Of all associations in a log.
    pub(crate) fn all(log: &str) -> Vec<Self> {
        log.lines().filter_map(Self::parse).collect()
    }
}

fn request(calling: &str) -> Request {
    Request { calling: calling.to_owned(), ..Request::usual() }
}

/// An object whose data set names another instance than its command.
pub(crate) fn contradicting() -> Object {
    let plain = Object::ct(1000);
    let other = element(0x0008, 0x0018, *b"UI", b"2.25.1");
    Object { bytes: [&plain.bytes[..], &other].concat(), ..plain }
}

/// An object that ends within its last element.
pub(crate) fn cut_off() -> Object {
    let plain = Object::ct(1000);
    Object { bytes: plain.bytes[..plain.bytes.len() - 9].to_vec(), ..plain }
}

/// Three senders at a time, with objects of all kinds: whoever has only the log knows what became of them.
#[test]
fn three_senders_are_counted_by_title_and_result_from_the_log_alone() {
    let server = Server::start(Program::Ours, &["-v"]);
    let port = server.port();
    let senders = [("CT 1", 5, 2, 1), ("MR@2, 9 stored", 3, 0, 2), ("US\"3)", 7, 1, 0)];
    thread::scope(|scope| {
        for (title, good, contradict, cut) in senders {
            scope.spawn(move || {
                let mut rejected = request(title);
                rejected.application_context = Some("1.2.3".to_owned());
                let mut client = Client::connect(port);
                client.send(&rejected.encode());
                assert!(matches!(client.answer(), Answer::Reject(..)));
                drop(client);
                let (mut client, _) = Client::associate(port, &request(title));
                for _ in 0..good {
                    assert_eq!(client.store(3, &Object::ct(5000)).status(), 0);
                }
                for _ in 0..contradict {
                    assert_eq!(client.store(3, &contradicting()).status(), 0xA900);
                }
                for _ in 0..cut {
                    assert_eq!(client.store(3, &cut_off()).status(), 0xC000);
                }
                client.release();
            });
        }
    });
    let is_told = || server.stderr().matches("I: association ended: ").count() == 2 * senders.len();
    eventually("all ends are told", LIMIT, is_told);
    let log = server.stderr();
    let all = Ended::all(&log);
    let numbers: BTreeSet<u64> = all.iter().map(|it| it.number).collect();
    assert_eq!(numbers.len(), 2 * senders.len(), "each has a number of its own: {log}");
    for (title, good, contradict, cut) in senders {
        let of_title = |it: &&Ended| it.calling == title && it.address == "127.0.0.1";
        let ends: Vec<&Ended> = all.iter().filter(of_title).collect();
        let [rejected, served] = ends[..] else { panic!("{title}: {log}") };
        assert_eq!(
            rejected.end,
            "rejected permanent, service user: application context name not supported"
        );
        assert_eq!((rejected.stored, rejected.refused.len(), rejected.bytes), (0, 0, 0));
        assert_eq!((served.stored, served.broken_off), (good, 0), "{title}");
        let refused = [("A900H", contradict), ("C000H", cut)];
        let refused: BTreeMap<String, u64> = refused
            .into_iter()
            .filter(|(_, count)| *count > 0)
            .map(|(status, count)| (status.to_owned(), count))
            .collect();
        assert_eq!(served.refused, refused, "{title}");
        assert_eq!((&*served.end, &*served.called), ("released", "STORESCP"), "{title}");
        assert!(served.bytes > good * 5000, "{title}: {}", served.bytes);
        // Each refusal is an error that names the same association.
        let suffix = format!(" (peer {title}@127.0.0.1, association {})", served.number);
        let errors = log.lines().filter(|line| line.starts_with("E: ") && line.ends_with(&suffix));
        assert_eq!(errors.count() as u64, contradict + cut, "{title}: {log}");
        let suffix = format!(" (peer {title}@127.0.0.1, association {})", rejected.number);
        let warned =
            |line: &&str| line.starts_with("W: refused association: ") && line.ends_with(&suffix);
        assert_eq!(log.lines().filter(warned).count(), 1, "{title}: {log}");
    }
}

#[test]
fn an_association_ends_with_how_it_ended() {
    type End = fn(&Server, Client);
    let cases: [(&[&str], End, &str, u64); 9] = [
        (&[], |_, client| client.release(), "released", 0),
        (&[], |_, mut client| client.send(&abort(0, 0)), "aborted by the peer (service user)", 0),
        (&[], |_, client| drop(client), "connection lost", 0),
        (&[], |_, client| in_the_middle(client), "connection lost", 1),
        (
            &[],
            |_, mut client| client.send(&[0x99, 0, 0, 0, 0, 0]),
            "aborted by us (unrecognized PDU type 99H)",
            0,
        ),
        (
            &["-ts", "1"],
            |_, mut client| assert!(client.is_closed_within(LIMIT)),
            "time-out of 1 s",
            0,
        ),
        (
            &["--dimse-timeout", "1"],
            |_, mut client| {
                let object = Object::ct(30_000);
                client.command(3, &Command::store(1, &object.sop_class, &object.sop_instance));
                assert!(client.is_closed_within(LIMIT));
            },
            "time-out of 1 s",
            1,
        ),
        (
            &["--abort-after"],
            |_, mut client| {
                let object = Object::ct(30_000);
                client.command(3, &Command::store(1, &object.sop_class, &object.sop_instance));
                client.data_set(3, &object.bytes);
                assert!(client.is_closed_within(LIMIT));
            },
            "aborted by us (on purpose)",
            1,
        ),
        (
            &[],
            |server, mut client| {
                server.signal("TERM");
                assert!(client.is_closed_within(LIMIT));
            },
            "stopped",
            0,
        ),
    ];
    for (options, end, expected, broken_off) in cases {
        let options = [&["-v"], options].concat();
        let server = Server::start(Program::Ours, &options);
        let mut client = Client::associate(server.port(), &request("MODALITY")).0;
        if options != ["-v", "--abort-after"] {
            assert_eq!(client.store(3, &Object::ct(5000)).status(), 0);
        }
        end(&server, client);
        server.wait_for_log("I: association ended: ");
        let ended = Ended::all(&server.stderr());
        let [ended] = &ended[..] else { panic!("{}", server.stderr()) };
        assert_eq!((&*ended.end, ended.broken_off), (expected, broken_off), "{options:?}");
        assert_eq!(ended.stored, u64::from(options != ["-v", "--abort-after"]), "{options:?}");
    }
}

/// Sends a part of an object and goes away.
pub(crate) fn in_the_middle(mut client: Client) {
    let object = Object::ct(30_000);
    client.command(3, &Command::store(2, &object.sop_class, &object.sop_instance));
    client.send(&data_pdu(&[Pdv::data(3, false, &object.bytes[..10_000])]));
}

/// A modality that is refused leaves a warning at the default level: its class and what it proposed, by name, and
/// the option that would have helped.
#[test]
fn a_refused_class_is_warned_of_with_what_to_do() {
    const PRIVATE: &str = "1.2.826.0.1.3680043.2.1545.1";
    let jpeg = "JPEGLossless:Non-hierarchical-1stOrderPrediction";
    let not_supported =
        format!("MRImageStorage (transfer syntaxes not supported: {jpeg}, 1.2.3.4)");
    let accept_all =
        format!("{not_supported}; to accept compressed objects, use --accept-all (+xa)");
    let private =
        format!("{PRIVATE} (abstract syntax not supported); to accept SOP classes that the");
    let cases: [(&[&str], &str, &str); 4] = [
        (&[], uid::MR, &format!("{accept_all} (peer ")),
        (
            &["+te"],
            uid::MR,
            &format!("{accept_all} and leave out the option for the transfer syntax"),
        ),
        (
            &[],
            PRIVATE,
            &format!("{private} standard does not register, use --promiscuous (-pm) (peer "),
        ),
        (&["-pm"], PRIVATE, &accept_all.replace("MRImageStorage", PRIVATE)),
    ];
    for (options, class, expected) in cases {
        let server = Server::start(Program::Ours, options);
        let mut request = request("MODALITY");
        request.contexts = vec![
            Context::new(1, uid::VERIFICATION, &[uid::IVLE]),
            Context::new(3, class, &[uid::JPEG_LOSSLESS]),
            Context::new(5, class, &["1.2.3.4"]),
        ];
        Client::associate(server.port(), &request).0.release();
        server.wait_for_log("W: refused presentation contexts: ");
        let log = server.stderr();
        assert!(log.contains(expected), "{options:?}: {expected}\n{log}");
        assert_eq!(log.lines().count(), 1, "{log}");
    }
}

/// A refused object: its class, its instance, the status with its name, and both values where two differ.
#[test]
fn a_refused_object_is_an_error_with_all_that_is_known() {
    let server = Server::start(Program::Ours, &[]);
    let mut client = Client::associate(server.port(), &request("MODALITY")).0;
    let object = contradicting();
    let instance = &object.sop_instance;
    assert_eq!(client.store(3, &object).status(), 0xA900);
    server.wait_for_log(&format!(
        "E: cannot store SOP instance {instance} (CTImageStorage), status A900H (data set does not match \
         SOP class): SOP Instance UID differs between data set and command: 2.25.1 in the data set, \
         {instance} in the command (peer MODALITY@127.0.0.1, association "
    ));
    let class = element(0x0008, 0x0016, *b"UI", uid::MR.as_bytes());
    let plain = Object::ct(10);
    let other = Object { bytes: [&plain.bytes[..], &class].concat(), ..plain };
    assert_eq!(client.store(3, &other).status(), 0xA900);
    server.wait_for_log("MRImageStorage in the data set, CTImageStorage in the command (peer ");
    let name = element(0x0008, 0x0018, *b"UI", b"Doe^Jane");
    let plain = Object::ct(10);
    let named = Object { bytes: [&plain.bytes[..], &name].concat(), ..plain };
    assert_eq!(client.store(3, &named).status(), 0xA900);
    server.wait_for_log(": not a UID in the data set, ");
    assert!(!server.stderr().contains("Doe"), "{}", server.stderr());
    let unknown = Object { sop_class: "1.2.3.4".to_owned(), ..Object::ct(10) };
    assert_eq!(client.store(3, &unknown).status(), 0x0122);
    server.wait_for_log(&format!(
        "E: cannot store SOP instance {} (1.2.3.4), status 0122H (SOP class not supported): ",
        unknown.sop_instance
    ));
    client.release();
}

/// Whatever limit refuses an association, the log has its value.
#[test]
fn a_limit_is_told_with_its_value() {
    let refused = |options: &[&str], request: &Request, first: usize| {
        let server = Server::start(Program::Ours, options);
        let _others: Vec<Client> = (0..first).map(|_| Client::usual(server.port())).collect();
        let mut client = Client::connect(server.port());
        client.send(&request.encode());
        assert!(matches!(client.answer(), Answer::Reject(..)));
        server.wait_for_log("W: ");
        server.stderr()
    };
    let usual = request("MODALITY");
    for (log, expected) in [
        (refused(&["--max-associations", "2"], &usual, 2), "(association limit 2 reached)"),
        (
            refused(&["--max-associations-per-host", "1"], &usual, 1),
            "(per-address association limit 1 reached)",
        ),
        (refused(&["--min-free", "99%"], &usual, 0), " MiB free, 99 % must stay free)"),
    ] {
        let warning = format!("{expected} (peer MODALITY@127.0.0.1, association ");
        assert!(log.contains(&warning), "{warning}\n{log}");
    }
    let mut large = request("MODALITY");
    large.contexts = (0..200).map(|id| Context::new(id, uid::CT, &[uid::EVLE])).collect();
    let log = refused(&[], &large, 0);
    assert!(
        log.contains("W: refused association: 200 presentation contexts proposed, at most "),
        "{log}"
    );
    for (options, limit) in [(&[][..], 16_384), (&["-pdu", "4096"], 4096)] {
        let server = Server::start(Program::Ours, options);
        let mut client = Client::associate(server.port(), &usual).0;
        client.send(&[4, 0, 0, 2, 0, 0]);
        assert!(client.is_closed_within(LIMIT));
        server.wait_for_log(&format!(
            "E: DIMSE failure (aborting association): PDU type 04H with invalid length 131072: more \
             than the {limit} bytes allowed (peer MODALITY@127.0.0.1, association "
        ));
    }
    large.contexts.clear();
    let log = refused(&[], &large, 0);
    assert!(
        log.contains("W: refused association: no presentation context proposed (peer "),
        "{log}"
    );
}

#[test]
fn objects_that_are_thrown_away_are_warned_of_at_the_start() {
    let server = Server::start(Program::Ours, &["--ignore"]);
    server.wait_for_log(
        "W: for tests only: --ignore: objects are thrown away, and senders are told that they are stored\n",
    );
}

/// A script's view of the two formats: without its suffix, each line of `extended` is one of `dcmtk`.
#[test]
fn the_extended_format_adds_the_association_to_each_line_and_nothing_else() {
    let lines = |options: &[&str]| {
        let options = [&["-v", "--verbose-pc"], options].concat();
        let server = Server::start(Program::Ours, &options);
        let mut client = Client::associate(server.port(), &request("MODALITY")).0;
        let object = Object::new(uid::CT, "2.25.1", 100);
        assert_eq!(client.store(3, &object).status(), 0);
        assert_eq!(client.store(3, &object).status(), 0, "it is replaced");
        client.release();
        server.wait_for_log("I: association ended: ");
        let log = server.stderr().replace(&server.directory().display().to_string(), "DIR");
        let association = log.lines().filter(|line| !line.starts_with("I: listening on "));
        association.map(str::to_owned).collect::<Vec<_>>()
    };
    let (plain, extended) =
        (lines(&["--log-format", "dcmtk"]), lines(&["--log-format", "extended"]));
    let shortened: Vec<&str> = extended
        .iter()
        .map(|line| {
            let (text, suffix) = line.rsplit_once(" (peer ").unwrap_or_else(|| panic!("{line}"));
            assert!(suffix.contains(", association "), "{line}");
            text
        })
        .collect();
    let own = |line: &&str| line.starts_with("I: association ended: ");
    let dcmtks: Vec<&str> = plain.iter().map(String::as_str).filter(|line| !own(line)).collect();
    assert!(dcmtks.iter().all(|line| !line.contains(" (peer ")), "{plain:?}");
    assert!(
        dcmtks.contains(&"W: DICOM file already exists, overwriting: DIR/CT.2.25.1"),
        "{plain:?}"
    );
    assert_eq!(shortened.into_iter().filter(|line| !own(line)).collect::<Vec<_>>(), dcmtks);
}

/// A command that fails names the association whose object it was run for.
#[test]
fn a_command_that_fails_names_whom_it_concerns() {
    for more in [&[][..], &["--exec-sync"]] {
        let options = [&["-v", "-xcr", "exit 7"], more].concat();
        let server = Server::start(Program::Ours, &options);
        let senders: Vec<&str> = vec!["CT1", "MR2"];
        for title in &senders {
            let mut client = Client::associate(server.port(), &request(title)).0;
            assert_eq!(client.store(3, &Object::ct(10)).status(), 0);
            client.release();
        }
        let told = || server.stderr().matches("W: command failed with exit code 7: ").count() == 2;
        eventually("both are told", LIMIT, told);
        eventually("both have ended", LIMIT, || Ended::all(&server.stderr()).len() == 2);
        let log = server.stderr();
        for title in senders {
            let ended = Ended::all(&log).into_iter().find(|it| it.calling == title);
            let number = ended.expect("it has ended").number;
            let suffix = format!(" (peer {title}@127.0.0.1, association {number})");
            let warned =
                |line: &str| line.starts_with("W: command failed") && line.ends_with(&suffix);
            assert!(log.lines().any(warned), "{more:?}: {log}");
        }
    }
}

/// What a peer calls itself can neither begin a line nor end one.
#[test]
fn a_title_forges_no_line() {
    let server = Server::start(Program::Ours, &["-v"]);
    let mut request = request("A\nI: association");
    request.called = "B\r\n\", 1 stored\u{1b}".to_owned();
    request.contexts.push(Context::new(99, uid::FIND, &[uid::IVLE]));
    Client::associate(server.port(), &request).0.release();
    server.wait_for_log("I: association ended: ");
    let log = server.stderr();
    assert_eq!(log.lines().filter_map(Ended::parse).count(), 1, "{log}");
    assert!(
        log.lines().all(|line| ["I: ", "W: "].iter().any(|level| line.starts_with(level))),
        "{log}"
    );
    assert!(log.chars().all(|it| it == '\n' || !it.is_control()), "{log:?}");
}

/// A disk that fills: a line when it begins, and one when there is room again; the errors about objects stay.
#[test]
fn a_disk_that_fills_is_told_when_it_begins_and_when_it_is_over() {
    let Some(namespace) = Namespace::available() else {
        return skip("a full disk: no mount namespaces here");
    };
    let server = namespace.server_on_tmpfs("size=1m", &[]);
    let ballast = namespace.view(&server).join(".ballast");
    let _ = std::fs::write(&ballast, vec![0; 2_000_000]);
    let mut client = Client::associate(server.port(), &request("MODALITY")).0;
    for _ in 0..5 {
        assert_eq!(client.store(3, &Object::ct(10_000)).status(), 0xA700);
    }
    std::fs::remove_file(&ballast).expect("the ballast was there");
    for _ in 0..5 {
        assert_eq!(client.store(3, &Object::ct(10_000)).status(), 0, "room again");
    }
    client.release();
    server.wait_for_log("W: room in ");
    let log = server.stderr();
    assert_eq!(log.matches("E: no room in ").count(), 1, "{log}");
    assert_eq!(
        log.matches(" s: 5 objects and 0 associations refused meanwhile").count(),
        1,
        "{log}"
    );
    assert_eq!(log.matches("E: cannot store SOP instance ").count(), 5, "{log}");
}
