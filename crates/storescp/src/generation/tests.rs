//! Which parts generations share, and what becomes of those that are gone.

use super::*;
use crate::cli::{Action, parse};
use crate::commands::CommandPool;
use crate::error::Error;
use crate::rules::{Condition, Decision, TreatmentSettings};
use platform::testing::Scratch;
use receiver::net::PeerNames;
use receiver::output::Duplicates;
use receiver::{Durability, MinFree, OutputFormat, Rejection, Sorting};
use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

/// A configuration that stores in this directory.
fn config(directory: &Path) -> Config {
    let words = ["-od", directory.to_str().unwrap(), "104"].map(OsString::from);
    let Action::Run(config) = parse(words.into_iter()) else { panic!("a configuration") };
    *config
}

fn shared(config: &Config) -> Shared {
    let pool = Arc::new(CommandPool::new(Arc::new(PeerNames::new(false))));
    pool.start(1).unwrap();
    Shared::new(config, pool)
}

/// A rule that changes something of the treatment of others.
fn rule(config: &Config, name: &str, change: impl FnOnce(&mut TreatmentSettings)) -> Rule {
    let mut settings = config.treatment();
    change(&mut settings);
    let decision = Decision::Accept(Box::new(settings));
    Rule { name: name.to_owned(), condition: Condition::default(), decision }
}

fn built(config: &Config, number: u64, shared: &Shared) -> Generation {
    build(config.clone(), number, shared).unwrap_or_else(|faults| panic!("{faults:?}"))
}

fn storage_of(treatment: &Treatment) -> *const () {
    Arc::as_ptr(treatment.output.as_ref().unwrap().storage()).cast()
}

fn output_of(treatment: &Treatment) -> *const receiver::Output {
    Arc::as_ptr(treatment.output.as_ref().unwrap())
}

#[test]
fn equal_outputs_are_one_and_equal_directories_are_opened_once() {
    let scratch = Scratch::new("generation-shared");
    std::fs::create_dir(scratch.0.join("other")).unwrap();
    let mut config = config(&scratch.0);
    config.rules = vec![
        rule(&config, "same", |_| {}),
        rule(&config, "format", |it| {
            it.output.format = OutputFormat { bit_preserving: true, ..it.output.format };
        }),
        rule(&config, "elsewhere", |it| it.output.directory.push("other")),
        rule(&config, "nowhere", |it| it.ignore = true),
    ];
    let shared = shared(&config);
    let first = built(&config, 1, &shared);
    let all: Vec<_> = first.treatments().collect();
    assert_eq!(output_of(all[0]), output_of(all[1]));
    assert_ne!(output_of(all[0]), output_of(all[2]));
    assert_eq!(storage_of(all[0]), storage_of(all[2]));
    assert_ne!(storage_of(all[0]), storage_of(all[3]));
    assert!(all[4].output.is_none());
    let rules: Vec<_> =
        all.iter().map(|it| Sender::of(it).unwrap().rule.as_deref().unwrap_or("-")).collect();
    assert_eq!(rules, ["-", "same", "format", "elsewhere", "nowhere"]);
    let second = built(&config, 2, &shared);
    for (before, after) in first.treatments().zip(second.treatments()).take(4) {
        assert_eq!(output_of(before), output_of(after), "open studies go on");
        assert_eq!(Sender::of(after).unwrap().generation, 2);
    }
}

/// A study does not end, and its command does not run, while another rule's sender adds to its folder; nor while one with
/// the settings before a reload does.
#[test]
fn who_sorts_into_the_same_folders_shares_open_studies() {
    let scratch = Scratch::new("generation-studies");
    std::fs::create_dir(scratch.0.join("other")).unwrap();
    let mut config = config(&scratch.0);
    config.output.sorting = Some(Sorting::ByStudyUid { prefix: String::new() });
    config.commands.on_end_of_study = Some("true".into());
    config.commands.end_of_study_timeout = Some(Duration::from_secs(3600));
    config.rules = vec![
        rule(&config, "keep", |it| it.output.duplicates = Duplicates::Keep),
        rule(&config, "durability", |it| it.output.durability = Durability::None),
        rule(&config, "on reception", |it| it.commands.on_reception = Some("true".into())),
        rule(&config, "elsewhere", |it| it.output.directory.push("other")),
        rule(&config, "by time", |it| {
            it.output.sorting = Some(Sorting::ByTime { prefix: String::new() });
        }),
        rule(&config, "end", |it| it.commands.on_end_of_study = Some("false".into())),
    ];
    let shared = shared(&config);
    let watched = || {
        shared.outputs.watch_studies().unwrap();
        shared.outputs.watched()
    };
    let _first = built(&config, 1, &shared);
    assert_eq!(watched(), 4, "the first four together, and the others");
    config.output.min_free = Some(MinFree::Bytes(1));
    let _second = built(&config, 2, &shared);
    assert_eq!(watched(), 4, "min-free has changed");
}

