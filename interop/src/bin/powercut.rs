//! Cuts the power of a disk that our receiver stores on, and looks for what it has acknowledged; see the module
//! `powercut`.
//!
//!     cargo run --release -p interop --bin powercut -- [--file-system NAME] [--workload NAME] [--cuts N]
//!         [--seed N] [--variant NAME] [--durability LEVEL] [--options "OPTIONS"]
//!         [--sector-bytes N] [--keep FOLDER]
//!
//! The default is 50 cuts with each workload on each file system. Needs root, FUSE and loop devices. Prints one
//! line per file system, with the faults that were found below it. The exit code is 1 if there are any, and 77 if
//! this machine does not permit the test.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::str::FromStr;
use std::time::Instant;

use interop::powercut::{FileSystem, Order, Plan, Tally, Variant, Workload, serve, stand_in};

/// The exit code if this machine does not permit the test.
const SKIPPED: u8 = 77;

/// After so many cuts of one recording, another one is made.
const CUTS_OF_A_RECORDING: usize = 50;

/// Set inside the namespaces that [`enter_namespaces`] makes.
const INSIDE: &str = "POWERCUT_INSIDE";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["serve", folder, bytes] => {
            let bytes = bytes.parse().expect("a number of bytes");
            serve(Path::new(folder), bytes).expect("FUSE works here");
            ExitCode::SUCCESS
        }
        ["stand-in", folder, order] => {
            let order = Order::of_name(order).expect("an order of steps");
            stand_in(Path::new(folder), order).expect("it can listen");
            ExitCode::SUCCESS
        }
        _ if std::env::var_os(INSIDE).is_none() => enter_namespaces(&words),
        words => Options::parse(words).run(),
    }
}

/// Runs this program in a mount namespace and a PID namespace. When this process is killed, all of them end, and
/// with them the mounts.
fn enter_namespaces(words: &[&str]) -> ExitCode {
    if let Some(missing) = missing() {
        println!("skipped: {missing}");
        return ExitCode::from(SKIPPED);
    }
    // The files of this run: process IDs in the namespace are not unique.
    let files = std::env::temp_dir().join(format!("powercut-{}", std::process::id()));
    std::fs::create_dir(&files).expect("a folder of its own can be made");
    let status = Command::new("setpriv")
        .args(["--pdeathsig", "KILL", "unshare"])
        .args(["--mount", "--pid", "--mount-proc", "--fork", "--kill-child"])
        .arg(std::env::current_exe().expect("this program is a file"))
        .args(words)
        .env(INSIDE, "1")
        .env("TMPDIR", &files)
        .status();
    let _ = std::fs::remove_dir_all(&files);
    let code = status.ok().and_then(|status| status.code());
    ExitCode::from(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
}

/// What this machine lacks.
fn missing() -> Option<&'static str> {
    let opens = |path: &str| File::options().read(true).write(true).open(path).is_ok();
    let mut namespaces = Command::new("unshare");
    namespaces.args(["--mount", "--pid", "--mount-proc", "--fork", "true"]);
    if !opens("/dev/fuse") {
        Some("power cuts: no file system of one's own (FUSE) here")
    } else if !opens("/dev/loop-control") {
        Some("power cuts: no loop devices here")
    } else if !namespaces.output().is_ok_and(|output| output.status.success()) {
        Some("power cuts: no mount namespaces here")
    } else {
        None
    }
}

struct Options {
    file_systems: Vec<FileSystem>,
    workloads: Vec<Workload>,
    variant: Variant,
    options: Vec<String>,
    /// For each file system.
    cuts: usize,
    seed: u64,
    /// Instead of the one that the file system relies on.
    sector_bytes: Option<usize>,
    keep: Option<PathBuf>,
}

impl Options {
    fn parse(words: &[&str]) -> Self {
        let mut options = Self {
            file_systems: FileSystem::ALL.to_vec(),
            workloads: Workload::ALL.to_vec(),
            variant: Variant::Storescp,
            options: Vec::new(),
            cuts: CUTS_OF_A_RECORDING * Workload::ALL.len(),
            seed: 1,
            sector_bytes: None,
            keep: None,
        };
        let mut words = words.iter();
        while let Some(name) = words.next() {
            let value = words.next().unwrap_or_else(|| panic!("{name} wants a value"));
            match *name {
                "--file-system" => {
                    options.file_systems = list(value, FileSystem::of_name);
                }
                "--workload" => options.workloads = list(value, Workload::of_name),
                "--variant" => {
                    let variant = Variant::of_name(value);
                    options.variant = variant.unwrap_or_else(|| panic!("no variant {value}"));
                }
                "--durability" => {
                    options.options.extend([(*name).to_owned(), (*value).to_owned()]);
                }
                "--options" => {
                    options.options.extend(value.split_whitespace().map(str::to_owned));
                }
                "--cuts" => options.cuts = number(value),
                "--seed" => options.seed = number(value),
                "--sector-bytes" => options.sector_bytes = Some(number(value)),
                "--keep" => options.keep = Some(PathBuf::from(value)),
                _ => panic!("{name} is not an option; see the beginning of powercut.rs"),
            }
        }
        options
    }

    fn run(&self) -> ExitCode {
        let (mut clean, mut skipped) = (true, 0);
        for file_system in &self.file_systems {
            let begun = Instant::now();
            let tally = match self.run_on(*file_system) {
                Ok(tally) => tally,
                Err(reason) => {
                    println!("skipped: power cuts on {}: {}", file_system.name, reason.trim());
                    skipped += 1;
                    continue;
                }
            };
            let seconds = begun.elapsed().as_secs_f64();
            println!("{}: {tally} seconds={seconds:.1}", file_system.name);
            for note in tally.unmountable_notes.iter().chain(&tally.notes) {
                println!("    {}", note.replace('\n', " "));
            }
            clean &= tally.is_clean();
        }
        match clean {
            _ if skipped == self.file_systems.len() => ExitCode::from(SKIPPED),
            true => ExitCode::SUCCESS,
            false => ExitCode::FAILURE,
        }
    }

    /// Makes as many recordings as the cuts need, with one workload after another.
    ///
    /// # Errors
    /// Why the file system cannot be mounted here.
    fn run_on(&self, mut file_system: FileSystem) -> Result<Tally, String> {
        file_system.sector_bytes = self.sector_bytes.unwrap_or(file_system.sector_bytes);
        let recordings = self.cuts.div_ceil(CUTS_OF_A_RECORDING).max(self.workloads.len());
        let mut tally = Tally::default();
        for number in 0..recordings {
            let plan = Plan {
                file_system,
                workload: self.workloads[number % self.workloads.len()],
                options: self.options.clone(),
                variant: self.variant,
                cuts: (self.cuts * (number + 1)) / recordings - (self.cuts * number) / recordings,
                seed: self.seed + number as u64,
                keep: self.keep.clone(),
            };
            tally.add(plan.run()?);
        }
        Ok(tally)
    }
}

fn list<T>(names: &str, of_name: impl Fn(&str) -> Option<T>) -> Vec<T> {
    let found = |name: &str| of_name(name).unwrap_or_else(|| panic!("there is no {name}"));
    names.split(',').map(found).collect()
}

fn number<T: FromStr>(value: &str) -> T {
    value.parse().unwrap_or_else(|_| panic!("{value} is not a number"))
}
