//! Tests that the log delays nothing: with streams that are blocked, slow, closed or full; and log files that
//! are renamed, with SIGHUP.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use interop::process::eventually;
use interop::wire::{Answer, Client, Request};
use interop::{Object, Program, Scratch, Server};

const LIMIT: Duration = Duration::from_secs(30);

/// A named pipe, open at both ends, so that opening it does not block.
fn pipe(scratch: &Scratch, name: &str) -> (PathBuf, File) {
    let path = scratch.path().join(name);
    let made = Command::new("mkfifo").arg(&path).status().expect("mkfifo runs");
    assert!(made.success());
    let open = File::options().read(true).write(true).open(&path).expect("a pipe");
    (path, open)
}

/// A receiver whose standard streams are redirected in shell syntax.
fn redirected(options: &[&str], redirections: &str) -> Server {
    Server::with(Program::Ours, options).after_shell(&format!("exec {redirections}")).start()
}

/// The time of the slowest object, and of all of them.
fn stored(port: u16, count: usize) -> (Duration, Duration) {
    let started = Instant::now();
    let mut client = Client::usual(port);
    let slowest = (0..count).map(|_| {
        let asked = Instant::now();
        assert_eq!(client.store(3, &Object::ct(100)).status(), 0);
        asked.elapsed()
    });
    let slowest = slowest.max().unwrap_or_default();
    client.release();
    (slowest, started.elapsed())
}

/// Tests both streams and one of them, at each level, and also the end of the receiver.
#[test]
fn streams_that_nobody_reads_hold_up_neither_objects_nor_the_end() {
    thread::scope(|scope| {
        for (options, redirections, count) in [
            (&["-d"][..], "2>PIPE", 800),
            (&["-v"], "2>PIPE >&2", 400),
            (&["-ll", "trace"], "2>PIPE", 800),
            (&["-v"], ">PIPE", 400),
            (&["-v", "+v"], "2>PIPE >&2", 100),
            (&[], "2>PIPE >&2", 20),
        ] {
            scope.spawn(move || {
                let scratch = Scratch::new();
                let (path, _reader) = pipe(&scratch, "pipe");
                let redirections = redirections.replace("PIPE", path.to_str().expect("UTF-8"));
                let options = [options, &["--grace-period", "1"]].concat();
                let mut server = redirected(&options, &redirections);
                let (slowest, all) = stored(server.port(), count);
                assert!(
                    slowest < Duration::from_secs(3),
                    "{options:?} {redirections}: {slowest:?}"
                );
                assert!(all < Duration::from_secs(60), "{options:?} {redirections}: {all:?}");
                // An association that is open, and some lines about it.
                let _idle = Client::usual(server.port());
                let asked = Instant::now();
                server.signal("TERM");
                let status = server.wait(LIMIT).expect("it ends");
                assert_eq!(status.code(), Some(0), "{options:?} {redirections}");
                assert!(asked.elapsed() < Duration::from_secs(6), "{:?}", asked.elapsed());
            });
        }
    });
}

/// A failed start reports the error and exits, even if the stream is blocked.
#[test]
fn a_failing_start_ends_with_its_exit_code_whoever_reads() {
    let scratch = Scratch::new();
    let (path, reader) = pipe(&scratch, "pipe");
    let path = path.to_str().expect("UTF-8");
    // The pipe is full.
    let fill = Command::new("sh")
        .args(["-c", &format!("head -c 1000000 /dev/zero | timeout 2 dd of={path} oflag=nonblock")])
        .output();
    fill.expect("dd runs");
    let setup = Server::with(Program::Ours, &["-d", "-od", "/nonexistent"]);
    let started = Instant::now();
    let setup = setup.as_typed_in(scratch.path()).after_shell(&format!("exec 2>{path}"));
    let failure = setup.try_start().expect_err("there is no such folder");
    assert_eq!(failure.status.code(), Some(1));
    assert!(started.elapsed() < LIMIT, "{:?}", started.elapsed());
    drop(reader);
    // If the pipe is read, the last line is written before the process exits, even if it is the only one.
    for level in ["-q", "-v", "-d"] {
        let setup = Server::with(Program::Ours, &[level, "-od", "/nonexistent"]);
        let failure = setup.as_typed_in(scratch.path()).try_start().expect_err("it fails");
        let last = failure.stderr.lines().last().unwrap_or_default();
        let expected = match level {
            "-q" => "F: specified output directory does not exist",
            _ => "E: there is no '/nonexistent': create it",
        };
        assert!(last.starts_with(expected), "{level}: {}", failure.stderr);
    }
}

