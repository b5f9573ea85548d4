//! Runs a corpus as a plain test.

use std::path::Path;

/// Runs every input of a corpus; returns the number of inputs.
pub fn run(target: &str, run: fn(&[u8])) -> usize {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let entries = std::fs::read_dir(&folder).expect("a corpus folder");
    let inputs: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    for input in &inputs {
        // The output of a failed test names the input.
        println!("{}", input.display());
        run(&std::fs::read(input).expect("an input"));
    }
    inputs.len()
}
