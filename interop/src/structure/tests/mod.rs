//! Breaks each rule once in a small tree of sources, and checks that it is reported.

mod crates;
mod references;
mod rules;

use std::collections::BTreeMap;

use super::*;

/// Makes a workspace of these files and a root manifest.
fn workspace(files: &[(&str, &str)]) -> Workspace {
    let mut all: BTreeMap<String, String> =
        files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
    all.entry("Cargo.toml".to_owned()).or_insert_with(|| "[workspace]".to_owned());
    Workspace::of(&all)
}

/// Makes a workspace with a single crate `one`, with these files in its `src/`.
fn one_crate(files: &[(&str, &str)]) -> Workspace {
    let paths: Vec<String> =
        files.iter().map(|(path, _)| format!("crates/one/src/{path}")).collect();
    let mut all = vec![("crates/one/Cargo.toml", "package.name = 'one'")];
    all.extend(paths.iter().zip(files).map(|(path, (_, text))| (path.as_str(), *text)));
    workspace(&all)
}

/// Every reference, as `from -> to (item) line` or `from ^ to (item) line`.
fn references(files: &[(&str, &str)]) -> Vec<String> {
    let workspace = one_crate(files);
    let all = workspace.crates[0].trees.iter().flat_map(|tree| &tree.references);
    let mut lines: Vec<String> = all
        .map(|one| {
            let sign = if matches!(one.relation, Relation::Upward { .. }) { "^" } else { "->" };
            format!("{} {sign} {} ({}) {}", one.from, one.to, one.item, one.line)
        })
        .collect();
    lines.sort();
    lines
}

fn subjects(findings: &[Finding]) -> Vec<&str> {
    findings.iter().map(|one| one.subject.as_str()).collect()
}
