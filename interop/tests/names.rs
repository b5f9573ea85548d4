//! Tests the names of files and folders, and that no value from a peer leads out of the output directory.

use std::fs;
use std::os::unix::fs::symlink;
use std::thread;

use interop::part10::Part10;
use interop::process::run;
use interop::wire::{Client, Context, Request, uid};
use interop::{Object, Program, Scratch, Server, both, files_below, peers};

const NEW_UID: &str = "2.25.";

#[test]
fn file_names_equal_debian() {
    let lines: [&[&str]; 11] = [
        &[],
        &["-uf"],
        &["+uf"],
        &["+uf", "-uf", "-fe", ".dcm"],
        &["-fe", "x y"],
        &["+uf", "-fe", "_1.dcm"],
        &["-tn"],
        &["-tn", "-fe", ".dcm"],
        &["-tn", "+B"],
        &["+uf", "+B"],
        &["-su", "p", "-tn", "-fe", ".x"],
    ];
    let objects = [
        Object::ct(100),
        Object::ct(200),
        Object::new(uid::MR, "1.2.3", 10),
        Object::new("1.2.3.4", "1.2.4", 10),
    ];
    for line in lines {
        let options = [line, &["-pm"]].concat();
        let [ours, theirs] = both(&options, |server| {
            let mut contexts = Request::usual().contexts;
            contexts.push(Context::new(7, "1.2.3.4", &[uid::EVLE]));
            let (mut client, _) = Client::associate(server.port(), &Request::new(contexts));
            for (context, object) in [3, 3, 5, 7].into_iter().zip(&objects) {
                assert_eq!(client.store(context, object).status(), 0, "{line:?}");
                another_millisecond();
            }
            client.release();
            stored(server)
        });
        assert_eq!(ours, theirs, "{line:?}");
        let files = ours.iter().filter(|(name, _)| !name.ends_with('/'));
        assert_eq!(files.count(), objects.len(), "{line:?}: {ours:?}");
    }
}

#[test]
fn folders_and_log_lines_equal_debian() {
    let a = [(); 2].map(|()| Object::of_study("2.25.1", Some(b"Doe^Jane"), ""));
    let b = [(); 2].map(|()| Object::of_study("2.25.2", Some(b"M\xfcller^J\xf6rg"), "ISO_IR 100"));
    let lines: [&[&str]; 8] = [
        &["-ss", ""],
        &["-ss", "p"],
        &["-su", ""],
        &["-su", "pre fix"],
        &["-sp"],
        &["-sp", "-su", "x", "-fe", ".dcm"],
        &["-su", "x", "-sp", "-F"],
        &["-su", "p", "-ss", "q", "+te"],
    ];
    for line in lines {
        let levels: &[&str] = if line == ["-su", ""] { &["info", "debug"] } else { &["info"] };
        for level in levels {
            let options = [line, &["-ll", level]].concat();
            let by_time = !line.contains(&"-su") || line.contains(&"q") || line.contains(&"-F");
            let [ours, theirs] = both(&options, |server| {
                // A study that continues gets a new folder from Debian's program, and keeps its folder with
                // ours.
                let back = if by_time { &[][..] } else { &[&a[0]] };
                for objects in [&[&a[0], &a[1], &b[0]][..], &[&b[1]], back] {
                    let mut client = Client::usual(server.port());
                    for object in objects {
                        assert_eq!(client.store(3, object).status(), 0, "{line:?}");
                        another_millisecond();
                    }
                    client.release();
                }
                (normal_log(server), stored(server))
            });
            assert_eq!(ours.0, hide_patients(&theirs.0), "{line:?}");
            assert_eq!(ours.1, theirs.1, "{line:?}");
        }
    }
}

/// One directory for each study that is being received, even if studies alternate, over one association or
/// several; Debian's program starts a new one at each change.
#[test]
fn interleaved_studies_have_a_folder_each() {
    for options in [["-ss", "p"], ["-sp", "-v"], ["-su", "p"]] {
        let server = Server::start(Program::Ours, &options);
        thread::scope(|scope| {
            for sender in 0..6 {
                let port = server.port();
                scope.spawn(move || {
                    let mut client = Client::usual(port);
                    for n in 0..10 {
                        let study = format!("2.25.{}", (sender + n) % 3);
                        let patient = format!("Patient{}", (sender + n) % 3);
                        let object = Object::of_study(&study, Some(patient.as_bytes()), "");
                        assert_eq!(client.store(3, &object).status(), 0);
                    }
                    client.release();
                });
            }
        });
        let files = server.files();
        let folders: Vec<_> = files.iter().filter(|name| name.ends_with('/')).collect();
        assert_eq!(folders.len(), 3, "{options:?}: {folders:?}");
        for folder in folders {
            let here: Vec<_> =
                files.iter().filter(|name| name.starts_with(folder) && *name != folder).collect();
            assert_eq!(here.len(), 20, "{options:?}");
            let studies = here.iter().map(|name| study_of(&server, name));
            let studies: std::collections::BTreeSet<_> = studies.collect();
            assert_eq!(studies.len(), 1, "{options:?}: {folder} has one study");
        }
    }
}

