//! The example as its users run it: it stores, tells of each object, refuses whom it does not trust, and ends
//! with its input.

#![allow(clippy::unwrap_used, clippy::disallowed_types, reason = "a test, which runs the example")]

use dataset::{Uid, transfer_syntax::EXPLICIT_VR_LITTLE_ENDIAN};
use platform::testing::Scratch;
use proto::Rejection;
use requestor::{Error, Instance, Requestor, Settings, Status};
use std::io::Read;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

const CT: &str = "1.2.840.10008.5.1.4.1.1.2";

/// The example, which `cargo test` builds beside the tests, but not where only this one is asked for.
fn example() -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    let example = tests.ancestors().nth(2).unwrap().join("examples/embed");
    if !example.exists() {
        let built = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "-p", "receiver", "--example", "embed"])
            .status();
        assert!(built.unwrap().success());
    }
    example
}

fn instance(uid: &str) -> (Instance, Vec<u8>) {
    let parse = |text: &str| Uid::parse(text.as_bytes()).unwrap();
    let mut data_set = Vec::new();
    for (element, value) in [(0x16, CT), (0x18, uid)] {
        let mut value = value.as_bytes().to_vec();
        value.resize(value.len().next_multiple_of(2), 0);
        data_set.extend([0x08, 0x00, element, 0x00, b'U', b'I']);
        data_set.extend(u16::try_from(value.len()).unwrap().to_le_bytes());
        data_set.extend(value);
    }
    let instance = Instance {
        sop_class: parse(CT),
        sop_instance: parse(uid),
        transfer_syntax: EXPLICIT_VR_LITTLE_ENDIAN,
    };
    (instance, data_set)
}

/// Associates as soon as somebody listens.
fn associate(address: &str, title: &str, instance: &Instance) -> Result<Requestor, Error> {
    let settings = Settings::new(title.parse().unwrap(), "EXAMPLE".parse().unwrap());
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        match Requestor::associate(address, &settings, &[instance.context()]) {
            Err(Error::Connect(_)) if Instant::now() < deadline => {
                sleep(Duration::from_millis(20));
            }
            result => return result,
        }
    }
}

#[test]
fn a_receiver_of_thirty_lines_stores_and_tells() {
    let scratch = Scratch::new("embed");
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut receiver = Command::new(example())
        .arg(&scratch.0)
        .arg(free.port().to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (instance, data_set) = instance("1.2.3");
    let address = free.to_string();
    let mut sender = associate(&address, "MODALITY", &instance).unwrap();
    assert_eq!(sender.store(&instance, &data_set[..]).unwrap().status, Status::SUCCESS);
    sender.release().unwrap();
    let refused = associate(&address, "MALLORY", &instance).err();
    assert!(
        matches!(&refused, Some(Error::Rejected(it)) if *it == Rejection::CALLING_AE_TITLE),
        "{refused:?}"
    );
    drop(receiver.stdin.take());
    let mut told = String::new();
    receiver.stdout.take().unwrap().read_to_string(&mut told).unwrap();
    assert!(receiver.wait().unwrap().success(), "{told}");
    let path = scratch.0.join("CT.1.2.3");
    let expected =
        format!("1.2.3 from MODALITY: {}\n0 associations were cut off\n", path.display());
    assert_eq!(told, expected);
    let file = std::fs::read(path).unwrap();
    assert!(file.ends_with(&data_set) && file[128..].starts_with(b"DICM"));
}
