//! The corpora of the fuzz targets, as plain tests.

use std::path::Path;

#[allow(unreachable_pub, reason = "the fuzz targets are the other users")]
#[path = "../../../fuzz/harness/proto/mod.rs"]
mod harness;

/// Runs every input of a corpus; returns how many there were.
#[expect(clippy::disallowed_methods, reason = "this test reads files")]
fn run_corpus(target: &str, run: fn(&[u8])) -> usize {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let entries = std::fs::read_dir(&folder).expect("a corpus folder");
    let inputs: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    for input in &inputs {
        // A failure names the input.
        println!("{}", input.display());
        run(&std::fs::read(input).expect("an input"));
    }
    inputs.len()
}

#[test]
fn pdu() {
    assert!(run_corpus("pdu", harness::pdu::run) >= 10);
}

#[test]
fn command_set() {
    assert!(run_corpus("command_set", harness::command_set::run) >= 10);
}

#[test]
fn association() {
    assert!(run_corpus("association", harness::association::run) >= 10);
}
