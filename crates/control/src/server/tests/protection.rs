//! Certificates, tokens and users that change while it serves.

use super::access::{VIEWER, basic, bearer, protected};
use super::{connect, get, local, serve_by, status};
use crate::access::Protection;
use crate::error::Error;
use crate::limits::FAILED_LOG_INS;
use crate::settings::{ControlSettings, ControlTls, Role, hash_password};
use openssl::asn1::Asn1Time;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::PKey;
use openssl::ssl::{SslConnector, SslMethod, SslStream, SslVerifyMode};
use openssl::x509::{X509, X509Name};
use platform::testing::Scratch;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

fn by(settings: &ControlSettings) -> Arc<Protection> {
    Arc::new(Protection::new(settings).unwrap())
}

/// Puts other settings in force.
fn replace(protection: &Protection, settings: &ControlSettings) -> Vec<&'static str> {
    protection.replace(protection.read_again(Some(settings)).unwrap())
}

/// One more request of a connection that stays open.
fn again(stream: &mut (impl Read + Write), fields: &str) -> u16 {
    let request = format!("GET / HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.extend(byte);
    }
    let head = String::from_utf8(head).unwrap().to_lowercase();
    let length = head.split("content-length: ").nth(1).and_then(|it| it.lines().next());
    let mut body = vec![0; length.unwrap().parse().unwrap()];
    stream.read_exact(&mut body).unwrap();
    status(&head.replacen("http", "HTTP", 1))
}

#[test]
fn who_was_removed_is_out_at_the_next_request_of_an_open_connection() {
    let before = protected();
    let protection = by(&before);
    let (_handle, _, address) = serve_by(&protection);
    let mut stream = connect(address);
    let (token, user) = (bearer(VIEWER), basic("müller", "right horse"));
    assert_eq!(again(&mut stream, &token), 200);
    // Twice: the second time, the password is known.
    assert_eq!((again(&mut stream, &user), again(&mut stream, &user)), (200, 200));
    let mut after = before.clone();
    after.tokens.remove(0);
    after.users.remove(0);
    assert_eq!(replace(&protection, &after), ["HTTP access"]);
    assert_eq!((again(&mut stream, &token), again(&mut stream, &user)), (401, 401));
    assert_eq!(again(&mut stream, &basic("else", "other")), 200, "who was not removed");
    // Back with another password: the old one is not known any more.
    let mut back = before.clone();
    back.users[0].password_hash = hash_password("new horse").unwrap();
    replace(&protection, &back);
    assert_eq!(again(&mut stream, &user), 401);
    assert_eq!(again(&mut stream, &basic("müller", "new horse")), 200);
    assert_eq!(again(&mut stream, &token), 200);
    assert_eq!(replace(&protection, &back), Vec::<&str>::new(), "nothing has changed");
}

#[test]
fn a_new_role_holds_from_the_next_request_on() {
    let before = protected();
    let protection = by(&before);
    let (_handle, fake, address) = serve_by(&protection);
    let post = |token: &str| {
        let fields = format!("Content-Type: application/json\r\n{}", bearer(token));
        super::exchange(
            address,
            &format!(
                "POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 0\r\n{fields}\r\n"
            ),
        )
    };
    assert_eq!(status(&post(VIEWER)), 403);
    let mut after = before;
    after.tokens[0].role = Role::Operator;
    replace(&protection, &after);
    assert_eq!(status(&post(VIEWER)), 405, "it may");
    after.tokens[0].role = Role::Viewer;
    replace(&protection, &after);
    assert_eq!(status(&post(VIEWER)), 403);
    assert_eq!(fake.events().len(), 2, "the audit hears of the new role");
}

/// Whoever guesses does not get new tries by a reload, be it of a user who was removed.
#[test]
fn failed_log_ins_go_on_counting() {
    let before = protected();
    let protection = by(&before);
    let (_handle, _, address) = serve_by(&protection);
    let mut after = before.clone();
    after.users.clear();
    for count in 0..FAILED_LOG_INS {
        let settings = if count % 2 == 0 { &after } else { &before };
        replace(&protection, settings);
        assert_eq!(status(&get(address, "/", &bearer("guess"))), 401, "{count}");
    }
    replace(&protection, &after);
    assert_eq!(status(&get(address, "/", &bearer("guess"))), 429);
    assert_eq!(status(&get(address, "/", &basic("müller", "right horse"))), 429);
}

