//! The catalogue, destinations, `deliver` and `keep`.

use super::file::Folder;
use super::*;
use crate::rules::Decision;
use archive::{CatalogUrl, Every, Keep};
use delivery::{DestinationKind, DestinationSettings, Hours, On, OverBounds};
use std::time::Duration;

const fn seconds(number: u64) -> Duration {
    Duration::from_secs(number)
}

/// A file with one destination that is delivered to.
fn destination(keys: &str) -> DestinationSettings {
    let text = format!("deliver = 'x'\n[[destination]]\nname = 'x'\n{keys}");
    config(&text).destinations.into_iter().next().unwrap()
}

/// What is wrong with such a file.
fn wrong(keys: &str) -> Vec<String> {
    faults(format!("deliver = 'x'\n[[destination]]\nname = 'x'\n{keys}"))
}

#[test]
fn what_all_destinations_have() {
    let all = destination(
        "kind = 'worker'\ncommand = ['python3', 'step.py']\non = ['object', 'study', 'object']\n\
         concurrency = 3\norder = 'study'\nbandwidth = '10 MB'\nhours = ['22:00-06:00', '12:00-13:30']\n\
         attempts = 7\nlongest-pause = '2 min'\nmax-waiting-bytes = '200 GB'\nmax-waiting-age = '7 days'\n\
         over = 'park'\nremember = '30 days'\nwindow = 4\ntimeout = 'never'\nfilter = \"Modality = 'CT'\"\n",
    );
    assert_eq!((all.on, all.concurrency), (vec![On::Object, On::Study], 3));
    assert!(all.order_by_study);
    assert_eq!(all.bandwidth, Some(10_000_000));
    let hours = [Hours { from: 1320, to: 360 }, Hours { from: 720, to: 810 }];
    assert_eq!(all.hours, hours);
    assert_eq!((all.retry.attempts, all.retry.longest_pause), (Some(7), seconds(120)));
    assert_eq!(all.bounds.bytes, Some(200_000_000_000));
    assert_eq!((all.bounds.age, all.bounds.over), (Some(seconds(604_800)), OverBounds::Park));
    assert_eq!(all.remember, seconds(2_592_000));
    assert_eq!(all.filter.unwrap().to_string(), "Modality = 'CT'");
    let DestinationKind::Worker(worker) = all.kind else { panic!("a worker") };
    assert_eq!((worker.window, worker.timeout), (4, None));
    assert_eq!(worker.command, ["python3", "step.py"]);
}

#[test]
fn what_is_not_said_has_defaults() {
    let exec = destination("kind = 'exec'\ncommand = 'bin/step'\n");
    assert_eq!((exec.on, exec.concurrency, exec.order_by_study), (vec![On::Object], 4, false));
    assert_eq!((exec.retry.attempts, exec.retry.longest_pause), (Some(1), seconds(900)));
    assert_eq!((exec.bounds, exec.remember), (delivery::Bounds::default(), seconds(86_400)));
    let DestinationKind::Exec(settings) = exec.kind else { panic!("a command") };
    // Beside the file, as all relative paths.
    assert_eq!((settings.command, settings.timeout), (vec!["bin/step".into()], None));
    let worker = destination("kind = 'worker'\ncommand = 'x'\n");
    assert_eq!((worker.concurrency, worker.retry.attempts), (1, None));
}

#[test]
fn application_entities_are_called_by_our_title() {
    let text = "ae-title = 'GATE'\ndeliver = ['a', 'b']\n\
         [[destination]]\nname = 'a'\nkind = 'dicom'\naddress = '10.0.0.5:104'\ncalled = 'PACS'\n\
         [[destination]]\nname = 'b'\nkind = 'dicom'\naddress = '[::1]:104'\ncalled = 'PACS'\ncalling = 'ME'\n\
         tls = true\nca = 'a.pem'\ncertificate = 'c.pem'\ntimeout = '5 s'\nlinger = 0\n";
    let [a, b] = config(text).destinations.try_into().unwrap();
    let DestinationKind::Dicom(a) = a.kind else { panic!("an application entity") };
    assert_eq!((a.calling.as_bytes(), a.called.as_bytes()), (&b"GATE"[..], &b"PACS"[..]));
    assert_eq!((a.tls, a.timeout, a.linger), (None, seconds(60), seconds(10)));
    let DestinationKind::Dicom(b) = b.kind else { panic!("an application entity") };
    assert_eq!((b.calling.as_bytes(), b.address.as_str()), (&b"ME"[..], "[::1]:104"));
    assert_eq!((b.timeout, b.linger), (seconds(5), seconds(0)));
    let tls = b.tls.unwrap();
    assert_eq!((tls.trusted, tls.key), (Some("a.pem".into()), Some("c.pem".into())));
}

