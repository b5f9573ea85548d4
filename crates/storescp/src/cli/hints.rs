//! What helps with a fault of the command line, said behind DCMTK's words for it.

use super::fault::{Fault, Taken};
use super::options::{self, LEVELS, OptionSpec, Value};
use super::similarity::{distance, nearest};
use crate::logging::LogConfigFault;
use archive::CatalogUrl;
use std::ffi::OsStr;
use std::path::Path;
use telemetry::{AuditDestination, TraceUrl};

/// What helps with this fault: a line for each thing, none if DCMTK's words say it all.
pub(super) fn of(fault: &Fault) -> Vec<String> {
    match fault {
        Fault::CommandFile(name) => vec![format!(
            "@{0} stands for the words of the file {0}, which is looked for from the current directory",
            name.display()
        )],
        Fault::UnknownOption(name) => vec![unknown_option(name)],
        Fault::MissingValue(option) => takes(option).into_iter().collect(),
        Fault::MissingPort(taken) => missing_port(taken.as_ref()),
        Fault::TooManyParameters(all) => {
            let first = all.first().and_then(|word| instead_of_a_port(word));
            let told = format!(
                "only the port stands without an option, but there are {}; a value with blanks needs quotes",
                all.iter()
                    .map(|word| format!("'{}'", word.display()))
                    .collect::<Vec<_>>()
                    .join(" ")
            );
            std::iter::once(told).chain(first).collect()
        }
        Fault::Port(word, _) => {
            let told = "a port is a number from 1 to 65535; senders mostly use 104 or 11112";
            std::iter::once(told.to_owned()).chain(instead_of_a_port(word)).collect()
        }
        Fault::Value(option, value, _) => value_hint(option, value),
        Fault::LogLevel(word) => vec![words_hint("--log-level", word, LEVELS.words)],
        Fault::LogConfig(file, fault) => log_config(file, *fault),
        Fault::UnreadableFaults(name, _) => {
            vec![format!(
                "the file is '{}', which is looked for from the current directory",
                name.display()
            )]
        }
        Fault::TooManyFaults(_) | Fault::OnPurpose(_) => {
            vec!["docs/faults.md describes faults on purpose, with examples".to_owned()]
        }
        Fault::OnlyAllowedWith(..) | Fault::NotAllowedWith(..) => Vec::new(),
    }
}

/// What a word that is no port may have been meant for: a settings file, or what else the program can do.
fn instead_of_a_port(word: &OsStr) -> Option<String> {
    const COMMANDS: [&str; 6] = ["test", "check", "schema", "hash-password", "outbox", "catalog"];

    if Path::new(word).extension().is_some_and(|extension| extension == "toml") {
        let file = word.display();
        return Some(format!("--settings reads a settings file: storescp --settings {file}"));
    }
    nearest(word.to_str()?, COMMANDS).map(|command| format!("did you mean 'storescp {command}'?"))
}

/// The names that may have been meant.
fn unknown_option(typed: &OsStr) -> String {
    const LIST: &str = "storescp --help lists all options";

    let text = typed.to_string_lossy();
    let (name, value) = match text.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (&*text, None),
    };
    if let (Some(option), Some(value)) = (options::find(name), value) {
        return match option.values {
            [] => format!("{name} takes no value"),
            _ => format!("only long names take a value behind =: {}={value}", option.long),
        };
    }
    let meant = meant(name);
    if meant.is_empty() {
        return LIST.to_owned();
    }
    let names: Vec<String> = meant.iter().map(|option| both_names(option)).collect();
    format!("did you mean {}?", names.join(" or "))
}

fn both_names(option: &OptionSpec) -> String {
    match option.short {
        "" => option.long.to_owned(),
        short => format!("{} ({short})", option.long),
    }
}

/// Options whose names are like `name`, at most three, the likeliest first.
fn meant(name: &str) -> Vec<&'static OptionSpec> {
    let is_long = name.len() > 4;
    if name.len() > LONGEST_NAME {
        return Vec::new();
    }
    let folded = name.to_ascii_lowercase();
    let mut found: Vec<(usize, &OptionSpec)> = options::all()
        .filter_map(|option| {
            if is_long {
                let whole = distance(&folded, option.long);
                let begins = option.long.starts_with(&folded) && folded.len() > 5;
                let most = option.long.len() / 4;
                return (begins || whole <= most)
                    .then_some((if begins { whole.min(1) } else { whole }, option));
            }
            // The other sign, or capital letters.
            let letters = |name: &str| name.trim_start_matches(['-', '+']).to_ascii_lowercase();
            let same = !option.short.is_empty() && letters(option.short) == letters(name);
            let long = option.long.trim_start_matches('-') == letters(name);
            (same || long).then_some((0, option))
        })
        .collect();
    found.sort_by_key(|&(distance, _)| distance);
    let best = found.first().map_or(0, |&(distance, _)| distance);
    found.into_iter().filter(|&(distance, _)| distance <= best).map(|it| it.1).take(3).collect()
}

