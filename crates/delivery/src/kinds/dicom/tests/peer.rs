//! An AE that does what a test tells it, on a loopback socket.

use dataset::{TransferSyntax, transfer_syntax::IMPLICIT_VR_LITTLE_ENDIAN};
use proto::{
    AbortCause, Acceptance, AcceptorConfig, AssociateResponse, Association, CStoreRq,
    ContextAnswer, ContextId, ContextResult, Event, OperationsWindow, Proposal, ProposedContext,
    Rejection, Request, Status, UserInformation,
};
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// What the peer does with an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Does {
    Answer(u16),
    /// A-ABORT once its data set is there.
    Abort,
    /// A-ABORT once its C-STORE-RQ is there.
    AbortAtOnce,
    /// Closes the connection.
    Close,
    /// Sends nothing more.
    Nothing,
    /// Answers to another message.
    AnswerToAnother,
    /// Answers, then requests release.
    AnswerAndRelease,
}

/// An object as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Arrived {
    pub(super) association: usize,
    pub(super) sop_instance: String,
    pub(super) transfer_syntax: &'static TransferSyntax,
    pub(super) data_set: Vec<u8>,
}

/// What the peer has seen.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Of each association the contexts proposed.
    pub(super) proposed: Vec<Vec<ProposedContext>>,
    /// Of the last association, who proposed it.
    pub(super) user_information: UserInformation,
    pub(super) arrived: Vec<Arrived>,
    pub(super) released: usize,
    pub(super) aborted: usize,
    /// C-STORE-RQs at a time, at most.
    pub(super) most_outstanding: usize,
}

type Plan = dyn Fn(&str, usize) -> Does + Send + Sync;

/// How the peer behaves.
#[derive(Clone)]
pub(super) struct Behavior {
    /// Transfer syntaxes that are accepted, best first.
    pub(super) accepts: Vec<&'static TransferSyntax>,
    /// The window that is granted; `None` answers none.
    pub(super) window: Option<u16>,
    pub(super) reject: Option<Rejection>,
    /// By the SOP Instance UID, and how often it came before.
    pub(super) plan: Arc<Plan>,
}

impl Behavior {
    pub(super) fn new(plan: impl Fn(&str, usize) -> Does + Send + Sync + 'static) -> Behavior {
        let accepts = TransferSyntax::all().iter().collect();
        Behavior { accepts, window: None, reject: None, plan: Arc::new(plan) }
    }
}

/// A running peer; its threads end with the test.
pub(super) struct ScriptedPeer {
    pub(super) address: SocketAddr,
    pub(super) seen: Arc<Mutex<Seen>>,
}

impl ScriptedPeer {
    pub(super) fn start(behavior: Behavior) -> ScriptedPeer {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let shared = seen.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (behavior, seen) = (behavior.clone(), shared.clone());
                thread::spawn(move || Served::new(stream.unwrap(), behavior, seen).run());
            }
        });
        ScriptedPeer { address, seen }
    }
}

struct Served {
    stream: TcpStream,
    association: Association,
    behavior: Behavior,
    seen: Arc<Mutex<Seen>>,
    number: usize,
    /// The object whose data set is being received.
    current: Option<(ContextId, CStoreRq, Vec<u8>)>,
    /// Objects that are not answered yet.
    unanswered: Vec<(ContextId, CStoreRq)>,
    is_silent: bool,
}

impl Served {
    fn new(stream: TcpStream, behavior: Behavior, seen: Arc<Mutex<Seen>>) -> Served {
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        let limit = Duration::from_secs(30);
        let config = AcceptorConfig { acse_timeout: limit, close_timeout: limit };
        let association = Association::acceptor(config, Instant::now());
        let (current, unanswered) = (None, Vec::new());
        Served {
            stream,
            association,
            behavior,
            seen,
            number: 0,
            current,
            unanswered,
            is_silent: false,
        }
    }

