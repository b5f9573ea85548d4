//! The certificates by which peers prove who they are, as the observer sees them.

use super::*;
use crate::net::tls::{PeerCertificate as Asked, Tls, TlsSettings};
use crate::observer::PeerCertificate;
use crate::output::studies::Timing;
use openssl::asn1::{Asn1Time, Asn1Type};
use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::ssl::{
    SslConnector, SslMethod, SslSessionCacheMode, SslStream, SslVerifyMode, SslVersion,
};
use openssl::x509::extension::{BasicConstraints, SubjectAlternativeName};
use openssl::x509::{X509, X509Builder, X509NameBuilder};
use std::fs;

/// A key and its certificate.
struct Identity {
    key: PKey<Private>,
    certificate: X509,
}

impl Identity {
    /// Signed by `issuer`, or by itself.
    fn new(
        subject: &[(&str, &str)],
        issuer: Option<&Self>,
        change: impl FnOnce(&mut X509Builder),
    ) -> Self {
        let curve = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
        let key = PKey::from_ec_key(EcKey::generate(&curve).unwrap()).unwrap();
        let mut name = X509NameBuilder::new().unwrap();
        for (kind, value) in subject {
            name.append_entry_by_text_with_type(kind, value, Asn1Type::UTF8STRING).unwrap();
        }
        let name = name.build();
        let mut builder = X509::builder().unwrap();
        let serial = BigNum::from_u32(std::process::id()).unwrap().to_asn1_integer().unwrap();
        builder.set_version(2).unwrap();
        builder.set_serial_number(&serial).unwrap();
        builder.set_subject_name(&name).unwrap();
        builder.set_issuer_name(issuer.map_or(&name, |it| it.certificate.subject_name())).unwrap();
        builder.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
        builder.set_not_after(&Asn1Time::days_from_now(2).unwrap()).unwrap();
        builder.set_pubkey(&key).unwrap();
        change(&mut builder);
        builder.sign(issuer.map_or(&key, |it| &it.key), MessageDigest::sha256()).unwrap();
        Self { certificate: builder.build(), key }
    }

    fn authority() -> Self {
        Self::new(&[("CN", "Authority")], None, |it| {
            it.append_extension(BasicConstraints::new().critical().ca().build().unwrap()).unwrap();
        })
    }

    fn save(&self, scratch: &Scratch, name: &str) -> TlsSettings {
        let path = |extension: &str| scratch.0.join(name).with_extension(extension);
        fs::write(path("key"), self.key.private_key_to_pem_pkcs8().unwrap()).unwrap();
        fs::write(path("pem"), self.certificate.to_pem().unwrap()).unwrap();
        TlsSettings::new(path("key"), path("pem"))
    }
}

/// Notes the certificate of each proposal.
struct Watching {
    treatment: Arc<Treatment>,
    seen: Mutex<Vec<Option<PeerCertificate>>>,
}

impl Observer for Watching {
    fn admit(&self, proposed: &Proposed<'_>) -> Result<Arc<Treatment>, Refusal> {
        self.seen.lock().unwrap().push(proposed.certificate());
        Ok(Arc::clone(&self.treatment))
    }
}

/// A receiver that trusts one authority and asks for certificates so, and what its observer sees.
struct Setting {
    receiver: Receiver,
    watching: Arc<Watching>,
}

impl Setting {
    fn new(scratch: &Scratch, authority: &Identity, asked: Asked) -> Self {
        authority.save(scratch, "authority");
        let mut settings = Identity::new(&[("CN", "us")], None, |_| {}).save(scratch, "us");
        settings.trusted_files = vec![scratch.0.join("authority.pem")];
        settings.peer_certificate = asked;
        let output = OutputSettings::new(scratch.0.clone());
        let storage = Arc::new(Directory::open(&scratch.0, Durability::None).unwrap());
        let treatment = testing::treatment(output, storage, Timing::default());
        let treatment = Arc::new(treatment);
        let watching = Arc::new(Watching { treatment, seen: Mutex::default() });
        let mut node = testing::node_of(watching.clone());
        node.tls = Some(Tls::new(&settings).unwrap());
        Self { receiver: Receiver::of(node, 8), watching }
    }

