//! The security profiles (PS3.15 Annex B): which versions and cipher suites each negotiates.

use openssl::ssl::SslVersion;
use std::fmt;

/// A security profile, chosen by an option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecurityProfile {
    /// `--profile-8996`: BCP 195 as of RFC 8996 and RFC 9325 (PS3.15 §B.12).
    Bcp195Rfc8996,
    /// `--profile-8996-mod`: the same, modified (PS3.15 §B.13).
    Bcp195Rfc8996Modified,
    /// `--profile-bcp195-nd`: non-downgrading BCP 195 as of RFC 7525 (PS3.15 §B.10).
    Bcp195NonDowngrading,
    /// `--profile-bcp195`: BCP 195 as of RFC 7525, with fallbacks (PS3.15 §B.9).
    Bcp195,
    /// `--profile-bcp195-ex`: extended BCP 195 (PS3.15 §B.11).
    Bcp195Extended,
    /// `--profile-basic`: triple DES (PS3.15 §B.1).
    Basic,
    /// `--profile-aes`: AES, triple DES as a fallback (PS3.15 §B.3).
    Aes,
    /// `--profile-null`: authenticated, not encrypted (once in IHE ATNA).
    Null,
}

/// What a profile negotiates.
#[derive(Debug, Clone, Copy)]
pub struct Terms {
    /// The oldest version.
    pub oldest: SslVersion,
    /// The newest version.
    pub newest: SslVersion,
    /// OpenSSL's names of the suites up to TLS 1.2, the best first.
    pub suites: &'static [&'static str],
    /// The suites of TLS 1.3, the best first.
    pub tls_1_3_suites: &'static [&'static str],
}

impl SecurityProfile {
    /// All of them, in the order of the options.
    pub const ALL: [Self; 8] = [
        Self::Bcp195Rfc8996,
        Self::Bcp195Rfc8996Modified,
        Self::Bcp195NonDowngrading,
        Self::Bcp195,
        Self::Bcp195Extended,
        Self::Basic,
        Self::Aes,
        Self::Null,
    ];

    /// The option that chooses it.
    #[must_use]
    pub fn option(self) -> &'static str {
        match self {
            Self::Bcp195Rfc8996 => "--profile-8996",
            Self::Bcp195Rfc8996Modified => "--profile-8996-mod",
            Self::Bcp195NonDowngrading => "--profile-bcp195-nd",
            Self::Bcp195 => "--profile-bcp195",
            Self::Bcp195Extended => "--profile-bcp195-ex",
            Self::Basic => "--profile-basic",
            Self::Aes => "--profile-aes",
            Self::Null => "--profile-null",
        }
    }

    /// Whether the standard still has it; the others are for old peers.
    ///
    /// What a current profile takes has the strength of 112 bits at least: RSA keys and
    /// Diffie-Hellman groups of 2048 bits, no SHA-1.
    #[must_use]
    pub fn is_current(self) -> bool {
        matches!(self, Self::Bcp195Rfc8996 | Self::Bcp195Rfc8996Modified)
    }

    /// What it negotiates.
    #[must_use]
    pub fn terms(self) -> Terms {
        use SslVersion as V;
        let (oldest, newest, suites, tls_1_3_suites): (_, _, _, &[_]) = match self {
            Self::Bcp195Rfc8996 => (V::TLS1_2, V::TLS1_3, RFC_9325, TLS_1_3),
            Self::Bcp195Rfc8996Modified => (V::TLS1_2, V::TLS1_3, MODIFIED, TLS_1_3_WITH_CCM),
            Self::Bcp195NonDowngrading => (V::TLS1_2, V::TLS1_3, RFC_7525, TLS_1_3),
            Self::Bcp195 => (V::TLS1, V::TLS1_3, RFC_7525_WITH_FALLBACKS, TLS_1_3),
            Self::Bcp195Extended => (V::TLS1_2, V::TLS1_2, EXTENDED, &[]),
            Self::Basic => (V::TLS1, V::TLS1_2, BASIC, &[]),
            Self::Aes => (V::TLS1, V::TLS1_2, AES, &[]),
            Self::Null => (V::TLS1, V::TLS1_2, NULL, &[]),
        };
        Terms { oldest, newest, suites, tls_1_3_suites }
    }

    /// What is weak about it, for a warning.
    #[must_use]
    pub fn weakness(self) -> Option<&'static str> {
        match self {
            Self::Bcp195Rfc8996 | Self::Bcp195Rfc8996Modified => None,
            Self::Bcp195NonDowngrading | Self::Bcp195Extended => {
                Some("takes keys and signatures of any strength, and finite-field Diffie-Hellman")
            }
            Self::Bcp195 => Some(
                "negotiates TLS 1.0 and 1.1, AES in CBC mode, triple DES, and RSA key transport \
                 without forward secrecy",
            ),
            Self::Basic => Some(
                "negotiates TLS 1.0 and 1.1, and triple DES with RSA key transport, without \
                 forward secrecy",
            ),
            Self::Aes => Some(
                "negotiates TLS 1.0 and 1.1, AES in CBC mode and triple DES with RSA key \
                 transport, without forward secrecy",
            ),
            Self::Null => Some("does not encrypt"),
        }
    }
}

