//! Tests the output options: data sets are rewritten as Debian's receiver does, and other toolkits can read the
//! result.

use std::fs;
use std::path::Path;
use std::time::Duration;

use interop::corpus::{self, SourceFile};
use interop::differential::{self, DICTIONARIES, OptionSet, Plan, private_elements};
use interop::part10::Part10;
use interop::process::run;
use interop::wire::{Client, Command, Context, Request, tag, uid};
use interop::{Object, Program, Scratch, Server, element, peers};

/// A sample of the comparisons of `differential`, from several seeds.
#[test]
fn a_sample_equals_debian() {
    for seed in [1, 2, 3] {
        let plan = Plan { made_up: 40, option_sets: Some(8), ..Plan::sample(seed) };
        let report = plan.run();
        assert_eq!(report.differences, 0, "seed {seed}:\n{report}");
        assert!(report.equal > report.compared / 4, "{report}");
    }
}

/// With `DCMDICTPATH` set to Debian's dictionary files, every private element in them gets the same VR as with
/// Debian's program.
#[test]
fn private_elements_equal_debian_with_its_dictionary() {
    let option_sets = [&["+te"][..], &["+tb", "+uc"], &["+ti", "+uc"], &["+t=", "+uc", "-u", "+g"]];
    private_elements_equal_debian(&option_sets.map(parse));
}

/// The same without `DCMDICTPATH`, since Debian's files are installed.
#[test]
fn private_elements_equal_debian_by_default() {
    private_elements_equal_debian(
        &[&["+te"][..], &["+t=", "+uc"]].map(|it| parse(it).by_default()),
    );
}

fn private_elements_equal_debian(option_sets: &[OptionSet]) {
    let cases = private_elements(&Path::new(DICTIONARIES).join("private.dic"));
    assert!(cases.len() > 300, "{}", cases.len());
    let programs = [Program::Ours, Program::Debian];
    let report = differential::compare(&cases, option_sets, programs, 2);
    assert_eq!(report.compared, report.equal, "{report}");
    assert_eq!(report.compared, (cases.len() * option_sets.len()) as u64);
}

fn parse(words: &[&str]) -> OptionSet {
    OptionSet::parse(&words.iter().map(ToString::to_string).collect::<Vec<_>>())
}

/// A set of output options, and the message on which dciodvfy may differ between the source and the file
/// written with them.
struct Family {
    options: &'static [&'static str],
    remark: &'static str,
}

const FAMILIES: [Family; 12] = [
    Family { options: &["+t="], remark: NONE },
    Family { options: &["+te"], remark: NONE },
    Family { options: &["+tb"], remark: NONE },
    Family { options: &["+ti"], remark: NONE },
    Family { options: &["+td", "+cl", "9"], remark: NONE },
    Family { options: &["-e"], remark: NONE },
    Family { options: &["+g"], remark: GROUP_LENGTH },
    Family { options: &["-g"], remark: GROUP_LENGTH },
    Family { options: &["+p", "512", "128"], remark: NONE },
    Family { options: &["-u"], remark: "[OB] Dictionary [UT]" },
    Family { options: &["+uc"], remark: NONE },
    Family { options: &["-F"], remark: NONE },
];

const GROUP_LENGTH: &str = ",0000)> - Retired attribute";

/// Occurs in no line.
const NONE: &str = "\n";

/// The file meta information of a source may have a different UID than its data set.
const SOURCE_META: &str = "MediaStorageSOPInstanceUID different from SOPInstanceUID";

/// An image, nested sequences of both kinds, and fragments.
const SOURCES: [&str; 6] = [
    "test_files/CT_small.dcm",
    "test_files/rtplan.dcm",
    "test_files/test-SR.dcm",
    "test_files/image_dfl.dcm",
    "test_files/ExplVR_BigEnd.dcm",
    "test_files/MR_small_RLE.dcm",
];

#[test]
fn other_toolkits_read_what_every_option_writes() {
    let sources = SOURCES.map(|name| {
        let source = corpus::file(name);
        (source, Remarks::of(&source.path))
    });
    for family in &FAMILIES {
        let converts = ["+te", "+tb", "+ti", "+td"].contains(&family.options[0]);
        let accepted = if converts { "+xd" } else { "+xa" };
        let options = [&[accepted][..], family.options].concat();
        let server = Server::start(Program::Ours, &options);
        let mut pairs = Vec::new();
        for (source, remarks) in &sources {
            let bare = family.options.contains(&"-F");
            let deflated = source.transfer_syntax == uid::DEFLATED;
            // Fragments cannot be converted; and with `-F`, nothing in the file says that it is deflated.
            if (converts && source.name.contains("RLE")) || (bare && deflated) {
                continue;
            }
            let stored = server.directory().join(store(&server, source));
            if !bare {
                has_no_new_remarks(family, remarks, &Remarks::of(&stored));
            }
            dumps(family, source, &stored);
            pairs.extend([source.path.clone(), stored]);
        }
        let mut command = peers::python_script("same_values.py");
        run(command.args(pairs), LIMIT).expect_success("pydicom");
    }
}

