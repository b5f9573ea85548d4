//! TLS of the control plane: one certificate, no certificates of clients.

use crate::error::Error;
use crate::settings::ControlTls;
use openssl::error::ErrorStack;
use openssl::pkey::{PKey, Private};
use openssl::ssl::{AlpnError, Ssl, SslAcceptor, SslMethod, SslOptions, select_next_proto};
use openssl::x509::X509;
use receiver::limits::TLS_FILE_BYTES;
use receiver::net::tls::{Expiry, KeyFormat, KeyPassword};
use std::path::Path;
use std::pin::Pin;
use tokio::net::TcpStream;
use tokio_openssl::SslStream;

/// Accepts TLS connections: 1.2 and 1.3, cipher suites with forward secrecy.
pub(crate) struct TlsAcceptor {
    acceptor: SslAcceptor,
    expiry: Expiry,
}

impl TlsAcceptor {
    /// Reads key and certificate.
    ///
    /// # Errors
    /// [`Error::Tls`] with the file and what is wrong with it.
    pub(super) fn new(settings: &ControlTls) -> Result<Self, Error> {
        // As the receiver does it: threads may still be at work in OpenSSL when the process ends.
        openssl::init();
        let (certificate_file, key_file) = (&settings.certificate_file, &settings.key_file);
        let fault = |path: &Path, reason: String| Error::Tls { path: path.to_owned(), reason };
        let unusable = |error: ErrorStack| fault(certificate_file, reason(&error));
        let certificates = certificates(settings)?;
        let expiry = Expiry::of(certificate_file, &certificates).map_err(unusable)?;
        let key = private_key(settings)?;
        let mut acceptor =
            SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server()).map_err(unusable)?;
        acceptor.set_options(SslOptions::NO_RENEGOTIATION | SslOptions::NO_COMPRESSION);
        acceptor.set_alpn_select_callback(|_, offered| {
            select_next_proto(b"\x08http/1.1", offered).ok_or(AlpnError::ALERT_FATAL)
        });
        let mut certificates = certificates.into_iter();
        if let Some(own) = certificates.next() {
            acceptor.set_certificate(&own).map_err(unusable)?;
        }
        for further in certificates {
            acceptor.add_extra_chain_cert(further).map_err(unusable)?;
        }
        acceptor.set_private_key(&key).and_then(|()| acceptor.check_private_key()).map_err(
            |_| {
                let of = certificate_file.display();
                fault(
                    key_file,
                    format!("it is not the key of the certificate in '{of}'; check tls in [http]"),
                )
            },
        )?;
        Ok(Self { acceptor: acceptor.build(), expiry })
    }

    /// Which of the certificates that clients are sent expires first.
    pub(super) fn expiry(&self) -> &Expiry {
        &self.expiry
    }

    /// The handshake.
    ///
    /// # Errors
    /// Why there is none.
    pub(crate) async fn accept(&self, stream: TcpStream) -> Result<SslStream<TcpStream>, String> {
        let ssl = Ssl::new(self.acceptor.context()).map_err(|error| reason(&error))?;
        let mut stream = SslStream::new(ssl, stream).map_err(|error| reason(&error))?;
        match Pin::new(&mut stream).accept().await {
            Ok(()) => Ok(stream),
            Err(error) => Err(error.to_string()),
        }
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    platform::read_at_most(path, TLS_FILE_BYTES).map_err(|error| {
        let reason = format!("cannot be read: {}", platform::reason(&error));
        Error::Tls { path: path.to_owned(), reason }
    })
}

/// Our own first.
fn certificates(settings: &ControlTls) -> Result<Vec<X509>, Error> {
    let path = &settings.certificate_file;
    let content = read(path)?;
    let read = match settings.key_format {
        KeyFormat::Pem => X509::stack_from_pem(&content),
        KeyFormat::Der => X509::from_der(&content).map(|one| vec![one]),
    };
    match read {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => {
            let reason = format!("there is no {} certificate in it", settings.key_format.name());
            Err(Error::Tls { path: path.clone(), reason })
        }
    }
}

fn private_key(settings: &ControlTls) -> Result<PKey<Private>, Error> {
    let path = &settings.key_file;
    let content = read(path)?;
    let password = match &settings.password {
        KeyPassword::Given(password) => Some(password.as_encoded_bytes()),
        KeyPassword::Empty => Some(b"".as_slice()),
        KeyPassword::Ask => None,
    };
    let mut was_asked = false;
    let answer = |buffer: &mut [u8]| {
        was_asked = true;
        let password = password.unwrap_or_default();
        let fitting = buffer.get_mut(..password.len()).ok_or_else(ErrorStack::get)?;
        fitting.copy_from_slice(password);
        Ok(password.len())
    };
    let key = match settings.key_format {
        KeyFormat::Pem => PKey::private_key_from_pem_callback(&content, answer),
        KeyFormat::Der if password.is_some_and(|it| !it.is_empty()) => {
            PKey::private_key_from_pkcs8_callback(&content, answer)
                .or_else(|_| PKey::private_key_from_der(&content))
        }
        KeyFormat::Der => PKey::private_key_from_der(&content),
    };
    key.map_err(|_| {
        let reason = match (was_asked, password) {
            (true, None) => "the key has a password, which the control plane does not ask for: name it in the settings \
                             file (--use-passwd on the command line)"
                .to_owned(),
            (true, Some(_)) => "the password of the key is wrong".to_owned(),
            _ => format!("there is no {} private key in it", settings.key_format.name()),
        };
        Error::Tls { path: path.clone(), reason }
    })
}

fn reason(error: &ErrorStack) -> String {
    let last = error.errors().last().and_then(openssl::error::Error::reason);
    last.unwrap_or("OpenSSL gives no reason").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_an_end_is_refused() {
        let error = read(Path::new("/dev/zero")).unwrap_err().to_string();
        assert!(error.contains("it is longer than 67108864 bytes"), "{error}");
    }
}
