//! Tests a disk whose writes fail with EIO, with real file systems: no answer claims more than what is on the
//! disk, and the receiver works again once the disk does.

use std::collections::BTreeMap;
use std::fs;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use interop::process::{eventually, run};
use interop::wire::{Client, Command, Pdv, data_pdu, tag, uid};
use interop::{FailingDisk, Namespace, Object, Scratch, Server, files_below, peers, skip};

/// A file system: the command that makes it, and its minimum size.
struct Kind {
    make: &'static [&'static str],
    mib: u64,
    /// True if it refuses all writes after a failed write of its journal.
    shuts_down: bool,
    /// Whether `--durability ordered` can be used there.
    keeps_order: bool,
}

impl Kind {
    /// These options, and the same with `--durability ordered` where it can be used.
    fn ways<'a>(&self, options: &[&'a [&'a str]]) -> Vec<Vec<&'a str>> {
        let ordered = |options: &&[&'a str]| [*options, &["--durability", "ordered"]].concat();
        let full = options.iter().map(|options| options.to_vec());
        full.chain(options.iter().filter(|_| self.keeps_order).map(ordered)).collect()
    }
}

const KINDS: [Kind; 4] = [
    Kind {
        make: &["mkfs.ext4", "-qF", "-O", "has_journal"],
        mib: 64,
        shuts_down: true,
        keeps_order: true,
    },
    Kind {
        make: &["mkfs.ext4", "-qF", "-O", "^has_journal"],
        mib: 64,
        shuts_down: false,
        keeps_order: false,
    },
    Kind { make: &["mkfs.xfs", "-qf"], mib: 320, shuts_down: true, keeps_order: true },
    Kind { make: &["mkfs.btrfs", "-qf"], mib: 320, shuts_down: true, keeps_order: false },
];

#[test]
fn writes_that_fail_cost_objects_until_the_disk_works_again() {
    for kind in KINDS {
        for options in kind.ways(&[&[], &["-su", "p"]]) {
            let Some(receiver) = Receiver::on(&kind, &options) else { return skip(WHY) };
            let mut client = Client::usual(receiver.server.port());
            let old = Object::ct(20_000);
            assert_eq!(client.store(3, &old).status(), 0);
            let before = receiver.seen();

            receiver.disk.fail();
            let newer = Object::new(uid::CT, &old.sop_instance, 30_000);
            for object in [&Object::ct(2_000_000), &Object::ct(300), &newer] {
                assert_refused(&client.store(3, object));
                // After such an error, Btrfs cannot even list a folder.
                let seen = receiver.seen();
                assert!(seen.is_none() || seen == before, "nothing new stays, nothing old is lost");
            }
            receiver.disk.mend();
            receiver.recover(&mut client, &newer);
            assert_eq!(receiver.seen().map(|files| files.len()), Some(1), "nothing of the others");
            receiver.expect_on_disk(&[newer]);
        }
    }
}

/// Early write-back fails, and the disk works again when the file is synced: that sync must still report the
/// error.
#[test]
fn what_failed_before_the_sync_is_not_acknowledged() {
    for (kind, options) in KINDS
        .iter()
        .flat_map(|kind| kind.ways(&[&[]]).into_iter().map(move |options| (kind, options)))
    {
        let Some(receiver) = Receiver::on(kind, &options) else { return skip(WHY) };
        let mut client = Client::usual(receiver.server.port());
        let object = Object::ct(2_000_000);
        let (most, rest) = object.bytes.split_at(1_500_000);
        let id = client.message_id();
        client.command(3, &Command::store(id, &object.sop_class, &object.sop_instance));

        let failed_before = receiver.disk.failed_writes();
        receiver.disk.fail();
        for chunk in most.chunks(16_000) {
            client.send(&data_pdu(&[Pdv::data(3, false, chunk)]));
        }
        eventually("what came is written ahead, and fails", SOON, || {
            receiver.disk.failed_writes() > failed_before
        });
        receiver.settle();
        receiver.disk.mend();
        client.data_set(3, rest);
        assert_refused(&client.response().1);

        receiver.recover(&mut client, &object);
        receiver.expect_on_disk(&[object]);
    }
}

/// Another program's sync meets the failed write of the journal, after an object has its name and before the sync of
/// its folder: for that one the kernel has nothing left to write, and lets it succeed.
#[test]
fn what_is_lost_before_a_sync_that_succeeds_is_not_acknowledged() {
    for kind in KINDS.iter().filter(|kind| kind.keeps_order) {
        for options in kind.ways(&[&[], &["-ss", "p"]]) {
            let late = ["-D", "-f", "-qq", "-o", "/dev/null", "-e", "trace=fsync"];
            let late = [&late[..], &["-e", "inject=fsync:delay_enter=2s"]].concat();
            let Some(receiver) = Receiver::through(&late, kind, &options) else { return skip(WHY) };
            let object = Object::ct(20_000);
            let response = thread::scope(|scope| {
                let sender =
                    scope.spawn(|| Client::usual(receiver.server.port()).store(3, &object));
                eventually("it has its name", SOON, || {
                    let named = |name: &String| name.ends_with(&object.file_name());
                    receiver.seen().is_some_and(|files| files.keys().any(named))
                });
                receiver.shut_down();
                sender.join().expect("a sender")
            });
            assert_refused(&response);
        }
    }
}

/// After a failure, the receiver keeps no file of the file system open, so that it can be unmounted and
/// repaired.
#[test]
fn a_file_system_that_shut_down_costs_objects_until_it_is_mounted_anew() {
    for kind in KINDS.into_iter().filter(|kind| kind.shuts_down) {
        for options in kind.ways(&[&[], &["-su", "p"]]) {
            let Some(receiver) = Receiver::on(&kind, &options) else { return skip(WHY) };
            let mut client = Client::usual(receiver.server.port());
            // Send several, so that a file is prepared for the next one.
            let [first, second, third, new] = [(); 4].map(|()| Object::ct(20_000));
            for object in [&first, &second, &third] {
                assert_eq!(client.store(3, object).status(), 0);
            }

            receiver.shut_down();
            for _ in 0..2 {
                assert_refused(&client.store(3, &new));
            }
            receiver.mount_anew();
            assert_eq!(client.store(3, &new).status(), 0, "{:?}", kind.make);
            receiver.expect_on_disk(&[first, second, third, new]);
        }
    }
}

#[test]
fn nothing_acknowledged_is_lost_on_a_disk_that_fails_at_times() {
    for kind in KINDS {
        for options in kind.ways(&[&[], &["-ss", "p"]]) {
            let Some(receiver) = Receiver::on(&kind, &options) else { return skip(WHY) };
            let (over, count) = (AtomicBool::new(false), AtomicUsize::new(0));
            let stored: Vec<Vec<Object>> = thread::scope(|scope| {
                let senders: Vec<_> =
                    (0..3).map(|_| scope.spawn(|| store_until(&over, &receiver, &count))).collect();
                eventually("some are stored", SOON, || count.load(Ordering::Relaxed) > 10);
                let end = Instant::now() + Duration::from_millis(1500);
                for round in 0.. {
                    thread::sleep(Duration::from_millis(30 + 17 * (round % 5)));
                    receiver.disk.fail();
                    thread::sleep(Duration::from_millis(round % 7));
                    receiver.disk.mend();
                    if Instant::now() > end {
                        break;
                    }
                }
                over.store(true, Ordering::Relaxed);
                senders.into_iter().map(|sender| sender.join().expect("a sender")).collect()
            });
            receiver.expect_on_disk(&stored.concat());
        }
    }
}

/// Stores objects until it is stopped, and counts them in `count`.
fn store_until(over: &AtomicBool, receiver: &Receiver, count: &AtomicUsize) -> Vec<Object> {
    let mut client = Client::usual(receiver.server.port());
    let mut stored = Vec::new();
    for round in 0.. {
        if over.load(Ordering::Relaxed) {
            break;
        }
        let object = match round % 4 {
            0 => Object::ct(600_000),
            1 => Object::of_study(&format!("2.25.{round}"), None, ""),
            _ => Object::ct(3_000),
        };
        match client.store(3, &object).status() {
            0 => {
                stored.push(object);
                count.fetch_add(1, Ordering::Relaxed);
            }
            status => {
                assert_out_of_resources(status);
                thread::sleep(Duration::from_millis(2));
            }
        }
    }
    stored
}

/// A receiver whose output directory is on a disk that fails on demand.
struct Receiver {
    server: Server,
    namespace: Namespace,
    // Declared after the receiver, so that the receiver is dropped first.
    disk: FailingDisk,
    make: &'static [&'static str],
}

impl Receiver {
    fn on(kind: &Kind, options: &[&str]) -> Option<Self> {
        Self::through(&[], kind, options)
    }

