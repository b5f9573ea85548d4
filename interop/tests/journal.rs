//! Tests what systemd's journal is told, by a socket in its place.

use std::collections::BTreeMap;
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use interop::wire::{Client, uid};
use interop::{Namespace, Object, Program, Scratch, Server, skip};

/// The fields of an entry; of those with several lines, too.
fn fields(mut entry: &[u8]) -> BTreeMap<String, String> {
    let mut fields = BTreeMap::new();
    while !entry.is_empty() {
        let end = entry.iter().position(|byte| matches!(byte, b'=' | b'\n')).expect("a name");
        let name = String::from_utf8(entry[..end].to_vec()).expect("UTF-8");
        let (start, length) = if entry[end] == b'=' {
            let value = &entry[end + 1..];
            (end + 1, value.iter().position(|byte| *byte == b'\n').expect("the end of a value"))
        } else {
            let length = entry[end + 1..end + 9].try_into().expect("eight bytes");
            (end + 9, usize::try_from(u64::from_le_bytes(length)).expect("a length"))
        };
        let value = String::from_utf8(entry[start..start + length].to_vec()).expect("UTF-8");
        assert_eq!(entry[start + length], b'\n');
        assert!(fields.insert(name, value).is_none());
        entry = &entry[start + length + 1..];
    }
    fields
}

/// Starts a receiver as systemd would, with `socket` in the place of the journal's.
fn under_systemd(socket: &std::path::Path, stream: &str, options: &[&str]) -> Server {
    let place = "/run/systemd/journal";
    let script = format!(
        "mount -t tmpfs tmpfs /run && mkdir -p {place} && touch {place}/socket && mount --bind {} \
         {place}/socket && export JOURNAL_STREAM={stream}",
        socket.display()
    );
    Server::with(Program::Ours, options).through("unshare", &["-m"]).after_shell(&script).start()
}

const OURS: &str = "$(stat -L -c %d:%i /proc/self/fd/2)";

#[test]
fn entries_have_fields_and_the_lines_of_standard_error() {
    if Namespace::available().is_none() || !rustix::process::geteuid().is_root() {
        return skip("the journal: no mounts here");
    }
    let scratch = Scratch::new();
    let path = scratch.path().join("socket");
    let socket = UnixDatagram::bind(&path).expect("a socket");
    socket.set_read_timeout(Some(Duration::from_secs(30))).expect("a time limit");
    let server = under_systemd(&path, OURS, &["-v", "+v"]);
    let object = Object::new(uid::CT, "2.25.7", 1000);
    let mut client = Client::usual(server.port());
    assert_eq!(client.store(3, &object).status(), 0);
    let other = Object { sop_instance: "2.25.8".to_owned(), ..object };
    assert_eq!(client.store(3, &other).status(), 0xA900);
    client.release();
    let mut entries = Vec::new();
    let mut buffer = vec![0; 65_536];
    while !entries.iter().any(|it: &BTreeMap<_, _>| it.contains_key("STORESCP_STORED")) {
        let count = socket.recv(&mut buffer).expect("an entry");
        entries.push(fields(&buffer[..count]));
    }
    let find = |begin: &str| {
        let found = entries.iter().find(|entry| entry["MESSAGE"].starts_with(begin));
        found.unwrap_or_else(|| panic!("{begin}: {entries:?}"))
    };
    let refused = find("E: cannot store SOP instance 2.25.8 (");
    for (name, value) in [
        ("PRIORITY", "3"),
        ("SYSLOG_IDENTIFIER", "storescp"),
        ("STORESCP_PEER", "127.0.0.1"),
        ("STORESCP_ASSOCIATION", "1"),
        ("STORESCP_SOP_INSTANCE_UID", "2.25.8"),
        ("STORESCP_SOP_CLASS_UID", uid::CT),
        ("STORESCP_STATUS", "A900H"),
    ] {
        assert_eq!(refused.get(name).map(String::as_str), Some(value), "{name}: {refused:?}");
    }
    assert!(refused["CODE_FILE"].ends_with(".rs") && refused["CODE_LINE"].parse::<u32>().is_ok());
    let ended = find("I: association ended: 1 stored, 1 refused (1 A900H)");
    assert_eq!((&*ended["PRIORITY"], &*ended["STORESCP_REFUSED"]), ("6", "1"));
    // What belongs together is one entry.
    let dump = find("I: Parameters:\nI: ====");
    assert!(dump["MESSAGE"].lines().count() > 10, "{dump:?}");
    assert_eq!(server.stderr(), "");
}

#[test]
fn elsewhere_and_without_a_journal_lines_go_to_standard_error() {
    if Namespace::available().is_none() || !rustix::process::geteuid().is_root() {
        return skip("the journal: no mounts here");
    }
    let scratch = Scratch::new();
    let path = scratch.path().join("socket");
    let socket = UnixDatagram::bind(&path).expect("a socket");
    // Standard error is not the journal's; JSON is asked for.
    for (stream, options) in [("1:1", &["-v"][..]), (OURS, &["-v", "--log-format", "json"])] {
        let server = under_systemd(&path, stream, options);
        Client::usual(server.port()).release();
        server.wait_for_log("association ended: 0 stored");
    }
    socket.set_nonblocking(true).expect("a socket");
    assert!(socket.recv(&mut [0; 16]).is_err());
    // The journal goes away.
    let server = under_systemd(&path, OURS, &["-v"]);
    drop(socket);
    Client::usual(server.port()).release();
    server.wait_for_log("I: association ended: 0 stored");
}
