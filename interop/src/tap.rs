//! Records the traffic between a sender and a receiver with a proxy.
//!
//! Toolkits re-encode, so a sender may not send exactly what its source file contains. The tap records the
//! bytes of both directions, so that a stored file can be compared with what was actually sent.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use rustix::net::sockopt::set_tcp_quickack;

use crate::Server;
use crate::wire::{Accept, Answer, Command, Context, Pdv, Request, read_answer, read_pdvs, tag};

/// A proxy in front of one receiver.
#[derive(Debug)]
pub struct Tap {
    port: u16,
    acceptor: Option<JoinHandle<Vec<Connection>>>,
    stopping: Arc<Mutex<bool>>,
}

/// Both directions of one connection.
#[derive(Clone, Debug, Default)]
pub struct Recording {
    /// What the sender sent.
    pub to_receiver: Vec<u8>,
    /// What the receiver sent.
    pub to_sender: Vec<u8>,
}

/// One C-STORE as sent over the network.
#[derive(Clone, Debug)]
pub struct StoredMessage {
    /// Presentation context ID.
    pub context: u8,
    /// Transfer syntax accepted for that context.
    pub transfer_syntax: String,
    /// The request.
    pub request: Command,
    /// The data set.
    pub data_set: Vec<u8>,
    /// The response, if one came.
    pub response: Option<Command>,
}

#[derive(Debug)]
struct Connection {
    to_receiver: JoinHandle<Vec<u8>>,
    to_sender: JoinHandle<Vec<u8>>,
}

impl Tap {
    /// Starts a proxy.
    ///
    /// # Panics
    /// If no port is available.
    #[must_use]
    pub fn before(server: &Server) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port for the tap");
        let port = listener.local_addr().expect("it listens").port();
        let stopping = Arc::new(Mutex::new(false));
        let acceptor = {
            let (stopping, target) = (Arc::clone(&stopping), server.port());
            Some(thread::spawn(move || accept(&listener, target, &stopping)))
        };
        Self { port, acceptor, stopping }
    }

    /// The port for senders to connect to.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Stops the proxy and returns the recordings, one per connection in the order in which they started. Waits
    /// for connections that are still open.
    ///
    /// # Panics
    /// If a recording thread failed.
    #[must_use]
    pub fn finish(mut self) -> Vec<Recording> {
        let connections = self.stop();
        let bytes = |thread: JoinHandle<Vec<u8>>| thread.join().expect("a recording");
        let recordings = connections.into_iter().map(|connection| Recording {
            to_receiver: bytes(connection.to_receiver),
            to_sender: bytes(connection.to_sender),
        });
        recordings.collect()
    }

    fn stop(&mut self) -> Vec<Connection> {
        let Some(acceptor) = self.acceptor.take() else { return Vec::new() };
        if let Ok(mut stopping) = self.stopping.lock() {
            *stopping = true;
        }
        // This connection wakes the accepting thread.
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
        acceptor.join().unwrap_or_default()
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Recording {
    /// The answer to the association request.
    ///
    /// # Panics
    /// If it is neither an acceptance nor a rejection.
    #[must_use]
    pub fn accept(&self) -> Accept {
        match read_answer(&mut self.to_sender.as_slice()) {
            Answer::Accept(accept) => accept,
            other => panic!("an acceptance, not {other:?}"),
        }
    }

    /// Each proposed context with its result and transfer syntax, sorted. The IDs are omitted, since some
    /// toolkits number their contexts at random.
    ///
    /// # Panics
    /// If the association was not accepted.
    #[must_use]
    pub fn negotiated(&self) -> Vec<(Context, u8, String)> {
        let length = u32::from_be_bytes([2, 3, 4, 5].map(|n| self.to_receiver[n])) as usize;
        let proposed = Request::contexts_of(&self.to_receiver[..6 + length]);
        let accept = self.accept();
        let answer = |context: Context| {
            let (result, syntax) = accept.context(context.id);
            (Context { id: 0, ..context }, result, syntax.to_owned())
        };
        let mut answers: Vec<_> = proposed.into_iter().map(answer).collect();
        answers.sort();
        answers
    }

    /// Types of the PDUs that the receiver sent, without P-DATA-TF.
    #[must_use]
    pub fn answers(&self) -> Vec<u8> {
        let kinds = pdus(&self.to_sender).into_iter().map(|(kind, _)| kind);
        kinds.filter(|kind| *kind != 0x04).collect()
    }

    /// All C-STOREs, in order, with their responses.
    ///
    /// # Panics
    /// If the association was not accepted or a command cannot be decoded.
    #[must_use]
    pub fn stores(&self) -> Vec<StoredMessage> {
        if self.to_sender.is_empty() {
            return Vec::new();
        }
        let accept = self.accept();
        let mut responses = messages(&self.to_sender).into_iter().map(|message| message.1);
        let requests = messages(&self.to_receiver).into_iter();
        requests
            .filter(|(_, command, _)| command.us(tag::FIELD) == Some(0x0001))
            .map(|(context, request, data_set)| {
                let response = responses.next();
                if let Some(response) = &response {
                    let answered = response.us(tag::RESPONDED_TO);
                    assert_eq!(answered, request.us(tag::MESSAGE_ID), "responses in order");
                }
                let transfer_syntax = accept.context(context).1.to_owned();
                StoredMessage { context, transfer_syntax, request, data_set, response }
            })
            .collect()
    }
}

impl StoredMessage {
    /// True if it was answered with status 0000.
    #[must_use]
    pub fn succeeded(&self) -> bool {
        self.response.as_ref().is_some_and(|response| response.status() == 0)
    }

    /// The Affected SOP Instance UID of the request.
    #[must_use]
    pub fn sop_instance(&self) -> String {
        self.request.text(tag::SOP_INSTANCE)
    }
}

/// Accepts connections until stopped.
fn accept(listener: &TcpListener, target: u16, stopping: &Mutex<bool>) -> Vec<Connection> {
    let mut connections = Vec::new();
    for sender in listener.incoming() {
        if *stopping.lock().expect("nobody panics with it") {
            break;
        }
        let sender = sender.expect("a connection");
        let receiver = TcpStream::connect((Ipv4Addr::LOCALHOST, target)).expect("the receiver");
        for stream in [&sender, &receiver] {
            stream.set_nodelay(true).expect("TCP_NODELAY");
        }
        let copy = |from: &TcpStream, to: &TcpStream| {
            let [from, to] = [from, to].map(|end| end.try_clone().expect("a second handle"));
            thread::spawn(move || record(from, to))
        };
        connections.push(Connection {
            to_receiver: copy(&sender, &receiver),
            to_sender: copy(&receiver, &sender),
        });
    }
    connections
}

/// Forwards bytes until one side closes, and returns them.
fn record(mut from: TcpStream, mut to: TcpStream) -> Vec<u8> {
    let mut recorded = Vec::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        // The kernel resets this option. Without it, a sender that leaves Nagle's algorithm on waits 40 ms for
        // our acknowledgement with each object.
        let _ = set_tcp_quickack(&from, true);
        match from.read(&mut buffer) {
            Ok(0) | Err(_) => break,
            Ok(count) => {
                recorded.extend(&buffer[..count]);
                if to.write_all(&buffer[..count]).is_err() {
                    break;
                }
            }
        }
    }
    // The other side may have closed already.
    let _ = to.shutdown(Shutdown::Write);
    recorded
}

