//! Compares the output of our receiver with that of Debian's for the same output options, byte for byte.
//!
//! ```text
//!  real files ----+                          +--> ours, with these options -----+
//!                 +--> data set in each -----+                                  +--> rules --> report
//!  made up -------+    transfer syntax       +--> Debian's, with the same ------+
//!  from a seed                                                                    (shrunk first)
//! ```
//!
//! A difference is either explained by a rule, which states exactly what each receiver has to do, or is a
//! failure. A failure is reported with the smallest data set found that still causes it.

mod corpus;
mod generate;
mod mended;
mod model;
mod options;
mod padding;
mod pair;
mod private;
mod rules;
mod shrink;
mod values;
mod walk;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

pub use options::{DICTIONARIES, OptionSet};
pub use private::private_elements;

use crate::Program;
use crate::random::Random;
use model::Encoding;
use pair::{Outcome, Pair, StoreAnswer};
use rules::{Verdict, hex, judge};
use walk::walk;

/// A data set as it is sent.
#[derive(Clone, Debug)]
pub struct Case {
    /// Where it comes from, for reports.
    pub name: String,
    /// UID of its transfer syntax.
    pub transfer_syntax: String,
    /// SOP Class UID of the message.
    pub sop_class: String,
    /// SOP Instance UID of the message.
    pub sop_instance: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// Settings of a comparison.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Seed for the generated data sets and the choice of options.
    pub seed: u64,
    /// Number of generated data sets.
    pub made_up: u64,
    /// Maximum size of a real file, in bytes.
    pub real_bytes: u64,
    /// Number of option sets to choose; `None` for all.
    pub option_sets: Option<usize>,
    /// Number of pairs of receivers that run at a time.
    pub jobs: usize,
    /// The two programs to compare. With Debian's twice, the comparison must find nothing.
    pub programs: [Program; 2],
}

impl Plan {
    /// A sample for everyday use, which takes about a minute.
    #[must_use]
    pub fn sample(seed: u64) -> Self {
        Self {
            seed,
            made_up: 60,
            real_bytes: 16 * 1024,
            option_sets: Some(24),
            jobs: 2,
            programs: [Program::Ours, Program::Debian],
        }
    }

    /// All combinations of options.
    #[must_use]
    pub fn full(seed: u64) -> Self {
        Self { made_up: 100, real_bytes: 64 * 1024, option_sets: None, ..Self::sample(seed) }
    }

    /// Runs the comparison.
    ///
    /// # Panics
    /// If a receiver cannot be started or refuses an association.
    #[must_use]
    pub fn run(&self) -> Report {
        let mut cases = corpus::real_files(self.real_bytes);
        let data_sets = cases.iter().map(|case| &case.name).collect::<BTreeSet<_>>().len();
        cases.extend((0..self.made_up).flat_map(|number| generate::data_set(self.seed, number)));
        let option_sets = match self.option_sets {
            Some(count) => OptionSet::sample(&mut Random::new(self.seed, u64::MAX), count),
            None => OptionSet::all(),
        };
        let mut report = compare(&cases, &option_sets, self.programs, self.jobs);
        report.data_sets = data_sets as u64 + self.made_up;
        report
    }
}

/// Compares the output of both programs for each case under each set of options, with `jobs` pairs of receivers
/// at a time.
///
/// # Panics
/// If a receiver cannot be started or refuses an association.
#[must_use]
pub fn compare(
    cases: &[Case],
    option_sets: &[OptionSet],
    programs: [Program; 2],
    jobs: usize,
) -> Report {
    let syntaxes = corpus::transfer_syntaxes(cases);
    let report = Mutex::new(Report {
        data_sets: cases.len() as u64,
        option_sets: option_sets.len(),
        transfer_syntaxes: syntaxes.len(),
        ..Report::default()
    });
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                while let Some(options) = option_sets.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let syntaxes = &syntaxes;
                    Comparison { programs, options, syntaxes, report: &report }.run(cases);
                }
            });
        }
    });
    report.into_inner().expect("no thread panicked")
}

/// Sends one data set to both receivers, and describes what each did and the verdict of the rules.
#[must_use]
pub fn reproduce(case: &Case, options: &OptionSet, programs: [Program; 2]) -> String {
    let mut pair = Pair::start(programs, options, std::slice::from_ref(&case.transfer_syntax));
    let outcomes = pair.send(case);
    let logs = pair.logs();
    let verdict = judge_in_any_form(&mut pair, case, options, &outcomes);
    let mut text = format!("{verdict:?}\n");
    for ((name, outcome), log) in ["ours", "theirs"].iter().zip(&outcomes).zip(logs) {
        text += &format!("{name}: {:?}\n{log}\n", outcome.answer);
        for (file, bytes) in &outcome.files {
            text += &format!("{file}: {}\n", hex(bytes));
        }
    }
    text
}

/// Result of a comparison.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Number of data sets.
    pub data_sets: u64,
    /// Number of option sets.
    pub option_sets: usize,
    /// Number of transfer syntaxes among the data sets.
    pub transfer_syntaxes: usize,
    /// Number of compared results.
    pub compared: u64,
    /// Number of equal results.
    pub equal: u64,
    /// Number of results whose difference a rule explains, by rule.
    pub known: BTreeMap<&'static str, u64>,
    /// Number of results with an unexplained difference.
    pub differences: u64,
    /// The first of these, each with all that is needed to reproduce it.
    pub shown: Vec<String>,
    seen: BTreeSet<String>,
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for shown in &self.shown {
            writeln!(formatter, "{shown}\n")?;
        }
        writeln!(
            formatter,
            "{} data sets x {} option sets x {} transfer syntaxes: {} compared, {} equal",
            self.data_sets, self.option_sets, self.transfer_syntaxes, self.compared, self.equal
        )?;
        for (rule, count) in &self.known {
            writeln!(formatter, "{count:>9} known: {rule}")?;
        }
        write!(formatter, "{:>9} differences", self.differences)
    }
}