const LIMIT: Duration = Duration::from_secs(60);

/// Sends the data set of a file, and returns the name of the stored file.
fn store(server: &Server, source: &SourceFile) -> String {
    let bytes = fs::read(&source.path).expect("a file of the corpus");
    let part10 = Part10::parse(&bytes).expect("a Part 10 file");
    let mut data_set = part10.data_set;
    if data_set.len() % 2 == 1 {
        // A file may have a deflated stream of odd length, a message may not (PS3.5 §A.5).
        data_set.push(0);
    }
    let object = Object {
        sop_class: source.sop_class.clone(),
        sop_instance: source.sop_instance.clone(),
        bytes: data_set,
    };
    let context = Context::new(1, &source.sop_class, &[&source.transfer_syntax]);
    let before = server.files();
    let (mut client, _) = Client::associate(server.port(), &Request::new(vec![context]));
    assert_eq!(client.store(1, &object).status(), 0, "{}", source.name);
    let new = server.files().into_iter().find(|file| !before.contains(file));
    new.expect("a file for the object")
}

fn dumps(family: &Family, source: &SourceFile, stored: &Path) {
    let options = match (family.options, source.transfer_syntax.as_str()) {
        (["-F"], uid::IVLE) => &["-f", "-ti"][..],
        (["-F"], uid::EVBE) => &["-f", "-tb"],
        (["-F"], _) => &["-f", "-te"],
        _ => &["+f"],
    };
    let mut command = peers::debian("dcmdump");
    let output = run(command.args(["-q", "-E"]).args(options).arg(stored), LIMIT);
    let output = output.expect_success(&format!("dcmdump of {}", source.name));
    assert_eq!(output.stderr, "", "{:?}, {}", family.options, source.name);
}

/// The messages of other toolkits about a file.
struct Remarks {
    gdcminfo: Vec<String>,
    dciodvfy: Vec<String>,
}

impl Remarks {
    fn of(path: &Path) -> Self {
        let info = run(peers::debian("gdcminfo").arg(path), LIMIT);
        let lines = info.stdout.lines().filter(|line| !line.contains("TransferSyntax"));
        let mut gdcminfo: Vec<_> = lines.map(str::to_owned).collect();
        gdcminfo.push(format!("exit code {:?}", info.code()));

        let scratch = Scratch::new();
        let inflated = scratch.path().join("inflated");
        let deflated = Part10::read(path).transfer_syntax() == uid::DEFLATED;
        if deflated {
            // dciodvfy cannot inflate.
            run(peers::debian("dcmconv").arg("+te").arg(path).arg(&inflated), LIMIT)
                .expect_success("dcmconv");
        }
        let path = if deflated { &inflated } else { path };
        let verified = run(peers::debian("dciodvfy").arg("-new").arg(path), LIMIT);
        Self { gdcminfo, dciodvfy: verified.stderr.lines().map(str::to_owned).collect() }
    }
}

fn has_no_new_remarks(family: &Family, source: &Remarks, stored: &Remarks) {
    let Family { options, remark } = family;
    assert_eq!(stored.gdcminfo, source.gdcminfo, "{options:?}");
    let expected = |line: &&String| line.contains(remark) || line.contains(SOURCE_META);
    let without = |lines: &[String], others: &[String]| {
        lines.iter().filter(|line| !others.contains(line)).cloned().collect::<Vec<_>>()
    };
    let new = without(&stored.dciodvfy, &source.dciodvfy);
    let gone = without(&source.dciodvfy, &stored.dciodvfy);
    assert!(new.iter().chain(&gone).all(|line| expected(&line)), "{options:?}: {new:#?} {gone:#?}");
    assert!(stored.dciodvfy.len() > 1, "it has nothing to say: {:?}", stored.dciodvfy);
}

/// A data set that cannot be read fails by itself; the association continues.
#[test]
fn data_sets_that_cannot_be_read_are_refused_and_the_association_goes_on() {
    let whole = Object::ct(100).bytes;
    let nested =
        b"\x08\x00\x40\x11SQ\0\0\xFF\xFF\xFF\xFF\xFE\xFF\x00\xE0\xFF\xFF\xFF\xFF".repeat(2000);
    let with = |bytes: &[u8]| [&whole, bytes].concat();
    let cases: [(&str, Vec<u8>); 6] = [
        ("within a value", whole[..whole.len() - 10].to_vec()),
        ("out of place", with(b"\xFE\xFF\xDD\xE0\0\0\0\0")),
        ("undefined length", with(b"\xE1\x7F\x01\x10OB\0\0\xFF\xFF\xFF\xFF")),
        ("within a sequence", with(&nested[..20])),
        ("impossible VR", with(b"\xE1\x7F\x01\x10na\0\0")),
        ("nesting levels", with(&nested)),
    ];
    let server = Server::start(Program::Ours, &[]);
    let mut client = Client::usual(server.port());
    for (what, bytes) in cases {
        let message = client.message_id();
        client.command(3, &Command::store(message, uid::CT, "1.2.3"));
        client.data_set(3, &bytes);
        let response = client.response().1;
        let comment = response.text(tag::ERROR_COMMENT);
        assert_eq!(response.status(), 0xC000, "{what}");
        assert!(comment.contains(what), "{what}: {comment}");
        assert_eq!(server.files(), [""; 0], "{what}");
        let log = server.stderr();
        let lines: Vec<_> = log.lines().filter(|line| line.contains(what)).collect();
        let [line] = lines.as_slice() else { panic!("one line, not {lines:?}") };
        assert!(line.starts_with("E: cannot store SOP instance 1.2.3 ("), "{line}");
        assert_eq!(client.store(3, &Object::ct(10)).status(), 0, "after {what}");
        server.clear();
    }
}

