//! Network options.

use super::control::CONTROL;
use super::preferences::{PREFERENCES, accepted};
use super::spec::{Choice, Opt, OptionSpec, Part, Section, Value};
use super::typed::{Base, Typed, leading_integer};
use crate::cli::fault::{Fault, Misfit};
use crate::negotiation::{Negotiation, ProfileChoice};
use receiver::net::{AddressFamily, Network, inherited};
use receiver::{SocketTimeout, Timeouts};
use std::time::Duration;

pub(super) const NETWORK: Section = Section {
    title: "network options",
    parts: &[
        Part { heading: Some("internet protocol"), options: INTERNET_PROTOCOL },
        Part {
            heading: Some("association negotiation profile from configuration file"),
            options: CONFIGURATION_FILE,
        },
        Part {
            heading: Some("preferred network transfer syntaxes (not with --config-file)"),
            options: PREFERENCES,
        },
        Part { heading: Some("network host access control (tcp wrapper)"), options: HOST_ACCESS },
        Part { heading: Some("other network options"), options: OTHER },
        Part { heading: Some("control plane"), options: CONTROL },
    ],
};

const INTERNET_PROTOCOL: &[OptionSpec] = &[
    OptionSpec::new(Opt::Ipv4, "-i4", "--ipv4", &["listen on IPv4 only (default)"])
        .one_of(Choice::AddressFamily),
    OptionSpec::new(Opt::Ipv6, "-i6", "--ipv6", &["listen on IPv6 only"])
        .one_of(Choice::AddressFamily),
    OptionSpec::new(Opt::IpAuto, "-i0", "--ip-auto", &["listen on both"])
        .one_of(Choice::AddressFamily),
];

const CONFIGURATION_FILE: &[OptionSpec] = &[OptionSpec::new(
    Opt::ConfigFile,
    "-xf",
    "--config-file",
    &["negotiate by profile p of file f"],
)
.takes("[f]ilename, [p]rofile: string", &[Value::File, Value::Text])];

const HOST_ACCESS: &[OptionSpec] = &[
    OptionSpec::new(Opt::AccessFull, "-ac", "--access-full", &["accept every host (default)"])
        .one_of(Choice::HostAccess),
    OptionSpec::new(
        Opt::AccessControl,
        "+ac",
        "--access-control",
        &["check hosts.allow and hosts.deny"],
    )
    .one_of(Choice::HostAccess),
];

const OTHER: &[OptionSpec] = &[
    OptionSpec::new(
        Opt::Inetd,
        "-id",
        "--inetd",
        &["serve one association on the socket that inetd", "passes as stdin (not with --fork)"],
    ),
    OptionSpec::new(
        Opt::SocketTimeout,
        "-ts",
        "--socket-timeout",
        &["close a connection after s seconds of silence", "(0: never, -1: system default)"],
    )
    .takes("[s]econds: integer (default: 60)", &[Value::at_least(-1)]),
    OptionSpec::new(
        Opt::AcseTimeout,
        "-ta",
        "--acse-timeout",
        &["close a connection without an association", "request after s seconds"],
    )
    .takes("[s]econds: integer (default: 30)", &[Value::at_least(1)]),
    OptionSpec::new(
        Opt::DimseTimeout,
        "-td",
        "--dimse-timeout",
        &["wait s seconds for the rest of a message"],
    )
    .takes("[s]econds: integer (default: unlimited)", &[Value::at_least(1)]),
    OptionSpec::new(Opt::AeTitle, "-aet", "--aetitle", &["my AE title (default: STORESCP)"])
        .takes("[a]etitle: string", &[Value::Text]),
    OptionSpec::new(
        Opt::MaxPdu,
        "-pdu",
        "--max-pdu",
        &["let peers send PDUs of n bytes (default: 16384)"],
    )
    .takes(
        "[n]umber of bytes: integer (4096..131072)",
        &[Value::Unsigned { min: 4096, max: 131_072 }],
    ),
    OptionSpec::new(
        Opt::DisableHostLookup,
        "-dhl",
        "--disable-host-lookup",
        &["name peers by address, without asking DNS"],
    ),
    OptionSpec::new(Opt::Refuse, "", "--refuse", &["reject every association"]),
    OptionSpec::new(
        Opt::Reject,
        "",
        "--reject",
        &["reject associations without an implementation", "class UID"],
    ),
    OptionSpec::new(Opt::Ignore, "", "--ignore", &["receive and answer, but store nothing"]),
    OptionSpec::new(
        Opt::SleepAfter,
        "",
        "--sleep-after",
        &["pause for s seconds after each C-STORE"],
    )
    .takes("[s]econds: integer (default: 0)", &[Value::COUNT]),
    OptionSpec::new(
        Opt::SleepDuring,
        "",
        "--sleep-during",
        &[
            "pause for s seconds before each data set, after",
            "each of its fragments, and at its end",
        ],
    )
    .takes("[s]econds: integer (default: 0)", &[Value::COUNT]),
    OptionSpec::new(
        Opt::AbortAfter,
        "",
        "--abort-after",
        &["abort the association after a data set", "(in place of the response)"],
    ),
    OptionSpec::new(
        Opt::AbortDuring,
        "",
        "--abort-during",
        &["abort the association during a data set"],
    ),
    OptionSpec::new(
        Opt::Promiscuous,
        "-pm",
        "--promiscuous",
        &["also accept unregistered SOP classes", "(not with --config-file)"],
    ),
    OptionSpec::new(
        Opt::UidPadding,
        "-up",
        "--uid-padding",
        &["tolerate UIDs padded with spaces (always done)"],
    ),
];

