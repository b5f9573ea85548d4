//! An acceptor on a loopback socket, driven by `proto`, that does what a test tells it.

#![allow(dead_code, reason = "each test binary uses its own part")]
#![allow(clippy::unwrap_used, reason = "a helper's panic fails the test that called it")]
#![expect(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "the peer is a listener in a thread"
)]

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use dataset::TransferSyntax;
use dataset::transfer_syntax::{EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN};
use proto::{
    AbortCause, AbstractSyntaxes, AcceptorConfig, AcceptorPolicy, AssociateResponse, Association,
    CEchoRq, CStoreRq, ClassPolicy, ContextId, DataSetFragments, Event, OperationsWindow,
    Rejection, Request, Status, VersionName, negotiate,
};
use requestor::{Instance, Settings, Timeouts};

pub(crate) const SECONDARY_CAPTURE: &str = "1.2.840.10008.5.1.4.1.1.7";

/// A transfer syntax that is accepted, and of which nothing but the UID is known.
pub(crate) const UNLISTED: &str = "1.2.826.0.1.3680043.9.9";

/// What the acceptor does with the one association that it serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Behavior {
    /// Answers every request with this status and, if it is not success, an Error Comment.
    Answer(Status),
    /// Rejects the association.
    Reject(Rejection),
    /// Accepts no presentation context.
    AcceptNothing,
    /// Reads, but sends nothing at all.
    SilentFromStart,
    /// Establishes the association, then reads and sends nothing.
    SilentOnceEstablished,
    /// Establishes the association, then does not read either.
    Deaf,
    /// Answers a request, but not the release.
    SilentOnRelease,
    /// Sends an A-ABORT when this many bytes of a data set have arrived, and closes at once.
    AbortAndClose(usize),
    /// Sends an A-ABORT when this many bytes of a data set have arrived, and reads on until the requestor
    /// closes.
    AbortAndRead(usize),
    /// Closes the connection when a request arrives.
    CloseOnRequest,
    /// Requests release when a request arrives.
    ReleaseOnRequest,
    /// Answers with the response to another message.
    WrongMessageId,
    /// Sends these bytes when a request arrives.
    Send(&'static [u8]),
    /// Requests release at the same time as the requestor.
    ReleaseCollision,
    /// Grants this many operations at a time, and answers when so many are there, the last first.
    Window(u16),
    /// Answers, and requests release at once.
    ReleaseAfterResponse,
}

/// What the acceptor has seen.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) data_set: Vec<u8>,
    pub(crate) requests: usize,
    pub(crate) released: bool,
    pub(crate) aborted: Option<AbortCause>,
    pub(crate) window_proposed: Option<OperationsWindow>,
}

pub(crate) struct Acceptor {
    pub(crate) address: SocketAddr,
    thread: JoinHandle<Seen>,
}

impl Acceptor {
    pub(crate) fn start(behavior: Behavior, max_pdu_bytes: u32) -> Acceptor {
        Acceptor::start_on(behavior, max_pdu_bytes, |stream| stream)
    }

    /// Serves one connection, on which `secure` puts another layer.
    pub(crate) fn start_on<S: Read + Write>(
        behavior: Behavior,
        max_pdu_bytes: u32,
        secure: impl FnOnce(std::net::TcpStream) -> S + Send + 'static,
    ) -> Acceptor {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let thread = thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            stream.set_nodelay(true).unwrap();
            stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
            serve(secure(stream), behavior, max_pdu_bytes)
        });
        Acceptor { address, thread }
    }

    /// Waits for the end of the association.
    pub(crate) fn seen(self) -> Seen {
        self.thread.join().unwrap()
    }
}

fn serve(stream: impl Read + Write, behavior: Behavior, max_pdu_bytes: u32) -> Seen {
    let config = AcceptorConfig {
        acse_timeout: Duration::from_secs(20),
        close_timeout: Duration::from_secs(5),
    };
    let association = Association::acceptor(config, Instant::now());
    let seen = Seen::default();
    let (pending, held) = (None, Vec::new());
    let mut served = Served { stream, association, behavior, max_pdu_bytes, pending, held, seen };
    served.run();
    served.seen
}

