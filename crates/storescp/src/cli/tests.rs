use std::time::Duration;

use super::*;
use crate::logging::{LogFormat, LogLevel, LogSettings};
use dataset::OutputFormat;
use receiver::net::{AddressFamily, Network};
use receiver::output::naming::FileNaming;
use receiver::{Duplicates, Limits, OutputSettings, SocketTimeout, Timeouts};
use storage::Durability;

fn parse_line(line: &str) -> Action {
    parse(line.split_whitespace().map(OsString::from))
}

pub(super) fn config(line: &str) -> Config {
    match parse_line(line) {
        Action::Run(config) => *config,
        other => panic!("{line}: {other:?}"),
    }
}

/// The fault that a line is refused for.
pub(super) fn fault(line: &str) -> String {
    match parse_line(line) {
        Action::UsageError(text) => {
            let mut lines = text.lines().skip_while(|line| !line.starts_with("error: "));
            let fault = lines.next().and_then(|line| line.strip_prefix("error: "));
            assert!(lines.all(|line| line.starts_with("hint: ")), "{text}");
            fault.expect("a line tells the fault").to_owned()
        }
        other => panic!("{line}: {other:?}"),
    }
}

/// What is said to help with the fault of a line.
pub(super) fn hints(line: &str) -> String {
    match parse_line(line) {
        Action::UsageError(text) => {
            let hints = text.lines().filter_map(|line| line.strip_prefix("hint: "));
            hints.collect::<Vec<_>>().join("\n")
        }
        other => panic!("{line}: {other:?}"),
    }
}

const fn seconds(number: u64) -> Duration {
    Duration::from_secs(number)
}

#[test]
fn without_options() {
    let config = config("11112");
    let network = Network {
        port: 11112,
        address_family: AddressFamily::Ipv4,
        addresses: Vec::new(),
        access_control: false,
        disable_host_lookup: false,
    };
    assert_eq!(config.network, network);
    assert_eq!(config.negotiation.ae_title, "STORESCP");
    assert_eq!(config.negotiation.max_pdu_bytes, 16384);
    assert_eq!(config.negotiation.transfer_syntaxes.len(), 3);
    assert!(!config.negotiation.promiscuous && !config.negotiation.uid_padding);
    let socket = SocketTimeout::After(seconds(60));
    assert_eq!(config.timeouts, Timeouts { socket, acse: seconds(30), dimse: None });
    let limits = Limits { max_associations: None, max_associations_per_host: None };
    assert_eq!(config.limits, limits);
    assert_eq!((config.grace_period, config.inetd), (seconds(30), false));
    assert!(config.faults.is_empty() && config.fault_seed.is_none());
    let negotiation = &config.negotiation;
    assert!(!negotiation.refuse && !negotiation.require_implementation_class_uid && !config.ignore);
    let output = OutputSettings {
        directory: ".".into(),
        write_file_format: true,
        format: OutputFormat::default(),
        durability: Durability::Full,
        min_free: None,
        file_naming: FileNaming::default(),
        sorting: None,
        path: None,
        duplicates: Duplicates::Replace,
    };
    assert_eq!(config.output, output);
    let level = LogLevel::Warn;
    let log = LogSettings {
        level,
        config: None,
        format: LogFormat::Dcmtk,
        verbose_presentation_contexts: false,
        arguments: None,
    };
    assert_eq!(config.log, log);
    assert!(config.warnings.is_empty());
}

#[test]
fn the_rightmost_of_options_that_exclude_each_other_counts() {
    assert_eq!(config("1 -i6 -i0 -i4 -i6").network.address_family, AddressFamily::Ipv6);
    let uid = |line| config(line).negotiation.transfer_syntaxes[0].uid();
    assert_eq!(uid("1 +xa +xs"), "1.2.840.10008.1.2.4.70");
    assert_eq!(uid("1 +xs +xi"), "1.2.840.10008.1.2");
    assert!(config("1 -B +B").output.format.bit_preserving);
    assert!(!config("1 +B -B").output.format.bit_preserving);
    assert!(config("1 -F +F").output.write_file_format);
    assert_eq!(config("1 -v -q").log.level, LogLevel::Fatal);
    assert_eq!(config("1 -q -d").log.level, LogLevel::Debug);
}

#[test]
fn defaults_are_always_taken_and_overruled_options_do_no_harm() {
    config("104 -B +F +t= +u +g= +e -p -uc -uf -ac -tls --single-process");
    config("104 +te +t= +tls k c -tls +ac -ac -u +u -e +e +p 4 4 -p +uf -uf");
}

#[test]
fn quiet_means_it_once_logging_is_set_up() {
    let Action::UsageError(text) = parse_line("104 -q +te +B") else { panic!("refused") };
    assert_eq!(text, "");
}

#[test]
fn help_and_version_come_before_everything_but_unknown_options() {
    for line in ["-h 1 2 +te +B", "--help --version", "", "-h +cc"] {
        let Action::PrintAndExit(text) = parse_line(line) else { panic!("{line}") };
        assert!(text.contains("\nusage: storescp [options] [port]\n"), "{line}");
    }
    let Action::PrintAndExit(text) = parse_line("--version x y -pdu 1") else { panic!("printed") };
    assert!(text.starts_with("$storescp: storescp v0.1.0 2026-11-22 $\n\nstorescp: DICOM"));
    assert_eq!(fault("--help --nonsense"), "Unknown option --nonsense");
}

#[test]
fn lists_are_printed_and_nothing_is_run() {
    for (line, some) in [("+cc", "\n  TLS_RSA_WITH_NULL_SHA\n"), ("+ph x y", "--profile-8996 ")] {
        let Action::PrintAndExit(text) = parse_line(line) else { panic!("{line}") };
        assert!(text.contains(some), "{text}");
    }
    assert_eq!(fault("+cc --nonsense"), "Unknown option --nonsense");
}