/// The port to listen on, the only parameter; with `--inetd`, passed sockets or a settings file there may be none.
pub(in crate::cli) fn port(typed: &Typed) -> Result<u16, Fault> {
    let value = match typed.parameters() {
        [] | [_] if typed.has(Opt::Inetd) => return Ok(0),
        [] if typed.has(Opt::Settings) || inherited::may_have_listeners() => return Ok(0),
        [] => return Err(Fault::MissingPort(typed.taken_for_value())),
        [value] => value,
        several => return Err(Fault::TooManyParameters(several.to_vec())),
    };
    let port = match leading_integer(value, Base::Decimal) {
        None => Err(Misfit::Malformed),
        Some(0) => Err(Misfit::Underflow),
        Some(number) => u16::try_from(number).map_err(|_| Misfit::Overflow),
    };
    port.map_err(|misfit| Fault::Port(value.clone(), misfit))
}

/// Whether standard input is the one connection to serve.
pub(super) fn inetd(typed: &Typed) -> bool {
    typed.has(Opt::Inetd)
}

/// `--inetd` has one process.
pub(super) fn check_inetd(typed: &Typed) -> Result<(), Fault> {
    typed.refuse_with(Opt::Inetd, &[Opt::Fork])
}

pub(super) fn timeouts(typed: &Typed) -> Result<Timeouts, Fault> {
    let socket = match typed.number(Opt::SocketTimeout)? {
        Some(-1) => SocketTimeout::System,
        Some(0) => SocketTimeout::None,
        _ => SocketTimeout::After(typed.seconds(Opt::SocketTimeout)?.unwrap_or(SOCKET_TIMEOUT)),
    };
    let acse = typed.seconds(Opt::AcseTimeout)?.unwrap_or(ACSE_TIMEOUT);
    let dimse = typed.seconds(Opt::DimseTimeout)?;
    Ok(Timeouts { socket, acse, dimse })
}

const SOCKET_TIMEOUT: Duration = Duration::from_secs(60);
const ACSE_TIMEOUT: Duration = Duration::from_secs(30);

/// Where and how the server listens.
pub(super) fn network(typed: &Typed, port: u16, warnings: &mut Vec<String>) -> Network {
    if inetd(typed) && !typed.parameters().is_empty() {
        warnings.push("port is ignored with --inetd".to_owned());
    }
    Network {
        port,
        address_family: match typed.chosen(Choice::AddressFamily) {
            Some(Opt::Ipv6) => AddressFamily::Ipv6,
            Some(Opt::IpAuto) => AddressFamily::Both,
            _ => AddressFamily::Ipv4,
        },
        addresses: Vec::new(),
        access_control: typed.won(Opt::AccessControl),
        disable_host_lookup: typed.has(Opt::DisableHostLookup),
    }
}

