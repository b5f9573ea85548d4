//! Objects that are not as they should be, from senders of which that is tolerated.

use super::*;
use crate::output::studies::Timing;
use crate::{Leniency, NamedBy};

const MR: &str = "1.2.840.10008.5.1.4.1.1.4";

/// A receiver that tolerates this, and what its observer is told.
fn receiver(scratch: &Scratch, leniency: Leniency, change: Change) -> (Receiver, Arc<Notes>) {
    let mut settings = OutputSettings::new(scratch.0.clone());
    change(&mut settings);
    let storage = Arc::new(Directory::open(&scratch.0, settings.durability).unwrap());
    let mut treatment = testing::treatment(settings, storage, Timing::default());
    treatment.leniency = leniency;
    let notes = Notes::of(treatment);
    (Receiver::of(testing::node_of(notes.clone()), 8), notes)
}

fn named_by(named_by: NamedBy) -> Leniency {
    Leniency { mismatched_uids: Some(named_by), ..Leniency::default() }
}

/// Sends one object, announced as CT 1.2.3; the status of its answer, and what the observer was told.
fn send(
    scratch: &Scratch,
    leniency: Leniency,
    change: Change,
    bytes: &[u8],
) -> (Status, Vec<String>) {
    let (receiver, notes) = receiver(scratch, leniency, change);
    let (mut sender, thread) = receiver.connect();
    let response = sender.store_data_set("1.2.3", bytes).unwrap();
    assert_eq!(response.sop_instance, Some(uid("1.2.3")), "as it was announced");
    sender.release();
    thread.join().unwrap();
    (response.status, notes.take())
}

fn uids(class: Option<&str>, instances: &[&str]) -> Vec<u8> {
    let class = class.map(|it| text(0x0008_0016, "UI", it.as_bytes())).unwrap_or_default();
    let instances = instances.iter().map(|it| text(0x0008_0018, "UI", it.as_bytes()));
    let mut bytes = [class, instances.collect::<Vec<_>>().concat()].concat();
    bytes.extend(text(0x0020_4000, "LT", b"a comment"));
    bytes
}

/// Media Storage SOP Class and Instance UID of a file.
fn meta(content: &[u8]) -> (Uid, Uid) {
    let start: &[u8; part10::START_BYTES] = content.first_chunk().unwrap();
    let length = part10::group_length(start).unwrap() as usize;
    let group = &content[part10::START_BYTES..][..length];
    let value = |element| Uid::parse(part10::value(group, element).unwrap()).unwrap();
    (value(2), value(3))
}

#[test]
fn uids_that_differ_name_the_file_by_the_command_or_by_the_data_set() {
    let tolerated = |instance: &str| format!("tolerated: MismatchedUids of {instance}");
    for (class, instances, by_command, by_data_set) in [
        (Some(CT), &["1.2.4"][..], (CT, "1.2.3"), (CT, "1.2.4")),
        (Some(CT), &["1.2.3.4.5.6.7.8.9"], (CT, "1.2.3"), (CT, "1.2.3.4.5.6.7.8.9")),
        (Some(MR), &["1.2.3"], (CT, "1.2.3"), (MR, "1.2.3")),
        (Some(MR), &["1.2.4"], (CT, "1.2.3"), (MR, "1.2.4")),
        // What is missing, or no UID, is as the command says.
        (Some(CT), &[], (CT, "1.2.3"), (CT, "1.2.3")),
        (None, &["1.2.4"], (CT, "1.2.3"), (CT, "1.2.4")),
        (Some(CT), &[""], (CT, "1.2.3"), (CT, "1.2.3")),
        (Some(CT), &["../../DOE^JANE"], (CT, "1.2.3"), (CT, "1.2.3")),
        (Some(CT), &["DOE.JANE"], (CT, "1.2.3"), (CT, "1.2.3")),
    ] {
        let bytes = uids(class, instances);
        for (by, expected) in [(NamedBy::Command, by_command), (NamedBy::DataSet, by_data_set)] {
            let scratch = Scratch::new("leniency-uids");
            let (status, told) = send(&scratch, named_by(by), |_| {}, &bytes);
            let prefix = if expected.0 == CT { "CT" } else { "MR" };
            let file = format!("{prefix}.{}", expected.1);
            assert_eq!(status, Status::SUCCESS, "{instances:?} {by:?}: {told:?}");
            assert_eq!(told, [tolerated(expected.1), format!("stored: {file}")]);
            let content = scratch.content();
            assert_eq!(content.keys().collect::<Vec<_>>(), [&file]);
            assert_eq!(meta(&content[&file]), (uid(expected.0), uid(expected.1)));
            assert!(content[&file].ends_with(&bytes), "the data set is as it came");
            // Without leniency it is refused.
            let scratch = Scratch::new("leniency-none");
            let (status, told) = send(&scratch, Leniency::default(), |_| {}, &bytes);
            let is_missing = class.is_none() || instances.iter().all(|it| it.is_empty());
            let expected = match is_missing {
                true => Status::CANNOT_UNDERSTAND,
                false => Status::DATA_SET_DOES_NOT_MATCH_SOP_CLASS,
            };
            assert_eq!(status, expected, "{told:?}");
            assert!(scratch.content().is_empty());
        }
    }
}

