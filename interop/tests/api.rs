//! Tests `/api/v1` of the program with real senders: what they do, what they were refused and why can be read there, and
//! nothing of it tells who a patient is.

use std::fs;
use std::process::Command as Process;
use std::thread;
use std::time::Duration;

use interop::http::Http;
use interop::process::{eventually, run};
use interop::tls::{self, Pki};
use interop::wire::{Answer, Client, Command, Context, Pdv, Request, data_pdu, uid};
use interop::{Object, Program, Scratch, Server, corpus, element, peers};
use serde_json::{Value, json};

const LIMIT: Duration = Duration::from_secs(60);
const LIVE: &str = "/api/v1/associations";
const RECENT: &str = "/api/v1/associations/recent";
const REFUSALS: &str = "/api/v1/refusals";

fn start(options: &[&str]) -> (Server, Http) {
    let options = [&["-v", "--http", "127.0.0.1:0"], options].concat();
    let server = Server::start(Program::Ours, &options);
    let http = Http::of(&server);
    (server, http)
}

fn request(calling: &str) -> Request {
    Request { calling: calling.to_owned(), ..Request::usual() }
}

/// The latest refusal, once there are so many.
fn refusal(http: &Http, count: usize) -> Value {
    let all = || http.json(REFUSALS)["refusals"].as_array().cloned().unwrap_or_default();
    eventually("the refusal is told", LIMIT, || all().len() >= count);
    assert_eq!(all().len(), count);
    all()[0].clone()
}

fn assert_says(value: &Value, text: &str) {
    assert!(value.as_str().is_some_and(|it| it.contains(text)), "{text:?} in {value}");
}

/// A sender that pauses in the middle of an object is seen with what has come so far.
#[test]
fn a_slow_sender_is_seen_while_it_sends() {
    let (server, http) = start(&[]);
    let (mut client, _) = Client::associate(server.port(), &request("CT 1"));
    eventually("it is there", LIMIT, || http.json(LIVE)["total"] == 1);
    let idle = http.json(LIVE)["associations"][0].clone();
    assert_eq!((&idle["callingAeTitle"], &idle["state"]), (&json!("CT 1"), &json!("idle")));
    assert_eq!((&idle["address"], &idle["ended"]), (&json!("127.0.0.1"), &Value::Null));

    let object = Object::ct(300_000);
    client.command(3, &Command::store(1, &object.sop_class, &object.sop_instance));
    let mut sent = 0;
    for pieces in object.bytes.chunks(100_000).take(2) {
        for piece in pieces.chunks(10_000) {
            client.send(&data_pdu(&[Pdv::data(3, false, piece)]));
        }
        sent += pieces.len();
        let one = || http.json(LIVE)["associations"][0].clone();
        eventually("its bytes are told", LIMIT, || one()["bytes"] == sent);
        assert_eq!((&one()["state"], &one()["objectsStored"]), (&json!("receiving"), &json!(0)));
        assert!(one()["lastActivity"].as_str() > idle["lastActivity"].as_str());
    }
    for piece in object.bytes[sent..].chunks(10_000) {
        client.send(&data_pdu(&[Pdv::data(3, false, piece)]));
    }
    client.send(&data_pdu(&[Pdv::data(3, true, &[])]));
    let (_, response) = client.response();
    assert_eq!(response.status(), 0);
    let one = http.json(LIVE)["associations"][0].clone();
    assert_eq!((&one["state"], &one["objectsStored"]), (&json!("idle"), &json!(1)));
    assert_eq!(one["bytes"], object.bytes.len());

    let number = one["number"].as_u64().expect("a number");
    let details = http.json(&format!("{LIVE}/{number}"));
    let contexts = details["presentationContexts"].as_array().expect("a list");
    assert_eq!(contexts.len(), 3);
    assert_eq!(contexts[1]["abstractSyntax"], json!({ "uid": uid::CT, "name": "CTImageStorage" }));
    assert_eq!(contexts[1]["accepted"]["uid"], uid::EVLE);
    client.release();
    eventually("it is gone", LIMIT, || http.json(LIVE)["total"] == 0);
    let ended = http.json(&format!("{LIVE}/{number}"))["association"].clone();
    assert_eq!((&ended["state"], &ended["ended"]["how"]), (&json!("ended"), &json!("released")));
    assert_eq!((&ended["objectsStored"], &ended["bytes"]), (&one["objectsStored"], &one["bytes"]));
}

