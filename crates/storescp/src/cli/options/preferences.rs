//! Options about the transfer syntaxes that are accepted: one is preferred, or all are accepted.

use super::spec::{Choice, Opt, OptionSpec};
use dataset::TransferSyntax;
use dataset::transfer_syntax::{
    DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN, EXPLICIT_VR_BIG_ENDIAN, EXPLICIT_VR_LITTLE_ENDIAN,
    IMPLICIT_VR_LITTLE_ENDIAN, RLE_LOSSLESS,
};

/// A preference option: its transfer syntax comes first, the uncompressed ones follow.
const fn prefer(
    id: Opt,
    short: &'static str,
    long: &'static str,
    help: &'static [&'static str],
) -> OptionSpec {
    OptionSpec::new(id, short, long, help).one_of(Choice::Preference)
}

pub(super) const PREFERENCES: &[OptionSpec] = &[
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

/// What is accepted under `preference`; without one, under `--prefer-uncompr`.
pub(super) fn accepted(preference: Option<Opt>) -> Vec<&'static TransferSyntax> {
    let little = [EXPLICIT_VR_LITTLE_ENDIAN, EXPLICIT_VR_BIG_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN];
    let big = [EXPLICIT_VR_BIG_ENDIAN, EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN];
    match preference.unwrap_or(Opt::PreferUncompr) {
        Opt::PreferUncompr if cfg!(target_endian = "big") => big.to_vec(),
        Opt::PreferBig => big.to_vec(),
        Opt::Implicit => vec![IMPLICIT_VR_LITTLE_ENDIAN],
        Opt::AcceptAll => ALL.into_iter().map(known).chain(little).collect(),
        other => first(other).into_iter().chain(little).collect(),
    }
}

/// Whether a preference is for a compressed transfer syntax, deflated ones not counted.
pub(super) fn compressed(preference: Opt) -> bool {
    first(preference).is_some_and(TransferSyntax::encapsulated)
}

/// The transfer syntax that a preference puts before the uncompressed ones.
fn first(preference: Opt) -> Option<&'static TransferSyntax> {
    Some(match preference {
        Opt::PreferRle => RLE_LOSSLESS,
        Opt::PreferDeflated => DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,
        Opt::PreferJpeg8 => known("1.2.840.10008.1.2.4.50"),
        Opt::PreferJpeg12 => known("1.2.840.10008.1.2.4.51"),
        Opt::PreferLossless => known("1.2.840.10008.1.2.4.70"),
        Opt::PreferJlsLossless => known("1.2.840.10008.1.2.4.80"),
        Opt::PreferJlsLossy => known("1.2.840.10008.1.2.4.81"),
        Opt::PreferJ2kLossless => known("1.2.840.10008.1.2.4.90"),
        Opt::PreferJ2kLossy => known("1.2.840.10008.1.2.4.91"),
        Opt::PreferMpeg2 => known("1.2.840.10008.1.2.4.100"),
        Opt::PreferMpeg2High => known("1.2.840.10008.1.2.4.101"),
        Opt::PreferMpeg4 => known("1.2.840.10008.1.2.4.102"),
        Opt::PreferMpeg4Bd => known("1.2.840.10008.1.2.4.103"),
        Opt::PreferMpeg4V2In2d => known("1.2.840.10008.1.2.4.104"),
        Opt::PreferMpeg4V2In3d => known("1.2.840.10008.1.2.4.105"),
        Opt::PreferMpeg4V2Stereo => known("1.2.840.10008.1.2.4.106"),
        Opt::PreferHevc => known("1.2.840.10008.1.2.4.107"),
        Opt::PreferHevc10 => known("1.2.840.10008.1.2.4.108"),
        _ => return None,
    })
}