#[test]
fn what_agrees_is_not_tolerated_and_two_uids_in_one_data_set_are_not_either() {
    for by in [NamedBy::Command, NamedBy::DataSet] {
        let scratch = Scratch::new("leniency-strict");
        let (status, told) = send(&scratch, named_by(by), |_| {}, &uids(Some(CT), &["1.2.3"]));
        assert_eq!((status, told), (Status::SUCCESS, vec!["stored: CT.1.2.3".to_owned()]));
        for instances in [&["1.2.3", "1.2.4"][..], &["1.2.4", "1.2.3"], &["1.2.4", "1.2.5"]] {
            let scratch = Scratch::new("leniency-two");
            let (status, told) = send(&scratch, named_by(by), |_| {}, &uids(Some(CT), instances));
            assert_eq!(status, Status::DATA_SET_DOES_NOT_MATCH_SOP_CLASS);
            let expected = "refused: 1.2.3, A900H: data set has two different SOP Instance UIDs";
            assert_eq!(told, [expected]);
            assert!(scratch.content().is_empty());
        }
    }
}

/// Another header than the file began with, however long the data set is and however it is written.
#[test]
fn the_data_set_survives_a_change_of_its_header() {
    let changes: [Change; 4] = [
        |_| {},
        |it| it.format.bit_preserving = true,
        |it| it.write_file_format = false,
        |it| it.format.transfer_syntax = OutputTransferSyntax::DeflatedExplicitVrLittleEndian,
    ];
    for change in changes {
        for length in [0, 1000, 200_000] {
            let other = "1.2.3.4.5.6";
            let mut bytes = data_set(other);
            let value: Vec<u8> = (0..length).map(|n| (n % 241 * n % 251) as u8).collect();
            bytes.extend([0x42, 0, 0x11, 0, b'O', b'B', 0, 0]);
            bytes.extend(u32::try_from(length).unwrap().to_le_bytes());
            bytes.extend(value);
            let stored = |announced: &str, by| {
                let scratch = Scratch::new("leniency-header");
                let (receiver, _) = receiver(&scratch, named_by(by), change);
                let (mut sender, thread) = receiver.connect();
                let response = sender.store_data_set(announced, &bytes).unwrap();
                assert_eq!(response.status, Status::SUCCESS);
                sender.release();
                thread.join().unwrap();
                scratch.content()
            };
            let same = stored(other, NamedBy::Command);
            assert_eq!(same.keys().collect::<Vec<_>>(), [&format!("CT.{other}")]);
            assert!(stored("1.2.3", NamedBy::DataSet) == same, "{length}");
        }
    }
}

/// Neither answers before the object survives: the power is cut at every step.
#[test]
fn an_object_with_another_header_is_not_acknowledged_before_it_survives_a_power_loss() {
    let bytes = uids(Some(CT), &["1.2.3.4"]);
    let send = |disk: &Arc<Disk>| {
        let settings = OutputSettings::new(Scratch::new("leniency-power-loss").0.clone());
        let storage: Arc<dyn Storage> = Arc::new(Arc::clone(disk));
        let mut treatment = testing::treatment(settings, storage, Timing::default());
        treatment.leniency = named_by(NamedBy::DataSet);
        let plain = testing::Plain(Arc::new(treatment));
        let receiver = Receiver::of(testing::node_of(Arc::new(plain)), 8);
        let (mut sender, thread) = receiver.connect();
        let answer = sender.store_data_set("1.2.3", &bytes).unwrap();
        drop(sender);
        thread.join().unwrap();
        answer.status == Status::SUCCESS
    };
    for kind in DiskKind::ALL {
        let whole = Disk::new(kind, Fault::Never);
        assert!(send(&whole));
        for steps in 0..whole.steps() {
            let disk = Disk::new(kind, Fault::PowerLoss(steps));
            let is_acknowledged = send(&disk);
            for survives in Survives::ALL {
                let found = disk.after_power_loss(survives);
                let is_whole = |content: &Vec<u8>| content.ends_with(&bytes);
                let shown = found.iter().filter(|(name, _)| !name.starts_with('.'));
                let files: Vec<_> = shown.collect();
                assert!(files.iter().all(|(name, it)| *name == "CT.1.2.3.4" && is_whole(it)));
                assert!(files.len() == 1 || !is_acknowledged, "{kind:?} {steps} {survives:?}");
            }
        }
    }
}

