use super::*;
use crate::program::{
    CertificateStatus, CommandCounts, OpenStudy, ReloadFailure, Reloaded, Status,
};
use crate::settings::hash_password;
use std::time::SystemTime;
use tokio::runtime::Builder;

/// A program that nobody asks.
struct Nothing;

impl Program for Nothing {
    fn status(&self) -> Status {
        Status {
            version: String::new(),
            started: SystemTime::UNIX_EPOCH,
            generation: 1,
            settings_since: SystemTime::UNIX_EPOCH,
            settings_file: None,
            listening: Vec::new(),
            connections: 0,
            capacity: 1,
            is_draining: false,
            directories: Vec::new(),
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
        0
    }

    fn certificates(&self) -> Vec<CertificateStatus> {
        Vec::new()
    }

    fn commands(&self) -> CommandCounts {
        CommandCounts::default()
    }
}

/// A reload while a password is verified: its owner was in, and is not any more.
#[test]
fn who_is_removed_while_a_password_is_verified_is_out() {
    let user = |name: &str, password: &str| {
        let password_hash = hash_password(password).unwrap();
        User { name: name.into(), password_hash, role: Role::Viewer }
    };
    let with = |users: Vec<User>| ControlSettings {
        users,
        insecure: true,
        ..ControlSettings::on("0.0.0.0:0".parse().unwrap())
    };
    let before = with(vec![user("a", "secret"), user("b", "other")]);
    let after = with(vec![user("a", "changed"), before.users[1].clone()]);
    let runtime = Builder::new_multi_thread().worker_threads(1).build().unwrap();
    for (settings, name, password, is_in) in [
        (&after, "a", "secret", false),
        (&after, "b", "other", true),
        (&before, "a", "secret", true),
    ] {
        let protection = Arc::new(Protection::new(&before).unwrap());
        let program = Arc::new(Nothing);
        let log_ins = Arc::new(LogIns::new(Arc::clone(&protection), program));
        let turn = runtime.block_on(Arc::clone(&log_ins.verifying).acquire_owned()).unwrap();
        let (trying, old) = (Arc::clone(&log_ins), before.clone());
        let (name, password) = (name.to_owned(), password.as_bytes().to_vec());
        let tried = runtime.spawn(async move {
            let verdict = trying.verify_password(&old, name, password).await;
            matches!(verdict, Ok(Verdict::In { .. }))
        });
        // It waits for its turn.
        while log_ins.queue.available_permits() == PASSWORDS_AT_ONCE + PASSWORDS_WAITING {
            std::thread::yield_now();
        }
        protection.replace(protection.read_again(Some(settings)).unwrap());
        drop(turn);
        assert_eq!(runtime.block_on(tried).unwrap(), is_in);
    }
}
