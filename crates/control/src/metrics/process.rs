//! The process, as the system sees it.

/// What the process takes of the system now.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Process {
    /// User and system time of all threads.
    pub(super) cpu_seconds: f64,
    /// Resident set, in bytes.
    pub(super) resident_bytes: u64,
    /// Address space, in bytes.
    pub(super) virtual_bytes: u64,
    /// Threads.
    pub(super) threads: u64,
    /// Open descriptors.
    pub(super) descriptors: Option<u64>,
    /// How many it may open; `None` for any number.
    pub(super) descriptor_limit: Option<u64>,
}

impl Process {
    /// Reads `/proc/self`; `None` where there is none.
    #[cfg(target_os = "linux")]
    #[allow(clippy::cast_precision_loss, reason = "ticks: exact for 2⁵³")]
    pub(super) fn read() -> Option<Self> {
        let process = procfs::process::Process::myself().ok()?;
        let stat = process.stat().ok()?;
        let ticks = procfs::ticks_per_second().max(1);
        Some(Self {
            cpu_seconds: (stat.utime + stat.stime) as f64 / ticks as f64,
            resident_bytes: stat.rss.saturating_mul(procfs::page_size()),
            virtual_bytes: stat.vsize,
            threads: stat.num_threads.try_into().unwrap_or_default(),
            descriptors: process.fd_count().ok().map(|count| count as u64),
            descriptor_limit: rustix::process::getrlimit(rustix::process::Resource::Nofile).current,
        })
    }

    /// Not known here.
    #[cfg(not(target_os = "linux"))]
    pub(super) fn read() -> Option<Self> {
        None
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use std::fs::File;

    #[test]
    fn what_the_process_takes_is_seen() {
        let before = Process::read().unwrap();
        let files: Vec<_> = (0..20).map(|_| File::open("/dev/null").unwrap()).collect();
        let after = Process::read().unwrap();
        assert!(before.resident_bytes > 1 << 20 && before.virtual_bytes >= before.resident_bytes);
        assert!(before.threads >= 1);
        // Other tests open and close files meanwhile.
        let more = after.descriptors.unwrap().saturating_sub(before.descriptors.unwrap());
        assert!(more > 5, "{more}");
        assert!(after.descriptor_limit.is_none_or(|limit| limit > after.descriptors.unwrap()));
        assert!(after.cpu_seconds >= before.cpu_seconds);
        drop(files);
    }
}
