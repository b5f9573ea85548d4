//! Delivers events to a web server and objects to a folder, under load: the server fails, hangs, drips, lies, is paused, killed and
//! started again, and the receiver is killed. Nothing that was acknowledged is missing in the end, and nothing is parked.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use interop::http::Http;
use interop::part10::Part10;
use interop::process::eventually;
use interop::wire::{Answer, Client, Command as Message, Pdv, Request, data_pdu};
use interop::{Object, Program, Scratch, Server, files_below, free_port, peers};
use serde_json::Value;

const LIMIT: Duration = Duration::from_secs(120);

/// A web server in a process of its own.
struct WebServer<'s> {
    scratch: &'s Scratch,
    port: u16,
    child: Child,
}

impl<'s> WebServer<'s> {
    fn start(scratch: &'s Scratch, port: u16) -> Self {
        let server = Self { scratch, port, child: Self::run(scratch, port) };
        server.wait();
        server
    }

    fn run(scratch: &Scratch, port: u16) -> Child {
        let mut command = peers::python_script("web_server.py");
        command.arg(port.to_string()).args([scratch.path().join("mode"), received(scratch)]);
        command.stderr(Stdio::null()).spawn().expect("Python runs")
    }

    fn wait(&self) {
        eventually("the web server listens", LIMIT, || {
            TcpStream::connect(("127.0.0.1", self.port)).is_ok()
        });
    }

    fn does(&self, mode: &str) {
        does(self.scratch, mode);
    }

    fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let status = Command::new("kill").args([format!("-{name}"), id]).status();
        assert!(status.expect("kill runs").success());
    }

    fn kill(&mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ends");
    }

    fn start_again(&mut self) {
        self.child = Self::run(self.scratch, self.port);
        self.wait();
    }
}

impl Drop for WebServer<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn does(scratch: &Scratch, mode: &str) {
    let (new, path) = (scratch.path().join("mode.new"), scratch.path().join("mode"));
    fs::write(&new, mode).expect("it can be written");
    fs::rename(new, path).expect("it can be renamed");
}

fn received(scratch: &Scratch) -> std::path::PathBuf {
    scratch.path().join("received")
}

/// The events that the web server has taken.
fn events(scratch: &Scratch) -> Vec<Value> {
    let text = fs::read_to_string(received(scratch)).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}

/// What the web server has taken is as the schema says.
fn assert_valid(events: &[Value]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/event.schema.json");
    let schema = fs::read_to_string(path).expect("the schema");
    let schema = serde_json::from_str(&schema).expect("JSON");
    let validator = jsonschema::options().should_validate_formats(true).build(&schema);
    let validator = validator.expect("a schema");
    for event in events {
        let faults: Vec<String> = validator.iter_errors(event).map(|it| it.to_string()).collect();
        assert!(faults.is_empty(), "{faults:?}: {event:#}");
    }
}

/// The SOP Instance UIDs of objects that the web server was told of.
fn told(scratch: &Scratch) -> BTreeSet<String> {
    let events = events(scratch);
    let of_objects = events.iter().filter(|it| it["type"] == "storescp.object.stored");
    of_objects.filter_map(|it| Some(it["data"]["sopInstanceUid"].as_str()?.to_owned())).collect()
}

/// Options of a receiver with both destinations.
fn options(scratch: &Scratch, port: u16, more: &str) -> Vec<String> {
    let copies = scratch.path().join("copies");
    fs::create_dir_all(&copies).expect("it can be made");
    let settings = format!(
        "deliver = [\"web\", \"copies\"]\n\
         [http]\nlisten = \"127.0.0.1:0\"\n\
         [catalog]\nquiet = \"1 s\"\n\
         [[destination]]\nname = \"web\"\nkind = \"webhook\"\nurl = \"http://127.0.0.1:{port}/events\"\n\
         on = [\"object\", \"study\"]\ntimeout = \"1 s\"\nlongest-pause = \"1 s\"\n{more}\
         [[destination]]\nname = \"copies\"\nkind = \"folder\"\nfile = \"{{sopInstanceUid}}.dcm\"\n\
         directory = \"{}\"\n",
        copies.display()
    );
    let file = scratch.path().join("storescp.toml");
    fs::write(&file, settings).expect("it can be written");
    vec!["-v".to_owned(), "--settings".to_owned(), file.to_str().expect("UTF-8").to_owned()]
}

/// Sends so many objects on an association; false if it broke off before the end.
fn send(port: u16, count: usize, acknowledged: &mut BTreeSet<String>) -> bool {
    let Ok(mut client) = Client::try_connect(port) else { return false };
    let is_sent = client.try_send(&Request::usual().encode()).is_ok();
    if !is_sent || !matches!(client.answer(), Answer::Accept(_)) {
        return false;
    }
    for _ in 0..count {
        let object = Object::ct(2000);
        let command = Message::store(client.message_id(), &object.sop_class, &object.sop_instance);
        let mut bytes = data_pdu(&[Pdv::command(3, true, &command.encode())]);
        bytes.extend(data_pdu(&[Pdv::data(3, true, &object.bytes)]));
        if client.try_send(&bytes).is_err() {
            return false;
        }
        let Answer::Data(pdvs) = client.answer() else { return false };
        assert_eq!(Message::parse(&pdvs[0].data).status(), 0);
        acknowledged.insert(object.sop_instance);
    }
    client.release();
    true
}

