//! Tests the rules for crates, and the picture.

use super::*;

/// Three crates: `top` uses `middle` and `bottom`, and has the dependency `web`, which depends on `hyper`.
fn three_crates() -> Workspace {
    workspace(&[
        (
            "Cargo.toml",
            "[workspace.dependencies]\nmiddle = { path = 'm' }\nbase = { path = 'b', package = 'bottom' }",
        ),
        (
            "Cargo.lock",
            "[[package]]\nname = 'web'\nversion = '1'\ndependencies = ['hyper 1.0.0', 'zlib']\n\
             [[package]]\nname = 'hyper'\nversion = '1.0.0'\n",
        ),
        (
            "crates/top/Cargo.toml",
            "package.name = 'top'\n[dependencies]\nmiddle.workspace = true\nbase.workspace = true\n\
             [target.'cfg(unix)'.dependencies]\nweb = '1'\n",
        ),
        ("crates/top/src/lib.rs", "//! Top.\nmod a;\nmod long_name;"),
        ("crates/top/src/a.rs", "//! The letter A. Not B.\n//! More.\n"),
        (
            "crates/top/src/long_name.rs",
            "//! Uses [`a`](crate::a): that is all.\nmod b;\nuse crate::a;",
        ),
        ("crates/top/src/long_name/b.rs", "//! Below.\n"),
        (
            "crates/middle/Cargo.toml",
            "package.name = 'middle'\n[dependencies]\nbase.workspace = true\n\
             [build-dependencies]\ncc = '1'\n[dev-dependencies]\ntokio = '1'\ntop = { path = 't' }\n",
        ),
        ("crates/middle/src/lib.rs", ""),
        ("crates/bottom/Cargo.toml", "package.name = 'bottom'\n"),
        ("crates/bottom/src/lib.rs", ""),
    ])
}

#[test]
fn dependencies_are_read_from_manifests() {
    let workspace = three_crates();
    let read: Vec<_> = workspace
        .crates
        .iter()
        .map(|one| {
            (one.name.as_str(), Vec::from_iter(&one.dependencies), Vec::from_iter(&one.packages))
        })
        .map(|(name, crates, packages)| format!("{name} {crates:?} {packages:?}"))
        .collect();
    let expected =
        ["bottom [] []", r#"middle ["bottom"] ["cc"]"#, r#"top ["bottom", "middle"] ["web"]"#];
    assert_eq!(read, expected);
}

#[test]
fn forbidden_packages_are_caught_however_indirect() {
    let workspace = three_crates();
    let top = workspace.find("top").expect("it is there");
    let found = forbidden_packages(&workspace, top, &["hyp*", "tokio", "c"]);
    let found: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert_eq!(found, ["hyper: top -> web -> hyper"]);
    assert_eq!(subjects(&forbidden_packages(&workspace, top, &["cc"])), ["cc"]);
    let bottom = workspace.find("bottom").expect("it is there");
    assert_eq!(forbidden_packages(&workspace, bottom, &["*"]), []);
}

#[test]
fn the_picture_shows_crates_and_modules_top_down() {
    let expected = "```mermaid\ngraph TD\n    top --> middle\n    middle --> bottom\n```\n\n\
                    ```text structure\ntop -> middle, bottom\n\
                    \x20 long_name  Uses a: that is all\n\
                    \x20   b        Below\n\
                    \x20 a          The letter A\n\
                    \n\
                    middle -> bottom\n\
                    \n\
                    bottom\n```\n";
    let written = block(&three_crates(), &["top"]);
    assert_eq!(written, expected);
    assert!(!block(&three_crates(), &[]).contains("Below"));

    let stated = stated_arrows(&written);
    assert_eq!(stated.keys().collect::<Vec<_>>(), ["bottom", "middle", "top"]);
    for one in three_crates().crates {
        assert_eq!(stated[&one.name], one.dependencies);
    }
}

#[test]
fn the_block_is_replaced_between_its_marks() {
    let document = format!("before\n{BEGIN}\nold\n{END}\nafter\n");
    assert_eq!(block_of(&document), Some("old\n"));
    let replaced = replace_block(&document, "new\n");
    assert_eq!(replaced, Some(format!("before\n{BEGIN}\nnew\n{END}\nafter\n")));
    assert_eq!(replace_block("before\n", "new\n"), None);
}
