//! Tests the program as a process: command line, startup failures, log, time limits, signals, and the number of
//! concurrent associations.

use std::net::TcpStream;
use std::process::Command as Process;
use std::time::{Duration, Instant};

use interop::process::{Output, eventually, patient, run};
use interop::wire::{Answer, Client, Command, Pdv, Request, abort, data_pdu, release_request};
use interop::{
    Namespace, Object, Program, Scratch, Server, both, free_port, is_dcmtks_line, peers, skip,
};

const PROMPT: Duration = Duration::from_secs(10);
const SECOND: Duration = Duration::from_secs(1);

/// Both programs have the same exit code and the same `error:` line.
#[test]
fn command_line_errors_equal_debian() {
    let lines: [&[&str]; 30] = [
        &["--no-such-option", "11112"],
        &["-Z", "11112"],
        &["--prefer-lossles", "11112"],
        &["-v"],
        &["11112", "11113"],
        &["x"],
        &["0"],
        &["-5"],
        &["65536"],
        &["99999999999"],
        &["--max-pdu", "4095", "11112"],
        &["--max-pdu", "131073", "11112"],
        &["--max-pdu", "many", "11112"],
        &["11112", "--max-pdu"],
        &["--aetitle"],
        &["--acse-timeout", "0", "11112"],
        &["--dimse-timeout", "0", "11112"],
        &["--socket-timeout", "-2", "11112"],
        &["--sleep-after", "-1", "11112"],
        &["--sleep-during", "x", "11112"],
        &["-ll", "loud", "11112"],
        &["-ll", "info", "-v", "11112"],
        &["+v", "11112"],
        &["@/no/such/file", "11112"],
        &["--timenames", "+uf", "11112"],
        &["--exec-on-eostudy", "x", "11112"],
        &["--rename-on-eostudy", "11112"],
        &["--eostudy-timeout", "1", "11112"],
        &["--use-passwd", "x", "11112"],
        &["--write-seed", "11112"],
    ];
    for line in lines {
        let [ours, theirs] = direct(line);
        let error = |output: &Output| {
            let found = output.stderr.lines().find(|line| line.starts_with("error: "));
            found.unwrap_or_else(|| panic!("{line:?}: {}", output.stderr)).to_owned()
        };
        assert_eq!(error(&ours), error(&theirs), "{line:?}");
        assert_eq!((ours.code(), theirs.code()), (Some(1), Some(1)), "{line:?}");
        assert_eq!(ours.stderr.lines().nth(2), theirs.stderr.lines().nth(2), "{line:?}");
    }
}

#[test]
fn help_and_version_end_with_success_as_debian_does() {
    for line in [&[][..], &["--help"], &["-h", "x", "y"], &["--version"], &["--version", "-v"]] {
        let [ours, theirs] = direct(line);
        assert_eq!((ours.code(), theirs.code()), (Some(0), Some(0)), "{line:?}");
        assert_eq!(ours.stderr, "", "{line:?}");
        for mark in ["storescp: DICOM storage (C-STORE) SCP", "usage: storescp [options] [port]"] {
            assert_eq!(ours.stdout.contains(mark), theirs.stdout.contains(mark), "{line:?}");
        }
    }
}

#[test]
fn start_failures_equal_debian() {
    let scratch = Scratch::new();
    let taken = Server::start(Program::Debian, &[]);
    let port = taken.port().to_string();
    let free = free_port().to_string();
    let file = scratch.path().join("file");
    std::fs::write(&file, "").expect("a file");
    let file = file.display().to_string();
    let here = scratch.path().display().to_string();
    let failures: [&[&str]; 5] = [
        &["-od", &here, &port],
        &["-q", "-od", &here, &port],
        &["-od", "/no/such/directory", &free],
        &["-q", "-od", "/no/such/directory", &free],
        &["-od", &file, &free],
    ];
    for line in failures {
        let [ours, theirs] = direct(line);
        let hint = ours.stderr.strip_prefix(&theirs.stderr);
        let hint = hint.unwrap_or_else(|| panic!("{line:?}: {}", ours.stderr));
        // With --quiet, there are DCMTK's words alone.
        assert_eq!(hint.is_empty(), line[0] == "-q", "{line:?}: {hint}");
        assert!(hint.is_empty() || is_hint(hint), "{line:?}: {hint}");
        assert_eq!((ours.code(), theirs.code()), (Some(1), Some(1)), "{line:?}");
    }
}

/// One line at ERROR, which stands behind DCMTK's.
fn is_hint(text: &str) -> bool {
    text.starts_with("E: ") && text.ends_with('\n') && text.lines().count() == 1
}

