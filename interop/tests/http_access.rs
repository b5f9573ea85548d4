//! Tests who may use the control plane, and what it says of health, with the program itself and with curl.

use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command as Process, Stdio};
use std::time::Duration;

use interop::process::{Output, eventually, run};
use interop::tls::Pki;
use interop::wire::{Client, Command, Pdv, Request, data_pdu};
use interop::{Object, Scratch, peers};

use crate::metrics::{http_address, start, try_get};
use crate::service_rules::Site;

const SOON: Duration = Duration::from_secs(20);

/// Runs curl; what it prints ends with the status of the answer.
pub(crate) fn curl(arguments: &[&str]) -> Output {
    let mut curl = Process::new("curl");
    curl.args(["-sS", "--noproxy", "*", "-m", "20", "-w", "\n%{http_code}"]).args(arguments);
    run(&mut curl, SOON)
}

pub(crate) fn status(output: &Output) -> &str {
    output.stdout.rsplit('\n').next().unwrap_or_default()
}

pub(crate) fn hash(password: &str) -> String {
    let mut child = Process::new(peers::storescp())
        .arg("hash-password")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("storescp");
    writeln!(child.stdin.take().expect("a pipe"), "{password}").expect("it reads");
    let output = child.wait_with_output().expect("an end");
    assert!(output.status.success());
    String::from_utf8(output.stdout).expect("text").trim_end().to_owned()
}

