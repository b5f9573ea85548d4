//! Delivers DICOM files to another AE as the outbox does, and says what became of each: for tests and measurements.
//!
//! ```text
//! cargo run --release -p delivery --example forward -- HOST:PORT FILE-OR-FOLDER... [--sessions N] [--rounds N]
//!     [--called TITLE] [--timeout SECONDS] [--tls CAS] [--own KEY CERTIFICATE] [--quiet]
//! ```
//!
//! A line for each file, `OUTCOME<TAB>FILE<TAB>REASON`, then `N done in S s with N sessions: N/s`. What failed, and may
//! succeed later, is tried again in the next round.

use catalog::{
    Delivery, DeliveryId, Event, EventKind, InstanceId, ObjectAttributes, ReceivedObject,
    StoredInstance,
};
use delivery::{
    Bounds, Destination, DestinationKind, DestinationSettings, DicomSettings, Item, On, Outcome,
    RetrySettings, Stop, TlsClientSettings, build,
};
use requestor::part10::read_head;
use std::error::Error;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let asked = Asked::read(std::env::args().skip(1))?;
    let mut items = Vec::new();
    for path in &asked.paths {
        gather(path, &mut items)?;
    }
    let destination = build(&asked.destination())?;
    let mut told: Vec<Option<Outcome>> = vec![None; items.len()];
    let begun = Instant::now();
    for round in 0..asked.rounds {
        let open: Vec<usize> = (0..items.len()).filter(|&at| is_open(told[at].as_ref())).collect();
        if open.is_empty() {
            break;
        }
        if round > 0 {
            thread::sleep(BETWEEN_ROUNDS);
        }
        for (index, outcome) in deliver(&*destination, &items, open, asked.sessions) {
            told[index] = Some(outcome);
        }
    }
    let elapsed = begun.elapsed().as_secs_f64();
    if !asked.is_quiet {
        for (item, outcome) in items.iter().zip(&told) {
            let (word, reason) = words(outcome.as_ref());
            println!("{word}\t{}\t{reason}", item.delivery.event.key);
        }
    }
    let done = told.iter().filter(|outcome| matches!(outcome, Some(Outcome::Done))).count();
    let rate = done as f64 / elapsed;
    println!("{done} done in {elapsed:.3} s with {} sessions: {rate:.0}/s", asked.sessions);
    Ok(if done == items.len() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

const BETWEEN_ROUNDS: Duration = Duration::from_millis(300);

struct Asked {
    address: String,
    paths: Vec<PathBuf>,
    sessions: usize,
    rounds: u32,
    called: String,
    timeout: Duration,
    tls: Option<TlsClientSettings>,
    is_quiet: bool,
}

impl Asked {
    fn read(mut words: impl Iterator<Item = String>) -> Result<Asked, Box<dyn Error>> {
        let mut asked = Asked {
            address: words.next().ok_or("usage: forward HOST:PORT FILE-OR-FOLDER...")?,
            paths: Vec::new(),
            sessions: 1,
            rounds: 1,
            called: "ANY-SCP".to_owned(),
            timeout: Duration::from_secs(30),
            tls: None,
            is_quiet: false,
        };
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or(format!("{word} needs a value"));
            match word.as_str() {
                "--sessions" => asked.sessions = value()?.parse()?,
                "--rounds" => asked.rounds = value()?.parse()?,
                "--called" => asked.called = value()?,
                "--timeout" => asked.timeout = Duration::from_secs_f64(value()?.parse()?),
                "--tls" => asked.tls.get_or_insert_default().trusted = Some(value()?.into()),
                "--tls-system" => asked.tls = Some(TlsClientSettings::default()),
                "--own" => {
                    let tls = asked.tls.get_or_insert_default();
                    tls.key = Some(value()?.into());
                    tls.certificate = Some(value()?.into());
                }
                "--quiet" => asked.is_quiet = true,
                _ => asked.paths.push(word.into()),
            }
        }
        Ok(asked)
    }

    fn destination(&self) -> DestinationSettings {
        DestinationSettings {
            name: "forward".to_owned(),
            kind: DestinationKind::Dicom(DicomSettings {
                address: self.address.clone(),
                called: self.called.parse().expect("an AE title"),
                calling: "FORWARD".parse().expect("an AE title"),
                tls: self.tls.clone(),
                timeout: self.timeout,
                linger: Duration::from_secs(5),
            }),
            on: vec![On::Object],
            filter: None,
            concurrency: self.sessions,
            order_by_study: false,
            bandwidth: None,
            hours: Vec::new(),
            retry: RetrySettings { attempts: None, longest_pause: Duration::from_secs(1) },
            bounds: Bounds::default(),
            remember: Duration::ZERO,
        }
    }
}

