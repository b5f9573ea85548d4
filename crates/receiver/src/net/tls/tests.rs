//! Every suite of every profile, with a client that speaks what packaged OpenSSLs do not.

use super::suites::Suite;
use super::*;
use openssl::asn1::Asn1Time;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::ssl::{SslConnector, SslMethod, SslVerifyMode, SslVersion};
use openssl::x509::{X509, X509NameBuilder};
use platform::testing::Scratch;
use std::fs;
use std::net::TcpListener;
use std::time::Duration;

/// The files of a key and a self-signed certificate.
fn make_files(scratch: &Scratch, name: &str, key: &PKey<Private>) {
    let mut subject = X509NameBuilder::new().unwrap();
    subject.append_entry_by_text("CN", name).unwrap();
    let subject = subject.build();
    let mut certificate = X509::builder().unwrap();
    certificate.set_version(2).unwrap();
    certificate.set_subject_name(&subject).unwrap();
    certificate.set_issuer_name(&subject).unwrap();
    certificate.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
    certificate.set_not_after(&Asn1Time::days_from_now(2).unwrap()).unwrap();
    certificate.set_pubkey(key).unwrap();
    certificate.sign(key, MessageDigest::sha256()).unwrap();
    fs::write(scratch.0.join(format!("{name}.key")), key.private_key_to_pem_pkcs8().unwrap())
        .unwrap();
    fs::write(scratch.0.join(format!("{name}.pem")), certificate.build().to_pem().unwrap())
        .unwrap();
}

fn scratch_with_keys(test: &str) -> Scratch {
    let scratch = Scratch::new(test);
    make_files(&scratch, "rsa", &PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap());
    let curve = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    make_files(&scratch, "ec", &PKey::from_ec_key(EcKey::generate(&curve).unwrap()).unwrap());
    scratch
}

fn tls(scratch: &Scratch, key: &str, options: &str) -> Tls {
    let path = |extension| scratch.0.join(key).with_extension(extension);
    let mut settings = TlsSettings::new(path("key"), path("pem"));
    settings.peer_certificate = PeerCertificate::Ignore;
    let mut words = options.split_whitespace();
    while let Some(word) = words.next() {
        settings.profile = match word {
            "+pg" => SecurityProfile::Bcp195Rfc8996,
            "+pm" => SecurityProfile::Bcp195Rfc8996Modified,
            "+py" => SecurityProfile::Bcp195NonDowngrading,
            "+px" => SecurityProfile::Bcp195,
            "+pz" => SecurityProfile::Bcp195Extended,
            "+pb" => SecurityProfile::Basic,
            "+pa" => SecurityProfile::Aes,
            "+pn" => SecurityProfile::Null,
            "+cs" => {
                settings.cipher_suites.extend(words.next().map(Into::into));
                continue;
            }
            _ => panic!("{word}"),
        };
        settings.profile_named = true;
    }
    Tls::new(&settings).unwrap()
}

/// Whether a client gets in that speaks one version, and up to TLS 1.2 one suite.
fn accepts(tls: &Tls, version: SslVersion, suite: &Suite) -> bool {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (server, _) = listener.accept().unwrap();
    let mut connector = SslConnector::builder(SslMethod::tls_client()).unwrap();
    connector.set_security_level(0);
    connector.set_verify(SslVerifyMode::NONE);
    connector.set_min_proto_version(Some(version)).unwrap();
    connector.set_max_proto_version(Some(version)).unwrap();
    if suite.is_tls_1_3() {
        connector.set_ciphersuites(suite.name).unwrap();
    } else {
        connector.set_cipher_list(suite.openssl_name).unwrap();
    }
    let connector = connector.build().configure().unwrap().verify_hostname(false);
    std::thread::scope(|scope| {
        let connected = scope.spawn(move || connector.connect("localhost", client));
        let deadline = Instant::now() + Duration::from_secs(30);
        let accepted = tls.accept(Arc::new(server), deadline).is_ok();
        // The client keeps its end open until here.
        accepted & connected.join().unwrap().is_ok()
    })
}

const VERSIONS: [SslVersion; 4] =
    [SslVersion::TLS1, SslVersion::TLS1_1, SslVersion::TLS1_2, SslVersion::TLS1_3];

/// The suites that get in with a version, by their registered names.
fn accepted(tls: &Tls, version: SslVersion) -> Vec<&'static str> {
    let suites = suites::available().map(|name| Suite::find(name).unwrap());
    let suites = suites.filter(|suite| suite.is_tls_1_3() == (version == SslVersion::TLS1_3));
    suites.filter(|suite| accepts(tls, version, suite)).map(|suite| suite.name).collect()
}

const ECDSA_GCM: [&str; 2] =
    ["TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"];
const ECDHE_GCM: [&str; 2] =
    ["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"];
