//! Tests shutdown in each state that could delay it: one signal ends the receiver within the grace period, a
//! second one at once.

use std::io::{Read, Write};
use std::net::{TcpStream, UdpSocket};
use std::os::fd::OwnedFd;
use std::process::{Child, Command as Process, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use interop::process::{self, eventually, patient};
use interop::tls::Pki;
use interop::wire::{Client, Command, Pdv, Request, data_pdu};
use interop::{Namespace, Object, Program, Scratch, Server, peers, skip};

use crate::events::{SECOND, SOON, send};

/// Time limit with `--grace-period 1`: that second, the extra time of cut-off associations and commands, and
/// leeway for a slow machine.
const GRACE: [&str; 2] = ["--grace-period", "1"];
const AFTER_ONE: Duration = Duration::from_secs(15);

/// The same after a second signal.
const AFTER_TWO: Duration = Duration::from_secs(10);

/// Values that keep a state as it is.
type Kept = Vec<Box<dyn std::any::Any>>;

/// Brings receivers made by `start` into a state, and ends one with a single signal and the other with two.
fn ends(what: &str, start: impl Fn(&[&str]) -> (Server, Kept)) {
    let (mut server, kept) = start(&GRACE);
    let begun = Instant::now();
    server.signal("TERM");
    let status = server.wait(AFTER_ONE);
    assert!(status.is_some(), "{what}: no end {:?} after one signal", begun.elapsed());
    drop(kept);
    let (mut server, kept) = start(&["--grace-period", "60"]);
    server.signal("TERM");
    server.wait_for_log("shutting down: finishing messages in progress");
    thread::sleep(SECOND / 5);
    assert_eq!(server.wait(Duration::ZERO), None, "{what}: it waits for what is in flight");
    server.signal("TERM");
    assert!(server.wait(AFTER_TWO).is_some(), "{what}: no end after two signals");
    drop(kept);
}

fn start(options: &[&str], more: &[&str]) -> Server {
    Server::start(Program::Ours, &[options, more, &["-v"]].concat())
}

#[test]
fn with_a_command_that_heeds_no_signal() {
    ends("a deaf command", |grace| {
        let server = start(grace, &["-xcr", "trap '' TERM INT; sleep 30"]);
        send(&server, &[Object::ct(10)]);
        eventually("it runs", SOON, || !server.children().is_empty());
        (server, Vec::new())
    });
}

/// The command of one association hangs, and other associations wait for their turn.
#[test]
fn with_associations_that_wait_for_commands() {
    ends("--exec-sync", |grace| {
        let server = start(grace, &["-xcr", "sleep 30", "-xs", "--exec-max", "1"]);
        let clients: Vec<Client> = (0..5)
            .map(|_| {
                let mut client = Client::usual(server.port());
                assert_eq!(client.store(3, &Object::ct(10)).status(), 0);
                client
            })
            .collect();
        eventually("one runs", SOON, || server.children().len() == 1);
        (server, vec![Box::new(clients)])
    });
}

#[test]
fn with_associations_in_the_middle_of_an_object() {
    ends("transfers", |grace| {
        let server = start(grace, &[]);
        let object = Object::ct(100_000);
        let clients: Vec<Client> = (0..30)
            .map(|number| {
                let mut client = Client::usual(server.port());
                let command = Command::store(1, &object.sop_class, &format!("1.2.{number}"));
                client.command(3, &command);
                client.send(&data_pdu(&[Pdv::data(3, false, &object.bytes[..9_000])]));
                client
            })
            .collect();
        let requests = || server.stderr().matches("Received Store Request").count();
        eventually("all have begun", SOON, || requests() == clients.len());
        (server, vec![Box::new(clients)])
    });
}

/// The pauses of `--sleep-during` and `--sleep-after` do not delay the end.
#[test]
fn with_associations_that_sleep_as_they_were_told() {
    ends("--sleep-during", |grace| {
        let server = start(grace, &["--sleep-during", "30"]);
        let mut client = Client::usual(server.port());
        let object = Object::ct(10);
        client.command(3, &Command::store(1, &object.sop_class, &object.sop_instance));
        client.data_set(3, &object.bytes);
        server.wait_for_log("Received Store Request");
        (server, vec![Box::new(client)])
    });
}

/// Silence on purpose (`--fault`) does not delay the end either.
#[test]
fn with_associations_that_are_silent_on_purpose() {
    ends("silence", |grace| {
        let server =
            start(grace, &["--fault", "object: silence", "--fault", "association from X: silence"]);
        let mut client = Client::usual(server.port());
        let object = Object::ct(10);
        client.command(3, &Command::store(1, &object.sop_class, &object.sop_instance));
        client.data_set(3, &object.bytes);
        let mut other = Client::connect(server.port());
        other.send(&Request { calling: "X".to_owned(), ..Request::usual() }.encode());
        server.wait_for_log("fault on purpose: object: silence (");
        server.wait_for_log("fault on purpose: association from X: silence (");
        (server, vec![Box::new(client), Box::new(other)])
    });
}

#[test]
fn with_a_tls_handshake_that_does_not_go_on() {
    let pki = Pki::shared();
    let words = pki.words("+tls %server.key %server.pem +cf %ca.pem -ta 60");
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let mut server = start(&["--grace-period", "60"], &words);
    let mut silent = TcpStream::connect(("127.0.0.1", server.port())).expect("it accepts");
    silent.write_all(&[0x16, 3, 1, 1, 0]).expect("a part of a handshake");
    thread::sleep(SECOND / 5);
    server.signal("TERM");
    assert!(server.wait(AFTER_TWO).is_some(), "a handshake is not waited for");
}

/// A name server that never answers is asked for host access control and for `#r`.
#[test]
fn with_a_silent_name_server() {
    if Namespace::available().is_none() {
        return skip("no mount namespaces here");
    }
    let Ok(_silence) = UdpSocket::bind("127.0.0.54:53") else {
        return skip("no name server can be played here");
    };
    let resolver = "nameserver 127.0.0.54\noptions timeout:9 attempts:3\n";
    let files = [
        ("/etc/resolv.conf", resolver),
        ("/etc/nsswitch.conf", "hosts: files dns\n"),
        ("/etc/hosts.deny", "ALL: .example.org\n"),
        ("/etc/hosts", "127.0.0.1 localhost\n"),
    ];
    for options in [&["+ac"][..], &["-xcr", "sleep 30; true #r"]] {
        for grace in [&["--grace-period", "1"][..], &["--grace-period", "60"]] {
            let options = [grace, options, &["-v"]].concat();
            let namespace = Namespace::available().expect("as before");
            let mut server = namespace.setup_with_files(Program::Ours, &files, &options).start();
            let address = std::net::Ipv4Addr::new(127, 0, 7, 9);
            let mut client = Client::connect_from(address, server.port());
            client.send(&Request::usual().encode());
            if !options.contains(&"+ac") {
                assert!(matches!(client.answer(), interop::wire::Answer::Accept(_)));
                assert_eq!(client.store(3, &Object::ct(10)).status(), 0);
            }
            thread::sleep(SECOND / 5);
            server.signal("TERM");
            if options.contains(&"60") {
                server.wait_for_log("shutting down: finishing messages in progress");
                server.signal("TERM");
                assert!(server.wait(AFTER_TWO).is_some(), "{options:?}: no end after two signals");
            } else {
                assert!(server.wait(AFTER_ONE).is_some(), "{options:?}: no end after one signal");
            }
        }
    }
}

/// 50,000 commands are queued, one association waits for room in the queue, and a study is open.
#[test]
fn with_a_full_queue_of_commands() {
    for second in [false, true] {
        let grace = if second { ["--grace-period", "60"] } else { GRACE };
        let options = ["-xcr", "sleep 30", "--exec-max", "1", "--ignore"];
        let mut server = Server::start(Program::Ours, &[&grace[..], &options].concat());
        let filling = fill(server.port(), 50_100);
        server.wait_for_log_within("command queue full (50000): associations wait", 6 * SOON);
        let begun = Instant::now();
        server.signal("TERM");
        if second {
            thread::sleep(SECOND / 2);
            server.signal("TERM");
        }
        assert!(server.wait(AFTER_ONE).is_some(), "no end {:?} after a signal", begun.elapsed());
        let log = server.stderr();
        let not_run = log.lines().find_map(|line| line.strip_suffix(" commands not run"));
        let count = not_run.and_then(|line| line.rsplit(' ').next()?.parse::<usize>().ok());
        assert!(count.is_some_and(|count| count >= 50_000), "{not_run:?}");
        assert!(log.contains("E: not run: sleep 30 (SOP instance 1.2.3)"));
        filling.join().expect("it has sent what it could");
    }
}

/// Sends objects one after another from a separate thread, without waiting for responses.
fn fill(port: u16, count: usize) -> thread::JoinHandle<()> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("it accepts");
    let mut client = Client::on(stream.try_clone().expect("a descriptor"));
    client.send(&Request::usual().encode());
    assert!(matches!(client.answer(), interop::wire::Answer::Accept(_)));
    let object = Object::ct(10);
    let command = Command::store(1, &object.sop_class, "1.2.3").encode();
    let mut message = data_pdu(&[Pdv::command(3, true, &command)]);
    message.extend(data_pdu(&[Pdv::data(3, true, &object.bytes)]));
    let hundred = message.repeat(100);
    let mut answers = stream.try_clone().expect("a descriptor");
    thread::spawn(move || {
        let mut buffer = vec![0; 1 << 16];
        while answers.read(&mut buffer).is_ok_and(|count| count > 0) {}
    });
    thread::spawn(move || {
        for _ in 0..count / 100 {
            if stream.write_all(&hundred).is_err() {
                break;
            }
        }
    })
}

