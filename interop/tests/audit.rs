//! Tests audit messages (PS3.15 §A.5) as a syslog server understands them.

use std::fs;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, TcpListener, TcpStream, UdpSocket};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use interop::process::eventually;
use interop::syslog::{Rsyslog, SyslogMessage, check_audit_messages};
use interop::tls::{Pki, dcmtk, s_client};
use interop::wire::{Client, uid};
use interop::{Object, Program, Scratch, Server, peers, skip};

const LIMIT: Duration = Duration::from_secs(30);

/// Sends two objects of a study, one again, one that is refused, and one that is broken off.
fn send_objects(port: u16) {
    let objects = [1, 2].map(|number| Object {
        sop_instance: format!("2.25.{number}"),
        ..Object::made_of(uid::CT, &format!("2.25.{number}"), study_elements(number))
    });
    let mut client = Client::usual(port);
    for object in [&objects[0], &objects[1], &objects[0]] {
        assert_eq!(client.store(3, object).status(), 0);
    }
    let other = Object { sop_instance: "2.25.99".to_owned(), ..objects[0].clone() };
    assert_eq!(client.store(3, &other).status(), 0xA900);
    client.release();
}

fn study_elements(number: u32) -> Vec<(u32, [u8; 2], Vec<u8>)> {
    vec![
        (0x0010_0010, *b"PN", b"NEVERLOG^JANE".to_vec()),
        (0x0020_000D, *b"UI", b"1.2.3.4".to_vec()),
        (0x0020_0013, *b"IS", number.to_string().into_bytes()),
    ]
}

/// The messages with this code of an event or of its type.
fn with_code<'m>(messages: &'m [SyslogMessage], code: &str) -> Vec<&'m SyslogMessage> {
    let code = format!("csd-code=\"{code}\"");
    messages.iter().filter(|message| message.text.contains(&code)).collect()
}

/// Each message is an audit message, and none names a patient.
fn check(messages: &[SyslogMessage]) {
    let xml = |message: &SyslogMessage| {
        assert_eq!((&*message.message_id, &*message.application), ("DICOM+RFC3881", "storescp"));
        assert_eq!(message.priority / 8, 10);
        assert!(!message.text.contains("NEVERLOG"), "{message:?}");
        message.text.trim_start_matches([' ', '\u{feff}']).to_owned()
    };
    let texts: Vec<String> = messages.iter().map(xml).collect();
    check_audit_messages(texts.iter().map(String::as_str));
    assert!(messages.iter().all(|message| message.text.contains('\u{feff}')));
}

/// What a run with these objects reports.
fn check_run(messages: &[SyslogMessage], calling: &str) {
    check(messages);
    assert_eq!(with_code(messages, "110120").len(), 1, "start: {messages:?}");
    assert_eq!(with_code(messages, "110121").len(), 1, "stop: {messages:?}");
    let transfers = with_code(messages, "110104");
    assert_eq!(transfers.len(), 3, "{transfers:?}");
    let find = |action: &str, outcome: &str| {
        let event = format!("EventActionCode=\"{action}\" ");
        let outcome = format!("EventOutcomeIndicator=\"{outcome}\"");
        let found =
            transfers.iter().find(|it| it.text.contains(&event) && it.text.contains(&outcome));
        found.unwrap_or_else(|| panic!("{event}{outcome}: {transfers:?}"))
    };
    let class =
        |count: u32| format!("<SOPClass UID=\"{}\" NumberOfInstances=\"{count}\">", uid::CT);
    let created = find("C", "0");
    for part in [
        "ParticipantObjectID=\"1.2.3.4\"".to_owned(),
        class(2),
        format!(
            "UserID=\"{calling}\" AlternativeUserID=\"AETITLES={calling}\" UserIsRequestor=\"true\""
        ),
        "NetworkAccessPointID=\"127.0.0.1\" NetworkAccessPointTypeCode=\"2\"".to_owned(),
    ] {
        assert!(created.text.contains(&part), "{part}: {}", created.text);
    }
    assert_eq!(created.priority, 85);
    assert!(find("U", "0").text.contains(&class(1)));
    let refused = find("C", "4");
    assert_eq!(refused.priority, 84);
    for part in [class(1), "<Instance UID=\"2.25.99\"/>".to_owned(), "refused: 1 A900H".to_owned()]
    {
        assert!(refused.text.contains(&part), "{part}: {}", refused.text);
    }
}

