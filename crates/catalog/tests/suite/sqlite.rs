//! What only files have: damage, other versions, locks of other processes.

use crate::databases::with_file;
use crate::objects::{at, batch, object, owed, take_in};
use catalog::{Error, Page, StudyFilter};
use platform::testing::Scratch;
use rusqlite::Connection;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

const ALL: Page = Page { after: None, most: 1000 };

fn file(url: &str) -> PathBuf {
    PathBuf::from(url.strip_prefix("sqlite:").unwrap())
}

/// Damage is told as such; set aside, the same handle makes a new file.
#[test]
fn a_damaged_file_is_set_aside() {
    with_file("sqlite-damaged", |url| {
        let catalog = catalog::open(url).unwrap();
        take_in(&*catalog, "1.2", 1..50, &["pacs"]);
        let identity = catalog.identity().unwrap();
        drop(catalog);
        let path = file(url);
        let mut bytes = fs::read(&path).unwrap();
        for byte in &mut bytes[4096..] {
            *byte = 0xAA;
        }
        fs::write(&path, &bytes).unwrap();
        let catalog = catalog::open_later(url).unwrap();
        let objects = vec![owed(object("1.2", 1), &["pacs"])];
        let told = catalog.take_in(&batch(objects.clone(), at(1))).unwrap_err();
        assert!(matches!(&told, Error::Damaged { path: Some(it), .. } if *it == path), "{told:?}");
        let aside = catalog::set_aside(url).unwrap();
        assert!(aside.to_str().unwrap().contains("catalog.sqlite.damaged-"), "{}", aside.display());
        assert_eq!(fs::read(&aside).unwrap(), bytes);
        assert!(!path.exists() && !path.with_extension("sqlite-wal").exists());
        catalog.take_in(&batch(objects, at(1))).unwrap();
        assert_eq!(catalog.statistics().unwrap().instances, 1);
        assert_ne!(catalog.identity().unwrap(), identity);
    });
}

/// A file that is no database, or that of another program, is not written to.
#[test]
fn another_file_is_left_alone() {
    let scratch = Scratch::in_memory("sqlite-other");
    let text = scratch.0.join("text");
    fs::write(&text, "no database, but long enough to look at it. ".repeat(100)).unwrap();
    let other = scratch.0.join("other");
    Connection::open(&other)
        .unwrap()
        .execute_batch("CREATE TABLE study (a); INSERT INTO study VALUES (1)")
        .unwrap();
    for path in [&text, &other] {
        let before = fs::read(path).unwrap();
        let url = format!("sqlite:{}", path.display());
        for told in [catalog::open(&url).map(|_| ()), catalog::check(&url)] {
            assert!(matches!(told, Err(Error::Damaged { .. })), "{told:?}");
        }
        if path == &text {
            assert_eq!(fs::read(path).unwrap(), before);
        }
    }
}

/// The file of a newer version is refused.
#[test]
fn a_newer_file_is_refused() {
    with_file("sqlite-newer", |url| {
        drop(catalog::open(url).unwrap());
        Connection::open(file(url)).unwrap().execute_batch("PRAGMA user_version = 99").unwrap();
        for told in [catalog::open(url).map(|_| ()), catalog::check(url)] {
            let told = told.unwrap_err();
            assert!(matches!(told, Error::Newer { found: 99, .. }), "{told:?}");
        }
    });
}

/// Patients are named in it: whatever the process's mask, and where it is, only its owner reads it.
#[test]
fn only_the_owner_reads_a_file() {
    let scratch = Scratch::in_memory("sqlite-mode");
    let path = scratch.0.join("new/catalog.sqlite");
    let catalog = catalog::open(&format!("sqlite:{}", path.display())).unwrap();
    take_in(&*catalog, "1.2", 1..2, &[]);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(path.parent().unwrap()), 0o700);
    for end in ["", "-wal", "-shm"] {
        assert_eq!(mode(&PathBuf::from(format!("{}{end}", path.display()))), 0o600, "{end}");
    }
}

/// However many peers were refused or came: the oldest of too many are forgotten, whatever their age.
#[test]
fn history_is_bounded_in_number() {
    with_file("sqlite-history", |url| {
        drop(catalog::open(url).unwrap());
        let raw = Connection::open(file(url)).unwrap();
        let rows = i64::from(catalog::limits::HISTORY_ROWS);
        for id in [1, 2, 3, rows + 2] {
            raw.execute_batch(&format!(
                "INSERT INTO refusal (id, key, time, what, peer, reason) \
                 VALUES ({id}, 'r{id}', 5, 'connection', '', ''); \
                 INSERT INTO association (id, key, number, ended, duration, calling, called, peer, objects, \
                 refused, bytes, ending) VALUES ({id}, 'a{id}', 1, 5, 1, '', '', '', 0, 0, 0, '')"
            ))
            .unwrap();
        }
        let catalog = catalog::open(url).unwrap();
        let forget = |most| catalog.forget_history(SystemTime::UNIX_EPOCH, most).unwrap();
        assert_eq!([forget(3), forget(3), forget(3)], [3, 1, 0]);
        for table in ["refusal", "association"] {
            let sql = format!("SELECT group_concat(id) FROM {table}");
            let left: String = raw.query_row(&sql, [], |row| row.get(0)).unwrap();
            assert_eq!(left, format!("3,{}", rows + 2), "{table}");
        }
    });
}

