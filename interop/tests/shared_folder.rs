//! Tests processes that store in one folder, crashes while an older file is replaced, and file systems with
//! fewer features: acknowledged objects are kept under their names.

use std::fs;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use interop::process::{self, eventually, read_lossy};
use interop::wire::{self, Answer, Client, Pdv, Request, data_pdu, tag, uid};
use interop::{Namespace, Object, Program, Scratch, Server, files_below, peers, skip};

const SOON: Duration = Duration::from_secs(15);
/// Locks do not work.
const NO_LOCKS: &str = "flock:error=ENOLCK";
/// The sync of the folder fails, after a delay in which other processes can act.
const LATE_FAILURE: &str = "fsync:error=EIO:delay_enter=1000000";
/// The same after the sync of the file, or also after that of the parent folder.
const SECOND_FAILS: &str = "fsync:error=EIO:delay_enter=1000000:when=2";
const THIRD_FAILS: &str = "fsync:error=EIO:delay_enter=1000000:when=3";

/// A connection served by its own process, as inetd starts it.
struct Inetd {
    child: Child,
    client: TcpStream,
    log: PathBuf,
}

impl Inetd {
    /// Injects `faults` into all calls they name; with [`LATE_FAILURE`], only into calls on `folder`.
    fn start(scratch: &Scratch, folder: &Path, options: &[&str], faults: &[&str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let client = TcpStream::connect(listener.local_addr().expect("its number")).expect("it");
        let connection = OwnedFd::from(listener.accept().expect("a connection").0);
        let number = files_below(scratch.path()).len();
        let log = scratch.path().join(format!("log-{number}"));
        let mut words: Vec<String> = Vec::new();
        if !faults.is_empty() {
            words.extend(["strace", "-D", "-f", "-qq", "-o"].map(str::to_owned));
            words.push(trace_beside(&log).display().to_string());
            if faults.contains(&LATE_FAILURE) {
                words.extend(["-P".to_owned(), folder.display().to_string()]);
            }
            let calls = faults.iter().map(|fault| fault.split(':').next().expect("a call"));
            let calls: Vec<&str> = calls.collect();
            words.extend(["-e".to_owned(), format!("trace={}", calls.join(","))]);
            for fault in faults {
                words.extend(["-e".to_owned(), format!("inject={fault}")]);
            }
        }
        words.push(peers::storescp().display().to_string());
        words.extend(options.iter().map(|&option| option.to_owned()));
        words.extend(["--inetd", "-od"].map(str::to_owned));
        words.push(folder.display().to_string());
        let child = Command::new(&words[0])
            .args(&words[1..])
            .stdin(Stdio::from(connection))
            .stdout(Stdio::null())
            .stderr(fs::File::create(&log).expect("a file"))
            .spawn()
            .expect("the receiver starts");
        client.set_read_timeout(Some(SOON)).expect("a time limit");
        Self { child, client, log }
    }

    fn associate(&self) -> Client {
        let mut client = Client::on(self.client.try_clone().expect("a descriptor"));
        client.send(&Request::usual().encode());
        assert!(matches!(client.answer(), Answer::Accept(_)), "{}", read_lossy(&self.log));
        client
    }

    fn end(mut self, client: Client) -> String {
        client.release();
        // The process waits for the peer to close the connection.
        let _ = self.client.shutdown(Shutdown::Both);
        process::wait(&mut self.child, SOON).expect("it ends by itself");
        read_lossy(&self.log)
    }
}

impl Drop for Inetd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn trace_beside(log: &Path) -> PathBuf {
    log.with_extension("trace")
}

fn can_trace() -> bool {
    let mut command = Command::new("strace");
    command.args(["-qq", "-o", "/dev/null", "true"]).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

fn shown(folder: &Path) -> Vec<String> {
    let names = files_below(folder).into_iter();
    names.filter(|name| !name.ends_with('/') && !name.starts_with(".storescp")).collect()
}

fn store_alone(scratch: &Scratch, folder: &Path, options: &[&str], object: &Object) -> u16 {
    let receiver = Inetd::start(scratch, folder, options, &[]);
    let mut client = receiver.associate();
    let status = client.store(3, object).status();
    receiver.end(client);
    status
}

/// A file system that is mounted until this is dropped.
struct Mounted<'a> {
    image: PathBuf,
    folder: &'a Path,
}

impl<'a> Mounted<'a> {
    /// Mounts one; `None` if this process may not mount.
    fn new(scratch: &Scratch, folder: &'a Path) -> Option<Self> {
        let image = scratch.path().join("image");
        fs::File::create(&image).and_then(|file| file.set_len(64 << 20)).expect("an image");
        let mut make = peers::debian("mkfs.ext4");
        process::run(make.args(["-q", "-F"]).arg(&image), SOON).expect_success("mkfs.ext4");
        let mounted = Self { image, folder };
        mounted.mount().then_some(mounted)
    }

