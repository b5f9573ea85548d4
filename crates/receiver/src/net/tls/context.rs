//! What the command line says, as an OpenSSL context.

use super::error::{Error, TlsFile};
use super::expiry::Expiry;
use super::identity::Identity;
use super::password::Password;
use super::profile::SecurityProfile;
use super::reason::{file_reason, openssl_reason};
use super::settings::{PeerCertificate, TlsSettings as Config};
use super::suites::Suite;
use super::trust;
use crate::limits::TLS_FILE_BYTES;
use openssl::dh::Dh;
use openssl::error::ErrorStack;
use openssl::pkey::Id;
use openssl::ssl::{
    AlpnError, NameType, SniError, SslAlert, SslContext, SslContextBuilder, SslMethod, SslMode,
    SslOptions, SslRef, SslSessionCacheMode, SslVerifyMode, SslVersion,
};
use std::path::Path;

/// Reads every file and puts them together. What is weak or doubtful is added to `warnings`.
///
/// # Errors
/// Whatever is wrong with a file, or does not go together.
pub(super) fn build(
    config: &Config,
    password: &Password,
    warnings: &mut Vec<String>,
) -> Result<(SslContext, Expiry), Error> {
    // Whatever calls OpenSSL first decides whether it takes itself apart at the end of the process, where
    // threads may still be at work in it; started so, it does not.
    openssl::init();
    let suites = Suites::choose(config, warnings)?;
    let identity = Identity::load(config, password, warnings)?;
    let own = identity.pairs.iter().map(|pair| &pair.certificate).chain(&identity.chain);
    let expiry = Expiry::of(&config.certificate_file, own).map_err(Error::Library)?;
    if let Some(warning) = suites.unusable_with(&identity) {
        warnings.push(warning);
    }
    let store = trust::load(config, warnings)?;
    let dh = match &config.dh_parameters {
        Some(path) => load_dh(path, config.profile, warnings)?,
        None => Dh::params_from_pem(FFDHE_2048).map_err(Error::Library)?,
    };
    let mut context = SslContext::builder(SslMethod::tls_server()).map_err(Error::Library)?;
    settings(&mut context, config).map_err(Error::Library)?;
    context.set_cert_store(store);
    context.set_tmp_dh(&dh).map_err(|error| match &config.dh_parameters {
        Some(path) => unreadable_dh(path, openssl_reason(&error)),
        None => Error::Library(error),
    })?;
    suites.set(&mut context, config)?;
    let unusable = |error: ErrorStack| Error::CertificateUnusable {
        path: config.certificate_file.clone(),
        reason: openssl_reason(&error),
    };
    for pair in &identity.pairs {
        context.set_certificate(&pair.certificate).map_err(unusable)?;
        context.set_private_key(&pair.key).map_err(unusable)?;
    }
    for certificate in identity.chain {
        context.add_extra_chain_cert(certificate).map_err(unusable)?;
    }
    Ok((context.build(), expiry))
}

/// What needs no file.
fn settings(context: &mut SslContextBuilder, config: &Config) -> Result<(), ErrorStack> {
    // Level 0 takes whatever the profile and `--cipher` name; the levels above know no exceptions.
    context.set_security_level(0);
    if config.profile.is_current() {
        context.verify_param_mut().set_auth_level(LEVEL_OF_112_BITS);
        let newer = format!("{NEWER_SIGNATURES}:{SIGNATURES}");
        context.set_sigalgs_list(&newer).or_else(|_| context.set_sigalgs_list(SIGNATURES))?;
    }
    // The server chooses; a peer cannot make it negotiate anew in the middle of an association.
    context.set_options(
        SslOptions::CIPHER_SERVER_PREFERENCE
            | SslOptions::NO_RENEGOTIATION
            | SslOptions::NO_COMPRESSION,
    );
    context.set_mode(SslMode::RELEASE_BUFFERS);
    // Without it, an OpenSSL older than the names of newer groups keeps its own list.
    let _ = context.set_groups_list(GROUPS).or_else(|_| context.set_groups_list(OLDER_GROUPS));
    context.set_verify(match config.peer_certificate {
        PeerCertificate::Require => SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT,
        PeerCertificate::Verify => SslVerifyMode::PEER,
        PeerCertificate::Ignore => SslVerifyMode::NONE,
    });
    resumption(context, config)?;
    context.set_alpn_select_callback(select_protocol);
    if let Some(expected) = config.server_name.clone() {
        context.set_servername_callback(move |ssl, alert| check_server_name(ssl, alert, &expected));
    }
    Ok(())
}

