//! Where audit messages and traces go.

use crate::error::{Error, UrlFault};
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// Where audit messages (PS3.15 §A.5) go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditSettings {
    /// Where they go.
    pub destination: AuditDestination,
    /// Keys and certificates for [`AuditDestination::SyslogTls`].
    pub tls: ClientTls,
    /// The Audit Source ID that messages name; `None` for the name of the host.
    pub source_id: Option<String>,
    /// The Audit Enterprise Site ID: the site or network that the Audit Source ID is unique in.
    pub site_id: Option<String>,
}

/// Where audit messages go: read from a URL by [`FromStr`], and shown as one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuditDestination {
    /// `syslog+tls://HOST:6514`: a syslog server over TLS (RFC 5425). The port may be left out.
    SyslogTls(Endpoint),
    /// `syslog+udp://HOST:514`: a syslog server by UDP (RFC 5426). The port may be left out.
    SyslogUdp(Endpoint),
    /// `file:/PATH`: a file, one syslog message (RFC 5424) a line.
    File(PathBuf),
}

/// Where traces go.
#[derive(Debug, Clone, PartialEq)]
pub struct TraceSettings {
    /// `http://HOST:4318/v1/traces` or `https://…`: an OTLP/HTTP receiver.
    pub url: TraceUrl,
    /// Keys and certificates for `https`.
    pub tls: ClientTls,
    /// The share of associations that are traced, from 0 to 1.
    pub ratio: f64,
    /// The name of this service (`service.name`).
    pub service_name: String,
    /// Header fields that each request has beside the usual ones, such as an access token.
    pub headers: Vec<Header>,
}

/// A header field of HTTP requests. Its value may be a secret, and is not shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Header {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// Where spans are sent to: read from a URL by [`FromStr`], and shown as one, without its query, which may be a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceUrl {
    /// `https` rather than `http`.
    pub is_tls: bool,
    /// The server.
    pub endpoint: Endpoint,
    /// The path of requests; `/v1/traces` where the URL has none.
    pub path: String,
}

/// A server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// A name, or an address without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
}

/// How a TLS server is checked, and who we are for it. PEM files, read at the start.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClientTls {
    /// Certificates of the authorities that may have issued the server's certificate; `None` for those that the
    /// system trusts.
    pub ca: Option<PathBuf>,
    /// Our certificate, with those of intermediate authorities behind it; `None` for none.
    pub certificate: Option<PathBuf>,
    /// The private key of our certificate; `None` if it is in the same file.
    pub key: Option<PathBuf>,
}

impl AuditSettings {
    /// With the system's certificate authorities, and the host's name as source.
    #[must_use]
    pub fn new(destination: AuditDestination) -> Self {
        Self { destination, tls: ClientTls::default(), source_id: None, site_id: None }
    }
}

impl TraceSettings {
    /// All associations, with the system's certificate authorities.
    #[must_use]
    pub fn new(url: TraceUrl) -> Self {
        let (tls, headers) = (ClientTls::default(), Vec::new());
        Self { url, tls, ratio: 1.0, service_name: "storescp".to_owned(), headers }
    }
}

impl Header {
    /// Whether its name is a token and its value has no control characters (RFC 9110 §5.5, §5.6.2).
    pub(crate) fn is_valid(&self) -> bool {
        let is_token =
            |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        !self.name.is_empty()
            && self.name.bytes().all(is_token)
            && !self.value.bytes().any(|byte| byte.is_ascii_control())
    }
}

impl fmt::Debug for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ***", self.name)
    }
}

impl FromStr for AuditDestination {
    type Err = Error;

