//! Tests that each key of the settings about the outbox has its effect, with real senders and destinations.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use interop::http::Http;
use interop::process::{Output, SENDER_TIME_LIMIT, eventually, run};
use interop::wire::{Answer, Client, uid};
use interop::{Object, Program, Server, peers};
use serde_json::Value;

use crate::service_rules::{Site, request, store_as};
use crate::settings_reload::{in_effect, reload};

/// How long a delivery may take on a busy machine.
const DELIVERED: Duration = Duration::from_secs(60);

/// How long nothing may happen, where nothing has to.
const QUIET: Duration = Duration::from_secs(2);

/// Runs `storescp outbox` on the catalogue of a site.
fn outbox(site: &Site, words: &[&str]) -> Output {
    let mut command = Command::new(peers::storescp());
    command.arg("outbox").args(words).arg("--settings").arg(&site.file);
    command.arg("-od").arg(site.server.directory());
    run(&mut command, SENDER_TIME_LIMIT)
}

/// The deliveries in a state.
fn deliveries(site: &Site, state: &str) -> Vec<Value> {
    let listed = outbox(site, &["list", "--state", state, "--json"]);
    let listed = listed.expect_success("outbox list");
    let line = |line: &str| serde_json::from_str(line).expect("a line of JSON");
    listed.stdout.lines().map(line).collect()
}

/// What a file of the site says, if it is there.
fn text(site: &Site, name: &str) -> String {
    fs::read_to_string(site.root.join(name)).unwrap_or_default()
}

/// An object of this modality and study.
fn object(modality: &str, study: &str, number: u32) -> Object {
    let instance = format!("{study}.1.{number}");
    let elements = vec![
        (0x0008_0060, *b"CS", modality.as_bytes().to_vec()),
        (0x0010_0020, *b"LO", b"4711".to_vec()),
        (0x0020_000D, *b"UI", study.as_bytes().to_vec()),
        (0x0020_000E, *b"UI", format!("{study}.1").into_bytes()),
        (0x0020_0013, *b"IS", number.to_string().into_bytes()),
        (0x0028_0010, *b"US", 512_u16.to_le_bytes().to_vec()),
    ];
    Object::made_of(uid::CT, &instance, elements)
}

fn copies(site: &Site, folder: &str) -> usize {
    site.stored(folder).len()
}

