//! Runs receivers of other toolkits, as peers that our sender delivers to. They can be paused, killed, and started again
//! on the same port with the same files.

use std::fs::{self, File};
use std::io::Read;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::part10::Part10;
use crate::process::{self, eventually};
use crate::{Scratch, files_below, free_port, peers};

/// Which receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Toolkit {
    /// DCMTK's `storescp`, which takes these options.
    Dcmtk,
    /// Orthanc, whose configuration is extended by these options, `KEY=JSON` each.
    Orthanc,
    /// The script `receive.py` with pynetdicom, which takes these options.
    Pynetdicom,
}

/// A receiver that runs as a child process, which is killed when this is dropped.
#[derive(Debug)]
pub struct Receiver {
    toolkit: Toolkit,
    options: Vec<String>,
    child: Option<Child>,
    /// The port that it listens on.
    pub port: u16,
    scratch: Scratch,
}

impl Receiver {
    /// Starts it and waits until it listens.
    #[must_use]
    pub fn start(toolkit: Toolkit, options: &[&str]) -> Self {
        let scratch = Scratch::new();
        let _: PathBuf = scratch.directory("out");
        let options = options.iter().map(|&option| option.to_owned()).collect();
        let mut receiver = Self { toolkit, options, child: None, port: free_port(), scratch };
        receiver.restart();
        receiver
    }

    /// Starts it again after [`kill`](Self::kill).
    ///
    /// # Panics
    /// If it does not listen within a minute.
    pub fn restart(&mut self) {
        let log = File::options().create(true).append(true).open(self.scratch.path().join("log"));
        let log = log.expect("a file for the log");
        let copy = log.try_clone().expect("a descriptor");
        let mut command = self.command();
        // DCMTK would wait 40 ms for an acknowledgement with each object.
        command.env("TCP_NODELAY", "1").stdin(Stdio::null()).stdout(log).stderr(copy);
        self.child = Some(command.spawn().expect("the receiver starts"));
        eventually("the receiver listens", Duration::from_secs(60), || self.listens());
    }

    fn listens(&mut self) -> bool {
        let ended = self.child.as_mut().and_then(|child| child.try_wait().expect("a child"));
        assert!(ended.is_none(), "the receiver ended: {}", self.log());
        TcpStream::connect(("127.0.0.1", self.port)).is_ok()
    }

    fn command(&self) -> Command {
        let (port, directory) = (self.port.to_string(), self.directory());
        match self.toolkit {
            Toolkit::Dcmtk => {
                let mut command = peers::debian("storescp");
                command.args(&self.options).arg("-od").arg(directory).arg(port);
                command
            }
            Toolkit::Pynetdicom => {
                let mut command = peers::python_script("receive.py");
                command.args(&self.options).arg(port).arg(directory);
                command
            }
            Toolkit::Orthanc => {
                let configuration = self.scratch.path().join("orthanc.json");
                fs::write(&configuration, self.orthanc()).expect("a file can be written");
                let mut command = peers::debian("Orthanc");
                command.arg(configuration);
                command
            }
        }
    }

    fn orthanc(&self) -> String {
        let directory = self.directory();
        let mut configuration = serde_json::json!({
            "Name": "interop", "StorageDirectory": directory, "IndexDirectory": directory,
            "DicomPort": self.port, "DicomAet": "ORTHANC", "DicomCheckCalledAet": false,
            "DicomAlwaysAllowStore": true, "UnknownSopClassAccepted": true, "HttpServerEnabled": false,
            "OverwriteInstances": true, "SaveJobs": false, "Plugins": [],
        });
        for option in &self.options {
            let (key, value) = option.split_once('=').expect("KEY=JSON");
            configuration[key] = serde_json::from_str(value).expect("JSON");
        }
        configuration.to_string()
    }

    /// Where it stores.
    #[must_use]
    pub fn directory(&self) -> PathBuf {
        self.scratch.path().join("out")
    }

    /// `127.0.0.1:PORT`.
    #[must_use]
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// What it printed.
    #[must_use]
    pub fn log(&self) -> String {
        process::read_lossy(&self.scratch.path().join("log"))
    }

    /// Stops it (SIGSTOP): connections are still accepted by the kernel, and nothing is answered.
    pub fn pause(&self) {
        self.signal("STOP");
    }

    /// Lets it go on.
    pub fn go_on(&self) {
        self.signal("CONT");
    }

    fn signal(&self, name: &str) {
        process::signal(self.child.as_ref().expect("it runs").id(), name);
    }

    /// Kills it (SIGKILL) and waits for its end.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// The DICOM files that it has stored whole, as paths.
    #[must_use]
    pub fn stored(&self) -> Vec<PathBuf> {
        let directory = self.directory();
        let names = files_below(&directory);
        let paths = names.iter().filter(|name| !name.ends_with('/')).map(|it| directory.join(it));
        paths.filter(|path| is_dicom(path)).collect()
    }

    /// The stored file of a SOP instance.
    #[must_use]
    pub fn stored_instance(&self, sop_instance: &str) -> Option<PathBuf> {
        self.stored().into_iter().find(|path| Part10::read(path).text(0x0003) == sop_instance)
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprintln!("--- the log of {:?}\n{}", self.toolkit, self.log());
        }
    }
}

fn is_dicom(path: &Path) -> bool {
    let mut start = [0; 132];
    File::open(path).and_then(|mut file| file.read_exact(&mut start)).is_ok()
        && start.ends_with(b"DICM")
}
