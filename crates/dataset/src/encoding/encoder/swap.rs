//! Byte order of numbers (PS3.5 §7.3).

/// Appends `bytes` to `out` with the bytes of each `unit` in reverse. Both lengths are multiples of
/// `unit`, which is 2, 4 or 8.
pub(crate) fn append_swapped(out: &mut Vec<u8>, bytes: &[u8], unit: usize) {
    match unit {
        2 => append_units::<2>(out, bytes),
        4 => append_units::<4>(out, bytes),
        8 => append_units::<8>(out, bytes),
        _ => out.extend_from_slice(bytes),
    }
}

/// A loop over arrays of fixed size, which the compiler turns into vector shuffles.
fn append_units<const UNIT: usize>(out: &mut Vec<u8>, bytes: &[u8]) {
    let start = out.len();
    out.extend_from_slice(bytes);
    let (units, _) = out[start..].as_chunks_mut::<UNIT>();
    for unit in units {
        unit.reverse();
    }
}

/// The first bytes of a unit that continues in the next piece.
#[derive(Debug, Default)]
pub(crate) struct Carry {
    bytes: [u8; 8],
    len: usize,
}

impl Carry {
    /// Splits `piece` into whole units. Returns the unit that began in an earlier piece, once it is
    /// complete, and the whole units that follow it; the rest is kept for the next piece.
    pub(crate) fn align<'a>(
        &mut self,
        piece: &'a [u8],
        unit: usize,
    ) -> (Option<[u8; 8]>, &'a [u8]) {
        let mut rest = piece;
        let mut completed = None;
        if self.len > 0 {
            let taken = (unit - self.len).min(rest.len());
            self.bytes[self.len..self.len + taken].copy_from_slice(&rest[..taken]);
            self.len += taken;
            rest = &rest[taken..];
            if self.len < unit {
                return (None, &[]);
            }
            completed = Some(self.bytes);
        }
        let (whole, cut) = rest.split_at(rest.len() - rest.len() % unit);
        self.bytes[..cut.len()].copy_from_slice(cut);
        self.len = cut.len();
        (completed, whole)
    }

    /// The bytes at the end of the value that are not a whole unit.
    pub(crate) fn rest(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_reversed() {
        let bytes: Vec<u8> = (0..16).collect();
        for unit in [2, 4, 8] {
            let mut out = vec![99];
            append_swapped(&mut out, &bytes, unit);
            let expected: Vec<u8> =
                bytes.chunks(unit).flat_map(|chunk| chunk.iter().rev().copied()).collect();
            assert_eq!(out[1..], expected, "{unit}");
        }
    }

    #[test]
    fn cuts_within_a_unit_make_no_difference() {
        let bytes: Vec<u8> = (0..43).collect();
        for unit in [2, 4, 8] {
            let mut whole = Vec::new();
            append_swapped(&mut whole, &bytes[..43 - 43 % unit], unit);
            for (first, second) in [(0, 0), (1, 2), (3, 3), (7, 8), (9, 10), (1, 43), (43, 43)] {
                let mut carry = Carry::default();
                let mut out = Vec::new();
                for piece in [&bytes[..first], &bytes[first..second], &bytes[second..]] {
                    let (completed, units) = carry.align(piece, unit);
                    if let Some(completed) = completed {
                        append_swapped(&mut out, &completed[..unit], unit);
                    }
                    append_swapped(&mut out, units, unit);
                }
                assert_eq!(out, whole, "{unit} {first} {second}");
                assert_eq!(carry.rest(), &bytes[43 - 43 % unit..]);
            }
        }
    }
}
