//! Systemd's journal, by its native protocol, so that entries keep their fields.
//!
//! On their way through the queue, entries are text: fields that end with [`FIELD_END`], each a name, [`NAME_END`]
//! and a value. Neither is in a value, since those are of printable characters and ends of lines only.

use super::console::{Stream, lines_lost};
use super::line_queue::{LineOutput, LineQueue};
use crate::logging::level::LogLevel;
use crate::logging::line::Line;
use crate::logging::structured::StructuredRecord;
use chrono::{DateTime, Local};
use rustix::io::Errno;
use std::fmt::Write as _;
use std::io;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

const NAME_END: char = '\u{1f}';
const FIELD_END: char = '\u{1e}';

/// Where systemd listens for entries.
const SOCKET: &str = "/run/systemd/journal/socket";

/// Names systemd the file that standard error is, if it leads to the journal: device and inode.
const STREAM_VARIABLE: &str = "JOURNAL_STREAM";

/// Whether standard error leads to the journal, and the journal takes entries with fields.
pub(in crate::logging) fn is_connected() -> bool {
    let Some(stream) = std::env::var_os(STREAM_VARIABLE) else { return false };
    let is_standard_error = rustix::fs::fstat(rustix::stdio::stderr())
        .is_ok_and(|it| stream.to_str() == Some(&format!("{}:{}", it.st_dev, it.st_ino)));
    let takes_entries =
        || UnixDatagram::unbound().and_then(|socket| socket.connect(SOCKET)).is_ok();
    is_standard_error && takes_entries()
}

static QUEUE: OnceLock<Arc<LineQueue>> = OnceLock::new();

/// The queue of the journal; started by who asks for it first.
pub(in crate::logging) fn queue() -> Arc<LineQueue> {
    let loss = |count| {
        let line = format!("W: {}", lines_lost(count));
        Some(entry(&StructuredRecord::of_text(LogLevel::Warn, line)))
    };
    let start = || LineQueue::start(Box::new(Journal::new(Path::new(SOCKET))), Box::new(loss));
    Arc::clone(QUEUE.get_or_init(start))
}

/// The queue, if it was ever asked for.
pub(in crate::logging) fn started() -> Option<&'static Arc<LineQueue>> {
    QUEUE.get()
}

/// The entry of a record whose messages are lines as standard error has them.
pub(in crate::logging) fn entry(record: &StructuredRecord) -> String {
    let mut entry = Entry(Line(String::with_capacity(512)));
    let message =
        if record.lines.is_empty() { record.message.clone() } else { record.lines.join("\n") };
    entry.message(&message);
    entry.field("PRIORITY", priority(record.level));
    entry.field("SYSLOG_IDENTIFIER", "storescp");
    if !record.source.file.is_empty() {
        entry.field("CODE_FILE", record.source.file);
        entry.field("CODE_LINE", &record.source.line.to_string());
        entry.field("CODE_FUNC", record.source.module);
    }
    if let Some(served) = &record.served {
        entry.field("STORESCP_PEER", &served.address.to_string());
        if let Some(port) = served.port {
            entry.field("STORESCP_PEER_PORT", &port.to_string());
        }
        if let Some(title) = served.calling_ae {
            entry.field("STORESCP_CALLING_AE_TITLE", &title.to_string());
        }
        if let Some(title) = served.called_ae {
            entry.field("STORESCP_CALLED_AE_TITLE", &title.to_string());
        }
        entry.field("STORESCP_ASSOCIATION", &served.association.to_string());
    }
    for (name, value) in &record.fields {
        entry.field(&field_name(name), value.text());
    }
    entry.0.0
}

/// As syslog(3) has it.
fn priority(level: LogLevel) -> &'static str {
    match level {
        LogLevel::Fatal => "2",
        LogLevel::Error => "3",
        LogLevel::Warn => "4",
        LogLevel::Info => "6",
        LogLevel::Debug | LogLevel::Trace => "7",
    }
}

/// `sopInstanceUid` as `STORESCP_SOP_INSTANCE_UID`.
fn field_name(name: &str) -> String {
    let mut field = String::from("STORESCP_");
    for character in name.chars() {
        if character.is_ascii_uppercase() {
            field.push('_');
        }
        let is_allowed = character.is_ascii_alphanumeric();
        field.push(if is_allowed { character.to_ascii_uppercase() } else { '_' });
    }
    field
}

/// An entry being written.
struct Entry(Line);

impl Entry {
    /// Of printable characters and ends of lines already.
    fn message(&mut self, text: &str) {
        for part in ["MESSAGE", &NAME_END.to_string(), text, &FIELD_END.to_string()] {
            self.0.0.push_str(part);
        }
    }

    fn field(&mut self, name: &str, value: &str) {
        self.0.0.push_str(name);
        self.0.0.push(NAME_END);
        // Escapes what is not printable; writing into a string does not fail.
        let _ = self.0.write_str(value);
        self.0.0.push(FIELD_END);
    }
}

/// The journal's socket. Entries that it does not take go to standard error, as lines without fields.
struct Journal {
    path: PathBuf,
    socket: Option<UnixDatagram>,
}

impl Journal {
    fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), socket: None }
    }

    fn send(&mut self, entry: &[u8]) -> io::Result<()> {
        let socket = match &self.socket {
            Some(socket) => socket,
            None => self.socket.insert(UnixDatagram::unbound()?),
        };
        // By path each time, so that a journal that was restarted is found.
        match socket.send_to(entry, &self.path) {
            Err(error) if error.raw_os_error() == Some(Errno::MSGSIZE.raw_os_error()) => {
                socket.connect(&self.path)?;
                let sent = send_as_file(socket, entry);
                self.socket = None;
                sent
            }
            sent => sent.map(drop),
        }
    }
}

