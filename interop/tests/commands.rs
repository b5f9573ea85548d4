//! Tests what commands are given, and that no value from a peer is executed as a command.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::thread;

use interop::process::eventually;
use interop::wire::{Client, Request, uid};
use interop::{Object, Program, Server, Setup};

use crate::events::{Desk, SECOND, SOON, send};

/// AE titles that would be commands if a shell interpreted them; `pwn` is a command.
const TITLES: [&str; 10] =
    ["; pwn", "$(pwn)", "`pwn`", "';pwn;'", "\";pwn;\"", "pwn", "-rf", "\\", "x -t y", "* ~ !x #y"];

fn store_as(server: &Server, calling: &str, called: &str, object: &Object) {
    let mut request = Request::usual();
    request.calling = calling.to_owned();
    request.called = called.to_owned();
    let (mut client, _) = Client::associate(server.port(), &request);
    assert_eq!(client.store(3, object).status(), 0);
    client.release();
}

/// A desk with the programs `pwn`, which leaves a mark, and `env-of`, which records the variables that it is
/// given.
fn desk() -> Desk {
    let desk = Desk::new();
    desk.recorder("rec");
    let mark = desk.scratch.path().join("PWNED");
    let record = desk.scratch.path().join("record");
    for (name, script) in [
        ("pwn", format!("touch '{}'", mark.display())),
        (
            "told",
            format!(
                "echo \"$(env | grep ^STORESCP_ | grep -Ev '_(BINARY|PEERS|PATIENCE)=' | sort | tr '\\n' '|')\" >> '{}'",
                record.display()
            ),
        ),
    ] {
        let path = desk.scratch.path().join("bin").join(name);
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("a script");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("it is executable");
    }
    desk
}

fn mark(desk: &Desk) -> PathBuf {
    desk.scratch.path().join("PWNED")
}

fn start(desk: &Desk, options: &[&str]) -> Server {
    desk.in_path(setup(options)).directory(&desk.out).start()
}

fn setup(options: &[&str]) -> Setup {
    Server::with(Program::Ours, options)
}

/// Every value is exactly as sent, and none comes from the receiver's own environment.
#[test]
fn commands_find_every_value_in_their_environment() {
    for title in TITLES {
        let desk = desk();
        let options = ["-xcr", "told", "-xcs", "told", "-su", "s", "-dhl", "--exec-max", "1"];
        let setup = setup(&options).environment("STORESCP_REASON", "inherited");
        let setup = setup.environment("STORESCP_PEER_NAME", "inherited");
        let mut server = desk.in_path(setup).directory(&desk.out).start();
        let object = Object::of_study("2.25.1", Some(b"Doe^Jane"), "");
        store_as(&server, title, "CALLED", &object);
        server.signal("TERM");
        assert_eq!(server.wait(SOON).and_then(|status| status.code()), Some(0));
        let path = desk.out.join("s_2.25.1").display().to_string();
        let sender = format!(
            "STORESCP_CALLED_AE=CALLED|STORESCP_CALLING_AE={title}|FILE|STORESCP_PATH={path}|\
             STORESCP_PEER=127.0.0.1|"
        );
        let name = object.file_name();
        let received = sender.replace("FILE", &format!("STORESCP_FILE={name}"))
            + &format!(
                "STORESCP_SOP_CLASS_UID={}|STORESCP_SOP_INSTANCE_UID={}|\
                 STORESCP_STUDY_INSTANCE_UID=2.25.1|\
                 STORESCP_TRANSFER_SYNTAX_UID={}|",
                object.sop_class,
                object.sop_instance,
                uid::EVLE,
            );
        let ended = sender.replace("FILE|", "")
            + "STORESCP_REASON=stop|STORESCP_STUDY_INSTANCE_UID=2.25.1|";
        assert_eq!(desk.raw_calls(), [received, ended]);
        assert!(!mark(&desk).exists(), "{title}");
    }
}

/// The peer's name is set if a command asks for it; without a file (`--ignore`), no variable describes one.
#[test]
fn the_peer_has_a_name_where_a_command_asks_for_it() {
    let desk = desk();
    let server = start(&desk, &["-xcr", "told \"$STORESCP_PEER_NAME\"", "-dhl", "--ignore", "-xs"]);
    send(&server, &[Object::ct(10)]);
    desk.expect_calls(1);
    let call = &desk.raw_calls()[0];
    assert!(call.contains("|STORESCP_PEER_NAME=127.0.0.1|"), "{call}");
    for absent in ["STORESCP_FILE", "STORESCP_PATH", "STORESCP_TRANSFER_SYNTAX_UID"] {
        assert!(!call.contains(absent), "{call}");
    }
}

/// Environment variables need no quoting, in directories of any name.
#[test]
fn variables_in_quotes_need_nothing_else() {
    for name in ["plain", "two  blanks", "it's", "say \"$(pwn)\"", "-rf", "*"] {
        let desk = desk();
        let out = desk.out.join(name);
        fs::create_dir(&out).expect("a directory");
        let line = "rec \"$STORESCP_PATH/$STORESCP_FILE\" \"$STORESCP_CALLING_AE\"; \
                    sh -c 'rec \"$STORESCP_CALLING_AE\"'";
        let setup = desk.in_path(setup(&["-xcr", line, "-xs"]));
        let server = setup.directory(&out).start();
        for title in TITLES {
            let object = Object::ct(10);
            store_as(&server, title, "CALLED", &object);
            let calls = desk.raw_calls();
            let path = out.join(object.file_name()).display().to_string();
            let expected = [format!("<{path}><{title}>"), format!("<{title}>")];
            assert_eq!(calls[calls.len() - 2..], expected);
        }
        assert!(!mark(&desk).exists());
    }
}

