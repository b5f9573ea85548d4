//! Tests that a reload changes who may use the control plane, and its certificate: with all the rest, or not at all.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command as Process;
use std::sync::Arc;
use std::time::Duration;

use interop::process::run;
use interop::tls::{Pki, s_client};
use interop::{Object, Scratch, peers};

use crate::http_access::{curl, hash, https_url, status};
use crate::metrics::http_address;
use crate::service_rules::{Site, store_as};
use crate::settings_reload::{in_effect, reload, stays_in_effect};

const PROMETHEUS: &str = "prometheus-3f2a90c1d4e5f60718293a4b";
const ANSIBLE: &str = "ansible-5c6d7e8f90a1b2c3d4e5f6";

/// Keys, certificates and tokens that settings name.
struct Files {
    pki: Arc<Pki>,
    scratch: Scratch,
}

impl Files {
    fn new() -> Self {
        let (pki, scratch) = (Pki::shared(), Scratch::new());
        fs::write(scratch.path().join("prometheus"), PROMETHEUS).expect("a file");
        fs::write(scratch.path().join("ansible"), ANSIBLE).expect("a file");
        let files = Self { pki, scratch };
        files.put("server");
        files
    }

    /// Puts this key and certificate in the place of those before.
    fn put(&self, name: &str) {
        for kind in ["key", "pem"] {
            self.pki.copy(&format!("{name}.{kind}"), &self.scratch.path().join(kind));
        }
    }

    /// Key and certificate as keys of a table.
    fn pair(&self) -> String {
        let path = self.scratch.path().display();
        format!("key = \"{path}/key\", certificate = \"{path}/pem\"")
    }

    fn token(&self, name: &str) -> String {
        let path = self.scratch.path().join(name);
        let role = if name == "ansible" { "operator" } else { "viewer" };
        format!(
            "[[http.token]]\nname = \"{name}\"\ntoken = {{ file = \"{}\" }}\nrole = \"{role}\"\n",
            path.display()
        )
    }

    /// The name in the certificate that this port shows.
    fn shown(&self, port: u16) -> String {
        let text = s_client(&self.pki, port, "-tls1_2").text;
        let line = text.lines().find_map(|line| line.strip_prefix("Peer certificate: CN = "));
        line.unwrap_or_else(|| panic!("no certificate: {text}")).to_owned()
    }
}

fn user(name: &str, hash: &str) -> String {
    format!("[[http.user]]\nname = \"{name}\"\npassword-hash = '{hash}'\n")
}

fn http_port(url: &str) -> u16 {
    let port = url.rsplit(':').next().and_then(|rest| rest.split('/').next());
    port.and_then(|port| port.parse().ok()).expect("a port")
}

fn bearer(token: &str) -> String {
    format!("Authorization: Bearer {token}")
}

/// The status of what a token or user (`name:password`) gets by TLS.
fn ask(site: &Site, login: &str) -> String {
    let url = https_url(site, "/metrics");
    let header = bearer(login);
    let who = if login.contains(':') { ["-u", login] } else { ["-H", &header] };
    status(&curl(&["-k", who[0], who[1], &url])).to_owned()
}

/// A connection of HTTP that stays open.
struct Open(TcpStream);

impl Open {
    fn to(address: &str) -> Self {
        let stream = TcpStream::connect(address).expect("the control plane listens");
        stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a time limit can be set");
        Self(stream)
    }

    /// The status of one more request with this header.
    fn get(&mut self, header: &str) -> u16 {
        let request = format!("HEAD / HTTP/1.1\r\nHost: localhost\r\n{header}\r\n\r\n");
        self.0.write_all(request.as_bytes()).expect("it is open");
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            self.0.read_exact(&mut byte).expect("an answer");
            head.extend(byte);
        }
        let head = String::from_utf8(head).expect("text");
        head.split(' ').nth(1).and_then(|it| it.parse().ok()).expect("a status")
    }
}

