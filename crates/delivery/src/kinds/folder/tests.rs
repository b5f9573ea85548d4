use super::*;
use catalog::{
    Delivery, DeliveryId, Event, EventKind, InstanceId, ObjectAttributes, ReceivedObject,
    StoredInstance,
};
use platform::testing::Scratch;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::time::UNIX_EPOCH;

/// Folders `from` and `to`, and what is delivered from the one to the other.
struct Bench {
    scratch: Scratch,
    template: &'static str,
    links: bool,
}

impl Bench {
    fn new(name: &str) -> Self {
        let scratch = Scratch::new(name);
        for folder in ["from", "to"] {
            fs::create_dir(scratch.0.join(folder)).unwrap();
        }
        Self { scratch, template: "{studyInstanceUid}/{sopInstanceUid}.dcm", links: false }
    }

    fn to(&self, path: &str) -> PathBuf {
        self.scratch.0.join("to").join(path)
    }

    fn destination(&self) -> Folder {
        let settings = FolderSettings {
            directory: self.to(""),
            file: self.template.to_owned(),
            link: self.links,
        };
        Folder::new("copies", &settings).unwrap()
    }

    fn item(&self, key: &str, content: &[u8]) -> Item {
        let path = self.scratch.0.join("from").join(key);
        fs::write(&path, content).unwrap();
        item(key, Some(path))
    }

    fn deliver(&self, item: &Item) -> Outcome {
        deliver(&mut *self.destination().open(), item)
    }

    /// All files beneath `to`, with their content.
    fn files(&self) -> Vec<(String, Vec<u8>)> {
        let (mut files, mut folders) = (Vec::new(), vec![self.to("")]);
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
                let kind = entry.file_type().unwrap();
                if kind.is_dir() {
                    folders.push(entry.path());
                } else if kind.is_file() {
                    let name = entry.path().strip_prefix(self.to("")).unwrap().to_owned();
                    files
                        .push((name.to_str().unwrap().to_owned(), fs::read(entry.path()).unwrap()));
                }
            }
        }
        files.sort();
        files
    }

    #[track_caller]
    fn assert_files(&self, expected: &[(&str, &[u8])]) {
        let files = self.files();
        let found: Vec<(&str, &[u8])> =
            files.iter().map(|(name, content)| (name.as_str(), content.as_slice())).collect();
        assert_eq!(found, expected);
    }
}

fn deliver(session: &mut dyn Session, item: &Item) -> Outcome {
    let mut told = None;
    session.deliver(std::slice::from_ref(item), &Stop::default(), &mut |index, outcome| {
        assert_eq!(index, 0);
        assert_eq!(told.replace(outcome), None);
    });
    told.expect("it was told")
}

fn item(key: &str, path: Option<PathBuf>) -> Item {
    let object = ReceivedObject {
        key: key.to_owned(),
        directory: "/data".into(),
        file: Some("ct/CT HEAD/1.2.3.dcm".into()),
        spool: None,
        sop_class: "1.2".into(),
        sop_instance: "1.2.3".into(),
        transfer_syntax: "1.2.840.10008.1.2".into(),
        size: 4,
        digest: None,
        received: UNIX_EPOCH,
        association: 1,
        calling: "CT1".into(),
        called: "STORE".into(),
        peer: "10.0.0.7".into(),
        rule: None,
        replaced: false,
        kept: false,
        attributes: ObjectAttributes {
            study_instance_uid: Some("1.2".into()),
            patient_id: Some("../../etc".into()),
            ..ObjectAttributes::default()
        },
    };
    let event = Event {
        key: key.to_owned(),
        kind: EventKind::ObjectStored,
        time: UNIX_EPOCH,
        instance: Some(InstanceId(1)),
        data: None,
    };
    let delivery = Delivery {
        id: DeliveryId(1),
        destination: "copies".into(),
        event,
        instance: Some(StoredInstance { id: InstanceId(1), object }),
        study: Some("1.2".into()),
        attempts: 0,
        since: UNIX_EPOCH,
    };
    Item { delivery, path, missing: false, source: "//host/data".into() }
}

#[track_caller]
fn assert_parked(outcome: &Outcome, words: &str) {
    let Outcome::Park { reason } = outcome else { panic!("{outcome:?}") };
    assert!(reason.contains(words), "{reason}");
}

#[track_caller]
fn assert_unreachable(outcome: &Outcome, words: &str) {
    let Outcome::Unreachable { reason, .. } = outcome else { panic!("{outcome:?}") };
    assert!(reason.contains(words), "{reason}");
}

