//! Any bytes, as the first bytes that a TLS server receives.
//!
//! The first byte chooses the cuts. Checked: there is no panic; the server refuses the peer, which has no key,
//! and does so at once, because the peer has closed its side.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use openssl::asn1::Asn1Time;
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::rsa::Rsa;
use openssl::x509::X509;
use receiver::net::tls::{HandshakeError, SecurityProfile, Tls, TlsSettings};

/// Runs one input.
pub fn run(data: &[u8]) {
    let Some((&choice, stream)) = data.split_first() else { return };
    let piece_bytes = match choice {
        0 => stream.len().max(1),
        size => usize::from(size),
    };
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let mut client =
        TcpStream::connect(listener.local_addr().expect("an address")).expect("it listens");
    let (server, _) = listener.accept().expect("a connection");
    client.set_nodelay(true).expect("a socket");
    // Only a few pieces fit into the socket buffer before the server reads them.
    for piece in stream.chunks(piece_bytes).take(64) {
        client.write_all(piece).expect("the kernel holds it");
    }
    client.shutdown(Shutdown::Write).expect("a socket");
    let begun = Instant::now();
    let refusal = match tls().accept(Arc::new(server), begun + PATIENCE) {
        Ok(_) => panic!("a peer without a key got in"),
        Err(refusal) => refusal,
    };
    assert!(!matches!(refusal, HandshakeError::TimedOut), "it waited for more than the end");
    assert_eq!(stream.is_empty(), matches!(refusal, HandshakeError::Nothing));
    // Before it closes, the server sends TLS: an alert, or its part of a handshake.
    let mut answer = Vec::new();
    let _ = client.read_to_end(&mut answer);
    assert!(answer.first().is_none_or(|kind| matches!(kind, 0x15 | 0x16)), "{answer:?}");
}

/// A server with every version and an expected server name, so that it evaluates the whole first message.
fn tls() -> &'static Tls {
    static TLS: OnceLock<Tls> = OnceLock::new();
    TLS.get_or_init(|| {
        let folder = std::env::temp_dir().join(format!("storescp-fuzz-tls-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let (key, certificate) = (folder.join("key"), folder.join("certificate"));
        make(&key, &certificate);
        let settings = TlsSettings {
            profile: SecurityProfile::Bcp195,
            server_name: Some("pacs.example".to_owned()),
            ..TlsSettings::new(key, certificate)
        };
        let tls = Tls::new(&settings).expect("good files");
        std::fs::remove_dir_all(&folder).expect("it is ours");
        tls
    })
}

fn make(key_file: &Path, certificate_file: &Path) {
    let key = PKey::from_rsa(Rsa::generate(2048).expect("a key")).expect("a key");
    let mut certificate = X509::builder().expect("memory");
    certificate.set_not_before(&Asn1Time::days_from_now(0).expect("now")).expect("a time");
    certificate.set_not_after(&Asn1Time::days_from_now(30).expect("a time")).expect("a time");
    certificate.set_pubkey(&key).expect("a key");
    certificate.sign(&key, MessageDigest::sha256()).expect("a signature");
    let pem = key.private_key_to_pem_pkcs8().expect("a key");
    std::fs::write(key_file, pem).expect("a file");
    std::fs::write(certificate_file, certificate.build().to_pem().expect("text")).expect("a file");
}

const PATIENCE: Duration = Duration::from_secs(20);