/// Sessions are resumed with tickets; those of clients that have none are kept here. None is where peers
/// show certificates: it would carry the verdict on one beyond its validity and its revocation.
fn resumption(context: &mut SslContextBuilder, config: &Config) -> Result<(), ErrorStack> {
    if config.peer_certificate == PeerCertificate::Ignore {
        context.set_session_id_context(b"storescp")?;
        context.set_session_cache_size(KEPT_SESSIONS);
        return Ok(());
    }
    context.set_options(SslOptions::NO_TICKET);
    context.set_session_cache_mode(SslSessionCacheMode::OFF);
    context.set_num_tickets(0)
}

/// A client that names application protocols has to name ours; most name none.
fn select_protocol<'a>(_: &mut SslRef, offered: &'a [u8]) -> Result<&'a [u8], AlpnError> {
    let mut rest = offered;
    while let Some((&length, after)) = rest.split_first() {
        let Some((name, others)) = after.split_at_checked(usize::from(length)) else { break };
        if name == b"dicom" {
            return Ok(name);
        }
        rest = others;
    }
    Err(AlpnError::ALERT_FATAL)
}

fn check_server_name(
    ssl: &mut SslRef,
    alert: &mut SslAlert,
    expected: &str,
) -> Result<(), SniError> {
    match ssl.servername_raw(NameType::HOST_NAME) {
        Some(name) if !name.eq_ignore_ascii_case(expected.as_bytes()) => {
            *alert = SslAlert::UNRECOGNIZED_NAME;
            Err(SniError::ALERT_FATAL)
        }
        _ => Ok(()),
    }
}

/// The cipher suites of the profile, and those asked for by name.
struct Suites {
    up_to_tls_1_2: Vec<&'static str>,
    tls_1_3: Vec<&'static str>,
}

impl Suites {
    fn choose(config: &Config, warnings: &mut Vec<String>) -> Result<Self, Error> {
        let profile = config.profile;
        if let Some(weakness) = profile.weakness() {
            warnings.push(format!("the {profile} is retired: it {weakness}"));
        }
        let terms = profile.terms();
        let mut suites =
            Self { up_to_tls_1_2: terms.suites.to_vec(), tls_1_3: terms.tls_1_3_suites.to_vec() };
        for name in &config.cipher_suites {
            let name = name.to_string_lossy();
            let suite = Suite::find(&name)
                .ok_or_else(|| Error::UnknownCipherSuite { name: name.clone().into_owned() })?;
            suites.add(suite, config, warnings)?;
        }
        Ok(suites)
    }

    fn add(
        &mut self,
        suite: &'static Suite,
        config: &Config,
        warnings: &mut Vec<String>,
    ) -> Result<(), Error> {
        let (name, profile) = (suite.name, config.profile);
        if !suite.is_available() {
            return Err(Error::MissingCipherSuite { name });
        }
        if suite.is_unencrypted() && profile != SecurityProfile::Null {
            return Err(Error::CipherSuiteConflict { name, profile, what: "Unencrypted" });
        }
        // With the default profile, the suite asked for is what was asked for; with a profile that
        // was asked for too, the two do not go together.
        if suite.has_sha1_mac() && profile.is_current() && config.profile_named {
            return Err(Error::CipherSuiteConflict { name, profile, what: "SHA-1 based" });
        }
        let terms = profile.terms();
        if suite.is_tls_1_3() && terms.newest != SslVersion::TLS1_3 {
            return Err(Error::CipherSuiteConflict { name, profile, what: "TLS 1.3" });
        }
        let weaknesses = suite.weaknesses();
        if !weaknesses.is_empty() {
            warnings.push(format!("Ciphersuite '{name}' is weak: it {}", weaknesses.join(", ")));
        }
        let list = if suite.is_tls_1_3() { &mut self.tls_1_3 } else { &mut self.up_to_tls_1_2 };
        if !list.contains(&suite.openssl_name) {
            list.push(suite.openssl_name);
        }
        Ok(())
    }

    /// Up to TLS 1.2 a suite goes with one kind of key. A warning if none goes with ours.
    fn unusable_with(&self, identity: &Identity) -> Option<String> {
        let goes_with = |key: Id, name: &str| match key {
            Id::RSA => !name.contains("ECDSA") && !name.contains("DSS"),
            Id::DSA => name.contains("DSS"),
            _ => name.contains("ECDSA"),
        };
        let is_usable =
            |name: &&str| identity.pairs.iter().any(|pair| goes_with(pair.key.id(), name));
        if self.up_to_tls_1_2.iter().any(is_usable) {
            return None;
        }
        let versions = if self.tls_1_3.is_empty() { "any version" } else { "TLS 1.2" };
        Some(format!("no cipher suite in {versions} matches the type of our key"))
    }

