//! Tests the log as JSON objects.

use std::fs;
use std::time::Duration;

use interop::wire::{Client, Request, uid};
use interop::{Object, Program, Scratch, Server};
use serde_json::Value;

const LIMIT: Duration = Duration::from_secs(30);

/// The objects of a log; each line has to be one.
fn objects(log: &str) -> Vec<Value> {
    let parse =
        |line: &str| serde_json::from_str(line).unwrap_or_else(|why| panic!("{why}: {line}"));
    log.lines().map(parse).collect()
}

fn find<'o>(objects: &'o [Value], message: &str) -> &'o Value {
    let found = objects
        .iter()
        .find(|object| object["message"].as_str().is_some_and(|text| text.starts_with(message)));
    found.unwrap_or_else(|| panic!("{message}: {objects:#?}"))
}

/// Sends an object, and one that is refused, as a sender whose title is made to break lines.
fn send(port: u16) {
    let calling = "\"}\n{\"level\":\"x".chars().take(16).collect();
    let request = Request { calling, ..Request::usual() };
    let (mut client, _) = Client::associate(port, &request);
    let study = vec![(0x0020_000D, *b"UI", b"1.2.3.4".to_vec())];
    let object = Object::made_of(uid::CT, "2.25.7", study);
    assert_eq!(client.store(3, &object).status(), 0);
    let other = Object { sop_instance: "2.25.8".to_owned(), ..object };
    assert_eq!(client.store(3, &other).status(), 0xA900);
    client.release();
}

#[test]
fn each_line_is_an_object_with_what_it_is_about() {
    let mut server = Server::start(Program::Ours, &["--log-format", "json", "-v", "+v"]);
    send(server.port());
    server.signal("TERM");
    server.wait(LIMIT).expect("it ends");
    assert_eq!(server.stdout(), "", "no dots between objects");
    let objects = objects(&server.stderr());
    for object in &objects {
        let time = object["time"].as_str().expect("a time");
        assert!(time.len() == 27 && time.ends_with('Z'), "{time}");
        assert!(object["level"].is_string() && object["message"].is_string(), "{object}");
        assert_ne!(object["level"], "x");
    }
    let stored = find(&objects, "stored");
    assert_eq!(stored["level"], "info");
    assert_eq!((&stored["peer"], &stored["association"]), (&"127.0.0.1".into(), &1.into()));
    assert!(stored["peerPort"].is_u64() && stored["commitSeconds"].is_f64(), "{stored}");
    assert_eq!(stored["calledAeTitle"], Request::usual().called.as_str());
    assert_eq!(stored["sopInstanceUid"], "2.25.7");
    assert_eq!(stored["sopClassUid"], uid::CT);
    assert_eq!(stored["studyInstanceUid"], "1.2.3.4");
    assert_eq!(stored["replaced"], false);
    let file = stored["file"].as_str().expect("a file");
    let size = fs::metadata(file).expect("the file is there").len();
    assert_eq!(stored["fileBytes"], size);
    let refused = find(&objects, "cannot store SOP instance 2.25.8 (");
    assert_eq!((&refused["level"], &refused["status"]), (&"error".into(), &"A900H".into()));
    assert_eq!(refused["sopInstanceUid"], "2.25.8");
    let ended = find(&objects, "association ended: 1 stored, 1 refused");
    assert_eq!((&ended["stored"], &ended["refused"]), (&1.into(), &1.into()));
    assert_eq!(ended["end"], "released");
    let lines = find(&objects, "Parameters:")["lines"].as_array().expect("lines");
    assert!(lines.len() > 10 && lines[1].as_str().is_some_and(|it| it.starts_with("====")));
}

#[test]
fn files_of_a_log_configuration_have_objects_too() {
    let scratch = Scratch::new();
    let (file, log) = (scratch.path().join("log.cfg"), scratch.path().join("a.log"));
    let config = format!(
        "log4cplus.rootLogger = INFO, a\nlog4cplus.appender.a = log4cplus::FileAppender\n\
         log4cplus.appender.a.Threshold = ERROR\nlog4cplus.appender.a.File = {}\n\
         log4cplus.appender.a.layout = log4cplus::SimpleLayout\n",
        log.display()
    );
    fs::write(&file, config).expect("a configuration");
    let options = ["--log-format", "json", "-lc", file.to_str().expect("UTF-8")];
    let mut server = Server::start(Program::Ours, &options);
    send(server.port());
    server.signal("TERM");
    server.wait(LIMIT).expect("it ends");
    let objects = objects(&fs::read_to_string(&log).expect("the log"));
    assert_eq!(objects.len(), 1, "the threshold holds: {objects:?}");
    assert_eq!(find(&objects, "cannot store")["sopInstanceUid"], "2.25.8");
}

/// The lines of DCMTK's form are what they were, whatever fields events have.
#[test]
fn text_has_no_fields() {
    let server = Server::start(Program::Ours, &["-v"]);
    send(server.port());
    server.wait_for_log("association ended");
    let log = server.stderr();
    assert!(!log.contains("sopInstanceUid") && !log.contains("I: stored"), "{log}");
    assert!(log.contains("I: storing DICOM file: "), "{log}");
}