/// Each form in which a title is one word receives it unchanged; in all others, only letters and digits remain.
#[test]
fn titles_are_one_word_wherever_they_stand() {
    for line in [
        "rec #a \"#c\" x#a",
        "sh -c 'rec \"#a\" x#c'",
        "sh -c \"rec x#a x#c\"",
        "rec `# it's` \"#a\" x\"#c\"; true",
        "rec \"$(case x in x) echo x#a;; esac)\" x\"#c\"",
        "(rec \"\\\"#a\\\"\" x#c)",
        "cat <<E >/dev/null\nit's x#a\nE\nrec x#a x#c",
    ] {
        let desk = desk();
        let server = start(&desk, &["-xcr", line, "-xs"]);
        for title in TITLES {
            store_as(&server, title, title, &Object::ct(10));
        }
        for call in desk.raw_calls() {
            let words = call.matches("><").count() + 1;
            assert_eq!(words, if line.starts_with("rec #a") { 3 } else { 2 }, "{line}: {call}");
        }
        assert_eq!(desk.raw_calls().len(), TITLES.len(), "{line}");
        assert!(!mark(&desk).exists(), "{line}");
    }
}

/// The receiver refuses to start if a peer could choose the command, or if a path would be changed.
#[test]
fn what_no_value_is_fit_for_is_refused_at_the_start() {
    for (options, reason) in [
        (&["-xcr", "true \\#a"][..], "--exec-on-reception: #a follows a backslash"),
        (&["-xcr", "true; #c"], "--exec-on-reception: #c would let the peer choose the command"),
        (&["-xcr", "eval 'rec \"#c #a\"'"], "--exec-on-reception: #c would let the peer"),
        (
            &["-xcr", "echo $((#a))"],
            "--exec-on-reception: #a would be read as part of a variable name",
        ),
        (&["-su", "a b", "-xcs", "sh -c 'rec #p'"], "--exec-on-eostudy: #p contains characters"),
        (&["-fe", " x", "-xcr", "sh -c 'rec #f'"], "--exec-on-reception: #f contains characters"),
    ] {
        let failure = setup(options).try_start().expect_err("it does not start");
        assert_eq!(failure.status.code(), Some(1), "{options:?}");
        assert!(failure.stderr.contains(reason), "{options:?}: {}", failure.stderr);
        assert!(failure.stderr.contains("instead: "), "what to use: {}", failure.stderr);
    }
}

const TRACED: &str = "trace=clone,clone3,fork,vfork";

/// If no process can be created for a while, each command runs once, later, in the order of the objects.
#[test]
fn commands_that_cannot_be_started_for_a_moment_are_run_later() {
    const OBJECTS: usize = 40;
    for error in ["EAGAIN", "ENOMEM"] {
        for options in [&["--exec-max", "1"][..], &["--exec-max", "3"], &["-xs"]] {
            let desk = desk();
            let command = ["-xcr", "echo #f >> ../done"];
            let inject = format!("inject=clone,clone3,fork,vfork:error={error}:when=12..15");
            let trace = ["-D", "-f", "-qq", "-o", "/dev/null", "-e", TRACED, "-e", &inject];
            let options = [&command[..], options].concat();
            let setup = setup(&options).through("strace", &trace).as_typed_in(&desk.out);
            let server = desk.in_path(setup).start();
            let objects: Vec<Object> = (0..OBJECTS).map(|_| Object::ct(10)).collect();
            send(&server, &objects);
            let done = || {
                let done = fs::read_to_string(desk.scratch.path().join("done"));
                done.unwrap_or_default().lines().map(str::to_owned).collect::<Vec<_>>()
            };
            eventually("all have run", 3 * SOON, || done().len() >= OBJECTS);
            thread::sleep(SECOND / 5);
            let mut expected: Vec<String> = objects.iter().map(Object::file_name).collect();
            let mut done = done();
            if options.contains(&"3") {
                expected.sort();
                done.sort();
            }
            assert_eq!(done, expected, "{error} {options:?}");
            let log = server.stderr();
            let told = log.matches("cannot start a command for now, trying again").count();
            assert_eq!(told, 1, "{error} {options:?}: {log}");
        }
    }
}

/// If no process can be created at all, the receiver still ends, and reports the commands that did not run.
#[test]
fn commands_that_can_never_be_started_are_told_at_the_end() {
    for options in [&["--exec-max", "1"][..], &["-xs"]] {
        let command = ["-xcr", "true #f", "--grace-period", "1"];
        let inject = "inject=clone,clone3,fork,vfork:error=EAGAIN:when=8+";
        let trace = ["-D", "-f", "-qq", "-o", "/dev/null", "-e", TRACED, "-e", inject];
        let options = [&command[..], options].concat();
        let mut server = setup(&options).through("strace", &trace).start();
        let mut client = Client::usual(server.port());
        let mut stored = 0;
        for _ in 0..12 {
            let object = Object::ct(10);
            client.command(3, &interop::wire::Command::store(1, uid::CT, &object.sop_instance));
            client.data_set(3, &object.bytes);
            stored += 1;
            if server.stderr().contains("cannot start a command for now") {
                break;
            }
            thread::sleep(SECOND / 20);
        }
        server.wait_for_log("cannot start a command for now, trying again");
        server.signal("TERM");
        assert_eq!(server.wait(SOON).and_then(|status| status.code()), Some(0), "{options:?}");
        let log = server.stderr();
        assert!(stored > 0 && log.contains("grace period expired: "), "{log}");
        assert!(log.contains("E: not run: true #f (SOP instance "), "{log}");
    }
}
