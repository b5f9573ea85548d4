//! Tests a disk that is full, read-only or gone, and running out of descriptors: only the object being received
//! fails, and stored objects are unaffected.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use flate2::Compression;
use flate2::write::DeflateEncoder;
use interop::part10::Part10;
use interop::process::run;
use interop::wire::{Answer, Client, Context, Request, tag, uid};
use interop::{Namespace, Object, Program, Scratch, Server, peers, skip};

#[test]
fn a_full_disk_costs_one_object_and_leaves_nothing() {
    let Some(namespace) = Namespace::available() else {
        return skip("a full disk: no mount namespaces here");
    };
    for options in [&[][..], &["+B"]] {
        let server = namespace.server_on_tmpfs("size=1m", options);
        let inside = namespace.view(&server);
        let mut client = Client::usual(server.port());
        let first = Object::ct(300_000);
        assert_eq!(client.store(3, &first).status(), 0);
        let response = client.store(3, &Object::ct(2_000_000));
        assert_refused(response.status());
        assert!(!response.text(tag::ERROR_COMMENT).is_empty(), "says what is wrong");
        let second = Object::ct(300_000);
        assert_eq!(client.store(3, &second).status(), 0, "there is room for this one");

        // Another program fills the disk completely, then frees space.
        let ballast = inside.join(".ballast");
        let _ = fs::write(&ballast, vec![0; 2_000_000]);
        let third = Object::ct(10_000);
        assert_refused(client.store(3, &third).status());
        fs::remove_file(&ballast).expect("the ballast was there");
        assert_eq!(client.store(3, &third).status(), 0, "room again");
        client.release();

        let mut expected = [&first, &second, &third].map(Object::file_name);
        expected.sort();
        assert_eq!(interop::files_below(&inside), expected);
        assert!(Part10::read(&inside.join(third.file_name())).data_set == third.bytes);
    }
}

#[test]
fn room_that_is_to_be_left_is_left() {
    let Some(namespace) = Namespace::available() else {
        return skip("a disk of known size: no mount namespaces here");
    };
    for room in ["1m", "50%"] {
        let server = namespace.server_on_tmpfs("size=2m", &["--min-free", room]);
        let mut client = Client::usual(server.port());
        let first = Object::ct(1_200_000);
        assert_eq!(client.store(3, &first).status(), 0, "there was more than that");
        let second = Object::ct(1000);
        let response = client.store(3, &second);
        assert_refused(response.status());
        assert!(response.text(tag::ERROR_COMMENT).contains("MiB free"), "says what is wrong");
        let mut newcomer = Client::connect(server.port());
        newcomer.send(&Request::usual().encode());
        assert_eq!(newcomer.answer(), Answer::Reject(2, 3, 1), "temporary congestion");

        let inside = namespace.view(&server);
        fs::remove_file(inside.join(first.file_name())).expect("it was stored");
        assert_eq!(client.store(3, &second).status(), 0, "room again");
        Client::usual(server.port()).release();
        assert_eq!(interop::files_below(&inside), [second.file_name()]);
    }
}

/// A quota, on Btrfs, whose quotas are not tied to users, so that no user has to be created.
#[test]
fn a_quota_costs_objects_until_it_is_raised() {
    let scratch = Scratch::new();
    let image = scratch.path().join("image");
    File::create(&image).and_then(|file| file.set_len(128 << 20)).expect("room for an image");
    run(peers::debian("mkfs.btrfs").arg("-q").arg(&image), SOON).expect_success("mkfs.btrfs");
    let namespace = Namespace::available();
    let server = namespace.and_then(|namespace| namespace.server_on_disk(&image, &[]));
    let (Some(namespace), Some(server)) = (namespace, server) else {
        return skip("a quota: no file system can be mounted here");
    };
    let limit = |limit| namespace.run_inside(&server, &["btrfs", "qgroup", "limit", limit]);
    namespace.run_inside(&server, &["btrfs", "quota", "enable"]);
    limit("3M");

    let mut client = Client::usual(server.port());
    let old = Object::ct(300_000);
    assert_eq!(client.store(3, &old).status(), 0);
    let large = Object::ct(5_000_000);
    let newer = Object::new(uid::CT, &old.sop_instance, 5_000_000);
    for object in [&large, &newer] {
        let response = client.store(3, object);
        assert_refused(response.status());
        assert!(response.text(tag::ERROR_COMMENT).contains("quota"), "says what is wrong");
        let view = namespace.view(&server);
        assert_eq!(interop::files_below(&view), [old.file_name()]);
        assert!(Part10::read(&view.join(old.file_name())).data_set == old.bytes);
    }
    let small = Object::ct(10_000);
    assert_eq!(client.store(3, &small).status(), 0, "there is room for this one");
    limit("50M");
    assert_eq!(client.store(3, &large).status(), 0, "room again");
    let mut expected = [&old, &small, &large].map(Object::file_name);
    expected.sort();
    assert_eq!(interop::files_below(&namespace.view(&server)), expected);
}

