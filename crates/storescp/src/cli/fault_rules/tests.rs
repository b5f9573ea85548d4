//! Texts of faults: those that are understood print as typed, others tell where they are wrong.

use super::*;
use std::time::Duration;

fn parse(text: &str) -> Result<Rule, String> {
    rule(OsStr::new(text)).map_err(|error| {
        let text = error.to_string();
        text.strip_prefix("Invalid value for option --fault: ").expect("its prefix").to_owned()
    })
}

/// One of each kind, as it prints.
const TEXTS: [&str; 40] = [
    "object every 10th from CT* of CTImageStorage: status A700, A900",
    "object 7: delay answer 2s..5s",
    "association from BAD: reject permanent user calling-ae-title-not-recognized",
    "association: reject transient presentation temporary-congestion",
    "association: reject 9 8 7",
    "object 3..5: delay reading 1500ms",
    "object 7.. of all: delay pdvs 10ms",
    "object 10%: delay storing 60s",
    "object 0.5%: delay next 1s",
    "connection at 10.1.*: delay reading 1s",
    "association 2 to ARCHIVE: delay answer 1s",
    "connection: reset",
    "connection: close",
    "connection 3: silence",
    "connection: silence 5s..10s",
    "connection every 2nd: tls alert handshake-failure",
    "connection: tls alert 99",
    "association: abort user",
    "association: abort provider unexpected-pdu",
    "association of MR*: refuse contexts abstract-syntax-not-supported",
    "association of 1.2.3.4: refuse contexts user-rejection",
    "association of CTImageStorage: accept syntax JPEGBaseline",
    "association: cut pdu 20",
    "association: unknown pdu",
    "object: abort user during",
    "object: abort user after storing",
    "object: abort 1 2",
    "object: reset during",
    "object: close after storing",
    "object: silence 2s",
    "object: status B000",
    "object: status 0000 without storing",
    "object: status A700 after storing",
    "object: no answer",
    "object: no answer without storing",
    "object: wrong message-id",
    "object: wrong context-id 99",
    "object: wrong class 1.2.840.10008.5.1.4.1.1.4",
    "object from \"CT 1:#\": wrong instance 1.2.3",
    "object: oversized pdu 70000",
];

#[test]
fn faults_print_as_they_are_typed() {
    for text in TEXTS {
        let rule = parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(rule.to_string(), text);
    }
}

/// `docs/faults.md` has an example of each action and each name of a number, and all examples are understood.
#[test]
fn the_documentation_has_an_example_of_each_action() {
    use receiver::faults::words;

    let text = include_str!("../../../../../docs/faults.md");
    let quoted = || text.split('`').skip(1).step_by(2);
    let subjects = ["connection", "association", "object"];
    let examples =
        quoted().filter(|it| it.contains(": ") && subjects.iter().any(|one| it.starts_with(one)));
    let of_lines =
        text.lines().filter_map(|line| line.split_once("--fault \"")?.1.split('"').next());
    let mut actions = String::new();
    let mut count = 0;
    for example in examples.chain(of_lines) {
        let rule = parse(example).unwrap_or_else(|error| panic!("{example}: {error}"));
        actions += &format!("{}\n", rule.action);
        count += 1;
    }
    assert!(count > 50, "{count} examples");
    for action in
        TEXTS.map(|text| parse(text).map_or(String::new(), |rule| rule.action.to_string()))
    {
        let of_two =
            ["delay", "wrong", "no", "tls", "refuse", "accept", "cut", "unknown", "oversized"];
        let words: Vec<&str> = action.split(' ').collect();
        let begin = &words[..if of_two.contains(&words[0]) { 2 } else { 1 }];
        assert!(actions.contains(&begin.join(" ")), "{action}: no example of it");
    }
    let names = [
        words::REJECT_RESULTS,
        words::REJECT_SOURCES,
        words::reject_reasons(1),
        words::reject_reasons(2),
        words::reject_reasons(3),
        words::ABORT_SOURCES,
        words::ABORT_REASONS,
        words::CONTEXT_RESULTS,
        words::ALERTS,
    ];
    for (name, _) in names.into_iter().flatten() {
        assert!(quoted().any(|quoted| quoted == *name), "{name} is documented");
    }
}

