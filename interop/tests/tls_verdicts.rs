//! Tests that a verdict on a certificate expires with what it is based on: validity, revocation lists,
//! settings.

use std::fs;
use std::io;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use interop::process::{eventually, run};
use interop::tls::{CLIENT_TIME_LIMIT, Pki, s_client};
use interop::{Program, Scratch, Server, peers};

/// Settings for the authority of [`Pki`], with validity in seconds.
const CONFIGURATION: &str = "\
[ca]
default_ca = this
[this]
database = index
serial = serial
crlnumber = serial
new_certs_dir = .
certificate = PKI/ca.pem
private_key = PKI/ca.key
default_md = sha256
policy = any
unique_subject = no
default_days = 1
[any]
commonName = supplied
[leaf]
basicConstraints = CA:FALSE
[server_only]
extendedKeyUsage = serverAuth
";

/// Folder of the authority's files, and the key of all clients.
fn authority(pki: &Pki) -> Scratch {
    let scratch = Scratch::new();
    let configuration = CONFIGURATION.replace("PKI", &pki.path("").display().to_string());
    for (name, text) in [("configuration", &*configuration), ("index", ""), ("serial", "1000\n")] {
        fs::write(scratch.path().join(name), text).expect("a file");
    }
    pki.copy("client.key", &scratch.path().join("key"));
    openssl(scratch.path(), "req -new -key key -out request -subj /CN=client");
    scratch
}

fn openssl(folder: &Path, line: &str) {
    let mut command = peers::debian("openssl");
    run(command.args(line.split_whitespace()).current_dir(folder), CLIENT_TIME_LIMIT)
        .expect_success(line);
}

/// The time in this many seconds, in the format of `openssl ca`.
fn seconds_from_now(seconds: i64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs() as i64;
    let mut date = std::process::Command::new("date");
    date.args(["-u", "-d", &format!("@{}", now + seconds), "+%Y%m%d%H%M%SZ"]);
    run(&mut date, CLIENT_TIME_LIMIT).stdout.trim().to_owned()
}

fn certify(folder: &Path, name: &str, terms: &str) {
    let line = format!("ca -batch -notext -config configuration -in request -out {name} {terms}");
    openssl(folder, &line);
}

fn start(pki: &Pki, options: &str) -> Server {
    let words = pki.words(&format!("+tls %server.key %server.pem +cf %ca.pem -d {options}"));
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    Server::start(Program::Ours, &words)
}

/// A certificate that expires, without a session to resume, in both versions of TLS; one that is not yet valid;
/// and one that is not for clients.
#[test]
fn a_certificate_gets_in_while_it_is_valid_and_no_longer() {
    let pki = Pki::shared();
    let (scratch, server) = (authority(&pki), start(&pki, ""));
    let folder = scratch.path();
    let tomorrow = seconds_from_now(86_400);
    certify(folder, "early", &format!("-startdate {tomorrow} -enddate {tomorrow}"));
    certify(folder, "servers", "-extensions server_only");
    certify(folder, "short", &format!("-enddate {}", seconds_from_now(4)));
    let client = |certificate: &str, more: &str| {
        let [key, certificate] = ["key", certificate].map(|name| folder.join(name));
        let line = format!("{more} -key {} -cert {}", key.display(), certificate.display());
        s_client(&pki, server.port(), &line).accepted
    };
    let versions = ["-tls1_2", "-tls1_3"];
    let session = |version: &str| folder.join(version);
    for version in versions {
        assert!(client("short", &format!("{version} -sess_out {}", session(version).display())));
        assert!(!session(version).exists(), "{version}");
        assert!(!client("early", version) && !client("servers", version), "{version}");
    }
    eventually("it expires", Duration::from_secs(30), || !client("short", "-tls1_3"));
    for version in versions {
        assert!(!client("short", version), "{version}");
    }
    assert!(server.stderr().contains("certificate has expired"), "{}", server.stderr());
}

/// Once its announced next update has passed, a revocation list is no longer valid, so nobody is admitted.
#[test]
fn an_outdated_revocation_list_lets_nobody_in() {
    let pki = Pki::shared();
    let scratch = authority(&pki);
    openssl(scratch.path(), "ca -config configuration -gencrl -crlsec 4 -out list");
    let server = start(&pki, &format!("+crl {}", scratch.path().join("list").display()));
    let is_in = || s_client(&pki, server.port(), "-key %client.key -cert %client.pem").accepted;
    assert!(is_in());
    eventually("the list is outdated", Duration::from_secs(30), || !is_in());
    assert!(server.stderr().contains("CRL has expired"), "{}", server.stderr());
}

/// A revoked authority between ours and the peer, where the whole chain is checked.
#[test]
fn a_revoked_authority_vouches_for_nobody() {
    let pki = Pki::shared();
    let scratch = authority(&pki);
    let folder = scratch.path();
    let list = |name: &str| folder.join(name).display().to_string();
    let (certificate, key) = (pki.path("intermediate.pem"), pki.path("client.key"));
    let (certificate, key) = (certificate.display(), key.display());
    openssl(folder, "ca -config configuration -gencrl -crldays 1 -out before");
    openssl(folder, &format!("ca -config configuration -revoke {certificate}"));
    openssl(folder, "ca -config configuration -gencrl -crldays 1 -out after");
    let signer = format!("-cert {certificate} -keyfile {key}");
    openssl(folder, &format!("ca -config configuration -gencrl -crldays 1 {signer} -out below"));
    for (which, check, is_served) in
        [("before", "+cra", true), ("after", "+cra", false), ("after", "+crv", true)]
    {
        let lists = format!("+crl {} +crl {} {check}", list(which), list("below"));
        let server = start(&pki, &lists);
        let client = "-cert_chain %intermediate.pem -key %client.key -cert %leaf.pem";
        let accepted = s_client(&pki, server.port(), client).accepted;
        assert_eq!(accepted, is_served, "{which} {check}: {}", server.stderr());
    }
}

/// A peer that connects before the certificates are read again, and sends its own certificate after that.
#[test]
fn a_handshake_that_lasts_over_sighup_is_refused() {
    let pki = Pki::shared();
    for (option, is_served) in [("-rc", false), ("-ic", true)] {
        let server = start(&pki, option);
        let relay = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = relay.local_addr().expect("it is bound").port();
        thread::scope(|scope| {
            let line = "-key %client.key -cert %client.pem";
            let client = scope.spawn(|| s_client(&pki, port, line).accepted);
            let (near, _) = relay.accept().expect("the client");
            let far = TcpStream::connect(("127.0.0.1", server.port())).expect("the receiver");
            server.wait_for_log("D: Association Received: ");
            server.signal("HUP");
            server.wait_for_log("reloaded keys and certificates\n");
            let copy = |mut from: TcpStream, mut to: TcpStream| {
                let _ = io::copy(&mut from, &mut to);
                let _ = to.shutdown(std::net::Shutdown::Write);
            };
            let (back, forth) = (far.try_clone(), near.try_clone());
            let (back, forth) = (back.expect("a descriptor"), forth.expect("a descriptor"));
            scope.spawn(move || copy(near, far));
            scope.spawn(move || copy(back, forth));
            assert_eq!(client.join().expect("no panic"), is_served, "{option}");
        });
        let refused = server.stderr().contains("certificates were reloaded during the handshake");
        assert_eq!(refused, !is_served, "{}", server.stderr());
    }
}
