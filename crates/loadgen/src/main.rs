//! `loadgen`: opens associations, sends C-STORE and C-ECHO requests, and reports how long they took.

use std::io::Read;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Barrier;
use std::time::{Duration, Instant};
use std::{fs, io, thread};

use clap::{Args, Parser, Subcommand};
use loadgen::report::{self, Run};
use loadgen::tls::client_context;
use loadgen::{
    Error, Filler, Object, StoreSender, associate, expect_success, instance_uid, settings,
    study_uid,
};
use requestor::{Connection, ContextProposal, Requestor, Timeouts, Tls};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// A requestor for measuring. Every mode prints one line of JSON.
#[derive(Parser)]
#[command(version)]
struct Options {
    #[command(subcommand)]
    mode: Mode,
}

#[derive(Subcommand)]
enum Mode {
    /// Store objects, each after the response to the previous one.
    Store(Store),
    /// Repeatedly open an association, send one C-ECHO and release it.
    Echo {
        #[command(flatten)]
        peer: Peer,
        /// Number of associations.
        #[arg(long, default_value_t = 100)]
        associations: usize,
    },
    /// Open associations and keep them open.
    Idle {
        #[command(flatten)]
        peer: Peer,
        /// Number of associations.
        #[arg(long, default_value_t = 100)]
        associations: usize,
        /// First send one C-ECHO on each association.
        #[arg(long)]
        echo: bool,
        #[command(flatten)]
        hold: Hold,
    },
    /// Repeatedly open a TLS connection and close it.
    Handshakes {
        /// The peer, as HOST:PORT.
        address: String,
        /// The cipher suite (OpenSSL's name).
        #[arg(long, value_name = "SUITE", default_value = "TLS_AES_128_GCM_SHA256")]
        tls: String,
        /// Number of connections.
        #[arg(long, default_value_t = 100)]
        connections: usize,
    },
    /// Open TCP connections without an association and keep them open. If the peer does not accept them, open
    /// as many as fit into its backlog.
    TcpIdle {
        /// The peer, as HOST:PORT.
        address: String,
        /// Number of connections.
        #[arg(long, default_value_t = 100)]
        connections: usize,
        #[command(flatten)]
        hold: Hold,
    },
}

#[derive(Args)]
struct Store {
    #[command(flatten)]
    peer: Peer,
    /// Number of objects, over all associations.
    #[arg(long, default_value_t = 100)]
    objects: usize,
    /// Size of the data set of a generated object.
    #[arg(long, value_name = "BYTES", default_value_t = 39_000)]
    object_bytes: u64,
    /// Send copies of this file instead, each with a different SOP Instance UID.
    #[arg(long)]
    file: Option<PathBuf>,
    /// Generate functional groups for this many frames instead, with 35 elements and 2.3 kB each.
    #[arg(long, conflicts_with = "file")]
    frames: Option<u32>,
    /// Generate an object in JPEG 2000 instead, whose pixel data is in this many fragments.
    #[arg(long, conflicts_with_all = ["file", "frames"])]
    fragments: Option<u32>,
    /// Content of the pixel data of a generated object.
    #[arg(long, value_enum, default_value = "zeros")]
    filler: Filler,
    /// Generate the object in Implicit VR Little Endian instead of explicit.
    #[arg(long)]
    implicit: bool,
    /// Number of associations that send concurrently.
    #[arg(long, default_value_t = 1)]
    associations: usize,
    /// Number of studies that the objects are of, in turn; the same ones in each run.
    #[arg(long, default_value_t = NonZeroUsize::MIN, conflicts_with_all = ["file", "frames"])]
    studies: NonZeroUsize,
    /// Maximum P-DATA-TF length to send (default: the maximum that the peer accepts).
    #[arg(long, value_name = "BYTES", default_value_t = u32::MAX, hide_default_value = true)]
    max_pdu_bytes: u32,
}

#[derive(Args)]
struct Peer {
    /// The peer, as HOST:PORT.
    address: String,
    /// Speak TLS, with this cipher suite (OpenSSL's name).
    #[arg(long, value_name = "SUITE")]
    tls: Option<String>,
    /// Our AE title.
    #[arg(long, default_value = "LOADGEN")]
    calling: String,
    /// The peer's AE title.
    #[arg(long, default_value = "ANY-SCP")]
    called: String,
}

#[derive(Args)]
struct Hold {
    /// Number of seconds (default: until stdin is closed).
    #[arg(long)]
    seconds: Option<u64>,
}

