//! Objects whose paths are made by a template.

use super::*;
use crate::output::studies::Timing;
use crate::output::{Duplicates, IfDifferent};
use std::os::unix::fs::symlink;

/// A receiver that stores so, and what its observer is told.
fn receiver(
    scratch: &Scratch,
    template: &str,
    change: impl FnOnce(&mut OutputSettings),
) -> (Receiver, Arc<Notes>) {
    let mut settings = OutputSettings::new(scratch.0.clone());
    settings.path = Some(PathTemplate::parse(template).unwrap());
    // Without effect.
    settings.sorting = Some(Sorting::ByPatientName);
    change(&mut settings);
    let storage = Arc::new(Directory::open(&settings.directory, settings.durability).unwrap());
    let notes = Notes::of(testing::treatment(settings, storage, Timing::default()));
    (Receiver::of(testing::node_of(notes.clone()), 64), notes)
}

/// An object of a patient, with something in it.
fn object(instance: &str, patient: &[u8], comment: &str) -> Vec<u8> {
    let patient = text(0x0010_0020, "LO", patient);
    let comment = text(0x0020_4000, "LT", comment.as_bytes());
    [data_set(instance), patient, comment].concat()
}

fn paths(scratch: &Scratch) -> Vec<String> {
    scratch.content().into_keys().collect()
}

/// The path of the one file that ends in this.
fn with_end(scratch: &Scratch, comment: &str) -> Vec<String> {
    let end = text(0x0020_4000, "LT", comment.as_bytes());
    let content = scratch.content();
    content.into_iter().filter(|(_, it)| it.ends_with(&end)).map(|(path, _)| path).collect()
}

fn store(sender: &mut Sender, instance: &str, comment: &str) -> Status {
    sender.store_data_set(instance, &object(instance, b"4711", comment)).unwrap().status
}

/// Three instances of one path, in files with meta information and without, and the second sent again.
#[test]
fn instances_of_one_path_have_numbers_and_are_found_by_them() {
    for (case, with_meta) in [true, false].into_iter().enumerate() {
        for bit_preserving in [false, true] {
            let scratch = Scratch::new(&format!("paths-numbers-{case}-{bit_preserving}"));
            let (receiver, notes) = receiver(&scratch, "{PatientID}/x.dcm", |settings| {
                settings.write_file_format = with_meta;
                settings.format.bit_preserving = bit_preserving;
            });
            let (mut sender, thread) = receiver.connect();
            // One UID is the beginning of another.
            for (instance, comment) in
                [("1.2.3", "a"), ("1.2.34", "b"), ("1.2", "c"), ("1.2.34", "b again")]
            {
                assert_eq!(store(&mut sender, instance, comment), Status::SUCCESS);
            }
            sender.release();
            thread.join().unwrap();
            let told = ["stored: x.dcm", "stored: x_2.dcm", "stored: x_3.dcm", "replaced: x_2.dcm"];
            assert_eq!(notes.take(), told);
            assert_eq!(paths(&scratch), ["4711/x.dcm", "4711/x_2.dcm", "4711/x_3.dcm"]);
            assert_eq!(with_end(&scratch, "b again"), ["4711/x_2.dcm"]);
        }
    }
}

