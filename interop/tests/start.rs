//! Tests what the receiver says when it starts, reloads and stops: to a person at a terminal, to systemd, and
//! when it cannot start.

use std::fs::{self, File};
use std::io::Read;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use interop::process::{self, Output, eventually, run};
use interop::tls::Pki;
use interop::wire::Client;
use interop::{Object, Program, Scratch, Server, free_port, peers};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

const SOON: Duration = Duration::from_secs(30);

/// Runs the receiver with its standard error on a terminal until it listens; returns what the terminal showed.
fn on_terminal(options: &[&str]) -> (String, u16) {
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
    grantpt(&terminal).expect("ours");
    unlockpt(&terminal).expect("ours");
    let name = ptsname(&terminal, Vec::new()).expect("it has a name");
    let name = name.to_str().expect("text").to_owned();
    let screen = File::options().write(true).open(name).expect("the other side");
    let scratch = Scratch::new();
    let port = free_port();
    let mut command = Command::new(peers::storescp());
    command.args(options).arg(port.to_string()).current_dir(scratch.path());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(screen);
    let mut child = command.spawn().expect("it starts");
    // Else it would keep the terminal open.
    drop(command);
    eventually("it listens", SOON, || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
    // Once it serves, a signal ends it in order, after what it says.
    Client::usual(port).release();
    process::signal(child.id(), "TERM");
    assert_eq!(process::wait(&mut child, SOON).and_then(|status| status.code()), Some(0));
    (shown(terminal), port)
}

/// Everything that was written to a terminal whose programs have ended.
fn shown(terminal: OwnedFd) -> String {
    let mut bytes = Vec::new();
    // Ends with an error, since nobody has the other side open any more.
    let _ = File::from(terminal).read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).replace('\r', "")
}

#[test]
fn whoever_tries_it_on_a_terminal_is_told_what_to_do() {
    let (shown, port) = on_terminal(&[]);
    let lines: Vec<&str> = shown.lines().collect();
    assert_eq!(lines.len(), 4, "{shown}");
    let listening = format!("I: listening on 0.0.0.0:{port}, AE title STORESCP, storing in '/");
    assert!(lines[0].starts_with(&listening), "{shown}");
    assert!(lines[0].ends_with("', durability full, no TLS"), "{shown}");
    assert!(lines[1].starts_with("I: enter at the sender: address "), "{shown}");
    assert!(lines[1].contains(&format!(", port {port}, AE title STORESCP")), "{shown}");
    assert!(lines[2].starts_with("I: to send a test object: storescp test "), "{shown}");
    assert!(lines[2].ends_with(&format!(" {port}")), "{shown}");
    assert!(lines[3].contains("Ctrl-C"), "{shown}");
}

#[test]
fn with_options_a_terminal_shows_where_it_listens_and_no_more() {
    let (shown, port) = on_terminal(&["-aet", "ARCHIVE", "--ip-auto", "--ignore"]);
    let lines = format!(
        "W: for tests only: --ignore: objects are thrown away, and senders are told that they are stored\n\
         I: listening on [::]:{port}, AE title ARCHIVE, storing nothing (--ignore), no TLS\n"
    );
    assert_eq!(shown, lines);
    assert_eq!(on_terminal(&["-q"]).0, "");
}

/// Scripts that read the log see DCMTK's lines, and at INFO one more.
#[test]
fn without_a_terminal_it_is_said_at_info_only() {
    let server = Server::start(Program::Ours, &[]);
    drop(Client::usual(server.port()));
    assert_eq!((server.stderr(), server.stdout()), (String::new(), String::new()));
    let server = Server::start(Program::Ours, &["-v"]);
    server.wait_for_log(&format!("I: listening on 0.0.0.0:{}, AE title STORESCP, ", server.port()));
}

/// Receives what systemd would be told.
struct Listener(UnixDatagram);

impl Listener {
    fn next(&self) -> String {
        let mut buffer = [0; 4096];
        self.0.set_read_timeout(Some(SOON)).expect("a limit");
        let length = self.0.recv(&mut buffer).expect("a message");
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    }

