//! Options about processes: how many associations are served, and how the server ends.

use super::spec::{Choice, Opt, OptionSpec, Part, Section, Value};
use super::typed::Typed;
use crate::cli::fault::Fault;
use receiver::Limits;
use std::time::Duration;

pub(super) const PROCESSES: Section =
    Section { title: "multi-process options", parts: &[Part { heading: None, options: LIMITS }] };

const LIMITS: &[OptionSpec] = &[
    OptionSpec::new(
        Opt::SingleProcess,
        "",
        "--single-process",
        &["serve associations side by side in one process", "(default)"],
    )
    .one_of(Choice::Processes),
    OptionSpec::new(Opt::Fork, "", "--fork", &["same as --single-process: nothing is forked"])
        .one_of(Choice::Processes),
    OptionSpec::new(
        Opt::MaxAssociations,
        "",
        "--max-associations",
        &[
            "limit concurrent associations to n, reject more",
            "(default: derived from system limits)",
        ],
    )
    .takes("[n]umber: integer (1..)", &[Value::Digits { min: 1, max: i64::MAX }]),
    OptionSpec::new(
        Opt::MaxAssociationsPerHost,
        "",
        "--max-associations-per-host",
        &["limit concurrent associations per address to n,", "reject more (default: no limit)"],
    )
    .takes("[n]umber: integer (1..)", &[Value::Digits { min: 1, max: i64::MAX }]),
    OptionSpec::new(
        Opt::GracePeriod,
        "",
        "--grace-period",
        &["after SIGTERM or SIGINT, wait up to s seconds", "for messages in progress"],
    )
    .takes("[s]econds: integer (default: 30)", &[Value::Digits { min: 0, max: i64::MAX }]),
];

/// How much the server takes on, and how long it may take to end.
pub(super) fn limits(typed: &Typed) -> Result<(Limits, Duration), Fault> {
    let max_associations = typed.number(Opt::MaxAssociations)?.map(count);
    let grace_period = typed.seconds(Opt::GracePeriod)?.unwrap_or(DEFAULT_GRACE_PERIOD);
    let max_associations_per_host = typed.number(Opt::MaxAssociationsPerHost)?.map(count);
    Ok((Limits { max_associations, max_associations_per_host }, grace_period))
}

const DEFAULT_GRACE_PERIOD: Duration = Duration::from_secs(30);

fn count(number: i64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::tests::{config, fault};

    #[test]
    fn how_much_the_server_takes_on() {
        let config = config("104 --max-associations 8 --max-associations-per-host 2");
        let limits = config.limits;
        assert_eq!((limits.max_associations, limits.max_associations_per_host), (Some(8), Some(2)));
        assert_eq!(config.grace_period, DEFAULT_GRACE_PERIOD);
    }

    #[test]
    fn a_unit_behind_a_number_is_refused() {
        for (option, value) in [
            ("--grace-period", "1m"),
            ("--max-associations", "2k"),
            ("--max-associations-per-host", "1e3"),
            ("--exec-max", "8x"),
        ] {
            let told = fault(&format!("104 -xcr x {option} {value}"));
            assert_eq!(told, format!("Invalid value for option {option} ({value})"));
        }
        let long = config("104 --grace-period 99999999999999999999");
        assert_eq!(long.grace_period, Duration::from_secs(u32::MAX.into()));
    }
}
