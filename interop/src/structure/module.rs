//! Finds the modules of a library or program: their files, what they define, and what they import.

use std::collections::{BTreeMap, BTreeSet};

use syn::{Attribute, Expr, ExprLit, Item, ItemMod, Lit, Meta, Visibility};

use super::cfg::only_in_tests;
use super::reference::Reference;
use super::scan::{self, Contents};

/// The modules of one library or program, without tests.
#[derive(Debug)]
pub struct ModuleTree {
    /// The root first; parents before their children.
    pub modules: Vec<Module>,
    /// All references from a module to another one, or to an item of a module above it, once they are
    /// resolved.
    pub references: Vec<Reference>,
    /// File and line of each `#[path]` of a module, including tests.
    pub path_attributes: Vec<(String, usize)>,
    /// Modules that define a `macro_rules!`, by its name; true if it is exported.
    pub(super) macros: BTreeMap<String, (usize, bool)>,
}

/// A module, in its own file or inline.
#[derive(Debug)]
pub struct Module {
    /// Path from the crate on: `storage::steps`.
    pub path: String,
    /// Its own name; for the root, the name of the crate.
    pub name: String,
    /// Index of the parent; the root has none.
    pub parent: Option<usize>,
    /// Indices of the children, by name; modules that replace each other on different platforms count as one.
    pub children: BTreeMap<String, usize>,
    /// The file that contains it, relative to the root of the workspace.
    pub file: String,
    /// The first sentence of its documentation, without markup.
    pub sentence: Option<String>,
    /// Its enums: name, whether it is `pub`, line.
    pub enums: Vec<(String, bool, usize)>,
    pub(super) items: BTreeSet<String>,
    pub(super) contents: Contents,
}

impl ModuleTree {
    /// Reads the modules below this root file.
    pub(super) fn read(name: &str, root: &str, files: &BTreeMap<String, String>) -> Self {
        let mut tree = Self {
            modules: Vec::new(),
            references: Vec::new(),
            path_attributes: Vec::new(),
            macros: BTreeMap::new(),
        };
        let folder = parent_folder(root).to_owned();
        let parsed = parse(root, files);
        let spot = Spot { parent: None, name, path: name.to_owned(), file: root, folder };
        tree.add(&spot, &parsed.attrs, &parsed.items, files);
        tree
    }

    /// True if `above` is the module itself or an ancestor of it.
    pub(super) fn is_within(&self, module: usize, above: usize) -> bool {
        let up = |one: &usize| self.modules[*one].parent;
        std::iter::successors(Some(module), up).any(|one| one == above)
    }

    /// Number of its ancestors.
    pub(super) fn depth(&self, module: usize) -> usize {
        let up = |one: &usize| self.modules[*one].parent;
        std::iter::successors(Some(module), up).count() - 1
    }

    fn add(
        &mut self,
        spot: &Spot<'_>,
        attributes: &[Attribute],
        items: &[Item],
        files: &BTreeMap<String, String>,
    ) -> usize {
        let index = self.modules.len();
        let contents = scan::contents(items);
        for (name, exported) in &contents.macros {
            self.macros.entry(name.clone()).or_insert((index, *exported));
        }
        self.modules.push(Module {
            path: spot.path.clone(),
            name: spot.name.to_owned(),
            parent: spot.parent,
            children: BTreeMap::new(),
            file: spot.file.to_owned(),
            sentence: first_sentence(attributes),
            enums: items.iter().filter_map(enum_of).collect(),
            items: items.iter().filter_map(name_of).collect(),
            contents,
        });
        for item in items {
            if let Item::Mod(module) = item {
                self.add_child(index, spot, module, files);
            }
        }
        index
    }

    fn add_child(
        &mut self,
        parent: usize,
        spot: &Spot<'_>,
        module: &ItemMod,
        files: &BTreeMap<String, String>,
    ) {
        let elsewhere = module.attrs.iter().find_map(|one| string_of(one, "path"));
        if elsewhere.is_some() {
            let line = module.ident.span().start().line;
            self.path_attributes.push((spot.file.to_owned(), line));
        }
        let name = scan::plain(&module.ident);
        if only_in_tests(&module.attrs) {
            return;
        }
        let path = format!("{}::{name}", spot.path);
        let below = format!("{}{name}/", spot.folder);
        let child = if let Some((_, items)) = &module.content {
            let spot =
                Spot { parent: Some(parent), name: &name, path, file: spot.file, folder: below };
            self.add(&spot, &module.attrs, items, files)
        } else {
            let (file, folder) = match elsewhere {
                Some(elsewhere) => {
                    let file = joined(parent_folder(spot.file), &elsewhere);
                    let folder = parent_folder(&file).to_owned();
                    (file, folder)
                }
                None => {
                    let beside = format!("{}{name}.rs", spot.folder);
                    let within = format!("{below}mod.rs");
                    (if files.contains_key(&within) { within } else { beside }, below)
                }
            };
            let parsed = parse(&file, files);
            if only_in_tests(&parsed.attrs) {
                return;
            }
            let attributes: Vec<Attribute> =
                parsed.attrs.iter().chain(&module.attrs).cloned().collect();
            let spot = Spot { parent: Some(parent), name: &name, path, file: &file, folder };
            self.add(&spot, &attributes, &parsed.items, files)
        };
        self.modules[parent].children.insert(name, child);
    }
}

