//! Hours of the day in which a destination is used.

use crate::Hours;

/// Whether a destination with these hours is used at this minute of the local day. What a change to or from daylight
/// saving time skips is skipped, and what it repeats is repeated.
pub(crate) fn is_open(hours: &[Hours], minute: u16) -> bool {
    hours.is_empty() || hours.iter().any(|one| contains(*one, minute))
}

fn contains(hours: Hours, minute: u16) -> bool {
    let Hours { from, to } = hours;
    if from < to {
        (from..to).contains(&minute)
    } else {
        // Over midnight; from one minute to the same minute is all day.
        minute >= from || minute < to
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_begin_and_end_and_go_over_midnight() {
        let night = [Hours { from: 22 * 60, to: 6 * 60 }];
        let open: Vec<_> =
            [1319, 1320, 1439, 0, 359, 360, 720].map(|it| is_open(&night, it)).into();
        assert_eq!(open, [false, true, true, true, true, false, false]);
        let two = [Hours { from: 60, to: 120 }, Hours { from: 600, to: 601 }];
        let open: Vec<_> = [59, 60, 119, 120, 599, 600, 601].map(|it| is_open(&two, it)).into();
        assert_eq!(open, [false, true, true, false, false, true, false]);
        assert!(is_open(&[], 0) && is_open(&[Hours { from: 5, to: 5 }], 4));
    }
}