/// All files of a folder, or this file, as deliveries.
fn gather(path: &Path, items: &mut Vec<Item>) -> Result<(), Box<dyn Error>> {
    if path.is_dir() {
        let mut entries = fs::read_dir(path)?.collect::<Result<Vec<_>, _>>()?;
        entries.sort_by_key(fs::DirEntry::file_name);
        return entries.iter().try_for_each(|entry| gather(&entry.path(), items));
    }
    let id = items.len() as i64 + 1;
    let mut file = File::open(path)?;
    let head = read_head(&mut file).map_err(|error| format!("{}: {error}", path.display()))?;
    let now = SystemTime::now();
    let object = ReceivedObject {
        key: id.to_string(),
        directory: path.parent().unwrap_or(Path::new("/")).to_owned(),
        file: None,
        spool: None,
        sop_class: head.sop_class.to_string(),
        sop_instance: head.sop_instance.to_string(),
        transfer_syntax: head.transfer_syntax.to_string(),
        size: file.metadata()?.len(),
        digest: None,
        received: now,
        association: 1,
        calling: String::new(),
        called: String::new(),
        peer: String::new(),
        rule: None,
        replaced: false,
        kept: false,
        attributes: ObjectAttributes::default(),
    };
    let delivery = Delivery {
        id: DeliveryId(id),
        destination: "forward".to_owned(),
        event: Event {
            key: path.display().to_string(),
            kind: EventKind::ObjectStored,
            time: now,
            instance: Some(InstanceId(id)),
            data: None,
        },
        instance: Some(StoredInstance { id: InstanceId(id), object }),
        study: None,
        attempts: 0,
        since: now,
    };
    items.push(Item {
        delivery,
        source: "//forward".into(),
        path: Some(path.to_owned()),
        missing: false,
    });
    Ok(())
}

/// What became of these, each session in a thread, as the outbox has them; sessions stop at what is unreachable.
fn deliver(
    destination: &dyn Destination,
    items: &[Item],
    mut open: Vec<usize>,
    sessions: usize,
) -> Vec<(usize, Outcome)> {
    open.reverse();
    let (open, told, stop) = (Mutex::new(open), Mutex::new(Vec::new()), Stop::default());
    thread::scope(|scope| {
        for _ in 0..sessions {
            scope.spawn(|| {
                let mut session = destination.open();
                loop {
                    let mut lot = Vec::new();
                    {
                        let mut open = open.lock().expect("no panic");
                        let rest = open.len().saturating_sub(destination.batch());
                        lot.extend(open.drain(rest..).rev());
                    }
                    if lot.is_empty() {
                        return;
                    }
                    let of_lot: Vec<Item> = lot.iter().map(|&at| items[at].clone()).collect();
                    let mut is_over = false;
                    session.deliver(&of_lot, &stop, &mut |index, outcome| {
                        is_over |= matches!(outcome, Outcome::Unreachable { .. });
                        told.lock().expect("no panic").push((lot[index], outcome));
                    });
                    if is_over {
                        return;
                    }
                }
            });
        }
    });
    told.into_inner().expect("no panic")
}

fn is_open(outcome: Option<&Outcome>) -> bool {
    !matches!(outcome, Some(Outcome::Done | Outcome::Park { .. }))
}

fn words(outcome: Option<&Outcome>) -> (&'static str, &str) {
    match outcome {
        Some(Outcome::Done) => ("done", ""),
        Some(Outcome::Again { reason, .. }) => ("again", reason),
        Some(Outcome::Unreachable { reason, .. }) => ("unreachable", reason),
        Some(Outcome::Park { reason }) => ("parked", reason),
        None => ("waiting", ""),
    }
}
