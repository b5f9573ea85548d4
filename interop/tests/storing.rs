//! Tests how objects become files: a file appears complete or not at all, only under its final name, and only
//! inside the output directory; and what happens when the disk fails.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use interop::part10::Part10;
use interop::process::{eventually, run};
use interop::wire::{Client, Command, Context, Pdv, Request, abort, data_pdu, uid};
use interop::{Object, Program, Scratch, Server, both, compare_files, files_below, peers};

const SOON: Duration = Duration::from_secs(30);

#[test]
fn nothing_is_visible_before_it_is_whole() {
    let object = Object::ct(300_000);
    for options in [&[][..], &["+B"], &["-F"]] {
        let server = Server::start(Program::Ours, options);
        let mut client = Client::usual(server.port());
        let mut slow = SlowStore::begin(&mut client, &object);
        for _ in 0..10 {
            slow.send(20_000);
            assert_eq!(visible(&server), [""; 0], "{options:?}");
        }
        slow.finish();
        assert_eq!(client.response().1.status(), 0);
        assert_eq!(server.files(), [object.file_name()], "{options:?}");
    }
}

/// A file prepared for an object that does not arrive would keep the disk from being made read-only, and would
/// occupy an inode.
#[test]
fn a_silent_association_holds_no_file_open() {
    let server = Server::start(Program::Ours, &[]);
    let mut client = Client::usual(server.port());
    for _ in 0..3 {
        assert_eq!(client.store(3, &Object::ct(1000)).status(), 0);
    }
    let inside = format!("{}/", server.directory().display());
    let held = || {
        let descriptors = fs::read_dir(format!("/proc/{}/fd", server.process_id())).unwrap();
        let files = descriptors.filter_map(|entry| fs::read_link(entry.unwrap().path()).ok());
        files.filter(|file| file.to_string_lossy().starts_with(&inside)).count()
    };
    eventually("no file is held", SOON, || held() == 0);
    assert_eq!(client.store(3, &Object::ct(1000)).status(), 0);
    client.release();
}

/// A watcher reads every file as soon as it appears, while unmodified senders store objects.
#[test]
fn a_watcher_never_sees_a_part() {
    let source = fs::read(&interop::corpus::file("test_files/CT_small.dcm").path).expect("a file");
    let scratch = interop::Scratch::new();
    let files: Vec<_> = (0..40)
        .map(|n| {
            let path = scratch.path().join(format!("{n}.dcm"));
            fs::write(&path, with_instance_number(&source, n)).expect("a copy");
            path
        })
        .collect();
    let server = Server::start(Program::Ours, &["+B"]);
    let done = AtomicBool::new(false);
    let seen = thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let mut sizes = BTreeSet::new();
            while !done.load(Ordering::Relaxed) {
                for name in visible(&server) {
                    let bytes = fs::read(server.directory().join(&name)).expect("it stays");
                    sizes.insert(bytes.len());
                }
            }
            sizes
        });
        for part in files.chunks(20) {
            let mut command = peers::debian("storescu");
            command.args(["-R", "127.0.0.1", &server.port().to_string()]).args(part);
            run(&mut command, interop::process::SENDER_TIME_LIMIT).expect_success("storescu");
        }
        done.store(true, Ordering::Relaxed);
        watcher.join().expect("the watcher")
    });
    assert_eq!(server.files().len(), 40);
    assert_eq!(seen.len(), 1, "one size, from the first byte seen to the last: {seen:?}");
}

#[test]
fn broken_off_transfers_leave_nothing() {
    let object = Object::ct(300_000);
    for options in [&[][..], &["+B"]] {
        let server = Server::start(Program::Ours, options);
        for abort_first in [true, false] {
            let mut client = Client::usual(server.port());
            let mut slow = SlowStore::begin(&mut client, &object);
            slow.send(200_000);
            if abort_first {
                client.send(&abort(0, 0));
            }
            drop(client);
        }
        let mut client = Client::usual(server.port());
        assert_eq!(client.echo(1), 0);
        eventually("nothing stays", SOON, || server.files().is_empty());
    }
}

#[test]
fn a_killed_receiver_leaves_nothing_visible() {
    let object = Object::ct(300_000);
    let mut server = Server::start(Program::Ours, &[]);
    let mut client = Client::usual(server.port());
    SlowStore::begin(&mut client, &object).send(200_000);
    eventually("what was sent is read", SOON, || sockets_are_empty(server.port()));
    server.signal("KILL");
    server.wait(SOON).expect("it ends");
    assert_eq!(visible(&server), [""; 0]);

    let next = Server::with(Program::Ours, &[]).directory(server.directory()).start();
    eventually("cleaned at the next start", SOON, || next.files().is_empty());
}

