//! Delivers to receivers of other toolkits that pause, are killed, refuse, fail, or do not speak properly: nothing is lost,
//! and every object that is not delivered has a reason.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use interop::part10::Part10;
use interop::process::{SENDER_TIME_LIMIT, eventually, run, wait};
use interop::receivers::{Receiver, Toolkit};
use interop::{Object, Scratch, peers};

use crate::dicom_destination::{forward, write};

/// So many CT images.
fn images(count: usize, pixel_bytes: usize) -> (Scratch, Vec<Object>) {
    let scratch = Scratch::new();
    let image = |number| {
        let instance = format!("2.25.99.{number}");
        Object::new("1.2.840.10008.5.1.4.1.1.2", &instance, pixel_bytes)
    };
    let objects: Vec<Object> = (0..count).map(image).collect();
    write(scratch.path(), &objects);
    (scratch, objects)
}

fn start(receiver: &Receiver, folder: &Path) -> Child {
    let mut command = peers::forward();
    command.arg(receiver.address()).arg(folder).args(["--sessions", "3", "--rounds", "300"]);
    command.args(["--timeout", "2"]).stdout(Stdio::piped());
    command.spawn().expect("the sender starts")
}

/// Paused, killed and started again while it receives, it has everything in the end.
fn survives(toolkit: Toolkit, options: &[&str]) {
    let (scratch, objects) = images(400, 100_000);
    let mut receiver = Receiver::start(toolkit, options);
    let mut sender = start(&receiver, scratch.path());
    for round in 1..=3 {
        let some = objects.len() * round / 8;
        eventually("it receives", Duration::from_secs(60), || count(&receiver) >= some);
        receiver.pause();
        // Longer than the sender waits for an answer.
        thread::sleep(Duration::from_millis(2500));
        receiver.go_on();
        let some = count(&receiver) + objects.len() / 16;
        let some = some.min(objects.len());
        eventually("it goes on", Duration::from_secs(60), || count(&receiver) >= some);
        receiver.kill();
        thread::sleep(Duration::from_millis(300));
        receiver.restart();
    }
    let status = wait(&mut sender, SENDER_TIME_LIMIT).unwrap_or_else(|| {
        let _ = sender.kill();
        panic!("the sender does not end");
    });
    let mut printed = String::new();
    sender.stdout.take().expect("piped").read_to_string(&mut printed).expect("text");
    assert!(status.success(), "{printed}");
    holds_all(&receiver, toolkit, &objects);
}

fn count(receiver: &Receiver) -> usize {
    interop::files_below(&receiver.directory()).iter().filter(|name| !name.ends_with('/')).count()
}

fn holds_all(receiver: &Receiver, toolkit: Toolkit, objects: &[Object]) {
    let mut stored = BTreeSet::new();
    if toolkit == Toolkit::Pynetdicom {
        for object in objects {
            let bytes = std::fs::read(receiver.directory().join(&object.sop_instance));
            assert!(bytes.expect("it is stored") == object.bytes, "{}", object.sop_instance);
        }
        return;
    }
    for path in receiver.stored() {
        let file = Part10::read(&path);
        let object =
            objects.iter().find(|it| it.sop_instance == file.text(3)).expect("one of them");
        // What was cut off by a kill was sent again, under the same name or another.
        if file.data_set == object.bytes {
            stored.insert(object.sop_instance.clone());
        }
    }
    assert_eq!(stored.len(), objects.len());
}

#[test]
fn dcmtk_paused_killed_and_restarted_has_everything() {
    survives(Toolkit::Dcmtk, &["+B"]);
}

#[test]
fn orthanc_paused_killed_and_restarted_has_everything() {
    survives(Toolkit::Orthanc, &[]);
}

#[test]
fn pynetdicom_paused_killed_and_restarted_has_everything() {
    survives(Toolkit::Pynetdicom, &[]);
}

