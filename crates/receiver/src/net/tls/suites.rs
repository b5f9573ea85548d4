//! Cipher suites by name: those that `--cipher` takes.

use openssl::ssl::{SslContext, SslMethod};

/// A cipher suite, known by its registered and by OpenSSL's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Suite {
    /// As registered with IANA, such as `TLS_RSA_WITH_AES_128_CBC_SHA`.
    pub name: &'static str,
    /// As OpenSSL calls it, such as `AES128-SHA`; for TLS 1.3 the same.
    pub openssl_name: &'static str,
}

impl Suite {
    /// The suite with this registered or OpenSSL name, in upper or lower case.
    #[must_use]
    pub fn find(name: &str) -> Option<&'static Self> {
        let is_it = |known: &str| known.eq_ignore_ascii_case(name);
        TLS_1_2.iter().chain(TLS_1_3).find(|suite| is_it(suite.name) || is_it(suite.openssl_name))
    }

    /// Whether it belongs to TLS 1.3, which negotiates its suites apart.
    #[must_use]
    pub fn is_tls_1_3(&self) -> bool {
        !self.name.contains("_WITH_")
    }

    /// Whether nothing is encrypted.
    #[must_use]
    pub fn is_unencrypted(&self) -> bool {
        self.name.contains("_NULL_")
    }

    /// Whether records are authenticated with SHA-1.
    #[must_use]
    pub fn has_sha1_mac(&self) -> bool {
        self.name.ends_with("_SHA")
    }

    /// What is weak about it, in words for a warning; empty if nothing is.
    #[must_use]
    pub fn weaknesses(&self) -> Vec<&'static str> {
        let has = |part: &str| self.name.contains(part);
        let all = [
            (has("_NULL_"), "does not encrypt"),
            (has("_3DES_"), "uses 64-bit blocks (triple DES)"),
            (has("TLS_RSA_"), "uses RSA key transport, so has no forward secrecy"),
            (has("TLS_ECDH_"), "uses static keys, so has no forward secrecy"),
            (has("TLS_DHE_"), "uses finite-field Diffie-Hellman"),
            (has("_DSS_"), "uses DSA"),
            (has("_CBC_"), "uses CBC"),
            (has("_CCM_8"), "authenticates with 8 bytes"),
            (self.has_sha1_mac(), "authenticates with SHA-1"),
        ];
        all.into_iter().filter_map(|(is_so, what)| is_so.then_some(what)).collect()
    }

    /// Whether the OpenSSL in use has it.
    #[must_use]
    pub fn is_available(&self) -> bool {
        let Ok(mut context) = SslContext::builder(SslMethod::tls_server()) else { return false };
        if self.is_tls_1_3() {
            return context.set_ciphersuites(self.name).is_ok();
        }
        context.set_security_level(0);
        context.set_cipher_list(self.openssl_name).is_ok()
    }
}

/// The registered names of all suites that the OpenSSL in use has.
pub fn available() -> impl Iterator<Item = &'static str> {
    TLS_1_2.iter().chain(TLS_1_3).filter(|suite| suite.is_available()).map(|suite| suite.name)
}

const fn suite(name: &'static str, openssl_name: &'static str) -> Suite {
    Suite { name, openssl_name }
}