#[test]
fn a_resend_that_breaks_off_leaves_the_old_file() {
    let old = Object::ct(1000);
    let new = Object::new(uid::CT, &old.sop_instance, 300_000);
    for options in [&[][..], &["+B"]] {
        let server = Server::start(Program::Ours, options);
        let mut client = Client::usual(server.port());
        assert_eq!(client.store(3, &old).status(), 0);
        let path = server.directory().join(old.file_name());
        let before = fs::read(&path).expect("stored");

        SlowStore::begin(&mut client, &new).send(200_000);
        assert_eq!(fs::read(&path).expect("still there"), before);
        drop(client);

        let mut client = Client::usual(server.port());
        // This one fails instead of breaking off: its SOP Instance UID differs from the command's.
        let id = client.message_id();
        client.command(3, &Command::store(id, uid::CT, &old.sop_instance));
        client.data_set(3, &Object::ct(2000).bytes);
        assert_eq!(client.response().1.status(), 0xA900);
        assert_eq!(fs::read(&path).expect("still there"), before);

        assert_eq!(client.store(3, &new).status(), 0, "a whole one replaces it");
        assert!(Part10::read(&path).data_set == new.bytes);
        assert_eq!(server.files(), [old.file_name()]);
    }
}

/// As with Debian's program, the last object is kept, and without `+B` a warning is logged.
#[test]
fn a_second_object_of_the_same_name_replaces_the_first() {
    let first = Object::ct(1000);
    let second = Object::new(uid::CT, &first.sop_instance, 2000);
    let [ours, theirs] = both(&[], |server| {
        let mut client = Client::usual(server.port());
        let statuses = [&first, &second].map(|object| client.store(3, object).status());
        server.wait_for_log("DICOM file already exists, overwriting");
        assert_eq!(server.files(), [first.file_name()]);
        let file = Part10::read(&server.directory().join(first.file_name()));
        assert!(file.data_set == second.bytes);
        statuses
    });
    assert_eq!(ours, theirs);
}

#[test]
fn six_senders_of_one_instance_leave_one_whole_file() {
    let name = Object::ct(0);
    let objects: Vec<Object> =
        (0..6).map(|n| Object::new(uid::CT, &name.sop_instance, 100_000 + n * 1000)).collect();
    for options in [&[][..], &["+B", "--durability", "none"]] {
        let server = Server::start(Program::Ours, options);
        thread::scope(|scope| {
            for object in &objects {
                let port = server.port();
                scope.spawn(move || {
                    let mut client = Client::usual(port);
                    for _ in 0..10 {
                        assert_eq!(client.store(3, object).status(), 0);
                    }
                    client.release();
                });
            }
        });
        assert_eq!(server.files(), [name.file_name()]);
        let file = Part10::read(&server.directory().join(name.file_name()));
        assert!(
            objects.iter().any(|object| object.bytes == file.data_set),
            "one of the six, whole"
        );
    }
}

#[test]
fn the_data_set_alone_equals_debian() {
    let object = Object::ct(1001);
    for options in [&["+B", "-F"][..], &["-F"]] {
        let [ours, theirs] = both(options, |server| {
            let mut client = Client::usual(server.port());
            assert_eq!(client.store(3, &object).status(), 0);
            assert_eq!(server.files(), [object.file_name()]);
            fs::read(server.directory().join(object.file_name())).expect("stored")
        });
        assert!(ours == theirs, "{options:?}");
        assert!(ours == object.bytes, "{options:?}");
    }
}

#[test]
fn ignored_objects_are_acknowledged_as_debian_does() {
    let object = Object::ct(1000);
    for options in [&["--ignore"][..], &["--ignore", "+B"]] {
        let [ours, theirs] = both(options, |server| {
            let mut client = Client::usual(server.port());
            let response = client.store(3, &object);
            client.release();
            assert_eq!(server.files(), [""; 0]);
            response
        });
        assert_eq!(ours, theirs, "{options:?}");
    }
}

