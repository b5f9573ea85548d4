//! Collects the paths in a module's source: in `use`, in code, and in the tokens of macros.

use std::collections::BTreeMap;

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, Expr, Item, Stmt, UseTree};

use super::cfg::only_in_tests;

/// The names that a module uses and imports.
#[derive(Debug, Default)]
pub(super) struct Contents {
    pub(super) paths: Vec<Path>,
    /// Imported names and their paths; imports inside functions count for the whole module.
    pub(super) imports: BTreeMap<String, Vec<String>>,
    /// Modules and enums imported with `*`.
    pub(super) globs: Vec<Vec<String>>,
    /// Each `macro_rules!`: name, whether it is exported.
    pub(super) macros: Vec<(String, bool)>,
}

/// A path as written in the source.
#[derive(Debug)]
pub(super) struct Path {
    pub(super) segments: Vec<String>,
    pub(super) line: usize,
    pub(super) kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Use,
    /// `use path::*`
    Glob,
    /// In code, unlike the `use` that imports its first segment.
    Inline,
    /// `name!`, without a path
    Macro,
}

/// Collects what the items of a module refer to, without child modules.
pub(super) fn contents(items: &[Item]) -> Contents {
    let mut scan = Scan { contents: Contents::default() };
    for item in items.iter().filter(|item| !matches!(item, Item::Mod(_))) {
        scan.visit_item(item);
    }
    scan.contents
}

/// An identifier without `r#`.
pub(super) fn plain(ident: &proc_macro2::Ident) -> String {
    ident.to_string().trim_start_matches("r#").to_owned()
}

struct Scan {
    contents: Contents,
}

impl Scan {
    fn record(&mut self, segments: Vec<String>, line: usize, kind: Kind) {
        self.contents.paths.push(Path { segments, line, kind });
    }

    fn import(&mut self, tree: &UseTree, prefix: &[String]) {
        let with = |ident| [prefix, &[plain(ident)]].concat();
        let (ident, alias) = match tree {
            UseTree::Path(path) => return self.import(&path.tree, &with(&path.ident)),
            UseTree::Group(group) => {
                return group.items.iter().for_each(|one| self.import(one, prefix));
            }
            UseTree::Glob(glob) => {
                let line = glob.star_token.spans[0].start().line;
                self.contents.globs.push(prefix.to_vec());
                return self.record(prefix.to_vec(), line, Kind::Glob);
            }
            UseTree::Name(name) => (&name.ident, None),
            UseTree::Rename(rename) => (&rename.ident, Some(&rename.rename)),
        };
        let segments = if ident == "self" { prefix.to_vec() } else { with(ident) };
        let name = alias.map(plain).or_else(|| segments.last().cloned());
        if let Some(name) = name.filter(|name| name != "_") {
            self.contents.imports.entry(name).or_insert_with(|| segments.clone());
        }
        self.record(segments, ident.span().start().line, Kind::Use);
    }

    /// Collects the paths in tokens: `a::b`, `$crate::a`, `a::{b, c::d}`, `a!`.
    fn tokens(&mut self, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut at = 0;
        while at < tokens.len() {
            match &tokens[at] {
                TokenTree::Ident(_) if !follows_colons_or_dot(&tokens, at) => {
                    at = self.path_at(&tokens, at, &[]);
                    continue;
                }
                TokenTree::Group(group) => self.tokens(group.stream()),
                _ => {}
            }
            at += 1;
        }
    }

    /// Records the path that begins here, and returns the index of its end.
    fn path_at(&mut self, tokens: &[TokenTree], begin: usize, prefix: &[String]) -> usize {
        let mut segments = prefix.to_vec();
        let line = tokens[begin].span().start().line;
        let mut at = begin;
        while let Some(TokenTree::Ident(ident)) = tokens.get(at) {
            if ident != "self" || segments.is_empty() {
                segments.push(plain(ident));
            }
            at += 1;
            if !is_colons(tokens, at) {
                break;
            }
            at += 2;
            if let Some(TokenTree::Group(group)) = tokens.get(at)
                && group.delimiter() == Delimiter::Brace
            {
                self.path_group(group, &segments);
                return at + 1;
            }
        }
        let is_macro = is_punct(tokens, at, '!') && !is_punct(tokens, at + 1, '=');
        if segments.len() > 1 {
            self.record(segments, line, Kind::Inline);
        } else if is_macro && prefix.is_empty() {
            self.record(segments, line, Kind::Macro);
        }
        at
    }

    fn path_group(&mut self, group: &Group, prefix: &[String]) {
        let tokens: Vec<TokenTree> = group.stream().into_iter().collect();
        let mut begins = true;
        let mut at = 0;
        while at < tokens.len() {
            if begins && matches!(tokens[at], TokenTree::Ident(_)) {
                at = self.path_at(&tokens, at, prefix);
                begins = false;
            } else {
                begins = is_punct(&tokens, at, ',');
                at += 1;
            }
        }
    }
}

