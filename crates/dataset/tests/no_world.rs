//! The crate reaches for nothing outside: the lint list of `clippy.toml` cannot name whole modules,
//! so the sources are searched for them.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::fs;
use std::path::Path;

/// What a crate without sockets, files, threads, processes, clock or environment does not name.
const WORLDLY: [&str; 10] = [
    "std::net",
    "std::fs",
    "std::thread",
    "std::process",
    "std::env",
    "std::os",
    "std::sync::mpsc",
    "Instant::now",
    "SystemTime",
    "println!",
];

#[test]
#[expect(clippy::disallowed_methods, reason = "this test reads files")]
fn the_sources_name_nothing_worldly() {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            files += 1;
            let text = fs::read_to_string(&path).unwrap();
            let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
            for line in code {
                let found = WORLDLY.iter().find(|word| line.contains(*word));
                assert_eq!(found, None, "{}: {line}", path.display());
            }
        }
    }
    assert!(files > 30, "only {files} files found");
}
