//! Transfer syntaxes: what each UID says about the encoding (PS3.5 §8 and §10, Annex A).

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use super::uid::Uid;

/// A transfer syntax: one of the current standard, a retired one, a private one that is still in use,
/// or an [unlisted](Self::unlisted) one, of which only the UID is known.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TransferSyntax {
    uid: &'static str,
    name: &'static str,
    encoding: Encoding,
}

/// Implicit VR Little Endian (PS3.5 §A.1), the default transfer syntax.
pub const IMPLICIT_VR_LITTLE_ENDIAN: &TransferSyntax = named("1.2.840.10008.1.2");
/// Explicit VR Little Endian (PS3.5 §A.2).
pub const EXPLICIT_VR_LITTLE_ENDIAN: &TransferSyntax = named("1.2.840.10008.1.2.1");
/// Deflated Explicit VR Little Endian (PS3.5 §A.5).
pub const DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN: &TransferSyntax = named("1.2.840.10008.1.2.1.99");
/// Explicit VR Big Endian (PS3.5 §A.3, retired).
pub const EXPLICIT_VR_BIG_ENDIAN: &TransferSyntax = named("1.2.840.10008.1.2.2");
/// RLE Lossless (PS3.5 §A.4.2).
pub const RLE_LOSSLESS: &TransferSyntax = named("1.2.840.10008.1.2.5");

impl TransferSyntax {
    /// All of them, in the order of their UIDs.
    #[must_use]
    pub fn all() -> &'static [TransferSyntax] {
        &TABLE
    }

    /// Finds a transfer syntax by its UID, without padding.
    #[must_use]
    pub fn find(uid: &str) -> Option<&'static TransferSyntax> {
        TABLE.iter().find(|syntax| syntax.uid == uid)
    }

    /// Finds a transfer syntax by its DCMTK symbolic name, as used in negotiation profiles.
    #[must_use]
    pub fn find_by_name(name: &str) -> Option<&'static TransferSyntax> {
        TABLE.iter().find(|syntax| syntax.name == name)
    }

    /// A transfer syntax that [`find`](Self::find) does not know. Its data sets can only be stored as
    /// received; they are inspected as if they were explicit VR little endian.
    ///
    /// Holds some 100 bytes for each UID until the process ends, however often it is called: for UIDs
    /// in a configuration, not for those of peers.
    #[must_use]
    pub fn unlisted(uid: &Uid) -> &'static TransferSyntax {
        static KEPT: Mutex<BTreeMap<&str, &TransferSyntax>> = Mutex::new(BTreeMap::new());

        let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = kept.get(uid.as_str()) {
            return known;
        }
        let uid: &'static str = Box::leak(uid.as_str().into());
        let syntax: &'static TransferSyntax = Box::leak(Box::new(row(uid, uid, UNLISTED)));
        kept.insert(uid, syntax);
        syntax
    }

    /// The UID.
    #[must_use]
    pub fn uid(&self) -> &'static str {
        self.uid
    }

    /// The symbolic name in dumps and negotiation profiles of DCMTK.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Whether each element has a VR field (PS3.5 §7.1.2).
    #[must_use]
    pub fn explicit_vr(&self) -> bool {
        self.encoding.explicit_vr
    }

    /// Whether the most significant byte of a number comes first (PS3.5 §7.3).
    #[must_use]
    pub fn big_endian(&self) -> bool {
        self.encoding.big_endian
    }

    /// Whether the whole data set is a deflate stream (PS3.5 §A.5).
    #[must_use]
    pub fn deflated(&self) -> bool {
        self.encoding.deflated
    }

    /// Whether top-level Pixel Data is a sequence of fragments (PS3.5 §A.4).
    #[must_use]
    pub fn encapsulated(&self) -> bool {
        self.encoding.encapsulated
    }

    /// Whether Pixel Data is big endian although everything else is not, as in a private syntax of GE.
    #[must_use]
    pub fn big_endian_pixel_data(&self) -> bool {
        self.encoding.big_endian_pixel_data
    }

    /// Whether only the UID is known.
    #[must_use]
    pub fn is_unlisted(&self) -> bool {
        self.encoding.unlisted
    }
}

