//! Provides a block device for one test, whose writes fail with EIO on demand.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use crate::process::run;

/// A block device in memory: the kernel's compressed one (zram), which refuses writes beyond its limit. It is
/// removed when this is dropped, which has to be after its file systems are unmounted.
///
/// File systems use it through a second device, so that reading the disk itself does not make the kernel write
/// back the data that it still caches for a file system.
#[derive(Debug)]
pub struct FailingDisk {
    number: String,
    device: PathBuf,
}

impl FailingDisk {
    /// Makes an empty disk of this size; `None` if the kernel has no such device or does not permit it.
    #[must_use]
    pub fn new(bytes: u64) -> Option<Self> {
        let number = fs::read_to_string(CONTROL.to_owned() + "/hot_add").ok()?.trim().to_owned();
        let mut disk = Self { number, device: PathBuf::new() };
        fs::write(disk.setting("disksize"), bytes.to_string()).ok()?;
        let mut attach = Command::new("losetup");
        attach.args(["--find", "--show", "--direct-io=on", "--sector-size=4096"]);
        let attached = run(attach.arg(disk.itself()), SOON);
        disk.device = PathBuf::from(attached.stdout.trim());
        attached.status.success().then_some(disk)
    }

    /// The block device to make a file system on and to mount.
    #[must_use]
    pub fn device(&self) -> &Path {
        &self.device
    }

    /// Makes writes fail from now on, except for those of zeros only; reads still succeed.
    ///
    /// # Panics
    /// If the kernel refuses the setting.
    pub fn fail(&self) {
        self.limit("1");
    }

    /// Makes writes succeed again.
    ///
    /// # Panics
    /// As [`fail`](Self::fail).
    pub fn mend(&self) {
        self.limit("0");
    }

    /// Number of writes that have failed.
    ///
    /// # Panics
    /// If the kernel does not report it.
    #[must_use]
    pub fn failed_writes(&self) -> u64 {
        let counts = fs::read_to_string(self.setting("io_stat")).expect("the disk is there");
        let failed = counts.split_whitespace().nth(1).expect("reads, then writes");
        failed.parse().expect("a number")
    }

    /// Copies what is on the disk to a file, without the data that the kernel has not written yet.
    ///
    /// # Panics
    /// If the copy fails.
    pub fn copy_to(&self, file: &Path) {
        let mut copy = Command::new("dd");
        copy.arg(format!("if={}", self.itself().display()));
        copy.arg(format!("of={}", file.display()));
        copy.args(["bs=1M", "iflag=direct", "conv=sparse", "status=none"]);
        run(&mut copy, SOON).expect_success("dd");
    }

    fn limit(&self, bytes: &str) {
        fs::write(self.setting("mem_limit"), bytes).expect("a limit can be set");
    }

    fn itself(&self) -> PathBuf {
        PathBuf::from(format!("/dev/zram{}", self.number))
    }

    fn setting(&self, name: &str) -> PathBuf {
        Path::new("/sys/block").join(format!("zram{}", self.number)).join(name)
    }
}

impl Drop for FailingDisk {
    fn drop(&mut self) {
        if !self.device.as_os_str().is_empty() {
            run(Command::new("losetup").arg("--detach").arg(&self.device), SOON);
        }
        // The mount is removed shortly after the process that used it ends.
        let deadline = Instant::now() + SOON;
        while fs::write(self.setting("reset"), "1").is_err() && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(20));
        }
        let removed = fs::write(CONTROL.to_owned() + "/hot_remove", &self.number);
        assert!(removed.is_ok() || thread::panicking(), "somebody still uses {:?}", self.device);
    }
}

const CONTROL: &str = "/sys/class/zram-control";
const SOON: Duration = Duration::from_secs(60);