    /// Under `strace` with these words, if there are any.
    fn through(strace: &[&str], kind: &Kind, options: &[&str]) -> Option<Self> {
        let namespace = Namespace::available()?;
        let disk = FailingDisk::new(kind.mib << 20)?;
        let mut make = peers::debian(kind.make[0]);
        run(make.args(&kind.make[1..]).arg(disk.device()), SOON).expect_success("mkfs");
        let setup = namespace.setup_on_disk(disk.device(), "defaults", options)?;
        let setup = if strace.is_empty() { setup } else { setup.through("strace", strace) };
        let server = setup.start();
        Some(Self { server, namespace, disk, make: kind.make })
    }

    /// The files that other programs see in the output directory; `None` if it cannot be read. Temporary files
    /// are left out, since they cannot be deleted after a file system has become read-only.
    fn seen(&self) -> Option<BTreeMap<String, Vec<u8>>> {
        let view = self.namespace.view(&self.server);
        fs::read_dir(&view).ok()?.next()?.ok()?;
        let is_file = |name: &String| !name.ends_with('/') && !name.starts_with(".storescp/");
        let files = files_below(&view).into_iter().filter(is_file);
        Some(files.map(|name| (name.clone(), fs::read(view.join(name)).expect("a file"))).collect())
    }

    /// Waits until no more writes fail.
    fn settle(&self) {
        let mut failed = 0;
        eventually("the kernel has tried all", SOON, || {
            thread::sleep(Duration::from_millis(100));
            std::mem::replace(&mut failed, self.disk.failed_writes()) == failed
        });
    }