/// Longer words are not compared with the names of options.
const LONGEST_NAME: usize = 64;

fn log_config(file: &OsStr, fault: LogConfigFault) -> Vec<String> {
    let file = file.display();
    match fault {
        LogConfigFault::Missing | LogConfigFault::Unreadable => {
            vec![format!("the file is '{file}', which is looked for from the current directory")]
        }
        _ => vec![format!(
            "'{file}' needs lines of log4cplus, at least 'log4cplus.rootLogger = INFO, console' and \
             'log4cplus.appender.console = log4cplus::ConsoleAppender'"
        )],
    }
}

fn missing_port(taken: Option<&Taken>) -> Vec<String> {
    let mut hints = Vec::new();
    if let Some(Taken { option, value }) = taken {
        let value = value.display();
        let values = options::find(option).map_or("", |option| option.values_text);
        hints.push(format!(
            "{option} took {value} for its value ({values}); if it is the port, the value is missing: \
             storescp {option} {} {value}",
            value_names(values)
        ));
    }
    hints.push("name the TCP port to listen on: storescp 11112".to_owned());
    hints
}

/// The names of values, one word each: `FILENAME PROFILE` of `[f]ilename, [p]rofile: string`.
fn value_names(values_text: &str) -> String {
    let names = values_text.split_once(':').map_or(values_text, |(names, _)| names);
    let word = |name: &str| name.replace(['[', ']'], "").replace(' ', "-").to_uppercase();
    names.split(", ").map(word).collect::<Vec<_>>().join(" ")
}

fn takes(option: &str) -> Option<String> {
    let option = options::find(option)?;
    Some(format!("{} takes {}: {}", option.long, option.values_text, option.help.join(" ")))
}

/// What an option's value may be.
fn value_hint(option: &str, value: &OsStr) -> Vec<String> {
    let Some(spec) = options::find(option) else { return Vec::new() };
    let bounds = spec.values.iter().find_map(|kind| match kind {
        Value::Integer { min, max } | Value::Unsigned { min, max } | Value::Digits { min, max } => {
            Some((*min, *max))
        }
        _ => None,
    });
    if let Some(Value::OneOf(words)) = spec.values.first() {
        return vec![words_hint(option, value, words.words)];
    }
    let Some((min, max)) = bounds else {
        let hint = match option {
            "--min-free" => "an amount such as 500M, 2G or 5%".to_owned(),
            "--audit" | "--traces" => return vec![url_hint(option, value)],
            "--catalog" => catalog_forms(value),
            "--http" => "a port (0..65535) or an address with a port, such as 8042, 127.0.0.1:8042, 0.0.0.0:8042 or \
                         [::1]:8042"
                .to_owned(),
            "--fault-seed" => format!("a number from 0 to {}", u64::MAX),
            _ => format!(
                "a part of a file name: no '/' in it, not '.' or '..', no control characters; {}",
                spec.help.join(" ")
            ),
        };
        return vec![format!("{option} takes {hint}")];
    };
    let range =
        if max == i64::MAX { format!("of at least {min}") } else { format!("from {min} to {max}") };
    vec![format!("{option} takes a number {range}")]
}

/// What a catalogue's URL may be. One with a user is not shown, since there may be a password in it.
fn catalog_forms(value: &OsStr) -> String {
    const FORMS: &str = "sqlite, sqlite:PATH or postgres://USER@HOST/DATABASE";
    let text = value.to_string_lossy();
    if text.parse::<CatalogUrl>().is_err_and(|why| why.contains("password")) {
        return format!("{FORMS}; a password stands elsewhere: see [catalog] in docs/settings.md");
    }
    FORMS.to_owned()
}

/// What is wrong with a URL.
fn url_hint(option: &str, value: &OsStr) -> String {
    let url = value.to_string_lossy();
    let error = match option {
        "--audit" => url.parse::<AuditDestination>().err(),
        _ => url.parse::<TraceUrl>().err(),
    };
    error.map_or_else(|| format!("{option} takes a URL"), |error| error.to_string())
}

/// The words that a value may be, and the one that may have been meant.
fn words_hint(option: &str, value: &OsStr, words: &str) -> String {
    let typed = value.to_string_lossy().to_ascii_lowercase();
    let near = words.split(' ').filter(|word| {
        typed.len() <= LONGEST_NAME
            && !typed.is_empty()
            && (distance(&typed, word) <= 1 || word.starts_with(&typed) || typed.starts_with(word))
    });
    let meant = near.take(1).map(|word| format!("; did you mean {word}?")).collect::<String>();
    format!("{option} takes one of: {}{meant}", words.replace(' ', ", "))
}