#[test]
fn an_association_is_reported_to_rsyslog_by_tls_and_udp() {
    let pki = Pki::shared();
    let syslog = Rsyslog::start(&pki, None);
    for url in [
        format!("syslog+tls://localhost:{}", syslog.tls_port()),
        format!("syslog+udp://127.0.0.1:{}", syslog.udp_port()),
    ] {
        let before = syslog.messages().len();
        let mut server = Server::with(Program::Ours, &["--audit", &url])
            .environment("SSL_CERT_FILE", pki.path("ca.pem").to_str().expect("UTF-8"))
            .start();
        send_objects(server.port());
        server.signal("TERM");
        assert!(server.wait(LIMIT).is_some_and(|status| status.success()));
        let messages = syslog.wait_for(before + 5);
        check_run(&messages[before..], &interop::wire::Request::usual().calling);
        assert!(!server.stderr().contains("audit"), "{}", server.stderr());
    }
}

#[test]
fn a_file_has_a_message_a_line_of_real_senders_too() {
    let scratch = Scratch::new();
    let file = scratch.path().join("audit.log");
    let url = format!("file:{}", file.display());
    let mut server = Server::start(Program::Ours, &["--audit", &url]);
    send_objects(server.port());
    let object = server.directory().join("CT.2.25.1");
    let pki = Pki::shared();
    let sent = dcmtk(&pki, "storescu", server.port(), "-aet SENDER", &[&object]);
    sent.expect_success("storescu");
    server.signal("TERM");
    assert!(server.wait(LIMIT).is_some_and(|status| status.success()));
    let text = fs::read_to_string(&file).expect("the file");
    let xml: Vec<&str> = text.lines().map(after_header).collect();
    check_audit_messages(xml.iter().copied());
    assert_eq!(xml.len(), 6, "{text}");
    assert_eq!(xml.iter().filter(|it| it.contains("UserID=\"SENDER\"")).count(), 1, "{text}");
}

/// What follows the header of a syslog message.
fn after_header(line: &str) -> &str {
    let (header, xml) = line.split_once('\u{feff}').expect("a byte order mark");
    let fields: Vec<&str> = header.split(' ').collect();
    assert_eq!(fields.len(), 8, "{header}");
    assert!(fields[0].ends_with(">1") && fields[1].ends_with('Z'), "{header}");
    assert_eq!(fields[3..], ["storescp", fields[4], "DICOM+RFC3881", "-", ""]);
    xml
}

#[test]
fn peers_that_are_not_served_are_alerts() {
    let (scratch, pki) = (Scratch::new(), Pki::shared());
    let file = scratch.path().join("audit.log");
    let url = format!("file:{}", file.display());
    let tls = pki.words("+tls %server.key %server.pem +cf %ca.pem --audit");
    let options: Vec<&str> = tls.iter().map(String::as_str).chain([url.as_str()]).collect();
    let mut server = Server::start(Program::Ours, &options);
    // A peer without a certificate, and one without TLS.
    let _ = s_client(&pki, server.port(), "");
    let mut plain = Client::connect(server.port());
    plain.send(&interop::wire::Request::usual().encode());
    assert!(plain.is_closed_within(LIMIT));
    let alerts = || {
        let text = interop::process::read_lossy(&file);
        text.matches("csd-code=\"110113\"").count()
    };
    eventually("two security alerts", LIMIT, || alerts() == 2);
    server.signal("TERM");
    assert!(server.wait(LIMIT).is_some());
    let text = fs::read_to_string(&file).expect("the file");
    check_audit_messages(text.lines().map(after_header));
    let alerts: Vec<&str> = text.lines().filter(|line| line.contains("110113")).collect();
    for alert in alerts {
        assert!(alert.contains("csd-code=\"110126\""), "{alert}");
        assert!(alert.contains("ParticipantObjectID=\"127.0.0.1\""), "{alert}");
        assert!(alert.contains("<EventOutcomeDescription>"), "{alert}");
    }
}

