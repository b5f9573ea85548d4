//! Tests limits of the system and our own: the number of threads of a user, and the memory of an association.

use std::collections::hash_map::RandomState;
use std::fs::{self, Permissions};
use std::hash::{BuildHasher, Hasher};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command as Process;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use interop::process::{eventually, patient, run};
use interop::tls::{CLIENT_TIME_LIMIT, Pki};
use interop::wire::{
    Answer, Client, Command, Context, Pdv, Request, data_pdu, release_request, uid,
};
use interop::{Namespace, Object, Program, Scratch, Server, Setup, element, peers, skip};

/// Starts a receiver as an unprivileged user who runs nothing else and may have this many threads; `None` if we
/// are not root.
fn with_threads(threads: usize, options: &[&str]) -> Option<(Server, String)> {
    let (setup, user) = setup_with_threads(threads, options)?;
    Some((setup.start(), user))
}

fn setup_with_threads(threads: usize, options: &[&str]) -> Option<(Setup, String)> {
    if !Process::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n") {
        return None;
    }
    // A user ID that no other call and no other test process uses, in any container on this kernel.
    let random = RandomState::new().build_hasher().finish() % (1 << 30);
    let user = 100_000 + random;
    let scratch = Scratch::new();
    let directory = scratch.directory("out");
    fs::set_permissions(&directory, Permissions::from_mode(0o777)).expect("it is ours");
    let copy = scratch.path().join("receiver");
    let script = format!(
        "cp \"$0\" {copy} && exec setpriv --reuid {user} --regid {user} --clear-groups \
         prlimit --nproc={threads}:{threads} {copy} \"$@\"",
        copy = copy.display()
    );
    let setup = Server::with(Program::Ours, options).directory(&directory);
    Some((setup.through("sh", &["-c", &script]).keeping(scratch), user.to_string()))
}

/// How long the receiver waits for the request of a peer that it will reject.
const REJECTION_TIMEOUT: Duration = Duration::from_secs(5);

fn ask(server: &Server) -> (Client, Answer) {
    let mut client = Client::connect(server.port());
    client.send(&Request::usual().encode());
    let answer = client.answer();
    (client, answer)
}

/// The limit is known at startup: peers within it are served, and all others get a rejection.
#[test]
fn whom_the_limit_on_threads_leaves_no_room_for_is_rejected_in_words() {
    let Some((server, _)) = with_threads(30, &["-d"]) else {
        return skip("only root can change users");
    };
    let mut served = Vec::new();
    let mut rejected = 0;
    for _ in 0..60 {
        match ask(&server) {
            (client, Answer::Accept(_)) => served.push(client),
            (_, Answer::Reject(2, 3, 2)) => rejected += 1,
            (_, other) => panic!("{other:?}: {}", server.stderr()),
        }
    }
    assert!((5..30).contains(&served.len()) && rejected > 0, "{} are served", served.len());
    let told = format!("at most {} associations at a time", served.len());
    assert!(server.stderr().contains(&told), "{told}: {}", server.stderr());
    assert!(served.iter_mut().all(|client| client.echo(1) == 0));
    // Silent peers take threads too, and still no peer is dropped without an answer, nor delayed for the full
    // time that a peer may be silent: about a dozen silent peers per second make room.
    let silent: Vec<Client> = (0..40).map(|_| Client::connect(server.port())).collect();
    let asked = Instant::now();
    for _ in 0..5 {
        let (_, answer) = ask(&server);
        assert_eq!(answer, Answer::Reject(2, 3, 2), "{:?}: {}", asked.elapsed(), server.stderr());
    }
    assert!(asked.elapsed() < patient(REJECTION_TIMEOUT * 3 / 2), "{:?}", asked.elapsed());
    drop(silent);
    drop(served);
    eventually("a place is free again", Duration::from_secs(30), || {
        matches!(ask(&server).1, Answer::Accept(_))
    });
}

/// A control group below one that has a limit, removed when dropped.
struct ControlGroup(PathBuf);

impl ControlGroup {
    /// Makes one; `None` where no control group can count processes.
    fn new(processes: usize) -> Option<Self> {
        let places = ["/sys/fs/cgroup/pids", "/sys/fs/cgroup"].map(Path::new);
        let top = places.into_iter().find(|place| place.join("cgroup.procs").exists())?;
        let outer = top.join(format!("storescp-interop-{}", std::process::id()));
        fs::create_dir(&outer).ok()?;
        let group = Self(outer);
        fs::create_dir(group.0.join("inner")).ok()?;
        fs::write(group.0.join("pids.max"), processes.to_string()).ok()?;
        Some(group)
    }
}