/// The complete PDUs of a stream: type and content.
fn pdus(mut bytes: &[u8]) -> Vec<(u8, &[u8])> {
    let mut found = Vec::new();
    while let Some((&[kind, _, l0, l1, l2, l3], rest)) = bytes.split_first_chunk() {
        let length = u32::from_be_bytes([l0, l1, l2, l3]) as usize;
        let Some((content, rest)) = rest.split_at_checked(length) else { break };
        found.push((kind, content));
        bytes = rest;
    }
    found
}

/// The complete messages of a stream: context, command, data set.
fn messages(bytes: &[u8]) -> Vec<(u8, Command, Vec<u8>)> {
    let mut found = Vec::new();
    let mut command_bytes = Vec::new();
    let mut pending: Option<(Command, Vec<u8>)> = None;
    for (_, content) in pdus(bytes).into_iter().filter(|(kind, _)| *kind == 0x04) {
        for Pdv { context, command, last, data } in read_pdvs(content) {
            if command {
                command_bytes.extend(data);
                if last {
                    let command = Command::parse(&std::mem::take(&mut command_bytes));
                    if command.us(tag::DATA_SET_TYPE) == Some(0x0101) {
                        found.push((context, command, Vec::new()));
                    } else {
                        pending = Some((command, Vec::new()));
                    }
                }
            } else {
                let (_, data_set) = pending.as_mut().expect("a command before its data set");
                data_set.extend(data);
                if last {
                    let (command, data_set) = pending.take().expect("checked above");
                    found.push((context, command, data_set));
                }
            }
        }
    }
    found
}