    /// The next message that is not of the watchdog.
    fn next_but_watchdog(&self) -> String {
        loop {
            let message = self.next();
            if message != "WATCHDOG=1" {
                return message;
            }
        }
    }
}

#[test]
fn systemd_is_told_of_start_reload_and_stop() {
    let scratch = Scratch::new();
    let path = scratch.path().join("notify");
    let listener = Listener(UnixDatagram::bind(&path).expect("a socket"));
    let log = scratch.path().join("log.cfg");
    let config = "log4cplus.rootLogger = INFO, file\n\
                  log4cplus.appender.file = log4cplus::FileAppender\n\
                  log4cplus.appender.file.File = log\n";
    fs::write(&log, config).expect("a configuration");
    let log = log.to_str().expect("text").to_owned();
    let mut server = Server::with(Program::Ours, &["-lc", &log])
        .environment("NOTIFY_SOCKET", path.to_str().expect("text"))
        .start();
    let ready = listener.next();
    let status = ready.strip_prefix("READY=1\nSTATUS=listening on 0.0.0.0:");
    let status = status.unwrap_or_else(|| panic!("{ready}"));
    assert!(status.starts_with(&server.port().to_string()), "{ready}");
    assert!(status.ends_with(", durability full, no TLS"), "{ready}");
    server.signal("HUP");
    let reloading = listener.next();
    assert!(reloading.starts_with("RELOADING=1\nMONOTONIC_USEC="), "{reloading}");
    assert_eq!(listener.next(), ready);
    let client = Client::usual(server.port());
    server.signal("TERM");
    assert_eq!(
        listener.next(),
        "STOPPING=1\nSTATUS=finishing messages in progress on 1 connection (at most 30 s)"
    );
    drop(client);
    assert_eq!(server.wait(SOON).and_then(|status| status.code()), Some(0));
}

