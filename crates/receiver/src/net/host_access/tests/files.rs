//! Files that change while peers connect.

use super::*;
use crate::limits::{ACCESS_CACHE_BYTES, ACCESS_FILE_TRUST};
use std::os::unix::fs::MetadataExt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime};

struct SetOnDrop<'a>(&'a AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// A file that is just being written is not taken for what it is by now.
#[test]
fn half_a_file_denies_nobody_by_chance() {
    let scratch = Scratch::new("host-access-half");
    let (allow, deny) = (scratch.0.join("allow"), scratch.0.join("deny"));
    let access = HostAccess::of(allow, deny.clone());
    std::fs::write(&deny, "ALL: ALL\n").unwrap();
    assert!(!access.admits(&client("10.0.0.1")).unwrap());
    let (turns, admitted) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::SeqCst) {
                if access.admits(&client("10.0.0.1")).unwrap_or(false) {
                    admitted.fetch_add(1, Ordering::SeqCst);
                }
                turns.fetch_add(1, Ordering::SeqCst);
            }
        });
        // Also where an assertion fails.
        let _over = SetOnDrop(&is_over);
        // The one who asked while the file was being changed has an answer.
        let wait_for_answers = || {
            let enough = turns.load(Ordering::SeqCst) + 2;
            while turns.load(Ordering::SeqCst) < enough {
                std::thread::sleep(Duration::from_millis(5));
            }
        };
        let mut quick_rounds = 0;
        for round in 0..500 {
            let before = admitted.load(Ordering::SeqCst);
            let began = Instant::now();
            if round % 2 == 0 {
                std::fs::remove_file(&deny).unwrap();
            }
            std::fs::write(&deny, "").unwrap();
            std::thread::sleep(Duration::from_millis(20));
            std::fs::write(&deny, "ALL: ALL\n").unwrap();
            // On a busy machine it may really have been empty for so long that it counts as settled.
            let is_quick = began.elapsed() < ACCESS_FILE_SETTLING;
            wait_for_answers();
            assert!(!is_quick || admitted.load(Ordering::SeqCst) == before, "round {round}");
            quick_rounds += usize::from(is_quick);
            if quick_rounds == 10 {
                break;
            }
        }
        assert_eq!(quick_rounds, 10, "the machine is too busy to tell");
    });
    std::fs::remove_file(&deny).unwrap();
    assert!(access.admits(&client("10.0.0.1")).unwrap(), "it is really gone");
    std::os::unix::fs::symlink("/nonexistent/hosts.deny", &deny).unwrap();
    let fault = access.admits(&client("10.0.0.1")).unwrap_err().to_string();
    assert!(fault.starts_with("cannot read "), "{fault}");
}

