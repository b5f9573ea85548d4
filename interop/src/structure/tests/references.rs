//! Tests which paths count as references, and what they resolve to.

use super::*;

/// The references of a module `a` with this text, next to `b` (with `b::c`) and `d`, below a root with an item.
fn named_by_a(text: &str) -> Vec<String> {
    references(&[
        ("lib.rs", "mod a; mod b; mod d; mod e; pub use b::Shown; use std::fmt; pub struct Root;"),
        ("a.rs", text),
        ("b/mod.rs", "pub mod c; pub struct B; pub struct Shown; pub use c::C;"),
        ("b/c.rs", "pub struct C;"),
        ("d.rs", "pub struct D; pub enum E { F }"),
        ("e.rs", "pub use std::sync::Mutex; pub use std::iter::*;"),
    ])
}

#[test]
fn imports_are_references() {
    assert_eq!(named_by_a("use crate::b::B;"), ["one::a -> one::b (B) 1"]);
    assert_eq!(named_by_a("use super::b::B;"), ["one::a -> one::b (B) 1"]);
    assert_eq!(named_by_a("\npub use crate::b::B as Other;"), ["one::a -> one::b (B) 2"]);
    assert_eq!(named_by_a("use crate::b;"), ["one::a -> one::b () 1"]);
    assert_eq!(named_by_a("use crate::b::*;"), ["one::a -> one::b (*) 1"]);
    assert_eq!(named_by_a("use crate::b as _;"), ["one::a -> one::b () 1"]);
    assert_eq!(named_by_a("fn f() { use crate::b::B; }"), ["one::a -> one::b (B) 1"]);
    assert_eq!(named_by_a("use crate::d::E::F;"), ["one::a -> one::d (E) 1"]);
    assert_eq!(named_by_a("pub(in crate::b) struct A; pub(crate) fn f() {}"), [""; 0]);
}

#[test]
fn nested_groups_are_taken_apart() {
    let text = "use crate::{\n    b::{self, c::{C}, B},\n    d::D,\n};";
    let expected = [
        "one::a -> one::b () 2",
        "one::a -> one::b (B) 2",
        "one::a -> one::b::c (C) 2",
        "one::a -> one::d (D) 3",
    ];
    assert_eq!(named_by_a(text), expected);
}

#[test]
fn paths_in_code_are_references() {
    for text in [
        "fn f(_: crate::b::B) {}",
        "fn f() -> Vec<super::b::B> { vec![] }",
        "fn f() { let _ = crate::b::B; }",
        "fn f() { crate::b::B::new(); }",
        "fn f(it: X) { match it { crate::b::B => {} } }",
        "impl From<crate::b::B> for X {}",
        "fn f() { <X as crate::b::B>::g(); }",
        "struct A { b: &'static [crate::b::B] }",
        "static A: u8 = crate::b::B;",
    ] {
        assert_eq!(named_by_a(text), ["one::a -> one::b (B) 1"], "{text}");
    }
}

#[test]
fn a_name_that_was_imported_counts_once() {
    let text = "use crate::b::B;\nfn f() { B::new(); B::x() }";
    assert_eq!(named_by_a(text), ["one::a -> one::b (B) 1"]);
    let text = "use crate::{b::{self}};\nfn f() { b::c::C::new() }";
    assert_eq!(named_by_a(text), ["one::a -> one::b () 1", "one::a -> one::b::c (C) 2"]);
    let text = "use crate::b;\nfn f() { b::B::new(); b::c::C::new() }";
    assert_eq!(named_by_a(text), ["one::a -> one::b () 1", "one::a -> one::b::c (C) 2"]);
}

#[test]
fn paths_among_the_tokens_of_macros_are_references() {
    for text in [
        "fn f() { println!(\"{}\", crate::b::B) }",
        "fn f() { println!(\"{:?}\", [(1, super::b::B::new())]) }",
        "fn f() { assert!(matches!(x, crate::b::B)) }",
        "macro_rules! m { () => { $crate::b::B } }",
        "m! { use crate::{b::B}; }",
        "fn f() { m!(..crate::b::B) }",
        "#[m(crate::b::B)] fn f() {}",
    ] {
        assert_eq!(named_by_a(text), ["one::a -> one::b (B) 1"], "{text}");
    }
    assert_eq!(named_by_a("fn f() { m!(x.b::<u8>(), ::b::B, y::b::B) }"), [""; 0]);
}

