//! Tests the rules of the settings file with real senders: whom a rule is about, whom it refuses, and each setting that
//! it can change.

use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Command;

use interop::corpus;
use interop::part10::Part10;
use interop::process::{Output, SENDER_TIME_LIMIT, eventually, run};
use interop::tls::{Pki, dcmtk};
use interop::wire::{Accept, Answer, Client, Context, Request, uid};
use interop::{Object, Program, Scratch, Server, files_below, peers};

use crate::events::SOON;

/// A receiver with a settings file, and directories beside that.
pub(crate) struct Site {
    pub(crate) server: Server,
    pub(crate) file: PathBuf,
    pub(crate) root: PathBuf,
}

impl Site {
    /// Starts a receiver at level INFO with this settings file, in which `ROOT` stands for the directory of the file.
    /// There is a directory for each word of `directories`.
    pub(crate) fn start(directories: &str, settings: &str) -> Self {
        Self::start_with(&["-v"], directories, settings)
    }

    pub(crate) fn start_with(options: &[&str], directories: &str, settings: &str) -> Self {
        let scratch = Scratch::new();
        for directory in directories.split_whitespace() {
            let _ = scratch.directory(directory);
        }
        let root = scratch.path().to_owned();
        let file = root.join("storescp.toml");
        fs::write(&file, in_root(&root, settings)).expect("a settings file");
        let words = [options, &["--settings", file.to_str().expect("a path of text")]].concat();
        let server = Server::with(Program::Ours, &words).keeping(scratch).start();
        Self { server, file, root }
    }

    /// Replaces the settings file, as editors do.
    pub(crate) fn write(&self, settings: &str) {
        let new = self.root.join("storescp.toml.new");
        fs::write(&new, in_root(&self.root, settings)).expect("a settings file");
        fs::rename(new, &self.file).expect("a file can be renamed");
    }

    /// The files in one of the directories.
    pub(crate) fn stored(&self, directory: &str) -> Vec<String> {
        let files = files_below(&self.root.join(directory));
        files.into_iter().filter(|name| !name.ends_with('/')).collect()
    }

    pub(crate) fn read(&self, name: &str) -> Part10 {
        Part10::read(&self.root.join(name))
    }
}

fn in_root(root: &Path, settings: &str) -> String {
    settings.replace("ROOT", root.to_str().expect("a path of text"))
}

/// Proposes what [`Request::usual`] proposes, under these titles.
pub(crate) fn request(calling: &str, called: &str) -> Request {
    Request { calling: calling.to_owned(), called: called.to_owned(), ..Request::usual() }
}

/// Stores an object from this sender.
pub(crate) fn store_as(server: &Server, calling: &str, object: &Object) -> u16 {
    let (mut client, _) = Client::associate(server.port(), &request(calling, "STORESCP"));
    let status = client.store(3, object).status();
    client.release();
    status
}

/// The A-ASSOCIATE-RJ that a proposal is answered with: result, source, reason; `None` if it is accepted.
fn rejection(client: &mut Client, request: &Request) -> Option<[u8; 3]> {
    client.send(&request.encode());
    match client.answer() {
        Answer::Accept(_) => None,
        Answer::Reject(result, source, reason) => Some([result, source, reason]),
        other => panic!("{other:?}"),
    }
}

fn rejected(server: &Server, request: &Request) -> Option<[u8; 3]> {
    rejection(&mut Client::connect(server.port()), request)
}

fn storescu(server: &Server, calling: &str, called: &str, options: &[&str]) -> Output {
    let file = &corpus::file("test_files/CT_small.dcm").path;
    let mut command = peers::debian("storescu");
    command.args(["-aet", calling, "-aec", called]).args(options);
    command.arg("127.0.0.1").arg(server.port().to_string()).arg(file);
    run(&mut command, SENDER_TIME_LIMIT)
}

fn accepted(server: &Server, request: &Request) -> Accept {
    let (client, accept) = Client::associate(server.port(), request);
    client.release();
    accept
}

