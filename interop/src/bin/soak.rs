//! Puts one receiver under a long load of small objects and short associations, some of them faulty. Checks
//! that memory, descriptors and threads stay flat and that every acknowledged object is stored intact.
//!
//!     cargo run --release -p interop --bin soak -- [--objects N] [--associations N] [--dir FOLDER]
//!
//! The default is a million objects on a hundred thousand associations. Prints one line per second and a
//! verdict at the end; the exit code is 1 if a check fails.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use interop::part10::Part10;
use interop::wire::{Client, Command, Pdv, data_pdu, uid};
use interop::{Object, Program, Server};

/// Number of concurrent associations.
const SENDERS: u64 = 8;

/// Growth between the first quarter and the end of the run that counts as a leak.
const GROWTH_BYTES: f64 = 1024.0 * 1024.0;
const GROWTH_COUNT: f64 = 4.0;

fn main() -> ExitCode {
    let options = Options::parse();
    let directory = options.directory.join(format!("soak-{}", std::process::id()));
    fs::create_dir(&directory).expect("a folder of its own can be made");
    let directory = directory.canonicalize().expect("it was made just now");
    let server =
        Server::with(Program::Ours, &["--durability", "none"]).directory(&directory).start();
    let soak = Soak::new(&options, server.port());
    let samples = soak.run(server.process_id());
    let flat = report(&samples);
    let right = soak.check(&directory);
    drop(server);
    let _ = fs::remove_dir_all(&directory);
    if flat && right { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

struct Options {
    objects: u64,
    associations: u64,
    directory: PathBuf,
}

impl Options {
    fn parse() -> Self {
        let mut options =
            Self { objects: 1_000_000, associations: 100_000, directory: std::env::temp_dir() };
        let mut arguments = std::env::args().skip(1);
        while let Some(name) = arguments.next() {
            let value = arguments.next().unwrap_or_else(|| panic!("{name} wants a value"));
            let number = || value.parse().unwrap_or_else(|_| panic!("{name} wants a number"));
            match name.as_str() {
                "--objects" => options.objects = number(),
                "--associations" => options.associations = number(),
                "--dir" => options.directory = PathBuf::from(&value),
                _ => panic!("{name} is not an option: --objects, --associations, --dir"),
            }
        }
        options
    }
}

/// The load, and its results.
struct Soak<'o> {
    options: &'o Options,
    port: u16,
    next_association: AtomicU64,
    acknowledged: AtomicU64,
    faults: AtomicU64,
    /// Numbers of acknowledged objects, by sender.
    stored: Vec<Mutex<Vec<u64>>>,
}

impl<'o> Soak<'o> {
    fn new(options: &'o Options, port: u16) -> Self {
        Self {
            options,
            port,
            next_association: AtomicU64::new(0),
            acknowledged: AtomicU64::new(0),
            faults: AtomicU64::new(0),
            stored: (0..SENDERS).map(|_| Mutex::default()).collect(),
        }
    }

    /// Sends the whole load and samples the process once per second.
    fn run(&self, process: u32) -> Vec<Sample> {
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            let senders: Vec<_> =
                (0..SENDERS).map(|sender| scope.spawn(move || self.send(sender))).collect();
            let watcher = scope.spawn(|| {
                let started = Instant::now();
                let mut samples = Vec::new();
                while !done.load(Ordering::SeqCst) {
                    thread::sleep(Duration::from_secs(1));
                    let sample = Sample::of(process, started.elapsed());
                    println!(
                        "{:4.0} s: {} associations, {} objects, {} faults; {sample}",
                        sample.seconds,
                        self.next_association
                            .load(Ordering::Relaxed)
                            .min(self.options.associations),
                        self.acknowledged.load(Ordering::Relaxed),
                        self.faults.load(Ordering::Relaxed),
                    );
                    samples.push(sample);
                }
                samples
            });
            for sender in senders {
                sender.join().expect("no sender gives up");
            }
            done.store(true, Ordering::SeqCst);
            watcher.join().expect("the watcher only looks")
        })
    }

    fn send(&self, sender: u64) {
        let objects_each = (self.options.objects / self.options.associations).max(1);
        let mut stored = Vec::new();
        loop {
            let association = self.next_association.fetch_add(1, Ordering::Relaxed);
            if association >= self.options.associations {
                break;
            }
            let mut client = Client::usual(self.port);
            for number in 0..objects_each {
                let number = association * objects_each + number;
                assert_eq!(client.store(3, &object(number)).status(), 0);
                stored.push(number);
                self.acknowledged.fetch_add(1, Ordering::Relaxed);
            }
            if association % 4 == 3 {
                self.fault(client, association);
                self.faults.fetch_add(1, Ordering::Relaxed);
            } else {
                client.release();
            }
        }
        self.stored[usize::try_from(sender).expect("few senders")]
            .lock()
            .expect("unspoilt")
            .extend(stored);
    }

    /// Ends an association in one of several wrong ways.
    fn fault(&self, mut client: Client, association: u64) {
        let bad = Object::new(uid::CT, &format!("2.25.9.{association}"), 2000);
        match association / 4 % 7 {
            // The connection is closed without a release.
            0 => drop(client),
            1 => client.send(&interop::wire::abort(0, 0)),
            // In the middle of a data set.
            2 => {
                let id = client.message_id();
                client.command(3, &Command::store(id, &bad.sop_class, &bad.sop_instance));
                client.send(&data_pdu(&[Pdv::data(3, false, &bad.bytes[..1000])]));
            }
            // In the middle of a PDU.
            3 => client.send(&data_pdu(&[Pdv::data(3, false, &bad.bytes)])[..500]),
            // The SOP Instance UID differs from the one in the command.
            4 => {
                let other = Object { sop_instance: "2.25.8".to_owned(), ..bad };
                assert_eq!(client.store(3, &other).status(), 0xA900);
                client.release();
            }
            // The data set ends within an element.
            5 => {
                let cut = Object { bytes: bad.bytes[..bad.bytes.len() - 500].to_vec(), ..bad };
                assert_eq!(client.store(3, &cut).status(), 0xC000);
                client.release();
            }
            // Bytes that are not DICOM, on a separate connection.
            _ => {
                client.release();
                let mut other = Client::connect(self.port);
                let _ = other.try_send(b"GET / HTTP/1.1\r\n\r\n");
            }
        }
    }

    /// True if the folder contains exactly the acknowledged objects, intact.
    fn check(&self, directory: &Path) -> bool {
        let mut expected = BTreeMap::new();
        for stored in &self.stored {
            for number in stored.lock().expect("unspoilt").iter() {
                expected.insert(object(*number).file_name(), *number);
            }
        }
        let (mut right, mut wrong, mut strange) = (0_u64, 0_u64, 0_u64);
        for entry in fs::read_dir(directory).expect("the folder is there") {
            let name = entry.expect("it is listed").file_name().into_string().expect("ASCII");
            match expected.remove(&name) {
                Some(number) => {
                    let bytes = fs::read(directory.join(&name)).expect("it is readable");
                    let whole = Part10::parse(&bytes)
                        .is_some_and(|file| file.data_set == object(number).bytes);
                    *(if whole { &mut right } else { &mut wrong }) += 1;
                }
                None => strange += 1,
            }
        }
        let missing = expected.len();
        println!(
            "{right} objects right, {wrong} wrong, {missing} missing, {strange} files not sent"
        );
        wrong == 0 && missing == 0 && strange == 0
    }
}

