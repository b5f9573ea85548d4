//! Tests keys, certificates and the other TLS files: they are read at startup, and again on SIGHUP.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command as Process, Stdio};
use std::time::Duration;

use interop::process::{eventually, run, wait};
use interop::tls::{CLIENT_TIME_LIMIT, PASSWORD, Pki, dcmtk, s_client};
use interop::{Program, Scratch, Server, free_port, peers};

fn start(pki: &Pki, program: Program, line: &str) -> Server {
    let words = pki.words(line);
    Server::start(program, &words.iter().map(String::as_str).collect::<Vec<_>>())
}

/// Result of a failed start: exit code and standard error.
fn failure(pki: &Pki, program: Program, line: &str) -> (Option<i32>, String) {
    let words = pki.words(line);
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    match Server::with(program, &words).try_start() {
        Ok(_) if program == Program::Ours => panic!("{line}: it listens"),
        // Debian's program opens the port first.
        Ok(mut server) => {
            let status = server.wait(Duration::from_secs(20)).expect("it ends");
            (status.code(), server.stderr())
        }
        Err(failure) => (failure.status.code(), failure.stderr),
    }
}

/// One clear error and exit code 1; if Debian's version fails too, with the same message.
#[test]
fn what_is_wrong_is_one_error_at_the_start() {
    let pki = Pki::shared();
    let cases = [
        ("+tls %none.key %server.pem", "F: 000b:0004 Unable to load private TLS key from '", true),
        ("+tls %server.pem %server.pem", "F: 000b:0004 Unable to load private TLS key", true),
        ("+tls %pkcs8.key %server.pem +pw wrong", "F: 000b:0004 Unable to load private TLS", true),
        ("+tls %pkcs8.key %server.pem -pw", "F: 000b:0004 Unable to load private TLS key", true),
        ("+tls %server.key %server.pem -der", "F: 000b:0004 Unable to load private TLS key", true),
        ("+tls %client.key %server.pem", "F: 000b:0006 Private key '", true),
        ("+tls %server.key %none.pem", "F: Unable to load TLS certificate from '", false),
        ("+tls %server.key %server.key", "F: Unable to load TLS certificate from '", false),
        ("+tls %expired.key %expired.pem", "cannot be used: it expired on ", false),
        ("+tls %small.key %small.pem", "its RSA key has 1024 bits, fewer than 2048\n", false),
        ("+tls %sha1.key %sha1.pem", "cannot be used: it is signed with ", false),
        (
            "+tls %server.key %server.pem +cf %none.pem",
            "F: unable to load certificate file '",
            false,
        ),
        (
            "+tls %server.key %server.pem +cf %server.key",
            "F: unable to load certificate file",
            false,
        ),
        (
            "+tls %server.key %server.pem +cd %none",
            "F: unable to use certificate directory '",
            false,
        ),
        ("+tls %server.key %server.pem +crl %none.crl", "F: unable to load CRL file '", false),
        ("+tls %server.key %server.pem +crl %ca.pem", "F: unable to load CRL file '", false),
        (
            "+tls %server.key %server.pem +dp %none",
            "F: unable to load temporary DH parameter",
            false,
        ),
        ("+tls %server.key %server.pem +dp %ca.pem", "F: unable to load temporary DH param", false),
        ("+tls %server.key %server.pem +dp %dh1024.pem", "F: unable to load temporary DH", false),
        ("+tls %server.key %server.pem +rs %none", "F: unable to read seed file '", false),
        ("+tls %server.key %server.pem +rs %ca.pem +wf %none/x", "F: unable to write seed", false),
        ("+tls %server.key %server.pem +cs TLS_NO_SUCH", "F: 000b:0003 Unknown or invalid", false),
        ("+tls %server.key %server.pem +cs ALL", "F: 000b:0003 Unknown or invalid cipher", false),
        (
            "+tls %server.key %server.pem +cs TLS_ECDH_RSA_WITH_AES_128_CBC_SHA",
            "F: Ciphersuite 'TLS_ECDH_RSA_WITH_AES_128_CBC_SHA' not supported by the OpenSSL library \
             used to compile this application.\n",
            true,
        ),
        (
            "+tls %server.key %server.pem +px +cs TLS_RSA_WITH_NULL_SHA",
            "F: Unencrypted ciphersuite 'TLS_RSA_WITH_NULL_SHA' not permitted with security profile \
             'BCP 195 TLS Profile'\n",
            true,
        ),
        (
            "+tls %server.key %server.pem +pg +cs TLS_RSA_WITH_AES_128_CBC_SHA",
            "F: SHA-1 based ciphersuite 'TLS_RSA_WITH_AES_128_CBC_SHA' not permitted with security \
             profile 'BCP 195 RFC 8996 TLS Profile'\n",
            false,
        ),
        (
            "+tls %server.key %server.pem +pa +cs TLS_AES_128_GCM_SHA256",
            "F: TLS 1.3 ciphersuite 'TLS_AES_128_GCM_SHA256' not permitted with security profile",
            false,
        ),
    ];
    for (line, error, is_debians) in cases {
        let (code, stderr) = failure(&pki, Program::Ours, line);
        assert_eq!(code, Some(1), "{line}: {stderr}");
        assert!(stderr.contains(error), "{line}: {stderr}");
        assert_eq!(stderr.lines().filter(|line| !line.starts_with("W: ")).count(), 1, "{stderr}");
        if is_debians {
            let (code, stderr) = failure(&pki, Program::Debian, line);
            assert_eq!(code, Some(1), "{line}: {stderr}");
            assert!(stderr.contains(error), "{line}: {stderr}");
        }
    }
}

