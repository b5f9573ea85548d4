//! Parts of dates and times.

use super::field::TimePart;
use chrono::{DateTime, Datelike, Local, NaiveDate, Timelike};
use dataset::Vr;

/// A date and a time, as far as a value has them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Moment {
    year: Option<u32>,
    month: Option<u32>,
    day: Option<u32>,
    hour: Option<u32>,
    minute: Option<u32>,
    second: Option<u32>,
    millisecond: Option<u32>,
}

impl Moment {
    pub(super) fn of(time: DateTime<Local>) -> Self {
        Self {
            year: u32::try_from(time.year()).ok(),
            month: Some(time.month()),
            day: Some(time.day()),
            hour: Some(time.hour()),
            minute: Some(time.minute()),
            second: Some(time.second()),
            // A leap second has more than a thousand.
            millisecond: Some(time.nanosecond() / 1_000_000 % 1000),
        }
    }

    /// Reads a value of VR DA, TM or DT (PS3.5 §6.2), also in the forms of ACR-NEMA (`2026.11.30`, `12:30:05`). Of
    /// another VR, as private attributes of implicit VR are: whatever of them it looks like. `None` if it is none.
    pub(super) fn read(text: &str, vr: Option<Vr>) -> Option<Self> {
        let is_time = match vr {
            Some(Vr::TM) => true,
            Some(Vr::DA | Vr::DT) => false,
            // A date has eight digits, a time six.
            _ => {
                text.bytes().take_while(u8::is_ascii_digit).count() <= 6 && !text.contains('.')
                    || text.contains(':')
                    || text.find('.') == Some(6)
            }
        };
        let mut digits = Digits(text);
        let mut moment = Self::default();
        if !is_time {
            moment.year = Some(digits.take(4)?);
            digits.skip('.');
            moment.month = digits.take(2).filter(|month| (1..=12).contains(month));
            digits.skip('.');
            moment.day = moment.month.and_then(|_| digits.take(2));
            moment.check_date()?;
            if vr == Some(Vr::DA) {
                return digits.0.is_empty().then_some(moment);
            }
        }
        moment.hour = digits.take(2).filter(|&hour| hour < 24);
        digits.skip(':');
        moment.minute = moment.hour.and_then(|_| digits.take(2)).filter(|&minute| minute < 60);
        digits.skip(':');
        // 60 is a leap second.
        moment.second = moment.minute.and_then(|_| digits.take(2)).filter(|&second| second <= 60);
        if moment.second.is_some() && digits.skip('.') {
            moment.millisecond = digits.fraction();
        }
        (moment != Self::default()).then_some(moment)
    }

    /// Whether there is such a day.
    fn check_date(&self) -> Option<()> {
        let (Some(year), Some(month), Some(day)) = (self.year, self.month, self.day) else {
            return Some(());
        };
        NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day).map(|_| ())
    }

    /// These parts of it; `None` if it lacks one.
    pub(super) fn format(&self, parts: &[TimePart]) -> Option<String> {
        let mut text = String::new();
        for part in parts {
            let (number, digits) = match part {
                TimePart::Text(letter) => {
                    text.push(*letter);
                    continue;
                }
                TimePart::Year => (self.year?, 4),
                TimePart::YearOfCentury => (self.year? % 100, 2),
                TimePart::Month => (self.month?, 2),
                TimePart::Day => (self.day?, 2),
                TimePart::DayOfYear => {
                    let year = i32::try_from(self.year?).ok()?;
                    let date = NaiveDate::from_ymd_opt(year, self.month?, self.day?)?;
                    (date.ordinal(), 3)
                }
                TimePart::Hour => (self.hour?, 2),
                TimePart::Minute => (self.minute?, 2),
                TimePart::Second => (self.second?, 2),
                TimePart::Millisecond => (self.millisecond?, 3),
            };
            text.push_str(&format!("{number:0digits$}"));
        }
        Some(text)
    }
}

/// The digits at the beginning of a text, to be taken off.
struct Digits<'t>(&'t str);

impl Digits<'_> {
    /// A number of exactly so many digits.
    fn take(&mut self, count: usize) -> Option<u32> {
        let (digits, rest) = self.0.split_at_checked(count)?;
        let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
        let number = digits.parse().ok().filter(|_| is_number)?;
        self.0 = rest;
        Some(number)
    }

    fn skip(&mut self, letter: char) -> bool {
        let rest = self.0.strip_prefix(letter);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    /// A fraction of a second, in thousandths.
    fn fraction(&mut self) -> Option<u32> {
        let digits = self.0.bytes().take_while(u8::is_ascii_digit).count().min(3);
        let number: u32 = self.0[..digits].parse().ok()?;
        Some(number * [1000, 100, 10, 1][digits])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [TimePart; 8] = [
        TimePart::Year,
        TimePart::Month,
        TimePart::Day,
        TimePart::Text('T'),
        TimePart::Hour,
        TimePart::Minute,
        TimePart::Second,
        TimePart::Millisecond,
    ];

    fn formatted(text: &str, vr: Option<Vr>, parts: &[TimePart]) -> Option<String> {
        Moment::read(text, vr)?.format(parts)
    }

    #[test]
    fn parts_are_taken_as_far_as_a_value_has_them() {
        use TimePart::{Day, DayOfYear, Hour, Minute, Month, Second, Year, YearOfCentury};
        for (text, vr, parts, expected) in [
            ("20261130", Some(Vr::DA), &[Year, Month, Day][..], Some("20261130")),
            ("2026.11.30", Some(Vr::DA), &[YearOfCentury, Month], Some("2611")),
            ("20260203", Some(Vr::DA), &[DayOfYear], Some("034")),
            ("20260230", Some(Vr::DA), &[Year], None),
            ("2026-11-30", Some(Vr::DA), &[Month], None),
            ("", Some(Vr::DA), &[Year], None),
            ("../../..", Some(Vr::DA), &[Year], None),
            ("123005.25", Some(Vr::TM), &[Hour, Minute, Second], Some("123005")),
            ("12:30:05", Some(Vr::TM), &[Hour, Minute, Second], Some("123005")),
            ("1230", Some(Vr::TM), &[Hour, Minute], Some("1230")),
            ("1230", Some(Vr::TM), &[Second], None),
            ("256161", Some(Vr::TM), &[Hour], None),
            ("2026", Some(Vr::DT), &[Year], Some("2026")),
            ("2026", Some(Vr::DT), &[Month], None),
            ("20261130123005.123456+0100", Some(Vr::DT), &ALL, Some("20261130T123005123")),
            ("20261130123005.5", Some(Vr::DT), &ALL, Some("20261130T123005500")),
            ("20261130", None, &[Month], Some("11")),
            ("2026.11.30", None, &[Month], Some("11")),
            ("123005", None, &[Minute], Some("30")),
            ("123005.12", None, &[Second], Some("05")),
            ("2０26", None, &[Year], None),
        ] {
            assert_eq!(formatted(text, vr, parts).as_deref(), expected, "{text}");
        }
    }
}
