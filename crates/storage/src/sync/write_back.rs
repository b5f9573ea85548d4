//! Starting to write a file to disk while the object is still being received.

use rustix::io::Errno;
use std::fs::File;
use std::io;

/// Page size of most machines; it only matters for how well the pieces fit.
const PAGE_BYTES: u64 = 4096;
/// The first piece, and those that follow. Each one costs some CPU, so the second half of an image of half a
/// megabyte is left to the sync.
const FIRST_PIECE_BYTES: u64 = 256 * 1024;
const PIECE_BYTES: u64 = 1024 * 1024;

/// How much of a growing file is on its way to disk. So the sync at the end has little left to do: disk and
/// network work at the same time.
#[derive(Debug)]
pub(crate) struct WriteBack {
    wanted: bool,
    length: u64,
    begun: u64,
}

impl WriteBack {
    /// For an empty file. With `wanted` false it does nothing: if no sync follows, the kernel decides when to
    /// write.
    pub(crate) fn new(wanted: bool) -> Self {
        Self { wanted, length: 0, begun: 0 }
    }

    /// `file` has grown by `bytes`.
    ///
    /// # Errors
    /// Those of the disk; the file must not be used any more.
    pub(crate) fn grown(&mut self, file: &File, bytes: usize) -> io::Result<()> {
        self.length += bytes as u64;
        let piece = if self.begun == 0 { FIRST_PIECE_BYTES } else { PIECE_BYTES };
        if !self.wanted || self.length - self.begun < piece {
            return Ok(());
        }
        let end = self.length - self.length % PAGE_BYTES;
        match platform::begin_write_back(file, self.begun..end) {
            Err(error) if !is_unsupported(&error) => return Err(error),
            Err(_) => self.wanted = false,
            Ok(()) => self.begun = end,
        }
        Ok(())
    }

    /// The file was truncated to `length` bytes.
    pub(crate) fn cut(&mut self, length: u64) {
        self.length = length;
        self.begun = self.begun.min(length - length % PAGE_BYTES);
    }
}

/// Whether the error is about the system and what processes may do, not about the disk.
fn is_unsupported(error: &io::Error) -> bool {
    let of_the_system = [Errno::NOSYS, Errno::PERM, Errno::INVAL, Errno::NOTSUP, Errno::SPIPE];
    of_the_system.iter().any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(test: &str) -> File {
        let name = format!("storescp-write-back-{test}-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let file = File::create_new(&path).unwrap();
        std::fs::remove_file(path).unwrap();
        file
    }

    #[test]
    fn pieces_are_whole_pages_and_grow_with_the_file() {
        let (file, mut write_back) = (file("pieces"), WriteBack::new(true));
        write_back.grown(&file, 256 * 1024 - 1).unwrap();
        assert_eq!(write_back.begun, 0);
        write_back.grown(&file, 101).unwrap();
        assert_eq!(write_back.begun, 256 * 1024);
        write_back.grown(&file, 64 << 20).unwrap();
        assert_eq!(write_back.begun, (64 << 20) + 256 * 1024);
        write_back.grown(&file, (1 << 20) - 200).unwrap();
        assert_eq!(write_back.begun, (64 << 20) + 256 * 1024);
        write_back.cut(5_000);
        assert_eq!((write_back.begun, write_back.length), (4_096, 5_000));
    }

    #[test]
    fn nothing_is_begun_where_no_sync_follows() {
        let (file, mut write_back) = (file("none"), WriteBack::new(false));
        write_back.grown(&file, 64 << 20).unwrap();
        assert_eq!(write_back.begun, 0);
    }

    #[test]
    fn what_has_no_disk_is_left_alone() {
        let (pipe, _writer) = rustix::pipe::pipe().unwrap();
        let mut write_back = WriteBack::new(true);
        write_back.grown(&File::from(pipe), 64 << 20).unwrap();
        assert!(!write_back.wanted);
    }
}
