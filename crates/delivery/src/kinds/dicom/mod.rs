//! C-STORE to another AE (PS3.4 Annex B, as SCU).
//!
//! ```text
//!   session ──► association ──► requestor
//!      │            └ contexts   what to propose, which accepted context an object goes on
//!      ├──► object               a file, from its catalogue entry to the bytes of its data set
//!      │       └ reencoding      in another uncompressed transfer syntax
//!      └──► verdict              statuses and errors become outcomes
//! ```
//!
//! A session keeps an association and sends all its objects on it. Memory of a session: that of a
//! [`Requestor`](requestor::Requestor), some 2 MiB at most, and while an object is encoded anew
//! [`REENCODED_BYTES`](crate::limits::REENCODED_BYTES) and a transcoder, whatever the size of the objects.

mod association;
mod contexts;
mod object;
mod reencoding;
mod session;
#[cfg(test)]
mod tests;
mod verdict;

use crate::limits::DICOM_BATCH;
use crate::{Destination, DicomSettings, Error, Session, TlsClientSettings};
use association::Peer;
use dataset::Dictionary;
use proto::VersionName;
use requestor::{Settings, Timeouts, Tls, Trust};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Our implementation class UID (PS3.7 §D.3.3.2), the same as the receiver's.
const IMPLEMENTATION_CLASS_UID: &str = "2.25.276397947768074104005898073337973822803";

/// Our implementation version name (PS3.7 §D.3.3.2).
const IMPLEMENTATION_VERSION_NAME: &[u8] = b"STORESCP_010";

/// The longest that connecting may take, for each address of the host.
const LONGEST_CONNECT: Duration = Duration::from_secs(15);

/// Builds a destination of this kind.
///
/// # Errors
/// [`Error::Destination`] if its settings cannot be used.
pub(crate) fn build(name: &str, settings: &DicomSettings) -> Result<Arc<dyn Destination>, Error> {
    let fault = |reason: String| Error::Destination { name: name.to_owned(), reason };
    let host = host(&settings.address).ok_or_else(|| {
        fault(format!("address {:?} is not HOST:PORT, such as pacs:104", settings.address))
    })?;
    let tls = settings.tls.as_ref().map(|tls| client(tls, host)).transpose().map_err(fault)?;
    let timeout = Some(settings.timeout.max(Duration::from_millis(1)));
    let requestor = Settings {
        implementation_class_uid: IMPLEMENTATION_CLASS_UID.parse().ok(),
        implementation_version_name: VersionName::parse(IMPLEMENTATION_VERSION_NAME),
        operations: requestor::limits::OPERATIONS,
        timeouts: Timeouts {
            connect: timeout.map(|timeout| timeout.min(LONGEST_CONNECT)),
            response: timeout,
            send: timeout,
        },
        tls,
        ..Settings::new(settings.calling, settings.called)
    };
    let peer = Peer {
        destination: name.to_owned(),
        address: settings.address.clone(),
        settings: requestor,
        linger: settings.linger,
    };
    Ok(Arc::new(Dicom { peer: Arc::new(peer), dictionary: Arc::new(Dictionary::built_in()) }))
}

/// Another AE.
struct Dicom {
    peer: Arc<Peer>,
    dictionary: Arc<Dictionary>,
}

impl Destination for Dicom {
    fn open(&self) -> Box<dyn Session> {
        Box::new(session::DicomSession::new(self.peer.clone(), self.dictionary.clone()))
    }

    fn batch(&self) -> usize {
        DICOM_BATCH
    }

    fn linger(&self) -> Duration {
        self.peer.linger
    }
}

/// The host of `host:port`, without the brackets of an IPv6 address.
fn host(address: &str) -> Option<&str> {
    let (host, port) = address.rsplit_once(':')?;
    port.parse::<u16>().ok().filter(|&port| port != 0)?;
    let host = match host.strip_prefix('[') {
        Some(inner) => inner.strip_suffix(']')?,
        None if host.contains(':') => return None,
        None => host,
    };
    (!host.is_empty()).then_some(host)
}

/// TLS to this host, whose certificate is verified, also its name.
fn client(settings: &TlsClientSettings, host: &str) -> Result<Tls, String> {
    let own = match (&settings.key, &settings.certificate) {
        (Some(key), Some(certificate)) => Some([key.as_path(), certificate.as_path()]),
        (None, None) => None,
        _ => return Err("key and certificate belong together".to_owned()),
    };
    let trusted = settings.trusted.as_deref().map(Path::new);
    let mut tls = Tls::from_files(own, trusted.map_or(Trust::System, Trust::File))
        .map_err(|error| format!("trusted, certificate or key cannot be used: {error}"))?;
    tls.server_name = Some(host.to_owned());
    Ok(tls)
}
