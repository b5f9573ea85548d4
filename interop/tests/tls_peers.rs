//! Tests which peers are admitted by their certificates, and how TLS peers can affect the receiver.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Command as Process, Stdio};
use std::time::{Duration, Instant};

use interop::process::{eventually, run, wait};
use interop::tls::{CLIENT_TIME_LIMIT, Pki, dcmtk, s_client};
use interop::wire::{Command, Pdv, Request, data_pdu, pdu};
use interop::{Object, Program, Scratch, Server, peers};

fn start(pki: &Pki, program: Program, line: &str) -> Server {
    let words = pki.words(line);
    Server::start(program, &words.iter().map(String::as_str).collect::<Vec<_>>())
}

const TRUSTING: &str = "+tls %server.key %server.pem +cf %ca.pem";

/// Each peer with each of the three modes, in TLS 1.2 and 1.3, is admitted or not as by Debian's program.
#[test]
fn peers_get_in_by_their_certificates() {
    let pki = Pki::shared();
    let peers = [
        ("client", [true, true, true]),
        ("another-name", [true, true, true]),
        ("chained", [true, true, true]),
        ("", [false, true, true]),
        ("stranger", [false, false, true]),
        ("self-signed", [false, false, true]),
        ("expired", [false, false, true]),
        // Without a revocation list, the revoked certificate is accepted.
        ("revoked", [true, true, true]),
    ];
    for (mode, option) in ["-rc", "-vc", "-ic"].iter().enumerate() {
        // Security profiles that both programs have.
        let line = format!("{TRUSTING} +py {option}");
        let servers = [Program::Ours, Program::Debian].map(|program| start(&pki, program, &line));
        for (peer, expected) in peers {
            for version in ["-tls1_2", "-tls1_3"] {
                let [ours, theirs] = [&servers[0], &servers[1]]
                    .map(|server| s_client(&pki, server.port(), &with_certificate(version, peer)));
                let what = format!("{option} {peer:?} {version}");
                assert_eq!(ours.accepted, expected[mode], "{what}: {}", ours.text);
                assert_eq!(theirs.accepted, expected[mode], "Debian, {what}: {}", theirs.text);
            }
        }
    }
}

fn with_certificate(version: &str, name: &str) -> String {
    match name {
        "" => version.to_owned(),
        // The client sends the whole chain.
        "chained" => {
            format!("{version} -key %chained.key -cert %leaf.pem -cert_chain %chained.pem")
        }
        name => format!("{version} -key %{name}.key -cert %{name}.pem"),
    }
}

/// With a revocation list, given as a file or in a hashed directory.
#[test]
fn revoked_certificates_are_refused() {
    let pki = Pki::shared();
    for (line, expected) in [
        ("+crl %ca.crl", [true, false]),
        ("+crl %ca.crl +cra", [true, false]),
        ("+crl %empty.crl", [true, true]),
        ("+cd %hashed +crv", [true, false]),
        ("+cd %hashed", [true, true]),
        // Without any list, no certificate counts as unrevoked.
        ("+crv", [false, false]),
    ] {
        let line = format!("{TRUSTING} +py {line}");
        let servers = [Program::Ours, Program::Debian].map(|program| start(&pki, program, &line));
        for server in &servers {
            let found = ["client", "revoked"]
                .map(|name| with_certificate("-tls1_2", name))
                .map(|client| s_client(&pki, server.port(), &client).accepted);
            assert_eq!(found, expected, "{line}\n{}", server.stderr());
        }
    }
}

/// A directory is read when a peer connects: only hashed names are found, and the log says so.
#[test]
fn directories_need_hashed_names() {
    let pki = Pki::shared();
    let client = with_certificate("-tls1_2", "client");
    for (directory, expected) in [("hashed", true), ("unhashed", false)] {
        let line = format!("+tls %server.key %server.pem +py +cd %{directory}");
        let [ours, theirs] =
            [Program::Ours, Program::Debian].map(|program| start(&pki, program, &line));
        for server in [&ours, &theirs] {
            assert_eq!(s_client(&pki, server.port(), &client).accepted, expected, "{directory}");
        }
        assert_eq!(ours.stderr().contains("has a hashed name, so none is found"), !expected);
    }
}

