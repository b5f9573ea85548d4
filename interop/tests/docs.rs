//! Tests that the documents agree with the sources: tests that they name exist, and charts show the kept runs.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use interop::process;

#[test]
fn tests_that_the_documents_name_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    let mut functions = BTreeSet::new();
    for folder in ["crates", "interop"] {
        for source in sources_below(&root.join(folder)) {
            let text = fs::read_to_string(source).expect("a source file");
            let name = |line: &str| {
                let rest = line.trim_start().strip_prefix("fn ")?;
                Some(rest.split(['(', '<']).next()?.to_owned())
            };
            functions.extend(text.lines().filter_map(name));
        }
    }
    for document in ["docs/conformance-statement.md", "docs/divergences.md", "docs/promises.md"] {
        let text = fs::read_to_string(root.join(document)).expect(document);
        let named: Vec<&str> = text.split('`').skip(1).step_by(2).filter_map(test_name).collect();
        assert!(named.len() > 10, "{document} names tests");
        for name in named {
            assert!(functions.contains(name), "{document} names {name}, which is no function");
        }
    }
}

/// `bench/run --plots` draws the charts in `bench/plots/` from runs that are kept in the repository.
#[test]
fn charts_are_those_of_the_kept_runs() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    let script = "import sys; from pathlib import Path; sys.dont_write_bytecode = True\n\
                  from harness import plots\n\
                  changed = [path.name for path, text in plots.draw(Path('..').resolve()).items() \
                  if not path.exists() or path.read_text() != text]\n\
                  sys.exit(f'draw anew with bench/run --plots: {changed}' if changed else 0)";
    let mut python = Command::new("python3");
    python.args(["-B", "-c", script]).current_dir(root.join("bench"));
    process::run(&mut python, Duration::from_secs(20)).expect_success("charts");
}

/// All unsafe code is in one module, of two system calls.
#[test]
fn unsafe_code_is_in_one_place() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    let allows = concat!("allow(", "unsafe_code");
    let found: Vec<PathBuf> = ["crates", "interop", "fuzz/harness"]
        .into_iter()
        .flat_map(|folder| sources_below(&root.join(folder)))
        .filter(|source| fs::read_to_string(source).expect("a source file").contains(allows))
        .collect();
    let calls = root.join("crates/platform/src/system_calls.rs");
    assert_eq!(found, std::slice::from_ref(&calls), "everywhere else the lint is in force");
    let text = fs::read_to_string(calls).expect("a source file");
    assert_eq!(text.matches(concat!("un", "safe {")).count(), 2);
}

/// Extracts the name of a test from quoted code: words joined by `_`, with or without a path before them.
fn test_name(quoted: &str) -> Option<&str> {
    let name = quoted.rsplit("::").next()?;
    let word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    (name.bytes().all(word) && name.matches('_').count() > 3).then_some(name)
}

fn sources_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(sources_below(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}
