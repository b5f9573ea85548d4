//! Tests `--log-config`: the configurations that DCMTK ships and documents, compared with Debian's program for
//! the same sends, and our improvements.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use interop::process::{eventually, run};
use interop::wire::{Client, Request};
use interop::{Object, Program, Scratch, Server, StartFailure, is_dcmtks_line, peers};

const LIMIT: Duration = Duration::from_secs(30);

/// The output of a receiver for a fixed set of associations: each file of its working directory, and both
/// standard streams, with digits of times replaced by `0`.
type Written = BTreeMap<String, String>;

/// Runs a receiver with a log configuration and three associations: one that stores and echoes, one that is
/// aborted, one that is rejected.
fn written(program: Program, config: &str, objects: &[Object; 2]) -> Written {
    let scratch = Scratch::new();
    let file = scratch.path().join("log.cfg");
    fs::write(&file, config).expect("a configuration");
    let options = ["-lc", file.to_str().expect("UTF-8")];
    let mut server = Server::with(program, &options).start();
    let mut client = Client::usual(server.port());
    assert_eq!(client.echo(1), 0);
    for object in objects {
        assert_eq!(client.store(3, object).status(), 0);
    }
    client.send(&interop::wire::release_request());
    assert!(matches!(client.answer(), interop::wire::Answer::ReleaseReply));
    drop(client);
    let mut request = Request::usual();
    request.application_context = Some("1.2.3".into());
    let mut rejected = Client::connect(server.port());
    rejected.send(&request.encode());
    rejected.answer();
    drop(rejected);
    drop(Client::usual(server.port()));
    let seen = || {
        let text: String = texts(&server).into_values().collect();
        text.contains("Association Aborted") || !config.contains("ABORTED IS SEEN")
    };
    eventually(&format!("the last line of {program:?} is written with {config}"), LIMIT, seen);
    server.signal("TERM");
    server.wait(LIMIT).expect("it ends");
    let mut written = texts(&server);
    // Leave out each program's own lines about itself and its end.
    for text in written.values_mut() {
        let is_dcmtks = |line: &&str| {
            let own = ["shutting down: ", "refused association: "];
            is_dcmtks_line(line) && own.iter().all(|own| !line.contains(own))
        };
        *text = text
            .lines()
            .filter(is_dcmtks)
            .map(|line| normalized(line, server.scratch()) + "\n")
            .collect();
    }
    written
}

/// The streams and the log files of a receiver.
fn texts(server: &Server) -> Written {
    let mut texts = Written::new();
    for entry in fs::read_dir(server.scratch()).expect("its directory").flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.path().is_file() {
            let text = fs::read(entry.path()).unwrap_or_default();
            texts.insert(name, String::from_utf8_lossy(&text).into_owned());
        }
    }
    texts
}

/// Replaces digits of times by `0`, and directories by a fixed name.
fn normalized(line: &str, scratch: &Path) -> String {
    let line = line.replace(&scratch.display().to_string(), "SCRATCH");
    let mut result = String::new();
    for (index, part) in line.split_inclusive("@@").enumerate() {
        // Times are before the first mark.
        let is_time = index == 0 && part.ends_with("@@");
        let zero = |c: char| if is_time && c.is_ascii_digit() { '0' } else { c };
        result.extend(part.chars().map(zero));
    }
    result
}

/// A configuration with one appender and these additional lines.
fn one(level: &str, class: &str, pattern: &str, more: &str) -> String {
    let mut text = format!(
        "# ABORTED IS SEEN\nlog4cplus.rootLogger = {level}, a\n\
         log4cplus.appender.a = log4cplus::{class}\n\
         log4cplus.appender.a.File = ${{appname}}.log\n"
    );
    if !pattern.is_empty() {
        text += "log4cplus.appender.a.layout = log4cplus::PatternLayout\n";
        text += &format!("log4cplus.appender.a.layout.ConversionPattern = {pattern}\n");
    }
    text + more
}

#[test]
fn the_same_lines_are_written_as_by_debian() {
    for config in configurations() {
        let objects = [Object::ct(1000), Object::ct(20_000)];
        let ours = written(Program::Ours, &config, &objects);
        let theirs = written(Program::Debian, &config, &objects);
        assert_eq!(ours, theirs, "{config}");
        let mentions = ours.values().filter(|text| text.contains("Association")).count();
        assert!(mentions > 0 || !config.contains("ABORTED IS SEEN"), "{config}");
    }
}

