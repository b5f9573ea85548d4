use super::*;
use crate::testing::Scratch;
use dataset::Uid;
use proto::Status;
use receiver::StoredFile;

/// What an audit reports, as the lines of a file.
fn reported(settings: impl FnOnce(&mut AuditSettings), report: impl FnOnce(&Audit)) -> Vec<String> {
    let scratch = Scratch::new();
    let path = scratch.path().join("audit.log");
    let url = format!("file:{}", path.display());
    let mut to_file = AuditSettings::new(url.parse().unwrap());
    settings(&mut to_file);
    let identity = AuditIdentity {
        program: "storescp".to_owned(),
        version: "1".to_owned(),
        ae_title: "ARCHIVE".to_owned(),
    };
    let audit = Audit::start(&to_file, identity).unwrap();
    report(&audit);
    audit.stop(Instant::now() + Duration::from_secs(20));
    assert_eq!(audit.dropped(), 0);
    let text = std::fs::read_to_string(path).unwrap();
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    assert!(lines.pop().is_some_and(|line| line.contains("Application Stop")));
    lines
}

fn assert_contains(line: &str, parts: &[&str]) {
    for part in parts {
        assert!(line.contains(part), "{part}: {line}");
    }
}

fn peer() -> Peer {
    Peer {
        calling_ae: "CT1".parse().unwrap(),
        called_ae: "STORE".parse().unwrap(),
        address: "::ffff:10.1.2.3".parse().unwrap(),
        association: 7,
    }
}

#[test]
fn a_login_names_the_user_and_where_from() {
    let login =
        |outcome| Login { user: "anna".to_owned(), address: "10.1.2.3".parse().unwrap(), outcome };
    let lines = reported(
        |_| {},
        |audit| {
            audit.login(&login(LoginOutcome::Granted));
            audit.login(&login(LoginOutcome::Refused));
            audit.login(&login(LoginOutcome::Blocked));
        },
    );
    let same = [
        "csd-code=\"110114\"",
        "csd-code=\"110122\"",
        "<ActiveParticipant UserID=\"anna\" UserIsRequestor=\"true\" NetworkAccessPointID=\"10.1.2.3\" \
         NetworkAccessPointTypeCode=\"2\">",
    ];
    assert_eq!(lines.len(), 3);
    lines.iter().for_each(|line| assert_contains(line, &same));
    assert_contains(&lines[0], &["<85>1 ", "EventOutcomeIndicator=\"0\""]);
    assert_contains(
        &lines[1],
        &["<84>1 ", "EventOutcomeIndicator=\"4\"", "<EventOutcomeDescription>wrong name, "],
    );
    assert_contains(&lines[2], &["<84>1 ", "EventOutcomeIndicator=\"8\""]);
}

#[test]
fn a_change_of_settings_is_an_alert_with_the_file() {
    let file = Path::new("/etc/storescp.toml");
    let set_source = |settings: &mut AuditSettings| {
        settings.source_id = Some("archive-1".to_owned());
        settings.site_id = Some("site".to_owned());
    };
    let lines = reported(set_source, |audit| {
        audit.settings_reloaded(file, None);
        audit.settings_reloaded(file, Some("line 3:\nno such key"));
    });
    let same = [
        "csd-code=\"110113\"",
        "csd-code=\"110131\"",
        "ParticipantObjectID=\"file:/etc/storescp.toml\"",
        "csd-code=\"12\" codeSystemName=\"RFC-3881\"",
        "AuditEnterpriseSiteID=\"site\" AuditSourceID=\"archive-1\"",
    ];
    assert_eq!(lines.len(), 2);
    lines.iter().for_each(|line| assert_contains(line, &same));
    assert_contains(&lines[0], &["EventOutcomeIndicator=\"0\""]);
    assert_contains(&lines[1], &["EventOutcomeIndicator=\"4\"", ": line 3: no such key"]);
}

#[test]
fn who_is_refused_by_title_tls_or_address_is_an_alert_and_others_are_not() {
    let socket = "[::ffff:10.1.2.3]:4711".parse().unwrap();
    let connection = |cause, reason| Refused::Connection { peer: socket, cause, reason };
    let peer = peer();
    let association = |rejection, reason| Refused::Association { peer: &peer, rejection, reason };
    let lines = reported(
        |_| {},
        |audit| {
            audit.refused(&connection(ConnectionRefusal::TlsHandshake, "no shared cipher"));
            audit.refused(&connection(ConnectionRefusal::HostAccess, "host access control"));
            audit.refused(&connection(ConnectionRefusal::TooMany, "too many connections"));
            audit.refused(&association(Rejection::CALLING_AE_TITLE, "not in the list"));
            audit.refused(&association(Rejection::CALLED_AE_TITLE, "nobody here"));
            audit.refused(&association(Rejection::TEMPORARY_CONGESTION, "no room"));
        },
    );
    assert_eq!(lines.len(), 4, "{lines:?}");
    let same = [
        "csd-code=\"110113\"",
        "csd-code=\"110126\"",
        "EventOutcomeIndicator=\"8\"",
        "ParticipantObjectID=\"10.1.2.3\"",
        "csd-code=\"110182\"",
        "type=\"Alert Description\"",
    ];
    lines.iter().for_each(|line| assert_contains(line, &same));
    assert_contains(&lines[0], &["no shared cipher"]);
    assert_contains(
        &lines[2],
        &["not in the list (calling &quot;CT1&quot;, called &quot;STORE&quot;)"],
    );
}

