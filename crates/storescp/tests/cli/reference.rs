//! What is made from the option table says what the table says: the reference, the manual page, and
//! the completions, which shells also understand.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use storescp::cli::{self, Shell};
use storescp::settings;

/// All that is made from the table, where it is kept.
fn made() -> [(&'static str, String); 7] {
    [
        ("docs/settings.md", settings::reference()),
        ("packaging/storescp.schema.json", settings::schema()),
        ("docs/cli.md", cli::reference()),
        ("packaging/storescp.1", cli::manual()),
        ("packaging/completions/storescp.bash", cli::completions(Shell::Bash)),
        ("packaging/completions/_storescp", cli::completions(Shell::Zsh)),
        ("packaging/completions/storescp.fish", cli::completions(Shell::Fish)),
    ]
}

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(name)
}

#[test]
fn what_is_made_from_the_option_table_is_up_to_date() {
    for (name, current) in made() {
        let path = path(name);
        if std::env::var_os("BLESS").is_some() {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, &current).unwrap();
        }
        let stored = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(stored == current, "{name} is stale: BLESS=1 cargo test -p storescp --test cli");
    }
}

/// Runs a program if this machine has it.
fn run(program: &str, arguments: &[&str]) -> Option<Output> {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).current_dir(path("packaging"));
    match command.output() {
        Ok(output) => Some(output),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            eprintln!("not checked: {program} is not here");
            None
        }
        Err(error) => panic!("{program}: {error}"),
    }
}

#[test]
fn the_manual_page_has_no_faults() {
    let page = ["-Tutf8", "-mandoc", "-ww", "-Kutf8", "-P-cbou", "storescp.1"];
    let Some(output) = run("groff", &page) else { return };
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success());
    for expected in ["storescp [options] [port]", "-lc, --log-config\n", "+xs, --prefer-lossless\n"]
    {
        assert!(text.contains(expected), "{expected}:\n{text}");
    }
}

#[test]
fn mandoc_finds_nothing_in_the_manual_page() {
    let Some(output) = run("mandoc", &["-Tlint", "storescp.1"]) else { return };
    let found = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && found.is_empty(), "{found}");
}

#[test]
fn shells_understand_the_completions() {
    for (shell, arguments) in [
        ("bash", &["-n", "completions/storescp.bash"][..]),
        ("zsh", &["-n", "completions/_storescp"]),
        ("fish", &["-n", "completions/storescp.fish"]),
    ] {
        let Some(output) = run(shell, arguments) else { continue };
        assert!(output.status.success(), "{shell}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

/// What Bash offers for the last of these words.
fn offered(line: &[&str]) -> Vec<String> {
    let script = "compopt() { :; }; . completions/storescp.bash; COMP_WORDS=(\"$@\"); \
                  COMP_CWORD=$(($# - 1)); _storescp; printf '%s\\n' \"${COMPREPLY[@]}\"";
    let arguments = [&["-c", script, "bash", "storescp"], line].concat();
    let output = run("bash", &arguments).expect("bash is here");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

#[test]
fn bash_completes_options_and_their_values() {
    assert_eq!(offered(&["--log-l"]), ["--log-level"]);
    assert_eq!(offered(&["-ll", "f"]), ["fatal"]);
    assert_eq!(offered(&["--log-level", "=", "inf"]), ["info"]);
    assert_eq!(offered(&["--log-level", "="]).len(), 6);
    assert_eq!(offered(&["--log-level", "=", "info", "--aet"]), ["--aetitle"]);
    assert_eq!(offered(&["--output-directory", "comp"]), ["completions"]);
    assert_eq!(offered(&["-v", "-xf", "storescp.se"]), ["storescp.service"]);
    // The second value is no file, and the word behind it an option again.
    assert_eq!(offered(&["-xf", "a", "storescp.se"]), [""]);
    assert_eq!(offered(&["-xf", "a", "b", "--config"]), ["--config-file"]);
    // A value that looks like an option is none.
    assert_eq!(offered(&["-aet", "-xf", "--config"]), ["--config-file"]);
    assert!(offered(&["+x"]).len() > 20);
}
