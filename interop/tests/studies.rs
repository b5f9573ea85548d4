//! Tests the end of a study: when it is detected, what happens then, and that it happens only once.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use interop::process::eventually;
use interop::wire::{Client, Command, uid};
use interop::{Object, Program, Server, is_dcmtks_line};

use crate::events::{Desk, SECOND, SOON, send};
use crate::names::stored;

#[test]
fn ends_of_studies_equal_debian() {
    let [a, b] = ["2.25.1", "2.25.2"]
        .map(|study| [(); 3].map(|()| Object::of_study(study, Some(b"Doe^Jane"), "")));
    let mr = Object::made_of(
        uid::MR,
        "1.2.3",
        vec![
            (0x0020_000D, *b"UI", b"2.25.1".to_vec()),
            (0x0010_0010, *b"PN", b"Doe^Jane".to_vec()),
        ],
    );
    let lines: [&[&str]; 8] = [
        &["-su", "p", "-xcs", "rec #p #a"],
        &["-ss", "p", "-xcs", "rec #p; rec \"$(ls #p)\"", "-xs"],
        &["-sp", "-xcs", "rec #p", "-tos", "3"],
        &["-su", "", "-rns", "-xcs", "rec #p \"$(ls #p)\"", "-tos", "3"],
        &["-su", "", "-rns", "-fe", ".dcm", "-xs", "-xcs", "rec \"$(ls #p)\""],
        &["-su", "", "-rns", "-tn", "-fe", ".dcm", "-tos", "3"],
        &["-su", "", "-xcr", "rec new #f", "-xcs", "rec ended #p", "-xs"],
        &["-su", "", "-xcs", "rec #p", "-tos", "0", "-xs"],
    ];
    let run = |program: Program, line: &[&str]| {
        let desk = Desk::new();
        desk.recorder("rec");
        let options = [line, &["-v"]].concat();
        let server = desk.in_path(Server::with(program, &options)).directory(&desk.out).start();
        // With Debian's program, the end of a command ends the study that is open at the time.
        let pause = || {
            let mut quiet = 0;
            eventually("no command runs", SOON, || {
                thread::sleep(Duration::from_millis(15));
                quiet = if server.children().is_empty() { quiet + 1 } else { 0 };
                quiet == 3
            });
        };
        // In a directory that already has files, Debian's numbering replaces them.
        let back = if line.contains(&"-rns") { &[][..] } else { &[&a[2]] };
        for objects in [&[&a[0], &mr, &a[1], &b[0]][..], &[&b[1]], back] {
            let mut client = Client::usual(server.port());
            for object in objects {
                let context = if object.sop_class == uid::MR { 5 } else { 3 };
                assert_eq!(client.store(context, object).status(), 0);
                pause();
            }
            client.release();
            pause();
        }
        if line.contains(&"3") {
            thread::sleep(4 * SECOND);
        }
        let seen = || (desk.calls().len(), server.files());
        let mut before = seen();
        loop {
            thread::sleep(Duration::from_millis(300));
            let now = seen();
            if now == before {
                break;
            }
            before = now;
        }
        let log = server.stderr();
        // In our log, the patient's name is replaced.
        let hidden = |line: String| line.replace("OUT/Doe_Jane_", "OUT/<patient>_");
        let log = log.lines().filter(|line| is_dcmtks_line(line));
        let log: Vec<String> = log.map(|line| hidden(desk.normal(line))).collect();
        let in_order = || desk.raw_calls().iter().map(|call| desk.normal(call)).collect();
        let calls: Vec<String> = if line.contains(&"-xs") { in_order() } else { desk.calls() };
        (calls, log, stored(&server))
    };
    thread::scope(|scope| {
        for line in lines {
            let run = &run;
            scope.spawn(move || {
                let [ours, theirs] = thread::scope(|scope| {
                    [Program::Ours, Program::Debian]
                        .map(|program| scope.spawn(move || run(program, line)))
                        .map(|run| run.join().expect("it runs"))
                });
                assert_eq!(ours.0, theirs.0, "commands of {line:?}");
                assert_eq!(ours.1, theirs.1, "log of {line:?}");
                assert_eq!(ours.2, theirs.2, "files of {line:?}");
            });
        }
    });
}

/// In a directory that already has files, Debian's program numbers from 1 and replaces them; with `-tn -rns`
/// and an underscore in the name, it exits.
#[test]
fn numbering_replaces_no_file_and_ends_nothing() {
    for options in [&["-rns", "-su", "x"][..], &["-rns", "-su", "x", "-tn", "-fe", ".x_y"]] {
        let mut server = Server::start(Program::Ours, options);
        for round in 0..3 {
            send(&server, &[(); 2].map(|()| Object::of_study("2.25.1", None, "")));
            send(&server, &[Object::of_study(&format!("2.25.{}", 10 + round), None, "")]);
        }
        server.signal("TERM");
        assert_eq!(server.wait(SOON).and_then(|status| status.code()), Some(0));
        let files: Vec<String> =
            server.files().into_iter().filter(|name| name.starts_with("x_2.25.1/C")).collect();
        let expected: Vec<String> = (1..=6).map(|n| format!("x_2.25.1/CT{n:06}")).collect();
        assert_eq!(files, expected, "{options:?}");
    }
}

