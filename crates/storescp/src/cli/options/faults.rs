//! Options that provoke faults, to test senders. Those that DCMTK has are among the network options.

use super::spec::{Opt, OptionSpec, Part, Section, Value};
use super::typed::Typed;
use crate::cli::fault::{Fault, Misfit};
use crate::cli::fault_rules::{self, FaultFile};
use crate::cli::files::Files;
use receiver::faults::{Action, DelayRange, End, Moment, Rule, Selection, Subject, When};
use receiver::limits::FAULT_RULES;

pub(super) const FAULTS: Section = Section {
    title: "fault injection options, to test senders",
    parts: &[Part { heading: None, options: OPTIONS }],
};

const OPTIONS: &[OptionSpec] = &[
    OptionSpec::new(
        Opt::Fault,
        "",
        "--fault",
        &[
            "provoke fault f; may be given several times,",
            "such as \"object every 10th: status A700\" or",
            "\"association from CT*: delay answer 2s..5s\"",
            "(all of them: docs/faults.md)",
        ],
    )
    .takes("[f]ault: string", &[Value::Text])
    .adds_up(),
    OptionSpec::new(
        Opt::FaultFile,
        "",
        "--fault-file",
        &["provoke the faults in file f, one on each line"],
    )
    .takes("[f]ilename: string", &[Value::File])
    .adds_up(),
    OptionSpec::new(
        Opt::FaultSeed,
        "",
        "--fault-seed",
        &["repeat the draws of faults such as", "\"object 10%: reset\" that began with seed n"],
    )
    .takes("[n]umber: integer (default: drawn and logged)", &[Value::Text]),
];

/// The faults to provoke, and the seed of their draws.
pub(super) fn faults(typed: &Typed, files: &impl Files) -> Result<(Vec<Rule>, Option<u64>), Fault> {
    // The order in which DCMTK looks at them.
    let switches = switches(typed)?;
    let rules = typed.values(Opt::Fault).map(fault_rules::rule);
    let mut rules = rules.collect::<Result<Vec<_>, _>>().map_err(Fault::OnPurpose)?;
    let mut seed = None;
    for name in typed.values(Opt::FaultFile) {
        let content = files
            .command_file(name)
            .map_err(|error| Fault::UnreadableFaults(name.to_owned(), platform::reason(&error)))?;
        let FaultFile { rules: of_file, seed: seed_of_file } =
            fault_rules::file(name, &content).map_err(Fault::OnPurpose)?;
        rules.extend(of_file);
        seed = seed_of_file.or(seed);
    }
    if let Some(text) = typed.text(Opt::FaultSeed) {
        let misfit = || Fault::Value("--fault-seed", text.to_owned(), Misfit::Malformed);
        seed = Some(fault_rules::seed(text).ok_or_else(misfit)?);
    }
    rules.extend(switches);
    if rules.len() > FAULT_RULES {
        return Err(Fault::TooManyFaults(FAULT_RULES));
    }
    Ok((rules, seed))
}

/// What DCMTK's options about faults do.
fn switches(typed: &Typed) -> Result<Vec<Rule>, Fault> {
    let delay = |moment, duration| Action::Delay(moment, DelayRange::of(duration));
    let abort = |when| Action::End(End::Abort { source: 0, reason: 0 }, when);
    let mut actions = Vec::new();
    if let Some(pause) = typed.seconds(Opt::SleepAfter)?.filter(|pause| !pause.is_zero()) {
        actions.push(delay(Moment::Next, pause));
    }
    if let Some(pause) = typed.seconds(Opt::SleepDuring)?.filter(|pause| !pause.is_zero()) {
        let moments = [Moment::Reading, Moment::Pdvs, Moment::Storing];
        actions.extend(moments.map(|moment| delay(moment, pause)));
    }
    actions.extend(typed.has(Opt::AbortDuring).then(|| abort(When::During)));
    actions.extend(typed.has(Opt::AbortAfter).then(|| abort(When::Answer)));
    let rule = |action| Rule { selection: Selection::each(Subject::Object), action };
    Ok(actions.into_iter().map(rule).collect())
}

