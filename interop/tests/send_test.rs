//! Tests `storescp test`: what it tells, and that what it sends is an object.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use interop::process::{Output, run};
use interop::tls::Pki;
use interop::{Program, Scratch, Server, free_port, peers};

const LIMIT: Duration = Duration::from_secs(60);

/// Sends a test object to this port of this machine.
fn send(port: u16, options: &[&str]) -> Output {
    let mut command = Command::new(peers::storescp());
    run(command.args(["test", "localhost", &port.to_string()]).args(options), LIMIT)
}

/// The steps that were told, without their times.
fn steps(output: &Output) -> Vec<&str> {
    output
        .stdout
        .lines()
        .map(|line| line.split_once(" ms  ").map_or(line.trim(), |it| it.1))
        .collect()
}

#[test]
fn a_receiver_that_works_stores_a_valid_object() {
    for program in [Program::Ours, Program::Debian] {
        let server = Server::start(program, &["-v"]);
        let output = send(server.port(), &["--calling", "CT1", "--called=PACS"]);
        assert_eq!((output.code(), output.stderr.as_str()), (Some(0), ""), "{}", output.stdout);
        let port = server.port();
        let told = steps(&output);
        let name = told[6].rsplit_once(' ').expect("a UID").1;
        assert_eq!(told[0], format!("sending to localhost port {port}, from CT1 to PACS"));
        assert!(told[1].starts_with("connected to "), "{told:?}");
        assert_eq!(told[2], "association accepted");
        assert!(told[3].ends_with(": explicit VR little endian"), "{told:?}");
        assert_eq!(told[4].split(": ").last(), Some("explicit VR little endian"), "{told:?}");
        assert_eq!(told[5], "C-ECHO answered 0000H (success)");
        assert_eq!(told[6], "C-STORE answered 0000H (success)");
        assert!(told[7].contains(", SOP Instance UID 2.25."), "{told:?}");
        assert_eq!(told[8], "association released");
        assert!(told[9].starts_with("All is well: the object was stored."), "{told:?}");
        assert!(output.stdout.lines().nth(1).is_some_and(|line| line.contains(" ms  ")));
        let [file] = &server.files()[..] else { panic!("{name}: {:?}", server.files()) };
        let file = server.directory().join(file);
        let uid = told[7].rsplit_once(' ').expect("a UID").1;
        assert!(file.to_string_lossy().ends_with(uid), "{}", file.display());
        is_valid(&file);
    }
}

#[test]
fn an_echo_alone_stores_nothing() {
    let server = Server::start(Program::Ours, &[]);
    let output = send(server.port(), &["--echo"]);
    assert_eq!(output.code(), Some(0), "{}", output.stdout);
    assert_eq!(
        steps(&output)[4..].join("|"),
        "C-ECHO answered 0000H (success)|association released|All is well: the receiver answers."
    );
    assert_eq!(server.files(), [""; 0]);
}

/// What dicom3tools says of an object.
fn is_valid(file: &Path) {
    let checked = run(Command::new("dciodvfy").arg(file), LIMIT);
    let text = checked.stdout.clone() + &checked.stderr;
    let errors: Vec<&str> = text.lines().filter(|line| line.starts_with("Error")).collect();
    assert!(errors.is_empty() && text.contains("SCImage"), "{text}");
}