/// Every SOP class that both programs accept, with its file name prefix.
#[test]
fn names_equal_debian() {
    let listed = run(&mut peers::python_script("sop_classes.py"), Duration::from_secs(30))
        .expect_success("SOP classes");
    let classes: Vec<&str> = listed
        .stdout
        .lines()
        .filter_map(|line| line.split_once('\t'))
        .filter(|(_, name)| name.contains("Storage"))
        .map(|(uid, _)| uid)
        .collect();
    let [ours, theirs] = both(&["--ignore"], |server| accepted(server, &classes));
    let mut common: Vec<&str> = ours.intersection(&theirs).copied().collect();
    assert!(common.len() > 150, "{} classes", common.len());
    common.push("1.2.3.4");
    let [ours, theirs] = [Program::Ours, Program::Debian].map(|program| {
        let options: &[&str] = match program {
            Program::Ours => &["-pm", "+B", "--durability", "none"],
            Program::Debian => &["-pm", "+B"],
        };
        let server = Server::start(program, options);
        for (number, chunk) in common.chunks(128).enumerate() {
            let ids = (1..=255).step_by(2);
            let contexts =
                chunk.iter().zip(ids).map(|(class, id)| Context::new(id, class, &[uid::EVLE]));
            let request = Request::new(contexts.collect());
            let (mut client, _) = Client::associate(server.port(), &request);
            for context in &request.contexts {
                let instance = format!("1.{number}.{}", context.id);
                let object = Object::new(&context.abstract_syntax, &instance, 0);
                assert_eq!(client.store(context.id, &object).status(), 0);
            }
            client.release();
        }
        server
    });
    let differences = compare_files(ours.directory(), theirs.directory());
    assert!(differences.is_empty(), "{differences:#?}");
}

#[test]
fn permissions_follow_the_umask_as_debian_does() {
    for umask in ["022", "027", "077", "000"] {
        let [ours, theirs] = [Program::Ours, Program::Debian].map(|program| {
            let shell = format!("umask {umask}");
            let server = Server::with(program, &[]).after_shell(&shell).start();
            let object = Object::ct(10);
            assert_eq!(Client::usual(server.port()).store(3, &object).status(), 0);
            let metadata = fs::metadata(server.directory().join(object.file_name()));
            metadata.expect("stored").permissions().mode()
        });
        assert_eq!(ours, theirs, "umask {umask}");
    }
}

#[test]
fn a_trailing_slash_and_a_relative_directory_do_not_matter() {
    let object = Object::ct(10);
    for directory in ["out/", "out", "./out", "out/../out"] {
        let scratch = interop::Scratch::new();
        let out = scratch.directory("out");
        let server = Server::with(Program::Ours, &[])
            .after_shell(&format!("cd {}", scratch.path().display()))
            .directory(Path::new(directory))
            .start();
        assert_eq!(Client::usual(server.port()).store(3, &object).status(), 0);
        assert!(out.join(object.file_name()).exists(), "{directory}");
    }
}

/// Debian's program follows the link.
#[test]
fn a_symbolic_link_at_the_final_name_is_not_followed() {
    for options in [&[][..], &["+B"]] {
        for exists in [true, false] {
            let server = Server::start(Program::Ours, options);
            let victim = server.scratch().join("victim");
            if exists {
                fs::write(&victim, "precious").expect("a file");
            }
            let object = Object::ct(10);
            let path = server.directory().join(object.file_name());
            symlink(&victim, &path).expect("a link");
            assert_eq!(Client::usual(server.port()).store(3, &object).status(), 0);
            let kind = fs::symlink_metadata(&path).expect("stored").file_type();
            assert!(kind.is_file(), "the link gave way to the file");
            assert!(Part10::read(&path).data_set == object.bytes);
            let content = fs::read_to_string(&victim).ok();
            assert_eq!(content.as_deref(), exists.then_some("precious"));
        }
    }
}

#[test]
fn a_directory_at_the_final_name_costs_one_object() {
    let server = Server::start(Program::Ours, &[]);
    let object = Object::ct(10);
    fs::create_dir(server.directory().join(object.file_name())).expect("a directory");
    let mut client = Client::usual(server.port());
    assert_refused(client.store(3, &object).status());
    assert_eq!(client.store(3, &Object::ct(10)).status(), 0);
    assert_eq!(server.files().len(), 2, "{:?}", server.files());
}

/// Memory use does not depend on the size of the object.
#[test]
fn a_large_object_takes_no_memory() {
    let object = Object::ct(150_000_000);
    for options in [&[][..], &["+B"]] {
        let server = Server::with(Program::Ours, options).start();
        let mut client = Client::usual(server.port());
        assert_eq!(client.store(3, &object).status(), 0);
        client.release();
        assert!(server.peak_kib() < 16 * 1024, "{} KiB resident", server.peak_kib());
        let file = Part10::read(&server.directory().join(object.file_name()));
        assert!(file.data_set == object.bytes);
    }
}

