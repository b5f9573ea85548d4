//! Tests that no power cut loses an acknowledged object: every write and flush of a disk is recorded, and the
//! power is cut at random positions of the recording. `interop/powercut` makes many more cuts.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use interop::process::{patient, run};
use interop::{peers, skip};

/// For each file system.
const CUTS: usize = 40;

#[test]
fn no_power_cut_loses_what_was_acknowledged_on_ext4() {
    expect_clean(&["ext4", "ext4-journal", "ext4-writeback", "ext4-nodelalloc"], &[]);
}

#[test]
fn no_power_cut_loses_what_was_acknowledged_on_ext4_with_other_features() {
    expect_clean(&["ext4-bigalloc", "ext4-inline-data", "ext4-no-journal"], &[]);
}

#[test]
fn no_power_cut_loses_what_was_acknowledged_on_xfs_and_btrfs() {
    expect_clean(&["xfs", "btrfs"], &[]);
}

#[test]
fn no_power_cut_loses_what_was_acknowledged_with_one_commit() {
    expect_clean(&["ext4", "ext4-journal", "ext4-writeback", "xfs"], &["--durability", "ordered"]);
}

/// Each object is owed to a destination that is not reached: whatever was acknowledged has its intent then.
#[test]
fn no_power_cut_loses_what_is_owed() {
    for variant in ["owed", "owed-alone"] {
        for file_system in ["ext4", "ext4-no-journal", "xfs"] {
            expect_clean(&[file_system], &["--variant", variant]);
        }
    }
    expect_clean(&["ext4", "xfs"], &["--variant", "owed", "--durability", "ordered"]);
}

/// A folder of intents is written by its own sync alone where there is no journal, and where files have no other name.
#[test]
fn power_cuts_find_what_is_not_owed() {
    let some = ["--workload", "alone", "--cuts", "30", "--variant", "owed-without-folder-sync"];
    expect_faults(&[&["--file-system", "ext4-no-journal"][..], &some].concat(), &["unowed"]);
}

/// Wrong variants of the program: its syncs do nothing, or it makes none.
#[test]
fn power_cuts_find_missing_syncs() {
    for file_system in ["ext4", "xfs"] {
        let on = |more: &[&str], faults: &[&str]| {
            let some = ["--file-system", file_system, "--workload", "alone", "--cuts", "16"];
            expect_faults(&[&some, more].concat(), faults);
        };
        on(&["--variant", "without-file-sync"], &["torn"]);
        on(&["--variant", "without-folder-sync"], &["lost"]);
        on(&["--variant", "without-folder-sync", "--durability", "ordered"], &["lost"]);
        on(&["--variant", "without-write-out"], &["torn"]);
        on(&["--durability", "none"], &["lost", "torn"]);
    }
}

/// Wrong orders of the steps, in a simple receiver, which is not at fault with the right one.
#[test]
fn power_cuts_find_wrong_orders() {
    for file_system in ["ext4", "xfs"] {
        let on = |variant: &'static str| {
            [
                "--file-system",
                file_system,
                "--workload",
                "plain",
                "--variant",
                variant,
                "--cuts",
                "30",
            ]
        };
        expect_faults(&on("stand-in-answer-first"), &["lost"]);
        expect_faults(&on("stand-in-name-first"), &["torn"]);
        if let Some(outcome) = power_cuts(&on("stand-in-right")) {
            assert_eq!(outcome.code, 0, "{}", outcome.text);
        }
    }
}

/// Expects that nothing is lost on these file systems, with these options of the program.
fn expect_clean(file_systems: &[&str], options: &[&str]) {
    let cuts = CUTS.to_string();
    for name in file_systems {
        let arguments = [&["--file-system", name, "--cuts", &cuts], options].concat();
        let Some(outcome) = power_cuts(&arguments) else { continue };
        assert_eq!(outcome.code, 0, "{}", outcome.text);
        assert_eq!(outcome.count("cuts"), CUTS, "{}", outcome.text);
        assert!(outcome.count("files") > 5 * CUTS, "most are there: {}", outcome.text);
        let writes = ["kept", "dropped", "torn"].map(|it| outcome.count(&format!("writes-{it}")));
        assert!(writes.iter().sum::<usize>() > 0, "some writes are at stake: {}", outcome.text);
    }
}

/// Expects at least one of these kinds of faults.
fn expect_faults(arguments: &[&str], faults: &[&str]) {
    let Some(outcome) = power_cuts(arguments) else { return };
    assert_eq!(outcome.code, 1, "{}", outcome.text);
    let found: usize = faults.iter().map(|fault| outcome.count(fault)).sum();
    assert!(found > 0, "none of {faults:?}: {}", outcome.text);
    assert_eq!(outcome.count("unmountable"), 0, "{}", outcome.text);
}

struct Outcome {
    code: i32,
    text: String,
}

impl Outcome {
    fn count(&self, name: &str) -> usize {
        let found = self.text.split_whitespace().find_map(|word| {
            let (key, value) = word.split_once('=')?;
            if key == name { value.parse().ok() } else { None }
        });
        found.unwrap_or_else(|| panic!("no {name} in {}", self.text))
    }
}

/// Runs the program `powercut`; `None` if this machine does not permit it.
fn power_cuts(arguments: &[&str]) -> Option<Outcome> {
    let mut command = Command::new(Path::new(env!("CARGO_BIN_EXE_powercut")));
    command.args(arguments).env("STORESCP_BINARY", peers::storescp());
    let output = run(&mut command, patient(Duration::from_secs(600)));
    let text = output.stdout + &output.stderr;
    match output.status.code() {
        Some(77) => {
            skip(text.trim().trim_start_matches("skipped: "));
            None
        }
        code => Some(Outcome { code: code.unwrap_or(-1), text }),
    }
}