const PERMANENT: u8 = 1;
const TRANSIENT: u8 = 2;

/// The reasons of PS3.8 §9.3.4, as DCMTK's storescu says them: 3, calling title; 7, called title.
#[test]
fn refusals_have_the_reasons_of_the_standard() {
    let site = Site::start(
        "",
        r#"
        [[rule]]
        name = "old scanner"
        calling = "OLD*"
        refuse = "calling-ae-title-not-recognized"
        [[rule]]
        called = "GONE"
        refuse = "called-ae-title-not-recognized"
        [[rule]]
        called = "BUSY"
        refuse = "temporary-congestion"
        "#,
    );
    let server = &site.server;
    storescu(server, "CT1", "ANY", &[]).expect_success("storescu");
    let refused = storescu(server, "OLD1", "ANY", &[]);
    assert_ne!(refused.code(), Some(0));
    assert!(refused.stderr.contains("Reason: Calling AE Title Not Recognized"), "{refused:?}");
    let refused = storescu(server, "CT1", "GONE", &[]);
    assert!(refused.stderr.contains("Reason: Called AE Title Not Recognized"), "{refused:?}");
    assert_eq!(rejected(server, &request("OLD2", "X")), Some([PERMANENT, 1, 3]));
    assert_eq!(rejected(server, &request("CT1", "GONE")), Some([PERMANENT, 1, 7]));
    assert_eq!(rejected(server, &request("CT1", "BUSY")), Some([TRANSIENT, 3, 1]));
    server.wait_for_log("refused association: rule \"old scanner\" refuses it");
}

/// A called title that nobody serves: 7; a calling one that is unknown: 3. pynetdicom is among those who are let in.
#[test]
fn whom_no_rule_names_is_refused_if_the_settings_say_so() {
    let site = Site::start(
        "",
        r#"
        default = "refuse"
        [[rule]]
        calling = ["CT?", "PYNETDICOM"]
        called = ["ARCHIVE", "ANY-SCP"]
        "#,
    );
    let server = &site.server;
    assert_eq!(rejected(server, &request("CT1", "ARCHIVE")), None);
    assert_eq!(rejected(server, &request("CT12", "ARCHIVE")), Some([PERMANENT, 1, 3]));
    assert_eq!(rejected(server, &request("ct1", "ARCHIVE")), Some([PERMANENT, 1, 3]));
    assert_eq!(rejected(server, &request("CT1", "PACS")), Some([PERMANENT, 1, 7]));
    let mut command = peers::python_script("store.py");
    command.arg(server.port().to_string()).arg(&corpus::file("test_files/CT_small.dcm").path);
    run(&mut command, SENDER_TIME_LIMIT).expect_success("pynetdicom");
    let refused = storescu(server, "STORESCU", "ARCHIVE", &[]);
    assert!(refused.stderr.contains("Reason: Calling AE Title Not Recognized"), "{refused:?}");
}

#[test]
fn rules_go_by_address_and_by_class() {
    let site = Site::start(
        "near mr far",
        r#"
        directory = "far"
        [[rule]]
        address = ["127.0.0.8/29"]
        directory = "near"
        [[rule]]
        class = "MR"
        directory = "mr"
        "#,
    );
    let store = |address: [u8; 4], class: &str| {
        let mut client = Client::connect_from(Ipv4Addr::from(address), site.server.port());
        client.send(&Request::new(vec![Context::new(3, class, &[uid::EVLE])]).encode());
        assert!(matches!(client.answer(), Answer::Accept(_)));
        let object = Object { sop_class: class.to_owned(), ..Object::new(class, &new_uid(), 10) };
        assert_eq!(client.store(3, &object).status(), 0);
        client.release();
        object.file_name()
    };
    let near = store([127, 0, 0, 9], uid::MR);
    let mr = store([127, 0, 0, 16], uid::MR);
    let far = store([127, 0, 0, 16], uid::CT);
    assert_eq!(site.stored("near"), [near], "the first rule that matches decides");
    assert_eq!(site.stored("mr"), [mr]);
    assert_eq!(site.stored("far"), [far]);
}

