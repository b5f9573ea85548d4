//! `loadgen`: opens associations, stores and echoes, and says how long it took.

use std::io::Read;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
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
};
use requestor::{Connection, ContextProposal, Requestor, Timeouts, Tls};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// A requestor that measures: every mode prints one line of JSON.
#[derive(Parser)]
#[command(version)]
struct Options {
    #[command(subcommand)]
    mode: Mode,
}

#[derive(Subcommand)]
enum Mode {
    /// Store objects, each after the response to the one before it.
    Store(Store),
    /// Open an association, send one C-ECHO, release it; again and again.
    Echo {
        #[command(flatten)]
        peer: Peer,
        /// Number of associations.
        #[arg(long, default_value_t = 100)]
        associations: usize,
    },
    /// Open associations and hold them.
    Idle {
        #[command(flatten)]
        peer: Peer,
        /// Number of associations.
        #[arg(long, default_value_t = 100)]
        associations: usize,
        /// Send one C-ECHO on each association first.
        #[arg(long)]
        echo: bool,
        #[command(flatten)]
        hold: Hold,
    },
    /// Open a TLS connection and close it; again and again.
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
    /// Open bare TCP connections and hold them; as many as the peer's backlog takes, if it accepts
    /// none.
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
    /// Size of the data set of a made-up object.
    #[arg(long, value_name = "BYTES", default_value_t = 39_000)]
    object_bytes: u64,
    /// Send copies of this file instead, each with its own SOP Instance UID.
    #[arg(long)]
    file: Option<PathBuf>,
    /// Make up the functional groups of so many frames instead, 35 elements and 2.3 kB each.
    #[arg(long, conflicts_with = "file")]
    frames: Option<u32>,
    /// What a made-up object is filled with.
    #[arg(long, value_enum, default_value = "zeros")]
    filler: Filler,
    /// Make up the object in Implicit VR Little Endian instead of explicit.
    #[arg(long)]
    implicit: bool,
    /// Number of associations that send side by side.
    #[arg(long, default_value_t = 1)]
    associations: usize,
    /// Longest P-DATA-TF to send (default: what the peer takes).
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
    /// For so long (default: until stdin is closed).
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

/// Stores on all associations at once, as soon as all are open.
fn store(options: &Store) -> Result<(), Error> {
    let object = match (&options.file, options.frames) {
        (Some(path), _) => Object::from_part10(&fs::read(path)?)?,
        (None, Some(frames)) => Object::enhanced_ct(frames)?,
        (None, None) => {
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
                store_on(requestor, sender, numbers)
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

/// What one association sent.
struct Sent {
    begun: Instant,
    ended: Instant,
    latencies: Vec<Duration>,
}

fn store_on(
    mut requestor: Requestor,
    mut sender: StoreSender,
    numbers: impl Iterator<Item = usize>,
) -> Result<Sent, Error> {
    let mut sent = Sent { begun: Instant::now(), ended: Instant::now(), latencies: Vec::new() };
    for number in numbers {
        let instance = instance_uid(number as u64)?;
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
        // Until the peer has closed too: then it is ready for the next one.
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

/// Lets this process open as many sockets as the system allows.
fn raise_descriptor_limit() -> io::Result<()> {
    let maximum = getrlimit(Resource::Nofile).maximum;
    Ok(setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })?)
}

/// After this, a connection is considered one that nobody will accept.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