#[test]
fn open_health_and_names_of_the_host_change() {
    let before = protected();
    let protection = by(&before);
    let (_handle, _, address) = serve_by(&protection);
    assert_eq!(status(&get(address, "/livez", "")), 401);
    replace(&protection, &ControlSettings { open_health: true, ..before.clone() });
    assert_eq!(status(&get(address, "/livez", "")), 200);
    replace(&protection, &before);
    assert_eq!(status(&get(address, "/livez", "")), 401);

    let protection = by(&local());
    let (_handle, _, address) = serve_by(&protection);
    let named = || {
        let request = "GET / HTTP/1.1\r\nHost: pacs.example\r\nConnection: close\r\n\r\n";
        status(&super::exchange(address, request))
    };
    assert_eq!(named(), 421);
    replace(&protection, &ControlSettings { host_names: vec!["pacs.example".into()], ..local() });
    assert_eq!(named(), 200);
}

/// Makes key and certificate in one file, valid for so many days.
fn certify(path: &Path, name: &str, days: u32) {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    let key = PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
    let mut subject = X509Name::builder().unwrap();
    subject.append_entry_by_nid(Nid::COMMONNAME, name).unwrap();
    let subject = subject.build();
    let mut certificate = X509::builder().unwrap();
    certificate.set_version(2).unwrap();
    certificate.set_subject_name(&subject).unwrap();
    certificate.set_issuer_name(&subject).unwrap();
    certificate.set_pubkey(&key).unwrap();
    certificate.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
    certificate.set_not_after(&Asn1Time::days_from_now(days).unwrap()).unwrap();
    certificate.sign(&key, MessageDigest::sha256()).unwrap();
    let key = key.private_key_to_pem_pkcs8().unwrap();
    fs::write(path, [key, certificate.build().to_pem().unwrap()].concat()).unwrap();
}

fn tls(path: &Path) -> Option<ControlTls> {
    Some(ControlTls::new(path.to_owned(), path.to_owned()))
}

fn connect_by_tls(address: SocketAddr) -> SslStream<TcpStream> {
    let mut connector = SslConnector::builder(SslMethod::tls_client()).unwrap();
    connector.set_verify(SslVerifyMode::NONE);
    connector.build().connect("localhost", connect(address)).unwrap()
}

/// The name in the certificate that a new connection sees.
fn certificate_at(address: SocketAddr) -> String {
    let certificate = connect_by_tls(address).ssl().peer_certificate().unwrap();
    let mut names = certificate.subject_name().entries_by_nid(Nid::COMMONNAME);
    names.next().unwrap().data().to_string().unwrap()
}

#[test]
fn a_new_certificate_is_shown_to_connections_to_come() {
    let scratch = Scratch::new("renewed");
    let (file, other) = (scratch.0.join("a.pem"), scratch.0.join("b.pem"));
    certify(&file, "first", 10);
    let settings = ControlSettings { tls: tls(&file), ..local() };
    let protection = by(&settings);
    let (_handle, _, address) = serve_by(&protection);
    let mut open = connect_by_tls(address);
    assert_eq!((again(&mut open, ""), certificate_at(address)), (200, "first".to_owned()));
    let days = || {
        let (file, expires) = protection.first_expiry().unwrap();
        (file, expires.duration_since(SystemTime::now()).unwrap().as_secs().div_ceil(24 * 3600))
    };
    assert_eq!(days(), (file.clone(), 10));

    // The same file, other content: as with SIGHUP and no settings file.
    certify(&file, "second", 20);
    let read = protection.read_again(None).unwrap();
    assert_eq!((certificate_at(address), days().1), ("first".to_owned(), 10), "only read so far");
    assert_eq!(protection.replace(read), ["HTTP certificate"]);
    assert_eq!((certificate_at(address), days().1), ("second".to_owned(), 20));
    assert_eq!(again(&mut open, ""), 200, "it keeps what it has");

    certify(&other, "third", 30);
    replace(&protection, &ControlSettings { tls: tls(&other), ..local() });
    assert_eq!((certificate_at(address), days()), ("third".to_owned(), (other.clone(), 30)));
    // A loopback address may do without.
    replace(&protection, &local());
    assert_eq!((status(&get(address, "/", "")), protection.first_expiry()), (200, None));
    replace(&protection, &settings);
    assert_eq!(certificate_at(address), "second");
}