/// Debian's program takes the end of a command for the timeout of the study.
#[test]
fn the_end_of_a_command_ends_no_study() {
    let desk = Desk::new();
    desk.recorder("rec");
    let options = ["-su", "", "-tos", "4", "-xcs", "rec #p; sleep 0.5"];
    let server = desk.in_path(Server::with(Program::Ours, &options)).directory(&desk.out).start();
    let started = Instant::now();
    send(&server, &["2.25.1", "2.25.2"].map(|study| Object::of_study(study, None, "")));
    desk.expect_calls(2);
    assert_eq!(desk.calls(), ["<OUT/2.25.1>", "<OUT/2.25.2>"]);
    assert!(started.elapsed() > Duration::from_secs(4), "after {:?}", started.elapsed());
}

/// With many concurrent associations, the end of each study is reported once, when its last association has
/// left it.
#[test]
fn every_study_of_many_associations_ends_once() {
    for options in [&["--fork", "-tos", "3"][..], &["--single-process"]] {
        let desk = Desk::new();
        desk.recorder("rec");
        let options = [&["-su", "s", "-xcs", "rec #p \"$(ls #p | wc -l)\""], options].concat();
        let mut server =
            desk.in_path(Server::with(Program::Ours, &options)).directory(&desk.out).start();
        thread::scope(|scope| {
            for sender in 0..6 {
                let port = server.port();
                scope.spawn(move || {
                    let mut client = Client::usual(port);
                    for study in [format!("2.25.{sender}"), "2.25.100".to_owned()] {
                        for _ in 0..10 {
                            let object = Object::of_study(&study, None, "");
                            assert_eq!(client.store(3, &object).status(), 0);
                        }
                        // All associations have begun the second study before any of them continues.
                        thread::sleep(Duration::from_millis(300));
                    }
                    client.release();
                });
            }
        });
        if options.contains(&"-tos") {
            desk.expect_calls(7);
        }
        server.signal("TERM");
        assert_eq!(server.wait(SOON).and_then(|status| status.code()), Some(0));
        let mut expected: Vec<String> =
            (0..6).map(|sender| format!("<OUT/s_2.25.{sender}><10>")).collect();
        expected.insert(2, "<OUT/s_2.25.100><60>".to_owned());
        expected.sort();
        assert_eq!(desk.calls(), expected, "{options:?}");
    }
}

/// A sender with one association per object, beside another sender.
#[test]
fn a_time_out_holds_studies_of_many_short_associations_together() {
    let desk = Desk::new();
    desk.recorder("rec");
    let options = ["-ss", "", "-tos", "3", "-xcs", "rec \"$(ls #p | wc -l)\""];
    let server = desk.in_path(Server::with(Program::Ours, &options)).directory(&desk.out).start();
    for _ in 0..10 {
        for study in ["2.25.1", "2.25.2"] {
            send(&server, &[Object::of_study(study, None, "")]);
        }
    }
    desk.expect_calls(2);
    assert_eq!(desk.calls(), ["<10>", "<10>"]);
    assert_eq!(server.files().iter().filter(|name| name.ends_with('/')).count(), 2);
}

/// An object that takes longer than the timeout does not end its study.
#[test]
fn a_study_does_not_end_while_an_object_of_it_comes_in() {
    let desk = Desk::new();
    desk.recorder("rec");
    let options = ["-su", "", "-tos", "1", "-xcs", "rec #p"];
    let server = desk.in_path(Server::with(Program::Ours, &options)).directory(&desk.out).start();
    let mut client = Client::usual(server.port());
    let id = client.message_id();
    let object = Object::ct(100_000);
    send(&server, &[Object::ct(10)]);
    client.command(3, &Command::store(id, uid::CT, &object.sop_instance));
    let (first, rest) = object.bytes.split_at(10_000);
    let pdv =
        |last, data: &[u8]| interop::wire::data_pdu(&[interop::wire::Pdv::data(3, last, data)]);
    client.send(&pdv(false, first));
    thread::sleep(Duration::from_millis(2500));
    assert_eq!(desk.calls(), [""; 0], "the time is over, the object is not");
    for chunk in rest.chunks(16_000) {
        client.send(&pdv(false, chunk));
    }
    client.send(&pdv(true, &[]));
    assert_eq!(client.response().1.status(), 0);
    desk.expect_calls(1);
    thread::sleep(Duration::from_millis(1500));
    assert_eq!(desk.calls(), ["<OUT/2.25.301>"]);
}