#[test]
fn each_status_has_its_outcome() {
    let statuses = "0000,B000,B007,0111,A700,A701,A900,A9FF,C000,CFFF,0122,0124,0110,0117,0212";
    let receiver = Receiver::start(Toolkit::Pynetdicom, &["--statuses", statuses]);
    let (scratch, objects) = images(15, 100);
    let (outcomes, _) = forward(&receiver.address(), &[], &[scratch.path()]);
    let expected = [
        "done",
        "done",
        "done",
        "done",
        "again status A700H (out of resources)",
        "again status A701H (out of resources)",
        "parked status A900H (data set does not match SOP class)",
        "parked status A9FFH (data set does not match SOP class)",
        "parked status C000H (cannot understand)",
        "parked status CFFFH (cannot understand)",
        "parked status 0122H (SOP class not supported)",
        "parked status 0124H (not authorized)",
        "again status 0110H (processing failure)",
        "parked status 0117H (invalid SOP instance)",
        "parked status 0212H (mistyped argument)",
    ];
    for (object, expected) in objects.iter().zip(expected) {
        assert_eq!(outcomes[&scratch.path().join(&object.sop_instance)], expected);
    }
}

/// Objects on which the peer aborts, closes or hangs fail, and all others are delivered.
#[test]
fn objects_that_end_the_association_do_not_keep_others_from_being_delivered() {
    let statuses = "0000,0000,0000,abort,0000,0000,0000,close,0000,0000,0000,hang";
    let receiver = Receiver::start(Toolkit::Pynetdicom, &["--statuses", statuses]);
    let (scratch, objects) = images(36, 1000);
    let options = ["--timeout", "2", "--rounds", "3"];
    let (outcomes, _) = forward(&receiver.address(), &options, &[scratch.path()]);
    for (number, object) in objects.iter().enumerate() {
        let outcome = &outcomes[&scratch.path().join(&object.sop_instance)];
        if number % 4 == 3 {
            let failed = outcome.starts_with("again ") || outcome.starts_with("unreachable ");
            assert!(failed, "{number}: {outcome}");
        } else {
            assert_eq!(outcome, "done", "{number}");
        }
    }
}

#[test]
fn a_rejection_says_why() {
    let (scratch, _) = images(2, 100);
    let check = |receiver: &Receiver, reason: &str| {
        let (outcomes, _) = forward(&receiver.address(), &["--called", "X"], &[scratch.path()]);
        let outcomes: Vec<_> = outcomes.values().map(String::as_str).collect();
        assert!(outcomes.iter().any(|it| it.starts_with("unreachable") && it.contains(reason)));
        assert!(outcomes.iter().any(|it| it.starts_with("waiting")), "{outcomes:?}");
    };
    check(&Receiver::start(Toolkit::Dcmtk, &["--refuse"]), "rejected");
    let called = "called AE title not recognized";
    check(&Receiver::start(Toolkit::Orthanc, &["DicomCheckCalledAet=true"]), called);
    check(&Receiver::start(Toolkit::Pynetdicom, &["--title", "PACS"]), called);
}

#[test]
fn a_slow_peer_gets_everything() {
    let receiver = Receiver::start(Toolkit::Pynetdicom, &["--slow", "0.3"]);
    let (scratch, objects) = images(6, 1000);
    let options = ["--timeout", "3"];
    let (_, output) = forward(&receiver.address(), &options, &[scratch.path()]);
    output.expect_success("all are delivered");
    holds_all(&receiver, Toolkit::Pynetdicom, &objects);
}