/// `curl -f` fails where a probe is to fail, GET and HEAD alike.
#[test]
fn curl_sees_whether_the_receiver_is_alive_and_ready() {
    let server = start(&[]);
    let address = http_address(&server);
    let url = |path: &str| format!("http://{address}{path}");
    for path in ["/livez", "/readyz"] {
        assert_eq!(curl(&["-f", &url(path)]).code(), Some(0), "{path}");
        assert_eq!(curl(&["-f", "-I", &url(path)]).code(), Some(0), "HEAD {path}");
    }
    let text = curl(&[&url("/readyz")]).stdout;
    assert!(text.starts_with("ready\naccepting: ok\nassociations: ok\ndirectory "), "{text}");
    let json = curl(&["-H", "Accept: application/json", &url("/readyz")]).stdout;
    assert!(json.starts_with(r#"{"status":"ready","checks":[{"name":"accepting","ok":true}"#));
    // A directory that is gone takes no objects.
    let away = server.directory().with_extension("away");
    fs::rename(server.directory(), &away).expect("it can be renamed");
    let gone = curl(&["-f", &url("/readyz")]);
    assert_eq!(gone.code(), Some(22), "{}", gone.stdout);
    let text = curl(&[&url("/readyz")]).stdout;
    assert!(text.starts_with("not ready\n") && text.ends_with("\n503"), "{text}");
    assert_eq!(curl(&["-f", &url("/livez")]).code(), Some(0), "a restart would not help");
    fs::rename(&away, server.directory()).expect("it can be renamed");
    eventually("it is ready again", SOON, || curl(&["-f", &url("/readyz")]).code() == Some(0));
}

#[test]
fn without_room_it_is_not_ready() {
    let server = start(&["--min-free", "100%"]);
    let text = curl(&[&format!("http://{}/readyz", http_address(&server))]).stdout;
    assert!(text.contains(" (--min-free)\n") && text.ends_with("\n503"), "{text}");
}

#[test]
fn all_associations_in_use_is_not_ready() {
    let server = start(&["--max-associations", "2"]);
    let address = http_address(&server);
    let ready = || try_get(&address, "/readyz", "*/*").expect("an answer");
    let first = Client::associate(server.port(), &Request::usual());
    assert!(ready().starts_with("HTTP/1.1 200 "), "{}", ready());
    let second = Client::associate(server.port(), &Request::usual());
    assert!(ready().contains("associations: all 2 associations are in use"), "{}", ready());
    drop((first, second));
    eventually("it is ready again", SOON, || ready().starts_with("HTTP/1.1 200 "));
}

/// After SIGTERM, while a message is finished: not ready, but alive. At the end the port is closed.
#[test]
fn while_it_drains_it_is_alive_and_not_ready() {
    let mut server = start(&["--grace-period", "20"]);
    let address = http_address(&server);
    let object = Object::ct(50_000);
    let mut client = Client::usual(server.port());
    client.command(3, &Command::store(1, &object.sop_class, &object.sop_instance));
    let (begin, end) = object.bytes.split_at(10_000);
    client.send(&data_pdu(&[Pdv::data(3, false, begin)]));
    server.wait_for_log("Received Store Request");
    server.signal("TERM");
    server.wait_for_log("shutting down");
    let get = |path: &str| try_get(&address, path, "*/*").expect("an answer");
    let ready = get("/readyz");
    assert!(ready.starts_with("HTTP/1.1 503 "), "{ready}");
    assert!(ready.contains("accepting: storescp is shutting down"), "{ready}");
    assert!(get("/livez").starts_with("HTTP/1.1 200 "));
    client.data_set(3, end);
    assert_eq!(client.response().1.status(), 0);
    drop(client);
    assert!(server.wait(SOON).expect("it ends").success());
    assert!(try_get(&address, "/livez", "*/*").is_err(), "the port is closed");
}

/// What a start says that fails.
fn fails(options: &[&str]) -> String {
    let scratch = Scratch::new();
    let free = TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr());
    let port = free.expect("a free port").port().to_string();
    let mut program = Process::new(peers::storescp());
    program.args(options).arg("-od").arg(scratch.path()).arg(port);
    let output = run(&mut program, SOON);
    assert_eq!(output.code(), Some(1), "{options:?}: {}", output.stderr);
    output.stderr
}

/// What the rest of a network could reach unprotected is refused at the start, with what to do.
#[test]
fn an_address_that_others_reach_needs_protection() {
    let stderr = fails(&["--http", "0.0.0.0:0"]);
    let expected = "0.0.0.0:0 can be reached from other machines and needs TLS and a token or user";
    assert!(stderr.contains(expected) && stderr.contains("listen on 127.0.0.1"), "{stderr}");
    let server = start(&[]);
    let stderr = fails(&["--http", &http_address(&server)]);
    assert!(stderr.contains("another program has this port"), "{stderr}");
}

/// A web page in a browser on this machine, under a name that it resolves to us, or from its own site.
#[test]
fn web_pages_get_nowhere() {
    let server = start(&[]);
    let url = |path: &str| format!("http://{}{path}", http_address(&server));
    assert_eq!(status(&curl(&["-H", "Host: evil.example", &url("/metrics")])), "421");
    let reload = url("/api/v1/settings/reload");
    let post = |fields: &[&str]| {
        let fields: Vec<&str> = fields.iter().flat_map(|field| ["-H", *field]).collect();
        let output = curl(&[&["-X", "POST", &reload], &*fields].concat());
        status(&output).to_owned()
    };
    const JSON: &str = "Content-Type: application/json";
    assert_eq!(post(&[]), "415");
    assert_eq!(post(&["Content-Type: text/plain"]), "415");
    assert_eq!(post(&[JSON, "Origin: http://evil.example"]), "403");
    assert_eq!(post(&[JSON, "Sec-Fetch-Site: cross-site"]), "403");
    assert_eq!(post(&[JSON]), "200", "curl itself");
    assert_eq!(status(&curl(&[&url("/metrics?token=abcdef")])), "400");
}

/// A control plane that others reach, by TLS.
fn protected(pki: &Pki, more: &str) -> Site {
    let path = |name: &str| pki.path(name).display().to_string();
    let (key, certificate) = (path("server.key"), path("server.pem"));
    Site::start(
        "in",
        &format!(
            r#"directory = "ROOT/in"
               [http]
               listen = "0.0.0.0:0"
               tls = {{ key = "{key}", certificate = "{certificate}" }}
               {more}
               [[http.token]]
               name = "prometheus"
               sha256 = "82290d6e8fd5ad283dd782288133a7fb9d04fd6152e87020c34352b07d984a50"
               [[http.token]]
               name = "ansible"
               sha256 = "6ceb03e3bc6dc81e091e60f80f176a91712742fea30d508e03be40118b2769fd"
               role = "operator"
               [[http.user]]
               name = "admin"
               password-hash = '{}'
               role = "operator"
            "#,
            hash("right horse")
        ),
    )
}

const VIEWER: &str = "viewer-3f2a90c1d4e5f60718293a4b";
const OPERATOR: &str = "operator-5c6d7e8f90a1b2c3d4e5f6";

pub(crate) fn https_url(site: &Site, path: &str) -> String {
    const ANNOUNCED: &str = "HTTP on https://0.0.0.0:";
    site.server.wait_for_log(ANNOUNCED);
    let log = site.server.stderr();
    let port = log.split_once(ANNOUNCED).and_then(|(_, rest)| rest.split_whitespace().next());
    format!("https://127.0.0.1:{}{path}", port.expect("a port"))
}

#[test]
fn tokens_and_users_log_in_by_tls() {
    let pki = Pki::shared();
    let site = protected(&pki, "");
    let ask = |path: &str, arguments: &[&str]| {
        let output = curl(&[&["-k", &https_url(&site, path)], arguments].concat());
        status(&output).to_owned()
    };
    let bearer = |token: &str| format!("Authorization: Bearer {token}");
    assert_eq!(ask("/metrics", &[]), "401");
    assert_eq!(ask("/livez", &[]), "401");
    assert_eq!(ask("/metrics", &["-H", &bearer(VIEWER)]), "200");
    assert_eq!(ask("/metrics", &["-u", "admin:right horse"]), "200");
    const JSON: [&str; 4] = ["-X", "POST", "-H", "Content-Type: application/json"];
    let reload = |login: &[&str]| ask("/api/v1/settings/reload", &[&JSON, login].concat());
    assert_eq!(reload(&["-H", &bearer(VIEWER)]), "403");
    assert_eq!(reload(&["-H", &bearer(OPERATOR)]), "200");
    assert_eq!(reload(&["-u", "admin:right horse"]), "200");
    assert_eq!(ask("/metrics", &["-u", "admin:wrong horse"]), "401");
    // No plain HTTP, nor anything that is no TLS.
    let plain = https_url(&site, "/livez").replace("https:", "http:");
    assert_ne!(curl(&[&plain]).code(), Some(0));
    for _ in 0..12 {
        ask("/metrics", &["-H", &bearer("a-guess")]);
    }
    assert_eq!(ask("/metrics", &["-u", "admin:right horse"]), "429");
    let log = site.server.stderr();
    assert!(log.contains("prometheus logged in from 127.0.0.1 as viewer"), "{log}");
    assert!(log.contains("too many log-ins from 127.0.0.1 failed"), "{log}");
    for secret in [VIEWER, OPERATOR, "right horse", "$argon2id"] {
        assert!(!log.contains(secret), "{log}");
    }
}

#[test]
fn probes_without_a_log_in_are_told_little() {
    let pki = Pki::shared();
    let site = protected(&pki, "open-health = true");
    let output = curl(&["-k", &https_url(&site, "/readyz")]);
    let expected = "ready\naccepting: ok\nassociations: ok\ndirectory: ok\n\n200";
    assert_eq!(output.stdout, expected, "{}", output.stderr);
    assert_eq!(status(&curl(&["-k", &https_url(&site, "/metrics")])), "401");
}

#[test]
fn a_key_of_another_certificate_is_refused_at_the_start() {
    let pki = Pki::shared();
    let scratch = Scratch::new();
    let file = scratch.path().join("storescp.toml");
    let settings = |key: &Path, certificate: &Path| {
        format!(
            "[http]\nlisten = 0\ntls = {{ key = \"{}\", certificate = \"{}\" }}\n",
            key.display(),
            certificate.display()
        )
    };
    for (key, certificate, expected) in [
        ("client.key", "server.pem", "it is not the key of the certificate"),
        ("server.key", "server.key", "there is no PEM certificate in it"),
        ("ca.pem", "server.pem", "there is no PEM private key in it"),
        ("missing.pem", "server.pem", "cannot be read"),
    ] {
        fs::write(&file, settings(&pki.path(key), &pki.path(certificate))).expect("a file");
        let stderr = fails(&["--settings", file.to_str().expect("text")]);
        assert!(stderr.contains(expected), "{key}: {stderr}");
    }
}