impl Drop for ControlGroup {
    fn drop(&mut self) {
        // The processes in it may take a moment to disappear.
        let gone =
            || fs::remove_dir(self.0.join("inner")).is_ok() || !self.0.join("inner").exists();
        for _ in 0..100 {
            if gone() && fs::remove_dir(&self.0).is_ok() {
                return;
            }
            thread::sleep(Duration::from_millis(20));
        }
    }
}

/// The limit of a control group around ours applies even to root.
#[test]
fn whom_a_control_group_leaves_no_room_for_is_rejected_in_words() {
    let Some(group) = ControlGroup::new(30) else { return skip("no control groups can be made") };
    let enter = format!("echo $$ >{}/inner/cgroup.procs", group.0.display());
    let server = Server::with(Program::Ours, &["-d"]).after_shell(&enter).start();
    let answers: Vec<(Client, Answer)> = (0..40).map(|_| ask(&server)).collect();
    let served = answers.iter().filter(|(_, answer)| matches!(answer, Answer::Accept(_))).count();
    let rejected = answers.iter().filter(|(_, answer)| *answer == Answer::Reject(2, 3, 2)).count();
    assert!(served >= 5 && served + rejected == 40, "{served} {rejected}: {}", server.stderr());
    assert!(server.stderr().contains(&format!("at most {served} associations at a time")));
    drop(server);
}

/// Silent peers that will be rejected make room for peers that send a request.
#[test]
fn silent_peers_keep_nobody_from_being_rejected_in_words() {
    let server = Server::start(Program::Ours, &["--max-associations", "1"]);
    let mut first = Client::usual(server.port());
    let silent: Vec<Client> = (0..300).map(|_| Client::connect(server.port())).collect();
    for _ in 0..100 {
        assert!(matches!(ask(&server).1, Answer::Reject(2, 3, 2)), "{}", server.stderr());
    }
    thread::scope(|scope| {
        for _ in 0..200 {
            scope.spawn(|| assert!(matches!(ask(&server).1, Answer::Reject(2, 3, 2))));
        }
    });
    assert_eq!(first.echo(1), 0);
    drop(silent);
}

/// With one thread to accept connections and none to serve them, nothing could ever be received. With each
/// limit, either the start fails, or peers are served.
#[test]
fn with_too_few_threads_to_serve_anybody_the_start_fails() {
    let with_command: &[&str] = &["-su", "S", "-tos", "5", "-xcs", "true"];
    for (options, limits) in [(&[][..], 2..9), (with_command, 5..11)] {
        let mut started = 0;
        for threads in limits {
            let Some((setup, _)) = setup_with_threads(threads, options) else {
                return skip("only root can change users");
            };
            match setup.try_start() {
                Ok(server) => {
                    started += 1;
                    let (_, answer) = ask(&server);
                    assert!(matches!(answer, Answer::Accept(_)), "{threads}: {answer:?}");
                }
                Err(failure) => {
                    assert_eq!((failure.status.code(), started), (Some(1), 0), "{threads}");
                    let stderr = failure.stderr;
                    assert!(stderr.starts_with("F: cannot start a thread: "), "{stderr}");
                }
            }
        }
        assert!((1..4).contains(&started), "{started} of {options:?} start");
    }
}

/// Another process of the same user takes the threads while the receiver runs.
#[test]
fn where_no_thread_can_be_started_any_more_peers_are_rejected_in_words() {
    let Some((server, user)) = with_threads(200, &[]) else {
        return skip("only root can change users");
    };
    let limit = |threads: usize| {
        let mut command = Process::new("setpriv");
        command.args(["--reuid", &user, "--regid", &user, "--clear-groups", "prlimit"]);
        command.args([
            "--pid",
            &server.process_id().to_string(),
            &format!("--nproc={threads}:200"),
        ]);
        assert!(command.status().expect("prlimit").success());
    };
    let (mut first, answer) = ask(&server);
    assert!(matches!(answer, Answer::Accept(_)));
    limit(1);
    let mut served = Vec::new();
    let mut rejected = 0;
    for _ in 0..20 {
        match ask(&server) {
            (client, Answer::Accept(_)) => served.push(client),
            (_, Answer::Reject(2, 3, 2)) => rejected += 1,
            (_, other) => panic!("{other:?}: {}", server.stderr()),
        }
    }
    assert!(rejected >= 10, "{}", server.stderr());
    assert!(server.stderr().contains("(cannot start a thread)"), "{}", server.stderr());
    assert_eq!(first.echo(1), 0);
    // A silent peer delays the others only for a moment.
    let silent = Client::connect(server.port());
    assert!(matches!(ask(&server).1, Answer::Reject(2, 3, 2)));
    drop(silent);
    limit(200);
    eventually("peers are served again", Duration::from_secs(30), || {
        matches!(ask(&server).1, Answer::Accept(_))
    });
}

