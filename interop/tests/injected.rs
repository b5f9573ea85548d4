//! Makes each system call for storing fail in turn, as with a broken disk, a full disk or a quota. `strace`
//! injects the errors into the real program.

use std::collections::BTreeMap;
use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use interop::process::{self, eventually, read_lossy};
use interop::wire::{Client, tag, uid};
use interop::{Object, Program, Scratch, Server, skip};

/// The call that fails, and its error.
const CALLS: [(&str, &[&str]); 14] = [
    ("openat", &["EIO", "EDQUOT", "EROFS", "EMFILE", "ENFILE", "ENOENT"]),
    ("writev", &["EIO", "ENOSPC", "EDQUOT"]),
    ("pwrite64", &["EIO", "ENOSPC"]),
    ("sync_file_range", &["EIO", "ENOSPC"]),
    ("fsync", &["EIO", "ENOSPC", "EDQUOT"]),
    ("linkat", &["EIO", "ENOSPC", "EDQUOT", "EROFS", "ENOENT"]),
    ("mkdirat", &["EIO", "ENOSPC", "EDQUOT", "EROFS"]),
    ("renameat2", &["EIO", "ENOSPC"]),
    ("renameat", &["EIO", "ENOSPC", "EDQUOT"]),
    ("newfstatat", &["EIO"]),
    ("fstat", &["EIO"]),
    ("close", &["EIO", "ENOSPC", "EDQUOT"]),
    ("flock", &["ENOLCK", "EOPNOTSUPP", "EIO"]),
    ("unlinkat", &["EIO", "EROFS"]),
];

/// After these failures there is an alternative, which may succeed; and an error of `close` has already been
/// reported by an earlier call.
const MAY_FAIL_UNNOTICED: [&str; 5] = ["renameat2", "newfstatat", "close", "flock", "unlinkat"];

#[test]
fn each_system_call_that_fails_costs_one_object() {
    let mut injected: BTreeMap<&str, usize> = BTreeMap::new();
    let ways: [(&[&str], bool); 5] = [
        (&[], false),
        (&["+B"], true),
        (&["+td", "-F"], false),
        (&["-su", "p"], false),
        (&["--durability", "none"], false),
    ];
    for (options, replaces) in ways {
        let server = Server::start(Program::Ours, options);
        if Tracer::attach(&server, "fsync", "EIO", 1).is_none() {
            return skip("failing system calls: strace may not attach here");
        }
        for (call, errors) in CALLS {
            for error in errors {
                for number in 1..10 {
                    let case = Case { call, error, number, options, replaces };
                    if !case.run(&server) {
                        break;
                    }
                    *injected.entry(call).or_default() += 1;
                }
            }
        }
    }
    let fewest = CALLS.map(|(call, _)| (call, injected.get(call).copied().unwrap_or_default()));
    assert!(fewest.iter().all(|(call, count)| *count > 0 || *call == "fstat"), "{fewest:?}");
    assert!(
        injected["fsync"] >= 3 * (2 + 2 + 2 + 3),
        "file, folder and the one around: {injected:?}"
    );
}

#[test]
fn a_file_that_cannot_be_made_ahead_costs_nothing() {
    // Without durability, a file in progress has no name, whatever the file system.
    let server = Server::start(Program::Ours, &["--durability", "none"]);
    let mut client = Client::usual(server.port());
    let objects: Vec<Object> = (0..5).map(|_| Object::ct(1000)).collect();
    let (before, meanwhile) = objects.split_at(2);
    for object in before {
        assert_eq!(client.store(3, object).status(), 0);
    }
    assert_eq!(client.echo(1), 0, "a file is made ahead by then, if it can be");
    let Some(tracer) = Tracer::attach(&server, "openat", "EMFILE", 1) else {
        return skip("failing system calls: strace may not attach here");
    };
    for object in meanwhile {
        assert_eq!(client.store(3, object).status(), 0);
    }
    client.release();
    assert_eq!(tracer.injected().len(), 1);
    let mut expected: Vec<String> = objects.iter().map(Object::file_name).collect();
    expected.sort();
    assert_eq!(server.files(), expected);
}

struct Case<'a> {
    call: &'a str,
    error: &'a str,
    number: usize,
    options: &'a [&'a str],
    replaces: bool,
}

