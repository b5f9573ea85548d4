//! Measures what it costs to make "will be delivered" as durable as "stored": `intent_cost DIRECTORY`.
//!
//! Stores objects by one thread and by 32, in each of these ways, in turn:
//!
//! - `name`: content and final name, nothing more;
//! - `intent`: an intent before the final name;
//! - `settled`: the same, while a thread moves intents into the spool in batches and releases them;
//! - `alone`: an intent and no final name;
//! - `journal`: a line in one journal file, which is synced once for all who wait, and the final name.
//!
//! Prints the median of the rounds: objects a second, the ratio to `name` in the same round, and the CPU time of an object
//! (of this process, not of the kernel's threads).

#![allow(clippy::cast_precision_loss, reason = "figures for people")]

use dataset::Sink;
use rustix::time::{ClockId, clock_gettime};
use std::error::Error;
use std::fs::{self, File};
use std::io::{self, IoSlice, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime};
use storage::{
    Directory, Durability, Envelope, FileName, FolderSync, IfExists, InstanceFile, IntentName,
    PreparedFile, Storage,
};

const ROUNDS: usize = 7;
const TIME: Duration = Duration::from_millis(1500);
/// An object, and at most so many in a round: some 2 GB.
const SIZES: [(usize, u32); 2] = [(39_000, 8_000), (512 * 1024, 1_500)];
const THREADS: [usize; 2] = [1, 32];
const WAYS: [Way; 5] = [Way::Name, Way::Intent, Way::Settled, Way::Alone, Way::Journal];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Name,
    Intent,
    Settled,
    Alone,
    Journal,
}

/// What one round of one way came to.
#[derive(Clone, Copy)]
struct Figures {
    rate: f64,
    cpu: Duration,
}

fn main() -> Result<(), Box<dyn Error>> {
    let top = std::env::args_os().nth(1).ok_or("which directory?")?;
    println!("| object | associations | way | objects/s | ratio to `name` | µs of CPU an object |");
    println!("|---:|---:|---|---:|---:|---:|");
    for (bytes, most) in SIZES {
        for threads in THREADS {
            let mut rounds = Vec::new();
            for _ in 0..ROUNDS {
                let of = |way| round(Path::new(&top), way, bytes, threads, most);
                rounds.push(WAYS.into_iter().map(of).collect::<Result<Vec<_>, _>>()?);
            }
            for (at, way) in WAYS.iter().enumerate() {
                let rate = median(rounds.iter().map(|round| round[at].rate));
                let ratio = median(rounds.iter().map(|round| round[at].rate / round[0].rate));
                let cpu = median(rounds.iter().map(|round| round[at].cpu.as_secs_f64() * 1e6));
                let way = format!("{way:?}").to_lowercase();
                println!("| {bytes} | {threads} | {way} | {rate:.0} | {ratio:.2} | {cpu:.0} |");
            }
        }
    }
    Ok(())
}

