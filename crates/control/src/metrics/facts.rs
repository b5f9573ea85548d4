//! What only the program knows, asked when metrics are read, and not more often than once a second.

use super::process::Process;
use crate::program::{CertificateStatus, CommandCounts, Program, Status};
use platform::sync::{Instant, Mutex, PoisonError};
use std::sync::Arc;
use std::time::Duration;

/// How long an answer of the program and the system is used again: several readers cost no more than one.
const FRESH: Duration = Duration::from_secs(1);

/// What the program and the system have answered.
#[derive(Debug)]
pub(super) struct Facts {
    pub(super) status: Status,
    pub(super) open_studies: usize,
    pub(super) certificates: Vec<CertificateStatus>,
    pub(super) commands: CommandCounts,
    /// `None` where the system does not tell.
    pub(super) process: Option<Process>,
}

/// The last answers. Only readers of metrics wait for each other here.
#[derive(Debug, Default)]
pub(super) struct Answers {
    last: Mutex<Option<(Instant, Arc<Facts>)>>,
}

impl Answers {
    /// The last answers, or new ones if those are too old.
    pub(super) fn get(&self, program: &dyn Program) -> Arc<Facts> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((asked, facts)) = &*last
            && asked.elapsed() < FRESH
        {
            return Arc::clone(facts);
        }
        let facts = Arc::new(Facts {
            status: program.status(),
            open_studies: program.open_study_count(),
            certificates: program.certificates(),
            commands: program.commands(),
            process: Process::read(),
        });
        *last = Some((Instant::now(), Arc::clone(&facts)));
        facts
    }
}
