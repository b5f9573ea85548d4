//! Why something failed, in the words of OpenSSL or of the operating system.

use openssl::error::ErrorStack;
use std::io;

/// The reason that OpenSSL gives: that of the first error, which is where it began.
pub(super) fn openssl_reason(error: &ErrorStack) -> String {
    let first = error.errors().first();
    let reason = first.and_then(openssl::error::Error::reason);
    reason.map_or_else(|| "unknown OpenSSL error".to_owned(), str::to_owned)
}

/// The reason that the operating system gives, without the number of the error.
pub(super) fn file_reason(error: &io::Error) -> String {
    platform::reason(error)
}
