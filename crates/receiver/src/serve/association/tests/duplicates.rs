//! Objects whose SOP Instance UID is stored already.

use super::*;
use crate::output::studies::Timing;
use crate::output::{Duplicates, IfDifferent};

/// A receiver that stores so, and what its observer is told.
fn receiver(
    scratch: &Scratch,
    duplicates: Duplicates,
    change: impl FnOnce(&mut OutputSettings),
) -> (Receiver, Arc<Notes>) {
    let mut settings = OutputSettings::new(scratch.0.clone());
    settings.duplicates = duplicates;
    change(&mut settings);
    let storage = Arc::new(Directory::open(&scratch.0, settings.durability).unwrap());
    let notes = Notes::of(testing::treatment(settings, storage, Timing::default()));
    (Receiver::of(testing::node_of(notes.clone()), 64), notes)
}

/// An object of the same SOP Instance UID with this in it.
fn version(content: &str) -> Vec<u8> {
    let instance = text(0x0008_0018, "UI", b"1.2.3");
    let comment = text(0x0020_4000, "LT", content.as_bytes());
    [text(0x0008_0016, "UI", CT.as_bytes()), instance, comment].concat()
}

/// The contents of the files, by the versions that they have in them.
fn versions(scratch: &Scratch) -> Vec<(String, String)> {
    let name = |content: &[u8]| {
        let found = ["one", "two", "three"].iter().filter(|version| {
            let end = text(0x0020_4000, "LT", version.as_bytes());
            content.ends_with(&end)
        });
        found.copied().collect::<String>()
    };
    let content = scratch.content();
    content.iter().map(|(path, content)| (path.clone(), name(content))).collect()
}