/// Patient's Name in Latin-1, which is not declared.
#[test]
fn a_default_character_set_reads_names_where_none_is_declared() {
    let by_name: Change = |it| it.sorting = Some(Sorting::ByPatientName);
    let named = |character_set: Option<&str>, name: &[u8]| {
        let declared = character_set.map(|it| text(0x0008_0005, "CS", it.as_bytes()));
        let study = text(0x0020_000D, "UI", b"9.1");
        let name = text(0x0010_0010, "PN", name);
        [declared.unwrap_or_default(), data_set("1.2.3"), name, study].concat()
    };
    let leniency =
        |it: &str| Leniency { default_character_set: Some(it.to_owned()), ..Leniency::default() };
    let tolerated = "tolerated: UndeclaredCharacterSet of 1.2.3";
    for (assumed, declared, name, case, is_tolerated) in [
        // Capital letters iota and sigma; letters with accents in Latin-1.
        ("ISO_IR 126", None, &b"\xC9\xD3"[..], "Greek", true),
        ("ISO_IR 126", Some(""), b"\xC9\xD3", "empty", true),
        ("ISO_IR 126", Some("ISO_IR 100"), b"M\xFCller", "Latin", false),
        ("ISO_IR 126", None, b"Mueller", "ASCII", false),
    ] {
        let scratch = Scratch::new("leniency-character-set");
        let bytes = named(declared, name);
        let (status, told) = send(&scratch, leniency(assumed), by_name, &bytes);
        assert_eq!(status, Status::SUCCESS);
        let expected_lines = if is_tolerated { 2 } else { 1 };
        assert_eq!(told.len(), expected_lines, "{case}: {told:?}");
        assert_eq!(told[0] == tolerated, is_tolerated, "{case}");
        let content = scratch.content();
        let (path, content) = content.iter().next().unwrap();
        let with = |character_set: &str| {
            let scratch = Scratch::new("leniency-declared");
            send(&scratch, Leniency::default(), by_name, &named(Some(character_set), name));
            scratch.content().into_keys().next().unwrap()
        };
        let folder = |path: &str| path.rsplit_once('_').unwrap().0.to_owned();
        let as_if = declared.filter(|it| !it.is_empty()).unwrap_or(assumed);
        assert_eq!(folder(path), folder(&with(as_if)), "{case}");
        assert!(content.ends_with(&bytes), "the data set is as it came");
    }
    // Where no folder is called by a name, no character set matters.
    let scratch = Scratch::new("leniency-no-folder");
    let (_, told) = send(&scratch, leniency("ISO_IR 126"), |_| {}, &named(None, b"\xC9"));
    assert_eq!(told, ["stored: CT.1.2.3"]);
}

#[test]
fn a_class_that_was_not_negotiated_is_stored_on_an_accepted_context_only() {
    let mr = |instance: &str| {
        let class = text(0x0008_0016, "UI", MR.as_bytes());
        [class, text(0x0008_0018, "UI", instance.as_bytes())].concat()
    };
    for tolerant in [false, true] {
        let scratch = Scratch::new("leniency-classes");
        let leniency = Leniency { classes_not_negotiated: tolerant, ..Leniency::default() };
        let (receiver, notes) = receiver(&scratch, leniency, |_| {});
        let (mut sender, thread) = receiver.connect();
        sender.send_as(MR, "1.2.5", &mr("1.2.5"));
        let answer = sender.response().unwrap();
        assert_eq!(sender.store("1.2.3").unwrap().status, Status::SUCCESS);
        // Verification has no objects.
        sender.send_as("1.2.840.10008.1.1", "1.2.6", &mr("1.2.6"));
        let verification = sender.response().unwrap();
        assert_eq!(verification.status, Status::SOP_CLASS_NOT_SUPPORTED);
        sender.release();
        thread.join().unwrap();
        let not_negotiated = |instance: &str| {
            let why = "SOP class not negotiated for C-STORE in this association";
            format!("refused: {instance}, 0122H: {why}")
        };
        let stored = "stored: CT.1.2.3".to_owned();
        let mut told = notes.take();
        assert_eq!(told.pop(), Some(not_negotiated("1.2.6")));
        if tolerant {
            assert_eq!(answer.status, Status::SUCCESS);
            let tolerated = "tolerated: ClassNotNegotiated of 1.2.5".to_owned();
            assert_eq!(told, [tolerated, "stored: MR.1.2.5".to_owned(), stored]);
            assert!(scratch.content()["MR.1.2.5"].ends_with(&mr("1.2.5")));
        } else {
            assert_eq!(answer.status, Status::SOP_CLASS_NOT_SUPPORTED);
            assert_eq!(told, [not_negotiated("1.2.5"), stored]);
        }
    }
}