fn median(figures: impl Iterator<Item = f64>) -> f64 {
    let mut figures: Vec<_> = figures.collect();
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

fn cpu_time() -> Duration {
    let now = clock_gettime(ClockId::ProcessCPUTime);
    let (seconds, rest) = (now.tv_sec.unsigned_abs(), now.tv_nsec.unsigned_abs());
    Duration::from_secs(seconds) + Duration::from_nanos(rest)
}

/// What all threads of a round share.
struct Shared {
    directory: Directory,
    way: Way,
    content: Vec<u8>,
    most: u32,
    stored: AtomicU32,
    ends: Instant,
    is_over: AtomicBool,
    /// Intents that were stored and not settled yet.
    waiting: Mutex<Vec<IntentName>>,
    journal: File,
    journal_sync: FolderSync,
}

fn round(
    top: &Path,
    way: Way,
    bytes: usize,
    threads: usize,
    most: u32,
) -> Result<Figures, Box<dyn Error>> {
    let path = top.join("round");
    fs::create_dir_all(&path)?;
    let journal = File::options().append(true).create(true).open(top.join("journal"))?;
    rustix::fs::syncfs(&journal)?;
    let shared = Shared {
        directory: Directory::open(&path, Durability::Full)?,
        way,
        content: vec![0x5A; bytes],
        most,
        stored: AtomicU32::new(0),
        ends: Instant::now() + TIME,
        is_over: AtomicBool::new(false),
        waiting: Mutex::default(),
        journal,
        journal_sync: FolderSync::default(),
    };
    let (begun, cpu) = (Instant::now(), cpu_time());
    let stored = thread::scope(|scope| {
        let shared = &shared;
        let settler = (way == Way::Settled).then(|| scope.spawn(|| settle(shared)));
        let senders: Vec<_> =
            (0..threads).map(|thread| scope.spawn(move || store_all(shared, thread))).collect();
        let stored: io::Result<u32> =
            senders.into_iter().map(|it| it.join().map_err(|_| io::ErrorKind::Other)?).sum();
        shared.is_over.store(true, Ordering::Release);
        if let Some(settler) = settler {
            settler.join().map_err(|_| io::ErrorKind::Other)??;
        }
        stored
    })?;
    let (elapsed, cpu) = (begun.elapsed(), cpu_time() - cpu);
    drop(shared);
    fs::remove_dir_all(&path)?;
    fs::remove_file(top.join("journal"))?;
    Ok(Figures { rate: f64::from(stored) / elapsed.as_secs_f64(), cpu: cpu / stored.max(1) })
}

/// One association.
fn store_all(shared: &Shared, thread: usize) -> io::Result<u32> {
    let mut prepared = PreparedFile::default();
    let mut stored = 0;
    while Instant::now() < shared.ends
        && shared.stored.fetch_add(1, Ordering::Relaxed) < shared.most
    {
        stored += 1;
        store(shared, &mut prepared, thread, stored)?;
        prepared.prepare();
    }
    Ok(stored)
}

fn store(
    shared: &Shared,
    prepared: &mut PreparedFile,
    thread: usize,
    number: u32,
) -> io::Result<()> {
    let called = format!("CT.1.2.276.0.7230010.3.1.4.8323329.5576.1495927169.{thread}.{number}");
    let called = FileName::new(called).ok_or(io::ErrorKind::InvalidInput)?;
    let mut file = InstanceFile::create(&shared.directory, prepared, vec![0; 400])
        .map_err(io::Error::other)?;
    file.write(&[IoSlice::new(&shared.content)])?;
    let intent = intent(thread, number);
    if matches!(shared.way, Way::Intent | Way::Settled | Way::Alone) {
        file.intend(intent.clone());
    }
    if shared.way == Way::Alone {
        return file.commit_intent(Durability::Full).map_err(io::Error::other);
    }
    let mut names = std::iter::once(called);
    let since = shared.journal_sync.mark();
    file.commit(&mut names, IfExists::Replace, Durability::Full).map_err(io::Error::other)?;
    match shared.way {
        Way::Settled => {
            shared.waiting.lock().unwrap_or_else(PoisonError::into_inner).push(intent);
        }
        Way::Journal => {
            (&shared.journal).write_all(format!("{intent}\n").as_bytes())?;
            shared.journal_sync.run(since, || shared.journal.sync_data())?;
        }
        Way::Name | Way::Intent | Way::Alone => {}
    }
    Ok(())
}

fn intent(thread: usize, number: u32) -> IntentName {
    Envelope {
        received: SystemTime::now(),
        association: thread as u64,
        sequence: number,
        is_alone: false,
        route: 1,
        calling: *b"MEASURES        ",
        called: *b"STORESCP        ",
        address: std::net::Ipv4Addr::LOCALHOST.into(),
    }
    .name()
}

/// As a cataloguer does it whose deliveries succeed at once.
fn settle(shared: &Shared) -> io::Result<()> {
    let intents: Arc<_> = shared.directory.intents().ok_or(io::ErrorKind::Unsupported)?;
    loop {
        let is_over = shared.is_over.load(Ordering::Acquire);
        let batch =
            std::mem::take(&mut *shared.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        let names: Vec<_> = batch.iter().map(|name| (name, true)).collect();
        intents.settle_all(&names)?;
        batch.iter().try_for_each(|name| intents.release(name))?;
        if is_over {
            return Ok(());
        }
        thread::sleep(Duration::from_millis(20));
    }
}