/// Everything is delivered, and nothing is parked.
fn wait_until_settled(http: &Http) {
    eventually("nothing is owed any more", LIMIT, || {
        let outbox = http.json("/api/v1/outbox");
        let all = outbox["destinations"].as_array().expect("destinations");
        assert!(all.iter().all(|it| it["parked"] == 0), "{outbox:#}");
        all.iter().all(|it| it["waiting"] == 0)
    });
}

/// The copies are the acknowledged objects, byte for byte as they were sent.
fn assert_copied(copies: &Path, acknowledged: &BTreeSet<String>) {
    let found: BTreeMap<String, String> = files_below(copies)
        .into_iter()
        .map(|name| (Part10::read(&copies.join(&name)).text(3), name))
        .collect();
    for uid in acknowledged {
        assert!(found.get(uid).is_some_and(|name| *name == format!("{uid}.dcm")), "{uid}");
    }
}

#[test]
fn a_web_server_that_fails_hangs_drips_and_lies_gets_every_event() {
    let scratch = Scratch::new();
    does(&scratch, "take");
    let mut web = WebServer::start(&scratch, free_port());
    let options = options(&scratch, web.port, "batch = 3\n");
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    let server = Server::start(Program::Ours, &options);
    let http = Http::of(&server);
    let mut acknowledged = BTreeSet::new();
    for mode in ["fail", "wait", "garbage", "headers", "close", "hang", "drip", "lie", "take"] {
        web.does(mode);
        assert!(send(server.port(), 15, &mut acknowledged), "reception goes on");
        thread::sleep(Duration::from_millis(300));
    }
    web.signal("STOP");
    assert!(send(server.port(), 15, &mut acknowledged));
    thread::sleep(Duration::from_millis(1500));
    web.signal("CONT");
    web.kill();
    assert!(send(server.port(), 15, &mut acknowledged));
    eventually("it is seen to be gone", LIMIT, || {
        !http.json("/api/v1/outbox")["destinations"][0]["outage"].is_null()
    });
    web.start_again();
    eventually("every object is told of", LIMIT, || told(&scratch) == acknowledged);
    wait_until_settled(&http);
    assert_copied(&scratch.path().join("copies"), &acknowledged);
    eventually("the study has ended", LIMIT, || {
        events(&scratch).iter().any(|event| {
            event["type"].as_str().is_some_and(|it| it.starts_with("storescp.study."))
                && event["data"]["objects"] == acknowledged.len()
        })
    });
    assert_valid(&events(&scratch));
    let failures = http.json("/api/v1/outbox")["destinations"][0]["failures"].clone();
    assert!(failures["again"].as_u64() > Some(0), "{failures}");
    assert!(failures["unreachable"].as_u64() > Some(0), "{failures}");
}

/// At least once: what is told twice has the same key.
#[test]
fn a_killed_receiver_delivers_everything_that_it_acknowledged() {
    let scratch = Scratch::new();
    does(&scratch, "take");
    let web = WebServer::start(&scratch, free_port());
    let options = options(&scratch, web.port, "");
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    let directory = scratch.path().join("out");
    fs::create_dir(&directory).expect("it can be made");
    let setup = || Server::with(Program::Ours, &options).directory(&directory);
    let mut server = setup().start();
    let (port, mut acknowledged) = (server.port(), BTreeSet::new());
    for round in 0..6 {
        let sent = thread::scope(|scope| {
            let sender = scope.spawn(|| {
                let mut acknowledged = BTreeSet::new();
                send(port, 400, &mut acknowledged);
                acknowledged
            });
            thread::sleep(Duration::from_millis(100 + 70 * round));
            server.signal("KILL");
            sender.join().expect("it does not panic")
        });
        acknowledged.extend(sent);
        drop(server);
        server = setup().start_again_on(port);
    }
    assert!(acknowledged.len() > 20, "only {} objects", acknowledged.len());
    let http = Http::of(&server);
    eventually("every object is told of", LIMIT, || told(&scratch).is_superset(&acknowledged));
    wait_until_settled(&http);
    assert_copied(&scratch.path().join("copies"), &acknowledged);
    assert_valid(&events(&scratch));
    let mut keys = BTreeMap::new();
    for event in events(&scratch) {
        let uid = event["data"]["sopInstanceUid"].as_str().unwrap_or_default().to_owned();
        let key = event["id"].as_str().expect("a key").to_owned();
        if !uid.is_empty() {
            assert_eq!(keys.entry(uid).or_insert_with(|| key.clone()), &key);
        }
    }
}