    fn from_str(url: &str) -> Result<Self, Error> {
        let wrong = |fault| Error::AuditUrl { url: without_secrets(url), fault };
        let (scheme, rest) = url.split_once(':').ok_or_else(|| wrong(UrlFault::Scheme))?;
        let endpoint = |port| {
            let authority = rest.strip_prefix("//").ok_or(UrlFault::Slashes)?;
            let (endpoint, path) = Endpoint::parse(authority, port)?;
            if path.is_empty() || path == "/" { Ok(endpoint) } else { Err(UrlFault::Path) }
        };
        match scheme {
            "syslog+tls" => endpoint(SYSLOG_TLS_PORT).map(Self::SyslogTls),
            "syslog+udp" => endpoint(SYSLOG_UDP_PORT).map(Self::SyslogUdp),
            // Of file:///path, the host is empty (RFC 8089 §2).
            "file" => match rest.strip_prefix("//").unwrap_or(rest) {
                path if path.len() > 1 && path.starts_with('/') => Ok(Self::File(path.into())),
                _ => Err(UrlFault::FilePath),
            },
            _ => Err(UrlFault::Scheme),
        }
        .map_err(wrong)
    }
}

impl fmt::Display for AuditDestination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SyslogTls(endpoint) => write!(f, "syslog+tls://{endpoint}"),
            Self::SyslogUdp(endpoint) => write!(f, "syslog+udp://{endpoint}"),
            Self::File(path) => write!(f, "file:{}", path.display()),
        }
    }
}

impl FromStr for TraceUrl {
    type Err = Error;

    fn from_str(url: &str) -> Result<Self, Error> {
        let wrong = |fault| Error::TraceUrl { url: without_secrets(url), fault };
        let (scheme, rest) = url.split_once("://").ok_or_else(|| wrong(UrlFault::Scheme))?;
        let is_tls = match scheme {
            "http" => false,
            "https" => true,
            _ => return Err(wrong(UrlFault::Scheme)),
        };
        let (endpoint, path) = Endpoint::parse(rest, OTLP_HTTP_PORT).map_err(wrong)?;
        let path = if path.is_empty() || path == "/" { TRACES_PATH } else { path };
        if !path.starts_with('/') {
            return Err(wrong(UrlFault::Path));
        }
        if path.bytes().any(|byte| !byte.is_ascii_graphic()) {
            return Err(wrong(UrlFault::Path));
        }
        Ok(Self { is_tls, endpoint, path: path.to_owned() })
    }
}

impl fmt::Display for TraceUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_tls { "https" } else { "http" };
        write!(f, "{scheme}://{}{}", self.endpoint, without_query(&self.path))
    }
}

/// A URL as it may be shown: without user and password, and without its query.
fn without_secrets(url: &str) -> String {
    let shown = without_query(url);
    match shown.split_once("//").map(|(scheme, rest)| (scheme, rest.rsplit_once('@'))) {
        Some((scheme, Some((_, rest)))) => format!("{scheme}//…@{rest}"),
        _ => shown,
    }
}

fn without_query(url: &str) -> String {
    url.split_once('?').map_or(url.to_owned(), |(before, _)| format!("{before}?…"))
}

