//! Detects that the file system of the output directory is not mounted any more. Objects stored in the folder
//! below the mount point would be hidden once it is mounted again.

use platform::{self, Mount};
use std::fs::File;
use std::io;
use std::path::Path;

/// The mount of an output directory, and the mounts that the path would lead to without it.
#[derive(Debug)]
pub(crate) struct MountWatch {
    on: Known,
    /// All others around the directory or at the same place.
    beneath: Vec<Mount>,
}

#[derive(Debug, PartialEq)]
struct Known {
    mount: Mount,
    /// A number that is never used again, where the kernel has one.
    unique: Option<u64>,
}

impl MountWatch {
    /// For a directory, opened by this path; `None` where mounts cannot be told apart.
    pub(crate) fn of(path: &Path, opened: &File) -> Option<Self> {
        let mounts = platform::mounts().ok()?;
        let path = std::fs::canonicalize(path).ok()?;
        Self::among(mounts, &path, platform::mount_of(opened).ok()?)
    }

    fn among(mounts: Vec<Mount>, path: &Path, (id, unique): (u64, Option<u64>)) -> Option<Self> {
        let (on, others): (Vec<Mount>, _) = mounts.into_iter().partition(|mount| mount.id == id);
        let on = Known { mount: on.into_iter().next()?, unique };
        let around = |mount: &Mount| path.starts_with(&mount.point);
        Some(Self { on, beneath: others.into_iter().filter(around).collect() })
    }

    /// Whether both are of the very same mount.
    pub(crate) fn is_same_mount(&self, other: &Self) -> bool {
        self.on == other.on
    }

    /// Whether the directory that the path leads to now is on a mount that was beneath, or around, the one
    /// that it was on.
    ///
    /// # Errors
    /// `/proc` cannot be read.
    pub(crate) fn is_lost(&self, opened: &File) -> io::Result<bool> {
        Ok(self.is_lost_among(platform::mounts()?, platform::mount_of(opened)?))
    }

    fn is_lost_among(&self, mounts: Vec<Mount>, (id, unique): (u64, Option<u64>)) -> bool {
        if unique.is_some() && unique == self.on.unique {
            return false;
        }
        let Some(now) = mounts.into_iter().find(|mount| mount.id == id) else {
            // It is gone already.
            return true;
        };
        if unique.is_none() && now == self.on.mount {
            return false;
        }
        // One around the place where ours was is not what was mounted there, whether it is older or newer.
        let is_around =
            self.on.mount.point.starts_with(&now.point) && now.point != self.on.mount.point;
        // One that was mounted after ours was not beneath it, whatever number it has.
        let is_newer = unique > self.on.unique && self.on.unique.is_some();
        is_around || !is_newer && self.beneath.contains(&now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mount(id: u64, point: &str, what: &str) -> Mount {
        Mount { id, point: point.into(), kind: "ext4".to_owned(), what: what.as_bytes().to_vec() }
    }

    /// The root, one around, one at the same place, and ours.
    fn table() -> Vec<Mount> {
        vec![
            mount(1, "/", "root"),
            mount(2, "/data", "disk"),
            mount(3, "/data/out", "lower"),
            mount(4, "/data/out", "upper"),
            mount(5, "/data/output", "other"),
        ]
    }

    fn watch(unique: Option<u64>) -> MountWatch {
        MountWatch::among(table(), Path::new("/data/out/objects"), (4, unique)).unwrap()
    }

    #[test]
    fn what_was_beneath_is_lost_and_what_is_mounted_anew_is_not() {
        for (ours, unique) in [(None, [None; 4]), (Some(40), [1, 2, 3, 60].map(Some))] {
            let watch = watch(ours);
            assert!(!watch.is_lost_among(table(), (4, ours)), "it is still there");
            for (id, unique) in [1, 2, 3].into_iter().zip(unique) {
                assert!(watch.is_lost_among(table(), (id, unique)), "{id}");
            }
            let mut anew = table();
            anew.retain(|mount| mount.id != 4);
            anew.push(mount(6, "/data/out", "anew"));
            assert!(!watch.is_lost_among(anew, (6, unique[3])));
        }
    }

    #[test]
    fn a_number_that_is_used_again_is_told_by_what_is_mounted() {
        let watch = watch(None);
        let around = vec![mount(1, "/", "root"), mount(4, "/data", "another disk")];
        assert!(watch.is_lost_among(around, (4, None)), "ours was at /data/out");
        let anew = vec![mount(1, "/", "root"), mount(3, "/data/out", "anew")];
        assert!(!watch.is_lost_among(anew, (3, None)), "not the lower one");
    }

    /// A file system that was mounted twice at one place, lost, and is mounted once again.
    #[test]
    fn what_is_mounted_anew_may_have_the_number_of_what_was_beneath() {
        let again = vec![mount(1, "/", "root"), mount(3, "/data/out", "lower")];
        assert!(!watch(Some(40)).is_lost_among(again.clone(), (3, Some(60))));
        assert!(watch(Some(40)).is_lost_among(again.clone(), (3, Some(30))), "it is the old one");
        assert!(watch(None).is_lost_among(again, (3, None)), "nobody knows");
    }

    #[test]
    fn two_levels_that_are_lost_at_once_are_lost() {
        let watch = watch(Some(40));
        assert!(watch.is_lost_among(vec![mount(1, "/", "root")], (1, Some(10))));
        assert!(watch.is_lost_among(Vec::new(), (9, Some(90))), "gone while we look");
    }
}
