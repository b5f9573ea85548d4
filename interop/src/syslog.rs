//! Runs Debian's rsyslog as an audit repository.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::process::{self, eventually, read_lossy, run};
use crate::tls::Pki;
use crate::{Scratch, peers};

/// A syslog server for TLS and UDP on ports of its own. It is killed by its process ID when this is dropped.
#[derive(Debug)]
pub struct Rsyslog {
    child: Child,
    scratch: Scratch,
    tls_port: u16,
    udp_port: u16,
}

/// A message as rsyslog has understood it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyslogMessage {
    /// Facility times 8, plus severity.
    pub priority: u32,
    /// Who says to have sent it.
    pub application: String,
    /// What kind of message it is.
    pub message_id: String,
    /// The text, with the byte order mark.
    pub text: String,
}

impl Rsyslog {
    /// Starts it, with a certificate for `localhost` of the tests' authority; on these ports, or on free ones.
    ///
    /// # Panics
    /// If it does not listen within half a minute.
    #[must_use]
    pub fn start(pki: &Pki, ports: Option<(u16, u16)>) -> Self {
        Self::start_with(pki, ports, "anon")
    }

    /// The same; TLS clients need a certificate of the tests' authority.
    #[must_use]
    pub fn for_known_clients(pki: &Pki) -> Self {
        Self::start_with(pki, None, "x509/certvalid")
    }

    fn start_with(pki: &Pki, ports: Option<(u16, u16)>, authentication: &str) -> Self {
        let scratch = Scratch::new();
        certify(pki, &scratch);
        let (tls_port, udp_port) =
            ports.unwrap_or_else(|| (crate::free_port(), crate::free_port()));
        let directory = scratch.path().display().to_string();
        let config = CONFIG
            .replace("%directory", &directory)
            .replace("%ca", &pki.path("ca.pem").display().to_string())
            .replace("%authentication", authentication)
            .replace("%tls-port", &tls_port.to_string())
            .replace("%udp-port", &udp_port.to_string());
        let file = scratch.path().join("rsyslog.conf");
        fs::write(&file, config).expect("a file can be written");
        let child = Command::new(peers::debian_path("rsyslogd"))
            .args(["-n", "-C", "-i", "NONE", "-f"])
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(scratch.path().join("stderr")).expect("a file for the log"))
            .spawn()
            .expect("rsyslogd can be run");
        let server = Self { child, scratch, tls_port, udp_port };
        let listens = || std::net::TcpStream::connect(("127.0.0.1", tls_port)).is_ok();
        eventually("rsyslog listens", Duration::from_secs(30), listens);
        server
    }

    /// The port for TLS.
    #[must_use]
    pub fn tls_port(&self) -> u16 {
        self.tls_port
    }

    /// The port for UDP.
    #[must_use]
    pub fn udp_port(&self) -> u16 {
        self.udp_port
    }

    /// The messages so far.
    #[must_use]
    pub fn messages(&self) -> Vec<SyslogMessage> {
        let text = read_lossy(&self.scratch.path().join("messages"));
        text.lines().map(SyslogMessage::parse).collect()
    }

    /// Waits for so many messages.
    ///
    /// # Panics
    /// If they do not come within half a minute.
    #[must_use]
    pub fn wait_for(&self, count: usize) -> Vec<SyslogMessage> {
        let are_there = || self.messages().len() >= count;
        eventually(&format!("{count} audit messages"), Duration::from_secs(30), are_there);
        self.messages()
    }
}

impl Drop for Rsyslog {
    fn drop(&mut self) {
        process::signal(self.child.id(), "TERM");
        if process::wait(&mut self.child, Duration::from_secs(5)).is_none() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
        if std::thread::panicking() {
            eprintln!("--- rsyslog\n{}", read_lossy(&self.scratch.path().join("stderr")));
        }
    }
}

impl SyslogMessage {
    fn parse(line: &str) -> Self {
        let mut parts = line.splitn(4, '|').map(str::to_owned);
        let mut next = || parts.next().expect("a part");
        Self {
            priority: next().parse().expect("a number"),
            application: next(),
            message_id: next(),
            text: next(),
        }
    }
}

/// Checks audit messages against what PS3.15 §A.5.1 says of them.
///
/// # Panics
/// If one is not valid.
pub fn check_audit_messages<'m>(messages: impl IntoIterator<Item = &'m str>) {
    let scratch = Scratch::new();
    let files: Vec<PathBuf> = messages
        .into_iter()
        .enumerate()
        .map(|(number, message)| {
            let file = scratch.path().join(format!("{number}.xml"));
            fs::write(&file, message).expect("a file can be written");
            file
        })
        .collect();
    assert!(!files.is_empty(), "no messages");
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/schemas/audit-message.rng");
    let mut check = Command::new(peers::debian_path("xmllint"));
    check.args(["--noout", "--relaxng"]).arg(schema).args(files);
    run(&mut check, Duration::from_secs(30)).expect_success("xmllint");
}

/// Makes `server.pem` and `server.key` for `localhost`.
fn certify(pki: &Pki, scratch: &Scratch) {
    fs::write(scratch.path().join("names"), "subjectAltName=DNS:localhost\n")
        .expect("a file can be written");
    let (ca, ca_key) = (pki.path("ca.pem"), pki.path("ca.key"));
    for line in [
        "req -newkey rsa:2048 -nodes -keyout server.key -out server.csr -subj /CN=localhost".into(),
        format!(
            "x509 -req -in server.csr -CA {} -CAkey {} -set_serial 4711 -out server.pem -days 9 -extfile \
             names",
            ca.display(),
            ca_key.display()
        ),
    ] {
        let mut command = peers::debian("openssl");
        command.args(line.split_whitespace()).current_dir(scratch.path());
        run(&mut command, crate::tls::CLIENT_TIME_LIMIT).expect_success(&line);
    }
}

const CONFIG: &str = r#"
global(workDirectory="%directory" maxMessageSize="64k"
       defaultNetstreamDriverCAFile="%ca"
       defaultNetstreamDriverCertFile="%directory/server.pem"
       defaultNetstreamDriverKeyFile="%directory/server.key")
module(load="imudp")
module(load="imtcp" streamDriver.name="ossl" streamDriver.mode="1" streamDriver.authMode="%authentication")
template(name="parts" type="string" string="%pri%|%app-name%|%msgid%|%msg%\n")
ruleset(name="audit") {
  action(type="omfile" file="%directory/messages" template="parts" flushOnTXEnd="on")
}
input(type="imudp" address="127.0.0.1" port="%udp-port" ruleset="audit")
input(type="imtcp" address="127.0.0.1" port="%tls-port" ruleset="audit")
"#;