const DHE_AND_ECDHE_GCM: [&str; 4] = [
    "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
];
const RSA_CBC: [&str; 2] = ["TLS_RSA_WITH_3DES_EDE_CBC_SHA", "TLS_RSA_WITH_AES_128_CBC_SHA"];
const USUAL_1_3: [&str; 3] =
    ["TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_128_GCM_SHA256"];

/// PS3.15 and DCMTK's manual, as literals: for a profile and a kind of key, the suites of TLS 1.0
/// and 1.1, of TLS 1.2, of TLS 1.3.
#[test]
fn each_profile_negotiates_its_suites_and_no_others() {
    let scratch = scratch_with_keys("tls-profiles");
    let with_cbc = [&RSA_CBC[..], &DHE_AND_ECDHE_GCM].concat();
    let modified_rsa = [
        "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
        "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    ];
    let modified_ec = [
        "TLS_ECDHE_ECDSA_WITH_AES_128_CCM",
        "TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8",
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
        "TLS_ECDHE_ECDSA_WITH_AES_256_CCM",
        "TLS_ECDHE_ECDSA_WITH_AES_256_CCM_8",
        "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    ];
    let all_1_3 =
        [&USUAL_1_3[..], &["TLS_AES_128_CCM_SHA256", "TLS_AES_128_CCM_8_SHA256"]].concat();
    type Expected<'e> = (&'e str, &'e str, &'e [&'e str], &'e [&'e str], &'e [&'e str]);
    let cases: [Expected<'_>; 14] = [
        ("+pg", "rsa", &[], &ECDHE_GCM, &USUAL_1_3),
        ("+pg", "ec", &[], &ECDSA_GCM, &USUAL_1_3),
        ("+pm", "rsa", &[], &modified_rsa, &all_1_3),
        ("+pm", "ec", &[], &modified_ec, &all_1_3),
        ("+py", "rsa", &[], &DHE_AND_ECDHE_GCM, &USUAL_1_3),
        ("+py", "ec", &[], &[], &USUAL_1_3),
        ("+px", "rsa", &RSA_CBC, &with_cbc, &USUAL_1_3),
        ("+px", "ec", &[], &[], &USUAL_1_3),
        ("+pz", "rsa", &[], &DHE_AND_ECDHE_GCM, &[]),
        ("+pz", "ec", &[], &ECDSA_GCM, &[]),
        ("+pb", "rsa", &RSA_CBC[..1], &RSA_CBC[..1], &[]),
        ("+pa", "rsa", &RSA_CBC, &RSA_CBC, &[]),
        ("+pa", "ec", &[], &[], &[]),
        ("+pn", "rsa", &["TLS_RSA_WITH_NULL_SHA"], &["TLS_RSA_WITH_NULL_SHA"], &[]),
    ];
    for (profile, key, up_to_1_1, in_1_2, in_1_3) in cases {
        let tls = tls(&scratch, key, profile);
        let found = VERSIONS.map(|version| accepted(&tls, version));
        assert_eq!(found, [up_to_1_1, up_to_1_1, in_1_2, in_1_3], "{profile} {key}");
    }
}

/// Each suite by its own name beside the default profile: those that need TLS 1.2, and under a
/// profile with TLS 1.0 those of old machines.
#[test]
fn suites_of_old_machines_are_there() {
    let scratch = scratch_with_keys("tls-suites");
    let names = [
        ("rsa", "TLS_RSA_WITH_3DES_EDE_CBC_SHA"),
        ("rsa", "TLS_RSA_WITH_AES_256_CBC_SHA"),
        ("rsa", "TLS_DHE_RSA_WITH_AES_128_CBC_SHA"),
        ("rsa", "TLS_DHE_RSA_WITH_CAMELLIA_256_CBC_SHA"),
        ("rsa", "TLS_RSA_WITH_CAMELLIA_128_CBC_SHA"),
        ("ec", "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA"),
        ("ec", "TLS_ECDHE_ECDSA_WITH_AES_256_CCM_8"),
    ];
    for (key, name) in names {
        let suite = Suite::find(name).unwrap();
        let tls = tls(&scratch, key, &format!("+cs {name}"));
        assert!(accepts(&tls, SslVersion::TLS1_2, suite), "{name}");
        assert!(!accepts(&tls, SslVersion::TLS1, suite), "{name}: the profile ends at TLS 1.2");
    }
    for name in ["TLS_RSA_WITH_3DES_EDE_CBC_SHA", "TLS_DHE_RSA_WITH_AES_128_CBC_SHA"] {
        let tls = tls(&scratch, "rsa", &format!("+px +cs {name}"));
        assert!(accepts(&tls, SslVersion::TLS1, Suite::find(name).unwrap()), "{name}");
    }
}