/// The help, the manual page and the reference name the dictionaries that are used.
#[test]
fn it_is_documented_which_dictionaries_are_used() {
    let help = std::process::Command::new(peers::storescp()).arg("--help").output();
    let help = String::from_utf8(help.expect("help").stdout).expect("text");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let file = |name: &str| fs::read_to_string(root.join(name)).expect(name);
    for text in
        [help, file("docs/cli.md"), file("docs/operations.md"), file("packaging/storescp.1")]
    {
        for name in ["DCMDICTPATH", "dicom.dic", "private.dic", "built in"] {
            assert!(text.contains(name), "{name} in {text}");
        }
    }
}

/// Private elements get their VR from Debian's dictionary; one that does not contain them gives them none.
#[test]
fn private_elements_get_their_vr_where_a_dictionary_knows_them() {
    let private = [
        element(0x0029, 0x0010, *b"LO", b"SIEMENS CSA HEADER"),
        element(0x0029, 0x1008, *b"UN", b"IMAGE NUM 4 "),
        element(0x0029, 0x1108, *b"UN", b"IMAGE NUM 4 "),
    ];
    let scratch = Scratch::new();
    let dictionary = scratch.path().join("small.dic");
    fs::write(&dictionary, "(0010,0010)\tPN\tPatientName\n").expect("a dictionary file");
    let small = dictionary.display().to_string();
    for (path, vr) in [("", *b"CS"), (small.as_str(), *b"UN")] {
        let setup = Server::with(Program::Ours, &["+uc"]).environment("DCMDICTPATH", path);
        let server = setup.start();
        let mut client = Client::usual(server.port());
        let plain = Object::made_of(uid::CT, "2.25.29", Vec::new());
        let object = Object { bytes: [plain.bytes.clone(), private.concat()].concat(), ..plain };
        assert_eq!(client.store(3, &object).status(), 0);
        let stored = fs::read(server.directory().join(object.file_name())).expect("the object");
        let found = |number: u16, vr: [u8; 2]| {
            let [low, high] = number.to_le_bytes();
            let header = [&[0x29, 0, low, high][..], &vr].concat();
            stored.windows(6).any(|bytes| bytes == header)
        };
        assert!(found(0x1008, vr), "{path:?}");
        assert!(found(0x1108, *b"UN"), "{path:?}: nobody reserved this block");
        assert_eq!(server.stderr(), "", "{path:?}");
    }
}

/// Errors in a dictionary are reported in Debian's words; without any dictionary, ours does not start.
#[test]
fn dictionary_errors_equal_debian() {
    let scratch = Scratch::new();
    let file = |name: &str, text: &str| {
        let path = scratch.path().join(name);
        fs::write(&path, text).expect("a dictionary file");
        path.display().to_string()
    };
    let good = file("good.dic", "# a comment\n(0010,0010)\tPN\tPatientName\t1\tDICOM\n");
    let broken = file(
        "broken.dic",
        "(0008,0005)\tCS\n(0008,0005)\tCS\tX\t1\tD\tE\n0008,0005\tCS\tX\t1\n\
         (0008,0005)\tZZ\tX\t1\n(0008,0005)\tCS\tX\tabc\n",
    );
    let missing = scratch.path().join("missing.dic").display().to_string();
    let setup = |program, path: &str| Server::with(program, &[]).environment("DCMDICTPATH", path);
    let errors = |log: &str| {
        let lines = log.lines().filter(|line| line.starts_with("E: DcmDataDictionary"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    for path in [format!("{missing}:{good}"), format!("{broken}:{good}")] {
        let [ours, debians] = [Program::Ours, Program::Debian]
            .map(|program| errors(&setup(program, &path).start().stderr()));
        assert_eq!(ours, debians, "{path}");
        assert!(!ours.is_empty(), "{path}");
    }
    for path in [missing, broken, ":".to_owned()] {
        let failure = setup(Program::Ours, &path).try_start().expect_err("no dictionary");
        assert_eq!(failure.status.code(), Some(1), "{path}");
        assert!(failure.stderr.contains("no data dictionary loaded"), "{}", failure.stderr);
        let debians = setup(Program::Debian, &path).start().stderr();
        assert_eq!(errors(&failure.stderr), errors(&debians), "{path}");
    }
}