/// Typical uses of appenders, layouts, loggers and filters.
fn configurations() -> Vec<String> {
    let date = "%D{%Y-%m-%d %H:%M:%S.%q}@@ ";
    let pattern = format!("{date}%5p %-8c{{1}}|%c|%-30.10m|%P|%.2p|%m%%%n");
    let filter = "log4cplus.appender.a.filters.1 = log4cplus::spi::";
    vec![
        one("INFO", "FileAppender", &pattern, ""),
        one("INFO", "RollingFileAppender", "%d{%H:%M}@@ %p %m%n", ""),
        one("INFO", "FileAppender", "", "log4cplus.appender.a.Append = true"),
        one(
            "INFO",
            "ConsoleAppender",
            "%m%n",
            "log4cplus.appender.a.ImmediateFlush = true
",
        )
        .replace("log4cplus.appender.a.File", "#"),
        one("INFO", "ConsoleAppender", "%P: %m%n", "log4cplus.appender.a.logToStdErr = true")
            .replace("log4cplus.appender.a.File", "#"),
        one("WARN", "FileAppender", "%m%n", "log4cplus.logger.dcmtk.apps = INHERIT\n")
            .replace("ABORTED IS SEEN", "nothing is"),
        one("WARN", "FileAppender", "%m%n", "log4cplus.logger.dcmtk.apps.storescp = INFO\n"),
        one("OFF", "FileAppender", "%m%n", "log4cplus.logger.dcmtk.apps.storescp = INFO, a, a\n"),
        one(
            "INFO",
            "FileAppender",
            "%m%n",
            &format!(
                "log4cplus.logger.dcmtk.apps = INHERIT, b\nlog4cplus.additivity.dcmtk.apps = false\n\
             log4cplus.appender.b = log4cplus::FileAppender\nlog4cplus.appender.b.File = b.log\n\
             {filter}DenyAllFilter\n"
            ),
        ),
        one(
            "INFO",
            "FileAppender",
            "%m%n",
            &format!(
                "{filter}StringMatchFilter\n\
             log4cplus.appender.a.filters.1.StringToMatch = Association\n\
             log4cplus.appender.a.filters.1.AcceptOnMatch = true\n\
             log4cplus.appender.a.filters.2 = log4cplus::spi::DenyAllFilter\n"
            ),
        ),
        one(
            "INFO",
            "FileAppender",
            "%m%n",
            &format!(
                "{filter}LogLevelRangeFilter\n\
             log4cplus.appender.a.filters.1.LogLevelMin = ERROR\n"
            ),
        )
        .replace("ABORTED IS SEEN", "nothing is"),
        one("INFO", "FileAppender", "%m%n", "log4cplus.appender.a.Threshold = ERROR\n")
            .replace("ABORTED IS SEEN", "nothing is"),
        one("INFO", "NullAppender", "", "log4cplus.logger.dcmtk.apps.storescp.progress = WARN\n")
            .replace("ABORTED IS SEEN", "nothing is")
            .replace("log4cplus.appender.a.File", "#"),
        one(
            "DEBUG",
            "FileAppender",
            "%m%n",
            "log4cplus.appender.a.Threshold = INFO\n\
             log4cplus.logger.dcmtk.apps.storescp.progress = INFO\n",
        ),
    ]
}

/// Debian's files unchanged: the same lines from INFO up, and the same dumps at DEBUG.
#[test]
fn the_shipped_configurations_work_as_with_debian() {
    for name in ["/etc/dcmtk/logger.cfg", "/etc/dcmtk/filelog.cfg"] {
        let config = fs::read_to_string(name).expect("it comes with the package dcmtk");
        // Marks after the times.
        let config = config.replace("} %5p", "}@@ %5p") + "# ABORTED IS SEEN\n";
        let objects = [Object::ct(1000), Object::ct(20_000)];
        let [ours, theirs] = [Program::Ours, Program::Debian].map(|program| {
            let mut written = written(program, &config, &objects);
            let stderr = written.remove("stderr").expect("a stream");
            for text in written.values_mut() {
                *text = text
                    .lines()
                    .filter(|line| !line.contains(" DEBUG"))
                    .collect::<Vec<_>>()
                    .join("\n");
            }
            (written, stderr)
        });
        assert_eq!(ours.0, theirs.0, "{name}");
        assert!(ours.0["storescp.log"].contains("Received Store Request"), "{name}");
        assert_eq!(ours.0.keys().collect::<Vec<_>>(), ["stdout", "storescp.log"], "{name}");
        // log4cplus does not know this spelling of the key either, so it has no effect.
        assert_eq!(theirs.1, "", "{name}");
        let hint = ".logToStderr' is not known, but 'log4cplus.appender.console.logToStdErr' is\n";
        assert!(ours.1.ends_with(hint), "{name}: {}", ours.1);
    }
}