#[test]
fn a_copy_gets_its_place_by_the_template_and_a_repeat_changes_nothing() {
    let bench = Bench::new("folder-copy");
    let content = vec![7; 3 * COMPARED];
    let item = bench.item("a", &content);
    let mut session = bench.destination().open();
    for _ in 0..3 {
        assert_eq!(deliver(&mut *session, &item), Outcome::Done);
        bench.assert_files(&[("1.2/1.2.3.dcm", &content)]);
    }
    let (from, to) = (item.path.as_ref().unwrap(), bench.to("1.2/1.2.3.dcm"));
    assert_ne!(fs::metadata(from).unwrap().ino(), fs::metadata(to).unwrap().ino(), "a copy");
}

const COMPARED: usize = crate::limits::COMPARED_BYTES;

#[test]
fn other_content_of_the_same_name_gets_a_number_and_is_never_overwritten() {
    let bench = Bench::new("folder-number");
    let long = |last: u8| [vec![7; 2 * COMPARED], vec![last]].concat();
    let items = [bench.item("a", &long(1)), bench.item("b", &long(2)), bench.item("c", b"short")];
    for _ in 0..2 {
        for item in &items {
            assert_eq!(bench.deliver(item), Outcome::Done);
        }
    }
    bench.assert_files(&[
        ("1.2/1.2.3.dcm", &long(1)),
        ("1.2/1.2.3_2.dcm", &long(2)),
        ("1.2/1.2.3_3.dcm", b"short"),
    ]);
}

#[test]
fn a_link_is_the_same_file_and_a_copy_where_there_can_be_none() {
    let bench = Bench { links: true, ..Bench::new("folder-link") };
    let item = bench.item("a", b"abcd");
    for _ in 0..2 {
        assert_eq!(bench.deliver(&item), Outcome::Done);
    }
    let (from, to) = (item.path.as_ref().unwrap(), bench.to("1.2/1.2.3.dcm"));
    assert_eq!(fs::metadata(from).unwrap().ino(), fs::metadata(to).unwrap().ino());
    let other = bench.item("b", b"efgh");
    assert_eq!(bench.deliver(&other), Outcome::Done);
    bench.assert_files(&[("1.2/1.2.3.dcm", b"abcd"), ("1.2/1.2.3_2.dcm", b"efgh")]);

    // In another file system.
    let shm = Path::new("/dev/shm").join(format!("storescp-folder-link-{}", std::process::id()));
    fs::write(&shm, b"ijkl").unwrap();
    let outcome = bench.deliver(&super::tests::item("c", Some(shm.clone())));
    fs::remove_file(&shm).unwrap();
    assert_eq!(outcome, Outcome::Done);
    assert_eq!(fs::read(bench.to("1.2/1.2.3_3.dcm")).unwrap(), b"ijkl");
}

#[test]
fn values_lead_nowhere_but_into_the_folder() {
    let template = "{patientId}/{patientName}/{sopInstanceUid}";
    let bench = Bench { template, ..Bench::new("folder-values") };
    assert_eq!(bench.deliver(&bench.item("a", b"abcd")), Outcome::Done);
    let files = bench.files();
    assert_eq!(files.len(), 1);
    let (name, _) = &files[0];
    assert!(name.starts_with("_._.._etc+") && name.ends_with("/unknown/1.2.3"), "{name}");

    let bench = Bench { template: "x/{file}", ..Bench::new("folder-file") };
    assert_eq!(bench.deliver(&bench.item("a", b"abcd")), Outcome::Done);
    bench.assert_files(&[("x/ct/CT HEAD/1.2.3.dcm", b"abcd")]);
}

#[test]
fn names_without_an_extension_keep_their_uid() {
    let bench = Bench { template: "{sopInstanceUid}", ..Bench::new("folder-uid") };
    for (key, content) in [("a", b"abcd"), ("b", b"efgh")] {
        assert_eq!(bench.deliver(&bench.item(key, content)), Outcome::Done);
    }
    bench.assert_files(&[("1.2.3", b"abcd"), ("1.2.3_2", b"efgh")]);
}

#[test]
fn a_symbolic_link_in_the_folder_is_not_followed() {
    let bench = Bench::new("folder-symlink");
    let outside = bench.scratch.0.join("outside");
    fs::create_dir(&outside).unwrap();
    symlink(&outside, bench.to("1.2")).unwrap();
    assert_parked(&bench.deliver(&bench.item("a", b"abcd")), "symbolic link");
    fs::remove_file(bench.to("1.2")).unwrap();
    fs::create_dir(bench.to("1.2")).unwrap();
    // A file is not written through one either, and not taken for equal.
    fs::write(outside.join("same"), b"abcd").unwrap();
    symlink(outside.join("same"), bench.to("1.2/1.2.3.dcm")).unwrap();
    assert_eq!(bench.deliver(&bench.item("a", b"abcd")), Outcome::Done);
    bench.assert_files(&[("1.2/1.2.3_2.dcm", b"abcd")]);
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 1);
}