impl fmt::Debug for TransferSyntax {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TransferSyntax({} {})", self.uid, self.name)
    }
}

impl fmt::Display for TransferSyntax {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Encoding {
    explicit_vr: bool,
    big_endian: bool,
    deflated: bool,
    encapsulated: bool,
    big_endian_pixel_data: bool,
    unlisted: bool,
}

const NATIVE: Encoding = Encoding {
    explicit_vr: true,
    big_endian: false,
    deflated: false,
    encapsulated: false,
    big_endian_pixel_data: false,
    unlisted: false,
};
const UNLISTED: Encoding = Encoding { unlisted: true, ..NATIVE };
const ENCAPSULATED: Encoding = Encoding { encapsulated: true, ..NATIVE };
const IMPLICIT: Encoding = Encoding { explicit_vr: false, ..NATIVE };
const BIG: Encoding = Encoding { big_endian: true, ..NATIVE };
const DEFLATED: Encoding = Encoding { deflated: true, ..NATIVE };
const GE_PRIVATE: Encoding = Encoding { big_endian_pixel_data: true, ..IMPLICIT };

const fn row(uid: &'static str, name: &'static str, encoding: Encoding) -> TransferSyntax {
    TransferSyntax { uid, name, encoding }
}

/// Looks a UID up at compile time; one that is not in the table does not compile.
const fn named(uid: &str) -> &'static TransferSyntax {
    let mut index = 0;
    while !equal(TABLE[index].uid.as_bytes(), uid.as_bytes()) {
        index += 1;
    }
    &TABLE[index]
}

const fn equal(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let mut index = 0;
    while index < a.len() {
        if a[index] != b[index] {
            return false;
        }
        index += 1;
    }
    true
}