#[test]
fn macros_belong_to_the_module_that_defines_them() {
    let files = |call| {
        [
            ("lib.rs", "#[macro_use] mod b; mod a; macro_rules! top { () => {} }"),
            ("a.rs", call),
            (
                "b.rs",
                "#[macro_export] macro_rules! shout { () => {} }\nmacro_rules! say { () => {} }",
            ),
        ]
    };
    assert_eq!(references(&files("say!();")), ["one::a -> one::b (say!) 1"]);
    assert_eq!(references(&files("fn f() { g(|| say!()) }")), ["one::a -> one::b (say!) 1"]);
    assert_eq!(references(&files("vec!(say!());")), ["one::a -> one::b (say!) 1"]);
    assert_eq!(references(&files("fn f() { crate::shout!() }")), ["one::a -> one::b (shout!) 1"]);
    assert_eq!(references(&files("use crate::shout;")), ["one::a -> one::b (shout!) 1"]);
    assert_eq!(references(&files("top!();")), ["one::a ^ one (top!) 1"]);
    for other in ["vec!(1);", "const X: bool = m!(say != 1);", "use x::say; say!();"] {
        assert_eq!(references(&files(other)), [""; 0], "{other}");
    }
}

#[test]
fn what_other_crates_and_locals_are_called_is_no_reference() {
    for text in [
        "use std::fmt; use ::b::B; use d::D; fn f() { fmt::format(); b::x(); }",
        "fn f<b: Clone>(x: b::C) {}",
        "use self::inner::X; mod inner { pub struct X; } fn f() { inner::X::new(); Self::g(); }",
        "use super::fmt;",
        "use crate as all; use super::super as none; fn f() { all::fmt::x() }",
    ] {
        assert_eq!(named_by_a(text), [""; 0], "{text}");
    }
}

#[test]
fn code_of_tests_is_left_out() {
    for text in [
        "#[cfg(test)] mod tests { use crate::b::B; }",
        "#[cfg(test)] mod of_no_file;",
        "#[cfg(test)] use crate::b::B;",
        "#[cfg(all(test, unix))] fn f() { crate::b::B }",
        "#[cfg(feature = \"explore\")] use crate::b::B;",
        "#[cfg(any(test, feature = \"testing\"))] use crate::b::B;",
        "impl A { #[cfg(test)] fn f() { crate::b::B } }",
        "fn f() { #[cfg(test)] let x = crate::b::B; }",
        "fn f() { #[cfg(test)] crate::b::B(); #[cfg(test)] { crate::b::B } }",
        "struct A { #[cfg(test)] b: crate::b::B }",
        "fn f() { match x { #[cfg(test)] y => crate::b::B, _ => {} } }",
        "fn f() { #[cfg(test)] m!(crate::b::B); }",
    ] {
        assert_eq!(named_by_a(text), [""; 0], "{text}");
    }
    for text in [
        "#[cfg(not(test))] use crate::b::B;",
        "#[cfg(any(test, unix))] use crate::b::B;",
        "#[cfg(target_os = \"linux\")] use crate::b::B;",
        "#[cfg(not(feature = \"explore\"))] use crate::b::B;",
        "#[cfg(feature = \"vendored-openssl\")] use crate::b::B;",
    ] {
        assert_eq!(named_by_a(text), ["one::a -> one::b (B) 1"], "{text}");
    }
    let files =
        [("lib.rs", "mod a; mod b;"), ("a.rs", "#![cfg(test)] use crate::b;"), ("b.rs", "")];
    assert_eq!(references(&files), [""; 0]);
}

