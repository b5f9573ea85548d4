//! Tests duplicates where several processes store in one folder, and what the log says of objects that are tolerated.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use interop::wire::{Client, uid};
use interop::{Object, Program, Scratch, Server, files_below, skip};

/// A receiver of its own that stores in `folder`, with these settings.
fn receiver(folder: &Path, settings: &str) -> Server {
    let scratch = Scratch::new();
    let file = scratch.path().join("storescp.toml");
    fs::write(&file, settings).expect("a settings file");
    let words = ["-v", "--settings", file.to_str().expect("a path of text")];
    Server::with(Program::Ours, &words).keeping(scratch).directory(folder).start()
}

fn store(server: &Server, object: &Object) -> u16 {
    let mut client = Client::usual(server.port());
    let status = client.store(3, object).status();
    client.release();
    status
}

/// The files in a folder with what is in them.
fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let shown = files_below(folder).into_iter();
    let shown = shown.filter(|name| !name.ends_with('/') && !name.starts_with(".storescp"));
    shown.map(|name| (name.clone(), fs::read(folder.join(name)).expect("it is listed"))).collect()
}

/// Eight senders, four to each of two receivers: of each UID one object is stored, and only its sender is told so.
#[test]
fn of_one_uid_sent_to_two_processes_at_once_one_object_is_stored() {
    for (settings, others) in [
        ("duplicates = \"reject\"", 0x0111),
        ("duplicates = \"keep\"", 0),
        ("duplicates = \"keep-if-equal\"\nif-different = \"reject\"", 0x0111),
        ("duplicates = \"both\"", 0),
    ] {
        let scratch = Scratch::new();
        let folder = scratch.directory("out");
        let receivers = [(); 2].map(|()| receiver(&folder, settings));
        let instances: Vec<String> = (0..10).map(|_| Object::ct(0).sop_instance).collect();
        let sent: Vec<(Object, u16)> = thread::scope(|scope| {
            let senders: Vec<_> = (0..8_usize)
                .map(|number| {
                    let (server, instances) = (&receivers[number % 2], &instances);
                    scope.spawn(move || {
                        let mut client = Client::usual(server.port());
                        let store = |instance: &String| {
                            let object = Object::new(uid::CT, instance, 1000 + number);
                            let status = client.store(3, &object).status();
                            (object, status)
                        };
                        let sent: Vec<_> = instances.iter().map(store).collect();
                        client.release();
                        sent
                    })
                })
                .collect();
            senders.into_iter().flat_map(|sender| sender.join().expect("it ends")).collect()
        });
        let found = contents(&folder);
        let keeps_all = settings.contains("both");
        assert_eq!(found.len(), if keeps_all { 80 } else { 10 }, "{settings}");
        for instance in &instances {
            let of_it = sent.iter().filter(|(object, _)| object.sop_instance == *instance);
            let (stored, refused): (Vec<_>, Vec<_>) = of_it.partition(|(_, status)| *status == 0);
            assert!(refused.iter().all(|(_, status)| *status == others), "{settings}: {refused:?}");
            let is_there = |object: &Object| found.values().any(|it| it.ends_with(&object.bytes));
            let there = stored.iter().filter(|(object, _)| is_there(object)).count();
            let expected = match (keeps_all, others) {
                (true, _) => (8, 8),
                (false, 0) => (8, 1),
                (false, _) => (1, 1),
            };
            assert_eq!((stored.len(), there), expected, "{settings}");
        }
    }
}

/// The first process has given the name when the sync of the folder fails, a second later. Whoever sends the same UID
/// to another process meanwhile is not told that it is stored.
#[test]
fn a_duplicate_waits_for_another_process_and_is_stored_if_that_one_fails() {
    let mut strace = Command::new("strace");
    strace.args(["-qq", "-o", "/dev/null", "true"]).stderr(Stdio::null());
    if !strace.status().is_ok_and(|status| status.success()) {
        return skip("failing system calls: strace may not trace here");
    }
    for settings in ["keep", "reject", "both", "keep-if-equal"] {
        let scratch = Scratch::new();
        let folder = scratch.directory("out");
        let (trace, path) = (scratch.path().join("trace"), folder.display().to_string());
        let trace = trace.display().to_string();
        let fails = "inject=fsync:error=EIO:delay_enter=1000000";
        let arguments =
            ["-D", "-f", "-qq", "-o", &trace, "-P", &path, "-e", "trace=fsync", "-e", fails];
        let failing = Server::with(Program::Ours, &[]).through("strace", &arguments);
        let failing = failing.directory(&folder).start();
        let other = receiver(&folder, &format!("duplicates = \"{settings}\""));
        let one = Object::ct(1000);
        let two = Object::new(uid::CT, &one.sop_instance, 2000);
        let (first, second) = thread::scope(|scope| {
            let storing = scope.spawn(|| store(&failing, &one));
            thread::sleep(Duration::from_millis(500));
            let second = store(&other, &two);
            (storing.join().expect("it is answered"), second)
        });
        assert_eq!((first, second), (0xA700, 0), "{settings}: {}", other.stderr());
        let found = contents(&folder);
        assert_eq!(found.keys().collect::<Vec<_>>(), [&one.file_name()], "{settings}");
        assert!(found[&one.file_name()].ends_with(&two.bytes), "{settings}");
    }
}

/// What is wrong, of which object, and no more of the data set: what is no UID could be a name.
#[test]
fn a_tolerated_object_is_told_of_in_the_log_without_its_patient() {
    let scratch = Scratch::new();
    let folder = scratch.directory("out");
    let settings = "lenient = [\"mismatched-uids\", \"classes-not-negotiated\"]\n\
        named-by = \"data-set\"\nsort = \"patient-name\"\ndefault-character-set = \"ISO_IR 100\"\n";
    let server = receiver(&folder, settings);
    let send = |found: &str| {
        let mut object = Object::ct(0);
        let announced = object.sop_instance.clone();
        let elements = vec![
            (0x0010_0010, *b"PN", b"N\xe9verlog^Nvrjane".to_vec()),
            (0x0020_000D, *b"UI", b"2.25.301".to_vec()),
        ];
        object.bytes = Object::made_of(uid::CT, found, elements).bytes;
        assert_eq!(store(&server, &object), 0, "{}", server.stderr());
        announced
    };
    let announced = send("2.25.4711");
    server.wait_for_log(&format!(
        "W: SOP instance 2.25.4711 (CTImageStorage) is stored although its SOP Instance UID differs: \
         2.25.4711 in the data set, {announced} in the command"
    ));
    server.wait_for_log(
        "is stored although its data set has text beyond ASCII and declares no character",
    );
    let announced = send("NEVERLOG.NVRJANE");
    server.wait_for_log(&format!(
        "W: SOP instance {announced} (CTImageStorage) is stored although its SOP Instance UID differs: not a \
         UID in the data set, {announced} in the command"
    ));
    let log = server.stderr();
    for name in ["everlog", "EVERLOG", "nvrjane", "NVRJANE"] {
        assert!(!log.contains(name), "{name}: {log}");
    }
    let names: Vec<String> = contents(&folder).into_keys().collect();
    assert!(names.iter().all(|name| name.starts_with("Neverlog_Nvrjane_")), "Latin-1: {names:?}");
}