    fn mount(&self) -> bool {
        let mut mount = Command::new("mount");
        mount.args(["-o", "loop"]).arg(&self.image).arg(self.folder).stderr(Stdio::null());
        mount.status().is_ok_and(|status| status.success())
    }

    fn unmount(&self) -> bool {
        let mut unmount = Command::new("umount");
        unmount.arg(self.folder).stderr(Stdio::null());
        unmount.status().is_ok_and(|status| status.success())
    }
}

impl Drop for Mounted<'_> {
    fn drop(&mut self) {
        self.unmount();
    }
}

/// A disk that failed before it had written a deletion may bring back an older file that was already replaced
/// by an acknowledged one. So after the file system is mounted again, the start restores no older file over an
/// existing one.
#[test]
fn what_may_have_been_acknowledged_stays_when_the_disk_is_mounted_anew() {
    if !can_trace() {
        return skip("killing at a system call: strace may not trace here");
    }
    for mounted_anew in [false, true] {
        let scratch = Scratch::new();
        let folder = scratch.directory("out");
        let Some(disk) = Mounted::new(&scratch, &folder) else {
            return skip("a file system of its own: this may not mount one");
        };
        let older = Object::ct(1000);
        assert_eq!(store_alone(&scratch, &folder, &[], &older), 0);
        let newer = Object::new(uid::CT, &older.sop_instance, 2000);
        let at_the_last_sync = "fsync:signal=KILL:when=2";
        assert_eq!(replace(&scratch, &folder, &[], &[at_the_last_sync], &newer), None);
        if mounted_anew {
            eventually("it is unmounted", SOON, || disk.unmount());
            assert!(disk.mount());
        }
        let server = Server::with(Program::Ours, &[]).directory(&folder).start();
        let expected = if mounted_anew { &newer } else { &older };
        server.wait_for_log(if mounted_anew { "W: kept " } else { "W: restored 1 older files" });
        let content = fs::read(folder.join(older.file_name())).expect("the file");
        assert!(content.ends_with(&expected.bytes), "mounted anew: {mounted_anew}");
        let kept = files_below(&folder).into_iter().filter(|name| name.contains(".replaced-"));
        assert_eq!(kept.count(), usize::from(mounted_anew));
    }
}