#[test]
fn what_fails_is_told_with_what_to_do() {
    let refusing = Server::start(Program::Ours, &["--refuse"]);
    let output = send(refusing.port(), &[]);
    assert_eq!(output.code(), Some(1));
    assert!(output.stdout.contains("\nFAILED: association rejected "), "{}", output.stdout);
    assert!(output.stdout.contains("\nWhat to do: "), "{}", output.stdout);

    let output = send(free_port(), &[]);
    assert_eq!(output.code(), Some(1));
    assert!(
        output.stdout.contains("\nFAILED: cannot connect: Connection refused"),
        "{}",
        output.stdout
    );
    assert!(output.stdout.contains("What to do: nothing listens on port "), "{}", output.stdout);

    let full = Server::start(Program::Ours, &["--min-free", "100%"]);
    let output = send(full.port(), &[]);
    assert_eq!(output.code(), Some(1));
    assert!(output.stdout.contains(" is short of something for a while, mostly of disk space"));
    // A name that no file system takes.
    let failing = Server::start(Program::Ours, &["-fe", &"x".repeat(250)]);
    let output = send(failing.port(), &[]);
    assert_eq!(output.code(), Some(1));
    assert!(
        output.stdout.contains("C-STORE answered A700H (out of resources)\n"),
        "{}",
        output.stdout
    );
    assert!(output.stdout.contains("What to do: the receiver cannot write: "), "{}", output.stdout);

    // It accepts the connection and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = silent.local_addr().expect("an address").port();
    let mut command = Command::new(peers::storescp());
    let output =
        run(command.args(["test", "127.0.0.1", &port.to_string(), "--timeout", "1"]), LIMIT);
    assert_eq!(output.code(), Some(1));
    assert!(
        output.stdout.contains("FAILED: timeout: the peer did not answer the A-ASSOCIATE-RQ\n")
    );
    assert!(output.stdout.contains("What to do: does the receiver want TLS "), "{}", output.stdout);

    let other = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = other.local_addr().expect("an address").port();
    let other = thread::spawn(move || {
        let (mut stream, _) = other.accept().expect("a connection");
        std::io::Write::write_all(&mut stream, b"SSH-2.0-x\r\n\x1b[2J").expect("it is there");
    });
    let output =
        run(Command::new(peers::storescp()).args(["test", "127.0.0.1", &port.to_string()]), LIMIT);
    other.join().expect("it ends");
    assert_eq!(output.code(), Some(1));
    assert!(output.stdout.contains("Is it a DICOM port at all?"), "{}", output.stdout);
    assert!(!output.stdout.contains('\x1b'));
}

/// Once the association is accepted, it is no question of addresses or of TLS.
#[test]
fn what_fails_in_an_association_is_told_as_such() {
    for (fault, advice) in [
        ("object: abort", "What to do: the receiver ended the association on purpose"),
        ("object: close", "What to do: the receiver accepted the association and then broke off"),
        ("object: reset", "What to do: the receiver accepted the association and then broke off"),
        ("object: cut pdu 20", "What to do: the receiver accepted the association and then"),
        ("object: unknown pdu", "What to do: the receiver answered what DICOM does not allow"),
        ("association: abort", "What to do: the receiver speaks DICOM and refuses"),
    ] {
        let server = Server::start(Program::Ours, &["--fault", fault]);
        let output = send(server.port(), &[]);
        assert_eq!(output.code(), Some(1), "{fault}");
        assert!(output.stdout.contains(advice), "{fault}: {}", output.stdout);
        assert!(!output.stdout.contains("TLS"), "{fault}: {}", output.stdout);
    }
    for fault in ["object: wrong instance", "object: wrong class"] {
        let server = Server::start(Program::Ours, &["--fault", fault]);
        let output = send(server.port(), &[]);
        assert_eq!(output.code(), Some(1), "{fault}: {}", output.stdout);
        assert!(output.stdout.contains("another SOP instance or class"), "{}", output.stdout);
    }
    let server = Server::start(Program::Ours, &["--fault", "object: status B000"]);
    let output = send(server.port(), &[]);
    assert_eq!(output.code(), Some(0), "{}", output.stdout);
    let told = "\nThe object was stored, with warning B000H (coercion of data elements): ";
    assert!(output.stdout.contains(told), "{}", output.stdout);
    assert!(!output.stdout.contains("All is well"), "{}", output.stdout);
}

