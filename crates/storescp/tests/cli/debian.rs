//! Debian's `storescp`, a peer that `./test` installs.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// A directory that does not exist, so that a line which passes every check ends there and
/// nothing listens.
pub(crate) const NOWHERE: &str = "/nonexistent/output";

/// What a run left behind.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs DCMTK's program with these arguments and waits for its end.
///
/// # Panics
/// If it does not end: then it listens, which no line of these tests may lead to.
pub(crate) fn storescp(arguments: &[OsString]) -> Run {
    let mut child = Command::new(program())
        .arg0("storescp")
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("storescp starts");
    // Its output is far smaller than a pipe, so it ends without being read.
    let deadline = Instant::now() + Duration::from_secs(20);
    while child.try_wait().unwrap().is_none() {
        if Instant::now() > deadline {
            child.kill().unwrap();
            panic!("storescp listens with {arguments:?}");
        }
        std::thread::sleep(Duration::from_micros(500));
    }
    let output = child.wait_with_output().unwrap();
    Run {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// The first `storescp` on the path that calls itself DCMTK's.
fn program() -> &'static PathBuf {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let path = std::env::var_os("PATH").expect("PATH is set");
        let candidates = std::env::split_paths(&path).map(|folder| folder.join("storescp"));
        candidates
            .into_iter()
            .find(|program| {
                Command::new(program)
                    .arg("--version")
                    .output()
                    .is_ok_and(|output| output.stdout.starts_with(b"$dcmtk: storescp "))
            })
            .expect("DCMTK's storescp is installed (Debian package dcmtk)")
    })
}
