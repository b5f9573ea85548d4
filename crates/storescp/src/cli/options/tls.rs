//! Options of transport layer security.

use super::{Choice, Opt, OptionSpec, Part, Section, Status, Value};

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

/// All but plain TCP.
const TLS_STATUS: Status = Status::NotYet;

const fn tls(
    id: Opt,
    short: &'static str,
    long: &'static str,
    help: &'static [&'static str],
) -> OptionSpec {
    OptionSpec::new(id, short, long, help).status(TLS_STATUS)
}

const TRANSPORT: &[OptionSpec] = &[
    OptionSpec::new(Opt::DisableTls, "-tls", "--disable-tls", &["plain TCP (default)"])
        .one_of(Choice::Transport),
    tls(Opt::EnableTls, "+tls", "--enable-tls", &["TLS with this key and certificate"])
        .takes("[p]rivate key file, [c]ertificate file: string", &[Value::Text, Value::Text])
        .one_of(Choice::Transport),
];

const PASSWORD: &[OptionSpec] = &[
    tls(Opt::StdPasswd, "+ps", "--std-passwd", &["ask for it on the terminal (default)"])
        .one_of(Choice::Password),
    tls(Opt::UsePasswd, "+pw", "--use-passwd", &["use password p"])
        .takes("[p]assword: string", &[Value::Text])
        .one_of(Choice::Password),
    tls(Opt::NullPasswd, "-pw", "--null-passwd", &["use the empty password"])
        .one_of(Choice::Password),
];

const KEY_FORMAT: &[OptionSpec] = &[
    tls(Opt::PemKeys, "-pem", "--pem-keys", &["keys and certificates are PEM files (default)"])
        .one_of(Choice::KeyFormat),
    tls(Opt::DerKeys, "-der", "--der-keys", &["keys and certificates are DER files"])
        .one_of(Choice::KeyFormat),
];

const AUTHORITY: &[OptionSpec] = &[
    tls(Opt::AddCertFile, "+cf", "--add-cert-file", &["trust the certificate in file f"])
        .takes("[f]ilename: string", &[Value::Text]),
    tls(Opt::AddCertDir, "+cd", "--add-cert-dir", &["trust the certificates in directory d"])
        .takes("[d]irectory: string", &[Value::Text]),
    tls(
        Opt::AddCrlFile,
        "+crl",
        "--add-crl-file",
        &["use the certificate revocation list in file f", "(implies --enable-crl-vfy)"],
    )
    .takes("[f]ilename: string", &[Value::Text]),
    tls(
        Opt::EnableCrlVfy,
        "+crv",
        "--enable-crl-vfy",
        &["check that the peer's certificate stands"],
    )
    .one_of(Choice::CrlCheck),
    tls(Opt::EnableCrlAll, "+cra", "--enable-crl-all", &["check the whole chain of certificates"])
        .one_of(Choice::CrlCheck),
];

const fn profile(
    id: Opt,
    short: &'static str,
    long: &'static str,
    help: &'static [&'static str],
) -> OptionSpec {
    tls(id, short, long, help).one_of(Choice::SecurityProfile)
}

const PROFILE: &[OptionSpec] = &[
    tls(Opt::ListProfiles, "+ph", "--list-profiles", &["list the security profiles and exit"])
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
    tls(Opt::ListCiphers, "+cc", "--list-ciphers", &["list the cipher suites and exit"])
        .stands_alone(),
    tls(
        Opt::Cipher,
        "+cs",
        "--cipher",
        &["negotiate suite c too", "(not with --profile-bcp195-ex)"],
    )
    .takes("[c]iphersuite name: string", &[Value::Text]),
    tls(Opt::DhParam, "+dp", "--dhparam", &["use the Diffie-Hellman parameters in file f"])
        .takes("[f]ilename: string", &[Value::Text]),
];

const SERVER_NAME: &[OptionSpec] = &[
    tls(Opt::NoSni, "", "--no-sni", &["any name will do (default)"]),
    tls(Opt::ExpectSni, "", "--expect-sni", &["refuse clients that ask for another server"])
        .takes("[s]erver name: string", &[Value::Text]),
];

const RANDOM: &[OptionSpec] = &[
    tls(Opt::Seed, "+rs", "--seed", &["stir in the contents of file f"])
        .takes("[f]ilename: string", &[Value::Text]),
    tls(Opt::WriteSeed, "+ws", "--write-seed", &["write new randomness back (only with --seed)"]),
    tls(Opt::WriteSeedFile, "+wf", "--write-seed-file", &["write new randomness to file f"])
        .takes("[f]ilename: string (only with --seed)", &[Value::Text]),
];

const PEER: &[OptionSpec] = &[
    tls(
        Opt::RequirePeerCert,
        "-rc",
        "--require-peer-cert",
        &["demand a valid certificate (default)"],
    )
    .one_of(Choice::PeerCertificate),
    tls(
        Opt::VerifyPeerCert,
        "-vc",
        "--verify-peer-cert",
        &["if there is a certificate, demand a valid one"],
    )
    .one_of(Choice::PeerCertificate),
    tls(Opt::IgnorePeerCert, "-ic", "--ignore-peer-cert", &["ask for no certificate"])
        .one_of(Choice::PeerCertificate),
];
