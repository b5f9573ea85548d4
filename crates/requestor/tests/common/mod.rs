//! An acceptor on a loopback socket, driven by `proto`, that does what a test tells it.

#![allow(dead_code, reason = "each test binary uses its own part")]
#![allow(clippy::unwrap_used, reason = "a helper's panic fails the test that called it")]
#![expect(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "the peer is a listener in a thread"
)]

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use dataset::transfer_syntax::{EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN};
use proto::{
    AbortCause, AbstractSyntaxes, AcceptorConfig, AcceptorPolicy, AssociateResponse, Association,
    ClassPolicy, Event, Rejection, Request, Status, VersionName, negotiate,
};
use requestor::{Instance, Settings, Timeouts};

pub(crate) const SECONDARY_CAPTURE: &str = "1.2.840.10008.5.1.4.1.1.7";

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
    AbortAfter(usize),
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
}

/// What the acceptor has seen.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) data_set: Vec<u8>,
    pub(crate) requests: usize,
    pub(crate) released: bool,
    pub(crate) aborted: Option<AbortCause>,
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

fn serve(mut stream: impl Read + Write, behavior: Behavior, max_pdu_bytes: u32) -> Seen {
    let config = AcceptorConfig {
        acse_timeout: Duration::from_secs(20),
        close_timeout: Duration::from_secs(5),
    };
    let mut association = Association::acceptor(config, Instant::now());
    let mut seen = Seen::default();
    let mut buffer = vec![0; 64 * 1024];
    let mut pending = None;
    loop {
        // A requestor that has given up resets the connection.
        if stream.write_all(association.outgoing()).is_err() {
            return seen;
        }
        association.consume_outgoing(association.outgoing().len());
        if association.is_closed() {
            return seen;
        }
        let Ok(length @ 1..) = stream.read(&mut buffer) else { return seen };
        if behavior == Behavior::SilentFromStart {
            continue;
        }
        let mut input = &buffer[..length];
        loop {
            let now = Instant::now();
            let step = association.receive(input, now);
            input = &input[step.consumed..];
            let mut response_due = false;
            match step.event {
                Event::NeedInput => break,
                Event::Proposed(proposal) => {
                    let response = match behavior {
                        Behavior::Reject(rejection) => AssociateResponse::Reject(rejection),
                        _ => negotiate(&proposal, &policy(behavior, max_pdu_bytes)),
                    };
                    association.answer(response, now);
                    if behavior == Behavior::Deaf {
                        stream.write_all(association.outgoing()).unwrap();
                        thread::sleep(Duration::from_secs(3));
                        return seen;
                    }
                }
                Event::Command { context, command } => {
                    seen.requests += 1;
                    match Request::parse(&command).unwrap() {
                        Request::CStore(request) => pending = Some((context, request)),
                        Request::CEcho(echo) => match behavior {
                            Behavior::Answer(status) => {
                                association.send_command(context, &echo.response(status)).unwrap();
                            }
                            Behavior::WrongMessageId => {
                                let sop_class = dataset::sop_class::VERIFICATION.parse().unwrap();
                                let other = proto::CEchoRq::new(999, &sop_class);
                                let response = other.response(Status::SUCCESS);
                                association.send_command(context, &response).unwrap();
                            }
                            _ => {}
                        },
                        other => panic!("{other:?}"),
                    }
                    match behavior {
                        Behavior::CloseOnRequest => return seen,
                        Behavior::ReleaseOnRequest => association.request_release(),
                        Behavior::Send(bytes) => stream.write_all(bytes).unwrap(),
                        _ => {}
                    }
                }
                Event::DataSet(fragments) => {
                    for slice in fragments.slices() {
                        seen.data_set.extend_from_slice(slice);
                    }
                    response_due = fragments.is_last();
                    if let Behavior::AbortAndRead(bytes) = behavior
                        && seen.data_set.len() >= bytes
                    {
                        association.abort(now);
                    }
                    if let Behavior::AbortAfter(bytes) = behavior
                        && seen.data_set.len() >= bytes
                    {
                        association.abort(now);
                        stream.write_all(association.outgoing()).unwrap();
                        return seen;
                    }
                }
                Event::ReleaseRequested if behavior == Behavior::ReleaseCollision => {
                    association.accept_release(now);
                }
                Event::ReleaseRequested if behavior == Behavior::SilentOnRelease => {}
                Event::ReleaseRequested => {
                    seen.released = true;
                    association.accept_release(now);
                }
                Event::Released => seen.released = true,
                Event::Aborted(cause) => seen.aborted = Some(cause),
                Event::Rejected(_) => {}
                Event::Accepted(_) => unreachable!("an acceptor"),
            }
            if response_due && let Some((context, request)) = pending.take() {
                let status = match behavior {
                    Behavior::Answer(status) => status,
                    Behavior::SilentOnRelease | Behavior::ReleaseCollision => Status::SUCCESS,
                    _ => continue,
                };
                let comment = (status != Status::SUCCESS).then_some("disk full");
                association.send_command(context, &request.response(status, comment)).unwrap();
                if behavior == Behavior::ReleaseCollision {
                    association.request_release();
                }
            }
        }
    }
}

fn policy(behavior: Behavior, max_pdu_bytes: u32) -> AcceptorPolicy {
    let mut abstract_syntaxes = AbstractSyntaxes::new();
    if behavior != Behavior::AcceptNothing {
        for class in [dataset::sop_class::VERIFICATION, SECONDARY_CAPTURE] {
            let syntaxes = Arc::new([EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN]);
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
