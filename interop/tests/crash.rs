//! Tests that objects survive when the receiver is killed repeatedly under load: all that it acknowledged are
//! intact.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use flate2::read::DeflateDecoder;
use interop::part10::Part10;
use interop::process::eventually;
use interop::wire::{Answer, Client, Command, Pdv, Request, data_pdu};
use interop::{Object, Program, Scratch, Server};

/// Number of kills; set `INTEROP_KILL_ROUNDS` for more.
const ROUNDS: u64 = 12;
const SENDERS: usize = 8;

/// Ways of storing, each with a separate directory.
const WAYS: [&[&str]; 6] =
    [&[], &["+B"], &["--durability", "none"], &["-su", "p"], &["-F"], &["+td"]];

#[test]
fn a_killed_receiver_has_all_that_it_acknowledged() {
    let rounds = std::env::var("INTEROP_KILL_ROUNDS").ok().and_then(|text| text.parse().ok());
    let scratch = Scratch::new();
    let ways: Vec<_> = WAYS
        .iter()
        .enumerate()
        .map(|(number, options)| {
            (*options, scratch.directory(&number.to_string()), Mutex::default())
        })
        .collect();
    for round in 0..rounds.unwrap_or(ROUNDS) {
        let way = &ways[usize::try_from(round).expect("a few") % ways.len()];
        let (options, directory, acknowledged): &(&[&str], PathBuf, Mutex<_>) = way;
        let mut server = Server::with(Program::Ours, options).directory(directory).start();
        // The temporary files of the previous run are deleted.
        eventually("no temporary file is left", Duration::from_secs(30), || {
            !server.files().iter().any(|name| name.starts_with('.'))
        });
        let port = server.port();
        thread::scope(|scope| {
            for sender in 0..SENDERS {
                scope.spawn(move || send_until_it_breaks(port, round, sender, acknowledged));
            }
            // The times vary without being random, so that a failure can be reproduced.
            thread::sleep(Duration::from_millis(30 + round * 37 % 400));
            server.signal("KILL");
            server.wait(Duration::from_secs(30)).expect("it ends");
        });
        let mut acknowledged = acknowledged.lock().expect("no sender panicked");
        check(directory, &acknowledged, round, options);
        if round >= 6 {
            assert!(acknowledged.len() > 10, "there was load: {} objects", acknowledged.len());
            acknowledged.clear();
            for name in files_of(directory) {
                fs::remove_file(directory.join(name)).expect("checked above");
            }
        }
    }
}

/// Temporary files left by a crash, and files that only look like them. Those of earlier versions are kept,
/// because they may be older objects that were being replaced.
#[test]
fn what_a_crash_left_is_removed_at_the_next_start() {
    let scratch = Scratch::new();
    let directory = scratch.directory("out");
    let hidden = directory.join(".storescp");
    fs::create_dir(&hidden).expect("a folder");
    let kept = [
        ".hidden",
        ".storescp-123-4.part",
        ".storescp-notes.txt",
        ".storescp/.incoming-1-2-3~",
        ".storescp/notes",
        "CT.1.2.3",
        "storescp-1.part",
    ];
    // Temporary files of a process that has ended.
    let mark = interop::process::mark_of_ended_process();
    let gone = [format!(".storescp/.incoming-{mark}-5~"), format!(".storescp/.incoming-{mark}-6~")];
    for name in kept.iter().copied().chain(gone.iter().map(String::as_str)) {
        fs::write(directory.join(name), "content").expect("a file");
    }
    let server = Server::with(Program::Ours, &["-v"]).directory(&directory).start();
    eventually("the left-overs are removed", Duration::from_secs(30), || server.files() == kept);
    server.wait_for_log("deleted 2 incomplete files");
}

/// Sends objects of many sizes, and records each one when it is sent and when it is acknowledged.
fn send_until_it_breaks(
    port: u16,
    round: u64,
    sender: usize,
    acknowledged: &Mutex<BTreeMap<String, Object>>,
) {
    // The receiver may be killed before this.
    let Ok(mut client) = Client::try_connect(port) else { return };
    if client.try_send(&Request::usual().encode()).is_err()
        || !matches!(client.answer(), Answer::Accept(_))
    {
        return;
    }
    for number in 0_usize.. {
        // Every fifth object replaces the previous one.
        let instance = format!("1.{round}.{sender}.{}", number - usize::from(number % 5 == 4));
        let size = number * 7918 % 150_000;
        let object = Object::new(interop::wire::uid::CT, &instance, size);
        let id = client.message_id();
        let command = Command::store(id, &object.sop_class, &object.sop_instance);
        let mut bytes = data_pdu(&[Pdv::command(3, true, &command.encode())]);
        let chunks = object.bytes.chunks(16_000);
        let count = chunks.len();
        for (index, chunk) in chunks.enumerate() {
            bytes.extend(data_pdu(&[Pdv::data(3, index + 1 == count, chunk)]));
        }
        if client.try_send(&bytes).is_err() {
            return;
        }
        let Answer::Data(pdvs) = client.answer() else { return };
        assert_eq!(Command::parse(&pdvs[0].data).status(), 0);
        acknowledged.lock().expect("no sender panicked").insert(object.file_name(), object);
    }
}

/// Checks that every file is intact, and that every acknowledged object is stored as sent, unless a later
/// object with its name replaced it without being acknowledged.
fn check(directory: &Path, acknowledged: &BTreeMap<String, Object>, round: u64, options: &[&str]) {
    let folder = if options.contains(&"-su") { "p_2.25.301" } else { "" };
    for (name, object) in acknowledged {
        let data_set = data_set(&directory.join(folder).join(name), options);
        let replaced = data_set.len() != object.bytes.len();
        assert!(replaced || data_set == object.bytes, "round {round}: {name} is not as sent");
    }
    for name in files_of(directory) {
        let bytes = data_set(&directory.join(&name), options);
        let pixels = bytes.len() - header_length(&bytes);
        let (_, instance) = name.rsplit_once("CT.").expect("a CT");
        let whole = Object::new(interop::wire::uid::CT, instance, pixels);
        assert!(whole.bytes == bytes, "round {round}: {name} is not whole");
    }
}

/// All files with a final name.
fn files_of(directory: &Path) -> Vec<String> {
    let names = interop::files_below(directory).into_iter();
    names.filter(|name| !name.starts_with('.') && !name.ends_with('/')).collect()
}

/// The data set of a file, inflated.
fn data_set(path: &Path, options: &[&str]) -> Vec<u8> {
    if options.contains(&"-F") {
        return fs::read(path).expect("it is there");
    }
    let stored = Part10::read(path).data_set;
    if !options.contains(&"+td") {
        return stored;
    }
    let mut inflated = Vec::new();
    DeflateDecoder::new(&*stored).read_to_end(&mut inflated).expect("a whole stream");
    inflated
}

/// Number of bytes before the value of the pixel data.
fn header_length(bytes: &[u8]) -> usize {
    let pixel_data = [0xE0, 0x7F, 0x10, 0x00, b'O', b'W', 0, 0];
    let found = bytes.windows(8).position(|window| window == pixel_data);
    found.expect("pixel data") + 12
}
