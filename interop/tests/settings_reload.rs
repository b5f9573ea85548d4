//! Tests that settings change without a restart: all of them or none, for associations to come, under load, and
//! without leaving anything behind.

use std::collections::BTreeSet;
use std::fs;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use interop::http::Http;
use interop::process::eventually;
use interop::tls::{Pki, s_client};
use interop::wire::{Answer, Client, Command, Pdv, data_pdu, uid};
use interop::{Object, Server};
use serde_json::json;

use crate::events::SOON;
use crate::service_rules::{Site, request, store_as};

/// Sends SIGHUP, and waits until it was dealt with.
pub(crate) fn reload(site: &Site, until: &str) {
    site.server.signal("HUP");
    site.server.wait_for_log(until);
}

pub(crate) fn in_effect(generation: usize) -> String {
    format!("settings generation {generation} in effect")
}

pub(crate) fn stays_in_effect(generation: usize) -> String {
    format!("nothing has changed: settings generation {generation} stays in effect")
}

#[test]
fn associations_under_way_keep_their_settings() {
    let site = Site::start("a b", "directory = \"a\"\nfile-extension = \".a\"\n");
    let (mut under_way, _) = Client::associate(site.server.port(), &request("CT", "X"));
    let [one, two, three] = [(); 3].map(|()| Object::ct(10));
    assert_eq!(under_way.store(3, &one).status(), 0);
    site.write("directory = \"b\"\nfile-extension = \".b\"\n[[rule]]\ncalling = \"MR\"\n");
    reload(&site, "SIGHUP: settings generation 2 in effect (1 rule)");
    assert_eq!(under_way.store(3, &two).status(), 0);
    assert_eq!(store_as(&site.server, "CT", &three), 0);
    under_way.release();
    let [mut before, after] = [site.stored("a"), site.stored("b")];
    before.sort();
    assert_eq!(before, [one.file_name() + ".a", two.file_name() + ".a"]);
    assert_eq!(after, [three.file_name() + ".b"]);
}

/// Whatever is wrong, and however late it shows: each fault is told with its place, and what was so stays so.
#[test]
fn a_broken_file_changes_nothing_and_says_why() {
    let good = "directory = \"a\"\n[[rule]]\ncalling = \"MR\"\nrefuse = \"calling-ae-title-not-recognized\"\n";
    let site = Site::start("a b", good);
    let broken = [
        ("directory = \"b\"\ndirectoy = \"b\"\n", ":2:1: "),
        ("directory = \"b\"\nmax-pdu = \"1 GiB\"\n", ":2:11: "),
        ("directory = \"b\"\n[[rule]\n", ":2:"),
        ("directory = \"b\"\n[[rule]]\ncalling = \"CT\"\ndirectory = \"missing\"\n", ":4:13: "),
        ("directory = \"b\"\nprofile = { file = \"ROOT/no\", name = \"x\" }\n", ":2:11: "),
        ("directory = \"b\"\ncommands.on-reception = \"echo `#a`\"\n", ":2:"),
        ("directory = \"b\"\n[tls]\nkey = \"ROOT/no\"\ncertificate = \"ROOT/no\"\n", ""),
    ];
    for (settings, place) in broken {
        site.write(settings);
        let before = site.server.stderr().len();
        site.server.signal("HUP");
        let log = || site.server.stderr()[before..].to_owned();
        // TLS cannot be turned on without a restart, so its files are not looked at.
        let expected = if place.is_empty() { in_effect(2) } else { stays_in_effect(1) };
        eventually(settings, SOON, || log().contains(&expected));
        let fault = format!("E: SIGHUP: {}{place}", site.file.display());
        assert!(place.is_empty() || log().contains(&fault), "{settings}\n{}", log());
        let object = Object::ct(10);
        assert_eq!(store_as(&site.server, "CT", &object), 0);
        let directory = if place.is_empty() { "b" } else { "a" };
        assert!(site.stored(directory).contains(&object.file_name()), "{settings}");
    }
    let _ = fs::remove_file(&site.file);
    reload(&site, &stays_in_effect(2));
    site.write(good);
    reload(&site, &in_effect(3));
}