/// The latest associations have what each toolkit's sender says of itself, and how many objects it has sent.
#[test]
fn senders_of_all_toolkits_are_told_apart() {
    let (server, http) = start(&[]);
    let file = &corpus::file("test_files/CT_small.dcm").path;
    let port = server.port().to_string();
    let mut storescu = peers::debian("storescu");
    storescu.args(["-aet", "DCMTK", "127.0.0.1", &port]).arg(file);
    let mut dicom_rs = peers::dicom_rs("dicom-storescu");
    dicom_rs.args(["--calling-ae-title", "DICOMRS", &format!("127.0.0.1:{port}")]).arg(file);
    let mut python = Process::new(peers::python());
    python.args(["-m", "pynetdicom", "storescu", "127.0.0.1", &port, "-aet", "PYNET"]).arg(file);
    for (number, (command, title)) in
        [(&mut storescu, "DCMTK"), (&mut dicom_rs, "DICOMRS"), (&mut python, "PYNET")]
            .into_iter()
            .enumerate()
    {
        run(command, LIMIT).expect_success(title);
        let all = || http.json(RECENT)["associations"].as_array().cloned().unwrap_or_default();
        eventually("it has ended", LIMIT, || all().len() == number + 1);
        let ended = all()[0].clone();
        assert_eq!(
            (&ended["callingAeTitle"], &ended["objectsStored"]),
            (&json!(title), &json!(1)),
            "{ended}"
        );
        assert_eq!(ended["ended"]["how"], "released");
        assert!(ended["implementationClassUid"].is_string(), "{ended}");
    }
    let counters = http.json("/api/v1/counters");
    assert_eq!(
        (&counters["associations"]["accepted"], &counters["objects"]["stored"]),
        (&json!(3), &json!(3))
    );
    let status = http.json("/api/v1/status");
    assert_eq!(status["directories"][0]["path"], server.directory().to_str().expect("UTF-8"));
    assert_says(&status["version"], "storescp");
}

