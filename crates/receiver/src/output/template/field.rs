//! What a template consists of, once it is read.

use dataset::dictionary::EntryVr;
use dataset::{AttributeName, Vr};

/// The name of a folder or, for the last one, of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Component {
    /// As it was written.
    pub(super) text: String,
    pub(super) pieces: Vec<Piece>,
}

/// A part of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    Text(String),
    /// The first alternative that has a value.
    Field(Vec<Alternative>),
}

/// One of the values that a field may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Alternative {
    pub(super) source: Source,
    pub(super) format: Format,
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    Attribute {
        name: AttributeName,
        /// Its VR by the standard; `None` of a private one, and of a tag that the standard does not have.
        vr: Option<EntryVr>,
    },
    /// When the C-STORE-RQ came, by the local clock.
    Received,
    Calling,
    Called,
    /// The letters that stand for the SOP class.
    SopClass,
    Literal(String),
}

/// How a value is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Format {
    Plain,
    /// Of numbers: with zeros in front, at least so many digits.
    Width(usize),
    /// The first so many characters.
    Cut(usize),
    /// Parts of a date or time.
    Time(Vec<TimePart>),
}

/// A part of a date or time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TimePart {
    Year,
    YearOfCentury,
    Month,
    Day,
    DayOfYear,
    Hour,
    Minute,
    Second,
    /// Three digits.
    Millisecond,
    Text(char),
}

impl TimePart {
    /// All that stand for something, with their letters as in strftime(3).
    pub(super) const LETTERS: [(char, TimePart); 9] = [
        ('Y', Self::Year),
        ('y', Self::YearOfCentury),
        ('m', Self::Month),
        ('d', Self::Day),
        ('j', Self::DayOfYear),
        ('H', Self::Hour),
        ('M', Self::Minute),
        ('S', Self::Second),
        ('L', Self::Millisecond),
    ];

    pub(super) fn is_of_date(self) -> bool {
        use TimePart::{Day, DayOfYear, Month, Year, YearOfCentury};
        matches!(self, Year | YearOfCentury | Month | Day | DayOfYear)
    }

    pub(super) fn is_of_time(self) -> bool {
        !self.is_of_date() && !matches!(self, Self::Text(_))
    }
}

/// Whether values of this VR can stand in a name: text and numbers, not sequences or binary data.
pub(super) fn has_text(vr: EntryVr) -> bool {
    match vr {
        EntryVr::Exact(vr) => {
            !matches!(vr, Vr::OB | Vr::OD | Vr::OF | Vr::OL | Vr::OV | Vr::OW | Vr::SQ | Vr::UN)
        }
        EntryVr::Xs | EntryVr::Up => true,
        EntryVr::Ox | EntryVr::Px | EntryVr::Lt | EntryVr::Na => false,
    }
}
