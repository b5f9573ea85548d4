//! A program to ask.

use crate::program::{
    CertificateStatus, CommandCounts, Directory, OpenStudy, Program, ReloadFailure, Reloaded,
    Status,
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
}