#[test]
fn a_settings_file_names_authority_and_certificate_and_its_reloads_are_reported() {
    let (pki, scratch) = (Pki::shared(), Scratch::new());
    let syslog = Rsyslog::for_known_clients(&pki);
    let path = |name: &str| pki.path(name).display().to_string();
    let file = scratch.path().join("settings.toml");
    let settings = format!(
        "log.level = 'info'\n[audit]\ndestination = 'syslog+tls://localhost:{}'\nca = '{}'\ncertificate = '{}'\n\
         key = '{}'\nsource-id = 'archive-1'\n",
        syslog.tls_port(),
        path("ca.pem"),
        path("client.pem"),
        path("client.key")
    );
    fs::write(&file, &settings).expect("a file can be written");
    let mut server = Server::start(Program::Ours, &["--settings", file.to_str().expect("UTF-8")]);
    send_objects(server.port());
    let _ = syslog.wait_for(4);
    server.signal("HUP");
    assert_eq!(with_code(&syslog.wait_for(5), "110131").len(), 1);
    fs::write(&file, settings + "nonsense = 1\n").expect("a file can be written");
    server.signal("HUP");
    let messages = syslog.wait_for(6);
    server.signal("TERM");
    assert!(server.wait(LIMIT).is_some());
    let alerts = with_code(&messages, "110131");
    assert!(alerts[0].text.contains("EventOutcomeIndicator=\"0\""), "{alerts:?}");
    assert!(alerts[1].text.contains("EventOutcomeIndicator=\"4\""), "{alerts:?}");
    assert!(alerts[1].text.contains("nonsense"), "{alerts:?}");
    let messages = syslog.wait_for(7);
    check_run(&messages, &interop::wire::Request::usual().calling);
    let source = "AuditSourceID=\"archive-1\"";
    assert!(messages.iter().all(|message| message.text.contains(source)), "{messages:?}");
}

/// An address of this machine that is no loopback address, if it has one. Nothing is sent.
fn own_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    socket.connect("192.0.2.1:9").ok()?;
    Some(socket.local_addr().ok()?.ip()).filter(|address| !address.is_loopback())
}

/// Asks the control plane for its status, with this token. Returns the status line.
fn ask(address: IpAddr, port: u16, token: &str) -> String {
    let mut stream = TcpStream::connect((address, port)).expect("the control plane listens");
    let request = format!(
        "GET /api/v1/status HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nConnection: \
         close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).expect("a request can be sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer.lines().next().unwrap_or_default().to_owned()
}

#[test]
fn who_logs_in_to_the_control_plane_is_reported() {
    let Some(address) = own_address() else {
        return skip("log-ins: this machine has loopback addresses only, which need none");
    };
    let scratch = Scratch::new();
    let (file, audit) = (scratch.path().join("settings.toml"), scratch.path().join("audit.log"));
    let token = scratch.path().join("token");
    let port = interop::free_port();
    fs::write(&token, "0123456789abcdef0123456789abcdef").expect("a file can be written");
    let settings = format!(
        "[audit]\ndestination = 'file:{}'\n[http]\nlisten = '{address}:{port}'\n\
         insecure = true\n[[http.token]]\nname = 'prometheus'\n\
         token = {{ file = '{}' }}\n",
        audit.display(),
        token.display()
    );
    fs::write(&file, settings).expect("a file can be written");
    let mut server = Server::start(Program::Ours, &["--settings", file.to_str().expect("UTF-8")]);
    assert_eq!(ask(address, port, "0123456789abcdef0123456789abcdef"), "HTTP/1.1 200 OK");
    assert_eq!(ask(address, port, "another token, and a wrong one"), "HTTP/1.1 401 Unauthorized");
    server.signal("TERM");
    assert!(server.wait(LIMIT).is_some());
    let text = fs::read_to_string(&audit).expect("the file");
    check_audit_messages(text.lines().map(after_header));
    let logins: Vec<&str> = text.lines().filter(|line| line.contains("110114")).collect();
    assert_eq!(logins.len(), 2, "{text}");
    for (login, outcome, user) in [(logins[0], 0, "prometheus"), (logins[1], 4, "unknown token")] {
        assert!(login.contains(&format!("EventOutcomeIndicator=\"{outcome}\"")), "{login}");
        assert!(login.contains(&format!("<ActiveParticipant UserID=\"{user}\"")), "{login}");
        assert!(login.contains(&format!("NetworkAccessPointID=\"{address}\"")), "{login}");
    }
    assert!(!text.contains("0123456789abcdef") && !text.contains("another token"), "{text}");
}

/// A syslog server that accepts connections, and neither speaks TLS nor reads.
#[test]
fn a_syslog_server_that_hangs_is_never_in_the_way_of_reception() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let url = format!("syslog+tls://{}", listener.local_addr().expect("an address"));
    let held = thread::spawn(move || listener.accept().map(|(stream, _)| stream));
    let seconds = |options: &[&str]| {
        let mut server = Server::start(Program::Ours, options);
        let begun = Instant::now();
        for number in 0..50 {
            let mut client = Client::usual(server.port());
            for object in 0..4 {
                let object = Object::new(uid::CT, &format!("2.25.{number}.{object}"), 1000);
                assert_eq!(client.store(3, &object).status(), 0);
            }
            client.release();
        }
        let took = begun.elapsed();
        assert_eq!(server.files().len(), 200);
        let begun = Instant::now();
        server.signal("TERM");
        assert!(server.wait(LIMIT).is_some_and(|status| status.success()));
        (took, begun.elapsed(), server.stderr())
    };
    let (without, ..) = seconds(&["--durability", "none"]);
    let (with, ending, log) = seconds(&["--durability", "none", "--audit", &url]);
    assert!(with < without * 3 + Duration::from_secs(1), "{without:?} without, {with:?} with");
    assert!(ending < Duration::from_secs(15), "{ending:?}");
    assert!(log.contains("audit messages were not sent before the program ended"), "{log}");
    drop(held.join());
}

