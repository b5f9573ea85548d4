//! Warns every day of certificates that expire soon.

use super::wiring::{Service, certificates_may_expire};
use crate::cli::Config;
use control::CertificateStatus;
use receiver::thread_builder;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

impl Service {
    /// The certificates that are shown to peers, each file once, with the date on which the first one in it expires.
    pub(super) fn certificates(&self) -> Vec<CertificateStatus> {
        let of_http = self.protection.as_ref().and_then(|protection| protection.first_expiry());
        let mut certificates = Vec::new();
        for (file, expires) in self.node.first_expiry().into_iter().chain(of_http) {
            if certificates.iter().all(|it: &CertificateStatus| it.file != file) {
                certificates.push(CertificateStatus { file, expires });
            }
        }
        certificates
    }

    /// Logs a warning for each file with a certificate that expires soon.
    pub(super) fn warn_of_expiry(&self) {
        self.node.warn_of_expiry();
        let Some(protection) = &self.protection else { return };
        let file = |first: Option<(PathBuf, SystemTime)>| first.map(|(file, _)| file);
        if file(protection.first_expiry()) != file(self.node.first_expiry()) {
            protection.warn_of_expiry();
        }
    }
}

/// Starts the thread that warns. At the start, and after a reload, the caller warns itself.
///
/// # Errors
/// There is no thread to be had.
pub(super) fn warn_daily(service: &Arc<Service>, config: &Config) -> io::Result<()> {
    if !certificates_may_expire(config) {
        return Ok(());
    }
    let service = Arc::clone(service);
    repeat(DAY, move || service.warn_of_expiry())
}

const DAY: Duration = Duration::from_secs(24 * 3600);

/// Does the work after each period, for as long as the process runs.
fn repeat(period: Duration, work: impl Fn() + Send + 'static) -> io::Result<()> {
    let repeat = move || {
        loop {
            std::thread::sleep(period);
            work();
        }
    };
    thread_builder().spawn(repeat).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn work_is_repeated() {
        let (done, works) = mpsc::channel();
        repeat(Duration::from_millis(1), move || {
            let _ = done.send(());
        })
        .unwrap();
        for _ in 0..3 {
            works.recv_timeout(Duration::from_secs(30)).unwrap();
        }
    }
}
