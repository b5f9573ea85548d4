//! Options of transport layer security.

use super::spec::{Choice, Opt, OptionSpec, Part, Section, Value};
use super::typed::Typed;
use crate::cli::fault::Fault;
use receiver::net::tls::{
    CrlCheck, KeyFormat, KeyPassword, PeerCertificate, SecurityProfile, TlsSettings,
};
use std::ffi::OsStr;
use std::path::PathBuf;

pub(super) const TLS: Section = Section {
    title: "transport layer security (TLS) options",
    parts: &[
        Part { heading: Some("transport protocol stack"), options: TRANSPORT },
        Part { heading: Some("private key password (only with --enable-tls)"), options: PASSWORD },
        Part { heading: Some("key and certificate file format"), options: KEY_FORMAT },
        Part { heading: Some("certification authority"), options: AUTHORITY },
        Part { heading: Some("security profile"), options: PROFILE },
        Part { heading: Some("ciphersuite"), options: CIPHER_SUITE },
        Part { heading: Some("server name indication"), options: SERVER_NAME },
        Part { heading: Some("pseudo random generator"), options: RANDOM },
        Part { heading: Some("peer authentication"), options: PEER },
    ],
};

const TRANSPORT: &[OptionSpec] = &[
    OptionSpec::new(Opt::DisableTls, "-tls", "--disable-tls", &["plain TCP (default)"])
        .one_of(Choice::Transport),
    OptionSpec::new(Opt::EnableTls, "+tls", "--enable-tls", &["TLS with this key and certificate"])
        .takes("[p]rivate key file, [c]ertificate file: string", &[Value::File, Value::File])
        .one_of(Choice::Transport),
];

const PASSWORD: &[OptionSpec] = &[
    OptionSpec::new(
        Opt::StdPasswd,
        "+ps",
        "--std-passwd",
        &["ask for it on the terminal (default)"],
    )
    .one_of(Choice::Password),
    OptionSpec::new(Opt::UsePasswd, "+pw", "--use-passwd", &["use password p"])
        .takes("[p]assword: string", &[Value::Text])
        .one_of(Choice::Password),
    OptionSpec::new(Opt::NullPasswd, "-pw", "--null-passwd", &["use the empty password"])
        .one_of(Choice::Password),
];

const KEY_FORMAT: &[OptionSpec] = &[
    OptionSpec::new(
        Opt::PemKeys,
        "-pem",
        "--pem-keys",
        &["keys and certificates are PEM files (default)"],
    )
    .one_of(Choice::KeyFormat),
    OptionSpec::new(Opt::DerKeys, "-der", "--der-keys", &["keys and certificates are DER files"])
        .one_of(Choice::KeyFormat),
];

const AUTHORITY: &[OptionSpec] = &[
    OptionSpec::new(
        Opt::AddCertFile,
        "+cf",
        "--add-cert-file",
        &["trust the certificate in file f"],
    )
    .takes("[f]ilename: string", &[Value::File])
    .adds_up(),
    OptionSpec::new(
        Opt::AddCertDir,
        "+cd",
        "--add-cert-dir",
        &["trust the certificates in directory d"],
    )
    .takes("[d]irectory: string", &[Value::Directory])
    .adds_up(),
    OptionSpec::new(
        Opt::AddCrlFile,
        "+crl",
        "--add-crl-file",
        &["use the certificate revocation list in file f", "(implies --enable-crl-vfy)"],
    )
    .takes("[f]ilename: string", &[Value::File])
    .adds_up(),
    OptionSpec::new(
        Opt::EnableCrlVfy,
        "+crv",
        "--enable-crl-vfy",
        &["check the peer certificate for revocation"],
    )
    .one_of(Choice::CrlCheck),
    OptionSpec::new(
        Opt::EnableCrlAll,
        "+cra",
        "--enable-crl-all",
        &["check the whole chain for revocation"],
    )
    .one_of(Choice::CrlCheck),
];

/// An option that names a security profile.
const fn profile(
    id: Opt,
    short: &'static str,
    long: &'static str,
    help: &'static [&'static str],
) -> OptionSpec {
    OptionSpec::new(id, short, long, help).one_of(Choice::SecurityProfile)
}

