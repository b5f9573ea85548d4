//! Tests that commands survive the receiver: what waits at a kill is run at the next start.

use std::collections::BTreeSet;
use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use interop::process::eventually;
use interop::wire::{Client, Request};
use interop::{Object, Program, Server};

use rustix::process::{Pid, Signal, kill_process};

use crate::events::{Desk, SECOND, SOON, send};

/// A command that waits for the file `go`, and then records the name of its file.
const WAITS: &str = "while [ ! -e ../go ]; do sleep 0.05; done; rec #f";

fn start(desk: &Desk, options: &[&str]) -> Server {
    desk.in_path(Server::with(Program::Ours, options)).directory(&desk.out).start()
}

/// Ends it and what it runs, as a machine that stops at once.
fn kill(mut server: Server) {
    let commands = server.children();
    server.signal("KILL");
    assert!(server.wait(SOON).is_some());
    end_all(&commands);
}

/// Ends commands that may have ended by themselves.
fn end_all(commands: &[u32]) {
    for command in commands.iter().filter_map(|&id| Pid::from_raw(id.cast_signed())) {
        let _ = kill_process(command, Signal::KILL);
    }
}

fn end(mut server: Server) -> String {
    server.signal("TERM");
    assert_eq!(server.wait(SOON).and_then(|status| status.code()), Some(0));
    server.stderr()
}

fn desk() -> Desk {
    let desk = Desk::new();
    desk.recorder("rec");
    desk
}

fn waits(desk: &Desk) -> String {
    WAITS.replace("..", &desk.scratch.path().display().to_string())
}

fn let_go(desk: &Desk) {
    fs::write(desk.scratch.path().join("go"), "").expect("a file");
}

fn calls_of(objects: &[Object]) -> Vec<String> {
    let mut calls: Vec<_> =
        objects.iter().map(|object| format!("<{}>", object.file_name())).collect();
    calls.sort();
    calls
}

fn objects(count: usize) -> Vec<Object> {
    (0..count).map(|_| Object::ct(10)).collect()
}

/// The journals in the output directory.
fn journals(desk: &Desk) -> usize {
    fs::read_dir(desk.out.join(".storescp")).map_or(0, Iterator::count)
}

#[test]
fn what_waits_at_a_kill_is_run_at_the_next_start_and_once() {
    let desk = desk();
    let command = waits(&desk);
    let options = ["-xcr", &command, "--exec-max", "1"];
    let server = start(&desk, &options);
    let sent = objects(5);
    send(&server, &sent);
    eventually("the first one runs", SOON, || !server.children().is_empty());
    kill(server);
    assert_eq!(journals(&desk), 1);
    // Another kill before any of them has run.
    let server = start(&desk, &options);
    eventually("the first one runs again", SOON, || !server.children().is_empty());
    kill(server);

    let server = start(&desk, &options);
    let_go(&desk);
    desk.expect_calls(5);
    let log = end(server);
    assert!(log.contains("W: an earlier run was ended before its commands: "), "{log}");
    assert!(!desk.out.join(".storescp").exists(), "nothing is left");
    end(start(&desk, &options));
    let mut calls = desk.raw_calls();
    assert_eq!(calls, sent.iter().map(|it| format!("<{}>", it.file_name())).collect::<Vec<_>>());
    calls.sort();
    assert_eq!(calls, calls_of(&sent));
}

#[test]
fn without_a_journal_nothing_is_run_and_nothing_left() {
    let desk = desk();
    let command = waits(&desk);
    let options = ["-xcr", &command, "--exec-max", "1", "--exec-journal", "off"];
    let server = start(&desk, &options);
    send(&server, &objects(2));
    eventually("one runs", SOON, || !server.children().is_empty());
    assert_eq!(journals(&desk), 0);
    kill(server);
    let_go(&desk);
    end(start(&desk, &options));
    assert_eq!(desk.raw_calls(), [] as [String; 0]);
}

/// Its lock says that the first one lives.
#[test]
fn two_receivers_of_one_directory_do_not_run_each_others() {
    let desk = desk();
    let command = waits(&desk);
    let options = ["-xcr", &command, "--exec-max", "1"];
    let first = start(&desk, &options);
    let sent = objects(2);
    send(&first, &sent);
    eventually("one runs", SOON, || !first.children().is_empty());
    let second = start(&desk, &options);
    thread::sleep(SECOND / 5);
    assert_eq!(second.children(), [] as [u32; 0]);
    kill(first);
    // Nor does one that runs already: only a start looks for them.
    let_go(&desk);
    assert_eq!(desk.raw_calls(), [] as [String; 0]);
    let third = start(&desk, &options);
    desk.expect_calls(2);
    end(third);
    end(second);
    assert_eq!(desk.calls(), calls_of(&sent));
}

#[test]
fn a_study_that_was_open_at_a_kill_ends_at_the_next_start() {
    let desk = desk();
    let options = ["-su", "", "-rns", "-xcs", "rec #p $STORESCP_REASON $STORESCP_CALLING_AE"];
    let server = start(&desk, &options);
    let of = |study: &str| Object::of_study(study, None, "");
    send(&server, &[of("2.25.1"), of("2.25.2"), of("2.25.2")]);
    desk.expect_calls(1);
    kill(server);
    let server = start(&desk, &options);
    desk.expect_calls(2);
    end(server);
    end(start(&desk, &options));
    let title = Request::usual().calling;
    assert_eq!(
        desk.calls(),
        [format!("<OUT/2.25.1><next-study><{title}>"), format!("<OUT/2.25.2><stop><{title}>")]
    );
    let mut names: Vec<_> = fs::read_dir(desk.out.join("2.25.2"))
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("text"))
        .collect();
    names.sort();
    assert_eq!(names.len(), 2);
    assert!(names[0].ends_with("000001") && names[1].ends_with("000002"), "{names:?}");
}