/// The names of folders sort by the start time of their studies.
#[test]
fn folders_are_in_time_order() {
    let server = Server::start(Program::Ours, &["-ss", ""]);
    let mut client = Client::usual(server.port());
    let studies: Vec<String> = (0..30).map(|n| format!("2.25.{}", 97 * (n + 1) % 1009)).collect();
    for study in &studies {
        assert_eq!(client.store(3, &Object::of_study(study, None, "")).status(), 0);
    }
    let files = server.files();
    let found: Vec<String> =
        files.iter().filter(|f| !f.ends_with('/')).map(|name| study_of(&server, name)).collect();
    assert_eq!(found, studies);
}

#[test]
fn bit_preserving_sorts_too() {
    let object = Object::of_study("2.25.7", Some(b"Doe^Jane"), "");
    let server = Server::start(Program::Ours, &["+B", "-su", "p"]);
    assert_eq!(Client::usual(server.port()).store(3, &object).status(), 0);
    let path = server.directory().join("p_2.25.7").join(object.file_name());
    assert!(Part10::read(&path).data_set == object.bytes);
}

/// All of Latin-1, with and without Specific Character Set, and characters that are not letters.
#[test]
fn patient_names_in_latin_1_equal_debian() {
    let spelled = |bytes: std::ops::RangeInclusive<u8>| {
        let letters = bytes.filter(|&byte| byte != b'\\').flat_map(|byte| [byte, b'0']);
        letters.collect::<Vec<u8>>()
    };
    let names: Vec<Vec<u8>> = vec![
        spelled(0x20..=0x7e),
        spelled(0xa0..=0xcf),
        spelled(0xd0..=0xff),
        b"  Doe^John ".to_vec(),
        b"A^B\\C^D".to_vec(),
        b"^".to_vec(),
        b"Doe^Jane=X=Y".to_vec(),
        b"".to_vec(),
    ];
    let mut objects = vec![Object::of_study("2.25.99", None, "")];
    for (number, name) in names.iter().enumerate() {
        for character_set in ["ISO_IR 100", ""] {
            let study = format!("2.25.{number}.{}", character_set.len());
            objects.push(Object::of_study(&study, Some(name), character_set));
        }
    }
    let [ours, theirs] = both(&["-sp"], |server| {
        let mut client = Client::usual(server.port());
        let mut found = Vec::new();
        for object in &objects {
            assert_eq!(client.store(3, object).status(), 0);
            found.push(file_of(server, object));
        }
        server.wait_for_log("absent or empty in data set, using 'ANONYMOUS' instead");
        found
    });
    assert_eq!(ours, theirs);
}