/// Without TLS there is no handshake to answer with an alert.
pub(super) fn check_tls(rules: &[Rule], is_enabled: bool) -> Result<(), Fault> {
    let is_alert = |rule: &Rule| matches!(rule.action, Action::TlsAlert(_));
    if !is_enabled && rules.iter().any(is_alert) {
        return Err(Fault::OnlyAllowedWith("fault 'tls alert'", "--enable-tls"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::cli::tests::{config, fault};
    use crate::cli::{Action, Config, Files, parse_with};
    use crate::logging::{LogConfig, LogConfigFault};
    use std::ffi::{OsStr, OsString};
    use std::io;
    use std::path::Path;

    /// Has one file of faults.
    struct OneFile;

    impl Files for OneFile {
        fn command_file(&self, name: &OsStr) -> io::Result<Vec<u8>> {
            match name.to_str() {
                Some("good") => Ok(b"seed 7\nobject: close\n".to_vec()),
                Some("bad") => Ok(b"object: close\nobject: clos\n".to_vec()),
                _ => Err(io::ErrorKind::NotFound.into()),
            }
        }

        fn log_config(&self, _: &Path) -> Result<LogConfig, LogConfigFault> {
            Err(LogConfigFault::Missing)
        }
    }

    fn parse(words: &[&str]) -> Result<Config, String> {
        match parse_with(words.iter().map(OsString::from), &OneFile) {
            Action::Run(config) => Ok(*config),
            Action::UsageError(text) => {
                let error = text.lines().find(|line| line.starts_with("error: "));
                Err(error.unwrap_or(&text).to_owned())
            }
            other => panic!("{other:?}"),
        }
    }

    fn texts(config: &Config) -> Vec<String> {
        config.faults.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn dcmtks_options_are_faults_of_all_objects() {
        let config = config(
            "1 --refuse --reject --ignore --sleep-after 2 --sleep-during 3 --abort-after \
             --abort-during",
        );
        let expected = [
            "object: delay next 2s",
            "object: delay reading 3s",
            "object: delay pdvs 3s",
            "object: delay storing 3s",
            "object: abort user during",
            "object: abort user",
        ];
        assert_eq!(texts(&config), expected);
        let negotiation = &config.negotiation;
        assert!(
            negotiation.refuse && negotiation.require_implementation_class_uid && config.ignore
        );
        let longest = self::config("1 --sleep-after 4294967296");
        assert_eq!(texts(&longest), ["object: delay next 4294967295s"]);
        assert!(self::config("1 --sleep-after 0 --sleep-during 0").faults.is_empty());
    }

    #[test]
    fn faults_come_from_options_and_files_in_this_order() {
        let line = ["1", "--abort-after", "--fault-file", "good", "--fault", "object 7: reset"];
        let config = parse(&line).unwrap();
        let expected = ["object 7: reset", "object: close", "object: abort user"];
        assert_eq!(
            (&texts(&config)[..], config.fault_seed),
            (&expected.map(Into::into)[..], Some(7))
        );
        let more = ["--fault-file", "good", "--fault", "object 8: reset"];
        let twice = parse(&[&line[..], &more].concat()).unwrap();
        assert_eq!((twice.faults.len(), twice.warnings.len()), (5, 0), "{:?}", twice.warnings);
        let seeded = parse(&[&line[..], &["--fault-seed", "8"]].concat()).unwrap();
        assert_eq!(seeded.fault_seed, Some(8));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        for (line, error) in [
            (
                &["--fault", "objct: reset"][..],
                "error: Invalid value for option --fault: column 1: expected connection, association or object, not 'objct'; did you mean 'object'?",
            ),
            (
                &["--fault-file", "bad"],
                "error: bad:2:9: expected status, no, wrong, oversized, cut, unknown, delay, reject, refuse, accept, abort, reset, close, silence or tls, not 'clos'; did you mean 'close'?",
            ),
            (&["--fault-file", "none"], "error: Cannot read fault file 'none': entity not found"),
            (
                &["--fault", "connection: tls alert unknown-ca"],
                "error: fault 'tls alert' only allowed with --enable-tls",
            ),
        ] {
            assert_eq!(parse(&[&["1"], line].concat()).unwrap_err(), error);
        }
        for seed in ["-1", "7x", "18446744073709551616"] {
            let told = fault(&format!("1 --fault-seed {seed}"));
            assert_eq!(told, format!("Invalid value for option --fault-seed ({seed})"));
        }
        let most = config("1 --fault-seed 18446744073709551615");
        assert_eq!(most.fault_seed, Some(u64::MAX));
    }
}
