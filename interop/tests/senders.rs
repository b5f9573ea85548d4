//! Tests other toolkits' senders, unmodified, with real files: what is stored equals what was sent, and equals
//! what Debian's receiver stores for the same sends.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::process::Command;

use interop::corpus::{self, SourceFile};
use interop::part10::Part10;
use interop::process::{Output, SENDER_TIME_LIMIT, run};
use interop::wire::{tag, uid};
use interop::{Program, Recording, Server, StoredMessage, Tap, compare_files, peers};

/// A sender, and which files it can send.
struct Sender {
    command: fn(u16) -> Command,
    /// Suffixes of files that the sender cannot read, or takes minutes to read.
    unable: &'static [&'static str],
    /// True if it announces the UIDs of the file meta information, even if the data set has others.
    announces_file_meta: bool,
}

const STORESCU: Sender =
    Sender { command: |port| storescu(port, &["-R"]), unable: &[], announces_file_meta: false };

const DCMSEND: Sender = Sender {
    command: |port| {
        let mut command = peers::debian("dcmsend");
        command.args(["--no-halt", "--no-uid-checks", "127.0.0.1"]).arg(port.to_string());
        command
    },
    unable: &[],
    announces_file_meta: false,
};

/// pynetdicom, which decodes and re-encodes each data set.
const PYNETDICOM: Sender = Sender {
    command: |port| {
        let mut command = peers::python_script("store.py");
        command.arg(port.to_string());
        command
    },
    unable: &["SC_rgb_jpeg.dcm", "test-SR.dcm"],
    announces_file_meta: false,
};

/// pynetdicom, which sends the bytes of the file unchanged.
const PYNETDICOM_RAW: Sender = Sender {
    command: |port| {
        let mut command = peers::python_script("store.py");
        command.arg("--raw").arg(port.to_string());
        command
    },
    // Its data set has an odd length, which the toolkit does not pad.
    unable: &["image_dfl.dcm"],
    announces_file_meta: true,
};

const DICOM_RS: Sender = Sender {
    command: |port| {
        let mut command = peers::dicom_rs("dicom-storescu");
        command.arg(format!("127.0.0.1:{port}"));
        command
    },
    unable: &["SC_rgb_jpeg.dcm", "image_dfl.dcm"],
    announces_file_meta: true,
};

const DCMJS_DIMSE: Sender = Sender {
    command: |port| {
        let mut command = peers::node_script("store.js");
        command.arg(port.to_string());
        command
    },
    unable: &["SC_rgb_jpeg.dcm", "ExplVR_BigEnd.dcm"],
    announces_file_meta: false,
};

#[test]
fn storescu_equals_debian() {
    bit_preserving_equals_debian(&STORESCU, &sendable_by(&STORESCU, is_uncompressed));
}

#[test]
fn dcmsend_equals_debian() {
    bit_preserving_equals_debian(&DCMSEND, &sendable_by(&DCMSEND, |_| true));
}

#[test]
fn pynetdicom_equals_debian() {
    bit_preserving_equals_debian(&PYNETDICOM, &sendable_by(&PYNETDICOM, |_| true));
}

#[test]
fn dicom_rs_equals_debian() {
    bit_preserving_equals_debian(&DICOM_RS, &sendable_by(&DICOM_RS, |_| true));
}

#[test]
fn dcmjs_dimse_equals_debian() {
    bit_preserving_equals_debian(&DCMJS_DIMSE, &sendable_by(&DCMJS_DIMSE, |_| true));
}

/// The raw sender sends the bytes of its source file, so the stored file equals the source file except for the
/// header.
#[test]
fn stored_data_sets_equal_the_source_files() {
    let files = sendable_by(&PYNETDICOM_RAW, |_| true);
    let sent = Sent::by(&PYNETDICOM_RAW, &files, Program::Ours, &["+xa", "+B"]);
    sent.check_files_hold_what_was_sent();
    // Of several files with the same UID, the last one sent is kept.
    let sources: BTreeMap<&str, &SourceFile> =
        files.iter().map(|file| (file.sop_instance.as_str(), *file)).collect();
    let stored = sent.stored();
    assert_eq!(stored.len(), sources.len(), "all of them: {}", sent.output.stdout);
    for (instance, message) in &stored {
        let source = Part10::read(&sources[instance.as_str()].path);
        assert!(source.data_set == message.data_set, "{instance}");
        assert_eq!(source.transfer_syntax(), message.transfer_syntax);
    }
}

