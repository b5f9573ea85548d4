//! Tests which commands run, when and with what arguments, and how they can affect receiving.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use interop::process::{eventually, patient};
use interop::wire::{Client, Command, Request, uid};
use interop::{Object, Program, Scratch, Server, Setup};

use crate::names::{normal, stored};

pub(crate) const SOON: Duration = Duration::from_secs(30);
pub(crate) const SECOND: Duration = Duration::from_secs(1);

/// Command lines from other people's scripts and programs, word for word.
#[test]
fn command_lines_of_the_field_run_unchanged() {
    let lines: [(&str, usize); 6] = [
        (r#"--fork|--promiscuous|+xa|-od|DIR|+uf|-xcr|helper DIR/#f #r #a #c"#, 3),
        (r##"--fork|-od|DIR|-pm|-sp|-xcr|cmd --xcrdir "#p" --xcrfile "#f""##, 3),
        (
            "-ll|warn|--fork|-pm|+xa|-aet|X|-pdu|131072|-dhl|-up|-od|DIR|-su||-uf|-xcr|\
             script #a #r #p #f",
            3,
        ),
        (
            "-aet|X|--sort-on-study-uid|P|--eostudy-timeout|16|--exec-sync|--exec-on-eostudy|\
             process #r #a #c #p|-od|DIR|-fe|.dcm",
            1,
        ),
        (
            "-xs|-fe|.dcm|-sp|-aet|X|--exec-on-reception|echo #f 1>&2|--exec-on-eostudy|echo #p|\
             --eostudy-timeout|5",
            0,
        ),
        (
            "--fork|+cl|6|-aet|X|-tos|5|-ll|info|-od|DIR|-ss|ID|-xf|storescp.cfg|Default|-fe|.dcm|\
             -xcr|cmd #f",
            3,
        ),
    ];
    let objects = [
        Object::of_study("2.25.1", Some(b"Doe^Jane"), ""),
        Object::of_study("2.25.1", Some(b"Doe^Jane"), ""),
        Object::of_study("2.25.2", Some(b"Doe^John"), ""),
    ];
    let run = |program: Program, line: &str, commands: usize| {
        let desk = Desk::new();
        for name in ["helper", "cmd", "script", "process"] {
            desk.recorder(name);
        }
        fs::copy("/etc/dcmtk/storescp.cfg", desk.out.join("storescp.cfg")).expect("a copy");
        let line = line.replace("DIR", &desk.out.display().to_string());
        let options: Vec<&str> = line.split('|').collect();
        let setup = Server::with(program, &options).as_typed_in(&desk.out);
        let server = desk.in_path(setup).start();
        send(&server, &objects);
        let echoes = line.contains("echo");
        desk.expect_calls(commands);
        if echoes {
            let both_ended = || server.stdout().matches("Doe_").count() == 2;
            eventually("the second study has timed out", SOON, both_ended);
        }
        let output = |text: String| {
            let lines =
                text.lines().filter(|line| !line.starts_with("I: ") && !line.contains("RECV"));
            lines.map(|line| desk.normal(line)).collect::<Vec<_>>()
        };
        let mut files = stored(&server);
        files.retain(|(name, _)| name != "storescp.cfg");
        (desk.calls(), output(server.stdout()), output(server.stderr()), files)
    };
    thread::scope(|scope| {
        for (line, commands) in lines {
            scope.spawn(move || {
                let [ours, theirs] = thread::scope(|scope| {
                    [Program::Ours, Program::Debian]
                        .map(|program| scope.spawn(move || run(program, line, commands)))
                        .map(|run| run.join().expect("it runs"))
                });
                assert_eq!(ours, theirs, "{line}");
            });
        }
    });
}

#[test]
fn placeholders_equal_debian() {
    let objects = [
        Object::of_study("2.25.1", Some(b"Doe^Jane"), ""),
        Object::of_study("2.25.2", Some(b"M\xfcller"), ""),
    ];
    let lines: [&[&str]; 9] = [
        &["-xcr", "rec #p #f #a #c #r"],
        &["-xcr", "rec \"#p/#f\" #p/#f '#f'", "-fe", ".dcm", "-dhl"],
        &["-xcr", "rec x#a#c \"#a\" '#c'; rec #r", "-dhl"],
        &["-xcr", "rec a#x a## \"#\" \"$(basename #p)\" `basename #f` a#p"],
        &["-xcr", "rec 'a b' \"#f\" c\\ d", "-su", "pre", "-xs"],
        &["-xcr", "rec #p #f", "-sp", "+te"],
        &["-xcr", "rec '#p #f' #a", "--ignore"],
        &["-xcr", "rec #f", "+B", "-xs"],
        &["-xcr", "true; rec first; rec #p", "-xcs", "rec \"#f\" #p #a #c #r", "-su", "s", "-dhl"],
    ];
    for line in lines {
        let [ours, theirs] = [Program::Ours, Program::Debian].map(|program| {
            let desk = Desk::new();
            desk.recorder("rec");
            let server = desk.in_path(Server::with(program, line)).directory(&desk.out).start();
            send(&server, &objects);
            let commands =
                line[1].matches("rec ").count() * 2 + usize::from(line.contains(&"-xcs"));
            desk.expect_calls(commands);
            desk.calls()
        });
        assert_eq!(ours, theirs, "{line:?}");
    }
}

/// A path is passed to a command as one word, whatever it contains; with Debian's program, a blank splits it.
#[test]
fn paths_with_blanks_and_quotes_survive() {
    for name in ["two  blanks", "it's", "say \"hello\"", "$HOME `id` $(id);id", "back\\slash*?"] {
        let desk = Desk::new();
        desk.recorder("rec");
        let out = desk.out.join(name);
        fs::create_dir(&out).expect("a directory");
        let options = [
            "-xcr",
            "rec #p #f #p/#f \"#p/#f\" '#p/#f' \"$(ls \"#p\")\"; cat #p/#f \"#p/#f\" >/dev/null",
            "-fe",
            " 'x' \"y\".dcm",
            "-xs",
        ];
        let server = desk.in_path(Server::with(Program::Ours, &options)).directory(&out).start();
        let object = Object::ct(10);
        send(&server, std::slice::from_ref(&object));
        let file = format!("{} 'x' \"y\".dcm", object.file_name());
        let path = out.join(&file).display().to_string();
        let expected = format!("<{}><{file}><{path}><{path}><{path}><{file}>", out.display());
        desk.expect_calls(1);
        assert_eq!(desk.raw_calls(), [expected], "{name}");
        assert!(!server.stderr().contains("command failed"), "{}", server.stderr());
    }
}

/// Debian's version passes `$(…)` and back quotes to the shell unchanged.
#[test]
fn text_from_a_peer_is_harmless_to_the_shell() {
    for title in
        ["$(>OWNED)", "`>OWNED`", "\";>OWNED;\"", "';>OWNED;'", "a\\\" >OWNED #", "A\u{e4}|&<>"]
    {
        let desk = Desk::new();
        desk.recorder("rec");
        let options = ["-xcr", "rec #a \"#c\" '#a'; rec #a", "-xs"];
        let server =
            desk.in_path(Server::with(Program::Ours, &options)).as_typed_in(&desk.out).start();
        let mut request = Request::usual();
        request.calling = title.to_owned();
        request.called = title.to_owned();
        let (mut client, _) = Client::associate(server.port(), &request);
        assert_eq!(client.store(3, &Object::ct(10)).status(), 0);
        client.release();
        desk.expect_calls(2);
        let harmless =
            |letter: char| letter.is_ascii_alphanumeric() || " -.:@_<>\"".contains(letter);
        for call in desk.raw_calls() {
            assert!(call.chars().all(harmless), "{call}");
        }
        assert!(!desk.out.join("OWNED").exists(), "{title}");
        server.wait_for_log("W: Sanitized unusual characters in calling AE title, converted from");
    }
}

/// Debian's program also runs commands after failures, with values left over from the previous object.
#[test]
fn commands_run_after_success_only() {
    let desk = Desk::new();
    desk.recorder("rec");
    let options = ["-xcr", "rec #f", "-xs"];
    let server = desk.in_path(Server::with(Program::Ours, &options)).directory(&desk.out).start();
    let mut client = Client::usual(server.port());
    let id = client.message_id();
    client.command(3, &Command::store(id, uid::CT, "1.2.3"));
    client.data_set(3, &Object::ct(10).bytes);
    assert_eq!(client.response().1.status(), 0xA900);
    let object = Object::ct(10);
    assert_eq!(client.store(3, &object).status(), 0);
    client.release();
    desk.expect_calls(1);
    assert_eq!(desk.raw_calls(), [format!("<{}>", object.file_name())]);
}

#[test]
fn exec_sync_waits_as_debian_does_and_nothing_else_waits() {
    let objects: Vec<Object> = (0..3).map(|_| Object::ct(10)).collect();
    // A command in the background takes long enough for a delay to be visible on a busy machine.
    for (sync, seconds, waits) in [(&["-xs"][..], 0.4, true), (&[], 4.0, false)] {
        let asleep = patient(Duration::from_secs_f64(seconds));
        let command = format!("sleep {}", asleep.as_secs_f64());
        let options = &[&["-xcr", &*command][..], sync].concat();
        for program in [Program::Ours, Program::Debian] {
            let server = Server::start(program, options);
            let started = Instant::now();
            send(&server, &objects);
            let waited = started.elapsed() > 2 * asleep;
            assert_eq!(waited, waits, "{program:?} {options:?}: {:?}", started.elapsed());
        }
    }
}

#[test]
fn a_command_that_hangs_holds_up_nobody() {
    let server = Server::start(Program::Ours, &["-xcr", "sleep 20", "--exec-max", "1"]);
    let started = Instant::now();
    for _ in 0..4 {
        send(&server, &[(); 10].map(|()| Object::ct(10)));
    }
    assert!(started.elapsed() < 15 * SECOND, "{:?}", started.elapsed());
    assert_eq!(server.files().len(), 40);
}

#[test]
fn failures_of_commands_are_logged_with_their_exit_codes() {
    let command = "case \"#a\" in THREE) exit 3;; GONE) /no/such/program;; KILL) kill -9 $$;; esac";
    let server = Server::start(Program::Ours, &["-xcr", command]);
    let titles = ["THREE", "GONE", "KILL", "FINE"];
    let objects = titles.map(|title| {
        let mut request = Request::usual();
        request.calling = title.to_owned();
        let (mut client, _) = Client::associate(server.port(), &request);
        let object = Object::ct(10);
        assert_eq!(client.store(3, &object).status(), 0);
        client.release();
        object.sop_instance
    });
    let ends = ["failed with exit code 3", "failed with exit code 127", "was ended by signal 9"];
    for (how, instance) in ends.iter().zip(&objects) {
        server.wait_for_log(&format!("W: command {how}: {command} (SOP instance {instance})"));
    }
    assert!(!server.stderr().contains(&objects[3]));
}

#[test]
fn children_are_reaped_and_inherit_no_sockets() {
    let desk = Desk::new();
    let options = ["-xcr", "ls -l /proc/self/fd > fds.$$; mv fds.$$ fds.#f.txt"];
    let setup = Server::with(Program::Ours, &options).as_typed_in(&desk.out);
    let server = setup.start();
    // A second association stays open meanwhile.
    let _other = Client::usual(server.port());
    let objects: Vec<Object> = (0..20).map(|_| Object::ct(10)).collect();
    send(&server, &objects);
    let lists = || {
        let names = server.files().into_iter().filter(|name| name.ends_with(".txt"));
        names.collect::<Vec<_>>()
    };
    eventually("all have run", SOON, || lists().len() == objects.len());
    for name in lists() {
        let list = fs::read_to_string(desk.out.join(name)).expect("a list");
        assert!(list.contains(" 0 -> ") && !list.contains("socket:"), "{list}");
        let directory = format!("-> {}\n", desk.out.display());
        assert!(!list.contains(&directory) && !list.contains("anon_inode"), "{list}");
    }
    eventually("no child is left", SOON, || children(server.process_id()).is_empty());
}

#[test]
fn no_more_commands_at_a_time_than_allowed() {
    for (most, options) in [(2, &["--exec-max", "2"][..]), (1, &["--exec-max", "1", "-xs"])] {
        let desk = Desk::new();
        let command = ["-xcr", "echo + >> log; sleep 0.1; echo - >> log"];
        let options = [&command[..], options].concat();
        let server = Server::with(Program::Ours, &options).as_typed_in(&desk.out).start();
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| send(&server, &[(); 5].map(|()| Object::ct(10))));
            }
        });
        let log = || fs::read_to_string(desk.out.join("log")).unwrap_or_default();
        eventually("all have run", SOON, || log().lines().count() == 40);
        let mut running: i32 = 0;
        let mut peak = 0;
        for line in log().lines() {
            running += if line == "+" { 1 } else { -1 };
            peak = peak.max(running);
        }
        assert_eq!(peak, most, "{options:?}");
    }
}

