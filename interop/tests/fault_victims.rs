//! Tests what senders of other toolkits make of each fault on purpose: DCMTK's storescu and pynetdicom.
//!
//! What they say differs, and some of it is not noticed at all: `docs/faults.md` has that as a table.

use std::thread;

use interop::corpus;
use interop::process::{SENDER_TIME_LIMIT, run};
use interop::tls::Pki;
use interop::{Program, Server, peers};

/// A fault, and what comes of it. Both senders send one CT image, pynetdicom twice.
struct Case {
    fault: &'static str,
    /// The exit code of storescu, and what it says at least.
    storescu: (i32, &'static str),
    /// The lines of `peers/faults.py`.
    pynetdicom: &'static str,
    /// Whether the object is stored in the end.
    is_stored: bool,
    /// Whether the sender has to give up waiting.
    is_silent: bool,
}

const fn case(
    fault: &'static str,
    storescu: (i32, &'static str),
    pynetdicom: &'static str,
    is_stored: bool,
) -> Case {
    Case { fault, storescu, pynetdicom, is_stored, is_silent: false }
}

const fn silent(
    fault: &'static str,
    storescu: (i32, &'static str),
    pynetdicom: &'static str,
    is_stored: bool,
) -> Case {
    Case { fault, storescu, pynetdicom, is_stored, is_silent: true }
}

const ABORTED: &str = "Peer aborted Association (or never connected)";
const LOST: &str = "contexts 1|no status|aborted";
const FINE: &str = "contexts 1|0000|0000|released";
const NONE: &str = "aborted|aborted";

const CASES: &[Case] = &[
    case("object: status A900", (169, ""), "contexts 1|A900|A900|released", false),
    case("object: status A700, C000", (167, ""), "contexts 1|A700|C000|released", false),
    case("object: status B000", (0, ""), "contexts 1|B000|B000|released", true),
    case("object: status 0000 without storing", (0, ""), FINE, false),
    case("object: status A700 after storing", (167, ""), "contexts 1|A700|A700|released", true),
    case("object: delay reading 100ms..200ms", (0, ""), FINE, true),
    case("object: delay pdvs 100ms", (0, ""), FINE, true),
    case("object: delay storing 100ms", (0, ""), FINE, true),
    case("object: delay answer 100ms", (0, ""), FINE, true),
    case("object: delay next 100ms", (0, ""), FINE, true),
    case("association: delay answer 100ms", (0, ""), FINE, true),
    case("connection: delay reading 100ms", (0, ""), FINE, true),
    silent("object: delay answer 60s", (1, "DIMSE No data available"), LOST, true),
    silent("object: no answer", (1, "DIMSE No data available"), LOST, true),
    silent("object: no answer without storing", (1, "DIMSE No data available"), LOST, false),
    silent("object: silence", (1, "DIMSE No data available"), LOST, false),
    silent("association: silence", (1, "DUL network read timeout"), NONE, false),
    silent("connection: silence", (1, "DUL network read timeout"), NONE, false),
    case(
        "association: reject permanent user called-ae-title-not-recognized",
        (1, "Reason: Called AE Title Not Recognized"),
        "rejected 1 1 7|lost",
        false,
    ),
    case(
        "association: reject transient presentation temporary-congestion",
        (1, "Reason: Temporary Congestion"),
        "rejected 2 3 1|lost",
        false,
    ),
    case("association: abort provider unexpected-pdu", (1, ABORTED), NONE, false),
    case("association: reset", (1, "F: Association Request Failed"), NONE, false),
    case("association: close", (1, "F: Association Request Failed"), NONE, false),
    case("connection: reset", (1, "F: Association Request Failed"), NONE, false),
    case("connection: close", (1, "F: Association Request Failed"), NONE, false),
    case(
        "association: refuse contexts",
        (1, "F: No Acceptable Presentation Contexts"),
        NONE,
        false,
    ),
    case(
        "association of CTImageStorage: accept syntax JPEGBaseline",
        (1, "unable to convert dataset"),
        "contexts 1|ValueError|ValueError|released",
        false,
    ),
    case("object: wrong message-id", (1, "Unexpected Response MsgId: 2 (expected: 1)"), FINE, true),
    case("object: wrong context-id", (0, ""), FINE, true),
    case("object: wrong class", (0, ""), FINE, true),
    case("object: wrong instance", (0, ""), FINE, true),
    case("object: oversized pdu", (1, "Illegal PDU Length 17408.  Max expected 16384"), FINE, true),
    case("object: cut pdu", (1, "DUL network closed"), LOST, true),
    case("object: unknown pdu", (1, "Unrecognized PDU type: 7f"), LOST, true),
    case("association: cut pdu", (1, "DUL network closed"), NONE, false),
    case("association: unknown pdu", (1, "Unrecognized PDU type: 7f"), NONE, false),
    case("object: abort provider unexpected-pdu", (10, ABORTED), LOST, false),
    case("object: abort during", (10, ABORTED), LOST, false),
    case("object: abort after storing", (10, ABORTED), LOST, true),
    case("object: reset after storing", (10, ABORTED), LOST, true),
    case("object: close", (10, ABORTED), LOST, false),
];

#[test]
fn storescu_and_pynetdicom_meet_each_fault() {
    // Most of them wait for each other, so some run at a time.
    let chunks = CASES.chunks(CASES.len().div_ceil(4));
    thread::scope(|scope| {
        for cases in chunks {
            scope.spawn(|| cases.iter().for_each(meet));
        }
    });
}

fn meet(case: &Case) {
    let Case { fault, storescu, pynetdicom, is_stored, is_silent } = case;
    let file = corpus::file("test_files/CT_small.dcm");
    let seconds = if *is_silent { "3" } else { "60" };
    let start = || Server::start(Program::Ours, &["--fault", fault, "-ts", "60"]);
    let is_stored_by = |server: &Server| {
        let files = server.files();
        files.iter().any(|name| name.starts_with("CT."))
    };

    let server = start();
    let port = server.port().to_string();
    let mut command = peers::debian("storescu");
    command.args(["-to", seconds, "-ta", seconds, "-td", seconds, "127.0.0.1", &port]);
    let output = run(command.arg(&file.path), SENDER_TIME_LIMIT);
    assert_eq!(output.code(), Some(storescu.0), "{fault}: {output:?}");
    assert!(output.stderr.contains(storescu.1), "{fault}: {output:?}");
    assert_eq!(is_stored_by(&server), *is_stored, "{fault}: {:?}", server.files());

    let server = start();
    let mut command = peers::python_script("faults.py");
    command.arg(server.port().to_string()).arg(seconds).arg(&file.path);
    let output = run(&mut command, SENDER_TIME_LIMIT);
    let lines = output.stdout.lines().collect::<Vec<_>>().join("|");
    assert_eq!(&lines, pynetdicom, "{fault}: {output:?}");
    assert_eq!(is_stored_by(&server), *is_stored, "{fault}: {:?}", server.files());
}

#[test]
fn storescu_meets_a_tls_alert() {
    let pki = Pki::shared();
    let mut words = pki.words("+tls %server.key %server.pem -ic --fault");
    words.push("connection: tls alert certificate-expired".to_owned());
    let server =
        Server::start(Program::Ours, &words.iter().map(String::as_str).collect::<Vec<_>>());
    let file = corpus::file("test_files/CT_small.dcm");
    let line = "+tla +cf %ca.pem";
    let output = interop::tls::dcmtk(&pki, "storescu", server.port(), line, &[&file.path]);
    assert_ne!(output.code(), Some(0));
    assert!(output.stderr.contains("alert certificate expired"), "{output:?}");
    assert!(server.files().is_empty());
}
