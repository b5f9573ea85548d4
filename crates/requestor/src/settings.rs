//! How a requestor connects, and what it proposes.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use dataset::transfer_syntax::{EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN};
use dataset::{TransferSyntax, Uid, sop_class};
use openssl::error::ErrorStack;
use openssl::ssl::{
    SslContext, SslContextBuilder, SslFiletype, SslMethod, SslVerifyMode, SslVersion,
};
use proto::{AeTitle, VersionName};

use crate::error::Error;
use crate::limits::MAX_PDU_BYTES;

/// How to open an association.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Our AE title.
    pub calling_ae: AeTitle,
    /// The peer's AE title.
    pub called_ae: AeTitle,
    /// Longest P-DATA-TF variable field to accept from the peer, in bytes; 0 for any length. Costs no
    /// memory. What is sent depends on the peer's maximum.
    pub max_pdu_bytes: u32,
    /// Our implementation class UID (PS3.7 §D.3.3.2); `None` sends none, which some peers reject.
    pub implementation_class_uid: Option<Uid>,
    /// Our implementation version name (PS3.7 §D.3.3.2).
    pub implementation_version_name: Option<VersionName>,
    /// C-STOREs that may be outstanding, if the peer allows it: the asynchronous operations window (PS3.7 §D.3.3.3).
    /// 0 and 1 propose none; more than [`OPERATIONS`](crate::limits::OPERATIONS) count as that many.
    pub operations: u16,
    /// How long to wait.
    pub timeouts: Timeouts,
    /// Ends all waiting early.
    pub interrupt: Option<Interrupt>,
    /// TLS; `None` for plain TCP.
    pub tls: Option<Tls>,
}

/// Asked while a requestor waits for its peer, several times a second: whether it shall give up. What it was doing then
/// ends with [`Error::Interrupted`], and the association is aborted. Connecting is not interrupted.
#[derive(Clone)]
pub struct Interrupt(Arc<dyn Fn() -> bool + Send + Sync>);

/// How long a requestor waits before it gives up; `None` waits for ever. Zero is an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// For the TCP connection, for each address of the host.
    pub connect: Option<Duration>,
    /// For the TLS handshake, for the response to a request, and for the answers to A-ASSOCIATE-RQ and
    /// A-RELEASE-RQ. A peer that sends single bytes may take up to twice as long.
    pub response: Option<Duration>,
    /// For the peer to accept more bytes while sending; a slow peer may take longer in total.
    pub send: Option<Duration>,
}

/// TLS as a client.
#[derive(Clone)]
pub struct Tls {
    /// Versions, cipher suites, our certificate, and whom to trust.
    pub context: SslContext,
    /// The host name that is sent (SNI) and that the peer's certificate must be valid for; `None` sends
    /// none and accepts any. Without `SslVerifyMode::PEER` in `context`, nothing is verified.
    pub server_name: Option<String>,
}

/// Whose certificates are accepted.
#[derive(Clone, Copy, Debug)]
pub enum Trust<'a> {
    /// Anybody's: nothing is verified.
    Anybody,
    /// Those of the authorities in this file.
    File(&'a Path),
    /// Those of the system's authorities.
    System,
}

/// A presentation context to propose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContextProposal {
    /// Its abstract syntax.
    pub sop_class: Uid,
    /// Its transfer syntaxes, most preferred first; the peer chooses.
    pub transfer_syntaxes: Vec<&'static TransferSyntax>,
}

impl Settings {
    /// Plain TCP, PDUs of up to [`MAX_PDU_BYTES`], the default timeouts, no implementation class UID.
    #[must_use]
    pub fn new(calling_ae: AeTitle, called_ae: AeTitle) -> Settings {
        Settings {
            calling_ae,
            called_ae,
            max_pdu_bytes: MAX_PDU_BYTES,
            implementation_class_uid: None,
            implementation_version_name: None,
            operations: 1,
            timeouts: Timeouts::default(),
            interrupt: None,
            tls: None,
        }
    }
}

impl Interrupt {
    /// Gives up once `asked` returns true.
    #[must_use]
    pub fn when(asked: impl Fn() -> bool + Send + Sync + 'static) -> Interrupt {
        Interrupt(Arc::new(asked))
    }

    pub(crate) fn is_set(&self) -> bool {
        (self.0)()
    }
}

impl fmt::Debug for Interrupt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Interrupt").field(&self.is_set()).finish()
    }
}

impl Timeouts {
    /// Waits for ever.
    pub const NONE: Timeouts = Timeouts { connect: None, response: None, send: None };

    /// None of them longer than `limit`.
    pub(crate) fn within(self, limit: Duration) -> Timeouts {
        let shorter = |timeout: Option<Duration>| timeout.into_iter().chain([limit]).min();
        Timeouts {
            connect: shorter(self.connect),
            response: shorter(self.response),
            send: shorter(self.send),
        }
    }
}

impl Default for Timeouts {
    /// 10 s to connect, 60 s for responses, 60 s without progress while sending.
    fn default() -> Timeouts {
        Timeouts {
            connect: Some(Duration::from_secs(10)),
            response: Some(Duration::from_secs(60)),
            send: Some(Duration::from_secs(60)),
        }
    }
}

impl ContextProposal {
    /// A context for C-ECHO (Verification SOP Class, PS3.4 §A.4).
    #[must_use]
    pub fn verification() -> ContextProposal {
        ContextProposal {
            sop_class: verification(),
            transfer_syntaxes: vec![EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN],
        }
    }
}

pub(crate) fn verification() -> Uid {
    sop_class::VERIFICATION.parse().expect("the standard's UID is valid")
}

impl Tls {
    /// TLS 1.2 or newer, with what a client needs from files in PEM. `own` is our private key and certificate;
    /// `None` shows none. The certificate of the peer has to come from an authority that is trusted, and to be valid for
    /// the name that is set as [`server_name`](Self::server_name) later.
    ///
    /// # Errors
    /// [`Error::Handshake`] if a file cannot be used.
    pub fn from_files(own: Option<[&Path; 2]>, trust: Trust<'_>) -> Result<Tls, Error> {
        let build = || -> Result<SslContext, ErrorStack> {
            let mut context = SslContext::builder(SslMethod::tls_client())?;
            context.set_min_proto_version(Some(SslVersion::TLS1_2))?;
            if let Some([key, certificate]) = own {
                context.set_certificate_chain_file(certificate)?;
                context.set_private_key_file(key, SslFiletype::PEM)?;
                context.check_private_key()?;
            }
            context.set_verify(SslVerifyMode::PEER);
            match trust {
                Trust::Anybody => context.set_verify(SslVerifyMode::NONE),
                Trust::File(file) => context.set_ca_file(file)?,
                Trust::System => trust_what_the_system_trusts(&mut context),
            }
            Ok(context.build())
        };
        let context = build().map_err(|error| Error::Handshake(error.into()))?;
        Ok(Tls { context, server_name: None })
    }
}

/// A file that cannot be read trusts nobody, which each handshake then tells.
fn trust_what_the_system_trusts(context: &mut SslContextBuilder) {
    let places = openssl_probe::probe();
    let directory = places.cert_dir.first().map(PathBuf::as_path);
    let _ = context.load_verify_locations(places.cert_file.as_deref(), directory);
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("server_name", &self.server_name).finish_non_exhaustive()
    }
}