fn new_uid() -> String {
    Object::ct(0).sop_instance
}

#[test]
fn rules_go_by_the_certificate_that_was_verified() {
    let pki = Pki::shared();
    let settings = format!(
        r#"
        directory = "others"
        [tls]
        key = "{key}"
        certificate = "{certificate}"
        trust = ["{ca}"]
        [[rule]]
        certificate = {{ subject = "CN=client" }}
        directory = "client"
        "#,
        key = pki.path("server.key").display(),
        certificate = pki.path("server.pem").display(),
        ca = pki.path("ca.pem").display(),
    );
    let site = Site::start("others client", &settings);
    let file = &corpus::file("test_files/CT_small.dcm").path;
    for name in ["client", "another-name"] {
        let line = format!("+tls %{name}.key %{name}.pem +cf %ca.pem");
        dcmtk(&pki, "storescu", site.server.port(), &line, &[file]).expect_success("storescu");
    }
    assert_eq!(site.stored("client").len(), 1);
    assert_eq!(site.stored("others").len(), 1);
}

/// What is accepted, and in which order; how long PDUs may be; in which form files are.
#[test]
fn each_sender_has_its_classes_syntaxes_and_format() {
    let site = Site::start(
        "ct mr",
        r#"
        accept-transfer-syntaxes = ["uncompressed"]
        [[rule]]
        calling = "CT"
        accept-classes = ["CT"]
        accept-transfer-syntaxes = ["JPEGLosslessSV1", "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"]
        max-pdu = "64 KiB"
        directory = "ct"
        file-extension = ".dcm"
        [[rule]]
        calling = "MR"
        directory = "mr"
        transfer-syntax = "implicit-little"
        [[rule]]
        calling = "RAW"
        directory = "mr"
        file-format = "data-set"
        bit-preserving = true
        "#,
    );
    let server = &site.server;
    let all = [uid::EVLE, uid::IVLE, uid::JPEG_LOSSLESS];
    let contexts = [(1, uid::CT), (3, uid::MR)].map(|(id, class)| Context::new(id, class, &all));
    let proposed =
        |calling: &str| Request { calling: calling.to_owned(), ..Request::new(contexts.to_vec()) };
    let ct = accepted(server, &proposed("CT"));
    assert_eq!(ct.context(1), (0, uid::JPEG_LOSSLESS));
    assert_eq!(ct.context(3).0, 3, "abstract syntax not supported");
    assert_eq!(ct.max_pdu(), 65_536);
    let others = accepted(server, &proposed("XA"));
    assert_eq!([others.context(1), others.context(3)], [(0, uid::EVLE); 2]);
    assert_eq!(others.max_pdu(), 16_384);
    let [one, two, three] = [(); 3].map(|()| Object::ct(100));
    for (calling, object) in [("CT", &one), ("MR", &two), ("RAW", &three)] {
        let request = Request {
            calling: calling.to_owned(),
            ..Request::new(vec![Context::new(3, uid::CT, &[uid::EVLE])])
        };
        let (mut client, _) = Client::associate(server.port(), &request);
        assert_eq!(client.store(3, object).status(), 0, "{calling}");
        client.release();
    }
    assert_eq!(site.stored("ct"), [one.file_name() + ".dcm"]);
    let mr = site.read(&format!("mr/{}", two.file_name()));
    assert_eq!(mr.transfer_syntax(), uid::IVLE);
    let raw = fs::read(site.root.join("mr").join(three.file_name())).expect("the file");
    assert_eq!(raw, three.bytes);
}

