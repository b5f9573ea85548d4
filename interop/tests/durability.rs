//! What happens between the last byte and the answer, as the kernel sees it.

use std::fs;
use std::path::Path;

use interop::process::eventually;
use interop::wire::Client;
use interop::{Object, Program, Scratch, Server};

/// File synced, named, directory synced, answered: in this order, for each object.
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
            // Nothing is written to the file after it was synced.
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

/// The same for one that goes into a folder of its study: a new one is durable itself.
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

/// The disk works while the network does, so that the sync at the end has little to do. It is only
/// the sync that is relied on.
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

/// A system call that has returned.
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

    /// Promises nothing.
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

    /// Of a descriptor of a file in the output directory, unnamed or not.
    fn of_file(&self) -> bool {
        self.text.contains("/out/")
    }

    /// Of a descriptor of the folder that objects are sorted into.
    fn of_folder(&self) -> bool {
        self.text.contains("/out/p_2.25.301>")
    }

    /// Sends to the peer.
    fn sends(&self) -> bool {
        let sends = ["sendto", "sendmsg"].contains(&self.name()) || self.writes();
        sends && self.text.contains("<TCP")
    }
}

/// Where files are stored. It is the file system that decides whether they have names on their way.
#[derive(Clone, Copy, Debug)]
enum Place {
    Disk,
    /// Where they have none, on any machine.
    Memory,
}

fn on_each_place<'a>(options: &[&'a [&'a str]]) -> Vec<(Place, &'a [&'a str])> {
    let on = |place| options.iter().map(move |options| (place, *options));
    on(Place::Disk).chain(on(Place::Memory)).collect()
}

/// The calls, in the order in which they took effect, that a receiver makes for these objects.
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
        // The tracer is in the background, so that the child is the receiver itself.
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

/// A call that took long stands in two lines, the second when it returned: the parts are put
/// together there. A send counts from its beginning.
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