/// As on a network file system: every write succeeds, and the lack of space is only reported by a sync or when
/// the file is closed.
#[test]
fn room_that_is_refused_late_costs_one_object() {
    for options in [&[][..], &["--durability", "none"], &["+B", "--durability", "none"]] {
        let scratch = Scratch::new();
        let directory = scratch.directory("out");
        let script = peers::script("late_errors.py");
        let [directory_text, script] =
            [&directory, &script].map(|path| path.to_str().expect("UTF-8"));
        let words = ["-B", script, directory_text, "100000"];
        let python = peers::python();
        let possible = run(Command::new(&python).args(words).arg("/bin/true"), SOON);
        if !possible.status.success() {
            return skip("room that is refused late: no file system of one's own (FUSE) here");
        }
        let python = python.to_str().expect("UTF-8");
        let setup = Server::with(Program::Ours, options).directory(&directory).keeping(scratch);
        let server = setup.through(python, &words).start();
        let view = PathBuf::from(format!("/proc/{}/root{directory_text}", server.process_id()));

        let mut client = Client::usual(server.port());
        let old = Object::ct(20_000);
        assert_eq!(client.store(3, &old).status(), 0);
        let newer = Object::new(uid::CT, &old.sop_instance, 300_000);
        for object in [&Object::ct(300_000), &newer] {
            let response = client.store(3, object);
            assert_refused(response.status());
            assert!(response.text(tag::ERROR_COMMENT).contains("quota"), "says what is wrong");
            assert_eq!(contents(&view).len(), 1, "nothing else stays");
            assert!(contents(&view)[0].ends_with(&old.bytes), "nothing old is lost");
        }
        assert_eq!(client.store(3, &Object::ct(30_000)).status(), 0);
        assert_eq!(contents(&view).len(), 2);
    }
}

#[test]
fn too_many_files_cost_objects_until_there_are_fewer() {
    let Some(namespace) = Namespace::available() else {
        return skip("a disk of few files: no mount namespaces here");
    };
    // The directory takes one of the inodes.
    let server = namespace.server_on_tmpfs("nr_inodes=3", &[]);
    let inside = namespace.view(&server);
    let mut client = Client::usual(server.port());
    let [one, two, three] = [(); 3].map(|()| Object::ct(1000));
    assert_eq!(client.store(3, &one).status(), 0);
    assert_eq!(client.store(3, &two).status(), 0);
    let newer = Object::new(uid::CT, &one.sop_instance, 2000);
    for object in [&three, &newer] {
        let response = client.store(3, object);
        assert_refused(response.status());
        assert!(!response.text(tag::ERROR_COMMENT).is_empty(), "says what is wrong");
        assert!(Part10::read(&inside.join(one.file_name())).data_set == one.bytes);
    }
    fs::remove_file(inside.join(two.file_name())).expect("it was stored");
    assert_eq!(client.store(3, &three).status(), 0);
    let mut expected = [&one, &three].map(Object::file_name);
    expected.sort();
    assert_eq!(interop::files_below(&inside), expected);
}

/// When a re-sent object fails, the older file is kept. Debian's program deletes it.
#[test]
fn a_full_disk_does_not_cost_the_older_file() {
    let Some(namespace) = Namespace::available() else {
        return skip("a full disk: no mount namespaces here");
    };
    let server = namespace.server_on_tmpfs("size=1m", &[]);
    let mut client = Client::usual(server.port());
    let old = Object::ct(300_000);
    assert_eq!(client.store(3, &old).status(), 0);
    let larger = Object::new(uid::CT, &old.sop_instance, 2_000_000);
    assert_refused(client.store(3, &larger).status());
    let path = namespace.view(&server).join(old.file_name());
    assert!(Part10::read(&path).data_set == old.bytes);
}

