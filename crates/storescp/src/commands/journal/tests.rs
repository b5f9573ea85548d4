//! Journals of processes that are no more: whole, torn, of other versions, and of others that live.

use super::records::{ObjectFile, framed_payload};
use super::*;
use dataset::Uid;
use platform::testing::Scratch;
use proptest::prelude::*;
use receiver::Peer;
use std::fs;
use storage::{FileId, FileIdentity, FileName};

const WHOSE: Whose = Whose(7);

fn name(text: &str) -> FileName {
    FileName::new(text.to_owned()).unwrap()
}

fn uid(text: &str) -> Uid {
    Uid::parse(text.as_bytes()).unwrap()
}

fn reception(number: usize) -> Reception {
    let peer = Peer {
        calling_ae: proto::AeTitle::from_field(*b"\xff; $(pwn) '\n   x"),
        address: "::ffff:10.0.0.1".parse().unwrap(),
        association: 3,
        ..Peer::default()
    };
    Reception {
        folders: [name("Müller"), name("b c")].into(),
        file: Some(name(&format!("CT.{number}"))),
        peer,
        sop_class: uid("1.2.840.10008.5.1.4.1.1.2"),
        sop_instance: uid("1.2.3"),
        study: Some((*b"1.2.\xff\n").into()),
        transfer_syntax: Some("1.2.840.10008.1.2.1".into()),
        entry: None,
    }
}

fn object(number: u64, renamed: bool) -> StudyObject {
    let id = FileIdentity { id: FileId { device: 1, inode: number }, created: Some((-5, 6)) };
    let file = ObjectFile {
        name: name(&format!("CT.{number}")),
        sop_class: uid("1.2.840.10008.5.1.4.1.1.2"),
        id: Some(id),
    };
    StudyObject {
        folder: name("study"),
        uid: (*b"1.2\xff").into(),
        peer: reception(0).peer,
        stored: 5000 * number,
        file: renamed.then_some(file),
    }
}

/// The journal files of a directory.
fn files(scratch: &Scratch) -> Vec<PathBuf> {
    let hidden = scratch.0.join(".storescp");
    let entries = fs::read_dir(hidden).into_iter().flatten();
    entries.map(|entry| entry.unwrap().path()).collect()
}

/// Ends the journal as a kill does: nothing is removed.
fn kill(journal: &Journal) {
    journal.lock().file = None;
}

fn names(adopted: &Adopted) -> Vec<String> {
    let file = |(_, it): &(Whose, Reception)| it.file.as_ref().unwrap().as_str().to_owned();
    adopted.receptions.iter().map(file).collect()
}

#[test]
fn what_was_not_struck_out_is_found_as_it_was() {
    for is_durable in [false, true] {
        let scratch = Scratch::new(&format!("journal-found-{is_durable}"));
        let journal = Journal::new(&scratch.0, is_durable);
        let ids: Vec<_> = (0..4).map(|it| journal.owes_reception(WHOSE, &reception(it))).collect();
        journal.reception_done(ids[1].unwrap());
        for (study, renamed) in [(1, false), (2, true), (3, true), (4, false)] {
            journal.study_has(study, WHOSE, &object(1, renamed));
            journal.study_has(study, WHOSE, &object(2, renamed));
        }
        journal.study_ended(2, Reason::NextStudy);
        journal.study_ended(3, Reason::Timeout);
        journal.study_numbered(3);
        journal.study_done(4);
        assert!(adopt(&scratch.0).is_empty(), "its process lives");
        kill(&journal);

        let adopted = adopt(&scratch.0);
        assert_eq!(names(&adopted), ["CT.0", "CT.2", "CT.3"]);
        assert_eq!(adopted.receptions[1], (WHOSE, reception(2)));
        let studies: Vec<_> = adopted
            .studies
            .iter()
            .map(|it| (it.study.files.len(), it.study.reason, it.has_ended, it.study.uid.to_vec()))
            .collect();
        let uid = b"1.2\xff".to_vec();
        assert_eq!(
            studies,
            [
                (0, Reason::Stop, false, uid.clone()),
                (2, Reason::NextStudy, true, uid.clone()),
                (0, Reason::Timeout, true, uid),
            ]
        );
        assert_eq!(adopted.studies[1].study.files[0].prefix, "CT");
        assert!(adopt(&scratch.0).is_empty(), "this one has it");
        adopted.forget();
        assert_eq!(files(&scratch), [] as [PathBuf; 0]);
    }
}

