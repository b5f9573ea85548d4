//! Resolves the paths in the sources to modules.

use std::collections::BTreeSet;

use super::module::ModuleTree;
use super::reference::{Reference, Relation};
use super::scan::{Kind, Path};

/// Target of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Target {
    Module(usize),
    /// An item of this module, or one that another module reaches through this one.
    Item(usize, String),
    /// Another crate, or a local name.
    Elsewhere,
}

/// All references of the tree, sorted and without duplicates.
pub(super) fn references(tree: &ModuleTree) -> Vec<Reference> {
    let mut found = BTreeSet::new();
    for (from, module) in tree.modules.iter().enumerate() {
        for path in &module.contents.paths {
            let resolver = Resolver { tree, from };
            found.extend(resolver.target(path).and_then(|it| resolver.reference(path, it)));
        }
    }
    found.into_iter().collect()
}

struct Resolver<'a> {
    tree: &'a ModuleTree,
    from: usize,
}

impl Resolver<'_> {
    /// The target of this path, unless another path already accounts for it.
    fn target(&self, path: &Path) -> Option<Target> {
        let module = &self.tree.modules[self.from];
        let first = path.segments.first()?;
        match path.kind {
            Kind::Use => Some(self.resolve(&path.segments)),
            Kind::Glob => Some(match self.resolve(&path.segments) {
                Target::Module(to) => Target::Item(to, "*".to_owned()),
                item => item,
            }),
            Kind::Macro => {
                let known =
                    module.items.contains(first) || module.contents.imports.contains_key(first);
                let (to, _) = self.tree.macros.get(first).filter(|_| !known)?;
                Some(Target::Item(*to, format!("{first}!")))
            }
            Kind::Inline => {
                let target = self.resolve(&path.segments);
                let is_child = module.children.contains_key(first);
                let imported = module.contents.imports.get(first).filter(|_| !is_child);
                let imported = imported.map(|import| self.resolve(import));
                // The `use` counts, unless it only imports a module above, which refers to no item of it.
                let counted = match (imported, &target) {
                    (Some(Target::Item(..)), _) => true,
                    (Some(Target::Module(used)), Target::Item(to, _)) => {
                        used == *to && !self.tree.is_within(self.from, used)
                    }
                    _ => false,
                };
                (!counted).then_some(target)
            }
        }
    }

    fn reference(&self, path: &Path, target: Target) -> Option<Reference> {
        let tree = self.tree;
        let (to, item) = match target {
            Target::Module(to) if tree.is_within(self.from, to) => return None,
            Target::Module(to) => (to, String::new()),
            Target::Item(to, item) => (to, item),
            Target::Elsewhere => return None,
        };
        let relation = if tree.is_within(to, self.from) {
            // A reference to itself or downwards.
            return None;
        } else if tree.is_within(self.from, to) {
            let levels = tree.depth(self.from) - tree.depth(to);
            Relation::Upward { levels, to_root: to == 0 }
        } else {
            self.across(to)
        };
        let module = &tree.modules[self.from];
        Some(Reference {
            relation,
            from: module.path.clone(),
            to: tree.modules[to].path.clone(),
            item,
            file: module.file.clone(),
            line: path.line,
        })
    }

    /// The two children of the lowest common ancestor.
    fn across(&self, to: usize) -> Relation {
        let modules = &self.tree.modules;
        let mut here = self.from;
        while let Some(parent) = modules[here].parent {
            if self.tree.is_within(to, parent) {
                let mut there = to;
                while modules[there].parent != Some(parent) {
                    there = modules[there].parent.expect("it is within the parent");
                }
                let (from, to) = (modules[here].name.clone(), modules[there].name.clone());
                return Relation::Across { parent, from, to };
            }
            here = parent;
        }
        unreachable!("the root is above all")
    }

    fn resolve(&self, segments: &[String]) -> Target {
        self.in_scope(self.from, segments, &mut Vec::new())
    }

    /// Resolves a path as written in the module `scope`.
    fn in_scope(
        &self,
        scope: usize,
        segments: &[String],
        seen: &mut Vec<(usize, String)>,
    ) -> Target {
        let Some((first, rest)) = segments.split_first() else { return Target::Elsewhere };
        match first.as_str() {
            "crate" => self.walk(0, rest, seen),
            "self" => self.walk(scope, rest, seen),
            "super" => match self.tree.modules[scope].parent {
                Some(parent) => self.walk(parent, rest, seen),
                None => Target::Elsewhere,
            },
            _ if self.defines(scope, first, &mut Vec::new()) => self.walk(scope, segments, seen),
            _ => Target::Elsewhere,
        }
    }

    /// Resolves a path relative to a module. `seen` holds the imports already followed.
    fn walk(
        &self,
        mut module: usize,
        segments: &[String],
        seen: &mut Vec<(usize, String)>,
    ) -> Target {
        for (at, segment) in segments.iter().enumerate() {
            let here = &self.tree.modules[module];
            if segment == "super" {
                let Some(parent) = here.parent else { return Target::Elsewhere };
                module = parent;
            } else if segment == "self" {
                // `a::{self}`
            } else if let Some(child) = here.children.get(segment) {
                module = *child;
            } else {
                return self.named(module, segment, &segments[at + 1..], seen);
            }
        }
        Target::Module(module)
    }

    /// Resolves a name in a module that is not one of its children. An item that the module only imports is
    /// followed to its origin if the module is above; otherwise it counts as the module's own.
    fn named(
        &self,
        module: usize,
        name: &str,
        rest: &[String],
        seen: &mut Vec<(usize, String)>,
    ) -> Target {
        let own = Target::Item(module, name.to_owned());
        let here = &self.tree.modules[module];
        if here.items.contains(name) || !self.tree.is_within(self.from, module) {
            return own;
        }
        let key = (module, name.to_owned());
        if seen.contains(&key) {
            return Target::Elsewhere;
        }
        seen.push(key);
        if let Some(import) = here.contents.imports.get(name) {
            return self.in_scope(module, &[import, rest].concat(), seen);
        }
        for glob in &here.contents.globs {
            if let Target::Module(source) = self.in_scope(module, glob, &mut seen.clone())
                && self.defines(source, name, &mut Vec::new())
            {
                return self.walk(source, &[&[name.to_owned()], rest].concat(), seen);
            }
        }
        match self.tree.macros.get(name) {
            Some((defined, true)) if module == 0 => Target::Item(*defined, format!("{name}!")),
            _ if self.imports_all_of_another_crate(module) => Target::Elsewhere,
            _ => own,
        }
    }

    fn defines(&self, module: usize, name: &str, seen: &mut Vec<usize>) -> bool {
        let here = &self.tree.modules[module];
        if here.children.contains_key(name)
            || here.items.contains(name)
            || here.contents.imports.contains_key(name)
        {
            return true;
        }
        if seen.contains(&module) {
            return false;
        }
        seen.push(module);
        self.globbed(module).any(|source| self.defines(source, name, seen))
    }

    /// The modules that this one imports with `*`, as far as keywords or children lead to them.
    fn globbed(&self, module: usize) -> impl Iterator<Item = usize> {
        let here = &self.tree.modules[module];
        here.contents.globs.iter().filter_map(move |glob| {
            let (first, rest) = glob.split_first()?;
            let begin = match first.as_str() {
                "crate" => 0,
                "self" => module,
                "super" => here.parent?,
                child => *here.children.get(child)?,
            };
            rest.iter().try_fold(begin, |at, segment| match segment.as_str() {
                "super" => self.tree.modules[at].parent,
                child => self.tree.modules[at].children.get(child).copied(),
            })
        })
    }

    fn imports_all_of_another_crate(&self, module: usize) -> bool {
        let here = &self.tree.modules[module];
        here.contents.globs.iter().any(|glob| {
            let first = glob.first().map_or("", String::as_str);
            !matches!(first, "crate" | "self" | "super")
                && !self.defines(module, first, &mut Vec::new())
        })
    }
}