/// The name that the standard gives it.
impl fmt::Display for SecurityProfile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bcp195Rfc8996 => "BCP 195 RFC 8996 TLS Profile",
            Self::Bcp195Rfc8996Modified => "Modified BCP 195 RFC 8996 TLS Profile",
            Self::Bcp195NonDowngrading => "Non-downgrading BCP 195 TLS Profile",
            Self::Bcp195 => "BCP 195 TLS Profile",
            Self::Bcp195Extended => "Extended BCP 195 TLS Profile",
            Self::Basic => "Basic TLS Secure Transport Connection Profile",
            Self::Aes => "AES TLS Secure Transport Connection Profile",
            Self::Null => "Authenticated Unencrypted Communication Profile",
        })
    }
}

const RFC_9325: &[&str] = &[
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
];

/// PS3.15 has Camellia in GCM mode too, which OpenSSL has not.
const MODIFIED: &[&str] = &[
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-CHACHA20-POLY1305",
    "ECDHE-RSA-CHACHA20-POLY1305",
    "ECDHE-ECDSA-AES256-CCM",
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES128-CCM",
    "ECDHE-ECDSA-AES256-CCM8",
    "ECDHE-ECDSA-AES128-CCM8",
];

const RFC_7525: &[&str] = &[
    "ECDHE-RSA-AES256-GCM-SHA384",
    "DHE-RSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "DHE-RSA-AES128-GCM-SHA256",
];

const RFC_7525_WITH_FALLBACKS: &[&str] = &[
    "ECDHE-RSA-AES256-GCM-SHA384",
    "DHE-RSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "DHE-RSA-AES128-GCM-SHA256",
    "AES128-SHA",
    "DES-CBC3-SHA",
];

const EXTENDED: &[&str] = &[
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "DHE-RSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "DHE-RSA-AES128-GCM-SHA256",
];

const BASIC: &[&str] = &["DES-CBC3-SHA"];

const AES: &[&str] = &["AES128-SHA", "DES-CBC3-SHA"];

const NULL: &[&str] = &["NULL-SHA"];

const TLS_1_3: &[&str] =
    &["TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_128_GCM_SHA256"];

const TLS_1_3_WITH_CCM: &[&str] = &[
    "TLS_AES_256_GCM_SHA384",
    "TLS_CHACHA20_POLY1305_SHA256",
    "TLS_AES_128_GCM_SHA256",
    "TLS_AES_128_CCM_SHA256",
    "TLS_AES_128_CCM_8_SHA256",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::tls::suites::Suite;

    #[test]
    fn profiles_name_suites_that_exist() {
        for profile in SecurityProfile::ALL {
            let terms = profile.terms();
            for name in terms.suites.iter().chain(terms.tls_1_3_suites) {
                let suite = Suite::find(name).unwrap_or_else(|| panic!("{profile}: {name}"));
                let newer = terms.tls_1_3_suites.contains(name);
                assert_eq!(suite.is_tls_1_3(), newer, "{name}");
            }
            let negotiates_1_3 = terms.newest == SslVersion::TLS1_3;
            assert_eq!(negotiates_1_3, !terms.tls_1_3_suites.is_empty(), "{profile}");
        }
    }

    #[test]
    fn what_a_current_profile_takes_is_not_weak() {
        for profile in SecurityProfile::ALL {
            assert_eq!(profile.is_current(), profile.weakness().is_none(), "{profile}");
        }
        for name in SecurityProfile::Bcp195Rfc8996.terms().suites {
            assert_eq!(Suite::find(name).unwrap().weaknesses(), [""; 0], "{name}");
        }
    }
}
