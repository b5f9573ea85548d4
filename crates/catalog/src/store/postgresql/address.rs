//! Where a PostgreSQL database is, and how it is connected to: a URL as libpq takes it.

use crate::Error;
use crate::limits::CONNECT_WAIT;
use openssl::ssl::{SslConnector, SslFiletype, SslMethod, SslVerifyMode};
use postgres_openssl::MakeTlsConnector;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio_postgres::Config;
use tokio_postgres::config::SslMode;

/// Where a database is. Its password is in `config`, so there is no `Debug`.
pub(super) struct Address {
    pub(super) config: Config,
    tls: Tls,
}

/// How the server is known to be the right one.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tls {
    verifies: Verifies,
    root: Option<PathBuf>,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Verifies {
    #[default]
    Nothing,
    Authority,
    AuthorityAndName,
}

impl Address {
    /// Reads a URL.
    pub(super) fn parse(url: &str) -> Result<Self, Error> {
        let wrong = |reason: String| Error::url(url, reason);
        let (before, query) = url.split_once('?').unwrap_or((url, ""));
        let mut tls = Tls::default();
        let mut mode = SslMode::Prefer;
        let mut others = Vec::new();
        for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            match name {
                "sslmode" => {
                    (mode, tls.verifies) = read_mode(value).ok_or_else(|| {
                        wrong(format!(
                            "sslmode is disable, allow, prefer, require, verify-ca or verify-full, not {value:?}"
                        ))
                    })?;
                }
                "sslrootcert" => tls.root = Some(file(value)),
                "sslcert" => tls.certificate = Some(file(value)),
                "sslkey" => tls.key = Some(file(value)),
                _ => others.push(parameter),
            }
        }
        // As libpq has it: whoever names an authority wants it to be asked.
        if mode == SslMode::Require && tls.root.is_some() {
            tls.verifies = tls.verifies.max(Verifies::Authority);
        }
        let plain = format!("{before}?{}", others.join("&"));
        // What is wrong is told without the value: it may be a part of the password.
        let mut config: Config =
            plain.parse().map_err(|error: tokio_postgres::Error| wrong(error.to_string()))?;
        config.ssl_mode(mode);
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            return Err(wrong("it names no host".to_owned()));
        }
        if config.get_connect_timeout().is_none_or(|timeout| *timeout > CONNECT_WAIT) {
            config.connect_timeout(CONNECT_WAIT);
        }
        config.tcp_user_timeout(Duration::from_secs(30)).keepalives_idle(Duration::from_secs(30));
        if config.get_application_name().is_none() {
            config.application_name("storescp");
        }
        Ok(Self { config, tls })
    }

    /// Makes what TLS is made with. The files are read each time, so that they can be renewed.
    pub(super) fn connector(&self) -> Result<MakeTlsConnector, Error> {
        self.try_connector().map_err(|reason| Error::Unavailable(format!("TLS: {reason}")))
    }

    fn try_connector(&self) -> Result<MakeTlsConnector, String> {
        let said =
            |path: &Path, error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let mut builder =
            SslConnector::builder(SslMethod::tls_client()).map_err(|error| error.to_string())?;
        let verifies = self.tls.verifies;
        builder.set_verify(if verifies == Verifies::Nothing {
            SslVerifyMode::NONE
        } else {
            SslVerifyMode::PEER
        });
        match &self.tls.root {
            Some(path) if path.as_os_str() != "system" => {
                builder.set_ca_file(path).map_err(|error| said(path, &error))?;
            }
            _ if verifies > Verifies::Nothing => {
                let probed = openssl_probe::probe();
                if let Some(path) = probed.cert_file {
                    builder.set_ca_file(&path).map_err(|error| said(&path, &error))?;
                }
            }
            _ => {}
        }
        if let Some(path) = &self.tls.certificate {
            builder.set_certificate_chain_file(path).map_err(|error| said(path, &error))?;
            let key = self.tls.key.as_ref().unwrap_or(path);
            let set = builder.set_private_key_file(key, SslFiletype::PEM);
            set.map_err(|error| said(key, &error))?;
        }
        let mut connector = MakeTlsConnector::new(builder.build());
        connector.set_callback(move |configuration, _| {
            configuration.set_verify_hostname(verifies == Verifies::AuthorityAndName);
            Ok(())
        });
        Ok(connector)
    }
}

fn read_mode(value: &str) -> Option<(SslMode, Verifies)> {
    Some(match value {
        "disable" => (SslMode::Disable, Verifies::Nothing),
        "allow" | "prefer" => (SslMode::Prefer, Verifies::Nothing),
        "require" => (SslMode::Require, Verifies::Nothing),
        "verify-ca" => (SslMode::Require, Verifies::Authority),
        "verify-full" => (SslMode::Require, Verifies::AuthorityAndName),
        _ => return None,
    })
}

/// A file that a parameter names, with `%` and two hexadecimal digits for odd bytes.
fn file(value: &str) -> PathBuf {
    crate::store::encoding::to_path(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(url: &str) -> Address {
        Address::parse(url).unwrap()
    }

    #[test]
    fn tls_is_as_the_parameters_say() {
        let plain = read("postgres://u@h/d");
        assert_eq!(plain.config.get_ssl_mode(), SslMode::Prefer);
        assert_eq!(plain.tls, Tls::default());
        let full =
            read("postgresql://u@h/d?sslmode=verify-full&sslrootcert=/etc/a%20b.pem&sslkey=k");
        assert_eq!(full.config.get_ssl_mode(), SslMode::Require);
        assert_eq!(full.tls.verifies, Verifies::AuthorityAndName);
        assert_eq!(full.tls.root.as_deref(), Some(Path::new("/etc/a b.pem")));
        let required = read("postgres://u@h/d?sslmode=require&sslrootcert=/ca");
        assert_eq!(required.tls.verifies, Verifies::Authority);
        assert_eq!(
            read("postgres://u@h/d?sslmode=disable").config.get_ssl_mode(),
            SslMode::Disable
        );
    }

    #[test]
    fn other_parameters_are_kept() {
        let address = read("postgres://u:p%40ss@h:5433/d?application_name=x&connect_timeout=3");
        assert_eq!(address.config.get_application_name(), Some("x"));
        assert_eq!(address.config.get_connect_timeout(), Some(&Duration::from_secs(3)));
        assert_eq!(address.config.get_password(), Some(&b"p@ss"[..]));
        assert_eq!(address.config.get_ports(), [5433]);
        let socket = read("postgres:///d?host=/run/postgresql&user=u&password=p");
        assert_eq!(socket.config.get_user(), Some("u"));
    }

    /// What is wrong is told, and no password.
    #[test]
    fn a_wrong_url_is_told_without_its_password() {
        for url in [
            "postgres://user:secret@host/d?sslmode=sometimes",
            "postgres://user:secret@host:port/d",
            "postgres://user@host/d?password=secret&nonsense=1",
            "postgres://user:secret@/d",
        ] {
            let Err(error) = Address::parse(url) else { panic!("{url} is a URL") };
            let told = format!("{error} {error:?}");
            assert!(!told.contains("secret"), "{told}");
        }
    }
}
