//! The names of numbers in faults: those of the standard, with hyphens.

/// Names of the values of one byte.
pub type Words = [(&'static str, u8)];

/// The name of a value.
#[must_use]
pub fn name_of(words: &Words, value: u8) -> Option<&'static str> {
    words.iter().find(|(_, known)| *known == value).map(|(name, _)| *name)
}

/// Results of an A-ASSOCIATE-RJ (PS3.8 §9.3.4).
pub const REJECT_RESULTS: &Words = &[("permanent", 1), ("transient", 2)];

/// Its sources.
pub const REJECT_SOURCES: &Words = &[("user", 1), ("acse", 2), ("presentation", 3)];

/// Its reasons, which depend on the source.
#[must_use]
pub fn reject_reasons(source: u8) -> &'static Words {
    match source {
        1 => &[
            ("no-reason-given", 1),
            ("application-context-name-not-supported", 2),
            ("calling-ae-title-not-recognized", 3),
            ("called-ae-title-not-recognized", 7),
        ],
        2 => &[("no-reason-given", 1), ("protocol-version-not-supported", 2)],
        3 => &[("temporary-congestion", 1), ("local-limit-exceeded", 2)],
        _ => &[],
    }
}

/// Sources of an A-ABORT (PS3.8 §9.3.8).
pub const ABORT_SOURCES: &Words = &[("user", 0), ("provider", 2)];

/// Its reasons, where the source is the service provider.
pub const ABORT_REASONS: &Words = &[
    ("not-specified", 0),
    ("unrecognized-pdu", 1),
    ("unexpected-pdu", 2),
    ("unrecognized-pdu-parameter", 4),
    ("unexpected-pdu-parameter", 5),
    ("invalid-pdu-parameter-value", 6),
];

/// Results of a presentation context that is refused (PS3.8 §9.3.3.2).
pub const CONTEXT_RESULTS: &Words = &[
    ("user-rejection", 1),
    ("no-reason", 2),
    ("abstract-syntax-not-supported", 3),
    ("transfer-syntaxes-not-supported", 4),
];

/// TLS alerts (RFC 8446 §6, RFC 5246 §7.2).
pub const ALERTS: &Words = &[
    ("close-notify", 0),
    ("unexpected-message", 10),
    ("bad-record-mac", 20),
    ("record-overflow", 22),
    ("handshake-failure", 40),
    ("bad-certificate", 42),
    ("unsupported-certificate", 43),
    ("certificate-revoked", 44),
    ("certificate-expired", 45),
    ("certificate-unknown", 46),
    ("illegal-parameter", 47),
    ("unknown-ca", 48),
    ("access-denied", 49),
    ("decode-error", 50),
    ("decrypt-error", 51),
    ("protocol-version", 70),
    ("insufficient-security", 71),
    ("internal-error", 80),
    ("inappropriate-fallback", 86),
    ("user-canceled", 90),
    ("missing-extension", 109),
    ("unsupported-extension", 110),
    ("unrecognized-name", 112),
    ("bad-certificate-status-response", 113),
    ("unknown-psk-identity", 115),
    ("certificate-required", 116),
    ("no-application-protocol", 120),
];
