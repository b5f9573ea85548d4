//! Defines the rules for the structure; each is a function that returns what breaks it.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write as _};

use super::graph::{self, Arrows};
use super::reference::{Reference, Relation};
use super::{Crate, ModuleTree, Workspace};

/// Something that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What breaks it: a crate, a module, a file or an item. Exceptions refer to this text.
    pub subject: String,
    /// A description for people, with one line per place where there are several.
    pub text: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.subject, self.text)
    }
}

/// How far up a module may refer to what a module above defines in its own file. (What a module above only
/// re-exports does not count.)
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Upward {
    /// To nothing above, so that a module and its children never form a cycle.
    Never,
    /// To what its own parent defines, unless that is the root of the crate. This permits a type whose
    /// implementation is split over several files.
    OwnParent,
    /// Anything.
    Anywhere,
}

impl Upward {
    fn allows(self, levels: usize, to_root: bool) -> bool {
        match self {
            Self::Never => false,
            Self::OwnParent => levels == 1 && !to_root,
            Self::Anywhere => true,
        }
    }
}

/// Cycles of references among siblings; the subject is their parent.
///
/// An arrow goes from one child of a module to another if anything within the first refers to anything within
/// the second. The text lists the arrows to remove, chosen so that they stand for few lines, and then all
/// arrows of the cycle.
#[must_use]
pub fn cycles(workspace: &Workspace) -> Vec<Finding> {
    let mut found = Vec::new();
    for tree in trees(workspace) {
        for (parent, module) in tree.modules.iter().enumerate() {
            let level = Level::of(tree, parent);
            let groups = graph::top_down(level.names.len(), &level.arrows);
            for group in groups.into_iter().filter(|group| group.len() > 1) {
                let text = level.cycle(&group);
                found.push(Finding { subject: module.path.clone(), text });
            }
        }
    }
    found
}

/// The children of one module, and the arrows between them.
pub(super) struct Level<'a> {
    pub(super) names: Vec<&'a str>,
    /// Weighted by the number of lines.
    pub(super) arrows: Arrows,
    references: BTreeMap<(usize, usize), Vec<&'a Reference>>,
}

impl<'a> Level<'a> {
    pub(super) fn of(tree: &'a ModuleTree, module: usize) -> Self {
        let names: Vec<&str> = tree.modules[module].children.keys().map(String::as_str).collect();
        let index = |name: &str| names.binary_search(&name).expect("a child's name");
        let mut references: BTreeMap<(usize, usize), Vec<&Reference>> = BTreeMap::new();
        for reference in &tree.references {
            if let Relation::Across { parent, from, to } = &reference.relation
                && *parent == module
            {
                references.entry((index(from), index(to))).or_default().push(reference);
            }
        }
        let arrows = references.iter().map(|(arrow, lines)| (*arrow, lines.len())).collect();
        Self { names, arrows, references }
    }

    fn cycle(&self, group: &[usize]) -> String {
        let place = |node: &usize| group.iter().position(|one| one == node);
        let within: Vec<_> = self
            .references
            .iter()
            .filter_map(|((from, to), lines)| {
                let (above, below) = (place(from)?, place(to)?);
                Some((above, below, self.names[*from], self.names[*to], lines))
            })
            .collect();
        let names: Vec<&str> = group.iter().map(|node| self.names[*node]).collect();
        let mut text = format!("{} modules in a cycle: {}", names.len(), names.join(", "));
        let back: Vec<_> = within.iter().filter(|(above, below, ..)| above > below).collect();
        let lines: usize = back.iter().map(|(.., lines)| lines.len()).sum();
        let (arrows, all) = (back.len(), within.len());
        let _ =
            write!(text, "\n  without these {arrows} arrows ({lines} references) there is none:");
        for (_, _, from, to, lines) in &back {
            let _ = write!(text, "\n    {from} -> {to}: {}", places(lines));
        }
        let _ = write!(text, "\n  all {all} arrows:");
        for (_, _, from, to, lines) in &within {
            let _ = write!(text, "\n    {from} -> {to}: {}", places(lines));
        }
        text
    }
}

/// `file:line (item), line (item), …`, file by file.
fn places(references: &[&Reference]) -> String {
    let mut sorted = references.to_vec();
    sorted.sort_by_key(|one| (&one.file, one.line));
    let mut text = String::new();
    let mut file = "";
    for one in sorted {
        let separator = if text.is_empty() { "" } else { ", " };
        let _ = if one.file == file {
            write!(text, "{separator}{}", one.line)
        } else {
            write!(text, "{separator}{}:{}", one.file, one.line)
        };
        file = &one.file;
        if !one.item.is_empty() {
            let _ = write!(text, " ({})", one.item);
        }
    }
    text
}

/// Modules that refer to items above them, further up than the rule permits; the subject is the module that
/// contains the reference.
#[must_use]
pub fn upward_references(workspace: &Workspace, rule: Upward) -> Vec<Finding> {
    let mut grouped: BTreeMap<(&str, &str), Vec<&Reference>> = BTreeMap::new();
    for reference in trees(workspace).flat_map(|tree| &tree.references) {
        if let Relation::Upward { levels, to_root } = reference.relation
            && !rule.allows(levels, to_root)
        {
            grouped.entry((&reference.from, &reference.to)).or_default().push(reference);
        }
    }
    let finding = |((from, to), lines): ((&str, &str), Vec<&Reference>)| Finding {
        subject: from.to_owned(),
        text: format!("names what {to} defines above it: {}", places(&lines)),
    };
    grouped.into_iter().map(finding).collect()
}