    fn run(mut self) {
        let mut buffer = vec![0; 256 * 1024];
        loop {
            let outgoing = self.association.take_outgoing();
            if self.stream.write_all(&outgoing).is_err() || self.association.is_closed() {
                return;
            }
            let length = match self.stream.read(&mut buffer) {
                Ok(length @ 1..) => length,
                // Nothing more comes until there are answers.
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.answer_all();
                    continue;
                }
                _ => return,
            };
            let mut input = &buffer[..length];
            loop {
                let step = self.association.receive(input, Instant::now());
                input = &input[step.consumed..];
                if matches!(step.event, Event::NeedInput) {
                    break;
                }
                if !self.event(step.event) {
                    return;
                }
            }
            if self.unanswered.len() >= self.most_unanswered() {
                self.answer_all();
            }
        }
    }

    /// False closes the connection.
    fn event(&mut self, event: Event<'_>) -> bool {
        let now = Instant::now();
        match event {
            Event::Proposed(proposal) => {
                let response = match self.behavior.reject {
                    Some(rejection) => AssociateResponse::Reject(rejection),
                    None => self.accept(&proposal),
                };
                self.association.answer(response, now);
            }
            Event::Command { context, command } => {
                let Ok(Request::CStore(request)) = Request::parse(&command) else { panic!() };
                if self.does(&request) == Does::AbortAtOnce {
                    self.association.abort(now);
                }
                self.current = Some((context, request, Vec::new()));
            }
            Event::DataSet(fragments) => {
                let Some((_, _, data_set)) = &mut self.current else { return true };
                fragments.slices().iter().for_each(|slice| data_set.extend_from_slice(slice));
                if fragments.is_last() {
                    return self.complete();
                }
            }
            Event::ReleaseRequested => {
                self.seen.lock().unwrap().released += 1;
                self.association.accept_release(now);
            }
            Event::Aborted(AbortCause::ByPeer(_)) => self.seen.lock().unwrap().aborted += 1,
            Event::Aborted(_) | Event::Released => {}
            other => panic!("{other:?}"),
        }
        true
    }

    fn accept(&mut self, proposal: &Proposal) -> AssociateResponse {
        let mut seen = self.seen.lock().unwrap();
        self.number = seen.proposed.len();
        seen.proposed.push(proposal.contexts.clone());
        seen.user_information = proposal.user_information.clone();
        let contexts = proposal.contexts.iter().map(|context| {
            let chosen = self.behavior.accepts.iter().find(|it| {
                context.transfer_syntaxes.iter().any(|proposed| proposed.uid() == it.uid())
            });
            ContextAnswer {
                id: context.id,
                abstract_syntax: context.abstract_syntax,
                result: match chosen {
                    Some(_) => ContextResult::Acceptance,
                    None => ContextResult::TransferSyntaxesNotSupported,
                },
                transfer_syntax: chosen.copied().unwrap_or(IMPLICIT_VR_LITTLE_ENDIAN),
            }
        });
        let window = |invoked| OperationsWindow { invoked, performed: 1 };
        AssociateResponse::Accept(Box::new(Acceptance {
            contexts: contexts.collect(),
            user_information: UserInformation {
                max_pdu_bytes: Some(16_384),
                asynchronous_operations: self.behavior.window.map(window),
                ..UserInformation::default()
            },
        }))
    }

    fn does(&self, request: &CStoreRq) -> Does {
        let seen = self.seen.lock().unwrap();
        let instance = request.sop_instance.as_str();
        let before = seen.arrived.iter().filter(|it| it.sop_instance == instance).count();
        drop(seen);
        (self.behavior.plan)(instance, before)
    }

    /// An object is there.
    fn complete(&mut self) -> bool {
        let Some((context, request, data_set)) = self.current.take() else { return true };
        let does = self.does(&request);
        let transfer_syntax = self.association.context(context).unwrap().transfer_syntax;
        let sop_instance = request.sop_instance.to_string();
        let arrived = Arrived { association: self.number, sop_instance, transfer_syntax, data_set };
        self.unanswered.push((context, request));
        {
            let mut seen = self.seen.lock().unwrap();
            seen.arrived.push(arrived);
            seen.most_outstanding = seen.most_outstanding.max(self.unanswered.len());
        }
        match does {
            Does::Abort => self.association.abort(Instant::now()),
            Does::Close => return false,
            Does::Nothing => self.is_silent = true,
            _ => {}
        }
        true
    }

    /// Objects that come before the first of them is answered.
    fn most_unanswered(&self) -> usize {
        match self.behavior.window {
            None => 1,
            Some(0) => usize::MAX,
            Some(window) => window.into(),
        }
    }

    /// Answers everything, the last object first.
    fn answer_all(&mut self) {
        if self.is_silent {
            return;
        }
        for (context, mut request) in std::mem::take(&mut self.unanswered).into_iter().rev() {
            let plan = &self.behavior.plan;
            let seen = self.seen.lock().unwrap();
            let instance = request.sop_instance.as_str();
            let before = seen.arrived.iter().filter(|it| it.sop_instance == instance).count() - 1;
            drop(seen);
            let does = plan(instance, before);
            let status = match does {
                Does::Answer(status) => Status(status),
                _ => Status::SUCCESS,
            };
            if does == Does::AnswerToAnother {
                request.message_id = 999;
            }
            let comment = (status != Status::SUCCESS).then_some("as told");
            let response = request.response(status, comment);
            let _ = self.association.send_command(context, &response);
            if does == Does::AnswerAndRelease {
                self.association.request_release();
            }
        }
    }
}
