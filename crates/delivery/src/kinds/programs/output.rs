//! What programs write: lines of bounded length, made fit for a log.

use crate::limits::{LOG_LINE_BYTES, LOG_LINES, LOG_LINES_TIME, REASON_BYTES};
use rustix::io::Errno;
use std::fmt::Write;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::time::Instant;

/// Bytes that are read at a time.
const READ_BYTES: usize = 16 * 1024;

/// Cuts bytes into lines. Holds one line.
pub(in crate::kinds) struct Lines {
    line: Vec<u8>,
    /// Bytes of a line that are kept.
    most: usize,
    /// The line is longer than that.
    is_cut: bool,
}

/// A line without its end.
pub(in crate::kinds) struct Line<'l> {
    pub(in crate::kinds) text: &'l [u8],
    /// It was longer: the rest is lost.
    pub(in crate::kinds) is_cut: bool,
}

impl Lines {
    pub(in crate::kinds) fn new(most: usize) -> Self {
        Self { line: Vec::new(), most, is_cut: false }
    }

    /// More bytes have come: tells each line that they complete.
    pub(in crate::kinds) fn push(&mut self, mut bytes: &[u8], tell: &mut dyn FnMut(Line<'_>)) {
        while let Some(end) = bytes.iter().position(|&byte| byte == b'\n') {
            self.keep(&bytes[..end]);
            self.end(tell);
            bytes = &bytes[end + 1..];
        }
        self.keep(bytes);
    }

    /// No more bytes come: tells what there is of a line without an end.
    pub(in crate::kinds) fn finish(&mut self, tell: &mut dyn FnMut(Line<'_>)) {
        if !self.line.is_empty() {
            self.end(tell);
        }
    }

    /// Whether the line that has not ended is too long already.
    pub(in crate::kinds) fn is_cut(&self) -> bool {
        self.is_cut
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = self.most - self.line.len();
        self.is_cut |= bytes.len() > room;
        self.line.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    fn end(&mut self, tell: &mut dyn FnMut(Line<'_>)) {
        let text = self.line.strip_suffix(b"\r").unwrap_or(&self.line);
        tell(Line { text, is_cut: self.is_cut });
        self.line.clear();
        self.is_cut = false;
    }
}

/// Reads once what there is, without waiting, and passes it on. False at the end of the file.
///
/// # Errors
/// Those of reading.
pub(in crate::kinds) fn read_some(
    file: &mut (impl Read + ?Sized),
    take: &mut dyn FnMut(&[u8]),
) -> io::Result<bool> {
    let mut bytes = [0; READ_BYTES];
    match file.read(&mut bytes) {
        Ok(0) => Ok(false),
        Ok(count) => {
            take(&bytes[..count]);
            Ok(true)
        }
        Err(error)
            if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) =>
        {
            Ok(true)
        }
        Err(error) => Err(error),
    }
}

/// Makes our end of a pipe one that never waits. The other end stays as it is.
///
/// # Errors
/// Those of the operating system.
pub(in crate::kinds) fn never_wait(file: &impl AsFd) -> io::Result<()> {
    rustix::io::ioctl_fionbio(file, true).map_err(|error: Errno| error.into())
}

/// The lines of a program's standard error, on their way to the log: bounded in length and in number, and without
/// control characters.
pub(in crate::kinds) struct ErrorLog {
    lines: Lines,
    rate: Rate,
    /// The last line that was not empty, for the reason of a failure.
    last: String,
}

/// So many lines in so much time.
struct Rate {
    since: Instant,
    told: u32,
    left_out: u64,
}

impl ErrorLog {
    pub(in crate::kinds) fn new() -> Self {
        let rate = Rate { since: Instant::now(), told: 0, left_out: 0 };
        Self { lines: Lines::new(LOG_LINE_BYTES), rate, last: String::new() }
    }

    /// The program `whose` has written this.
    pub(in crate::kinds) fn push(&mut self, whose: &str, bytes: &[u8]) {
        let Self { lines, rate, last } = self;
        lines.push(bytes, &mut |line| tell(whose, &line, rate, last));
    }

    /// It writes no more.
    pub(in crate::kinds) fn finish(&mut self, whose: &str) {
        let Self { lines, rate, last } = self;
        lines.finish(&mut |line| tell(whose, &line, rate, last));
        rate.begin_anew(whose);
    }

    /// The last line that was not empty; empty if there was none.
    pub(in crate::kinds) fn last(&self) -> &str {
        &self.last
    }
}

fn tell(whose: &str, line: &Line<'_>, rate: &mut Rate, last: &mut String) {
    let mut text = printable(line.text);
    if text.trim().is_empty() {
        return;
    }
    if line.is_cut {
        text.push_str(" [...]");
    }
    if rate.allows(whose) {
        tracing::info!("{whose}: {text}");
    }
    last.clear();
    last.push_str(&text);
}

impl Rate {
    fn allows(&mut self, whose: &str) -> bool {
        if self.since.elapsed() >= LOG_LINES_TIME {
            self.begin_anew(whose);
        }
        if self.told == LOG_LINES {
            self.left_out += 1;
            return false;
        }
        self.told += 1;
        true
    }

    fn begin_anew(&mut self, whose: &str) {
        if self.left_out > 0 {
            tracing::warn!("{whose}: {} more lines were not logged", self.left_out);
        }
        *self = Self { since: Instant::now(), told: 0, left_out: 0 };
    }
}

/// Text as UTF-8 in which whatever is not a visible character or a blank is escaped. Of what it has made it makes the
/// same again.
pub(in crate::kinds) fn printable(text: &[u8]) -> String {
    let mut shown = String::with_capacity(text.len());
    for letter in String::from_utf8_lossy(text).chars() {
        match letter {
            ' ' | '"' | '\'' | '\\' => shown.push(letter),
            letter => {
                let _ = write!(shown, "{}", letter.escape_debug());
            }
        }
    }
    shown
}

/// The same of a reason, cut where it is too long.
pub(in crate::kinds) fn bounded(reason: &str) -> String {
    let mut shown = printable(reason.as_bytes());
    if shown.len() > REASON_BYTES {
        let whole = (0..=REASON_BYTES - 6).rev().find(|&end| shown.is_char_boundary(end));
        shown.truncate(whole.unwrap_or_default());
        shown.push_str(" [...]");
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lines(most: usize, pieces: &[&[u8]]) -> Vec<(Vec<u8>, bool)> {
        let (mut lines, mut told) = (Lines::new(most), Vec::new());
        for piece in pieces {
            lines.push(piece, &mut |line| told.push((line.text.to_vec(), line.is_cut)));
        }
        lines.finish(&mut |line| told.push((line.text.to_vec(), line.is_cut)));
        told
    }

    #[test]
    fn lines_are_cut_at_their_ends_and_where_they_are_too_long() {
        let told = lines(4, &[b"ab\ncdefgh", b"ijk\n\nwxyz\r", b"\nlast"]);
        let expected: [(&[u8], bool); 5] =
            [(b"ab", false), (b"cdef", true), (b"", false), (b"wxyz", true), (b"last", false)];
        let expected: Vec<_> = expected.iter().map(|(text, cut)| (text.to_vec(), *cut)).collect();
        assert_eq!(told, expected);
    }

    proptest! {
        #[test]
        fn wherever_bytes_are_split_the_lines_are_the_same(
            bytes in prop::collection::vec(prop_oneof![Just(b'\n'), Just(b'a'), Just(b'\r')], 0..60),
            at in 0_usize..60,
        ) {
            let (first, second) = bytes.split_at(at.min(bytes.len()));
            prop_assert_eq!(lines(5, &[first, second]), lines(5, &[&bytes]));
        }
    }

    #[test]
    fn text_that_could_deceive_a_reader_is_escaped() {
        assert_eq!(printable("Müller \"a\" 'b'".as_bytes()), "Müller \"a\" 'b'");
        assert_eq!(printable(b"a\x1b[2J\nb\0\\\xff"), "a\\u{1b}[2J\\nb\\0\\\u{fffd}");
        assert_eq!(printable("a\u{202e}b\u{2028}".as_bytes()), "a\\u{202e}b\\u{2028}");
        let long = bounded(&"ü".repeat(REASON_BYTES));
        assert!(long.len() <= REASON_BYTES && long.ends_with("ü [...]"), "{long}");
    }

    #[test]
    fn no_more_lines_are_told_than_the_bound() {
        let mut rate = Rate { since: Instant::now(), told: 0, left_out: 0 };
        let told = (0..LOG_LINES + 50).filter(|_| rate.allows("test")).count();
        assert_eq!((told, rate.left_out), (LOG_LINES as usize, 50));
        rate.begin_anew("test");
        assert!(rate.allows("test"));
    }
}