    /// Makes the write of the journal fail, so that the file system stops even after the disk works again.
    fn shut_down(&self) {
        self.disk.fail();
        let view = self.namespace.view(&self.server);
        fs::write(view.join("unwritten"), "content").expect("only the kernel's memory is needed");
        let mut sync = std::process::Command::new("sync");
        let synced = run(sync.arg("-f").arg(&view), SOON);
        assert!(!synced.status.success(), "the journal cannot be written");
        self.disk.mend();
    }

    fn mount_anew(&self) {
        assert!(self.namespace.unmount_unused(&self.server), "the receiver holds nothing there");
        self.namespace.mount_disk(&self.server, self.disk.device());
    }

    /// Stores an object after the disk works again: at once, or after the file system is mounted again.
    fn recover(&self, client: &mut Client, object: &Object) {
        if client.store(3, object).status() != 0 {
            self.mount_anew();
            assert_eq!(client.store(3, object).status(), 0, "{:?}", self.make);
        }
    }

    /// Cuts the power, and checks that each of these objects is intact on the disk, and that no other file is
    /// incomplete.
    fn expect_on_disk(self, acknowledged: &[Object]) {
        // If something panics, the receiver must be dropped before the disk.
        let Self { make, disk, namespace, server } = self;
        let scratch = Scratch::new();
        let image = scratch.path().join("image");
        server.signal("STOP");
        disk.copy_to(&image);
        drop(server);
        drop(disk);
        if make[0] == "mkfs.ext4" {
            // Exit code 1: errors were corrected.
            let checked = run(peers::debian("e2fsck").arg("-fy").arg(&image), SOON);
            assert!(checked.code().is_some_and(|code| code <= 1), "{checked:?}");
        }
        let files = scratch.directory("files");
        namespace.copy_files(&image, &files);
        let found = files_below(&files);
        for object in acknowledged {
            let name = found.iter().find(|name| name.ends_with(&object.file_name()));
            let name = name.unwrap_or_else(|| panic!("{} is lost, {make:?}", object.file_name()));
            let content = fs::read(files.join(name)).expect("it is listed");
            assert!(content.ends_with(&object.bytes), "{name} is not as it was sent, {make:?}");
        }
    }
}

fn assert_refused(response: &Command) {
    assert_out_of_resources(response.status());
    assert!(!response.text(tag::ERROR_COMMENT).is_empty(), "says what is wrong");
}

/// Status codes for "out of resources" (PS3.4 §B.2.3).
fn assert_out_of_resources(status: u16) {
    assert!((0xA700..=0xA7FF).contains(&status), "{status:04X} is not out of resources");
}

const WHY: &str =
    "a failing disk: no compressed disk in memory (zram) here, or it cannot be mounted";
const SOON: Duration = Duration::from_secs(20);
