//! Tests paths by a template of the settings file: on disk, for commands, in the log, and for several processes.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;
use std::thread;

use interop::process::{SENDER_TIME_LIMIT, eventually, run};
use interop::wire::{Client, uid};
use interop::{Object, Program, Scratch, Server, files_below, peers};

use crate::events::SOON;
use crate::service_rules::{Site, store_as};

/// An object of a patient.
fn object(patient: &[u8], id: &[u8], instance: &str) -> Object {
    let elements = vec![
        (0x0008_0005, *b"CS", b"ISO_IR 100".to_vec()),
        (0x0008_0020, *b"DA", b"20261129".to_vec()),
        (0x0008_0060, *b"CS", b"CT".to_vec()),
        (0x0010_0010, *b"PN", patient.to_vec()),
        (0x0010_0020, *b"LO", id.to_vec()),
        (0x0020_0013, *b"IS", b"7".to_vec()),
    ];
    Object::made_of(uid::CT, instance, elements)
}

/// Folders in folders by attributes, a rule with its own template, and commands that get the real path.
#[test]
fn objects_go_where_the_template_of_their_rule_says_and_commands_find_them_there() {
    let settings = "directory = \"a\"\n\
        file = \"{PatientName}/{StudyDate:%Y}/{InstanceNumber:05}.dcm\"\n\
        commands.on-reception = \"echo '#p/#f' >> ROOT/told\"\n\
        [[rule]]\n\
        calling = \"MR\"\n\
        file = \"{calling}/{SOPClass}.{SOPInstanceUID}\"\n";
    let site = Site::start("a", settings);
    let [one, two] = ["1.2.1", "1.2.2"].map(|it| object(b"M\xfcller^J\xf6rg", b"4711", it));
    for _ in 0..2 {
        assert_eq!(store_as(&site.server, "CT", &one), 0);
        assert_eq!(store_as(&site.server, "CT", &two), 0);
    }
    assert_eq!(store_as(&site.server, "MR", &one), 0);
    let mut stored = site.stored("a");
    stored.sort();
    let expected = ["MR/CT.1.2.1", "Müller_Jörg/2026/00007.dcm", "Müller_Jörg/2026/00007_2.dcm"];
    assert_eq!(stored, expected);
    assert!(site.read("a/Müller_Jörg/2026/00007_2.dcm").data_set.ends_with(&two.bytes));
    let told = || fs::read_to_string(site.root.join("told")).unwrap_or_default();
    eventually("all commands ran", SOON, || told().lines().count() == 5);
    let told: BTreeSet<_> = told().lines().map(str::to_owned).collect();
    let root = site.root.join("a");
    assert_eq!(told, expected.map(|path| root.join(path).display().to_string()).into());
}

/// What the log shows of paths, of commands that fail and of objects that cannot be stored.
#[test]
fn no_path_by_a_template_tells_who_a_patient_is() {
    for level in ["-v", "-d"] {
        let settings = "directory = \"a\"\n\
            file = \"{PatientID}/{StudyDate}/{PatientName}_{Modality}/{PatientID}.dcm\"\n\
            commands.on-reception = \"false '#p' '#f'\"\n";
        let site = Site::start_with(&[level], "a", settings);
        let store = |id: &[u8], instance: &str| {
            let object = object(b"Neverlog^Nvrjane", id, instance);
            store_as(&site.server, "CT", &object)
        };
        assert_eq!(store(b"NVRID", "1.2.1"), 0);
        assert_eq!(store(b"NVRID", "1.2.2"), 0);
        assert_eq!(store(b"NVRID", "1.2.2"), 0);
        // A file in the way of a folder.
        fs::write(site.root.join("a/NVRTAKEN"), b"").expect("a file");
        assert_eq!(store(b"NVRTAKEN", "1.2.3"), 0xA700);
        site.server.wait_for_log("command failed with exit code 1");
        let log = site.server.stderr();
        let shown = "/a/{PatientID}/20261129/{PatientName}_{Modality}/{PatientID}.dcm";
        assert!(log.contains(shown), "{log}");
        for secret in ["NVRID", "NVRTAKEN", "Neverlog", "Nvrjane"] {
            assert!(!log.contains(secret), "{secret} in {log}");
        }
    }
}

/// Two receivers in one directory, and eight senders of different instances of one path.
#[test]
fn no_two_processes_give_one_file_to_two_instances() {
    let scratch = Scratch::new();
    let folder = scratch.directory("out");
    let receivers = [(); 2].map(|()| {
        let scratch = Scratch::new();
        let file = scratch.path().join("storescp.toml");
        fs::write(&file, "file = \"{PatientID}/{Modality}/x.dcm\"\n").expect("a settings file");
        let words = ["-v", "--settings", file.to_str().expect("a path of text")];
        Server::with(Program::Ours, &words).keeping(scratch).directory(&folder).start()
    });
    let objects: Vec<Vec<Object>> = (0..8)
        .map(|sender| {
            (0..10).map(|number| object(b"", b"1", &format!("1.2.{sender}.{number}"))).collect()
        })
        .collect();
    thread::scope(|scope| {
        for (number, objects) in objects.iter().enumerate() {
            let server = &receivers[number % 2];
            scope.spawn(move || {
                let mut client = Client::usual(server.port());
                for object in objects.iter().chain(objects) {
                    assert_eq!(client.store(3, object).status(), 0);
                }
                client.release();
            });
        }
    });
    let files = files_below(&folder).into_iter().filter(|name| name.ends_with(".dcm"));
    let contents: Vec<Vec<u8>> =
        files.map(|name| fs::read(folder.join(name)).expect("it is listed")).collect();
    assert_eq!(contents.len(), 80);
    for object in objects.iter().flatten() {
        let files = contents.iter().filter(|content| content.ends_with(&object.bytes)).count();
        assert_eq!(files, 1, "{}", object.sop_instance);
    }
}

/// A template that is wrong is told with its place in the file.
#[test]
fn a_wrong_template_is_told_with_its_place() {
    let scratch = Scratch::new();
    let file = scratch.path().join("storescp.toml");
    fs::write(&file, "file = \"{PatientID}/{StudyDat}\"\n").expect("a settings file");
    let mut check = Command::new(peers::storescp());
    let checked = run(check.arg("check").arg(&file), SENDER_TIME_LIMIT);
    assert_eq!(checked.code(), Some(1));
    assert!(checked.stdout.contains("did you mean StudyDate?"), "{checked:?}");
    assert!(checked.stdout.contains("storescp.toml:1:22"), "{checked:?}");
}
