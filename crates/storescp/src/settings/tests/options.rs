//! All that the command line can say can be said in the file.

use super::*;
use crate::settings::options::{KEYS, WITHOUT_KEY};
use crate::settings::reader::{ReadTable, Report, read_table};
use crate::settings::reference::toml;
use crate::settings::schema::document;
use crate::settings::typed::File;
use std::collections::BTreeSet;

#[test]
fn every_option_has_a_key_or_a_reason_to_have_none() {
    let all: Vec<&str> = cli::option_names().collect();
    let mut told = BTreeSet::new();
    for (_, options) in KEYS.iter().chain(WITHOUT_KEY) {
        for option in *options {
            assert!(all.contains(option), "there is no {option}");
            // A certificate belongs to a key.
            assert!(told.insert(*option) || *option == "--enable-tls", "{option} is there twice");
        }
    }
    for option in all {
        assert!(told.contains(option), "{option} has no key in settings/options.rs");
    }
}

#[test]
fn every_key_that_stands_for_an_option_is_in_the_schema() {
    let document = document();
    for (key, _) in KEYS {
        let mut schema = &document;
        for part in key.split('.') {
            let property = &schema["properties"][part];
            assert!(!property.is_null(), "{key}");
            let name = property["$ref"].as_str().and_then(|it| it.strip_prefix("#/$defs/"));
            schema = name.map_or(property, |name| &document["$defs"][name]);
            assert!(property["description"].is_string(), "{key} has no description");
        }
    }
}

