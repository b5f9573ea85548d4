//! What is shipped to run the receiver as a service: what it allows is enough, and it is understood.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use interop::process::run;
use interop::wire::Client;
use interop::{Namespace, Object, Program, Scratch, Server, skip};

#[test]
fn systemd_understands_the_unit_and_finds_it_closed() {
    if !Path::new(ANALYZER).exists() {
        return skip("the systemd unit: no systemd-analyze here");
    }
    // The program need not be installed for the unit to be looked at.
    let scratch = Scratch::new();
    let copy = scratch.path().join("storescp.service");
    let unit = unit().replace("/usr/local/bin/storescp", "/bin/true");
    fs::write(&copy, unit).expect("room for a copy");
    let verified = run(Command::new(ANALYZER).arg("verify").arg(&copy), SOON);
    assert!(verified.stderr.trim().is_empty(), "{}", verified.stderr);
    let mut security = Command::new(ANALYZER);
    security.args(["security", "--offline=true", "--threshold=20"]).arg(&copy);
    run(&mut security, SOON).expect_success("an exposure of at most 2.0 of 10");
}

/// Receives, stores, replaces and ends under a tracer: every system call is one that the unit allows.
#[test]
fn the_unit_allows_every_system_call() {
    if !Path::new(ANALYZER).exists() {
        return skip("the systemd unit's system calls: no systemd-analyze here");
    }
    let mut allowed = BTreeSet::new();
    for line in unit().lines().filter_map(|line| line.strip_prefix("SystemCallFilter=")) {
        let (groups, denied) = line.strip_prefix('~').map_or((line, false), |rest| (rest, true));
        for group in groups.split(' ') {
            let calls = system_calls(group);
            if denied {
                allowed.retain(|call| !calls.contains(call));
            } else {
                allowed.extend(calls);
            }
        }
    }
    allowed.extend(system_calls("@default"));
    assert!(allowed.len() > 100, "groups were found");

    let mut server = Server::with(Program::Ours, &["-v"])
        .through("strace", &["-D", "-f", "-o", "trace"])
        .start();
    let object = Object::ct(100_000);
    for _ in 0..2 {
        let mut client = Client::usual(server.port());
        assert_eq!(client.store(3, &object).status(), 0);
        client.release();
    }
    server.signal("TERM");
    server.wait(SOON).expect("it ends");
    let trace = fs::read_to_string(server.scratch().join("trace")).expect("a trace");
    let made: BTreeSet<&str> = trace
        .lines()
        .filter_map(|line| line.split_once(' ')?.1.trim_start().split_once('('))
        .map(|(name, _)| name)
        .filter(|name| {
            name.bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
        })
        .collect();
    assert!(made.contains("accept4") && made.contains("fsync"), "{made:?}");
    // What starts the program is done before the filter is on.
    let refused: Vec<_> =
        made.iter().filter(|call| **call != "execve" && !allowed.contains(**call)).collect();
    assert!(refused.is_empty(), "not allowed by the unit: {refused:?}");
}

/// As `ProtectSystem=strict` and a container's read-only root have it.
#[test]
fn it_stores_where_everything_but_its_folder_is_read_only() {
    let Some(namespace) = Namespace::available() else {
        return skip("a read-only system: no mount namespaces here");
    };
    let server = namespace.server_on_read_only_system(&[]);
    let mut client = Client::usual(server.port());
    let object = Object::ct(100_000);
    assert_eq!(client.store(3, &object).status(), 0);
    client.release();
    let inside = namespace.view(&server);
    assert_eq!(interop::files_below(&inside), [object.file_name()]);
    let elsewhere = inside.parent().expect("it has a parent").join("file");
    assert!(fs::write(elsewhere, "").is_err(), "the rest is read-only");
}

fn unit() -> String {
    fs::read_to_string(repository().join("packaging/storescp.service")).expect("it is shipped")
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The names in a group of system calls, and in the groups that it names.
fn system_calls(name: &str) -> BTreeSet<String> {
    if !name.starts_with('@') {
        return BTreeSet::from([name.to_owned()]);
    }
    let listed = run(Command::new(ANALYZER).args(["syscall-filter", name]), SOON);
    let listed = listed.expect_success("a list of system calls").stdout;
    let names = listed.lines().filter(|line| line.starts_with("    ")).map(str::trim);
    names.filter(|line| !line.starts_with('#')).flat_map(system_calls).collect()
}

const ANALYZER: &str = "/usr/bin/systemd-analyze";
const SOON: Duration = Duration::from_secs(20);
