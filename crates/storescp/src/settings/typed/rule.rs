//! Rules.

use super::Treatment;
use crate::settings::reader::{Integer, OneOrMore, table, words};
use crate::settings::values::{Address, Class, Digest, Title};
use proto::Rejection;

table! {
    /// How some senders are treated. All conditions of a rule must match, and of each one entry; a rule without
    /// conditions matches every sender.
    struct Rule {
        /// What the rule is called in the log, metrics and API. `rule 1`, `rule 2`, … if it is missing.
        #[schemars(example = &"ct")]
        name: String,
        /// Condition: patterns of the calling AE title, that of the sender, with `*` for any characters and `?` for one.
        /// Case is significant, blanks at either end are not.
        #[schemars(example = ["CT*", "MR1"])]
        calling: OneOrMore<Title>,
        /// Condition: patterns of the called AE title, that the sender has for this receiver.
        #[schemars(example = &"ARCHIVE")]
        called: OneOrMore<Title>,
        /// Condition: addresses or networks of the sender.
        #[schemars(example = ["10.1.0.0/16", "2001:db8::/32"])]
        address: OneOrMore<Address>,
        /// Condition: what the verified certificate of the sender says. Needs TLS with `peer-certificate` other than
        /// `"ignore"`.
        certificate: Certificate,
        /// Condition: SOP classes of which the sender proposes one: UIDs, keywords, or prefixes of file names (`CT`).
        #[schemars(example = ["CT", "MRImageStorage"])]
        class: OneOrMore<Class>,
        /// Refuses the association, with this reason (PS3.8 §9.3.4). Excludes all that follows.
        #[schemars(example = "calling-ae-title-not-recognized")]
        refuse: Refusal,
        /// Most associations at a time that this rule matches; more are rejected with "local limit exceeded".
        #[schemars(example = 4)]
        max_associations: Integer<1, { i64::MAX as u64 }>,
        .. treatment: Treatment,
    }
}

table! {
    /// What a certificate has to say: one of these.
    struct Certificate {
        /// Patterns of the subject, most specific part first (RFC 2253), in either case. `*` goes beyond commas, so begin
        /// a part with its comma: `*,O=Example`. A comma within a value is `\,`, which `,` does not match.
        #[schemars(example = "CN=ct*,OU=Radiology,*")]
        subject: OneOrMore<String>,
        /// Patterns of a subject alternative name: DNS name, address, URI or e-mail address.
        #[schemars(example = "*.ct.example")]
        alternative_name: OneOrMore<String>,
        /// SHA-256 of the certificate, as `openssl x509 -noout -fingerprint -sha256` prints it.
        fingerprint: OneOrMore<Digest>,
    }
}

words! {
    /// Reasons of an A-ASSOCIATE-RJ.
    Refusal of Rejection {
        "calling-ae-title-not-recognized" => Rejection::CALLING_AE_TITLE,
            "permanent: the receiver does not know the sender";
        "called-ae-title-not-recognized" => Rejection::CALLED_AE_TITLE,
            "permanent: nobody here has the title that the sender calls";
        "no-reason-given" => Rejection::NO_REASON_GIVEN, "permanent";
        "temporary-congestion" => Rejection::TEMPORARY_CONGESTION, "transient: the sender may try again";
        "local-limit-exceeded" => Rejection::LOCAL_LIMIT_EXCEEDED, "transient: the sender may try again";
    }
}
