//! Completions of the command line for shells.
//!
//! An option takes as many words as it has values, whatever they look like: so each script counts
//! words from the start, and completes a value, or an option.

use super::layout::put;
use crate::cli::options::{self, OptionSpec, Value};

/// A shell that there are completions for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shell {
    /// Bash.
    Bash,
    /// Z shell.
    Zsh,
    /// Fish.
    Fish,
}

/// The script for a shell.
pub(in crate::cli) fn script(shell: Shell) -> String {
    match shell {
        Shell::Bash => bash(),
        Shell::Zsh => zsh(),
        Shell::Fish => fish(),
    }
}

const MADE: &str = "# Made from the option table in crates/storescp/src/cli; \
    `BLESS=1 cargo test -p storescp --test cli` writes it anew.\n";

/// What a value is, in one word.
fn word(value: Value) -> &'static str {
    match value {
        Value::File => "file",
        Value::Directory => "directory",
        Value::OneOf(words) => words.kind,
        Value::CipherSuite => "cipher",
        Value::Text | Value::Integer { .. } | Value::Unsigned { .. } | Value::Digits { .. } => {
            "anything"
        }
    }
}

/// Names of an option.
fn names(option: &OptionSpec) -> impl Iterator<Item = &'static str> {
    [option.short, option.long].into_iter().filter(|name| !name.is_empty())
}

/// Branches of a `case` that set `kinds` to what the option's values are.
fn cases(indent: &str) -> String {
    let mut cases = String::new();
    for option in options::all().filter(|option| !option.values.is_empty()) {
        let names: Vec<_> = names(option).collect();
        let kinds: Vec<_> = option.values.iter().copied().map(word).collect();
        put(
            &mut cases,
            format_args!("{indent}{}) kinds=({}) ;;\n", names.join("|"), kinds.join(" ")),
        );
    }
    cases
}

fn bash() -> String {
    let all: Vec<_> = options::all().flat_map(names).collect();
    let mut list = String::new();
    for line in all.chunks(6) {
        put(&mut list, format_args!("            {}\n", line.join(" ")));
    }
    include_str!("completions.bash")
        .replace("# MADE\n", MADE)
        .replace("            # CASES\n", &cases("            "))
        .replace("            # OPTIONS\n", &list)
}

fn zsh() -> String {
    let mut list = String::new();
    for option in options::all() {
        for name in names(option) {
            let help = option.help.join(" ").replace('\'', "'\\''");
            put(&mut list, format_args!("        '{name}:{help}'\n"));
        }
    }
    include_str!("completions.zsh")
        .replace("# MADE\n", MADE)
        .replace("            # CASES\n", &cases("            "))
        .replace("        # OPTIONS\n", &list)
}

fn fish() -> String {
    let mut text = MADE.to_owned();
    text.push_str("complete -c storescp -f\n");
    for option in options::all() {
        let quoted = |text: &str| format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"));
        let help = quoted(&option.help.join(" "));
        let value = match option.values.first() {
            None => String::new(),
            Some(Value::File) => " -r -F".to_owned(),
            Some(Value::Directory) => " -x -a '(__fish_complete_directories)'".to_owned(),
            Some(Value::OneOf(words)) => format!(" -x -a {}", quoted(words.words)),
            Some(Value::CipherSuite) => {
                " -x -a '(storescp --list-ciphers | string match -r \"^  .*\" | string trim)'"
                    .into()
            }
            Some(
                Value::Text | Value::Integer { .. } | Value::Unsigned { .. } | Value::Digits { .. },
            ) => " -x".to_owned(),
        };
        let long = option.long.trim_start_matches('-');
        match option.short.strip_prefix('-') {
            Some(short) => {
                put(
                    &mut text,
                    format_args!("complete -c storescp -o {short} -l {long}{value} -d {help}\n"),
                );
            }
            None => {
                put(&mut text, format_args!("complete -c storescp -l {long}{value} -d {help}\n"));
                // Names that begin with `+` are none to fish: they are words.
                if !option.short.is_empty() {
                    put(
                        &mut text,
                        format_args!(
                            "complete -c storescp -a {} -d {help}\n",
                            quoted(option.short)
                        ),
                    );
                }
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_completed_in_every_shell() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            let script = script(shell);
            for option in options::all() {
                for name in names(option) {
                    let name = match (shell, name.strip_prefix("--"), name.strip_prefix('-')) {
                        (Shell::Fish, Some(long), _) => format!(" -l {long} "),
                        (Shell::Fish, None, Some(short)) => format!(" -o {short} "),
                        (Shell::Zsh, ..) => format!("'{name}:"),
                        _ => name.to_owned(),
                    };
                    assert!(script.contains(&name), "{shell:?} {name}");
                }
            }
            assert!(!script.contains("# MADE") && !script.contains("# CASES"), "{shell:?}");
        }
    }

    #[test]
    fn values_that_are_files_or_words_are_known_as_such() {
        // What the help text calls a file or a directory is one.
        for option in options::all() {
            let kinds = option.values;
            let text = option.values_text;
            if text.contains("ilename") || text.contains(" file") {
                assert_eq!(kinds[0], Value::File, "{}", option.long);
            } else if text.contains("irectory") {
                assert_eq!(kinds[0], Value::Directory, "{}", option.long);
            }
        }
    }
}