#[test]
fn a_receiver_with_a_profile_gets_what_it_accepts() {
    let scratch = Scratch::new();
    let profile = scratch.path().join("profile.cfg");
    let text = "[[TransferSyntaxes]]\n[One]\nTransferSyntax1 = LittleEndianImplicit\n\
                [[PresentationContexts]]\n[Some]\nPresentationContext1 = SecondaryCaptureImageStorage\\One\n\
                [[Profiles]]\n[Default]\nPresentationContexts = Some\n";
    fs::write(&profile, text).expect("a file");
    let server = Server::start(Program::Ours, &["-xf", profile.to_str().expect("text"), "Default"]);
    let output = send(server.port(), &[]);
    assert_eq!(output.code(), Some(0), "{}", output.stdout);
    assert!(output.stdout.contains(": not accepted\n"), "{}", output.stdout);
    assert!(output.stdout.contains("no C-ECHO, since it is not accepted"), "{}", output.stdout);
    assert!(output.stdout.contains(": implicit VR little endian\n"), "{}", output.stdout);
    let [file] = &server.files()[..] else { panic!("{:?}", server.files()) };
    is_valid(&server.directory().join(file));

    let nothing = text.replace("SecondaryCaptureImageStorage", "CTImageStorage");
    fs::write(&profile, nothing).expect("a file");
    let server = Server::start(Program::Ours, &["-xf", profile.to_str().expect("text"), "Default"]);
    let output = send(server.port(), &[]);
    assert_eq!(output.code(), Some(1), "{}", output.stdout);
    assert!(output.stdout.contains("What to do: the receiver does not take this class"));
}

#[test]
fn tls_is_told_step_by_step() {
    let pki = Pki::shared();
    let [key, certificate, authority] =
        ["client.key", "client.pem", "ca.pem"].map(|name| pki.path(name).display().to_string());
    let [server_key, server_certificate] =
        ["server.key", "server.pem"].map(|name| pki.path(name).display().to_string());
    let options = ["+tls", &server_key, &server_certificate, "+cf", &authority];
    let server = Server::start(Program::Ours, &options);
    let own = ["--tls", "--key", &key, "--cert", &certificate];
    let output = send(server.port(), &[&own[..], &["--insecure"]].concat());
    assert_eq!(output.code(), Some(0), "{}", output.stdout);
    assert!(output.stdout.contains("TLS: TLSv1.3, TLS_"), "{}", output.stdout);
    assert!(output.stdout.contains(", certificate not checked\n"), "{}", output.stdout);

    // Nobody shows a certificate; nobody speaks TLS; nobody there is trusted.
    for (options, advice) in [
        (
            &["--tls", "--insecure"][..],
            "FAILED: the peer refused our certificate: certificate required\n",
        ),
        (&["--tls", "--insecure"], "(--key, --cert)"),
        (&[], "does the receiver want TLS on this port?"),
        (&["--tls", "--ca", &certificate], "is not from an authority in --ca"),
    ] {
        let output = send(server.port(), options);
        assert_eq!(output.code(), Some(1), "{options:?}");
        assert!(output.stdout.contains(advice), "{options:?}: {}", output.stdout);
    }
    let plain = Server::start(Program::Ours, &[]);
    let output = send(plain.port(), &["--tls", "--insecure"]);
    assert!(output.stdout.contains("If not, leave out --tls"), "{}", output.stdout);
    assert!(!output.stdout.contains("SSL routines"), "{}", output.stdout);
    let output = send(plain.port(), &["--tls", "--ca", "/no/such/file"]);
    let told = (output.code(), output.stdout.as_str(), output.stderr.as_str());
    let error = "error: cannot read --ca '/no/such/file': No such file or directory\n";
    assert_eq!(told, (Some(1), "", error));
    let own = ["--tls", "--insecure", "--key", &key, "--cert", &server_certificate];
    let output = send(plain.port(), &own);
    assert!(output.stderr.contains("does not belong to the certificate"), "{}", output.stderr);
    assert_eq!((output.code(), output.stdout.as_str()), (Some(1), ""));
}

#[test]
fn its_own_faults_are_told_and_it_is_no_port() {
    let mut command = Command::new(peers::storescp());
    let output = run(command.args(["test", "localhost"]), LIMIT);
    assert_eq!((output.code(), output.stdout.as_str()), (Some(1), ""));
    let expected = "error: give HOST and PORT, then options\n\
                    hint: storescp test --help\n";
    assert_eq!(output.stderr, expected);
    let help = run(Command::new(peers::storescp()).args(["test", "--help"]), LIMIT);
    assert_eq!(help.code(), Some(0));
    assert!(help.stdout.starts_with("usage: storescp test HOST PORT [options]\n"));
}
