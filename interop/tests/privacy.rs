//! Tests that the log does not identify patients.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use interop::process::eventually;
use interop::wire::{Client, uid};
use interop::{Object, Program, Scratch, Server};

const LIMIT: Duration = Duration::from_secs(30);

/// Name and ID of the patient in [`Object`]s.
const PATIENT: [&str; 3] = ["Doe", "Jane", "4711"];

/// Parts of names in every form in which they could be logged: as sent, as text, in folder names, escaped.
const NAMED: [&str; 14] = [
    "neverlog",
    "nvrjane",
    "nevermüller",
    "nevermueller",
    "neverm",
    "иванов",
    "неверов",
    "山田",
    "太郎",
    "yamadanever",
    "김희중",
    "김",
    "hongnever",
    "1970never",
];

/// Names in many encodings, each with its Specific Character Set.
fn names() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("", b"NEVERLOG^NVRJANE^M^^".to_vec()),
        ("", b"NeverLog".to_vec()),
        ("ISO_IR 192", "Nevermüller^Jörg".into()),
        ("ISO_IR 100", b"Neverm\xfcller^J\xf6rg".to_vec()),
        // A wrong character set, a missing one, and an invalid one.
        ("ISO_IR 192", b"Neverm\xfcller^J\xf6rg".to_vec()),
        ("", "Nevermüller".into()),
        ("NEVERLOG", b"NEVERLOG^Neverm\xfcller".to_vec()),
        ("ISO_IR 144", b"\xb8\xd2\xd0\xdd\xde\xd2^\xbd\xd5\xd2\xd5\xe0\xde\xd2".to_vec()),
        (r"\ISO 2022 IR 87", b"YamadaNever^Taro=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=".to_vec()),
        (
            r"\ISO 2022 IR 149",
            b"HongNever^Gildong=\x1b$)C\xf3\xdf^\x1b$)C\xd1\xce\xd4\xd7=\x1b$)C\xb1\xe8\xc8\xf1\xc1\xdf".to_vec(),
        ),
        ("ISO_IR 192", "김희중=山田^太郎".into()),
        ("", b"1970Never_20200101_101010101".to_vec()),
        // Names that would start a log line of their own, or that a shell would interpret.
        ("", b"NEVERLOG\r\nF: NEVERLOG".to_vec()),
        ("", b"NEVERLOG$(echo NEVERLOG >&2)`'\"; NEVERLOG".to_vec()),
        ("", [b"NEVERLOG".as_slice(), &[b'x'; 300]].concat()),
    ]
}

/// One object for each name, each in its own study, and one of them twice, so that the file already exists. In
/// the last one, the Study Instance UID contains a name.
fn objects() -> Vec<Object> {
    let mut all = Vec::new();
    for (number, (character_set, name)) in names().into_iter().enumerate() {
        let object = Object::of_study(&format!("2.25.{number}"), Some(&name), character_set);
        all.extend([object.clone(), object]);
    }
    for study in
        ["NEVERLOG^NVRJANE", "neverlog_nvrjane", "1.2.NEVERLOG", "1.2\\NEVERLOG", "NEVERLOG/.."]
    {
        all.push(Object::of_study(study, Some(b"NEVERLOG"), ""));
    }
    all
}

fn assert_silent(log: &str, options: &[&str]) {
    let lower = log.to_lowercase();
    for word in NAMED {
        for line in lower.lines() {
            assert!(!line.contains(word), "{options:?}: {word} in {line}");
        }
    }
}

/// Sends all objects to a receiver with these options, stops it, and returns its log.
fn log_of(options: &[&str]) -> String {
    log_of_server(Server::start(Program::Ours, options), options, true)
}

fn log_of_server(mut server: Server, options: &[&str], waits_for_commands: bool) -> String {
    for object in objects() {
        let mut client = Client::usual(server.port());
        client.store(3, &object);
        client.release();
    }
    // One object that is refused in the middle, and one that is broken off.
    let mut client = Client::usual(server.port());
    let object = Object::of_study("2.25.1", Some(b"NEVERLOG^NVRJANE"), "");
    let cut = Object { bytes: object.bytes[..object.bytes.len() - 3].to_vec(), ..object.clone() };
    client.store(3, &cut);
    let other = Object { sop_instance: "2.25.1".to_owned(), ..object };
    client.store(3, &other);
    let named = Object::made_of(
        uid::CT,
        "2.25.2",
        vec![(0x0010_0010, *b"PN", b"NEVERLOG".to_vec()), (0x0020_000D, *b"UI", b"..".to_vec())],
    );
    client.store(3, &named);
    drop(client);
    if options.contains(&"-tos") {
        // A planned stop does not end a study before its timeout.
        std::thread::sleep(Duration::from_millis(1500));
    }
    let over = || !waits_for_commands || server.children().is_empty();
    eventually("commands are over", LIMIT, over);
    server.signal("TERM");
    server.wait(LIMIT).expect("it ends");
    server.stderr() + &server.stdout()
}

