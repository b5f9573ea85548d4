//! Draws that come out the same for the same seed, whatever else is drawn: each is a hash of what it is for.

/// What a draw is for. No two uses of one rule have the same numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Draw {
    pub(super) seed: u64,
    /// The number of the rule in its plan.
    pub(super) rule: usize,
    /// The number of the association, where objects are counted; else 0.
    pub(super) association: u64,
    /// The number of the connection, association or object.
    pub(super) number: u64,
}

impl Draw {
    /// The draw of this step: 0 for whether the rule strikes, others for times.
    pub(super) fn step(self, step: u64) -> u64 {
        let Self { seed, rule, association, number } = self;
        [rule as u64, association, number, step].into_iter().fold(mixed(seed), |state, part| {
            mixed(state ^ part.wrapping_mul(0x9E37_79B9_7F4A_7C15))
        })
    }
}

/// The output function of SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014).
fn mixed(state: u64) -> u64 {
    let mut z = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A change of the numbers would make noted seeds worthless.
    #[test]
    fn draws_are_the_same_for_ever() {
        assert_eq!(mixed(0), 0xE220_A839_7B1D_CDAF, "the first number of SplitMix64 with seed 0");
        let draw = Draw { seed: 42, rule: 1, association: 2, number: 3 };
        assert_eq!(draw.step(0), draw.step(0));
        for other in [
            Draw { seed: 43, ..draw },
            Draw { rule: 0, ..draw },
            Draw { association: 3, ..draw },
            Draw { number: 4, ..draw },
        ] {
            assert_ne!(draw.step(0), other.step(0), "{other:?}");
        }
        assert_ne!(draw.step(0), draw.step(1));
    }

    #[test]
    fn draws_are_evenly_distributed() {
        let below = |share: u64| {
            let draws = (1..=10_000).map(|number| {
                Draw { seed: 7, rule: 0, association: 1, number }.step(0) % 1_000_000
            });
            draws.filter(|draw| *draw < share).count()
        };
        assert!((900..1100).contains(&below(100_000)), "{}", below(100_000));
        assert!((4800..5200).contains(&below(500_000)), "{}", below(500_000));
    }
}
