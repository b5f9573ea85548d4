//! The command line of `storescp test`.

use proto::AeTitle;
use requestor::{Tls, Trust};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What a command line asks for.
#[derive(Debug)]
pub(super) enum Asked {
    Help,
    Send(Box<TestSettings>),
}

/// Where to send, as whom, and how.
#[derive(Debug)]
pub(super) struct TestSettings {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) calling: AeTitle,
    pub(super) called: AeTitle,
    pub(super) tls: Option<TlsSettings>,
    /// `--echo`: no object is sent.
    pub(super) is_echo_only: bool,
    /// For the connection, and for each answer.
    pub(super) timeout: Duration,
}

#[derive(Debug, Default)]
pub(super) struct TlsSettings {
    /// Whom to trust; `None` verifies nothing.
    pub(super) trusted: Option<PathBuf>,
    /// Our key and certificate.
    pub(super) own: Option<[PathBuf; 2]>,
}

impl TlsSettings {
    /// What a client needs to connect to `host`.
    ///
    /// # Errors
    /// Which file cannot be used, in words.
    pub(super) fn client(&self, host: &str) -> Result<Tls, String> {
        const CERTIFICATE: &str = "CERTIFICATE-----";

        let (trusted, own) = (self.trusted.as_deref(), self.own.as_ref());
        if let Some(file) = trusted {
            has_pem("--ca", file, CERTIFICATE)?;
        }
        if let Some([key, certificate]) = own {
            has_pem("--key", key, "PRIVATE KEY-----")?;
            has_pem("--cert", certificate, CERTIFICATE)?;
        }
        let pair = own.map(|[key, certificate]| [key.as_path(), certificate.as_path()]);
        let mut tls = Tls::from_files(pair, trusted.map_or(Trust::Anybody, Trust::File)).map_err(
            |error| {
                let is_other = error.to_string().contains("mismatch");
                match (own, trusted) {
                    (Some([key, certificate]), _) if is_other => format!(
                        "the key in --key '{}' does not belong to the certificate in --cert '{}'",
                        key.display(),
                        certificate.display()
                    ),
                    _ => format!("--ca, --key or --cert cannot be used: {error}"),
                }
            },
        )?;
        // Without somebody to trust there is nothing to check the name in.
        tls.server_name = trusted.map(|_| host.to_owned());
        Ok(tls)
    }
}

/// Fails unless the file can be read and has a part of this kind.
fn has_pem(option: &str, file: &Path, kind: &str) -> Result<(), String> {
    let shown = file.display();
    let content = fs::read(file)
        .map_err(|error| format!("cannot read {option} '{shown}': {}", platform::reason(&error)))?;
    let is_there = String::from_utf8_lossy(&content).contains(kind);
    is_there.then_some(()).ok_or_else(|| {
        let what = kind.trim_end_matches('-').to_lowercase();
        format!("{option} '{shown}' has no {what} in PEM")
    })
}

/// Reads the words behind `test`.
///
/// # Errors
/// What is wrong with them, in words.
pub(super) fn read(words: impl Iterator<Item = OsString>) -> Result<Asked, String> {
    let mut words = words.map(|word| word.to_string_lossy().into_owned());
    let mut parameters = Vec::new();
    let (mut calling, mut called) = (title("STORESCP_TEST")?, title("ANY-SCP")?);
    let mut timeout = Duration::from_secs(10);
    let (mut is_tls, mut is_insecure, mut is_echo_only) = (false, false, false);
    let (mut trusted, mut key, mut certificate) = (None, None, None);
    while let Some(word) = words.next() {
        let (name, joined) = match word.split_once('=') {
            Some((name, value)) if name.starts_with("--") => (name, Some(value.to_owned())),
            _ => (word.as_str(), None),
        };
        let mut value = || {
            let value = joined.clone().or_else(|| words.next());
            value.ok_or_else(|| format!("Missing value for option {name}"))
        };
        match name {
            "--help" | "-h" => return Ok(Asked::Help),
            "--calling" | "-aet" => calling = title(&value()?)?,
            "--called" | "-aec" => called = title(&value()?)?,
            "--timeout" => timeout = seconds(&value()?)?,
            "--echo" => is_echo_only = true,
            "--tls" => is_tls = true,
            "--insecure" => is_insecure = true,
            "--ca" => trusted = Some(PathBuf::from(value()?)),
            "--key" => key = Some(PathBuf::from(value()?)),
            "--cert" => certificate = Some(PathBuf::from(value()?)),
            _ if name.starts_with('-') => return Err(format!("Unknown option {name}")),
            _ => parameters.push(word),
        }
    }
    let [host, port] = parameters.as_slice() else {
        return Err("give HOST and PORT, then options".to_owned());
    };
    let port = port.parse().ok().filter(|&port: &u16| port > 0);
    let tls = tls(is_tls, is_insecure, trusted, key, certificate)?;
    Ok(Asked::Send(Box::new(TestSettings {
        host: host.clone(),
        port: port.ok_or("PORT is a number from 1 to 65535")?,
        calling,
        called,
        tls,
        is_echo_only,
        timeout,
    })))
}

