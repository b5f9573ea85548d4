//! Test support: a PostgreSQL of the test's own.

#![allow(clippy::unwrap_used, reason = "only tests use this")]

use platform::sync::rustix;
use platform::testing::Scratch;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

/// How long the server may take to start or to stop.
const WAIT: Duration = Duration::from_secs(60);

/// A PostgreSQL server on a free port of the loopback interface, with its data in a temporary folder. It ends, and the
/// folder goes, when this is dropped, and also when the process ends in any other way.
pub struct PostgresCluster {
    /// Ends the server when its standard input ends.
    supervisor: Child,
    lifeline: Option<ChildStdin>,
    folder: PathBuf,
    port: u16,
}

/// Runs the server, and ends it when the test does. `$1`: the program; `$2`: the data; `$3`: the port.
const SUPERVISOR: &str = r#"
umask 077
postgres=$1 data=$2 port=$3
start() {
    "$postgres" -D "$data/cluster" -p "$port" -k "$data" -h 127.0.0.1 >>"$data/log" 2>&1 </dev/null &
    pid=$!
    echo "$pid" >"$data/pid"
}
start
while read -r word; do
    case $word in
    kill) kill -QUIT "$pid"; kill -CONT "$pid"; wait "$pid" ;;
    pause) kill -STOP $(cat "$data/cluster/postmaster.pid" | head -1) $(ps -o pid= --ppid "$pid") ;;
    resume) kill -CONT $(ps -o pid= --ppid "$pid") "$pid" ;;
    start) start ;;
    esac
    echo "did $word"
done
kill -QUIT "$pid" 2>/dev/null
kill -CONT "$pid" 2>/dev/null
wait "$pid"
rm -rf "$data"
"#;

impl PostgresCluster {
    /// Starts a server. Its user `storescp` has all rights, and the password `secret`.
    ///
    /// # Panics
    /// If PostgreSQL is not installed, or does not start.
    #[must_use]
    pub fn start(test: &str) -> Self {
        Self::start_with(&std::env::temp_dir(), test, &[])
    }

