//! `storescp check`, `storescp schema` and `--settings`: which stream, which exit code.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

/// A folder that is removed in the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("storescp-cli-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self, content: &str) {
        fs::write(self.0.join("storescp.toml"), content).unwrap();
    }

    /// Exit code, standard output and standard error.
    fn run(&self, arguments: &[&str]) -> (Option<i32>, String, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_storescp"));
        let Output { status, stdout, stderr } =
            command.args(arguments).current_dir(&self.0).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (status.code(), text(stdout), text(stderr))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn check_says_everything_and_exits_with_one() {
    let folder = Folder::new("check");
    folder.file(
        "listen = 11112\ndirectory = 'none'\n[[rule]]\nname = 'all'\n[[rule]]\nname = 'ct'\n",
    );
    let told = "storescp.toml:2:13: directory: cannot use 'none': No such file or directory; create it (mkdir -p), \
                or name another\n\
                storescp.toml:5:1: warning: rule \"ct\" never decides: \"all\" in line 3 comes first and matches all that \
                it matches\nstorescp.toml: 1 fault\n";
    assert_eq!(folder.run(&["check", "storescp.toml"]), (Some(1), told.into(), String::new()));
    folder.file("listen = 11112\ndirectry = 'x'\nmax-pdu = 1\n");
    let (code, out, err) = folder.run(&["check", "storescp.toml"]);
    assert_eq!((code, err.as_str()), (Some(1), ""));
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(lines.len(), 3, "{out}");
    assert_eq!(
        lines[0],
        "storescp.toml:2:1: unknown key \"directry\"; did you mean \"directory\"?"
    );
    assert_eq!(lines[2], "storescp.toml: 2 faults");
    folder.file("[[rule]]\ncalling = 'CT1'\n");
    let right = "storescp.toml: all is well, 1 rule\n";
    assert_eq!(folder.run(&["check", "storescp.toml"]), (Some(0), right.into(), String::new()));
}

#[test]
fn check_and_schema_tell_how_they_are_used() {
    let folder = Folder::new("usage");
    for arguments in [&["check"][..], &["check", "a", "b"], &["schema", "a"]] {
        let (code, out, err) = folder.run(arguments);
        assert_eq!((code, out.as_str()), (Some(1), ""), "{arguments:?}");
        assert!(err.starts_with("error: storescp "), "{err}");
    }
    for arguments in [&["check", "--help"][..], &["schema", "--help"]] {
        let (code, out, err) = folder.run(arguments);
        assert_eq!((code, err.as_str()), (Some(0), ""), "{arguments:?}");
        assert!(out.starts_with(&format!("usage: storescp {}", arguments[0])), "{out}");
    }
    let (code, out, _) = folder.run(&["check", "none.toml"]);
    assert_eq!(code, Some(1));
    let told =
        "none.toml: cannot read the settings file: No such file or directory\nnone.toml: 1 fault\n";
    assert_eq!(out, told);
    let (code, out, err) = folder.run(&["schema"]);
    assert_eq!(
        (code, err.as_str(), out.as_str()),
        (Some(0), "", storescp::settings::schema().as_str())
    );
}

#[test]
fn the_program_does_not_start_with_a_file_that_is_wrong() {
    let folder = Folder::new("start");
    folder.file("listen = 11112\ndirectry = 'x'\nmax-pdu = 1\n");
    let (code, out, err) = folder.run(&["--settings", "storescp.toml"]);
    assert_eq!((code, out.as_str()), (Some(1), ""));
    let lines: Vec<&str> = err.lines().collect();
    assert_eq!(lines.len(), 2, "{err}");
    assert!(lines[0].starts_with("error: storescp.toml:2:1: unknown key"), "{err}");
    assert!(lines[1].starts_with("error: storescp.toml:3:11: max-pdu: expected"), "{err}");
    let quiet = folder.run(&["-q", "--settings", "storescp.toml"]);
    assert_eq!(quiet, (Some(1), String::new(), String::new()));
    folder.file("");
    let (code, _, err) = folder.run(&["--settings", "storescp.toml"]);
    let told = "error: storescp.toml: nothing says where to listen: set listen = 11112, or name the port on the command \
                line\n";
    assert_eq!((code, err.as_str()), (Some(1), told));
}