/// A peer that sends single bytes, closes at once, or is no DICOM peer at all costs no more than the timeout.
#[test]
fn peers_that_do_not_speak_dicom_are_unreachable() {
    let (scratch, _) = images(1, 100);
    for (answer, drips) in [
        (&b""[..], false),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", false),
        (b"\x02\0\0\0\x7F\xFF", true),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        thread::spawn(move || {
            while let Ok((mut stream, _)) = listener.accept() {
                let mut proposal = [0; 4096];
                let _ = stream.read(&mut proposal);
                let _ = stream.write_all(answer);
                while drips && stream.write_all(&[0]).is_ok() {
                    thread::sleep(Duration::from_millis(50));
                }
            }
        });
        let begun = Instant::now();
        let (outcomes, _) = forward(&address, &["--timeout", "1"], &[scratch.path()]);
        assert!(outcomes.values().all(|it| it.starts_with("unreachable ")), "{outcomes:?}");
        assert!(begun.elapsed() < Duration::from_secs(10));
    }
}

/// A key and certificate for a host, and one of our own, issued by the same authority.
fn certificates(scratch: &Scratch, name: &str) {
    let openssl = |line: &str| {
        let mut command = peers::debian("openssl");
        command.args(line.split_whitespace()).current_dir(scratch.path());
        run(&mut command, SENDER_TIME_LIMIT).expect_success(line);
    };
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3";
    openssl(&format!("req -x509 {key} -keyout ca.key -out ca.pem -subj /CN=ca"));
    openssl(&format!("req -x509 {key} -keyout other.key -out other.pem -subj /CN=other"));
    for (file, name) in [("server", name), ("client", "DNS:client")] {
        openssl(&format!(
            "req -x509 {key} -keyout {file}.key -out {file}.pem -subj /CN={file} -CA ca.pem -CAkey ca.key \
             -addext subjectAltName={name} -addext basicConstraints=CA:FALSE"
        ));
    }
}

#[test]
fn tls_peers_are_verified_by_authority_and_name() {
    let (images, objects) = images(5, 100_000);
    for (name, is_right) in [("IP:127.0.0.1", true), ("IP:127.0.0.2", false), ("DNS:pacs", false)] {
        let pki = Scratch::new();
        certificates(&pki, name);
        let path = |file: &str| pki.path().join(file).to_str().expect("text").to_owned();
        let [ca, other, key, certificate] =
            ["ca.pem", "other.pem", "client.key", "client.pem"].map(path);
        let tls = [path("server.pem"), path("server.key"), path("ca.pem")];
        let python = Receiver::start(Toolkit::Pynetdicom, &["--tls", &tls[0], &tls[1], &tls[2]]);
        let dcmtk = ["+B", "+tls", &tls[1], &tls[0], "+cf", &tls[2]];
        let dcmtk = Receiver::start(Toolkit::Dcmtk, &dcmtk);
        for (receiver, toolkit) in [(&python, Toolkit::Pynetdicom), (&dcmtk, Toolkit::Dcmtk)] {
            let send = |options: &[&str]| {
                let (outcomes, _) = forward(&receiver.address(), options, &[images.path()]);
                outcomes.into_values().collect::<Vec<_>>()
            };
            let own = ["--own", &key, &certificate, "--timeout", "5"];
            let trusting = [&["--tls", &*ca][..], &own].concat();
            let outcomes = send(&trusting);
            if !is_right {
                assert!(
                    outcomes.iter().any(|it| it.starts_with("unreachable TLS handshake failed")),
                    "{outcomes:?}"
                );
                continue;
            }
            assert!(outcomes.iter().all(|it| it == "done"), "{outcomes:?}");
            holds_all(receiver, toolkit, &objects);
            for options in
                [[&["--tls", &*other][..], &own].concat(), [&["--tls-system"][..], &own].concat()]
            {
                let outcomes = send(&options);
                assert!(
                    outcomes.iter().any(|it| it.starts_with("unreachable TLS handshake failed")),
                    "{outcomes:?}"
                );
            }
            // Without a certificate of our own, and without TLS.
            for options in [&["--tls", &*ca, "--timeout", "5"][..], &["--timeout", "2"]] {
                let outcomes = send(options);
                assert!(outcomes.iter().any(|it| it.starts_with("unreachable ")), "{outcomes:?}");
            }
        }
    }
}