    fn set(&self, context: &mut SslContextBuilder, config: &Config) -> Result<(), Error> {
        let terms = config.profile.terms();
        context.set_min_proto_version(Some(terms.oldest)).map_err(Error::Library)?;
        context.set_max_proto_version(Some(terms.newest)).map_err(Error::Library)?;
        context
            .set_ciphersuites(&self.tls_1_3.join(":"))
            .and_then(|()| context.set_cipher_list(&self.up_to_tls_1_2.join(":")))
            .map_err(|_| Error::NoCipherSuite { profile: config.profile })
    }
}

fn load_dh(
    path: &Path,
    profile: SecurityProfile,
    warnings: &mut Vec<String>,
) -> Result<Dh<openssl::pkey::Params>, Error> {
    let content = platform::read_at_most(path, TLS_FILE_BYTES)
        .map_err(|error| unreadable_dh(path, file_reason(&error)))?;
    let dh = Dh::params_from_pem(&content).map_err(|error| {
        let reason = openssl_reason(&error);
        unreadable_dh(path, format!("there are no PEM Diffie-Hellman parameters in it ({reason})"))
    })?;
    let bits = dh.prime_p().num_bits();
    if bits < 2048 && profile.is_current() {
        return Err(unreadable_dh(path, format!("they have {bits} bits, fewer than 2048")));
    }
    if bits < 2048 {
        warnings.push(format!(
            "the Diffie-Hellman parameters in '{}' are weak: they have {bits} bits, fewer than 2048",
            path.display()
        ));
    }
    Ok(dh)
}

fn unreadable_dh(path: &Path, reason: String) -> Error {
    Error::Unreadable { what: TlsFile::DhParameters, path: path.to_owned(), reason }
}

/// Sessions of clients without tickets that are kept to be resumed, some KiB each.
const KEPT_SESSIONS: i32 = 1024;

/// The security level of OpenSSL that asks for keys and signatures in certificates of 112 bits.
const LEVEL_OF_112_BITS: i32 = 2;

/// The signatures in handshakes under a current profile: those of 112 bits.
const SIGNATURES: &str = "ECDSA+SHA256:ECDSA+SHA384:ECDSA+SHA512:ed25519:ed448:\
    RSA-PSS+SHA256:RSA-PSS+SHA384:RSA-PSS+SHA512:\
    rsa_pss_pss_sha256:rsa_pss_pss_sha384:rsa_pss_pss_sha512:RSA+SHA256:RSA+SHA384:RSA+SHA512";

/// Those that only OpenSSL from 3.5 on has.
const NEWER_SIGNATURES: &str = "mldsa65:mldsa87:mldsa44";

/// The groups for key agreement, the best first, old peers' curves last.
const GROUPS: &str = "X25519MLKEM768:X25519:P-256:X448:P-384:P-521:brainpoolP256r1:\
    brainpoolP384r1:brainpoolP512r1:ffdhe2048:ffdhe3072";

/// The same without those that are newer than OpenSSL 3.0.
const OLDER_GROUPS: &str = "X25519:P-256:X448:P-384:P-521:brainpoolP256r1:brainpoolP384r1:\
    brainpoolP512r1:ffdhe2048:ffdhe3072";

/// The group ffdhe2048 of RFC 7919 §A.1, for the suites that take finite-field Diffie-Hellman.
const FFDHE_2048: &[u8] = b"-----BEGIN DH PARAMETERS-----
MIIBCAKCAQEA//////////+t+FRYortKmq/cViAnPTzx2LnFg84tNpWp4TZBFGQz
+8yTnc4kmz75fS/jY2MMddj2gbICrsRhetPfHtXV/WVhJDP1H18GbtCFY2VVPe0a
87VXE15/V8k1mE8McODmi3fipona8+/och3xWKE2rec1MKzKT0g6eXq8CrGCsyT7
YdEIqUuyyOP7uWrat2DX9GgdT0Kj3jlN9K5W7edjcrsZCwenyO4KbXCeAvzhzffi
7MA0BM0oNC9hkXL+nOmFg/+OTxIy7vKBg8P+OxtMb61zO7X8vC7CIAXFjvGDfRaD
ssbzSibBsu/6iGtCOGEoXJf//////////wIBAg==
-----END DH PARAMETERS-----
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_group_is_that_of_rfc_7919() {
        let dh = Dh::params_from_pem(FFDHE_2048).unwrap();
        let prime = dh.prime_p().to_hex_str().unwrap().to_lowercase();
        assert_eq!(prime.len(), 512);
        assert!(prime.starts_with("ffffffffffffffffadf85458a2bb4a9aafdc5620273d3cf1"));
        assert!(prime.ends_with("886b423861285c97ffffffffffffffff"));
        assert_eq!(dh.generator().to_string(), "2");
    }
}
