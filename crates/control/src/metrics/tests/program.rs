//! A program to ask.

use crate::program::{
    CatalogStatus, CertificateStatus, CommandCounts, DestinationStatus, Directory, Distribution,
    OpenStudy, Outage, Program, ReloadFailure, Reloaded, Status,
};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, UNIX_EPOCH};

/// A program with something of everything.
#[derive(Default)]
pub(in crate::metrics) struct TestProgram {
    asked: AtomicUsize,
}

impl TestProgram {
    /// How often its status was asked for.
    pub(in crate::metrics) fn asked(&self) -> usize {
        self.asked.load(Relaxed)
    }
}

impl Program for TestProgram {
    fn status(&self) -> Status {
        self.asked.fetch_add(1, Relaxed);
        let directory = |path: &str, free_bytes, trouble: Option<&str>| Directory {
            path: path.into(),
            free_bytes,
            total_bytes: free_bytes.map(|free| 10 * free),
            min_free_bytes: Some(400),
            trouble: trouble.map(str::to_owned),
        };
        let started = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        Status {
            version: "storescp 0.1.0".to_owned(),
            started,
            generation: 3,
            settings_since: started + Duration::from_secs(60),
            settings_file: None,
            listening: Vec::new(),
            connections: 7,
            capacity: 100,
            is_draining: false,
            directories: vec![
                directory("/data/in", Some(1000), None),
                directory("/data/in", Some(1000), None),
                directory("/gone", None, Some("not mounted")),
            ],
        }
    }

    fn settings(&self) -> serde_json::Value {
        serde_json::Value::Null
    }

    fn reload(&self) -> Result<Reloaded, ReloadFailure> {
        Err(ReloadFailure { faults: Vec::new() })
    }

    fn open_studies(&self, _: usize) -> Vec<OpenStudy> {
        Vec::new()
    }

    fn open_study_count(&self) -> usize {
        4
    }

    fn certificates(&self) -> Vec<CertificateStatus> {
        let expires = UNIX_EPOCH + Duration::from_secs(2_000_000_000);
        vec![CertificateStatus { file: "cert.pem".into(), expires }]
    }

    fn commands(&self) -> CommandCounts {
        CommandCounts { waiting: 5, running: 2, ended: 9, failed: 3 }
    }

    fn destinations(&self) -> Vec<DestinationStatus> {
        let oldest = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let pacs = DestinationStatus {
            name: "pacs".to_owned(),
            kind: "dicom",
            waiting: 12,
            waiting_bytes: 4096,
            oldest: Some(oldest),
            parked: 1,
            over_bounds: true,
            under_way: 2,
            attempts: 30,
            delivered: 20,
            delivered_bytes: 8192,
            failures: [7, 2, 1, 0, 0, 0],
            time_to_deliver: Distribution {
                bounds: vec![0.1, 1.0],
                counts: vec![5, 10, 5],
                sum: 33.5,
            },
            outage: Some(Outage { since: oldest, reason: "refused".to_owned(), next: oldest }),
            ..DestinationStatus::default()
        };
        let worker = DestinationStatus {
            name: "a \"worker\"".to_owned(),
            paused: true,
            ..DestinationStatus::default()
        };
        vec![pacs.clone(), worker, pacs]
    }

    fn catalog_status(&self) -> Option<CatalogStatus> {
        Some(CatalogStatus {
            is_available: true,
            waiting: 3,
            lag: Some(Duration::from_millis(1500)),
            taken_in: 100,
            findings: [0, 1, 2, 3],
            ..CatalogStatus::default()
        })
    }
}