    /// Opens an association by TLS and releases it; how many sessions the peer could resume later, if it was let in.
    fn associate(&self, identity: Option<&Identity>, version: SslVersion) -> Option<usize> {
        let (client, thread) = self.receiver.open();
        let sessions = Arc::new(AtomicUsize::new(0));
        let stream = connect(client, identity, version, Arc::clone(&sessions));
        let is_released = stream.is_some_and(|stream| propose(stream).is_ok());
        thread.join().unwrap();
        is_released.then(|| sessions.load(Ordering::SeqCst))
    }

    fn seen(&self) -> Vec<Option<PeerCertificate>> {
        std::mem::take(&mut *self.watching.seen.lock().unwrap())
    }
}

fn connect(
    client: TcpStream,
    identity: Option<&Identity>,
    version: SslVersion,
    sessions: Arc<AtomicUsize>,
) -> Option<SslStream<TcpStream>> {
    let mut connector = SslConnector::builder(SslMethod::tls_client()).unwrap();
    connector.set_verify(SslVerifyMode::NONE);
    connector.set_min_proto_version(Some(version)).unwrap();
    connector.set_max_proto_version(Some(version)).unwrap();
    if let Some(identity) = identity {
        connector.set_certificate(&identity.certificate).unwrap();
        connector.set_private_key(&identity.key).unwrap();
    }
    connector.set_session_cache_mode(SslSessionCacheMode::CLIENT);
    connector.set_new_session_callback(move |_, _| {
        sessions.fetch_add(1, Ordering::SeqCst);
    });
    let configured = connector.build().configure().unwrap().verify_hostname(false);
    let mut stream = SslStream::new(configured.into_ssl("us").unwrap(), client).unwrap();
    stream.connect().ok()?;
    Some(stream)
}

/// Proposes an association, and releases it once it is accepted.
fn propose(mut stream: SslStream<TcpStream>) -> io::Result<()> {
    let calling = AeTitle::parse(b"TEST").unwrap();
    let mut proposal = Proposal::new(calling, calling, 16384);
    proposal.propose(uid(CT), &[dataset::transfer_syntax::EXPLICIT_VR_LITTLE_ENDIAN]);
    let close_timeout = Duration::from_secs(1);
    let config = RequestorConfig { proposal, close_timeout };
    let mut association = Association::requestor(config);
    let mut received = [0; 4096];
    loop {
        let outgoing = association.outgoing().to_vec();
        stream.write_all(&outgoing)?;
        association.consume_outgoing(outgoing.len());
        let count = stream.read(&mut received)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let step = association.receive(&received[..count], Instant::now());
        match step.event {
            Event::Accepted(_) => association.request_release(),
            Event::Released => return Ok(()),
            _ => {}
        }
    }
}

const VERSIONS: [SslVersion; 2] = [SslVersion::TLS1_2, SslVersion::TLS1_3];

#[test]
fn a_verified_certificate_is_shown_to_the_observer() {
    let scratch = Scratch::new("certificates");
    let authority = Identity::authority();
    let ours = Identity::new(
        &[("C", "DE"), ("O", "Example, Inc."), ("CN", "ct1")],
        Some(&authority),
        |it| {
            let mut names = SubjectAlternativeName::new();
            names.dns("ct1.example").ip("10.1.2.3").ip("2001:db8::1");
            names.uri("urn:ct1").email("it@example");
            let names = names.build(&it.x509v3_context(None, None)).unwrap();
            it.append_extension(names).unwrap();
        },
    );
    let setting = Setting::new(&scratch, &authority, Asked::Require);
    let expected = PeerCertificate {
        subject: r"CN=ct1,O=Example\, Inc.,C=DE".to_owned(),
        alternative_names: ["ct1.example", "10.1.2.3", "2001:db8::1", "urn:ct1", "it@example"]
            .map(str::to_owned)
            .to_vec(),
        fingerprint: openssl::sha::sha256(&ours.certificate.to_der().unwrap()),
    };
    for version in VERSIONS {
        assert!(setting.associate(Some(&ours), version).is_some());
        assert_eq!(setting.seen(), [Some(expected.clone())], "{version:?}");
    }
}

