//! Options of transport layer security.

use super::{Choice, Opt, OptionSpec, Part, Section, Value};

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
        .takes("[p]rivate key file, [c]ertificate file: string", &[Value::Text, Value::Text])
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
    .takes("[f]ilename: string", &[Value::Text]),
    OptionSpec::new(
        Opt::AddCertDir,
        "+cd",
        "--add-cert-dir",
        &["trust the certificates in directory d"],
    )
    .takes("[d]irectory: string", &[Value::Text]),
    OptionSpec::new(
        Opt::AddCrlFile,
        "+crl",
        "--add-crl-file",
        &["use the certificate revocation list in file f", "(implies --enable-crl-vfy)"],
    )
    .takes("[f]ilename: string", &[Value::Text]),
    OptionSpec::new(
        Opt::EnableCrlVfy,
        "+crv",
        "--enable-crl-vfy",
        &["check that the peer's certificate stands"],
    )
    .one_of(Choice::CrlCheck),
    OptionSpec::new(
        Opt::EnableCrlAll,
        "+cra",
        "--enable-crl-all",
        &["check the whole chain of certificates"],
    )
    .one_of(Choice::CrlCheck),
];

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
    .takes("[c]iphersuite name: string", &[Value::Text]),
    OptionSpec::new(
        Opt::DhParam,
        "+dp",
        "--dhparam",
        &["use the Diffie-Hellman parameters in file f"],
    )
    .takes("[f]ilename: string", &[Value::Text]),
];

const SERVER_NAME: &[OptionSpec] = &[
    OptionSpec::new(Opt::NoSni, "", "--no-sni", &["any name will do (default)"]),
    OptionSpec::new(
        Opt::ExpectSni,
        "",
        "--expect-sni",
        &["refuse clients that ask for another server"],
    )
    .takes("[s]erver name: string", &[Value::Text]),
];

const RANDOM: &[OptionSpec] = &[
    OptionSpec::new(Opt::Seed, "+rs", "--seed", &["stir in the contents of file f"])
        .takes("[f]ilename: string", &[Value::Text]),
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
    .takes("[f]ilename: string (only with --seed)", &[Value::Text]),
];

const PEER: &[OptionSpec] = &[
    OptionSpec::new(
        Opt::RequirePeerCert,
        "-rc",
        "--require-peer-cert",
        &["demand a valid certificate (default)"],
    )
    .one_of(Choice::PeerCertificate),
    OptionSpec::new(
        Opt::VerifyPeerCert,
        "-vc",
        "--verify-peer-cert",
        &["if there is a certificate, demand a valid one"],
    )
    .one_of(Choice::PeerCertificate),
    OptionSpec::new(Opt::IgnorePeerCert, "-ic", "--ignore-peer-cert", &["ask for no certificate"])
        .one_of(Choice::PeerCertificate),
];
