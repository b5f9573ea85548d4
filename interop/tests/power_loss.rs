//! Tests what is on the disk after a power loss: the image of a whole file system is copied while the receiver
//! runs, repaired, and examined.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

use interop::process::run;
use interop::wire::{Client, Command, Pdv, data_pdu, uid};
use interop::{Namespace, Object, Program, Scratch, Server, files_below, peers, skip};

/// Large enough for a journal and the stored files.
const IMAGE_BYTES: u64 = 32 * 1024 * 1024;

#[test]
fn acknowledged_objects_survive_a_power_loss() {
    // Where the file system does not log names and folders together, files are named in a different way.
    for features in ["has_journal", "^has_journal"] {
        survive_a_power_loss(features);
    }
}

/// With ext4's fast commits, and with nothing else.
#[test]
fn a_file_system_that_a_power_loss_may_damage_is_named_at_startup() {
    let warning = "W: the ext4 file system of the output directory has the feature fast_commit";
    for features in ["fast_commit", "has_journal", "^has_journal"] {
        for options in [&[][..], &["--durability", "none"]] {
            let scratch = Scratch::new();
            let image = image_with(features, scratch.path());
            let server = Namespace::available()
                .and_then(|namespace| namespace.server_on_disk(&image, options));
            let Some(server) = server else {
                return skip("a power loss: no file system can be mounted here");
            };
            let mut client = Client::usual(server.port());
            assert_eq!(client.store(3, &Object::ct(1000)).status(), 0);
            let is_expected = features == "fast_commit" && options.is_empty();
            if is_expected {
                server.wait_for_log(warning);
            }
            let count = server.stderr().matches(warning).count();
            assert_eq!(count, usize::from(is_expected), "{features} {options:?}");
        }
    }
}

/// Only the owner of a directory with the sticky bit may ask ext4 whether its journal failed.
#[test]
fn a_directory_whose_journal_may_not_be_asked_about_is_named_at_startup() {
    if !rustix::process::geteuid().is_root() {
        return skip("the receiver under another user: only root can start it");
    }
    for (mode, is_warned) in [("1777", true), ("0777", false)] {
        let scratch = Scratch::new();
        let image = image_with("has_journal", scratch.path());
        let directory = scratch.directory("out");
        let [folder, image, out] = [scratch.path(), &image, &directory].map(|it| it.display());
        let script = format!(
            "chmod 755 {folder} && cp \"$0\" {folder}/receiver && mount {image} {out} && chmod {mode} {out} && \
             exec setpriv --reuid=65534 --regid=65534 --clear-groups {folder}/receiver \"$@\""
        );
        let setup = Server::with(Program::Ours, &[]).directory(&directory);
        let setup = setup.through("unshare", &["-m", "sh", "-c", &script]);
        let Ok(server) = setup.try_start() else {
            return skip("a power loss: no file system can be mounted here");
        };
        let mut client = Client::usual(server.port());
        assert_eq!(client.store(3, &Object::ct(1000)).status(), 0);
        let warning = "W: the receiver may not ask ext4 whether its journal failed";
        if is_warned {
            server.wait_for_log(warning);
        }
        assert_eq!(server.stderr().matches(warning).count(), usize::from(is_warned), "{mode}");
    }
}

/// Makes an image of an ext4 file system.
fn image_with(features: &str, folder: &Path) -> PathBuf {
    let image = folder.join("image");
    File::create(&image).and_then(|file| file.set_len(IMAGE_BYTES)).expect("room for an image");
    let mut make = peers::debian("mkfs.ext4");
    run(make.args(["-q", "-F", "-O", features]).arg(&image), SOON).expect_success("mkfs.ext4");
    image
}

fn survive_a_power_loss(features: &str) {
    let scratch = Scratch::new();
    let image = image_with(features, scratch.path());
    let server = Namespace::available().and_then(|namespace| namespace.server_on_disk(&image, &[]));
    let Some(server) = server else {
        return skip("a power loss: no file system can be mounted here");
    };

    let mut acknowledged = BTreeMap::new();
    let mut client = Client::usual(server.port());
    for round in 0..4 {
        for number in 0..6 {
            store(&mut client, Object::ct(20_000 + number), &mut acknowledged);
        }
        // Re-sends one of them, with different content.
        let first: &Object = acknowledged.values().next().expect("some are stored");
        let again = Object::new(uid::CT, &first.sop_instance, 10_000 + round);
        store(&mut client, again, &mut acknowledged);

        let mut unfinished = Client::usual(server.port());
        begin(&mut unfinished, &Object::ct(50_000));
        check(&after_power_loss(&server, &image, scratch.path(), round), &acknowledged);
    }
}

fn store(client: &mut Client, object: Object, acknowledged: &mut BTreeMap<String, Object>) {
    assert_eq!(client.store(3, &object).status(), 0);
    acknowledged.insert(object.file_name(), object);
}

/// Sends most of an object.
fn begin(client: &mut Client, object: &Object) {
    let id = client.message_id();
    client.command(3, &Command::store(id, &object.sop_class, &object.sop_instance));
    client.send(&data_pdu(&[Pdv::data(3, false, &object.bytes[..16_000])]));
}

/// Copies the image while the receiver is stopped, repairs the copy, and extracts the files.
fn after_power_loss(server: &Server, image: &Path, scratch: &Path, round: usize) -> PathBuf {
    let copy = scratch.join("copy");
    server.signal("STOP");
    // The kernel may be writing back, so wait until two copies are equal.
    let mut bytes = fs::read(image).expect("the image is readable");
    loop {
        let again = fs::read(image).expect("the image is readable");
        if again == bytes {
            break;
        }
        bytes = again;
    }
    server.signal("CONT");
    fs::write(&copy, bytes).expect("room for a copy");
    // Exit code 1: errors were corrected.
    let checked = run(peers::debian("e2fsck").arg("-fy").arg(&copy), SOON);
    assert!(checked.code().is_some_and(|code| code <= 1), "{checked:?}");
    let files = scratch.join(format!("files-{round}"));
    fs::create_dir(&files).expect("a directory");
    let dump = format!("rdump / {}", files.display());
    run(peers::debian("debugfs").args(["-R", &dump]).arg(&copy), SOON).expect_success("debugfs");
    files
}

/// Checks that every acknowledged object is there as last sent, and that no other file has a final name.
fn check(files: &Path, acknowledged: &BTreeMap<String, Object>) {
    let names: Vec<String> = files_below(files)
        .into_iter()
        .filter(|name| !name.starts_with(".storescp/") && !name.starts_with("lost+found"))
        .collect();
    assert_eq!(names, acknowledged.keys().cloned().collect::<Vec<_>>());
    for (name, object) in acknowledged {
        let file = fs::read(files.join(name)).expect("it is listed");
        assert!(file.ends_with(&object.bytes), "{name} is not as it was sent");
    }
}

const SOON: Duration = Duration::from_secs(20);