const PROFILE: &[OptionSpec] = &[
    OptionSpec::new(
        Opt::ListProfiles,
        "+ph",
        "--list-profiles",
        &["list the security profiles and exit"],
    )
    .stands_alone(),
    profile(Opt::Profile8996, "+pg", "--profile-8996", &["RFC 8996 BCP 195 (default)"]),
    profile(Opt::Profile8996Mod, "+pm", "--profile-8996-mod", &["modified RFC 8996 BCP 195"]),
    profile(
        Opt::ProfileBcp195Nd,
        "+py",
        "--profile-bcp195-nd",
        &["non-downgrading BCP 195 (retired)"],
    ),
    profile(Opt::ProfileBcp195, "+px", "--profile-bcp195", &["BCP 195 (retired)"]),
    profile(Opt::ProfileBcp195Ex, "+pz", "--profile-bcp195-ex", &["extended BCP 195 (retired)"]),
    profile(Opt::ProfileBasic, "+pb", "--profile-basic", &["basic, triple DES (retired)"]),
    profile(Opt::ProfileAes, "+pa", "--profile-aes", &["AES (retired)"]),
    profile(Opt::ProfileNull, "+pn", "--profile-null", &["no encryption (retired)"]),
];

const CIPHER_SUITE: &[OptionSpec] = &[
    OptionSpec::new(
        Opt::ListCiphers,
        "+cc",
        "--list-ciphers",
        &["list the cipher suites and exit"],
    )
    .stands_alone(),
    OptionSpec::new(
        Opt::Cipher,
        "+cs",
        "--cipher",
        &["negotiate suite c too", "(not with --profile-bcp195-ex)"],
    )
    .takes("[c]iphersuite name: string", &[Value::CipherSuite])
    .adds_up(),
    OptionSpec::new(
        Opt::DhParam,
        "+dp",
        "--dhparam",
        &["use the Diffie-Hellman parameters in file f"],
    )
    .takes("[f]ilename: string", &[Value::File]),
];

const SERVER_NAME: &[OptionSpec] = &[
    OptionSpec::new(Opt::NoSni, "", "--no-sni", &["accept any server name (default)"]),
    OptionSpec::new(
        Opt::ExpectSni,
        "",
        "--expect-sni",
        &["refuse clients that request another name"],
    )
    .takes("[s]erver name: string", &[Value::Text]),
];

const RANDOM: &[OptionSpec] = &[
    OptionSpec::new(Opt::Seed, "+rs", "--seed", &["seed the generator from file f"])
        .takes("[f]ilename: string", &[Value::File]),
    OptionSpec::new(
        Opt::WriteSeed,
        "+ws",
        "--write-seed",
        &["write new randomness back (only with --seed)"],
    ),
    OptionSpec::new(
        Opt::WriteSeedFile,
        "+wf",
        "--write-seed-file",
        &["write new randomness to file f"],
    )
    .takes("[f]ilename: string (only with --seed)", &[Value::File]),
];

const PEER: &[OptionSpec] = &[
    OptionSpec::new(
        Opt::RequirePeerCert,
        "-rc",
        "--require-peer-cert",
        &["require a valid peer certificate (default)"],
    )
    .one_of(Choice::PeerCertificate),
    OptionSpec::new(
        Opt::VerifyPeerCert,
        "-vc",
        "--verify-peer-cert",
        &["verify a peer certificate if one is sent"],
    )
    .one_of(Choice::PeerCertificate),
    OptionSpec::new(Opt::IgnorePeerCert, "-ic", "--ignore-peer-cert", &["ask for no certificate"])
        .one_of(Choice::PeerCertificate),
];