/// Lost lines are counted, and the number is logged once the stream is read.
#[test]
fn lines_that_are_lost_are_counted() {
    let scratch = Scratch::new();
    let (path, reader) = pipe(&scratch, "pipe");
    let server = redirected(&["-d"], &format!("2>{}", path.display()));
    stored(server.port(), 3000);
    let lines = thread::spawn(move || {
        let mut lines = BufReader::new(reader).lines().map_while(Result::ok);
        let lost = lines.find(|line| line.contains("log lines were lost here"));
        (lost, lines.find(|line| line.contains("Association Release")))
    });
    thread::sleep(Duration::from_millis(200));
    for _ in 0..20 {
        Client::usual(server.port()).release();
    }
    eventually("the loss is told, and then there are lines again", LIMIT, || lines.is_finished());
    let (lost, later) = lines.join().expect("it reads");
    let lost = lost.expect("a loss");
    let count = lost.strip_prefix("W: ").and_then(|text| text.split(' ').next());
    assert!(count.is_some_and(|count| count.parse::<u64>().is_ok_and(|it| it > 0)), "{lost}");
    assert!(later.is_some());
}

/// A reader gets every line, in order, however fast they come.
#[test]
fn a_log_that_is_read_loses_nothing() {
    for redirection in ["2>FILE", "2>PIPE"] {
        let scratch = Scratch::new();
        let (path, reader) = pipe(&scratch, "pipe");
        let file = scratch.path().join("log");
        let (from, to) = (path.display().to_string(), file.display().to_string());
        let copy = (redirection == "2>PIPE").then(|| {
            let mut copy = Command::new("cat");
            let copy = copy.arg(&path).stdout(File::create(&file).expect("a file"));
            copy.spawn().expect("cat runs")
        });
        let redirection = redirection.replace("PIPE", &from).replace("FILE", &to);
        let mut server = redirected(&["-d"], &redirection);
        drop(reader);
        let (senders, each) = (4, 150);
        thread::scope(|scope| {
            for _ in 0..senders {
                scope.spawn(|| stored(server.port(), each));
            }
        });
        server.signal("TERM");
        server.wait(LIMIT).expect("it ends");
        copy.map(|mut copy| copy.wait().expect("cat ends"));
        let text = fs::read_to_string(&file).expect("the log");
        for line in ["I: storing DICOM file: ", "D: Message Type ", "= END DIMSE MESSAGE ="] {
            assert_eq!(text.matches(line).count(), senders * each, "{redirection}: {line}");
        }
        assert!(!text.contains("lost here"), "{redirection}");
        // The lines of a dump are contiguous.
        let dumps = text.split("INCOMING DIMSE MESSAGE").skip(1);
        assert!(dumps.into_iter().all(|dump| {
            let lines: Vec<&str> = dump.lines().skip(1).take(8).collect();
            lines[0].starts_with("D: Message Type") && lines[7].contains("END DIMSE MESSAGE")
        }));
        assert!(text.ends_with('\n'));
    }
}

/// With closed pipes, full devices and closed streams, only log lines are lost.
#[test]
fn streams_that_cannot_be_written_cost_lines_only() {
    for redirections in
        ["2>/dev/full >/dev/full", "2>&- >&-", "2>PIPE >&2", "2>&- >/dev/full", "2>/dev/null"]
    {
        let scratch = Scratch::new();
        let (path, reader) = pipe(&scratch, "pipe");
        let redirections = redirections.replace("PIPE", path.to_str().expect("UTF-8"));
        let servers = ["-d", "-v"].map(|level| redirected(&[level], &redirections));
        // From here on, writes fail with EPIPE.
        drop(reader);
        for mut server in servers {
            let (slowest, _) = stored(server.port(), 50);
            assert!(slowest < Duration::from_secs(3), "{redirections}: {slowest:?}");
            server.signal("TERM");
            let status = server.wait(LIMIT).expect("it ends");
            assert_eq!(status.code(), Some(0), "{redirections}");
        }
    }
}

