//! The receiver under test, and wrong variants of it, whose faults the cuts must find.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::disk::Disk;
use super::stand_in::Order;
use super::workload::{Receiver, Sent, send};
use super::{Plan, owed};
use crate::{Program, Scratch, Server};

/// Who stores the objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variant {
    /// The program under test.
    Storescp,
    /// The program under test, whose syncs of files do nothing: the kernel does not see every other sync of a
    /// thread. This is right only with a single association that makes no folders.
    WithoutFileSync,
    /// The program under test, whose syncs of the output directory do nothing.
    WithoutFolderSync,
    /// The program under test with `--durability ordered`, whose calls of `sync_file_range` do nothing.
    WithoutWriteOut,
    /// The program under test, which owes each object to a destination.
    Owed,
    /// The same, and gives no file a final name.
    OwedAlone,
    /// The program under test that owes each object, whose syncs of folders of intents do nothing.
    OwedWithoutFolderSync,
    /// A simple receiver with this order of steps.
    StandIn(Order),
}

impl Variant {
    /// The one of this name: `storescp`, `without-file-sync`, `without-folder-sync`, `without-write-out`, `owed`,
    /// `owed-alone`, `owed-without-folder-sync`, `stand-in-right`, `stand-in-answer-first` or `stand-in-name-first`.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        match name {
            "storescp" => Some(Self::Storescp),
            "without-file-sync" => Some(Self::WithoutFileSync),
            "without-folder-sync" => Some(Self::WithoutFolderSync),
            "without-write-out" => Some(Self::WithoutWriteOut),
            "owed" => Some(Self::Owed),
            "owed-alone" => Some(Self::OwedAlone),
            "owed-without-folder-sync" => Some(Self::OwedWithoutFolderSync),
            _ => Some(Self::StandIn(Order::of_name(name.strip_prefix("stand-in-")?)?)),
        }
    }

    /// Whether each object has an intent.
    pub(super) fn is_owed(self) -> bool {
        matches!(self, Self::Owed | Self::OwedAlone | Self::OwedWithoutFolderSync)
    }

    /// Starts it with this output directory, sends everything, and ends it.
    pub(super) fn store(self, plan: &Plan, disk: &Disk, directory: &Path) -> Vec<Sent> {
        let send = |receiver| send(&plan.workload, receiver, disk, plan.seed);
        if let Self::StandIn(order) = self {
            let stand_in = StandIn::start(directory, order);
            return send(Receiver::StandIn(stand_in.port));
        }
        let scratch = Scratch::new();
        let settings = owed::settings(&scratch, self != Self::OwedAlone);
        let own = plan.workload.options.iter().copied();
        let ordered = ["--durability", "ordered"].into_iter();
        let ordered = ordered.filter(|_| self == Self::WithoutWriteOut);
        let owing = ["--settings", settings.as_str()].into_iter().filter(|_| self.is_owed());
        let options: Vec<&str> = own
            .chain(plan.options.iter().map(String::as_str))
            .chain(ordered)
            .chain(owing)
            .collect();
        let mut setup = Server::with(Program::Ours, &options).directory(directory);
        if let Some(injection) = self.injection(directory) {
            let words: Vec<&str> = injection.iter().map(String::as_str).collect();
            setup = setup.through("strace", &words);
        }
        let server = setup.start();
        send(Receiver::Storescp(server.port()))
    }

    /// The options of `strace` that make the variant.
    fn injection(self, directory: &Path) -> Option<Vec<String>> {
        let mut words: Vec<String> =
            ["-D", "-f", "-o", "/dev/null", "-e", "trace=fsync,sync_file_range"]
                .map(str::to_owned)
                .to_vec();
        match self {
            Self::Storescp | Self::Owed | Self::OwedAlone | Self::StandIn(_) => return None,
            // The first sync of a thread, and each second one after that.
            Self::WithoutFileSync => words.push("--inject=fsync:retval=0:when=1+2".to_owned()),
            Self::WithoutWriteOut => words.push("--inject=sync_file_range:retval=0".to_owned()),
            Self::OwedWithoutFolderSync => {
                words.push("--inject=fsync:retval=0".to_owned());
                for kind in ["pending", "spool"] {
                    for shard in ('a'..='z').chain('2'..='7') {
                        let folder = directory.join(".storescp").join(kind);
                        words.push(format!("--trace-path={}/{shard}", folder.display()));
                    }
                }
            }
            Self::WithoutFolderSync => {
                words.push("--inject=fsync:retval=0".to_owned());
                words.push(format!("--trace-path={}", directory.display()));
            }
        }
        Some(words)
    }
}

/// A running stand-in. It is killed when this is dropped.
struct StandIn {
    process: Child,
    port: u16,
}

impl StandIn {
    fn start(directory: &Path, order: Order) -> Self {
        let mut process = Command::new(std::env::current_exe().expect("this program is a file"))
            .arg("stand-in")
            .arg(directory)
            .arg(order.name())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("this program starts again");
        let mut line = String::new();
        let output = process.stdout.take().expect("a pipe");
        BufReader::new(output).read_line(&mut line).expect("it answers");
        Self { process, port: line.trim().parse().expect("a port") }
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
