//! The padding of character values (PS3.5 §6.2): cut where it came, put back to even length.

use crate::uid::is_white_space;

/// What counts as padding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Charset {
    /// Blanks at the end.
    Text,
    /// NULs at the end, and white space anywhere.
    Uid,
}

impl Charset {
    /// The byte that makes the length even.
    pub(crate) fn pad(self) -> u8 {
        match self {
            Charset::Text => b' ',
            Charset::Uid => 0,
        }
    }
}

/// Cuts the padding off a value that comes in pieces. Blanks at the end of a piece are counted, not
/// kept, until it turns out whether they are the end of the value.
#[derive(Debug)]
pub(crate) struct Trimmer {
    charset: Charset,
    held: u64,
    fresh: bool,
}

impl Trimmer {
    pub(crate) fn new(charset: Charset) -> Trimmer {
        Trimmer { charset, held: 0, fresh: true }
    }

    pub(crate) fn charset(&self) -> Charset {
        self.charset
    }

    /// Whether nothing was pushed yet.
    pub(crate) fn is_fresh(&self) -> bool {
        self.fresh
    }

    /// Takes the next piece and gives back, piece by piece, what is no padding.
    pub(crate) fn push<E>(
        &mut self,
        piece: &[u8],
        mut emit: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        self.fresh = false;
        match self.charset {
            Charset::Text => self.push_solid(piece, &mut emit),
            Charset::Uid => piece
                .split(|&byte| is_white_space(byte))
                .try_for_each(|solid| self.push_solid(solid, &mut emit)),
        }
    }

    fn push_solid<E>(
        &mut self,
        piece: &[u8],
        emit: &mut impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let pad = self.charset.pad();
        let kept = piece.iter().rposition(|&byte| byte != pad).map_or(0, |last| last + 1);
        if kept > 0 {
            let padding = [pad; 64];
            while self.held > 0 {
                let now = self.held.min(padding.len() as u64);
                emit(&padding[..now as usize])?;
                self.held -= now;
            }
            emit(&piece[..kept])?;
        }
        self.held += (piece.len() - kept) as u64;
        Ok(())
    }
}

/// The value without its padding, if that is one stretch of it.
pub(crate) fn trim(charset: Charset, value: &[u8]) -> Option<&[u8]> {
    let pad = charset.pad();
    if charset == Charset::Uid && value.iter().any(|&byte| is_white_space(byte)) {
        return None;
    }
    let kept = value.iter().rposition(|&byte| byte != pad).map_or(0, |last| last + 1);
    Some(&value[..kept])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trimmed(charset: Charset, pieces: &[&[u8]]) -> Vec<u8> {
        let mut trimmer = Trimmer::new(charset);
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
            assert_eq!(trim(Charset::Text, value), Some(expected));
            assert_eq!(trimmed(Charset::Text, &[value]), expected);
        }
    }

    #[test]
    fn uids_lose_white_space_anywhere_and_nuls_at_the_end() {
        for (value, expected) in [
            (&b"1.2\0\0 \0 "[..], &b"1.2"[..]),
            (b"1 .2\t\0", b"1.2"),
            (b"1\0\0 2\0", b"1\0\x002"),
            (b"\x001.2", b"\x001.2"),
            (b" \0", b""),
        ] {
            assert_eq!(trimmed(Charset::Uid, &[value]), expected);
            if let Some(direct) = trim(Charset::Uid, value) {
                assert_eq!(direct, expected);
            }
        }
        assert_eq!(trim(Charset::Uid, b"1.2\0"), Some(&b"1.2"[..]));
    }

    #[test]
    fn pieces_make_no_difference() {
        let value = b"  A   \0\0 B  \0 C\0  \0\0   ";
        for charset in [Charset::Text, Charset::Uid] {
            let whole = trimmed(charset, &[value]);
            for cut in 0..=value.len() {
                let (head, tail) = value.split_at(cut);
                assert_eq!(trimmed(charset, &[head, tail]), whole, "{cut}");
            }
        }
    }

    #[test]
    fn many_blanks_are_given_back_when_text_follows() {
        let value = [&[b'A'][..], &[b' '; 1000], b"B"].concat();
        assert_eq!(trimmed(Charset::Text, &[&value[..500], &value[500..]]), value);
    }
}
