//! Tests traces by decoding what was sent with OpenTelemetry's own messages.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::Duration;

use interop::process::{eventually, read_lossy};
use interop::wire::{Client, Request, uid};
use interop::{Object, Program, Scratch, Server, peers};
use serde_json::Value;

const LIMIT: Duration = Duration::from_secs(30);

/// An OTLP receiver, killed when this is dropped.
struct Receiver {
    child: Child,
    port: u16,
    spans: PathBuf,
    _scratch: Scratch,
}

impl Receiver {
    fn start() -> Self {
        let scratch = Scratch::new();
        let spans = scratch.path().join("spans");
        let mut child = peers::python_script("otlp_receiver.py")
            .arg(&spans)
            .stdout(Stdio::piped())
            .spawn()
            .expect("python can be run");
        let mut line = String::new();
        let output = child.stdout.take().expect("its output");
        BufReader::new(output).read_line(&mut line).expect("a port");
        let port = line.trim().parse().expect("a port");
        Self { child, port, spans, _scratch: scratch }
    }

    fn spans(&self) -> Vec<Value> {
        let parse = |line: &str| serde_json::from_str(line).expect("JSON");
        read_lossy(&self.spans).lines().map(parse).collect()
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn named<'s>(spans: &'s [Value], name: &str) -> Vec<&'s Value> {
    spans.iter().filter(|span| span["name"] == name).collect()
}

#[test]
fn an_association_is_a_trace_of_its_objects_and_their_commits() {
    let receiver = Receiver::start();
    let mut server = Server::start(Program::Ours, &["--traces", &receiver.url()]);
    let mut client = Client::usual(server.port());
    let object = Object::new(uid::CT, "2.25.7", 1000);
    assert_eq!(client.store(3, &object).status(), 0);
    let other = Object { sop_instance: "2.25.8".to_owned(), ..object.clone() };
    assert_eq!(client.store(3, &other).status(), 0xA900);
    client.release();
    // Another association is another trace.
    drop(Client::usual(server.port()));
    server.signal("TERM");
    assert!(server.wait(LIMIT).is_some_and(|status| status.success()));
    let spans = receiver.spans();
    assert_eq!(spans.len(), 5, "{spans:#?}");
    for span in &spans {
        assert_eq!(
            (&span["resource"]["service.name"], &span["scope"]),
            (&"storescp".into(), &"storescp".into())
        );
        assert_eq!(span["trace"].as_str().map(str::len), Some(32));
        assert_eq!(span["span"].as_str().map(str::len), Some(16));
        assert!(span["start"].as_u64() <= span["end"].as_u64(), "{span}");
    }
    let released = |it: &&&Value| it["attributes"]["dicom.association.end"] == "released";
    let associations = named(&spans, "association");
    let association = associations.iter().find(released).expect("the first");
    assert_eq!((&association["parent"], &association["status"]), (&"".into(), &0.into()));
    assert_eq!(association["attributes"]["dicom.objects.stored"], 1);
    assert_eq!(association["attributes"]["dicom.objects.refused"], 1);
    assert_eq!(association["attributes"]["network.peer.address"], "127.0.0.1");
    let calling = Request::usual().calling;
    assert_eq!(association["attributes"]["dicom.calling_ae_title"], calling.as_str());
    let lost = associations.iter().find(|it| !released(it)).expect("the second");
    assert_eq!(lost["status"], 2);
    assert_ne!(lost["trace"], association["trace"]);
    let stores = named(&spans, "C-STORE");
    let find = |instance: &str| {
        let is_it = |it: &&&Value| it["attributes"]["dicom.sop_instance_uid"] == instance;
        *stores.iter().find(is_it).expect(instance)
    };
    let (stored, refused) = (find("2.25.7"), find("2.25.8"));
    for span in [stored, refused] {
        assert_eq!(span["trace"], association["trace"]);
        assert_eq!(span["parent"], association["span"]);
        assert!(span["start"].as_u64() >= association["start"].as_u64(), "{span}");
        assert!(span["end"].as_u64() <= association["end"].as_u64(), "{span}");
    }
    assert_eq!(
        (&stored["status"], &stored["attributes"]["dicom.answered"]),
        (&0.into(), &true.into())
    );
    assert_eq!(stored["attributes"]["dicom.data_set.bytes"], object.bytes.len());
    assert_eq!(
        (&refused["status"], &refused["attributes"]["dicom.status"]),
        (&2.into(), &"A900H".into())
    );
    let commit = named(&spans, "commit")[0];
    assert_eq!((&commit["trace"], &commit["parent"]), (&stored["trace"], &stored["span"]));
    assert!(commit["start"].as_u64() >= stored["start"].as_u64());
    assert!(commit["end"].as_u64() <= stored["end"].as_u64());
}

#[test]
fn a_receiver_of_traces_that_is_not_there_costs_spans_only() {
    let url = format!("http://127.0.0.1:{}", interop::free_port());
    let mut server = Server::start(Program::Ours, &["--traces", &url]);
    let mut client = Client::usual(server.port());
    for number in 0..50 {
        let object = Object::new(uid::CT, &format!("2.25.{number}"), 1000);
        assert_eq!(client.store(3, &object).status(), 0);
    }
    client.release();
    server.wait_for_log(&format!("W: cannot send trace spans to {url}/v1/traces: cannot connect"));
    eventually("all objects are there", LIMIT, || server.files().len() == 50);
    server.signal("TERM");
    assert!(server.wait(LIMIT).is_some_and(|status| status.success()));
    let told = "W: 101 trace spans were not sent before the program ended";
    assert!(server.stderr().contains(told), "{}", server.stderr());
}