/// With `--inetd`, the association has the process to itself, and still cannot keep it from ending.
#[test]
fn with_inetd() {
    for (options, second) in [
        (&["-xcr", "sleep 30", "-xs", "--grace-period", "1"][..], false),
        (&["-xcr", "sleep 30", "-xs", "--grace-period", "60"], true),
        (&["-xcr", "sleep 30", "--grace-period", "1"], false),
        (&["--sleep-after", "30", "--grace-period", "1"], false),
        // A pause on purpose holds nothing up once the connection is closed.
        (&["--sleep-after", "30", "--grace-period", "60"], false),
    ] {
        let (mut child, stream, _scratch) = by_inetd(options);
        let mut client = Client::on(stream);
        client.send(&Request::usual().encode());
        assert!(matches!(client.answer(), interop::wire::Answer::Accept(_)));
        assert_eq!(client.store(3, &Object::ct(10)).status(), 0);
        thread::sleep(SECOND / 2);
        process::signal(child.id(), "TERM");
        if second {
            thread::sleep(SECOND / 2);
            assert!(process::wait(&mut child, Duration::ZERO).is_none(), "{options:?}: it waits");
            process::signal(child.id(), "TERM");
        }
        let limit = if second { AFTER_TWO } else { AFTER_ONE };
        let ended = process::wait(&mut child, patient(limit));
        if ended.is_none() {
            let _ = child.kill();
            let _ = child.wait();
        }
        assert!(ended.is_some(), "{options:?}: no end");
    }
}