/// What was written to a file that somebody has removed would be lost: it is told, and a new file is made.
#[test]
fn a_removed_file_is_noticed() {
    with_file("sqlite-removed", |url| {
        let catalog = catalog::open(url).unwrap();
        take_in(&*catalog, "1.2", 1..2, &[]);
        assert_eq!(catalog.studies(&StudyFilter::default(), ALL).unwrap().len(), 1);
        for end in ["", "-wal", "-shm"] {
            fs::remove_file(format!("{}{end}", file(url).display())).unwrap();
        }
        let objects = vec![owed(object("1.2", 2), &[])];
        let told = catalog.take_in(&batch(objects.clone(), at(2))).unwrap_err();
        assert!(matches!(told, Error::Damaged { .. }), "{told:?}");
        catalog.take_in(&batch(objects, at(2))).unwrap();
        assert_eq!(catalog.instances(None, ALL).unwrap().len(), 1);
    });
}

/// The same if it is read first: neither that call nor a later one hangs.
#[test]
fn a_removed_file_is_noticed_by_who_reads() {
    with_file("sqlite-removed-read", |url| {
        let catalog = catalog::open(url).unwrap();
        take_in(&*catalog, "1.2", 1..2, &[]);
        assert_eq!(catalog.studies(&StudyFilter::default(), ALL).unwrap().len(), 1);
        for end in ["", "-wal", "-shm"] {
            fs::remove_file(format!("{}{end}", file(url).display())).unwrap();
        }
        let told = catalog.studies(&StudyFilter::default(), ALL).map(|_| ()).unwrap_err();
        assert!(matches!(told, Error::Damaged { .. }), "{told:?}");
        assert_eq!(catalog.studies(&StudyFilter::default(), ALL).unwrap().len(), 0);
        take_in(&*catalog, "1.2", 1..2, &[]);
        assert_eq!(catalog.instances(None, ALL).unwrap().len(), 1);
    });
}

/// A lock of another process is waited for, and told in the end; readers do not wait.
#[test]
fn a_lock_is_waited_for() {
    with_file("sqlite-locked", |url| {
        let catalog = catalog::open(url).unwrap();
        take_in(&*catalog, "1.2", 1..2, &[]);
        let other = Connection::open(file(url)).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| {
                let since = Instant::now();
                let told = catalog.take_in(&batch(vec![owed(object("1.2", 2), &[])], at(2)));
                (told, since.elapsed())
            });
            let since = Instant::now();
            assert_eq!(catalog.instances(None, ALL).unwrap().len(), 1);
            assert!(since.elapsed() < Duration::from_secs(2), "{:?}", since.elapsed());
            let (told, waited) = waiting.join().unwrap();
            assert!(matches!(&told, Err(error) if error.is_transient()), "{told:?}");
            assert!(waited >= Duration::from_secs(4), "{waited:?}");
        });
        other.execute_batch("ROLLBACK").unwrap();
        catalog.take_in(&batch(vec![owed(object("1.2", 2), &[])], at(2))).unwrap();
    });
}

/// A long list read elsewhere does not keep the log from being written back for ever.
#[test]
fn the_log_stays_bounded() {
    with_file("sqlite-log", |url| {
        let catalog = catalog::open(url).unwrap();
        for number in 0..120 {
            let objects =
                (0..250).map(|it| owed(object("1.2", number * 250 + it), &["a"])).collect();
            catalog.take_in(&batch(objects, at(1))).unwrap();
        }
        let log = fs::metadata(format!("{}-wal", file(url).display())).unwrap().len();
        assert!(log < 32 << 20, "{log}");
    });
}

/// Where no file can be made, the catalogue is unavailable.
#[test]
fn a_folder_that_is_none_is_told() {
    let scratch = Scratch::in_memory("sqlite-folder");
    fs::write(scratch.0.join("file"), "").unwrap();
    let url = format!("sqlite:{}", scratch.0.join("file/catalog.sqlite").display());
    let told = catalog::open(&url).map(|_| ()).unwrap_err();
    assert!(told.is_transient(), "{told:?}");
    for url in ["sqlite:", "mysql://host/d", "postgres:/x", ""] {
        assert!(matches!(catalog::open(url).map(|_| ()), Err(Error::Url { .. })), "{url}");
    }
    assert!(matches!(catalog::set_aside("postgres://u@h/d"), Err(Error::Url { .. })));
    assert!(Path::new("/dev/shm").exists());
}