/// DCMTK refuses such an option.
#[test]
fn a_value_may_be_joined_to_a_long_name() {
    let server = Server::start(Program::Ours, &["--log-level=info", "--aetitle=A=B"]);
    server.wait_for_log(", AE title A=B, ");
}

#[test]
fn a_read_only_directory_is_a_start_failure_as_with_debian() {
    let Some(namespace) = Namespace::available() else {
        return skip("a read-only directory: no mount namespaces here");
    };
    let scratch = Scratch::new();
    let failures = [Program::Ours, Program::Debian].map(|program| {
        let start = namespace.setup_on_tmpfs(program, scratch.path(), "ro", &[]);
        start.try_start().expect_err("it cannot write there")
    });
    let [ours, theirs] = failures;
    let hint = ours.stderr.strip_prefix(&theirs.stderr);
    assert!(hint.is_some_and(is_hint), "{}", ours.stderr);
    assert!(ours.stderr.contains(" cannot create files in '"), "{}", ours.stderr);
    assert_eq!((ours.status.code(), theirs.status.code()), (Some(1), Some(1)));
}

/// Log lines equal Debian's wherever possible, because scripts parse them.
#[test]
fn the_log_equals_debian() {
    let object = Object::ct(60_000);
    for options in [&[][..], &["-q"], &["-v"], &["-v", "+B"], &["-v", "--ignore"], &["-ll", "info"]]
    {
        let [ours, theirs] = both(options, |server| {
            let mut client = Client::usual(server.port());
            assert_eq!(client.echo(1), 0);
            assert_eq!(client.store(3, &object).status(), 0);
            assert_eq!(client.store(3, &object).status(), 0);
            client.release();
            settle();
            let mut aborting = Client::usual(server.port());
            aborting.send(&abort(0, 0));
            drop(aborting);
            settle();
            drop(Client::usual(server.port()));
            settle();
            let without_directory =
                |text: String| text.replace(&server.directory().display().to_string(), "OUT");
            let log = dcmtks_lines(server);
            (without_directory(log), without_directory(server.stdout()))
        });
        assert_eq!(ours.0, theirs.0, "standard error {options:?}");
        assert_eq!(ours.1, theirs.1, "standard output {options:?}");
    }
}

/// The log without the lines that only our program has. Where it listens, it tells at most once.
fn dcmtks_lines(server: &Server) -> String {
    let log = server.stderr();
    let mut listening = log.lines().filter(|line| line.starts_with("I: listening on "));
    if let Some(line) = listening.next() {
        let place = format!("I: listening on 0.0.0.0:{}, AE title STORESCP, stori", server.port());
        assert!(line.starts_with(&place), "{line}");
        assert_eq!(listening.next(), None);
    }
    log.split_inclusive('\n').filter(|line| is_dcmtks_line(line)).collect()
}

#[test]
fn rejections_are_logged_as_debian_does() {
    let cases = [
        (&["-v", "--refuse"][..], Request::usual()),
        (&["-v", "--reject"], Request { implementation_class: None, ..Request::usual() }),
        (&["-v"], Request { application_context: Some("1.2.3".to_owned()), ..Request::usual() }),
    ];
    for (options, request) in cases {
        let [ours, theirs] = both(options, |server| {
            let mut client = Client::connect(server.port());
            client.send(&request.encode());
            assert!(matches!(client.answer(), Answer::Reject(..)));
            settle();
            dcmtks_lines(server)
        });
        // One more line, at the default level, names the peer.
        let (ours, warning): (Vec<&str>, Vec<&str>) =
            ours.lines().partition(|line| !line.starts_with("W: "));
        assert_eq!(ours, theirs.lines().collect::<Vec<_>>(), "{options:?}");
        let [warning] = warning[..] else { panic!("{options:?}: {warning:?}") };
        assert!(warning.starts_with("W: refused association: "), "{warning}");
        assert!(warning.ends_with(" (peer INTEROP@127.0.0.1, association 1)"), "{warning}");
    }
}

#[test]
fn a_line_of_arguments_is_logged_as_debian_does() {
    let file = Scratch::new();
    let options = file.path().join("options");
    std::fs::write(&options, "-v  --ignore\n'+xs'").expect("a file");
    let at_file = format!("@{}", options.display());
    let [ours, theirs] = both(&["--arguments", "-q", &at_file], |server| {
        let log = dcmtks_lines(server);
        let text = log.replace(&server.directory().display().to_string(), "OUT");
        let text = text.replace("/usr/bin/storescp", "storescp");
        text.replace(&server.port().to_string(), "PORT")
    });
    assert_eq!(ours, theirs);
}

