//! The corpora of the fuzz targets, as plain tests.

use std::path::Path;

#[allow(unreachable_pub, reason = "the fuzz targets are the other users")]
#[path = "../../../fuzz/harness/dataset/mod.rs"]
mod harness;

/// Runs every input of a corpus; returns how many there were.
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
fn transcoder() {
    assert!(run_corpus("transcoder", harness::transcoder::run) >= 10);
}

#[test]
fn split_invariance() {
    assert!(run_corpus("split_invariance", harness::split_invariance::run) >= 10);
}

#[test]
fn parse_write() {
    assert!(run_corpus("parse_write", harness::parse_write::run) >= 10);
}

#[test]
fn dictionary() {
    assert!(run_corpus("dictionary", harness::dictionary::run) >= 10);
}