/// Waits for a while in which nothing may change that `look` sees.
fn stays<T: PartialEq + std::fmt::Debug>(what: &str, look: impl Fn() -> T) {
    let (before, begun) = (look(), Instant::now());
    while begun.elapsed() < QUIET {
        assert_eq!(look(), before, "{what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn deliver_rules_and_filters_say_who_gets_what() {
    let folder = |name: &str, filter: &str| {
        let filter =
            if filter.is_empty() { String::new() } else { format!("filter = \"{filter}\"\n") };
        format!(
            "[[destination]]\nname = \"{name}\"\nkind = \"folder\"\ndirectory = \"ROOT/{name}\"\n{filter}"
        )
    };
    let settings = [
        "deliver = [\"all\", \"mr\", \"rows\"]\n",
        &folder("all", ""),
        &folder("mr", "Modality in ['MR', 'PT'] and not InstanceNumber > 5"),
        &folder("rows", "Rows = 512 and CallingAETitle like 'ct%' and Modality = 'CT'"),
        &folder("rule", "Rule = 'research'"),
        "[[rule]]\nname = \"research\"\ncalling = \"RE*\"\ndeliver = \"rule\"\n",
        "[[rule]]\nname = \"nobody\"\ncalling = \"NO\"\ndeliver = []\n",
    ]
    .concat();
    let site = Site::start("all mr rows rule", &settings);
    for (calling, object) in [
        ("CT1", object("CT", "2.25.1", 1)),
        ("CT1", object("MR", "2.25.2", 2)),
        ("MR1", object("PT", "2.25.2", 6)),
        ("RESEARCH", object("CT", "2.25.3", 3)),
        ("NO", object("CT", "2.25.4", 4)),
    ] {
        assert_eq!(store_as(&site.server, calling, &object), 0);
    }
    let found = || ["all", "mr", "rows", "rule"].map(|name| copies(&site, name));
    eventually("all are delivered", DELIVERED, || found() == [3, 1, 1, 1]);
    stays("nobody gets more", found);
    assert!(site.stored("mr")[0].ends_with("2.25.2.1.2.dcm"), "{:?}", site.stored("mr"));
}

#[test]
fn a_command_gets_fields_of_events_and_is_parked_after_its_attempts() {
    let site = Site::start(
        "",
        "deliver = [\"note\", \"fails\"]\n[[destination]]\nname = \"note\"\nkind = \"exec\"\n\
         command = [\"sh\", \"-c\", 'echo \"$1 $2\" >> \"ROOT/noted\"', \"x\", \"{sopInstanceUid}\", \"{callingAeTitle}\"]\n\
         [[destination]]\nname = \"fails\"\nkind = \"exec\"\ncommand = [\"sh\", \"-c\", \"echo x >> ROOT/tries; exit 3\"]\n\
         attempts = 3\nlongest-pause = \"1 s\"\n",
    );
    let object = object("CT", "2.25.5", 1);
    assert_eq!(store_as(&site.server, "CT1", &object), 0);
    eventually("it is run", DELIVERED, || {
        text(&site, "noted") == format!("{} CT1\n", object.sop_instance)
    });
    eventually("it is parked", DELIVERED, || deliveries(&site, "parked").len() == 1);
    assert_eq!(text(&site, "tries").lines().count(), 3);
    let parked = &deliveries(&site, "parked")[0];
    assert_eq!((&parked["destination"], &parked["attempts"]), (&"fails".into(), &3.into()));
    assert!(parked["reason"].as_str().is_some_and(|reason| reason.contains('3')), "{parked}");
    let retried = outbox(&site, &["retry", "--state", "parked"]);
    assert!(retried.stdout.contains("1 of 1 deliveries"), "{}", retried.stdout);
    eventually("it is tried again", DELIVERED, || text(&site, "tries").lines().count() > 3);
}

#[test]
fn objects_go_to_another_application_entity_under_its_titles() {
    let pacs = Server::start(Program::Ours, &["-v"]);
    let settings = format!(
        "ae-title = \"GATEWAY\"\ndeliver = \"pacs\"\n[[destination]]\nname = \"pacs\"\nkind = \"dicom\"\n\
         address = \"127.0.0.1:{}\"\ncalled = \"PACS\"\norder = \"study\"\nconcurrency = 2\nlinger = \"1 s\"\n",
        pacs.port()
    );
    let site = Site::start("", &settings);
    let objects: Vec<Object> = (1..=20).map(|number| object("CT", "2.25.6", number)).collect();
    for object in &objects {
        assert_eq!(store_as(&site.server, "CT1", object), 0);
    }
    let stored = |object: &Object| pacs.directory().join(object.file_name()).exists();
    eventually("all are there", DELIVERED, || objects.iter().all(stored));
    // The association ends after a while with nothing to send.
    let titles = "called \"PACS\" (peer GATEWAY@127.0.0.1";
    eventually("the titles are as set", DELIVERED, || pacs.stderr().contains(titles));
    let log = pacs.stderr();
    // In the order in which they came.
    let line =
        |object: &Object| log.find(&format!("{}\n", object.file_name())).expect("it is logged");
    let lines: Vec<usize> = objects.iter().map(line).collect();
    assert!(lines.is_sorted(), "{lines:?}");
    eventually("nothing waits", DELIVERED, || deliveries(&site, "waiting").is_empty());
}

#[test]
fn studies_end_after_the_quiet_time_and_a_worker_is_told() {
    let worker = "while IFS= read -r line; do printf '%s\\n' \"$line\" >> \"ROOT/events\"; \
                  id=$(printf '%s' \"$line\" | sed 's/.*\"id\":\"\\([^\"]*\\)\".*/\\1/'); \
                  printf '{\"ack\":\"%s\"}\\n' \"$id\"; done";
    let site = Site::start(
        "",
        &format!(
            "deliver = \"step\"\n[catalog]\nquiet = \"2 s\"\n[[destination]]\nname = \"step\"\nkind = \"worker\"\n\
             command = [\"sh\", \"-c\", '''{worker}''']\non = [\"study\", \"association\"]\nwindow = 1\n"
        ),
    );
    let study = "2.25.7";
    for number in 1..=3 {
        assert_eq!(store_as(&site.server, "CT1", &object("CT", study, number)), 0);
    }
    let events = || -> Vec<Value> {
        let text = text(&site, "events");
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    };
    let of = |kind: &str| -> Vec<Value> {
        events().into_iter().filter(|it| it["type"] == kind).map(|it| it["data"].clone()).collect()
    };
    eventually("the study ends", DELIVERED, || of("storescp.study.ended").len() == 1);
    let ended = &of("storescp.study.ended")[0];
    assert_eq!(
        (&ended["studyInstanceUid"], &ended["objects"]),
        (&study.into(), &3.into()),
        "{ended}"
    );
    assert_eq!(of("storescp.association.ended").len(), 3);
    assert_eq!(store_as(&site.server, "CT1", &object("CT", study, 4)), 0);
    eventually("a late one", DELIVERED, || of("storescp.study.updated").len() == 1);
    assert_eq!(of("storescp.study.ended").len(), 1);
}

#[test]
fn a_gateway_keeps_nothing() {
    let site = Site::start(
        "data out",
        "directory = \"ROOT/data\"\nkeep = \"until-delivered\"\ndeliver = \"out\"\n[[destination]]\nname = \"out\"\n\
         kind = \"folder\"\ndirectory = \"ROOT/out\"\n[[rule]]\ncalling = \"KEEP\"\nkeep = \"forever\"\n",
    );
    for number in 1..=3 {
        assert_eq!(store_as(&site.server, "CT1", &object("CT", "2.25.8", number)), 0);
    }
    assert_eq!(store_as(&site.server, "KEEP", &object("CT", "2.25.8", 4)), 0);
    eventually("all are delivered", DELIVERED, || copies(&site, "out") == 4);
    let visible = || -> Vec<String> {
        site.stored("data").into_iter().filter(|name| !name.starts_with(".storescp")).collect()
    };
    assert_eq!(visible(), ["CT.2.25.8.1.4"]);
    let links = || {
        let all = site.stored("data");
        let kept = |name: &&String| name.contains("/pending/") || name.contains("/spool/");
        all.iter().filter(kept).count()
    };
    eventually("no bytes are left", DELIVERED, || links() == 0);
}

#[test]
fn a_gateway_keeps_what_no_destination_takes() {
    let site = Site::start(
        "data out",
        "directory = \"ROOT/data\"\nkeep = \"until-delivered\"\ndeliver = \"out\"\n[[destination]]\nname = \"out\"\n\
         kind = \"folder\"\ndirectory = \"ROOT/out\"\nfilter = \"Modality = 'CT'\"\n",
    );
    let untaken = object("MR", "2.25.81", 2);
    for object in [&object("CT", "2.25.81", 1), &untaken] {
        assert_eq!(store_as(&site.server, "CT1", object), 0);
    }
    eventually("one is delivered", DELIVERED, || copies(&site, "out") == 1);
    let names = || site.stored("data");
    let links = || names().iter().any(|it| it.contains("/pending/") || it.contains("/spool/"));
    eventually("no link is left", DELIVERED, || !links());
    let visible = names().into_iter().filter(|name| !name.starts_with(".storescp"));
    assert_eq!(visible.collect::<Vec<_>>(), [untaken.file_name()]);
}

#[test]
fn a_worker_that_does_not_end_is_killed_when_the_receiver_ends() {
    let worker = "trap '' TERM; echo $$ > ROOT/worker; while :; do sleep 0.1; done";
    let mut site = Site::start(
        "",
        &format!(
            "grace-period = \"2 s\"\ndeliver = \"step\"\n[[destination]]\nname = \"step\"\nkind = \"worker\"\n\
             command = [\"sh\", \"-c\", '''{worker}''']\n"
        ),
    );
    assert_eq!(store_as(&site.server, "CT1", &object("CT", "2.25.82", 1)), 0);
    eventually("the worker runs", DELIVERED, || text(&site, "worker").ends_with('\n'));
    let worker = text(&site, "worker");
    let lives = || Path::new("/proc").join(worker.trim()).join("cmdline").exists();
    assert!(lives());
    site.server.signal("TERM");
    assert!(site.server.wait(DELIVERED).is_some(), "the receiver ends");
    eventually("the worker is gone", DELIVERED, || !lives());
}

#[test]
fn files_are_removed_by_age_and_never_what_is_owed() {
    let settings = |keep: &str| {
        format!(
            "directory = \"ROOT/data\"\nkeep = {keep}\ndeliver = \"out\"\n[[destination]]\nname = \"out\"\nkind = \"exec\"\n\
             command = [\"sh\", \"-c\", \"test -e ROOT/open\"]\nattempts = \"unlimited\"\nlongest-pause = \"1 s\"\n"
        )
    };
    let site = Site::start("data", &settings("\"2 s\""));
    let object = object("CT", "2.25.9", 1);
    assert_eq!(store_as(&site.server, "CT1", &object), 0);
    let file = site.root.join("data").join(object.file_name());
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(5) {
        assert!(file.exists(), "it is owed still");
        std::thread::sleep(Duration::from_millis(100));
    }
    fs::write(site.root.join("open"), "").expect("a file");
    eventually("it is delivered, then removed", DELIVERED * 2, || !file.exists());
}

#[test]
fn hours_hold_deliveries_back_until_they_are_changed() {
    // Two hours from now on the other side of the day.
    let (from, to) = hours_elsewhere();
    let settings = |hours: &str| {
        format!(
            "deliver = \"out\"\n[[destination]]\nname = \"out\"\nkind = \"folder\"\ndirectory = \"ROOT/out\"\n{hours}"
        )
    };
    let site = Site::start("out", &settings(&format!("hours = \"{from:02}:00-{to:02}:00\"\n")));
    assert_eq!(store_as(&site.server, "CT1", &object("CT", "2.25.10", 1)), 0);
    eventually("it waits", DELIVERED, || deliveries(&site, "waiting").len() == 1);
    stays("it goes nowhere", || copies(&site, "out"));
    site.write(&settings(""));
    reload(&site, &in_effect(2));
    eventually("it is delivered", DELIVERED, || copies(&site, "out") == 1);
}

/// Two hours that are far from now, whatever the time zone of the receiver.
fn hours_elsewhere() -> (u32, u32) {
    let printed = run(Command::new("date").arg("+%H"), SENDER_TIME_LIMIT).stdout;
    let hour: u32 = printed.trim().parse().expect("an hour");
    ((hour + 11) % 24, (hour + 13) % 24)
}

#[test]
fn a_paused_destination_waits_and_a_full_one_refuses_or_parks() {
    let settings = |over: &str| {
        format!(
            "deliver = \"out\"\n[[destination]]\nname = \"out\"\nkind = \"folder\"\ndirectory = \"ROOT/out\"\n\
             max-waiting-bytes = 100000\nover = \"{over}\"\n"
        )
    };
    let site = Site::start("out", &settings("refuse"));
    assert!(outbox(&site, &["pause", "out"]).stdout.contains("out: paused"));
    let large = Object::ct(80_000);
    assert_eq!(store_as(&site.server, "CT1", &large), 0);
    assert_eq!(store_as(&site.server, "CT1", &Object::ct(80_000)), 0);
    let rejection = || {
        let mut client = Client::connect(site.server.port());
        client.send(&request("CT1", "STORESCP").encode());
        match client.answer() {
            Answer::Reject(result, source, reason) => Some([result, source, reason]),
            _ => None,
        }
    };
    // Transient, service provider (presentation): local limit exceeded.
    eventually("too much waits", DELIVERED, || rejection() == Some([2, 3, 2]));
    site.write(&settings("park"));
    reload(&site, &in_effect(2));
    eventually("others are served", DELIVERED, || rejection().is_none());
    eventually("the oldest is parked", DELIVERED, || !deliveries(&site, "parked").is_empty());
    assert!(outbox(&site, &["resume", "out"]).stdout.contains("out: resumed"));
    eventually("what was not parked is delivered", DELIVERED, || copies(&site, "out") == 1);
    let _ = outbox(&site, &["retry", "--all"]).expect_success("retry");
    eventually("all are delivered", DELIVERED, || copies(&site, "out") == 2);
}

#[test]
fn bandwidth_is_bounded() {
    let site = Site::start(
        "out",
        "deliver = \"out\"\n[[destination]]\nname = \"out\"\nkind = \"folder\"\ndirectory = \"ROOT/out\"\n\
         bandwidth = \"200 kB\"\nremember = 0\n",
    );
    let begun = Instant::now();
    for _ in 0..10 {
        assert_eq!(store_as(&site.server, "CT1", &Object::ct(100_000)), 0);
    }
    eventually("all are delivered", DELIVERED, || copies(&site, "out") == 10);
    // A second's worth may go at once.
    assert!(begun.elapsed() > Duration::from_secs(3), "{:?}", begun.elapsed());
}

#[test]
fn secrets_are_in_no_log_and_not_in_the_effective_settings() {
    let site = Site::start_with(
        &["-d", "--http", "127.0.0.1:0"],
        "",
        "deliver = \"hook\"\n[[destination]]\nname = \"hook\"\nkind = \"webhook\"\nurl = \"http://127.0.0.1:1/\"\n\
         longest-pause = \"1 s\"\nsecret = { env = \"HOME\" }\n",
    );
    let settings = Http::of(&site.server).json("/api/v1/settings");
    let text = settings.to_string();
    for told in ["\"hook\"", "\"secret\":\"given\"", "\"catalog\":", "\"keep\":\"forever\""] {
        assert!(text.contains(told), "{told}: {text}");
    }
    let home = std::env::var("HOME").expect("HOME is set");
    assert!(!text.contains(&format!("\"{home}\"")), "{text}");
}

#[test]
fn where_the_catalogue_is_needs_a_restart_and_destinations_do_not() {
    let folder = "[[destination]]\nname = \"out\"\nkind = \"folder\"\ndirectory = \"ROOT/out\"\n";
    let site = Site::start("out db", "[catalog]\nurl = \"sqlite:ROOT/db/first.sqlite\"\n");
    assert!(site.root.join("db/first.sqlite").exists());
    site.write(&format!(
        "deliver = \"out\"\n[catalog]\nurl = \"sqlite:ROOT/db/second.sqlite\"\n{folder}"
    ));
    reload(&site, "[catalog] url: takes effect after a restart");
    reload(&site, &in_effect(3));
    assert_eq!(store_as(&site.server, "CT1", &Object::ct(10)), 0);
    eventually("it is delivered", DELIVERED, || copies(&site, "out") == 1);
    assert!(!site.root.join("db/second.sqlite").exists());
}

#[test]
fn a_catalogue_on_the_command_line_needs_no_file() {
    let server = Server::start(Program::Ours, &["-v", "--catalog", "sqlite"]);
    assert_eq!(store_as(&server, "CT1", &Object::ct(10)), 0);
    let catalog = server.directory().join(".storescp/catalog.sqlite");
    assert!(catalog.exists());
    let objects = || {
        let mut command = Command::new(peers::storescp());
        command.args(["catalog", "stats", "-od"]).arg(server.directory());
        run(&mut command, SENDER_TIME_LIMIT).stdout
    };
    eventually("it is taken in", DELIVERED, || objects().contains("objects with a file: 1\n"));
}