/// Weak certificates of peers are refused with current profiles, and with retired ones treated as by Debian's
/// program.
#[test]
fn weak_peer_certificates_need_a_retired_profile() {
    let pki = Pki::shared();
    for name in ["small", "sha1"] {
        let client = with_certificate("-tls1_2 -cipher ALL:@SECLEVEL=0", name);
        for (profile, expected) in [("+pg", false), ("+pm", false), ("+py", true), ("+pz", true)] {
            let server = start(&pki, Program::Ours, &format!("{TRUSTING} {profile}"));
            let attempt = s_client(&pki, server.port(), &client);
            assert_eq!(attempt.accepted, expected, "{name} {profile}: {}", server.stderr());
        }
        let theirs = start(&pki, Program::Debian, &format!("{TRUSTING} +py"));
        assert!(s_client(&pki, theirs.port(), &client).accepted, "{name}, Debian");
    }
}

/// Every refusal is logged with its reason and the peer's address, and the next peer is admitted.
#[test]
fn refusals_are_logged_with_reason_and_address() {
    let pki = Pki::shared();
    let server = start(&pki, Program::Ours, TRUSTING);
    for (client, reason) in [
        ("-tls1_2", "peer did not return a certificate (peer 127.0.0.1:"),
        ("-tls1_3", "peer did not return a certificate (peer 127.0.0.1:"),
        ("-tls1_1", "unsupported protocol (peer 127.0.0.1:"),
        ("-tls1_2 -cipher AES128-SHA256", "no shared cipher; to accept older cipher suites, see "),
    ] {
        assert!(!s_client(&pki, server.port(), client).accepted, "{client}");
        server.wait_for_log(&format!("E: Receiving Association failed: TLS error: {reason}"));
    }
    for (name, reason) in [
        ("stranger", "unable to get local issuer certificate"),
        ("self-signed", "self-signed certificate"),
        ("expired", "certificate has expired"),
    ] {
        let client = with_certificate("-tls1_3", name);
        assert!(!s_client(&pki, server.port(), &client).accepted, "{name}");
        server.wait_for_log(&format!("certificate verify failed: {reason} (peer 127.0.0.1:"));
    }
    let mut plain = TcpStream::connect(("127.0.0.1", server.port())).expect("it listens");
    plain.write_all(&Request::usual().encode()).expect("it reads");
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer);
    assert_ne!(answer.first(), Some(&2), "plain DICOM is not accepted");
    server.wait_for_log("TLS error: wrong version number (peer 127.0.0.1:");
    let client = with_certificate("-tls1_3", "client");
    assert!(s_client(&pki, server.port(), &client).accepted);
}

/// It is the sender that does not trust us.
#[test]
fn a_peer_that_refuses_our_certificate_is_told_of() {
    let pki = Pki::shared();
    let server = start(&pki, Program::Ours, "+tls %server.key %server.pem -ic");
    for version in ["-tls1_2", "-tls1_3"] {
        assert!(
            !s_client(&pki, server.port(), &format!("{version} -verify_return_error")).accepted
        );
    }
    let told = "E: Receiving Association failed: the peer refused our certificate: TLS error: ";
    eventually("both are told", CLIENT_TIME_LIMIT, || server.stderr().matches(told).count() == 2);
}

/// A connection that only checks whether the port is open is not an error.
#[test]
fn connections_without_a_byte_are_not_logged_as_errors() {
    let pki = Pki::shared();
    let server = start(&pki, Program::Ours, &format!("{TRUSTING} -d"));
    drop(TcpStream::connect(("127.0.0.1", server.port())).expect("it listens"));
    server.wait_for_log("the peer closed the connection before the TLS handshake");
    assert!(!server.stderr().contains("E: "), "{}", server.stderr());
}