/// If the limits of the process leave room for fewer associations than configured, the receiver does not start.
#[test]
fn more_associations_than_the_limits_allow_are_not_promised() {
    let options = ["--max-associations", "1000"];
    let limited = |limit: &str| {
        let setup = Server::with(Program::Ours, &options).after_shell(&format!("ulimit {limit}"));
        setup.try_start().map_err(|failure| failure.stderr)
    };
    for limit in ["-n 200", "-v 1500000"] {
        let refused = limited(limit).expect_err(limit);
        assert!(refused.contains("1000"), "{refused}");
    }
    assert!(limited("-n 3000").is_ok());
}

/// Number of concurrent peers.
const AT_ONCE: usize = 4;

/// Sends requests and objects that need as much memory as possible, several at a time, and compares the peak
/// with the bound logged at startup.
#[test]
fn an_association_takes_no_more_memory_than_the_log_says() {
    let scratch = Scratch::new();
    let dictionary = scratch.path().join("private.dic");
    let entry = "(0009,\"INTEROP\",01)\tDS\tValue\t1\tPrivateTag\n";
    fs::write(&dictionary, entry).expect("a file");
    for (options, syntax) in [
        ("", uid::EVLE),
        ("+B", uid::EVLE),
        ("+tb +e", uid::EVLE),
        ("+td +cl 9", uid::EVLE),
        ("+xd +ti -e", uid::DEFLATED),
    ] {
        let words = options.split_whitespace().chain(["-d", "--durability", "none"]);
        let setup = Server::with(Program::Ours, &words.collect::<Vec<_>>());
        let server = setup.environment("DCMDICTPATH", dictionary.to_str().expect("text")).start();
        stays_within_bound(&server, options, || {
            let barrier = Barrier::new(AT_ONCE);
            thread::scope(|scope| {
                for _ in 0..AT_ONCE {
                    scope.spawn(|| greedy(server.port(), syntax, &barrier));
                }
            });
        });
    }
}

/// The same with the longest answers that faults on purpose make.
#[test]
fn faults_take_no_more_memory_than_the_log_says() {
    let fault = ["-d", "--durability", "none", "--fault", "object: oversized pdu 1048576"];
    let server = Server::start(Program::Ours, &fault);
    let object = Object::ct(1000);
    stays_within_bound(&server, "oversized answers", || {
        let barrier = Barrier::new(AT_ONCE);
        thread::scope(|scope| {
            for _ in 0..AT_ONCE {
                scope.spawn(|| {
                    let mut client = Client::usual(server.port());
                    barrier.wait();
                    for _ in 0..3 {
                        client.store(3, &object);
                    }
                });
            }
        });
    });
}

/// The same with host access control files of maximum length.
#[test]
fn access_control_takes_no_more_memory_than_the_log_says() {
    const LONGEST: usize = 1024 * 1024;
    let (allow, deny) = ("/etc/hosts.allow", "/etc/hosts.deny");
    let Some(namespace) = Namespace::available().filter(|_| Path::new(allow).exists()) else {
        return skip("no mount namespaces here, or no hosts.allow");
    };
    let scratch = Scratch::new();
    let list = |name: &str, text: String| {
        let path = scratch.path().join(name);
        let mut text = text.into_bytes();
        text.resize(LONGEST, 0xFF);
        fs::write(&path, text).expect("a file");
        path.display().to_string()
    };
    let first = list("third", "11. ".to_owned());
    let second = list("second", format!("{first} "));
    let third = list("first", format!("{second} "));
    let mut rules = format!("sshd: \\\n{}{third}\n", "11.0.0.1 \\\n".repeat(80_000));
    rules.push_str(&format!("storescp: {} \\\n {third}\n", "11.0.0.1 \\\n".repeat(10_000)));
    assert!(rules.len() <= LONGEST);
    let files = [(allow, ""), (deny, &*rules)];
    let server = namespace.setup_with_files(Program::Ours, &files, &["-d", "-dhl", "+ac"]).start();
    stays_within_bound(&server, "+ac", || {
        thread::scope(|scope| {
            for _ in 0..AT_ONCE {
                scope.spawn(|| assert_eq!(Client::connect(server.port()).answer(), Answer::Closed));
            }
        });
    });
    assert!(server.stderr().contains("is no pattern"), "{}", server.stderr());
}