struct Served<S> {
    stream: S,
    association: Association,
    behavior: Behavior,
    max_pdu_bytes: u32,
    /// The C-STORE-RQ whose data set is being received.
    pending: Option<(ContextId, CStoreRq)>,
    /// Those that wait for others before they are answered.
    held: Vec<(ContextId, CStoreRq)>,
    seen: Seen,
}

impl<S: Read + Write> Served<S> {
    fn run(&mut self) {
        let mut buffer = vec![0; 64 * 1024];
        loop {
            // A requestor that has given up resets the connection.
            if self.send().is_err() || self.association.is_closed() {
                return;
            }
            let Ok(length @ 1..) = self.stream.read(&mut buffer) else { return };
            if self.behavior == Behavior::SilentFromStart {
                continue;
            }
            let mut input = &buffer[..length];
            loop {
                let step = self.association.receive(input, Instant::now());
                input = &input[step.consumed..];
                match step.event {
                    Event::NeedInput => break,
                    event => {
                        if self.event(event).is_break() {
                            return;
                        }
                    }
                }
            }
        }
    }

    fn send(&mut self) -> io::Result<()> {
        let outgoing = self.association.outgoing();
        self.stream.write_all(outgoing)?;
        self.association.consume_outgoing(outgoing.len());
        Ok(())
    }

    /// Acts on an event; `Break` closes the connection.
    fn event(&mut self, event: Event<'_>) -> ControlFlow<()> {
        let now = Instant::now();
        match event {
            Event::Proposed(proposal) => {
                let mut response = match self.behavior {
                    Behavior::Reject(rejection) => AssociateResponse::Reject(rejection),
                    behavior => negotiate(&proposal, &policy(behavior, self.max_pdu_bytes)),
                };
                self.seen.window_proposed = proposal.user_information.asynchronous_operations;
                if let (Behavior::Window(invoked), AssociateResponse::Accept(acceptance)) =
                    (self.behavior, &mut response)
                {
                    let window = OperationsWindow { invoked, performed: 1 };
                    acceptance.user_information.asynchronous_operations = Some(window);
                }
                self.association.answer(response, now);
                if self.behavior == Behavior::Deaf {
                    self.send().unwrap();
                    thread::sleep(Duration::from_secs(3));
                    return ControlFlow::Break(());
                }
            }
            Event::Command { context, command } => {
                self.seen.requests += 1;
                match Request::parse(&command).unwrap() {
                    Request::CStore(request) => self.pending = Some((context, request)),
                    Request::CEcho(request) => return self.echo(context, &request),
                    other => panic!("{other:?}"),
                }
            }
            Event::DataSet(fragments) => return self.data_set(&fragments),
            Event::ReleaseRequested => match self.behavior {
                Behavior::SilentOnRelease => {}
                behavior => {
                    self.seen.released = behavior != Behavior::ReleaseCollision;
                    self.association.accept_release(now);
                }
            },
            Event::Released => self.seen.released = true,
            Event::Aborted(cause) => self.seen.aborted = Some(cause),
            other => panic!("{other:?}"),
        }
        ControlFlow::Continue(())
    }

    fn echo(&mut self, context: ContextId, request: &CEchoRq) -> ControlFlow<()> {
        let response = match self.behavior {
            Behavior::Answer(status) => request.response(status),
            Behavior::WrongMessageId => {
                let sop_class = dataset::sop_class::VERIFICATION.parse().unwrap();
                CEchoRq::new(999, &sop_class).response(Status::SUCCESS)
            }
            Behavior::CloseOnRequest => return ControlFlow::Break(()),
            Behavior::ReleaseOnRequest => {
                self.association.request_release();
                return ControlFlow::Continue(());
            }
            Behavior::Send(bytes) => {
                self.stream.write_all(bytes).unwrap();
                return ControlFlow::Continue(());
            }
            _ => return ControlFlow::Continue(()),
        };
        self.association.send_command(context, &response).unwrap();
        ControlFlow::Continue(())
    }