#[test]
fn slowness_and_aborts_on_demand_equal_debian() {
    let object = Object::ct(20_000);
    // Two PDVs: one pause before, one after each, and one at the end.
    let [ours, theirs] = both(&["--sleep-during", "1"], |server| {
        let mut client = Client::usual(server.port());
        let started = Instant::now();
        assert_eq!(client.store(3, &object).status(), 0);
        started.elapsed().as_secs()
    });
    assert_eq!((ours, theirs), (4, 4));
    let [ours, theirs] = both(&["--sleep-after", "1"], |server| {
        let mut client = Client::usual(server.port());
        let started = Instant::now();
        assert_eq!(client.store(3, &object).status(), 0);
        let stored = started.elapsed();
        assert_eq!(client.echo(1), 0);
        (stored.as_secs(), started.elapsed().as_secs())
    });
    assert_eq!((ours, theirs), ((0, 1), (0, 1)));
    for options in [
        &["-v", "--abort-after"][..],
        &["-v", "--abort-during"],
        &["-v", "--abort-during", "+B"],
        &["-v", "--abort-after", "+B"],
    ] {
        let [ours, theirs] = both(options, |server| {
            let mut client = Client::usual(server.port());
            client.command(3, &Command::store(1, &object.sop_class, &object.sop_instance));
            for part in object.bytes.chunks(10_100) {
                let last = part.len() < 10_100;
                // After an abort, the connection may already be closed.
                let _ = client.try_send(&data_pdu(&[Pdv::data(3, last, part)]));
            }
            let answer = client.answer();
            server.wait_for_log("ABORT initiated (due to command line options)");
            drop(client);
            eventually("no file stays", PROMPT, || server.files().is_empty());
            answer
        });
        assert_eq!(ours, theirs, "{options:?}");
        assert_eq!(ours, Answer::Abort(0, 0));
    }
}

#[test]
fn silent_peers_are_dropped_in_time() {
    let server = Server::start(Program::Ours, &["-ta", "1"]);
    let mut silent = Client::connect(server.port());
    let mut slow = Client::connect(server.port());
    let request = Request::usual().encode();
    for (client, bytes) in [(&mut silent, &[][..]), (&mut slow, &request[..60])] {
        let started = Instant::now();
        client.send(bytes);
        let answer = client.answer_within(PROMPT);
        assert!(matches!(answer, Answer::Closed | Answer::Abort(..)), "{answer:?}");
        assert!(started.elapsed() < PROMPT, "{:?}", started.elapsed());
    }
    // The limit is for the whole request, so sending it slowly does not extend it.
    let mut trickling = Client::connect(server.port());
    let started = Instant::now();
    let sent = request.iter().take_while(|byte| {
        std::thread::sleep(Duration::from_millis(100));
        started.elapsed() < SECOND * 4 && trickling.try_send(&[**byte]).is_ok()
    });
    assert!(sent.count() < 30, "dropped after about ten bytes");

    // It does not apply to an established association.
    let mut client = Client::usual(server.port());
    std::thread::sleep(SECOND * 2);
    assert_eq!(client.echo(1), 0);
}

#[test]
fn idle_associations_end_in_time() {
    let server = Server::start(Program::Ours, &["-ts", "1"]);
    let mut client = Client::usual(server.port());
    let started = Instant::now();
    let answer = client.answer_within(PROMPT);
    assert!(matches!(answer, Answer::Closed | Answer::Abort(..)), "{answer:?}");
    let elapsed = started.elapsed();
    assert!(elapsed > SECOND / 2 && elapsed < PROMPT, "{elapsed:?}");

    let server = Server::start(Program::Ours, &["-ts", "0"]);
    let mut client = Client::usual(server.port());
    assert_eq!(client.answer_within(SECOND * 2), Answer::Silence);
    assert_eq!(client.echo(1), 0, "no limit");
}

/// Debian's program leaves such an association unusable.
#[test]
fn gaps_inside_a_data_set_end_in_time() {
    let object = Object::ct(50_000);
    for options in [&["-td", "1"][..], &["-td", "1", "+B"]] {
        let server = Server::start(Program::Ours, options);
        let mut client = Client::usual(server.port());
        std::thread::sleep(SECOND * 2);
        assert_eq!(client.echo(1), 0, "between messages there is no limit");
        client.command(3, &Command::store(1, &object.sop_class, &object.sop_instance));
        client.send(&data_pdu(&[Pdv::data(3, false, &object.bytes[..10_000])]));
        let answer = client.answer_within(PROMPT);
        assert!(matches!(answer, Answer::Abort(..)), "{answer:?}");
        assert_eq!(server.files(), [""; 0]);
        settle();
    }
}