/// Location of a module in the sources.
struct Spot<'a> {
    parent: Option<usize>,
    name: &'a str,
    path: String,
    file: &'a str,
    /// Folder of its children's files, with a slash at the end.
    folder: String,
}

fn parse(file: &str, files: &BTreeMap<String, String>) -> syn::File {
    let text = files.get(file).unwrap_or_else(|| panic!("a module has no file {file}"));
    syn::parse_file(text).unwrap_or_else(|error| {
        panic!("{file}:{}: {error}", error.span().start().line);
    })
}

fn parent_folder(file: &str) -> &str {
    file.rfind('/').map_or("", |slash| &file[..=slash])
}

/// Resolves a path of `#[path]` relative to the folder of its file.
fn joined(folder: &str, path: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "." => {}
            ".." => drop(parts.pop()),
            _ => parts.push(part),
        }
    }
    parts.join("/")
}

/// The name of an item in paths; `None` for modules and imports, which are kept elsewhere.
fn name_of(item: &Item) -> Option<String> {
    let (attributes, ident) = match item {
        Item::Const(one) => (&one.attrs, &one.ident),
        Item::Enum(one) => (&one.attrs, &one.ident),
        Item::Fn(one) => (&one.attrs, &one.sig.ident),
        Item::Macro(one) => (&one.attrs, one.ident.as_ref()?),
        Item::Static(one) => (&one.attrs, &one.ident),
        Item::Struct(one) => (&one.attrs, &one.ident),
        Item::Trait(one) => (&one.attrs, &one.ident),
        Item::TraitAlias(one) => (&one.attrs, &one.ident),
        Item::Type(one) => (&one.attrs, &one.ident),
        Item::Union(one) => (&one.attrs, &one.ident),
        _ => return None,
    };
    (!only_in_tests(attributes)).then(|| scan::plain(ident))
}

fn enum_of(item: &Item) -> Option<(String, bool, usize)> {
    let Item::Enum(one) = item else { return None };
    let public = matches!(one.vis, Visibility::Public(_));
    (!only_in_tests(&one.attrs))
        .then(|| (one.ident.to_string(), public, one.ident.span().start().line))
}

/// The value of an attribute such as `#[path = "…"]`.
fn string_of(attribute: &Attribute, name: &str) -> Option<String> {
    match &attribute.meta {
        Meta::NameValue(pair) if pair.path.is_ident(name) => match &pair.value {
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.value()),
            _ => None,
        },
        _ => None,
    }
}

/// The first sentence of the documentation, without its full stop, links and back quotes.
fn first_sentence(attributes: &[Attribute]) -> Option<String> {
    let lines: Vec<String> = attributes.iter().filter_map(|one| string_of(one, "doc")).collect();
    let lines = lines.iter().flat_map(|text| text.lines()).map(str::trim);
    let paragraph: Vec<&str> = lines
        .skip_while(|line| line.is_empty())
        .take_while(|line| !line.is_empty() && !line.starts_with("```"))
        .collect();
    let text = without_links(&paragraph.join(" "));
    let end = text.match_indices(['.', '!', '?']).map(|(at, _)| at).find(|at| {
        let mut rest = text[at + 1..].chars();
        rest.next().is_none_or(|next| next == ' ')
            && rest.next().is_none_or(|next| !next.is_lowercase())
    });
    let sentence = text[..end.unwrap_or(text.len())].trim().trim_end_matches(':').to_owned();
    (!sentence.is_empty()).then_some(sentence)
}

/// Replaces `[text](target)` and `[text]` by the text, and removes back quotes.
fn without_links(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    let mut in_code = false;
    while let Some(at) = rest.find(['[', ']', '`']) {
        let (before, mark) = rest.split_at(at);
        plain.push_str(before);
        rest = &mark[1..];
        if mark.starts_with('`') {
            in_code = !in_code;
        } else if in_code {
            plain.push_str(&mark[..1]);
        } else if mark.starts_with("](") {
            rest = rest.split_once(')').map_or("", |(_, after)| after);
        }
    }
    plain + rest
}
