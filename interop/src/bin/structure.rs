//! Prints the structure of the workspace for ARCHITECTURE.md, and what breaks the rules.
//!
//!     cargo run -p interop --bin structure                prints the block
//!     cargo run -p interop --bin structure -- --write     puts it into ARCHITECTURE.md
//!     cargo run -p interop --bin structure -- --findings  prints what the tests would complain of
//!
//! The block is between two comments, `<!-- structure: begin -->` and `<!-- structure: end -->`. `--findings`
//! ignores the exceptions in `interop/tests/structure.rs`.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use interop::structure::{self, Finding, Upward, Workspace};

fn main() -> ExitCode {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    let workspace = Workspace::read(root);
    let block = structure::block(&workspace, structure::TWO_LEVELS);
    match std::env::args().nth(1).as_deref() {
        None => print!("{block}"),
        Some("--write") => {
            let path = root.join("ARCHITECTURE.md");
            let document = fs::read_to_string(&path).expect("ARCHITECTURE.md");
            let Some(changed) = structure::replace_block(&document, &block) else {
                eprintln!(
                    "ARCHITECTURE.md lacks the lines {:?}",
                    [structure::BEGIN, structure::END]
                );
                return ExitCode::FAILURE;
            };
            fs::write(&path, changed).expect("ARCHITECTURE.md can be written");
        }
        Some("--findings") => print_findings(&workspace),
        Some(other) => {
            eprintln!("unknown option {other}; there are --write and --findings");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn print_findings(workspace: &Workspace) {
    let rules: [(&str, Vec<Finding>); 9] = [
        ("cycles", structure::cycles(workspace)),
        (
            "upward references that are never allowed",
            structure::upward_references(workspace, Upward::OwnParent),
        ),
        ("all upward references", structure::upward_references(workspace, Upward::Never)),
        ("levels", structure::crowded_levels(workspace, structure::MODULES_ON_A_LEVEL)),
        ("layout", structure::split_layouts(workspace)),
        ("#[path]", structure::path_attributes(workspace)),
        ("files", structure::long_files(workspace, structure::LINES_OF_A_FILE)),
        ("errors", structure::error_enums(workspace)),
        ("descriptions", structure::undescribed_modules(workspace)),
    ];
    for (rule, findings) in rules {
        println!("== {rule}: {}", findings.len());
        for finding in findings {
            println!("{finding}");
        }
    }
}
