//! What earlier runs have left in the journals of their commands.

use super::outputs::Ending;
use super::{Generation, Sender, Shared};
use crate::commands::{Adopted, Commands, Journal, Reception, RecoveredStudy, adopt};
use receiver::output::studies::EndedStudy;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

/// Studies that are taken over once they have ended are numbered from here: no open one has such a number.
const FIRST_NUMBER: u64 = 1 << 63;

/// Takes over what was left in one output directory.
struct Resumption<'r> {
    generation: &'r Generation,
    shared: &'r Shared,
    journal: &'r Journal,
    /// Commands of objects, and of studies that have ended.
    receptions: Vec<(Arc<Commands>, Box<Reception>)>,
    studies: Vec<(Arc<Commands>, EndedStudy)>,
    next_number: u64,
    /// Studies that go on.
    open: usize,
    /// What no command of these settings is for.
    kept: usize,
}

impl Generation {
    /// Runs the commands that earlier runs have left in the output directories of these settings, and ends the studies
    /// that were open then: at once, or with `--eostudy-timeout` when that has passed since their last objects. To be
    /// called once, before objects come.
    pub(crate) fn resume_commands(&self, shared: &Shared) {
        for journal in shared.pool.all_journals() {
            let adopted = adopt(journal.directory());
            if adopted.is_empty() {
                continue;
            }
            let mut resumption = Resumption {
                generation: self,
                shared,
                journal: &journal,
                receptions: Vec::new(),
                studies: Vec::new(),
                next_number: FIRST_NUMBER,
                open: 0,
                kept: 0,
            };
            resumption.take(adopted);
            resumption.run();
        }
    }

    fn receptions_of(&self, is_one: &dyn Fn(&Commands) -> bool) -> Option<Arc<Commands>> {
        let senders = self.treatments().filter_map(|treatment| Sender::of(treatment));
        senders.map(|sender| &sender.commands).find(|commands| is_one(commands)).cloned()
    }
}

impl Resumption<'_> {
    /// Records it as owed by this process; only then nobody else is to find it.
    fn take(&mut self, mut adopted: Adopted) {
        let recorded = self.record(&mut adopted);
        match recorded {
            Ok(()) => adopted.forget(),
            Err(error) => tracing::error!(
                "cannot write the journal of commands: {}: those of an earlier run are run now, and once more at the \
                 next start",
                platform::reason(&error)
            ),
        }
    }

    fn record(&mut self, adopted: &mut Adopted) -> io::Result<()> {
        for (whose, mut reception) in std::mem::take(&mut adopted.receptions) {
            let directory = self.journal.directory();
            let known = |same: bool| {
                let whose = same.then_some(whose);
                let is_one = |it: &Commands| is_in(it, directory) && it.does_receptions(whose);
                self.generation.receptions_of(&is_one)
            };
            let commands = known(true).or_else(|| known(false));
            let journal = commands.as_ref().and_then(|it| it.journal().map(Arc::as_ref));
            reception.entry = journal.unwrap_or(self.journal).owes(whose, &reception)?;
            match commands {
                Some(commands) => self.receptions.push((commands, Box::new(reception))),
                None => self.kept += 1,
            }
        }
        for study in std::mem::take(&mut adopted.studies) {
            self.record_study(study)?;
        }
        self.kept += adopted.unknown.len();
        std::mem::take(&mut adopted.unknown).into_iter().try_for_each(|it| self.journal.keep(it))
    }

    fn record_study(&mut self, mut recovered: RecoveredStudy) -> io::Result<()> {
        let directory = self.journal.directory();
        let known = |same: bool| {
            let whose = same.then_some(recovered.whose);
            let is_one = |it: &Commands| is_in(it, directory) && it.does_studies(whose);
            self.shared.outputs.ending(&is_one)
        };
        let ending = known(true).or_else(|| known(false));
        let Some(Ending { studies, commands }) = ending else {
            self.kept += 1;
            let number = self.number();
            return self.journal.takes_study(number, &recovered);
        };
        let journal = commands.journal().map_or(self.journal, Arc::as_ref);
        if !recovered.has_ended {
            let quiet = SystemTime::now().duration_since(recovered.last).unwrap_or_default();
            if let Some(number) = studies.restore(recovered.study.clone(), quiet) {
                self.open += 1;
                return journal.takes_study(number, &recovered);
            }
        }
        recovered.study.number = self.next_number;
        self.next_number += 1;
        let recorded = journal.takes_study(recovered.study.number, &recovered);
        self.studies.push((Arc::clone(&commands), recovered.study));
        recorded
    }

    fn number(&mut self) -> u64 {
        self.next_number += 1;
        self.next_number - 1
    }

    fn run(self) {
        let (objects, ended, open) = (self.receptions.len(), self.studies.len(), self.open);
        if objects + ended + open > 0 {
            tracing::warn!(
                "an earlier run was ended before its commands: running those of {objects} objects and of {ended} studies; \
                 {open} studies go on"
            );
        }
        if self.kept > 0 {
            tracing::error!(
                "{} entries of the journal of commands are for none of these settings, or of another version of this \
                 program: they are kept",
                self.kept
            );
        }
        for (commands, reception) in self.receptions {
            commands.resume(reception);
        }
        for (commands, study) in self.studies {
            commands.after_studies(vec![study]);
        }
    }
}

/// Whether commands are recorded in the journal of this output directory.
fn is_in(commands: &Commands, directory: &Path) -> bool {
    commands.journal().is_some_and(|journal| journal.directory() == directory)
}