impl Endpoint {
    /// `HOST`, `HOST:PORT`, `[ADDRESS]:PORT`, and what follows from the first slash on.
    fn parse(text: &str, default_port: u16) -> Result<(Self, &str), UrlFault> {
        let (authority, path) = text.split_at(text.find(['/', '?']).unwrap_or(text.len()));
        if authority.contains('@') {
            return Err(UrlFault::User);
        }
        let (host, port) = match authority.strip_prefix('[') {
            Some(rest) => rest.split_once(']').ok_or(UrlFault::Host)?,
            None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
        };
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:%".contains(&byte);
        if host.is_empty() || host.len() > HOST_BYTES || !host.bytes().all(is_name) {
            return Err(UrlFault::Host);
        }
        let port = match port.strip_prefix(':') {
            Some(port) => port.parse().ok().filter(|port| *port > 0).ok_or(UrlFault::Port)?,
            None if port.is_empty() => default_port,
            None => return Err(UrlFault::Port),
        };
        Ok((Self { host: host.to_owned(), port }, path))
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

/// RFC 5425 §4.1.
const SYSLOG_TLS_PORT: u16 = 6514;
/// RFC 5426 §3.3.
const SYSLOG_UDP_PORT: u16 = 514;
/// The port of OTLP/HTTP.
const OTLP_HTTP_PORT: u16 = 4318;
/// The path for traces of OTLP/HTTP.
const TRACES_PATH: &str = "/v1/traces";
/// The longest name in DNS as text (RFC 1035 §2.3.4).
const HOST_BYTES: usize = 253;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_of_audit_destinations() {
        for (url, shown) in [
            ("syslog+tls://audit.example:6514", "syslog+tls://audit.example:6514"),
            ("syslog+tls://audit.example", "syslog+tls://audit.example:6514"),
            ("syslog+tls://[2001:db8::1]:7/", "syslog+tls://[2001:db8::1]:7"),
            ("syslog+udp://10.0.0.5", "syslog+udp://10.0.0.5:514"),
            ("file:/var/log/audit.log", "file:/var/log/audit.log"),
            ("file:///var/log/audit.log", "file:/var/log/audit.log"),
        ] {
            let destination: AuditDestination = url.parse().unwrap();
            assert_eq!(destination.to_string(), shown);
            assert_eq!(shown.parse::<AuditDestination>().unwrap(), destination);
        }
    }

    #[test]
    fn wrong_urls_are_told_with_what_is_expected() {
        for (url, expected) in [
            ("audit.example", "expected a scheme"),
            ("syslog://host", "expected a scheme"),
            ("syslog+tls:host", "'//' behind"),
            ("syslog+tls://", "a host"),
            ("syslog+tls://ho st", "a host"),
            ("syslog+tls://host:0", "a port from 1 to 65535"),
            ("syslog+tls://host:70000", "a port from 1 to 65535"),
            ("syslog+tls://host/path", "no path"),
            ("syslog+udp://[::1", "a host"),
            ("file:relative", "an absolute path"),
            ("file://host/path", "an absolute path"),
            ("file:", "an absolute path"),
        ] {
            let error = url.parse::<AuditDestination>().unwrap_err().to_string();
            assert!(error.contains(expected) && error.contains(url), "{url}: {error}");
        }
    }

    #[test]
    fn secrets_in_urls_are_not_told() {
        for url in [
            "https://user:hunter2@host/v1/traces",
            "https://hunter2@host:0?key=hunter2",
            "https://host:0/?hunter2",
            "https://a@b/hunter2@host",
        ] {
            let error = url.parse::<TraceUrl>().unwrap_err().to_string();
            assert!(!error.contains("hunter2"), "{error}");
        }
        let error = "https://user:x@host/".parse::<TraceUrl>().unwrap_err().to_string();
        assert!(error.contains("'https://…@host/'") && error.contains("no user or"), "{error}");
        let error = "syslog+tls://me:hunter2@host".parse::<AuditDestination>().unwrap_err();
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }

    #[test]
    fn urls_of_trace_receivers() {
        for (url, shown) in [
            ("http://127.0.0.1:4318", "http://127.0.0.1:4318/v1/traces"),
            ("https://tempo.example/otlp/v1/traces", "https://tempo.example:4318/otlp/v1/traces"),
        ] {
            assert_eq!(url.parse::<TraceUrl>().unwrap().to_string(), shown);
        }
        let secret: TraceUrl = "https://tempo.example/v1/traces?key=hunter2".parse().unwrap();
        assert_eq!(secret.path, "/v1/traces?key=hunter2");
        assert_eq!(secret.to_string(), "https://tempo.example:4318/v1/traces?…");
        for url in ["grpc://host", "host:4318", "http://host/a b", "http://:1"] {
            assert!(url.parse::<TraceUrl>().is_err(), "{url}");
        }
    }
}
