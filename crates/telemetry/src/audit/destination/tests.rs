use super::*;
use crate::settings::ClientTls;
use crate::testing::{Identity, Scratch};
use openssl::ssl::SslAcceptor;
use std::io::Read;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

fn listen() -> (TcpListener, u16) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

fn settings(url: &str, tls: ClientTls) -> AuditSettings {
    AuditSettings { tls, ..AuditSettings::new(url.parse().unwrap()) }
}

fn destination(url: &str, tls: ClientTls) -> Destination {
    Destination::new(&settings(url, tls)).unwrap()
}

/// A syslog server by TLS for so many connections: gives what it reads of each.
fn tls_server(acceptor: SslAcceptor, connections: usize) -> (u16, Receiver<Vec<u8>>) {
    let (listener, port) = listen();
    let (told, received) = channel();
    thread::spawn(move || {
        for stream in listener.incoming().take(connections) {
            let mut bytes = Vec::new();
            if let Ok(mut stream) = acceptor.accept(stream.unwrap()) {
                let mut buffer = [0; 4096];
                // One message, so that the next one finds the connection closed.
                let count = stream.read(&mut buffer).unwrap_or(0);
                bytes.extend(&buffer[..count]);
                let _ = stream.shutdown();
            }
            told.send(bytes).unwrap();
        }
    });
    (port, received)
}

const LIMIT: Duration = Duration::from_secs(30);

#[test]
fn messages_are_framed_and_a_closed_connection_is_opened_anew() {
    let (scratch, authority) = (Scratch::new(), Identity::authority());
    let ours = authority.issued("archive");
    let tls = ClientTls {
        ca: Some(scratch.file("ca.pem", &authority.certificate_pem())),
        certificate: Some(scratch.file("cert.pem", &ours.certificate_pem())),
        key: Some(scratch.file("key.pem", &ours.key_pem())),
    };
    let acceptor = authority.issued("localhost").acceptor(Some(&authority));
    let (port, received) = tls_server(acceptor, 2);
    let mut destination = destination(&format!("syslog+tls://localhost:{port}"), tls);
    for message in [&b"<85>1 first"[..], b"<85>1 \xef\xbb\xbfsecond"] {
        // The close of the first connection is there before the second message.
        assert_eq!(destination.deliver(&[message.to_vec()]), (1, Ok(())));
        let frame = received.recv_timeout(LIMIT).unwrap();
        assert_eq!(frame, [format!("{} ", message.len()).as_bytes(), message].concat());
        thread::sleep(Duration::from_millis(200));
    }
}

/// As it is where less than one message comes within the time that sending one may take.
#[test]
fn a_connection_is_kept_however_long_nothing_is_sent() {
    let (scratch, authority) = (Scratch::new(), Identity::authority());
    let ca = Some(scratch.file("ca.pem", &authority.certificate_pem()));
    let acceptor = authority.issued("localhost").acceptor(None);
    let (listener, port) = listen();
    let (told, received) = channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = acceptor.accept(stream.unwrap()).unwrap();
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = stream.read(&mut buffer) {
                told.send(buffer[..count].to_vec()).unwrap();
            }
            told.send(b"closed".to_vec()).unwrap();
        }
    });
    let url = format!("syslog+tls://localhost:{port}");
    let mut destination = destination(&url, ClientTls { ca, ..ClientTls::default() });
    for message in [b"first", b"other"] {
        assert_eq!(destination.deliver(&[message.to_vec()]), (1, Ok(())));
        assert_eq!(received.recv_timeout(LIMIT).unwrap(), [b"5 ", &message[..]].concat());
        let Destination::Tls { connection, .. } = &mut destination else { panic!("by TLS") };
        connection.as_mut().unwrap().limit(Duration::ZERO);
    }
}

#[test]
fn a_server_that_sends_without_end_holds_nothing_up() {
    let (listener, port) = listen();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            thread::spawn(move || while stream.write_all(&[b'x'; 65_536]).is_ok() {});
        }
    });
    let endpoint = Endpoint { host: "127.0.0.1".to_owned(), port };
    let mut connection = Connection::open(&endpoint, None, LIMIT).unwrap();
    let (told, is_open) = channel();
    thread::spawn(move || told.send(connection.is_open()));
    let _: bool = is_open.recv_timeout(LIMIT).expect("an answer");
}

