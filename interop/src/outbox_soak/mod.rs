//! A soak of the outbox: many objects, two destinations that fail now and then, and a receiver that is killed again and
//! again. Whatever it acknowledged has to come to both destinations.

mod hook;
mod marks;
mod senders;

use crate::part10::Part10;
use crate::server::free_port;
use crate::wire::uid;
use crate::{Object, Program, Scratch, Server};
use hook::Hook;
use marks::{Marks, Number};
use senders::Sending;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// What a soak is made of.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Objects that are sent.
    pub objects: usize,
    /// Bytes of their pixel data.
    pub object_bytes: usize,
    /// Associations at a time.
    pub senders: usize,
    /// How long the receiver lives before it is killed.
    pub kill_every: Duration,
    /// How long each destination is there before it goes away for a tenth of that.
    pub away_every: Duration,
    /// Of a hundred requests to the webhook, how many fail.
    pub failing: usize,
    /// How long the destinations may take for what is owed at the end.
    pub drain: Duration,
    /// URL of the catalogue, as the settings have it.
    pub catalog: String,
    /// Further options of the receiver.
    pub options: Vec<String>,
    /// A folder for everything.
    pub directory: PathBuf,
    /// For the failures.
    pub seed: u64,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Report {
    /// Objects that were acknowledged.
    pub acknowledged: usize,
    /// How often the receiver was killed.
    pub kills: usize,
    /// Objects that the webhook was not told of, by SOP Instance UID: some of them.
    pub not_told: Vec<String>,
    /// Objects that the other receiver does not have as they were sent: some of them.
    pub not_forwarded: Vec<String>,
    /// Events that the webhook was told again, and requests that it failed.
    pub repeats_and_failures: (u64, u64),
    /// What was parked, as `storescp outbox list` shows it.
    pub parked: String,
    /// What was left in `pending` and `spool` at the end.
    pub left: Vec<String>,
    /// Resident memory in KiB before each kill.
    pub resident_kib: Vec<u64>,
    /// From the last object sent until everything was delivered.
    pub drained: Duration,
}

/// Runs it. Memory: a few bits for each object.
///
/// # Panics
/// If a receiver does not start.
#[must_use]
pub fn run(plan: &Plan) -> Report {
    Soak::new(plan).run()
}

struct Soak<'p> {
    plan: &'p Plan,
    hook: Hook,
    port: u16,
    archive_port: u16,
    incoming: PathBuf,
    archived: PathBuf,
    settings: PathBuf,
}

impl<'p> Soak<'p> {
    fn new(plan: &'p Plan) -> Self {
        let [incoming, archived] = ["incoming", "archived"].map(|name| {
            let path = plan.directory.join(name);
            fs::create_dir_all(&path).expect("a folder");
            path
        });
        let hook = Hook::start(plan.senders, plan.failing, plan.seed);
        let (port, archive_port) = (free_port(), free_port());
        let settings = plan.directory.join("storescp.toml");
        let text = format!(
            "deliver = [\"archive\", \"hook\"]\n[catalog]\nurl = {:?}\nquiet = \"5 s\"\n\
             [[destination]]\nname = \"archive\"\nkind = \"dicom\"\naddress = \"127.0.0.1:{archive_port}\"\n\
             called = \"ARCHIVE\"\nconcurrency = 2\nlongest-pause = \"2 s\"\ntimeout = \"10 s\"\n\
             [[destination]]\nname = \"hook\"\nkind = \"webhook\"\nurl = {:?}\nconcurrency = 4\n\
             longest-pause = \"2 s\"\ntimeout = \"5 s\"\non = [\"object\"]\n",
            plan.catalog,
            hook.url()
        );
        fs::write(&settings, text).expect("settings");
        Self { plan, hook, port, archive_port, incoming, archived, settings }
    }

    fn receiver(&self) -> Server {
        let settings = self.settings.to_str().expect("a path of ours");
        let mut options = vec!["--settings", settings];
        options.extend(self.plan.options.iter().map(String::as_str));
        Server::with(Program::Ours, &options).directory(&self.incoming).start_again_on(self.port)
    }

    fn archive(&self) -> Server {
        let server = Server::with(Program::Ours, &["--durability", "none"]);
        server.directory(&self.archived).start_again_on(self.archive_port)
    }

    fn run(&self) -> Report {
        let (plan, mut report) = (self.plan, Report::default());
        let left = AtomicUsize::new(plan.objects);
        let acknowledged = Marks::new(plan.senders);
        let is_over = AtomicBool::new(false);
        let sending = Sending {
            port: self.port,
            object_bytes: plan.object_bytes,
            left: &left,
            acknowledged: &acknowledged,
        };
        let sending = &sending;
        thread::scope(|scope| {
            scope.spawn(|| self.go_away_now_and_then(&is_over));
            for sender in 0..plan.senders {
                scope.spawn(move || sending.send(sender));
            }
            self.kill_until_sent(&left, &mut report);
            let server = self.receiver();
            let begun = Instant::now();
            while self.owed() > 0 && begun.elapsed() < plan.drain {
                thread::sleep(Duration::from_millis(200));
            }
            report.drained = begun.elapsed();
            // Links of what was settled just before a kill are removed in the background.
            while !self.left().is_empty() && begun.elapsed() < plan.drain {
                thread::sleep(Duration::from_millis(200));
            }
            report.resident_kib.push(server.resident_kib());
            is_over.store(true, Ordering::Relaxed);
        });
        self.check(&acknowledged, &mut report);
        report
    }