/// The work of one pair of receivers.
struct Comparison<'a> {
    programs: [Program; 2],
    options: &'a OptionSet,
    syntaxes: &'a [String],
    report: &'a Mutex<Report>,
}

impl Comparison<'_> {
    fn run(&self, cases: &[Case]) {
        let encapsulated = self.options.accepts_encapsulated();
        let syntaxes: Vec<String> = self
            .syntaxes
            .iter()
            .filter(|syntax| {
                encapsulated || generate::TRANSFER_SYNTAXES[..4].contains(&syntax.as_str())
            })
            .cloned()
            .collect();
        let mut pair = Pair::start(self.programs, self.options, &syntaxes);
        for case in cases.iter().filter(|case| syntaxes.contains(&case.transfer_syntax)) {
            let outcomes = pair.send(case);
            let verdict = judge_in_any_form(&mut pair, case, self.options, &outcomes);
            let first = {
                let mut report = self.report.lock().expect("no thread panicked");
                report.compared += 1;
                match verdict {
                    Verdict::Equal => report.equal += 1,
                    Verdict::Known(rule) => *report.known.entry(rule).or_default() += 1,
                    Verdict::Different(_) => report.differences += 1,
                }
                matches!(verdict, Verdict::Different(_))
                    && report.shown.len() < SHOWN
                    && report.seen.insert(format!("{} {}", case.name, case.transfer_syntax))
            };
            if first {
                self.show(&mut pair, case, &outcomes);
            }
        }
    }

    fn show(&self, pair: &mut Pair, case: &Case, outcomes: &[Outcome; 2]) {
        let answers = |outcomes: &[Outcome; 2]| outcomes.each_ref().map(Outcome::status);
        let mut what = String::new();
        if outcomes.iter().any(|outcome| matches!(outcome.answer, StoreAnswer::Other(_))) {
            // Each step of shrinking would wait as long again.
            let mut report = self.report.lock().expect("no thread panicked");
            report.shown.push(described(
                case,
                self.options,
                &format!("{:?}", outcomes.each_ref().map(|outcome| &outcome.answer)),
            ));
            return;
        }
        let smallest = shrink::shrink(case, |candidate| {
            let found = pair.send(candidate);
            match judge_in_any_form(pair, candidate, self.options, &found) {
                Verdict::Different(difference) if answers(&found) == answers(outcomes) => {
                    what = difference;
                    true
                }
                _ => false,
            }
        });
        pair.send(&smallest);
        let [our_log, their_log] = pair.logs();
        let mut report = self.report.lock().expect("no thread panicked");
        // Many data sets shrink to the same few, so report each form once.
        let form = walk(&smallest.bytes, Encoding::of(&smallest.transfer_syntax));
        let tags: Vec<_> = form.iter().map(|found| found.tag).collect();
        if report.seen.insert(format!("{tags:04X?} {:?}", answers(outcomes))) {
            let what = format!("{what}\nours logs:\n{our_log}\nDebian's logs:\n{their_log}");
            report.shown.push(described(&smallest, self.options, &what));
        }
    }
}

/// Applies the rules; if one of them calls for a rewritten data set, compares with Debian's output for that
/// one.
fn judge_in_any_form(
    pair: &mut Pair,
    case: &Case,
    options: &OptionSet,
    outcomes: &[Outcome; 2],
) -> Verdict {
    let verdict = judge(case, options, outcomes);
    if !matches!(verdict, Verdict::Different(_)) || !outcomes.iter().all(rules::stored_by) {
        return verdict;
    }
    for (rule, form) in mended::mended(case, options) {
        let [_, debians] = pair.send(&form);
        if !rules::stored_by(&debians) {
            continue;
        }
        match judge(case, options, &[outcomes[0].clone(), debians]) {
            Verdict::Equal => return Verdict::Known(rule),
            Verdict::Known(other) => return Verdict::Known(other),
            Verdict::Different(_) => {}
        }
    }
    if let Some((rule, form)) = mended::without_white_space(case) {
        let outcomes = pair.send(&form);
        let verdict = judge_in_any_form(pair, &form, options, &outcomes);
        if !matches!(verdict, Verdict::Different(_)) {
            return Verdict::Known(rule);
        }
    }
    verdict
}

/// Describes a difference with all that is needed to reproduce it.
fn described(case: &Case, options: &OptionSet, what: &str) -> String {
    let Case { name, transfer_syntax, bytes, .. } = case;
    let digits = if bytes.len() <= 2000 {
        hex(bytes)
    } else {
        let file = corpus::cache().join(format!("different-{}.bin", name.replace([' ', '/'], "-")));
        std::fs::write(&file, bytes).expect("a file for a data set");
        format!("@{}", file.display())
    };
    format!(
        "--- {name}\noptions: {options}\ntransfer syntax: {transfer_syntax}\n\
         data set, {} bytes: {digits}\n{what}",
        bytes.len()
    )
}

const SHOWN: usize = 25;
