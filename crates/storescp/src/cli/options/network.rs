//! Network options.

use super::{Choice, Opt, OptionSpec, Part, Section, Value};

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
    &["negotiate as profile p of file f says"],
)
.takes("[f]ilename, [p]rofile: string", &[Value::Text, Value::Text])];

/// A preference option: its transfer syntax comes first, the uncompressed ones follow.
const fn prefer(
    id: Opt,
    short: &'static str,
    long: &'static str,
    help: &'static [&'static str],
) -> OptionSpec {
    OptionSpec::new(id, short, long, help).one_of(Choice::Preference)
}

const PREFERENCES: &[OptionSpec] = &[
    prefer(
        Opt::PreferUncompr,
        "+x=",
        "--prefer-uncompr",
        &["explicit VR in this machine's byte order first", "(default)"],
    ),
    prefer(Opt::PreferLittle, "+xe", "--prefer-little", &["explicit VR little endian first"]),
    prefer(Opt::PreferBig, "+xb", "--prefer-big", &["explicit VR big endian first"]),
    prefer(Opt::PreferLossless, "+xs", "--prefer-lossless", &["JPEG lossless (SV1) first"]),
    prefer(Opt::PreferJpeg8, "+xy", "--prefer-jpeg8", &["JPEG baseline, lossy, 8 bit first"]),
    prefer(Opt::PreferJpeg12, "+xx", "--prefer-jpeg12", &["JPEG extended, lossy, 12 bit first"]),
    prefer(
        Opt::PreferJ2kLossless,
        "+xv",
        "--prefer-j2k-lossless",
        &["JPEG 2000, lossless only, first"],
    ),
    prefer(Opt::PreferJ2kLossy, "+xw", "--prefer-j2k-lossy", &["JPEG 2000 first"]),
    prefer(Opt::PreferJlsLossless, "+xt", "--prefer-jls-lossless", &["JPEG-LS lossless first"]),
    prefer(Opt::PreferJlsLossy, "+xu", "--prefer-jls-lossy", &["JPEG-LS lossy first"]),
    prefer(Opt::PreferMpeg2, "+xm", "--prefer-mpeg2", &["MPEG2 Main Profile/Main Level first"]),
    prefer(
        Opt::PreferMpeg2High,
        "+xh",
        "--prefer-mpeg2-high",
        &["MPEG2 Main Profile/High Level first"],
    ),
    prefer(
        Opt::PreferMpeg4,
        "+xn",
        "--prefer-mpeg4",
        &["MPEG-4 AVC/H.264 High Profile/Level 4.1 first"],
    ),
    prefer(
        Opt::PreferMpeg4Bd,
        "+xl",
        "--prefer-mpeg4-bd",
        &["MPEG-4 AVC/H.264 BD-compatible first"],
    ),
    prefer(
        Opt::PreferMpeg4V2In2d,
        "+x2",
        "--prefer-mpeg4-2-2d",
        &["MPEG-4 AVC/H.264 HP/Level 4.2, 2D video, first"],
    ),
    prefer(
        Opt::PreferMpeg4V2In3d,
        "+x3",
        "--prefer-mpeg4-2-3d",
        &["MPEG-4 AVC/H.264 HP/Level 4.2, 3D video, first"],
    ),
    prefer(
        Opt::PreferMpeg4V2Stereo,
        "+xo",
        "--prefer-mpeg4-2-st",
        &["MPEG-4 AVC/H.264 Stereo HP/Level 4.2 first"],
    ),
    prefer(Opt::PreferHevc, "+x4", "--prefer-hevc", &["HEVC/H.265 Main Profile/Level 5.1 first"]),
    prefer(
        Opt::PreferHevc10,
        "+x5",
        "--prefer-hevc10",
        &["HEVC/H.265 Main 10 Profile/Level 5.1 first"],
    ),
    prefer(Opt::PreferRle, "+xr", "--prefer-rle", &["RLE lossless first"]),
    prefer(
        Opt::PreferDeflated,
        "+xd",
        "--prefer-deflated",
        &["deflated explicit VR little endian first"],
    ),
    prefer(Opt::Implicit, "+xi", "--implicit", &["implicit VR little endian only"]),
    prefer(Opt::AcceptAll, "+xa", "--accept-all", &["every transfer syntax, JPEG 2000 first"]),
];

const HOST_ACCESS: &[OptionSpec] = &[
    OptionSpec::new(Opt::AccessFull, "-ac", "--access-full", &["serve every host (default)"])
        .one_of(Choice::HostAccess),
    OptionSpec::new(
        Opt::AccessControl,
        "+ac",
        "--access-control",
        &["obey hosts.allow and hosts.deny"],
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
        &["end a connection silent for s seconds", "(0: never, -1: as the system is set)"],
    )
    .takes("[s]econds: integer (default: 60)", &[Value::at_least(-1)]),
    OptionSpec::new(
        Opt::AcseTimeout,
        "-ta",
        "--acse-timeout",
        &["end a connection that proposes no association", "within s seconds"],
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
        &["reject associations that name no implementation", "class UID"],
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
        &["accept SOP classes that are not registered, too", "(not with --config-file)"],
    ),
    OptionSpec::new(
        Opt::UidPadding,
        "-up",
        "--uid-padding",
        &["tolerate UIDs padded with spaces (always done)"],
    ),
];
