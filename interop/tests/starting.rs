//! Tests that a start does not depend on how many files there are: nothing lists the output directory before the port
//! is open, nor afterwards where a hidden folder can be made in it.

use std::fs::{self, File};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use interop::process::{self, eventually};
use interop::wire::{Answer, Client, Request};
use interop::{Object, Program, Scratch, Server, peers};

const FILES: usize = 50_000;
const SOON: Duration = Duration::from_secs(60);
const TRACE: [&str; 8] =
    ["-D", "-f", "-yy", "-o", "trace", "-e", "trace=getdents,getdents64,listen,mkdirat", "-qq"];
/// Only files can be made in the output directory.
const NO_FOLDERS: &str = "inject=mkdirat:error=EPERM";
/// What a process of another boot left.
const LEFT_OVER: &str = ".incoming-1-1-1-1-1~";

/// An output directory with many files.
fn archive() -> Scratch {
    let scratch = Scratch::new();
    let out = scratch.directory("out");
    for number in 0..FILES {
        File::create(out.join(format!("CT.1.2.{number}"))).expect("a file");
    }
    scratch
}

/// Of the calls that the receiver has made, the ports that were opened and the folders that were listed, in order.
fn opened_and_listed(trace: &Path, out: &Path) -> Vec<&'static str> {
    let text = fs::read_to_string(trace).unwrap_or_default();
    let (all, hidden) = (format!("<{}>", out.display()), format!("<{}/.storescp", out.display()));
    let call = |line: &str| {
        let calls = |name| line.contains(&format!(" {name}"));
        match line {
            _ if calls("listen(") => Some("listen"),
            _ if !calls("getdents") => None,
            _ if line.contains(&all) => Some("all files"),
            _ if line.contains(&hidden) => Some("temporary files"),
            _ => None,
        }
    };
    let mut calls: Vec<_> = text.lines().filter_map(call).collect();
    calls.dedup();
    calls
}

#[test]
fn the_port_is_open_before_temporary_files_are_looked_for_and_other_files_are_not_listed() {
    let archive = archive();
    let out = archive.path().join("out");
    let lines: [&[&str]; 11] = [
        &[],
        &["+B"],
        &["--durability", "none"],
        &["+uf"],
        &["-uf", "-fe", ".dcm"],
        &["-tn"],
        &["-su", ""],
        &["-su", "study"],
        &["-ss", "study"],
        &["-sp"],
        &["-su", "study", "-rns", "-tos", "1"],
    ];
    for options in lines {
        fs::create_dir(out.join(".storescp")).expect("it was removed");
        let left_over = out.join(".storescp").join(LEFT_OVER);
        File::create(&left_over).expect("a file");
        let server =
            Server::with(Program::Ours, options).directory(&out).through("strace", &TRACE).start();
        let mut client = Client::usual(server.port());
        assert_eq!(client.store(3, &Object::ct(100)).status(), 0, "{options:?}");
        client.release();
        eventually("the temporary file is deleted", SOON, || !left_over.exists());
        let trace = server.scratch().join("trace");
        eventually("the trace is written", SOON, || {
            opened_and_listed(&trace, &out).last() == Some(&"temporary files")
        });
        let calls = opened_and_listed(&trace, &out);
        assert_eq!(calls, ["listen", "temporary files"], "{options:?}");
        drop(server);
        let _ = fs::remove_dir(out.join(".storescp"));
    }
}

/// Then temporary files are among all others.
#[test]
fn where_no_folder_can_be_made_all_are_listed_once_the_port_is_open() {
    let archive = archive();
    let out = archive.path().join("out");
    let left_over = out.join(LEFT_OVER);
    File::create(&left_over).expect("a file");
    let server = Server::with(Program::Ours, &[])
        .directory(&out)
        .through("strace", &[&TRACE[..], &["-e", NO_FOLDERS]].concat())
        .start();
    let mut client = Client::usual(server.port());
    let objects: Vec<Object> = (0..20).map(|_| Object::ct(100)).collect();
    for object in &objects {
        assert_eq!(client.store(3, object).status(), 0);
    }
    client.release();
    eventually("the temporary file is deleted", SOON, || !left_over.exists());
    let trace = server.scratch().join("trace");
    assert_eq!(opened_and_listed(&trace, &out), ["listen", "all files"]);
    assert_eq!(server.files().len(), FILES + objects.len(), "nothing else is deleted");
}

/// A process for one connection lists them neither before that nor after it.
#[test]
fn a_single_connection_lists_nothing() {
    let archive = archive();
    let out = archive.path().join("out");
    File::create(out.join(LEFT_OVER)).expect("a file");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let client = TcpStream::connect(listener.local_addr().expect("its number")).expect("it");
    let connection = OwnedFd::from(listener.accept().expect("a connection").0);
    let mut child = Command::new("strace")
        .args([&TRACE[..], &["-e", NO_FOLDERS]].concat())
        .arg(peers::storescp())
        .args(["--inetd", "-od"])
        .arg(&out)
        .current_dir(archive.path())
        .stdin(Stdio::from(connection))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("strace starts");
    let mut client = Client::on(client);
    client.send(&Request::usual().encode());
    assert!(matches!(client.answer(), Answer::Accept(_)));
    assert_eq!(client.store(3, &Object::ct(100)).status(), 0);
    client.release();
    let status = process::wait(&mut child, SOON).expect("it ends by itself");
    assert_eq!(status.code(), Some(0));
    let trace = archive.path().join("trace");
    let text = fs::read_to_string(&trace).expect("a trace");
    assert!(text.contains("mkdirat(") && text.contains("INJECTED"), "{text}");
    assert_eq!(opened_and_listed(&trace, &out), Vec::<&str>::new());
    assert!(out.join(LEFT_OVER).exists(), "it is left to a receiver that is not in a hurry");
}