/// Each kind of refusal: who, what, why, what the peer was told, and what to do.
#[test]
fn what_is_refused_is_told_with_what_to_do() {
    let (server, http) = start(&["--max-associations", "1"]);
    // A class that the standard does not register.
    let contexts =
        vec![Context::new(1, uid::CT, &[uid::EVLE]), Context::new(3, "1.2.3.4", &[uid::EVLE])];
    let (mut client, _) = Client::associate(server.port(), &Request { contexts, ..request("CT1") });
    let classes = refusal(&http, 1);
    assert_eq!((&classes["what"], &classes["callingAeTitle"]), (&json!("classes"), &json!("CT1")));
    assert_says(&classes["reason"], "1.2.3.4 (abstract syntax not supported)");
    assert_says(&classes["hint"], "--promiscuous");

    // One association too many.
    let mut second = Client::connect(server.port());
    second.send(&request("CT2").encode());
    let _ = second.answer();
    let association = refusal(&http, 2);
    assert_eq!(
        (&association["what"], &association["callingAeTitle"]),
        (&json!("association"), &json!("CT2"))
    );
    assert_eq!(association["rejection"]["result"], 2);
    assert_says(&association["rejection"]["meaning"], "local limit exceeded");
    assert_says(&association["hint"], "--max-associations");

    // An object whose data set says something else than its command.
    let plain = Object::ct(1000);
    let other = element(0x0008, 0x0018, *b"UI", b"2.25.1");
    let contradicting = Object { bytes: [&plain.bytes[..], &other].concat(), ..plain };
    assert_eq!(client.store(1, &contradicting).status(), 0xA900);
    let object = refusal(&http, 3);
    assert_eq!(object["status"]["code"], "A900H");
    assert_eq!(
        (&object["what"], &object["sopClass"]),
        (&json!("object"), &json!("CTImageStorage"))
    );
    assert_eq!(object["sopInstanceUid"], contradicting.sop_instance);
    assert_eq!(object["association"], classes["association"]);
    assert_says(&object["reason"], "SOP Instance UID differs");
    assert_says(&object["hint"], "mismatched-uids");

    // A request of another service.
    client.command(1, &Command::echo(9).number(0x0100, 0x0020));
    let (_, response) = client.response();
    assert_eq!(response.status(), 0x0211);
    let request = refusal(&http, 4);
    assert_eq!(
        (&request["what"], &request["status"]["code"]),
        (&json!("request"), &json!("0211H"))
    );
    assert_says(&request["hint"], "C-STORE");
    client.release();

    let number = classes["association"].as_u64().expect("a number");
    let one = || http.json(&format!("{LIVE}/{number}"))["association"].clone();
    eventually("it has ended", LIMIT, || one()["state"] == "ended");
    assert_eq!((&one()["objectsRefused"], &one()["requestsRefused"]), (&json!(1), &json!(1)));
    assert_eq!(one()["ended"]["statuses"][0]["status"]["code"], "A900H");
    let only = http.json(&format!("{REFUSALS}?what=object"));
    assert_eq!(only["refusals"].as_array().map(Vec::len), Some(1));
    let refused = &http.json("/api/v1/counters")["refused"];
    let expected =
        json!({ "connections": 0, "associations": 1, "classes": 1, "requests": 1, "objects": 1 });
    assert_eq!(refused, &expected);
}

/// A sender that no rule names, one that a rule names, and a file that is changed while the receiver runs.
#[test]
fn rules_are_told_and_a_broken_file_changes_nothing() {
    let scratch = Scratch::new();
    let file = scratch.path().join("storescp.toml");
    let settings = |calling: &str| {
        format!("default = \"refuse\"\n[[rule]]\nname = \"scanners\"\ncalling = [\"{calling}\"]\n")
    };
    fs::write(&file, settings("CT*")).expect("a file can be written");
    let (server, http) = start(&["--settings", file.to_str().expect("UTF-8")]);
    let reload = || http.send("POST", "/api/v1/settings/reload", "{}");
    let (client, _) = Client::associate(server.port(), &request("CT7"));
    eventually("it is there", LIMIT, || http.json(LIVE)["total"] == 1);
    assert_eq!(http.json(LIVE)["associations"][0]["rule"], "scanners");
    let mut other = Client::connect(server.port());
    other.send(&request("MR7").encode());
    assert!(matches!(other.answer(), Answer::Reject(1, 1, 3)));
    let refused = refusal(&http, 1);
    assert_eq!(
        (&refused["callingAeTitle"], &refused["rejection"]["reason"]),
        (&json!("MR7"), &json!(3))
    );
    assert_says(&refused["hint"], "calling = \"MR7\"");
    assert_eq!(http.json("/api/v1/settings")["settings"]["rule"][0]["calling"], json!(["CT*"]));

    fs::write(&file, "default = \"refuse\"\n[[rule]]\ncaling = [\"MR*\"]\n")
        .expect("it can be written");
    let answer = reload();
    assert_eq!(answer.status, 422, "{answer:?}");
    assert!(answer.head.contains("application/problem+json"), "{answer:?}");
    let fault = answer.json()["faults"][0].clone();
    assert_says(&fault, "storescp.toml:3:1");
    assert_says(&fault, "calling");
    assert_eq!(http.json("/api/v1/settings")["generation"], 1);

    fs::write(&file, settings("MR*")).expect("a file can be written");
    let answer = reload();
    assert_eq!((answer.status, &answer.json()["generation"]), (200, &json!(2)), "{answer:?}");
    let (second, _) = Client::associate(server.port(), &request("MR7"));
    assert_eq!(http.json(LIVE)["total"], 2, "the one under way goes on");
    client.release();
    second.release();
}