/// The association is over while a command still runs: the exit code reports what happened to the command.
#[test]
fn with_inetd_what_is_cut_short_is_told() {
    let (mut child, stream, _scratch) = by_inetd(&["-xcr", "sleep 30", "--grace-period", "60"]);
    let mut client = Client::on(stream);
    client.send(&Request::usual().encode());
    assert!(matches!(client.answer(), interop::wire::Answer::Accept(_)));
    assert_eq!(client.store(3, &Object::ct(10)).status(), 0);
    client.release();
    for _ in 0..2 {
        thread::sleep(SECOND / 2);
        assert!(process::wait(&mut child, Duration::ZERO).is_none(), "it waits for the command");
        process::signal(child.id(), "TERM");
    }
    let ended = process::wait(&mut child, patient(AFTER_TWO));
    if ended.is_none() {
        let _ = child.kill();
    }
    assert_eq!(ended.expect("an end").code(), Some(1));
}

fn by_inetd(options: &[&str]) -> (Child, TcpStream, Scratch) {
    let scratch = Scratch::new();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let stream = TcpStream::connect(listener.local_addr().expect("its number")).expect("a peer");
    let connection = OwnedFd::from(listener.accept().expect("a connection").0);
    let child = Process::new(peers::storescp())
        .args(["--inetd", "-od"])
        .arg(scratch.directory("out"))
        .args(options)
        .stdin(Stdio::from(connection))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the receiver starts");
    stream.set_read_timeout(Some(SOON)).expect("a time limit");
    (child, stream, scratch)
}
