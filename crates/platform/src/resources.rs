//! How many more threads, and how much more memory, this process may have.
//!
//! Limits may count what other processes have too, so a result holds for one moment: a thread that is started
//! later may be refused all the same.

use rustix::process::{Resource, getrlimit};
use std::fs;
use std::path::{Component, Path, PathBuf};

/// Mappings of memory that a thread takes: its stack, and the guard page below.
const MAPPINGS_OF_A_THREAD: usize = 2;

/// How many more threads this process may start: the least of what the kernel, the user's limit
/// (`RLIMIT_NPROC`), all control groups around the process and the number of memory mappings allow.
/// `None` where nothing is known of any of them.
#[must_use]
pub fn threads_left() -> Option<usize> {
    let root = Path::new("/");
    let of_user = getrlimit(Resource::Nproc).current.filter(|_| !is_exempt(root));
    let user = rustix::process::getuid().as_raw();
    let of_user = of_user.map(|limit| left(size(limit), threads_of_user(root, user)));
    [of_kernel(root), of_mappings(root), of_user, of_control_groups(root)]
        .into_iter()
        .flatten()
        .min()
}

/// How many more bytes this process may map (`RLIMIT_AS`, `RLIMIT_DATA`); `None` if it has no such limit.
#[must_use]
pub fn memory_left() -> Option<usize> {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let of = |resource, name| {
        let limit = getrlimit(resource).current?;
        Some(left(size(limit), number_of(&status, name).unwrap_or(0).saturating_mul(1024)))
    };
    [of(Resource::As, "VmSize:"), of(Resource::Data, "VmData:")].into_iter().flatten().min()
}

/// What the kernel allows, all processes together.
fn of_kernel(root: &Path) -> Option<usize> {
    let limits = ["proc/sys/kernel/threads-max", "proc/sys/kernel/pid_max"];
    let limit = limits.iter().filter_map(|path| number(&root.join(path))).min()?;
    let load = fs::read_to_string(root.join("proc/loadavg")).unwrap_or_default();
    // Those that run, and all that there are: `2/345`.
    let all = load.split_whitespace().nth(3).and_then(|threads| threads.split_once('/'));
    Some(left(limit, all.and_then(|(_, all)| all.parse().ok()).unwrap_or(0)))
}

fn of_mappings(root: &Path) -> Option<usize> {
    let limit = number(&root.join("proc/sys/vm/max_map_count"))?;
    let maps = fs::read_to_string(root.join("proc/self/maps")).unwrap_or_default();
    Some(left(limit, maps.lines().count()) / MAPPINGS_OF_A_THREAD)
}

/// Whether the limit on a user's threads does not hold for us: for root, or with CAP_SYS_RESOURCE or
/// CAP_SYS_ADMIN, all in the user name space of the system.
fn is_exempt(root: &Path) -> bool {
    const SYS_ADMIN_AND_RESOURCE: u64 = 1 << 21 | 1 << 24;
    let status = fs::read_to_string(root.join("proc/self/status")).unwrap_or_default();
    let map = fs::read_to_string(root.join("proc/self/uid_map")).unwrap_or_default();
    let is_of_system = map.split_whitespace().eq(["0", "0", "4294967295"]);
    let capabilities = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let capabilities = capabilities.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    is_of_system
        && (number_of(&status, "Uid:") == Some(0)
            || capabilities.is_some_and(|mask| mask & SYS_ADMIN_AND_RESOURCE != 0))
}

/// The threads of all processes that a user runs, which is what the limit is held against.
fn threads_of_user(root: &Path, user: u32) -> usize {
    let Ok(entries) = fs::read_dir(root.join("proc")) else { return 0 };
    let is_process = |name: &str| name.bytes().all(|byte| byte.is_ascii_digit());
    let processes = entries.flatten().filter(|it| it.file_name().to_str().is_some_and(is_process));
    let threads = processes.filter_map(|entry| {
        // It may be gone by now.
        let status = fs::read_to_string(entry.path().join("status")).ok()?;
        let is_of_user = number_of(&status, "Uid:") == usize::try_from(user).ok();
        if is_of_user { number_of(&status, "Threads:") } else { None }
    });
    threads.sum()
}

