//! The help text has the layout of DCMTK's.

use std::ffi::OsString;

use storescp::cli::{self, Action};

use crate::debian;

fn ours(argument: &str) -> String {
    match cli::parse([OsString::from(argument)].into_iter()) {
        Action::PrintAndExit(text) => text,
        other => panic!("{other:?}"),
    }
}

/// Headings and option names of a help text, each with the columns it stands in.
fn structure(help: &str) -> Vec<String> {
    let head = help.lines().skip(1).map(|line| match line.split_at_checked(33) {
        // Beside the names there is text, whose wording is free.
        Some((names, _)) if !names.trim_end().ends_with(':') && !line.ends_with(':') => names,
        _ => line,
    });
    head.map(|line| line.trim_end().to_owned()).collect()
}

#[test]
fn every_line_of_theirs_is_in_ours_in_the_same_order() {
    let theirs = debian::storescp(&["--help".into()]).stdout;
    // Names are read in passing.
    let theirs = theirs.replace("subdirectories (not with --bit-preserving)", "subdirectories");
    let theirs = structure(&theirs);
    let ours = structure(&ours("--help"));
    // Text lines beside no name are all alike, and ours has fewer or more of them.
    let mut rest = ours.iter().filter(|line| !line.is_empty());
    for line in theirs.iter().filter(|line| !line.is_empty()) {
        assert!(rest.any(|other| other == line), "{line}");
    }
    assert_eq!(ours[..7], theirs[..7]);
    assert_eq!(ours.last(), theirs.last());
}

#[test]
fn the_version_text_has_their_form() {
    // What stands before the colon, or before the name of a library.
    let form = |text: &str| -> Vec<String> {
        let keys = text.lines().skip(1).filter(|line| !line.starts_with("- "));
        keys.map(|line| line.split_inclusive(": ").next().unwrap_or("").to_owned()).collect()
    };
    let theirs = debian::storescp(&["--version".into()]).stdout;
    assert_eq!(form(&ours("--version")), form(&theirs));
    assert!(ours("--version").contains("\n- tracing, Version 0."));
}

#[test]
fn every_cipher_suite_of_theirs_is_in_ours() {
    let theirs = debian::storescp(&["+cc".into()]).stdout;
    let ours = ours("+cc");
    let suites = |text: &str| -> Vec<String> {
        let list = text.split_once("Supported TLS ciphersuites are:\n").expect("a list").1;
        list.lines().map(str::to_owned).collect()
    };
    let ours = suites(&ours);
    assert_eq!(suites(&theirs).len(), 40);
    for suite in suites(&theirs) {
        assert!(ours.contains(&suite), "{suite}");
    }
}

#[test]
fn every_security_profile_is_listed_with_its_option() {
    let text = ours("--list-profiles");
    for option in
        ["--profile-8996 ", "--profile-8996-mod ", "--profile-bcp195-nd ", "--profile-null "]
    {
        assert!(text.contains(option), "{text}");
    }
    assert_eq!(text.matches("\n  --profile-").count(), 8, "{text}");
    assert_eq!(text.matches("(default)").count(), 1);
}
