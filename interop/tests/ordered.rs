//! Tests where `--durability ordered` is used and where it is refused.

use interop::process::{self, run};
use interop::wire::{Client, tag};
use interop::{Image, Namespace, Object, Program, Scratch, files_below, peers, skip};
use std::fs::{self, File};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};
use std::time::Duration;

const ORDERED: &[&str] = &["--durability", "ordered"];

/// How a file system is made, in MiB and words, and with which options it is mounted.
type Made = (u64, &'static [&'static str], &'static str);

/// Block groups, clusters and the like do not matter; neither does how ext4 treats the data, since it is written
/// before it has a name.
#[test]
fn what_keeps_the_order_is_used() {
    let Some(namespace) = Namespace::available() else { return skip(WHY) };
    let made: [Made; 8] = [
        (64, &["mkfs.ext4", "-qF"], "defaults"),
        (64, &["mkfs.ext4", "-qF"], "data=journal"),
        (64, &["mkfs.ext4", "-qF"], "data=writeback"),
        (64, &["mkfs.ext4", "-qF"], "nodelalloc,dioread_lock"),
        (64, &["mkfs.ext4", "-qF", "-O", "bigalloc"], "defaults"),
        (64, &["mkfs.ext4", "-qF", "-O", "inline_data", "-I", "1024"], "defaults"),
        (64, &["mkfs.ext3", "-qF"], "defaults"),
        (320, &["mkfs.xfs", "-qf"], "defaults"),
    ];
    for (mebibytes, make, mount) in made {
        let image = Image::made(mebibytes, make);
        let setup = namespace.setup_on_disk(image.path(), mount, ORDERED);
        let Some(setup) = setup else { return skip(WHY) };
        let server = setup.start();
        let mut client = Client::usual(server.port());
        for object in [Object::ct(40_000), Object::ct(10), Object::ct(3_000_000)] {
            assert_eq!(client.store(3, &object).status(), 0, "{make:?} {mount}");
        }
        assert!(!server.stderr().contains("ordered"), "{make:?} {mount}: {}", server.stderr());
    }
}

#[test]
fn what_does_not_keep_the_order_is_refused_at_the_start() {
    let Some(namespace) = Namespace::available() else { return skip(WHY) };
    let scratch = Scratch::new();
    let directory = scratch.directory("out");
    let on_tmpfs = namespace.setup_on_tmpfs(Program::Ours, &directory, "size=8m", ORDERED);
    let failure = on_tmpfs.try_start().expect_err("a power loss leaves nothing there");
    assert_refused(&failure.stderr, "this is tmpfs");
    assert!(failure.stderr.contains(&directory.display().to_string()), "{}", failure.stderr);

    let made: [(Made, &str); 4] = [
        (
            (64, &["mkfs.ext4", "-qF", "-O", "^has_journal"], "defaults"),
            "this ext4 file system has no journal",
        ),
        (
            (64, &["mkfs.ext4", "-qF", "-O", "fast_commit"], "defaults"),
            "this ext4 file system has the feature fast_commit",
        ),
        (
            (64, &["mkfs.ext4", "-qF"], "data=writeback,journal_async_commit"),
            "this ext4 file system is mounted with journal_async_commit",
        ),
        ((320, &["mkfs.btrfs", "-q"], "defaults"), "this is btrfs"),
    ];
    for ((mebibytes, make, mount), why) in made {
        let image = Image::made(mebibytes, make);
        let setup = namespace.setup_on_disk(image.path(), mount, ORDERED);
        let Some(setup) = setup else { return skip(WHY) };
        assert_refused(&setup.try_start().expect_err(why).stderr, why);
    }
}

/// File systems on two devices: a commit on one need not flush the other.
#[test]
fn a_log_or_data_on_another_device_is_refused_at_the_start() {
    let Some(namespace) = Namespace::available() else { return skip(WHY) };
    let ext4 = ["mkfs.ext4", "-qF", "-b", "4096"];
    let made: [(&[&str], Made, &str); 3] = [
        (
            &["-O", "journal_dev"],
            (64, &["mkfs.ext4", "-qF", "-b", "4096", "-J", "device=DEVICE"], "defaults"),
            "this ext4 file system has its journal on another device",
        ),
        (
            &[],
            (320, &["mkfs.xfs", "-qf", "-l", "logdev=DEVICE,size=64m"], "logdev=DEVICE"),
            "this XFS file system has its log on another device",
        ),
        (
            &[],
            (320, &["mkfs.xfs", "-qf", "-r", "rtdev=DEVICE"], "rtdev=DEVICE"),
            "this XFS file system has a realtime section",
        ),
    ];
    for (words, (mebibytes, make, mount), why) in made {
        let other = Image::made(64, &[&ext4, words].concat());
        let Some(device) = LoopDevice::of(&other) else { return skip(WHY) };
        let make: Vec<String> =
            make.iter().map(|word| word.replace("DEVICE", &device.path)).collect();
        let make: Vec<&str> = make.iter().map(String::as_str).collect();
        let image = Image::made(mebibytes, &make);
        let mount = mount.replace("DEVICE", &device.path);
        match namespace.setup_on_disk(image.path(), &mount, ORDERED) {
            Some(setup) => assert_refused(&setup.try_start().expect_err(why).stderr, why),
            // Not every kernel has XFS's realtime devices.
            None => skip(&format!("cannot be mounted here: {why}")),
        }
    }
}