/// `--bit-preserving` for one sender: what cannot be parsed to its end is kept as it came.
#[test]
fn odd_data_sets_are_kept_as_received_by_the_treatment_that_says_so() {
    // A sequence whose item says that it is longer than the data set.
    let mut odd = data_set("1.2.3");
    odd.extend([0x08, 0, 0x40, 0x11, b'S', b'Q', 0, 0, 0xFF, 0xFF, 0xFF, 0xFF]);
    odd.extend([0xFE, 0xFF, 0x00, 0xE0, 0x00, 0x10, 0, 0, 1, 2, 3]);
    let scratch = Scratch::new("leniency-odd");
    let (status, _) = send(&scratch, Leniency::default(), |_| {}, &odd);
    assert_eq!(status, Status::CANNOT_UNDERSTAND);
    let preserving: Change = |it| it.format.bit_preserving = true;
    let (status, told) = send(&scratch, Leniency::default(), preserving, &odd);
    assert_eq!((status, told), (Status::SUCCESS, vec!["stored: CT.1.2.3".to_owned()]));
    assert!(scratch.content()["CT.1.2.3"].ends_with(&odd));
}

/// Whoever sends a UID that is not its own, by mistake or on purpose, costs nobody an object: neither the one that is
/// stored under it, nor its own.
#[test]
fn an_object_by_another_ones_uid_neither_replaces_it_nor_is_dropped_for_it() {
    use crate::output::{Duplicates, IfDifferent, PathTemplate};
    let by_template: Change =
        |it| it.path = PathTemplate::parse("{Modality}/{SOPInstanceUID}").ok();
    let changes: [Change; 3] = [|_| {}, by_template, |it| it.write_file_format = false];
    // By the data set 1.2.4, by the command 1.2.3 (see `send`).
    for (by, taken) in [(NamedBy::Command, "1.2.3"), (NamedBy::DataSet, "1.2.4")] {
        for duplicates in [
            Duplicates::Replace,
            Duplicates::Keep,
            Duplicates::KeepIfEqual(IfDifferent::Replace),
            Duplicates::KeepIfEqual(IfDifferent::Both),
        ] {
            for (number, change) in changes.into_iter().enumerate() {
                let scratch = Scratch::new("leniency-others");
                let first = data_set(taken);
                let mut settings = OutputSettings::new(scratch.0.clone());
                change(&mut settings);
                settings.duplicates = duplicates;
                let storage = Arc::new(Directory::open(&scratch.0, settings.durability).unwrap());
                let mut treatment = testing::treatment(settings, storage, Timing::default());
                treatment.leniency = named_by(by);
                let notes = Notes::of(treatment);
                let receiver = Receiver::of(testing::node_of(notes.clone()), 8);
                let (mut sender, thread) = receiver.connect();
                let other = uids(Some(CT), &["1.2.4"]);
                let sent = [(taken, &first), ("1.2.3", &other), ("1.2.3", &other)];
                for (instance, bytes) in sent {
                    let response = sender.store_data_set(instance, bytes).unwrap();
                    assert_eq!(response.status, Status::SUCCESS);
                }
                sender.release();
                thread.join().unwrap();
                let about = format!("{by:?}, {duplicates:?}, {number}: {:?}", notes.take());
                let content = scratch.content();
                assert_eq!(content.len(), 2, "{about}");
                let has = |bytes: &[u8]| content.values().any(|it| it.ends_with(bytes));
                assert!(has(&first) && has(&other), "{about}");
            }
        }
    }
}
