//! A cache of pages of the output, for reading headers of many runs by turns.

use std::io;

use crate::encoding::element::{self, Encoding, LONGEST_HEADER, RawHeader};
use crate::encoding::encoder::write_buffer::Output;
use crate::error::Error;
use crate::limits::{
    REORDER_BYTES, REORDER_FACTOR, REORDER_PAGE_BYTES as PAGE_BYTES, REORDER_PAGES as PAGES,
};

/// Reads and copies bytes of the output, and counts them.
pub(super) struct PageCache {
    encoding: Encoding,
    /// Whether all of it is in the write buffer, where it has to stay.
    in_memory: bool,
    end: u64,
    pages: Vec<Page>,
    /// The index of a page by its number modulo the size; another page may be there by now.
    buckets: Vec<u16>,
    /// The index of the page that is replaced next.
    oldest: usize,
    /// How many bytes were read and copied, including earlier merges, and how many may be.
    spent: u64,
    allowed: u64,
}

struct Page {
    /// Its number: the offset divided by the page size.
    number: u64,
    bytes: [u8; PAGE_BYTES],
}

/// The index of the page that a reader used last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PageHint(u16);

const _: () = assert!(size_of::<Page>() <= PAGE_BYTES + 16 && LONGEST_HEADER <= PAGE_BYTES);

impl PageCache {
    /// A cache for bytes before `end`.
    pub(super) fn new(encoding: Encoding, in_memory: bool, end: u64, spent: u64) -> PageCache {
        let allowed = REORDER_BYTES.saturating_add(end.saturating_mul(REORDER_FACTOR));
        PageCache {
            encoding,
            in_memory,
            end,
            pages: Vec::new(),
            buckets: vec![0; PAGES],
            oldest: 0,
            spent,
            allowed,
        }
    }

    /// How many bytes were read and copied, including earlier merges.
    pub(super) fn spent(&self) -> u64 {
        self.spent
    }

    /// Reads a header that the encoder wrote, and returns its end.
    pub(super) fn header(
        &mut self,
        at: u64,
        hint: &mut PageHint,
        out: &mut Output<'_>,
    ) -> Result<(RawHeader, u64), Error> {
        let mut bytes = [0; LONGEST_HEADER];
        let available = self.end.saturating_sub(at).min(LONGEST_HEADER as u64) as usize;
        self.read(at, &mut bytes[..available], hint, out)?;
        let (header, size) = element::read(&bytes[..available], self.encoding)
            .ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))?;
        Ok((header, at + size as u64))
    }

    /// Reads a few bytes.
    pub(super) fn read(
        &mut self,
        mut at: u64,
        mut into: &mut [u8],
        hint: &mut PageHint,
        out: &mut Output<'_>,
    ) -> Result<(), Error> {
        if self.in_memory {
            return out.read_at(at, into);
        }
        while !into.is_empty() {
            let page = self.page(at / PAGE_BYTES as u64, hint, out)?;
            let within = (at % PAGE_BYTES as u64) as usize;
            let size = into.len().min(PAGE_BYTES - within);
            let (now, rest) = into.split_at_mut(size);
            now.copy_from_slice(&page[within..within + size]);
            at += size as u64;
            into = rest;
        }
        Ok(())
    }

    /// Appends a copy of the bytes from `from` to `to`.
    pub(super) fn copy(
        &mut self,
        from: u64,
        to: u64,
        hint: &mut PageHint,
        out: &mut Output<'_>,
    ) -> Result<(), Error> {
        let length = to - from;
        if self.in_memory {
            return out.append_copy(from, length, true);
        }
        if length > PAGE_BYTES as u64 {
            self.spend(length, out)?;
            return out.append_copy(from, length, false);
        }
        let mut bytes = [0; PAGE_BYTES];
        let bytes = &mut bytes[..length as usize];
        self.read(from, bytes, hint, out)?;
        out.append(bytes)
    }

    fn page(
        &mut self,
        number: u64,
        hint: &mut PageHint,
        out: &mut Output<'_>,
    ) -> Result<&[u8; PAGE_BYTES], Error> {
        let bucket = (number % PAGES as u64) as usize;
        let is_cached = |slot: &u16| {
            self.pages.get(usize::from(*slot)).is_some_and(|page| page.number == number)
        };
        let found = [hint.0, self.buckets[bucket]].into_iter().find(is_cached);
        let mut slot = found.map_or(0, usize::from);
        if found.is_none() {
            self.spend(PAGE_BYTES as u64, out)?;
            if self.pages.len() < PAGES {
                slot = self.pages.len();
                self.pages.push(Page { number, bytes: [0; PAGE_BYTES] });
            } else {
                slot = self.oldest;
                self.oldest = (slot + 1) % PAGES;
            }
            let start = number * PAGE_BYTES as u64;
            let available = self.end.saturating_sub(start).min(PAGE_BYTES as u64) as usize;
            let page = &mut self.pages[slot];
            page.number = number;
            out.read_at(start, &mut page.bytes[..available])?;
            self.buckets[bucket] = slot as u16;
        }
        hint.0 = slot as u16;
        Ok(&self.pages[slot].bytes)
    }

    /// Counts bytes against the limit. No known input comes close to it. Reads from memory are not
    /// counted.
    fn spend(&mut self, bytes: u64, out: &Output<'_>) -> Result<(), Error> {
        self.spent += bytes;
        if self.spent > self.allowed {
            return Err(Error::Limit {
                what: "bytes to put in order",
                limit: self.allowed,
                offset: out.position(),
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoding::encoder::write_buffer::WriteBuffer;

    /// What is read and copied to put elements in order has a bound, whatever causes it.
    #[test]
    fn more_than_is_allowed_is_neither_read_nor_copied() {
        let mut buffer = WriteBuffer::default();
        let mut sink = Vec::new();
        let mut output = Output::new(&mut buffer, &mut sink);
        output.append(&[7; 4 * PAGE_BYTES]).unwrap();
        output.flush().unwrap();
        let end = 4 * PAGE_BYTES as u64;
        let allowed = REORDER_BYTES + REORDER_FACTOR * end;
        let spent = allowed - PAGE_BYTES as u64;
        let mut cache = PageCache::new(Encoding::EXPLICIT, false, end, spent);
        let mut hint = PageHint::default();
        let mut byte = [0];
        cache.read(0, &mut byte, &mut hint, &mut output).unwrap();
        assert_eq!((byte, cache.spent()), ([7], allowed));
        cache.read(1, &mut byte, &mut hint, &mut output).unwrap();
        assert!(matches!(
            cache.read(end - 1, &mut byte, &mut hint, &mut output),
            Err(Error::Limit { .. })
        ));
        assert!(cache.copy(0, end, &mut hint, &mut output).is_err());
    }
}