#[test]
fn commands_that_fall_behind_are_told_of_and_none_is_lost() {
    let desk = Desk::new();
    // The commands wait for the test: whether they keep up is no matter of speed.
    let command = "until [ -e go ]; do sleep 0.05; done; echo #f >> log";
    let options = ["-xcr", command, "--exec-max", "1", "--durability", "none"];
    let server = Server::with(Program::Ours, &options).as_typed_in(&desk.out).start();
    let objects: Vec<Object> = (0..400).map(|_| Object::ct(10)).collect();
    send(&server, &objects);
    let log = || fs::read_to_string(desk.out.join("log")).unwrap_or_default();
    server.wait_for_log("W: commands fall behind: 100 queued");
    fs::write(desk.out.join("go"), "").expect("the commands may go on");
    eventually("all have run", 3 * SOON, || log().lines().count() == objects.len());
    server.wait_for_log("W: commands have caught up");
    let expected: Vec<String> = objects.iter().map(Object::file_name).collect();
    assert!(log().lines().eq(expected), "in the order of reception");
}

/// A scratch directory with an output directory, and programs that record their arguments.
pub(crate) struct Desk {
    pub(crate) scratch: Scratch,
    pub(crate) out: PathBuf,
}

impl Desk {
    pub(crate) fn new() -> Self {
        let scratch = Scratch::new();
        let out = scratch.directory("out");
        let _bin = scratch.directory("bin");
        Self { scratch, out }
    }