/// A C-STORE sent in pieces.
struct SlowStore<'a> {
    client: &'a mut Client,
    rest: &'a [u8],
}

impl<'a> SlowStore<'a> {
    fn begin(client: &'a mut Client, object: &'a Object) -> Self {
        let id = client.message_id();
        client.command(3, &Command::store(id, &object.sop_class, &object.sop_instance));
        Self { client, rest: &object.bytes }
    }

    fn send(&mut self, count: usize) {
        let (now, later) = self.rest.split_at(count);
        for chunk in now.chunks(10_000) {
            self.client.send(&data_pdu(&[Pdv::data(3, false, chunk)]));
        }
        self.rest = later;
    }

    fn finish(mut self) {
        self.send(self.rest.len());
        self.client.send(&data_pdu(&[Pdv::data(3, true, b"")]));
    }
}

/// The files that a user sees: temporary files have names that begin with a dot.
fn visible(server: &Server) -> Vec<String> {
    server.files().into_iter().filter(|name| !name.starts_with('.')).collect()
}

/// Status codes for "out of resources" (PS3.4 §B.2.3).
fn assert_refused(status: u16) {
    assert!((0xA700..=0xA7FF).contains(&status), "{status:04X} is not out of resources");
}

/// True if every socket of this port has been read completely.
fn sockets_are_empty(port: u16) -> bool {
    let table = fs::read_to_string("/proc/net/tcp").unwrap_or_default();
    let table6 = fs::read_to_string("/proc/net/tcp6").unwrap_or_default();
    let local = format!(":{port:04X}");
    table.lines().chain(table6.lines()).all(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        fields.get(1).is_none_or(|address| !address.ends_with(&local))
            || fields.get(4).is_none_or(|queues| queues.ends_with(":00000000"))
            || fields.get(3) == Some(&"0A")
    })
}

/// A copy of a file in which the last digits of the SOP Instance UID, at both places, are this number.
fn with_instance_number(source: &[u8], number: u32) -> Vec<u8> {
    let instance = &interop::corpus::file("test_files/CT_small.dcm").sop_instance;
    let digits = format!("{:05}", 10_000 + number);
    let replacement = [&instance.as_bytes()[..instance.len() - 5], digits.as_bytes()].concat();
    let mut bytes = source.to_vec();
    let mut position = 0;
    while position + instance.len() <= bytes.len() {
        if &bytes[position..position + instance.len()] == instance.as_bytes() {
            bytes[position..position + instance.len()].copy_from_slice(&replacement);
        }
        position += 1;
    }
    bytes
}

fn accepted<'a>(server: &Server, classes: &[&'a str]) -> BTreeSet<&'a str> {
    let mut accepted = BTreeSet::new();
    for chunk in classes.chunks(128) {
        let ids = (1..=255).step_by(2);
        let contexts = chunk.iter().zip(ids.clone());
        let contexts = contexts.map(|(class, id)| Context::new(id, class, &[uid::EVLE]));
        let (client, accept) = Client::associate(server.port(), &Request::new(contexts.collect()));
        client.release();
        accepted.extend(
            chunk
                .iter()
                .zip(ids)
                .filter(|(_, id)| accept.context(*id).0 == 0)
                .map(|(class, _)| *class),
        );
    }
    accepted
}

/// As an administrator does who wants a directory for each day.
#[test]
fn a_link_to_the_output_directory_may_lead_elsewhere_at_any_time() {
    let scratch = Scratch::new();
    let days = ["monday", "tuesday"].map(|day| scratch.directory(day));
    let today = scratch.path().join("today");
    symlink("monday", &today).expect("a link");
    let server = Server::with(Program::Ours, &[]).directory(&today).start();
    let mut client = Client::usual(server.port());
    let objects: Vec<Object> = (0..6).map(|_| Object::ct(1000)).collect();
    let mut halves = objects.chunks(3);
    for object in halves.next().unwrap_or_default() {
        assert_eq!(client.store(3, object).status(), 0);
    }
    let next = scratch.path().join("next");
    symlink("tuesday", &next).expect("a link");
    fs::rename(&next, &today).expect("it is replaced");
    for object in halves.next().unwrap_or_default() {
        assert_eq!(client.store(3, object).status(), 0);
    }
    client.release();
    for (day, sent) in days.iter().zip(objects.chunks(3)) {
        let mut expected: Vec<_> = sent.iter().map(Object::file_name).collect();
        expected.sort();
        assert_eq!(files_below(day), expected);
    }
}
