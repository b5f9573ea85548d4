//! A disk of the test's own, whose writes fail with EIO on demand.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use crate::process::run;

/// A block device in memory: the kernel's compressed one, which refuses what exceeds its limit. It is
/// gone when this is dropped, which has to be after what is mounted from it.
///
/// Another device leads to it, so that a look at the disk itself does not make the kernel write what
/// it still holds of a file system.
#[derive(Debug)]
pub struct FailingDisk {
    number: String,
    device: PathBuf,
}

impl FailingDisk {
    /// A disk of this size, empty; `None` where the kernel has none or does not let us.
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

    /// The block device to be used.
    #[must_use]
    pub fn device(&self) -> &Path {
        &self.device
    }

    /// From now on writes fail, those of blocks of zeros excepted; reads do not.
    ///
    /// # Panics
    /// If the kernel does not take the setting.
    pub fn fail(&self) {
        self.limit("1");
    }

    /// Writes succeed again.
    ///
    /// # Panics
    /// As [`fail`](Self::fail).
    pub fn mend(&self) {
        self.limit("0");
    }

    /// How many writes have failed.
    ///
    /// # Panics
    /// If the kernel does not say.
    #[must_use]
    pub fn failed_writes(&self) -> u64 {
        let counts = fs::read_to_string(self.setting("io_stat")).expect("the disk is there");
        let failed = counts.split_whitespace().nth(1).expect("reads, then writes");
        failed.parse().expect("a number")
    }

    /// Copies what is on the disk, and not what the kernel is still to write, to a file.
    ///
    /// # Panics
    /// If that is not possible.
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
        // The mount goes a moment after the process that held it.
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
