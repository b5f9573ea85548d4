//! Certificates that are right, and those that are not.

use super::server::{Server, Stream};
use super::*;
use openssl::asn1::Asn1Time;
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::ssl::{SslAcceptor, SslMethod, SslVerifyMode};
use openssl::x509::extension::{BasicConstraints, SubjectAlternativeName};
use openssl::x509::{X509, X509NameBuilder};
use platform::testing::Scratch;
use std::io;
use std::path::{Path, PathBuf};

struct Keys {
    key: PKey<Private>,
    certificate: X509,
}

impl Keys {
    /// Signed by `issuer`, or by itself; valid from and for so many days from now.
    fn new(name: &str, issuer: Option<&Keys>, days: (i64, i64)) -> Self {
        let key = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
        let mut subject = X509NameBuilder::new().unwrap();
        subject.append_entry_by_text("CN", name).unwrap();
        let subject = subject.build();
        let mut made = X509::builder().unwrap();
        made.set_version(2).unwrap();
        made.set_subject_name(&subject).unwrap();
        made.set_issuer_name(issuer.map_or(&subject, |it| it.certificate.subject_name())).unwrap();
        made.set_pubkey(&key).unwrap();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let day =
            |days: i64| Asn1Time::from_unix(i64::try_from(now).unwrap() + days * 86_400).unwrap();
        made.set_not_before(&day(days.0)).unwrap();
        made.set_not_after(&day(days.1)).unwrap();
        if issuer.is_none() {
            made.append_extension(BasicConstraints::new().critical().ca().build().unwrap())
                .unwrap();
        } else {
            let context = made.x509v3_context(None, None);
            let names = SubjectAlternativeName::new().dns(name).build(&context).unwrap();
            made.append_extension(names).unwrap();
        }
        made.sign(issuer.map_or(&key, |it| &it.key), MessageDigest::sha256()).unwrap();
        Self { key, certificate: made.build() }
    }

    fn write(&self, folder: &Path, name: &str) -> (PathBuf, PathBuf) {
        let (key, certificate) =
            (folder.join(format!("{name}.key")), folder.join(format!("{name}.pem")));
        // The older form (PKCS #1), which people have too.
        let pem = self.key.rsa().unwrap().private_key_to_pem().unwrap();
        std::fs::write(&key, pem).unwrap();
        std::fs::write(&certificate, self.certificate.to_pem().unwrap()).unwrap();
        (key, certificate)
    }
}

use std::time::SystemTime;

/// A server with these keys, which asks for a certificate of `clients` if there is one.
fn serve(keys: &Keys, clients: Option<&Keys>) -> Server {
    let mut acceptor = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server()).unwrap();
    acceptor.set_private_key(&keys.key).unwrap();
    acceptor.set_certificate(&keys.certificate).unwrap();
    if let Some(clients) = clients {
        acceptor.cert_store_mut().add_cert(clients.certificate.clone()).unwrap();
        acceptor.set_verify(SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT);
    }
    let acceptor = acceptor.build();
    let ok =
        |_: &server::Received, stream: &mut dyn Stream| stream.write_all(OK.as_bytes()).is_ok();
    Server::at("127.0.0.1:0", Box::new(ok), move |stream| {
        let stream =
            acceptor.accept(stream).map_err(|error| io::Error::other(error.to_string()))?;
        Ok(Box::new(stream))
    })
}

fn deliver_to(server: &Server, tls: TlsClientSettings) -> Outcome {
    let mut settings = settings(&format!("https://localhost:{}/events", server.address.port()));
    settings.http.tls = tls;
    deliver_one(&mut *session(&settings))
}

#[test]
fn only_a_server_whose_certificate_and_name_are_right_gets_events() {
    let scratch = Scratch::new("webhook-tls");
    let (ours, others) = (Keys::new("ours", None, (-1, 9)), Keys::new("others", None, (-1, 9)));
    let (_, trusted) = ours.write(&scratch.0, "ours");
    let trusts =
        || TlsClientSettings { trusted: Some(trusted.clone()), ..TlsClientSettings::default() };

    let right = serve(&Keys::new("localhost", Some(&ours), (-1, 9)), None);
    assert_eq!(deliver_to(&right, trusts()), Outcome::Done);
    assert_eq!(right.all().len(), 1);
    let unknown = deliver_to(&right, TlsClientSettings::default());
    assert_unreachable(&unknown, &["its certificate is refused"]);

    for (name, issuer, days, why) in [
        ("other.example", &ours, (-1, 9), "mismatch"),
        ("localhost", &ours, (-9, -1), "expired"),
        ("localhost", &ours, (1, 9), "not yet valid"),
        ("localhost", &others, (-1, 9), "local issuer"),
    ] {
        let wrong = serve(&Keys::new(name, Some(issuer), days), None);
        assert_unreachable(&deliver_to(&wrong, trusts()), &["its certificate is refused", why]);
        assert_eq!(wrong.all().len(), 0, "{why}");
    }
    let plain = Server::answers(OK);
    assert_unreachable(&deliver_to(&plain, trusts()), &["cannot connect"]);
}

#[test]
fn a_server_that_asks_for_a_certificate_gets_ours() {
    let scratch = Scratch::new("webhook-client-certificate");
    let authority = Keys::new("authority", None, (-1, 9));
    let (_, trusted) = authority.write(&scratch.0, "authority");
    let client = Keys::new("client", Some(&authority), (-1, 9));
    let (key, certificate) = client.write(&scratch.0, "client");
    let server = serve(&Keys::new("localhost", Some(&authority), (-1, 9)), Some(&authority));
    let tls = TlsClientSettings {
        trusted: Some(trusted.clone()),
        certificate: Some(certificate.clone()),
        key: Some(key),
    };
    assert_eq!(deliver_to(&server, tls.clone()), Outcome::Done);
    let without = TlsClientSettings { certificate: None, key: None, ..tls.clone() };
    let refused = deliver_to(&server, without);
    assert!(!matches!(refused, Outcome::Done | Outcome::Park { .. }), "{refused:?}");
    assert_eq!(server.all().len(), 1);

    let (other_key, _) = authority.write(&scratch.0, "other");
    let mut settings = settings("https://localhost/");
    settings.http.tls = TlsClientSettings { key: Some(other_key), ..tls };
    let error = Webhook::new("hook", &settings).unwrap_err().to_string();
    assert!(error.contains("does not belong to the certificate"), "{error}");
}
