//! Tests the last stage of the container file without a container: its entry point runs as process 1,
//! unprivileged, and everything except its volume is read-only.

use std::fs::{self, File};
use std::path::Path;
use std::process::Child;
use std::time::Duration;

use interop::process::{self, eventually};
use interop::wire::{self, Answer, Client, Request};
use interop::{Namespace, Object, Scratch, free_port, peers, skip};

/// Only process 1 can reap the processes that a command leaves behind.
#[test]
fn as_process_1_commands_are_waited_for_and_what_they_leave_too() {
    let Some(namespace) = Namespace::available() else {
        return skip("process 1 of a container: no namespaces here");
    };
    // The shell exits at once, and the background process after it.
    let command = "sleep 0.2 & exit 3";
    let container = Container::start(namespace, &["--exec-on-reception", command]);
    let failed = |count| {
        eventually("commands have ended", SOON, || {
            container.log().matches("command failed with exit code 3").count() == count
        });
    };
    std::thread::scope(|scope| {
        for sender in 0..4 {
            let port = container.port;
            scope.spawn(move || {
                let mut client = Client::usual(port);
                for number in 0..10 {
                    let object = Object::new(wire::uid::CT, &format!("2.25.{sender}{number}"), 500);
                    assert_eq!(client.store(3, &object).status(), 0);
                }
                client.release();
            });
        }
    });
    failed(40);
    eventually("all that was left running has ended", SOON, || {
        container.children().iter().all(|child| child.is_zombie)
    });
    let mut client = Client::usual(container.port);
    assert_eq!(client.store(3, &Object::ct(500)).status(), 0);
    client.release();
    failed(41);
    eventually("only what the last command left is there", SOON, || {
        container.children().len() <= 1
    });
}

/// A process 1 without a handler ignores SIGTERM, so that `podman stop` would kill it.
#[test]
fn as_process_1_it_finishes_what_is_in_flight_at_sigterm() {
    let Some(namespace) = Namespace::available() else {
        return skip("process 1 of a container: no namespaces here");
    };
    let mut container = Container::start(namespace, &[]);
    let object = Object::ct(10_000);
    let mut client = Client::usual(container.port);
    let command = wire::Command::store(1, &object.sop_class, &object.sop_instance);
    client.command(3, &command);
    eventually("the request is read", SOON, || container.log().contains("Received Store Request"));
    process::signal(container.process_1(), "TERM");
    eventually("the signal is seen", SOON, || container.log().contains("I: shutting down: "));
    client.data_set(3, &object.bytes);
    assert_eq!(client.response().1.status(), 0);
    let ended = process::wait(&mut container.unshare, SOON).expect("it ends");
    assert_eq!(ended.code(), Some(0), "{}", container.log());
    let log = container.log();
    let mut told = log.lines().filter(|line| line.starts_with("W: ") || line.starts_with("E: "));
    let line = told.next().unwrap_or_default();
    assert!(
        line.starts_with("W: association aborted by shutdown after 1 stored object ("),
        "{log}"
    );
    assert_eq!(told.next(), None, "{log}");
}

struct Container {
    /// The `unshare` process, which waits for process 1.
    unshare: Child,
    port: u16,
    scratch: Scratch,
}

struct Process {
    is_zombie: bool,
}

impl Container {
    /// Runs `ENTRYPOINT` with further options and `CMD`, and waits until it listens.
    fn start(namespace: Namespace, options: &[&str]) -> Self {
        let scratch = Scratch::new();
        let volume = scratch.directory("data");
        let program = scratch.path().join("storescp");
        File::create(&program).expect("a file to mount the program on");
        let port = free_port();
        let place = |word: String| match word.as_str() {
            "/usr/local/bin/storescp" => program.display().to_string(),
            "/data" => volume.display().to_string(),
            "11112" => port.to_string(),
            _ => word,
        };
        let mut command = namespace.container(&[(peers::storescp(), &program)], &volume);
        command.args(instruction("ENTRYPOINT").into_iter().map(place));
        command.args(options).args(instruction("CMD").into_iter().map(place));
        command.current_dir("/").stdin(std::process::Stdio::null());
        let log = |name| File::create(scratch.path().join(name)).expect("a file for the log");
        command.stdout(log("stdout")).stderr(log("stderr"));
        let unshare = command.spawn().expect("unshare runs");
        let container = Self { unshare, port, scratch };
        eventually("it listens", SOON, || {
            let Ok(mut client) = Client::try_connect(port) else { return false };
            client.send(&Request::usual().encode());
            let accepted = matches!(client.answer(), Answer::Accept(_));
            client.release();
            accepted
        });
        container
    }

    /// The ID of process 1 outside the container.
    fn process_1(&self) -> u32 {
        let [process] = process::children(self.unshare.id())[..] else { panic!("one child") };
        process
    }

    /// The children of process 1.
    fn children(&self) -> Vec<Process> {
        let state = |id: u32| {
            let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
            let (_, state) = stat.rsplit_once(") ")?;
            Some(Process { is_zombie: state.starts_with('Z') })
        };
        process::children(self.process_1()).into_iter().filter_map(state).collect()
    }

    fn log(&self) -> String {
        fs::read_to_string(self.scratch.path().join("stderr")).unwrap_or_default()
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        if matches!(self.unshare.try_wait(), Ok(None)) {
            // The change of user has cancelled the request to die with the parent.
            for process in process::children(self.unshare.id()) {
                process::signal(process, "KILL");
            }
        }
        let _ = self.unshare.kill();
        let _ = self.unshare.wait();
        if std::thread::panicking() {
            eprintln!("--- the receiver's log\n{}", self.log());
        }
    }
}

/// The words of a container file instruction in JSON form.
fn instruction(name: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../packaging/Containerfile");
    let text = fs::read_to_string(path).expect("it is shipped");
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.trim().strip_prefix('['));
    let list = line.and_then(|line| line.strip_suffix(']')).expect("a list in JSON's form");
    list.split(',').map(|word| word.trim().trim_matches('"').to_owned()).collect()
}

const SOON: Duration = Duration::from_secs(20);
