//! Transport layer security.

use crate::settings::reader::{At, OneOrMore, table, words};
use crate::settings::values::KeyPasswordSource;
use receiver::net::tls::{CrlCheck, KeyFormat, PeerCertificate, SecurityProfile};
use std::path::PathBuf;

table! {
    /// Transport layer security (docs/operations.md). Files are read again at each reload.
    struct Tls {
        /// Whether TLS is used. `false` turns off what the command line turns on.
        #[schemars(extend("default" = true))]
        enabled: bool,
        /// The file of our private key.
        #[schemars(example = "key.pem")]
        key: PathBuf,
        /// The file of our certificate, with those between it and its authority.
        #[schemars(example = "certificate.pem")]
        certificate: PathBuf,
        /// The password of the private key, if it is encrypted: `{ file = "…" }`, `{ env = "…" }`, `"ask"` for it on the
        /// terminal, or `"empty"`.
        #[schemars(example = serde_json::json!({ "file": "/etc/storescp/key-password" }), extend("default" = "ask"))]
        password: KeyPasswordSource,
        /// The format of all these files.
        #[schemars(extend("default" = "pem"))]
        file_format: FormatWord,
        /// Files with certificates of authorities that are trusted.
        #[schemars(example = ["authority.pem"])]
        trust: OneOrMore<PathBuf>,
        /// Directories of such, under hashed names.
        trust_directories: OneOrMore<PathBuf>,
        /// Files with certificate revocation lists.
        revocation_lists: OneOrMore<PathBuf>,
        /// Which certificates of a peer are checked for revocation. `"peer"` if there are revocation lists.
        #[schemars(extend("default" = "none"))]
        check_revocation: RevocationCheck,
        /// Whether a peer needs a certificate.
        #[schemars(extend("default" = "require"))]
        peer_certificate: PeerWord,
        /// The security profile (PS3.15 Annex B): versions and cipher suites.
        #[schemars(extend("default" = "rfc-8996"))]
        profile: ProfileWord,
        /// Further cipher suites, as `storescp --list-ciphers` names them.
        cipher_suites: Vec<At<String>>,
        /// A file with Diffie-Hellman parameters.
        dh_parameters: PathBuf,
        /// Clients that ask for another server name are refused; `""` for any.
        #[schemars(example = "pacs.example", extend("default" = ""))]
        server_name: String,
        /// A file whose content is stirred into the random numbers.
        random_seed: PathBuf,
        /// A file that new randomness is written to at the start. Needs `random-seed`, and may be the same.
        write_random_seed: PathBuf,
    }
}

words! {
    /// The format of keys and certificates.
    FormatWord of KeyFormat {
        "pem" => KeyFormat::Pem, "text";
        "der" => KeyFormat::Der, "binary";
    }
}

words! {
    /// Which certificates are checked for revocation.
    RevocationCheck of CrlCheck {
        "none" => CrlCheck::None, "none";
        "peer" => CrlCheck::Leaf, "the peer's own";
        "chain" => CrlCheck::Chain, "all up to the authority's";
    }
}

words! {
    /// Whether a peer needs a certificate.
    PeerWord of PeerCertificate {
        "require" => PeerCertificate::Require, "a valid one";
        "verify" => PeerCertificate::Verify, "a valid one or none";
        "ignore" => PeerCertificate::Ignore, "it is not asked for one";
    }
}

words! {
    /// Security profiles.
    ProfileWord of SecurityProfile {
        "rfc-8996" => SecurityProfile::Bcp195Rfc8996, "RFC 8996 BCP 195";
        "rfc-8996-modified" => SecurityProfile::Bcp195Rfc8996Modified, "modified RFC 8996 BCP 195";
        "bcp-195-non-downgrading" => SecurityProfile::Bcp195NonDowngrading, "non-downgrading BCP 195 (retired)";
        "bcp-195" => SecurityProfile::Bcp195, "BCP 195 (retired)";
        "bcp-195-extended" => SecurityProfile::Bcp195Extended, "extended BCP 195 (retired)";
        "basic" => SecurityProfile::Basic, "basic, triple DES (retired)";
        "aes" => SecurityProfile::Aes, "AES (retired)";
        "null" => SecurityProfile::Null, "no encryption (retired)";
    }
}