#[test]
fn what_a_module_above_re_exports_counts_where_it_is_defined() {
    assert_eq!(named_by_a("use crate::Shown;"), ["one::a -> one::b (Shown) 1"]);
    assert_eq!(named_by_a("use super::Shown;"), ["one::a -> one::b (Shown) 1"]);
    assert_eq!(named_by_a("use super::*;"), ["one::a ^ one (*) 1"]);
    // A re-export of a sibling counts as the sibling's item.
    assert_eq!(named_by_a("use crate::b::C;"), ["one::a -> one::b (C) 1"]);
    assert_eq!(named_by_a("use crate::e::Mutex;"), ["one::a -> one::e (Mutex) 1"]);
    assert_eq!(named_by_a("fn f() { crate::e::any() }"), ["one::a -> one::e (any) 1"]);
    let files = [
        ("lib.rs", "mod a; mod b; pub use a::*; pub use again::Last; use b as again;"),
        ("a.rs", "pub use inner::First; mod inner { pub struct First; }"),
        ("b.rs", "use crate::First;\npub struct Last;\nmod c { use crate::Last; }"),
    ];
    let expected = ["one::b -> one::a (First) 1", "one::b::c ^ one::b (Last) 3"];
    assert_eq!(references(&files), expected);
    let files = [("lib.rs", "mod a; pub use std::iter::*;"), ("a.rs", "use super::any;")];
    assert_eq!(references(&files), [""; 0]);
    // Cyclic imports do not loop forever.
    let files = [("lib.rs", "mod a; use a::X;"), ("a.rs", "use super::X; fn f() { X::y() }")];
    assert_eq!(references(&files), [""; 0]);
}

#[test]
fn self_and_super_are_followed() {
    let files = [
        ("lib.rs", "mod a; mod b;"),
        ("a/mod.rs", "mod x; mod y;"),
        ("a/x/mod.rs", "mod deep;"),
        (
            "a/x/deep.rs",
            "use super::super::super::b::B;\nuse super::super::y::{self, Y};\nuse self::own::O; mod own { pub struct O; pub struct P(super::super::super::y::Y); }",
        ),
        ("a/y.rs", "pub struct Y; use self::z::Z; mod z { pub struct Z; }"),
        ("b.rs", "pub struct B;"),
    ];
    let expected = [
        "one::a::x::deep -> one::a::y () 2",
        "one::a::x::deep -> one::a::y (Y) 2",
        "one::a::x::deep -> one::b (B) 1",
        "one::a::x::deep::own -> one::a::y (Y) 3",
    ];
    assert_eq!(references(&files), expected);
}

#[test]
fn modules_are_found_where_rust_finds_them() {
    let workspace = one_crate(&[
        ("lib.rs", "mod a; mod b; mod c { mod d; } #[path = \"other/e.rs\"] mod e;"),
        ("a.rs", "mod x;"),
        ("a/x.rs", ""),
        ("b/mod.rs", "mod x;"),
        ("b/x.rs", ""),
        ("c/d.rs", ""),
        ("other/e.rs", "mod f;"),
        ("other/f.rs", ""),
        ("bin/tool.rs", "mod helper;"),
        ("bin/helper.rs", ""),
        ("bin/large/main.rs", ""),
        ("main.rs", ""),
    ]);
    let trees = &workspace.crates[0].trees;
    let roots: Vec<&str> = trees.iter().map(|tree| tree.modules[0].file.as_str()).collect();
    let expected = ["lib.rs", "main.rs", "bin/helper.rs", "bin/large/main.rs", "bin/tool.rs"];
    assert_eq!(roots, expected.map(|file| format!("crates/one/src/{file}")));
    let files: Vec<(&str, &str)> = trees[0]
        .modules
        .iter()
        .map(|module| {
            (module.path.as_str(), module.file.strip_prefix("crates/one/src/").expect("in src"))
        })
        .collect();
    let expected = [
        ("one", "lib.rs"),
        ("one::a", "a.rs"),
        ("one::a::x", "a/x.rs"),
        ("one::b", "b/mod.rs"),
        ("one::b::x", "b/x.rs"),
        ("one::c", "lib.rs"),
        ("one::c::d", "c/d.rs"),
        ("one::e", "other/e.rs"),
        ("one::e::f", "other/f.rs"),
    ];
    assert_eq!(files, expected);
    let attributes = path_attributes(&workspace);
    assert_eq!(subjects(&attributes), ["crates/one/src/lib.rs"]);
}

#[test]
fn modules_that_stand_for_each_other_count_both() {
    let files = [
        (
            "lib.rs",
            "mod a; mod b;\n#[cfg(unix)] mod c { use crate::a::A; }\n#[cfg(not(unix))] mod c { use crate::b::B; }",
        ),
        ("a.rs", "pub struct A;"),
        ("b.rs", "pub struct B;"),
    ];
    assert_eq!(references(&files), ["one::c -> one::a (A) 2", "one::c -> one::b (B) 3"]);
}