/// What TLS is to do; `None` for plain TCP.
///
/// No file is opened here, nor a cipher suite looked up.
pub(super) fn settings(typed: &Typed) -> Result<Option<TlsSettings>, Fault> {
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
        profile: security_profile(typed.chosen(Choice::SecurityProfile)),
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

fn security_profile(chosen: Option<Opt>) -> SecurityProfile {
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
fn check(typed: &Typed) -> Result<(), Fault> {
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
            Some(option) => Err(Fault::OnlyAllowedWith(typed.name_of(option), "--enable-tls")),
            None => Ok(()),
        };
    }
    for option in [WriteSeed, WriteSeedFile] {
        if typed.has(option) && !typed.has(Seed) {
            return Err(Fault::OnlyAllowedWith(typed.name_of(option), "--seed"));
        }
    }
    typed.refuse_with(Cipher, &[ProfileBcp195Ex])?;
    typed.refuse_with(NoSni, &[ExpectSni])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::tests::{config, fault};
    use std::path::Path;

    fn tls(line: &str) -> TlsSettings {
        config(&format!("104 +tls k c {line}")).tls.expect("TLS is on")
    }

    #[test]
    fn server_names_are_expected_or_not() {
        let fault = fault("104 +tls k c --no-sni --expect-sni host");
        assert_eq!(fault, "--no-sni not allowed with --expect-sni");
    }

    #[test]
    fn tls_is_off_unless_it_wins() {
        assert_eq!(config("104").tls, None);
        assert_eq!(config("104 +tls k c -tls").tls, None);
        let tls = tls("");
        assert_eq!(
            (tls.key_file.as_path(), tls.certificate_file.as_path()),
            ("k".as_ref(), "c".as_ref())
        );
        assert_eq!(tls.password, KeyPassword::Ask);
        assert_eq!(tls.key_format, KeyFormat::Pem);
        assert_eq!(tls.crl_check, CrlCheck::None);
        assert_eq!((tls.profile, tls.profile_named), (SecurityProfile::Bcp195Rfc8996, false));
        assert_eq!(tls.peer_certificate, PeerCertificate::Require);
        assert_eq!((tls.write_seed, tls.server_name), (None, None));
    }

    #[test]
    fn tls_options_say_what_they_say() {
        let tls = tls(
            "-der +pw secret +cf a +cf b +cd d +crl r +cs X +cs Y +dp p --expect-sni host +rs s +ws -vc \
             +px",
        );
        assert_eq!(tls.key_format, KeyFormat::Der);
        assert_eq!(tls.password, KeyPassword::Given("secret".into()));
        assert_eq!(tls.trusted_files, ["a", "b"].map(PathBuf::from));
        assert_eq!(tls.trusted_directories, [PathBuf::from("d")]);
        assert_eq!(tls.crl_files, [PathBuf::from("r")]);
        assert_eq!(tls.crl_check, CrlCheck::Leaf);
        assert_eq!(tls.cipher_suites, ["X", "Y"].map(std::ffi::OsString::from));
        assert_eq!(tls.dh_parameters.as_deref(), Some(Path::new("p")));
        assert_eq!(tls.server_name.as_deref(), Some("host"));
        assert_eq!(tls.seed.as_deref(), Some(Path::new("s")));
        assert_eq!(tls.write_seed.as_deref(), Some(Path::new("s")));
        assert_eq!(tls.peer_certificate, PeerCertificate::Verify);
        assert_eq!((tls.profile, tls.profile_named), (SecurityProfile::Bcp195, true));
    }

    #[test]
    fn of_tls_options_the_rightmost_counts() {
        assert_eq!(tls("+crl r +cra").crl_check, CrlCheck::Chain);
        assert_eq!(tls("+cra +crv").crl_check, CrlCheck::Leaf);
        assert_eq!(tls("+rs s +wf w +ws").write_seed.as_deref(), Some(Path::new("w")));
        assert_eq!(tls("+pw x -pw").password, KeyPassword::Empty);
        assert_eq!(tls("+pw x +ps").password, KeyPassword::Ask);
        assert_eq!(tls("+px +pg").profile, SecurityProfile::Bcp195Rfc8996);
        let profiles = [
            ("+pm", SecurityProfile::Bcp195Rfc8996Modified),
            ("+py", SecurityProfile::Bcp195NonDowngrading),
            ("+pz", SecurityProfile::Bcp195Extended),
            ("+pb", SecurityProfile::Basic),
            ("+pa", SecurityProfile::Aes),
            ("+pn", SecurityProfile::Null),
        ];
        for (option, profile) in profiles {
            assert_eq!(tls(option).profile, profile, "{option}");
        }
    }

    #[test]
    fn the_password_is_not_shown() {
        assert!(!format!("{:?}", tls("+pw secret")).contains("secret"));
    }
}