fn why(destination: &mut Destination) -> String {
    match destination.deliver(&[b"message".to_vec()]) {
        (0, Err(Failure::Later(why))) => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_server_that_is_not_the_right_one_gets_nothing() {
    let (scratch, authority, other) =
        (Scratch::new(), Identity::authority(), Identity::authority());
    let ca = Some(scratch.file("ca.pem", &authority.certificate_pem()));
    let tls = ClientTls { ca, ..ClientTls::default() };
    for (identity, clients, expected) in [
        (authority.issued("elsewhere"), None, "its certificate is refused: hostname mismatch"),
        (other.issued("localhost"), None, "its certificate is refused: "),
        (authority.issued("localhost"), Some(&authority), ""),
    ] {
        let (port, received) = tls_server(identity.acceptor(clients), 2);
        let mut destination = destination(&format!("syslog+tls://localhost:{port}"), tls.clone());
        if clients.is_none() {
            let why = why(&mut destination);
            assert!(why.contains(expected), "{why}");
        } else {
            // With TLS 1.3 a client learns that its certificate was missed only after it has sent.
            let _ = destination.deliver(&[b"message".to_vec()]);
        }
        assert_eq!(received.recv_timeout(LIMIT).unwrap(), b"");
    }
}

#[test]
fn a_server_that_refuses_or_is_not_there_is_told() {
    let (listener, port) = listen();
    drop(listener);
    let told =
        why(&mut destination(&format!("syslog+tls://127.0.0.1:{port}"), ClientTls::default()));
    assert!(told.contains(&format!("cannot connect to 127.0.0.1:{port}: ")), "{told}");
    let (listener, port) = listen();
    let close = thread::spawn(move || drop(listener.accept()));
    let told =
        why(&mut destination(&format!("syslog+tls://127.0.0.1:{port}"), ClientTls::default()));
    assert!(told.starts_with("TLS handshake with 127.0.0.1 failed: "), "{told}");
    close.join().unwrap();
}

/// A server that says nothing, and one that sends a byte now and then.
#[test]
fn a_server_that_hangs_or_drips_costs_the_time_limit_only() {
    for drips in [false, true] {
        let (listener, port) = listen();
        thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            drip(&stream, drips);
        });
        let begun = Instant::now();
        let url = format!("syslog+tls://127.0.0.1:{port}");
        let told = why(&mut destination(&url, ClientTls::default()));
        assert!(told.contains("takes too long"), "{told}");
        let took = begun.elapsed();
        assert!(took >= CONNECT_TIMEOUT && took < CONNECT_TIMEOUT * 2, "{took:?}");
    }
}

fn drip(mut stream: &TcpStream, drips: bool) {
    // The head of a handshake record of 16 KiB.
    let mut bytes = [0x16, 3, 3, 0x40, 0, 2, 0, 0x3f, 0xfc].into_iter().chain(std::iter::repeat(0));
    for _ in 0..100 {
        thread::sleep(Duration::from_millis(200));
        if drips && stream.write_all(&[bytes.next().unwrap()]).is_err() {
            return;
        }
    }
}

#[test]
fn datagrams_are_messages_without_frames_and_too_long_ones_are_given_up() {
    let server = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    server.set_read_timeout(Some(LIMIT)).unwrap();
    let port = server.local_addr().unwrap().port();
    let mut destination =
        destination(&format!("syslog+udp://127.0.0.1:{port}"), ClientTls::default());
    let longest = vec![b'x'; crate::limits::AUDIT_MESSAGE_BYTES];
    let messages = [b"one".to_vec(), longest.clone(), vec![b'x'; 70_000], b"two".to_vec()];
    let (sent, result) = destination.deliver(&messages);
    assert_eq!(sent, 2);
    assert!(matches!(result, Err(Failure::Never(why)) if why.contains("70000 bytes")));
    assert_eq!(destination.deliver(&messages[3..]), (1, Ok(())));
    let mut buffer = vec![0; 65_536];
    for expected in [&b"one"[..], &longest, b"two"] {
        let count = server.recv(&mut buffer).unwrap();
        assert_eq!(&buffer[..count], expected);
    }
}

#[test]
fn a_file_has_a_message_a_line_and_may_be_rotated() {
    let scratch = Scratch::new();
    let path = scratch.path().join("audit.log");
    let mut destination = destination(&format!("file:{}", path.display()), ClientTls::default());
    assert_eq!(destination.deliver(&[b"one".to_vec(), b"two".to_vec()]), (2, Ok(())));
    let aside = scratch.path().join("audit.log.1");
    std::fs::rename(&path, &aside).unwrap();
    assert_eq!(destination.deliver(&[b"three".to_vec()]), (1, Ok(())));
    assert_eq!(std::fs::read(&aside).unwrap(), b"one\ntwo\n");
    assert_eq!(std::fs::read(&path).unwrap(), b"three\n");
    let mode = path.metadata().unwrap().mode() & 0o777;
    assert_eq!(mode & 0o027, 0, "{mode:o}");
}

#[test]
fn a_file_that_cannot_be_opened_or_a_key_that_does_not_fit_is_told() {
    let mut destination = destination("file:/nonexistent/audit.log", ClientTls::default());
    assert_eq!(why(&mut destination), "No such file or directory");
    let (scratch, authority) = (Scratch::new(), Identity::authority());
    let (ours, other) = (authority.issued("a"), authority.issued("b"));
    let good = scratch.file("good.pem", &ours.certificate_pem());
    let wrong_key = scratch.file("wrong.pem", &other.key_pem());
    let text = scratch.file("text.pem", b"no certificate");
    for (ca, certificate, key, expected) in [
        (None, Some(&good), Some(&wrong_key), "wrong.pem: key values mismatch"),
        (None, Some(&text), None, "text.pem: no certificate in PEM form"),
        (Some(&text), None, None, "text.pem: no certificate in PEM form"),
        (None, None, Some(&wrong_key), "wrong.pem: a key needs a certificate"),
        (None, Some(&good), None, "good.pem: "),
    ] {
        let tls =
            ClientTls { ca: ca.cloned(), certificate: certificate.cloned(), key: key.cloned() };
        let error = settings("syslog+tls://host", tls).check().unwrap_err().to_string();
        assert!(error.contains(expected), "{expected}: {error}");
    }
    let missing = ClientTls { ca: Some("/nonexistent.pem".into()), ..ClientTls::default() };
    let error = settings("syslog+tls://host", missing).check().unwrap_err().to_string();
    assert_eq!(error, "/nonexistent.pem: No such file or directory");
}
