//! How much space has to remain free where instances are stored.

use crate::{Space, Storage};

/// `--min-free`: with less free space than this, no new object is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MinFree {
    /// This many bytes.
    Bytes(u64),
    /// This many per cent of the file system, at most 100.
    Percent(u8),
}

impl MinFree {
    /// Reads a number of bytes, or of units of 1024 (`K`), 1024² (`M`), 1024³ (`G`) or 1024⁴ (`T`)
    /// bytes, or of per cent (`%`). `None` if it is neither, or too large.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let number: u64 = digits.parse().ok()?;
        let exponent = match &text[digits.len()..] {
            "%" => {
                let percent = u8::try_from(number).ok().filter(|percent| *percent <= 100)?;
                return Some(Self::Percent(percent));
            }
            "" => 0,
            "K" | "k" => 1,
            "M" | "m" => 2,
            "G" | "g" => 3,
            "T" | "t" => 4,
            _ => return None,
        };
        number.checked_mul(1024_u64.pow(exponent)).map(Self::Bytes)
    }

    /// Whether that much of `space` is free.
    #[must_use]
    pub fn is_kept(self, space: Space) -> bool {
        match self {
            Self::Bytes(bytes) => space.free_bytes >= bytes,
            Self::Percent(percent) => {
                u128::from(space.free_bytes) * 100
                    >= u128::from(space.total_bytes) * u128::from(percent)
            }
        }
    }

    /// Says that less than this is free, and how much should be: `only 12 MiB free, 1024 MiB must stay free`.
    #[must_use]
    pub fn describe(self, space: Space) -> String {
        match self {
            Self::Bytes(bytes) => {
                format!("{space}, {} MiB must stay free", bytes.div_ceil(1024 * 1024))
            }
            Self::Percent(percent) => format!("{space}, {percent} % must stay free"),
        }
    }

    /// The space of `storage`, if less than this is free. `None` also if that cannot be found out: storing will
    /// show.
    #[must_use]
    pub fn shortage(self, storage: &dyn Storage) -> Option<Space> {
        let space = storage.folder().and_then(|folder| folder.space()).ok()?;
        (!self.is_kept(space)).then_some(space)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_units_and_per_cent_are_understood() {
        let space = Space { free_bytes: 12 << 20, total_bytes: 0 };
        let described = MinFree::Bytes(1 << 30).describe(space);
        assert_eq!(described, "only 12 MiB free, 1024 MiB must stay free");
        assert_eq!(MinFree::Percent(5).describe(space), "only 12 MiB free, 5 % must stay free");
        assert_eq!(MinFree::parse("0"), Some(MinFree::Bytes(0)));
        assert_eq!(MinFree::parse("1500"), Some(MinFree::Bytes(1500)));
        assert_eq!(MinFree::parse("3k"), Some(MinFree::Bytes(3072)));
        assert_eq!(MinFree::parse("2G"), Some(MinFree::Bytes(2 << 30)));
        assert_eq!(MinFree::parse("16777215T"), Some(MinFree::Bytes(16_777_215 << 40)));
        assert_eq!(MinFree::parse("5%"), Some(MinFree::Percent(5)));
        assert_eq!(MinFree::parse("100%"), Some(MinFree::Percent(100)));
        for bad in ["", "%", "G", "-1", "1.5G", "101%", "1GB", "1 G", "x1", "16777216T", "1%%"] {
            assert_eq!(MinFree::parse(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn the_bound_itself_is_enough() {
        let space = Space { free_bytes: 50, total_bytes: 1000 };
        assert!(MinFree::Bytes(50).is_kept(space));
        assert!(!MinFree::Bytes(51).is_kept(space));
        assert!(MinFree::Percent(5).is_kept(space));
        assert!(!MinFree::Percent(6).is_kept(space));
        let huge = Space { free_bytes: u64::MAX, total_bytes: u64::MAX };
        assert!(MinFree::Percent(100).is_kept(huge));
    }
}