#[test]
fn a_journal_with_nothing_in_it_is_removed_at_the_end() {
    let scratch = Scratch::new("journal-empty");
    let journal = Journal::new(&scratch.0, true);
    assert_eq!(files(&scratch), [] as [PathBuf; 0], "none without a command");
    let id = journal.owes_reception(WHOSE, &reception(1)).unwrap();
    assert_eq!(files(&scratch).len(), 1);
    assert_eq!(journal.close(), 1);
    journal.reception_done(id);
    assert_eq!(journal.close(), 0);
    assert_eq!(files(&scratch), [] as [PathBuf; 0]);
}

/// Wherever a power loss or a kill tears it, the records before that are found.
#[test]
fn a_torn_journal_has_the_records_before_the_tear() {
    let scratch = Scratch::new("journal-torn");
    let journal = Journal::new(&scratch.0, false);
    let mut ends = Vec::new();
    for number in 0..3 {
        journal.owes_reception(WHOSE, &reception(number));
        ends.push(fs::metadata(&files(&scratch)[0]).unwrap().len());
    }
    kill(&journal);
    let file = files(&scratch).remove(0);
    let whole = fs::read(&file).unwrap();
    for length in 0..=whole.len() {
        fs::write(&file, &whole[..length]).unwrap();
        let found = adopt(&scratch.0).receptions.len();
        let expected = ends.iter().filter(|&&end| end <= length as u64).count();
        // The zeros that fill a record up may be missing.
        assert!(found == expected || found == expected + 1, "{length}: {found}, {expected}");
    }
    // One sector of the middle did not reach the disk: the records around it did.
    let mut damaged = whole.clone();
    let middle = usize::try_from(ends[0]).unwrap() + 20;
    damaged[middle..middle + 40].fill(0);
    fs::write(&file, &damaged).unwrap();
    assert_eq!(names(&adopt(&scratch.0)), ["CT.0", "CT.2"]);
}

#[test]
fn what_a_later_version_wrote_is_kept() {
    let scratch = Scratch::new("journal-later");
    let journal = Journal::new(&scratch.0, false);
    journal.owes_reception(WHOSE, &reception(1));
    journal.keep(b"\xc8 of a later version".to_vec()).unwrap();
    kill(&journal);
    let adopted = adopt(&scratch.0);
    assert_eq!(
        (names(&adopted).len(), &adopted.unknown[..]),
        (1, &[b"\xc8 of a later version".to_vec()][..])
    );
    drop(adopted);

    let file = files(&scratch).remove(0);
    let mut other = fs::read(&file).unwrap();
    other[28] += 1;
    fs::write(&file, &other).unwrap();
    assert!(adopt(&scratch.0).is_empty());
    assert_eq!(fs::read(&file).unwrap(), other, "it is left alone");
}

/// What many commands leave does not stay, and those that wait do.
#[test]
fn a_journal_stays_as_small_as_what_waits() {
    for is_durable in [false, true] {
        let scratch = Scratch::in_memory(&format!("journal-small-{is_durable}"));
        let journal = Journal::new(&scratch.0, is_durable);
        let mut waiting = std::collections::VecDeque::new();
        let mut largest = 0;
        for number in 0..40_000 {
            waiting.push_back(journal.owes_reception(WHOSE, &reception(number)).unwrap());
            if waiting.len() > 1000 {
                journal.reception_done(waiting.pop_front().unwrap());
            }
            if number % 100 == 0 {
                let bytes = |it: PathBuf| fs::metadata(it).unwrap().len();
                largest = largest.max(files(&scratch).into_iter().map(bytes).sum::<u64>());
            }
        }
        assert!(largest < 7 * 1024 * 1024, "{largest}");
        kill(&journal);
        let adopted = adopt(&scratch.0);
        let expected: Vec<_> = (39_000..40_000).map(|number| format!("CT.{number}")).collect();
        assert_eq!(names(&adopted), expected);
    }
}