/// One process for each connection: each refuses, as a start does.
#[test]
fn a_single_connection_is_refused_too() {
    let Some(namespace) = Namespace::available() else { return skip(WHY) };
    let scratch = Scratch::new();
    let directory = scratch.directory("out");
    let mount = format!("mount -t tmpfs tmpfs {0} && exec \"$0\" \"$@\"", directory.display());
    let mut command = namespace.command(&mount);
    command.arg(peers::storescp()).args(ORDERED).arg("--inetd").arg("-od").arg(&directory);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("its number");
    let _client = TcpStream::connect(address).expect("somebody listens");
    let connection = OwnedFd::from(listener.accept().expect("a connection").0);
    let log = scratch.path().join("log");
    command.stdin(connection).stdout(Stdio::null()).stderr(File::create(&log).expect("a file"));
    let mut child = command.spawn().expect("it starts");
    let status = process::wait(&mut child, Duration::from_secs(30));
    assert_eq!(status.and_then(|status| status.code()), Some(1));
    assert_refused(&fs::read_to_string(log).expect("what it printed"), "this is tmpfs");
}

/// While the receiver runs, what is found to keep no order costs speed, not objects.
#[test]
fn what_is_mounted_later_and_keeps_no_order_is_synced_in_full() {
    let Some(namespace) = Namespace::available() else { return skip(WHY) };
    let [first, second] = [(); 2].map(|()| Image::made(64, &["mkfs.ext4", "-qF"]));
    let without = Image::made(64, &["mkfs.ext4", "-qF", "-O", "^has_journal"]);
    let setup = namespace.setup_on_disk(first.path(), "defaults", ORDERED);
    let Some(setup) = setup else { return skip(WHY) };
    let server = setup.start();
    let mut client = Client::usual(server.port());
    assert_eq!(client.store(3, &Object::ct(1000)).status(), 0);
    let warning = "--durability ordered cannot be used on the file system that is now mounted";

    for (image, is_warned) in [(&second, false), (&without, true)] {
        namespace.unmount(&server);
        let response = client.store(3, &Object::ct(1000));
        assert!(response.text(tag::ERROR_COMMENT).contains("mounted"), "it is lost for a moment");
        namespace.mount_disk(&server, image.path());
        let objects = [Object::ct(1000), Object::ct(2000)];
        for object in &objects {
            assert_eq!(client.store(3, object).status(), 0);
        }
        let found = files_below(&namespace.view(&server));
        assert!(objects.iter().all(|object| found.contains(&object.file_name())), "{found:?}");
        if is_warned {
            server.wait_for_log(warning);
        }
        let warnings = server.stderr().matches(warning).count();
        assert_eq!(warnings, usize::from(is_warned), "{}", server.stderr());
    }
    server.wait_for_log("this ext4 file system has no journal");
}

fn assert_refused(stderr: &str, why: &str) {
    for said in
        ["cannot use output directory", "--durability ordered", why, "use --durability full"]
    {
        assert!(stderr.contains(said), "does not say {said:?}: {stderr}");
    }
}

/// A block device of what a file contains.
struct LoopDevice {
    path: String,
}

impl LoopDevice {
    /// `None` if there can be none here.
    fn of(image: &Image) -> Option<Self> {
        let mut losetup = Command::new("losetup");
        let made = run(losetup.args(["-f", "--show"]).arg(image.path()), Duration::from_secs(20));
        made.status.success().then(|| Self { path: made.stdout.trim().to_owned() })
    }
}

impl Drop for LoopDevice {
    fn drop(&mut self) {
        // It stays until the last file system on it is unmounted.
        let _ = Command::new("losetup").args(["-d", &self.path]).status();
    }
}

const WHY: &str = "an ordered journal: no file system can be mounted here";