/// All that is wrong is told at once.
#[test]
fn every_fault_of_a_file_is_told() {
    let site = Site::start("", "");
    site.write("max-pdu = 1\n[[rule]]\ncaling = \"CT\"\n[[rule]]\nrefuse = \"because\"\n");
    reload(&site, &stays_in_effect(1));
    let log = site.server.stderr();
    for place in [":1:11: ", ":3:1: ", ":5:10: "] {
        assert!(log.contains(&format!("E: SIGHUP: {}{place}", site.file.display())), "{log}");
    }
}

#[test]
fn what_needs_a_restart_is_said() {
    let site = Site::start("a", "max-associations = 10\n");
    site.write(
        "listen = 104\nmax-associations = 20\nacse-timeout = \"9 s\"\ndirectory = \"a\"\n[log]\nlevel = \"debug\"\n",
    );
    reload(&site, &in_effect(2));
    let log = site.server.stderr();
    for what in ["listen", "max-associations", "acse-timeout", "[log]"] {
        let line = format!("W: SIGHUP: {what}: takes effect after a restart");
        assert!(log.contains(&line), "{what}: {log}");
    }
    let object = Object::ct(10);
    assert_eq!(store_as(&site.server, "CT", &object), 0);
    assert_eq!(site.stored("a"), [object.file_name()], "the rest is in effect");
}

const STUDIES: &str = "sort = \"study-uid\"\ncommands.on-end-of-study = 'echo \
                       \"NAME $STORESCP_STUDY_INSTANCE_UID $STORESCP_REASON $(ls \"$STORESCP_PATH\" | wc -l)\" \
                       >>ROOT/calls'\n";

fn calls(site: &Site) -> Vec<String> {
    let calls = fs::read_to_string(site.root.join("calls")).unwrap_or_default();
    calls.lines().map(str::to_owned).collect()
}

/// A study whose settings are as they were is one study, whatever else has changed.
#[test]
fn open_studies_go_on_through_a_reload() {
    let studies = STUDIES.replace("NAME", "one") + "commands.end-of-study-timeout = \"3 s\"\n";
    let site = Site::start("", &studies);
    for generation in 2..5 {
        assert_eq!(store_as(&site.server, "CT", &Object::ct(10)), 0);
        site.write(&format!("{studies}\n[[rule]]\ncalling = \"MR{generation}\"\nstore = false\n"));
        reload(&site, &in_effect(generation));
    }
    assert_eq!(store_as(&site.server, "CT", &Object::ct(10)), 0);
    eventually("the study ends", SOON, || !calls(&site).is_empty());
    assert_eq!(calls(&site), ["one 2.25.301 timeout 4"]);
}

/// A study ends by the settings that it began with, although they are gone.
#[test]
fn studies_of_settings_that_are_gone_end_by_them() {
    let named = |name: &str| STUDIES.replace("NAME", name);
    let timeout = "commands.end-of-study-timeout = \"2 s\"\n";
    let site = Site::start("", &(named("one") + timeout));
    assert_eq!(store_as(&site.server, "CT", &Object::ct(10)), 0);
    site.write(&(named("two")));
    reload(&site, &in_effect(2));
    eventually("the study ends", SOON, || !calls(&site).is_empty());
    assert_eq!(calls(&site), ["one 2.25.301 timeout 1"]);
    // Without a time-out, nothing else would end it: the last association of its settings does.
    let (mut client, _) = Client::associate(site.server.port(), &request("CT", "X"));
    assert_eq!(client.store(3, &Object::ct(10)).status(), 0);
    site.write("");
    reload(&site, &in_effect(3));
    assert_eq!(client.store(3, &Object::ct(10)).status(), 0);
    assert_eq!(calls(&site).len(), 1, "its association goes on");
    client.release();
    eventually("the study ends", SOON, || calls(&site).len() == 2);
    assert_eq!(calls(&site)[1], "two 2.25.301 release 3");
}