/// At SIGTERM, open studies end and queued commands run; those that take too long are reported.
#[test]
fn at_the_end_studies_end_and_commands_are_run() {
    let desk = Desk::new();
    desk.recorder("rec");
    let options =
        ["-su", "", "-xcr", "sleep 0.1; rec #f", "-xcs", "rec ended #p", "--exec-max", "1"];
    let mut server =
        desk.in_path(Server::with(Program::Ours, &options)).directory(&desk.out).start();
    send(&server, &[(); 5].map(|()| Object::of_study("2.25.1", None, "")));
    server.signal("TERM");
    assert_eq!(server.wait(SOON).and_then(|status| status.code()), Some(0));
    let calls = desk.raw_calls();
    assert_eq!(calls.len(), 6, "{calls:?}");
    assert!(calls[5].starts_with("<ended>"), "the last of all");

    let options = ["-xcr", "sleep 10; true #f", "--exec-max", "1", "--grace-period", "1"];
    let mut server = Server::start(Program::Ours, &options);
    let objects = [(); 3].map(|()| Object::ct(10));
    send(&server, &objects);
    server.signal("TERM");
    assert_eq!(server.wait(SOON).and_then(|status| status.code()), Some(0));
    let log = server.stderr();
    assert!(log.contains("E: grace period expired: 2 commands not run"), "{log}");
    let not_run =
        format!("E: not run: sleep 10; true #f (SOP instance {})", objects[2].sop_instance);
    assert!(log.contains(&not_run), "{log}");
}

#[test]
fn a_second_signal_waits_for_no_command() {
    let options = ["-xcr", "sleep 20; true #f", "--exec-max", "1"];
    let mut server = Server::start(Program::Ours, &options);
    let objects = [(); 2].map(|()| Object::ct(10));
    send(&server, &objects);
    server.signal("TERM");
    // No longer than the first command takes, regardless of `STORESCP_PATIENCE`.
    std::thread::sleep(Duration::from_millis(500));
    assert!(server.wait(Duration::ZERO).is_none(), "it waits for its commands");
    server.signal("TERM");
    assert_eq!(server.wait(15 * SECOND).and_then(|status| status.code()), Some(1));
    let not_run =
        format!("E: not run: sleep 20; true #f (SOP instance {})", objects[1].sop_instance);
    assert!(server.stderr().contains(&not_run), "{}", server.stderr());
}

/// A planned stop does not end a study before its timeout: the study continues after the next start, so that it
/// ends only once.
#[test]
fn a_stop_ends_no_study_that_has_not_timed_out() {
    let desk = Desk::new();
    desk.recorder("rec");
    let options = ["-su", "", "-tos", "2", "-rns", "-xcs", "rec #p $STORESCP_REASON"];
    let start = || desk.in_path(Server::with(Program::Ours, &options)).directory(&desk.out).start();
    let mut server = start();
    send(&server, &["2.25.1", "2.25.2"].map(|study| Object::of_study(study, None, "")));
    server.signal("TERM");
    assert_eq!(server.wait(SOON).and_then(|status| status.code()), Some(0));
    assert_eq!(desk.calls(), ["<OUT/2.25.1><next-study>"], "the other one goes on");
    server.wait_for_log(
        "W: 1 study had not timed out; its command runs after the restart, once that time has passed: ",
    );
    assert!(server.stderr().contains("/2.25.2\n"), "{}", server.stderr());
    let server = start();
    send(&server, &[Object::of_study("2.25.2", None, "")]);
    desk.expect_calls(2);
    thread::sleep(SECOND);
    assert_eq!(desk.calls(), ["<OUT/2.25.1><next-study>", "<OUT/2.25.2><timeout>"]);
}

/// With `--sort-on-patientname`, the directories of studies that had not timed out are named without the name.
#[test]
fn a_stop_names_some_of_the_open_studies_and_no_patient() {
    let options = ["-sp", "-tos", "60", "-xcs", "true"];
    let mut server = Server::start(Program::Ours, &options);
    let of = |number: u8| Object::of_study(&format!("2.25.{number}"), Some(b"Doe^Jane"), "");
    // Each is the current study of an association.
    let senders: Vec<Client> = (1..=12)
        .map(|number| {
            let mut client = Client::usual(server.port());
            assert_eq!(client.store(3, &of(number)).status(), 0);
            client
        })
        .collect();
    server.signal("TERM");
    assert_eq!(server.wait(SOON).and_then(|status| status.code()), Some(0));
    drop(senders);
    server.wait_for_log("W: 12 studies had not timed out; their commands run after the restart, once that time has passed: ");
    let log = server.stderr();
    assert!(log.matches("/<patient>_").count() == 10 && !log.contains("Doe"), "{log}");
    assert!(log.contains(" and 2 more\n"), "{log}");
}

