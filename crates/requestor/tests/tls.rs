//! A requestor over TLS.

#![allow(clippy::unwrap_used, reason = "a helper's panic fails the test that called it")]

mod common;

use std::time::{Duration, Instant};

use common::{Acceptor, Behavior, instance, patient, settings, trickling_peer};
use openssl::asn1::Asn1Time;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::ssl::{Ssl, SslContext, SslMethod, SslStream, SslVerifyMode};
use openssl::x509::extension::SubjectAlternativeName;
use openssl::x509::store::X509StoreBuilder;
use openssl::x509::{X509, X509Name};
use requestor::{Error, Requestor, Settings, Status, Tls, Waiting};

/// A key, and a certificate for `localhost` that it signed itself.
fn identity() -> (PKey<Private>, X509) {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    let key = PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
    let mut name = X509Name::builder().unwrap();
    name.append_entry_by_text("CN", "localhost").unwrap();
    let name = name.build();
    let mut certificate = X509::builder().unwrap();
    certificate.set_version(2).unwrap();
    certificate.set_subject_name(&name).unwrap();
    certificate.set_issuer_name(&name).unwrap();
    certificate.set_pubkey(&key).unwrap();
    certificate.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
    certificate.set_not_after(&Asn1Time::days_from_now(2).unwrap()).unwrap();
    let names = SubjectAlternativeName::new()
        .dns("localhost")
        .build(&certificate.x509v3_context(None, None))
        .unwrap();
    certificate.append_extension(names).unwrap();
    certificate.sign(&key, MessageDigest::sha256()).unwrap();
    (key, certificate.build())
}

/// A context that trusts this certificate only.
fn trusting(certificate: X509) -> SslContext {
    let mut store = X509StoreBuilder::new().unwrap();
    store.add_cert(certificate).unwrap();
    let mut context = SslContext::builder(SslMethod::tls_client()).unwrap();
    context.set_cert_store(store.build());
    context.set_verify(SslVerifyMode::PEER);
    context.build()
}

fn over_tls(settings: Settings, context: SslContext, server_name: &str) -> Settings {
    let server_name = Some(server_name.to_owned());
    Settings { tls: Some(Tls { context, server_name }), ..settings }
}

fn acceptor(key: &PKey<Private>, certificate: &X509) -> Acceptor {
    let mut context = SslContext::builder(SslMethod::tls_server()).unwrap();
    context.set_private_key(key).unwrap();
    context.set_certificate(certificate).unwrap();
    let ssl = Ssl::new(&context.build()).unwrap();
    Acceptor::start_on(Behavior::Answer(Status::SUCCESS), 16_384, |stream| {
        let mut stream = SslStream::new(ssl, stream).unwrap();
        // A requestor that does not trust us ends the handshake; reading then tells.
        let _ = stream.accept();
        stream
    })
}

#[test]
fn an_object_is_stored_over_tls() {
    let (key, certificate) = identity();
    let acceptor = acceptor(&key, &certificate);
    let settings = over_tls(patient(), trusting(certificate), "localhost");
    let contexts = [instance().context()];
    let mut requestor = Requestor::associate(acceptor.address, &settings, &contexts).unwrap();
    let data = vec![5; 1_000_000];
    assert_eq!(requestor.store(&instance(), &data[..]).unwrap().status, Status::SUCCESS);
    requestor.release().unwrap();
    let seen = acceptor.seen();
    assert!(seen.released && seen.data_set == data);
}

#[test]
fn a_certificate_for_another_name_or_from_another_issuer_is_refused() {
    let (key, certificate) = identity();
    let (_, other) = identity();
    for (trusted, name) in
        [(&certificate, "pacs.example"), (&certificate, "127.0.0.1"), (&other, "localhost")]
    {
        let acceptor = acceptor(&key, &certificate);
        let settings = over_tls(patient(), trusting(trusted.clone()), name);
        let contexts = [instance().context()];
        let error = Requestor::associate(acceptor.address, &settings, &contexts).unwrap_err();
        assert!(matches!(error, Error::Handshake(_)), "{error}");
        assert!(error.to_string().contains("certificate"), "{error}");
        acceptor.seen();
    }
}

#[test]
fn a_handshake_in_single_bytes_does_not_extend_the_timeout_for_ever() {
    let (_, certificate) = identity();
    // The header of a TLS record of 16 KiB.
    let address = trickling_peer(&[22, 3, 3, 0x40, 0]);
    let settings = over_tls(settings(), trusting(certificate), "localhost");
    let begun = Instant::now();
    let error = Requestor::associate(address, &settings, &[instance().context()]).unwrap_err();
    assert!(matches!(error, Error::TimedOut(Waiting::Handshake)), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(3));
}

#[test]
fn a_handshake_with_a_silent_peer_times_out() {
    let (_, certificate) = identity();
    let acceptor = Acceptor::start(Behavior::SilentFromStart, 16_384);
    let settings = over_tls(settings(), trusting(certificate), "localhost");
    let contexts = [instance().context()];
    let error = Requestor::associate(acceptor.address, &settings, &contexts).unwrap_err();
    assert!(matches!(error, Error::TimedOut(Waiting::Handshake)), "{error}");
}