/// Command lines, and files that say the same.
const SAME: &[(&str, &str)] = &[
    ("-i6", "address-family = 'ipv6'"),
    ("-i0", "address-family = 'both'"),
    ("-ll trace", "log.level = 'trace'"),
    ("-q", "log.level = 'fatal'"),
    ("-v +v", "log = { level = 'info', presentation-contexts = true }"),
    ("--log-format extended", "log.format = 'extended'"),
    ("--log-format json", "log.format = 'json'"),
    ("--audit syslog+tls://host", "audit.destination = 'syslog+tls://host:6514'"),
    ("--audit file:/a", "audit.destination = 'file:/a'"),
    ("--traces http://host", "traces.url = 'http://host:4318'"),
    (
        "--max-associations 8 --max-associations-per-host 2",
        "max-associations = 8\nmax-associations-per-address = 2",
    ),
    ("--grace-period 90", "grace-period = '90 s'"),
    ("--grace-period 0", "grace-period = 0"),
    ("+xs", "accept-transfer-syntaxes = ['JPEGLosslessSV1', 'uncompressed']"),
    ("+xa", "accept-transfer-syntaxes = ['all']"),
    ("+xi", "accept-transfer-syntaxes = ['ImplicitVRLittleEndian']"),
    ("+xb", "accept-transfer-syntaxes = ['ExplicitVRBigEndian', 'uncompressed']"),
    ("-xf /profiles.cfg Default", "profile = { file = '/profiles.cfg', name = 'Default' }"),
    ("+ac -dhl", "access-control = true\nhost-lookup = false"),
    ("-ts 5 -ta 6 -td 7", "socket-timeout = '5 s'\nacse-timeout = 6\ndimse-timeout = '7s'"),
    ("-ts 0", "socket-timeout = 'never'\ndimse-timeout = 'never'"),
    ("-ts -1", "socket-timeout = 'system'"),
    ("-aet ME -pdu 131072", "ae-title = 'ME'\nmax-pdu = '128 KiB'"),
    (
        "--refuse --reject --ignore",
        "refuse-all = true\nrequire-implementation-class-uid = true\nstore = false",
    ),
    ("-pm", "accept-unregistered-classes = true"),
    (
        "--sleep-after 2 --abort-during",
        "faults.provoke = ['object: delay next 2s', 'object: abort user during']",
    ),
    ("--fault object:reset --fault-seed 7", "faults = { provoke = ['object: reset'], seed = 7 }"),
    ("--http 8043", "http.listen = 8043"),
    ("--http [::1]:8043", "http.listen = '[::1]:8043'"),
    ("+tls /k /c", "tls = { key = '/k', certificate = '/c' }"),
    (
        "+tls /k /c -pw -der +cf /a +cf /b +cd /d",
        "[tls]\nkey = '/k'\ncertificate = '/c'\npassword = 'empty'\nfile-format = 'der'\ntrust = ['/a', '/b']\ntrust-directories = '/d'",
    ),
    ("+tls /k /c +crl /r", "[tls]\nkey = '/k'\ncertificate = '/c'\nrevocation-lists = '/r'"),
    (
        "+tls /k /c +crl /r +cra",
        "[tls]\nkey = '/k'\ncertificate = '/c'\nrevocation-lists = '/r'\ncheck-revocation = 'chain'",
    ),
    (
        "+tls /k /c +px +cs X +dp /p --expect-sni host",
        "[tls]\nkey = '/k'\ncertificate = '/c'\nprofile = 'bcp-195'\ncipher-suites = ['X']\ndh-parameters = '/p'\nserver-name = 'host'",
    ),
    (
        "+tls /k /c +rs /s +ws -vc",
        "[tls]\nkey = '/k'\ncertificate = '/c'\nrandom-seed = '/s'\nwrite-random-seed = '/s'\npeer-certificate = 'verify'",
    ),
    (
        "+tls /k /c +rs /s +wf /w -ic",
        "[tls]\nkey = '/k'\ncertificate = '/c'\nrandom-seed = '/s'\nwrite-random-seed = '/w'\npeer-certificate = 'ignore'",
    ),
    ("-od /out/", "directory = '/out/'"),
    ("--durability none --min-free 2G", "durability = 'none'\nmin-free = '2 GiB'"),
    ("--durability ordered --min-free 5%", "durability = 'ordered'\nmin-free = '5 %'"),
    ("+B", "bit-preserving = true"),
    ("-F", "file-format = 'data-set'"),
    (
        "+te -u +g -e +p 4 8 +uc",
        "transfer-syntax = 'explicit-little'\nnew-vrs = false\ngroup-lengths = 'create'\nsequence-lengths = 'undefined'\npadding = { file = 4, item = 8 }\nconvert-un = true",
    ),
    ("+tb -g", "transfer-syntax = 'explicit-big'\ngroup-lengths = 'remove'"),
    ("+ti", "transfer-syntax = 'implicit-little'"),
    ("+td +cl 9", "transfer-syntax = 'deflated'\ncompression-level = 9"),
    ("-ss p", "sort = { by = 'time', prefix = 'p' }"),
    ("-su p", "sort = { by = 'study-uid', prefix = 'p' }"),
    ("-sp", "sort = 'patient-name'"),
    ("+uf -fe .dcm", "file-names = 'new-uid'\nfile-extension = '.dcm'"),
    ("-tn", "file-names = 'time'"),
    ("-xcr x -xs --exec-max 3", "max-commands = 3\ncommands = { on-reception = 'x', wait = true }"),
    ("-xcr x --exec-journal off", "commands = { on-reception = 'x', journal = false }"),
    ("--catalog sqlite", "catalog.url = 'sqlite'"),
    ("--catalog sqlite:/c", "[catalog]\nurl = 'sqlite:/c'"),
    ("--catalog postgres://me@db/x", "[catalog]\nurl = 'postgres://me@db/x'"),
    (
        "-sp -xcs y -rns -tos 7",
        "sort = 'patient-name'\n[commands]\non-end-of-study = 'y'\nrename-on-end-of-study = true\nend-of-study-timeout = '7 s'",
    ),
];

#[test]
fn file_and_command_line_say_the_same() {
    for (line, text) in SAME {
        let mut typed = command_line(&format!("11112 {line}"));
        typed.settings_file = Some("settings.toml".into());
        typed.port_only = false;
        let read = config(&format!("listen = 11112\n{text}"));
        assert_eq!(format!("{read:#?}"), format!("{typed:#?}"), "{line}");
        // What the file says wins over an option that says the opposite.
        let against =
            "11113 -ll error -td 99 -aet X -od /other -fe .x -ta 1 -i4 --max-associations 1";
        let over = parse(format!("listen = 11112\n{text}").as_bytes(), &command_line(against));
        let over = over.unwrap_or_else(|faults| panic!("{line}: {faults}"));
        assert_eq!(over.network.port, 11112);
        assert!(format!("{over:?}").contains(&format!("{:?}", typed.faults)), "{line}");
    }
}

#[test]
fn each_option_with_a_key_is_compared() {
    let lines: String = SAME.iter().map(|(line, _)| format!("{line} ")).collect();
    let Action::Run(_) = cli::parse(["1".into()].into_iter()) else { panic!("a port") };
    let texts: String = SAME.iter().map(|(_, text)| format!("{text}\n")).collect();
    for (key, _) in KEYS {
        let last = key.rsplit('.').next().unwrap();
        let by_hand = ["config", "enabled", "files"];
        assert!(
            texts.contains(&format!("{last} ="))
                || texts.contains(&format!("{last}."))
                || by_hand.contains(&last),
            "{key} is compared with no option: {lines}"
        );
    }
}

