//! The texts printed by `--help` and `--version`, and the reference in `docs/cli.md`.

use super::layout::{TEXT_COLUMN, put};
use super::topics::{self, EXAMPLES, Entry, Example, TOPICS};
use crate::cli::options::{OptionSpec, SECTIONS};
use receiver::net::tls::{SecurityProfile, suites};

const NAME: &str = "storescp: DICOM storage (C-STORE) SCP";
pub(super) const RELEASE_DATE: &str = "2026-11-22";

/// The line that opens everything printed, in the form of DCMTK's tools.
pub(in crate::cli) fn identification() -> String {
    format!("$storescp: storescp v{} {RELEASE_DATE} $", env!("CARGO_PKG_VERSION"))
}

/// Identification and name.
pub(in crate::cli) fn header() -> String {
    format!("{}\n\n{NAME}\n", identification())
}

/// The text of `--help`.
pub(in crate::cli) fn help() -> String {
    let mut text = header();
    text.push_str("usage: storescp [options] [port]\n\nparameters:\n");
    entry(&mut text, "  port", ["TCP port to listen on"].into_iter());
    text.push('\n');
    topics::put_examples(&mut text);
    for section in &SECTIONS {
        put(&mut text, format_args!("{}:\n", section.title));
        for part in section.parts {
            if let Some(heading) = part.heading {
                put(&mut text, format_args!("  {heading}:\n"));
            }
            for option in part.options {
                // Names always stand in the same column.
                let (indent, width) = if part.heading.is_some() { (4, 6) } else { (2, 8) };
                let names = format!("{:indent$}{:width$}{}", "", option.short, option.long);
                entry(&mut text, &names, lines(option));
            }
        }
    }
    topics::put_topics(&mut text);
    text.push('\n');
    text
}

/// What stands beside an option's names.
fn lines(option: &OptionSpec) -> impl Iterator<Item = &'static str> {
    let values = Some(option.values_text).filter(|text| !text.is_empty());
    values.into_iter().chain(option.help.iter().copied())
}

fn entry<'a>(text: &mut String, names: &str, lines: impl Iterator<Item = &'a str>) {
    let mut left = names;
    if names.len() >= TEXT_COLUMN {
        put(text, format_args!("{names}\n"));
        left = "";
    }
    for line in lines {
        put(text, format_args!("{left:TEXT_COLUMN$}{line}\n"));
        left = "";
    }
}

/// The text of `--version`.
pub(in crate::cli) fn version() -> String {
    use std::env::consts::{ARCH, OS};

    let mut text = header();
    let checks = if cfg!(debug_assertions) { " debug-assertions" } else { "" };
    put(&mut text, format_args!("\nHost type: {ARCH}-{OS}\nCharacter encoding: UTF-8\n"));
    put(&mut text, format_args!("Build options: threads lfs{checks}\n\n"));
    text.push_str("External libraries used:\n");
    for library in LIBRARIES {
        if let Some(version) = locked_version(library) {
            put(&mut text, format_args!("- {library}, Version {version}\n"));
        }
    }
    put(&mut text, format_args!("- {}\n", receiver::net::tls::library_version()));
    text
}

/// The text of `--list-profiles`.
pub(in crate::cli) fn profiles() -> String {
    let mut text = header() + "\nSupported TLS security profiles are:\n";
    for profile in SecurityProfile::ALL {
        let default = if profile == SecurityProfile::Bcp195Rfc8996 { " (default)" } else { "" };
        let status = if profile.is_current() { default } else { " (retired)" };
        put(&mut text, format_args!("  {:TEXT_COLUMN$}{profile}{status}\n", profile.option()));
    }
    text
}

/// The text of `--list-ciphers`.
pub(in crate::cli) fn cipher_suites() -> String {
    let mut text = header() + "\nSupported TLS ciphersuites are:\n";
    for name in suites::available() {
        put(&mut text, format_args!("  {name}\n"));
    }
    text
}

/// Libraries that the program may be built of.
const LIBRARIES: [&str; 10] = [
    "dicom-dictionary-std",
    "dns-lookup",
    "listenfd",
    "flate2",
    "libz-sys",
    "zlib-rs",
    "rustix",
    "signal-hook",
    "tracing",
    "openssl",
];

/// The version of a library that this build was made with.
fn locked_version(library: &str) -> Option<&'static str> {
    let lock = include_str!("../../../../../Cargo.lock");
    let package = lock.split("[[package]]").find(|package| {
        package.lines().any(|line| line.strip_prefix("name = ") == Some(&format!("\"{library}\"")))
    })?;
    let line = package.lines().find_map(|line| line.strip_prefix("version = "))?;
    Some(line.trim_matches('"'))
}

/// The reference of all options, as kept in `docs/cli.md`.
pub(in crate::cli) fn reference() -> String {
    let mut examples = String::new();
    for Example { what, line } in EXAMPLES {
        put(&mut examples, format_args!("| {what} | `storescp {line}` |\n"));
    }
    let mut text = include_str!("reference.md").replace("@EXAMPLES@\n", &examples);
    for section in &SECTIONS {
        put(&mut text, format_args!("\n## {}\n", capitalized(section.title)));
        for part in section.parts {
            if let Some(heading) = part.heading {
                put(&mut text, format_args!("\n### {}\n", capitalized(heading)));
            }
            text.push_str("\n| option | values | effect |\n|---|---|---|\n");
            for option in part.options {
                put(&mut text, format_args!("{}", row(option)));
            }
        }
    }
    for topic in &TOPICS {
        put(&mut text, format_args!("\n## {}\n", capitalized(topic.title)));
        if !topic.intro.is_empty() {
            put(&mut text, format_args!("\n{}\n", topic.intro));
        }
        text.push_str("\n| name | meaning |\n|---|---|\n");
        for Entry { name, text: what } in topic.entries {
            let names: Vec<String> = name.split(", ").map(|name| format!("`{name}`")).collect();
            put(&mut text, format_args!("| {} | {what} |\n", names.join(", ")));
        }
    }
    text
}

fn row(option: &OptionSpec) -> String {
    let short = match option.short {
        "" => String::new(),
        short => format!("`{short}` "),
    };
    let effect = option.help.join(" ");
    format!("| {short}`{}` | {} | {effect} |\n", option.long, option.values_text)
}

fn capitalized(title: &str) -> String {
    let mut letters = title.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
