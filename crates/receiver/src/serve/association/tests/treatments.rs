//! What a treatment says of an association: time-outs, how many there may be, the longest PDU.

use super::*;
use crate::SocketTimeout;
use crate::observer::Summary;
use crate::output::studies::Timing;
use crate::treatment::{AssociationLimit, AssociationTimeouts};
use proto::Rejection;
use std::sync::Condvar;

const LIMIT: Duration = Duration::from_secs(20);

fn treatment(scratch: &Scratch, change: impl FnOnce(&mut Treatment)) -> Treatment {
    let settings = OutputSettings::new(scratch.0.clone());
    let storage = Arc::new(Directory::open(&scratch.0, Durability::Full).unwrap());
    let mut treatment = testing::treatment(settings, storage, Timing::default());
    change(&mut treatment);
    treatment
}

/// Waits for ends of associations.
struct Ends {
    treatment: Arc<Treatment>,
    ended: Mutex<Vec<AssociationEnd>>,
    changed: Condvar,
}

impl Ends {
    fn of(treatment: Treatment) -> Arc<Self> {
        let (ended, changed) = (Mutex::default(), Condvar::new());
        Arc::new(Self { treatment: Arc::new(treatment), ended, changed })
    }

    fn wait(&self) -> AssociationEnd {
        let ended = self.ended.lock().unwrap();
        let (ended, waited) =
            self.changed.wait_timeout_while(ended, LIMIT, |ended| ended.is_empty()).unwrap();
        assert!(!waited.timed_out(), "the association goes on");
        ended[0]
    }
}

impl Observer for Ends {
    fn admit(&self, _: &Proposed<'_>) -> Result<Arc<Treatment>, Refusal> {
        Ok(Arc::clone(&self.treatment))
    }

    fn association_ended(&self, summary: &Summary) {
        self.ended.lock().unwrap().push(summary.end);
        self.changed.notify_all();
    }
}

const SHORT: Duration = Duration::from_millis(150);
const LONG: Duration = Duration::from_secs(3600);

/// The node waits for an hour, and the treatment does not.
#[test]
fn the_time_outs_of_a_treatment_hold_from_the_acceptance_on() {
    for (socket, dimse, in_message) in [
        (SocketTimeout::After(SHORT), None, false),
        (SocketTimeout::After(SHORT), None, true),
        (SocketTimeout::None, Some(SHORT), true),
        (SocketTimeout::System, Some(SHORT), true),
        (SocketTimeout::After(LONG), Some(SHORT), true),
    ] {
        let scratch = Scratch::new("treatment-timeouts");
        let timeouts = Some(AssociationTimeouts { socket, dimse });
        let ends = Ends::of(treatment(&scratch, |it| it.timeouts = timeouts));
        let mut node = testing::node_of(ends.clone());
        node.settings.timeouts.socket = SocketTimeout::After(LONG);
        let receiver = Receiver::of(node, 8);
        let (mut sender, thread) = receiver.connect();
        if in_message {
            sender.begin("1.2.3", &data_set("1.2.3")[..10]);
        }
        assert_eq!(ends.wait(), AssociationEnd::TimedOut(SHORT), "{socket:?} {dimse:?}");
        drop(sender);
        thread.join().unwrap();
    }
}

/// The other way round: what would end the association by the node's time-outs goes on, and a time-out of a message
/// ends nothing between two.
#[test]
fn the_time_outs_of_the_node_are_those_of_treatments_that_have_none() {
    let after = |timeout| SocketTimeout::After(timeout);
    let patient = |dimse| Some(AssociationTimeouts { socket: after(LONG), dimse });
    for (timeouts, ends_it) in [(None, true), (patient(None), false), (patient(Some(SHORT)), false)]
    {
        let scratch = Scratch::new("treatment-node-timeouts");
        let ends = Ends::of(treatment(&scratch, |it| it.timeouts = timeouts));
        let mut node = testing::node_of(ends.clone());
        node.settings.timeouts.socket = SocketTimeout::After(SHORT);
        let receiver = Receiver::of(node, 8);
        let (mut sender, thread) = receiver.connect();
        if ends_it {
            assert_eq!(ends.wait(), AssociationEnd::TimedOut(SHORT));
            drop(sender);
        } else {
            std::thread::sleep(4 * SHORT);
            assert_eq!(sender.store("1.2.3").unwrap().status, Status::SUCCESS);
            sender.release();
        }
        thread.join().unwrap();
    }
}

/// A peer that takes in no answers: the system's time-out of the socket is the treatment's.
#[test]
fn sending_stops_after_the_time_out_of_the_treatment() {
    let scratch = Scratch::new("treatment-send");
    let timeouts = AssociationTimeouts { socket: SocketTimeout::After(SHORT), dimse: None };
    let ends = Ends::of(treatment(&scratch, |it| it.timeouts = Some(timeouts)));
    let mut node = testing::node_of(ends.clone());
    node.settings.timeouts.socket = SocketTimeout::After(LONG);
    let receiver = Receiver::of(node, 8);
    let (mut sender, thread) = receiver.connect();
    let echo = |message_id: u16| {
        let mut command = proto::CommandSet::new();
        command
            .put_uid(proto::element::AFFECTED_SOP_CLASS_UID, &uid(CT))
            .put_u16(proto::element::COMMAND_FIELD, 0x0030)
            .put_u16(proto::element::MESSAGE_ID, message_id)
            .put_u16(proto::element::COMMAND_DATA_SET_TYPE, 0x0101);
        command
    };
    sender.stream.set_write_timeout(Some(LIMIT)).unwrap();
    for message_id in 0..u16::MAX {
        sender.association.send_command(sender.context, &echo(message_id)).unwrap();
        let outgoing = sender.association.outgoing();
        let count = outgoing.len();
        if sender.stream.write_all(outgoing).is_err() {
            break;
        }
        sender.association.consume_outgoing(count);
    }
    assert_eq!(ends.wait(), AssociationEnd::TimedOut(SHORT));
    drop(sender);
    thread.join().unwrap();
}