/// Makes one of many different small objects.
fn object(number: u64) -> Object {
    Object::new(
        uid::CT,
        &format!("2.25.7.{number}"),
        200 + usize::try_from(number % 50).unwrap_or(0) * 20,
    )
}

/// Resource usage of the process at one moment.
struct Sample {
    seconds: f64,
    resident_bytes: f64,
    descriptors: f64,
    threads: f64,
}

impl Sample {
    fn of(process: u32, since: Duration) -> Self {
        let status = fs::read_to_string(format!("/proc/{process}/status")).expect("it runs");
        let field = |name: &str| -> f64 {
            let line = status.lines().find(|line| line.starts_with(name)).expect("it is told");
            line.split_whitespace().nth(1).and_then(|word| word.parse().ok()).expect("a number")
        };
        let descriptors = fs::read_dir(format!("/proc/{process}/fd")).expect("it runs").count();
        Self {
            seconds: since.as_secs_f64(),
            resident_bytes: field("VmRSS:") * 1024.0,
            descriptors: u32::try_from(descriptors).map_or(f64::MAX, f64::from),
            threads: field("Threads:"),
        }
    }
}

impl std::fmt::Display for Sample {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mib = self.resident_bytes / 1024.0 / 1024.0;
        write!(f, "{mib:.1} MiB, {} descriptors, {} threads", self.descriptors, self.threads)
    }
}

/// Prints how each figure changed after the first quarter, and returns true if all are flat.
fn report(samples: &[Sample]) -> bool {
    let settled = &samples[samples.len() / 4..];
    let span = settled.last().map_or(0.0, |last| last.seconds) - settled[0].seconds;
    let is_flat = |name: &str, slope: f64, allowed: f64| {
        println!("{name}: slope {slope:.3} a second, {:.0} in {span:.0} s", slope * span);
        slope * span <= allowed
    };
    let flat = [
        is_flat("resident bytes", slope(settled, |sample| sample.resident_bytes), GROWTH_BYTES),
        is_flat("descriptors", slope(settled, |sample| sample.descriptors), GROWTH_COUNT),
        is_flat("threads", slope(settled, |sample| sample.threads), GROWTH_COUNT),
    ];
    !flat.contains(&false)
}

/// Slope of the least-squares line, per second.
fn slope(samples: &[Sample], figure: impl Fn(&Sample) -> f64) -> f64 {
    let count = samples.len() as f64;
    let mean = |value: &dyn Fn(&Sample) -> f64| samples.iter().map(value).sum::<f64>() / count;
    let (seconds, value) = (mean(&|sample| sample.seconds), mean(&|sample| figure(sample)));
    let (mut together, mut spread) = (0.0, 0.0);
    for sample in samples {
        together += (sample.seconds - seconds) * (figure(sample) - value);
        spread += (sample.seconds - seconds).powi(2);
    }
    if spread == 0.0 { 0.0 } else { together / spread }
}