    fn kill_until_sent(&self, left: &AtomicUsize, report: &mut Report) {
        while left.load(Ordering::Relaxed) > 0 {
            let mut server = self.receiver();
            let begun = Instant::now();
            // The times vary without being random, so that a failure can be reproduced.
            let life = self
                .plan
                .kill_every
                .mul_f64(0.5 + f64::from(report.kills as u32 * 37 % 100) / 100.0);
            while begun.elapsed() < life && left.load(Ordering::Relaxed) > 0 {
                thread::sleep(Duration::from_millis(5));
            }
            report.resident_kib.push(server.resident_kib());
            server.signal("KILL");
            server.wait(Duration::from_secs(30)).expect("it ends");
            report.kills += 1;
        }
    }

    /// The destinations disappear, one after the other, and come back.
    fn go_away_now_and_then(&self, is_over: &AtomicBool) {
        let (there, away) = (self.plan.away_every, self.plan.away_every / 10);
        let pause = |time: Duration| {
            let begun = Instant::now();
            while begun.elapsed() < time && !is_over.load(Ordering::Relaxed) {
                thread::sleep(Duration::from_millis(10));
            }
        };
        let mut archive = Some(self.archive());
        for round in 0_u32.. {
            pause(there);
            if is_over.load(Ordering::Relaxed) {
                return;
            }
            match round % 3 {
                0 => self.hook.set_away(true),
                1 => drop(archive.take()),
                _ => archive.iter().for_each(|it| it.signal("STOP")),
            }
            pause(away);
            self.hook.set_away(false);
            archive.iter().for_each(|it| it.signal("CONT"));
            if archive.is_none() {
                archive = Some(self.archive());
            }
        }
    }

    /// Deliveries that wait.
    fn owed(&self) -> u64 {
        let listed = self.outbox(&["list", "--counts", "--json"]);
        let counts: serde_json::Value = serde_json::from_str(&listed).unwrap_or_default();
        let waiting = |it: &serde_json::Value| it["waiting"].as_u64().unwrap_or(1);
        counts.as_array().map_or(1, |all| all.iter().map(waiting).sum())
    }

    fn outbox(&self, arguments: &[&str]) -> String {
        let mut command = Command::new(crate::peers::storescp());
        let settings: [&Path; 2] = ["--settings".as_ref(), &self.settings];
        command.arg("outbox").args(arguments).args(settings).arg("-od").arg(&self.incoming);
        let output = command.output().expect("storescp outbox");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn check(&self, acknowledged: &Marks, report: &mut Report) {
        const SHOWN: usize = 20;

        report.acknowledged = acknowledged.count();
        let uids = |numbers: Vec<Number>| numbers.into_iter().map(Number::uid).collect();
        report.not_told = uids(acknowledged.missing_in(self.hook.told(), SHOWN));
        let forwarded = Marks::new(self.plan.senders);
        for entry in fs::read_dir(&self.archived).expect("it is there").flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let number = name.strip_prefix("CT.").and_then(Number::of_uid);
            if let Some(number) = number
                && self.is_as_sent(&entry.path(), number)
            {
                forwarded.add(number);
            }
        }
        report.not_forwarded = uids(acknowledged.missing_in(&forwarded, SHOWN));
        report.repeats_and_failures = self.hook.repeats_and_failures();
        report.parked = self.outbox(&["list", "--state", "parked"]);
        report.left = self.left();
    }

    /// Links of objects that are pending or in the spool.
    fn left(&self) -> Vec<String> {
        let hidden = crate::server::files_below(&self.incoming.join(".storescp"));
        let kept = |name: &String| name.starts_with("pending/") || name.starts_with("spool/");
        hidden.into_iter().filter(|name| !name.ends_with('/') && kept(name)).collect()
    }

    fn is_as_sent(&self, path: &Path, number: Number) -> bool {
        let Some(file) = fs::read(path).ok().as_deref().and_then(Part10::parse) else {
            return false;
        };
        file.data_set == Object::new(uid::CT, &number.uid(), self.plan.object_bytes).bytes
    }
}

impl Plan {
    /// A short one in this folder: some thousand objects, and a kill every second or two.
    #[must_use]
    pub fn short(scratch: &Scratch, catalog: &str) -> Self {
        Self {
            objects: 4000,
            object_bytes: 2000,
            senders: 4,
            kill_every: Duration::from_millis(1500),
            away_every: Duration::from_secs(4),
            failing: 4,
            drain: Duration::from_secs(120),
            catalog: catalog.to_owned(),
            options: Vec::new(),
            directory: scratch.directory("soak"),
            seed: 1,
        }
    }
}