/// The least that any control group around this process leaves, of the version that counts processes.
fn of_control_groups(root: &Path) -> Option<usize> {
    let groups = fs::read_to_string(root.join("proc/self/cgroup")).ok()?;
    let mounts = fs::read_to_string(root.join("proc/self/mountinfo")).ok()?;
    let of_line = |line: &str| {
        let mut fields = line.splitn(3, ':').skip(1);
        let (controllers, path) = (fields.next()?, fields.next()?);
        let mount = match controllers {
            "" => mount_of(&mounts, |kind, _| kind == "cgroup2")?,
            controllers if has(controllers, "pids") => {
                mount_of(&mounts, |kind, options| kind == "cgroup" && has(options, "pids"))?
            }
            _ => return None,
        };
        least_up_to(root, &mount, path)
    };
    groups.lines().filter_map(of_line).min()
}

fn has(list: &str, word: &str) -> bool {
    list.split(',').any(|each| each == word)
}

/// A hierarchy of control groups: which of its groups is mounted, and where.
struct Mount {
    group: PathBuf,
    place: PathBuf,
}

/// Finds a mount by type and options.
fn mount_of(mounts: &str, is_it: impl Fn(&str, &str) -> bool) -> Option<Mount> {
    mounts.lines().find_map(|line| {
        let (mount, file_system) = line.split_once(" - ")?;
        let mut mount = mount.split(' ').skip(3);
        let (group, place) = (mount.next()?, mount.next()?);
        let mut file_system = file_system.split(' ');
        let (kind, options) = (file_system.next()?, file_system.nth(1).unwrap_or(""));
        is_it(kind, options).then(|| Mount { group: group.into(), place: place.into() })
    })
}

/// The least that the group at `path` leaves, and those around it as far as they can be seen.
fn least_up_to(root: &Path, mount: &Mount, path: &str) -> Option<usize> {
    let top = root.join(mount.place.strip_prefix("/").unwrap_or(&mount.place));
    // A group outside of what is mounted is that of a container: the mount begins with it.
    let is_within = |below: &&Path| !below.components().any(|part| part == Component::ParentDir);
    let below = Path::new(path).strip_prefix(&mount.group).ok().filter(is_within);
    let below = below.unwrap_or(Path::new(""));
    let group = top.join(below);
    let groups = group.ancestors().take_while(|group| group.starts_with(&top));
    let of_group = |group: &Path| {
        let limit = number(&group.join("pids.max"))?;
        Some(left(limit, number(&group.join("pids.current")).unwrap_or(0)))
    };
    groups.filter_map(of_group).min()
}

/// The number that a file consists of; `None` for `max`, too.
fn number(file: &Path) -> Option<usize> {
    fs::read_to_string(file).ok()?.trim().parse().ok()
}

/// The first number on the line of a status file that begins with `name`.
fn number_of(status: &str, name: &str) -> Option<usize> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

fn left(limit: usize, used: usize) -> usize {
    limit.saturating_sub(used)
}