#[test]
fn what_is_no_configuration_is_refused_as_by_debian() {
    let scratch = Scratch::new();
    let file = scratch.path().join("log.cfg");
    let path = file.to_str().expect("UTF-8");
    for (text, same) in [
        (None, true),
        (Some(""), true),
        (Some("# log4cplus.rootLogger = INFO\n"), true),
        (Some("nothing\n"), true),
        (Some("a = b\n"), true),
        (Some("log4cplus.appender.a = b\n"), true),
        // Debian's program dies of an uncaught exception.
        (Some("log4cplus.rootLogger = LOUD, a\n"), false),
    ] {
        let _ = fs::remove_file(&file);
        if let Some(text) = text {
            fs::write(&file, text).expect("a configuration");
        }
        let refusal = |program| {
            let failure = Server::with(program, &["-lc", path]).try_start();
            let StartFailure { status, stdout, stderr } = failure.expect_err("it is refused");
            let (_, fault) = stderr.split_once('\n').expect("a line that identifies it");
            // What helps stands behind DCMTK's words.
            let fault: String =
                fault.split_inclusive('\n').filter(|line| !line.starts_with("hint: ")).collect();
            (status.code(), stdout, fault)
        };
        let ours = refusal(Program::Ours);
        if same {
            assert_eq!(ours, refusal(Program::Debian), "{text:?}");
        } else {
            assert_eq!(ours.0, Some(1));
            let fault = "error: Specified --log-config file gives log4cplus.rootLogger no valid log level\n";
            assert!(ours.2.ends_with(fault), "{}", ours.2);
        }
    }
}

/// With the log in a file, nobody would learn why a start fails; with the log on standard error, it is told once.
#[test]
fn a_start_that_fails_is_told_on_standard_error_too() {
    let scratch = Scratch::new();
    let file = scratch.path().join("log.cfg");
    let path = file.to_str().expect("UTF-8");
    let told = |config: &str| {
        fs::write(&file, config).expect("a configuration");
        let mut command = Command::new(peers::storescp());
        command.args(["-lc", path, "-od", "/no/such", "11112"]).current_dir(scratch.path());
        let output = run(&mut command, LIMIT);
        assert_eq!(output.code(), Some(1), "{}", output.stderr);
        output.stderr
    };
    let stderr = told(&one("INFO", "FileAppender", "%m%n", ""));
    assert!(stderr.starts_with("error: ") && stderr.contains("\nhint: "), "{stderr}");
    assert!(stderr.contains("/no/such"), "{stderr}");
    let console = one("INFO", "ConsoleAppender", "%m%n", "");
    for config in [one("OFF", "FileAppender", "%m%n", ""), console] {
        assert!(!told(&config).contains("error: "), "{config}");
    }
}

/// The level of the root logger decides whether command-line errors are logged.
#[test]
fn a_quiet_root_logger_is_quiet_as_with_debian() {
    let scratch = Scratch::new();
    let file = scratch.path().join("log.cfg");
    let path = file.to_str().expect("UTF-8");
    for (root, program, quiet) in [
        ("OFF", "INHERIT", true),
        ("FATAL", "INFO", true),
        ("ERROR", "INHERIT", false),
        ("INFO", "FATAL", false),
    ] {
        let more = format!("log4cplus.logger.dcmtk.apps.storescp = {program}\n");
        fs::write(&file, one(root, "FileAppender", "%m%n", &more)).expect("a configuration");
        let faults = [Program::Ours, Program::Debian].map(|program| {
            let options = ["-lc", path, "+te", "+B"];
            let failure = Server::with(program, &options).try_start().expect_err("refused");
            (failure.status.code(), failure.stderr.lines().last().map(str::to_owned))
        });
        assert_eq!(faults[0], faults[1], "{root} {program}");
        assert_eq!(faults[0].1.is_none(), quiet, "{root} {program}");
    }
}

