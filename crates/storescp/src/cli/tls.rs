//! What was typed about TLS, checked and turned into [`TlsSettings`].

use super::check::refuse_with;
use super::error::Error;
use super::options::{self, Choice, Opt};
use super::parse::Typed;
use receiver::net::tls::{
    CrlCheck, KeyFormat, KeyPassword, PeerCertificate, SecurityProfile, TlsSettings,
};
use std::ffi::OsStr;
use std::path::PathBuf;

/// What TLS is to do; `None` for plain TCP.
///
/// No file is opened here, nor a cipher suite looked up.
pub(super) fn config(typed: &Typed) -> Result<Option<TlsSettings>, Error> {
    check(typed)?;
    let Some([key_file, certificate_file]) =
        typed.two_texts(Opt::EnableTls).filter(|_| typed.won(Opt::EnableTls))
    else {
        return Ok(None);
    };
    let files = |option| typed.values(option).map(PathBuf::from).collect();
    let file = |option| typed.text(option).map(PathBuf::from);
    let crl_files: Vec<_> = files(Opt::AddCrlFile);
    Ok(Some(TlsSettings {
        key_file: key_file.into(),
        certificate_file: certificate_file.into(),
        password: match typed.chosen(Choice::Password) {
            Some(Opt::NullPasswd) => KeyPassword::Empty,
            Some(Opt::UsePasswd) => typed
                .text(Opt::UsePasswd)
                .map_or(KeyPassword::Empty, |password| KeyPassword::Given(password.into())),
            _ => KeyPassword::Ask,
        },
        key_format: if typed.won(Opt::DerKeys) { KeyFormat::Der } else { KeyFormat::Pem },
        trusted_files: files(Opt::AddCertFile),
        trusted_directories: files(Opt::AddCertDir),
        crl_check: match typed.chosen(Choice::CrlCheck) {
            Some(Opt::EnableCrlAll) => CrlCheck::Chain,
            Some(_) => CrlCheck::Leaf,
            None if crl_files.is_empty() => CrlCheck::None,
            None => CrlCheck::Leaf,
        },
        crl_files,
        profile: profile(typed.chosen(Choice::SecurityProfile)),
        profile_named: typed.chosen(Choice::SecurityProfile).is_some(),
        cipher_suites: typed.values(Opt::Cipher).map(OsStr::to_owned).collect(),
        dh_parameters: file(Opt::DhParam),
        server_name: typed.text(Opt::ExpectSni).map(|name| name.to_string_lossy().into_owned()),
        seed: file(Opt::Seed),
        write_seed: file(Opt::WriteSeedFile)
            .or_else(|| file(Opt::Seed).filter(|_| typed.has(Opt::WriteSeed))),
        peer_certificate: match typed.chosen(Choice::PeerCertificate) {
            Some(Opt::VerifyPeerCert) => PeerCertificate::Verify,
            Some(Opt::IgnorePeerCert) => PeerCertificate::Ignore,
            _ => PeerCertificate::Require,
        },
    }))
}

fn profile(chosen: Option<Opt>) -> SecurityProfile {
    match chosen {
        Some(Opt::Profile8996Mod) => SecurityProfile::Bcp195Rfc8996Modified,
        Some(Opt::ProfileBcp195Nd) => SecurityProfile::Bcp195NonDowngrading,
        Some(Opt::ProfileBcp195) => SecurityProfile::Bcp195,
        Some(Opt::ProfileBcp195Ex) => SecurityProfile::Bcp195Extended,
        Some(Opt::ProfileBasic) => SecurityProfile::Basic,
        Some(Opt::ProfileAes) => SecurityProfile::Aes,
        Some(Opt::ProfileNull) => SecurityProfile::Null,
        _ => SecurityProfile::Bcp195Rfc8996,
    }
}

/// Most of its options mean nothing without it.
fn check(typed: &Typed) -> Result<(), Error> {
    use Opt::{
        AddCertDir, AddCertFile, AddCrlFile, Cipher, DerKeys, DhParam, EnableCrlAll, EnableCrlVfy,
        ExpectSni, IgnorePeerCert, NoSni, NullPasswd, PemKeys, Profile8996, Profile8996Mod,
        ProfileAes, ProfileBasic, ProfileBcp195, ProfileBcp195Ex, ProfileBcp195Nd, ProfileNull,
        RequirePeerCert, Seed, StdPasswd, UsePasswd, VerifyPeerCert, WriteSeed, WriteSeedFile,
    };
    const ORDER: [Opt; 28] = [
        StdPasswd,
        UsePasswd,
        NullPasswd,
        PemKeys,
        DerKeys,
        DhParam,
        Seed,
        WriteSeed,
        WriteSeedFile,
        RequirePeerCert,
        IgnorePeerCert,
        VerifyPeerCert,
        Profile8996,
        Profile8996Mod,
        ProfileBcp195,
        ProfileBcp195Nd,
        ProfileBcp195Ex,
        ProfileBasic,
        ProfileAes,
        ProfileNull,
        AddCertFile,
        AddCertDir,
        AddCrlFile,
        EnableCrlVfy,
        EnableCrlAll,
        Cipher,
        NoSni,
        ExpectSni,
    ];

    if !typed.won(Opt::EnableTls) {
        // Every one of them counts here, overruled or not.
        return match ORDER.into_iter().find(|&option| typed.has(option)) {
            Some(option) => Err(Error::OnlyAllowedWith(options::spec(option).long, "--enable-tls")),
            None => Ok(()),
        };
    }
    for option in [WriteSeed, WriteSeedFile] {
        if typed.has(option) && !typed.has(Seed) {
            return Err(Error::OnlyAllowedWith(options::spec(option).long, "--seed"));
        }
    }
    refuse_with(typed, Cipher, &[ProfileBcp195Ex])?;
    refuse_with(typed, NoSni, &[ExpectSni])
}