#[test]
fn what_the_file_does_not_say_is_as_on_the_command_line() {
    let line = "11112 -od /out -aet ME +tls /k /c +cf /a -td 7 --log-format extended +uf -xcr x";
    let empty = parse(b"", &command_line(line)).unwrap();
    let mut typed = command_line(line);
    (typed.settings_file, typed.port_only) = (Some("settings.toml".into()), false);
    assert_eq!(format!("{empty:?}"), format!("{typed:?}"));
    let over = parse(
        b"ae-title = 'YOU'\ntls.certificate = '/d'\ncommands.on-reception = ''\ndimse-timeout = 'never'",
        &command_line(line),
    );
    let over = over.unwrap();
    let tls = over.tls.unwrap();
    assert_eq!((tls.key_file, tls.certificate_file), ("/k".into(), "/d".into()));
    assert_eq!(tls.trusted_files, [std::path::PathBuf::from("/a")]);
    assert_eq!((over.negotiation.ae_title.as_str(), over.commands.on_reception), ("YOU", None));
    assert_eq!(over.timeouts.dimse, None);
    let plain = parse(b"tls.enabled = false", &command_line(line)).unwrap();
    assert_eq!(plain.tls, None);
}

/// Every default and every example of the schema.
#[test]
fn examples_and_defaults_can_be_read() {
    let document = document();
    let mut read = 0;
    let mut look = |place: &str, properties: &serde_json::Value| {
        for (key, schema) in properties.as_object().unwrap() {
            let examples = schema["examples"].as_array().cloned().unwrap_or_default();
            for value in examples.iter().chain(schema.get("default")) {
                // Of the keys of `sort`, one is not enough.
                let line = match (place, key.as_str()) {
                    ("SortTable", "prefix") => {
                        format!("sort = {{ by = 'time', prefix = {} }}", toml(value))
                    }
                    ("File", _) => format!("{key} = {}", toml(value)),
                    ("Rule", _) => format!("[[rule]]\n{key} = {}", toml(value)),
                    ("Token" | "User", _) => {
                        format!("[[http.{}]]\n{key} = {}", place.to_lowercase(), toml(value))
                    }
                    ("Destination", _) => format!("[[destination]]\n{key} = {}", toml(value)),
                    ("DestinationHeader", _) => {
                        format!("[[destination]]\n[[destination.header]]\n{key} = {}", toml(value))
                    }
                    ("KeepTable", "even-owed") => {
                        format!("keep = {{ time = '1 d', {key} = {} }}", toml(value))
                    }
                    ("KeepTable", _) => format!("keep = {{ {key} = {} }}", toml(value)),
                    ("TraceHeader", _) => format!("[[traces.header]]\n{key} = {}", toml(value)),
                    ("HttpTlsTable", _) => format!("http.tls.{key} = {}", toml(value)),
                    ("Certificate", _) => format!("[[rule]]\ncertificate.{key} = {}", toml(value)),
                    (table, _) => format!("{}.{key} = {}", table.to_lowercase(), toml(value)),
                };
                let source = Source::new(line.clone().into_bytes()).unwrap();
                let (table, errors) = DeTable::parse_recoverable(source.text());
                assert!(errors.is_empty(), "{line}: {errors:?}");
                let mut report = Report::default();
                let _: File = read_table(table.get_ref(), &mut report);
                let (faults, _) = report.finish(Path::new("x"), &source);
                assert_eq!(faults.map(|it| it.to_string()), None, "{line}");
                read += 1;
            }
        }
    };
    look("File", &document["properties"]);
    for (name, schema) in document["$defs"].as_object().unwrap() {
        if schema["properties"].is_object() {
            look(name, &schema["properties"]);
        }
    }
    assert!(read > 80, "{read}");
}

#[test]
fn every_key_is_in_the_schema_and_the_reference() {
    let document = document();
    let text = reference();
    for key in File::keys() {
        assert!(
            document["properties"][&key]["description"].is_string()
                || document["properties"][&key]["$ref"].is_string(),
            "{key}"
        );
        let is_table = crate::settings::reference::TABLES.contains(&key.as_str());
        assert!(is_table || text.contains(&format!("### `{key}`\n")), "{key}");
    }
    assert_eq!(document["additionalProperties"], false);
    assert_eq!(document["$defs"]["Rule"]["additionalProperties"], false);
}
