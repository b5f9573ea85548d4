//! Whether something matches, which cannot always be known: all of the logic for it.

/// Whether a pattern, a list or a rule matches.
///
/// Nothing turns it into a `bool`: the caller has to decide what becomes of [`Match::CannotTell`].
#[must_use]
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Match {
    Yes,
    No,
    /// It depends on something that cannot be read, looked up or understood, and on what.
    CannotTell(String),
}

impl Match {
    /// What is known for sure.
    pub(super) fn of(condition: bool) -> Self {
        if condition { Self::Yes } else { Self::No }
    }

    /// Whether both match. `other` is not asked where it cannot make a difference.
    pub(super) fn and(self, other: impl FnOnce() -> Self) -> Self {
        match self {
            Self::No => Self::No,
            Self::Yes => other(),
            Self::CannotTell(why) => match other() {
                Self::No => Self::No,
                Self::Yes | Self::CannotTell(_) => Self::CannotTell(why),
            },
        }
    }

    /// Whether one of them matches. `other` is not asked where it cannot make a difference.
    pub(super) fn or(self, other: impl FnOnce() -> Self) -> Self {
        match self {
            Self::Yes => Self::Yes,
            Self::No => other(),
            Self::CannotTell(why) => match other() {
                Self::Yes => Self::Yes,
                Self::No | Self::CannotTell(_) => Self::CannotTell(why),
            },
        }
    }

    /// Whether it does not match.
    pub(super) fn not(self) -> Self {
        match self {
            Self::Yes => Self::No,
            Self::No => Self::Yes,
            Self::CannotTell(why) => Self::CannotTell(why),
        }
    }

    /// Adds to what it depends on.
    pub(super) fn because(self, explain: impl FnOnce(String) -> String) -> Self {
        match self {
            Self::CannotTell(why) => Self::CannotTell(explain(why)),
            known => known,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Match::{self, CannotTell, No, Yes};

    fn unknown() -> Match {
        CannotTell("why".to_owned())
    }

    #[test]
    fn what_cannot_be_told_stays_so_unless_it_makes_no_difference() {
        let all = || [Yes, No, unknown()];
        let table = |join: fn(Match, Match) -> Match| {
            all().map(|one| all().map(|other| join(one.clone(), other)))
        };
        let and = table(|one, other| one.and(|| other));
        assert_eq!(and, [[Yes, No, unknown()], [No, No, No], [unknown(), No, unknown()]]);
        let or = table(|one, other| one.or(|| other));
        assert_eq!(or, [[Yes, Yes, Yes], [Yes, No, unknown()], [Yes, unknown(), unknown()]]);
        assert_eq!(all().map(Match::not), [No, Yes, unknown()]);
    }

    #[test]
    fn what_makes_no_difference_is_not_asked() {
        let never = || unreachable!("asked in vain");
        assert_eq!((No.and(never), Yes.or(never)), (No, Yes));
    }
}
