//! The FUSE file system whose two files are the disks.

use std::ffi::OsStr;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};
use std::{io, mem, thread};

use fuser::{
    BackgroundSession, Config, Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags,
    Generation, INodeNo, LockOwner, MountOption, OpenFlags, ReplyAttr, ReplyData, ReplyEmpty,
    ReplyEntry, ReplyOpen, ReplyWrite, Request, TimeOrNow, WriteFlags,
};

use super::image::Image;
use super::recording::{Event, Recording};

/// The disk that the receiver stores on; what happens to it is recorded.
pub(super) const LIVE: &str = "live";
/// A disk whose power was cut.
pub(super) const CUT: &str = "cut";

/// How long a flush takes, so that others write meanwhile.
const FLUSH_TIME: Duration = Duration::from_micros(1500);

const LIVE_INODE: INodeNo = INodeNo(2);
const CUT_INODE: INodeNo = INodeNo(3);

/// The disks, and what happened to the live one since the recording began.
pub(super) struct Disks {
    live: Image,
    cut: Image,
    base: Option<Image>,
    events: Vec<Event>,
}

impl Disks {
    pub(super) fn new(bytes: u64) -> Self {
        Self { live: Image::new(bytes), cut: Image::new(bytes), base: None, events: Vec::new() }
    }

    /// Begins to record.
    pub(super) fn record(&mut self) {
        self.base = Some(self.live.clone());
        self.events.clear();
    }

    /// Number of events so far.
    pub(super) fn position(&self) -> usize {
        self.events.len()
    }

    /// Ends the recording; `None` if there is none.
    pub(super) fn recorded(&mut self) -> Option<Recording> {
        Some(Recording { base: self.base.take()?, events: mem::take(&mut self.events) })
    }

    /// Replaces the disk whose power was cut.
    pub(super) fn set_cut(&mut self, image: Image) {
        self.cut = image;
    }

    /// A copy of the disk whose power was cut.
    pub(super) fn cut(&self) -> Image {
        self.cut.clone()
    }

    fn image(&self, inode: INodeNo) -> Option<&Image> {
        match inode {
            LIVE_INODE => Some(&self.live),
            CUT_INODE => Some(&self.cut),
            _ => None,
        }
    }

    /// Does this to a disk. Returns the number of the event if it is recorded.
    fn change(&mut self, inode: INodeNo, event: Event) -> Option<usize> {
        if inode != LIVE_INODE {
            event.apply(&mut self.cut);
            return None;
        }
        event.apply(&mut self.live);
        self.note(event)
    }

    fn note(&mut self, event: Event) -> Option<usize> {
        self.base.as_ref()?;
        self.events.push(event);
        Some(self.events.len() - 1)
    }
}

/// Mounts the two files in this folder. They are there until the returned value is dropped or the process ends.
///
/// # Errors
/// FUSE cannot be used.
pub(super) fn mount(disks: Arc<Mutex<Disks>>, folder: &Path) -> io::Result<BackgroundSession> {
    let mut config = Config::default();
    config.mount_options = vec![MountOption::FSName("powercut".to_owned())];
    // Writes may arrive while a flush is in progress.
    config.n_threads = Some(3);
    config.clone_fd = true;
    fuser::spawn_mount(FileServer { disks }, folder, &config)
}

/// Locks the disks.
pub(super) fn lock(disks: &Mutex<Disks>) -> MutexGuard<'_, Disks> {
    disks.lock().unwrap_or_else(PoisonError::into_inner)
}

struct FileServer {
    disks: Arc<Mutex<Disks>>,
}

impl FileServer {
    fn attributes(&self, inode: INodeNo) -> Option<FileAttr> {
        let (size, kind) = match inode {
            INodeNo::ROOT => (0, FileType::Directory),
            _ => (lock(&self.disks).image(inode)?.bytes(), FileType::RegularFile),
        };
        let time = SystemTime::UNIX_EPOCH;
        Some(FileAttr {
            ino: inode,
            size,
            blocks: size / 512,
            atime: time,
            mtime: time,
            ctime: time,
            crtime: time,
            kind,
            perm: if kind == FileType::Directory { 0o700 } else { 0o600 },
            nlink: 1,
            uid: 0,
            gid: 0,
            rdev: 0,
            blksize: 4096,
            flags: 0,
        })
    }

