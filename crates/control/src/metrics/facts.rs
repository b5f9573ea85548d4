//! What only the program knows, asked when metrics are read, and not more often than once a second.

use super::process::Process;
use crate::program::{
    CatalogStatus, CertificateStatus, CommandCounts, DestinationStatus, Program, Status,
};
use arc_swap::ArcSwapOption;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, TryLockError};
use std::time::{Duration, Instant};

/// How long an answer of the program and the system is used again: several readers cost no more than one.
const FRESH: Duration = Duration::from_secs(1);

/// How long a question may take before the directories are taken to be out of reach: `statvfs` of a lost server hangs.
const OVERDUE: Duration = Duration::from_secs(10);

/// What the program and the system have answered.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    pub(super) status: Status,
    pub(super) open_studies: usize,
    pub(super) certificates: Vec<CertificateStatus>,
    pub(super) commands: CommandCounts,
    pub(super) destinations: Vec<DestinationStatus>,
    /// `None` without a catalogue.
    pub(super) catalog: Option<CatalogStatus>,
    /// `None` where the system does not tell.
    pub(super) process: Option<Process>,
}

/// The last answers.
#[derive(Debug, Default)]
pub(super) struct Answers {
    last: ArcSwapOption<(Instant, Facts)>,
    /// Held by the reader that asks.
    asking: Mutex<()>,
}

impl Answers {
    /// The last answers, or new ones if those are too old. While another reader asks, the last ones; and if that takes
    /// too long, with directories that take no objects.
    pub(super) fn get(&self, program: &dyn Program) -> Facts {
        let last = self.last.load_full();
        let age = last.as_ref().map(|last| last.0.elapsed());
        if let (Some(last), Some(age)) = (&last, age)
            && age < FRESH
        {
            return last.1.clone();
        }
        let asking = match (self.asking.try_lock(), last) {
            (Err(TryLockError::WouldBlock), Some(last)) => {
                return out_of_reach(&last.1, age.unwrap_or_default());
            }
            (Err(TryLockError::WouldBlock), None) => self.asking.lock().ok(),
            (asking, _) => asking.ok(),
        };
        let facts = Facts {
            status: program.status(),
            open_studies: program.open_study_count(),
            certificates: program.certificates(),
            commands: program.commands(),
            destinations: each_once(program.destinations()),
            catalog: program.catalog_status(),
            process: Process::read(),
        };
        self.last.store(Some(Arc::new((Instant::now(), facts.clone()))));
        drop(asking);
        facts
    }
}

/// Prometheus would refuse the whole answer if a name came twice.
fn each_once(mut destinations: Vec<DestinationStatus>) -> Vec<DestinationStatus> {
    let mut names = BTreeSet::new();
    destinations.retain(|it| names.insert(it.name.clone()));
    destinations
}

/// What was known so long ago.
fn out_of_reach(last: &Facts, age: Duration) -> Facts {
    let mut facts = last.clone();
    if age > OVERDUE {
        for directory in &mut facts.status.directories {
            (directory.free_bytes, directory.total_bytes) = (None, None);
            directory.trouble = Some("does not answer".to_owned());
        }
    }
    facts
}

#[cfg(test)]
#[cfg(not(feature = "explore"))]
mod tests {
    use super::*;
    use crate::metrics::tests::TestProgram;

    #[test]
    fn the_last_answers_serve_while_a_question_hangs() {
        let (answers, program) = (Answers::default(), TestProgram::default());
        let fresh = answers.get(&program);
        let old = Instant::now().checked_sub(Duration::from_secs(2)).unwrap();
        answers.last.store(Some(Arc::new((old, fresh))));
        let hangs = answers.asking.lock().unwrap();
        let facts = answers.get(&program);
        assert_eq!((program.asked(), facts.status.directories[0].free_bytes), (1, Some(1000)));
        let older = Instant::now().checked_sub(OVERDUE + FRESH).unwrap();
        answers.last.store(Some(Arc::new((older, facts))));
        let overdue = answers.get(&program).status.directories;
        assert!(overdue.iter().all(|it| it.free_bytes.is_none() && it.trouble.is_some()));
        drop(hangs);
        assert!(answers.get(&program).status.directories[0].trouble.is_none());
        assert_eq!(program.asked(), 2);
    }

    #[test]
    fn readers_that_come_first_wait_for_one_another() {
        let (answers, program) = (Answers::default(), TestProgram::default());
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| assert_eq!(answers.get(&program).open_studies, 4));
            }
        });
        assert!(program.asked() >= 1);
    }
}