/// The first process names its file and then its sync fails; meanwhile the second stores the same instance.
#[test]
fn what_another_process_acknowledged_is_not_taken_back() {
    if !can_trace() {
        return skip("failing system calls: strace may not trace here");
    }
    let ways: [(&[&str], &[&str], bool); 6] = [
        (&[], &[LATE_FAILURE], false),
        (&[], &[LATE_FAILURE], true),
        (&["+B"], &[SECOND_FAILS, NO_LOCKS], true),
        (&[], &[SECOND_FAILS, NO_LOCKS], false),
        (&[], &[SECOND_FAILS, "renameat2:error=EINVAL"], true),
        (&["-su", "p"], &[THIRD_FAILS, NO_LOCKS], true),
    ];
    for (options, faults, replaces) in ways {
        let scratch = Scratch::new();
        let folder = scratch.directory("out");
        let older = Object::ct(1000);
        if replaces {
            assert_eq!(store_alone(&scratch, &folder, options, &older), 0);
        }
        let [one, two] = [2000, 3000].map(|size| Object::new(uid::CT, &older.sop_instance, size));
        let first = Inetd::start(&scratch, &folder, options, faults);
        let mut client = first.associate();
        let (refused, stored) = thread::scope(|scope| {
            let storing = scope.spawn(|| client.store(3, &one).status());
            thread::sleep(Duration::from_millis(500));
            let stored = store_alone(&scratch, &folder, options, &two);
            (storing.join().expect("it is answered"), stored)
        });
        let what = format!("{options:?} {faults:?} {replaces}: {refused:04X}");
        assert_eq!(stored, 0, "{what}");
        let log = first.end(client);
        let names = shown(&folder);
        assert_eq!(names.len(), 1, "{what}: {names:?}\n{log}");
        let content = fs::read(folder.join(&names[0])).expect("it is listed");
        let right = content.ends_with(&two.bytes) || refused == 0 && content.ends_with(&one.bytes);
        assert!(right, "{what}: {} bytes\n{log}", content.len());
    }
}

/// Both processes name their files, and the sync of each fails, in either order.
#[test]
fn two_processes_that_both_fail_leave_what_was_there() {
    if !can_trace() {
        return skip("failing system calls: strace may not trace here");
    }
    const SOONER: &str = "fsync:error=EIO:delay_enter=300000:when=2";
    for replaces in [false, true] {
        for (faults, no_locks) in [
            ([&[SECOND_FAILS][..], &[SOONER]], false),
            ([&[SOONER], &[SECOND_FAILS]], false),
            ([&[SECOND_FAILS, NO_LOCKS], &[SOONER, NO_LOCKS]], true),
            ([&[SECOND_FAILS, NO_LOCKS], &[SECOND_FAILS, NO_LOCKS]], true),
        ] {
            let scratch = Scratch::new();
            let folder = scratch.directory("out");
            let older = Object::ct(1000);
            if replaces {
                assert_eq!(store_alone(&scratch, &folder, &[], &older), 0);
            }
            let fail = |faults, bytes| {
                let object = Object::new(uid::CT, &older.sop_instance, bytes);
                let receiver = Inetd::start(&scratch, &folder, &[], faults);
                let mut client = receiver.associate();
                let status = client.store(3, &object).status();
                (status, receiver.end(client))
            };
            let [one, two] = faults;
            let (one, two) = thread::scope(|scope| {
                let one = scope.spawn(|| fail(one, 2000));
                thread::sleep(Duration::from_millis(200));
                let two = scope.spawn(|| fail(two, 3000));
                (one.join().expect("it is answered"), two.join().expect("it is answered"))
            });
            let what = format!("{faults:?} {replaces}: {one:?} {two:?}");
            assert!(one.0 != 0 && two.0 != 0, "{what}");
            if no_locks {
                // They cannot lock each other out, so a refused object may be visible until the next start.
                assert!(folder.read_dir().expect("it is there").count() <= 2, "{what}");
                let starting = Inetd::start(&scratch, &folder, &[], &[]);
                let greeting = starting.associate();
                starting.end(greeting);
            }
            if !replaces && no_locks {
                continue;
            }
            let expected = if replaces { vec![older.file_name()] } else { vec![] };
            assert_eq!(files_below(&folder), expected, "{what}");
            if replaces {
                let content = fs::read(folder.join(older.file_name())).expect("it is listed");
                assert!(content.ends_with(&older.bytes), "{what}: {} bytes", content.len());
            }
        }
    }
}