/// It counts from its last object, also if that was before the kill, and further objects belong to it.
#[test]
fn a_study_with_a_time_out_goes_on_after_a_kill() {
    let desk = desk();
    let options = ["-ss", "s", "-tos", "3", "-xcs", "rec #p $STORESCP_REASON"];
    let server = start(&desk, &options);
    let of = |study: &str| Object::of_study(study, None, "");
    // On one association, the second study would end the first.
    send(&server, &[of("2.25.1")]);
    send(&server, &[of("2.25.2")]);
    let sent = Instant::now();
    kill(server);
    let server = start(&desk, &options);
    send(&server, &[of("2.25.2")]);
    desk.expect_calls(1);
    assert!(sent.elapsed() >= 2 * SECOND, "not before its time");
    desk.expect_calls(2);
    end(server);
    let calls = desk.calls();
    assert_eq!(calls.len(), 2, "{calls:?}");
    assert!(calls.iter().all(|call| call.ends_with("><timeout>")), "{calls:?}");
    let folders = fs::read_dir(&desk.out).expect("the directory").count();
    assert_eq!(folders, 2, "the third object went into the folder of its study");
}

/// At the end of the grace period too.
#[test]
fn what_is_not_run_at_the_shutdown_is_run_at_the_next_start() {
    let desk = desk();
    let command = waits(&desk);
    let options = ["-xcr", &command, "--exec-max", "1", "--grace-period", "1"];
    let mut server = start(&desk, &options);
    let sent = objects(3);
    send(&server, &sent);
    eventually("one runs", SOON, || !server.children().is_empty());
    let commands = server.children();
    server.signal("TERM");
    assert!(server.wait(SOON).is_some());
    end_all(&commands);
    let log = server.stderr();
    assert!(log.contains("E: grace period expired: 2 commands not run"), "{log}");
    assert!(log.contains("for the next start"), "{log}");
    let_go(&desk);
    let server = start(&desk, &options);
    desk.expect_calls(3);
    end(server);
    assert_eq!(desk.calls(), calls_of(&sent));
}

/// The command has changed meanwhile; then there is none.
#[test]
fn settings_that_have_changed_run_them_too_or_keep_them() {
    let desk = desk();
    let command = waits(&desk);
    let server = start(&desk, &["-xcr", &command]);
    let sent = objects(1);
    send(&server, &sent);
    eventually("it runs", SOON, || !server.children().is_empty());
    kill(server);
    // It has a journal, and no command for what is in the other one.
    let log = end(start(&desk, &["-su", "", "-xcs", "true"]));
    assert!(
        log.contains("E: 1 entries of the journal of commands are for none of these settings"),
        "{log}"
    );
    assert_eq!(journals(&desk), 1);
    let server = start(&desk, &["-xcr", "rec other #f"]);
    desk.expect_calls(1);
    end(server);
    assert_eq!(desk.raw_calls(), [format!("<other><{}>", sent[0].file_name())]);
}

/// There can be no journal: the command has run when success is answered.
#[test]
fn a_command_that_cannot_be_recorded_is_run_before_the_answer() {
    let desk = desk();
    let user = rustix::process::geteuid().as_raw();
    for name in [".storescp".to_owned(), format!(".storescp-{user}")] {
        fs::write(desk.out.join(name), "a file in its place").expect("a file");
    }
    let server = start(&desk, &["-xcr", "sleep 0.5; rec #f", "--durability", "none"]);
    let mut client = Client::usual(server.port());
    let sent = objects(2);
    for (number, object) in sent.iter().enumerate() {
        assert_eq!(client.store(3, object).status(), 0);
        assert_eq!(desk.raw_calls().len(), number + 1);
    }
    client.release();
    let log = end(server);
    assert!(log.contains("E: cannot write the journal of commands: "), "{log}");
    assert_eq!(desk.calls(), calls_of(&sent));
}

/// Killed again and again while objects come: each that was answered with success has its command.
#[test]
fn kills_at_any_time_lose_no_command() {
    for durability in ["none", "full"] {
        let desk = desk();
        let options = ["-xcr", "rec #f", "--durability", durability];
        let mut answered = BTreeSet::new();
        for round in 0..8_u64 {
            let server = start(&desk, &options);
            let mut client = Client::usual(server.port());
            let until = Instant::now() + Duration::from_millis(20 + 37 * round);
            while Instant::now() < until {
                let object = Object::ct(10);
                assert_eq!(client.store(3, &object).status(), 0);
                answered.insert(format!("<{}>", object.file_name()));
            }
            kill(server);
        }
        let server = start(&desk, &options);
        let done = || desk.raw_calls().into_iter().collect::<BTreeSet<_>>();
        eventually("all have run", SOON, || done().is_superset(&answered));
        end(server);
        assert!(answered.len() > 8 && !desk.out.join(".storescp").exists(), "{}", answered.len());
    }
}
