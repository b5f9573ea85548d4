//! Writes the picture in ARCHITECTURE.md from the sources, and reads it back.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::graph::{self, Arrows};
use super::rules::Level;
use super::{Crate, ModuleTree, Workspace};

/// The line before the block.
pub const BEGIN: &str = "<!-- structure: begin -->";
/// The line after it.
pub const END: &str = "<!-- structure: end -->";

/// Column at which a description is wrapped.
const WIDTH: usize = 112;

/// Makes the text between [`BEGIN`] and [`END`]: a graph of the crates for Mermaid, and a list of crates and
/// modules. Children of top-level modules are listed only for the crates named here.
///
/// ```text
/// receiver -> dataset, platform, proto, storage
///   net      TCP, TLS, who may connect
///     tls    The files of keys and certificates
/// ```
///
/// The line of a crate lists its direct dependencies in the workspace. Crates and modules are ordered so that
/// each one uses only those after it, except for cycles.
#[must_use]
pub fn block(workspace: &Workspace, two_levels: &[&str]) -> String {
    let order = crate_order(workspace);
    let mut text = drawing(workspace, &order);
    text.push_str("\n```text structure\n");
    for (at, one) in order.iter().enumerate() {
        if at > 0 {
            text.push('\n');
        }
        let dependencies: Vec<&str> = order
            .iter()
            .map(|other| other.name.as_str())
            .filter(|name| one.dependencies.contains(*name))
            .collect();
        text.push_str(&one.name);
        if !dependencies.is_empty() {
            let _ = write!(text, " -> {}", dependencies.join(", "));
        }
        text.push('\n');
        if let Some(tree) = one.trees.first() {
            let mut rows = Vec::new();
            list(tree, 0, 1, 1 + usize::from(two_levels.contains(&one.name.as_str())), &mut rows);
            write_rows(&rows, &mut text);
        }
    }
    text.push_str("```\n");
    text
}

/// The text between [`BEGIN`] and [`END`] in a document.
#[must_use]
pub fn block_of(document: &str) -> Option<&str> {
    let (_, rest) = document.split_once(&format!("{BEGIN}\n"))?;
    rest.split_once(END).map(|(block, _)| block)
}

/// The document with the text between [`BEGIN`] and [`END`] replaced; `None` if one of them is missing.
#[must_use]
pub fn replace_block(document: &str, block: &str) -> Option<String> {
    let (before, rest) = document.split_once(&format!("{BEGIN}\n"))?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n{block}{END}{after}"))
}

/// Each crate in the block, with the dependencies listed there.
#[must_use]
pub fn stated_arrows(block: &str) -> BTreeMap<String, BTreeSet<String>> {
    let list = block.split_once("```text structure\n").map_or("", |(_, rest)| rest);
    let lines = list.lines().take_while(|line| *line != "```");
    let crates = lines.filter(|line| !line.is_empty() && !line.starts_with(' '));
    crates
        .map(|line| {
            let (name, dependencies) = line.split_once(" -> ").unwrap_or((line, ""));
            let dependencies = dependencies.split(", ").filter(|one| !one.is_empty());
            (name.to_owned(), dependencies.map(str::to_owned).collect())
        })
        .collect()
}

fn crate_order(workspace: &Workspace) -> Vec<&Crate> {
    let arrows = crate_arrows(&workspace.crates.iter().collect::<Vec<_>>());
    let groups = graph::top_down(workspace.crates.len(), &arrows);
    groups.into_iter().flatten().map(|index| &workspace.crates[index]).collect()
}

fn crate_arrows(crates: &[&Crate]) -> Arrows {
    let index = |name: &String| crates.iter().position(|one| one.name == *name);
    let arrows = crates.iter().enumerate().flat_map(|(from, one)| {
        one.dependencies.iter().filter_map(index).map(move |to| ((from, to), 1))
    });
    arrows.collect()
}

/// Draws the crates as a graph; arrows implied by two others are omitted.
fn drawing(workspace: &Workspace, order: &[&Crate]) -> String {
    let arrows = crate_arrows(order);
    let reach = graph::reachable(workspace.crates.len(), &arrows);
    let mut text = "```mermaid\ngraph TD\n".to_owned();
    for (from, one) in order.iter().enumerate() {
        let follows = |to: usize| {
            arrows.keys().any(|(begin, by)| *begin == from && *by != to && reach[*by][to])
        };
        for (_, to) in arrows.keys().filter(|(begin, to)| *begin == from && !follows(*to)) {
            let _ = writeln!(text, "    {} --> {}", one.name, order[*to].name);
        }
        if !arrows.keys().any(|(begin, end)| [*begin, *end].contains(&from)) {
            let _ = writeln!(text, "    {}", one.name);
        }
    }
    text + "```\n"
}

/// Appends rows for the children of a module: name and description.
fn list(
    tree: &ModuleTree,
    module: usize,
    depth: usize,
    deepest: usize,
    rows: &mut Vec<(String, String)>,
) {
    let level = Level::of(tree, module);
    for child in graph::top_down(level.names.len(), &level.arrows).into_iter().flatten() {
        let name = level.names[child];
        let child = tree.modules[module].children[name];
        let sentence = tree.modules[child].sentence.clone().unwrap_or_default();
        rows.push((format!("{}{name}", "  ".repeat(depth)), sentence));
        if depth < deepest {
            list(tree, child, depth + 1, deepest, rows);
        }
    }
}

fn write_rows(rows: &[(String, String)], text: &mut String) {
    let column = rows.iter().map(|(name, _)| name.len()).max().unwrap_or_default() + 2;
    for (name, sentence) in rows {
        let mut line = format!("{name:column$}");
        let mut empty = true;
        for word in sentence.split_whitespace() {
            if !empty && line.chars().count() + 1 + word.chars().count() > WIDTH {
                let _ = writeln!(text, "{line}");
                line = " ".repeat(column);
                empty = true;
            }
            if !empty {
                line.push(' ');
            }
            line.push_str(word);
            empty = false;
        }
        let _ = writeln!(text, "{}", line.trim_end());
    }
}