/// What is told of four objects, and the files in the end with the versions in them.
type Case = (Duplicates, [&'static str; 4], &'static [(&'static str, &'static str)]);

const DUPLICATE: &str = "refused: 1.2.3, 0111H: SOP instance is stored already";

#[test]
fn each_way_of_treating_duplicates_does_what_it_says() {
    use Duplicates::{Both, Keep, KeepIfEqual, Reject, Replace};
    // What is sent: one, two, one, two.
    let cases: [Case; 7] = [
        (
            Replace,
            [
                "stored: CT.1.2.3.dcm",
                "replaced: CT.1.2.3.dcm",
                "replaced: CT.1.2.3.dcm",
                "replaced: CT.1.2.3.dcm",
            ],
            &[("CT.1.2.3.dcm", "two")],
        ),
        (
            Keep,
            [
                "stored: CT.1.2.3.dcm",
                "kept: CT.1.2.3.dcm",
                "kept: CT.1.2.3.dcm",
                "kept: CT.1.2.3.dcm",
            ],
            &[("CT.1.2.3.dcm", "one")],
        ),
        (
            Reject,
            ["stored: CT.1.2.3.dcm", DUPLICATE, DUPLICATE, DUPLICATE],
            &[("CT.1.2.3.dcm", "one")],
        ),
        (
            Both,
            [
                "stored: CT.1.2.3.dcm",
                "stored: CT.1.2.3_1.dcm",
                "stored: CT.1.2.3_2.dcm",
                "stored: CT.1.2.3_3.dcm",
            ],
            &[
                ("CT.1.2.3.dcm", "one"),
                ("CT.1.2.3_1.dcm", "two"),
                ("CT.1.2.3_2.dcm", "one"),
                ("CT.1.2.3_3.dcm", "two"),
            ],
        ),
        (
            KeepIfEqual(IfDifferent::Replace),
            [
                "stored: CT.1.2.3.dcm",
                "replaced: CT.1.2.3.dcm",
                "replaced: CT.1.2.3.dcm",
                "replaced: CT.1.2.3.dcm",
            ],
            &[("CT.1.2.3.dcm", "two")],
        ),
        (
            KeepIfEqual(IfDifferent::Reject),
            ["stored: CT.1.2.3.dcm", DUPLICATE, "kept: CT.1.2.3.dcm", DUPLICATE],
            &[("CT.1.2.3.dcm", "one")],
        ),
        (
            KeepIfEqual(IfDifferent::Both),
            [
                "stored: CT.1.2.3.dcm",
                "stored: CT.1.2.3_1.dcm",
                "kept: CT.1.2.3.dcm",
                "kept: CT.1.2.3_1.dcm",
            ],
            &[("CT.1.2.3.dcm", "one"), ("CT.1.2.3_1.dcm", "two")],
        ),
    ];
    for (duplicates, expected, files) in cases {
        let scratch = Scratch::new("duplicates-each");
        let named = |it: &mut OutputSettings| it.file_naming.extension = ".dcm".to_owned();
        let (receiver, notes) = receiver(&scratch, duplicates, named);
        let (mut sender, thread) = receiver.connect();
        let answers = ["one", "two", "one", "two"]
            .map(|content| sender.store_data_set("1.2.3", &version(content)).unwrap().status);
        let other = sender.store("1.2.4").unwrap().status;
        sender.release();
        thread.join().unwrap();
        let mut lines = notes.take();
        assert_eq!(
            (other, lines.pop().as_deref()),
            (Status::SUCCESS, Some("stored: CT.1.2.4.dcm"))
        );
        assert_eq!(lines, expected, "{duplicates:?}");
        let statuses = expected.map(|line| match line {
            DUPLICATE => Status::DUPLICATE_SOP_INSTANCE,
            _ => Status::SUCCESS,
        });
        assert_eq!(answers, statuses, "{duplicates:?}");
        std::fs::remove_file(scratch.0.join("CT.1.2.4.dcm")).unwrap();
        let files: Vec<_> = files.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
        assert_eq!(versions(&scratch), files, "{duplicates:?}");
    }
}

/// The same data set from another sender is equal; a change of the form of files makes another file of it.
#[test]
fn file_meta_information_does_not_make_content_differ_and_a_transfer_syntax_does() {
    let scratch = Scratch::new("duplicates-meta");
    let duplicates = Duplicates::KeepIfEqual(IfDifferent::Reject);
    let send = |change: Change, calling: &str| {
        let (receiver, notes) = receiver(&scratch, duplicates, change);
        let (client, thread) = receiver.open();
        let mut sender = Sender::propose_as(client, calling, "TEST");
        let is_accepted = |event: &Event<'_>| matches!(event, Event::Accepted(_)).then_some(());
        assert!(sender.until(is_accepted).is_some());
        sender.store_data_set("1.2.3", &version("one")).unwrap();
        sender.release();
        thread.join().unwrap();
        notes.take()
    };
    assert_eq!(send(|_| {}, "CT1"), ["stored: CT.1.2.3"]);
    let before = scratch.content();
    assert_eq!(send(|_| {}, "A MUCH LONGER 1"), ["kept: CT.1.2.3"]);
    assert_eq!(scratch.content(), before, "the first has its source AE title");
    let big_endian: Change =
        |it| it.format.transfer_syntax = OutputTransferSyntax::ExplicitVrBigEndian;
    assert_eq!(send(big_endian, "CT1"), [DUPLICATE]);
    let data_set_only: Change = |it| it.write_file_format = false;
    assert_eq!(send(data_set_only, "CT1"), [DUPLICATE]);
    // The same bytes, said to be in another transfer syntax.
    let mut changed = before["CT.1.2.3"].clone();
    let at = changed.windows(19).position(|it| it == b"1.2.840.10008.1.2.1").unwrap();
    changed[at + 18] = b'7';
    std::fs::write(scratch.0.join("CT.1.2.3"), &changed).unwrap();
    assert_eq!(send(|_| {}, "CT1"), [DUPLICATE]);
    std::fs::remove_file(scratch.0.join("CT.1.2.3")).unwrap();
    assert_eq!(send(data_set_only, "CT1"), ["stored: CT.1.2.3"]);
    assert_eq!(send(data_set_only, "CT2"), ["kept: CT.1.2.3"]);
    assert_eq!(scratch.content()["CT.1.2.3"], version("one"));
}

/// In each form of files, and in folders of studies, an object that is sent again is equal to itself.
#[test]
fn an_object_sent_again_is_equal_by_every_way_of_storing() {
    for (name, change) in WAYS_OF_STORING {
        let scratch = Scratch::new("duplicates-ways");
        let (receiver, notes) =
            receiver(&scratch, Duplicates::KeepIfEqual(IfDifferent::Both), change);
        let (mut sender, thread) = receiver.connect();
        for object in [OBJECTS[0], OBJECTS[1], OBJECTS[0], OBJECTS[1]] {
            let answer = sender.store_data_set(object.0, &data_set_of(object)).unwrap();
            assert_eq!(answer.status, Status::SUCCESS, "{name}");
        }
        drop(sender);
        thread.join().unwrap();
        let told = notes.take();
        // New UIDs and times as names tell nothing of duplicates.
        let recognizes = !name.contains("+uf") && !name.contains("-tn");
        let count = |how: &str| told.iter().filter(|line| line.starts_with(how)).count();
        let expected = if recognizes { (2, 2) } else { (4, 0) };
        assert_eq!((count("stored"), count("kept")), expected, "{name}: {told:?}");
        assert_eq!(scratch.content().len(), expected.0, "{name}");
    }
}

/// Eight senders, each with an object of its own under one UID: one is stored, and the others are told so.
#[test]
fn of_the_same_uid_at_the_same_moment_one_is_stored() {
    for (duplicates, answer) in [
        (Duplicates::Keep, Status::SUCCESS),
        (Duplicates::Reject, Status::DUPLICATE_SOP_INSTANCE),
        (Duplicates::KeepIfEqual(IfDifferent::Reject), Status::DUPLICATE_SOP_INSTANCE),
    ] {
        let scratch = Scratch::new("duplicates-at-once");
        // Two receivers that know nothing of each other share the folder.
        let receivers = [(); 2].map(|()| receiver(&scratch, duplicates, |_| {}));
        for round in 0..10 {
            let instance = format!("1.2.{round}");
            let statuses: Vec<_> = std::thread::scope(|scope| {
                let threads: Vec<_> = (0..8_usize)
                    .map(|number| {
                        let (receiver, _) = &receivers[number % 2];
                        let (mut sender, _) = receiver.connect();
                        let own = text(0x0020_4000, "LT", &[b'a' + number as u8; 9]);
                        let bytes = [data_set(&instance), own].concat();
                        let instance = &instance;
                        scope.spawn(move || {
                            let status = sender.store_data_set(instance, &bytes).unwrap().status;
                            sender.release();
                            status
                        })
                    })
                    .collect();
                threads.into_iter().map(|thread| thread.join().unwrap()).collect()
            });
            let others = statuses.iter().filter(|status| **status == answer).count();
            let expected = if answer == Status::SUCCESS { 8 } else { 7 };
            assert_eq!(others, expected, "{duplicates:?}: {statuses:?}");
        }
        let told: Vec<_> = receivers.iter().flat_map(|(_, notes)| notes.take()).collect();
        let stored = told.iter().filter(|line| line.starts_with("stored")).count();
        assert_eq!((stored, told.len()), (10, 80), "{duplicates:?}");
        assert_eq!(scratch.content().len(), 10);
    }
}

/// The answer to a duplicate promises as much as the one to the first: the power is cut at every step.
#[test]
fn no_duplicate_is_acknowledged_before_what_is_kept_survives_a_power_loss() {
    let change: Change = |it| it.duplicates = Duplicates::KeepIfEqual(IfDifferent::Both);
    let objects = [OBJECTS[0], OBJECTS[3], OBJECTS[0], OBJECTS[3]];
    let send = |disk: &Arc<Disk>| {
        let scratch = Scratch::new("duplicates-power-loss");
        let receiver = Receiver::with(&scratch, Arc::clone(disk), change);
        let (mut sender, thread) = receiver.connect();
        let mut stored = objects.iter().map(|object| {
            let answer = sender.store_data_set(object.0, &data_set_of(*object)).unwrap();
            answer.status == Status::SUCCESS
        });
        let acknowledged = stored.by_ref().take_while(|is_stored| *is_stored).count();
        drop(sender);
        thread.join().unwrap();
        acknowledged
    };
    for kind in DiskKind::ALL {
        let whole = Disk::new(kind, Fault::Never);
        assert_eq!(send(&whole), objects.len());
        let contents = [alone(OBJECTS[0], change), alone(OBJECTS[3], change)];
        for steps in 0..whole.steps() {
            let disk = Disk::new(kind, Fault::PowerLoss(steps));
            let acknowledged = send(&disk);
            for survives in Survives::ALL {
                let found = disk.after_power_loss(survives);
                for (number, content) in contents.iter().enumerate().take(acknowledged) {
                    let is_there = found.values().any(|it| it == content);
                    assert!(is_there, "{kind:?} after {steps} steps, {survives:?}: {number}");
                }
            }
        }
    }
}

/// A file of that name in which the object is not stays as it is, and the object is not lost with it: other programs
/// write files too, and a crash may leave an empty one.
#[test]
fn nothing_but_the_same_instance_is_kept_in_place_of_an_object() {
    use Duplicates::{Keep, KeepIfEqual, Reject};
    let whole = |instance: &str| {
        let scratch = Scratch::new("duplicates-whole");
        let (receiver, _) = receiver(&scratch, Keep, |_| {});
        let (mut sender, thread) = receiver.connect();
        sender.store_data_set(instance, &data_set(instance)).unwrap();
        sender.release();
        thread.join().unwrap();
        scratch.content().into_values().next().unwrap()
    };
    let (other, same) = (whole("1.2.4"), whole("1.2.3"));
    let head = &same[..same.len() - data_set("1.2.3").len()];
    let nothing_of_it: [&[u8]; 6] =
        [b"", b"garbage", &[0; 4096], &same[..150], head, other.as_slice()];
    for duplicates in [Keep, Reject, KeepIfEqual(IfDifferent::Reject)] {
        for there in nothing_of_it {
            let scratch = Scratch::new("duplicates-garbage");
            std::fs::write(scratch.0.join("CT.1.2.3"), there).unwrap();
            let (receiver, notes) = receiver(&scratch, duplicates, |_| {});
            let (mut sender, thread) = receiver.connect();
            for _ in 0..2 {
                sender.store_data_set("1.2.3", &version("one")).unwrap();
            }
            sender.release();
            thread.join().unwrap();
            let again = if duplicates == Reject { DUPLICATE } else { "kept: CT.1.2.3_1" };
            let about = format!("{duplicates:?}, {} bytes", there.len());
            assert_eq!(notes.take(), ["stored: CT.1.2.3_1", again], "{about}");
            let content = scratch.content();
            assert_eq!(content["CT.1.2.3"], there, "{about}");
            assert!(content["CT.1.2.3_1"].ends_with(&version("one")), "{about}");
        }
    }
}