#[test]
fn associations_run_side_by_side() {
    for option in ["--single-process", "--fork"] {
        let server = Server::start(Program::Ours, &[option]);
        let mut clients: Vec<Client> = (0..20).map(|_| Client::usual(server.port())).collect();
        for _ in 0..3 {
            for client in &mut clients {
                assert_eq!(client.store(3, &Object::ct(100)).status(), 0);
            }
        }
        assert_eq!(server.files().len(), 60);
    }
}

#[test]
fn past_the_maximum_associations_are_rejected() {
    let server = Server::start(Program::Ours, &["--max-associations", "2"]);
    let first = Client::usual(server.port());
    let mut second = Client::usual(server.port());
    for _ in 0..5 {
        let mut third = Client::connect(server.port());
        third.send(&Request::usual().encode());
        assert_eq!(third.answer_within(PROMPT), Answer::Reject(2, 3, 2));
    }
    assert_eq!(second.echo(1), 0);
    first.release();
    eventually("a place is free again", PROMPT, || {
        let mut next = Client::connect(server.port());
        next.send(&Request::usual().encode());
        matches!(next.answer(), Answer::Accept(_))
    });
}

#[test]
fn past_the_maximum_of_its_address_a_peer_is_rejected() {
    let server = Server::start(Program::Ours, &["--max-associations-per-host", "1"]);
    let first = Client::usual(server.port());
    let mut second = Client::connect(server.port());
    second.send(&Request::usual().encode());
    assert_eq!(second.answer_within(PROMPT), Answer::Reject(2, 3, 2));
    server.wait_for_log("Refusing Association (per-address association limit 1 reached)");
    first.release();
    eventually("a place is free again", PROMPT, || {
        let mut next = Client::connect(server.port());
        next.send(&Request::usual().encode());
        matches!(next.answer(), Answer::Accept(_))
    });
}

#[test]
fn an_idle_server_ends_at_a_signal() {
    for signal in ["TERM", "INT"] {
        let mut server = Server::start(Program::Ours, &[]);
        let mut idle = Client::usual(server.port());
        let silent = Client::connect(server.port());
        server.signal(signal);
        let status = server.wait(PROMPT).expect("it ends");
        assert_eq!(status.code(), Some(0), "{signal}");
        let answer = idle.answer_within(PROMPT);
        assert!(matches!(answer, Answer::Abort(..) | Answer::Closed), "{answer:?}");
        drop(silent);
    }
}

#[test]
fn what_is_in_flight_finishes_after_a_signal() {
    let object = Object::ct(100_000);
    let mut server = Server::start(Program::Ours, &[]);
    let mut client = Client::usual(server.port());
    client.command(3, &Command::store(1, &object.sop_class, &object.sop_instance));
    client.send(&data_pdu(&[Pdv::data(3, false, &object.bytes[..16_000])]));
    settle();
    server.signal("TERM");
    eventually("no new associations", PROMPT, || {
        TcpStream::connect(("127.0.0.1", server.port())).is_err()
    });
    client.data_set(3, &object.bytes[16_000..]);
    assert_eq!(client.response().1.status(), 0);
    assert_eq!(server.files(), [object.file_name()]);
    let _ = client.try_send(&release_request());
    drop(client);
    assert_eq!(server.wait(PROMPT).expect("it ends").code(), Some(0));
}

#[test]
fn the_grace_period_and_a_second_signal_end_what_hangs() {
    let object = Object::ct(100_000);
    for (options, second) in [(&["--grace-period", "1"][..], false), (&[], true)] {
        let mut server = Server::start(Program::Ours, options);
        let mut client = Client::usual(server.port());
        client.command(3, &Command::store(1, &object.sop_class, &object.sop_instance));
        client.send(&data_pdu(&[Pdv::data(3, false, &object.bytes[..16_000])]));
        settle();
        let started = Instant::now();
        server.signal("TERM");
        if second {
            std::thread::sleep(SECOND);
            assert_eq!(server.wait(Duration::ZERO), None, "it waits for what is in flight");
            server.signal("TERM");
        }
        let status = server.wait(PROMPT).expect("it ends");
        assert!(started.elapsed() < patient(PROMPT));
        assert_eq!(status.code(), Some(i32::from(second)));
        assert_eq!(server.files(), [""; 0]);
    }
}

/// Gives the receiver time to process earlier input. That is not visible from outside in general, and a
/// connection to find out would itself be logged.
fn settle() {
    std::thread::sleep(Duration::from_millis(200));
}

/// Runs both programs with only these arguments.
fn direct(words: &[&str]) -> [Output; 2] {
    let programs = [peers::storescp().to_owned(), peers::debian_path("storescp")];
    programs.map(|program| run(Process::new(program).args(words), Duration::from_secs(10)))
}
