//! What is counted is read, in both formats, and nothing else.

mod documents;
mod program;

use super::exposition::Value;
use super::table::{Values, View};
use super::{Format, Metrics, Senders, render, table};
pub(in crate::metrics) use program::TestProgram;
use receiver::{
    AcceptorPolicy, AeTitle, AssociationEnd, ConnectionRefusal, Peer, Refused, Rejection, Status,
    StoredObject, Tolerance, Treatment, Uid, storage_classes,
};
use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

fn peer(association: u64, calling: &str) -> Peer {
    let calling_ae: AeTitle = calling.parse().unwrap();
    Peer { association, calling_ae, ..Peer::default() }
}

fn treatment() -> Treatment {
    let policy = AcceptorPolicy {
        max_pdu_bytes: 16384,
        implementation_class_uid: Uid::parse(b"1.2.3").unwrap(),
        implementation_version_name: proto::VersionName::parse(b"TEST").unwrap(),
        refuse: false,
        require_implementation_class_uid: false,
        abstract_syntaxes: storage_classes(&[], false),
        user_identity_response: None,
    };
    Treatment::with_policy(policy, None)
}

/// Stores an object of so many bytes, and answers it.
fn store(metrics: &Metrics, peer: &Peer, treatment: &Treatment, received_bytes: u64) {
    let (receive, commit) = (Duration::from_millis(30), Duration::from_micros(400));
    metrics.stored(&StoredObject {
        sop_class: &Uid::parse(b"1.2").unwrap(),
        sop_instance: &Uid::parse(b"1.2.3").unwrap(),
        peer,
        requested: UNIX_EPOCH + Duration::from_millis(1_800_000_000_125),
        treatment,
        receive,
        commit,
        received_bytes,
        stored_bytes: 0,
        transfer_syntax: "",
        file: None,
        intent: None,
        attributes: None,
    });
    metrics.counters.answered(receive, commit, Duration::from_millis(2), true);
}

fn refuse_object(metrics: &Metrics, peer: &Peer, status: Status) {
    let uid = &Uid::parse(b"1.2.3").unwrap();
    metrics.refused(&Refused::Object {
        peer,
        sop_class: uid,
        sop_instance: uid,
        status,
        reason: "a reason that may quote \"JOHN^DOE\"",
    });
}

fn assert_has(text: &str, lines: &[&str]) {
    for line in lines {
        assert!(text.lines().any(|it| it == *line), "missing: {line}\n{text}");
    }
}