/// Options that together cover all log levels.
const LEVELS: [&[&str]; 3] = [&[], &["-v", "+v"], &["-ll", "trace"]];

/// Every option that puts a name into a path, with commands that receive the path and fail.
#[test]
fn no_path_tells_who_a_patient_is() {
    for level in LEVELS {
        for options in [
            &["-sp"][..],
            &["-sp", "-F", "-fe", ".dcm"],
            &["-sp", "-tn"],
            &["-sp", "+uf", "-rns", "-tos", "1"],
            &["-su", "st"],
            &["-su", ""],
            &["-ss", "st"],
            &["-sp", "-xcr", "false #p/#f"],
            &["-sp", "-xcr", "exit 3; '#p' \"#p\" #a #c #r", "-xs"],
            &["-sp", "-xcs", "kill -9 $$ #p", "-tos", "1"],
            &["-su", "", "-xcs", "false #p", "-tos", "1"],
            &["-sp", "-xcr", "true #p", "-xcs", "true #p"],
        ] {
            let options = [options, level].concat();
            let log = log_of(&options);
            assert_silent(&log, &options);
            if options.contains(&"-sp") && options.contains(&"-v") {
                assert!(log.contains("/<patient>_20"), "{log}");
                assert!(log.contains("I: created new subdirectory for study: "), "{log}");
            }
            if options.iter().any(|option| option.starts_with("false ")) {
                assert!(log.contains("W: command failed with exit code 1: false "), "{log}");
            }
        }
    }
}

/// The fields of JSON lines, audit messages, and traces that nobody takes.
#[test]
fn no_field_and_no_audit_message_tells_who_a_patient_is() {
    let scratch = Scratch::new();
    for (number, options) in
        [&["-sp"][..], &["-su", "st", "-v"], &["-sp", "-ll", "trace"]].into_iter().enumerate()
    {
        let file = scratch.path().join(number.to_string());
        let audit = format!("file:{}", file.display());
        let traces = format!("http://127.0.0.1:{}", interop::free_port());
        let more = ["--log-format", "json", "--audit", &audit, "--traces", &traces];
        let options = [options, &more].concat();
        let log = log_of(&options);
        assert_silent(&log, &options);
        let messages = fs::read_to_string(&file).expect("audit messages");
        assert_silent(&messages, &options);
        assert!(messages.contains("csd-code=\"110104\"") && log.contains("\"level\""), "{log}");
    }
}

/// Objects that cannot be stored, named, numbered or processed: folders that cannot be created, files that
/// cannot be renamed, a folder whose name is taken, commands that cannot be started or time out.
#[test]
fn no_failure_tells_who_a_patient_is() {
    let traced = Command::new("strace").args(["-o", "/dev/null", "true"]).status();
    let can_trace = traced.is_ok_and(|status| status.success());
    let numbered = &["-sp", "-rns", "-tos", "1"][..];
    for level in LEVELS {
        for (options, fails, said) in [
            (
                &["-sp"][..],
                "mkdirat:error=EACCES:when=2+",
                "E: could not create subdirectory for study: ",
            ),
            (
                &["-su", ""],
                "mkdirat:error=EACCES:when=2+",
                "E: could not create subdirectory for study: ",
            ),
            // The first two calls of a thread are the trial at startup.
            (
                &["-sp"],
                "linkat,renameat,renameat2:error=EIO:when=3+",
                "E: cannot store SOP instance",
            ),
            (numbered, "linkat,renameat,renameat2:error=EIO:when=3+", "cannot "),
            (
                &["-sp", "-xcr", "true #p", "--grace-period", "1"],
                "clone,clone3,vfork:error=EAGAIN:when=9+",
                "",
            ),
            (
                &["-sp", "-xcr", "sleep 30; true #p", "--grace-period", "1", "--exec-max", "1"],
                "",
                "E: not run: sleep 30; true ",
            ),
        ] {
            let options = [options, level].concat();
            let mut setup = Server::with(Program::Ours, &options);
            if !fails.is_empty() {
                if !can_trace {
                    interop::skip("failing system calls: strace may not run here");
                    continue;
                }
                let calls = fails.split(':').next().unwrap_or_default();
                let (trace, inject) = (format!("trace={calls}"), format!("inject={fails}"));
                let quiet = ["-D", "-f", "-qqq", "-o", "/dev/null"];
                let words = [&quiet[..], &["-e", &trace, "-e", &inject]].concat();
                setup = setup.through("strace", &words);
            }
            let log = log_of_server(setup.start(), &options, !options.contains(&"-xcr"));
            assert!(log.contains(said), "{options:?} {fails}: {log}");
            assert_silent(&log, &options);
        }
    }
}