/// The server name requested by the client: any, or none, or the expected one.
#[test]
fn another_server_name_is_refused_if_one_is_expected() {
    let pki = Pki::shared();
    let any = start(&pki, Program::Ours, "+tls %server.key %server.pem -ic --no-sni");
    assert!(s_client(&pki, any.port(), "-servername elsewhere.example").accepted);
    let line = "+tls %server.key %server.pem -ic --expect-sni pacs.example";
    let one = start(&pki, Program::Ours, line);
    for (client, expected) in [
        ("-servername pacs.example", true),
        ("-servername PACS.example", true),
        ("-noservername", true),
        ("-servername elsewhere.example", false),
    ] {
        assert_eq!(s_client(&pki, one.port(), client).accepted, expected, "{client}");
    }
    one.wait_for_log("Receiving Association failed: TLS error: ");
}

/// A client that offers application protocols must offer ours.
#[test]
fn another_application_protocol_is_refused() {
    let pki = Pki::shared();
    let server = start(&pki, Program::Ours, "+tls %server.key %server.pem -ic");
    for (client, expected) in
        [("", true), ("-alpn dicom", true), ("-alpn h2,dicom", true), ("-alpn h2,http/1.1", false)]
    {
        for version in ["-tls1_2", "-tls1_3"] {
            let attempt = s_client(&pki, server.port(), &format!("{version} {client}"));
            assert_eq!(attempt.accepted, expected, "{version} {client}: {}", attempt.text);
        }
    }
}

/// Sessions are resumed, with and without tickets, only where no client certificate is requested, since a
/// verdict on a certificate applies to one association.
#[test]
fn sessions_are_resumed_where_no_certificate_is_asked_for() {
    let pki = Pki::shared();
    for (option, resumed) in [("-ic", true), ("-rc", false), ("-vc", false)] {
        let server = start(&pki, Program::Ours, &format!("{TRUSTING} -d {option}"));
        let handshakes = || server.stderr().matches("TLS handshake done").count();
        for version in ["-tls1_2", "-tls1_3", "-tls1_2 -no_ticket"] {
            let client = with_certificate(version, "client");
            let session = server.scratch().join(version.replace(' ', ""));
            let (path, before) = (session.to_str().expect("paths are text"), handshakes());
            assert!(s_client(&pki, server.port(), &format!("{client} -sess_out {path}")).accepted);
            // Without a ticket or session ID, the client has no session to write.
            assert_eq!(session.exists(), resumed, "{option} {version}");
            if resumed {
                let client = format!("{client} -sess_in {path}");
                assert!(s_client(&pki, server.port(), &client).accepted, "{option} {version}");
                eventually("both", Duration::from_secs(30), || handshakes() == before + 2);
            }
        }
        let count = server.stderr().matches(", resumed").count();
        assert_eq!(count, if resumed { 3 } else { 0 }, "{option}: {}", server.stderr());
    }
}

/// A client that requests renegotiation is refused.
#[test]
fn renegotiation_is_refused() {
    let pki = Pki::shared();
    let server = start(&pki, Program::Ours, "+tls %server.key %server.pem -ic -d +py");
    let script = format!(
        "{{ sleep 0.5; echo R; sleep 2; }} | {} s_client -connect 127.0.0.1:{} -tls1_2",
        peers::debian_path("openssl").display(),
        server.port()
    );
    let output = run(Process::new("sh").args(["-c", &script]), CLIENT_TIME_LIMIT);
    let text = output.stdout + &output.stderr;
    assert!(text.contains("RENEGOTIATING"), "{text}");
    assert!(text.contains("no renegotiation"), "{text}");
    assert_eq!(server.stderr().matches("TLS handshake done").count(), 1);
}

/// The bytes of an association with a C-STORE that is complete or broken off.
fn store_bytes(object: &Object, whole: bool) -> Vec<u8> {
    let command = Command::store(1, &object.sop_class, &object.sop_instance);
    let command = Pdv::command(3, true, &command.encode());
    let length = if whole { object.bytes.len() } else { object.bytes.len() / 2 };
    let data = Pdv::data(3, whole, &object.bytes[..length]);
    [Request::usual().encode(), data_pdu(&[command]), data_pdu(&[data])].concat()
}