/// A log configuration with one file per level, and the console.
fn configuration(folder: &Path, class: &str) -> String {
    let file = folder.join("a.log");
    format!(
        "log4cplus.rootLogger = DEBUG, a\nlog4cplus.appender.a = log4cplus::{class}\n\
         log4cplus.appender.a.File = {}\nlog4cplus.appender.a.Append = true\n\
         log4cplus.appender.a.layout = log4cplus::PatternLayout\n\
         log4cplus.appender.a.layout.ConversionPattern = %P: %m%n\n",
        file.display()
    )
}

/// A named pipe as log file that nobody opens for reading: nothing waits for it, not even the start.
#[test]
fn a_log_file_that_cannot_be_opened_yet_holds_up_nobody() {
    let scratch = Scratch::new();
    let made = Command::new("mkfifo").arg(scratch.path().join("a.log")).status();
    assert!(made.expect("mkfifo runs").success());
    let file = scratch.path().join("log.cfg");
    fs::write(&file, configuration(scratch.path(), "FileAppender")).expect("a configuration");
    let mut server = Server::start(Program::Ours, &["-lc", file.to_str().expect("UTF-8")]);
    let (slowest, _) = stored(server.port(), 100);
    assert!(slowest < Duration::from_secs(3), "{slowest:?}");
    server.signal("HUP");
    Client::usual(server.port()).release();
    server.signal("TERM");
    assert_eq!(server.wait(LIMIT).and_then(|status| status.code()), Some(0));
}

/// Renames the files as logrotate does, repeatedly, while objects arrive: every line is in one of the files,
/// and no object is refused.
#[test]
fn sighup_opens_renamed_log_files_anew() {
    for class in ["FileAppender", "RollingFileAppender", "DailyRollingFileAppender"] {
        let scratch = Scratch::new();
        let file = scratch.path().join("log.cfg");
        fs::write(&file, configuration(scratch.path(), class)).expect("a configuration");
        let mut server = Server::start(Program::Ours, &["-lc", file.to_str().expect("UTF-8")]);
        let (senders, each) = (2, 100);
        let current = scratch.path().join("a.log");
        let text_of = |path: &Path| fs::read_to_string(path).unwrap_or_default();
        eventually("the file is there", LIMIT, || current.exists());
        let mut parts = Vec::new();
        thread::scope(|scope| {
            let all: Vec<_> =
                (0..senders).map(|_| scope.spawn(|| stored(server.port(), each))).collect();
            while !all.iter().all(thread::ScopedJoinHandle::is_finished) || parts.len() < 3 {
                let aside = scratch.path().join(format!("aside.{}", parts.len()));
                fs::rename(&current, &aside).expect("it was there");
                server.signal("HUP");
                eventually("the file is there again, and it is said", LIMIT, || {
                    text_of(&current).contains("I: SIGHUP: reopened 1 log file\n")
                });
                parts.push(aside);
            }
        });
        server.signal("TERM");
        assert_eq!(server.wait(LIMIT).and_then(|status| status.code()), Some(0));
        parts.push(current);
        let text: String = parts.iter().map(|path| text_of(path)).collect();
        let lines = text.matches("I: storing DICOM file: ").count();
        assert_eq!(lines, senders * each, "{class}");
        assert_eq!(text.matches("SIGHUP: ").count(), parts.len() - 1, "{class}");
        assert!(parts.iter().all(|path| text_of(path).ends_with('\n')), "{class}");
    }
}

/// Without files and without TLS there is nothing to reopen, and SIGHUP does not end the process.
#[test]
fn sighup_ends_nothing() {
    // The test runner may ignore SIGHUP, and child processes inherit that.
    let heeding = Server::with(Program::Ours, &["-v"]).through("env", &["--default-signal=HUP"]);
    let server = heeding.start();
    let mut client = Client::usual(server.port());
    for number in 1..=3 {
        server.signal("HUP");
        eventually("it is said", LIMIT, || {
            let said = server.stderr();
            said.matches("I: SIGHUP: nothing to reload\n").count() == number
        });
        assert_eq!(client.store(3, &Object::ct(100)).status(), 0);
    }
    client.release();
    let ignoring = Server::with(Program::Ours, &[]).through("nohup", &[]).start();
    ignoring.signal("HUP");
    let (mut client, _) = Client::associate(ignoring.port(), &Request::usual());
    client.send(&interop::wire::release_request());
    assert_eq!(client.answer(), Answer::ReleaseReply, "it still serves");
}