/// A log configuration with everything that a line can contain.
#[test]
fn no_log_file_tells_who_a_patient_is() {
    let scratch = Scratch::new();
    let file = scratch.path().join("log.cfg");
    let log = scratch.path().join("a.log");
    let config = format!(
        "log4cplus.rootLogger = TRACE, a\nlog4cplus.appender.a = log4cplus::FileAppender\n\
         log4cplus.appender.a.File = {}\nlog4cplus.appender.a.layout = log4cplus::PatternLayout\n\
         log4cplus.appender.a.layout.ConversionPattern = %D %p %c %t %T %l %M %x %m%n\n",
        log.display()
    );
    fs::write(&file, config).expect("a configuration");
    let options = ["-lc", file.to_str().expect("UTF-8"), "-sp", "-xcr", "false #p/#f"];
    let streams = log_of(&options);
    let text = fs::read_to_string(&log).expect("the log");
    assert_silent(&(streams + &text), &options);
    assert!(text.contains("/<patient>_20") && text.contains("executing command: false "));
}

#[test]
fn no_level_logs_what_a_data_set_says_of_a_patient() {
    for options in [&[][..], &["-v"], &["-d"], &["-ll", "trace"], &["-d", "+B"]] {
        let server = Server::start(Program::Ours, options);
        let mut client = Client::usual(server.port());
        let good = Object::ct(1000);
        assert_eq!(client.store(3, &good).status(), 0);
        // A refusal that is logged at every level: the SOP Instance UID differs from the command's.
        let other = Object { sop_instance: "2.25.1".to_owned(), ..good.clone() };
        assert_eq!(client.store(3, &other).status(), 0xA900);
        // Refused in the middle of an element.
        let cut = Object { bytes: good.bytes[..good.bytes.len() - 100].to_vec(), ..good };
        assert_eq!(client.store(3, &cut).status() == 0, options.contains(&"+B"));
        client.release();
        server.wait_for_log("cannot store SOP instance");
        let log = server.stderr() + &server.stdout();
        for word in PATIENT {
            assert!(!log.contains(word), "{options:?}: {word} in\n{log}");
        }
        let warned = log.contains("identify patients");
        assert_eq!(warned, !options.is_empty() && options != ["-v"], "{options:?}: {log}");
    }
}

/// No path can be logged by accident: where the program logs, it formats paths only as `LogPath`, or paths that
/// the operator chose.
#[test]
fn paths_are_logged_in_one_form_only() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates");
    let of_program = ["platform/src/", "storage/src/", "receiver/src/", "storescp/src/"];
    // Files named on the command line or by the system.
    let of_operators = [
        "receiver/src/net/",
        "storescp/src/negotiation/",
        "storescp/src/logging/",
        "storescp/src/cli/",
    ];
    let mut seen = 0;
    for name in interop::files_below(&source) {
        let is_test = name.ends_with("tests.rs") || name.contains("/tests/");
        let is_of_program = of_program.iter().any(|it| name.starts_with(it));
        if !name.ends_with(".rs")
            || is_test
            || !is_of_program
            || of_operators.iter().any(|it| name.starts_with(it))
        {
            continue;
        }
        let text = fs::read_to_string(source.join(&name)).expect("a source file");
        for macro_name in ["trace!(", "debug!(", "info!(", "warn!(", "error!(", "fatal!("] {
            for (start, _) in text.match_indices(macro_name) {
                let call = &text[start..];
                let call =
                    &call[..call.find(");").or_else(|| call.find("),")).unwrap_or(call.len())];
                // The text of a command, which is known to contain no patient data.
                let call = call.replace("text.display()", "");
                seen += 1;
                let forbidden = [".display()", ".to_string_lossy()", "folder.as_str()"];
                let found = forbidden.iter().find(|form| call.contains(**form));
                assert!(found.is_none(), "{name}: {call}");
            }
        }
    }
    assert!(seen > 30, "{seen}");
}
