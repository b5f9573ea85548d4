//! Runs programs under a time limit, and waits for conditions.

use std::fs::{self, File};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::Scratch;

/// How long a sender may take before the test fails.
pub const SENDER_TIME_LIMIT: Duration = Duration::from_secs(120);

/// What a program printed and how it ended.
#[derive(Debug)]
pub struct Output {
    /// Exit status.
    pub status: ExitStatus,
    /// Its standard output, with anything that is not UTF-8 replaced.
    pub stdout: String,
    /// Its standard error, likewise.
    pub stderr: String,
    /// Time that it ran.
    pub elapsed: Duration,
}

impl Output {
    /// The exit code, or `None` after a signal.
    #[must_use]
    pub fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// Returns itself if the program succeeded.
    ///
    /// # Panics
    /// If it did not; the message contains what it printed.
    pub fn expect_success(self, what: &str) -> Self {
        assert!(
            self.status.success(),
            "{what}: {}\n--- stdout\n{}\n--- stderr\n{}",
            self.status,
            self.stdout,
            self.stderr
        );
        self
    }
}

/// Runs a program to its end, without input.
///
/// # Panics
/// If it cannot be started, or does not end within `limit`; it is then killed.
pub fn run(command: &mut Command, limit: Duration) -> Output {
    // Use files rather than pipes, which something would have to read while the program runs.
    let scratch = Scratch::new();
    let [stdout, stderr] = ["stdout", "stderr"].map(|name| scratch.path().join(name));
    let mut child = command
        .stdin(Stdio::null())
        .stdout(File::create(&stdout).expect("a file for the output"))
        .stderr(File::create(&stderr).expect("a file for the output"))
        .spawn()
        .unwrap_or_else(|error| panic!("cannot run {command:?}: {error}"));
    let started = Instant::now();
    let status = wait(&mut child, limit);
    let elapsed = started.elapsed();
    let [stdout, stderr] = [stdout, stderr].map(|path| read_lossy(&path));
    match status {
        Some(status) => Output { status, stdout, stderr, elapsed },
        None => {
            let _ = child.kill();
            let _ = child.wait();
            panic!("{command:?} did not end within {limit:?}\n{stdout}\n{stderr}");
        }
    }
}

/// Waits for a child to end; `None` if it still runs after `limit`.
pub fn wait(child: &mut Child, limit: Duration) -> Option<ExitStatus> {
    let deadline = Instant::now() + limit;
    loop {
        match child.try_wait().expect("a child can be waited for") {
            Some(status) => return Some(status),
            None if Instant::now() >= deadline => return None,
            None => thread::sleep(Duration::from_millis(5)),
        }
    }
}

/// Sends a signal, given by its name without `SIG`, to one process.
pub fn signal(process_id: u32, name: &str) {
    let status = Command::new("kill").args(["-s", name, &process_id.to_string()]).status();
    assert!(status.is_ok_and(|status| status.success()), "cannot send {name} to {process_id}");
}

/// Polls `condition` until it is true.
///
/// # Panics
/// If it is still false after `limit`; the message contains `what`.
pub fn eventually(what: &str, limit: Duration, mut condition: impl FnMut() -> bool) {
    let limit = patient(limit);
    let deadline = Instant::now() + limit;
    while !condition() {
        assert!(Instant::now() < deadline, "not within {limit:?}: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Multiplies a time limit by `STORESCP_PATIENCE`, for programs that run under a tool that slows them down.
///
/// # Panics
/// If the variable is set to something other than a number.
#[must_use]
pub fn patient(limit: Duration) -> Duration {
    let factor = std::env::var(PATIENCE);
    limit * factor.map_or(1, |factor| factor.parse().expect("STORESCP_PATIENCE is a number"))
}

/// True if `STORESCP_PATIENCE` says that the program runs under such a tool.
#[must_use]
pub fn is_patient() -> bool {
    std::env::var_os(PATIENCE).is_some()
}

const PATIENCE: &str = "STORESCP_PATIENCE";

/// The children of a process, including zombies.
///
/// # Panics
/// If it has ended.
#[must_use]
pub fn children(process_id: u32) -> Vec<u32> {
    let threads = fs::read_dir(format!("/proc/{process_id}/task")).expect("it runs");
    let list = |thread: fs::DirEntry| fs::read_to_string(thread.path().join("children"));
    let lists = threads.flatten().filter_map(|thread| list(thread).ok());
    lists.collect::<String>().split_whitespace().filter_map(|id| id.parse().ok()).collect()
}

/// Text of a file, with anything that is not UTF-8 replaced; empty if it cannot be read.
#[must_use]
pub fn read_lossy(path: &std::path::Path) -> String {
    String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned()
}

/// The part of a temporary name that identifies the process, for a process of this boot that has ended.
///
/// # Panics
/// If `/proc` lacks information about this process.
#[must_use]
pub fn mark_of_ended_process() -> String {
    let read = |path: &str| std::fs::read_to_string(path).expect("proc(5)");
    let boot = read("/proc/sys/kernel/random/boot_id").replace('-', "");
    let space = std::fs::read_link("/proc/self/ns/pid").expect("proc(5)");
    let space = space.to_string_lossy().replace(|letter: char| !letter.is_ascii_digit(), "");
    let space: u64 = space.parse().expect("a number");
    // Our own process ID with a start time just after boot, so that no such process exists.
    let boot = boot.get(..16).expect("a UUID").trim_start_matches('0');
    format!("{boot}-{space:x}-{}-1", std::process::id())
}
