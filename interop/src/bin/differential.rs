//! Compares our receiver with Debian's under the output options: see `interop::differential`.
//!
//! ```text
//! differential [--seed N] [--full] [--jobs N] [--made-up N] [--option-sets N] [--self-check]
//! ```
//!
//! Exits with 1 if anything differs that no rule tells. `--self-check` runs Debian's against itself.

use std::process::ExitCode;

use interop::Program;
use interop::differential::Plan;

fn main() -> ExitCode {
    let mut plan = Plan::sample(1);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut number = || -> u64 {
            let number = arguments.next().and_then(|text| text.parse().ok());
            number.unwrap_or_else(|| panic!("a number after {argument}"))
        };
        let count = |number| usize::try_from(number).expect("a small number");
        match argument.as_str() {
            "--seed" => plan.seed = number(),
            "--full" => {
                let Plan { seed, jobs, programs, .. } = plan;
                plan = Plan { jobs, programs, ..Plan::full(seed) };
            }
            "--jobs" => plan.jobs = count(number()),
            "--made-up" => plan.made_up = number(),
            "--option-sets" => plan.option_sets = Some(count(number())),
            "--self-check" => plan.programs = [Program::Debian; 2],
            other => panic!("unknown option {other}"),
        }
    }
    let report = plan.run();
    println!("{report}");
    if report.differences == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
