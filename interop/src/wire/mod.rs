//! Provides a raw DICOM client, which sends any bytes in any order on one TCP connection.
//!
//! It can build valid PDUs and command sets, which a test may then corrupt. It shares no code with the receiver
//! under test.

mod client;
mod command;
mod pdu;
mod request;

pub use client::{Client, abort, release_request};
pub use command::{Command, tag};
pub use pdu::{Answer, Pdv, data_pdu, pdu, read_answer, read_pdvs};
pub use request::{Accept, AcceptedContext, Context, Request};

/// Transfer syntaxes and SOP classes that the tests use.
pub mod uid {
    /// Implicit VR Little Endian.
    pub const IVLE: &str = "1.2.840.10008.1.2";
    /// Explicit VR Little Endian.
    pub const EVLE: &str = "1.2.840.10008.1.2.1";
    /// Explicit VR Big Endian.
    pub const EVBE: &str = "1.2.840.10008.1.2.2";
    /// Deflated Explicit VR Little Endian.
    pub const DEFLATED: &str = "1.2.840.10008.1.2.1.99";
    /// JPEG Baseline.
    pub const JPEG_BASELINE: &str = "1.2.840.10008.1.2.4.50";
    /// JPEG Lossless, first-order prediction.
    pub const JPEG_LOSSLESS: &str = "1.2.840.10008.1.2.4.70";
    /// Verification.
    pub const VERIFICATION: &str = "1.2.840.10008.1.1";
    /// CT Image Storage.
    pub const CT: &str = "1.2.840.10008.5.1.4.1.1.2";
    /// MR Image Storage.
    pub const MR: &str = "1.2.840.10008.5.1.4.1.1.4";
    /// Study Root Query/Retrieve - FIND.
    pub const FIND: &str = "1.2.840.10008.5.1.4.1.2.2.1";
    /// The DICOM application context name.
    pub const APPLICATION_CONTEXT: &str = "1.2.840.10008.3.1.1.1";
    /// The transfer syntaxes that `+xa` of DCMTK's current version accepts, most preferred first.
    pub const ACCEPT_ALL: [&str; 36] = [
        "1.2.840.10008.1.2.4.91",
        "1.2.840.10008.1.2.4.90",
        "1.2.840.10008.1.2.4.51",
        "1.2.840.10008.1.2.4.50",
        "1.2.840.10008.1.2.4.70",
        "1.2.840.10008.1.2.4.81",
        "1.2.840.10008.1.2.4.80",
        "1.2.840.10008.1.2.5",
        "1.2.840.10008.1.2.4.100",
        "1.2.840.10008.1.2.4.100.1",
        "1.2.840.10008.1.2.4.101",
        "1.2.840.10008.1.2.4.101.1",
        "1.2.840.10008.1.2.4.102",
        "1.2.840.10008.1.2.4.102.1",
        "1.2.840.10008.1.2.4.103",
        "1.2.840.10008.1.2.4.103.1",
        "1.2.840.10008.1.2.4.104",
        "1.2.840.10008.1.2.4.104.1",
        "1.2.840.10008.1.2.4.105",
        "1.2.840.10008.1.2.4.105.1",
        "1.2.840.10008.1.2.4.106",
        "1.2.840.10008.1.2.4.106.1",
        "1.2.840.10008.1.2.4.107",
        "1.2.840.10008.1.2.4.108",
        "1.2.840.10008.1.2.4.201",
        "1.2.840.10008.1.2.4.202",
        "1.2.840.10008.1.2.4.203",
        "1.2.840.10008.1.2.4.110",
        "1.2.840.10008.1.2.4.111",
        "1.2.840.10008.1.2.4.112",
        "1.2.840.10008.1.2.8.1",
        "1.2.840.10008.1.2.1.99",
        "1.2.840.10008.1.2.1.98",
        "1.2.840.10008.1.2.1",
        "1.2.840.10008.1.2.2",
        "1.2.840.10008.1.2",
    ];
    /// The transfer syntaxes that Debian's version accepts with `+xa`.
    pub const KNOWN_TO_DEBIAN: [&str; 21] = [
        "1.2.840.10008.1.2",
        "1.2.840.10008.1.2.1",
        "1.2.840.10008.1.2.1.99",
        "1.2.840.10008.1.2.2",
        "1.2.840.10008.1.2.4.50",
        "1.2.840.10008.1.2.4.51",
        "1.2.840.10008.1.2.4.70",
        "1.2.840.10008.1.2.4.80",
        "1.2.840.10008.1.2.4.81",
        "1.2.840.10008.1.2.4.90",
        "1.2.840.10008.1.2.4.91",
        "1.2.840.10008.1.2.4.100",
        "1.2.840.10008.1.2.4.101",
        "1.2.840.10008.1.2.4.102",
        "1.2.840.10008.1.2.4.103",
        "1.2.840.10008.1.2.4.104",
        "1.2.840.10008.1.2.4.105",
        "1.2.840.10008.1.2.4.106",
        "1.2.840.10008.1.2.4.107",
        "1.2.840.10008.1.2.4.108",
        "1.2.840.10008.1.2.5",
    ];
}
