//! The corpora of the fuzz targets, as plain tests.

use std::path::Path;

#[allow(unreachable_pub, reason = "the fuzz targets are the other users")]
#[path = "../../../fuzz/harness/tls/mod.rs"]
mod tls;

#[test]
fn tls_first_bytes() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/tls");
    let entries = std::fs::read_dir(&folder).expect("a corpus folder");
    let inputs: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    for input in &inputs {
        // A failure names the input.
        println!("{}", input.display());
        tls::run(&std::fs::read(input).expect("an input"));
    }
    assert!(inputs.len() >= 10);
}