/// What goes wrong before there is an association, and what TLS agrees on.
#[test]
fn connections_without_tls_are_told_and_those_with_it_too() {
    let pki = Pki::shared();
    let words = pki.words("+tls %server.key %server.pem -ic");
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let (server, http) = start(&words);
    let mut plain = Client::connect(server.port());
    plain.send(&Request::usual().encode());
    let refusal = refusal(&http, 1);
    assert_eq!(
        (&refusal["what"], &refusal["callingAeTitle"]),
        (&json!("connection"), &Value::Null)
    );
    assert_says(&refusal["hint"], "does not use TLS");
    assert_eq!(http.json("/api/v1/status")["certificates"].as_array().map(Vec::len), Some(1));
    let file = corpus::file("test_files/CT_small.dcm");
    let line = "+tla -ic";
    let output = tls::dcmtk(&pki, "storescu", server.port(), line, &[&file.path]);
    output.expect_success("a sender with TLS");
    eventually("it has ended", LIMIT, || {
        http.json(RECENT)["associations"][0]["objectsStored"] == 1
    });
    let agreed = http.json(RECENT)["associations"][0]["tls"].clone();
    assert_says(&agreed["version"], "TLSv1.");
    assert_says(&agreed["cipherSuite"], "_");
}

/// Names in paths, studies, data sets and UIDs: none is told anywhere.
#[test]
fn nothing_tells_who_a_patient_is() {
    for sorting in [&["-sp"][..], &["-su", "st"], &[]] {
        let options = [sorting, &["-xcs", "true", "-tos", "3600"]].concat();
        let options = if sorting.is_empty() { &[][..] } else { &options };
        let (server, http) = start(options);
        let mut client = Client::usual(server.port());
        for study in ["2.25.7", "NEVERLOG^NVRJANE", "1.2.NEVERLOG"] {
            let object = Object::of_study(study, Some(b"NEVERLOG^NVRJANE"), "");
            client.store(3, &object);
            let named = Object { sop_instance: "1.2.NEVERLOG".to_owned(), ..object };
            client.store(3, &named);
        }
        let contexts =
            vec![Context::new(1, "1.2.3", &["2.NEVERLOG"]), Context::new(3, uid::CT, &[uid::EVLE])];
        let (other, _) =
            Client::associate(server.port(), &Request { contexts, ..Request::usual() });
        let mut told = String::new();
        for path in
            ["status", "settings", "associations", "associations/1", "associations/2", "refusals"]
        {
            told += &http.json(&format!("/api/v1/{path}")).to_string();
        }
        for path in ["associations/recent", "studies/open", "counters"] {
            told += &http.json(&format!("/api/v1/{path}")).to_string();
        }
        let lower = told.to_lowercase();
        assert!(!lower.contains("nvrjane") && !lower.contains("neverlog"), "{options:?}: {told}");
        let studies = http.json("/api/v1/studies/open");
        assert_eq!(studies["total"] == 0, sorting.is_empty(), "{options:?}: {studies}");
        drop((client, other));
    }
}

/// Titles of control characters and quotation marks, as long as they can be.
#[test]
fn hostile_titles_come_out_as_json() {
    let (server, http) = start(&[]);
    let titles = ["\"},{\"a\":\"", "\u{1b}[2J\u{7}\r\n", "\\u0000\\", "<script>alert(1)"];
    for (number, title) in (1..).zip(titles) {
        let (client, _) = Client::associate(server.port(), &request(title));
        client.release();
        eventually("it has ended", LIMIT, || {
            http.json(RECENT)["associations"].as_array().is_some_and(|it| it.len() == number)
        });
    }
    let answer = http.send("GET", RECENT, "");
    assert!(!answer.body.chars().any(char::is_control), "{}", answer.body);
    let told = answer.json();
    let told: Vec<&str> = (0..titles.len())
        .rev()
        .filter_map(|index| told["associations"][index]["callingAeTitle"].as_str())
        .collect();
    let expected = ["\"},{\"a\":\"", r"\x1b[2J\x07\x0d\x0a", r"\x5cu0000\x5c", "<script>alert(1)"];
    assert_eq!(told, expected);
}