fn title(text: &str) -> Result<AeTitle, String> {
    text.parse().map_err(|_| format!("'{text}' is no AE title: it has 1 to 16 characters of ASCII"))
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().filter(|seconds| (1..=3600).contains(seconds));
    Ok(Duration::from_secs(seconds.ok_or("--timeout takes a number from 1 to 3600")?))
}

fn tls(
    is_tls: bool,
    is_insecure: bool,
    trusted: Option<PathBuf>,
    key: Option<PathBuf>,
    certificate: Option<PathBuf>,
) -> Result<Option<TlsSettings>, String> {
    let own = match (key, certificate) {
        (Some(key), Some(certificate)) => Some([key, certificate]),
        (None, None) => None,
        _ => return Err("--key and --cert belong together".to_owned()),
    };
    match (is_tls, is_insecure, trusted) {
        (false, false, None) if own.is_none() => Ok(None),
        (false, ..) => {
            Err("--ca, --insecure, --key and --cert are only allowed with --tls".to_owned())
        }
        (true, true, None) => Ok(Some(TlsSettings { trusted: None, own })),
        (true, false, trusted @ Some(_)) => Ok(Some(TlsSettings { trusted, own })),
        (true, ..) => Err("--tls needs either --ca FILE or --insecure".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_line(line: &str) -> Result<Asked, String> {
        read(line.split_whitespace().map(OsString::from))
    }

    #[test]
    fn a_line_says_where_to_send_and_how() {
        let line = "--calling=CT1 host 104 -aec PACS --timeout 3 --tls --ca a --key k --cert c";
        let Ok(Asked::Send(settings)) = read_line(line) else { panic!("{line}") };
        assert_eq!((settings.host.as_str(), settings.port), ("host", 104));
        assert_eq!(
            (settings.calling.as_bytes(), settings.called.as_bytes()),
            (&b"CT1"[..], &b"PACS"[..])
        );
        assert_eq!(settings.timeout, Duration::from_secs(3));
        let tls = settings.tls.unwrap();
        assert_eq!((tls.trusted, tls.own), (Some("a".into()), Some(["k".into(), "c".into()])));
        assert!(matches!(read_line("--help"), Ok(Asked::Help)));
        let Ok(Asked::Send(settings)) = read_line("host 104") else { panic!("no options") };
        assert!(settings.tls.is_none() && !settings.is_echo_only);
    }

    #[test]
    fn the_documented_options_are_those_that_are_read() {
        for option in crate::cli::tester_options() {
            let name = option.split(' ').next().unwrap();
            let told = read_line(&format!("host 104 {name}"));
            let takes_value = matches!(&told, Err(fault) if fault.contains("Missing value"));
            assert_eq!(takes_value, option.contains(' '), "{option}: {told:?}");
            let is_unknown = matches!(&told, Err(fault) if fault.contains("Unknown option"));
            assert!(!is_unknown, "{option}");
        }
    }

    #[test]
    fn files_that_cannot_be_used_are_named() {
        let missing = || PathBuf::from("/no/such");
        let source = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"));
        let told =
            |trusted, own| TlsSettings { trusted, own }.client("localhost").map(drop).unwrap_err();
        let reason = "No such file or directory";
        assert_eq!(told(Some(missing()), None), format!("cannot read --ca '/no/such': {reason}"));
        assert!(told(Some(source()), None).ends_with("Cargo.toml' has no certificate in PEM"));
        let own = Some([missing(), source()]);
        assert_eq!(told(None, own), format!("cannot read --key '/no/such': {reason}"));
        let own = Some([source(), missing()]);
        assert!(told(None, own).ends_with("Cargo.toml' has no private key in PEM"));
    }

    #[test]
    fn faults_are_told() {
        for (line, fault) in [
            ("host", "give HOST and PORT, then options"),
            ("host 0", "PORT is a number"),
            ("host x", "PORT is a number"),
            ("host 1 2", "give HOST and PORT, then options"),
            ("host 1 --frob", "Unknown option --frob"),
            ("host 1 --called", "Missing value for option --called"),
            ("host 1 --called=12345678901234567", "is no AE title"),
            ("host 1 --timeout 0", "--timeout takes"),
            ("host 1 --tls", "--tls needs either"),
            ("host 1 --insecure", "only allowed with --tls"),
            ("host 1 --tls --insecure --ca x", "--tls needs either"),
            ("host 1 --tls --insecure --key x", "belong together"),
        ] {
            let told = read_line(line).unwrap_err();
            assert!(told.contains(fault), "{line}: {told}");
        }
    }
}