/// A process starts while another one has moved an older file to a temporary name, and then the replacement
/// fails.
#[test]
fn a_start_leaves_what_others_are_replacing() {
    if !can_trace() {
        return skip("failing system calls: strace may not trace here");
    }
    for faults in [&[LATE_FAILURE][..], &[SECOND_FAILS, NO_LOCKS]] {
        for starts_server in [false, true] {
            let scratch = Scratch::new();
            let folder = scratch.directory("out");
            let older = Object::ct(1000);
            assert_eq!(store_alone(&scratch, &folder, &[], &older), 0);
            let newer = Object::new(uid::CT, &older.sop_instance, 2000);
            let replacing = Inetd::start(&scratch, &folder, &[], faults);
            let mut client = replacing.associate();
            let status = thread::scope(|scope| {
                let storing = scope.spawn(|| client.store(3, &newer).status());
                thread::sleep(Duration::from_millis(500));
                if starts_server {
                    let server = Server::with(Program::Ours, &[]).directory(&folder).start();
                    assert_eq!(Client::usual(server.port()).echo(1), 0);
                    thread::sleep(Duration::from_millis(200));
                } else {
                    let starting = Inetd::start(&scratch, &folder, &[], &[]);
                    let greeting = starting.associate();
                    starting.end(greeting);
                }
                storing.join().expect("it is answered")
            });
            let log = replacing.end(client);
            assert_ne!(status, 0, "the sync fails: {log}");
            assert_eq!(shown(&folder), [older.file_name()], "{faults:?}: {log}");
            let content = fs::read(folder.join(older.file_name())).expect("it is listed");
            assert!(content.ends_with(&older.bytes), "{faults:?} {starts_server}: {log}");
        }
    }
}

/// Kills the receiver at each system call of a replacement. After the next start, the acknowledged object is
/// under its name, and no other file remains.
#[test]
fn a_receiver_killed_at_any_call_of_a_replacement_loses_nothing() {
    if !can_trace() {
        return skip("killing at a system call: strace may not trace here");
    }
    let calls = ["linkat", "renameat", "renameat2", "unlinkat", "fsync", "flock", "mkdirat"];
    let mut killed = 0;
    for options in [&[][..], &["-su", "p"]] {
        for other in [None, Some("renameat2:error=EINVAL")] {
            for call in calls.iter().filter(|call| other.is_none() || **call != "renameat2") {
                for number in 1..12 {
                    let scratch = Scratch::new();
                    let folder = scratch.directory("out");
                    let older = Object::ct(1000);
                    assert_eq!(store_alone(&scratch, &folder, options, &older), 0);
                    let newer = Object::new(uid::CT, &older.sop_instance, 2000);
                    let kill = format!("{call}:signal=KILL:when={number}");
                    let mut faults = vec![kill.as_str()];
                    faults.extend(other);
                    let status = replace(&scratch, &folder, options, &faults, &newer);
                    let what = format!("{options:?} {faults:?}: {status:?}");
                    let server = Server::with(Program::Ours, options).directory(&folder).start();
                    let path = shown(&folder);
                    let expected = if status == Some(0) { &newer } else { &older };
                    eventually(&what, SOON, || {
                        let names = files_below(&folder);
                        let files = names.iter().filter(|name| !name.ends_with('/')).count();
                        let content = path.first().map(|name| fs::read(folder.join(name)));
                        let right = |content: Vec<u8>| content.ends_with(&expected.bytes);
                        files == 1 && content.is_some_and(|content| content.is_ok_and(right))
                    });
                    drop(server);
                    if status.is_some() {
                        break;
                    }
                    killed += 1;
                }
            }
        }
    }
    assert!(killed >= 20, "killed {killed} times");
}

/// The status of the response, if there is one.
fn replace(
    scratch: &Scratch,
    folder: &Path,
    options: &[&str],
    faults: &[&str],
    newer: &Object,
) -> Option<u16> {
    let mut receiver = Inetd::start(scratch, folder, options, faults);
    let mut client = Client::on(receiver.client.try_clone().expect("a descriptor"));
    client.try_send(&Request::usual().encode()).ok()?;
    let mut status = None;
    if matches!(client.answer(), Answer::Accept(_)) {
        let command = wire::Command::store(1, &newer.sop_class, &newer.sop_instance);
        let mut bytes = data_pdu(&[Pdv::command(3, true, &command.encode())]);
        bytes.extend(data_pdu(&[Pdv::data(3, true, &newer.bytes)]));
        if client.try_send(&bytes).is_ok()
            && let Answer::Data(pdvs) = client.answer()
        {
            status = Some(wire::Command::parse(&pdvs[0].data).status());
        }
    }
    let _ = receiver.client.shutdown(Shutdown::Both);
    process::wait(&mut receiver.child, SOON).expect("it ends");
    status
}