/// The same over TLS, which has additional buffers.
#[test]
fn an_association_over_tls_takes_no_more_memory_than_the_log_says() {
    let pki = Pki::shared();
    let line = "+tls %server.key %server.pem +cf %ca.pem -d --durability none";
    let words = pki.words(line);
    let server =
        Server::start(Program::Ours, &words.iter().map(String::as_str).collect::<Vec<_>>());
    let bytes = server.scratch().join("bytes");
    let pdus = messages(uid::EVLE).concat();
    fs::write(&bytes, [request(uid::EVLE).encode(), pdus, release_request()].concat())
        .expect("a file");
    let client = || {
        let mut command = Process::new("sh");
        command.arg("-c").arg("exec \"$0\" \"$@\" <\"$BYTES\"").env("BYTES", &bytes);
        command.arg(peers::debian_path("openssl")).args(["s_client", "-quiet", "-connect"]);
        command.arg(format!("127.0.0.1:{}", server.port()));
        command.args(pki.words("-key %client.key -cert %client.pem"));
        run(&mut command, CLIENT_TIME_LIMIT)
    };
    stays_within_bound(&server, "TLS", || {
        thread::scope(|scope| {
            for _ in 0..AT_ONCE {
                scope.spawn(client);
            }
        });
    });
    assert!(server.stderr().matches("D: TLS handshake done").count() >= AT_ONCE);
    assert_eq!(server.files().len(), 1);
}

/// Large objects come in on more associations than there are large receive buffers.
#[test]
fn large_objects_take_no_more_memory_than_the_log_says() {
    const PEERS: usize = 20;
    let server = Server::start(Program::Ours, &["-d", "+B", "--durability", "none"]);
    let (bound, shared) = told_kib(&server);
    let mut data_set = element(0x0008, 0x0016, *b"UI", uid::CT.as_bytes());
    data_set.extend(element(0x0008, 0x0018, *b"UI", b"2.25.77"));
    // What is sent while a peer waits is more than the buffers of both sockets hold.
    data_set.extend(element(0x7003, 0x0010, *b"OB", &vec![0; 20_000_000]));
    let mut pdus = pdus(&Command::store(1, uid::CT, "2.25.77").encode(), &data_set);
    let last = pdus.pop().expect("there are some");
    let barrier = Barrier::new(PEERS);
    let before = server.peak_kib();
    thread::scope(|scope| {
        for _ in 0..PEERS {
            scope.spawn(|| {
                let mut client = Client::usual(server.port());
                pdus.iter().for_each(|pdu| client.send(pdu));
                barrier.wait();
                client.send(&last);
                assert_eq!(client.response().1.status(), 0);
                client.release();
            });
        }
    });
    let grown = server.peak_kib() - before;
    assert!(grown <= PEERS as u64 * bound + shared, "{grown} KiB, {bound} each and {shared} told");
    assert!(grown >= shared, "{grown} KiB: the large buffers are not used");
}

/// What the log tells of an association, and of what all associations share, in KiB.
fn told_kib(server: &Server) -> (u64, u64) {
    server.wait_for_log(" MiB that they share");
    let log = server.stderr();
    let number = |before: &str| {
        let number = log.split(before).nth(1).and_then(|text| text.split(' ').next());
        number.and_then(|number| number.parse::<u64>().ok()).expect("a number")
    };
    (number("each of at most "), number(" MiB with ") * 1024)
}