/// Each transfer syntax that storescu can propose, with the files that it can send in it. It skips the others
/// with both receivers alike.
#[test]
fn storescu_proposals_equal_debian() {
    let uncompressed = ["CT_small.dcm", "MR_small_expb.dcm", "rtplan.dcm", "waveform_ecg.dcm"];
    for (proposal, syntax) in PROPOSALS {
        let files: Vec<&SourceFile> = sendable_by(&STORESCU, |_| true)
            .into_iter()
            .filter(|file| {
                file.transfer_syntax == syntax
                    || uncompressed.iter().any(|end| file.name.ends_with(end))
            })
            .collect();
        assert!(files.len() >= uncompressed.len());
        let [ours, theirs] = [Program::Ours, Program::Debian].map(|program| {
            let server = Server::start(program, &["+xa", "+B"]);
            let tap = Tap::before(&server);
            let mut command = storescu(tap.port(), &["-R", proposal]);
            command.args(files.iter().map(|file| &file.path));
            let output = run(&mut command, SENDER_TIME_LIMIT);
            Sent { server, output, recordings: tap.finish() }
        });
        compare(&ours, &theirs);
    }
}

const PROPOSALS: [(&str, &str); 13] = [
    ("-x=", uid::EVLE),
    ("-xe", uid::EVLE),
    ("-xb", uid::EVBE),
    ("-xi", uid::IVLE),
    ("-xd", uid::DEFLATED),
    ("-xs", uid::JPEG_LOSSLESS),
    ("-xy", uid::JPEG_BASELINE),
    ("-xx", "1.2.840.10008.1.2.4.51"),
    ("-xv", "1.2.840.10008.1.2.4.90"),
    ("-xw", "1.2.840.10008.1.2.4.91"),
    ("-xt", "1.2.840.10008.1.2.4.80"),
    ("-xu", "1.2.840.10008.1.2.4.81"),
    ("-xr", "1.2.840.10008.1.2.5"),
];

/// Without `+B`, each data set is rewritten, alike by both.
#[test]
fn default_mode_equals_debian() {
    for sender in [&STORESCU, &DCMSEND, &PYNETDICOM_RAW] {
        // Both detect the error in this one, but Debian's program ends the association.
        let files = sendable_by(sender, |file| !file.name.ends_with("SC_rgb_jpeg.dcm"));
        let ours = Sent::by(sender, &files, Program::Ours, &["+xa"]);
        let theirs = Sent::by(sender, &files, Program::Debian, &["+xa"]);
        assert_eq!(ours.output.code(), theirs.output.code(), "{}", ours.output.stderr);
        ours.check_same_conversation(&theirs);
        assert!(theirs.server.files().len() > 100);
        let differences = compare_files(ours.server.directory(), theirs.server.directory());
        assert!(differences.is_empty(), "{} differences: {differences:#?}", differences.len());
    }
}

/// dicom-storescu announces the UIDs of the file meta information, even if they are wrong. Such an object is
/// refused, and the others are stored. Debian's program stores them under the wrong name.
#[test]
fn mislabelled_files_are_refused_and_the_sender_goes_on() {
    let files = ["rtdose.dcm", "rtplan.dcm", "CT_small.dcm"]
        .map(|name| corpus::file(&format!("test_files/{name}")));
    let sent = Sent::by(&DICOM_RS, &files, Program::Ours, &["+B"]);
    let mut statuses: Vec<u16> = sent
        .stores()
        .iter()
        .map(|message| message.response.as_ref().expect("a response").status())
        .collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [0, 0xA900, 0xA900]);
    assert_eq!(sent.server.files().len(), 1);
}

