//! A receiver that stores files in a wrong order, to show that power cuts find out.
//!
//! It speaks no DICOM: a sender gives the length of a name, the name, the length of the content and the content,
//! and gets one byte once the file is stored.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::thread;
use std::time::Duration;

use crate::Object;

/// The order of the steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Write, sync the file, name it, sync the folder, answer.
    Right,
    /// The same, but the answer comes before the syncs.
    AnswerFirst,
    /// The same, but the file has its final name from the start.
    NameFirst,
}

impl Order {
    const ALL: [(&str, Self); 3] = [
        ("right", Self::Right),
        ("answer-first", Self::AnswerFirst),
        ("name-first", Self::NameFirst),
    ];

    /// What it is called on a command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, order)| *order == self).map(|it| it.0).unwrap_or_default()
    }

    /// The one of this name.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|it| it.0 == name).map(|it| it.1)
    }
}

/// Prints its port, and stores in `folder` until it is killed.
///
/// # Errors
/// It cannot listen.
pub fn stand_in(folder: &Path, order: Order) -> io::Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    println!("{}", listener.local_addr()?.port());
    thread::scope(|scope| {
        for stream in listener.incoming() {
            let mut stream = stream?;
            // Ends with an error when the sender closes the connection.
            scope.spawn(move || while store(&mut stream, folder, order).is_ok() {});
        }
        Ok(())
    })
}

fn store(stream: &mut TcpStream, folder: &Path, order: Order) -> io::Result<()> {
    let name = String::from_utf8(receive(stream)?).map_err(io::Error::other)?;
    let content = receive(stream)?;
    let temporary = match order {
        Order::NameFirst => folder.join(&name),
        Order::Right | Order::AnswerFirst => folder.join(format!(".{name}")),
    };
    let mut file = File::create(&temporary)?;
    let (first, second) = content.split_at(content.len() / 2);
    file.write_all(first)?;
    // Time for the syncs of others.
    thread::sleep(Duration::from_millis(2));
    file.write_all(second)?;
    if order == Order::AnswerFirst {
        fs::rename(&temporary, folder.join(&name))?;
        stream.write_all(&[1])?;
        file.sync_all()?;
        return File::open(folder)?.sync_all();
    }
    file.sync_all()?;
    if order == Order::Right {
        fs::rename(&temporary, folder.join(&name))?;
    }
    File::open(folder)?.sync_all()?;
    stream.write_all(&[1])
}

fn receive(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut length = [0; 8];
    stream.read_exact(&mut length)?;
    let mut bytes = vec![0; usize::try_from(u64::from_be_bytes(length)).unwrap_or(usize::MAX)];
    stream.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// A connection to it.
pub(super) struct Connection(TcpStream);

impl Connection {
    pub(super) fn open(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).expect("it listens");
        stream.set_nodelay(true).expect("a socket");
        Self(stream)
    }

    /// Returns whether the object is acknowledged.
    pub(super) fn store(&mut self, object: &Object) -> bool {
        let name = object.file_name();
        let length = |bytes: &[u8]| (bytes.len() as u64).to_be_bytes();
        let mut message = length(name.as_bytes()).to_vec();
        message.extend(name.as_bytes());
        message.extend(length(&object.bytes));
        message.extend(&object.bytes);
        self.0.write_all(&message).is_ok() && self.0.read_exact(&mut [0]).is_ok()
    }
}