#[test]
fn secrets_of_webhooks_come_from_files() {
    let folder = Folder::new("webhook");
    folder.file("key", "k3y\n");
    folder.file("token", "Bearer t0ken\n");
    let path = folder.file(
        "settings.toml",
        "deliver = 'x'\n[[destination]]\nname = 'x'\nkind = 'webhook'\nurl = 'https://host/x'\n\
         secret = { file = 'key' }\nbatch = 10\non = 'study'\n[[destination.header]]\nname = 'Authorization'\n\
         value = { file = 'token' }\n",
    );
    let config = load(&path, &command_line("--settings -")).unwrap();
    let DestinationKind::Webhook(webhook) = &config.destinations[0].kind else {
        panic!("a webhook")
    };
    assert_eq!((webhook.secret.as_deref(), webhook.batch), (Some(&b"k3y"[..]), 10));
    let header = ("Authorization".to_owned(), "Bearer t0ken".to_owned());
    assert_eq!(webhook.http.headers, [header]);
    let shown = format!("{config:?}");
    assert!(!shown.contains("k3y") && !shown.contains("t0ken"), "{shown}");
}

#[test]
fn what_is_wrong_with_a_destination_is_told_with_its_kind() {
    for (keys, told) in [
        ("", "2:1: destination: missing key \"kind\""),
        ("kind = 'exec'", "2:1: destination: missing key \"command\""),
        (
            "kind = 'webhook'\nurl = 'http://h/'\ncalled = 'X'",
            "6:10: destination: called has no effect with kind = \"webhook\", but with \"dicom\"",
        ),
        (
            "kind = 'exec'\ncommand = 'x'\nwindow = 2",
            "6:10: destination: window has no effect with kind = \"exec\", but with \"worker\"",
        ),
        (
            "kind = 'exec'\ncommand = []",
            "5:11: destination: command: expected a program and its arguments",
        ),
        ("kind = 'exec'\ncommand = ['x', '{pth}']", "5:11: destination: command: "),
        ("kind = 'folder'\ndirectory = '/x'\nfile = '{sopInstanceUd}'", "6:10: destination.file: "),
        (
            "kind = 'dicm'",
            "4:8: destination.kind: expected \"exec\", \"worker\", \"webhook\", \"dicom\" or \"folder\", not the text \
             \"dicm\"; did you mean \"dicom\"?",
        ),
        (
            "kind = 'dicom'\naddress = 'pacs'\ncalled = 'X'",
            "5:11: destination.address: expected a host with its port, such as \"pacs.example:104\" or \
             \"[2001:db8::5]:104\", not the text \"pacs\"",
        ),
        (
            "kind = 'dicom'\naddress = 'pacs:104'\ncalled = 'X'\nca = 'a.pem'",
            "7:6: destination: ca has no effect without tls = true",
        ),
        (
            "kind = 'folder'\ndirectory = '/x'\non = ['object', 'study']",
            "6:17: destination: on: a destination of kind \"folder\" gets objects only",
        ),
        (
            "kind = 'webhook'\nurl = 'http://me:pa55@h/'",
            "5:7: destination.url: the URL must not contain a user or password: send them in a header field, Authorization",
        ),
        (
            "kind = 'webhook'\nurl = 'http://h/'\ntimeout = 'never'",
            "6:11: destination: timeout: \"never\" is for exec and worker only: a server that hangs would hold up \
             everything",
        ),
        (
            "kind = 'exec'\ncommand = 'x'\nover = 'park'",
            "6:8: destination: over has no effect without max-waiting-bytes or max-waiting-age",
        ),
        (
            "kind = 'exec'\ncommand = 'x'\non = 'refusal'\nfilter = \"Modality = 'CT'\"",
            "7:10: destination: filter has no effect: only objects and studies have attributes",
        ),
        (
            "kind = 'exec'\ncommand = 'x'\nhours = '22-6'",
            "6:9: destination.hours: expected two different times of the day, such as \"22:00-06:00\", not the text \"22-6\"",
        ),
    ] {
        let found = wrong(keys);
        let is_told = found.len() == 1 && found[0].starts_with(told);
        assert!(is_told, "{keys}\n{found:#?}\n{told}");
    }
}

/// Blocks of TOML in documents; secrets that they name are not on this machine.
#[test]
fn examples_in_documents_are_right() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for (document, at_least) in
        [("docs/outbox.md", 5), ("docs/operations.md", 2), ("docs/guide.md", 2)]
    {
        let text = std::fs::read_to_string(root.join(document)).expect(document);
        let blocks: Vec<&str> =
            text.split("```toml\n").skip(1).filter_map(|it| it.split("```").next()).collect();
        assert!(blocks.len() >= at_least, "{document} has examples");
        for block in blocks {
            let Err(found) = parse(block.as_bytes(), &command_line("--settings -")) else {
                continue;
            };
            let told: Vec<String> = found.lines().collect();
            let is_secret = |line: &String| line.contains("cannot read /etc/storescp/");
            assert!(told.iter().all(is_secret), "{document}: {block}\n{told:#?}");
        }
    }
}

