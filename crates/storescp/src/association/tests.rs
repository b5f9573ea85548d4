//! Associations over loopback, with storage that fails or panics.

use super::*;
use crate::cli::{self, Outcome};
use crate::registry::{Admission, Registry};
use crate::storage::doubles::{Faulty, Scratch};
use crate::storage::{Directory, Durability, Folder, Storage};
use dataset::Uid;
use proto::{AeTitle, RequestorConfig, Response};
use std::io::{self, Read, Write};
use std::net::TcpListener;
use std::sync::atomic::AtomicUsize;
use std::thread::JoinHandle;

const CT: &str = "1.2.840.10008.5.1.4.1.1.2";

fn uid(text: &str) -> Uid {
    Uid::parse(text.as_bytes()).unwrap()
}

/// A receiver with one storage, whose associations a test opens one by one.
struct Receiver {
    shared: Arc<Shared>,
    registry: Arc<Registry>,
    listener: TcpListener,
}

impl Receiver {
    fn new(scratch: &Scratch, storage: impl Storage + 'static) -> Self {
        let arguments = ["-od", scratch.0.to_str().unwrap(), "104"];
        let Outcome::Run(config) = cli::parse(arguments.iter().map(Into::into)) else {
            panic!("usage error");
        };
        let mut shared = Shared::new(*config).unwrap();
        shared.storage = Some(Arc::new(storage));
        Self {
            shared: Arc::new(shared),
            registry: Arc::new(Registry::new(8, None)),
            listener: TcpListener::bind("127.0.0.1:0").unwrap(),
        }
    }

    fn connect(&self) -> (Sender, JoinHandle<()>) {
        let client = TcpStream::connect(self.listener.local_addr().unwrap()).unwrap();
        let (stream, peer) = self.listener.accept().unwrap();
        let stream = Arc::new(stream);
        let Admission::Place(place) = self.registry.admit(&stream, peer.ip()) else {
            panic!("full")
        };
        let shared = Arc::clone(&self.shared);
        let thread = std::thread::spawn(move || run(&shared, &place, stream, peer));
        (Sender::new(client), thread)
    }
}

/// A requestor with one presentation context for CT.
struct Sender {
    stream: TcpStream,
    association: Association,
    context: ContextId,
    received: Vec<u8>,
}

impl Sender {
    fn new(stream: TcpStream) -> Self {
        let ae = AeTitle::parse(b"TEST").unwrap();
        let mut proposal = Proposal::new(ae, ae, 16384);
        let syntaxes = [dataset::transfer_syntax::EXPLICIT_VR_LITTLE_ENDIAN];
        let context = proposal.propose(uid(CT), &syntaxes);
        let close_timeout = Duration::from_secs(1);
        let association = Association::requestor(RequestorConfig { proposal, close_timeout });
        let mut sender = Self { stream, association, context, received: Vec::new() };
        assert!(sender.until(|event| matches!(event, Event::Accepted(_)).then_some(())).is_some());
        sender
    }