/// Modules with more than `most` children; the subject is the parent.
#[must_use]
pub fn crowded_levels(workspace: &Workspace, most: usize) -> Vec<Finding> {
    let modules = trees(workspace).flat_map(|tree| &tree.modules);
    let crowded = modules.filter(|module| module.children.len() > most);
    crowded
        .map(|module| {
            let names: Vec<&str> = module.children.keys().map(String::as_str).collect();
            let text = format!("{} modules, at most {most}: {}", names.len(), names.join(", "));
            Finding { subject: module.path.clone(), text }
        })
        .collect()
}

/// Files `x.rs` beside a folder `x/` with sources; the subject is the file.
#[must_use]
pub fn split_layouts(workspace: &Workspace) -> Vec<Finding> {
    let mut found = Vec::new();
    for one in &workspace.crates {
        for file in one.files.keys() {
            let folder = format!("{}/", file.trim_end_matches(".rs"));
            if one.files.keys().any(|other| other.starts_with(&folder)) {
                let text = format!("its children are in {folder}; move it to {folder}mod.rs");
                found.push(Finding { subject: file.clone(), text });
            }
        }
    }
    found
}

/// Modules whose file is named by `#[path]`, tests among them; the subject is the file with the
/// attribute.
#[must_use]
pub fn path_attributes(workspace: &Workspace) -> Vec<Finding> {
    let all = trees(workspace).flat_map(|tree| &tree.path_attributes);
    let text = |line: &usize| format!("line {line} names a file by #[path]");
    all.map(|(file, line)| Finding { subject: file.clone(), text: text(line) }).collect()
}

/// Source files with more than `most` lines, including tests; the subject is the file.
#[must_use]
pub fn long_files(workspace: &Workspace, most: usize) -> Vec<Finding> {
    let files = workspace.crates.iter().flat_map(|one| &one.files);
    let counted = files.map(|(file, text)| (file, text.lines().count()));
    let text = |lines| format!("{lines} lines, at most {most}");
    counted
        .filter(|(_, lines)| *lines > most)
        .map(|(file, lines)| Finding { subject: file.clone(), text: text(lines) })
        .collect()
}

/// A second enum `Error` in a crate, whatever its visibility, and public enums `…Error`; the subject is the
/// enum. The `Error` with the fewest modules above it is the crate's own.
#[must_use]
pub fn error_enums(workspace: &Workspace) -> Vec<Finding> {
    let mut found = Vec::new();
    for one in &workspace.crates {
        let modules = one.trees.iter().flat_map(|tree| &tree.modules);
        let enums = modules.flat_map(|module| module.enums.iter().map(move |it| (module, it)));
        let errors = enums.filter(|(_, (name, public, _))| {
            name == "Error" || (*public && name.ends_with("Error"))
        });
        let (mut own, others): (Vec<_>, Vec<_>) = errors.partition(|(_, it)| it.0 == "Error");
        own.sort_by_key(|(module, _)| module.path.matches("::").count());
        for (module, (name, _, line)) in own.into_iter().skip(1).chain(others) {
            let subject = format!("{}::{name}", module.path);
            let text = format!("another enum of errors, {}:{line}", module.file);
            found.push(Finding { subject, text });
        }
    }
    found
}

/// Modules whose documentation lacks a first sentence, which the picture needs; the subject is the module.
#[must_use]
pub fn undescribed_modules(workspace: &Workspace) -> Vec<Finding> {
    let modules = trees(workspace).flat_map(|tree| &tree.modules);
    let undescribed = modules.filter(|module| module.sentence.is_none());
    let text = |file: &str| format!("{file} does not begin with a sentence in //!");
    undescribed
        .map(|module| Finding { subject: module.path.clone(), text: text(&module.file) })
        .collect()
}

/// Direct and indirect dependencies of this crate whose name matches one of these patterns (a final `*` matches
/// anything); the subject is the package.
///
/// Indirect dependencies are read from `Cargo.lock`, which combines the features of all crates of the
/// workspace.
#[must_use]
pub fn forbidden_packages(workspace: &Workspace, one: &Crate, patterns: &[&str]) -> Vec<Finding> {
    let mut ways: BTreeMap<String, String> = BTreeMap::new();
    let mut open: Vec<(String, String)> = Vec::new();
    let mut crates = vec![(one.name.clone(), one)];
    let mut seen = BTreeSet::new();
    while let Some((way, next)) = crates.pop() {
        if seen.insert(&next.name) {
            open.extend(next.packages.iter().map(|package| (package.clone(), way.clone())));
            let below = next.dependencies.iter().filter_map(|name| workspace.find(name));
            crates.extend(below.map(|it| (format!("{way} -> {}", it.name), it)));
        }
    }
    while let Some((package, way)) = open.pop() {
        if let Entry::Vacant(entry) = ways.entry(package) {
            let way = format!("{way} -> {}", entry.key());
            let below = workspace.locked.get(entry.key()).into_iter().flatten();
            open.extend(below.map(|name| (name.clone(), way.clone())));
            entry.insert(way);
        }
    }
    let fits = |name: &str| {
        patterns.iter().any(|pattern| match pattern.strip_suffix('*') {
            Some(beginning) => name.starts_with(beginning),
            None => name == *pattern,
        })
    };
    let forbidden = ways.into_iter().filter(|(package, _)| fits(package));
    forbidden.map(|(subject, text)| Finding { subject, text }).collect()
}

fn trees(workspace: &Workspace) -> impl Iterator<Item = &ModuleTree> {
    workspace.crates.iter().flat_map(|one| &one.trees)
}
