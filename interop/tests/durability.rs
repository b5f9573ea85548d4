//! Tests, by system calls, what happens between the last byte of an object and the answer.

use std::fs;
use std::path::Path;

use interop::process::eventually;
use interop::wire::Client;
use interop::{Object, Program, Scratch, Server};

/// For each object, in this order: sync the file, give it its name, sync the directory, answer.
#[test]
fn an_object_is_durable_before_it_is_acknowledged() {
    let ways = [&[][..], &["+B"], &["-F"], &["--durability", "full"]];
    for (place, options) in on_each_place(&ways) {
        let objects: Vec<Object> = (1..=3).map(|n| Object::ct(n * 40_000)).collect();
        let calls = traced_on(place, options, &objects);
        for object in &objects {
            let named = position(&calls, |call| call.names(&object.file_name()));
            let synced = calls[..named].iter().rposition(|call| call.is_sync() && call.of_file());
            let synced = synced.expect("the file is synced before it has its name");
            let folder = named
                + position(&calls[named..], |call| {
                    call.is_sync() && call.text.contains("/out>") && call.succeeded()
                });
            let answered = calls.iter().enumerate().position(|(n, call)| n > named && call.sends());
            let answered = answered.expect("it is answered");
            assert!(synced < named && folder < answered, "{options:?}: {:#?}", &calls[synced..]);
            // Nothing is written to the file after the sync.
            assert!(
                !calls[synced..answered].iter().any(|call| call.writes() && call.of_file()),
                "{options:?}: {:#?}",
                &calls[synced..answered]
            );
        }
    }
}

/// The same for an object that replaces another one.
#[test]
fn a_replacement_is_durable_before_it_is_acknowledged() {
    let first = Object::ct(1000);
    let second = Object::new(&first.sop_class, &first.sop_instance, 50_000);
    for (place, options) in on_each_place(&[&[]]) {
        let calls = traced_on(place, options, &[first.clone(), second.clone()]);
        let named = calls.iter().rposition(|call| call.names(&second.file_name()));
        let named = named.expect("it gets its name");
        assert!(calls[..named].iter().any(|call| call.is_sync() && call.of_file()));
        let rest = &calls[named..];
        let folder = position(rest, |call| call.is_sync() && call.text.contains("/out>"));
        let answered = position(rest, Call::sends);
        assert!(folder < answered, "{rest:#?}");
    }
}

/// The same for an object in the folder of its study; the sync of its parent makes a new folder durable too.
#[test]
fn an_object_in_a_new_folder_is_durable_before_it_is_acknowledged() {
    let objects: Vec<Object> = (1..=3).map(|n| Object::ct(n * 1000)).collect();
    for (place, options) in on_each_place(&[&["-su", "p"]]) {
        new_folder_is_durable(&traced_on(place, options, &objects), &objects);
    }
}

fn new_folder_is_durable(calls: &[Call], objects: &[Object]) {
    let made = position(calls, |call| call.name() == "mkdirat" && call.text.contains("p_2.25.301"));
    for (number, object) in objects.iter().enumerate() {
        let named = position(calls, |call| call.names(&object.file_name()));
        assert!(made < named);
        let content = |call: &Call| call.is_sync() && call.of_file() && !call.of_folder();
        assert!(calls[..named].iter().any(content), "the file is synced before it has its name");
        let rest = &calls[named..];
        let folder = position(rest, |call| call.is_sync() && call.of_folder() && call.succeeded());
        assert!(folder < position(rest, Call::sends), "{rest:#?}");
        if number == 0 {
            let answered = named + position(rest, Call::sends);
            let around = |call: &Call| call.is_sync() && call.text.contains("/out>");
            assert!(calls[made..answered].iter().any(around), "{calls:#?}");
        }
    }
}

#[test]
fn without_durability_nothing_is_synced() {
    let objects: Vec<Object> = (1..=3).map(|n| Object::ct(n * 40_000)).collect();
    let calls = traced(&["--durability", "none"], &objects);
    for object in &objects {
        let named = position(&calls, |call| call.names(&object.file_name()));
        let answered = position(&calls[named..], Call::sends);
        assert!(answered > 0, "named before it is acknowledged");
    }
    assert!(!calls.iter().any(Call::is_sync), "{calls:#?}");
    assert!(!calls.iter().any(Call::begins_write_back), "{calls:#?}");
}

/// The file is written to disk while it is received, so that the final sync has little to do. Only that sync
/// ensures durability.
#[test]
fn a_large_object_is_written_to_disk_while_it_comes_in() {
    let object = Object::ct(3_000_000);
    let calls = traced(&[], std::slice::from_ref(&object));
    let last_write = calls.iter().rposition(|call| call.writes() && call.of_file());
    let last_write = last_write.expect("it is written");
    let begun = calls[..last_write].iter().filter(|call| call.begins_write_back());
    assert!(begun.count() >= 3, "{calls:#?}");
    let named = position(&calls, |call| call.names(&object.file_name()));
    assert!(calls[last_write..named].iter().any(|call| call.is_sync() && call.of_file()));
}