/// Commands change with the settings; those that are queued are run as they were.
#[test]
fn commands_change_for_associations_to_come() {
    let command = |name: &str| {
        format!("max-commands = 1\ncommands.on-reception = 'sleep 0.2; echo {name} >>ROOT/calls'\n")
    };
    let site = Site::start("", "");
    assert_eq!(store_as(&site.server, "CT", &Object::ct(10)), 0);
    site.write(&command("one"));
    reload(&site, &in_effect(2));
    for _ in 0..3 {
        assert_eq!(store_as(&site.server, "CT", &Object::ct(10)), 0);
    }
    site.write(&command("two").replace("max-commands = 1", "max-commands = 4"));
    reload(&site, &in_effect(3));
    assert_eq!(store_as(&site.server, "CT", &Object::ct(10)), 0);
    eventually("all commands", SOON, || calls(&site).len() == 4);
    let mut all = calls(&site);
    all.sort();
    assert_eq!(all, ["one", "one", "one", "two"]);
}

/// Other files and another profile, or the same files with other content.
#[test]
fn tls_changes_with_the_settings() {
    let pki = Pki::shared();
    let tls = |key: &str, more: &str| {
        let [key, certificate] = ["key", "pem"].map(|it| pki.path(&format!("{key}.{it}")));
        let (key, certificate) = (key.display(), certificate.display());
        format!(
            "[tls]\nkey = \"{key}\"\ncertificate = \"{certificate}\"\npeer-certificate = \"ignore\"\n{more}\n"
        )
    };
    let site = Site::start("", &tls("server", ""));
    let port = site.server.port();
    let subject = |line: &str| {
        let attempt = s_client(&pki, port, line);
        let line = attempt.text.lines().find(|line| line.starts_with("Peer certificate:"));
        attempt.accepted.then(|| line.unwrap_or_default().to_owned())
    };
    assert!(subject("-tls1_2").is_some_and(|it| it.ends_with("CN = server")));
    site.write(&tls("ec-server", "profile = \"rfc-8996-modified\""));
    reload(&site, &in_effect(2));
    assert!(site.server.stderr().contains("reloaded keys and certificates"));
    assert!(subject("-tls1_2").is_some_and(|it| it.ends_with("CN = ec-server")));
    site.write(&tls("expired", ""));
    reload(&site, &stays_in_effect(2));
    assert!(subject("-tls1_2").is_some_and(|it| it.ends_with("CN = ec-server")));
    // Turned off, it stays on until a restart.
    site.write("");
    reload(&site, "[tls] on or off: takes effect after a restart");
    assert!(subject("-tls1_2").is_some());
}