/// Other toolkits decode the stored files to the same values as the source files.
#[test]
fn other_toolkits_read_what_is_stored() {
    let files: Vec<&SourceFile> =
        sendable_by(&PYNETDICOM_RAW, |file| file.name.starts_with("test_files/"))
            .into_iter()
            .filter(|file| !file.name.contains("dicomdirtests"))
            .collect();
    let sent = Sent::by(&PYNETDICOM_RAW, &files, Program::Ours, &["+xa", "+B"]);
    let names = sent.server.files();
    let sources: BTreeMap<&str, &SourceFile> =
        files.iter().map(|file| (file.sop_instance.as_str(), *file)).collect();
    assert_eq!(names.len(), sources.len());
    for name in &names {
        let (_, instance) = name.split_once('.').expect("a prefix before the UID");
        let (stored, source) = (sent.server.directory().join(name), &sources[instance].path);
        let read = |program: &str, options: &[&str]| {
            let [stored, source] = [&stored, source].map(|path| {
                let output = run(peers::debian(program).args(options).arg(path), SENDER_TIME_LIMIT);
                let remarks = output.stderr.replace(&path.display().to_string(), "FILE");
                (output.code(), output.stdout, remarks)
            });
            assert_eq!(stored, source, "{program} of {name}");
        };
        read("gdcminfo", &[]);
        read("dciodvfy", &["-new"]);
        let dumped =
            run(peers::debian("dcmdump").args(["-q", "-E"]).arg(&stored), SENDER_TIME_LIMIT);
        dumped.expect_success("dcmdump");
    }
    let mut command = peers::python_script("read.py");
    command.args(names.iter().map(|name| sent.server.directory().join(name)));
    run(&mut command, SENDER_TIME_LIMIT).expect_success("pydicom");
}

/// The same sends to both, with `+B`: negotiation, statuses, exit codes, names and bytes are equal.
fn bit_preserving_equals_debian(sender: &Sender, files: &[&SourceFile]) {
    let options = ["+xa", "+B"];
    let ours = Sent::by(sender, files, Program::Ours, &options);
    let theirs = Sent::by(sender, files, Program::Debian, &options);
    compare(&ours, &theirs);
}

fn compare(ours: &Sent, theirs: &Sent) {
    assert_eq!(ours.output.code(), theirs.output.code(), "exit codes: {}", ours.output.stderr);
    ours.check_same_conversation(theirs);
    ours.check_files_hold_what_was_sent();
    let differences = compare_files(ours.server.directory(), theirs.server.directory());
    assert!(differences.is_empty(), "{} differences: {:#?}", differences.len(), differences);
}

/// What one sender sent to one receiver, and the result.
struct Sent {
    server: Server,
    output: Output,
    recordings: Vec<Recording>,
}

impl Sent {
    fn by(sender: &Sender, files: &[&SourceFile], program: Program, options: &[&str]) -> Self {
        let server = Server::start(program, options);
        let tap = Tap::before(&server);
        let mut command = (sender.command)(tap.port());
        command.args(files.iter().map(|file| OsString::from(&file.path)));
        let output = run(&mut command, SENDER_TIME_LIMIT);
        let recordings = tap.finish();
        Self { server, output, recordings }
    }

    fn stores(&self) -> Vec<StoredMessage> {
        self.recordings.iter().flat_map(Recording::stores).collect()
    }

    /// The last data set stored successfully for each SOP instance.
    fn stored(&self) -> BTreeMap<String, StoredMessage> {
        let succeeded = self.stores().into_iter().filter(StoredMessage::succeeded);
        succeeded.map(|message| (message.sop_instance(), message)).collect()
    }

