//! Tests that the console sessions in the documents work as shown.
//!
//! A block marked `console` is run by one shell: lines after `$ ` are commands, the lines that follow are their
//! output. `…` stands for any text. All blocks of a document share a folder; ports are replaced by unused ones.
//! A block behind `<!-- file: NAME -->` is a file in that folder. Blocks marked `sh` change the machine, so only their
//! syntax, the files that they name, and their command lines of storescp are checked; those marked `ini` are drop-ins of
//! systemd, whose command lines are.

use interop::{Scratch, corpus, peers, process, skip};
use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// Ports in the documents; a receiver listens on one of them, its control plane on another.
const PORTS: [&str; 3] = ["11112", "2762", "8042"];

#[test]
fn commands_of_the_readme_print_what_it_says() {
    run_blocks("README.md", 4);
}

#[test]
fn commands_of_the_guide_print_what_it_says() {
    run_blocks("docs/guide.md", 9);
}

#[test]
fn commands_of_the_control_plane_print_what_its_document_says() {
    if Command::new("curl").arg("--version").output().is_err() {
        return skip("curl is not installed");
    }
    run_blocks("docs/control.md", 2);
}

#[test]
fn commands_of_the_outbox_print_what_its_document_says() {
    run_blocks("docs/outbox.md", 2);
}

fn run_blocks(document: &str, at_least: usize) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    let text = fs::read_to_string(root.join(document)).expect(document);
    let scratch = Scratch::new();
    let programs = scratch.directory("bin");
    std::os::unix::fs::symlink(peers::storescp(), programs.join("storescp")).expect("a link");
    let folder = scratch.directory("work");
    for name in ["CT_small.dcm", "JPEG2000.dcm"] {
        let file = corpus::file(&format!("test_files/{name}"));
        fs::copy(&file.path, folder.join(name)).expect("a file to send");
    }

    let mut consoles = 0;
    for block in blocks(&text) {
        match (block.kind, block.file) {
            (_, Some(name)) => fs::write(folder.join(name), block.text).expect("a file"),
            ("console", _) => {
                consoles += 1;
                run_block(block.text, &programs, &folder);
            }
            ("sh" | "ini", _) => check_commands(block.text, root, &folder),
            // What is in TOML, the tests of the settings read.
            ("text" | "toml", _) => {}
            (other, _) => panic!("{document}: a block of {other:?} is neither run nor checked"),
        }
    }
    assert!(consoles >= at_least, "{document} has console blocks");
}

struct Block<'t> {
    kind: &'t str,
    /// What `<!-- file: NAME -->` before it says.
    file: Option<&'t str>,
    text: &'t str,
}

fn blocks(text: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("```") {
        let (kind, after) = after.split_once('\n').expect("a line");
        let (text, after) = after.split_once("```").expect("an end of the block");
        let last = before.trim_end().lines().last().unwrap_or_default();
        let file = last.strip_prefix("<!-- file: ").and_then(|name| name.strip_suffix(" -->"));
        blocks.push(Block { kind, file, text });
        rest = after;
    }
    blocks
}

/// Checks what a block has of shell commands: they are none that a shell cannot read, the files of the repository that
/// they name exist, and so do the options of storescp.
fn check_commands(text: &str, root: &Path, folder: &Path) {
    let script = text.replace("ExecStart=", "").replace("%%", "%");
    // The one that the document shows.
    let script = script.replace("/etc/storescp/log.cfg", "log.cfg");
    let script: String = script
        .lines()
        .filter(|line| !line.starts_with('['))
        .fold(String::new(), |script, line| script + line + "\n");
    let parsed = process::run(Command::new("bash").args(["-n", "-c", &script]), SOON);
    parsed.expect_success(text);
    for line in script.lines().map(|line| line.split(" # ").next().unwrap_or_default()) {
        let words: Vec<&str> = line.split_whitespace().collect();
        for word in words.iter().filter(|word| word.starts_with("packaging/")) {
            assert!(root.join(word).exists(), "{word}: {line}");
        }
        let Some(("/usr/local/bin/storescp", options)) =
            words.split_first().map(|(first, rest)| (*first, rest))
        else {
            continue;
        };
        // An error in the line comes before one about the directory, which is missing here.
        let mut command = Command::new(peers::storescp());
        command.args(options).args(["-od", "/nonexistent"]).current_dir(folder);
        let output = process::run(&mut command, SOON);
        let refused = ": specified output directory does not exist\n";
        assert!(output.stderr.contains(refused), "{line}: {}", output.stderr);
    }
}

