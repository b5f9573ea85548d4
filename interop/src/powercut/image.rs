//! The content of a disk, in memory.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

const PAGE_BYTES: usize = 4096;

type Page = [u8; PAGE_BYTES];

/// The content of a disk. A copy shares all pages with the original until one of them is written to, so it takes
/// 8 bytes for each 4 KiB of the disk.
#[derive(Clone, Debug)]
pub(super) struct Image {
    /// `None` for zeros.
    pages: Vec<Option<Arc<Page>>>,
}

impl Image {
    /// A disk full of zeros, of this size rounded up to whole pages.
    pub(super) fn new(bytes: u64) -> Self {
        let count = usize::try_from(bytes).expect("it fits into memory").div_ceil(PAGE_BYTES);
        Self { pages: vec![None; count] }
    }

    /// Size in bytes.
    pub(super) fn bytes(&self) -> u64 {
        (self.pages.len() * PAGE_BYTES) as u64
    }

    /// Reads `length` bytes, less at the end of the disk.
    pub(super) fn read(&self, offset: u64, length: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(length);
        for (index, start, end) in self.pieces(offset, length) {
            match &self.pages[index] {
                Some(page) => bytes.extend_from_slice(&page[start..end]),
                None => bytes.resize(bytes.len() + end - start, 0),
            }
        }
        bytes
    }

    /// Overwrites a part; what would be behind the end of the disk is left out.
    pub(super) fn write(&mut self, offset: u64, bytes: &[u8]) {
        let mut rest = bytes;
        for (index, start, end) in self.pieces(offset, bytes.len()) {
            let (now, later) = rest.split_at(end - start);
            let page = self.pages[index].get_or_insert_with(|| Arc::new([0; PAGE_BYTES]));
            Arc::make_mut(page)[start..end].copy_from_slice(now);
            rest = later;
        }
    }

    /// Fills a part with zeros.
    pub(super) fn clear(&mut self, offset: u64, length: u64) {
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        for (index, start, end) in self.pieces(offset, length) {
            if end - start == PAGE_BYTES {
                self.pages[index] = None;
            } else if let Some(page) = &mut self.pages[index] {
                Arc::make_mut(page)[start..end].fill(0);
            }
        }
    }

    /// Writes the disk to a sparse file.
    pub(super) fn save(&self, path: &Path) -> io::Result<()> {
        let file = File::create(path)?;
        file.set_len(self.bytes())?;
        for (index, page) in self.pages.iter().enumerate() {
            if let Some(page) = page {
                file.write_all_at(page.as_slice(), (index * PAGE_BYTES) as u64)?;
            }
        }
        Ok(())
    }

    /// A part of the disk, page by page: index of the page, start and end within it.
    fn pieces(
        &self,
        offset: u64,
        length: usize,
    ) -> impl Iterator<Item = (usize, usize, usize)> + use<> {
        let size = self.pages.len() * PAGE_BYTES;
        let mut position = usize::try_from(offset).unwrap_or(usize::MAX).min(size);
        let end = position.saturating_add(length).min(size);
        std::iter::from_fn(move || {
            let (index, start) = (position / PAGE_BYTES, position % PAGE_BYTES);
            let taken = (end - position).min(PAGE_BYTES - start);
            position += taken;
            (taken > 0).then_some((index, start, start + taken))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Image;

    #[test]
    fn a_copy_keeps_what_the_original_had() {
        let mut image = Image::new(20_000);
        assert_eq!(image.bytes(), 20_480);
        image.write(4000, &[7; 5000]);
        let copy = image.clone();
        image.write(4090, &[9; 10]);
        image.clear(8190, 100_000);
        assert_eq!(copy.read(3999, 5002), [&[0][..], &[7; 5000], &[0]].concat());
        let expected = [&[7; 90][..], &[9; 10], &[7; 4090], &[0; 810]].concat();
        assert_eq!(image.read(4000, 5000), expected);
        assert_eq!(image.read(20_470, 100), [0; 10], "the end of the disk");
        image.write(20_479, &[1, 2]);
        assert_eq!(image.read(20_479, 2), [1]);
    }
}