    /// Changes a disk, and notes before the answer that the change is complete.
    fn change(&self, inode: INodeNo, event: Event) {
        let number = lock(&self.disks).change(inode, event);
        // Others may come in between here.
        if let Some(number) = number {
            lock(&self.disks).note(Event::Completed(number));
        }
    }
}

impl Filesystem for FileServer {
    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let inode = match name.to_str() {
            Some(LIVE) if parent == INodeNo::ROOT => LIVE_INODE,
            Some(CUT) if parent == INodeNo::ROOT => CUT_INODE,
            _ => return reply.error(Errno::ENOENT),
        };
        match self.attributes(inode) {
            Some(attributes) => reply.entry(&Duration::ZERO, &attributes, Generation(0)),
            None => reply.error(Errno::ENOENT),
        }
    }

    fn getattr(&self, _: &Request, inode: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        match self.attributes(inode) {
            Some(attributes) => reply.attr(&Duration::ZERO, &attributes),
            None => reply.error(Errno::ENOENT),
        }
    }

    /// Ignores times and the like, which programs set that make file systems.
    fn setattr(
        &self,
        request: &Request,
        inode: INodeNo,
        _: Option<u32>,
        _: Option<u32>,
        _: Option<u32>,
        _: Option<u64>,
        _: Option<TimeOrNow>,
        _: Option<TimeOrNow>,
        _: Option<SystemTime>,
        handle: Option<FileHandle>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<fuser::BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        self.getattr(request, inode, handle, reply);
    }

    fn open(&self, _: &Request, _: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        // Nothing is cached on the way, and writes need not wait for each other.
        let flags = FopenFlags::FOPEN_DIRECT_IO | FopenFlags::FOPEN_PARALLEL_DIRECT_WRITES;
        reply.opened(FileHandle(0), flags);
    }

    fn read(
        &self,
        _: &Request,
        inode: INodeNo,
        _: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let bytes = lock(&self.disks).image(inode).map(|image| image.read(offset, size));
        match bytes {
            Some(bytes) => reply.data(&bytes),
            None => reply.error(Errno::EIO),
        }
    }

    fn write(
        &self,
        _: &Request,
        inode: INodeNo,
        _: FileHandle,
        offset: u64,
        bytes: &[u8],
        _: WriteFlags,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        self.change(inode, Event::Write { offset, bytes: bytes.to_vec() });
        reply.written(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
    }

    /// Both kinds that a loop device asks for leave zeros: punching a hole, and a range of zeros.
    fn fallocate(
        &self,
        _: &Request,
        inode: INodeNo,
        _: FileHandle,
        offset: u64,
        length: u64,
        mode: i32,
        reply: ReplyEmpty,
    ) {
        const PUNCH_HOLE: i32 = 0x02;
        const ZERO_RANGE: i32 = 0x10;
        if mode & (PUNCH_HOLE | ZERO_RANGE) == 0 {
            return reply.error(Errno::EOPNOTSUPP);
        }
        self.change(inode, Event::Clear { offset, length });
        reply.ok();
    }

    fn fsync(&self, _: &Request, inode: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        if inode == LIVE_INODE {
            let number = lock(&self.disks).note(Event::Flush);
            if let Some(number) = number {
                thread::sleep(FLUSH_TIME);
                lock(&self.disks).note(Event::Flushed(number));
            }
        }
        reply.ok();
    }

    /// Closing a file writes nothing.
    fn flush(&self, _: &Request, _: INodeNo, _: FileHandle, _: LockOwner, reply: ReplyEmpty) {
        reply.ok();
    }
}