#[test]
fn associations_of_a_rule_are_counted_on_through_a_reload() {
    let scratch = Scratch::new("generation-counts");
    let mut config = config(&scratch.0);
    config.rules = vec![
        rule(&config, "ct", |it| it.max_associations = Some(2)),
        rule(&config, "mr", |it| it.max_associations = Some(2)),
    ];
    let shared = shared(&config);
    let counts = |generation: &Generation| {
        let count =
            |it: &Arc<Treatment>| it.associations.as_ref().map(|it| Arc::as_ptr(&it.current));
        generation.treatments().map(count).collect::<Vec<_>>()
    };
    let first = built(&config, 1, &shared);
    let second = built(&config, 2, &shared);
    let [None, Some(ct), Some(mr)] = counts(&first)[..] else { panic!("two limits") };
    assert_ne!(ct, mr);
    assert_eq!(counts(&second), [None, Some(ct), Some(mr)]);
}

#[test]
fn everything_that_is_wrong_is_told_by_its_rule() {
    let scratch = Scratch::new("generation-faults");
    let mut config = config(&scratch.0);
    config.rules = vec![
        rule(&config, "missing", |it| it.output.directory.push("no")),
        Rule {
            name: "refused".to_owned(),
            condition: Condition::default(),
            decision: Decision::Refuse(Rejection::CALLING_AE_TITLE),
        },
        rule(&config, "unquoted", |it| it.commands.on_reception = Some("echo `#a`".into())),
    ];
    let shared = shared(&config);
    let Err(faults) = build(config.clone(), 2, &shared) else { panic!("it is wrong") };
    let told: Vec<_> = faults.iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert_eq!(told[0], "missing: specified output directory does not exist");
    assert!(told[1].starts_with("unquoted: --exec-on-reception: "), "{told:?}");
    config.output.directory.push("neither");
    let Err(faults) = build(config, 2, &shared) else { panic!("it is wrong") };
    assert!(matches!(faults[0], Error::Receiver(_)), "{faults:?}");
    assert_eq!(faults.len(), 3);
}

#[test]
fn studies_are_watched_until_the_last_treatment_that_has_them_is_gone() {
    let scratch = Scratch::new("generation-watch");
    let mut config = config(&scratch.0);
    config.output.sorting = Some(Sorting::ByStudyUid { prefix: String::new() });
    config.commands.on_end_of_study = Some("true".into());
    config.commands.end_of_study_timeout = Some(Duration::from_secs(3600));
    let shared = shared(&config);
    let first = built(&config, 1, &shared);
    shared.outputs.watch_studies().unwrap();
    assert_eq!(shared.outputs.watched(), 1);
    let second = built(&config, 2, &shared);
    shared.outputs.watch_studies().unwrap();
    assert_eq!(shared.outputs.watched(), 1, "they are shared");
    config.commands.on_end_of_study = Some("false".into());
    let third = built(&config, 3, &shared);
    drop(first);
    shared.outputs.watch_studies().unwrap();
    assert_eq!(shared.outputs.watched(), 2);
    drop(second);
    let began = std::time::Instant::now();
    while shared.outputs.watched() > 1 {
        assert!(began.elapsed() < Duration::from_secs(30), "the thread does not end");
        std::thread::sleep(Duration::from_millis(1));
        shared.outputs.watch_studies().unwrap();
    }
    drop(third);
    shared.outputs.close_studies(1);
    assert_eq!(shared.outputs.watched(), 0);
}

#[test]
fn what_a_directory_of_old_settings_alone_had_is_cleaned_up() {
    let scratch = Scratch::new("generation-clean-up");
    let mut config = config(&scratch.0);
    let shared = shared(&config);
    let first = built(&config, 1, &shared);
    let hidden = scratch.0.join(".storescp");
    std::fs::create_dir_all(&hidden).unwrap();
    // Storage knows the folder once it has used it.
    shared.outputs.recover(true);
    let under_way = Arc::clone(first.treatments().next().unwrap());
    config.output.directory = scratch.0.join("other");
    std::fs::create_dir(&config.output.directory).unwrap();
    let second = built(&config, 2, &shared);
    drop(first);
    assert!(scratch.0.is_dir() && under_way.output.is_some(), "an association keeps it");
    drop(under_way);
    assert_eq!(shared.outputs.open_directories(), 1);
    drop(second);
    assert_eq!(shared.outputs.open_directories(), 0);
}