#[test]
fn a_disk_that_becomes_read_only_costs_objects_until_it_is_writable_again() {
    let Some(namespace) = Namespace::available() else {
        return skip("a read-only disk: no mount namespaces here");
    };
    let server = namespace.server_on_tmpfs("size=4m", &[]);
    let mut client = Client::usual(server.port());
    let object = Object::ct(1000);
    namespace.remount(&server, "ro");
    for _ in 0..2 {
        assert_refused(client.store(3, &object).status());
    }
    namespace.remount(&server, "rw");
    assert_eq!(client.store(3, &object).status(), 0);
    assert_eq!(interop::files_below(&namespace.view(&server)), [object.file_name()]);
}

#[test]
fn a_directory_that_vanishes_costs_objects_until_it_is_back() {
    let server = Server::start(Program::Ours, &[]);
    let mut client = Client::usual(server.port());
    let object = Object::ct(1000);
    fs::remove_dir(server.directory()).expect("it is empty");
    assert_refused(client.store(3, &object).status());
    fs::create_dir(server.directory()).expect("it was away");
    assert_eq!(client.store(3, &object).status(), 0);
    assert_eq!(server.files(), [object.file_name()]);
}

/// After an unmount, the folder beneath the mount point accepts files too, and they would be hidden as soon as
/// the file system is mounted again.
#[test]
fn a_mount_that_is_lost_costs_objects_until_it_is_back() {
    let Some(namespace) = Namespace::available() else {
        return skip("a lost mount: no mount namespaces here");
    };
    let server = namespace.server_on_tmpfs("size=4m", &[]);
    let seen = namespace.view(&server);
    let mut client = Client::usual(server.port());
    let object = Object::ct(1000);
    assert_eq!(client.store(3, &object).status(), 0);
    namespace.unmount(&server);
    for _ in 0..2 {
        let response = client.store(3, &object);
        assert_refused(response.status());
        assert!(response.text(tag::ERROR_COMMENT).contains("mounted"), "says what is wrong");
    }
    assert_eq!(interop::files_below(&seen), [""; 0]);
    namespace.mount_tmpfs(&server);
    assert_eq!(client.store(3, &object).status(), 0);
    assert_eq!(interop::files_below(&seen), [object.file_name()]);
}

/// The folder beneath is recognized by its mount, not by its device: a bind mount has the same device. The file
/// system around the mount point, lost along with it, or one mounted below it, may have the same device, too.
#[test]
fn whichever_mount_is_lost_nothing_is_stored_beneath() {
    let Some(namespace) = Namespace::available() else {
        return skip("lost mounts: no mount namespaces here");
    };
    // Each case mounts something on "$1", with "$2" as another folder; unmounts a part of it; and mounts it
    // again.
    let cases = [
        ("mount --bind $2 $1", "umount -l $1", "mount --bind $2 $1"),
        ("mount --bind $3 $1 && mount --bind $2 $1", "umount -l $1", "mount -t tmpfs tmpfs $1"),
        (
            "mount -t tmpfs tmpfs $1 && mount -t tmpfs tmpfs $1",
            "umount -l $1",
            "mount -t tmpfs tmpfs $1",
        ),
        (
            "mount -t tmpfs tmpfs $1 && mount --bind $2 $1",
            "umount -l $1 && umount -l $1",
            "mount --bind $2 $1",
        ),
        (
            "mount --bind $2 ${1%/*} && mkdir -p $1 && mount --bind $3 $1",
            "umount -l ${1%/*}; mkdir -p $1",
            "mount --bind $2 ${1%/*} && mount --bind $3 $1",
        ),
    ];
    for (mounts, lost, again) in cases {
        for stores_before in [true, false] {
            let scratch = Scratch::new();
            let around = scratch.directory("around");
            let out = around.join("out");
            fs::create_dir(&out).expect("a folder");
            let other = scratch.directory("other");
            let third = scratch.directory("third");
            let places = [&out, &other, &third].map(|path| path.display().to_string());
            let script = format!("set -- {} && {mounts}", places.join(" "));
            let inside = |server: &Server, command: &str| {
                let script = format!("set -- {} && {command}", places.join(" "));
                namespace.run_inside(server, &["sh", "-c", &script]);
            };
            let server = namespace.server_after(&script, &out);
            let mut client = Client::usual(server.port());
            if stores_before {
                assert_eq!(client.store(3, &Object::ct(1000)).status(), 0, "{mounts}");
            }
            inside(&server, lost);
            let object = Object::ct(1000);
            for _ in 0..2 {
                let response = client.store(3, &object);
                assert_refused(response.status());
                assert!(response.text(tag::ERROR_COMMENT).contains("mounted"), "{mounts}");
            }
            let seen = namespace.view(&server);
            let new = object.file_name();
            assert!(!interop::files_below(&seen).contains(&new), "{mounts}");
            inside(&server, again);
            assert_eq!(client.store(3, &object).status(), 0, "{mounts}");
            assert!(interop::files_below(&seen).contains(&new), "{mounts}");
        }
    }
}

