//! Opens associations for measuring: with one presentation context each, and without timeouts, which would cost
//! system calls.

use std::net::ToSocketAddrs;

use openssl::ssl::SslContext;
use requestor::{ContextProposal, Requestor, Response, Settings, Status, Timeouts, Tls};

use crate::error::Error;

/// Settings with these AE titles; with TLS if a context is given.
///
/// # Errors
/// [`Error::Association`] if an AE title is invalid.
pub fn settings(calling: &str, called: &str, tls: Option<SslContext>) -> Result<Settings, Error> {
    let title = |text: &str| text.parse().map_err(requestor::Error::Protocol);
    Ok(Settings {
        timeouts: Timeouts::NONE,
        tls: tls.map(|context| Tls { context, server_name: None }),
        ..Settings::new(title(calling)?, title(called)?)
    })
}

/// Opens an association with one presentation context, which the peer must accept.
///
/// # Errors
/// [`Error::Association`].
pub fn associate(
    address: impl ToSocketAddrs,
    settings: &Settings,
    context: &ContextProposal,
) -> Result<Requestor, Error> {
    let requestor = Requestor::associate(address, settings, std::slice::from_ref(context))?;
    requestor.context_for(&context.sop_class, None)?;
    Ok(requestor)
}

/// Fails unless a response reports success.
///
/// # Errors
/// [`Error::Status`].
pub fn expect_success(response: Response) -> Result<(), Error> {
    match response.status {
        Status::SUCCESS => Ok(()),
        status => Err(Error::Status(status, response.error_comment)),
    }
}
