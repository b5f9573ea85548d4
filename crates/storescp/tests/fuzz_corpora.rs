//! The corpora of the fuzz targets, as plain tests.

use std::path::Path;

#[allow(unreachable_pub, reason = "the fuzz targets are the other users")]
#[path = "../../../fuzz/harness/configuration/mod.rs"]
mod configuration;
#[allow(unreachable_pub, reason = "the fuzz targets are the other users")]
#[path = "../../../fuzz/harness/tls/mod.rs"]
mod tls;

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
fn tls_first_bytes() {
    assert!(run_corpus("tls", tls::run) >= 10);
}

#[test]
fn profile() {
    assert!(run_corpus("profile", configuration::profile::run) >= 10);
}

#[test]
fn log4cplus() {
    assert!(run_corpus("log4cplus", configuration::log4cplus::run) >= 10);
}

#[test]
fn options() {
    assert!(run_corpus("options", configuration::options::run) >= 10);
}

#[test]
fn hosts_access() {
    assert!(run_corpus("hosts_access", configuration::hosts_access::run) >= 10);
}