#[test]
fn what_is_no_file_is_kept_too() {
    let bench = Bench::new("folder-no-file");
    fs::create_dir_all(bench.to("1.2/1.2.3.dcm")).unwrap();
    let fifo = bench.to("1.2/1.2.3_2.dcm");
    rustix::fs::mkfifoat(rustix::fs::CWD, &fifo, rustix::fs::Mode::RUSR).unwrap();
    assert_eq!(bench.deliver(&bench.item("a", b"abcd")), Outcome::Done);
    bench.assert_files(&[("1.2/1.2.3_3.dcm", b"abcd")]);
}

#[test]
fn what_a_crash_left_is_written_anew() {
    let bench = Bench::new("folder-crash");
    let item = bench.item("a", b"abcd");
    let digest = openssl::sha::sha256(b"a");
    let name: String = digest[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    let left = bench.to(&format!("1.2/.storescp-{name}"));
    fs::create_dir(bench.to("1.2")).unwrap();
    fs::write(&left, b"half of something longer").unwrap();
    assert_eq!(bench.deliver(&item), Outcome::Done);
    bench.assert_files(&[("1.2/1.2.3.dcm", b"abcd")]);

    // It has its final name already, and that was taken away since.
    fs::write(&left, b"old").unwrap();
    fs::hard_link(&left, bench.to("1.2/elsewhere")).unwrap();
    fs::remove_file(bench.to("1.2/1.2.3.dcm")).unwrap();
    assert!(matches!(bench.deliver(&item), Outcome::Again { .. }));
    assert_eq!(bench.deliver(&item), Outcome::Done);
    bench.assert_files(&[("1.2/1.2.3.dcm", b"abcd"), ("1.2/elsewhere", b"old")]);
}

/// A lease may run out while somebody is still at it.
#[test]
fn two_attempts_do_not_write_one_file() {
    let bench = Bench::new("folder-two");
    let item = bench.item("a", b"abcd");
    let digest = openssl::sha::sha256(b"a");
    let name: String = digest[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    fs::create_dir(bench.to("1.2")).unwrap();
    let other = File::create(bench.to(&format!("1.2/.storescp-{name}"))).unwrap();
    rustix::fs::flock(&other, rustix::fs::FlockOperation::LockExclusive).unwrap();
    let outcome = bench.deliver(&item);
    let Outcome::Again { reason, .. } = outcome else { panic!("{outcome:?}") };
    assert!(reason.contains("another attempt"), "{reason}");
    drop(other);
    assert_eq!(bench.deliver(&item), Outcome::Done);
    bench.assert_files(&[("1.2/1.2.3.dcm", b"abcd")]);
}

#[test]
fn many_at_a_time_lose_and_overwrite_nothing() {
    let bench = Bench { template: "{studyInstanceUid}/x.dcm", ..Bench::new("folder-many") };
    let destination = bench.destination();
    std::thread::scope(|scope| {
        for thread in 0..4_u8 {
            let (destination, bench) = (&destination, &bench);
            scope.spawn(move || {
                let mut session = destination.open();
                for number in 0..10_u8 {
                    let item = bench.item(&format!("{thread}-{number}"), &[thread, number]);
                    assert_eq!(deliver(&mut *session, &item), Outcome::Done);
                }
            });
        }
    });
    let mut contents: Vec<Vec<u8>> =
        bench.files().into_iter().map(|(_, content)| content).collect();
    contents.sort();
    let expected: Vec<Vec<u8>> = (0..4).flat_map(|t| (0..10).map(move |n| vec![t, n])).collect();
    assert_eq!(contents, expected);
}

#[test]
fn a_folder_that_is_gone_is_unreachable_and_a_file_that_is_gone_is_parked() {
    let bench = Bench::new("folder-gone");
    let there = bench.item("a", b"abcd");
    fs::remove_dir(bench.to("")).unwrap();
    assert_unreachable(&bench.deliver(&there), "cannot open the folder");
    fs::write(bench.to("").to_str().unwrap().trim_end_matches('/'), b"a file").unwrap();
    assert_unreachable(&bench.deliver(&there), "cannot open the folder");
    fs::remove_file(bench.to("").to_str().unwrap().trim_end_matches('/')).unwrap();
    fs::create_dir(bench.to("")).unwrap();
    assert_eq!(bench.deliver(&there), Outcome::Done);

    assert_parked(&bench.deliver(&item("b", Some("/nowhere/b".into()))), "cannot read");
    let missing = Item { missing: true, ..item("c", None) };
    assert_parked(&bench.deliver(&missing), "the file is gone");
    assert_parked(&bench.deliver(&item("d", None)), "about no object");
}

#[test]
fn a_full_disk_is_unreachable_and_leaves_nothing() {
    let bench = Bench::new("folder-full");
    let Some(_mounted) = Mounted::new(&bench.to("")) else { return };
    let big = bench.item("a", &vec![1; 2 << 20]);
    let destination = bench.destination();
    let mut session = destination.open();
    assert_unreachable(&deliver(&mut *session, &big), "No space left");
    assert_eq!(bench.files(), []);
    assert_eq!(deliver(&mut *session, &bench.item("b", b"abcd")), Outcome::Done);

    // It is unmounted: nothing goes to the disk beneath.
    drop(_mounted);
    let outcome = deliver(&mut *session, &bench.item("c", b"efgh"));
    assert_unreachable(&outcome, "nothing is mounted");
    assert_eq!(bench.files(), []);
    let _mounted = Mounted::new(&bench.to(""));
    assert_eq!(deliver(&mut *session, &bench.item("c", b"efgh")), Outcome::Done);
}

/// A file system of 1 MiB in memory, where that is permitted.
struct Mounted(PathBuf);

impl Mounted {
    fn new(path: &Path) -> Option<Self> {
        let mut command = std::process::Command::new("mount");
        command.args(["-t", "tmpfs", "-o", "size=1m", "storescp-test"]).arg(path);
        let done = command.output().is_ok_and(|output| output.status.success());
        assert!(done || !rustix::process::geteuid().is_root(), "root may mount");
        done.then(|| Self(path.to_owned()))
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn it_stops_between_two_pieces_and_leaves_nothing() {
    let bench = Bench::new("folder-stop");
    let stop = Stop::default();
    stop.set();
    let item = bench.item("a", b"abcd");
    bench.destination().open().deliver(&[item], &stop, &mut |_, outcome| panic!("{outcome:?}"));
    assert_eq!(bench.files(), []);
}

#[test]
fn folders_that_may_not_be_written_to_are_unreachable() {
    if rustix::process::geteuid().is_root() {
        // Everything may be written to; the read-only case is that of the full disk.
        return;
    }
    let bench = Bench::new("folder-permission");
    fs::set_permissions(bench.to(""), fs::Permissions::from_mode(0o500)).unwrap();
    let outcome = bench.deliver(&bench.item("a", b"abcd"));
    fs::set_permissions(bench.to(""), fs::Permissions::from_mode(0o700)).unwrap();
    assert_unreachable(&outcome, "Permission denied");
}

#[test]
fn templates_that_cannot_be_used_are_told_with_their_place() {
    for (text, offset, words) in [
        ("", 0, "empty"),
        ("a//{sopInstanceUid}", 2, "empty"),
        ("/{sopInstanceUid}", 0, "empty"),
        ("x.dcm", 0, "no field"),
        ("{sopInstanceUid", 0, "} is missing"),
        ("x}{sopInstanceUid}", 1, "no {"),
        ("{SOPInstanceUID}", 1, "docs/events.md"),
        ("../{sopInstanceUid}", 0, "must not begin"),
        ("a:b{sopInstanceUid}", 1, "cannot be in a name"),
        ("a\n{sopInstanceUid}", 1, "cannot be in a name"),
        ("a/{sopInstanceUid}.", 2, "or end"),
    ] {
        let fault = FolderTemplate::parse(text).unwrap_err();
        assert!(fault.message.contains(words), "{text:?}: {fault}");
        assert_eq!(fault.offset, offset, "{text:?}: {fault}");
    }
    let deep = "a/".repeat(16) + "{sopInstanceUid}";
    assert!(FolderTemplate::parse(&deep).unwrap_err().message.contains("16 levels"));
    assert!(FolderTemplate::parse(&format!("{{sopInstanceUid}}{}", "x".repeat(1024))).is_err());
    assert!(FolderTemplate::parse("{{{sopInstanceUid}}}.dcm").is_ok());
    let settings = FolderSettings { directory: "/".into(), file: "{nothing}".into(), link: false };
    let error = Folder::new("copies", &settings).unwrap_err().to_string();
    assert!(error.contains("\"copies\"") && error.contains("nothing"), "{error}");
}