fn send_bytes(server: &Server, bytes: &[u8], end: &str) -> String {
    let scratch = Scratch::new();
    let file = scratch.path().join("bytes");
    fs::write(&file, bytes).expect("a file can be written");
    let mut command = Process::new("sh");
    command.args(["-c", "exec \"$0\" \"$@\" <\"$BYTES\""]).env("BYTES", file);
    command.arg(peers::python()).arg("-B");
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/tls_bytes.py"));
    command.arg(server.port().to_string()).arg(end);
    run(&mut command, CLIENT_TIME_LIMIT).expect_success("tls_bytes.py").stdout
}

/// If the connection ends in the middle of an object, the association is aborted, however the connection ends.
#[test]
fn an_end_in_the_middle_of_an_object_stores_nothing() {
    let pki = Pki::shared();
    let server = start(&pki, Program::Ours, "+tls %server.key %server.pem -ic -v");
    let object = Object::ct(4000);
    for (number, end) in ["cut", "notify", "reset"].into_iter().enumerate() {
        let answer = send_bytes(&server, &store_bytes(&object, false), end);
        assert!(answer.starts_with("answer 02"), "{end}: {answer}");
        eventually("the abort is noticed", Duration::from_secs(30), || {
            server.stderr().matches("I: Association Aborted").count() == number + 1
        });
        let error = format!(
            " bytes, SOP instance {} (CTImageStorage) is not stored: ",
            object.sop_instance
        );
        assert_eq!(server.stderr().matches(&error).count(), number + 1, "{}", server.stderr());
        assert_eq!(server.files(), [""; 0], "{end}");
    }
    send_bytes(&server, &store_bytes(&object, true), "cut");
    eventually("a whole object is stored", Duration::from_secs(30), || {
        server.files() == [object.file_name()]
    });
}

/// The receiver sends close_notify before it closes.
#[test]
fn the_end_is_announced() {
    let pki = Pki::shared();
    let server = start(&pki, Program::Ours, "+tls %server.key %server.pem -ic");
    let bytes = [Request::usual().encode(), interop::wire::abort(0, 0)].concat();
    let answer = send_bytes(&server, &bytes, "wait");
    assert_eq!(answer, "answer 02\nnotified\n");
    let unknown_pdu = [Request::usual().encode(), pdu(0x09, &[0; 4])].concat();
    assert_eq!(send_bytes(&server, &unknown_pdu, "wait"), "answer 02\nthen 07\nnotified\n");
}

/// At its end, the receiver sends A-ABORT to idle associations over TLS too.
#[test]
fn a_server_that_ends_says_so_over_tls() {
    let pki = Pki::shared();
    let mut server = start(&pki, Program::Ours, "+tls %server.key %server.pem -ic -v");
    let answer = std::thread::scope(|scope| {
        let waiting = scope.spawn(|| send_bytes(&server, &Request::usual().encode(), "wait"));
        server.wait_for_log("I: Association Acknowledged");
        server.signal("TERM");
        waiting.join().expect("no panic")
    });
    assert_eq!(answer, "answer 02\nthen 07\nnotified\n");
    let status = server.wait(Duration::from_secs(20)).expect("it ends");
    assert_eq!(status.code(), Some(0));
}

/// With inetd, the connection uses TLS from the first byte.
#[test]
fn inetd_connections_are_secured() {
    let pki = Pki::shared();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("its number").port();
    let scratch = Scratch::new();
    let attempt = std::thread::scope(|scope| {
        let client = scope.spawn(|| s_client(&pki, port, "-tls1_3"));
        let (connection, _) = listener.accept().expect("a connection");
        let mut command = Process::new(peers::storescp());
        command.args(pki.words("--inetd +tls %server.key %server.pem -ic -od"));
        command.arg(scratch.path()).stdin(OwnedFd::from(connection));
        let mut child =
            command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
        let status = wait(&mut child, CLIENT_TIME_LIMIT).expect("it ends");
        assert_eq!(status.code(), Some(0));
        client.join().expect("no panic")
    });
    assert!(attempt.accepted, "{}", attempt.text);
}

