//! Tests the files for running the receiver as a service: they are valid, and what they permit is sufficient.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use interop::process::{self, eventually, run};
use interop::wire::Client;
use interop::{Namespace, Object, Program, Scratch, Server, free_port, peers, skip};

#[test]
fn systemd_understands_the_units_and_finds_the_service_closed() {
    if !Path::new(ANALYZER).exists() {
        return skip("the systemd units: no systemd-analyze here");
    }
    // Units can be verified although the program is not installed.
    let scratch = Scratch::new();
    let [service, socket] = ["storescp.service", "storescp.socket"].map(|name| {
        let copy = scratch.path().join(name);
        let unit = shipped(name).replace("/usr/local/bin/storescp", "/bin/true");
        fs::write(&copy, unit).expect("room for a copy");
        copy
    });
    let verified = run(Command::new(ANALYZER).arg("verify").args([&service, &socket]), SOON);
    assert!(verified.stderr.trim().is_empty(), "{}", verified.stderr);
    let mut security = Command::new(ANALYZER);
    security.args(["security", "--offline=true", "--threshold=20"]).arg(&service);
    run(&mut security, SOON).expect_success("an exposure of at most 2.0 of 10");
}

/// Does what systemd does for the two units: listens, and starts the service for the first connection.
#[test]
fn the_service_takes_the_port_of_the_socket_unit() {
    if !Path::new(ACTIVATOR).exists() {
        return skip("the socket unit: no systemd-socket-activate here");
    }
    assert_eq!(setting(&shipped("storescp.socket"), "ListenStream="), "11112");
    let scratch = Scratch::new();
    let out = scratch.directory("out");
    let start = setting(&shipped("storescp.service"), "ExecStart=");
    let start = start.replace("%%", "%").replace("/var/lib/storescp", &out.display().to_string());
    let mut words: Vec<&str> = start.split(' ').collect();
    let program = peers::storescp().display().to_string();
    words[0] = &program;
    let port = free_port();
    let log = scratch.path().join("log");
    let mut activator = Command::new(ACTIVATOR);
    activator.args(["--listen", &port.to_string()]).args(&words);
    activator.stdin(Stdio::null()).stderr(File::create(&log).expect("a file for the log"));
    let mut child = Guarded(activator.spawn().expect("it runs"));
    eventually("something listens", SOON, || TcpStream::connect(("127.0.0.1", port)).is_ok());
    let object = Object::ct(1000);
    let mut client = Client::usual(port);
    let status = client.store(3, &object).status();
    client.release();
    process::signal(child.0.id(), "TERM");
    let ended = process::wait(&mut child.0, SOON);
    let log = fs::read_to_string(log).expect("the log");
    assert!(log.contains(&format!(":{port} (socket passed to this process)")), "{log}");
    assert_eq!((status, ended.and_then(|ended| ended.code())), (0, Some(0)), "{log}");
    assert_eq!(interop::files_below(&out), [object.file_name()]);
}

/// Receives, stores, replaces and exits under a tracer: the unit permits every system call.
#[test]
fn the_unit_allows_every_system_call() {
    if !Path::new(ANALYZER).exists() {
        return skip("the systemd unit's system calls: no systemd-analyze here");
    }
    let mut allowed = BTreeSet::new();
    let unit = shipped("storescp.service");
    for line in unit.lines().filter_map(|line| line.strip_prefix("SystemCallFilter=")) {
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
    // The filter is not yet active while the program is being started.
    let refused: Vec<_> =
        made.iter().filter(|call| **call != "execve" && !allowed.contains(**call)).collect();
    assert!(refused.is_empty(), "not allowed by the unit: {refused:?}");
}

/// Read-only as with `ProtectSystem=strict` or a container's read-only root.
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

/// The bill of materials matches what Cargo links into the program, and the source of OpenSSL.
#[test]
fn the_bill_of_materials_is_that_of_the_lock_file() {
    let mut expected = crates("normal");
    let built_with = crates("normal,build");
    expected.extend(built_with.into_iter().filter(|name| name.starts_with("openssl-src@")));
    assert!(expected.len() > 40, "{expected:?}");
    let document = shipped("storescp.cdx.json");
    let listed: BTreeSet<String> = document
        .lines()
        .filter_map(|line| line.trim().strip_prefix("\"purl\": \"pkg:cargo/")?.strip_suffix('"'))
        .map(|name| name.replace("%2B", "+"))
        .collect();
    assert_eq!(listed, expected, "run packaging/make-sbom");
    let source = expected.iter().find_map(|name| name.strip_prefix("openssl-src@"));
    let openssl = source.and_then(|version| version.split('+').nth(1)).expect("its version");
    assert!(document.contains(&format!("\"pkg:generic/openssl@{openssl}\"")), "{openssl}");
}

/// The registry crates that `cargo tree` lists for these edges, as `name@version`.
fn crates(edges: &str) -> BTreeSet<String> {
    let mut tree = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    tree.args(["tree", "--package=storescp", "--locked", "--offline", "--prefix=none"]);
    tree.args(["--target=x86_64-unknown-linux-gnu", "--format={p}", "--edges", edges]);
    let printed = run(tree.current_dir(repository()), SOON).expect_success("a tree").stdout;
    let third_party = printed.lines().filter(|line| !line.contains(" (/"));
    let words = third_party.filter_map(|line| line.split_once(" v"));
    words
        .map(|(name, rest)| format!("{name}@{}", rest.split(' ').next().unwrap_or_default()))
        .collect()
}

/// A child that is killed at the end of the test.
struct Guarded(Child);

impl Drop for Guarded {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The value of the setting `name` in a unit.
fn setting(unit: &str, name: &str) -> String {
    unit.lines().find_map(|line| line.strip_prefix(name)).expect(name).to_owned()
}

fn shipped(name: &str) -> String {
    fs::read_to_string(repository().join("packaging").join(name)).expect("it is shipped")
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The system calls in a group, including the groups that it contains.
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
const ACTIVATOR: &str = "/usr/bin/systemd-socket-activate";
const SOON: Duration = Duration::from_secs(20);
