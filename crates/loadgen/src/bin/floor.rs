//! `floor`: the least that a receiver can do, for a server to be compared with in the same run.
//!
//! Nothing here knows DICOM. `floor receive` takes one socket at a time, reads it in 256 KiB pieces
//! and writes them to a file; `floor send` is its sender; `floor sync` is the bare loop of a
//! durable store (write, fsync, rename, fsync of the folder), without a socket.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::{Parser, Subcommand};
use loadgen::report::{self, Run};

/// The bare loop of a receiver, and its sender.
#[derive(Parser)]
#[command(version)]
struct Options {
    #[command(subcommand)]
    mode: Mode,
}

#[derive(Subcommand)]
enum Mode {
    /// Accept one socket after another and write what comes to files in DIR.
    Receive {
        /// Port to listen on, on the loopback interface.
        port: u16,
        /// Folder of the files.
        dir: PathBuf,
        /// Begin a new file after this many bytes (default: one file for a socket).
        #[arg(long, value_name = "BYTES")]
        object_bytes: Option<u64>,
        /// Sync, rename and sync the folder before each answer.
        #[arg(long)]
        sync: bool,
    },
    /// Send objects to `floor receive`, waiting for its answer after each of them.
    Send {
        /// Port of `floor receive`.
        port: u16,
        /// Number of objects.
        #[arg(long, default_value_t = 1)]
        objects: u64,
        /// Size of each object.
        #[arg(long, value_name = "BYTES")]
        object_bytes: u64,
    },
    /// Store objects durably in DIR, one after the other: the loop that a durable receiver cannot
    /// do without.
    Sync {
        /// Folder of the files.
        dir: PathBuf,
        /// Number of objects.
        #[arg(long, default_value_t = 100)]
        objects: u64,
        /// Size of each object.
        #[arg(long, value_name = "BYTES")]
        object_bytes: usize,
    },
}

fn main() -> io::Result<()> {
    match Options::parse().mode {
        Mode::Receive { port, dir, object_bytes, sync } => {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
            let mut buffer = vec![0; READ_BYTES];
            for stream in listener.incoming() {
                receive(stream?, &dir, object_bytes.unwrap_or(u64::MAX), sync, &mut buffer)?;
            }
            Ok(())
        }
        Mode::Send { port, objects, object_bytes } => send(port, objects, object_bytes),
        Mode::Sync { dir, objects, object_bytes } => store_durably(&dir, objects, object_bytes),
    }
}

/// Writes one socket to files of `object_bytes` each, and answers each file with one byte.
fn receive(
    mut stream: TcpStream,
    dir: &Path,
    object_bytes: u64,
    sync: bool,
    buffer: &mut [u8],
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    for number in 0_u64.. {
        let mut length = read_piece(&mut stream, buffer, object_bytes)?;
        if length == 0 {
            break;
        }
        let name = dir.join(number.to_string());
        let temporary = dir.join(".tmp");
        let mut file = File::create(if sync { &temporary } else { &name })?;
        let mut left = object_bytes;
        while length > 0 {
            file.write_all(&buffer[..length])?;
            left -= length as u64;
            length = read_piece(&mut stream, buffer, left)?;
        }
        if sync {
            publish(&file, &temporary, &name, dir)?;
        }
        stream.write_all(&[0])?;
    }
    Ok(())
}

/// Reads what is there, at most a buffer and at most `left` bytes; 0 at the end.
fn read_piece(stream: &mut TcpStream, buffer: &mut [u8], left: u64) -> io::Result<usize> {
    if left == 0 {
        return Ok(0); // Linux would wait for data even to read none of it
    }
    let most = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
    stream.read(&mut buffer[..most])
}

/// Makes a finished file durable under its name.
fn publish(file: &File, temporary: &Path, name: &Path, dir: &Path) -> io::Result<()> {
    file.sync_all()?;
    fs::rename(temporary, name)?;
    File::open(dir)?.sync_all()
}

fn send(port: u16, objects: u64, object_bytes: u64) -> io::Result<()> {
    let buffer = vec![0x5A; WRITE_BYTES];
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_nodelay(true)?;
    let start = Instant::now();
    let mut latencies = Vec::new();
    for number in 1..=objects {
        let begun = Instant::now();
        let mut left = object_bytes;
        while left > 0 {
            let piece = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            stream.write_all(&buffer[..piece])?;
            left -= piece as u64;
        }
        if number == objects {
            stream.shutdown(Shutdown::Write)?;
        }
        stream.read_exact(&mut [0])?;
        latencies.push(begun.elapsed());
    }
    report::print(&Run { elapsed: start.elapsed(), object_bytes, associations: 1, latencies });
    Ok(())
}

fn store_durably(dir: &Path, objects: u64, object_bytes: usize) -> io::Result<()> {
    let content = vec![0x5A; object_bytes];
    let temporary = dir.join(".tmp");
    let start = Instant::now();
    let mut latencies = Vec::new();
    for number in 0..objects {
        let begun = Instant::now();
        let mut file = File::create(&temporary)?;
        file.write_all(&content)?;
        publish(&file, &temporary, &dir.join(number.to_string()), dir)?;
        latencies.push(begun.elapsed());
    }
    let object_bytes = object_bytes as u64;
    report::print(&Run { elapsed: start.elapsed(), object_bytes, associations: 1, latencies });
    Ok(())
}

/// Size of one read.
const READ_BYTES: usize = 256 * 1024;

/// Size of one write of the sender.
const WRITE_BYTES: usize = 1024 * 1024;