#[cfg(test)]
mod tests {
    use crate::cli::tests::hints;

    #[test]
    fn names_that_were_meant() {
        for (typed, hint) in [
            ("--promiscous", "did you mean --promiscuous (-pm)?"),
            ("-promiscuous", "did you mean --promiscuous (-pm)?"),
            ("--Verbose", "did you mean --verbose (-v)?"),
            ("--output-dir x", "did you mean --output-directory (-od)?"),
            ("-xa", "did you mean --accept-all (+xa)?"),
            ("-V", "did you mean --verbose (-v) or --verbose-pc (+v)?"),
            ("--help=1", "--help takes no value"),
            ("-aet=X", "only long names take a value behind =: --aetitle=X"),
            ("--frobnicate-it", "storescp --help lists all options"),
            ("--", "storescp --help lists all options"),
        ] {
            assert_eq!(hints(&format!("{typed} 104")), hint, "{typed}");
        }
        assert_eq!(hints(&format!("--{}", "x".repeat(1000))), "storescp --help lists all options");
    }

    #[test]
    fn values_that_are_possible() {
        for (line, hint) in [
            ("1 -pdu 1", "--max-pdu takes a number from 4096 to 131072"),
            ("1 -pdu x", "--max-pdu takes a number from 4096 to 131072"),
            ("1 -ta 0", "--acse-timeout takes a number of at least 1"),
            (
                "1 --durability ful",
                "--durability takes one of: full, ordered, none; did you mean full?",
            ),
            ("1 -ll verbose", "--log-level takes one of: fatal, error, warn, info, debug, trace"),
            (
                "1 -ll information",
                "--log-level takes one of: fatal, error, warn, info, debug, trace; did you mean info?",
            ),
            ("1 --fault-seed x", "--fault-seed takes a number from 0 to 18446744073709551615"),
            ("1 --grace-period 1m", "--grace-period takes a number of at least 0"),
            (
                "1 --fault-file /no/such",
                "the file is '/no/such', which is looked for from the current directory",
            ),
            ("1 --min-free much", "--min-free takes an amount such as 500M, 2G or 5%"),
            (
                "1 --audit syslog://host",
                "'syslog://host' is no destination for audit messages: expected a scheme \
                 (syslog+tls://HOST:PORT, syslog+udp://HOST:PORT, file:/PATH)",
            ),
            (
                "1 --traces http://host:0",
                "'http://host:0' is no receiver of traces: expected a port from 1 to 65535 \
                 (http://HOST:PORT/PATH, https://HOST:PORT/PATH)",
            ),
            ("70000", "a port is a number from 1 to 65535; senders mostly use 104 or 11112"),
            (
                "1 2",
                "only the port stands without an option, but there are '1' '2'; a value with blanks needs quotes",
            ),
            (
                "s.toml",
                "a port is a number from 1 to 65535; senders mostly use 104 or 11112\n\
                 --settings reads a settings file: storescp --settings s.toml",
            ),
            (
                "chek s.toml",
                "only the port stands without an option, but there are 'chek' 's.toml'; a value with blanks needs \
                 quotes\ndid you mean 'storescp check'?",
            ),
            (
                "@missing",
                "@missing stands for the words of the file missing, which is looked for from the current directory",
            ),
            ("1 -aet", "--aetitle takes [a]etitle: string: my AE title (default: STORESCP)"),
        ] {
            assert_eq!(hints(line), hint, "{line}");
        }
        let missing = "the file is '/no/such', which is looked for from the current directory";
        assert_eq!(hints("1 -lc /no/such"), missing);
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/src/lib.rs");
        let told = hints(&format!("1 -lc {source}"));
        assert!(told.starts_with(&format!("'{source}' needs lines of log4cplus")), "{told}");
        assert!(hints("1 -fe a/b").starts_with("--filename-extension takes a part of a file name"));
    }

    #[test]
    fn an_option_that_took_the_port() {
        assert_eq!(
            hints("-su 13710"),
            "--sort-on-study-uid took 13710 for its value ([p]refix: string); if it is the port, the value is \
             missing: storescp --sort-on-study-uid PREFIX 13710\n\
             name the TCP port to listen on: storescp 11112"
        );
        for (line, example) in [
            ("+tls k.pem 21120", "--enable-tls PRIVATE-KEY-FILE CERTIFICATE-FILE 21120"),
            ("-xf p.cfg 104", "--config-file FILENAME PROFILE 104"),
        ] {
            let told = hints(line);
            assert!(told.contains(&format!(": storescp {example}\n")), "{line}: {told}");
        }
        assert_eq!(hints("-v"), "name the TCP port to listen on: storescp 11112");
    }
}