    /// Likewise, with its data beneath a folder, and with lines for `postgresql.conf`.
    ///
    /// # Panics
    /// If PostgreSQL is not installed, or does not start.
    #[must_use]
    pub fn start_with(parent: &Path, test: &str, settings: &[&str]) -> Self {
        let programs = programs();
        let scratch = Scratch::beneath(parent, test);
        let folder = scratch.0.clone();
        // The supervisor removes it.
        std::mem::forget(scratch);
        if let Some(user) = unprivileged() {
            let owned = Command::new("chown").arg(user).arg(&folder).status().unwrap();
            assert!(owned.success(), "chown {user} {}", folder.display());
        }
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).unwrap();
        initialise(&programs, &folder);
        let mut lines = settings.join("\n");
        lines.push_str("\nmax_connections = 50\nunix_socket_permissions = 0700\n");
        let configuration = folder.join("cluster/postgresql.conf");
        let mut text = fs::read_to_string(&configuration).unwrap();
        text.push_str(&lines);
        fs::write(&configuration, text).unwrap();
        let port = free_port();
        let mut supervisor = as_unprivileged("sh")
            .args(["-c", SUPERVISOR, "sh"])
            .arg(programs.join("postgres"))
            .arg(&folder)
            .arg(port.to_string())
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lifeline = supervisor.stdin.take();
        let this = Self { supervisor, lifeline, folder, port };
        this.wait_until_ready();
        this
    }

    /// Gives a file to the user that servers run as, who alone may read it: the key of a server.
    ///
    /// # Panics
    /// If that cannot be done.
    pub fn give(file: &Path) {
        if let Some(user) = unprivileged() {
            let owned = Command::new("chown").arg(user).arg(file).status().unwrap();
            assert!(owned.success(), "chown {user} {}", file.display());
        }
        fs::set_permissions(file, fs::Permissions::from_mode(0o600)).unwrap();
    }

    /// The URL of a database, for [`open`](crate::open).
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        format!("postgres://storescp:secret@127.0.0.1:{}/{database}", self.port)
    }

    /// The port on the loopback interface.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The server's processes.
    ///
    /// # Panics
    /// If they cannot be listed.
    #[must_use]
    pub fn processes(&self) -> Vec<u32> {
        let first = fs::read_to_string(self.folder.join("pid")).unwrap();
        let output = Command::new("ps").args(["-o", "pid=", "--ppid", first.trim()]).output();
        let others = String::from_utf8(output.unwrap().stdout).unwrap();
        let words = first.split_whitespace().chain(others.split_whitespace());
        words.map(|word| word.parse().unwrap()).collect()
    }

    /// Makes a database that is empty, and returns its URL.
    ///
    /// # Panics
    /// If it cannot be made.
    #[must_use]
    pub fn create_database(&self, name: &str) -> String {
        self.sql("postgres", &format!("CREATE DATABASE \"{name}\""));
        self.url(name)
    }

    /// Does statements with `psql`, and returns what it prints: columns with `|` between.
    ///
    /// # Panics
    /// If a statement fails.
    pub fn sql(&self, database: &str, sql: &str) -> String {
        let output = self.psql(database, sql).output().unwrap();
        assert!(output.status.success(), "{sql}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn psql(&self, database: &str, sql: &str) -> Command {
        let mut command = Command::new(programs().join("psql"));
        command.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", sql]);
        command.arg(self.url(database)).current_dir("/").stdin(Stdio::null());
        command
    }

    /// Ends the server at once, as a crash does.
    ///
    /// # Panics
    /// If it does not end.
    pub fn kill(&mut self) {
        self.tell("kill");
    }

    /// Starts the server again, on the same port.
    ///
    /// # Panics
    /// If it does not start.
    pub fn restart(&mut self) {
        self.tell("start");
        self.wait_until_ready();
    }

    /// Stops the server's processes where they are: it answers nothing.
    ///
    /// # Panics
    /// If it cannot be stopped.
    pub fn pause(&mut self) {
        self.tell("pause");
    }

    /// Lets a server that is paused go on.
    ///
    /// # Panics
    /// If it cannot go on.
    pub fn resume(&mut self) {
        self.tell("resume");
    }

    fn tell(&mut self, word: &str) {
        let lifeline = self.lifeline.as_mut().unwrap();
        lifeline.write_all(format!("{word}\n").as_bytes()).unwrap();
        let mut answer = String::new();
        BufReader::new(self.supervisor.stdout.as_mut().unwrap()).read_line(&mut answer).unwrap();
        assert_eq!(answer, format!("did {word}\n"));
    }

    fn wait_until_ready(&self) {
        let since = Instant::now();
        loop {
            let tried = self.psql("postgres", "SELECT 1").output().unwrap();
            if tried.status.success() {
                return;
            }
            let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
            assert!(since.elapsed() < WAIT, "PostgreSQL does not start: {log}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for PostgresCluster {
    fn drop(&mut self) {
        drop(self.lifeline.take());
        let _ = self.supervisor.wait();
    }
}

/// The folder of PostgreSQL's programs.
fn programs() -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = versions.map(|version| version.path().join("bin")).collect();
    folders.retain(|folder| folder.join("initdb").exists());
    folders.sort();
    folders.pop().expect("PostgreSQL is not installed: interop/install-peers installs it")
}

fn initialise(programs: &Path, folder: &Path) {
    let password = folder.join("password");
    fs::write(&password, "secret\n").unwrap();
    if let Some(user) = unprivileged() {
        Command::new("chown").arg(user).arg(&password).status().unwrap();
    }
    let output = as_unprivileged(programs.join("initdb"))
        .args([
            "-U",
            "storescp",
            "-E",
            "UTF8",
            "--locale=C",
            "-A",
            "scram-sha-256",
            "-N",
            "--pwfile",
        ])
        .arg(&password)
        .arg("-D")
        .arg(folder.join("cluster"))
        .current_dir("/")
        .output()
        .unwrap();
    assert!(output.status.success(), "initdb: {}", String::from_utf8_lossy(&output.stderr));
}

/// Whom the server runs as if the test runs as root, whom it refuses.
fn unprivileged() -> Option<&'static str> {
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let is_root = rustix::process::geteuid().is_root();
    let has = |name: &str| users.lines().any(|line| line.starts_with(&format!("{name}:")));
    is_root.then(|| if has("postgres") { "postgres" } else { "nobody" })
}

fn as_unprivileged(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let Some(user) = unprivileged() else { return Command::new(program) };
    let mut command = Command::new("setpriv");
    command.arg(format!("--reuid={user}")).args(["--clear-groups", "--"]);
    command.arg(program);
    command
}

/// A port that nobody listens on.
fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0));
    listener.and_then(|listener| listener.local_addr()).map(|address| address.port()).unwrap()
}