/// What is told of the same instance that is sent again, equal and then different, beside another one of the path.
#[test]
fn duplicates_are_treated_as_is_set_and_other_instances_never_are() {
    use Duplicates::{Both, Keep, KeepIfEqual, Reject, Replace};
    let refused = "refused: 1.2.3, 0111H: SOP instance is stored already";
    for (number, (duplicates, equal, other, files)) in [
        (Replace, "replaced: 4711.dcm", "replaced: 4711.dcm", 2),
        (Keep, "kept: 4711.dcm", "kept: 4711.dcm", 2),
        (Reject, refused, refused, 2),
        (Both, "stored: 4711_3.dcm", "stored: 4711_4.dcm", 4),
        (KeepIfEqual(IfDifferent::Reject), "kept: 4711.dcm", refused, 2),
        (KeepIfEqual(IfDifferent::Replace), "kept: 4711.dcm", "replaced: 4711.dcm", 2),
        (KeepIfEqual(IfDifferent::Both), "kept: 4711.dcm", "stored: 4711_3.dcm", 3),
    ]
    .into_iter()
    .enumerate()
    {
        let scratch = Scratch::new(&format!("paths-duplicates-{number}"));
        let (receiver, notes) =
            receiver(&scratch, "a/{PatientID}.dcm", |settings| settings.duplicates = duplicates);
        let (mut sender, thread) = receiver.connect();
        store(&mut sender, "1.2.3", "one");
        store(&mut sender, "1.2.4", "another");
        store(&mut sender, "1.2.3", "one");
        store(&mut sender, "1.2.3", "different");
        sender.release();
        thread.join().unwrap();
        let told = ["stored: 4711.dcm", "stored: 4711_2.dcm", equal, other];
        assert_eq!(notes.take(), told, "{duplicates:?}");
        assert_eq!(with_end(&scratch, "another"), ["a/4711_2.dcm"]);
        assert_eq!(paths(&scratch).len(), files);
    }
}

/// Whatever has the name that is no file of ours: it stays.
#[test]
fn what_is_no_instance_stays_and_the_object_has_a_number() {
    let scratch = Scratch::new("paths-foreign");
    let elsewhere = Scratch::new("paths-foreign-target");
    std::fs::write(elsewhere.0.join("precious"), b"precious").unwrap();
    std::fs::create_dir_all(scratch.0.join("4711/a.dcm")).unwrap();
    symlink(elsewhere.0.join("precious"), scratch.0.join("4711/a_2.dcm")).unwrap();
    std::fs::write(scratch.0.join("4711/a_3.dcm"), b"no DICOM file").unwrap();
    std::fs::write(scratch.0.join("4711/a_4.dcm"), b"").unwrap();
    let (receiver, notes) = receiver(&scratch, "{PatientID}/a.dcm", |_| {});
    let (mut sender, thread) = receiver.connect();
    for told in ["stored: a_5.dcm", "replaced: a_5.dcm"] {
        assert_eq!(store(&mut sender, "1.2.3", "one"), Status::SUCCESS);
        assert_eq!(notes.take(), [told]);
    }
    sender.release();
    thread.join().unwrap();
    assert_eq!(elsewhere.content()["precious"], b"precious");
    assert_eq!(std::fs::read(scratch.0.join("4711/a_3.dcm")).unwrap(), b"no DICOM file");
}

/// Eight associations store instances of one path at a time, and each again.
#[test]
fn no_two_instances_share_a_file_however_many_come_at_a_time() {
    let scratch = Scratch::new("paths-threads");
    let (receiver, _) = receiver(&scratch, "{PatientID}/{Modality}/x.dcm", |_| {});
    let receiver = &receiver;
    std::thread::scope(|scope| {
        for number in 0..8 {
            scope.spawn(move || {
                let (mut sender, thread) = receiver.connect();
                for _ in 0..2 {
                    for round in 0..5 {
                        let instance = format!("1.2.{number}.{round}");
                        assert_eq!(store(&mut sender, &instance, &instance), Status::SUCCESS);
                    }
                }
                sender.release();
                thread.join().unwrap();
            });
        }
    });
    let mut files = Vec::new();
    for number in 0..8 {
        for round in 0..5 {
            let found = with_end(&scratch, &format!("1.2.{number}.{round}"));
            assert_eq!(found.len(), 1, "1.2.{number}.{round}: {found:?}");
            files.extend(found);
        }
    }
    files.sort();
    files.dedup();
    assert_eq!(files.len(), 40);
    assert_eq!(files.len(), paths(&scratch).len(), "nothing else is left");
    assert!(files.iter().all(|path| path.starts_with("4711/unknown/x")));
}