/// The port is only opened once all files are valid.
#[test]
fn the_port_stays_closed_if_anything_is_wrong() {
    let pki = Pki::shared();
    let port = free_port();
    let mut command = peers_storescp();
    // It blocks on a pipe for the password: nobody may be listening meanwhile.
    command.args(pki.words("+tls %pkcs8.key %server.pem -ic")).arg(port.to_string());
    let mut child = detached(&mut command).stdin(Stdio::piped()).spawn().expect("it starts");
    std::thread::sleep(Duration::from_millis(300));
    assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_err(), "it listens");
    child.stdin.take().expect("a pipe").write_all(b"wrong\n").expect("it reads");
    let status = wait(&mut child, Duration::from_secs(10)).expect("it ends");
    assert_eq!(status.code(), Some(1));
    assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_err(), "it listens");
}

fn peers_storescp() -> Process {
    Process::new(peers::storescp())
}

/// Runs without a controlling terminal, as a service does.
fn detached(command: &mut Process) -> Process {
    let mut detached = Process::new("setsid");
    detached.arg("--wait").arg(command.get_program()).args(command.get_args());
    detached.stdout(Stdio::null()).stderr(Stdio::null());
    detached
}

/// Every format of a key, and of the other files.
#[test]
fn keys_and_certificates_are_read_in_every_form() {
    let pki = Pki::shared();
    let password = PASSWORD.replace(' ', "~");
    for line in [
        "+tls %server.key %server.pem +cf %ca.pem",
        "+tls %pkcs1.key %server.pem +cf %ca.pem",
        "+tls %pkcs8.key %server.pem +cf %ca.pem +pw PASSWORD",
        "+tls %aes.key %server.pem +cf %ca.pem +pw PASSWORD",
        "+tls %des.key %server.pem +cf %ca.pem +pw PASSWORD",
        "+tls %server.key %server.pem +cf %ca.pem +pw ignored",
        "+tls %server.key.der %server.pem.der -der +cf %ca.pem.der",
        "+tls %pkcs8.key.der %server.pem.der -der +cf %ca.pem.der +pw PASSWORD",
        "+tls %server.key.der %server.pem.der -der +cf %ca.pem.der +crl %ca.crl.der",
        "+tls %ec-server.key %ec-server.pem +cf %ca.pem",
        "+tls %ed-server.key %ed-server.pem +cf %ca.pem",
        "+tls %server.key %server-chain.pem +cf %ca.pem",
        "+tls %server.key %server.pem +cf %other-ca.pem +cf %ca.pem",
        "+tls %server.key %server.pem +cf %ca.pem +rs %ca.pem",
    ] {
        let line = line.replace("PASSWORD", &password);
        let words: Vec<_> = pki.words(&line).iter().map(|word| word.replace('~', " ")).collect();
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        let server = Server::start(Program::Ours, &words);
        let client = "+tls %client.key %client.pem +cf %ca.pem";
        dcmtk(&pki, "echoscu", server.port(), client, &[]).expect_success(&line);
        let client = "-tls1_3 -key %client.key -cert %client.pem";
        assert!(s_client(&pki, server.port(), client).accepted, "{line}");
    }
}