const SOON: Duration = Duration::from_secs(20);

fn run_block(block: &str, programs: &Path, folder: &Path) {
    let mut steps: Vec<(String, Vec<String>)> = Vec::new();
    let mut ports = Vec::new();
    let mut block = block.to_owned();
    for port in PORTS {
        if !block.contains(port) {
            continue;
        }
        let free = TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr());
        let free = free.expect("a free port").port().to_string();
        block = block.replace(port, &free);
        ports.push(free);
    }
    for line in block.lines() {
        match line.strip_prefix("$ ") {
            Some(command) => steps.push((command.to_owned(), Vec::new())),
            None => steps.last_mut().expect("a command first").1.push(line.to_owned()),
        }
    }
    let mut script = String::from("exec 2>&1\ntrap 'kill $(jobs -p)' EXIT\n");
    for (command, _) in &steps {
        script += &format!("{command}\n");
        if command.ends_with('&') {
            for port in ports.iter().filter(|port| command.contains(*port)) {
                script += &format!(
                    "for try in {{1..100}}; do (: < /dev/tcp/127.0.0.1/{port}) 2>/dev/null && break; \
                     sleep 0.1; done\n"
                );
            }
        }
        if command.starts_with("kill ") {
            script += "wait\n";
        }
        script += "echo '--- next'\n";
    }
    let path = std::env::var("PATH").unwrap_or_default();
    let mut shell = Command::new("bash");
    shell.arg("-c").arg(&script).current_dir(folder);
    shell.env("PATH", format!("{}:{path}", programs.display()));
    let output = process::run(&mut shell, Duration::from_secs(60));
    let printed: Vec<&str> = output.stdout.split("--- next\n").collect();
    for ((command, expected), printed) in steps.iter().zip(&printed) {
        let printed: Vec<&str> = printed.lines().collect();
        assert!(
            printed.len() == expected.len()
                && printed.iter().zip(expected).all(|(printed, line)| is_like(printed, line)),
            "{command}\nexpected {expected:#?}\nprinted {printed:#?}"
        );
    }
    assert!(printed.len() > steps.len(), "all commands were run:\n{}", output.stdout);
}

/// True if a line matches the document's line, in which each `…` stands for any text.
fn is_like(printed: &str, line: &str) -> bool {
    let Some((first, others)) = line.split_once('…') else { return printed == line };
    let mut parts: Vec<&str> = others.split('…').collect();
    let last = parts.pop().unwrap_or_default();
    let Some(mut rest) = printed.strip_prefix(first) else { return false };
    for part in parts {
        let Some(found) = rest.find(part) else { return false };
        rest = &rest[found + part.len()..];
    }
    rest.ends_with(last)
}

#[test]
fn dots_stand_for_any_text() {
    for (printed, line, expected) in [
        ("abc", "abc", true),
        ("abc", "ab", false),
        ("abc", "a…c", true),
        ("abc", "…", true),
        ("abc", "…b", false),
        ("1 ms, UID 2.5", "… ms, UID …", true),
        ("1 ms, UD 2.5", "… ms, UID …", false),
        ("", "…", true),
        ("abab", "…b", true),
        ("ab", "ab…b", false),
    ] {
        assert_eq!(is_like(printed, line), expected, "{printed} {line}");
    }
}
