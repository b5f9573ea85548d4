//! Reads the architecture of the workspace from its sources: crates, modules, and the references between them.
//!
//! ```text
//!  Cargo.toml ──► manifest ─┐
//!                           ├──► Workspace ──► rules     what breaks a rule, with file and line
//!  src/*.rs ──► module ─────┤             └──► picture   the block in ARCHITECTURE.md
//!     scan, cfg    └► resolve
//! ```
//!
//! Code that is only used by tests is ignored: code under `#[cfg(test)]` or under a feature in
//! [`TEST_FEATURES`]. Names are resolved as far as the syntax shows them: `use`, paths in expressions and
//! types, and paths in the tokens of macros. Method calls are not resolved, so a dependency without a visible
//! path is not detected.

mod cfg;
mod graph;
mod manifest;
mod module;
mod picture;
mod reference;
mod resolve;
mod rules;
mod scan;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

pub use cfg::TEST_FEATURES;
pub use module::{Module, ModuleTree};
pub use picture::{BEGIN, END, block, block_of, replace_block, stated_arrows};
pub use reference::{Reference, Relation};
pub use rules::{
    Finding, Upward, crowded_levels, cycles, error_enums, forbidden_packages, long_files,
    path_attributes, split_layouts, undescribed_modules, upward_references,
};

/// Maximum number of children of one module.
pub const MODULES_ON_A_LEVEL: usize = 12;
/// Maximum number of lines of a file below `src/`.
pub const LINES_OF_A_FILE: usize = 500;
/// Crates whose picture shows the children of their top-level modules.
pub const TWO_LEVELS: &[&str] = &["receiver", "storage", "storescp"];

/// The parsed sources of a workspace, from `crates/`.
#[derive(Debug)]
pub struct Workspace {
    /// Sorted by name.
    pub crates: Vec<Crate>,
    /// The direct dependencies of each package in `Cargo.lock`, by name.
    pub locked: BTreeMap<String, BTreeSet<String>>,
}

/// One crate of the workspace.
#[derive(Debug)]
pub struct Crate {
    /// Package name.
    pub name: String,
    /// Crates of the workspace in its `[dependencies]`.
    pub dependencies: BTreeSet<String>,
    /// Other packages that it directly depends on, including build dependencies.
    pub packages: BTreeSet<String>,
    /// One tree per library and program; the library first.
    pub trees: Vec<ModuleTree>,
    /// The source files below `src/`, including tests: path relative to the root of the workspace, and text.
    pub files: BTreeMap<String, String>,
}

impl Workspace {
    /// Reads the workspace in this directory.
    ///
    /// # Panics
    /// If a file cannot be read or parsed, or a module has no file.
    #[must_use]
    pub fn read(root: &Path) -> Self {
        let mut files = BTreeMap::new();
        for name in ["Cargo.toml", "Cargo.lock"] {
            let text = fs::read_to_string(root.join(name)).expect(name);
            files.insert(name.to_owned(), text);
        }
        gather(root, "crates", &mut files);
        Self::of(&files)
    }

    /// Makes a workspace from these files: path relative to its root, and text.
    ///
    /// # Panics
    /// As [`Workspace::read`].
    #[must_use]
    pub fn of(files: &BTreeMap<String, String>) -> Self {
        let inherited = manifest::inherited(&files["Cargo.toml"]);
        let locked = files.get("Cargo.lock").map(|text| manifest::locked(text));
        let mut crates: Vec<Crate> = files
            .iter()
            .filter(|(path, _)| path.starts_with("crates/") && path.ends_with("/Cargo.toml"))
            .map(|(path, text)| {
                let folder = path.trim_end_matches("Cargo.toml");
                read_crate(folder, &manifest::read(text, &inherited), files)
            })
            .collect();
        let names: BTreeSet<String> = crates.iter().map(|one| one.name.clone()).collect();
        for one in &mut crates {
            one.dependencies = one.packages.intersection(&names).cloned().collect();
            one.packages = one.packages.difference(&names).cloned().collect();
        }
        crates.sort_by(|one, other| one.name.cmp(&other.name));
        Self { crates, locked: locked.unwrap_or_default() }
    }

    /// The crate with this name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Crate> {
        self.crates.iter().find(|one| one.name == name)
    }
}

/// Reads the crate in this folder (with a slash at the end); all its dependencies are in `packages`.
fn read_crate(
    folder: &str,
    manifest: &manifest::Manifest,
    files: &BTreeMap<String, String>,
) -> Crate {
    let source = format!("{folder}src/");
    let files: BTreeMap<String, String> = files
        .iter()
        .filter(|(path, _)| path.starts_with(&source) && path.ends_with(".rs"))
        .map(|(path, text)| (path.clone(), text.clone()))
        .collect();
    let programs = format!("{source}bin/");
    let is_program = |path: &&String| {
        path.strip_prefix(&programs).is_some_and(|rest| {
            rest.strip_suffix("/main.rs").map_or(!rest.contains('/'), |name| !name.contains('/'))
        })
    };
    let fixed = [format!("{source}lib.rs"), format!("{source}main.rs")];
    let roots = fixed.iter().filter(|root| files.contains_key(*root));
    let roots = roots.chain(files.keys().filter(is_program));
    Crate {
        name: manifest.name.clone(),
        dependencies: BTreeSet::new(),
        packages: manifest.dependencies.clone(),
        trees: roots.map(|root| read_tree(&manifest.name, root, &files)).collect(),
        files,
    }
}

/// Reads the modules below this root file, and what they refer to.
fn read_tree(name: &str, root: &str, files: &BTreeMap<String, String>) -> ModuleTree {
    let mut tree = ModuleTree::read(name, root, files);
    tree.references = resolve::references(&tree);
    tree
}

fn gather(root: &Path, folder: &str, files: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(root.join(folder)).expect("a folder of sources") {
        let entry = entry.expect("an entry");
        let name = entry.file_name().into_string().expect("a name in UTF-8");
        let path = format!("{folder}/{name}");
        if entry.file_type().expect("its type").is_dir() {
            gather(root, &path, files);
        } else if name.ends_with(".rs") || name == "Cargo.toml" {
            let text = fs::read_to_string(entry.path()).expect("a source file");
            files.insert(path, text);
        }
    }
}