#[test]
fn other_ways_to_say_the_same() {
    for (typed, printed) in [
        (
            "  OBJECT  every 10 :STATUS a700 , 0xA900,C000h # why",
            "object every 10th: status A700, A900, C000",
        ),
        ("association: reject", "association: reject permanent user no-reason-given"),
        (
            "association: reject transient 3",
            "association: reject transient presentation temporary-congestion",
        ),
        ("object: abort", "object: abort user"),
        ("object: abort after storing", "object: abort user after storing"),
        ("object: unknown pdu 0x7f", "object: unknown pdu 127"),
        ("object: wrong class MRImageStorage", "object: wrong class 1.2.840.10008.5.1.4.1.1.4"),
        ("object of CTImageStorage from A 7", ""),
        ("object of CTImageStorage at ::1 : reset", ""),
        ("object at \"::1\" of CT* to A: reset", "object to A at \"::1\" of CT*: reset"),
        ("object: delay answer 0.5m", "object: delay answer 30s"),
        ("object: delay answer 2s..2s", "object: delay answer 2s"),
        ("connection: tls alert unknown_ca", "connection: tls alert unknown-ca"),
        (
            "association: accept syntax 1.2.840.10008.1.2.5",
            "association: accept syntax RLELossless",
        ),
        (
            "association: refuse contexts",
            "association: refuse contexts abstract-syntax-not-supported",
        ),
    ] {
        let rule = parse(typed).map_or(String::new(), |rule| rule.to_string());
        assert_eq!(rule, printed, "{typed}");
    }
}

#[test]
fn errors_tell_the_column_and_the_nearest_name() {
    for (text, error) in [
        ("", "column 1: expected connection, association or object here"),
        (
            "objekt: reset",
            "column 1: expected connection, association or object, not 'objekt'; did you mean 'object'?",
        ),
        ("object", "column 7: expected a colon and what is to happen here"),
        (
            "object 0: reset",
            "column 8: '0' is not a number from 1, a range such as 3..5 or 7.., or a share such as 10%",
        ),
        (
            "object 5..3: reset",
            "column 8: '5..3' is not a number from 1, a range such as 3..5 or 7.., or a share such as 10%",
        ),
        (
            "object 101%: reset",
            "column 8: '101%' is not a number from 1, a range such as 3..5 or 7.., or a share such as 10%",
        ),
        ("object every tenth: reset", "column 14: 'tenth' is not a number such as 10th"),
        ("object evry 10th: reset", "column 8: unexpected 'evry'; did you mean 'every'?"),
        (
            "object of CTImageStorag: reset",
            "column 11: no SOP class has the name or UID 'CTImageStorag'; did you mean 'CTImageStorage'?",
        ),
        ("object from A from B: reset", "column 15: 'from' is given twice"),
        ("object of all: reset", "column 8: 'of all' needs a number, such as 'object 7 of all'"),
        (
            "association 7 of all: reset",
            "column 15: 'of all' is for objects: connections and associations are counted so anyway",
        ),
        (
            "connection from A: reset",
            "column 12: 'from' is not known of a connection yet: select by 'at ADDRESS'",
        ),
        (
            "object: stauts A700",
            "column 9: expected status, no, wrong, oversized, cut, unknown, delay, reject, refuse, accept, abort, reset, close, silence or tls, not 'stauts'; did you mean 'status'?",
        ),
        ("object 7 status A700", "column 10: expected a colon before 'status'"),
        (
            "association: reject permanent is",
            "column 31: 'is' is neither user, acse, presentation nor a number up to 255",
        ),
        ("object: status", "column 15: expected a status here"),
        ("object: status A7", "column 16: 'A7' is not a status of four hexadecimal digits"),
        ("object: status A700,", "column 21: expected a status here"),
        ("object: status A700 without", "column 28: expected 'storing' here"),
        (
            "object: status A700 wihout storing",
            "column 21: unexpected 'wihout'; did you mean 'without'?",
        ),
        (
            "association: status A700",
            "column 14: 'status' can happen to an object, not to an association",
        ),
        ("object: reject", "column 9: 'reject' can happen to an association, not to an object"),
        (
            "object: delay answr 2s",
            "column 15: expected reading, pdvs, storing, answer or next, not 'answr'; did you mean 'answer'?",
        ),
        (
            "object: delay answer 2",
            "column 22: '2' is not a time, such as 500ms or 2s..5s (units: ms, s, m, h)",
        ),
        (
            "object: delay answer 5s..2s",
            "column 22: '5s..2s' is not a time, such as 500ms or 2s..5s (units: ms, s, m, h)",
        ),
        (
            "association: reject permanent user caling-ae-title-not-recognized",
            "column 36: 'caling-ae-title-not-recognized' is neither a reason of this source nor a number up to 255; did you mean 'calling-ae-title-not-recognized'?",
        ),
        (
            "association: accept syntax JPEGBaselin",
            "column 28: no transfer syntax has the name or UID 'JPEGBaselin'; did you mean 'JPEGBaseline'?",
        ),
        (
            "association: refuse contexts 5",
            "column 30: the results of a refused context are 1 to 4",
        ),
        ("object: unknown pdu 7", "column 21: PDU types 1 to 7 are those of the standard"),
        ("object: oversized pdu 9999999", "column 23: '9999999' is not a length from 0 to 1048576"),
        (
            "object: wrong class MRImageStorag",
            "column 21: 'MRImageStorag' is not a SOP class; did you mean 'MRImageStorage'?",
        ),
        ("object: wrong instance x", "column 24: 'x' is not a UID"),
        ("object from \"CT: reset", "column 13: no second double quote follows"),
        ("object from Ä\"B: reset", "column 14: a double quote within a word"),
        ("object: reset reset", "column 15: unexpected 'reset'"),
        (
            "connection: tls alert nonsense",
            "column 23: 'nonsense' is neither a TLS alert nor a number up to 255",
        ),
    ] {
        assert_eq!(parse(text), Err(error.to_owned()), "{text}");
    }
}