impl Visit<'_> for Scan {
    fn visit_item(&mut self, item: &Item) {
        if only_in_tests(item_attributes(item)) {
            return;
        }
        match item {
            Item::Use(one) if one.leading_colon.is_none() => self.import(&one.tree, &[]),
            Item::Use(_) => {}
            Item::Macro(one) => {
                if let Some(name) = &one.ident {
                    let exported = one.attrs.iter().any(|it| it.path().is_ident("macro_export"));
                    self.contents.macros.push((plain(name), exported));
                    self.tokens(one.mac.tokens.clone());
                } else {
                    self.visit_macro(&one.mac);
                }
            }
            Item::Verbatim(tokens) => self.tokens(tokens.clone()),
            _ => visit::visit_item(self, item),
        }
    }

    fn visit_path(&mut self, path: &syn::Path) {
        let segments: Vec<String> = path.segments.iter().map(|one| plain(&one.ident)).collect();
        if path.leading_colon.is_none() && segments.len() > 1 {
            let line = path.segments[0].ident.span().start().line;
            self.record(segments, line, Kind::Inline);
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, one: &syn::Macro) {
        match one.path.get_ident() {
            Some(name) => {
                self.record(vec![plain(name)], name.span().start().line, Kind::Macro);
            }
            None => self.visit_path(&one.path),
        }
        self.tokens(one.tokens.clone());
    }

    fn visit_attribute(&mut self, attribute: &Attribute) {
        if let syn::Meta::List(list) = &attribute.meta {
            self.tokens(list.tokens.clone());
        }
    }

    /// The path in `pub(in crate::a)` is not a reference.
    fn visit_vis_restricted(&mut self, _: &syn::VisRestricted) {}

    fn visit_stmt(&mut self, statement: &Stmt) {
        let attributes = match statement {
            Stmt::Local(one) => one.attrs.as_slice(),
            Stmt::Macro(one) => one.attrs.as_slice(),
            Stmt::Item(_) | Stmt::Expr(..) => &[],
        };
        if !only_in_tests(attributes) {
            visit::visit_stmt(self, statement);
        }
    }

    fn visit_expr(&mut self, expression: &Expr) {
        if let Expr::Verbatim(tokens) = expression {
            self.tokens(tokens.clone());
        } else if !only_in_tests(expression_attributes(expression)) {
            visit::visit_expr(self, expression);
        }
    }

    fn visit_impl_item(&mut self, item: &syn::ImplItem) {
        let attributes = match item {
            syn::ImplItem::Const(one) => one.attrs.as_slice(),
            syn::ImplItem::Fn(one) => one.attrs.as_slice(),
            syn::ImplItem::Type(one) => one.attrs.as_slice(),
            syn::ImplItem::Macro(one) => one.attrs.as_slice(),
            _ => &[],
        };
        if !only_in_tests(attributes) {
            visit::visit_impl_item(self, item);
        }
    }

    fn visit_trait_item(&mut self, item: &syn::TraitItem) {
        let attributes = match item {
            syn::TraitItem::Const(one) => one.attrs.as_slice(),
            syn::TraitItem::Fn(one) => one.attrs.as_slice(),
            syn::TraitItem::Type(one) => one.attrs.as_slice(),
            syn::TraitItem::Macro(one) => one.attrs.as_slice(),
            _ => &[],
        };
        if !only_in_tests(attributes) {
            visit::visit_trait_item(self, item);
        }
    }

    fn visit_field(&mut self, field: &syn::Field) {
        if !only_in_tests(&field.attrs) {
            visit::visit_field(self, field);
        }
    }

    fn visit_field_value(&mut self, field: &syn::FieldValue) {
        if !only_in_tests(&field.attrs) {
            visit::visit_field_value(self, field);
        }
    }

    fn visit_variant(&mut self, variant: &syn::Variant) {
        if !only_in_tests(&variant.attrs) {
            visit::visit_variant(self, variant);
        }
    }

    fn visit_arm(&mut self, arm: &syn::Arm) {
        if !only_in_tests(&arm.attrs) {
            visit::visit_arm(self, arm);
        }
    }
}

fn item_attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(one) => &one.attrs,
        Item::Enum(one) => &one.attrs,
        Item::ExternCrate(one) => &one.attrs,
        Item::Fn(one) => &one.attrs,
        Item::ForeignMod(one) => &one.attrs,
        Item::Impl(one) => &one.attrs,
        Item::Macro(one) => &one.attrs,
        Item::Mod(one) => &one.attrs,
        Item::Static(one) => &one.attrs,
        Item::Struct(one) => &one.attrs,
        Item::Trait(one) => &one.attrs,
        Item::TraitAlias(one) => &one.attrs,
        Item::Type(one) => &one.attrs,
        Item::Union(one) => &one.attrs,
        Item::Use(one) => &one.attrs,
        _ => &[],
    }
}

/// Attributes of the kinds of expressions that can be omitted from a block or list.
fn expression_attributes(expression: &Expr) -> &[Attribute] {
    match expression {
        Expr::Assign(one) => &one.attrs,
        Expr::Block(one) => &one.attrs,
        Expr::Call(one) => &one.attrs,
        Expr::ForLoop(one) => &one.attrs,
        Expr::If(one) => &one.attrs,
        Expr::Loop(one) => &one.attrs,
        Expr::Macro(one) => &one.attrs,
        Expr::Match(one) => &one.attrs,
        Expr::MethodCall(one) => &one.attrs,
        Expr::Path(one) => &one.attrs,
        Expr::Return(one) => &one.attrs,
        Expr::Struct(one) => &one.attrs,
        Expr::Try(one) => &one.attrs,
        Expr::Unsafe(one) => &one.attrs,
        Expr::While(one) => &one.attrs,
        _ => &[],
    }
}

fn is_punct(tokens: &[TokenTree], at: usize, character: char) -> bool {
    matches!(tokens.get(at), Some(TokenTree::Punct(one)) if one.as_char() == character)
}

fn is_colons(tokens: &[TokenTree], at: usize) -> bool {
    is_punct(tokens, at, ':') && is_punct(tokens, at + 1, ':')
}

fn follows_colons_or_dot(tokens: &[TokenTree], at: usize) -> bool {
    let dot = at > 0 && is_punct(tokens, at - 1, '.');
    // `..name` is a range.
    let range = at > 1 && is_punct(tokens, at - 2, '.');
    (dot && !range) || (at > 1 && is_colons(tokens, at - 2))
}