impl Case<'_> {
    /// Makes one call fail while an object is stored, and then stores the object again. Returns false if there
    /// was no such call.
    fn run(&self, server: &Server) -> bool {
        let Self { call, error, number, options, replaces } = self;
        let what = format!("{call} {number}: {error}, {options:?}");
        let object = Object::ct(300_000);
        if *replaces {
            let older = Object::new(uid::CT, &object.sop_instance, 100);
            let mut client = Client::usual(server.port());
            assert_eq!(client.store(3, &older).status(), 0, "{what}");
            client.release();
        }
        // It is the first object of an association, so no file has been prepared for it.
        let mut client = Client::usual(server.port());
        let before = content(server);
        let tracer = Tracer::attach(server, call, error, *number).expect("it did before");
        let response = client.store(3, &object);
        // The echo comes after all that follows the answer.
        assert_eq!(client.echo(1), 0, "{what}");
        let failed = tracer.injected();
        let ours = failed
            .iter()
            .any(|line| [r"/out>", r"/out/", "/out\""].iter().any(|path| line.contains(path)));
        if response.status() == 0 {
            // Opening the older file only serves to lock it; it can be replaced without the lock.
            let is_lock =
                *call == "openat" && failed.iter().all(|line| line.contains(&object.file_name()));
            // If another process deleted the hidden folder or that of the study, it is created again and the call is
            // repeated.
            let is_repeated = ["linkat", "openat"].contains(call) && *error == "ENOENT";
            let may_fail = is_lock || is_repeated || MAY_FAIL_UNNOTICED.contains(call);
            assert!(!ours || may_fail, "{what} is not told: {failed:?}");
        } else {
            assert!(ours, "{what}: {:04X} without a failure", response.status());
            assert!((0xA700..=0xA7FF).contains(&response.status()), "{what}");
            assert!(!response.text(tag::ERROR_COMMENT).is_empty(), "{what}: says what is wrong");
            assert_eq!(content(server), before, "{what}: nothing stays, nothing is lost");
            assert_eq!(client.store(3, &object).status(), 0, "{what}: the next is stored");
        }
        client.release();
        let after = content(server);
        let new: Vec<_> =
            after.iter().filter(|(name, _)| name.ends_with(&object.file_name())).collect();
        assert_eq!(new.len(), 1, "{what}: {:?}", after.keys());
        assert!(options.contains(&"+td") || new[0].1.ends_with(&object.bytes), "{what}: whole");
        assert_eq!(after.len(), 1, "{what}: {:?}", after.keys());
        for name in server.files().iter().rev() {
            let path = server.directory().join(name);
            let removed =
                if name.ends_with('/') { fs::remove_dir(path) } else { fs::remove_file(path) };
            removed.expect("it is there");
        }
        !failed.is_empty()
    }
}

/// Files of the output directory, including hidden ones, without empty folders.
fn content(server: &Server) -> BTreeMap<String, Vec<u8>> {
    let files = server.files().into_iter().filter(|name| !name.ends_with('/'));
    files
        .map(|name| (name.clone(), fs::read(server.directory().join(name)).expect("a file")))
        .collect()
}

/// An `strace` that makes a system call fail in each thread.
struct Tracer {
    child: Child,
    scratch: Scratch,
    call: String,
}

impl Tracer {
    fn attach(server: &Server, call: &str, error: &str, number: usize) -> Option<Self> {
        let scratch = Scratch::new();
        let stderr = fs::File::create(scratch.path().join("stderr")).expect("a file");
        // `renameat` is for file systems that cannot exchange names.
        let (traced, other) = match call {
            "renameat" => ("renameat,renameat2", &["-e", "inject=renameat2:error=EINVAL"][..]),
            call => (call, &[][..]),
        };
        let child = Command::new("strace")
            .args(["-f", "-y", "-o"])
            .arg(scratch.path().join("trace"))
            .args(["-e", &format!("trace={traced}")])
            .args(["-e", &format!("inject={call}:error={error}:when={number}")])
            .args(other)
            .args(["-p", &server.process_id().to_string()])
            .stdin(Stdio::null())
            .stderr(stderr)
            .spawn()
            .expect("strace runs");
        let mut tracer = Self { child, scratch, call: call.to_owned() };
        let stderr = tracer.scratch.path().join("stderr");
        let mut attached = false;
        eventually("strace attaches or ends", Duration::from_secs(30), || {
            attached = read_lossy(&stderr).contains("attached");
            attached || process::wait(&mut tracer.child, Duration::ZERO).is_some()
        });
        attached.then_some(tracer)
    }

    /// Detaches from the receiver, and returns the calls that failed.
    fn injected(mut self) -> Vec<String> {
        process::signal(self.child.id(), "INT");
        process::wait(&mut self.child, Duration::from_secs(30)).expect("strace lets go");
        let trace = read_lossy(&self.scratch.path().join("trace"));
        let call = format!(" {}(", self.call);
        let failed = |line: &&str| line.contains("(INJECTED)") && line.contains(&call);
        trace.lines().filter(failed).map(str::to_owned).collect()
    }
}

impl Drop for Tracer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