/// One certificate for DICOM and HTTP is renewed for both by one reload, and told once.
#[test]
fn the_receivers_certificate_is_renewed_for_http_too() {
    let files = Files::new();
    let pair = files.pair().replace(", ", "\n");
    let token = files.token("prometheus");
    let settings = format!(
        "[tls]\n{pair}\npeer-certificate = \"ignore\"\nprofile = \"rfc-8996-modified\"\n\
         [http]\nlisten = \"0.0.0.0:0\"\ntls = \"as-receiver\"\n{token}"
    );
    let site = Site::start("", &settings);
    let ports = [site.server.port(), http_port(&https_url(&site, ""))];
    assert_eq!(ports.map(|port| files.shown(port)), ["server", "server"]);
    let expiries = || {
        let url = https_url(&site, "/metrics");
        let text = curl(&["-k", "-H", &bearer(PROMETHEUS), &url]).stdout;
        let lines = text.lines().filter(|it| it.starts_with("storescp_certificate_expiry"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(expiries().len(), 1, "{:?}", expiries());
    files.put("ec-server");
    reload(&site, "SIGHUP: reloaded keys and certificates, reloaded HTTP certificate, settings");
    assert_eq!(ports.map(|port| files.shown(port)), ["ec-server", "ec-server"]);
    assert_eq!(expiries().len(), 1, "{:?}", expiries());
    let status = curl(&["-k", "-H", &bearer(PROMETHEUS), &https_url(&site, "/api/v1/status")]);
    assert_eq!(status.stdout.matches("\"expires\"").count(), 1, "{}", status.stdout);
}

/// A certificate of its own, and one that expires soon.
#[test]
fn an_own_certificate_is_renewed_and_its_end_is_warned_of() {
    let files = Files::new();
    let settings = format!(
        "[http]\nlisten = \"0.0.0.0:0\"\ntls = {{ {} }}\n{}",
        files.pair(),
        files.token("ansible")
    );
    let site = Site::start("", &settings);
    let url = https_url(&site, "/api/v1/settings/reload");
    assert_eq!(files.shown(http_port(&url)), "server");
    let directory = files.scratch.path();
    let line = "req -x509 -newkey rsa:2048 -nodes -keyout key -out pem -days 10 -subj /CN=soon";
    let mut openssl: Process = peers::debian("openssl");
    openssl.args(line.split(' ')).current_dir(directory);
    run(&mut openssl, Duration::from_secs(60)).expect_success(line);
    // By the API itself, through a connection by the old certificate.
    let post = ["-X", "POST", "-H", "Content-Type: application/json", "-H", &bearer(ANSIBLE)];
    let answer = curl(&[&post[..], &["-k", &url]].concat());
    assert_eq!(status(&answer), "200", "{}", answer.stdout);
    assert!(answer.stdout.contains("reloaded HTTP certificate"), "{}", answer.stdout);
    assert_eq!(files.shown(http_port(&url)), "soon");
    let certificate = directory.join("pem");
    let warning = format!("W: HTTP: a certificate in '{}' expires in ", certificate.display());
    site.server.wait_for_log(&warning);
    let metrics = curl(&["-k", "-H", &bearer(ANSIBLE), &https_url(&site, "/metrics")]).stdout;
    let metric = "storescp_certificate_expiry_timestamp_seconds{file=\"";
    assert!(metrics.contains(&format!("{metric}{}\"}}", certificate.display())), "{metrics}");
}

/// Whatever else is new in a file: with a broken certificate of HTTP, nothing of it holds.
#[test]
fn a_broken_certificate_of_http_changes_nothing() {
    let files = Files::new();
    let settings = |directory: &str, name: &str| {
        format!(
            "directory = \"ROOT/{directory}\"\n[http]\nlisten = \"0.0.0.0:0\"\ntls = {{ {} }}\n{}",
            files.pair(),
            files.token(name)
        )
    };
    let site = Site::start("a b", &settings("a", "prometheus"));
    let port = http_port(&https_url(&site, ""));
    assert_eq!((ask(&site, PROMETHEUS), ask(&site, ANSIBLE)), ("200".into(), "401".into()));
    site.write(&settings("b", "ansible"));
    files.pki.copy("client.key", &files.scratch.path().join("key"));
    reload(&site, &stays_in_effect(1));
    let log = site.server.stderr();
    let fault = format!("E: SIGHUP: {}:4:7: http.tls: ", site.file.display());
    assert!(log.contains(&fault) && log.contains("it is not the key of the certificate"), "{log}");
    assert_eq!((ask(&site, PROMETHEUS), ask(&site, ANSIBLE)), ("200".into(), "401".into()));
    assert_eq!(files.shown(port), "server");
    let object = Object::ct(10);
    assert_eq!(store_as(&site.server, "CT", &object), 0);
    assert_eq!(site.stored("a"), [object.file_name()]);
    // A broken rule keeps a good certificate from being put in place, too.
    files.put("ec-server");
    site.write(&(settings("b", "ansible") + "[[rule]]\ncaling = \"CT\"\n"));
    reload(&site, ": rule: unknown key \"caling\"");
    assert_eq!((files.shown(port), ask(&site, ANSIBLE)), ("server".into(), "401".into()));
    site.write(&settings("b", "ansible"));
    reload(&site, &in_effect(2));
    assert_eq!((ask(&site, PROMETHEUS), ask(&site, ANSIBLE)), ("401".into(), "200".into()));
    assert_eq!(files.shown(port), "ec-server");
    assert!(!site.server.stderr().contains("after a restart"), "none is needed");
}

/// Of a connection that stays open, the next request is judged by the new settings.
#[test]
fn tokens_and_users_come_and_go_with_a_reload() {
    let files = Files::new();
    let settings = |log_ins: &[String]| {
        let head = "[http]\nlisten = \"0.0.0.0:0\"\ninsecure = true\n";
        format!("{head}{}", log_ins.concat())
    };
    let [prometheus, ansible] = ["prometheus", "ansible"].map(|name| files.token(name));
    let (old, new) = (hash("right horse"), hash("new horse"));
    let site = Site::start("", &settings(&[prometheus.clone(), user("admin", &old)]));
    let address = http_address(&site.server).replace("0.0.0.0", "127.0.0.1");
    let basic = |both: &str| {
        let mut base64 = Process::new("sh");
        base64.args(["-c", "printf %s \"$0\" | base64", both]);
        let encoded = run(&mut base64, Duration::from_secs(20)).stdout;
        format!("Authorization: Basic {}", encoded.trim())
    };
    let (right, new_right) = (basic("admin:right horse"), basic("admin:new horse"));
    let mut open = Open::to(&address);
    assert_eq!([open.get(&bearer(PROMETHEUS)), open.get(&right), open.get(&right)], [200; 3]);
    assert_eq!(open.get(&bearer(ANSIBLE)), 401);

    site.write(&settings(&[ansible.clone(), user("guest", &new)]));
    reload(&site, "SIGHUP: reloaded HTTP access, settings generation 2");
    let statuses = [&bearer(PROMETHEUS), &right, &bearer(ANSIBLE), &basic("guest:new horse")];
    assert_eq!(statuses.map(|header| open.get(header)), [401, 401, 200, 200]);

    site.write(&settings(&[prometheus, user("admin", &new)]));
    reload(&site, &in_effect(3));
    let statuses = [&bearer(PROMETHEUS), &right, &new_right, &bearer(ANSIBLE)];
    assert_eq!(statuses.map(|header| open.get(header)), [200, 401, 200, 401]);
    let log = site.server.stderr();
    assert!(log.contains("HTTP: guest logged in from 127.0.0.1 as viewer"), "{log}");
}

/// The addresses stay open until a restart, so settings that leave them unprotected are refused; without `[http]`,
/// all stays as it was.
#[test]
fn a_reload_leaves_no_address_unprotected() {
    let files = Files::new();
    let token = files.token("prometheus");
    let tls = format!("tls = {{ {} }}\n", files.pair());
    let good = format!("[http]\nlisten = \"0.0.0.0:0\"\n{tls}{token}");
    let site = Site::start("", &good);
    for (settings, fault) in [
        (format!("[http]\nlisten = \"0.0.0.0:0\"\n{token}"), ":2:10: http: "),
        (format!("[http]\nlisten = \"0.0.0.0:0\"\n{tls}"), ":2:10: http: "),
        (format!("[http]\nlisten = 8042\n{token}"), ": [http]: until a restart, 0.0.0.0:0 is"),
    ] {
        site.write(&settings);
        let before = site.server.stderr().len();
        site.server.signal("HUP");
        interop::process::eventually(&settings, crate::events::SOON, || {
            site.server.stderr()[before..].contains(&stays_in_effect(1))
        });
        let log = site.server.stderr()[before..].to_owned();
        assert!(log.contains(&format!("E: SIGHUP: {}{fault}", site.file.display())), "{log}");
        assert_eq!((ask(&site, PROMETHEUS), ask(&site, ANSIBLE)), ("200".into(), "401".into()));
    }
    site.write("");
    reload(&site, "W: SIGHUP: [http] on or off: takes effect after a restart");
    assert_eq!((ask(&site, PROMETHEUS), ask(&site, ANSIBLE)), ("200".into(), "401".into()));
    site.write(&good.replace("0.0.0.0:0", "127.0.0.1:0"));
    reload(&site, "W: SIGHUP: [http] listen: takes effect after a restart");
    assert_eq!((ask(&site, PROMETHEUS), ask(&site, ANSIBLE)), ("200".into(), "401".into()));
}