/// DCMTK's storescu is told so, and may come once another has gone.
#[test]
fn a_rule_limits_associations_at_a_time() {
    let site = Site::start("", "[[rule]]\ncalling = \"CT*\"\nmax-associations = 2\n");
    let server = &site.server;
    let held: Vec<Client> =
        ["CT1", "CT2"].map(|it| Client::associate(server.port(), &request(it, "X")).0).into();
    assert_eq!(rejected(server, &request("CT3", "X")), Some([TRANSIENT, 3, 2]));
    let refused = storescu(server, "CT4", "X", &[]);
    assert!(refused.stderr.contains("Local Limit Exceeded"), "{refused:?}");
    storescu(server, "MR", "X", &[]).expect_success("another sender");
    held.into_iter().for_each(Client::release);
    eventually("there is room again", SOON, || rejected(server, &request("CT3", "X")).is_none());
}

/// Those of their rule, from one queue.
#[test]
fn each_sender_has_its_commands() {
    let site = Site::start(
        "a b",
        r#"
        max-commands = 2
        [[rule]]
        calling = "A"
        directory = "a"
        sort = "study-uid"
        commands.on-reception = 'echo "A $STORESCP_CALLING_AE" >>ROOT/calls'
        commands.on-end-of-study = 'echo "A ended $STORESCP_STUDY_INSTANCE_UID" >>ROOT/calls'
        commands.end-of-study-timeout = "0 s"
        [[rule]]
        calling = "B"
        directory = "b"
        commands.on-reception = 'echo "B $STORESCP_FILE" >>ROOT/calls'
        commands.wait = true
        "#,
    );
    let object = Object::ct(10);
    for calling in ["A", "B", "C"] {
        assert_eq!(store_as(&site.server, calling, &object), 0);
    }
    let calls = || {
        let calls = fs::read_to_string(site.root.join("calls")).unwrap_or_default();
        let mut lines: Vec<String> = calls.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    eventually("three commands", SOON, || calls().len() == 3);
    let expected =
        ["A A".to_owned(), "A ended 2.25.301".to_owned(), format!("B {}", object.file_name())];
    assert_eq!(calls(), expected);
}

#[test]
fn each_sender_has_its_time_out() {
    let site = Site::start("", "[[rule]]\ncalling = \"SLOW\"\nsocket-timeout = \"1 s\"\n");
    let (mut slow, _) = Client::associate(site.server.port(), &request("SLOW", "X"));
    let (patient, _) = Client::associate(site.server.port(), &request("OTHER", "X"));
    assert_eq!(slow.answer_within(SOON), Answer::Abort(0, 0));
    patient.release();
}

/// What one sender may do wrong, another may not.
#[test]
fn each_sender_has_its_leniency() {
    let site = Site::start(
        "lenient strict",
        r#"
        directory = "strict"
        [[rule]]
        calling = "OLD"
        directory = "lenient"
        lenient = ["mismatched-uids", "classes-not-negotiated"]
        named-by = "command"
        "#,
    );
    let object = Object::ct(10);
    let other = Object { sop_instance: format!("{}.1", object.sop_instance), ..object.clone() };
    assert_eq!(store_as(&site.server, "OLD", &other), 0);
    assert_eq!(store_as(&site.server, "NEW", &other), 0xA900);
    assert_eq!(site.stored("lenient"), [other.file_name()]);
    assert!(site.stored("strict").is_empty());
    // Of a class that was not accepted on any context.
    let store = |calling: &str| {
        let contexts = vec![Context::new(5, uid::MR, &[uid::EVLE])];
        let request = Request { calling: calling.to_owned(), ..Request::new(contexts) };
        let (mut client, _) = Client::associate(site.server.port(), &request);
        let status = client.store(5, &object).status();
        client.release();
        status
    };
    assert_eq!(store("OLD"), 0);
    assert_eq!(store("NEW"), 0x0122);
    assert_eq!(site.stored("lenient").len(), 2);
}

#[test]
fn each_sender_has_its_way_with_duplicates() {
    let site = Site::start(
        "keep reject both replace",
        r#"
        directory = "replace"
        [[rule]]
        calling = "KEEP"
        directory = "keep"
        duplicates = "keep"
        [[rule]]
        calling = "REJECT"
        directory = "reject"
        duplicates = "reject"
        [[rule]]
        calling = "BOTH"
        directory = "both"
        duplicates = "both"
        "#,
    );
    let first = Object::ct(10);
    let second = Object::new(uid::CT, &first.sop_instance, 20);
    let cases = [
        ("KEEP", "keep", 0, &[10_usize][..]),
        ("REJECT", "reject", 0x0111, &[10]),
        ("BOTH", "both", 0, &[10, 20]),
        ("ANY", "replace", 0, &[20]),
    ];
    for (calling, directory, status, lengths) in cases {
        assert_eq!(store_as(&site.server, calling, &first), 0, "{calling}");
        assert_eq!(store_as(&site.server, calling, &second), status, "{calling}");
        let length = |name: &String| {
            let file = fs::read(site.root.join(directory).join(name)).expect("the file");
            if file.ends_with(&first.bytes) { 10 } else { 20 }
        };
        let mut found: Vec<usize> = site.stored(directory).iter().map(length).collect();
        found.sort_unstable();
        assert_eq!(found, lengths, "{calling}");
    }
}

/// Where its files go, by attributes of its objects.
#[test]
fn each_sender_has_its_paths() {
    let site = Site::start(
        "flat tree",
        r#"
        directory = "flat"
        [[rule]]
        calling = "CT"
        directory = "tree"
        file = "{PatientID}/{StudyInstanceUID}/{Modality}_{calling}.dcm"
        [[rule]]
        calling = "MR"
        directory = "tree"
        sort = "study-uid"
        "#,
    );
    let [one, two, three, four] = [(); 4].map(|()| Object::ct(10));
    for (calling, object) in [("CT", &one), ("CT", &two), ("MR", &three), ("XA", &four)] {
        assert_eq!(store_as(&site.server, calling, object), 0, "{calling}");
    }
    assert_eq!(site.stored("flat"), [four.file_name()]);
    let tree = site.stored("tree");
    assert_eq!(tree.len(), 3, "{tree:?}");
    assert!(tree.contains(&"4711/2.25.301/CT_CT.dcm".to_owned()), "{tree:?}");
    assert!(tree.contains(&format!("2.25.301/{}", three.file_name())), "{tree:?}");
    let again = tree.iter().filter(|name| name.starts_with("4711/2.25.301/CT_CT")).count();
    assert_eq!(again, 2, "two instances never share a path: {tree:?}");
}

/// What is dropped is answered with success.
#[test]
fn a_rule_can_drop_what_comes() {
    let site = Site::start("", "[[rule]]\ncalling = \"TEST\"\nstore = false\n");
    let object = Object::ct(10);
    assert_eq!(store_as(&site.server, "TEST", &object), 0);
    assert!(site.server.files().is_empty());
    assert_eq!(store_as(&site.server, "CT", &object), 0);
    assert_eq!(site.server.files(), [object.file_name()]);
}

/// A receiver that starts with something wrong in a rule says which, and does not start.
#[test]
fn a_rule_that_cannot_be_used_is_a_start_failure_with_its_place() {
    let scratch = Scratch::new();
    let file = scratch.path().join("storescp.toml");
    fs::write(&file, "[[rule]]\nname = \"ct\"\ndirectory = \"missing\"\n").expect("a file");
    let words = ["--settings", file.to_str().expect("a path of text")];
    let failure = Server::with(Program::Ours, &words).try_start().expect_err("it cannot start");
    assert_eq!(failure.status.code(), Some(1));
    let error = "F: ct: specified output directory does not exist";
    assert!(failure.stderr.contains(error), "{}", failure.stderr);
    let mut check = Command::new(peers::storescp());
    let checked = run(check.arg("check").arg(&file), SENDER_TIME_LIMIT);
    assert_eq!(checked.code(), Some(1));
    let place = format!("{}:3:", file.display());
    assert!(checked.stdout.contains(&place), "{checked:?}");
}