#[test]
fn messages_wait_for_a_server_that_is_away() {
    let pki = Pki::shared();
    let ports = (interop::free_port(), interop::free_port());
    let url = format!("syslog+tls://localhost:{}", ports.0);
    let server = Server::with(Program::Ours, &["--audit", &url])
        .environment("SSL_CERT_FILE", pki.path("ca.pem").to_str().expect("UTF-8"))
        .start();
    send_objects(server.port());
    server.wait_for_log(&format!("W: cannot send audit messages to {url}: cannot connect to "));
    let syslog = Rsyslog::start(&pki, Some(ports));
    assert_eq!(with_code(&syslog.wait_for(4), "110104").len(), 3);
    server.wait_for_log(&format!("W: audit messages are sent to {url} again, after "));
    // And for one that was away for a moment.
    drop(syslog);
    let syslog = Rsyslog::start(&pki, Some(ports));
    // All of it is there already: one message for what is stored again, one for what is refused.
    send_objects(server.port());
    check(&syslog.wait_for(2));
}

#[test]
fn a_server_with_another_name_or_authority_gets_nothing() {
    let pki = Pki::shared();
    let syslog = Rsyslog::start(&pki, None);
    for (host, ca, why) in [
        ("127.0.0.1", "ca.pem", "its certificate is refused: IP address mismatch"),
        ("localhost", "other-ca.pem", "its certificate is refused: "),
    ] {
        let url = format!("syslog+tls://{host}:{}", syslog.tls_port());
        let server = Server::with(Program::Ours, &["--audit", &url])
            .environment("SSL_CERT_FILE", pki.path(ca).to_str().expect("UTF-8"))
            .environment("SSL_CERT_DIR", "/nonexistent")
            .start();
        server.wait_for_log(why);
    }
    assert_eq!(syslog.messages(), []);
}

/// The examples of docs/audit.md, with certificates of the tests.
#[test]
fn the_examples_for_rsyslog_are_configurations() {
    let (pki, scratch) = (Pki::shared(), Scratch::new());
    let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/audit.md");
    let text = fs::read_to_string(document).expect("the document");
    let blocks: Vec<&str> = text.split("```").filter_map(|it| it.strip_prefix("text\n")).collect();
    assert_eq!(blocks.len(), 2);
    for block in blocks {
        let config = block
            .replace("/etc/rsyslog.d/ca.pem", &pki.path("ca.pem").display().to_string())
            .replace("/etc/rsyslog.d/server.", &pki.path("server.").display().to_string());
        // Debian's own configuration names one.
        let directory = format!("global(workDirectory=\"{}\")", scratch.path().display());
        let file = scratch.path().join("rsyslog.conf");
        fs::write(&file, directory + &config).expect("a file can be written");
        let mut check = peers::debian("rsyslogd");
        check.arg("-N1").arg("-f").arg(&file);
        let output = interop::process::run(&mut check, LIMIT).expect_success("rsyslogd -N1");
        let told = output.stderr + &output.stdout;
        assert!(!told.contains("error") && !told.contains("warning"), "{block}{told}");
    }
}

#[test]
fn a_url_that_is_none_is_told_at_the_start() {
    let run = |url: &str| {
        let mut command = std::process::Command::new(peers::storescp());
        command.args(["--audit", url, "11112"]);
        interop::process::run(&mut command, LIMIT)
    };
    for url in ["syslog://host", "file:relative", "syslog+tls://host:0"] {
        let output = run(url);
        assert_eq!(output.code(), Some(1));
        let told = format!("error: Invalid value for option --audit ({url})\nhint: ");
        assert!(output.stderr.contains(&told), "{}", output.stderr);
    }
}