#[test]
fn files_have_a_fault_on_each_line() {
    let text = b"# faults\r\n\nseed 42 # again\nobject 7: reset\r\n  object: close # all\n";
    let read = file(OsStr::new("f"), text).unwrap();
    let texts: Vec<String> = read.rules.iter().map(ToString::to_string).collect();
    assert_eq!(
        (read.seed, texts),
        (Some(42), vec!["object 7: reset".into(), "object: close".into()])
    );
    for (text, error) in [
        (
            &b"object: reset\n\n objct: reset"[..],
            "f:3:2: expected connection, association or object, not 'objct'; did you mean 'object'?",
        ),
        (b"seed x", "f:1:6: 'x' is not a number from 0 to 18446744073709551615"),
        (b"seed 1 2", "f:1:8: unexpected '2'"),
        (b"seed", "f:1:5: expected a number here"),
        (b"object: \xff", "f:1:1: not UTF-8"),
    ] {
        assert_eq!(file(OsStr::new("f"), text).unwrap_err().to_string(), error);
    }
    let many = "object: reset\n".repeat(FAULT_RULES + 1);
    let error = file(OsStr::new("f"), many.as_bytes()).unwrap_err();
    assert_eq!(error.to_string(), "f:1001:1: more than 1000 faults");
}

#[test]
fn durations_are_whole_milliseconds() {
    let seconds = |text: &str| match parse(&format!("object: delay answer {text}"))?.action {
        receiver::faults::Action::Delay(_, range) => Ok(range.from),
        other => Err(other.to_string()),
    };
    for (text, milliseconds) in [("1.5s", 1500), ("0.001s", 1), ("1h", 3_600_000), ("0ms", 0)] {
        assert_eq!(seconds(text), Ok(Duration::from_millis(milliseconds)), "{text}");
    }
    for text in ["1.0001s", "1.5ms", "-1s", "s", "1.s", ".5s", "1e3s", "9999999999s", "1d", "1..s"]
    {
        assert!(seconds(text).is_err(), "{text}");
    }
}

/// Words of faults in any order, with all kinds of other characters: nothing panics, and what is understood
/// prints as a text that is understood as the same.
#[test]
fn any_text_is_understood_or_refused() {
    let mut words: Vec<String> =
        TEXTS.iter().flat_map(|text| text.split(' ')).map(Into::into).collect();
    words.extend(TEXTS.map(Into::into));
    words.extend(
        [
            ":",
            ",",
            "\"",
            "\"\"",
            "#",
            "ä",
            "..",
            "%",
            "0x",
            "99999999999999999999",
            "\u{a0}",
            "of",
            "all",
            "1.",
        ]
        .map(Into::into),
    );
    let mut state = 1u64;
    let mut draw = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % below as u64).unwrap()
    };
    let mut understood = 0;
    for _ in 0..10_000 {
        let mut text = TEXTS[draw(TEXTS.len())].to_owned();
        for _ in 0..draw(4) {
            let word = &words[draw(words.len())];
            let at: Vec<usize> =
                text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
            let (from, to) = (at[draw(at.len())], at[draw(at.len())]);
            match draw(3) {
                0 => text.insert_str(from, word),
                1 => text.insert_str(from, &format!(" {word} ")),
                _ => text.replace_range(from.min(to)..from.max(to), word),
            }
        }
        if let Ok(rule) = parse(&text) {
            understood += 1;
            let printed = rule.to_string();
            assert_eq!(parse(&printed).as_ref(), Ok(&rule), "{text} printed as {printed}");
        }
    }
    assert!(understood > 2_000, "{understood}");
}