fn size(limit: u64) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Scratch;

    /// A system made of these files.
    fn system(test: &str, files: &[(&str, &str)]) -> Scratch {
        let scratch = Scratch::new(test);
        for (name, text) in files {
            let path = scratch.0.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        scratch
    }

    #[test]
    fn the_kernel_counts_all_threads() {
        let mut files = vec![
            ("proc/sys/kernel/threads-max", "1000\n"),
            ("proc/sys/kernel/pid_max", "32768\n"),
            ("proc/loadavg", "0.21 0.36 0.28 2/345 14151\n"),
            ("proc/sys/vm/max_map_count", "65530\n"),
            ("proc/self/maps", "a\nb\nc\nd\n"),
        ];
        let scratch = system("limits-kernel", &files);
        assert_eq!(of_kernel(&scratch.0), Some(655));
        assert_eq!(of_mappings(&scratch.0), Some(32763));
        files[1].1 = "300\n";
        let scratch = system("limits-kernel-full", &files);
        assert_eq!(of_kernel(&scratch.0), Some(0));
        let nothing = system("limits-nothing", &[("proc/uptime", "1")]);
        let known = [of_kernel(&nothing.0), of_mappings(&nothing.0), of_control_groups(&nothing.0)];
        assert_eq!(known, [None; 3]);
    }

    #[test]
    fn a_user_is_counted_by_threads() {
        let of = |user: &str, threads: &str| {
            format!("Name:\tx\nUid:\t{user}\t0\t0\t0\nThreads:\t{threads}\n")
        };
        let files = [
            ("proc/1/status", of("0", "5")),
            ("proc/20/status", of("1000", "3")),
            ("proc/21/status", of("1000", "40")),
            ("proc/22/other", String::new()),
            ("proc/self/status", of("1000", "40")),
        ];
        let files = files.each_ref().map(|(name, text)| (*name, &**text));
        let scratch = system("limits-user", &files);
        assert_eq!(threads_of_user(&scratch.0, 1000), 43);
        assert_eq!(threads_of_user(&scratch.0, 7), 0);
    }

    #[test]
    fn root_of_the_system_is_exempt() {
        const SYSTEM: &str = "         0          0 4294967295\n";
        for (user, capabilities, map, expected) in [
            ("0", "0000000000000000", SYSTEM, true),
            ("1000", "0000000001000000", SYSTEM, true),
            ("1000", "0000000000200000", SYSTEM, true),
            ("1000", "0000000000000400", SYSTEM, false),
            ("0", "000001ffffffffff", "0 1000 1\n", false),
        ] {
            let status = format!("Uid:\t{user}\t{user}\nCapEff:\t{capabilities}\n");
            let files = [("proc/self/status", &*status), ("proc/self/uid_map", map)];
            let scratch = system("limits-exempt", &files);
            assert_eq!(is_exempt(&scratch.0), expected, "{user} {capabilities} {map}");
        }
    }

    const MOUNTS_2: &str = "\
22 1 0:20 / /proc rw - proc proc rw
30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate
";

    #[test]
    fn every_control_group_around_counts() {
        let files = [
            ("proc/self/cgroup", "0::/user.slice/user-7.slice/session\n"),
            ("proc/self/mountinfo", MOUNTS_2),
            ("sys/fs/cgroup/user.slice/pids.max", "500\n"),
            ("sys/fs/cgroup/user.slice/pids.current", "470\n"),
            ("sys/fs/cgroup/user.slice/user-7.slice/pids.max", "100\n"),
            ("sys/fs/cgroup/user.slice/user-7.slice/pids.current", "20\n"),
            ("sys/fs/cgroup/user.slice/user-7.slice/session/pids.max", "max\n"),
            ("sys/fs/cgroup/user.slice/user-7.slice/session/pids.current", "20\n"),
            ("sys/fs/cgroup/other/pids.max", "1\n"),
        ];
        assert_eq!(of_control_groups(&system("limits-groups", &files).0), Some(30));
    }

    #[test]
    fn a_container_sees_its_own_groups() {
        for (name, group, mounts, limit) in [
            ("name-space", "0::/\n", MOUNTS_2, "sys/fs/cgroup/pids.max"),
            ("outside", "0::/../../docker/1\n", MOUNTS_2, "sys/fs/cgroup/pids.max"),
            (
                "bound",
                "0::/docker/1\n",
                "30 23 0:26 /docker/1 /sys/fs/cgroup ro - cgroup2 cgroup2 rw\n",
                "sys/fs/cgroup/pids.max",
            ),
            (
                "version-1",
                "12:cpu,cpuacct:/docker/1\n4:pids:/docker/1\n0::/x\n",
                "40 23 0:30 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct\n\
                 41 23 0:31 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n",
                "sys/fs/cgroup/pids/docker/pids.max",
            ),
        ] {
            let files = [
                ("proc/self/cgroup", group),
                ("proc/self/mountinfo", mounts),
                (limit, "64\n"),
                (&limit.replace("max", "current"), "4\n"),
            ];
            let scratch = system(&format!("limits-{name}"), &files);
            assert_eq!(of_control_groups(&scratch.0), Some(60), "{name}");
        }
    }

    #[test]
    fn this_system_leaves_some() {
        assert!(threads_left().is_some_and(|left| left > 0));
    }
}