/// Debian's program takes every byte for Latin-1.
#[test]
fn patient_names_of_other_alphabets_stay_legible() {
    let server = Server::start(Program::Ours, &["-sp"]);
    let mut client = Client::usual(server.port());
    let korean = b"Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7=\x1b$)C\xc8\xab";
    for (character_set, name, folder) in [
        ("ISO_IR 192", "Müller^Łukasz".as_bytes(), "Mueller_Lukasz"),
        ("ISO_IR 192", "Иванов^Иван".as_bytes(), "Иванов_Иван"),
        ("ISO_IR 144", b"\xb8\xd2\xd0\xdd\xde\xd2", "Иванов"),
        ("ISO_IR 101", b"W\xb3och", "Wloch"),
        ("ISO 2022 IR 100", b"M\xfcller", "Mueller"),
        (r"\ISO 2022 IR 87", b"Yamada=\x1b$B;3ED\x1b(B", "Yamada_山田"),
        (r"\ISO 2022 IR 149", korean, "Hong_Gildong_洪_吉洞_홍"),
        ("GB18030", b"Wang=\xcd\xf5", "Wang_王"),
        ("ISO_IR 192", b"Gr\xfcn^\xc4pfel", "Gruen_Aepfel"),
        ("iso_ir_192", "Grün^Äpfel".as_bytes(), "Gruen_Aepfel"),
        ("GB18030", b"Andr\xe9", "Andre"),
        ("ISO_IR 127", b"M\xfcller", "Mueller"),
        (r"ISO 2022 IR 100\ISO 2022 IR 87", b"\x1b(XM\xfcller", "Mueller"),
        ("", "Müller".as_bytes(), "Mueller"),
        ("ISO_IR 192", "../\u{202e}x\u{0}y".as_bytes(), "____x_y"),
    ] {
        let object =
            Object::of_study(&format!("2.25.{}", server.files().len()), Some(name), character_set);
        assert_eq!(client.store(3, &object).status(), 0);
        assert_eq!(file_of(&server, &object), format!("{folder}_TIME/{}", object.file_name()));
    }
    let long = Object::of_study("2.25.1000", Some(&"ж".repeat(500).into_bytes()), "ISO_IR 192");
    assert_eq!(client.store(3, &long).status(), 0, "cut, not refused");
}

/// Where a study UID has to be cleaned, a number is appended, whereas Debian's program puts two studies into
/// one folder.
#[test]
fn study_uids_are_cleaned_as_debian_does_and_stay_apart() {
    let cleaned = ["1/2;3", "a$(b)'\"", "x~y"];
    let usual = ["1.2\\3.4", "1.2 ", "1.2.3", "1:2@3_-A"];
    let [ours, theirs] = both(&["-su", "p"], |server| {
        let mut client = Client::usual(server.port());
        for study in cleaned.iter().chain(&usual) {
            let object = Object::of_study(study, None, "");
            assert_eq!(client.store(3, &object).status(), 0, "{study}");
        }
        server.wait_for_log("W: Sanitized unusual characters in Study Instance UID");
        folders(server)
    });
    let (ours_cleaned, ours_usual): (Vec<_>, Vec<_>) =
        ours.into_iter().partition(|name| name.len() > 20);
    let without_number = |name: &String| format!("{}/", &name[..name.len() - 18]);
    let mut without_numbers: Vec<String> = ours_cleaned.iter().map(without_number).collect();
    without_numbers.extend(ours_usual);
    without_numbers.sort();
    assert_eq!(without_numbers, theirs);
}

#[test]
fn no_two_studies_share_a_folder() {
    let studies = ["1/2", "1;2", "1_2", "1 _2", "1\t2", " 1_2", "1.2 3", "1.23", "1.2\0.3"];
    let [ours, theirs] = both(&["-su", "p"], |server| {
        let mut client = Client::usual(server.port());
        for study in studies {
            for _ in 0..2 {
                let object = Object::of_study(study, None, "");
                assert_eq!(client.store(3, &object).status(), 0, "{study}");
            }
        }
        folders(server).len()
    });
    assert_eq!(ours, studies.len());
    assert!(theirs < ours, "Debian's: {theirs}");
}

fn folders(server: &Server) -> Vec<String> {
    server.files().into_iter().filter(|name| name.ends_with('/')).collect()
}

/// Each is sent twice: one that is refused must not be accepted the second time (as by today's DCMTK).
#[test]
fn no_study_uid_leads_out_of_the_output_directory() {
    for options in [["-su", ""], ["-ss", ""]] {
        let server = Server::start(Program::Ours, &options);
        let mut client = Client::usual(server.port());
        for study in ["..", ".", "", "/", "../..", "  ", &"1".repeat(300)] {
            for _ in 0..2 {
                let status = client.store(3, &Object::of_study(study, None, "")).status();
                assert!(status == 0 || status == 0xC000, "{study}: {status:04X}");
            }
        }
        // Everything that is stored is in a folder of the output directory.
        assert!(server.files().iter().all(|name| name.contains('/')), "{:?}", server.files());
        assert!(files_below(server.scratch()).iter().all(|name| !name.starts_with("CT")));
        let [status] = [client.store(3, &Object::of_study("2.25.1", None, ""))].map(|r| r.status());
        assert_eq!(status, 0, "and the next one is stored");
    }
}