pub(super) fn max_pdu_bytes(typed: &Typed, warnings: &mut Vec<String>) -> Result<u32, Fault> {
    let Some(typed) = typed.number(Opt::MaxPdu)?.and_then(|bytes| u32::try_from(bytes).ok()) else {
        return Ok(16384);
    };
    let even = typed & !1;
    if even != typed {
        warnings.push(format!("--max-pdu {typed} is odd, using {even}"));
    }
    Ok(even)
}

/// A negotiation profile leaves no room for options about the same thing.
pub(super) fn profile(typed: &Typed) -> Result<Option<ProfileChoice>, Fault> {
    let Some([file, name]) = typed.two_texts(Opt::ConfigFile) else { return Ok(None) };
    match typed.chosen(Choice::Preference) {
        None | Some(Opt::PreferUncompr) => {}
        Some(preference) => return Err(typed.not_allowed(Opt::ConfigFile, preference)),
    }
    typed.refuse_with(Opt::ConfigFile, &[Opt::Promiscuous])?;
    Ok(Some(ProfileChoice { file: file.into(), name: name.to_string_lossy().into_owned() }))
}

/// What is answered to an A-ASSOCIATE-RQ.
pub(super) fn negotiation(
    typed: &Typed,
    max_pdu_bytes: u32,
    profile: Option<ProfileChoice>,
) -> Negotiation {
    Negotiation {
        ae_title: match typed.text(Opt::AeTitle) {
            Some(title) => title.to_string_lossy().into_owned(),
            None => "STORESCP".into(),
        },
        max_pdu_bytes,
        transfer_syntaxes: accepted(typed.chosen(Choice::Preference)),
        accept_all: accepted(Some(Opt::AcceptAll)),
        classes: None,
        profile,
        promiscuous: typed.has(Opt::Promiscuous),
        refuse: typed.has(Opt::Refuse),
        require_implementation_class_uid: typed.has(Opt::Reject),
        uid_padding: typed.has(Opt::UidPadding),
    }
}

/// `--ignore`: nothing is stored.
pub(super) fn ignore(typed: &Typed) -> bool {
    typed.has(Opt::Ignore)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::tests::{config, fault};
    use receiver::Limits;

    const fn seconds(number: u64) -> Duration {
        Duration::from_secs(number)
    }

    #[test]
    fn network_options() {
        let config = config(
            "-i0 -aet ME -pdu 131072 +xa -dhl -pm -up -ts 5 -ta 6 -td 7 --max-associations 8 \
             --grace-period 9 104 --fork -ac -tls",
        );
        let network = Network {
            port: 104,
            address_family: AddressFamily::Both,
            addresses: Vec::new(),
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
        let limits = Limits { max_associations: Some(8), max_associations_per_host: None };
        assert_eq!(config.limits, limits);
        assert_eq!(config.grace_period, seconds(9));
    }

    #[test]
    fn special_values() {
        assert_eq!(config("1 -ts 0").timeouts.socket, SocketTimeout::None);
        assert_eq!(config("1 -ts -1").timeouts.socket, SocketTimeout::System);
        let longest = seconds(u64::from(u32::MAX));
        let socket = config("1 -ts 99999999999999999999").timeouts.socket;
        assert_eq!(socket, SocketTimeout::After(longest));
        let odd = config("1 -pdu 5001");
        assert_eq!(odd.negotiation.max_pdu_bytes, 5000);
        assert_eq!(odd.warnings, ["--max-pdu 5001 is odd, using 5000"]);
    }

    #[test]
    fn inetd_needs_no_port_and_does_not_use_one() {
        let without_port = config("--inetd");
        assert_eq!((without_port.inetd, without_port.network.port), (true, 0));
        let with_port = config("x -id");
        assert!(with_port.inetd);
        assert_eq!(with_port.warnings, ["port is ignored with --inetd"]);
        assert_eq!(fault("--inetd 1 2"), "Too many parameters");
        assert_eq!(fault("--inetd --fork"), "--inetd not allowed with --fork");
    }
}