/// The suites up to TLS 1.2 that DCMTK's tools know.
const TLS_1_2: &[Suite] = &[
    suite("TLS_RSA_WITH_NULL_SHA", "NULL-SHA"),
    suite("TLS_RSA_WITH_3DES_EDE_CBC_SHA", "DES-CBC3-SHA"),
    suite("TLS_RSA_WITH_AES_128_CBC_SHA", "AES128-SHA"),
    suite("TLS_RSA_WITH_CAMELLIA_128_CBC_SHA", "CAMELLIA128-SHA"),
    suite("TLS_RSA_WITH_AES_128_CBC_SHA256", "AES128-SHA256"),
    suite("TLS_RSA_WITH_AES_128_GCM_SHA256", "AES128-GCM-SHA256"),
    suite("TLS_RSA_WITH_CAMELLIA_256_CBC_SHA", "CAMELLIA256-SHA"),
    suite("TLS_RSA_WITH_AES_256_CBC_SHA", "AES256-SHA"),
    suite("TLS_RSA_WITH_AES_256_CBC_SHA256", "AES256-SHA256"),
    suite("TLS_RSA_WITH_AES_256_GCM_SHA384", "AES256-GCM-SHA384"),
    suite("TLS_ECDH_ECDSA_WITH_AES_128_CBC_SHA", "ECDH-ECDSA-AES128-SHA"),
    suite("TLS_ECDH_ECDSA_WITH_AES_128_CBC_SHA256", "ECDH-ECDSA-AES128-SHA256"),
    suite("TLS_ECDH_ECDSA_WITH_AES_128_GCM_SHA256", "ECDH-ECDSA-AES128-GCM-SHA256"),
    suite("TLS_ECDH_ECDSA_WITH_AES_256_CBC_SHA", "ECDH-ECDSA-AES256-SHA"),
    suite("TLS_ECDH_ECDSA_WITH_AES_256_CBC_SHA384", "ECDH-ECDSA-AES256-SHA384"),
    suite("TLS_ECDH_ECDSA_WITH_AES_256_GCM_SHA384", "ECDH-ECDSA-AES256-GCM-SHA384"),
    suite("TLS_ECDH_RSA_WITH_AES_128_CBC_SHA", "ECDH-RSA-AES128-SHA"),
    suite("TLS_ECDH_RSA_WITH_AES_128_CBC_SHA256", "ECDH-RSA-AES128-SHA256"),
    suite("TLS_ECDH_RSA_WITH_AES_128_GCM_SHA256", "ECDH-RSA-AES128-GCM-SHA256"),
    suite("TLS_ECDH_RSA_WITH_AES_256_CBC_SHA", "ECDH-RSA-AES256-SHA"),
    suite("TLS_ECDH_RSA_WITH_AES_256_CBC_SHA384", "ECDH-RSA-AES256-SHA384"),
    suite("TLS_ECDH_RSA_WITH_AES_256_GCM_SHA384", "ECDH-RSA-AES256-GCM-SHA384"),
    suite("TLS_DHE_DSS_WITH_AES_128_CBC_SHA", "DHE-DSS-AES128-SHA"),
    suite("TLS_DHE_DSS_WITH_CAMELLIA_128_CBC_SHA", "DHE-DSS-CAMELLIA128-SHA"),
    suite("TLS_DHE_DSS_WITH_CAMELLIA_256_CBC_SHA", "DHE-DSS-CAMELLIA256-SHA"),
    suite("TLS_DHE_DSS_WITH_AES_128_CBC_SHA256", "DHE-DSS-AES128-SHA256"),
    suite("TLS_DHE_DSS_WITH_AES_128_GCM_SHA256", "DHE-DSS-AES128-GCM-SHA256"),
    suite("TLS_DHE_DSS_WITH_AES_256_CBC_SHA", "DHE-DSS-AES256-SHA"),
    suite("TLS_DHE_DSS_WITH_AES_256_CBC_SHA256", "DHE-DSS-AES256-SHA256"),
    suite("TLS_DHE_DSS_WITH_AES_256_GCM_SHA384", "DHE-DSS-AES256-GCM-SHA384"),
    suite("TLS_DHE_RSA_WITH_AES_128_CBC_SHA", "DHE-RSA-AES128-SHA"),
    suite("TLS_DHE_RSA_WITH_CAMELLIA_128_CBC_SHA", "DHE-RSA-CAMELLIA128-SHA"),
    suite("TLS_DHE_RSA_WITH_CAMELLIA_256_CBC_SHA", "DHE-RSA-CAMELLIA256-SHA"),
    suite("TLS_DHE_RSA_WITH_AES_128_CBC_SHA256", "DHE-RSA-AES128-SHA256"),
    suite("TLS_DHE_RSA_WITH_AES_128_GCM_SHA256", "DHE-RSA-AES128-GCM-SHA256"),
    suite("TLS_DHE_RSA_WITH_AES_256_CBC_SHA", "DHE-RSA-AES256-SHA"),
    suite("TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "DHE-RSA-CHACHA20-POLY1305"),
    suite("TLS_DHE_RSA_WITH_AES_256_CBC_SHA256", "DHE-RSA-AES256-SHA256"),
    suite("TLS_DHE_RSA_WITH_AES_256_GCM_SHA384", "DHE-RSA-AES256-GCM-SHA384"),
    suite("TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", "ECDHE-ECDSA-AES128-SHA"),
    suite("TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256", "ECDHE-ECDSA-AES128-SHA256"),
    suite("TLS_ECDHE_ECDSA_WITH_AES_128_CCM", "ECDHE-ECDSA-AES128-CCM"),
    suite("TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8", "ECDHE-ECDSA-AES128-CCM8"),
    suite("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256"),
    suite("TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA", "ECDHE-ECDSA-AES256-SHA"),
    suite("TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384", "ECDHE-ECDSA-AES256-SHA384"),
    suite("TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305"),
    suite("TLS_ECDHE_ECDSA_WITH_AES_256_CCM", "ECDHE-ECDSA-AES256-CCM"),
    suite("TLS_ECDHE_ECDSA_WITH_AES_256_CCM_8", "ECDHE-ECDSA-AES256-CCM8"),
    suite("TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "ECDHE-ECDSA-AES256-GCM-SHA384"),
    suite("TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", "ECDHE-RSA-AES128-SHA"),
    suite("TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256", "ECDHE-RSA-AES128-SHA256"),
    suite("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "ECDHE-RSA-AES128-GCM-SHA256"),
    suite("TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", "ECDHE-RSA-AES256-SHA"),
    suite("TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384", "ECDHE-RSA-AES256-SHA384"),
    suite("TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-RSA-CHACHA20-POLY1305"),
    suite("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "ECDHE-RSA-AES256-GCM-SHA384"),
];

/// The suites of TLS 1.3 (RFC 8446 §B.4).
const TLS_1_3: &[Suite] = &[
    suite("TLS_AES_256_GCM_SHA384", "TLS_AES_256_GCM_SHA384"),
    suite("TLS_CHACHA20_POLY1305_SHA256", "TLS_CHACHA20_POLY1305_SHA256"),
    suite("TLS_AES_128_GCM_SHA256", "TLS_AES_128_GCM_SHA256"),
    suite("TLS_AES_128_CCM_SHA256", "TLS_AES_128_CCM_SHA256"),
    suite("TLS_AES_128_CCM_8_SHA256", "TLS_AES_128_CCM_8_SHA256"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suites_are_found_by_either_name() {
        for suite in TLS_1_2.iter().chain(TLS_1_3) {
            assert_eq!(Suite::find(suite.name), Some(suite));
            assert_eq!(Suite::find(&suite.openssl_name.to_lowercase()), Some(suite));
        }
        assert_eq!(Suite::find("TLS_RSA_WITH"), None);
        assert_eq!(Suite::find("ALL"), None, "not a cipher string");
    }

    #[test]
    fn the_names_of_one_suite_are_openssls_too() {
        for suite in TLS_1_2.iter().filter(|suite| suite.is_available()) {
            assert_eq!(openssl::ssl::cipher_name(suite.name), suite.openssl_name);
        }
    }

    #[test]
    fn the_table_is_whole() {
        assert_eq!(TLS_1_2.len(), 57);
        let available: Vec<_> = available().collect();
        assert!(available.len() >= 40 + TLS_1_3.len(), "{available:?}");
        assert!(!available.iter().any(|name| name.contains("_ECDH_")), "OpenSSL has none of these");
    }

    #[test]
    fn weaknesses_are_named() {
        let weaknesses = |name| Suite::find(name).unwrap().weaknesses();
        assert_eq!(weaknesses("ECDHE-RSA-AES128-GCM-SHA256"), [""; 0]);
        assert_eq!(weaknesses("TLS_AES_128_GCM_SHA256"), [""; 0]);
        assert_eq!(
            weaknesses("DES-CBC3-SHA"),
            [
                "uses 64-bit blocks (triple DES)",
                "uses RSA key transport, so has no forward secrecy",
                "uses CBC",
                "authenticates with SHA-1"
            ]
        );
    }
}
