//! Tests peers that are slow, disconnect or vanish in each state of the protocol: each ends in time and leaks
//! nothing.

use std::fs;
use std::process;
use std::thread;
use std::time::{Duration, Instant};

use crate::hostile::{hundred_stores, serves_others};
use interop::process::{eventually, run};
use interop::wire::{Answer, Client, Command, Pdv, Request, abort, data_pdu, release_request};
use interop::{Object, Program, Server};

/// Time within which a finished connection is closed: `CLOSE_TIMEOUT` of the receiver, with leeway for a busy
/// machine. It is less than the default of every other time limit.
const CLOSED_SOON: Duration = Duration::from_secs(20);

/// What a peer sends, and whether it then waits for an answer.
type Step = (Vec<u8>, bool);

/// A complete session: associate, echo, store, release.
fn session(object: &Object) -> Vec<Step> {
    let command = Command::store(2, &object.sop_class, &object.sop_instance).encode();
    vec![
        (Request::usual().encode(), true),
        (data_pdu(&[Pdv::command(1, true, &Command::echo(1).encode())]), true),
        (data_pdu(&[Pdv::command(3, true, &command)]), false),
        (data_pdu(&[Pdv::data(3, true, &object.bytes)]), true),
        (release_request(), true),
    ]
}

/// Performs `steps` up to byte `cut`.
fn go(client: &mut Client, steps: &[Step], mut cut: usize) {
    for (bytes, is_answered) in steps {
        let sent = cut.min(bytes.len());
        client.send(&bytes[..sent]);
        cut -= sent;
        if sent < bytes.len() {
            return;
        }
        if *is_answered {
            assert_ne!(client.answer(), Answer::Closed);
        }
    }
}

/// Starts a receiver that already has as many waiting threads as it ever keeps.
fn warmed_up(options: &[&str]) -> Server {
    let server = Server::start(Program::Ours, options);
    let many: Vec<Client> = (0..16).map(|_| Client::usual(server.port())).collect();
    many.into_iter().for_each(Client::release);
    let mut last = (usize::MAX, 0);
    eventually("it comes to rest", CLOSED_SOON, || {
        thread::sleep(Duration::from_millis(200));
        std::mem::replace(&mut last, held(&server)) == last
    });
    server
}

/// Open descriptors and threads of the receiver.
fn held(server: &Server) -> (usize, usize) {
    (server.descriptors(), server.threads())
}

#[test]
fn resets_and_closes_at_every_byte_leave_nothing() {
    let object = Object::ct(300);
    let steps = session(&object);
    let length: usize = steps.iter().map(|(bytes, _)| bytes.len()).sum();
    let stored_from = length - release_request().len();
    let server = warmed_up(&[]);
    let before = held(&server);
    for cut in 0..=length {
        for reset in [false, true] {
            let mut client = Client::connect(server.port());
            go(&mut client, &steps, cut);
            // In half of the cases, give the receiver time to read the bytes.
            if cut % 2 == 0 {
                thread::sleep(Duration::from_millis(1));
            }
            if reset {
                client.reset();
            } else {
                drop(client);
            }
            let expected = if cut < stored_from { vec![] } else { vec![object.file_name()] };
            if cut == stored_from - 1 {
                eventually("nothing is left", CLOSED_SOON, || server.files().is_empty());
            }
            if cut >= stored_from {
                assert_eq!(server.files(), expected, "cut after {cut} bytes");
                server.clear();
            }
        }
    }
    eventually("nothing is left", CLOSED_SOON, || server.files().is_empty());
    let mut now = held(&server);
    let deadline = Instant::now() + CLOSED_SOON;
    while (now.0 > before.0 || now.1 > before.1) && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(100));
        now = held(&server);
    }
    assert!(now.0 <= before.0 && now.1 <= before.1, "held: {now:?}, before: {before:?}");
    serves_others(&server);
}