/// A write that fails in the middle of an object; this needs no namespaces.
#[test]
fn a_file_size_limit_costs_one_object() {
    let server =
        Server::with(Program::Ours, &["+B"]).after_shell("trap '' XFSZ && ulimit -f 200").start();
    let mut client = Client::usual(server.port());
    assert_refused(client.store(3, &Object::ct(500_000)).status());
    assert_eq!(server.files(), [""; 0]);
    let small = Object::ct(1000);
    assert_eq!(client.store(3, &small).status(), 0);
    assert_eq!(server.files(), [small.file_name()]);
}

#[test]
fn too_many_open_files_cost_objects_until_there_are_fewer() {
    let server = Server::start(Program::Ours, &[]);
    let mut client = Client::usual(server.port());
    assert_eq!(client.store(3, &Object::ct(10)).status(), 0);
    limit_open_files(&server, "3");
    for _ in 0..2 {
        assert_refused(client.store(3, &Object::ct(1000)).status());
    }
    // Connections that cannot be accepted meanwhile wait or are closed, but do no harm.
    let waiting: Vec<Client> = (0..5).map(|_| Client::connect(server.port())).collect();
    thread::sleep(Duration::from_millis(300));
    assert_eq!(client.echo(1), 0);
    limit_open_files(&server, "1024");
    drop(waiting);
    assert_eq!(client.store(3, &Object::ct(1000)).status(), 0, "the same association stores again");
    assert_eq!(server.files().len(), 2);
    assert_eq!(Client::usual(server.port()).echo(1), 0, "others are served again");
}

/// Half a megabyte that inflates to half a gigabyte: memory use and disk use both stay small.
#[test]
fn a_deflate_bomb_stops_at_the_room_that_is_to_be_left() {
    let Some(namespace) = Namespace::available() else {
        return skip("a disk of known size: no mount namespaces here");
    };
    let zeros = 512 << 20;
    let object = Object::ct(0);
    let start = object.bytes.len() - 4;
    let mut deflated = DeflateEncoder::new(Vec::new(), Compression::fast());
    deflated.write_all(&object.bytes[..start]).expect("memory");
    deflated.write_all(&u32::to_le_bytes(zeros)).expect("memory");
    for _ in 0..zeros >> 20 {
        deflated.write_all(&[0; 1 << 20]).expect("memory");
    }
    let bomb = Object { bytes: deflated.finish().expect("memory"), ..object };

    let contexts = [(1, uid::DEFLATED), (3, uid::EVLE)];
    let request =
        Request::new(contexts.map(|(id, syntax)| Context::new(id, uid::CT, &[syntax])).to_vec());
    for output in ["+t=", "+te"] {
        let options = ["+xd", "--min-free", "50%", output];
        let server = namespace.server_on_tmpfs("size=200m", &options);
        let (mut client, _) = Client::associate(server.port(), &request);
        let response = client.store(1, &bomb);
        assert_refused(response.status());
        assert!(response.text(tag::ERROR_COMMENT).contains("MiB free"), "says what is wrong");
        let small = Object::ct(1000);
        assert_eq!(client.store(3, &small).status(), 0);
        assert_eq!(interop::files_below(&namespace.view(&server)), [small.file_name()]);
        assert!(server.peak_kib() < 16 * 1024, "{} KiB resident", server.peak_kib());
    }
}

/// Contents of all files below a folder.
fn contents(folder: &Path) -> Vec<Vec<u8>> {
    let files = interop::files_below(folder).into_iter().filter(|name| !name.ends_with('/'));
    files.map(|name| fs::read(folder.join(name)).expect("a file")).collect()
}

/// Status codes for "out of resources" (PS3.4 §B.2.3).
fn assert_refused(status: u16) {
    assert!((0xA700..=0xA7FF).contains(&status), "{status:04X} is not out of resources");
}

/// Sets the soft limit of a running process.
fn limit_open_files(server: &Server, limit: &str) {
    let status = peers::debian("prlimit")
        .arg(format!("--pid={}", server.process_id()))
        .arg(format!("--nofile={limit}:"))
        .status();
    assert!(status.is_ok_and(|status| status.success()), "prlimit");
}

const SOON: Duration = Duration::from_secs(20);
