//! `storescp outbox` and `storescp catalog`, beside a catalogue that is in use.

use catalog::{
    Batch, Catalog, Lease, LeaseOrder, ObjectAttributes, ReceivedObject, Settlement, TakenObject,
    Verdict,
};
use platform::testing::Scratch;
use serde_json::Value;
use std::process::{Command, Output};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// An output directory with a catalogue of three objects, each owed to two destinations; one delivery is parked, and one
/// is leased.
struct Place {
    scratch: Scratch,
    catalog: Arc<dyn Catalog>,
}

impl Place {
    fn new(test: &str) -> Self {
        let scratch = Scratch::new(test);
        let file = scratch.0.join(".storescp/catalog.sqlite");
        let catalog = catalog::open(&format!("sqlite:{}", file.display())).unwrap();
        let now = UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let objects = (1..4).map(|number| object(&scratch, number, now)).collect();
        let quiet = Duration::from_secs(60);
        let batch = Batch { objects, now: Some(now), quiet, ..Batch::default() };
        catalog.take_in(&batch).unwrap();
        let lease = Lease {
            destination: "pacs".to_owned(),
            most: 2,
            order: LeaseOrder::None,
            owner: "run".to_owned(),
            now,
            duration: Duration::from_secs(60),
        };
        let leased = catalog.lease(&lease).unwrap();
        let verdict = Verdict::Park { reason: "status A900\nfrom PACS".to_owned() };
        catalog.settle("run", &[Settlement { id: leased[0].id, verdict }], now).unwrap();
        Self { scratch, catalog }
    }

    /// Runs the program with these words and the directory.
    fn run(&self, line: &str) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_storescp"));
        command.args(line.split_whitespace()).arg("-od").arg(&self.scratch.0).output().unwrap()
    }

    /// What it prints, if it succeeds.
    fn printed(&self, line: &str) -> String {
        let output = self.run(line);
        let errors = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{line}: {errors}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// What it says on standard error, if it fails.
    fn fault(&self, line: &str) -> String {
        let output = self.run(line);
        assert!(!output.status.success(), "{line}");
        String::from_utf8(output.stderr).unwrap()
    }

    /// Waiting, parked, paused of a destination.
    fn counts(&self, name: &str) -> (u64, u64, bool) {
        let counts = self.catalog.counts(&[name.to_owned()]).unwrap();
        let one = counts.into_iter().find(|one| one.destination == name).unwrap();
        (one.waiting, one.parked, one.paused)
    }
}

fn object(scratch: &Scratch, number: u64, now: SystemTime) -> TakenObject {
    let object = ReceivedObject {
        key: format!("key {number}"),
        directory: scratch.0.clone(),
        file: Some(format!("{number}.dcm")),
        spool: None,
        sop_class: "1.2.840.10008.5.1.4.1.1.2".to_owned(),
        sop_instance: format!("1.2.3.{number}"),
        transfer_syntax: "1.2.840.10008.1.2.1".to_owned(),
        size: 100,
        digest: Some([0xAB; 32]),
        received: now,
        association: 1,
        calling: "CT1".to_owned(),
        called: "STORESCP".to_owned(),
        peer: "10.1.2.3:4711".to_owned(),
        rule: None,
        replaced: false,
        kept: false,
        attributes: ObjectAttributes {
            study_instance_uid: Some("1.2.3".to_owned()),
            series_instance_uid: Some("1.2.3.0".to_owned()),
            patient_name: Some("Müller, \"Hans\"".to_owned()),
            modality: Some("CT".to_owned()),
            ..ObjectAttributes::default()
        },
    };
    let destinations = vec!["pacs".to_owned(), "research".to_owned()];
    TakenObject { object, destinations, study_destinations: Vec::new() }
}

#[test]
fn deliveries_are_listed() {
    let place = Place::new("outbox-list");
    let text = place.printed("outbox list");
    assert_eq!(text.lines().count(), 6);
    let parked: Vec<_> = text.lines().filter(|line| line.contains("parked")).collect();
    let [parked] = parked.as_slice() else { panic!("{text}") };
    for part in ["pacs", "object.stored", "1.2.3.1", "attempts 1", "status A900\\u{a}from PACS"] {
        assert!(parked.contains(part), "{part}: {parked}");
    }
    assert_eq!(place.printed("outbox list --state parked").lines().count(), 1);
    assert_eq!(place.printed("outbox list --destination research --limit 2").lines().count(), 2);
    assert_eq!(place.printed("outbox list --sop-instance 1.2.3.2").lines().count(), 2);
    let first = place.printed("outbox list --json --limit 1");
    let first: Value = serde_json::from_str(&first).unwrap();
    assert_eq!(
        (&first["state"], &first["reason"]),
        (&"parked".into(), &"status A900\nfrom PACS".into())
    );
    let rest = place.printed(&format!("outbox list --after {}", first["id"]));
    assert_eq!(rest.lines().count(), 5);
    let counts: Value =
        serde_json::from_str(&place.printed("outbox list --counts --json")).unwrap();
    assert_eq!((&counts[0]["destination"], &counts[0]["waiting"]), (&"pacs".into(), &2.into()));
    assert_eq!((&counts[0]["parked"], &counts[0]["paused"]), (&1.into(), &false.into()));
    assert!(place.printed("outbox list --counts").contains("research: 3 waiting (300 bytes"));
    let shown = place.printed(&format!("outbox show {}", first["id"]));
    assert!(shown.contains("eventKey: key 1\n") && shown.contains("state: parked\n"), "{shown}");
}

