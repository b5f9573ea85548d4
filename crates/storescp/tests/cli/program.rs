//! The program itself: which stream, which exit code.

use std::ffi::OsString;
use std::process::{Command, Output};

use crate::debian::{self, NOWHERE};

fn ours(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_storescp")).args(arguments).output().unwrap()
}

#[test]
fn texts_asked_for_go_to_standard_output() {
    for arguments in [&["--help"][..], &["--version"], &[]] {
        let Output { status, stdout, stderr } = ours(arguments);
        assert_eq!((status.code(), stderr.as_slice()), (Some(0), &b""[..]), "{arguments:?}");
        assert!(stdout.starts_with(b"$storescp: storescp v"), "{arguments:?}");
    }
}

#[test]
fn faults_go_to_standard_error() {
    for arguments in [&["--bogus"][..], &["-v"], &["1", "+te", "+B"], &["1", "-pdu", "1"]] {
        let Output { status, stdout, stderr } = ours(arguments);
        assert_eq!((status.code(), stdout.as_slice()), (Some(1), &b""[..]), "{arguments:?}");
        let text = String::from_utf8(stderr).unwrap();
        assert!(text.contains("\nstorescp: DICOM storage (C-STORE) SCP\nerror: "), "{text}");
    }
}

#[test]
fn what_fails_at_the_start_is_told_like_theirs() {
    for options in [&[][..], &["-q"], &["-v"], &["-ll", "fatal"], &["--arguments", "-q"]] {
        let arguments = [options, &["11112", "-od", NOWHERE]].concat();
        let theirs: Vec<_> = arguments.iter().map(OsString::from).collect();
        let theirs = debian::storescp(&theirs);
        let ours = ours(&arguments);
        assert_eq!(ours.status.code(), theirs.code, "{arguments:?}");
        // Behind it stands one line at ERROR with what helps, unless fatal errors alone are logged.
        let stderr = String::from_utf8_lossy(&ours.stderr);
        let hint = stderr.strip_prefix(&theirs.stderr).unwrap_or_else(|| panic!("{stderr}"));
        let is_told = !arguments.contains(&"-q") && !arguments.contains(&"fatal");
        assert_eq!(hint.starts_with("E: there is no '"), is_told, "{arguments:?}: {hint}");
        assert_eq!(hint.lines().count(), usize::from(is_told), "{arguments:?}: {hint}");
        assert_eq!(String::from_utf8_lossy(&ours.stdout), theirs.stdout, "{arguments:?}");
    }
}
