//! What is sent while the disk is recorded, and when it is acknowledged.

use std::thread;

use super::disk::Disk;
use super::stand_in::Connection;
use crate::Object;
use crate::random::Random;
use crate::wire::{Client, uid};

/// A kind of load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Workload {
    /// What it is called here.
    pub name: &'static str,
    /// The receiver's options for it.
    pub(super) options: &'static [&'static str],
    /// Number of associations at a time.
    pub(super) associations: usize,
    /// Number of objects on each of them.
    pub(super) objects: usize,
    /// Sizes of pixel data, in bytes, in turn.
    sizes: &'static [usize],
    /// Each so many objects, one that is stored is sent again with other content.
    replaces: Option<usize>,
    /// Number of studies that an association sends objects of, in turn.
    studies: usize,
}

impl Workload {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self { replaces: Some(4), ..Self::plain("plain", &[]) },
        Self::plain("unique", &["+uf"]),
        Self { studies: 3, ..Self::plain("studies", &["-su", "p"]) },
        Self { sizes: &[4_096, 8_000, 900], ..Self::plain("crowd", &[]) }.sent_by(12, 5),
        // The names of so many do not have room in one block of the folder.
        Self { sizes: &[900, 300], ..Self::plain("grown", &[]) }.sent_by(6, 40),
        Self::ALONE,
    ];

    /// One association that sends small objects.
    pub(super) const ALONE: Self =
        Self { sizes: &[4_096, 39_000], ..Self::plain("alone", &[]) }.sent_by(1, 30);

    /// The one of this name.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.name == name)
    }

    const fn plain(name: &'static str, options: &'static [&'static str]) -> Self {
        const SIZES: &[usize] = &[4_096, 39_000, 524_288, 300, 39_000, 4_096, 1_500_000, 39_000];
        let (associations, objects) = (3, 14);
        Self { name, options, associations, objects, sizes: SIZES, replaces: None, studies: 1 }
    }

    const fn sent_by(self, associations: usize, objects: usize) -> Self {
        Self { associations, objects, ..self }
    }
}

/// An object that was sent, with the positions in the recording.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) object: Object,
    /// Before it was sent.
    pub(super) begun: usize,
    /// When its success had arrived; `None` if something else arrived.
    pub(super) acknowledged: Option<usize>,
}

/// Whom the objects are sent to.
#[derive(Clone, Copy, Debug)]
pub(super) enum Receiver {
    /// The program under test, on this port.
    Storescp(u16),
    /// The one that stores in a wrong order, on this port.
    StandIn(u16),
}

enum Sender {
    Association(Client),
    Connection(Connection),
}

impl Sender {
    fn to(receiver: Receiver) -> Self {
        match receiver {
            Receiver::Storescp(port) => Self::Association(Client::usual(port)),
            Receiver::StandIn(port) => Self::Connection(Connection::open(port)),
        }
    }

    /// Returns whether the object is acknowledged.
    fn store(&mut self, object: &Object) -> bool {
        match self {
            Self::Association(client) => client.store(3, object).status() == 0,
            Self::Connection(connection) => connection.store(object),
        }
    }

    fn end(self) {
        if let Self::Association(client) = self {
            client.release();
        }
    }
}

/// Sends everything. The result is in the order in which each sender sent it.
pub(super) fn send(workload: &Workload, receiver: Receiver, disk: &Disk, seed: u64) -> Vec<Sent> {
    let send_all = |association: usize| {
        let mut sender = Sender::to(receiver);
        let mut sent: Vec<Sent> = Vec::new();
        let mut random = Random::new(seed, association as u64);
        for number in 0..workload.objects {
            let object = object(workload, association, number, &sent, &mut random);
            let begun = disk.position();
            let is_stored = sender.store(&object);
            let acknowledged = is_stored.then(|| disk.position());
            sent.push(Sent { object, begun, acknowledged });
        }
        sender.end();
        sent
    };
    thread::scope(|scope| {
        let senders: Vec<_> = (0..workload.associations)
            .map(|association| scope.spawn(move || send_all(association)))
            .collect();
        senders.into_iter().flat_map(|sender| sender.join().expect("a sender")).collect()
    })
}

/// The next object of an association. Its pixel data are random, so that no piece of it is in any other object.
fn object(
    workload: &Workload,
    association: usize,
    number: usize,
    sent: &[Sent],
    random: &mut Random,
) -> Object {
    let again = workload.replaces.filter(|every| number % every == every - 1);
    let instance = match again {
        Some(_) => sent[random.below(sent.len())].object.sop_instance.clone(),
        None => format!("2.25.{association}.{number}"),
    };
    let study = format!("2.25.{association}.{}", number % workload.studies);
    let pixels = random.bytes(workload.sizes[(association + number) % workload.sizes.len()]);
    let elements = vec![
        (0x0020_000D, *b"UI", study.into_bytes()),
        (0x0020_000E, *b"UI", b"2.25.302".to_vec()),
        (0x7FE0_0010, *b"OW", pixels),
    ];
    Object::made_of(uid::CT, &instance, elements)
}
