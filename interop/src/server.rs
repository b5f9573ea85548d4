//! Runs a receiver as a child process that is killed at the end of the test.

use std::ffi::OsString;
use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::process::{self, read_lossy};
use crate::{Scratch, peers};

/// Which receiver to start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// This project's program.
    Ours,
    /// DCMTK's program, as packaged by Debian.
    Debian,
}

impl Program {
    fn path(self) -> PathBuf {
        match self {
            Self::Ours => peers::storescp().to_owned(),
            Self::Debian => peers::debian_path("storescp"),
        }
    }
}

/// Runs `action` with our receiver and then with Debian's, each started with these options.
pub fn both<T>(options: &[&str], action: impl Fn(&Server) -> T) -> [T; 2] {
    [Program::Ours, Program::Debian].map(|program| action(&Server::start(program, options)))
}

/// A running receiver. It is killed by its own process ID when this is dropped.
///
/// It stores files in [`directory`](Self::directory), below the test's scratch directory. Its output goes to
/// files, so that it never blocks because the test does not read.
#[derive(Debug)]
pub struct Server {
    child: Child,
    port: u16,
    directory: PathBuf,
    scratch: Scratch,
    ended: Option<ExitStatus>,
    kept: Option<Scratch>,
}

/// A receiver that exited before it listened.
#[derive(Debug)]
pub struct StartFailure {
    /// Exit status.
    pub status: ExitStatus,
    /// What it printed on standard output.
    pub stdout: String,
    /// What it printed on standard error.
    pub stderr: String,
}

/// How to start a receiver; made by [`Server::with`].
#[derive(Debug)]
pub struct Setup {
    program: Program,
    options: Vec<OsString>,
    wrapper: Vec<OsString>,
    environment: Vec<(String, String)>,
    directory: Option<PathBuf>,
    as_typed: bool,
    kept: Option<Scratch>,
}

impl Server {
    /// Starts a receiver with these options and waits until it listens.
    ///
    /// # Panics
    /// If it exits instead, or does not listen within a minute.
    #[must_use]
    pub fn start(program: Program, options: &[&str]) -> Self {
        Self::with(program, options).start()
    }

    /// As [`start`](Self::start), but returns a [`Setup`] for further settings.
    #[must_use]
    pub fn with(program: Program, options: &[&str]) -> Setup {
        Setup {
            program,
            options: options.iter().map(Into::into).collect(),
            wrapper: Vec::new(),
            environment: Vec::new(),
            directory: None,
            as_typed: false,
            kept: None,
        }
    }

    /// The port that it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The output directory.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The scratch directory of the test, which contains the output directory.
    #[must_use]
    pub fn scratch(&self) -> &Path {
        self.scratch.path()
    }

    /// Process ID.
    #[must_use]
    pub fn process_id(&self) -> u32 {
        self.child.id()
    }

    /// Peak resident memory, in KiB.
    ///
    /// # Panics
    /// If it has ended.
    #[must_use]
    pub fn peak_kib(&self) -> u64 {
        self.status_kib("VmHWM:")
    }

    /// Current resident memory, in KiB.
    ///
    /// # Panics
    /// If it has ended.
    #[must_use]
    pub fn resident_kib(&self) -> u64 {
        self.status_kib("VmRSS:")
    }

