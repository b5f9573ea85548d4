//! Delivers real files to the receivers of other toolkits: what they store equals what was stored here.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use interop::corpus::{self, SourceFile};
use interop::part10::Part10;
use interop::process::{Output, SENDER_TIME_LIMIT, run};
use interop::receivers::{Receiver, Toolkit};
use interop::{Object, Scratch, peers};

/// Runs the sender; what became of each file, by its path, and what else it printed.
pub(crate) fn forward(
    address: &str,
    options: &[&str],
    paths: &[&Path],
) -> (BTreeMap<PathBuf, String>, Output) {
    let mut command = peers::forward();
    command.arg(address).args(options).args(paths);
    let output = run(&mut command, SENDER_TIME_LIMIT);
    let lines = output.stdout.lines().filter_map(|line| {
        let (outcome, rest) = line.split_once('\t')?;
        let (path, reason) = rest.split_once('\t')?;
        Some((PathBuf::from(path), format!("{outcome} {reason}").trim().to_owned()))
    });
    (lines.collect(), output)
}

/// Writes objects in explicit VR little endian to files.
pub(crate) fn write(folder: &Path, objects: &[Object]) {
    for object in objects {
        write_in(folder, object, "1.2.840.10008.1.2.1");
    }
}

/// Writes an object to a file whose head says that it is in this transfer syntax.
fn write_in(folder: &Path, object: &Object, transfer_syntax: &str) {
    let fields = [(2, &*object.sop_class), (3, &*object.sop_instance), (0x10, transfer_syntax)];
    let group: Vec<u8> = fields
        .iter()
        .flat_map(|(element, uid)| interop::element(2, *element, *b"UI", &padded(uid)))
        .collect();
    let length = u32::try_from(group.len()).expect("short").to_le_bytes();
    let head = [&[0; 128][..], b"DICM", &interop::element(2, 0, *b"UL", &length)].concat();
    let bytes = [&head, &group[..], &object.bytes].concat();
    fs::write(folder.join(&object.sop_instance), bytes).expect("a file can be written");
}

fn padded(uid: &str) -> Vec<u8> {
    let mut bytes = uid.as_bytes().to_vec();
    bytes.resize(bytes.len().next_multiple_of(2), 0);
    bytes
}

/// The files of the corpus, each SOP instance once.
fn sources() -> Vec<&'static SourceFile> {
    let mut by_instance = BTreeMap::new();
    for file in corpus::files() {
        // The head has to name what the data set holds, as that of our files does.
        let head = Part10::read(&file.path);
        let is_whole = head.text(3) == file.sop_instance && head.text(2) == file.sop_class;
        let is_even =
            head.data_set.len().is_multiple_of(2) || file.transfer_syntax.ends_with(".1.99");
        // Receivers do not know the classes of palettes and the like as storage classes.
        let is_storage = file.sop_class.starts_with("1.2.840.10008.5.1.4.1.1.");
        // Cut off within its pixel data: some receivers abort on it.
        let is_cut = file.name.ends_with("MR_truncated.dcm");
        if is_whole && is_even && is_storage && !is_cut && head.group_length_fits() {
            by_instance.insert(&file.sop_instance, file);
        }
    }
    by_instance.into_values().collect()
}

/// Delivers these files; fails unless all are done.
fn deliver_all(receiver: &Receiver, files: &[&SourceFile], options: &[&str]) {
    let paths: Vec<&Path> = files.iter().map(|file| file.path.as_path()).collect();
    let (outcomes, output) = forward(&receiver.address(), options, &paths);
    let failed: Vec<_> = outcomes.iter().filter(|(_, outcome)| *outcome != "done").collect();
    assert!(failed.is_empty(), "{failed:#?}");
    output.expect_success("all are delivered");
    assert_eq!(outcomes.len(), files.len());
}

/// Compares the values of stored files with those of their sources, by pydicom.
fn compare_values(receiver: &Receiver, files: &[&SourceFile]) {
    let mut command = peers::python_script("same_values.py");
    for file in files {
        let stored = receiver.stored_instance(&file.sop_instance).expect("it is stored");
        command.arg(&file.path).arg(stored);
    }
    run(&mut command, SENDER_TIME_LIMIT).expect_success("equal values");
}

#[test]
fn real_files_arrive_byte_for_byte_at_dcmtk() {
    let receiver = Receiver::start(Toolkit::Dcmtk, &["+xa", "-pm", "+B", "+uf"]);
    let files = sources();
    assert!(files.len() > 60, "{}", files.len());
    deliver_all(&receiver, &files, &["--sessions", "2"]);
    for file in &files {
        let stored = receiver.stored_instance(&file.sop_instance).expect(&file.name);
        let (stored, source) = (Part10::read(&stored), Part10::read(&file.path));
        assert_eq!(stored.transfer_syntax(), file.transfer_syntax, "{}", file.name);
        assert!(stored.data_set == even(source.data_set), "{}", file.name);
    }
}

