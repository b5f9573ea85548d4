//! Value representations (PS3.5 §6.2).

use std::fmt;

/// A value representation of the standard.
#[allow(missing_docs, reason = "the names are the standard's own")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Vr {
    AE,
    AS,
    AT,
    CS,
    DA,
    DS,
    DT,
    FD,
    FL,
    IS,
    LO,
    LT,
    OB,
    OD,
    OF,
    OL,
    OV,
    OW,
    PN,
    SH,
    SL,
    SQ,
    SS,
    ST,
    SV,
    TM,
    UC,
    UI,
    UL,
    UN,
    UR,
    US,
    UT,
    UV,
}

impl Vr {
    /// All of them, in alphabetic order.
    pub const ALL: [Vr; 34] = [
        Vr::AE,
        Vr::AS,
        Vr::AT,
        Vr::CS,
        Vr::DA,
        Vr::DS,
        Vr::DT,
        Vr::FD,
        Vr::FL,
        Vr::IS,
        Vr::LO,
        Vr::LT,
        Vr::OB,
        Vr::OD,
        Vr::OF,
        Vr::OL,
        Vr::OV,
        Vr::OW,
        Vr::PN,
        Vr::SH,
        Vr::SL,
        Vr::SQ,
        Vr::SS,
        Vr::ST,
        Vr::SV,
        Vr::TM,
        Vr::UC,
        Vr::UI,
        Vr::UL,
        Vr::UN,
        Vr::UR,
        Vr::US,
        Vr::UT,
        Vr::UV,
    ];

    /// The two letters in an element header.
    #[must_use]
    pub const fn code(self) -> [u8; 2] {
        match self {
            Vr::AE => *b"AE",
            Vr::AS => *b"AS",
            Vr::AT => *b"AT",
            Vr::CS => *b"CS",
            Vr::DA => *b"DA",
            Vr::DS => *b"DS",
            Vr::DT => *b"DT",
            Vr::FD => *b"FD",
            Vr::FL => *b"FL",
            Vr::IS => *b"IS",
            Vr::LO => *b"LO",
            Vr::LT => *b"LT",
            Vr::OB => *b"OB",
            Vr::OD => *b"OD",
            Vr::OF => *b"OF",
            Vr::OL => *b"OL",
            Vr::OV => *b"OV",
            Vr::OW => *b"OW",
            Vr::PN => *b"PN",
            Vr::SH => *b"SH",
            Vr::SL => *b"SL",
            Vr::SQ => *b"SQ",
            Vr::SS => *b"SS",
            Vr::ST => *b"ST",
            Vr::SV => *b"SV",
            Vr::TM => *b"TM",
            Vr::UC => *b"UC",
            Vr::UI => *b"UI",
            Vr::UL => *b"UL",
            Vr::UN => *b"UN",
            Vr::UR => *b"UR",
            Vr::US => *b"US",
            Vr::UT => *b"UT",
            Vr::UV => *b"UV",
        }
    }

    /// The VR with these two letters, if there is one.
    #[inline]
    #[must_use]
    pub const fn from_code(code: [u8; 2]) -> Option<Vr> {
        let [row, column] =
            [code[0].wrapping_sub(b'A') as usize, code[1].wrapping_sub(b'A') as usize];
        if row < LETTERS && column < LETTERS { OF_CODE[row][column] } else { None }
    }

    /// Whether an element header in explicit VR has a 32-bit length, after two reserved bytes (PS3.5
    /// §7.1.2, Table 7.1-1).
    #[must_use]
    pub const fn has_long_length(self) -> bool {
        matches!(
            self,
            Vr::OB
                | Vr::OD
                | Vr::OF
                | Vr::OL
                | Vr::OV
                | Vr::OW
                | Vr::SQ
                | Vr::SV
                | Vr::UC
                | Vr::UN
                | Vr::UR
                | Vr::UT
                | Vr::UV
        )
    }

    /// The size in bytes of the units that are reversed when the byte order changes (PS3.5 §7.3); 1 if
    /// nothing is.
    #[must_use]
    pub const fn swap_unit(self) -> usize {
        match self {
            Vr::AT | Vr::OW | Vr::SS | Vr::US => 2,
            Vr::FL | Vr::OF | Vr::OL | Vr::SL | Vr::UL => 4,
            Vr::FD | Vr::OD | Vr::OV | Vr::SV | Vr::UV => 8,
            _ => 1,
        }
    }

    /// Whether values are text, with trailing padding.
    #[must_use]
    pub const fn is_text(self) -> bool {
        matches!(
            self,
            Vr::AE
                | Vr::AS
                | Vr::CS
                | Vr::DA
                | Vr::DS
                | Vr::DT
                | Vr::IS
                | Vr::LO
                | Vr::LT
                | Vr::PN
                | Vr::SH
                | Vr::ST
                | Vr::TM
                | Vr::UC
                | Vr::UI
                | Vr::UR
                | Vr::UT
        )
    }
}

/// The VR of each two letters, since it is looked up for each element.
const OF_CODE: &[[Option<Vr>; LETTERS]; LETTERS] = &{
    let mut table = [[None; LETTERS]; LETTERS];
    let mut next = 0;
    while next < Vr::ALL.len() {
        let [first, second] = Vr::ALL[next].code();
        table[(first - b'A') as usize][(second - b'A') as usize] = Some(Vr::ALL[next]);
        next += 1;
    }
    table
};

/// How many letters a VR may consist of.
const LETTERS: usize = 26;

impl fmt::Display for Vr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [first, second] = self.code();
        write!(f, "{}{}", first as char, second as char)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_go_both_ways() {
        for vr in Vr::ALL {
            assert_eq!(Vr::from_code(vr.code()), Some(vr));
            assert_eq!(vr.to_string(), format!("{vr:?}"));
        }
        assert!(Vr::ALL.windows(2).all(|pair| pair[0].code() < pair[1].code()));
        assert_eq!(Vr::from_code(*b"ox"), None);
        assert_eq!(Vr::from_code(*b"ZZ"), None);
    }

    #[test]
    fn each_vr_is_text_or_numbers_or_neither() {
        for vr in Vr::ALL {
            assert!(!vr.is_text() || vr.swap_unit() == 1, "{vr}");
        }
        let neither: Vec<_> =
            Vr::ALL.into_iter().filter(|vr| !vr.is_text() && vr.swap_unit() == 1).collect();
        assert_eq!(neither, [Vr::OB, Vr::SQ, Vr::UN]);
    }
}