/// Peers that send one byte per second, one in each state of the protocol, beside a normal sender. Where a
/// state has a time limit, it applies even though bytes keep arriving.
#[test]
fn a_byte_a_second_in_each_state_holds_up_nobody_and_outlives_no_limit() {
    let server = Server::start(Program::Ours, &["-ta", "3"]);
    let alone = hundred_stores(&server);
    let object = Object::ct(2_000);
    let steps = session(&object);
    let start = |bytes: usize| {
        let mut client = Client::connect(server.port());
        go(&mut client, &steps, bytes);
        client
    };
    let ends: Vec<usize> = steps
        .iter()
        .scan(0, |sum, (bytes, _)| {
            *sum += bytes.len();
            Some(*sum)
        })
        .collect();
    let [associated, echoed, commanded, ..] = ends[..] else { panic!("five steps") };
    let rest = |from: usize| steps.iter().flat_map(|(bytes, _)| bytes.clone()).skip(from).collect();
    let rejected = Request { application_context: Some("1.2.3".to_owned()), ..Request::usual() };
    let mut limited: Vec<(&str, Client, Vec<u8>)> = vec![
        ("before the request", start(0), rest(0)),
        ("in the request", start(40), rest(40)),
        ("after the release", start(ends[4]), vec![0; 100]),
        ("after an abort", start(associated), abort(0, 0)),
        ("after a rejection", Client::connect(server.port()), vec![0; 100]),
    ];
    limited[3].1.send(&abort(0, 0));
    limited[4].1.send(&rejected.encode());
    assert!(matches!(limited[4].1.answer(), Answer::Reject(..)));
    let mut unlimited: Vec<(&str, Client, Vec<u8>)> = vec![
        ("between messages", start(associated), rest(associated)),
        ("in a command", start(echoed + 20), rest(echoed + 20)),
        ("in the header of a data set", start(commanded + 3), rest(commanded + 3)),
        ("in a data set", start(commanded + 500), rest(commanded + 500)),
        ("in a release", start(ends[3] + 2), rest(ends[3] + 2)),
    ];
    let started = Instant::now();
    let mut ended = vec![None; limited.len()];
    let mut beside = Vec::new();
    for second in 0..7 {
        for (_, client, rest) in limited.iter_mut().chain(&mut unlimited) {
            if let Some(byte) = rest.get(second) {
                let _ = client.try_send(&[*byte]);
            }
        }
        beside.push(hundred_stores(&server));
        for ((_, client, _), end) in limited.iter_mut().zip(&mut ended) {
            if end.is_none() && client.is_closed_within(Duration::from_millis(50)) {
                *end = Some(started.elapsed());
            }
        }
        thread::sleep(
            (Duration::from_secs(1) * (second as u32 + 1)).saturating_sub(started.elapsed()),
        );
    }
    for ((state, ..), end) in limited.iter().zip(ended) {
        let end =
            end.unwrap_or_else(|| panic!("{state}: still open after {:?}", started.elapsed()));
        assert!(end < Duration::from_secs(6), "{state}: {end:?}");
    }
    beside.sort_unstable();
    let median = beside[beside.len() / 2];
    assert!(median < alone * 3 + Duration::from_millis(300), "{median:?} beside, {alone:?} alone");
    // A data set has no time limit, because a line may be slow; this one completes normally.
    let (_, mut client, rest) = unlimited.swap_remove(3);
    client.send(&rest[7..rest.len() - release_request().len()]);
    assert_eq!(client.response().1.status(), 0);
}

/// Peers whose machine loses power, so that not even the kernel reports the end of the connection.
#[test]
fn peers_that_vanish_without_a_word_end_in_time() {
    let server = warmed_up(&["-ta", "4", "-td", "4", "-ts", "4"]);
    let before = held(&server);
    let steps = session(&Object::ct(2_000));
    let all: Vec<u8> = steps.iter().flat_map(|(bytes, _)| bytes.clone()).collect();
    let associated = steps[0].0.len();
    let sent = [0, 10, associated, associated + 20, all.len() - 100];
    vanish(server.port(), &sent.map(|sent| &all[..sent]));
    assert!(held(&server).0 >= before.0 + 5, "they are there");
    let started = Instant::now();
    eventually("all is given back", CLOSED_SOON, || held(&server).0 <= before.0);
    assert!(started.elapsed() > Duration::from_millis(500), "they were there");
    eventually("nothing is left", CLOSED_SOON, || server.files().is_empty());
    serves_others(&server);
}

/// Sends bytes, each on a connection of its own, and ends the connections without notifying the peer (Linux's
/// `TCP_REPAIR`).
fn vanish(port: u16, sent: &[&[u8]]) {
    let script = "
import socket, sys, time
peers = [socket.create_connection(('127.0.0.1', int(sys.argv[1]))) for _ in sys.argv[2:]]
for s, sent in zip(peers, sys.argv[2:]):
    s.sendall(bytes.fromhex(sent))
time.sleep(0.1)
for s in peers:
    s.setsockopt(socket.IPPROTO_TCP, 19, 1)
    s.close()";
    let hex = |bytes: &&[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let mut python = process::Command::new("python3");
    python.args(["-c", script, &port.to_string()]).args(sent.iter().map(hex));
    run(&mut python, Duration::from_secs(60)).expect_success("peers that vanish");
}

/// Even without any time limit, a vanished peer is detected by TCP keep-alive.
#[test]
fn silent_peers_are_asked_whether_they_are_there() {
    let server = Server::start(Program::Ours, &["-ts", "0"]);
    let client = Client::usual(server.port());
    let local = format!(":{:04X}", server.port());
    let connections = || {
        let table = fs::read_to_string("/proc/net/tcp").expect("the table of connections");
        let ours = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
        // Local address, state 01 (established), and the active timer: 02 is keep-alive.
        ours.filter(|field| field[1].ends_with(&local) && field[3] == "01")
            .map(|field| field[5][..2].to_owned())
            .collect::<Vec<_>>()
    };
    eventually("it is watched", CLOSED_SOON, || connections() == ["02"]);
    drop(client);
}