#[test]
fn an_association_with_many_classes_is_reported_in_parts_and_no_object_is_missing() {
    let peer = peer();
    let lines = reported(
        |_| {},
        |audit| {
            for number in 0..1000 {
                let class = Uid::parse(format!("2.25.{number}").as_bytes()).unwrap();
                audit.refused(&Refused::Object {
                    peer: &peer,
                    sop_class: &class,
                    sop_instance: &class,
                    status: Status::OUT_OF_RESOURCES,
                    reason: "disk full",
                });
            }
            let rest = audit.lock().remove(&peer.association).unwrap_or_default();
            audit.report_transfers(&peer, rest, 2);
        },
    );
    assert!(lines.len() > 10 && lines.iter().all(|line| line.len() < AUDIT_MESSAGE_BYTES));
    let classes: usize = lines.iter().map(|line| line.matches("<SOPClass ").count()).sum();
    assert_eq!(classes, 1000);
    assert_contains(&lines[0], &["refused: 32 A700H", "UserID=\"CT1\"", "AETITLES=STORE"]);
    assert_contains(lines.last().unwrap(), &["refused: 8 A700H; broken off: 2"]);
}

/// What an association waits for: counting, and no more.
#[test]
fn an_object_costs_an_association_next_to_nothing() {
    let peer = peer();
    let policy = receiver::AcceptorPolicy {
        max_pdu_bytes: 16_384,
        implementation_class_uid: Uid::parse(b"1.2").unwrap(),
        implementation_version_name: proto::VersionName::parse(b"TEST").unwrap(),
        refuse: false,
        require_implementation_class_uid: false,
        abstract_syntaxes: proto::AbstractSyntaxes::new(),
        user_identity_response: None,
    };
    let treatment = receiver::Treatment::with_policy(policy, None);
    let output = receiver::OutputSettings::new("/nowhere".into());
    let name = receiver::FileName::new("name".to_owned()).unwrap();
    let file = StoredFile {
        path: receiver::LogPath::new(&output, &[], Some(&name)),
        folders: &[],
        name: &name,
        replaced: false,
        kept: false,
        size: 1,
        study: Some(b"1.2.3.4\0"),
        transfer_syntax: "1.2.840.10008.1.2",
        open_study: None,
        identity: None,
    };
    let uids = ["1.2.840.10008.5.1.4.1.1.2", "2.25.1"].map(|it| Uid::parse(it.as_bytes()).unwrap());
    let object = StoredObject {
        sop_class: &uids[0],
        sop_instance: &uids[1],
        peer: &peer,
        requested: SystemTime::now(),
        treatment: &treatment,
        receive: Duration::ZERO,
        commit: Duration::ZERO,
        received_bytes: 1,
        stored_bytes: 1,
        transfer_syntax: "1.2.840.10008.1.2",
        file: Some(file),
        intent: None,
        attributes: None,
    };
    let lines = reported(
        |_| {},
        |audit| {
            const OBJECTS: u32 = 100_000;
            let begun = Instant::now();
            (0..OBJECTS).for_each(|_| audit.stored(&object));
            let each = begun.elapsed() / OBJECTS;
            println!("{each:?} for each object");
            assert!(each < Duration::from_micros(100), "{each:?}");
            let rest = audit.lock().remove(&peer.association).unwrap_or_default();
            audit.report_transfers(&peer, rest, 0);
        },
    );
    assert_eq!(lines.len(), 1);
    assert_contains(
        &lines[0],
        &["ParticipantObjectID=\"1.2.3.4\"", "NumberOfInstances=\"100000\""],
    );
}

#[test]
fn removed_files_are_reported_by_study_and_verification_with_its_result() {
    let removed = |study, sop_class| RemovedObject { study, sop_class, sop_instance: "1.2.3.4" };
    let lines = reported(
        |_| {},
        |audit| {
            let objects = [
                removed(Some("1.2.3"), "1.2.840.10008.5.1.4.1.1.2"),
                removed(Some("1.2.3"), "1.2.840.10008.5.1.4.1.1.2"),
                removed(None, "1.2.840.10008.5.1.4.1.1.4"),
            ];
            audit.objects_removed(objects.into_iter(), "kept for the time that is set");
            audit.files_verified(Path::new("/data"), "verified 2 files: 1 have changed", true);
        },
    );
    assert_eq!(lines.len(), 3);
    for line in &lines[..2] {
        assert_contains(line, &["csd-code=\"110103\"", "EventActionCode=\"D\""]);
        assert_contains(line, &["kept for the time that is set"]);
    }
    assert_contains(&lines[1], &["ParticipantObjectID=\"1.2.3\"", "NumberOfInstances=\"2\""]);
    assert_contains(
        &lines[2],
        &["csd-code=\"110135\"", "EventOutcomeIndicator=\"4\"", "file:/data"],
    );
}