/// How a proposal is answered.
fn answer(sender: &mut Sender) -> Option<Rejection> {
    let answered = sender.until(|event| match event {
        Event::Accepted(_) => Some(None),
        Event::Rejected(rejection) => Some(Some(*rejection)),
        _ => None,
    });
    answered.unwrap()
}

#[test]
fn one_association_past_the_limit_of_a_treatment_is_rejected_and_told() {
    let scratch = Scratch::new("treatment-limit");
    let limit = AssociationLimit::new(2);
    let notes = Notes::of(treatment(&scratch, |it| it.associations = Some(limit.clone())));
    let receiver = Receiver::of(testing::node_of(notes.clone()), 64);
    let open = || {
        let (client, thread) = receiver.open();
        let mut sender = Sender::propose(client, "TEST");
        let rejected = answer(&mut sender);
        (sender, rejected, thread)
    };
    let ((first, _, _), (second, second_rejected, second_thread)) = (open(), open());
    assert_eq!(second_rejected, None);
    let (_, rejected, _) = open();
    assert_eq!(rejected, Some(Rejection::LOCAL_LIMIT_EXCEEDED));
    let why = "association limit 2 of the rule for this sender reached";
    assert_eq!(notes.take(), [format!("{}: {why}", Rejection::LOCAL_LIMIT_EXCEEDED)]);
    // Once the release is answered, the place is free; likewise once a connection was lost.
    first.release();
    let (third, rejected, _) = open();
    assert_eq!(rejected, None);
    drop(second);
    second_thread.join().unwrap();
    let (_fourth, rejected, _) = open();
    assert_eq!(rejected, None);
    assert_eq!(open().1, Some(Rejection::LOCAL_LIMIT_EXCEEDED));
    third.release();
}

/// A panic, a proposal that is rejected for another reason, and many at once that come and go.
#[test]
fn every_end_gives_the_place_back() {
    let scratch = Scratch::new("treatment-places");
    let limit = AssociationLimit::new(1);
    let settings = OutputSettings::new(scratch.0.clone());
    let mut panics = testing::treatment(settings, Arc::new(Panics), Timing::default());
    panics.associations = Some(limit.clone());
    let receiver = Receiver::of(testing::node_of(Notes::of(panics)), 8);
    let (mut sender, thread) = receiver.connect();
    assert_eq!(sender.store("1.2.3"), None, "closed without an answer");
    assert!(thread.join().is_err());
    let mut refuses = treatment(&scratch, |it| it.associations = Some(limit.clone()));
    refuses.policy.refuse = true;
    let receiver = Receiver::of(testing::node_of(Notes::of(refuses)), 8);
    let (client, thread) = receiver.open();
    let rejected = answer(&mut Sender::propose(client, "TEST"));
    assert_eq!(rejected, Some(Rejection::NO_REASON_GIVEN));
    thread.join().unwrap();

    let notes = Notes::of(treatment(&scratch, |it| it.associations = Some(limit.clone())));
    let receiver = Receiver::of(testing::node_of(notes), 64);
    let inside = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..25 {
                    let (client, thread) = receiver.open();
                    let mut sender = Sender::propose(client, "TEST");
                    if answer(&mut sender).is_none() {
                        assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0, "two at a time");
                        inside.fetch_sub(1, Ordering::SeqCst);
                        sender.release();
                    }
                    thread.join().unwrap();
                }
            });
        }
    });
    assert_eq!(limit.current.load(Ordering::SeqCst), 0);
}

/// The longest PDU is announced and enforced as the treatment has it.
#[test]
fn a_pdu_longer_than_the_treatment_allows_ends_the_association() {
    for (max_pdu_bytes, is_received) in [(4096, false), (65_536, true)] {
        let scratch = Scratch::new("treatment-pdu");
        let plain = treatment(&scratch, |it| it.policy.max_pdu_bytes = max_pdu_bytes);
        let receiver = Receiver::of(testing::node_of(Notes::of(plain)), 8);
        let (client, thread) = receiver.open();
        let mut sender = Sender::propose(client, "TEST");
        let announced = sender.until(|event| match event {
            Event::Accepted(acceptance) => Some(acceptance.user_information.max_pdu_bytes),
            _ => None,
        });
        assert_eq!(announced, Some(Some(max_pdu_bytes)));
        sender.begin("1.2.3", &[]);
        // One P-DATA-TF of 10,000 bytes: the last fragment of the data set.
        let mut bytes = data_set("1.2.3");
        bytes.extend(text(0x0020_4000, "LT", &vec![b'x'; 9982 - bytes.len()]));
        let length = u32::try_from(bytes.len()).unwrap();
        let mut pdu = vec![4, 0];
        pdu.extend((length + 6).to_be_bytes());
        pdu.extend((length + 2).to_be_bytes());
        pdu.extend([sender.context.0, 2]);
        pdu.extend(bytes);
        sender.stream.write_all(&pdu).unwrap();
        let response = sender.response();
        assert_eq!(response.is_some(), is_received, "{max_pdu_bytes}");
        drop(sender);
        thread.join().unwrap();
        assert_eq!(scratch.content().len(), usize::from(is_received));
    }
}
