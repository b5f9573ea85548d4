//! Tests receivers that are given a socket: `--inetd`, and listening sockets passed by systemd.

use std::fs::{self, File};
use std::io::Read;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use interop::process::{self, eventually};
use interop::wire::{self, Answer, Client, Request};
use interop::{Object, Program, Scratch, files_below, peers};

const LIMIT: Duration = Duration::from_secs(30);

/// A process started as inetd does: the connection is its standard input and output, and also its standard
/// error, unless that goes to a file.
struct Started {
    child: Child,
    client: TcpStream,
    scratch: Scratch,
}

impl Started {
    fn with(program: Program, options: &[&str], stderr_is_connection: bool) -> Self {
        let scratch = Scratch::new();
        let out = scratch.directory("out");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("its number");
        let client = TcpStream::connect(address).expect("somebody listens");
        let connection = OwnedFd::from(listener.accept().expect("a connection").0);
        let share = || Stdio::from(connection.try_clone().expect("a descriptor"));
        let log = || Stdio::from(File::create(scratch.path().join("stderr")).expect("a file"));
        let child = Command::new(path(program))
            .args(options)
            .arg("-od")
            .arg(out)
            .current_dir(scratch.path())
            .env("TCP_NODELAY", "1")
            .stdin(share())
            .stdout(share())
            .stderr(if stderr_is_connection { share() } else { log() })
            .spawn()
            .expect("the receiver starts");
        drop(connection);
        client.set_read_timeout(Some(LIMIT)).expect("a time limit");
        Self { child, client, scratch }
    }

    fn client(&self) -> Client {
        Client::on(self.client.try_clone().expect("a descriptor"))
    }

    /// Waits for the process to exit.
    fn code(&mut self) -> Option<i32> {
        let status = process::wait(&mut self.child, LIMIT).expect("it ends by itself");
        status.code()
    }

    /// Reads all that it sends to the peer until the connection ends.
    fn sent(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        // If the process did not read everything that the peer sent, the connection ends with a reset.
        let _ = self.client.read_to_end(&mut bytes);
        bytes
    }

    fn log(&self) -> String {
        fs::read_to_string(self.scratch.path().join("stderr")).unwrap_or_default()
    }