#[test]
fn a_broken_certificate_changes_nothing_and_is_named() {
    let scratch = Scratch::new("broken");
    let (file, broken) = (scratch.0.join("a.pem"), scratch.0.join("b.pem"));
    certify(&file, "first", 10);
    let settings = ControlSettings { tls: tls(&file), ..local() };
    let protection = by(&settings);
    let (_handle, _, address) = serve_by(&protection);
    let fault = |settings: Option<&ControlSettings>| {
        protection.read_again(settings).map(drop).unwrap_err().to_string()
    };
    let other = ControlSettings { tls: tls(&broken), ..protected() };
    assert!(fault(Some(&other)).contains("b.pem': cannot be read"), "{}", fault(Some(&other)));
    fs::write(&file, "no certificate").unwrap();
    assert!(fault(None).contains("a.pem': there is no PEM certificate in it"), "{}", fault(None));
    certify(&file, "key", 10);
    let key_and_certificate = fs::read_to_string(&file).unwrap();
    certify(&file, "certificate", 10);
    let (key, _) = key_and_certificate.split_once("-----BEGIN CERT").unwrap();
    let pem = fs::read_to_string(&file).unwrap();
    let (_, certificate) = pem.split_once("-----BEGIN CERT").unwrap();
    fs::write(&file, format!("{key}-----BEGIN CERT{certificate}")).unwrap();
    assert!(fault(None).contains("it is not the key of the certificate"), "{}", fault(None));
    assert_eq!(certificate_at(address), "first");
}

/// Addresses that are open stay so until a restart, so what settings say for others does not count.
#[test]
fn addresses_that_others_reach_stay_protected() {
    let scratch = Scratch::new("exposed");
    let file = scratch.0.join("a.pem");
    certify(&file, "first", 10);
    let good = ControlSettings { insecure: false, tls: tls(&file), ..protected() };
    let protection = by(&good);
    let refused = |settings: &ControlSettings| protection.read_again(Some(settings)).map(drop);
    let plain = ControlSettings { tls: None, ..good.clone() };
    assert!(matches!(refused(&plain), Err(Error::Unprotected { tls: true, log_in: false, .. })));
    let open = ControlSettings { tokens: Vec::new(), users: Vec::new(), ..good.clone() };
    assert!(matches!(refused(&open), Err(Error::Unprotected { tls: false, log_in: true, .. })));
    let elsewhere = refused(&local()).unwrap_err().to_string();
    assert!(
        elsewhere.contains("until a restart, 0.0.0.0:0 is listened on")
            && elsewhere.contains("needs TLS and a token or user"),
        "{elsewhere}"
    );
    assert!(refused(&ControlSettings { insecure: true, ..plain }).is_ok(), "as it is asked for");
}

/// A connection that began in the clear may not go on so once the settings ask for TLS.
#[test]
fn plain_connections_end_where_tls_is_asked_for() {
    let scratch = Scratch::new("plain");
    let file = scratch.0.join("a.pem");
    certify(&file, "first", 10);
    let protection = by(&protected());
    let (_handle, _, address) = serve_by(&protection);
    let mut open = connect(address);
    assert_eq!(again(&mut open, &bearer(VIEWER)), 200);
    replace(&protection, &ControlSettings { insecure: false, tls: tls(&file), ..protected() });
    assert_eq!(again(&mut open, &bearer(VIEWER)), 403);
    assert_eq!(again(&mut connect_by_tls(address), &bearer(VIEWER)), 200);
}