#[test]
fn objects_without_a_study_are_refused_as_debian_does() {
    let object = Object::made_of(uid::CT, "1.2.3", vec![(0x0010_0010, *b"PN", b"Doe".to_vec())]);
    let [ours, theirs] = both(&["-sp"], |server| {
        let mut client = Client::usual(server.port());
        let status = client.store(3, &object).status();
        server.wait_for_log("element StudyInstanceUID (0020,000d) absent or empty in data set");
        (status, server.files())
    });
    assert_eq!(ours, theirs);
    assert_eq!(ours, (0xC000, vec![]));
}

/// Debian's program follows the link. Once a folder could not be created, it answers A700H from then on.
#[test]
fn a_link_or_a_file_in_the_place_of_a_folder_costs_one_object() {
    for options in [&["-su", ""][..], &["-su", "", "+B", "--durability", "none"]] {
        let server = Server::start(Program::Ours, options);
        let elsewhere = Scratch::new();
        let place = server.directory().join("2.25.1");
        let mut client = Client::usual(server.port());
        let object = Object::of_study("2.25.1", None, "");
        symlink(elsewhere.path(), &place).expect("a link");
        assert_eq!(client.store(3, &object).status(), 0xA700);
        server.wait_for_log("could not create subdirectory for study: ");
        fs::remove_file(&place).expect("the link goes");
        fs::write(&place, "in the way").expect("a file");
        assert_eq!(client.store(3, &object).status(), 0xA700);
        fs::remove_file(&place).expect("the file goes");
        assert_eq!(client.store(3, &object).status(), 0);
        assert_eq!(files_below(elsewhere.path()), [""; 0]);
        assert_eq!(server.files(), ["2.25.1/", &format!("2.25.1/{}", object.file_name())]);
        // A link that replaces a folder in use.
        fs::rename(&place, elsewhere.path().join("moved")).expect("moved away");
        symlink(elsewhere.path().join("moved"), &place).expect("a link");
        assert_eq!(client.store(3, &Object::of_study("2.25.1", None, "")).status(), 0xA700);
        assert_eq!(files_below(&elsewhere.path().join("moved")).len(), 1);
    }
}

#[test]
fn a_prefix_may_be_a_path_that_exists() {
    let scratch = Scratch::new();
    fs::create_dir_all(scratch.path().join("a/b")).expect("directories");
    let object = Object::of_study("2.25.1", None, "");
    let [ours, theirs] = [Program::Ours, Program::Debian].map(|program| {
        let options = ["-su", "a/b/p"];
        let server = Server::with(program, &options).directory(scratch.path()).start();
        assert_eq!(Client::usual(server.port()).store(3, &object).status(), 0);
        let files = server.files();
        fs::remove_dir_all(scratch.path().join("a/b/p_2.25.1")).expect("it goes");
        files
    });
    assert_eq!(ours, theirs);

    let missing = Server::with(Program::Ours, &["-su", "c/p"]).directory(scratch.path());
    let failure = missing.try_start().expect_err("told at the start, not with every object");
    assert_eq!(failure.status.code(), Some(1));
    assert!(failure.stderr.contains("F: specified output directory does not exist"));
}

/// Two processes and many threads store concurrently; Debian's child processes overwrite each other's files.
#[test]
fn time_names_never_meet() {
    let scratch = Scratch::new();
    let options = ["-tn", "-fe", ".dcm", "--durability", "none"];
    let servers =
        [(); 2].map(|()| Server::with(Program::Ours, &options).directory(scratch.path()).start());
    thread::scope(|scope| {
        for sender in 0..8 {
            let port = servers[sender % 2].port();
            scope.spawn(move || {
                let mut client = Client::usual(port);
                for _ in 0..40 {
                    assert_eq!(client.store(3, &Object::ct(10)).status(), 0);
                }
                client.release();
            });
        }
    });
    let names = files_below(scratch.path());
    assert_eq!(names.len(), 8 * 40);
    let numbered = names.iter().filter(|name| name.contains("_0000.CT.dcm"));
    assert!(numbered.count() > 0, "they did meet: {names:?}");
}

#[test]
fn new_uids_are_of_our_own_and_differ() {
    let server = Server::start(Program::Ours, &["+uf"]);
    let object = Object::ct(10);
    let mut client = Client::usual(server.port());
    for _ in 0..20 {
        assert_eq!(client.store(3, &object).status(), 0);
    }
    let names = server.files();
    assert_eq!(names.len(), 20, "one and the same instance, each time in a file of its own");
    for name in names {
        let uid = name.strip_prefix("CT.X.").expect("the form of the name");
        let number = uid.strip_prefix(NEW_UID).expect("made from a UUID");
        let version = number.parse::<u128>().expect("a number") >> 76 & 0xf;
        assert_eq!(version, 4, "a random one");
        assert!(uid.len() <= 64);
    }
}