/// There can be no file: whoever asks learns that, and can run the command first.
#[test]
fn what_cannot_be_recorded_is_told() {
    let scratch = Scratch::new("journal-none");
    for folder in place::folders(&scratch.0) {
        fs::write(folder, "a file in its place").unwrap();
    }
    let journal = Journal::new(&scratch.0, true);
    assert_eq!(journal.owes_reception(WHOSE, &reception(1)), None);
    journal.study_has(1, WHOSE, &object(1, true));
    journal.study_done(1);
    assert_eq!(journal.close(), 0);
    for folder in place::folders(&scratch.0) {
        fs::remove_file(folder).unwrap();
    }
    assert!(journal.owes_reception(WHOSE, &reception(1)).is_some(), "there is room again");
}

/// A link in its place, or a folder where others may write: no command comes from there.
#[test]
fn a_journal_that_others_may_have_written_is_not_read() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let scratch = Scratch::new("journal-foreign");
    let journal = Journal::new(&scratch.0, false);
    journal.owes_reception(WHOSE, &reception(1));
    kill(&journal);
    let hidden = scratch.0.join(".storescp");
    fs::set_permissions(&hidden, fs::Permissions::from_mode(0o777)).unwrap();
    assert!(adopt(&scratch.0).is_empty());
    fs::set_permissions(&hidden, fs::Permissions::from_mode(0o700)).unwrap();
    let file = files(&scratch).remove(0);
    fs::rename(&file, scratch.0.join("elsewhere")).unwrap();
    symlink(scratch.0.join("elsewhere"), &file).unwrap();
    assert!(adopt(&scratch.0).is_empty());
    fs::rename(scratch.0.join("elsewhere"), &file).unwrap();
    assert_eq!(adopt(&scratch.0).receptions.len(), 1);
}

#[test]
fn an_object_of_a_study_is_not_recorded_each_time() {
    let scratch = Scratch::new("journal-again");
    let journal = Journal::new(&scratch.0, false);
    let length = || fs::metadata(&files(&scratch)[0]).unwrap().len();
    journal.study_has(1, WHOSE, &object(1, false));
    let first = length();
    let soon = StudyObject { stored: 5999, ..object(1, false) };
    journal.study_has(1, WHOSE, &soon);
    assert_eq!(length(), first);
    journal.study_has(1, WHOSE, &StudyObject { stored: 6000, ..soon.clone() });
    assert!(length() > first, "the time of the last one counts");
    let other = StudyObject { peer: Peer::default(), stored: 6000, ..soon };
    let second = length();
    journal.study_has(1, WHOSE, &other);
    assert!(length() > second, "so does who sent it");
}

/// Many threads record and strike out while it is written anew.
#[test]
fn threads_wait_for_one_sync_and_lose_nothing() {
    let scratch = Scratch::new("journal-threads");
    let journal = Journal::new(&scratch.0, true);
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let journal = &journal;
            scope.spawn(move || {
                for number in 0..50 {
                    let id =
                        journal.owes_reception(WHOSE, &reception(thread * 50 + number)).unwrap();
                    if number % 2 == 0 {
                        journal.reception_done(id);
                    }
                }
            });
        }
    });
    kill(&journal);
    let mut found = names(&adopt(&scratch.0));
    let mut expected: Vec<_> =
        (0..400).filter(|it| it % 2 == 1).map(|it| format!("CT.{it}")).collect();
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
}

proptest! {
    /// Whatever is in the file: no panic, and the whole records that are in it.
    #[test]
    fn any_bytes_between_records_harm_nothing(
        noise in prop::collection::vec(any::<u8>(), 0..200),
        payload in prop::collection::vec(any::<u8>(), 1..200),
    ) {
        let whole = framed_payload(&payload);
        prop_assert_eq!(records::payload(&whole), Some(&payload[..]));
        let _ = Record::parse(&noise);
        let _ = records::payload(&noise);
        if let Record::Kept { payload: kept } = Record::parse(&payload) {
            prop_assert_eq!(kept, payload);
        }
    }
}
