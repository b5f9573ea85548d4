//! Tests that the console sessions in the documents work as shown.
//!
//! A block marked `console` is run by one shell: lines after `$ ` are commands, the lines that follow are their
//! output. `…` stands for any text. All blocks of a document share a folder; ports are replaced by unused ones.

use interop::{Scratch, corpus, peers, process};
use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// Ports in the documents; a receiver listens on one of them.
const PORTS: [&str; 2] = ["11112", "2762"];

#[test]
fn commands_of_the_readme_print_what_it_says() {
    run_console_blocks("README.md", 4);
}

fn run_console_blocks(document: &str, at_least: usize) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    let text = fs::read_to_string(root.join(document)).expect(document);
    let scratch = Scratch::new();
    let programs = scratch.directory("bin");
    std::os::unix::fs::symlink(peers::storescp(), programs.join("storescp")).expect("a link");
    let folder = scratch.directory("work");
    let file = corpus::file("test_files/CT_small.dcm");
    fs::copy(&file.path, folder.join("CT_small.dcm")).expect("a file to send");

    let blocks: Vec<&str> = text
        .split("```console\n")
        .skip(1)
        .map(|rest| rest.split_once("```").expect("an end of the block").0)
        .collect();
    assert!(blocks.len() >= at_least, "{document} has console blocks");
    for block in blocks {
        run_block(block, &programs, &folder);
    }
}

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

/// True if a line matches the document's line, in which `…` stands for any text.
fn is_like(printed: &str, line: &str) -> bool {
    match line.split_once('…') {
        Some((start, end)) => {
            printed.len() >= start.len() + end.len()
                && printed.starts_with(start)
                && printed.ends_with(end)
        }
        None => printed == line,
    }
}