/// The reason for the end of a study, as passed to its command.
#[test]
fn commands_learn_why_a_study_ended() {
    let desk = Desk::new();
    desk.recorder("rec");
    let options = ["-su", "", "-xcs", "rec #p $STORESCP_REASON", "-xs"];
    let mut server =
        desk.in_path(Server::with(Program::Ours, &options)).directory(&desk.out).start();
    let of = |study: &str| Object::of_study(study, None, "");
    send(&server, &[of("2.25.1"), of("2.25.2")]);
    send(&server, &[of("2.25.3")]);
    server.signal("TERM");
    assert_eq!(server.wait(SOON).and_then(|status| status.code()), Some(0));
    let expected = ["<OUT/2.25.1><next-study>", "<OUT/2.25.2><release>", "<OUT/2.25.3><stop>"];
    assert_eq!(desk.calls(), expected);
}

/// An invalid Study Instance UID cannot name a folder that somebody else has created, nor a hidden folder.
#[test]
fn study_uids_that_are_none_have_folders_of_their_own() {
    let names = [
        (".ssh", "study_.ssh"),
        (".", "study_."),
        ("..", "study_.."),
        ("...", "study_..."),
        (".1.2", "study_.1.2"),
        (".storescp-1.part", "study_.storescp-1.part"),
        ("config", "study_config"),
        ("lost+found", "study_lost_found_a213ba07215f7714"),
        ("2024", "study_2024"),
        ("2024.01", "study_2024.01"),
        ("1", "study_1"),
        ("1..2", "study_1..2"),
        ("1.2.", "study_1.2."),
        ("../../etc", "study_.._.._etc_b2d9fe41e2c00c1f"),
        ("study_config", "study_study_config"),
        ("-rf", "study_-rf"),
    ];
    let server = Server::start(Program::Ours, &["-su", ""]);
    for (study, _) in names {
        if !study.contains('/')
            && !study.starts_with("..")
            && !matches!(study, "." | "study_config")
        {
            fs::create_dir(server.directory().join(study)).expect("a folder of somebody else");
        }
    }
    fs::create_dir(server.directory().join("1.2.3")).expect("a folder");
    for (study, folder) in names.into_iter().chain([("1.2.3", "1.2.3"), ("2.25.007", "2.25.007")]) {
        let object = Object::of_study(study, None, "");
        send(&server, std::slice::from_ref(&object));
        let path = server.directory().join(folder).join(object.file_name());
        assert!(path.is_file(), "{study}: {:?}", server.files());
    }
    for (study, _) in
        names.iter().filter(|(study, _)| !study.contains("../") && *study != "study_config")
    {
        if !matches!(*study, "." | "..") {
            let found = fs::read_dir(server.directory().join(study)).map(Iterator::count);
            assert_eq!(found.unwrap_or(0), 0, "{study}");
        }
    }
    // With a prefix, the operator has chosen the names.
    let server = Server::start(Program::Ours, &["-su", "P"]);
    send(&server, &[Object::of_study(".ssh", None, "")]);
    assert!(server.directory().join("P_.ssh").is_dir());
    // The same for a patient's name, in every position.
    for name in ["..", ".ssh", "/etc/passwd", "~root", "-rf", " . ", "\u{2024}ssh"] {
        let server = Server::start(Program::Ours, &["-sp"]);
        send(&server, &[Object::of_study("1.2.3", Some(name.as_bytes()), "ISO_IR 192")]);
        let folders = server.files();
        let folder = folders.first().expect("a folder");
        let ours = |letter: char| letter.is_ascii_alphanumeric() || "_/".contains(letter);
        assert!(folder.ends_with('/') && folder.chars().all(ours), "{name}: {folders:?}");
    }
}

/// Debian's program uses a whole core from the first study on.
#[test]
fn a_time_out_of_nothing_costs_nothing() {
    let server = Server::start(Program::Ours, &["-su", "", "-tos", "0", "-xcs", "true"]);
    send(&server, &[Object::ct(10)]);
    thread::sleep(Duration::from_millis(300));
    let before = cpu_ticks(server.process_id());
    thread::sleep(SECOND);
    let ticks = cpu_ticks(server.process_id()) - before;
    assert!(ticks < 10, "{ticks} of 100 ticks");
}

/// User and system time, in ticks of 10 ms.
fn cpu_ticks(process: u32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{process}/stat")).expect("it runs");
    let fields: Vec<&str> = text.rsplit_once(") ").expect("a name").1.split(' ').collect();
    fields[11..13].iter().map(|ticks| ticks.parse::<u64>().expect("a number")).sum()
}
