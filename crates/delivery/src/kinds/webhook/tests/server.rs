//! An HTTP server that does what a test says, on a free port.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// A request as it came.
#[derive(Debug, Clone, Default)]
pub(super) struct Received {
    pub(super) line: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
    /// The number of its connection, from 0.
    pub(super) connection: usize,
}

impl Received {
    pub(super) fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(it, _)| it.eq_ignore_ascii_case(name));
        found.map_or("", |(_, value)| value)
    }
}

/// What both plain and TLS connections are.
pub(super) trait Stream: Read + Write {}
impl<S: Read + Write> Stream for S {}

/// What a server does with a request: writes an answer. Returns whether the connection is kept.
pub(super) type Answering = dyn Fn(&Received, &mut dyn Stream) -> bool + Send + Sync;

/// A server; dropping it ends it.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    received: Mutex<Receiver<Received>>,
    ends: Arc<AtomicBool>,
}

impl Server {
    pub(super) fn start(answering: Box<Answering>) -> Self {
        Self::at("127.0.0.1:0", answering, |stream| Ok(Box::new(stream)))
    }

    /// Answers every request with this text.
    pub(super) fn answers(text: &str) -> Self {
        let text = text.to_owned();
        Self::start(Box::new(move |_, stream| stream.write_all(text.as_bytes()).is_ok()))
    }

    /// At an address, with something between TCP and HTTP.
    pub(super) fn at(
        address: &str,
        answering: Box<Answering>,
        between: impl Fn(TcpStream) -> io::Result<Box<dyn Stream>> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        let address = listener.local_addr().unwrap();
        let ends = Arc::new(AtomicBool::new(false));
        let (sender, received) = channel();
        let (ended, shared) = (Arc::clone(&ends), Arc::new((answering, between)));
        let connections = AtomicUsize::new(0);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if ended.load(Ordering::Acquire) {
                    break;
                }
                let number = connections.fetch_add(1, Ordering::Relaxed);
                let (sender, shared) = (sender.clone(), Arc::clone(&shared));
                let _ = stream.set_read_timeout(Some(Duration::from_secs(20)));
                thread::spawn(move || {
                    if let Ok(stream) = (shared.1)(stream) {
                        serve(stream, number, &*shared.0, &sender);
                    }
                });
            }
        });
        Self { address, received: Mutex::new(received), ends }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/events", self.address)
    }

    /// The next request that came.
    pub(super) fn next(&self) -> Received {
        self.received.lock().unwrap().recv_timeout(Duration::from_secs(20)).unwrap()
    }

    /// All that have come by now.
    pub(super) fn all(&self) -> Vec<Received> {
        self.received.lock().unwrap().try_iter().collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Release);
        let _ = TcpStream::connect(self.address);
    }
}

fn serve(
    stream: Box<dyn Stream>,
    connection: usize,
    answering: &Answering,
    sender: &Sender<Received>,
) {
    let mut stream = BufReader::new(stream);
    while let Ok(mut received) = read(&mut stream) {
        received.connection = connection;
        let _ = sender.send(received.clone());
        if !answering(&received, stream.get_mut()) || stream.get_mut().flush().is_err() {
            return;
        }
    }
}

fn read(stream: &mut BufReader<Box<dyn Stream>>) -> io::Result<Received> {
    let mut line = || -> io::Result<String> {
        let mut line = String::new();
        match stream.read_line(&mut line)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(line.trim_end().to_owned()),
        }
    };
    let mut received = Received { line: line()?, ..Received::default() };
    loop {
        let text = line()?;
        let Some((name, value)) = text.split_once(": ") else { break };
        received.headers.push((name.to_owned(), value.to_owned()));
    }
    let length = received.header("content-length").parse().unwrap_or_default();
    received.body.resize(length, 0);
    stream.read_exact(&mut received.body)?;
    Ok(received)
}
