//! Runs receivers in mount namespaces, with small file systems that a test can fill up, make read-only or
//! unmount.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::process::run;
use crate::{Program, Scratch, Server, Setup};

/// Permission to mount file systems that only the receiver sees. They disappear with its process, so no mount
/// is ever left behind.
#[derive(Clone, Copy, Debug)]
pub struct Namespace {
    /// Options of `unshare` and `nsenter`; they include a user namespace if we are not root.
    user: &'static [&'static str],
}

impl Namespace {
    /// Returns it if this machine permits such mounts, as root or in a user namespace.
    #[must_use]
    pub fn available() -> Option<Self> {
        let works = |user: &&'static [&'static str]| {
            let mut command = Command::new("unshare");
            command.args(user.iter().filter(|option| **option != KEEP)).args(["-m", "sh", "-c"]);
            command.arg("mount -t tmpfs tmpfs /mnt").stdin(Stdio::null()).stderr(Stdio::null());
            command.status().is_ok_and(|status| status.success())
        };
        let candidates: [&[&str]; 2] = [&[], &["-U", "-r", KEEP]];
        candidates.into_iter().find(works).map(|user| Self { user })
    }

    /// Starts our receiver with an output directory on a new `tmpfs` with these mount options.
    #[must_use]
    pub fn server_on_tmpfs(self, mount_options: &str, options: &[&str]) -> Server {
        let scratch = Scratch::new();
        let directory = scratch.directory("out");
        let setup = self.setup_on_tmpfs(Program::Ours, &directory, mount_options, options);
        setup.keeping(scratch).start()
    }

    /// Prepares a receiver whose output directory, an empty one, is on a new `tmpfs`.
    #[must_use]
    pub fn setup_on_tmpfs(
        self,
        program: Program,
        directory: &Path,
        mount_options: &str,
        options: &[&str],
    ) -> Setup {
        let mount = format!("mount -t tmpfs -o {mount_options} tmpfs");
        self.setup_on(program, directory, &mount, options)
    }

    /// A command that runs this shell script with the words appended to it as its arguments, from `$0` on.
    #[must_use]
    pub fn command(self, script: &str) -> Command {
        let mut command = Command::new("unshare");
        command.args(self.user.iter().filter(|option| **option != KEEP));
        command.args(["-m", "sh", "-c", script]);
        command
    }

    /// Starts our receiver with its output directory on the file system on `disk`, a block device or an
    /// ordinary file; `None` if this machine cannot mount it.
    #[must_use]
    pub fn server_on_disk(self, disk: &Path, options: &[&str]) -> Option<Server> {
        Some(self.setup_on_disk(disk, "defaults", options)?.start())
    }

    /// Prepares our receiver with its output directory on the file system on `disk`, a block device or an
    /// ordinary file, with these mount options; `None` if this machine cannot mount it so.
    #[must_use]
    pub fn setup_on_disk(self, disk: &Path, mount: &str, options: &[&str]) -> Option<Setup> {
        let scratch = Scratch::new();
        let directory = scratch.directory("out");
        let mount = format!("mount -o {mount} {}", disk.display());
        let possible = Command::new("unshare")
            .args(["-m", "sh", "-c", &format!("{mount} {}", directory.display())])
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success());
        let setup = self.setup_on(Program::Ours, &directory, &mount, options);
        possible.then(|| setup.keeping(scratch))
    }

    /// Starts our receiver with this output directory, after running these shell commands, which may mount file
    /// systems there.
    #[must_use]
    pub fn server_after(self, commands: &str, directory: &Path) -> Server {
        let script = format!("({commands}) && exec \"$0\" \"$@\"");
        let mut arguments: Vec<&str> =
            self.user.iter().copied().filter(|option| *option != KEEP).collect();
        arguments.extend(["-m", "sh", "-c", &script]);
        Server::with(Program::Ours, &[]).directory(directory).through("unshare", &arguments).start()
    }

    /// Starts our receiver with the whole system read-only, except for the output directory.
    #[must_use]
    pub fn server_on_read_only_system(self, options: &[&str]) -> Server {
        let scratch = Scratch::new();
        let directory = scratch.directory("out");
        let read_only = "mount -o remount,bind,ro / && mount -t tmpfs tmpfs";
        let setup = self.setup_on(Program::Ours, &directory, read_only, options);
        setup.keeping(scratch).start()
    }

    /// A command line that runs the words appended to it as process 1 of a container. The whole system is
    /// read-only except for `volume`; files, given as pairs of source and target, are bind-mounted; and if we
    /// are root, the process runs as an unprivileged user. The process dies with the command.
    #[must_use]
    pub fn container(self, files: &[(&Path, &Path)], volume: &Path) -> Command {
        let mut script = "mount -o remount,bind,ro / ".to_owned();
        for (source, place) in files {
            script += &format!("&& mount --bind {} {} ", source.display(), place.display());
        }
        script += &format!("&& mount -t tmpfs -o mode=0777 tmpfs {} && exec ", volume.display());
        if self.user.is_empty() {
            script += "setpriv --reuid 10001 --regid 10001 --clear-groups --no-new-privs ";
            script += "--inh-caps=-all --bounding-set=-all ";
        }
        let mut command = Command::new("unshare");
        command.args(self.user.iter().filter(|option| **option != KEEP));
        command.args(["-m", "-p", "--mount-proc", "--fork", "--kill-child", "sh", "-c"]);
        command.arg(script + "\"$0\" \"$@\"");
        command
    }

    /// Prepares a receiver that sees other content in some files of the system, given as pairs of path and
    /// content.
    ///
    /// # Panics
    /// If the content cannot be written to a file.
    #[must_use]
    pub fn setup_with_files(
        self,
        program: Program,
        files: &[(&str, &str)],
        options: &[&str],
    ) -> Setup {
        let scratch = Scratch::new();
        let mut mounts = String::new();
        for (index, (path, content)) in files.iter().enumerate() {
            let file = scratch.path().join(index.to_string());
            fs::write(&file, content).expect("a file");
            mounts.push_str(&format!("mount --bind {} {path} && ", file.display()));
        }
        let command = format!("{mounts} exec \"$0\" \"$@\"");
        let mut arguments: Vec<&str> =
            self.user.iter().copied().filter(|option| *option != KEEP).collect();
        arguments.extend(["-m", "sh", "-c", &command]);
        Server::with(program, options).through("unshare", &arguments).keeping(scratch)
    }

    /// Prepares a receiver whose output directory is mounted by this command, to which the directory is
    /// appended.
    fn setup_on(self, program: Program, directory: &Path, mount: &str, options: &[&str]) -> Setup {
        let mount = format!("{mount} {} && exec \"$0\" \"$@\"", directory.display());
        let mut arguments: Vec<&str> =
            self.user.iter().copied().filter(|option| *option != KEEP).collect();
        arguments.extend(["-m", "sh", "-c", &mount]);
        Server::with(program, options).directory(directory).through("unshare", &arguments)
    }

    /// Path of the output directory as the receiver sees it.
    #[must_use]
    pub fn view(self, server: &Server) -> PathBuf {
        let root = format!("/proc/{}/root", server.process_id());
        PathBuf::from(format!("{root}{}", server.directory().display()))
    }

    /// Remounts the output directory with this option, such as `ro`.
    ///
    /// # Panics
    /// If the command fails.
    pub fn remount(self, server: &Server, option: &str) {
        self.run_inside(server, &["mount", "-o", &format!("remount,{option}")]);
    }

    /// Unmounts the output directory although it is in use.
    ///
    /// # Panics
    /// If the command fails.
    pub fn unmount(self, server: &Server) {
        self.run_inside(server, &["umount", "--lazy"]);
    }

    /// Unmounts the output directory; false if it is in use.
    #[must_use]
    pub fn unmount_unused(self, server: &Server) -> bool {
        self.succeeds_inside(server, &["umount", "--quiet"])
    }

    /// Mounts the file system on `disk` on the output directory.
    ///
    /// # Panics
    /// If the command fails.
    pub fn mount_disk(self, server: &Server, disk: &Path) {
        self.run_inside(server, &["mount", &disk.display().to_string()]);
    }

    /// Copies all files of the file system on `disk` to the directory `to`.
    ///
    /// # Panics
    /// If the command fails.
    pub fn copy_files(self, disk: &Path, to: &Path) {
        let script = "mount \"$0\" /mnt && cp -r /mnt/. \"$1\"";
        let mut command = Command::new("unshare");
        command.args(["-m", "sh", "-c", script]).args([disk, to]);
        run(&mut command, Duration::from_secs(60)).expect_success("copying from a mounted disk");
    }

    /// Mounts a new `tmpfs` on the output directory.
    ///
    /// # Panics
    /// If the command fails.
    pub fn mount_tmpfs(self, server: &Server) {
        self.run_inside(server, &["mount", "-t", "tmpfs", "tmpfs"]);
    }

    /// Runs this command, with the output directory appended, in the receiver's namespaces.
    ///
    /// # Panics
    /// If it fails.
    pub fn run_inside(self, server: &Server, command_line: &[&str]) {
        assert!(self.succeeds_inside(server, command_line), "cannot {command_line:?}");
    }

    fn succeeds_inside(self, server: &Server, command_line: &[&str]) -> bool {
        let mut command = Command::new("nsenter");
        command.args(["-t", &server.process_id().to_string(), "-m"]);
        // The existing user namespace is entered, so no user is mapped.
        command.args(self.user.iter().filter(|option| **option != "-r"));
        command.args(command_line).arg(server.directory());
        command.status().is_ok_and(|status| status.success())
    }
}

/// Prints why a test checks nothing on this machine; the test runner does not capture it.
pub fn skip(reason: &str) {
    // The message is optional.
    let _ = writeln!(std::io::stderr(), "skipped: {reason}");
}

const KEEP: &str = "--preserve-credentials";