/// Waits until the file changed so long ago that its content is kept.
fn let_age(path: &Path) {
    loop {
        let changed = std::fs::metadata(path).unwrap().ctime();
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        let age = now.as_secs_f64() - changed as f64;
        if age >= ACCESS_FILE_TRUST.as_secs_f64() + 1.0 {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn kept(path: &Path, kind: Kind) -> bool {
    let read = || file::read_settled(path, kind).unwrap();
    Arc::ptr_eq(&read(), &read())
}

/// Whatever changes a file that was kept is noticed by the next connection: a change of the same length,
/// times that were set back, another file in its place, one that is gone.
#[test]
fn a_kept_file_that_changes_is_read_again() {
    let scratch = Scratch::new("host-access-kept");
    let (allow, deny) = (scratch.0.join("allow"), scratch.0.join("deny"));
    let access = HostAccess::of(allow, deny.clone());
    let admits = |peer: &str| access.admits(&client(peer)).unwrap();
    let times = |path: &Path| {
        let modified = std::fs::metadata(path).unwrap().modified().unwrap();
        std::fs::FileTimes::new().set_modified(modified)
    };
    let set_back = |path: &Path, times| {
        std::fs::File::options().append(true).open(path).unwrap().set_times(times).unwrap();
    };
    let other = scratch.0.join("other");
    std::fs::write(&deny, "ALL: 10.0.0.1\n").unwrap();
    std::fs::write(&other, "ALL: 10.0.0.3\n").unwrap();
    set_back(&other, times(&deny));
    assert!(!admits("10.0.0.1") && admits("10.0.0.2"));
    assert!(!kept(&deny, Kind::Rules), "it has only just changed");
    let_age(&deny);
    assert!(!admits("10.0.0.1") && admits("10.0.0.2"));
    assert!(kept(&deny, Kind::Rules));

    let before = times(&deny);
    std::fs::write(&deny, "ALL: 10.0.0.2\n").unwrap();
    set_back(&deny, before);
    assert!(admits("10.0.0.1") && !admits("10.0.0.2"), "the same length and time");
    let_age(&deny);
    assert!(admits("10.0.0.1") && !admits("10.0.0.2"));
    assert!(kept(&deny, Kind::Rules));

    std::fs::rename(&other, &deny).unwrap();
    assert!(admits("10.0.0.2") && !admits("10.0.0.3"), "another file");
    let_age(&deny);
    assert!(admits("10.0.0.2") && !admits("10.0.0.3"));
    assert!(kept(&deny, Kind::Rules));
    std::fs::remove_file(&deny).unwrap();
    assert!(admits("10.0.0.3"), "gone");
}

/// Files of patterns are kept too; devices, and files that are too long to keep, are read each time.
#[test]
fn files_of_patterns_are_kept_too() {
    let scratch = Scratch::new("host-access-kept-list");
    let list = scratch.0.join("list");
    let patterns: String = (0..250).map(|it| format!("10.1.{it}.7 10.2.{it}.\n")).collect();
    std::fs::write(&list, &patterns).unwrap();
    let_age(&list);
    let clients = list.to_str().unwrap();
    for round in 0..2 {
        for (peer, expected) in [("10.1.249.7", true), ("10.2.0.9", true), ("10.1.250.7", false)] {
            assert_eq!(listed(clients, peer), expected, "{round} {peer}");
        }
    }
    assert!(kept(&list, Kind::Patterns));
    assert!(!kept(Path::new("/dev/null"), Kind::Patterns));
    std::fs::write(&list, patterns + "10.1.250.7\n").unwrap();
    assert!(listed(clients, "10.1.250.7"), "it has changed");
}

thread_local! {
    static LIST: std::cell::RefCell<String> = const { std::cell::RefCell::new(String::new()) };
}

/// Rules and lists put together at random: a peer is treated the same with and without an index.
#[test]
fn an_index_makes_no_difference() {
    const WORDS: [&str; 32] = [
        "10.0.0.1",
        "10.0.0.2",
        "10.0.",
        "10.",
        "10.0.0.0/8",
        "10.0.0.0/255.255.255.0",
        "10.0.0.1/32",
        "010.0.0.1",
        "10.0.0.1.",
        "010.",
        "1.2.3.4.",
        "10.0.0.1/8",
        "0.0.0.0/0",
        "::1",
        "[::1]",
        "[::ffff:10.0.0.0]/104",
        "ALL",
        "EXCEPT",
        "LOCAL",
        "host.example.org",
        "*",
        "/list",
        "# ",
        ":",
        " : deny",
        " : allow",
        "\\\n",
        "\n",
        "\n\n",
        "\nstorescp: ",
        "\nsshd: ",
        "\n104: ",
    ];
    let mut seed = 1_u64;
    let mut below = |most: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(seed >> 33).unwrap() % most
    };
    let world = |pattern_file| World { look_up: name_of, pattern_file };
    let as_text =
        world(|_| Ok(Arc::new(Content::text(Kind::Patterns, LIST.with_borrow(Clone::clone)))));
    let indexed = world(|_| {
        Ok(Arc::new(LIST.with_borrow(|it| Content::indexed(Kind::Patterns, it).unwrap())))
    });
    let mut decisions = [0; 3];
    for _ in 0..20_000 {
        let mut text = |start: &str| {
            let count = below(8);
            (0..count).fold(start.to_owned(), |text, _| text + WORDS[below(WORDS.len())] + " ")
        };
        let (allow, deny) = (text("storescp: "), text("ALL: "));
        LIST.set(text(""));
        let peer = ["10.0.0.1", "10.1.0.0", "192.0.2.1", "::1"][below(4)].parse().unwrap();
        let decide = |world, content: &dyn Fn(&str) -> Content| {
            let read =
                |path: &Path| Ok(Arc::new(content(if path == ALLOW { &allow } else { &deny })));
            let client = Client::with(peer, "10.9.9.9:104".parse().unwrap(), world);
            super::super::decide([Path::new(ALLOW), Path::new(DENY)], &read, &client)
        };
        let plain = decide(as_text, &|text| Content::text(Kind::Rules, text.to_owned()));
        let quick = decide(indexed, &|text| Content::indexed(Kind::Rules, text).unwrap());
        let list = LIST.with_borrow(Clone::clone);
        assert_eq!(format!("{plain:?}"), format!("{quick:?}"), "{peer}: {allow}/{deny}/{list}");
        decisions[plain.map_or(2, usize::from)] += 1;
    }
    assert!(decisions.iter().all(|&count| count > 500), "{decisions:?}");
}

/// What is kept takes no more than its bound, all together: what would not fit is read each time.
#[test]
fn no_more_is_kept_than_fits() {
    let index = |lines: usize| Content::indexed(Kind::Rules, &"ALL:1.\n".repeat(lines));
    // As much as each line takes: six characters, where they end, and a network.
    let lines = ACCESS_CACHE_BYTES / (6 + 12 + 8);
    assert!(index(lines + 1).is_none());
    // Other tests may have some at the same time.
    let most = index(lines * 2 / 3);
    assert!(most.is_some() && index(lines - lines * 2 / 3 + 1).is_none());
    drop(most);
    assert!(index(lines * 2 / 3).is_some(), "what is dropped makes room");
}
