//! Trailing padding of text values (PS3.5 §6.2): removed, then added again for even length.

use crate::vr::Vr;

/// Which bytes are padding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PaddingRule {
    /// Trailing spaces.
    Text,
    /// Trailing NULs, and spaces, which some senders write instead.
    Uid,
}

impl PaddingRule {
    /// The rule for values of a text VR.
    pub(crate) fn of(vr: Vr) -> PaddingRule {
        if vr == Vr::UI { PaddingRule::Uid } else { PaddingRule::Text }
    }

    /// The byte that is added for even length.
    pub(crate) fn pad(self) -> u8 {
        match self {
            PaddingRule::Text => b' ',
            PaddingRule::Uid => 0,
        }
    }

    fn is_padding(self, byte: u8) -> bool {
        byte == b' ' || (byte == 0 && self == PaddingRule::Uid)
    }
}

/// Removes the padding of a value that arrives in pieces. Padding at the end of a piece is counted, not
/// kept, until it is known whether more of the value follows.
#[derive(Debug)]
pub(crate) struct Trimmer {
    rule: PaddingRule,
    /// Runs of equal bytes at the end: the byte and its count. Unused entries have count 0.
    held: [(u8, u64); PADDING_RUNS],
    fresh: bool,
}

/// How many runs of equal bytes count as padding. Some senders write a space and a NUL.
const PADDING_RUNS: usize = 4;

impl Trimmer {
    pub(crate) fn new(rule: PaddingRule) -> Trimmer {
        Trimmer { rule, held: [(0, 0); PADDING_RUNS], fresh: true }
    }

    pub(crate) fn rule(&self) -> PaddingRule {
        self.rule
    }

    /// Whether nothing has been pushed yet.
    pub(crate) fn is_fresh(&self) -> bool {
        self.fresh
    }

    /// Takes the next piece, and calls `emit` with bytes that are known not to be padding.
    pub(crate) fn push<E>(
        &mut self,
        piece: &[u8],
        mut emit: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        self.fresh = false;
        let content = piece.iter().rposition(|&byte| !self.rule.is_padding(byte));
        let kept = content.map_or(0, |last| last + 1);
        if kept > 0 {
            for run in &mut self.held {
                release(std::mem::take(run), &mut emit)?;
            }
            emit(&piece[..kept])?;
        }
        for run in piece[kept..].chunk_by(|one, next| one == next) {
            self.hold(run[0], run.len() as u64, &mut emit)?;
        }
        Ok(())
    }

    fn hold<E>(
        &mut self,
        byte: u8,
        count: u64,
        emit: &mut impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let last = &mut self.held[PADDING_RUNS - 1];
        if last.0 == byte && last.1 > 0 {
            last.1 += count;
            return Ok(());
        }
        release(self.held[0], emit)?;
        self.held.rotate_left(1);
        self.held[PADDING_RUNS - 1] = (byte, count);
        Ok(())
    }
}

fn release<E>(
    (byte, mut count): (u8, u64),
    emit: &mut impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), E> {
    let padding = [byte; 64];
    while count > 0 {
        let now = count.min(padding.len() as u64);
        emit(&padding[..now as usize])?;
        count -= now;
    }
    Ok(())
}

/// The value without its padding.
pub(crate) fn trim(rule: PaddingRule, value: &[u8]) -> &[u8] {
    let mut rest = value;
    for _ in 0..PADDING_RUNS {
        match rest.last() {
            Some(&pad) if rule.is_padding(pad) => {
                let kept = rest.iter().rposition(|&byte| byte != pad).map_or(0, |last| last + 1);
                rest = &rest[..kept];
            }
            _ => break,
        }
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trimmed(rule: PaddingRule, pieces: &[&[u8]]) -> Vec<u8> {
        let mut trimmer = Trimmer::new(rule);
        let mut out = Vec::new();
        for piece in pieces {
            let emit = |bytes: &[u8]| {
                out.extend_from_slice(bytes);
                Ok::<(), ()>(())
            };
            trimmer.push(piece, emit).unwrap();
        }
        out
    }

    #[test]
    fn text_keeps_all_but_the_blanks_at_its_end() {
        for (value, expected) in [
            (&b" A B  "[..], &b" A B"[..]),
            (b"A\0 ", b"A\0"),
            (b"A \0", b"A \0"),
            (b"A\t ", b"A\t"),
            (b"   ", b""),
            (b"", b""),
        ] {
            assert_eq!(trim(PaddingRule::Text, value), expected);
            assert_eq!(trimmed(PaddingRule::Text, &[value]), expected);
        }
    }

    #[test]
    fn uids_lose_nuls_and_blanks_at_the_end_and_nothing_else() {
        for (value, expected) in [
            (&b"1.2\0\0 \0 "[..], &b"1.2"[..]),
            (b"1.2\0 \0 \0", b"1.2\0"),
            (b"1.2 \0", b"1.2"),
            (b"1.2\0 ", b"1.2"),
            (b"1 .2\t\0", b"1 .2\t"),
            (b"1\0\0 2\0", b"1\0\0 2"),
            (b" 1.2", b" 1.2"),
            (b"\x001.2", b"\x001.2"),
            (b" \0", b""),
        ] {
            assert_eq!(trimmed(PaddingRule::Uid, &[value]), expected);
            assert_eq!(trim(PaddingRule::Uid, value), expected);
        }
    }

    #[test]
    fn pieces_make_no_difference() {
        let value = b"  A   \0\0 B  \0 C\0  \0\0   ";
        for rule in [PaddingRule::Text, PaddingRule::Uid] {
            let whole = trimmed(rule, &[value]);
            assert_eq!(trim(rule, value), whole);
            for cut in 0..=value.len() {
                let (head, tail) = value.split_at(cut);
                assert_eq!(trimmed(rule, &[head, tail]), whole, "{cut}");
            }
        }
    }

    #[test]
    fn many_blanks_are_given_back_when_text_follows() {
        let value = [&[b'A'][..], &[b' '; 1000], b"B"].concat();
        assert_eq!(trimmed(PaddingRule::Text, &[&value[..500], &value[500..]]), value);
    }
}