/// In the abstract namespace; and a command does not inherit what would let it speak in the receiver's name.
#[test]
fn the_watchdog_hears_that_connections_are_accepted_and_commands_do_not_know_of_it() {
    let name = format!("storescp-test-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(&name).expect("a name");
    let listener = Listener(UnixDatagram::bind_addr(&address).expect("a socket"));
    let server = Server::with(Program::Ours, &["-xcr", "env > environment", "-xs"])
        .environment("NOTIFY_SOCKET", &format!("@{name}"))
        .environment("WATCHDOG_USEC", "200000")
        .start();
    assert!(listener.next_but_watchdog().starts_with("READY=1\n"));
    let mut client = Client::usual(server.port());
    assert_eq!(client.store(3, &Object::ct(1000)).status(), 0);
    client.release();
    for _ in 0..5 {
        assert_eq!(listener.next(), "WATCHDOG=1");
    }
    let environment = fs::read_to_string(server.scratch().join("environment"));
    let environment = environment.expect("the command has run");
    assert!(environment.contains("STORESCP_FILE=") && !environment.contains("NOTIFY_SOCKET"));
    assert!(!environment.contains("WATCHDOG"), "{environment}");
    // A watchdog for another process is none.
    let server = Server::with(Program::Ours, &[])
        .environment("NOTIFY_SOCKET", &format!("@{name}"))
        .environment("WATCHDOG_USEC", "200000")
        .environment("WATCHDOG_PID", "1")
        .start();
    // Without the thread that looks for what an earlier run left, and ends.
    let counts = (0..10).map(|_| {
        std::thread::sleep(Duration::from_millis(50));
        server.threads()
    });
    let threads = counts.min().expect("a count");
    drop(server);
    let server = Server::with(Program::Ours, &[])
        .environment("NOTIFY_SOCKET", &format!("@{name}"))
        .environment("WATCHDOG_USEC", "200000")
        .start();
    eventually("the watchdog has a thread", SOON, || server.threads() == threads + 1);
}

#[test]
fn a_certificate_that_expires_soon_is_warned_of() {
    let pki = Pki::shared();
    let scratch = Scratch::new();
    let [key, certificate] = ["key.pem", "cert.pem"].map(|name| scratch.path().join(name));
    for (days, warned) in [("20", true), ("40", false)] {
        let mut openssl = Command::new("openssl");
        openssl.args([
            "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=x", "-days", days,
        ]);
        openssl.arg("-keyout").arg(&key).arg("-out").arg(&certificate);
        run(&mut openssl, SOON).expect_success("a certificate");
        let names = [&key, &certificate].map(|path| path.to_str().expect("text"));
        let server = Server::start(Program::Ours, &["+tls", names[0], names[1], "-ic", "-v"]);
        server.wait_for_log("I: listening on ");
        let log = server.stderr();
        assert_eq!(log.contains("cert.pem' expires in "), warned, "{log}");
        assert!(!warned || log.contains(" expires in 19 days, on "), "{log}");
        assert!(log.contains(", TLS, no client certificate\n"), "{log}");
        if warned {
            // A reload finds another one.
            pki.copy("server.key", &key);
            pki.copy("server.pem", &certificate);
            server.signal("HUP");
            server.wait_for_log("reloaded keys and certificates");
            assert_eq!(server.stderr().matches(" expires in ").count(), 1);
        }
    }
}

/// Runs the receiver, which cannot start.
fn fails(options: &[&str], port: u16) -> Output {
    let mut command = Command::new(peers::storescp());
    let output = run(command.args(options).arg(port.to_string()), SOON);
    assert_eq!(output.code(), Some(1), "{}", output.stderr);
    output
}

#[test]
fn a_start_that_fails_says_what_helps() {
    let scratch = Scratch::new();
    let out = scratch.directory("out");
    let out = out.to_str().expect("text");
    let taken = TcpListener::bind("0.0.0.0:0").expect("a port");
    let port = taken.local_addr().expect("an address").port();
    let told = fails(&["-od", out], port).stderr;
    let (words, hint) = told.split_once('\n').expect("two lines");
    assert_eq!(
        words,
        "E: cannot create network: 0006:031c TCP Initialization Error: Address already in use"
    );
    let held = format!(
        " (process {}) listens on port {port} (0.0.0.0:{port}): 'ss -ltnp ",
        std::process::id()
    );
    assert!(hint.starts_with("E: ") && hint.contains(&held), "{told}");
    let missing = scratch.path().join("missing");
    let missing = missing.to_str().expect("text");
    assert_eq!(
        fails(&["-od", missing], 11112).stderr,
        format!(
            "F: specified output directory does not exist\n\
             E: there is no '{missing}': create it (mkdir -p), or name another with --output-directory\n"
        )
    );
    assert_eq!(
        fails(&["-q", "-od", missing], 11112).stderr,
        "F: specified output directory does not exist\n"
    );
    assert!(fails(&["-su", "11112"], 0).stderr.contains("(underflow)\nhint: a port is a number"));
    let mut command = Command::new(peers::storescp());
    let output = run(command.args(["-su", "13710"]), SOON);
    assert!(
        output.stderr.contains(
            "\nerror: Missing parameter port\nhint: --sort-on-study-uid took 13710 for its value "
        ),
        "{}",
        output.stderr
    );
}

/// Whoever may not write there is named, and so is whoever may.
#[test]
fn a_directory_that_cannot_be_written_is_named_with_its_user() {
    if !rustix::process::geteuid().is_root() {
        return interop::skip("a directory of another user: not root here");
    }
    let scratch = Scratch::new();
    let out = scratch.directory("out");
    // For `nobody` to get there and to run a copy of the program.
    for folder in
        out.ancestors().skip(1).take_while(|it| *it != Path::new("/tmp") && *it != Path::new("/"))
    {
        let _ = fs::set_permissions(folder, fs::Permissions::from_mode(0o755));
    }
    fs::set_permissions(&out, fs::Permissions::from_mode(0o755)).expect("ours");
    let program = scratch.path().join("storescp");
    fs::copy(peers::storescp(), &program).expect("a copy");
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(&program);
    command.arg("-od").arg(&out).arg(free_port().to_string());
    let output = run(&mut command, SOON);
    let out = out.display();
    assert_eq!(
        output.stderr,
        format!(
            "F: specified output directory is not writeable\n\
             E: user nobody (uid 65534) cannot create files in '{out}': permission denied; it belongs to user root \
             (uid 0), mode 0755\n"
        )
    );
}