/// Values that lead out of the directory, that hide, that no name can hold, in every attribute of a template.
#[test]
fn hostile_values_lead_nowhere() {
    let scratch = Scratch::new("paths-hostile");
    let inner = scratch.0.join("inner");
    std::fs::create_dir(&inner).unwrap();
    let template = "{PatientID}/{0009,1001|PatientID}{PatientID:3}/{PatientID:04}.{PatientID|'x'}";
    let (receiver, _) = receiver(&scratch, template, |settings| settings.directory = inner.clone());
    let (mut sender, thread) = receiver.connect();
    let long = [b"../".repeat(20_000), b"x".to_vec()].concat();
    let values: [&[u8]; 13] = [
        b"../../etc/passwd",
        b"..",
        b".",
        b"/etc/passwd",
        b"..\\..\\x",
        b"\0\0\0",
        b".storescp",
        b"CON",
        b"a\nb\x1b[2J",
        b"\xff\xfea\0b\0",
        b"\x1b$B;3ED\x1b(B",
        "\u{202e}gpj.exe".as_bytes(),
        &long,
    ];
    for (number, value) in values.iter().enumerate() {
        let instance = format!("1.2.{number}");
        let response = sender.store_data_set(&instance, &object(&instance, value, "x")).unwrap();
        assert_eq!(response.status, Status::SUCCESS, "{value:?}");
    }
    sender.release();
    thread.join().unwrap();
    let paths = paths(&scratch);
    assert_eq!(paths.len(), values.len());
    for path in paths {
        let names: Vec<_> = path.split('/').collect();
        let is_bad = |name: &&str| {
            name.starts_with(['.', '-'])
                || name.ends_with(['.', ' '])
                || name.len() > 210
                || name.chars().any(|letter| letter.is_control() || "\\\u{202e}".contains(letter))
        };
        assert!(names.len() == 4 && !names.iter().any(is_bad), "{path}");
    }
}

/// The numbers have an end, and that is said.
#[test]
fn past_the_last_number_the_object_is_refused() {
    let scratch = Scratch::in_memory("paths-full");
    let folder = scratch.0.join("4711");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("x.dcm"), b"").unwrap();
    for number in 2..=crate::limits::SAME_PATH_FILES {
        std::fs::write(folder.join(format!("x_{number}.dcm")), b"").unwrap();
    }
    let (receiver, notes) = receiver(&scratch, "{PatientID}/x.dcm", |_| {});
    let (mut sender, thread) = receiver.connect();
    assert_eq!(store(&mut sender, "1.2.3", "one"), Status::OUT_OF_RESOURCES);
    sender.release();
    thread.join().unwrap();
    assert_eq!(
        notes.take(),
        ["refused: 1.2.3, A700H: 9999 other files have the name of this object"]
    );
}

#[test]
fn whichever_step_fails_nothing_is_stored_and_the_association_stores_again() {
    let scratch = Scratch::new("paths-faulty");
    for failures in 0.. {
        let inner = Directory::open(&scratch.0, Durability::Full).unwrap();
        let step = Arc::new(AtomicUsize::new(0));
        let storage = Faulty { inner, fails_at: failures, step };
        let receiver = Receiver::with(&scratch, storage, |settings| {
            settings.path = Some(PathTemplate::parse("{PatientID}/b/{SOPInstanceUID}").unwrap());
        });
        let (mut sender, thread) = receiver.connect();
        let first = store(&mut sender, "1.2.3", "one");
        if first == Status::SUCCESS {
            // Folder, stage, header, two folders entered and synced, look, sync, publish, folder sync.
            assert!(failures >= 11, "{failures}");
            break;
        }
        assert_eq!(first, Status::OUT_OF_RESOURCES, "step {failures}");
        assert!(scratch.content().is_empty(), "step {failures}");
        assert_eq!(store(&mut sender, "1.2.4", "one"), Status::SUCCESS);
        assert_eq!(paths(&scratch), ["4711/b/1.2.4"]);
        std::fs::remove_dir_all(scratch.0.join("4711")).unwrap();
        drop(sender);
        thread.join().unwrap();
    }
}
