//! Reads the dependencies in `Cargo.toml` and `Cargo.lock`.

use std::collections::{BTreeMap, BTreeSet};

use toml::{Table, Value};

/// The part of a crate's `Cargo.toml` that the rules need.
pub(super) struct Manifest {
    pub(super) name: String,
    /// Packages in `[dependencies]` and `[build-dependencies]`, for all platforms, including optional ones.
    pub(super) dependencies: BTreeSet<String>,
}

/// Packages by their names in `[workspace.dependencies]`.
pub(super) fn inherited(text: &str) -> BTreeMap<String, String> {
    let root = parse(text);
    let workspace = root.get("workspace").and_then(Value::as_table);
    packages(workspace.and_then(|table| table.get("dependencies")), &BTreeMap::new())
}

pub(super) fn read(text: &str, inherited: &BTreeMap<String, String>) -> Manifest {
    let root = parse(text);
    let platforms = root.get("target").and_then(Value::as_table).into_iter().flatten();
    let tables = platforms.filter_map(|(_, platform)| platform.as_table());
    let dependencies = std::iter::once(&root)
        .chain(tables)
        .flat_map(|table| ["dependencies", "build-dependencies"].map(|kind| table.get(kind)))
        .flat_map(|table| packages(table, inherited).into_values())
        .collect();
    let name = root["package"]["name"].as_str().expect("a package has a name").to_owned();
    Manifest { name, dependencies }
}

/// The direct dependencies of each package in a lock file, by name; versions of a package are merged.
pub(super) fn locked(text: &str) -> BTreeMap<String, BTreeSet<String>> {
    let root = parse(text);
    let mut locked: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for package in root["package"].as_array().expect("a list of packages") {
        let name = package["name"].as_str().expect("a package has a name");
        let on = package.get("dependencies").and_then(Value::as_array).into_iter().flatten();
        let on = on.filter_map(|one| one.as_str()?.split(' ').next()).map(str::to_owned);
        locked.entry(name.to_owned()).or_default().extend(on);
    }
    locked
}

/// Names in a table of dependencies, each with the name of its package.
fn packages(
    table: Option<&Value>,
    inherited: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let entries = table.and_then(Value::as_table).into_iter().flatten();
    let package = |name: &String, value: &Value| {
        let renamed = value.get("package").and_then(Value::as_str).map(str::to_owned);
        let from_workspace = || inherited.get(name).cloned();
        renamed.or_else(from_workspace).unwrap_or_else(|| name.clone())
    };
    entries.map(|(name, value)| (name.clone(), package(name, value))).collect()
}

fn parse(text: &str) -> Table {
    text.parse().unwrap_or_else(|error| panic!("{error}"))
}
