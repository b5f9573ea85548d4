use std::path::Path;
use std::time::Duration;

use super::*;
use crate::commands::CommandSettings;
use crate::logging::{LogLevel, LogSettings};
use dataset::OutputFormat;
use receiver::net::tls::{
    CrlCheck, KeyFormat, KeyPassword, PeerCertificate, SecurityProfile, TlsSettings,
};
use receiver::net::{AddressFamily, Network};
use receiver::output::naming::{FileNaming, NameStyle};
use receiver::{Faults, Limits, OutputSettings, SocketTimeout, Sorting, Timeouts};
use storage::{Durability, MinFree};

fn parse_line(line: &str) -> Outcome {
    parse(line.split_whitespace().map(OsString::from))
}

fn config(line: &str) -> Config {
    match parse_line(line) {
        Outcome::Run(config) => *config,
        other => panic!("{line}: {other:?}"),
    }
}

/// The fault that a line is refused for.
fn fault(line: &str) -> String {
    match parse_line(line) {
        Outcome::UsageError(text) => {
            let fault = text.lines().last().and_then(|line| line.strip_prefix("error: "));
            fault.expect("the last line tells the fault").to_owned()
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
        inetd: false,
        address_family: AddressFamily::Ipv4,
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
    let limits = Limits {
        max_associations: None,
        max_associations_per_host: None,
        grace_period: seconds(30),
    };
    assert_eq!(config.limits, limits);
    assert_eq!(config.faults, Faults::default());
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
    };
    assert_eq!(config.output, output);
    let level = LogLevel::Warn;
    let log =
        LogSettings { level, setup: None, verbose_presentation_contexts: false, arguments: None };
    assert_eq!(config.log, log);
    assert!(config.warnings.is_empty());
}

#[test]
fn network_options() {
    let config = config(
        "-i0 -aet ME -pdu 131072 +xa -dhl -pm -up -ts 5 -ta 6 -td 7 --max-associations 8 \
         --grace-period 9 104 --fork -ac -tls",
    );
    let network = Network {
        port: 104,
        inetd: false,
        address_family: AddressFamily::Both,
        access_control: false,
        disable_host_lookup: true,
    };
    assert_eq!(config.network, network);
    let negotiation = &config.negotiation;
    assert_eq!(negotiation.ae_title, "ME");
    assert_eq!(negotiation.max_pdu_bytes, 131_072);
    assert_eq!(negotiation.transfer_syntaxes.len(), 36);
    assert!(negotiation.promiscuous && negotiation.uid_padding);
    let socket = SocketTimeout::After(seconds(5));
    let timeouts = Timeouts { socket, acse: seconds(6), dimse: Some(seconds(7)) };
    assert_eq!(config.timeouts, timeouts);
    let limits = Limits {
        max_associations: Some(8),
        max_associations_per_host: None,
        grace_period: seconds(9),
    };
    assert_eq!(config.limits, limits);
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
fn faults_on_purpose() {
    let config = config(
        "1 --refuse --reject --ignore --sleep-after 2 --sleep-during 3 --abort-after \
         --abort-during",
    );
    let all = Faults {
        sleep_after: seconds(2),
        sleep_during: seconds(3),
        abort_after: true,
        abort_during: true,
    };
    assert_eq!(config.faults, all);
    let negotiation = &config.negotiation;
    assert!(negotiation.refuse && negotiation.require_implementation_class_uid && config.ignore);
}

#[test]
fn special_values() {
    assert_eq!(config("1 -ts 0").timeouts.socket, SocketTimeout::None);
    assert_eq!(config("1 -ts -1").timeouts.socket, SocketTimeout::System);
    let longest = seconds(u64::from(u32::MAX));
    let socket = config("1 -ts 99999999999999999999").timeouts.socket;
    assert_eq!(socket, SocketTimeout::After(longest));
    assert_eq!(config("1 --sleep-after 4294967296").faults.sleep_after, longest);
    let odd = config("1 -pdu 5001");
    assert_eq!(odd.negotiation.max_pdu_bytes, 5000);
    assert_eq!(odd.warnings, ["--max-pdu 5001 is odd, using 5000"]);
}

#[test]
fn the_room_to_be_left_is_bytes_or_per_cent() {
    assert_eq!(config("1 --min-free 2G").output.min_free, Some(MinFree::Bytes(2 << 30)));
    assert_eq!(config("1 --min-free 2G --min-free 5%").output.min_free, Some(MinFree::Percent(5)));
    for bad in ["much", "-1", "101%", "1GB"] {
        let told = format!("Invalid value for option --min-free ({bad})");
        assert!(fault(&format!("1 --min-free {bad}")).contains(&told), "{bad}");
    }
}

#[test]
fn the_output_directory_loses_its_trailing_slashes() {
    for (typed, directory) in
        [("out", "out"), ("./out//", "./out"), ("/", "/"), ("/a/b/", "/a/b"), ("..", "..")]
    {
        let found = config(&format!("1 -od {typed}")).output.directory;
        assert_eq!(found.as_os_str(), Path::new(directory).as_os_str());
    }
}

#[test]
fn durability_is_full_or_none() {
    assert_eq!(config("1 --durability none").output.durability, Durability::None);
    assert_eq!(config("1 --durability none --durability full").output.durability, Durability::Full);
    assert_eq!(fault("1 --durability Full"), "Invalid value for option --durability (Full)");
}

#[test]
fn files_are_named_and_sorted() {
    let naming = |line| config(line).output.file_naming;
    let style = |line| naming(line).style;
    assert_eq!(style("1 +uf -uf"), NameStyle::SopInstance);
    assert_eq!(style("1 -uf +uf"), NameStyle::NewUid);
    assert_eq!(style("1 +uf -uf -tn"), NameStyle::Time);
    assert_eq!(naming("1 -fe .dcm").extension, ".dcm");
    assert_eq!(fault("1 -fe a/b"), "Invalid value for option --filename-extension (a/b)");

    let output = |line| config(line).output;
    let sorting = |line| output(line).sorting;
    let prefix = "p".to_owned();
    assert_eq!(sorting("1 -su x -ss p"), Some(Sorting::ByTime { prefix: prefix.clone() }));
    assert_eq!(sorting("1 -ss x -su p +B"), Some(Sorting::ByStudyUid { prefix: prefix.clone() }));
    assert_eq!(sorting("1 -ss x -sp"), Some(Sorting::ByPatientName));
    let nested = output("1 -od /out/ -su a/b/p");
    assert_eq!(nested.sorting, Some(Sorting::ByStudyUid { prefix }));
    assert_eq!(nested.directory, Path::new("/out/a/b"));
    assert_eq!(fault("1 -ss a\\b"), "Invalid value for option --sort-conc-studies (a\\b)");
}

#[test]
fn commands_and_when_they_run() {
    let events = config("1 -xcr x -sp -xcs y -rns -tos 7 -xs --exec-max 3 --fork").commands;
    let expected = CommandSettings {
        on_reception: Some("x".into()),
        on_end_of_study: Some("y".into()),
        rename_on_end_of_study: true,
        end_of_study_timeout: Some(seconds(7)),
        wait: true,
        max_commands: 3,
    };
    assert_eq!(events, expected);
    let none = config("1").commands;
    assert_eq!((none.on_reception, none.wait, none.max_commands), (None, false, 8));
    assert_eq!(fault("1 --exec-max 0"), "Invalid value for option --exec-max (underflow: 0)");
}

#[test]
fn log_levels() {
    for (word, level) in [
        ("fatal", LogLevel::Fatal),
        ("ERROR", LogLevel::Error),
        ("Warn", LogLevel::Warn),
        ("info", LogLevel::Info),
        ("debug", LogLevel::Debug),
        ("trace", LogLevel::Trace),
    ] {
        assert_eq!(config(&format!("1 -ll {word}")).log.level, level);
    }
    assert!(config("1 -v +v").log.verbose_presentation_contexts);
}

#[test]
fn arguments_are_shown_by_their_long_names() {
    let log = config("--arguments -q -aet ME 104").log;
    let line =
        "calling 'storescp' with 5 arguments: '--arguments' '--quiet' '--aetitle' 'ME' '104' ";
    assert_eq!(log.arguments.as_deref(), Some(line));
}

#[test]
fn passwords_are_not_shown() {
    let line = config("--arguments +tls k c +pw secret 104").log.arguments.unwrap_or_default();
    assert!(line.ends_with("'k' 'c' '--use-passwd' '***' '104' "), "{line}");
}

#[test]
fn defaults_are_always_taken_and_overruled_options_do_no_harm() {
    config("104 -B +F +t= +u +g= +e -p -uc -uf -ac -tls --single-process");
    config("104 +te +t= +tls k c -tls +ac -ac -u +u -e +e +p 4 4 -p +uf -uf");
}

#[test]
fn quiet_means_it_once_logging_is_set_up() {
    let Outcome::UsageError(text) = parse_line("104 -q +te +B") else { panic!("refused") };
    assert_eq!(text, "");
}

#[test]
fn inetd_needs_no_port_and_does_not_use_one() {
    let network = config("--inetd").network;
    assert_eq!((network.inetd, network.port), (true, 0));
    let with_port = config("x -id");
    assert!(with_port.network.inetd);
    assert_eq!(with_port.warnings, ["the port is not listened on with --inetd"]);
    assert_eq!(fault("--inetd 1 2"), "Too many parameters");
    assert_eq!(fault("--inetd --fork"), "--inetd not allowed with --fork");
}

#[test]
fn server_names_are_expected_or_not() {
    let fault = fault("104 +tls k c --no-sni --expect-sni host");
    assert_eq!(fault, "--no-sni not allowed with --expect-sni");
}

#[test]
fn help_and_version_come_before_everything_but_unknown_options() {
    for line in ["-h 1 2 +te +B", "--help --version", "", "-h +cc"] {
        let Outcome::PrintAndExit(text) = parse_line(line) else { panic!("{line}") };
        assert!(text.contains("\nusage: storescp [options] [port]\n"), "{line}");
    }
    let Outcome::PrintAndExit(text) = parse_line("--version x y -pdu 1") else { panic!("printed") };
    assert!(text.starts_with("$storescp: storescp v0.1.0 2026-11-22 $\n\nstorescp: DICOM"));
    assert_eq!(fault("--help --nonsense"), "Unknown option --nonsense");
}

fn tls(line: &str) -> TlsSettings {
    config(&format!("104 +tls k c {line}")).tls.expect("TLS is on")
}

#[test]
fn tls_is_off_unless_it_wins() {
    assert_eq!(config("104").tls, None);
    assert_eq!(config("104 +tls k c -tls").tls, None);
    let tls = tls("");
    assert_eq!(
        (tls.key_file.as_path(), tls.certificate_file.as_path()),
        ("k".as_ref(), "c".as_ref())
    );
    assert_eq!(tls.password, KeyPassword::Ask);
    assert_eq!(tls.key_format, KeyFormat::Pem);
    assert_eq!(tls.crl_check, CrlCheck::None);
    assert_eq!((tls.profile, tls.profile_named), (SecurityProfile::Bcp195Rfc8996, false));
    assert_eq!(tls.peer_certificate, PeerCertificate::Require);
    assert_eq!((tls.write_seed, tls.server_name), (None, None));
}

#[test]
fn tls_options_say_what_they_say() {
    let tls = tls(
        "-der +pw secret +cf a +cf b +cd d +crl r +cs X +cs Y +dp p --expect-sni host +rs s +ws -vc \
         +px",
    );
    assert_eq!(tls.key_format, KeyFormat::Der);
    assert_eq!(tls.password, KeyPassword::Given("secret".into()));
    assert_eq!(tls.trusted_files, ["a", "b"].map(std::path::PathBuf::from));
    assert_eq!(tls.trusted_directories, [std::path::PathBuf::from("d")]);
    assert_eq!(tls.crl_files, [std::path::PathBuf::from("r")]);
    assert_eq!(tls.crl_check, CrlCheck::Leaf);
    assert_eq!(tls.cipher_suites, ["X", "Y"].map(std::ffi::OsString::from));
    assert_eq!(tls.dh_parameters.as_deref(), Some(Path::new("p")));
    assert_eq!(tls.server_name.as_deref(), Some("host"));
    assert_eq!(tls.seed.as_deref(), Some(Path::new("s")));
    assert_eq!(tls.write_seed.as_deref(), Some(Path::new("s")));
    assert_eq!(tls.peer_certificate, PeerCertificate::Verify);
    assert_eq!((tls.profile, tls.profile_named), (SecurityProfile::Bcp195, true));
}

#[test]
fn of_tls_options_the_rightmost_counts() {
    assert_eq!(tls("+crl r +cra").crl_check, CrlCheck::Chain);
    assert_eq!(tls("+cra +crv").crl_check, CrlCheck::Leaf);
    assert_eq!(tls("+rs s +wf w +ws").write_seed.as_deref(), Some(Path::new("w")));
    assert_eq!(tls("+pw x -pw").password, KeyPassword::Empty);
    assert_eq!(tls("+pw x +ps").password, KeyPassword::Ask);
    assert_eq!(tls("+px +pg").profile, SecurityProfile::Bcp195Rfc8996);
    let profiles = [
        ("+pm", SecurityProfile::Bcp195Rfc8996Modified),
        ("+py", SecurityProfile::Bcp195NonDowngrading),
        ("+pz", SecurityProfile::Bcp195Extended),
        ("+pb", SecurityProfile::Basic),
        ("+pa", SecurityProfile::Aes),
        ("+pn", SecurityProfile::Null),
    ];
    for (option, profile) in profiles {
        assert_eq!(tls(option).profile, profile, "{option}");
    }
}

#[test]
fn the_password_is_not_shown() {
    assert!(!format!("{:?}", tls("+pw secret")).contains("secret"));
}

#[test]
fn lists_are_printed_and_nothing_is_run() {
    for (line, some) in [("+cc", "\n  TLS_RSA_WITH_NULL_SHA\n"), ("+ph x y", "--profile-8996 ")] {
        let Outcome::PrintAndExit(text) = parse_line(line) else { panic!("{line}") };
        assert!(text.contains(some), "{text}");
    }
    assert_eq!(fault("+cc --nonsense"), "Unknown option --nonsense");
}