/// `+v` requires that INFO is enabled; the dump is then in the file, as with Debian's program.
#[test]
fn presentation_contexts_are_dumped_with_a_configuration_too() {
    let scratch = Scratch::new();
    let file = scratch.path().join("log.cfg");
    let path = file.to_str().expect("UTF-8");
    fs::write(&file, one("INFO", "FileAppender", "%P: %m%n", "")).expect("a configuration");
    let dumps = [Program::Ours, Program::Debian].map(|program| {
        let server = Server::with(program, &["-lc", path, "+v"]).start();
        Client::usual(server.port()).release();
        let log = server.scratch().join("storescp.log");
        let text = || fs::read_to_string(&log).unwrap_or_default();
        eventually("the release is logged", LIMIT, || text().contains("I: Association Release"));
        let foreign = |line: &&str| !line.contains("Implementation") && is_dcmtks_line(line);
        text().lines().filter(foreign).map(str::to_owned).collect::<Vec<_>>()
    });
    assert_eq!(dumps[0], dumps[1]);
    assert!(dumps[0].iter().any(|line| line.starts_with("I:     Abstract Syntax: =")));

    fs::write(&file, one("WARN", "FileAppender", "%m%n", "")).expect("a configuration");
    let faults = [Program::Ours, Program::Debian].map(|program| {
        let failure = Server::with(program, &["-lc", path, "+v"]).try_start();
        failure.expect_err("it is refused").stderr.lines().last().map(str::to_owned)
    });
    assert_eq!(faults[0], faults[1]);
    assert_eq!(faults[0].as_deref(), Some("error: --verbose-pc only allowed with verbose mode"));
}

/// With `+v` alone, the dumps are logged at INFO, and equal Debian's line for line.
#[test]
fn presentation_contexts_are_dumped_at_info_as_by_debian() {
    let dumps = interop::both(&["-v", "+v"], |server| {
        Client::usual(server.port()).release();
        server.wait_for_log("I: Association Release");
        let foreign = |line: &&str| !line.contains("Implementation") && is_dcmtks_line(line);
        server.stderr().lines().filter(foreign).map(str::to_owned).collect::<Vec<_>>()
    });
    assert_eq!(dumps[0], dumps[1]);
    assert!(dumps[0].iter().any(|line| line.contains("BEGIN A-ASSOCIATE-AC")));
    for options in [&["+v"][..], &["-q", "+v"], &["-ll", "error", "+v"]] {
        let mut server = Command::new(interop::peers::storescp());
        let output = run(server.args(options).arg("1"), LIMIT);
        assert_eq!(output.status.code(), Some(1), "{options:?}");
        let silent = options[0] == "-q";
        assert_eq!(output.stderr.is_empty(), silent, "{options:?} {}", output.stderr);
    }
}

/// A missing folder or a full disk is reported once, and objects are still received.
#[test]
fn a_log_that_cannot_be_written_does_not_end_the_server() {
    let scratch = Scratch::new();
    let file = scratch.path().join("log.cfg");
    for path in ["/nonexistent/folder/a.log", "/dev/full"] {
        let config = one("DEBUG", "FileAppender", "%m%n", "").replace("${appname}.log", path);
        let config = config + "log4cplus.appender.a.Append = true\n";
        fs::write(&file, config).expect("a configuration");
        let server = Server::start(Program::Ours, &["-lc", file.to_str().expect("UTF-8")]);
        let mut client = Client::usual(server.port());
        for _ in 0..20 {
            assert_eq!(client.store(3, &Object::ct(100)).status(), 0);
        }
        client.release();
        server.wait_for_log("E: log: cannot ");
        let log = server.stderr();
        assert!(log.lines().count() <= 2, "{log}");
        assert!(log.contains(path), "{log}");
    }
}

/// If nobody reads the log, lines are lost, objects are not, and no peer waits long.
#[test]
fn a_log_that_takes_nothing_in_holds_up_nobody() {
    let scratch = Scratch::new();
    let pipe = scratch.path().join("pipe");
    let made = Command::new("mkfifo").arg(&pipe).status().expect("mkfifo runs");
    assert!(made.success());
    let reader = fs::File::options().read(true).write(true).open(&pipe).expect("a pipe");
    let file = scratch.path().join("log.cfg");
    let config = one("DEBUG", "FileAppender", "%m%n", "log4cplus.appender.a.Append = true\n");
    fs::write(&file, config.replace("${appname}.log", pipe.to_str().expect("UTF-8")))
        .expect("a configuration");
    let server = Server::start(Program::Ours, &["-lc", file.to_str().expect("UTF-8")]);
    let mut client = Client::usual(server.port());
    let started = Instant::now();
    let mut slowest = Duration::ZERO;
    // Far more lines than the pipe and the queue can hold.
    for _ in 0..1200 {
        let asked = Instant::now();
        assert_eq!(client.echo(1), 0);
        slowest = slowest.max(asked.elapsed());
    }
    client.release();
    assert!(slowest < Duration::from_secs(2), "{slowest:?}");
    assert!(started.elapsed() < Duration::from_secs(60));
    drop(reader);
}