/// An object received over TLS equals the object received over TCP.
#[test]
fn objects_are_the_same_over_tls() {
    let pki = Pki::shared();
    let files = [("CT_small.dcm", "-xe"), ("MR_small.dcm", "-xi"), ("JPEG2000.dcm", "-xw")]
        .map(|(name, syntax)| (interop::corpus::file(&format!("test_files/{name}")), syntax));
    for option in ["+xa", "+xa +B"] {
        let plain = start(&pki, Program::Ours, option);
        let secure = start(&pki, Program::Ours, &format!("{TRUSTING} {option}"));
        for (file, syntax) in files {
            let client = format!("{syntax} +tls %client.key %client.pem +cf %ca.pem");
            for (server, line) in [(&plain, syntax), (&secure, client.as_str())] {
                dcmtk(&pki, "storescu", server.port(), line, &[&file.path])
                    .expect_success("storescu");
            }
        }
        let contents = |server: &Server| {
            let read = |name: &String| fs::read(server.directory().join(name)).expect("a file");
            server.files().iter().map(|name| (name.clone(), read(name))).collect::<Vec<_>>()
        };
        assert_eq!(contents(&secure).len(), 3, "{}", secure.stderr());
        assert!(contents(&secure) == contents(&plain), "{option}");
    }
}

/// 1,000 peers that open TCP and send nothing delay nobody, and are disconnected after the time limit.
#[test]
fn silent_peers_hold_up_nobody() {
    let pki = Pki::shared();
    let server = start(&pki, Program::Ours, &format!("{TRUSTING} -ta 20"));
    let silent: Vec<_> = (0..1000)
        .map(|_| TcpStream::connect(("127.0.0.1", server.port())).expect("it accepts"))
        .collect();
    let client = with_certificate("-tls1_3", "client");
    let begun = Instant::now();
    for _ in 0..5 {
        assert!(s_client(&pki, server.port(), &client).accepted);
    }
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
    // The same time limit applies to a peer that sends single bytes.
    let mut dripping = TcpStream::connect(("127.0.0.1", server.port())).expect("it accepts");
    let hello = [0x16, 3, 1, 1, 0];
    let begun = Instant::now();
    let mut sent = 0;
    eventually("the dripping peer is cut off", Duration::from_secs(40), || {
        std::thread::sleep(Duration::from_millis(300));
        sent += 1;
        dripping.write_all(&hello[sent.min(5) - 1..sent.min(5)]).is_err()
    });
    assert!(begun.elapsed() > Duration::from_secs(15), "{:?}", begun.elapsed());
    drop(silent);
    server.wait_for_log("TLS error: no handshake in time (20 s) (peer 127.0.0.1:");
}

/// An incomplete record does not stop the clock either.
#[test]
fn dripping_records_are_cut_off_in_time() {
    let pki = Pki::shared();
    let server = start(&pki, Program::Ours, "+tls %server.key %server.pem -ic -ta 4");
    let mut command = peers::python_script("tls_drip.py");
    let output = run(command.arg(server.port().to_string()), CLIENT_TIME_LIMIT);
    let output = output.expect_success("tls_drip.py");
    let seconds: f64 = output.stdout.trim().parse().expect("a number");
    assert!((1.0..20.0).contains(&seconds), "{seconds} s");
}

/// Beyond the maximum, an association is rejected by A-ASSOCIATE-RJ over TLS too.
#[test]
fn past_the_maximum_peers_are_rejected_in_words() {
    let pki = Pki::shared();
    let server =
        start(&pki, Program::Ours, "+tls %server.key %server.pem -ic --max-associations 1 -v");
    let holder = TcpStream::connect(("127.0.0.1", server.port())).expect("it listens");
    let request = Request::usual().encode();
    eventually("a rejection", Duration::from_secs(30), || {
        send_bytes(&server, &request, "wait").starts_with("answer 03")
    });
    drop(holder);
}