/// With the zero byte that PS3.5 §A.5 wants behind a deflated data set of odd length.
fn even(mut data_set: Vec<u8>) -> Vec<u8> {
    data_set.resize(data_set.len().next_multiple_of(2), 0);
    data_set
}

#[test]
fn real_files_arrive_byte_for_byte_at_pynetdicom() {
    let receiver = Receiver::start(Toolkit::Pynetdicom, &[]);
    // Classes and syntaxes that this toolkit knows.
    let files: Vec<_> = sources().into_iter().filter(|file| is_usual(file)).collect();
    deliver_all(&receiver, &files, &["--sessions", "2"]);
    for file in &files {
        let stored = fs::read(receiver.directory().join(&file.sop_instance)).expect(&file.name);
        assert!(stored == even(Part10::read(&file.path).data_set), "{}", file.name);
    }
}

#[test]
fn real_files_arrive_with_all_values_at_orthanc() {
    let receiver = Receiver::start(Toolkit::Orthanc, &[]);
    let mut files: Vec<_> = sources().into_iter().filter(|file| is_usual(file)).collect();
    // Its DCMTK does not understand this one, whoever sends it.
    files.retain(|file| !file.name.ends_with("rtdose_rle_1frame.dcm"));
    deliver_all(&receiver, &files, &["--sessions", "2"]);
    compare_values(&receiver, &files);
}

/// Images of classes and in transfer syntaxes that every receiver takes.
fn is_usual(file: &SourceFile) -> bool {
    let syntax = file.transfer_syntax.strip_prefix("1.2.840.10008.1.2").unwrap_or("?");
    ["", ".1", ".2", ".5", ".4.50", ".4.51", ".4.57", ".4.70", ".4.80", ".4.90", ".4.91"]
        .contains(&syntax)
        && !file.sop_class.starts_with("1.2.840.10008.5.1.4.1.1.1.3")
}

/// Each uncompressed transfer syntax alone: the others are encoded anew, and compressed ones parked.
#[test]
fn a_peer_that_takes_one_uncompressed_syntax_only_gets_everything_in_it() {
    let files = sources();
    let uncompressed = |file: &SourceFile| {
        [
            "1.2.840.10008.1.2",
            "1.2.840.10008.1.2.1",
            "1.2.840.10008.1.2.2",
            "1.2.840.10008.1.2.1.99",
        ]
        .contains(&&*file.transfer_syntax)
    };
    let takes = |syntax| Receiver::start(Toolkit::Pynetdicom, &["--files", "--syntaxes", syntax]);
    let only_implicit = Receiver::start(Toolkit::Dcmtk, &["+xi", "-pm", "+B", "+uf"]);
    let [explicit, big_endian, deflated] =
        ["1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"];
    for (receiver, taken) in [
        (only_implicit, "1.2.840.10008.1.2"),
        (takes(explicit), explicit),
        (takes(big_endian), big_endian),
        (takes(deflated), deflated),
    ] {
        let paths: Vec<&Path> = files.iter().map(|file| file.path.as_path()).collect();
        let (outcomes, _) = forward(&receiver.address(), &["--sessions", "2"], &paths);
        let mut sent = Vec::new();
        for file in &files {
            let outcome = &outcomes[&file.path];
            if !uncompressed(file) {
                assert!(outcome.starts_with("parked the peer accepts no"), "{outcome}");
                continue;
            }
            assert_eq!(outcome, "done", "{}", file.name);
            sent.push(*file);
        }
        assert!(sent.len() > 30, "{}", sent.len());
        compare_values(&receiver, &sent);
        for file in sent {
            let stored = receiver.stored_instance(&file.sop_instance).expect("it is stored");
            assert_eq!(Part10::read(&stored).transfer_syntax(), taken, "{}", file.name);
        }
    }
}

/// 100 SOP classes, each in two transfer syntaxes: more presentation contexts than an association can have.
#[test]
fn more_classes_and_syntaxes_than_an_association_has_contexts_arrive_by_several() {
    let scratch = Scratch::new();
    for number in 0..200 {
        let class = format!("1.2.826.0.1.3680043.2.1.{}", number / 2);
        let object = Object::new(&class, &format!("2.25.77.{number}"), 100);
        let syntax = if number % 2 == 0 { "1.2.840.10008.1.2.1" } else { "1.2.840.10008.1.2.4.70" };
        write_in(scratch.path(), &object, syntax);
    }
    let receiver = Receiver::start(Toolkit::Dcmtk, &["+xa", "-pm", "+B", "+uf", "-d"]);
    let (outcomes, output) = forward(&receiver.address(), &[], &[scratch.path()]);
    assert!(outcomes.values().all(|outcome| outcome == "done"), "{outcomes:#?}");
    output.expect_success("all are delivered");
    assert_eq!(receiver.stored().len(), 200);
    // One of them is this test's, which looked whether it listens.
    let associations = receiver.log().matches("I: Association Received").count();
    assert!((3..=8).contains(&associations), "{associations}");
}
