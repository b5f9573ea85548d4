//! Options about what happens after objects and studies.

use super::spec::{Choice, Opt, OptionSpec, Part, Section, Value, Words};
use super::typed::Typed;
use crate::cli::fault::{Fault, Misfit};
use crate::commands::CommandSettings;
use std::ffi::OsStr;

pub(super) const EVENTS: Section =
    Section { title: "event options", parts: &[Part { heading: None, options: EVENT_OPTIONS }] };

const EVENT_OPTIONS: &[OptionSpec] = &[
    OptionSpec::new(
        Opt::ExecOnReception,
        "-xcr",
        "--exec-on-reception",
        &["run command c after each C-STORE"],
    )
    .takes("[c]ommand: string", &[Value::Text]),
    OptionSpec::new(
        Opt::ExecOnEostudy,
        "-xcs",
        "--exec-on-eostudy",
        &["run command c after the last C-STORE of a study"],
    )
    .takes("[c]ommand: string", &[Value::Text]),
    OptionSpec::new(
        Opt::RenameOnEostudy,
        "-rns",
        "--rename-on-eostudy",
        &["number the files after the last C-STORE of a", "study"],
    ),
    OptionSpec::new(
        Opt::EostudyTimeout,
        "-tos",
        "--eostudy-timeout",
        &["end a study after t seconds without objects"],
    )
    .takes("[t]imeout: integer", &[Value::at_least(0)]),
    OptionSpec::new(Opt::ExecSync, "-xs", "--exec-sync", &["wait for each command to end"]),
    OptionSpec::new(Opt::ExecMax, "", "--exec-max", &["run at most n commands at a time"])
        .takes("[n]umber: integer (default: 8)", &[Value::Digits { min: 1, max: 1000 }]),
    OptionSpec::new(
        Opt::ExecJournal,
        "",
        "--exec-journal",
        &[
            "(on, off)",
            "on (default): note on disk which commands are",
            "to run, and run those that a kill or a power",
            "loss cut off at the next start",
        ],
    )
    .takes("[j]ournal: string constant", &[Value::OneOf(&ON_OR_OFF)]),
];

const ON_OR_OFF: Words = Words { kind: "journal", words: "on off" };

/// What happens after objects and studies.
pub(super) fn settings(typed: &Typed) -> Result<CommandSettings, Fault> {
    const SORTING: &str = "--sort-conc-studies, --sort-on-study-uid or --sort-on-patientname";
    const STUDIES: &str = "--sort-conc-studies, --sort-on-study-uid, --sort-on-patientname, \
        --exec-on-eostudy or --rename-on-eostudy";

    let end_of_study = [Opt::ExecOnEostudy, Opt::RenameOnEostudy];
    for option in end_of_study {
        typed.refuse_with(option, &[Opt::Inetd])?;
    }
    let sorting = typed.chosen(Choice::Sorting).is_some();
    for option in end_of_study {
        if typed.has(option) && !sorting {
            return Err(Fault::OnlyAllowedWith(typed.name_of(option), SORTING));
        }
    }
    if typed.has(Opt::EostudyTimeout) && !sorting {
        return Err(Fault::OnlyAllowedWith("--eostudy-timeout", STUDIES));
    }
    let max_commands = typed.number(Opt::ExecMax)?.unwrap_or(DEFAULT_MAX_COMMANDS);
    Ok(CommandSettings {
        on_reception: typed.text(Opt::ExecOnReception).map(OsStr::to_owned),
        on_end_of_study: typed.text(Opt::ExecOnEostudy).map(OsStr::to_owned),
        rename_on_end_of_study: typed.has(Opt::RenameOnEostudy),
        end_of_study_timeout: typed.seconds(Opt::EostudyTimeout)?,
        wait: typed.has(Opt::ExecSync),
        max_commands: usize::try_from(max_commands).unwrap_or(1),
        journal: journal(typed)?,
    })
}

/// `--exec-journal`: whether commands that wait survive the program.
fn journal(typed: &Typed) -> Result<bool, Fault> {
    let Some(word) = typed.text(Opt::ExecJournal) else { return Ok(true) };
    match word.to_str() {
        Some("on") => Ok(true),
        Some("off") => Ok(false),
        _ => Err(Fault::Value("--exec-journal", word.into(), Misfit::Malformed)),
    }
}

/// Enough that commands which wait for a network hold each other up little, and few enough to leave
/// the processor to receiving.
const DEFAULT_MAX_COMMANDS: i64 = 8;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::tests::{config, fault};
    use std::time::Duration;

    const fn seconds(number: u64) -> Duration {
        Duration::from_secs(number)
    }

    #[test]
    fn commands_and_when_they_run() {
        let events = config("1 -xcr x -sp -xcs y -rns -tos 7 -xs --exec-max 3 --fork").commands;
        let expected = CommandSettings {
            on_reception: Some("x".into()),
            on_end_of_study: Some("y".into()),
            rename_on_end_of_study: true,
            end_of_study_timeout: Some(seconds(7)),
            wait: true,
            max_commands: 3,
            journal: true,
        };
        assert_eq!(events, expected);
        let none = config("1").commands;
        assert_eq!((none.on_reception, none.wait, none.max_commands), (None, false, 8));
        assert!(none.journal && config("1 --exec-journal off --exec-journal on").commands.journal);
        assert!(!config("1 --exec-journal off").commands.journal);
        let told = "Invalid value for option --exec-journal (yes)";
        assert_eq!(fault("1 --exec-journal yes"), told);
        assert_eq!(fault("1 --exec-max 0"), "Invalid value for option --exec-max (underflow: 0)");
    }
}