fn main() -> ExitCode {
    match run(Options::parse().mode) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("loadgen: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(mode: Mode) -> Result<(), Error> {
    raise_descriptor_limit()?;
    match mode {
        Mode::Store(options) => store(&options),
        Mode::Echo { peer, associations } => echo(&peer, associations),
        Mode::Idle { peer, associations, echo, hold } => idle(&peer, associations, echo, &hold),
        Mode::Handshakes { address, tls, connections } => handshakes(&address, &tls, connections),
        Mode::TcpIdle { address, connections, hold } => {
            let address = resolve(&address)?;
            let start = Instant::now();
            let open: Vec<_> = (0..connections)
                .map_while(|_| TcpStream::connect_timeout(&address, CONNECT_TIMEOUT).ok())
                .collect();
            report::print_open(open.len(), start.elapsed());
            hold.wait()?;
            Ok(())
        }
    }
}

/// Stores on all associations concurrently, starting when all are open.
fn store(options: &Store) -> Result<(), Error> {
    let object = match (&options.file, options.frames, options.fragments) {
        (Some(path), ..) => Object::from_part10(&fs::read(path)?)?,
        (None, Some(frames), _) => Object::enhanced_ct(frames)?,
        (None, None, Some(fragments)) => Object::encapsulated(fragments, options.object_bytes)?,
        (None, None, None) => {
            Object::secondary_capture(options.object_bytes, options.filler, options.implicit)?
        }
    };
    let mut senders = Vec::new();
    for _ in 0..options.associations {
        let mut requestor = options.peer.associate(&object.context())?;
        let sender = StoreSender::new(&mut requestor, object.clone(), options.max_pdu_bytes)?;
        senders.push((requestor, sender));
    }
    let all_open = Barrier::new(senders.len());
    let (first, last, latencies) = thread::scope(|scope| {
        let mut threads = Vec::new();
        for (number, (requestor, sender)) in senders.into_iter().enumerate() {
            let numbers = (number..options.objects).step_by(options.associations);
            let all_open = &all_open;
            threads.push(scope.spawn(move || {
                all_open.wait();
                store_on(requestor, sender, numbers, options.studies)
            }));
        }
        let (mut first, mut last, mut latencies) = (Instant::now(), Instant::now(), Vec::new());
        for thread in threads {
            let one = thread.join().map_err(|_| Error::Panic)??;
            first = first.min(one.begun);
            last = last.max(one.ended);
            latencies.extend(one.latencies);
        }
        Ok::<_, Error>((first, last, latencies))
    })?;
    report::print(&Run {
        elapsed: last - first,
        object_bytes: object.data_set_bytes(),
        associations: options.associations,
        latencies,
    });
    Ok(())
}

/// Times of one association.
struct Sent {
    begun: Instant,
    ended: Instant,
    latencies: Vec<Duration>,
}

fn store_on(
    mut requestor: Requestor,
    mut sender: StoreSender,
    numbers: impl Iterator<Item = usize>,
    studies: NonZeroUsize,
) -> Result<Sent, Error> {
    let mut sent = Sent { begun: Instant::now(), ended: Instant::now(), latencies: Vec::new() };
    for number in numbers {
        let instance = instance_uid(number as u64)?;
        if studies > NonZeroUsize::MIN {
            sender.set_study(&study_uid((number % studies) as u64)?);
        }
        let before = Instant::now();
        sender.send(&mut requestor, instance)?;
        sent.ended = Instant::now();
        sent.latencies.push(sent.ended - before);
    }
    requestor.release()?;
    Ok(sent)
}

fn echo(peer: &Peer, associations: usize) -> Result<(), Error> {
    let start = Instant::now();
    let mut latencies = Vec::new();
    for _ in 0..associations {
        let begun = Instant::now();
        let mut requestor = peer.associate(&ContextProposal::verification())?;
        expect_success(requestor.echo()?)?;
        requestor.release()?;
        latencies.push(begun.elapsed());
    }
    report::print_associations(start.elapsed(), &latencies);
    Ok(())
}

fn handshakes(address: &str, suite: &str, connections: usize) -> Result<(), Error> {
    let address = resolve(address)?;
    let tls = Tls { context: client_context(suite)?, server_name: None };
    let start = Instant::now();
    let mut latencies = Vec::new();
    for _ in 0..connections {
        let begun = Instant::now();
        let mut connection = Connection::connect(address, Some(&tls), &Timeouts::NONE)?;
        latencies.push(begun.elapsed());
        // Wait until the peer has closed too, so that it is ready for the next connection.
        connection.finish()?;
        connection.tcp().shutdown(std::net::Shutdown::Write)?;
        let _ = connection.read(&mut [0; 64]);
    }
    report::print_associations(start.elapsed(), &latencies);
    Ok(())
}

fn idle(peer: &Peer, associations: usize, echo: bool, hold: &Hold) -> Result<(), Error> {
    let start = Instant::now();
    let mut requestors = Vec::new();
    for _ in 0..associations {
        let mut requestor = peer.associate(&ContextProposal::verification())?;
        if echo {
            expect_success(requestor.echo()?)?;
        }
        requestors.push(requestor);
    }
    report::print_open(requestors.len(), start.elapsed());
    hold.wait()?;
    Ok(requestors.into_iter().try_for_each(Requestor::release)?)
}

impl Peer {
    fn associate(&self, context: &ContextProposal) -> Result<Requestor, Error> {
        let tls = self.tls.as_deref().map(client_context).transpose()?;
        associate(&self.address, &settings(&self.calling, &self.called, tls)?, context)
    }
}

impl Hold {
    fn wait(&self) -> io::Result<()> {
        match self.seconds {
            Some(seconds) => thread::sleep(Duration::from_secs(seconds)),
            None => {
                io::stdin().read_to_end(&mut Vec::new())?;
            }
        }
        Ok(())
    }
}

fn resolve(address: &str) -> io::Result<SocketAddr> {
    address.to_socket_addrs()?.next().ok_or_else(|| io::ErrorKind::AddrNotAvailable.into())
}

/// Raises the limit of open descriptors to the maximum that the system allows.
fn raise_descriptor_limit() -> io::Result<()> {
    let maximum = getrlimit(Resource::Nofile).maximum;
    Ok(setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })?)
}

/// After this time, assume that nobody will accept the connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