    /// Sends what is queued and receives until `found` finds something; `None` if the connection
    /// ends before.
    fn until<T>(&mut self, found: impl Fn(&Event<'_>) -> Option<T>) -> Option<T> {
        let mut buffer = [0; 4096];
        loop {
            let count = self.association.outgoing().len();
            self.stream.write_all(self.association.outgoing()).ok()?;
            self.association.consume_outgoing(count);
            let step = self.association.receive(&self.received, Instant::now());
            let wanted = found(&step.event);
            let needs_input = matches!(step.event, Event::NeedInput);
            let consumed = step.consumed;
            self.received.drain(..consumed);
            if wanted.is_some() {
                return wanted;
            }
            if needs_input {
                match self.stream.read(&mut buffer) {
                    Ok(0) | Err(_) => return None,
                    Ok(count) => self.received.extend_from_slice(&buffer[..count]),
                }
            }
        }
    }

    fn store(&mut self, instance: &str) -> Option<Response> {
        let request = CStoreRq {
            message_id: 1,
            sop_class: uid(CT),
            sop_instance: uid(instance),
            priority: Some(0),
            move_originator_ae: None,
            move_originator_message_id: None,
        };
        self.association.send_command(self.context, &request.encode()).unwrap();
        self.association.send_data(self.context, &data_set(instance), true).unwrap();
        self.until(|event| match event {
            Event::Command { command, .. } => Response::parse(command),
            _ => None,
        })
    }
}

/// A data set of SOP Class UID and SOP Instance UID, explicit VR little endian.
fn data_set(instance: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (element, value) in [(0x16, CT), (0x18, instance)] {
        let mut value = value.as_bytes().to_vec();
        value.resize(value.len().next_multiple_of(2), 0);
        bytes.extend([0x08, 0x00, element, 0x00, b'U', b'I']);
        bytes.extend(u16::try_from(value.len()).unwrap().to_le_bytes());
        bytes.extend(value);
    }
    bytes
}

#[test]
fn whichever_step_fails_the_answer_is_a700_and_the_association_stores_again() {
    let scratch = Scratch::new("association-faulty");
    let mut failures = 0;
    loop {
        let inner = Directory::open(&scratch.0, Durability::Full).unwrap();
        let step = Arc::new(AtomicUsize::new(0));
        let receiver = Receiver::new(&scratch, Faulty { inner, fails_at: failures, step });
        let (mut sender, thread) = receiver.connect();
        let first = sender.store("1.2.3").unwrap();
        if first.status == Status::SUCCESS {
            break;
        }
        assert_eq!(first.status, Status::OUT_OF_RESOURCES, "step {failures}");
        assert!(first.error_comment.unwrap().contains("cannot"), "step {failures}");
        assert!(scratch.content().is_empty(), "step {failures}");
        assert_eq!(sender.store("1.2.4").unwrap().status, Status::SUCCESS);
        assert_eq!(scratch.content().into_keys().collect::<Vec<_>>(), ["CT.1.2.4"]);
        std::fs::remove_file(scratch.0.join("CT.1.2.4")).unwrap();
        drop(sender);
        thread.join().unwrap();
        failures += 1;
    }
    // folder, stage, header and data set, sync, publish, folder sync
    assert_eq!(failures, 6);
}

/// Storage with a bug.
struct Panics;

impl Storage for Panics {
    fn folder(&self) -> io::Result<Arc<dyn Folder>> {
        panic!("a bug in storage")
    }
}

#[test]
fn a_panic_ends_one_association_and_frees_its_place() {
    let scratch = Scratch::new("association-panic");
    let receiver = Receiver::new(&scratch, Panics);
    let (mut bystander, _thread) = receiver.connect();
    let (mut sender, thread) = receiver.connect();
    assert_eq!(sender.store("1.2.3"), None, "closed without an answer");
    assert!(thread.join().is_err());
    assert!(scratch.content().is_empty());
    bystander.association.request_release();
    assert!(bystander.until(|event| matches!(event, Event::Released).then_some(())).is_some());
    drop(bystander);
    assert_eq!(receiver.registry.drain(Duration::from_secs(5)).cut_off, 0);
}

#[test]
fn a_server_that_ends_waits_for_the_message_under_way() {
    let scratch = Scratch::new("association-drain");
    let receiver = Receiver::new(&scratch, Directory::open(&scratch.0, Durability::Full).unwrap());
    let (mut sender, _thread) = receiver.connect();
    let request = CStoreRq {
        message_id: 1,
        sop_class: uid(CT),
        sop_instance: uid("1.2.3"),
        priority: None,
        move_originator_ae: None,
        move_originator_message_id: None,
    };
    sender.association.send_command(sender.context, &request.encode()).unwrap();
    let bytes = data_set("1.2.3");
    sender.association.send_data(sender.context, &bytes[..10], false).unwrap();
    sender.stream.write_all(sender.association.outgoing()).unwrap();
    let count = sender.association.outgoing().len();
    sender.association.consume_outgoing(count);
    std::thread::sleep(Duration::from_millis(100));
    let registry = Arc::clone(&receiver.registry);
    let draining = std::thread::spawn(move || registry.drain(Duration::from_secs(20)));
    std::thread::sleep(Duration::from_millis(100));
    assert!(!draining.is_finished());
    sender.association.send_data(sender.context, &bytes[10..], true).unwrap();
    let response = sender.until(|event| match event {
        Event::Command { command, .. } => Response::parse(command),
        _ => None,
    });
    assert_eq!(response.unwrap().status, Status::SUCCESS);
    assert!(sender.until(|event| matches!(event, Event::Aborted(_)).then_some(())).is_some());
    drop(sender);
    assert_eq!(draining.join().unwrap().cut_off, 0);
    assert_eq!(scratch.content().into_keys().collect::<Vec<_>>(), ["CT.1.2.3"]);
}
