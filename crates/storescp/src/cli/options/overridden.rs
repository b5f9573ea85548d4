//! Options that another one overrides, or that mean nothing beside another: each is warned of.

use super::spec::{Choice, Opt, OptionSpec};
use super::typed::Typed;

/// Adds a warning for each option that was typed and has no effect.
pub(super) fn warn(typed: &Typed, warnings: &mut Vec<String>) {
    let mut told = Vec::new();
    for (option, is_last) in typed.options() {
        if told.contains(&option.id) {
            continue;
        }
        let why = if is_last {
            replaced(typed, option).or_else(|| pointless(typed, option))
        } else {
            repeated(option)
        };
        if let Some(why) = why {
            warnings.push(why);
            told.push(option.id);
        }
    }
}

/// It is typed again further right, which replaces its value.
fn repeated(option: &OptionSpec) -> Option<String> {
    (!option.values.is_empty() && !option.adds_up)
        .then(|| format!("{} is given more than once: the last one counts", option.long))
}

/// Another option of the same choice stands further right.
fn replaced(typed: &Typed, option: &OptionSpec) -> Option<String> {
    let choice = option.choice?;
    // Of these it is seen at once which one counts, or none has an effect.
    if matches!(choice, Choice::Verbosity | Choice::Processes) || typed.won(option.id) {
        return None;
    }
    let winner = typed.name_of(typed.chosen(choice)?);
    Some(format!(
        "{} has no effect: {winner}, which stands further right, replaces it",
        option.long
    ))
}

/// Something else that was typed, or was not, makes it pointless.
fn pointless(typed: &Typed, option: &OptionSpec) -> Option<String> {
    const COMMANDS: [Opt; 2] = [Opt::ExecOnReception, Opt::ExecOnEostudy];

    let option_with = |other: &str| Some(format!("{} has no effect with {other}", option.long));
    match option.id {
        Opt::ExecSync | Opt::ExecMax | Opt::ExecJournal
            if !COMMANDS.iter().any(|&it| typed.has(it)) =>
        {
            let needed = "--exec-on-reception or --exec-on-eostudy";
            Some(format!("{} has no effect without {needed}", option.long))
        }
        Opt::ExecOnEostudy
        | Opt::RenameOnEostudy
        | Opt::SortConcStudies
        | Opt::SortOnStudyUid
        | Opt::SortOnPatientname
        | Opt::Durability
        | Opt::MinFree
        | Opt::Catalog
            if typed.has(Opt::Ignore) =>
        {
            option_with("--ignore")
        }
        Opt::MaxAssociations
        | Opt::MaxAssociationsPerHost
        | Opt::Ipv4
        | Opt::Ipv6
        | Opt::IpAuto
            if typed.has(Opt::Inetd) =>
        {
            option_with("--inetd")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::cli::tests::config;

    #[test]
    fn options_without_effect_are_warned_of() {
        for (line, warnings) in [
            (
                "1 +xs +xa",
                &[
                    "--prefer-lossless has no effect: --accept-all, which stands further right, replaces it",
                ][..],
            ),
            (
                "1 -sp -su x",
                &[
                    "--sort-on-patientname has no effect: --sort-on-study-uid, which stands further right, replaces it",
                ],
            ),
            ("1 -aet A -aet B -aet C", &["--aetitle is given more than once: the last one counts"]),
            (
                "1 -xs",
                &["--exec-sync has no effect without --exec-on-reception or --exec-on-eostudy"],
            ),
            (
                "1 --ignore -su x -xcs y --min-free 1%",
                &[
                    "--sort-on-study-uid has no effect with --ignore",
                    "--exec-on-eostudy has no effect with --ignore",
                    "--min-free has no effect with --ignore",
                ],
            ),
            ("-id --max-associations 3", &["--max-associations has no effect with --inetd"]),
        ] {
            assert_eq!(config(line).warnings, warnings, "{line}");
        }
        for harmless in [
            "1 -v -d",
            "1 -v -v",
            "1 --fork",
            "1 +xa +xa",
            "1 +tls k c +cf a +cf b +cs X +cs Y",
            "1 -xcr x -xs",
            "1 -xcr x --ignore",
            "1 +tls k c +cd a +cd b +crl X +crl Y",
        ] {
            assert!(config(harmless).warnings.is_empty(), "{harmless}");
        }
    }
}
