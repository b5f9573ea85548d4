//! `floor`: does the minimum that any receiver must do, as a baseline for a server measured in the same run.
//!
//! It knows nothing about DICOM. `floor receive` accepts one socket at a time, reads it in pieces of 256 KiB
//! and writes them to a file. `floor send` is the matching sender. `floor sync` is the bare loop of a durable
//! store, without a socket: write, fsync, rename, fsync of the folder, in any number of threads.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::{Parser, Subcommand};
use flate2::Compression;
use flate2::write::DeflateEncoder;
use loadgen::Filler;
use loadgen::report::{self, Run};
use loadgen::tls::{accept, client_context, server_context};
use requestor::{Connection, Timeouts, Tls};

/// The bare loop of a receiver, and its sender.
#[derive(Parser)]
#[command(version)]
struct Options {
    #[command(subcommand)]
    mode: Mode,
}

#[derive(Subcommand)]
enum Mode {
    /// Accept one socket after another and write the bytes received to files in DIR.
    Receive {
        /// Port to listen on, on the loopback interface.
        port: u16,
        /// Folder for the files.
        dir: PathBuf,
        /// Begin a new file after this many bytes (default: one file per socket).
        #[arg(long, value_name = "BYTES")]
        object_bytes: Option<u64>,
        /// Sync, rename and sync the folder before each answer.
        #[arg(long)]
        sync: bool,
        /// Speak TLS with this PEM private key and the certificate.
        #[arg(long, num_args = 2, value_names = ["KEY", "CERTIFICATE"])]
        tls: Option<Vec<PathBuf>>,
        /// Deflate the files with this compression level.
        #[arg(long, value_name = "LEVEL", conflicts_with = "sync")]
        deflate: Option<u32>,
    },
    /// Send objects to `floor receive`, waiting for its answer after each one.
    Send {
        /// Port of `floor receive`.
        port: u16,
        /// Number of objects.
        #[arg(long, default_value_t = 1)]
        objects: u64,
        /// Size of each object.
        #[arg(long, value_name = "BYTES")]
        object_bytes: u64,
        /// Content of the objects.
        #[arg(long, value_enum, default_value = "zeros")]
        filler: Filler,
        /// Speak TLS, with this cipher suite (OpenSSL's name).
        #[arg(long, value_name = "SUITE")]
        tls: Option<String>,
    },
    /// Store objects durably in DIR with the minimum of system calls that durability needs.
    Sync {
        /// Folder for the files.
        dir: PathBuf,
        /// Number of objects.
        #[arg(long, default_value_t = 100)]
        objects: u64,
        /// Size of each object.
        #[arg(long, value_name = "BYTES")]
        object_bytes: usize,
        /// Number of threads, which share the objects.
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
        threads: u64,
    },
}

fn main() -> io::Result<()> {
    match Options::parse().mode {
        Mode::Receive { port, dir, object_bytes, sync, tls, deflate } => {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
            let object_bytes = object_bytes.unwrap_or(u64::MAX);
            let mut receiver =
                Receiver { dir, object_bytes, sync, deflate, buffer: vec![0; READ_BYTES] };
            let tls = match tls.as_deref() {
                Some([key, certificate]) => Some(server_context(key, certificate)?),
                _ => None,
            };
            listener.incoming().try_for_each(|stream| match accept(stream?, tls.as_ref()) {
                Ok(connection) => receiver.receive(connection),
                // The peer only checked whether the port is open.
                Err(_) if tls.is_some() => Ok(()),
                Err(error) => Err(error),
            })
        }
        Mode::Send { port, objects, object_bytes, filler, tls } => {
            let context = tls.as_deref().map(client_context).transpose()?;
            let tls = context.map(|context| Tls { context, server_name: None });
            let address = (Ipv4Addr::LOCALHOST, port);
            let connection = Connection::connect(address, tls.as_ref(), &Timeouts::NONE)
                .map_err(io::Error::other)?;
            send(connection, objects, object_bytes, filler)
        }
        Mode::Sync { dir, objects, object_bytes, threads } => {
            store_durably(&dir, objects, object_bytes, threads)
        }
    }
}

/// Options of `floor receive`.
struct Receiver {
    dir: PathBuf,
    object_bytes: u64,
    sync: bool,
    deflate: Option<u32>,
    buffer: Vec<u8>,
}

