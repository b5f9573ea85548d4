//! Cuts the power of a disk that a receiver stores on, and looks for what it has acknowledged.
//!
//! ```text
//!  senders ---> receiver ---> file system ---> loop device ---> FUSE ---> serve: images in memory, recording
//!     |                                                                     |
//!     +--- position in the recording at each success                        | cut at a position
//!                                   |                                       v
//!                                   +---> check <--- file system <--- loop device
//! ```
//!
//! Every write and every flush of the disk is recorded, in order. A cut takes a position in the recording. Each
//! write that was complete before a flush began that has ended by then is on the disk; each other one is there,
//! is missing, or is torn between two sectors, at random. The file system is mounted, which replays its journal,
//! and each object whose success had arrived by then has to be there under its name, as it was sent. Any other
//! file with a final name has to be complete.
//!
//! The disks are served by a process of their own, which uses no file system on them. All mounts are in a
//! namespace of the program, so nothing stays mounted when it is killed.

mod check;
mod cut;
mod disk;
mod file_server;
mod file_systems;
mod image;
mod owed;
mod recording;
mod serve;
mod stand_in;
mod tally;
mod variant;
mod workload;

use std::path::{Path, PathBuf};

pub use check::Fault;
pub use file_systems::FileSystem;
pub use serve::serve;
pub use stand_in::{Order, stand_in};
pub use tally::Tally;
pub use variant::Variant;
pub use workload::Workload;

use crate::Scratch;
use crate::random::Random;
use check::Expected;
use disk::{Disk, unmount};
use owed::Owed;
use workload::Sent;

/// How many images are kept at most.
const KEPT_IMAGES: usize = 20;

/// What is stored where, and how often the power is cut.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The file system.
    pub file_system: FileSystem,
    /// What is sent.
    pub workload: Workload,
    /// Options of the receiver beside those of the workload, such as `--durability`.
    pub options: Vec<String>,
    /// Who stores it.
    pub variant: Variant,
    /// Number of cuts.
    pub cuts: usize,
    /// Determines what is sent, and each cut; the recording differs from run to run.
    pub seed: u64,
    /// Where the images are kept that have a fault.
    pub keep: Option<PathBuf>,
}

impl Plan {
    /// Stores everything once, and cuts the power at random positions of the recording.
    ///
    /// # Errors
    /// Why the new file system cannot be mounted here.
    ///
    /// # Panics
    /// If something else fails that does not depend on the receiver.
    pub fn run(&self) -> Result<Tally, String> {
        let scratch = Scratch::new();
        let disk = Disk::make(self.file_system, &scratch.directory("disks"));
        let live = scratch.directory("live");
        disk.mount_live(&live)?;
        let sent = self.variant.store(self, &disk, &live);
        let expected = match self.variant {
            Variant::OwedAlone => Expected::nothing(),
            _ => Expected::from_live(&sent, &live),
        };
        let owed = self.variant.is_owed().then(|| Owed::from_live(&sent, &live));
        unmount(&live);
        let end = disk.end();
        let cut = scratch.directory("cut");
        let unstored = sent.iter().filter(|sent| sent.acknowledged.is_none()).count();
        let mut tally = Tally { unstored, ..Tally::default() };
        for position in self.positions(&sent, &disk, end) {
            let fates = disk.cut(position, self.seed);
            tally.add_cut(fates);
            self.examine(&disk, (&expected, owed.as_ref()), position, &cut, &mut tally);
        }
        Ok(tally)
    }

    /// Where the power is cut, in order: where a success has just arrived, before a flush is complete, or anywhere.
    fn positions(&self, sent: &[Sent], disk: &Disk, end: usize) -> Vec<usize> {
        let begin = sent.iter().map(|sent| sent.begun).min().unwrap_or_default();
        let successes: Vec<usize> = sent.iter().filter_map(|sent| sent.acknowledged).collect();
        let random = &mut Random::new(self.seed, u64::MAX);
        let position = |number: usize| {
            let anywhere = begin + random.below(end - begin + 1);
            match number % 3 {
                0 if !successes.is_empty() => (random.pick(&successes) + random.below(3)).min(end),
                1 => disk.before_flush(anywhere),
                _ => anywhere,
            }
        };
        let mut positions: Vec<usize> = (0..self.cuts).map(position).collect();
        positions.sort_unstable();
        positions
    }

    fn examine(
        &self,
        disk: &Disk,
        (expected, owed): (&Expected<'_>, Option<&Owed<'_>>),
        position: usize,
        at: &Path,
        tally: &mut Tally,
    ) {
        let place =
            || format!("{} {}, cut at {position}", self.file_system.name, self.workload.name);
        let before = tally.faults();
        let mut repaired = "";
        if let Err(error) = disk.mount_cut(at) {
            tally.add_unmountable(format!("{}: cannot be mounted: {}", place(), error.trim()));
            self.keep(disk, position);
            if !self.file_system.is_ext4() || disk.repair_and_mount_cut(at).is_err() {
                tally.beyond_repair += 1;
                return;
            }
            repaired = " after a repair";
        }
        let (mut faults, mut files) = expected.compare(at, position);
        if let Some(owed) = owed {
            let (more, intents) = owed.compare(at, position);
            faults.extend(more);
            files += intents;
        }
        unmount(at);
        tally.files += files;
        for (fault, name) in faults {
            tally.add_fault(fault, format!("{}{repaired}: {fault:?}: {name}", place()));
        }
        if tally.faults() > before {
            self.keep(disk, position);
        }
    }

    /// Keeps the image as it was before it was mounted, unless there are many already. Takes the place of the disk
    /// whose power was cut.
    fn keep(&self, disk: &Disk, position: usize) {
        let Some(folder) = &self.keep else { return };
        if std::fs::read_dir(folder).is_ok_and(|kept| kept.count() < KEPT_IMAGES) {
            disk.cut(position, self.seed);
            let Self { file_system, workload, seed, .. } = self;
            let name = format!("{}-{}-{seed}-{position}", file_system.name, workload.name);
            disk.save_cut(&folder.join(name));
        }
    }
}