/// Makes a server serve an ordinary association, and then the most demanding ones.
fn stays_within_bound(server: &Server, what: &str, greedy: impl FnOnce()) {
    let (bound, _) = told_kib(server);
    if !["TLS", "+ac"].contains(&what) {
        let mut client = Client::usual(server.port());
        assert_eq!(client.store(3, &Object::ct(500_000)).status(), 0);
        client.release();
    }
    let before = server.peak_kib();
    greedy();
    let each = (server.peak_kib() - before) / AT_ONCE as u64;
    assert!(each <= bound, "{what}: {each} KiB each, {bound} KiB are told");
    assert!(each > bound / 16, "{what}: {each} KiB each, but {bound} KiB are told");
}

/// Sends a request and an object that need the most memory; all peers wait for each other when they hold the
/// most.
fn greedy(port: u16, syntax: &str, barrier: &Barrier) {
    let (mut client, accept) = Client::associate(port, &request(syntax));
    assert_eq!(accept.context(1), (0, syntax));
    let mut messages = messages(syntax);
    let last = messages.pop().expect("there are some");
    messages.iter().for_each(|pdu| client.send(pdu));
    barrier.wait();
    client.send(&last);
    assert_eq!(client.response().1.status(), 0);
    client.release();
}

/// A request with the maximum number of contexts, each with more transfer syntaxes than are known.
fn request(syntax: &str) -> Request {
    let unknown: Vec<String> =
        (0..60).map(|number| format!("1.2.3.4.5.6.7.8.9.{number}")).collect();
    let known = uid::KNOWN_TO_DEBIAN.iter().copied().filter(|known| *known != syntax);
    let syntaxes: Vec<&str> = if syntax == uid::DEFLATED {
        vec![syntax]
    } else {
        [syntax].into_iter().chain(known).collect()
    };
    let syntaxes: Vec<&str> =
        syntaxes.into_iter().chain(unknown.iter().map(String::as_str)).collect();
    let ids = (1..=255).step_by(2);
    Request::new(ids.map(|id| Context::new(id, uid::CT, &syntaxes)).collect())
}

/// The longest command set, and an object of deeply nested sequences, whose innermost one has elements in
/// descending order, as PDUs.
fn messages(syntax: &str) -> Vec<Vec<u8>> {
    const LEVELS: usize = 500;
    const UNDEFINED: [u8; 4] = [0xFF; 4];
    let begin = [&b"\x09\0\0\x10SQ\0\0"[..], &UNDEFINED, b"\xFE\xFF\0\xE0", &UNDEFINED].concat();
    let end = b"\xFE\xFF\x0D\xE0\0\0\0\0\xFE\xFF\xDD\xE0\0\0\0\0";
    let mut data_set = element(0x0008, 0x0016, *b"UI", uid::CT.as_bytes());
    data_set.extend(element(0x0008, 0x0018, *b"UI", b"2.25.77"));
    data_set.extend(begin.repeat(LEVELS));
    // Each of these reserves a private block, if a dictionary contains any private elements.
    for group in (0x0009..).step_by(2).take(68) {
        for block in 0x10..=0xFF {
            data_set.extend(element(group, block, *b"LO", b"INTEROP"));
        }
    }
    for number in 0..16_380_u16 {
        data_set.extend(element(0x6001, 0xFF00 - number, *b"US", &[1, 0]));
    }
    data_set.extend(element(0x7003, 0x0010, *b"OB", &[0; 64_000]));
    data_set.extend(end.repeat(LEVELS));
    if syntax == uid::DEFLATED {
        let mut encoder =
            flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(&data_set).expect("memory takes all");
        data_set = encoder.finish().expect("memory takes all");
    }
    let command = Command::store(1, uid::CT, "2.25.77").bytes(0x0FFE, &[b' '; 65_000]).encode();
    pdus(&command, &data_set)
}

/// A command set and its data set, each in PDUs of its own.
fn pdus(command: &[u8], data_set: &[u8]) -> Vec<Vec<u8>> {
    let commands = command.chunks(16_000).map(|chunk| (true, chunk));
    let pieces: Vec<_> =
        commands.chain(data_set.chunks(16_000).map(|chunk| (false, chunk))).collect();
    let is_last = |index: usize| pieces.get(index + 1).is_none_or(|next| next.0 != pieces[index].0);
    let pdu = |(index, (is_command, chunk)): (usize, &(bool, &[u8]))| {
        let pdv = if *is_command { Pdv::command } else { Pdv::data };
        data_pdu(&[pdv(1, is_last(index), chunk)])
    };
    pieces.iter().enumerate().map(pdu).collect()
}