#[test]
fn the_archive_is_not_listed_for_a_connection() {
    if !can_trace() {
        return skip("counting system calls: strace may not trace here");
    }
    let scratch = Scratch::new();
    let folder = scratch.directory("out");
    for number in 0..3000 {
        fs::write(folder.join(format!("CT.1.2.{number}")), "").expect("a file");
    }
    let hidden = folder.join(".storescp");
    fs::create_dir(&hidden).expect("a folder");
    let mark = process::mark_of_ended_process();
    fs::write(hidden.join(format!(".incoming-{mark}-5~")), "left by a crash").expect("a file");

    let receiver = Inetd::start(&scratch, &folder, &[], &["getdents64:delay_exit=1"]);
    let mut client = receiver.associate();
    assert_eq!(client.store(3, &Object::ct(1000)).status(), 0);
    let trace = trace_beside(&receiver.log);
    receiver.end(client);
    let entries = |line: &str| line.split(" entries").next()?.rsplit(' ').next()?.parse().ok();
    let listed: Vec<usize> = read_lossy(&trace).lines().filter_map(entries).collect();
    assert!(listed.iter().sum::<usize>() < 300, "{listed:?}");
    assert!(!hidden.exists(), "it has looked for what a crash left, and left nothing itself");
}

/// With neither hard links nor renaming without replacing, unique names cannot be used, but other names can.
#[test]
fn what_a_file_system_cannot_do_is_told_at_the_start_or_done_otherwise() {
    let Some(namespace) = Namespace::available() else {
        return skip("a file system of another kind: no mount namespaces here");
    };
    if !can_trace() {
        return skip("failing system calls: strace may not trace here");
    }
    let lacking = ["-D", "-f", "-qq", "-o", "/dev/null", "-e", "trace=renameat2,linkat,flock"];
    let no_names = ["-e", "inject=renameat2:error=EINVAL", "-e", "inject=linkat:error=EPERM"];
    let no_locks = ["-e", "inject=flock:error=EOPNOTSUPP"];
    let with = |words: &[&str], options: &[&str]| {
        let scratch = Scratch::new();
        let directory = scratch.directory("out");
        let setup = namespace.setup_on_tmpfs(Program::Ours, &directory, "size=8m", options);
        let words: Vec<&str> = lacking.iter().chain(words).copied().collect();
        setup.through("strace", &words).try_start().map(|server| (server, scratch))
    };
    for options in [&["+uf"][..], &["-tn"], &["-su", "p", "-rns"]] {
        let failure = with(&no_names, options).expect_err("no unique names there");
        assert!(failure.stderr.contains("neither hard links nor"), "{}", failure.stderr);
    }
    let neither: Vec<&str> = no_names.iter().chain(&no_locks).copied().collect();
    for (words, options) in [
        (&no_names[..], &[][..]),
        (&neither, &[]),
        (&no_locks, &["+uf"]),
        (&no_names[..2], &["+uf"]),
        (&neither, &["-su", "p"]),
    ] {
        let (server, _scratch) = with(words, options).expect("objects can be stored there");
        let mut client = Client::usual(server.port());
        let object = Object::ct(1000);
        let newer = Object::new(uid::CT, &object.sop_instance, 2000);
        for object in [&object, &newer] {
            let response = client.store(3, object);
            let comment = response.text(tag::ERROR_COMMENT);
            assert_eq!(response.status(), 0, "{words:?} {options:?}: {comment}");
        }
        client.release();
        let view = namespace.view(&server);
        let names = shown(&view);
        assert_eq!(names.len(), 1 + usize::from(options == ["+uf"]), "{words:?} {names:?}");
        let files: Vec<_> = files_below(&view);
        assert_eq!(files.iter().filter(|name| !name.ends_with('/')).count(), names.len());
    }
}
