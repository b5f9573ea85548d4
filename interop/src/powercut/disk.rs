//! The two disks of a run, and the file systems on them.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio};
use std::sync::{Mutex, PoisonError};

use super::file_server::{CUT, LIVE};
use super::file_systems::{CHECK_EXT4, FileSystem};
use crate::peers;

/// Two disks: one to store on, whose writes and flushes are recorded; and one that is as the other one was after
/// a power cut. Another process serves them, which ends when this is dropped.
#[derive(Debug)]
pub(super) struct Disk {
    file_system: FileSystem,
    folder: PathBuf,
    process: Child,
    pipes: Mutex<(ChildStdin, BufReader<ChildStdout>)>,
}

impl Disk {
    /// Makes the disks, served in this empty folder, with a file system on the one.
    pub(super) fn make(file_system: FileSystem, folder: &Path) -> Self {
        let bytes = file_system.mib << 20;
        let mut process = Command::new(std::env::current_exe().expect("this program is a file"))
            .args([Path::new("serve"), folder, Path::new(&bytes.to_string())])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("this program starts again");
        let input = process.stdin.take().expect("a pipe");
        let mut output = BufReader::new(process.stdout.take().expect("a pipe"));
        let mut line = String::new();
        output.read_line(&mut line).expect("it answers");
        assert_eq!(line, "ready\n", "FUSE works here");
        let pipes = Mutex::new((input, output));
        let disk = Self { file_system, folder: folder.to_owned(), process, pipes };
        let mut make = peers::debian(file_system.make[0]);
        make.args(&file_system.make[1..]);
        make.args(file_system.feature.map(|feature| ["-O", feature]).iter().flatten());
        succeed(make.arg(disk.folder.join(LIVE)));
        disk
    }

    /// Begins to record, and mounts the file system that is recorded.
    ///
    /// # Errors
    /// What the command said: most likely that the kernel does not know the file system.
    pub(super) fn mount_live(&self, at: &Path) -> Result<(), String> {
        self.ask("record");
        // Direct I/O, so that the device does not wait for one write before it passes on the next.
        let mut attach = Command::new("losetup");
        attach.args(["--find", "--show", "--direct-io=on"]).arg(self.folder.join(LIVE));
        let device = succeed(&mut attach);
        let mounted = self.mount(device.trim(), "", at);
        // The device is kept until the file system is unmounted.
        succeed(Command::new("losetup").args(["--detach", device.trim()]));
        mounted
    }

    /// Number of events recorded so far.
    pub(super) fn position(&self) -> usize {
        number(&self.ask("position"))
    }

    /// Ends the recording, after the file system is unmounted; returns the number of events.
    pub(super) fn end(&self) -> usize {
        number(&self.ask("end"))
    }

    /// The last position from this one on before another flush is complete: the most writes may be lost there.
    pub(super) fn before_flush(&self, position: usize) -> usize {
        number(&self.ask(&format!("before-flush {position}")))
    }

    /// Makes the other disk one whose power was cut after this many events. Returns how many writes were kept,
    /// dropped and torn.
    pub(super) fn cut(&self, position: usize, seed: u64) -> [usize; 3] {
        let FileSystem { sector_bytes, whole_blocks, .. } = self.file_system;
        let whole: String = whole_blocks.iter().map(|block| format!(" {block}")).collect();
        let answer = self.ask(&format!("cut {position} {seed} {sector_bytes}{whole}"));
        let fates: Vec<usize> = answer.split(' ').map(number).collect();
        fates.try_into().expect("three numbers")
    }

    /// Mounts the disk whose power was cut, after what an operator has to do before that.
    ///
    /// # Errors
    /// What the commands said.
    pub(super) fn mount_cut(&self, at: &Path) -> Result<(), String> {
        if let Some(repair) = self.file_system.repair {
            self.repair_with(repair)?;
        }
        if self.file_system.name == "btrfs" {
            // The kernel remembers newer disks of the same identity.
            succeed(peers::debian("btrfs").args(["device", "scan", "--forget"]));
        }
        let file = self.folder.join(CUT);
        self.mount(file.to_str().expect("UTF-8"), "loop", at)
    }

    /// Repairs the disk whose power was cut, which has an ext4 file system, and mounts it.
    ///
    /// # Errors
    /// What the commands said.
    pub(super) fn repair_and_mount_cut(&self, at: &Path) -> Result<(), String> {
        // The first run says that errors are left if it could not replay the journal.
        self.repair_with(CHECK_EXT4).or_else(|_| self.repair_with(CHECK_EXT4))?;
        self.mount_cut(at)
    }

    /// Writes the disk whose power was cut to a file.
    pub(super) fn save_cut(&self, path: &Path) {
        self.ask(&format!("save {}", path.display()));
    }

    fn repair_with(&self, command: &[&str]) -> Result<(), String> {
        let mut repair = peers::debian(command[0]);
        let output = output(repair.args(&command[1..]).arg(self.folder.join(CUT)));
        // 1: errors were corrected.
        match output.status.code() {
            Some(0 | 1) => Ok(()),
            _ => Err(text(&output)),
        }
    }

    fn mount(&self, device: &str, more: &str, at: &Path) -> Result<(), String> {
        let options: Vec<&str> =
            [self.file_system.mount, more].into_iter().filter(|it| !it.is_empty()).collect();
        let mut mount = Command::new("mount");
        if !options.is_empty() {
            mount.args(["-o", &options.join(",")]);
        }
        let output = output(mount.arg(device).arg(at));
        output.status.success().then_some(()).ok_or_else(|| text(&output))
    }

    fn ask(&self, line: &str) -> String {
        let mut pipes = self.pipes.lock().unwrap_or_else(PoisonError::into_inner);
        let (input, output) = &mut *pipes;
        input.write_all(format!("{line}\n").as_bytes()).expect("the process serves");
        let mut answer = String::new();
        output.read_line(&mut answer).expect("the process serves");
        assert!(!answer.is_empty() && answer != "error\n", "no answer to {line}");
        answer.trim_end().to_owned()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Without the process, whoever waits for the disks gets an error. An end in order would wait for them.
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = Command::new("umount").arg("--lazy").arg(&self.folder).output();
    }
}

/// Unmounts a file system. The device below it goes with it.
pub(super) fn unmount(at: &Path) {
    succeed(Command::new("umount").arg(at));
}

fn succeed(command: &mut Command) -> String {
    let output = output(command);
    assert!(output.status.success(), "{command:?}: {}", text(&output));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn output(command: &mut Command) -> Output {
    let output = command.stdin(Stdio::null()).output();
    output.unwrap_or_else(|error| panic!("cannot run {command:?}: {error}"))
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr].concat()).into_owned()
}

fn number(text: &str) -> usize {
    text.parse().unwrap_or_else(|_| panic!("{text} is not a number"))
}