/// Reception beside clients that read everything as fast as they can: nobody is refused, nothing is lost, and the
/// numbers are those of the senders.
#[test]
fn readers_at_full_speed_disturb_nobody() {
    const SENDERS: u64 = 4;
    const OBJECTS: u64 = 50;
    let (server, http) = start(&[]);
    thread::scope(|scope| {
        let senders: Vec<_> = (0..SENDERS)
            .map(|sender| {
                let port = server.port();
                scope.spawn(move || {
                    let (mut client, _) = Client::associate(port, &request(&format!("CT{sender}")));
                    for _ in 0..OBJECTS {
                        assert_eq!(client.store(3, &Object::ct(2000)).status(), 0);
                    }
                    client.release();
                })
            })
            .collect();
        while senders.iter().any(|sender| !sender.is_finished()) {
            for one in http.json(LIVE)["associations"].as_array().into_iter().flatten() {
                assert!(one["objectsStored"].as_u64() <= Some(OBJECTS), "{one}");
            }
            let _ = (http.json(REFUSALS), http.json(RECENT));
        }
    });
    eventually("they have ended", LIMIT, || {
        http.json("/api/v1/counters")["associations"]["released"] == SENDERS
    });
    let recent = http.json(RECENT);
    let stored = recent["associations"].as_array().into_iter().flatten();
    assert_eq!(
        stored.filter_map(|it| it["objectsStored"].as_u64()).sum::<u64>(),
        SENDERS * OBJECTS
    );
    assert_eq!(http.json("/api/v1/counters")["objects"]["stored"], SENDERS * OBJECTS);
}

/// Schemathesis makes requests up from the document, right and wrong ones, and holds every answer against it.
#[test]
fn answers_are_what_the_document_says() {
    let scratch = Scratch::new();
    let settings = scratch.path().join("storescp.toml");
    // Nobody is there, so that deliveries wait.
    let text = "deliver = \"nobody\"\n[[destination]]\nname = \"nobody\"\nkind = \"webhook\"\n\
                url = \"http://127.0.0.1:1/\"\n";
    fs::write(&settings, text).expect("it can be written");
    let settings = settings.to_str().expect("UTF-8");
    let (server, http) = start(&["--max-associations", "2", "--settings", settings]);
    // So that lists are not empty.
    let (mut client, _) = Client::associate(server.port(), &request("\"\u{1b}\\"));
    client.store(3, &Object::ct(1000));
    let cut = Object { bytes: vec![8, 0, 0x18], ..Object::ct(8) };
    client.store(3, &cut);
    Client::usual(server.port()).release();
    for _ in 0..2 {
        let mut other = Client::connect(server.port());
        other.send(&request("OTHER").encode());
        let _ = other.answer();
    }
    eventually("a delivery waits", LIMIT, || {
        http.json("/api/v1/outbox")["destinations"][0]["waiting"] == 1
    });
    let url = format!("http://{}", http.address());
    let mut command = Process::new(peers::python().with_file_name("schemathesis"));
    command
        .current_dir(scratch.path())
        .args(["run", &format!("{url}/api/v1/openapi.json"), "--url", &url])
        .args(["--checks", "all", "--max-examples", "40", "--seed", "4711", "--workers", "1"])
        // A body that is not announced as JSON is refused before anything else is looked at.
        .args(["--header", "Content-Type: application/json", "--no-color"]);
    let output = run(&mut command, 5 * LIMIT);
    assert_eq!(output.code(), Some(0), "{}\n{}", output.stdout, output.stderr);
    assert!(output.stdout.contains("Stateful"), "{}", output.stdout);
    client.release();
}