/// `--ignore` creates neither files nor folders.
#[test]
fn ignored_objects_are_not_sorted() {
    let server = Server::start(Program::Ours, &["--ignore", "-su", "p"]);
    assert_eq!(Client::usual(server.port()).store(3, &Object::ct(10)).status(), 0);
    assert_eq!(server.files(), [""; 0]);
}

#[test]
fn a_name_that_no_file_system_takes_is_refused() {
    let server = Server::start(Program::Ours, &["-fe", &"x".repeat(250)]);
    let mut client = Client::usual(server.port());
    assert_eq!(client.store(3, &Object::ct(10)).status(), 0xA700);
    assert_eq!(server.files(), [""; 0]);
    let mut command = std::process::Command::new(peers::storescp());
    let output = run(command.args(["-fe", "a/b", "11112"]), std::time::Duration::from_secs(5));
    assert_eq!(output.code(), Some(1));
    assert!(
        output
            .stderr
            .contains("\nerror: Invalid value for option --filename-extension (a/b)\nhint: ")
    );
}

/// Waits until names with times change.
fn another_millisecond() {
    thread::sleep(std::time::Duration::from_millis(3));
}

/// All stored files: names with times and new UIDs replaced, and data sets.
pub(crate) fn stored(server: &Server) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<(String, Vec<u8>)> = server
        .files()
        .into_iter()
        .map(|name| {
            let path = server.directory().join(&name);
            let bytes = fs::read(&path).unwrap_or_default();
            let data_set = Part10::parse(&bytes).map_or(bytes, |file| file.data_set);
            (normal(&name), data_set)
        })
        .collect();
    files.sort();
    files
}

/// Replaces times and new UIDs in a name by `TIME` and `UID`.
pub(crate) fn normal(name: &str) -> String {
    let mut text = String::new();
    let mut rest = name;
    while let Some(letter) = rest.chars().next() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let second = rest.get(9..).unwrap_or_default();
        let more = second.bytes().take_while(u8::is_ascii_digit).count();
        if digits == 8 && more == 9 && rest.as_bytes()[8] == b'_' {
            text += "TIME";
            rest = &rest[18..];
        } else if digits == 17 {
            text += "TIME";
            rest = &rest[17..];
        } else if let Some(uid) = rest.strip_prefix(".X.") {
            text += ".X.UID";
            rest = uid.trim_start_matches(|letter: char| letter.is_ascii_digit() || letter == '.');
        } else {
            let length = digits.max(letter.len_utf8());
            text += &rest[..length];
            rest = &rest[length..];
        }
    }
    text
}

/// Converts Debian's log lines to ours, which do not contain a patient's name.
fn hide_patients(lines: &[String]) -> Vec<String> {
    let hidden = |line: &String| {
        let line = line.replace("OUT/Doe_Jane_", "OUT/<patient>_");
        line.replace("OUT/Mueller_Joerg_", "OUT/<patient>_")
    };
    lines.iter().map(hidden).collect()
}

/// Log lines about sorting and storing.
fn normal_log(server: &Server) -> Vec<String> {
    let directory = server.directory().display().to_string();
    let kinds = ["subdirectory for study", "storing DICOM file", "overwriting"];
    let log = server.stderr();
    let lines = log.lines().filter(|line| kinds.iter().any(|kind| line.contains(kind)));
    lines.map(|line| normal(&line.replace(&directory, "OUT"))).collect()
}

/// Path of an object below the output directory, with the time replaced.
fn file_of(server: &Server, object: &Object) -> String {
    let files = server.files();
    let found = files.iter().find(|name| name.ends_with(&object.file_name()));
    normal(found.unwrap_or_else(|| panic!("{} is not among {files:?}", object.file_name())))
}

/// The Study Instance UID in a file made from [`Object::of_study`].
fn study_of(server: &Server, name: &str) -> String {
    let data_set = Part10::read(&server.directory().join(name)).data_set;
    let header = [0x20, 0, 0x0d, 0, b'U', b'I'];
    let start = data_set.windows(6).position(|part| part == header).expect("it has a study");
    let length = usize::from(data_set[start + 6]);
    let value = &data_set[start + 8..start + 8 + length];
    String::from_utf8_lossy(value).trim_end_matches('\0').to_owned()
}