#[rustfmt::skip]
static TABLE: [TransferSyntax; 63] = [
    row("1.2.840.10008.1.2", "LittleEndianImplicit", IMPLICIT),
    row("1.2.840.10008.1.2.1", "LittleEndianExplicit", NATIVE),
    row("1.2.840.10008.1.2.1.98", "EncapsulatedUncompressedLittleEndianExplicit", ENCAPSULATED),
    row("1.2.840.10008.1.2.1.99", "DeflatedLittleEndianExplicit", DEFLATED),
    row("1.2.840.10008.1.2.2", "BigEndianExplicit", BIG),
    row("1.2.840.10008.1.2.4.50", "JPEGBaseline", ENCAPSULATED),
    row("1.2.840.10008.1.2.4.51", "JPEGExtended:Process2+4", ENCAPSULATED),
    row("1.2.840.10008.1.2.4.52", "JPEGExtended:Process3+5", ENCAPSULATED),
    row("1.2.840.10008.1.2.4.53", "JPEGSpectralSelection:Non-hierarchical:Process6+8", ENCAPSULATED),
    row("1.2.840.10008.1.2.4.54", "JPEGSpectralSelection:Non-hierarchical:Process7+9", ENCAPSULATED),
    row("1.2.840.10008.1.2.4.55", "JPEGFullProgression:Non-hierarchical:Process10+12", ENCAPSULATED),
    row("1.2.840.10008.1.2.4.56", "JPEGFullProgression:Non-hierarchical:Process11+13", ENCAPSULATED),
    row("1.2.840.10008.1.2.4.57", "JPEGLossless:Non-hierarchical:Process14", ENCAPSULATED),
    row("1.2.840.10008.1.2.4.58", "JPEGLossless:Non-hierarchical:Process15", ENCAPSULATED),
    row("1.2.840.10008.1.2.4.59", "JPEGExtended:Hierarchical:Process16+18", ENCAPSULATED),
    row("1.2.840.10008.1.2.4.60", "JPEGExtended:Hierarchical:Process17+19", ENCAPSULATED),
    row("1.2.840.10008.1.2.4.61", "JPEGSpectralSelection:Hierarchical:Process20+22", ENCAPSULATED),
    row("1.2.840.10008.1.2.4.62", "JPEGSpectralSelection:Hierarchical:Process21+23", ENCAPSULATED),
    row("1.2.840.10008.1.2.4.63", "JPEGFullProgression:Hierarchical:Process24+26", ENCAPSULATED),
    row("1.2.840.10008.1.2.4.64", "JPEGFullProgression:Hierarchical:Process25+27", ENCAPSULATED),
    row("1.2.840.10008.1.2.4.65", "JPEGLossless:Hierarchical:Process28", ENCAPSULATED),
    row("1.2.840.10008.1.2.4.66", "JPEGLossless:Hierarchical:Process29", ENCAPSULATED),
    row("1.2.840.10008.1.2.4.70", "JPEGLossless:Non-hierarchical-1stOrderPrediction", ENCAPSULATED),
    row("1.2.840.10008.1.2.4.80", "JPEGLSLossless", ENCAPSULATED),
    row("1.2.840.10008.1.2.4.81", "JPEGLSLossy", ENCAPSULATED),
    row("1.2.840.10008.1.2.4.90", "JPEG2000LosslessOnly", ENCAPSULATED),
    row("1.2.840.10008.1.2.4.91", "JPEG2000", ENCAPSULATED),
    row("1.2.840.10008.1.2.4.92", "JPEG2000MulticomponentLosslessOnly", ENCAPSULATED),
    row("1.2.840.10008.1.2.4.93", "JPEG2000Multicomponent", ENCAPSULATED),
    row("1.2.840.10008.1.2.4.94", "JPIPReferenced", NATIVE),
    row("1.2.840.10008.1.2.4.95", "JPIPReferencedDeflate", DEFLATED),
    row("1.2.840.10008.1.2.4.100", "MPEG2MainProfile@MainLevel", ENCAPSULATED),
    row("1.2.840.10008.1.2.4.100.1", "FragmentableMPEG2MainProfile/MainLevel", ENCAPSULATED),
    row("1.2.840.10008.1.2.4.101", "MPEG2MainProfile@HighLevel", ENCAPSULATED),
    row("1.2.840.10008.1.2.4.101.1", "FragmentableMPEG2MainProfile/HighLevel", ENCAPSULATED),
    row("1.2.840.10008.1.2.4.102", "MPEG4HighProfile/Level4.1", ENCAPSULATED),
    row("1.2.840.10008.1.2.4.102.1", "FragmentableMPEG4HighProfile/Level4.1", ENCAPSULATED),
    row("1.2.840.10008.1.2.4.103", "MPEG4BDcompatibleHighProfile/Level4.1", ENCAPSULATED),
    row("1.2.840.10008.1.2.4.103.1", "FragmentableMPEG4BDcompatibleHighProfile/Level4.1", ENCAPSULATED),
    row("1.2.840.10008.1.2.4.104", "MPEG4HighProfile/Level4.2For2DVideo", ENCAPSULATED),
    row("1.2.840.10008.1.2.4.104.1", "FragmentableMPEG4HighProfile/Level4.2For2DVideo", ENCAPSULATED),
    row("1.2.840.10008.1.2.4.105", "MPEG4HighProfile/Level4.2For3DVideo", ENCAPSULATED),
    row("1.2.840.10008.1.2.4.105.1", "FragmentableMPEG4HighProfile/Level4.2For3DVideo", ENCAPSULATED),
    row("1.2.840.10008.1.2.4.106", "MPEG4StereoHighProfile/Level4.2", ENCAPSULATED),
    row("1.2.840.10008.1.2.4.106.1", "FragmentableMPEG4StereoHighProfile/Level4.2", ENCAPSULATED),
    row("1.2.840.10008.1.2.4.107", "HEVCMainProfile/Level5.1", ENCAPSULATED),
    row("1.2.840.10008.1.2.4.108", "HEVCMain10Profile/Level5.1", ENCAPSULATED),
    row("1.2.840.10008.1.2.4.110", "JPEGXLLossless", ENCAPSULATED),
    row("1.2.840.10008.1.2.4.111", "JPEGXLJPEGRecompression", ENCAPSULATED),
    row("1.2.840.10008.1.2.4.112", "JPEGXL", ENCAPSULATED),
    row("1.2.840.10008.1.2.4.201", "HighThroughputJPEG2000ImageCompressionLosslessOnly", ENCAPSULATED),
    row("1.2.840.10008.1.2.4.202", "HighThroughputJPEG2000withRPCLOptionsImageCompressionLosslessOnly", ENCAPSULATED),
    row("1.2.840.10008.1.2.4.203", "HighThroughputJPEG2000ImageCompression", ENCAPSULATED),
    row("1.2.840.10008.1.2.4.204", "JPIPHTJ2KReferenced", NATIVE),
    row("1.2.840.10008.1.2.4.205", "JPIPHTJ2KReferencedDeflate", DEFLATED),
    row("1.2.840.10008.1.2.5", "RLELossless", ENCAPSULATED),
    row("1.2.840.10008.1.2.6.1", "RETIRED_RFC2557MIMEEncapsulation", NATIVE),
    row("1.2.840.10008.1.2.6.2", "RETIRED_XMLEncoding", NATIVE),
    row("1.2.840.10008.1.2.7.1", "SMPTEST2110-20:UncompressedProgressiveActiveVideo", NATIVE),
    row("1.2.840.10008.1.2.7.2", "SMPTEST2110-20:UncompressedInterlacedActiveVideo", NATIVE),
    row("1.2.840.10008.1.2.7.3", "SMPTEST2110-30:PCMDigitalAudio", NATIVE),
    row("1.2.840.10008.1.2.8.1", "DeflatedImageFrameCompression", ENCAPSULATED),
    row("1.2.840.113619.5.2", "PrivateGELittleEndianImplicitWithBigEndianPixelData", GE_PRIVATE),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_are_what_they_say() {
        let of =
            |s: &TransferSyntax| (s.explicit_vr(), s.big_endian(), s.deflated(), s.encapsulated());
        assert_eq!(of(IMPLICIT_VR_LITTLE_ENDIAN), (false, false, false, false));
        assert_eq!(of(EXPLICIT_VR_LITTLE_ENDIAN), (true, false, false, false));
        assert_eq!(of(DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN), (true, false, true, false));
        assert_eq!(of(EXPLICIT_VR_BIG_ENDIAN), (true, true, false, false));
        assert_eq!(of(RLE_LOSSLESS), (true, false, false, true));
        assert_eq!(RLE_LOSSLESS.name(), "RLELossless");
    }

    #[test]
    fn every_row_is_found_by_uid_and_by_name() {
        for syntax in TransferSyntax::all() {
            assert_eq!(TransferSyntax::find(syntax.uid()), Some(syntax));
            assert_eq!(TransferSyntax::find_by_name(syntax.name()), Some(syntax));
        }
        assert_eq!(TransferSyntax::find("1.2.840.10008.1.1"), None);
    }

    #[test]
    fn an_unlisted_one_has_a_uid_and_no_more() {
        let syntax = TransferSyntax::unlisted(&Uid::parse(b"1.2.3").unwrap());
        assert_eq!((syntax.uid(), syntax.name()), ("1.2.3", "1.2.3"));
        assert!(syntax.is_unlisted() && syntax.explicit_vr() && !syntax.encapsulated());
        assert!(TransferSyntax::all().iter().all(|known| !known.is_unlisted()));
    }
}