/// An entry of the data set crate's table.
fn known(uid: &'static str) -> &'static TransferSyntax {
    TransferSyntax::find(uid).expect("a test looks every one up")
}

/// What `--accept-all` puts before the three uncompressed transfer syntaxes.
const ALL: [&str; 33] = [
    "1.2.840.10008.1.2.4.91",
    "1.2.840.10008.1.2.4.90",
    "1.2.840.10008.1.2.4.51",
    "1.2.840.10008.1.2.4.50",
    "1.2.840.10008.1.2.4.70",
    "1.2.840.10008.1.2.4.81",
    "1.2.840.10008.1.2.4.80",
    "1.2.840.10008.1.2.5",
    "1.2.840.10008.1.2.4.100",
    "1.2.840.10008.1.2.4.100.1",
    "1.2.840.10008.1.2.4.101",
    "1.2.840.10008.1.2.4.101.1",
    "1.2.840.10008.1.2.4.102",
    "1.2.840.10008.1.2.4.102.1",
    "1.2.840.10008.1.2.4.103",
    "1.2.840.10008.1.2.4.103.1",
    "1.2.840.10008.1.2.4.104",
    "1.2.840.10008.1.2.4.104.1",
    "1.2.840.10008.1.2.4.105",
    "1.2.840.10008.1.2.4.105.1",
    "1.2.840.10008.1.2.4.106",
    "1.2.840.10008.1.2.4.106.1",
    "1.2.840.10008.1.2.4.107",
    "1.2.840.10008.1.2.4.108",
    "1.2.840.10008.1.2.4.201",
    "1.2.840.10008.1.2.4.202",
    "1.2.840.10008.1.2.4.203",
    "1.2.840.10008.1.2.4.110",
    "1.2.840.10008.1.2.4.111",
    "1.2.840.10008.1.2.4.112",
    "1.2.840.10008.1.2.8.1",
    "1.2.840.10008.1.2.1.99",
    "1.2.840.10008.1.2.1.98",
];

#[cfg(test)]
mod tests {
    use super::*;

    /// The UIDs accepted, without the prefix that nearly all share.
    fn uids(preference: Option<Opt>) -> Vec<&'static str> {
        let uids = accepted(preference).into_iter().map(TransferSyntax::uid);
        uids.map(|uid| uid.strip_prefix("1.2.840.10008.1.2").unwrap()).collect()
    }

    #[test]
    fn uncompressed_preferences() {
        assert_eq!(uids(Some(Opt::PreferLittle)), [".1", ".2", ""]);
        assert_eq!(uids(Some(Opt::PreferBig)), [".2", ".1", ""]);
        assert_eq!(uids(Some(Opt::Implicit)), [""]);
        assert_eq!(uids(None), uids(Some(Opt::PreferUncompr)));
        let local = if cfg!(target_endian = "big") { ".2" } else { ".1" };
        assert_eq!(uids(None)[0], local);
    }

    #[test]
    fn a_preferred_syntax_comes_before_the_uncompressed_ones() {
        let preferences = PREFERENCES.iter();
        let firsts: Vec<_> = preferences
            .filter(|option| first(option.id).is_some())
            .map(|option| {
                assert_eq!(uids(Some(option.id))[1..], [".1", ".2", ""], "{}", option.long);
                (option.short, uids(Some(option.id))[0])
            })
            .collect();
        let expected = [
            ("+xs", ".4.70"),
            ("+xy", ".4.50"),
            ("+xx", ".4.51"),
            ("+xv", ".4.90"),
            ("+xw", ".4.91"),
            ("+xt", ".4.80"),
            ("+xu", ".4.81"),
            ("+xm", ".4.100"),
            ("+xh", ".4.101"),
            ("+xn", ".4.102"),
            ("+xl", ".4.103"),
            ("+x2", ".4.104"),
            ("+x3", ".4.105"),
            ("+xo", ".4.106"),
            ("+x4", ".4.107"),
            ("+x5", ".4.108"),
            ("+xr", ".5"),
            ("+xd", ".1.99"),
        ];
        assert_eq!(firsts, expected);
    }

    #[test]
    fn all_keeps_the_order_of_older_versions() {
        let all = uids(Some(Opt::AcceptAll));
        assert_eq!(all.len(), 36);
        let older = [
            ".4.91", ".4.90", ".4.51", ".4.50", ".4.70", ".4.81", ".4.80", ".5", ".4.100",
            ".4.101", ".4.102", ".4.103", ".4.104", ".4.105", ".4.106", ".4.107", ".4.108",
            ".1.99", ".1", ".2", "",
        ];
        let kept: Vec<_> = all.iter().copied().filter(|uid| older.contains(uid)).collect();
        assert_eq!(kept, older);
        for uid in &all {
            assert_eq!(all.iter().filter(|other| other == &uid).count(), 1, "{uid}");
        }
    }

    #[test]
    fn deflated_is_not_compressed() {
        assert!(compressed(Opt::PreferRle) && compressed(Opt::PreferHevc));
        assert!(!compressed(Opt::PreferDeflated) && !compressed(Opt::AcceptAll));
        assert!(!compressed(Opt::PreferBig));
    }
}