/// What SIGHUP does, with what is wrong in the answer; and how somebody who was refused gets in.
#[test]
fn the_api_reloads_and_says_what_is_wrong() {
    let settings = |rule: &str| format!("default = \"refuse\"\n[[rule]]\nname = \"ct\"\n{rule}\n");
    let options = ["-v", "--http", "127.0.0.1:0"];
    let site = Site::start_with(&options, "", &settings("calling = \"CT\""));
    let http = Http::of(&site.server);
    let reload = || http.send("POST", "/api/v1/settings/reload", "");
    site.write(&settings("caling = \"CT\""));
    let failed = reload();
    assert!((400..500).contains(&failed.status), "{failed:?}");
    let place = format!("{}:4:1: ", site.file.display());
    assert!(failed.body.contains(&place), "{failed:?}");
    site.server.wait_for_log("E: reload by the API: nothing has changed");
    assert_eq!(http.json("/api/v1/settings")["generation"], 1);

    let refused = Client::connect(site.server.port());
    refuse(refused, "MR \"1\"");
    let refusal = &http.json("/api/v1/refusals")["refusals"][0];
    let hint = refusal["hint"].as_str().unwrap_or_default();
    assert!(hint.contains(r#"[[rule]] calling = "MR \"1\"""#), "{refusal}");

    site.write(&settings("calling = [\"CT\", 'MR \"1\"']\nmax-pdu = 65536"));
    let done = reload().json();
    assert_eq!((&done["generation"], &done["needsRestart"]), (&json!(2), &json!([])));
    assert_eq!(store_as(&site.server, "MR \"1\"", &Object::ct(10)), 0);
    let rules = &http.json("/api/v1/settings")["settings"]["rule"];
    let expected = json!([{ "name": "ct", "calling": ["CT", "MR \"1\""], "max-pdu": 65_536 }]);
    assert_eq!(rules, &expected);
}

fn refuse(mut client: Client, calling: &str) {
    client.send(&request(calling, "X").encode());
    assert!(matches!(client.answer(), Answer::Reject(1, 1, _)));
}

/// Whoever directs senders here sees at once that there will be no more of it, while what is on its way is finished.
#[test]
fn readiness_ends_with_the_signal() {
    let mut site = Site::start_with(&["-v", "--http", "127.0.0.1:0"], "", "");
    let http = Http::of(&site.server);
    assert_eq!(http.send("GET", "/readyz", "").status, 200);
    let (mut client, _) = Client::associate(site.server.port(), &request("CT", "X"));
    let object = Object::ct(10);
    client.command(3, &Command::store(1, &object.sop_class, &object.sop_instance));
    let (first, rest) = object.bytes.split_at(20);
    client.send(&data_pdu(&[Pdv::data(3, false, first)]));
    eventually("the object is on its way", SOON, || {
        http.json("/api/v1/associations")["associations"][0]["state"] == "receiving"
    });
    site.server.signal("TERM");
    eventually("not ready", SOON, || http.send("GET", "/readyz", "").status == 503);
    let answer = http.send("GET", "/readyz", "");
    assert!(answer.body.contains("shutting down"), "{answer:?}");
    assert_eq!(http.send("GET", "/livez", "").status, 200);
    client.send(&data_pdu(&[Pdv::data(3, true, rest)]));
    assert_eq!(client.response().1.status(), 0);
    let status = site.server.wait(SOON).expect("it ends");
    assert_eq!(status.code(), Some(0));
}

const SENDERS: usize = 8;
const RELOADS: usize = 100;

/// Two settings that differ in directory, format and name, and files that are none.
fn settings_for(turn: usize) -> (&'static str, bool) {
    const EVEN: &str = "directory = \"even\"\nfile-extension = \".even\"\ntransfer-syntax = \"implicit-little\"\n\
                        [[rule]]\ncalling = \"S?\"\ndurability = \"none\"\n[[rule]]\ncalling = \"Z\"\nstore = false\n";
    const ODD: &str = "directory = \"odd\"\nfile-extension = \".odd\"\ndurability = \"none\"\n\
                       transfer-syntax = \"explicit-little\"\n";
    match turn % 5 {
        0 | 2 => (EVEN, true),
        1 | 3 => (ODD, true),
        // Half of it is right.
        _ => (
            "directory = \"even\"\nfile-extension = \".odd\"\n[[rule]]\ndirectory = \"none\"\n",
            false,
        ),
    }
}

/// Each object that was answered with success is there once, and whole; and it was treated by one generation of the
/// settings, not by the directory of one and the form of another.
#[test]
fn a_hundred_reloads_under_load_lose_nothing_and_mix_nothing() {
    let site = Site::start_with(&[], "even odd", settings_for(0).0);
    let (stop, sent) = (AtomicBool::new(false), Mutex::new(BTreeSet::new()));
    let associations = AtomicUsize::new(0);
    thread::scope(|scope| {
        for sender in 0..SENDERS {
            let (server, stop, sent) = (&site.server, &stop, &sent);
            let associations = &associations;
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let title = format!("S{sender}");
                    let (mut client, _) = Client::associate(server.port(), &request(&title, "X"));
                    for _ in 0..3 {
                        let object = Object::ct(1000);
                        assert_eq!(client.store(3, &object).status(), 0, "success");
                        sent.lock().unwrap().insert(object.file_name());
                    }
                    client.release();
                    associations.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let (mut good, mut bad) = (1, 0);
        for turn in 1..=RELOADS {
            let (settings, is_right) = settings_for(turn);
            site.write(settings);
            site.server.signal("HUP");
            if is_right {
                good += 1;
            } else {
                bad += 1;
            }
            eventually("the reload", SOON, || {
                let log = site.server.stderr();
                log.matches("stays in effect\n").count() == bad && (!is_right || is_at(&site, turn))
            });
        }
        assert_eq!((good, bad), (81, 20));
        stop.store(true, Ordering::Relaxed);
    });
    let [even, odd] = ["even", "odd"].map(|directory| whole(&site, directory));
    let sent = sent.into_inner().unwrap();
    assert!(associations.into_inner() > SENDERS, "there was load");
    assert!(!even.is_empty() && !odd.is_empty(), "both have had objects");
    assert!(even.is_disjoint(&odd), "none is stored twice");
    let stored: BTreeSet<String> = even.union(&odd).cloned().collect();
    assert_eq!(stored, sent, "none is lost, and there is nothing else");
}

/// Whether an association is treated by the settings of this turn: asked by one more object.
fn is_at(site: &Site, turn: usize) -> bool {
    let directory = if settings_for(turn).0.contains("\"even\"") { "even" } else { "odd" };
    let probe = Object::ct(4);
    assert_eq!(store_as(&site.server, "PROBE", &probe), 0);
    let file = site.root.join(directory).join(format!("{}.{directory}", probe.file_name()));
    let is_there = file.exists();
    for directory in ["even", "odd"] {
        let file = site.root.join(directory).join(format!("{}.{directory}", probe.file_name()));
        let _ = fs::remove_file(file);
    }
    is_there
}

/// The names of the objects in a directory, without the extension, which all have, as they have the transfer syntax.
fn whole(site: &Site, directory: &str) -> BTreeSet<String> {
    let syntax = if directory == "even" { uid::IVLE } else { uid::EVLE };
    let name = |name: String| {
        let file = site.read(&format!("{directory}/{name}"));
        assert_eq!(file.transfer_syntax(), syntax, "{directory}/{name}");
        assert!(file.data_set.len() > 1000, "{directory}/{name} is not whole");
        let without = name.strip_suffix(&format!(".{directory}"));
        without.unwrap_or_else(|| panic!("{directory} has {name}")).to_owned()
    };
    site.stored(directory).into_iter().map(name).collect()
}

/// Neither descriptors, threads nor memory; with studies and commands that differ from one generation to the next, and
/// broken files among them.
#[test]
fn a_hundred_reloads_leave_nothing_behind() {
    let settings = |turn: usize| {
        let directory = ["a", "b"][turn % 2];
        if turn % 10 == 9 {
            return "directory = \"none\"\n".to_owned();
        }
        format!(
            "directory = \"{directory}\"\nsort = {{ by = \"study-uid\", prefix = \"p{turn}\" }}\n\
             commands.on-end-of-study = 'true {turn}'\ncommands.end-of-study-timeout = \"0 s\"\n\
             max-commands = 1\n[[rule]]\ncalling = \"CT\"\nmax-associations = 3\ncommands.on-reception = 'true'\n"
        )
    };
    let site = Site::start_with(&[], "a b", &settings(0));
    let reload = |turn: usize| {
        site.write(&settings(turn));
        let count = |text: &str| site.server.stderr().matches(text).count();
        let before = count("stays in effect");
        site.server.signal("HUP");
        if turn % 10 == 9 {
            eventually("a fault", SOON, || count("stays in effect") > before);
            return;
        }
        let folder = site.root.join(["a", "b"][turn % 2]).join(format!("p{turn}_2.25.301"));
        eventually("settings in effect", SOON, || {
            assert_eq!(store_as(&site.server, "CT", &Object::ct(10)), 0);
            folder.is_dir()
        });
    };
    (1..=20).for_each(reload);
    let seen = || settled(&site.server);
    let (descriptors, threads, kib) = seen();
    (21..=120).for_each(reload);
    let (descriptors_after, threads_after, kib_after) = seen();
    assert!(descriptors_after <= descriptors + 2, "{descriptors} {descriptors_after} descriptors");
    assert!(threads_after <= threads + 2, "{threads} {threads_after} threads");
    assert!(kib_after <= kib + 4096, "{kib} {kib_after} KiB");
}

/// Descriptors, threads and memory once nothing is going on.
fn settled(server: &Server) -> (usize, usize, u64) {
    let deadline = Instant::now() + SOON;
    let mut last = (server.descriptors(), server.threads());
    let mut since = Instant::now();
    while since.elapsed() < Duration::from_secs(1) && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(50));
        let now = (server.descriptors(), server.threads());
        if now != last {
            (last, since) = (now, Instant::now());
        }
    }
    (last.0, last.1, server.resident_kib())
}