#[test]
fn names_are_unique_and_deliver_knows_them() {
    let two = "deliver = ['pacz']\n[[destination]]\nname = 'pacs'\nkind = 'exec'\ncommand = 'x'\n\
               [[destination]]\nname = 'pacs'\nkind = 'exec'\ncommand = 'x'\n\
               [[destination]]\nname = 'a b'\nkind = 'exec'\ncommand = 'x'\n\
               [[rule]]\ndeliver = 'pac'\n";
    assert_eq!(
        faults(two),
        [
            "1:12: deliver: there is no [[destination]] with name = \"pacz\"; did you mean \"pacs\"?",
            "7:8: destination: name: destination 1 is called \"pacs\" already",
            "11:8: destination: name: expected 1 to 64 letters, digits, '.', '_' and '-', the first a letter or digit",
            "15:11: rule: deliver: there is no [[destination]] with name = \"pac\"; did you mean \"pacs\"?",
        ]
    );
}

#[test]
fn rules_deliver_to_others() {
    let text = "deliver = ['a', 'b', 'a']\nkeep = '30 days'\n\
         [[destination]]\nname = 'a'\nkind = 'exec'\ncommand = 'x'\n\
         [[destination]]\nname = 'b'\nkind = 'exec'\ncommand = 'x'\n\
         [[destination]]\nname = 'c'\nkind = 'exec'\ncommand = 'x'\n\
         [[destination]]\nname = 'd'\nkind = 'exec'\ncommand = 'x'\non = 'refusal'\n\
         [[rule]]\ncalling = 'A'\ndeliver = []\n\
         [[rule]]\ncalling = 'B'\nkeep = { disk = '90 %', even-owed = true }\n";
    let config = config(text);
    assert_eq!(config.deliver, ["a", "b"]);
    assert_eq!(config.keep, Keep::For { time: seconds(2_592_000), even_owed: false });
    let settings = |index: usize| match &config.rules[index].decision {
        Decision::Accept(settings) => settings.clone(),
        Decision::Refuse(_) => panic!("accepted"),
    };
    assert_eq!((settings(0).deliver, settings(0).keep), (Vec::new(), config.keep));
    assert_eq!(settings(1).deliver, ["a", "b"]);
    assert_eq!(settings(1).keep, Keep::Percent { percent: 90, even_owed: true });
    let told = "settings.toml:11:1: destination \"c\" gets nothing: no deliver names it, neither at the top nor in a rule";
    assert_eq!(config.warnings, [told]);
}

#[test]
fn keep_is_a_word_a_time_or_a_share() {
    let keep = |typed: &str| config(&format!("keep = {typed}")).keep;
    assert_eq!(config("").keep, Keep::Forever);
    assert_eq!(keep("'forever'"), Keep::Forever);
    assert_eq!(keep("'2 h'"), Keep::For { time: seconds(7200), even_owed: false });
    assert_eq!(keep("'90%'"), Keep::Percent { percent: 90, even_owed: false });
    let owed = Keep::For { time: seconds(86_400), even_owed: true };
    assert_eq!(keep("{ time = '1 day', even-owed = true }"), owed);
    for (bad, told) in [
        ("'for ever'", "; did you mean \"forever\"?"),
        ("'100 %'", "expected \"forever\", \"until-delivered\", a time such as \"30 days\", or"),
        ("{ even-owed = true }", "keep: expected a table with time or disk"),
        (
            "{ time = '1 d', disk = '5 %' }",
            "keep: disk has no effect with time: leave one of them out",
        ),
        ("30", "not the number 30"),
    ] {
        let faults = faults(format!("keep = {bad}"));
        assert!(faults.len() == 1 && faults[0].contains(told), "{bad}: {faults:?}");
    }
}

const EXEC: &str = "[[destination]]\nname = 'x'\nkind = 'exec'\ncommand = 'x'\n";

