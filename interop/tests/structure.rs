//! Tests that the architecture matches ARCHITECTURE.md: crates, modules, and the references between them.
//!
//! `cargo run -p interop --bin structure -- --findings` lists everything that breaks a rule.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use interop::structure::{self, Finding, Upward, Workspace};

/// The maximum dependencies of each crate in the workspace. A new crate needs a line here.
const MAY_USE: &[(&str, &[&str])] = &[
    ("dataset", &[]),
    ("platform", &[]),
    ("proto", &["dataset"]),
    ("storage", &["dataset", "platform"]),
    ("requestor", &["dataset", "proto"]),
    ("receiver", &["dataset", "platform", "proto", "storage"]),
    ("catalog", &["platform"]),
    ("archive", &["catalog", "dataset", "platform", "storage"]),
    ("delivery", &["catalog", "dataset", "platform", "proto", "requestor", "storage"]),
    ("control", &["catalog", "dataset", "platform", "proto", "receiver", "storage"]),
    ("loadgen", &["dataset", "platform", "proto", "requestor"]),
    ("telemetry", &["dataset", "platform", "proto", "receiver"]),
    (
        "storescp",
        &[
            "archive",
            "catalog",
            "control",
            "dataset",
            "delivery",
            "platform",
            "proto",
            "receiver",
            "requestor",
            "storage",
            "telemetry",
        ],
    ),
];

/// Crates that must not depend on [`ASYNC_HTTP_SQL`], even indirectly.
const PLAIN_CRATES: &[&str] = &["dataset", "platform", "proto", "requestor", "storage", "receiver"];

/// Async runtimes, HTTP, SQL, brokers. (`futures` is not a runtime; the explorer of thread interleavings uses
/// it.)
const ASYNC_HTTP_SQL: &[&str] = &[
    "actix*",
    "async-*",
    "axum*",
    "diesel*",
    "embassy*",
    "h2",
    "http",
    "http-*",
    "hyper*",
    "isahc",
    "lapin",
    "libsqlite3-sys",
    "mio",
    "monoio*",
    "mysql*",
    "object_store",
    "postgres*",
    "reqwest",
    "rocket*",
    "rusqlite",
    "smol",
    "sqlite*",
    "sqlx*",
    "tiny_http",
    "tokio*",
    "tonic*",
    "tower*",
    "ureq",
    "warp",
];

/// Crates without sockets, files, threads and clock, and therefore without packages that provide them.
const PURE_CRATES: &[&str] = &["dataset", "proto"];
const OF_THE_SYSTEM: &[&str] = &[
    "chrono",
    "crossbeam*",
    "dns-lookup",
    "libc",
    "listenfd",
    "nix",
    "openssl*",
    "rayon*",
    "rustix",
    "rustls*",
    "signal-hook*",
    "socket2",
    "time",
    "tracing*",
];

/// What their sources do not say.
const WORLDLY: [&str; 10] = [
    "std::net",
    "std::fs",
    "std::thread",
    "std::process",
    "std::env",
    "std::os",
    "std::sync::mpsc",
    "Instant::now",
    "SystemTime",
    "println!",
];

/// How far up a module may refer to items that are defined above it.
const UPWARD: Upward = Upward::OwnParent;

/// Exceptions from a rule, each with its reason. The aim is to have none.
type Exceptions = &'static [(&'static str, &'static str)];
const CYCLES: Exceptions = &[];
const UPWARD_REFERENCES: Exceptions = &[];
const CROWDED_LEVELS: Exceptions = &[];
const SPLIT_LAYOUTS: Exceptions = &[];
const PATH_ATTRIBUTES: Exceptions = &[];
const LONG_FILES: Exceptions = &[];
const ERROR_ENUMS: Exceptions = &[
    (
        "receiver::net::tls::error::Error",
        "what is wrong with keys and certificates is also found on a reload, where nothing else can go wrong",
    ),
    (
        "receiver::net::tls::HandshakeError",
        "it costs one connection, and never a start as receiver::Error does",
    ),
];

static WORKSPACE: LazyLock<Workspace> = LazyLock::new(|| Workspace::read(root()));

#[test]
fn crates_use_only_what_they_may() {
    let may: BTreeMap<&str, &[&str]> = MAY_USE.iter().copied().collect();
    for one in &WORKSPACE.crates {
        let allowed = may.get(one.name.as_str());
        let allowed = allowed.unwrap_or_else(|| panic!("MAY_USE has a line for {}", one.name));
        for used in &one.dependencies {
            assert!(allowed.contains(&used.as_str()), "{} must not depend on {used}", one.name);
        }
    }
}

#[test]
fn crates_below_the_program_have_no_async_runtime_nor_http_nor_sql() {
    holds("no such package", &packages_of(PLAIN_CRATES, ASYNC_HTTP_SQL), &[]);
}

#[test]
fn dataset_and_proto_have_no_package_of_the_system() {
    for name in PURE_CRATES {
        let one = WORKSPACE.find(name).expect("the crate is there");
        let named = one.packages.iter().filter(|package| {
            OF_THE_SYSTEM.iter().any(|pattern| {
                pattern.strip_suffix('*').map_or(package == pattern, |it| package.starts_with(it))
            })
        });
        assert_eq!(Vec::from_iter(named), [""; 0], "{name}");
    }
}