/// A completed system call.
#[derive(Debug)]
struct Call {
    text: String,
}

impl Call {
    fn name(&self) -> &str {
        self.text.split('(').next().unwrap_or_default()
    }

    fn succeeded(&self) -> bool {
        !self.text.contains(" = -1 ")
    }

    fn is_sync(&self) -> bool {
        ["fsync", "fdatasync", "syncfs", "sync", "msync"].contains(&self.name())
    }

    /// Starts write-back, which does not ensure durability.
    fn begins_write_back(&self) -> bool {
        self.name() == "sync_file_range" && self.of_file() && self.succeeded()
    }

    /// Gives a file this final name.
    fn names(&self, file_name: &str) -> bool {
        ["link", "linkat", "rename", "renameat", "renameat2"].contains(&self.name())
            && self.text.contains(&format!("{file_name}\""))
            && self.succeeded()
    }

    fn writes(&self) -> bool {
        ["write", "writev", "pwrite64", "pwritev", "pwritev2"].contains(&self.name())
    }

    /// Refers to a file in the output directory, with or without a name.
    fn of_file(&self) -> bool {
        self.text.contains("/out/")
    }

    /// Refers to the folder that objects are sorted into.
    fn of_folder(&self) -> bool {
        self.text.contains("/out/p_2.25.301>")
    }

    /// Sends data to the peer.
    fn sends(&self) -> bool {
        let sends = ["sendto", "sendmsg"].contains(&self.name()) || self.writes();
        sends && self.text.contains("<TCP")
    }
}

/// Where files are stored. The file system determines whether files have temporary names.
#[derive(Clone, Copy, Debug)]
enum Place {
    Disk,
    /// A file system on which they have none, available on any machine.
    Memory,
}

fn on_each_place<'a>(options: &[&'a [&'a str]]) -> Vec<(Place, &'a [&'a str])> {
    let on = |place| options.iter().map(move |options| (place, *options));
    on(Place::Disk).chain(on(Place::Memory)).collect()
}

/// The system calls that a receiver makes for these objects, in the order in which they took effect.
fn traced(options: &[&str], objects: &[Object]) -> Vec<Call> {
    traced_on(Place::Disk, options, objects)
}

fn traced_on(place: Place, options: &[&str], objects: &[Object]) -> Vec<Call> {
    let scratch = match place {
        Place::Disk => Scratch::new(),
        Place::Memory => Scratch::below(Path::new("/dev/shm")),
    };
    let server = Server::with(Program::Ours, options)
        .directory(&scratch.directory("out"))
        // The tracer runs in the background, so that the child process is the receiver itself.
        .through("strace", &["-D", "-f", "-yy", "-s", "256", "-o", "trace", "-e", CALLS])
        .start();
    let mut client = Client::usual(server.port());
    for object in objects {
        assert_eq!(client.store(3, object).status(), 0, "{options:?}");
    }
    client.release();
    let trace = server.scratch().join("trace");
    eventually("the trace is written", std::time::Duration::from_secs(30), || {
        read(&trace).iter().filter(|call| call.sends()).count() >= objects.len() + 2
    });
    read(&trace)
}

const CALLS: &str = "trace=mkdirat,fsync,fdatasync,syncfs,sync,sync_file_range,msync,link,linkat,rename,\
                     renameat,renameat2,write,writev,pwrite64,pwritev,pwritev2,sendto,sendmsg";

/// A long call takes two lines, the second one when it returns. They are joined at the position of the second
/// line, except for sends, which count from their beginning.
fn read(trace: &Path) -> Vec<Call> {
    let mut calls = Vec::new();
    let mut unfinished: Vec<(String, String)> = Vec::new();
    for line in fs::read_to_string(trace).unwrap_or_default().lines() {
        let Some((thread, rest)) = line.split_once(' ') else { continue };
        let rest = rest.trim_start();
        if let Some(begun) = rest.strip_suffix(" <unfinished ...>") {
            let call = Call { text: begun.to_owned() };
            if call.sends() {
                calls.push(call);
            } else {
                unfinished.push((thread.to_owned(), begun.to_owned()));
            }
        } else if let Some((_, end)) = rest.split_once("resumed>") {
            let index = unfinished.iter().position(|(owner, _)| owner == thread);
            if let Some((_, begun)) = index.map(|index| unfinished.remove(index)) {
                calls.push(Call { text: begun + end });
            }
        } else if rest.contains('(') {
            calls.push(Call { text: rest.to_owned() });
        }
    }
    calls
}

fn position(calls: &[Call], wanted: impl Fn(&Call) -> bool) -> usize {
    let found = calls.iter().position(wanted);
    found.unwrap_or_else(|| panic!("not among {calls:#?}"))
}
