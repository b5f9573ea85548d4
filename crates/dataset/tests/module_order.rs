//! Modules depend on each other in one direction: groups as `lib.rs` draws them, and no module, through
//! whatever others, on itself.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// The modules at the top, each of which may use those above it in this list.
const ORDER: [&str; 11] = [
    "tag",
    "vr",
    "limits",
    "error",
    "repairs",
    "sink",
    "registry",
    "part10",
    "format",
    "encoding",
    "transcode",
];

/// The path of a module, from the root of the crate.
type Module = Vec<String>;

#[test]
fn groups_use_those_below_them() {
    let rank = |module: &Module| ORDER.iter().position(|name| *name == module[0]);
    for (module, used) in uses() {
        if module.is_empty() {
            continue;
        }
        for other in used {
            assert!(!other.is_empty(), "{module:?} imports from the root, not from a module");
            let (own, others) = (rank(&module), rank(&other));
            assert!(own.is_some() && others.is_some(), "{module:?} or {other:?} is not listed");
            assert!(others <= own, "{module:?} uses {other:?}");
        }
    }
}

#[test]
fn no_module_depends_on_itself() {
    let uses = uses();
    assert!(uses.len() > 30, "only {} modules found", uses.len());
    for start in uses.keys() {
        let mut reached = BTreeSet::new();
        let mut next: Vec<&Module> = uses[start].iter().collect();
        while let Some(module) = next.pop() {
            assert_ne!(module, start, "reached through {reached:?}");
            if reached.insert(module) {
                next.extend(&uses[module]);
            }
        }
    }
}

/// What each module uses, apart from its tests.
fn uses() -> BTreeMap<Module, BTreeSet<Module>> {
    let mut sources = BTreeMap::new();
    read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &Module::new(), &mut sources);
    let modules: BTreeSet<Module> = sources.keys().cloned().collect();
    let used = |(module, code): (&Module, &String)| {
        let mut used: BTreeSet<Module> = paths(code)
            .iter()
            .filter_map(|path| resolve(path, module, &modules))
            .filter(|other| other != module)
            .collect();
        // `pub use` at the root is what other crates see.
        used.retain(|_| !module.is_empty());
        (module.clone(), used)
    };
    sources.iter().map(used).collect()
}

#[expect(clippy::disallowed_methods, reason = "this test reads files")]
fn read(folder: &Path, parent: &Module, sources: &mut BTreeMap<Module, String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let own: Module = parent.iter().cloned().chain([name.clone()]).collect();
        if path.is_dir() {
            read(&path, &own, sources);
            continue;
        }
        let module = if ["mod", "lib"].contains(&name.as_str()) { parent.clone() } else { own };
        let text = fs::read_to_string(&path).unwrap();
        let text = text.split("#[cfg(test)]\nmod tests").next().unwrap();
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        sources.insert(module, code.collect::<Vec<_>>().join("\n"));
    }
}

/// The paths of `use` declarations, and those in the code that begin with `crate::` or `super::`.
fn paths(code: &str) -> Vec<Module> {
    let mut found = Vec::new();
    for statement in code.split(';') {
        let start = statement.rfind("\nuse ").map(|at| at + 5);
        match start.or_else(|| statement.rfind("pub use ").map(|at| at + 8)) {
            Some(start) => expand(&statement[start..], &Module::new(), &mut found),
            None => {
                let words = statement.split(|c: char| !c.is_alphanumeric() && !":_".contains(c));
                let inner =
                    words.filter(|word| word.starts_with("crate::") || word.starts_with("super::"));
                found.extend(inner.map(|word| word.split("::").map(str::to_owned).collect()));
            }
        }
    }
    found
}

/// Takes a tree such as `a::{b, c::d}` apart.
fn expand(tree: &str, prefix: &Module, found: &mut Vec<Module>) {
    let tree = tree.trim();
    let (head, inner) = match tree.split_once('{') {
        Some((head, inner)) => (head.trim_end_matches("::"), inner.strip_suffix('}')),
        None => (tree.split(" as ").next().unwrap(), None),
    };
    let mut path = prefix.clone();
    path.extend(head.split("::").filter(|part| !part.is_empty()).map(|part| part.trim().into()));
    let Some(inner) = inner else {
        found.push(path);
        return;
    };
    let (mut depth, mut start) = (0, 0);
    for (at, sign) in inner.char_indices().chain([(inner.len(), ',')]) {
        match sign {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                if !inner[start..at].trim().is_empty() {
                    expand(&inner[start..at], &path, found);
                }
                start = at + 1;
            }
            _ => {}
        }
    }
}

/// The module of this crate that a path leads into.
fn resolve(path: &Module, module: &Module, modules: &BTreeSet<Module>) -> Option<Module> {
    let supers = path.iter().take_while(|part| *part == "super").count();
    let mut target = match path.first()?.as_str() {
        "crate" => Module::new(),
        "super" => module[..module.len() - supers].to_vec(),
        _ => module.clone(),
    };
    let rest = &path[if path[0] == "crate" { 1 } else { supers }..];
    for part in rest {
        target.push(part.clone());
        if !modules.contains(&target) {
            target.pop();
            break;
        }
    }
    Some(target)
}
