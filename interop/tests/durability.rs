//! Tests, by system calls, what happens between the last byte of an object and the answer.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use interop::process::eventually;
use interop::wire::Client;
use interop::{Image, Namespace, Object, Program, Scratch, Server, Setup, skip};

/// For each object, in this order: sync the file, give it its name, sync the directory, answer. With
/// `--durability ordered`, write the file out, without a sync.
#[test]
fn an_object_is_durable_before_it_is_acknowledged() {
    let ways = [&[][..], &["+B"], &["-F"], &["--durability", "full"]];
    for (place, options) in on_each_place(&ways) {
        let objects: Vec<Object> = (1..=3).map(|n| Object::ct(n * 40_000)).collect();
        let Some(calls) = traced_on(place, options, &objects) else { return };
        for object in &objects {
            let named = position(&calls, |call| call.names(&object.file_name()));
            let synced = calls[..named].iter().rposition(|call| call.syncs_content(place));
            let synced =
                synced.unwrap_or_else(|| panic!("not synced before, {place:?}: {calls:#?}"));
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
        if place.is_ordered() {
            let accepted = position(&calls, Call::sends);
            let mut written = BTreeSet::new();
            for call in calls[accepted..].iter().filter(|call| call.of_file()) {
                if call.writes() {
                    written.insert(call.descriptor());
                }
                // Others are of the start, which goes on in the background.
                let is_of_object = call.is_sync() && written.contains(call.descriptor());
                assert!(!is_of_object, "one commit for each: {call:?} in {calls:#?}");
            }
        }
    }
}

/// The same for an object that replaces another one.
#[test]
fn a_replacement_is_durable_before_it_is_acknowledged() {
    let first = Object::ct(1000);
    let second = Object::new(&first.sop_class, &first.sop_instance, 50_000);
    for (place, options) in on_each_place(&[&[]]) {
        let sent = [first.clone(), second.clone()];
        let Some(calls) = traced_on(place, options, &sent) else { return };
        let named = calls.iter().rposition(|call| call.names(&second.file_name()));
        let named = named.expect("it gets its name");
        let second_begins = calls[..named].iter().rposition(Call::sends).expect("the first answer");
        assert!(calls[second_begins..named].iter().any(|call| call.syncs_content(place)));
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
        let Some(calls) = traced_on(place, options, &objects) else { return };
        new_folder_is_durable(place, &calls, &objects);
    }
}

fn new_folder_is_durable(place: Place, calls: &[Call], objects: &[Object]) {
    let made = position(calls, |call| call.name() == "mkdirat" && call.text.contains("p_2.25.301"));
    for (number, object) in objects.iter().enumerate() {
        let named = position(calls, |call| call.names(&object.file_name()));
        assert!(made < named);
        let content = |call: &Call| call.syncs_content(place) && !call.of_folder();
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
    for place in [Place::Disk, Place::Ext4] {
        let calls = traced_on(place, &[], std::slice::from_ref(&object));
        let Some(calls) = calls else { return };
        let last_write = calls.iter().rposition(|call| call.writes() && call.of_file());
        let last_write = last_write.expect("it is written");
        let begun = calls[..last_write].iter().filter(|call| call.begins_write_back());
        assert!(begun.count() >= 3, "{calls:#?}");
        let named = position(&calls, |call| call.names(&object.file_name()));
        assert!(calls[last_write..named].iter().any(|call| call.syncs_content(place)));
    }
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

    /// What it refers to first: `9</the/file>(deleted)`.
    fn descriptor(&self) -> &str {
        let arguments = self.text.split_once('(').map_or("", |(_, rest)| rest);
        arguments.split(',').next().unwrap_or_default().split(") = ").next().unwrap_or_default()
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

    /// Writes all of a file, and waits until that is done.
    fn writes_out(&self) -> bool {
        const ALL: &str =
            "0, 0, SYNC_FILE_RANGE_WAIT_BEFORE|SYNC_FILE_RANGE_WRITE|SYNC_FILE_RANGE_WAIT_AFTER)";
        self.begins_write_back() && self.text.contains(ALL)
    }

    /// Does what has to precede the name of a file.
    fn syncs_content(&self, place: Place) -> bool {
        if place.is_ordered() { self.writes_out() } else { self.is_sync() && self.of_file() }
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Disk,
    /// A file system on which they have none, available on any machine.
    Memory,
    /// An image, with `--durability ordered`, if one can be mounted here.
    Ext4,
    /// The same.
    Xfs,
}

impl Place {
    fn is_ordered(self) -> bool {
        matches!(self, Self::Ext4 | Self::Xfs)
    }

    /// With the image, if there is one.
    fn setup(self, options: &[&str]) -> Option<(Setup, Option<Image>)> {
        let on = |scratch: Scratch| {
            let setup = Server::with(Program::Ours, options).directory(&scratch.directory("out"));
            Some((setup.keeping(scratch), None))
        };
        let ordered = |mebibytes, make: &[&str]| {
            let image = Image::made(mebibytes, make);
            let options = [options, &["--durability", "ordered"]].concat();
            let setup =
                Namespace::available()?.setup_on_disk(image.path(), "defaults", &options)?;
            Some((setup, Some(image)))
        };
        match self {
            Self::Disk => on(Scratch::new()),
            Self::Memory => on(Scratch::below(Path::new("/dev/shm"))),
            Self::Ext4 => ordered(64, &["mkfs.ext4", "-qF", "-O", "has_journal"]),
            Self::Xfs => ordered(320, &["mkfs.xfs", "-qf"]),
        }
    }
}

fn on_each_place<'a>(options: &[&'a [&'a str]]) -> Vec<(Place, &'a [&'a str])> {
    let on = |place| options.iter().map(move |options| (place, *options));
    [Place::Disk, Place::Memory, Place::Ext4, Place::Xfs].into_iter().flat_map(on).collect()
}

/// The system calls that a receiver makes for these objects, in the order in which they took effect.
fn traced(options: &[&str], objects: &[Object]) -> Vec<Call> {
    traced_on(Place::Disk, options, objects).expect("a folder")
}

/// The same; `None` if nothing can be stored there on this machine.
fn traced_on(place: Place, options: &[&str], objects: &[Object]) -> Option<Vec<Call>> {
    let Some((setup, _image)) = place.setup(options) else {
        skip("an ordered journal: no file system can be mounted here");
        return None;
    };
    let trace = Scratch::new();
    let file = trace.path().join("trace");
    let file = file.to_str().expect("UTF-8");
    // The tracer runs in the background, so that the child process is the receiver itself.
    let server =
        setup.through("strace", &["-D", "-f", "-yy", "-s", "256", "-o", file, "-e", CALLS]).start();
    let mut client = Client::usual(server.port());
    for object in objects {
        assert_eq!(client.store(3, object).status(), 0, "{options:?}");
    }
    client.release();
    let trace = Path::new(file);
    eventually("the trace is written", std::time::Duration::from_secs(30), || {
        read(trace).iter().filter(|call| call.sends()).count() >= objects.len() + 2
    });
    Some(read(trace))
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
