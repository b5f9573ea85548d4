//! The journal of an ext4 file system.

use crate::file_system::{EXT4, device_link, file_system_type, has_internal_journal};
use crate::linux::create_unnamed;
use crate::sync::rustix;
use crate::unix::Journal;
use rustix::fs::Mode;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// How often a sync is tried until the kernel counts it.
const SYNC_ATTEMPTS: usize = 2;

/// What kind of journal the ext4 file system of `folder` has, as mounted now; [`Journal::Unknown`] for other file
/// systems.
///
/// The kernel does not tell everybody whether a file system has the feature `fast_commit`, but it counts the fast
/// commits of such a file system (`/proc/fs/ext4/DEVICE/fc_info`). So unless some are counted already, this syncs
/// an empty file without a name, which takes as long as a commit of the journal, or two if there are no fast
/// commits.
#[must_use]
pub fn journal(folder: &File) -> Journal {
    match file_system_type(folder) {
        Ok(EXT4) => find_out(folder).unwrap_or(Journal::Unknown),
        _ => Journal::Unknown,
    }
}

/// Whether the ext4 file system of `folder` is mounted with this option, by default or not.
///
/// # Errors
/// The kernel does not tell.
pub(crate) fn is_mounted_with(folder: &File, option: &str) -> io::Result<bool> {
    let options = std::fs::read_to_string(about(folder)?.join("options"))?;
    Ok(options.lines().any(|line| line == option))
}

/// Where the kernel tells about the ext4 file system of `folder`.
fn about(folder: &File) -> io::Result<PathBuf> {
    let device = device_link(folder)?;
    Ok(Path::new("/proc/fs/ext4").join(device.file_name().unwrap_or_default()))
}

fn find_out(folder: &File) -> io::Result<Journal> {
    let about = about(folder)?;
    let options = std::fs::read_to_string(about.join("options"))?;
    // The mode of the journal; not there without one.
    if !options.lines().any(|option| option.starts_with("data=")) {
        return Ok(Journal::None);
    }
    if has_fast_commits(folder, &about.join("fc_info"))? {
        return Ok(Journal::FastCommit);
    }
    Ok(if has_internal_journal(folder)? { Journal::Ordinary } else { Journal::External })
}

fn has_fast_commits(folder: &File, counts: &Path) -> io::Result<bool> {
    let are_counted = || match std::fs::read_to_string(counts) {
        Ok(text) => counts_fast_commits(&text).ok_or(io::Error::from(io::ErrorKind::InvalidData)),
        // Kernels before 5.10 have no fast commits.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    };
    let mut found = are_counted()?;
    for _ in 0..SYNC_ATTEMPTS {
        if found {
            break;
        }
        // The kernel does not count it if somebody else's commit is faster.
        rustix::fs::fsync(create_unnamed(folder, Mode::RUSR | Mode::WUSR)?)?;
        found = are_counted()?;
    }
    Ok(found)
}

/// Whether any sync since the mount was a fast commit, or would have been one if it had been possible; `None` if
/// the text is of another form.
fn counts_fast_commits(text: &str) -> Option<bool> {
    let count = |what: &str| {
        let count = text.lines().find_map(|line| line.strip_suffix(what))?;
        count.trim().parse().ok()
    };
    let (commits, ineligible): (u64, u64) = (count(" commits")?, count(" ineligible")?);
    Some(commits > 0 || ineligible > 0)
}

#[cfg(test)]
mod tests {
    use super::{Journal, counts_fast_commits, journal};
    use std::fs::File;

    #[test]
    fn fast_commits_are_told_by_their_counts() {
        let text = |commits, ineligible| {
            format!(
                "fc stats:\n{commits} commits\n{ineligible} ineligible\n0 numblks\n0us \
                 avg_commit_time\nIneligible reasons:\n\"Cross rename\":\t0\n"
            )
        };
        assert_eq!(counts_fast_commits(&text(0, 0)), Some(false));
        assert_eq!(counts_fast_commits(&text(0, 1)), Some(true), "the first after the mount");
        assert_eq!(counts_fast_commits(&text(12, 0)), Some(true));
        assert_eq!(counts_fast_commits("something else"), None);
    }

    #[test]
    fn of_other_file_systems_nothing_is_known() {
        assert_eq!(journal(&File::open("/proc").unwrap()), Journal::Unknown);
        assert_eq!(journal(&File::open("/dev/shm").unwrap()), Journal::Unknown);
    }
}
