//! Compares our receiver with Debian's under the output options: see `interop::differential`.
//!
//! ```text
//! differential [--seed N] [--full] [--jobs N] [--made-up N] [--option-sets N] [--self-check]
//! differential --send TRANSFER_SYNTAX HEX|@FILE [OPTION ..]
//! ```
//!
//! Exits with 1 if there is a difference that no rule explains. `--self-check` compares Debian's program with
//! itself. `--send` sends one data set as CT image 2.25.4711 and prints what both receivers do with it.

use std::process::ExitCode;

use interop::Program;
use interop::differential::{Case, OptionSet, Plan, reproduce};
use interop::wire::uid;

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
            "--send" => return send(&arguments.collect::<Vec<_>>()),
            "--self-check" => plan.programs = [Program::Debian; 2],
            other => panic!("unknown option {other}"),
        }
    }
    let report = plan.run();
    println!("{report}");
    if report.differences == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn send(arguments: &[String]) -> ExitCode {
    let [transfer_syntax, digits, options @ ..] = arguments else {
        panic!("a transfer syntax and hexadecimal digits after --send");
    };
    let byte = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).expect("hexadecimal digits");
    let bytes = match digits.strip_prefix('@') {
        Some(file) => std::fs::read(file).expect("a file after @"),
        None => (0..digits.len() / 2).map(|index| byte(index * 2)).collect(),
    };
    let case = Case {
        name: "command line".to_owned(),
        transfer_syntax: transfer_syntax.clone(),
        sop_class: uid::CT.to_owned(),
        sop_instance: "2.25.4711".to_owned(),
        bytes,
    };
    let options = OptionSet::parse(options);
    println!("{}", reproduce(&case, &options, [Program::Ours, Program::Debian]));
    ExitCode::SUCCESS
}
