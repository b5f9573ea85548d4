//! What is received is delivered to another AE: from the association of the sender to the files of the peer.

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use interop::part10::Part10;
use interop::process::{SENDER_TIME_LIMIT, eventually, run};
use interop::receivers::{Receiver, Toolkit};
use interop::{Object, Program, Scratch, Server, peers};

use crate::dicom_destination::write;

/// Objects that are sent to a receiver of ours, which delivers them to this peer.
fn images(count: usize) -> (Scratch, Vec<Object>) {
    let scratch = Scratch::new();
    let objects: Vec<Object> = (0..count).map(|_| Object::ct(30_000)).collect();
    write(scratch.path(), &objects);
    (scratch, objects)
}

fn settings(scratch: &Scratch, receiver: &Receiver) -> String {
    let file = scratch.path().join("storescp.toml");
    let text = format!(
        "deliver = [\"peer\"]\n[[destination]]\nname = \"peer\"\nkind = \"dicom\"\naddress = \"{}\"\n\
         called = \"PEER\"\nconcurrency = 3\nlongest-pause = \"1 s\"\ntimeout = \"3 s\"\n",
        receiver.address()
    );
    fs::write(&file, text).expect("a file can be written");
    file.to_str().expect("text").to_owned()
}

fn send(server: &Server, folder: &Scratch) {
    let mut command = peers::debian("storescu");
    command.args(["+sd", "-R", "127.0.0.1"]).arg(server.port().to_string()).arg(folder.path());
    run(&mut command, SENDER_TIME_LIMIT).expect_success("storescu");
}

/// The SOP Instance UIDs of what the peer has stored as it was sent.
fn arrived(receiver: &Receiver, objects: &[Object]) -> BTreeSet<String> {
    let mut arrived = BTreeSet::new();
    for path in receiver.stored() {
        // A file that is being written may be cut off.
        let Some(file) = fs::read(&path).ok().and_then(|bytes| Part10::parse(&bytes)) else {
            continue;
        };
        let instance = file.text(3);
        let is_whole = |it: &&Object| it.sop_instance == instance && it.bytes == file.data_set;
        arrived.extend(objects.iter().find(is_whole).map(|object| object.sop_instance.clone()));
    }
    arrived
}

#[test]
fn what_is_received_arrives_at_another_receiver_although_both_are_killed() {
    let (folder, objects) = images(120);
    let mut receiver = Receiver::start(Toolkit::Dcmtk, &["+B"]);
    let scratch = Scratch::new();
    let settings = settings(&scratch, &receiver);
    let directory = scratch.directory("incoming");
    let start =
        || Server::with(Program::Ours, &["--settings", &settings]).directory(&directory).start();
    receiver.kill();
    let server = start();
    send(&server, &folder);
    server.signal("KILL");
    drop(server);
    receiver.restart();
    let server = start();
    let some = objects.len() / 4;
    eventually("some arrive", Duration::from_secs(60), || {
        arrived(&receiver, &objects).len() >= some
    });
    receiver.kill();
    server.signal("KILL");
    drop(server);
    receiver.restart();
    let _server = start();
    eventually("all arrive", Duration::from_secs(90), || {
        arrived(&receiver, &objects).len() == objects.len()
    });
}