#[test]
fn an_operator_decides() {
    let place = Place::new("outbox-change");
    assert_eq!(place.counts("pacs"), (2, 1, false));
    assert_eq!(place.printed("outbox pause pacs"), "pacs: paused\n");
    assert_eq!(place.counts("pacs"), (2, 1, true));
    assert_eq!(place.printed("outbox resume pacs"), "pacs: resumed\n");
    assert_eq!(place.counts("pacs"), (2, 1, false));
    assert_eq!(place.printed("outbox retry --all"), "1 of 1 deliveries to be tried again\n");
    assert_eq!(place.counts("pacs"), (3, 0, false));
    let parked = place.printed("outbox park --destination research --reason maintenance");
    assert_eq!(parked, "3 of 3 deliveries parked\n");
    assert_eq!(place.counts("research"), (0, 3, false));
    assert!(place.printed("outbox list --state parked").contains("maintenance"));
    let dropped = place.printed("outbox drop --destination research --state parked");
    assert_eq!(dropped, "3 of 3 deliveries dropped\n");
    assert_eq!(place.counts("research"), (0, 0, false));
    assert_eq!(place.printed("outbox drop 1 4711"), "1 of 2 deliveries dropped\n");
    assert!(place.fault("outbox retry 4711").contains("no delivery has such a number"));
    let paused = place.run("outbox pause pcas");
    let warning = String::from_utf8(paused.stderr).unwrap();
    assert!(warning.contains("pcas is neither a destination of the settings file"), "{warning}");
}

#[test]
fn the_catalogue_is_told_and_exported() {
    let place = Place::new("catalog-command");
    let text = place.printed("catalog stats");
    assert!(text.contains("objects with a file: 3\n"), "{text}");
    let json: Value = serde_json::from_str(&place.printed("catalog stats --json")).unwrap();
    assert_eq!((&json["objects"], &json["studies"]), (&3.into(), &1.into()));
    let objects = place.printed("catalog export objects");
    assert_eq!(objects.lines().count(), 3);
    let first: Value = serde_json::from_str(objects.lines().next().unwrap()).unwrap();
    assert_eq!(first["digest"], format!("sha256:{}", "ab".repeat(32)));
    let csv = place.printed("catalog export studies --csv");
    let lines: Vec<_> = csv.split("\r\n").collect();
    assert!(
        lines[0].contains("patientName") && lines[1].contains("\"Müller, \"\"Hans\"\"\""),
        "{csv}"
    );
    assert_eq!(place.printed("catalog export series").lines().count(), 1);
    assert_eq!(place.printed("catalog export objects --study 1.2.4"), "");
}

#[test]
fn what_is_wrong_is_told() {
    let place = Place::new("outbox-faults");
    for (line, told) in [
        ("outbox", "say what to do"),
        ("outbox fly", "'fly' is none of"),
        ("outbox retry", "say which"),
        ("outbox retry 1 --all", "say which"),
        ("outbox show 4711", "there is no delivery 4711"),
        ("outbox pause", "say which"),
        ("outbox list --nonsense", "unknown option --nonsense"),
        ("outbox list --catalog mysql://h/d", "error: "),
        ("outbox list --settings /does/not/exist.toml", "/does/not/exist.toml"),
        ("catalog export", "say what to export"),
        ("catalog stats now", "knows only --json"),
    ] {
        let fault = place.fault(line);
        assert!(fault.starts_with("error: ") && fault.contains(told), "{line}: {fault}");
    }
    let empty = Scratch::new("outbox-empty");
    let output = Command::new(env!("CARGO_BIN_EXE_storescp"))
        .args(["outbox", "list", "-od"])
        .arg(&empty.0)
        .output()
        .unwrap();
    let fault = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && fault.contains("there is no catalogue at"), "{fault}");
    assert!(empty.content().is_empty(), "none is made");
    let output =
        Command::new(env!("CARGO_BIN_EXE_storescp")).args(["outbox", "list"]).output().unwrap();
    assert!(String::from_utf8(output.stderr).unwrap().contains("say where the catalogue is"));
    for command in ["outbox", "catalog"] {
        assert!(
            place
                .printed(&format!("{command} --help"))
                .starts_with(&format!("usage: storescp {command}"))
        );
    }
}

/// The settings file says where the catalogue is.
#[test]
fn a_settings_file_says_where_the_catalogue_is() {
    let place = Place::new("outbox-settings");
    let settings = place.scratch.0.join("settings.toml");
    let directory = place.scratch.0.display();
    std::fs::write(
        &settings,
        format!("directory = \"{directory}\"\n[catalog]\nurl = \"sqlite\"\n"),
    )
    .unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_storescp"))
        .args(["outbox", "list", "--settings"])
        .arg(&settings)
        .output()
        .unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap().lines().count(), 6, "{errors}");
}
