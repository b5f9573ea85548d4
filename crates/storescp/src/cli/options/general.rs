//! General options, and those about processes and associations.

use super::{Choice, Opt, OptionSpec, Part, Section, Value};

pub(super) const GENERAL: Section =
    Section { title: "general options", parts: &[Part { heading: None, options: LOGGING }] };

const LOGGING: &[OptionSpec] = &[
    OptionSpec::new(Opt::Help, "-h", "--help", &["show this text and exit"]).stands_alone(),
    OptionSpec::new(Opt::Version, "", "--version", &["show version information and exit"])
        .stands_alone(),
    OptionSpec::new(Opt::Arguments, "", "--arguments", &["log the expanded command line"]),
    OptionSpec::new(Opt::Quiet, "-q", "--quiet", &["log fatal errors only"])
        .one_of(Choice::Verbosity),
    OptionSpec::new(Opt::Verbose, "-v", "--verbose", &["log what is being done, too"])
        .one_of(Choice::Verbosity),
    OptionSpec::new(Opt::Debug, "-d", "--debug", &["log how it is being done, too"])
        .one_of(Choice::Verbosity),
    OptionSpec::new(
        Opt::LogLevel,
        "-ll",
        "--log-level",
        &["(fatal, error, warn, info, debug, trace)", "log from level l up (default: warn)"],
    )
    .takes("[l]evel: string constant", &[Value::Text]),
    OptionSpec::new(Opt::LogConfig, "-lc", "--log-config", &["set logging up as file f says"])
        .takes("[f]ilename: string", &[Value::Text]),
    OptionSpec::new(
        Opt::VerbosePc,
        "+v",
        "--verbose-pc",
        &["with --verbose, log presentation contexts too"],
    ),
];

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
    OptionSpec::new(Opt::Fork, "", "--fork", &["the same: no child process is forked"])
        .one_of(Choice::Processes),
    OptionSpec::new(
        Opt::MaxAssociations,
        "",
        "--max-associations",
        &[
            "serve at most n associations at a time, reject",
            "more (default: what the system allows)",
        ],
    )
    .takes("[n]umber: integer (1..)", &[Value::Unsigned { min: 1, max: i64::MAX }]),
    OptionSpec::new(
        Opt::MaxAssociationsPerHost,
        "",
        "--max-associations-per-host",
        &[
            "serve at most n associations of one address at",
            "a time, reject more (default: no limit)",
        ],
    )
    .takes("[n]umber: integer (1..)", &[Value::Unsigned { min: 1, max: i64::MAX }]),
    OptionSpec::new(
        Opt::GracePeriod,
        "",
        "--grace-period",
        &["after SIGTERM or SIGINT, let work in progress", "go on for s seconds"],
    )
    .takes("[s]econds: integer (default: 30)", &[Value::COUNT]),
];