/// Two keys with their certificates: each peer gets the one that it supports.
#[test]
fn keys_of_several_kinds_serve_at_once() {
    let pki = Pki::shared();
    let line = "+tls %two.key %two.pem -ic";
    let server = start(&pki, Program::Ours, line);
    for (suite, version) in
        [("ECDHE-RSA-AES128-GCM-SHA256", "-tls1_2"), ("ECDHE-ECDSA-AES128-GCM-SHA256", "-tls1_2")]
    {
        let attempt = s_client(&pki, server.port(), &format!("{version} -cipher {suite}"));
        assert!(attempt.accepted, "{suite}: {}", attempt.text);
    }
    for algorithm in ["rsa_pss_rsae_sha256", "ecdsa_secp256r1_sha256"] {
        let client = format!("-tls1_3 -sigalgs {algorithm}");
        assert!(s_client(&pki, server.port(), &client).accepted, "{algorithm}");
    }
    let (code, stderr) = failure(&pki, Program::Ours, "+tls %two.key %server.pem -ic");
    assert_eq!(code, Some(1));
    assert!(stderr.starts_with("F: 000b:0006 Private key '"), "{stderr}");
}

/// The certificates given in addition to our own are sent with it.
#[test]
fn the_chain_is_sent() {
    let pki = Pki::shared();
    for (line, count) in [
        ("+tls %server.key %server.pem -ic", 1),
        ("+tls %server.key %server-chain.pem -ic", 2),
        ("+tls %server.key %server.pem -ic +cf %ca.pem", 2),
    ] {
        for program in [Program::Ours, Program::Debian] {
            let server = start(&pki, program, &format!("{line} +py"));
            let script = format!(
                "{} s_client -connect 127.0.0.1:{} -showcerts </dev/null",
                peers::debian_path("openssl").display(),
                server.port()
            );
            let output = run(Process::new("sh").args(["-c", &script]), CLIENT_TIME_LIMIT);
            let found = output.stdout.matches("BEGIN CERTIFICATE").count();
            assert_eq!(found, count, "{program:?} {line}");
        }
    }
}

/// `+ps` without a terminal reads the first line of standard input, whatever its line end.
#[test]
fn the_password_is_read_from_standard_input() {
    let pki = Pki::shared();
    for ending in ["", "\n", "\r\n", "\nand more\n"] {
        for option in ["", "+ps"] {
            let line = pki.words(&format!("+tls %pkcs8.key %server.pem -ic -v {option}"));
            let words: Vec<_> = line.iter().map(String::as_str).collect();
            let input = format!("{PASSWORD}{ending}");
            let file = Scratch::new();
            let path = file.path().join("password");
            fs::write(&path, input).expect("a file can be written");
            let redirect = format!("exec setsid \"$0\" \"$@\" <'{}'", path.display());
            let server =
                Server::with(Program::Ours, &words).through("sh", &["-c", &redirect]).start();
            assert!(s_client(&pki, server.port(), "").accepted, "{ending:?}");
            // The key is read again without asking for the password again.
            server.signal("HUP");
            server.wait_for_log(READ_AGAIN);
            assert!(s_client(&pki, server.port(), "").accepted, "{ending:?}");
        }
    }
}

/// `+ps` on a terminal asks there, without echo.
#[test]
fn the_password_is_asked_for_on_the_terminal() {
    let pki = Pki::shared();
    let port = free_port();
    let mut command = peers::python_script("terminal.py");
    command.arg(PASSWORD).arg(peers::storescp());
    command.args(pki.words("+tls %pkcs8.key %server.pem -ic")).arg(port.to_string());
    command.current_dir(pki.path("")).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("it starts");
    eventually("it listens", Duration::from_secs(20), || {
        std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
    });
    assert!(s_client(&pki, port, "").accepted);
    drop(child.stdin.take());
    let output = child.wait_with_output().expect("it ends");
    let shown = String::from_utf8_lossy(&output.stdout);
    assert!(shown.contains("Enter pass phrase for "), "{shown}");
    assert!(!shown.contains(PASSWORD), "{shown}");
}

/// After each association, new random data is written to the file named by either option.
#[test]
fn seeds_are_written_back() {
    let pki = Pki::shared();
    let scratch = Scratch::new();
    let [seed, other] = ["seed", "other"].map(|name| scratch.path().join(name));
    fs::write(&seed, "as good as any").expect("a file can be written");
    let [seed_name, other_name] = [&seed, &other].map(|path| path.to_str().expect("text"));
    for (options, written, untouched) in [
        (vec!["+rs", seed_name, "+wf", other_name], &other, Some(&seed)),
        (vec!["+rs", seed_name, "+ws"], &seed, None),
    ] {
        let mut words = pki.words("+tls %server.key %server.pem -ic");
        words.extend(options.iter().map(ToString::to_string));
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        let server = Server::start(Program::Ours, &words);
        let before = fs::read(written).expect("it is written at the start");
        assert_eq!(before.len(), 1024);
        assert!(s_client(&pki, server.port(), "").accepted);
        eventually("it is written anew", Duration::from_secs(30), || {
            let now = fs::read(written).expect("it stays");
            now.len() == 1024 && now != before
        });
        if let Some(path) = untouched {
            assert_eq!(fs::read(path).expect("it stays"), b"as good as any");
        }
        assert_eq!(mode(written) & 0o077, if written == &other { 0 } else { mode(&seed) & 0o077 });
    }
}

fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).expect("it is there").permissions().mode()
}

/// The files that a server reads and a test replaces.
struct Changing {
    scratch: Scratch,
}

impl Changing {
    fn new(pki: &Pki) -> Self {
        let changing = Self { scratch: Scratch::new() };
        for (name, target) in [
            ("server.key", "key"),
            ("server.pem", "certificate"),
            ("ca.pem", "ca"),
            ("empty.crl", "crl"),
        ] {
            changing.set(pki, name, target);
        }
        changing
    }

    fn set(&self, pki: &Pki, name: &str, target: &str) {
        pki.copy(name, &self.scratch.path().join(target));
    }

    fn start(&self) -> Server {
        let path = |name| self.scratch.path().join(name).to_str().expect("text").to_owned();
        let [key, certificate, ca, crl] = ["key", "certificate", "ca", "crl"].map(path);
        let words = ["+tls", &key, &certificate, "+cf", &ca, "+crl", &crl, "-v"];
        Server::start(Program::Ours, &words)
    }
}

const READ_AGAIN: &str = "SIGHUP: reloaded keys and certificates";

/// New keys, authorities and revocations apply from the next connection on.
#[test]
fn files_are_read_again_on_sighup() {
    let pki = Pki::shared();
    let files = Changing::new(&pki);
    let server = files.start();
    let accepted = |name: &str| {
        let client = format!("-tls1_3 -key %{name}.key -cert %{name}.pem");
        s_client(&pki, server.port(), &client).accepted
    };
    assert_eq!(["client", "revoked", "stranger"].map(accepted), [true, true, false]);
    files.set(&pki, "ca.crl", "crl");
    server.signal("HUP");
    server.wait_for_log(READ_AGAIN);
    assert_eq!(["client", "revoked", "stranger"].map(accepted), [true, false, false]);
    files.set(&pki, "ec-server.key", "key");
    files.set(&pki, "ec-server.pem", "certificate");
    server.signal("HUP");
    eventually("the new key is used", Duration::from_secs(30), || {
        let client = "-tls1_2 -key %client.key -cert %client.pem";
        s_client(&pki, server.port(), client).suite.starts_with("ECDHE-ECDSA-")
    });
}

/// Errors in a new file are reported, and the old files stay in use.
#[test]
fn broken_files_change_nothing_on_sighup() {
    let pki = Pki::shared();
    let files = Changing::new(&pki);
    let server = files.start();
    for (name, target, reason) in [
        ("client.key", "key", "000b:0006 Private key '"),
        ("ca.crl", "key", "000b:0004 Unable to load private TLS key from '"),
        ("expired.pem", "certificate", "do not match"),
        ("server.key", "ca", "unable to load certificate file '"),
        ("server.key", "crl", "unable to load CRL file '"),
    ] {
        let kept = Changing::new(&pki);
        files.set(&pki, name, target);
        let before = server.stderr().matches("SIGHUP: keeping the keys").count();
        server.signal("HUP");
        eventually("it says so", Duration::from_secs(30), || {
            server.stderr().matches("SIGHUP: keeping the keys").count() == before + 1
        });
        let said = server.stderr();
        assert!(said.lines().last().is_some_and(|line| line.contains(reason)), "{said}");
        let client = "-tls1_3 -key %client.key -cert %client.pem";
        assert!(s_client(&pki, server.port(), client).accepted, "{name} as {target}");
        drop(kept);
        for (name, target) in [
            ("server.key", "key"),
            ("server.pem", "certificate"),
            ("ca.pem", "ca"),
            ("empty.crl", "crl"),
        ] {
            files.set(&pki, name, target);
        }
    }
    assert!(!server.stderr().contains(READ_AGAIN));
}

/// An open association continues with the keys that it began with.
#[test]
fn associations_go_on_over_sighup() {
    let pki = Pki::shared();
    let files = Changing::new(&pki);
    let server = files.start();
    let mut command = peers::python_script("tls_hold.py");
    command.args(pki.words("%client.key %client.pem %ca.pem")).arg(server.port().to_string());
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it starts");
    server.wait_for_log("I: Association Acknowledged");
    files.set(&pki, "ec-server.key", "key");
    files.set(&pki, "ec-server.pem", "certificate");
    server.signal("HUP");
    server.wait_for_log(READ_AGAIN);
    child.stdin.take().expect("a pipe").write_all(b"go\n").expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "0000\n");
    server.wait_for_log("I: Association Release");
}
