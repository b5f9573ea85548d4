//! Tests the rules for the modules of one crate.

use super::*;

#[test]
fn cycles_are_caught() {
    let workspace = one_crate(&[
        ("lib.rs", "mod a; mod b; mod c; mod d;"),
        ("a/mod.rs", "mod inner;"),
        ("a/inner.rs", "use crate::b::B; use crate::d;"),
        ("b.rs", "pub struct B;\nfn f() { crate::c::c() }"),
        ("c.rs", "pub fn c() {}\nuse crate::{a::A, d};"),
        ("d.rs", ""),
    ]);
    let found = cycles(&workspace);
    assert_eq!(subjects(&found), ["one"]);
    let text = &found[0].text;
    for part in [
        "3 modules in a cycle: ",
        "without these 1 arrows (1 references)",
        "\n    a -> b: crates/one/src/a/inner.rs:1 (B)",
        "\n    b -> c: crates/one/src/b.rs:2 (c)",
        "\n    c -> a: crates/one/src/c.rs:2 (A)",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(!text.contains("-> d"), "{text}");
}

#[test]
fn cycles_below_the_root_are_caught_where_they_are() {
    let workspace = one_crate(&[
        ("lib.rs", "mod a; mod b;"),
        ("a/mod.rs", "mod x; mod y; pub use x::X; use crate::b;"),
        ("a/x.rs", "use super::y; pub struct X;"),
        ("a/y.rs", "use super::X;"),
        ("b.rs", ""),
    ]);
    assert_eq!(subjects(&cycles(&workspace)), ["one::a"]);
    let none = one_crate(&[
        ("lib.rs", "mod a; mod b; #[cfg(test)] mod tests;"),
        ("a.rs", "use crate::b; #[cfg(test)] mod tests { use super::*; }"),
        ("b.rs", "#[cfg(test)] mod tests { use crate::a::*; }"),
    ]);
    assert_eq!(cycles(&none), []);
}

#[test]
fn references_upwards_are_caught() {
    let workspace = one_crate(&[
        ("lib.rs", "mod a; pub struct Root;"),
        ("a/mod.rs", "mod b; pub struct A;"),
        ("a/b/mod.rs", "mod c; use super::A;"),
        ("a/b/c.rs", "use super::super::A;\nuse crate as all; fn f() { all::Root::new() }"),
    ]);
    let count = |rule| upward_references(&workspace, rule).len();
    assert_eq!(
        subjects(&upward_references(&workspace, Upward::Never)),
        ["one::a::b", "one::a::b::c", "one::a::b::c"]
    );
    assert_eq!(
        subjects(&upward_references(&workspace, Upward::OwnParent)),
        ["one::a::b::c", "one::a::b::c"]
    );
    assert_eq!(count(Upward::Anywhere), 0);
    // The root does not count as a parent here.
    let workspace = one_crate(&[
        ("lib.rs", "mod a; pub struct Root; pub use a::A;"),
        ("a.rs", "use crate::Root; pub struct A;"),
    ]);
    let found = upward_references(&workspace, Upward::OwnParent);
    let text = "one::a: names what one defines above it: crates/one/src/a.rs:1 (Root)";
    assert_eq!(found.iter().map(ToString::to_string).collect::<Vec<_>>(), [text]);
}

#[test]
fn crowded_levels_are_caught() {
    let modules = "mod a {} mod b {} #[cfg(unix)] mod c {} #[cfg(not(unix))] mod c {}";
    let with_tests = format!("{modules} #[cfg(test)] mod tests {{}}");
    let workspace = one_crate(&[("lib.rs", &with_tests)]);
    assert_eq!(crowded_levels(&workspace, 3), []);
    assert_eq!(subjects(&crowded_levels(&workspace, 2)), ["one"]);
}

#[test]
fn split_layouts_are_caught() {
    let workspace = one_crate(&[
        ("lib.rs", "mod a; mod ab; mod b;"),
        ("a.rs", "#[cfg(test)] mod tests;"),
        ("a/tests.rs", ""),
        ("ab.rs", ""),
        ("b/mod.rs", ""),
    ]);
    assert_eq!(subjects(&split_layouts(&workspace)), ["crates/one/src/a.rs"]);
}

#[test]
fn long_files_are_caught() {
    let workspace = one_crate(&[
        ("lib.rs", "mod a; #[cfg(test)] mod tests;\n\n\n"),
        ("a.rs", "\n\n"),
        ("tests.rs", "\n\n\n"),
    ]);
    let found = long_files(&workspace, 2);
    assert_eq!(subjects(&found), ["crates/one/src/lib.rs", "crates/one/src/tests.rs"]);
    assert_eq!(long_files(&workspace, 3), []);
}

#[test]
fn second_enums_of_errors_are_caught() {
    let workspace = one_crate(&[
        ("lib.rs", "mod a; mod error;"),
        ("a.rs", "enum Error {} pub enum StartError {} enum OwnError {} pub struct PartError;"),
        ("error.rs", "pub enum Error {} #[cfg(test)] mod tests { pub enum Error {} }"),
    ]);
    let found = error_enums(&workspace);
    assert_eq!(subjects(&found), ["one::error::Error", "one::a::StartError"]);
}

#[test]
fn modules_without_a_sentence_are_caught() {
    let workspace = one_crate(&[
        ("lib.rs", "//! All.\nmod a; mod b; /// Inline.\nmod c {} mod d {}"),
        ("a.rs", "//!\n//! ```text\n//! x\n"),
        ("b.rs", "//! What it is, e.g. for PS3.5: a\n//! [`Thing`](crate::a) of `[u8]`. More.\n"),
    ]);
    assert_eq!(subjects(&undescribed_modules(&workspace)), ["one::a", "one::d"]);
    let modules = &workspace.crates[0].trees[0].modules;
    let sentence = |path| modules.iter().find(|one| one.path == path)?.sentence.as_deref();
    assert_eq!(sentence("one::b"), Some("What it is, e.g. for PS3.5: a Thing of [u8]"));
    assert_eq!(sentence("one::c"), Some("Inline"));
}

#[test]
fn an_order_has_few_arrows_that_point_up() {
    let arrows = [((0, 1), 5), ((1, 2), 5), ((2, 0), 1), ((3, 0), 1), ((2, 4), 1)].into();
    assert_eq!(graph::top_down(5, &arrows), [vec![3], vec![0, 1, 2], vec![4]]);
}