#[test]
fn the_settings_in_effect_are_told_without_secrets() {
    let scratch = Scratch::new("generation-json");
    let mut config = config(&scratch.0);
    let mut tls = receiver::net::tls::TlsSettings::new("key.pem".into(), "cert.pem".into());
    tls.password = receiver::net::tls::KeyPassword::Given("s3cret".into());
    config.tls = Some(tls);
    config.refuses_others = true;
    config.rules = vec![
        rule(&config, "ct", |it| {
            it.negotiation.max_pdu_bytes = 65_536;
            it.max_associations = Some(3);
        }),
        Rule {
            name: "old".to_owned(),
            condition: Condition { calling: vec!["OLD*".to_owned()], ..Condition::default() },
            decision: Decision::Refuse(Rejection::CALLING_AE_TITLE),
        },
    ];
    let shared = shared(&config);
    let json = built(&config, 1, &shared).to_json(&config, config.http.as_ref());
    assert_eq!(json["default"], "refuse");
    assert_eq!(json["directory"], scratch.0.to_str().unwrap());
    assert_eq!(json["tls"]["password"], "given");
    let rules = serde_json::json!([
        { "name": "ct", "max-pdu": 65_536, "max-associations": 3 },
        { "name": "old", "calling": ["OLD*"], "refuse": "calling-ae-title-not-recognized" },
    ]);
    assert_eq!(json["rule"], rules);
    assert!(!json.to_string().contains("s3cret"));
}

#[test]
fn the_outbox_in_effect_is_told_without_secrets() {
    let scratch = Scratch::new("generation-outbox");
    std::fs::write(scratch.0.join("secret"), "s3cret").unwrap();
    let text = format!(
        "directory = {:?}\nkeep = {{ disk = '90 %', even-owed = true }}\ndeliver = ['pacs', 'hook']\n\
         [catalog]\nurl = 'postgres://me@db/x'\npassword = {{ file = 'secret' }}\nverify = 'weekly'\n\
         [[destination]]\nname = 'pacs'\nkind = 'dicom'\naddress = 'pacs:104'\ncalled = 'PACS'\n\
         filter = \"Modality = 'CT'\"\nhours = '22:00-06:00'\nmax-waiting-age = '3 d'\n\
         [[destination]]\nname = 'hook'\nkind = 'webhook'\nurl = 'https://host/x'\non = 'study'\n\
         secret = {{ file = 'secret' }}\n[[destination.header]]\nname = 'Authorization'\n\
         value = {{ file = 'secret' }}\n",
        scratch.0
    );
    let file = scratch.0.join("settings.toml");
    std::fs::write(&file, text).unwrap();
    let config = crate::settings::load(&file, &config(&scratch.0)).unwrap();
    let shared = shared(&config);
    let json = built(&config, 1, &shared).to_json(&config, None);
    assert_eq!(json["keep"], serde_json::json!({ "disk": "90 %", "even-owed": true }));
    assert_eq!(json["deliver"], serde_json::json!(["pacs", "hook"]));
    let catalog = &json["catalog"];
    assert_eq!(
        (&catalog["url"], &catalog["verify"]),
        (&"postgres://me@db/x".into(), &"weekly".into())
    );
    let [pacs, hook] = [&json["destination"][0], &json["destination"][1]];
    assert_eq!((&pacs["kind"], &pacs["called"]), (&"dicom".into(), &"PACS".into()));
    assert_eq!(pacs["filter"], "Modality = 'CT'");
    assert_eq!(pacs["hours"], serde_json::json!(["22:00-06:00"]));
    assert_eq!(
        (&pacs["attempts"], &pacs["max-waiting-age"]),
        (&"unlimited".into(), &"259200 s".into())
    );
    assert_eq!(hook["header"], serde_json::json!([{ "name": "Authorization" }]));
    assert_eq!((&hook["secret"], &hook["on"]), (&"given".into(), &serde_json::json!(["study"])));
    assert!(!json.to_string().contains("s3cret"), "{json}");
}

#[test]
fn another_catalogue_needs_a_restart_and_other_destinations_do_not() {
    let scratch = Scratch::new("generation-catalogue");
    let with = |text: &str| {
        let file = scratch.0.join("settings.toml");
        std::fs::write(&file, text).unwrap();
        crate::settings::load(&file, &config(&scratch.0)).unwrap()
    };
    let folder = "deliver = 'x'\n[[destination]]\nname = 'x'\nkind = 'folder'\ndirectory = 'x'\n";
    let told = |before: &str, after: &str| super::needs_restart(&with(before), &with(after));
    assert_eq!(told("", folder), ["[catalog] on or off: takes effect after a restart"]);
    assert_eq!(told("[catalog]\n", folder), Vec::<String>::new());
    assert_eq!(told("[catalog]\nquiet = 5\n", "[catalog]\n"), Vec::<String>::new());
    let moved = "[catalog]\nurl = 'sqlite:other'\n";
    assert_eq!(told("[catalog]\n", moved), ["[catalog] url: takes effect after a restart"]);
}
