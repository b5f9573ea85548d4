//! Many objects through the outbox, with two destinations that fail now and then and a receiver that is killed every
//! minute. Checks that nothing is missing, and nothing parked without a reason.
//!
//! ```text
//! cargo run --release -p interop --bin outbox_soak -- [--objects N] [--bytes N] [--senders N] [--kill SECONDS] [--away SECONDS]
//!                                                     [--catalog URL] [--seed N] [--dir FOLDER] [--option WORD]…
//! ```
//!
//! Without options: a million objects. Prints a report; the exit code is 1 if something is missing.

use std::fs;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use interop::outbox_soak::{Plan, run};

fn main() -> ExitCode {
    let mut plan = Plan {
        objects: 1_000_000,
        object_bytes: 2000,
        senders: 4,
        kill_every: Duration::from_secs(60),
        away_every: Duration::from_secs(100),
        failing: 1,
        drain: Duration::from_secs(3600),
        catalog: "sqlite".to_owned(),
        options: Vec::new(),
        directory: std::env::temp_dir(),
        seed: 1,
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let value = arguments.next().unwrap_or_else(|| panic!("{name} wants a value"));
        let number = || value.parse::<usize>().unwrap_or_else(|_| panic!("{name} wants a number"));
        match name.as_str() {
            "--objects" => plan.objects = number(),
            "--bytes" => plan.object_bytes = number(),
            "--senders" => plan.senders = number(),
            "--kill" => plan.kill_every = Duration::from_secs(number() as u64),
            "--away" => plan.away_every = Duration::from_secs(number() as u64),
            "--seed" => plan.seed = number() as u64,
            "--catalog" => plan.catalog = value,
            "--option" => plan.options.push(value),
            "--dir" => plan.directory = value.into(),
            _ => panic!("no such option: {name}"),
        }
    }
    plan.directory = plan.directory.join(format!("outbox-soak-{}", std::process::id()));
    fs::create_dir_all(&plan.directory).expect("a folder");
    let begun = Instant::now();
    let report = run(&plan);
    println!("{report:#?}\n{plan:#?}\ntook {:?}", begun.elapsed());
    let is_right = report.not_told.is_empty() && report.not_forwarded.is_empty();
    if is_right && report.left.is_empty() {
        let _ = fs::remove_dir_all(&plan.directory);
        ExitCode::SUCCESS
    } else {
        println!("kept: {}", plan.directory.display());
        ExitCode::FAILURE
    }
}