#[test]
fn without_a_verified_certificate_there_is_none_to_see() {
    let authority = Identity::authority();
    let ours = Identity::new(&[("CN", "ct1")], Some(&authority), |_| {});
    let stranger = Identity::new(&[("CN", "ct1")], Some(&Identity::authority()), |_| {});
    for version in VERSIONS {
        for (asked, identity, expected) in [
            // Not asked for.
            (Asked::Ignore, Some(&ours), Some(None)),
            (Asked::Ignore, Some(&stranger), Some(None)),
            (Asked::Ignore, None, Some(None)),
            (Asked::Verify, None, Some(None)),
            // Let in by its own certificate, or not at all.
            (Asked::Verify, Some(&ours), Some(Some("CN=ct1"))),
            (Asked::Verify, Some(&stranger), None),
            (Asked::Require, Some(&stranger), None),
            (Asked::Require, None, None),
        ] {
            let scratch = Scratch::new("certificates-none");
            let setting = Setting::new(&scratch, &authority, asked);
            let is_let_in = setting.associate(identity, version).is_some();
            let seen = setting.seen();
            let seen: Vec<_> = seen.iter().map(|it| it.as_ref().map(|it| &*it.subject)).collect();
            assert_eq!(is_let_in, expected.is_some(), "{version:?} {asked:?}");
            assert_eq!(seen, expected.into_iter().collect::<Vec<_>>(), "{version:?} {asked:?}");
        }
    }
}

/// No session is resumed where certificates are verified, so each association is known by one that was shown for it.
#[test]
fn each_association_shows_its_certificate_anew() {
    let authority = Identity::authority();
    let ours = Identity::new(&[("CN", "ct1")], Some(&authority), |_| {});
    for version in VERSIONS {
        for (asked, is_resumed) in
            [(Asked::Require, false), (Asked::Verify, false), (Asked::Ignore, true)]
        {
            let scratch = Scratch::new("certificates-resumed");
            let setting = Setting::new(&scratch, &authority, asked);
            let sessions = setting.associate(Some(&ours), version).unwrap();
            assert_eq!(sessions > 0, is_resumed, "{version:?} {asked:?}");
            assert_eq!(setting.seen()[0].is_some(), !is_resumed, "{version:?} {asked:?}");
        }
    }
}

/// Subjects and names of their owner's choice: huge, with a NUL, with line feeds.
#[test]
fn hostile_names_are_bounded_and_escaped() {
    let authority = Identity::authority();
    let scratch = Scratch::new("certificates-hostile");
    let setting = Setting::new(&scratch, &authority, Asked::Require);
    let see = |subject: &[(&str, &str)], names: &[String]| {
        let identity = Identity::new(subject, Some(&authority), |it| {
            let mut all = SubjectAlternativeName::new();
            for name in names {
                all.dns(name);
            }
            if !names.is_empty() {
                let names = all.build(&it.x509v3_context(None, None)).unwrap();
                it.append_extension(names).unwrap();
            }
        });
        assert!(setting.associate(Some(&identity), SslVersion::TLS1_3).is_some());
        setting.seen().remove(0).unwrap()
    };
    let nul = see(&[("CN", "admin\0.evil\nI: forged")], &[]);
    assert_eq!(nul.subject, r"CN=admin\00.evil\0AI: forged");
    let long = "x".repeat(60);
    let huge = see(&vec![("OU", long.as_str()); 200], &[]);
    assert_eq!(huge.subject, "", "12,000 bytes are not taken for a part of them");
    assert_ne!(huge.fingerprint, [0; 32]);
    let names: Vec<_> = (0..1000).map(|n| format!("host{n}.example")).collect();
    let many = see(&[("CN", "ct1")], &names);
    assert_eq!(many.subject, "CN=ct1");
    assert_eq!(many.alternative_names, names[..crate::limits::CERTIFICATE_NAMES]);
    let odd = ["a\0b.example", "a\nb.example", "gut.example", "müller.example"].map(str::to_owned);
    assert_eq!(see(&[("CN", "ct1")], &odd).alternative_names, ["gut.example"]);
}