    fn status_kib(&self, name: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process_id()));
        let status = status.expect("the receiver runs");
        let line = status.lines().find_map(|line| line.strip_prefix(name)).expect(name);
        line.trim().trim_end_matches(" kB").parse().expect("a number")
    }

    /// Number of open file descriptors.
    ///
    /// # Panics
    /// If it has ended.
    #[must_use]
    pub fn descriptors(&self) -> usize {
        self.entries("fd")
    }

    /// Number of threads.
    ///
    /// # Panics
    /// If it has ended.
    #[must_use]
    pub fn threads(&self) -> usize {
        self.entries("task")
    }

    /// The child processes of the receiver, including zombies.
    ///
    /// # Panics
    /// If it has ended.
    #[must_use]
    pub fn children(&self) -> Vec<u32> {
        process::children(self.process_id())
    }

    fn entries(&self, what: &str) -> usize {
        let entries = fs::read_dir(format!("/proc/{}/{what}", self.process_id()));
        entries.expect("the receiver runs").count()
    }

    /// Everything printed on standard error so far, including all that was logged before the last answer.
    #[must_use]
    pub fn stderr(&self) -> String {
        self.wait_for_log_threads();
        read_lossy(&self.scratch.path().join("stderr"))
    }

    /// Everything printed on standard output so far, as [`stderr`](Self::stderr).
    #[must_use]
    pub fn stdout(&self) -> String {
        self.wait_for_log_threads();
        read_lossy(&self.scratch.path().join("stdout"))
    }

    /// Our receiver writes its log from separate threads. If such a thread sleeps, it has written everything or
    /// waits for the reader.
    fn wait_for_log_threads(&self) {
        let deadline = Instant::now() + Duration::from_secs(10);
        let is_writing =
            |status: String| status.starts_with("Name:\tlog\n") && !status.contains("\nState:\tS");
        while Instant::now() < deadline {
            let tasks = fs::read_dir(format!("/proc/{}/task", self.process_id()));
            let mut tasks = tasks.into_iter().flatten().flatten();
            let status = |task: fs::DirEntry| fs::read_to_string(task.path().join("status"));
            if !tasks.any(|task| status(task).is_ok_and(is_writing)) {
                return;
            }
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// Waits until standard error contains `text`.
    ///
    /// # Panics
    /// If it does not within half a minute.
    pub fn wait_for_log(&self, text: &str) {
        self.wait_for_log_within(text, Duration::from_secs(30));
    }

    /// Waits until standard error contains `text`.
    ///
    /// # Panics
    /// If it does not within `limit`.
    pub fn wait_for_log_within(&self, text: &str, limit: Duration) {
        let deadline = Instant::now() + process::patient(limit);
        while !self.stderr().contains(text) {
            assert!(Instant::now() < deadline, "no {text:?} in the log:\n{}", self.stderr());
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Everything in the output directory, sorted: relative paths, including temporary files; directories have
    /// a trailing slash.
    #[must_use]
    pub fn files(&self) -> Vec<String> {
        files_below(&self.directory)
    }

    /// Empties the output directory.
    pub fn clear(&self) {
        for name in self.files().iter().filter(|name| !name.ends_with('/')) {
            fs::remove_file(self.directory.join(name)).expect("a stored file can be removed");
        }
    }

    /// Sends it a signal, named without `SIG`.
    pub fn signal(&self, name: &str) {
        process::signal(self.process_id(), name);
    }

    /// Waits for it to exit; `None` if it still runs after `limit`.
    pub fn wait(&mut self, limit: Duration) -> Option<ExitStatus> {
        if self.ended.is_none() {
            self.ended = process::wait(&mut self.child, process::patient(limit));
        }
        self.ended
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.ended.is_none() {
            // Leak checkers report only if a process exits by itself.
            if process::is_patient() {
                process::signal(self.child.id(), "TERM");
                let _ = process::wait(&mut self.child, process::patient(Duration::from_secs(1)));
            }
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
        drop(self.kept.take());
        if thread::panicking() {
            eprintln!("--- the receiver's log\n{}", self.stderr());
        }
    }
}

impl Setup {
    /// Sets an environment variable.
    #[must_use]
    pub fn environment(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Runs the receiver through another program that replaces itself with it (`exec`), such as `strace -D`.
    #[must_use]
    pub fn through(mut self, program: &str, arguments: &[&str]) -> Self {
        self.wrapper.push(program.into());
        self.wrapper.extend(arguments.iter().map(Into::into));
        self
    }

    /// Runs a shell command, such as `ulimit -n 20`, before the receiver in the same process.
    #[must_use]
    pub fn after_shell(self, command: &str) -> Self {
        self.through("sh", &["-c", &format!("{command} && exec \"$0\" \"$@\"")])
    }

    /// Uses this directory for output instead of a new one.
    #[must_use]
    pub fn directory(mut self, path: &Path) -> Self {
        self.directory = Some(path.to_owned());
        self
    }

    /// Runs the receiver in this directory, with exactly these options followed by the port.
    #[must_use]
    pub fn as_typed_in(mut self, path: &Path) -> Self {
        self.as_typed = true;
        self.directory(path)
    }

    /// Keeps a directory until the receiver is dropped.
    #[must_use]
    pub fn keeping(mut self, scratch: Scratch) -> Self {
        self.kept = Some(scratch);
        self
    }

    /// Starts it and waits until it listens.
    ///
    /// # Panics
    /// As [`Server::start`].
    #[must_use]
    pub fn start(mut self) -> Server {
        match self.try_start() {
            Ok(mut server) => {
                server.kept = self.kept.take();
                server
            }
            Err(StartFailure { status, stderr, .. }) => {
                panic!("the receiver ended with {status}:\n{stderr}")
            }
        }
    }

    /// Starts it and waits until it listens.
    ///
    /// # Errors
    /// [`StartFailure`] if it exits first.
    ///
    /// # Panics
    /// If it neither listens nor exits within a minute.
    pub fn try_start(&self) -> Result<Server, StartFailure> {
        loop {
            match self.start_on(free_port()) {
                // Another process took the port between our choice and the program's bind.
                Err(failure) if failure.stderr.contains("Address already in use") => {}
                result => return result,
            }
        }
    }

    /// Starts it on this port, on which another one has ended just now, and waits until it listens.
    ///
    /// # Panics
    /// As [`Server::start`].
    #[must_use]
    pub fn start_again_on(&self, port: u16) -> Server {
        let deadline = Instant::now() + process::patient(Duration::from_secs(30));
        loop {
            match self.start_on(port) {
                Ok(server) => return server,
                Err(failure) if failure.stderr.contains("Address already in use") => {
                    assert!(Instant::now() < deadline, "port {port} stays in use");
                    thread::sleep(Duration::from_millis(20));
                }
                Err(StartFailure { status, stderr, .. }) => {
                    panic!("the receiver ended with {status}:\n{stderr}")
                }
            }
        }
    }

    fn start_on(&self, port: u16) -> Result<Server, StartFailure> {
        let scratch = Scratch::new();
        let directory = match &self.directory {
            Some(path) => path.clone(),
            None => scratch.directory("out"),
        };
        let mut server = Server {
            child: self.spawn(&scratch, &directory, port),
            port,
            directory,
            scratch,
            ended: None,
            kept: None,
        };
        let deadline = Instant::now() + process::patient(Duration::from_secs(60));
        loop {
            if let Some(status) = server.wait(Duration::ZERO) {
                let (stdout, stderr) = (server.stdout(), server.stderr());
                return Err(StartFailure { status, stdout, stderr });
            }
            if is_listening(server.process_id(), port) {
                return Ok(server);
            }
            assert!(Instant::now() < deadline, "does not listen:\n{}", server.stderr());
            thread::sleep(Duration::from_millis(2));
        }
    }

    fn spawn(&self, scratch: &Scratch, directory: &Path, port: u16) -> Child {
        let mut words = self.wrapper.clone();
        words.push(self.program.path().into());
        words.extend(self.options.iter().cloned());
        if !self.as_typed {
            words.extend(["-od".into(), directory.into()]);
        }
        words.push(port.to_string().into());
        let log = |name| File::create(scratch.path().join(name)).expect("a file for the log");
        Command::new(&words[0])
            .args(&words[1..])
            .current_dir(if self.as_typed { directory } else { scratch.path() })
            // Without it, each C-STORE to DCMTK's program waits 44 ms for a delayed acknowledgement.
            .env("TCP_NODELAY", "1")
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(log("stdout"))
            .stderr(log("stderr"))
            .spawn()
            .unwrap_or_else(|error| panic!("cannot run {words:?}: {error}"))
    }
}

/// Everything below a directory, as for [`Server::files`], but without the receiver's hidden folder itself,
/// only its contents, and without the journal of commands in it.
#[must_use]
pub fn files_below(directory: &Path) -> Vec<String> {
    let mut names = Vec::new();
    let mut pending = vec![PathBuf::new()];
    while let Some(relative) = pending.pop() {
        // A directory may be removed meanwhile.
        let Ok(entries) = fs::read_dir(directory.join(&relative)) else { continue };
        for entry in entries.flatten() {
            let path = relative.join(entry.file_name());
            let name = path.to_string_lossy().into_owned();
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                if entry.file_name() != ".storescp" {
                    names.push(name + "/");
                }
                pending.push(path);
            } else if !is_journal_of_commands(&name) {
                names.push(name);
            }
        }
    }
    names.sort();
    names
}

fn is_journal_of_commands(name: &str) -> bool {
    name.starts_with(".storescp/commands-") && name.ends_with(".journal")
}

/// Finds a port that nobody listens on, outside the range that the system assigns to clients.
#[must_use]
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = u16::try_from(std::process::id() % 20_000).unwrap_or(0);
    loop {
        let offset = NEXT.fetch_add(1, Ordering::Relaxed).wrapping_add(start) % 20_000;
        let port = 11_000 + offset;
        if TcpListener::bind(("0.0.0.0", port)).is_ok() {
            return port;
        }
    }
}

/// True if this process listens on this port. It is determined without connecting, since a connection would be
/// an association attempt to the receiver. The process matters, because another test run may be trying the same
/// port.
fn is_listening(process_id: u32, port: u16) -> bool {
    let Ok(descriptors) = fs::read_dir(format!("/proc/{process_id}/fd")) else { return false };
    let sockets: Vec<PathBuf> =
        descriptors.flatten().filter_map(|entry| fs::read_link(entry.path()).ok()).collect();
    ["/proc/net/tcp", "/proc/net/tcp6"].iter().any(|table| {
        read_lossy(Path::new(table)).lines().skip(1).any(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let &[_, local, _, "0A", _, _, _, _, _, inode, ..] = fields.as_slice() else {
                return false;
            };
            let socket = PathBuf::from(format!("socket:[{inode}]"));
            local.ends_with(&format!(":{port:04X}")) && sockets.contains(&socket)
        })
    })
}