impl Receiver {
    /// Writes the bytes of one socket to files, and answers each file with one byte.
    fn receive(&mut self, mut connection: Connection) -> io::Result<()> {
        for number in 0_u64.. {
            let first = self.read(&mut connection, self.object_bytes)?;
            if first == 0 {
                break;
            }
            let name = self.dir.join(number.to_string());
            let temporary = self.dir.join(".tmp");
            let mut file = File::create(if self.sync { &temporary } else { &name })?;
            if let Some(level) = self.deflate {
                let mut encoder = DeflateEncoder::new(file, Compression::new(level));
                self.copy(&mut connection, first, &mut encoder)?;
                encoder.finish()?;
            } else {
                self.copy(&mut connection, first, &mut file)?;
                if self.sync {
                    publish(&file, &temporary, &name, &self.dir)?;
                }
            }
            connection.write_all(&[0])?;
        }
        Ok(())
    }

    /// Writes one object to `file`; its first `length` bytes are in the buffer.
    fn copy(
        &mut self,
        connection: &mut Connection,
        mut length: usize,
        file: &mut impl Write,
    ) -> io::Result<()> {
        let mut left = self.object_bytes;
        while length > 0 {
            file.write_all(&self.buffer[..length])?;
            left -= length as u64;
            length = self.read(connection, left)?;
        }
        Ok(())
    }

    /// Reads what is available, at most a buffer and at most `left` bytes; returns 0 at the end of the stream.
    fn read(&mut self, connection: &mut Connection, left: u64) -> io::Result<usize> {
        if left == 0 {
            return Ok(0); // Linux would wait for data even for a read of length 0
        }
        let most = self.buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        connection.read(&mut self.buffer[..most])
    }
}

/// Makes a complete file durable under its final name.
fn publish(file: &File, temporary: &Path, name: &Path, dir: &Path) -> io::Result<()> {
    file.sync_all()?;
    fs::rename(temporary, name)?;
    File::open(dir)?.sync_all()
}

fn send(
    mut connection: Connection,
    objects: u64,
    object_bytes: u64,
    filler: Filler,
) -> io::Result<()> {
    let buffer = filler.bytes(WRITE_BYTES);
    let start = Instant::now();
    let mut latencies = Vec::new();
    for number in 1..=objects {
        let begun = Instant::now();
        let mut left = object_bytes;
        while left > 0 {
            let piece = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            connection.write_all(&buffer[..piece])?;
            left -= piece as u64;
        }
        if number == objects {
            connection.finish()?;
        }
        connection.read_exact(&mut [0])?;
        latencies.push(begun.elapsed());
    }
    report::print(&Run { elapsed: start.elapsed(), object_bytes, associations: 1, latencies });
    Ok(())
}

fn store_durably(dir: &Path, objects: u64, object_bytes: usize, threads: u64) -> io::Result<()> {
    let start = Instant::now();
    let latencies = std::thread::scope(|scope| {
        let loops: Vec<_> = (0..threads)
            .map(|first| (first..objects).step_by(threads as usize))
            .map(|numbers| scope.spawn(move || durable_loop(dir, numbers, object_bytes)))
            .collect();
        let ended = loops.into_iter().map(|one| one.join().expect("the loop does not panic"));
        ended.collect::<io::Result<Vec<_>>>()
    })?
    .concat();
    let (object_bytes, associations) = (object_bytes as u64, threads as usize);
    report::print(&Run { elapsed: start.elapsed(), object_bytes, associations, latencies });
    Ok(())
}

/// Stores an object for each of `numbers`, and returns how long each one took.
fn durable_loop(
    dir: &Path,
    mut numbers: impl Iterator<Item = u64>,
    object_bytes: usize,
) -> io::Result<Vec<Duration>> {
    let content = vec![0x5A; object_bytes];
    numbers.try_fold(Vec::new(), |mut latencies, number| {
        let begun = Instant::now();
        let name = dir.join(number.to_string());
        let temporary = dir.join(format!(".tmp-{number}"));
        let mut file = File::create(&temporary)?;
        file.write_all(&content)?;
        publish(&file, &temporary, &name, dir)?;
        latencies.push(begun.elapsed());
        Ok(latencies)
    })
}

/// Size of one read.
const READ_BYTES: usize = 256 * 1024;

/// Size of one write of the sender.
const WRITE_BYTES: usize = 1024 * 1024;