#[test]
fn files_that_are_kept_until_delivered_need_somebody_to_be_delivered_to() {
    let fine = format!("keep = 'until-delivered'\ndeliver = 'x'\n{EXEC}");
    assert_eq!(config(&fine).keep, Keep::UntilDelivered);
    assert!(config(&fine).warnings.is_empty());
    let needs = "keep = \"until-delivered\" needs a destination in deliver that gets objects (on = \"object\"): without one \
                 nothing is ever delivered";
    assert_eq!(faults("keep = 'until-delivered'"), [format!("1:8: {needs}")]);
    let study = format!("keep = 'until-delivered'\ndeliver = 'x'\n{EXEC}on = 'study'\n");
    assert_eq!(faults(study), [format!("1:8: {needs}")]);
    let rule = format!("{fine}[[rule]]\ndeliver = []\n");
    assert_eq!(faults(rule), [format!("8:11: rule: {needs}")]);
    let filtered = config(&format!("{fine}filter = \"Modality = 'CT'\"\n")).warnings;
    let told = "with keep = \"until-delivered\", objects that no filter of a destination takes keep their files in the \
                directory, until you remove them";
    assert_eq!(filtered, [format!("settings.toml:1:8: {told}")]);
    let of_duplicates = format!("duplicates = 'keep'\n{fine}filter = \"Modality = 'CT'\"\n");
    assert_eq!(
        config(&of_duplicates).warnings.len(),
        1,
        "the files that are left may have equal names"
    );
    let found = faults(format!("duplicates = 'keep'\ncommands.on-reception = 'x'\n{fine}"));
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].starts_with("1:14: duplicates has no effect with keep"), "{found:?}");
    assert!(found[1].contains("commands need files"), "{found:?}");
}

#[test]
fn what_is_delivered_is_stored_as_the_other_side_needs_it() {
    let found = faults(format!("store = false\ndeliver = 'x'\n{EXEC}"));
    assert_eq!(found, ["2:11: deliver has no effect with store = false: leave one of them out"]);
    let found = faults(
        "file-format = 'data-set'\ndeliver = 'x'\n[[destination]]\nname = 'x'\nkind = 'dicom'\naddress = 'h:1'\n\
         called = 'X'\n",
    );
    let told = "1:15: file-format = \"data-set\" leaves out the transfer syntax, which the destination \"x\" needs";
    assert_eq!(found, [told]);
}

#[test]
fn a_catalogue_is_there_if_it_is_needed() {
    let url = |text: &str| config(text).catalog.map(|catalog| catalog.url);
    assert_eq!(url(""), None);
    assert_eq!(url("[catalog]\n"), Some(CatalogUrl::InOutputDirectory));
    assert_eq!(url(&format!("deliver = 'x'\n{EXEC}")), Some(CatalogUrl::InOutputDirectory));
    assert_eq!(url("keep = '30 days'"), Some(CatalogUrl::InOutputDirectory));
    assert_eq!(url("[[rule]]\nkeep = '9 %'"), Some(CatalogUrl::InOutputDirectory));
    let set = config("[catalog]\nquiet = '5 min'\nverify = 'monthly'\nverify-rate = '50 MB'\n")
        .catalog
        .unwrap();
    assert_eq!((set.quiet, set.verify), (seconds(300), Some(Every::Month)));
    assert_eq!(set.verify_bytes_per_second, 50_000_000);
    let off = faults("keep = '1 d'\ncatalog.enabled = false");
    assert_eq!(off, ["2:19: catalog: enabled: keep needs the catalogue: leave one of them out"]);
    let line = command_line("1 --catalog sqlite:/c");
    assert!(parse(b"catalog.enabled = false", &line).unwrap().catalog.is_none());
    let kept = parse(b"catalog.quiet = 5", &line).unwrap().catalog.unwrap();
    assert_eq!((kept.url, kept.quiet), (CatalogUrl::Sqlite("/c".into()), seconds(5)));
    let inetd = parse(b"[catalog]", &command_line("--inetd")).unwrap_err();
    assert!(inetd.to_string().contains("there is no catalogue with --inetd"), "{inetd}");
}

#[test]
fn the_password_of_a_database_is_never_shown() {
    let folder = Folder::new("database");
    folder.file("password", "pa55\n");
    let path = folder.file(
        "settings.toml",
        "[catalog]\nurl = 'postgres://me@db/x'\npassword = { file = 'password' }\n",
    );
    let config = load(&path, &command_line("--settings -")).unwrap();
    let url = &config.catalog.as_ref().unwrap().url;
    let connection = url.connection(Path::new("/")).unwrap();
    assert_eq!(connection, "postgres://me@db/x?password=pa55");
    assert!(!format!("{config:?}").contains("pa55"));
    let typed = faults("[catalog]\nurl = 'postgres://me:pa55@db/x'");
    assert!(
        typed[0].starts_with("2:7: catalog.url: the URL must not contain a password"),
        "{typed:?}"
    );
    assert!(!typed[0].contains("pa55"), "{typed:?}");
    let relative = folder.file("settings.toml", "[catalog]\nurl = 'sqlite:c.sqlite'\n");
    let config = load(&relative, &command_line("--settings -")).unwrap();
    assert_eq!(config.catalog.unwrap().url, CatalogUrl::Sqlite(folder.0.join("c.sqlite")));
    let without = faults("[catalog]\npassword = { env = 'HOME' }");
    assert_eq!(without, ["2:12: catalog: password has no effect without url = \"postgres://…\""]);
}