    fn files(&self) -> Vec<String> {
        files_below(&self.scratch.path().join("out"))
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn path(program: Program) -> PathBuf {
    match program {
        Program::Ours => peers::storescp().to_owned(),
        Program::Debian => peers::debian_path("storescp"),
    }
}

fn both<T>(action: impl Fn(Program) -> T) -> [T; 2] {
    [Program::Ours, Program::Debian].map(action)
}

/// Objects are stored, only PDUs are sent to the peer even at DEBUG, and the process exits with code 0 after
/// the association. A port is accepted and ignored.
#[test]
fn one_association_is_served_as_by_debian() {
    let objects = [Object::ct(1000), Object::ct(50_000)];
    for options in [&["--inetd"][..], &["-id", "-d"], &["-id", "104"], &["-id", "-d", "no port"]] {
        let [ours, theirs] = both(|program| {
            let mut started = Started::with(program, options, true);
            let mut client = started.client();
            client.send(&Request::usual().encode());
            assert!(matches!(client.answer(), Answer::Accept(_)));
            assert_eq!(client.echo(1), 0);
            for object in &objects {
                assert_eq!(client.store(3, object).status(), 0);
            }
            client.release();
            // Debian's program waits for it, for up to three minutes.
            started.client.shutdown(Shutdown::Both).expect("a connection");
            (started.code(), started.files())
        });
        assert_eq!(ours, theirs, "{options:?}");
        let mut names = objects.each_ref().map(Object::file_name);
        names.sort();
        assert_eq!((ours.0, ours.1), (Some(0), names.to_vec()), "{options:?}");
    }
}

#[test]
fn a_peer_that_goes_ends_the_program_as_with_debian() {
    for sends_something in [false, true] {
        let codes = both(|program| {
            let mut started = Started::with(program, &["--inetd"], true);
            if sends_something {
                started.client().send(&Request::usual().encode());
                assert!(matches!(started.client().answer(), Answer::Accept(_)));
            }
            started.client.shutdown(Shutdown::Both).expect("a connection");
            started.code()
        });
        assert_eq!(codes, [Some(0), Some(0)]);
    }
}

/// A failed start sends nothing to the peer, and exits with code 1.
#[test]
fn what_is_wrong_is_not_told_to_the_peer() {
    for options in
        [&["--inetd", "--fork"][..], &["--inetd", "1", "2"], &["--inetd", "-xf", "none", "none"]]
    {
        let [ours, theirs] = both(|program| {
            let mut started = Started::with(program, options, true);
            (started.code(), started.sent())
        });
        assert_eq!(ours, (Some(1), Vec::new()), "{options:?}");
        // Debian's program takes over the connection only after it has parsed the command line.
        assert_eq!(theirs.0, Some(1), "{options:?}");
    }
}

/// If standard error is not the connection, the log goes there; Debian's program logs nothing.
#[test]
fn standard_error_stays_if_it_is_not_the_connection() {
    let mut started = Started::with(Program::Ours, &["--inetd", "--fork"], false);
    assert_eq!((started.code(), started.sent()), (Some(1), Vec::new()));
    assert!(
        started.log().ends_with("error: --inetd not allowed with --fork\n"),
        "{}",
        started.log()
    );

    let mut started = Started::with(Program::Ours, &["--inetd", "-v", "104"], false);
    let mut client = started.client();
    client.send(&Request::usual().encode());
    assert!(matches!(client.answer(), Answer::Accept(_)));
    client.release();
    assert_eq!(started.code(), Some(0));
    let log = started.log();
    assert!(log.starts_with("W: port is ignored with --inetd\nI: Assoc"), "{log}");
    assert!(log.contains("I: Association Release\nI: association ended: 0 stored, "), "{log}");
}

/// Debian's program exits silently with code 0.
#[test]
fn without_a_connection_the_reason_is_told() {
    let mut command = Command::new(path(Program::Ours));
    let output = process::run(command.args(["--inetd", "-v"]), LIMIT);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        output.stderr.starts_with("F: --inetd: standard input is not a socket: "),
        "{}",
        output.stderr
    );
}

/// The message in progress is completed, as by a server that listens itself.
#[test]
fn a_signal_lets_the_message_under_way_finish() {
    let mut started = Started::with(Program::Ours, &["--inetd", "-v"], false);
    let object = Object::ct(10_000);
    let mut client = started.client();
    client.send(&Request::usual().encode());
    assert!(matches!(client.answer(), Answer::Accept(_)));
    let command = wire::Command::store(1, &object.sop_class, &object.sop_instance);
    client.command(3, &command);
    eventually("the request is read", LIMIT, || started.log().contains("Received Store Request"));
    process::signal(started.child.id(), "TERM");
    eventually("the signal is seen", LIMIT, || started.log().contains("I: shutting down: "));
    client.data_set(3, &object.bytes);
    assert_eq!(client.response().1.status(), 0);
    assert_eq!(started.code(), Some(0));
    assert_eq!(started.files(), [object.file_name()]);
}

/// Several listening sockets passed by systemd, and no port on the command line.
#[test]
fn passed_sockets_are_listened_on() {
    let sockets: [TcpListener; 2] =
        [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").expect("a port"));
    let scratch = Scratch::new();
    let mut child = activated(&scratch, &sockets, &["-v"], "$$");
    for socket in &sockets {
        let port = socket.local_addr().expect("its number").port();
        let mut client = Client::usual(port);
        assert_eq!(client.store(3, &Object::ct(100)).status(), 0);
        client.release();
    }
    process::signal(child.id(), "TERM");
    assert_eq!(process::wait(&mut child, LIMIT).and_then(|status| status.code()), Some(0));
    let log = fs::read_to_string(scratch.path().join("stderr")).expect("its log");
    assert_eq!(log.matches(" (socket passed to this process)\n").count(), 2, "{log}");

    // The sockets stay open, and connections wait until the next process is started.
    let port = sockets[0].local_addr().expect("its number").port();
    let waiting = TcpStream::connect(("127.0.0.1", port)).expect("the socket listens still");
    let mut child = activated(&scratch, &sockets[..1], &[], "$$");
    let mut client = Client::on(waiting);
    client.send(&Request::usual().encode());
    assert!(matches!(client.answer(), Answer::Accept(_)));
    client.release();
    process::signal(child.id(), "TERM");
    assert_eq!(process::wait(&mut child, LIMIT).and_then(|status| status.code()), Some(0));
}

#[test]
fn sockets_for_another_process_or_of_another_kind_are_not_used() {
    let socket = [TcpListener::bind("127.0.0.1:0").expect("a port")];
    let log =
        |scratch: &Scratch| fs::read_to_string(scratch.path().join("stderr")).expect("its log");
    let scratch = Scratch::new();
    // The process ID 1 is not the receiver's, so it ignores the sockets and requires a port.
    let mut child = activated(&scratch, &socket, &["0"], "1");
    assert_eq!(process::wait(&mut child, LIMIT).and_then(|status| status.code()), Some(1));
    assert!(log(&scratch).contains("Invalid parameter value 0 (underflow)"), "{}", log(&scratch));

    let client =
        TcpStream::connect(socket[0].local_addr().expect("its number")).expect("it listens");
    let scratch = Scratch::new();
    let mut child = activated(&scratch, &[client], &[], "$$");
    assert_eq!(process::wait(&mut child, LIMIT).and_then(|status| status.code()), Some(1));
    let expected = "F: cannot use the socket that was passed: it does not listen";
    assert!(log(&scratch).starts_with(expected), "{}", log(&scratch));
}

/// Starts our receiver with these sockets as descriptors 3 and up, as systemd does.
fn activated<S: std::os::fd::AsFd>(
    scratch: &Scratch,
    sockets: &[S],
    options: &[&str],
    process_id: &str,
) -> Child {
    let duplicate =
        |socket: &S| Stdio::from(socket.as_fd().try_clone_to_owned().expect("a descriptor"));
    let count = sockets.len();
    // The shell receives them as standard input and output, and moves them.
    let script = format!(
        "exec 3<&0 4>&1 </dev/null >/dev/null; [ {count} = 2 ] || exec 4>&-; \
         LISTEN_PID={process_id} LISTEN_FDS={count}; export LISTEN_PID LISTEN_FDS; exec \"$@\""
    );
    let mut command = Command::new("sh");
    command.args(["-c", &script, "sh"]).arg(path(Program::Ours)).args(options);
    command.arg("-od").arg(scratch.path()).stdin(duplicate(&sockets[0]));
    command.stdout(sockets.get(1).map_or_else(Stdio::null, duplicate));
    command.stderr(File::create(scratch.path().join("stderr")).expect("a file"));
    command.spawn().expect("the receiver starts")
}

/// After an association started by inetd, the peer waits no longer than needed.
#[test]
fn the_program_ends_soon_after_the_association() {
    let mut started = Started::with(Program::Ours, &["--inetd"], true);
    let mut client = started.client();
    client.send(&Request::usual().encode());
    assert!(matches!(client.answer(), Answer::Accept(_)));
    let released = Instant::now();
    client.send(&wire::release_request());
    // The receiver closes first, after two seconds at most, even if the peer does not.
    assert_eq!(started.code(), Some(0));
    assert!(released.elapsed() < Duration::from_secs(8));
}