#[test]
fn what_happened_is_what_is_read() {
    let (metrics, treatment) = (Metrics::new(["CT1".to_owned()]), treatment());
    let (ct, other) = (peer(1, "CT1"), peer(2, "STRANGER"));
    metrics.association_accepted(&ct, Some("ct"));
    store(&metrics, &ct, &treatment, 500_000);
    store(&metrics, &ct, &treatment, 100);
    refuse_object(&metrics, &ct, Status::OUT_OF_RESOURCES);
    metrics.counters.association_ended(&AssociationEnd::Released, Duration::from_secs(2), 0);
    metrics.senders.end();
    metrics.association_accepted(&other, None);
    refuse_object(&metrics, &other, Status::DUPLICATE_SOP_INSTANCE);
    metrics.counters.stored(1, Some(1));
    // Dropped on purpose, and answered as if it were stored.
    refuse_object(&metrics, &other, Status(0xB006));
    metrics.counters.tolerated(Tolerance::MismatchedUids);
    metrics.settings_reloaded(false);
    let text = render(&metrics, &TestProgram::default());
    assert_has(
        &text,
        &[
            "storescp_associations_active 1",
            r#"storescp_associations_total{result="released"} 1"#,
            r#"storescp_associations_total{result="aborted-by-peer"} 0"#,
            "storescp_association_duration_seconds_sum 2.0",
            r#"storescp_stored_objects_total{calling="CT1",rule="ct"} 2"#,
            r#"storescp_stored_bytes_total{calling="CT1",rule="ct"} 500100"#,
            r#"storescp_refused_objects_total{calling="CT1",rule="ct"} 1"#,
            r#"storescp_refused_objects_total{calling="other",rule="other"} 1"#,
            r#"storescp_last_object_timestamp_seconds{calling="CT1",rule="ct"} 1800000000.125"#,
            r#"storescp_object_size_bytes_bucket{le="1024.0"} 2"#,
            r#"storescp_object_size_bytes_bucket{le="1048576.0"} 3"#,
            r#"storescp_duplicates_total{action="replaced"} 0"#,
            r#"storescp_duplicates_total{action="kept"} 1"#,
            r#"storescp_duplicates_total{action="rejected"} 1"#,
            "storescp_receive_duration_seconds_count 2",
            r#"storescp_commit_duration_seconds_bucket{le="0.00025"} 0"#,
            r#"storescp_commit_duration_seconds_bucket{le="0.0005"} 2"#,
            "storescp_answer_duration_seconds_sum 0.004",
            r#"storescp_responses_total{status="0000H"} 2"#,
            r#"storescp_responses_total{status="A700H"} 1"#,
            r#"storescp_responses_total{status="other"} 1"#,
            r#"storescp_refusals_total{what="object",reason="out-of-resources"} 1"#,
            r#"storescp_refusals_total{what="object",reason="other"} 0"#,
            r#"storescp_tolerated_total{fault="mismatched-uids"} 1"#,
            r#"storescp_settings_reloads_total{result="failed"} 1"#,
            "storescp_settings_last_reload_successful 0",
            "# EOF",
        ],
    );
    assert!(!text.contains("JOHN") && !text.contains("STRANGER"), "{text}");
    assert!(!text.contains(r#"timestamp_seconds{calling="other""#), "never: left out\n{text}");
}

#[test]
fn refusals_are_told_apart() {
    let (metrics, someone) = (Metrics::default(), peer(1, "A"));
    let connection = |cause| {
        let peer = SocketAddr::from((Ipv4Addr::LOCALHOST, 104));
        metrics.refused(&Refused::Connection { peer, cause, reason: "words" });
    };
    connection(ConnectionRefusal::TlsHandshake);
    connection(ConnectionRefusal::TlsHandshake);
    connection(ConnectionRefusal::HostAccess);
    for rejection in [Rejection::LOCAL_LIMIT_EXCEEDED, Rejection::CALLED_AE_TITLE] {
        metrics.refused(&Refused::Association { peer: &someone, rejection, reason: "words" });
    }
    metrics.refused(&Refused::Classes { peer: &someone, reason: "words", advice: None });
    let status = Status::UNRECOGNIZED_OPERATION;
    metrics.refused(&Refused::Request { peer: &someone, status, reason: "words" });
    let text = render(&metrics, &TestProgram::default());
    assert_has(
        &text,
        &[
            r#"storescp_refusals_total{what="connection",reason="tls-handshake"} 2"#,
            r#"storescp_refusals_total{what="connection",reason="host-access-control"} 1"#,
            r#"storescp_refusals_total{what="association",reason="local-limit-exceeded"} 1"#,
            r#"storescp_refusals_total{what="association",reason="called-ae-title-not-recognized"} 1"#,
            r#"storescp_refusals_total{what="classes",reason="no-presentation-context"} 1"#,
            r#"storescp_refusals_total{what="request",reason="unrecognized-operation"} 1"#,
            r#"storescp_associations_total{result="rejected"} 2"#,
            r#"storescp_responses_total{status="0211H"} 1"#,
            "storescp_tls_failures_total 2",
            "storescp_associations_active 0",
        ],
    );
}

#[test]
fn what_the_program_says_is_read() {
    let program = TestProgram::default();
    let text = render(&Metrics::default(), &program);
    assert_has(
        &text,
        &[
            r#"storescp_directory_free_bytes{directory="/data/in"} 1000"#,
            r#"storescp_directory_min_free_bytes{directory="/data/in"} 400"#,
            r#"storescp_directory_ready{directory="/data/in"} 1"#,
            r#"storescp_directory_ready{directory="/gone"} 0"#,
            "storescp_commands_waiting 5",
            "storescp_commands_running 2",
            "storescp_commands_ended_total 9",
            "storescp_commands_failed_total 3",
            "storescp_studies_open 4",
            r#"storescp_certificate_expiry_timestamp_seconds{file="cert.pem"} 2000000000.0"#,
            "storescp_settings_generation 3",
            r#"storescp_build_info{version="storescp 0.1.0"} 1"#,
            "storescp_connections_open 7",
            "storescp_associations_limit 100",
            "storescp_draining 0",
            "storescp_scrapes_total 1",
            "process_start_time_seconds 1700000000.0",
        ],
    );
    assert!(
        !text.contains(r#"directory_free_bytes{directory="/gone"}"#),
        "unknown: left out\n{text}"
    );
    // Two rules that share a directory: told once, or Prometheus refuses everything.
    assert_eq!(text.matches(r#"directory_ready{directory="/data/in"}"#).count(), 1);
}

#[test]
fn what_is_owed_is_read_by_destination() {
    let text = render(&Metrics::default(), &TestProgram::default());
    assert_has(
        &text,
        &[
            r#"storescp_deliveries_waiting{destination="pacs"} 12"#,
            r#"storescp_deliveries_waiting{destination="a \"worker\""} 0"#,
            r#"storescp_delivery_backlog_bytes{destination="pacs"} 4096"#,
            r#"storescp_deliveries_parked{destination="pacs"} 1"#,
            r#"storescp_delivery_attempts_total{destination="pacs"} 30"#,
            r#"storescp_delivery_failures_total{destination="pacs",reason="again"} 7"#,
            r#"storescp_delivery_failures_total{destination="pacs",reason="panicked"} 0"#,
            r#"storescp_deliveries_done_total{destination="pacs"} 20"#,
            r#"storescp_delivered_bytes_total{destination="pacs"} 8192"#,
            r#"storescp_delivery_duration_seconds_bucket{le="1.0",destination="pacs"} 15"#,
            r#"storescp_delivery_duration_seconds_count{destination="pacs"} 20"#,
            r#"storescp_delivery_duration_seconds_count{destination="a \"worker\""} 0"#,
            r#"storescp_destination_available{destination="pacs"} 0"#,
            r#"storescp_destination_paused{destination="a \"worker\""} 1"#,
            r#"storescp_destination_over_bounds{destination="pacs"} 1"#,
            "storescp_catalog_available 1",
            "storescp_catalog_waiting 3",
            "storescp_catalog_lag_seconds 1.5",
            "storescp_catalog_objects_total 100",
            r#"storescp_catalog_verification_findings_total{finding="changed"} 2"#,
        ],
    );
    let age = text.lines().find_map(|it| {
        it.strip_prefix(r#"storescp_deliveries_oldest_age_seconds{destination="pacs"} "#)
    });
    assert!(age.unwrap().parse::<f64>().unwrap() > 9e7, "{age:?}");
    // Told twice, Prometheus would refuse everything.
    assert_eq!(text.matches(r#"deliveries_waiting{destination="pacs"}"#).count(), 1);
}

#[test]
fn the_program_is_asked_at_most_once_a_second() {
    let (metrics, program) = (Metrics::default(), TestProgram::default());
    let texts: Vec<_> = (0..5).map(|_| render(&metrics, &program)).collect();
    assert_eq!(program.asked(), 1);
    assert_has(&texts[4], &["storescp_scrapes_total 5"]);
}

#[test]
fn the_answer_is_in_the_format_that_was_asked_for() {
    let (metrics, program) = (Metrics::default(), TestProgram::default());
    let open_metrics = metrics.answer(&program, Some("application/openmetrics-text;version=1.0.0"));
    assert!(open_metrics.content_type.starts_with("application/openmetrics-text; version=1.0.0"));
    assert!(open_metrics.text.ends_with("# EOF\n"));
    let plain = metrics.answer(&program, Some("*/*"));
    assert_eq!(plain.content_type, "text/plain; version=0.0.4; charset=utf-8");
    assert_has(&plain.text, &["# TYPE storescp_scrapes_total counter"]);
}

/// Nothing is in the text that is not in the table, with the labels and the words that it has there.
#[test]
fn samples_are_as_the_table_says() {
    let metrics = Metrics::new(["CT1".to_owned()]);
    metrics.association_accepted(&peer(1, "CT1"), Some("ct"));
    let (facts, senders) = (metrics.answers.get(&TestProgram::default()), metrics.senders.each());
    let (counters, now) = (&metrics.counters, SystemTime::now());
    let view = View { counters, senders: &senders, facts: &facts, now };
    let mut names = BTreeSet::new();
    for family in table::families() {
        assert!(names.insert(family.name), "twice: {}", family.name);
        assert!(family.help.ends_with('.'), "{}: {}", family.name, family.help);
        let samples = family.samples(&view).samples;
        let mut seen = BTreeSet::new();
        for sample in samples {
            assert!(
                seen.insert(format!("{:?}", sample.labels)),
                "{}: twice {sample:?}",
                family.name
            );
            let has: Vec<_> = sample.labels.iter().map(|(name, _)| *name).collect();
            let wanted: Vec<_> = family.labels.iter().map(|label| label.name).collect();
            assert_eq!(has, wanted, "{}", family.name);
            for (label, (_, value)) in family.labels.iter().zip(&sample.labels) {
                let known = match &label.values {
                    Values::Words(words) => words.contains(&value.as_ref()),
                    Values::WordsBy(by) => {
                        let of =
                            by.iter().find(|(of, _)| of.contains(&*sample.labels[0].1)).unwrap();
                        of.1.contains(&value.as_ref())
                    }
                    Values::Described(_) => true,
                };
                assert!(known, "{} has {}={value}", family.name, label.name);
            }
            if let Value::Histogram(reading) = &sample.value {
                assert!(reading.buckets.is_sorted_by(|a, b| a.0 < b.0), "{}", family.name);
            }
        }
    }
}

#[test]
fn an_object_costs_no_allocation() {
    let (metrics, treatment) = (Metrics::new(["CT1".to_owned()]), treatment());
    let ct = peer(1, "CT1");
    metrics.association_accepted(&ct, Some("ct"));
    let measured = allocation_counter::measure(|| {
        for _ in 0..100 {
            store(&metrics, &ct, &treatment, 4096);
            refuse_object(&metrics, &ct, Status::CANNOT_UNDERSTAND);
        }
    });
    assert_eq!(measured.count_total, 0);
}

/// Scrapes beside 4 associations: each text is whole, no count goes backwards, and in the end none is missing.
#[test]
fn readers_see_counts_that_only_grow() {
    const OBJECTS: u64 = 2_000;
    let (metrics, program) = (Metrics::new(["CT1".to_owned()]), TestProgram::default());
    std::thread::scope(|scope| {
        let senders: Vec<_> = (1..=4)
            .map(|association| {
                let metrics = &metrics;
                scope.spawn(move || {
                    let (peer, treatment) = (peer(association, "CT1"), treatment());
                    metrics.association_accepted(&peer, Some("ct"));
                    (0..OBJECTS).for_each(|_| store(metrics, &peer, &treatment, 1000));
                    let duration = Duration::from_secs(1);
                    metrics.counters.association_ended(&AssociationEnd::Released, duration, 0);
                })
            })
            .collect();
        let mut last = 0;
        while !senders.iter().all(std::thread::ScopedJoinHandle::is_finished) {
            let text = render(&metrics, &program);
            let stored = value(&text, r#"storescp_stored_objects_total{calling="CT1",rule="ct"} "#);
            assert!(stored.unwrap_or_default() >= last, "{last} {stored:?}");
            assert!(text.ends_with("# EOF\n"));
            last = stored.unwrap_or_default();
        }
    });
    let text = render(&metrics, &program);
    for (name, expected) in [
        (r#"storescp_stored_objects_total{calling="CT1",rule="ct"} "#, 4 * OBJECTS),
        (r#"storescp_stored_bytes_total{calling="CT1",rule="ct"} "#, 4 * OBJECTS * 1000),
        ("storescp_object_size_bytes_count ", 4 * OBJECTS),
        ("storescp_answer_duration_seconds_count ", 4 * OBJECTS),
        (r#"storescp_responses_total{status="0000H"} "#, 4 * OBJECTS),
        (r#"storescp_associations_total{result="released"} "#, 4),
        ("storescp_associations_active ", 0),
    ] {
        assert_eq!(value(&text, name), Some(expected), "{name}");
    }
}

fn value(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(name))?.parse().ok()
}

#[test]
fn a_name_of_a_rule_can_be_anything() {
    let metrics = Metrics { senders: Senders::new([]), ..Metrics::default() };
    metrics.association_accepted(&peer(1, "A"), Some("wards \"3\\4\"\nnorth"));
    let text = metrics.text(&TestProgram::default(), Format::PrometheusText);
    let line = r#"storescp_stored_objects_total{calling="other",rule="wards \"3\\4\"\nnorth"} 0"#;
    assert_has(&text, &[line]);
}