impl LineOutput for Journal {
    fn write(&mut self, _: Option<DateTime<Local>>, entry: &str) -> io::Result<()> {
        if self.send(&protocol(entry)).is_err() {
            let message = fields(entry).find(|(name, _)| *name == "MESSAGE");
            let (_, message) = message.unwrap_or_default();
            Stream::Error.queue().push(None, format!("{message}\n"), 1);
        }
        Ok(())
    }

    fn takes_batches(&self) -> bool {
        false
    }
}

fn fields(entry: &str) -> impl Iterator<Item = (&str, &str)> {
    entry.split_terminator(FIELD_END).filter_map(|field| field.split_once(NAME_END))
}

/// An entry as the protocol has it: `NAME=value`, or with the length of a value of several lines.
fn protocol(entry: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(entry.len() + 16);
    for (name, value) in fields(entry) {
        bytes.extend(name.as_bytes());
        if value.contains('\n') {
            bytes.push(b'\n');
            bytes.extend((value.len() as u64).to_le_bytes());
        } else {
            bytes.push(b'=');
        }
        bytes.extend(value.as_bytes());
        bytes.push(b'\n');
    }
    bytes
}

/// Sends an entry that is too long for a datagram in a sealed file in memory.
#[cfg(target_os = "linux")]
fn send_as_file(socket: &UnixDatagram, entry: &[u8]) -> io::Result<()> {
    use rustix::fs::{MemfdFlags, SealFlags};
    use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags};
    use std::io::Write as _;
    use std::os::fd::AsFd;

    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let mut file = std::fs::File::from(rustix::fs::memfd_create("storescp-log", flags)?);
    file.write_all(entry)?;
    let seals = SealFlags::SEAL | SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE;
    rustix::fs::fcntl_add_seals(&file, seals)?;
    let descriptors = [file.as_fd()];
    let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    ancillary.push(SendAncillaryMessage::ScmRights(&descriptors));
    rustix::net::sendmsg(socket, &[], &mut ancillary, SendFlags::NOSIGNAL)?;
    Ok(())
}

/// There is no journal elsewhere.
#[cfg(not(target_os = "linux"))]
fn send_as_file(_: &UnixDatagram, _: &[u8]) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logging::structured::FieldValue;
    use platform::sync::Instant;
    use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags};
    use std::io::{IoSliceMut, Read, Seek};
    use std::time::Duration;

    /// A socket that takes entries in place of systemd's.
    fn fake_journal(name: &str) -> (PathBuf, UnixDatagram) {
        let path = std::env::temp_dir().join(format!("storescp-{name}-{}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        (path, socket)
    }

    fn record(message: &str) -> StructuredRecord {
        StructuredRecord::of_text(LogLevel::Error, message.to_owned())
    }

    #[test]
    fn an_entry_has_its_fields() {
        let (path, socket) = fake_journal("journal-fields");
        let mut record = record("E: cannot store");
        record.fields = vec![
            ("sopInstanceUid", FieldValue::Text("1.2\nPRIORITY=0".to_owned())),
            ("stored", FieldValue::Number("3".to_owned())),
        ];
        let queue = LineQueue::start(Box::new(Journal::new(&path)), Box::new(|_| None));
        queue.push(None, entry(&record), 1);
        let mut buffer = [0; 4096];
        let count = socket.recv(&mut buffer).unwrap();
        assert_eq!(
            std::str::from_utf8(&buffer[..count]).unwrap(),
            "MESSAGE=E: cannot store\nPRIORITY=3\nSYSLOG_IDENTIFIER=storescp\n\
             STORESCP_SOP_INSTANCE_UID=1.2\\nPRIORITY=0\nSTORESCP_STORED=3\n"
        );
        queue.finish(Instant::now() + Duration::from_secs(10));
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn a_block_is_one_entry_of_several_lines() {
        let mut record = record("I: one");
        record.lines = vec!["I: one".to_owned(), "I: two".to_owned()];
        let bytes = protocol(&entry(&record));
        assert!(bytes.starts_with(b"MESSAGE\n\x0d\0\0\0\0\0\0\0I: one\nI: two\nPRIORITY=3\n"));
    }

    #[test]
    fn an_entry_too_long_for_a_datagram_comes_in_a_file() {
        let (path, socket) = fake_journal("journal-file");
        let long = "x".repeat(1024 * 1024);
        Journal::new(&path).send(&protocol(&entry(&record(&long)))).unwrap();
        let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let mut buffer = [0; 16];
        let parts = &mut [IoSliceMut::new(&mut buffer)];
        let received =
            rustix::net::recvmsg(&socket, parts, &mut ancillary, RecvFlags::empty()).unwrap();
        assert_eq!(received.bytes, 0);
        let file = ancillary.drain().find_map(|message| match message {
            RecvAncillaryMessage::ScmRights(mut descriptors) => descriptors.next(),
            _ => None,
        });
        let mut file = std::fs::File::from(file.expect("a descriptor"));
        let mut text = String::new();
        file.rewind().unwrap();
        file.read_to_string(&mut text).unwrap();
        assert!(text.starts_with("MESSAGE=xxx") && text.len() > long.len());
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn without_a_journal_an_entry_is_a_line() {
        let mut journal = Journal::new(Path::new("/nonexistent/socket"));
        assert!(journal.send(b"MESSAGE=x\n").is_err());
        let entry = entry(&record("E: a line"));
        assert_eq!(fields(&entry).next(), Some(("MESSAGE", "E: a line")));
    }
}