    /// Makes a program that appends its arguments to the record, on one line.
    pub(crate) fn recorder(&self, name: &str) {
        let path = self.scratch.path().join("bin").join(name);
        let record = self.scratch.path().join("record");
        let script = format!(
            "#!/bin/sh\nline=$(printf '<%s>' \"$@\" | tr '\\n' ' ')\nprintf '%s\\n' \"$line\" >> '{}'\n",
            record.display()
        );
        fs::write(&path, script).expect("a script");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("it is executable");
    }

    /// Puts the programs into the receiver's `PATH`.
    pub(crate) fn in_path(&self, setup: Setup) -> Setup {
        let path = std::env::var("PATH").unwrap_or_default();
        let bin = self.scratch.path().join("bin");
        setup.environment("PATH", &format!("{}:{path}", bin.display()))
    }

    /// The lines of the record, unchanged.
    pub(crate) fn raw_calls(&self) -> Vec<String> {
        let record = fs::read_to_string(self.scratch.path().join("record")).unwrap_or_default();
        record.lines().map(str::to_owned).collect()
    }

    /// The lines without names of directories, times and new UIDs, and sorted, since commands run concurrently.
    pub(crate) fn calls(&self) -> Vec<String> {
        let mut calls: Vec<String> =
            self.raw_calls().iter().map(|call| self.normal(call)).collect();
        calls.sort();
        calls
    }

    pub(crate) fn normal(&self, text: &str) -> String {
        normal(&text.replace(&self.out.display().to_string(), "OUT"))
    }

    pub(crate) fn expect_calls(&self, count: usize) {
        eventually("commands have run", SOON, || self.raw_calls().len() >= count);
    }
}

/// Stores objects on one association.
pub(crate) fn send(server: &Server, objects: &[Object]) {
    let mut client = Client::usual(server.port());
    for object in objects {
        assert_eq!(client.store(3, object).status(), 0);
    }
    client.release();
}

/// The child processes of `parent`, each with its state.
fn children(parent: u32) -> BTreeMap<u32, String> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir("/proc").expect("/proc").flatten() {
        let Ok(process) = entry.file_name().to_string_lossy().parse::<u32>() else { continue };
        if let Some((state, of)) = stat(Path::new("/proc"), process)
            && of == parent
        {
            found.insert(process, state);
        }
    }
    found
}

fn stat(proc: &Path, process: u32) -> Option<(String, u32)> {
    let text = fs::read_to_string(proc.join(process.to_string()).join("stat")).ok()?;
    let mut fields = text.rsplit_once(") ")?.1.split(' ');
    Some((fields.next()?.to_owned(), fields.next()?.parse().ok()?))
}