    /// Checks for the same results for the same contexts, and the same objects with the same statuses, in
    /// order.
    fn check_same_conversation(&self, theirs: &Self) {
        assert_eq!(self.recordings.len(), theirs.recordings.len(), "associations");
        for (ours, theirs) in self.recordings.iter().zip(&theirs.recordings) {
            assert_eq!(ours.negotiated(), theirs.negotiated());
            assert_eq!(ours.answers(), theirs.answers(), "PDUs other than data");
        }
        let statuses = |sent: &Self| -> Vec<(String, Option<u16>)> {
            let status = |message: &StoredMessage| {
                message.response.as_ref().map(interop::wire::Command::status)
            };
            sent.stores().iter().map(|message| (message.sop_instance(), status(message))).collect()
        };
        assert_eq!(statuses(self), statuses(theirs));
    }

    /// Checks for one file per instance, with correct file meta information (PS3.10 §7.1) and the data set's
    /// bytes as received.
    fn check_files_hold_what_was_sent(&self) {
        let stored = self.stored();
        assert!(!stored.is_empty(), "something was stored: {}", self.output.stderr);
        let mut files: BTreeMap<String, String> = BTreeMap::new();
        for name in self.server.files() {
            let (_, instance) = name.split_once('.').expect("a prefix before the UID");
            files.insert(instance.to_owned(), name.clone());
        }
        let instances: Vec<&String> = files.keys().collect();
        assert_eq!(instances, stored.keys().collect::<Vec<_>>(), "one file for each instance");
        for (instance, message) in &stored {
            let file = Part10::read(&self.server.directory().join(&files[instance]));
            check_meta(&file, message, &self.recordings[0]);
            assert!(file.data_set == message.data_set, "{instance}: not the bytes that were sent");
        }
    }
}

fn check_meta(file: &Part10, message: &StoredMessage, recording: &Recording) {
    assert_eq!(file.preamble, [0; 128]);
    let elements: Vec<u16> = file.meta.keys().copied().collect();
    assert_eq!(elements, [0x00, 0x01, 0x02, 0x03, 0x10, 0x12, 0x13, 0x16]);
    assert!(file.group_length_fits());
    assert_eq!(file.meta[&0x0001], (*b"OB", vec![0, 1]));
    assert_eq!(file.text(0x0002), message.request.text(tag::SOP_CLASS));
    assert_eq!(file.text(0x0003), message.request.text(tag::SOP_INSTANCE));
    assert_eq!(file.transfer_syntax(), message.transfer_syntax);
    let calling = &recording.to_receiver[26..42];
    assert_eq!(file.text(0x0016), String::from_utf8_lossy(calling).trim_end());
}

fn storescu(port: u16, options: &[&str]) -> Command {
    let mut command = peers::debian("storescu");
    command.args(options).args(["--no-halt", "127.0.0.1"]).arg(port.to_string());
    command
}

/// The corpus without files that no receiver could store or that this sender cannot send.
fn sendable_by(sender: &Sender, wanted: fn(&SourceFile) -> bool) -> Vec<&'static SourceFile> {
    corpus::files()
        .iter()
        .filter(|file| !DAMAGED.iter().chain(sender.unable).any(|end| file.name.ends_with(end)))
        .filter(|file| {
            let mislabelled = MISLABELLED.iter().any(|end| file.name.ends_with(end));
            !(sender.announces_file_meta && mislabelled)
        })
        .filter(|file| !file.name.starts_with("palettes/"))
        .filter(|file| wanted(file))
        .collect()
}

fn is_uncompressed(file: &SourceFile) -> bool {
    [uid::IVLE, uid::EVLE, uid::EVBE].contains(&file.transfer_syntax.as_str())
}

/// Files whose data set ends within an element, or has a different encoding than stated.
const DAMAGED: &[&str] =
    &["rtplan_truncated.dcm", "MR_truncated.dcm", "rtdose_rle.dcm", "rtdose_rle_1frame.dcm"];

/// Files whose data set has a different SOP Instance UID than their file meta information.
const MISLABELLED: &[&str] = &[
    "chrJapMulti.dcm",
    "chrJapMultiExplicitIR6.dcm",
    "badVR.dcm",
    "rtdose.dcm",
    "rtdose_1frame.dcm",
    "rtdose_expb.dcm",
    "rtdose_expb_1frame.dcm",
    "rtplan.dcm",
];