    fn data_set(&mut self, fragments: &DataSetFragments<'_>) -> ControlFlow<()> {
        for slice in fragments.slices() {
            self.seen.data_set.extend_from_slice(slice);
        }
        let length = self.seen.data_set.len();
        let status = match self.behavior {
            Behavior::AbortAndRead(bytes) if length >= bytes => {
                self.association.abort(Instant::now());
                return ControlFlow::Continue(());
            }
            Behavior::AbortAndClose(bytes) if length >= bytes => {
                self.association.abort(Instant::now());
                self.send().unwrap();
                return ControlFlow::Break(());
            }
            Behavior::Answer(status) => status,
            _ => Status::SUCCESS,
        };
        if fragments.is_last() {
            let (context, request) = self.pending.take().unwrap();
            if let Behavior::Window(window) = self.behavior {
                self.held.push((context, request));
                if self.held.len() == usize::from(window) {
                    for (context, request) in self.held.drain(..).rev() {
                        let response = request.response(status, None);
                        self.association.send_command(context, &response).unwrap();
                    }
                }
                return ControlFlow::Continue(());
            }
            let comment = (status != Status::SUCCESS).then_some("disk full");
            self.association.send_command(context, &request.response(status, comment)).unwrap();
            if matches!(self.behavior, Behavior::ReleaseCollision | Behavior::ReleaseAfterResponse)
            {
                self.association.request_release();
            }
        }
        ControlFlow::Continue(())
    }
}

/// A peer that sends these bytes and then zeros, one every 50 ms, until nobody listens.
pub(crate) fn trickling_peer(start: &'static [u8]) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut bytes = start.iter().copied().chain(std::iter::repeat(0));
        while stream.write_all(&[bytes.next().unwrap()]).is_ok() {
            thread::sleep(Duration::from_millis(50));
        }
    });
    address
}

fn policy(behavior: Behavior, max_pdu_bytes: u32) -> AcceptorPolicy {
    let mut abstract_syntaxes = AbstractSyntaxes::new();
    if behavior != Behavior::AcceptNothing {
        for class in [dataset::sop_class::VERIFICATION, SECONDARY_CAPTURE] {
            let unlisted = TransferSyntax::unlisted(&UNLISTED.parse().unwrap());
            let syntaxes =
                Arc::new([EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN, unlisted]);
            abstract_syntaxes.accept(class.parse().unwrap(), ClassPolicy::new(syntaxes));
        }
    }
    AcceptorPolicy {
        max_pdu_bytes,
        implementation_class_uid: "2.25.1".parse().unwrap(),
        implementation_version_name: VersionName::parse(b"TEST").unwrap(),
        refuse: false,
        require_implementation_class_uid: false,
        abstract_syntaxes,
        user_identity_response: None,
    }
}

pub(crate) fn instance() -> Instance {
    Instance {
        sop_class: SECONDARY_CAPTURE.parse().unwrap(),
        sop_instance: "1.2.3.4".parse().unwrap(),
        transfer_syntax: EXPLICIT_VR_LITTLE_ENDIAN,
    }
}

/// Settings whose timeouts are short.
pub(crate) fn settings() -> Settings {
    let limit = Some(Duration::from_millis(300));
    Settings {
        timeouts: Timeouts { connect: limit, response: limit, send: limit },
        ..Settings::new("SCU".parse().unwrap(), "SCP".parse().unwrap())
    }
}

/// Settings with timeouts that a test never reaches.
pub(crate) fn patient() -> Settings {
    let limit = Some(Duration::from_secs(20));
    Settings { timeouts: Timeouts { connect: limit, response: limit, send: limit }, ..settings() }
}
