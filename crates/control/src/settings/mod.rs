//! Settings of the control plane.

pub(crate) mod passwords;
mod tokens;

pub use passwords::hash_password;
pub use tokens::TokenHash;

use crate::error::Error;
use receiver::net::tls::{KeyFormat, KeyPassword, TlsSettings};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

/// Where the control plane listens, and who may use it.
///
/// Requests from this machine to a loopback address need no log-in. Other addresses need TLS and a log-in, or
/// `insecure`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ControlSettings {
    /// Where it listens; at least one address.
    pub listen: Vec<SocketAddr>,
    /// Key and certificate, for all addresses; `None` for plain HTTP.
    pub tls: Option<ControlTls>,
    /// Who may log in with a token (`Authorization: Bearer`).
    pub tokens: Vec<Token>,
    /// Who may log in with a password (`Authorization: Basic`).
    pub users: Vec<User>,
    /// Addresses that are not loopback may be used without TLS, and without a log-in if there are neither tokens
    /// nor users.
    pub insecure: bool,
    /// `/livez` and `/readyz` need no log-in on any address. They then say which checks fail, but neither paths nor
    /// reasons.
    pub open_health: bool,
    /// Names of this host, beside its addresses and `localhost`, that requests without a log-in may have in `Host`.
    pub host_names: Vec<String>,
}

impl ControlSettings {
    /// Plain HTTP on one address.
    #[must_use]
    pub fn on(address: SocketAddr) -> Self {
        Self { listen: vec![address], ..Self::default() }
    }

    /// True if a request that does not come from this machine has to log in.
    #[must_use]
    pub fn has_log_ins(&self) -> bool {
        !self.tokens.is_empty() || !self.users.is_empty()
    }

    /// Looks for what [`Protection::new`](crate::Protection::new) refuses without reading a file.
    ///
    /// # Errors
    /// [`Error::NoAddress`], [`Error::Unprotected`], [`Error::PasswordHash`], [`Error::SameName`].
    pub fn check(&self) -> Result<(), Error> {
        if self.listen.is_empty() {
            return Err(Error::NoAddress);
        }
        let exposed = self.listen.iter().find(|address| !address.ip().is_loopback());
        if let Some(&address) = exposed.filter(|_| !self.insecure) {
            let (tls, log_in) = (self.tls.is_none(), !self.has_log_ins());
            if tls || log_in {
                return Err(Error::Unprotected { address, tls, log_in });
            }
        }
        for user in &self.users {
            passwords::check(&user.password_hash)
                .map_err(|reason| Error::PasswordHash { user: user.name.clone(), reason })?;
        }
        let tokens = self.tokens.iter().map(|token| &token.name);
        let mut names: Vec<&String> = tokens.chain(self.users.iter().map(|it| &it.name)).collect();
        names.sort_unstable();
        match names.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(Error::SameName { name: pair[0].clone() }),
            None => Ok(()),
        }
    }
}

/// Reads where to listen: a port (on 127.0.0.1), an address (with port 8042), or both: `8042`, `127.0.0.1:8042`,
/// `[::1]:8042`. Port 0 is any free one.
///
/// # Errors
/// What is expected.
pub fn parse_listen(text: &str) -> Result<SocketAddr, String> {
    if let Ok(port) = u16::from_str(text)
        && text.bytes().all(|byte| byte.is_ascii_digit())
    {
        return Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    }
    if let Ok(address) = SocketAddr::from_str(text) {
        return Ok(address);
    }
    let bare = text.strip_prefix('[').and_then(|it| it.strip_suffix(']')).unwrap_or(text);
    match IpAddr::from_str(bare) {
        Ok(address) => Ok(SocketAddr::from((address, DEFAULT_PORT))),
        Err(_) => Err(format!(
            "'{text}' is neither a port (0..65535) nor an address with a port, such as \
             127.0.0.1:{DEFAULT_PORT}, 0.0.0.0:{DEFAULT_PORT} or [::1]:{DEFAULT_PORT}"
        )),
    }
}

/// The port of an address that is given without one.
pub const DEFAULT_PORT: u16 = 8042;

/// Key and certificate of the control plane. Clients are not asked for certificates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ControlTls {
    /// The certificate, perhaps with those of the chain to its authority.
    pub certificate_file: PathBuf,
    /// Its private key.
    pub key_file: PathBuf,
    /// Format of both.
    pub key_format: KeyFormat,
    /// Password of the key. [`KeyPassword::Ask`] is for keys without one: the control plane asks nobody.
    pub password: KeyPassword,
}

impl ControlTls {
    /// A key without a password and a certificate, both in PEM.
    #[must_use]
    pub fn new(certificate_file: PathBuf, key_file: PathBuf) -> Self {
        let (key_format, password) = (KeyFormat::Pem, KeyPassword::Ask);
        Self { certificate_file, key_file, key_format, password }
    }

    /// The key and the certificate of the receiver.
    #[must_use]
    pub fn of_receiver(tls: &TlsSettings) -> Self {
        Self {
            certificate_file: tls.certificate_file.clone(),
            key_file: tls.key_file.clone(),
            key_format: tls.key_format,
            password: tls.password.clone(),
        }
    }
}

/// What somebody who has logged in may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Read: GET and HEAD.
    Viewer,
    /// Change something, too: reload.
    Operator,
}

impl Role {
    /// Its name in the settings.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
        }
    }
}

/// Who may log in with a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// For the log and the audit.
    pub name: String,
    /// What is kept of the token.
    pub hash: TokenHash,
    /// What it allows.
    pub role: Role,
}

/// Who may log in with a password.
#[derive(Clone, PartialEq, Eq)]
pub struct User {
    /// The name to log in with.
    pub name: String,
    /// Hash of the password (argon2id) as a PHC string: what `storescp hash-password` prints.
    pub password_hash: String,
    /// What they may do.
    pub role: Role,
}

/// The hash is not shown.
impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "User({:?}, {})", self.name, self.role.name())
    }
}

#[cfg(test)]
mod tests;