/// The lints of their `clippy.toml` name functions and types, and cannot name modules as a whole.
#[test]
fn dataset_and_proto_name_no_socket_file_thread_or_clock() {
    for name in PURE_CRATES {
        let one = WORKSPACE.find(name).expect("the crate is there");
        assert!(one.files.len() > 10, "only {} files of {name}", one.files.len());
        for (path, text) in &one.files {
            for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
                let found = WORLDLY.iter().find(|word| line.contains(*word));
                assert_eq!(found, None, "{path}: {line}");
            }
        }
    }
}

#[test]
fn crates_depend_on_what_the_picture_says() {
    let stated = structure::stated_arrows(&picture());
    let found: BTreeMap<String, BTreeSet<String>> =
        WORKSPACE.crates.iter().map(|one| (one.name.clone(), one.dependencies.clone())).collect();
    assert_eq!(stated, found, "ARCHITECTURE.md has on the left what Cargo.toml has on the right");
}

#[test]
fn the_picture_is_that_of_the_code() {
    let expected = structure::block(&WORKSPACE, structure::TWO_LEVELS);
    let found = picture();
    if found != expected {
        let missing = expected.lines().find(|line| !found.lines().any(|one| one == *line));
        let stale = found.lines().find(|line| !expected.lines().any(|one| one == *line));
        panic!(
            "run `cargo run -p interop --bin structure -- --write`: ARCHITECTURE.md lacks \
             {missing:?} and has {stale:?}"
        );
    }
}

/// `receiver/net/transport.rs` in the text of a document is `crates/receiver/src/net/transport.rs`.
#[test]
fn paths_of_modules_in_documents_exist() {
    let mut seen = 0;
    for document in ["ARCHITECTURE.md", "CONTRIBUTING.md", "docs/operations.md"] {
        let text = fs::read_to_string(root().join(document)).expect(document);
        for quoted in text.split('`').skip(1).step_by(2) {
            let is_path = |it: char| it.is_ascii_alphanumeric() || "_./-".contains(it);
            let Some((name, rest)) = quoted.split_once('/') else { continue };
            if WORKSPACE.find(name).is_none() || !quoted.chars().all(is_path) {
                continue;
            }
            let rest = rest.strip_prefix("src/").unwrap_or(rest);
            let file = root().join("crates").join(name).join("src").join(rest);
            assert!(file.exists() || file.with_extension("rs").exists(), "{document}: {quoted}");
            seen += 1;
        }
    }
    assert!(seen > 30, "only {seen} paths found");
}

#[test]
fn each_module_says_in_a_sentence_what_it_is() {
    let found = structure::undescribed_modules(&WORKSPACE);
    holds("each module begins with a sentence in //!", &found, &[]);
}

#[test]
fn modules_have_no_cycles() {
    holds("siblings do not use each other in a circle", &structure::cycles(&WORKSPACE), CYCLES);
}

#[test]
fn modules_do_not_use_what_is_above_them() {
    let found = structure::upward_references(&WORKSPACE, UPWARD);
    holds("a module uses what is beside or below it", &found, UPWARD_REFERENCES);
}

#[test]
fn levels_are_not_crowded() {
    let found = structure::crowded_levels(&WORKSPACE, structure::MODULES_ON_A_LEVEL);
    holds("a module has a dozen children at most", &found, CROWDED_LEVELS);
}

#[test]
fn modules_with_children_are_folders() {
    let found = structure::split_layouts(&WORKSPACE);
    holds("a module with children is x/mod.rs", &found, SPLIT_LAYOUTS);
}

#[test]
fn modules_are_in_the_file_of_their_name() {
    let found = structure::path_attributes(&WORKSPACE);
    holds("no module is elsewhere than its name says", &found, PATH_ATTRIBUTES);
}

#[test]
fn files_are_short() {
    let found = structure::long_files(&WORKSPACE, structure::LINES_OF_A_FILE);
    holds("a file can be read in one sitting", &found, LONG_FILES);
}

#[test]
fn each_crate_has_one_enum_of_errors() {
    let found = structure::error_enums(&WORKSPACE);
    holds("a crate has one enum of errors", &found, ERROR_ENUMS);
}

/// Fails if a finding has no exception, or if an exception has no finding.
fn holds(rule: &str, findings: &[Finding], exceptions: Exceptions) {
    let mut complaint = String::new();
    for finding in findings {
        if !exceptions.iter().any(|(subject, _)| *subject == finding.subject) {
            let _ = write!(complaint, "\n{finding}");
        }
    }
    for (subject, reason) in exceptions {
        assert!(!reason.is_empty(), "{subject} has a reason");
        if !findings.iter().any(|finding| finding.subject == *subject) {
            let _ = write!(complaint, "\n{subject}: needs no exception any more");
        }
    }
    assert!(complaint.is_empty(), "{rule}, but:{complaint}");
}

fn packages_of(crates: &[&str], patterns: &[&str]) -> Vec<Finding> {
    let crates = crates.iter().filter_map(|name| WORKSPACE.find(name));
    crates.flat_map(|one| structure::forbidden_packages(&WORKSPACE, one, patterns)).collect()
}

/// The structure block of ARCHITECTURE.md.
fn picture() -> String {
    let document = fs::read_to_string(root().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md");
    let block = structure::block_of(&document);
    block.expect("ARCHITECTURE.md has a block of the structure between its two marks").to_owned()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace")
}
