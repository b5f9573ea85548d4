//! What only a server has: it goes and comes back, hangs, wants TLS and a password.

use crate::databases::{POSTGRESQL, with_database};
use crate::objects::{at, batch, object, owed, take_in};
use catalog::testing::PostgresCluster;
use catalog::{Error, Page};
use std::path::Path;
use std::time::{Duration, Instant};

const ALL: Page = Page { after: None, most: 1000 };

/// The server crashes and comes back: errors are transient, and the same handle goes on.
#[test]
fn a_connection_is_made_again() {
    let mut server = PostgresCluster::start_with(Path::new("/dev/shm"), "restarted", &[]);
    let url = server.create_database("d");
    let catalog = catalog::open(&url).unwrap();
    take_in(&*catalog, "1.2", 1..3, &["pacs"]);
    catalog.make_durable().unwrap();
    server.kill();
    for _ in 0..2 {
        let told = catalog.counts(&[]).unwrap_err();
        assert!(told.is_transient(), "{told:?}");
        let objects = vec![owed(object("1.2", 3), &["pacs"])];
        let told = catalog.take_in(&batch(objects, at(3))).unwrap_err();
        assert!(told.is_transient(), "{told:?}");
    }
    let later = catalog::open_later(&url).unwrap();
    assert!(later.make_durable().unwrap_err().is_transient());
    server.restart();
    take_in(&*catalog, "1.2", 1..4, &["pacs"]);
    assert_eq!(catalog.counts(&[]).unwrap()[0].waiting, 3);
    assert_eq!(later.instances(None, ALL).unwrap().len(), 3);
    // A crash between two calls is not even noticed.
    server.kill();
    server.restart();
    take_in(&*catalog, "1.2", 4..5, &["pacs"]);
    assert_eq!(catalog.instances(None, ALL).unwrap().len(), 4);
}

/// A server that hangs costs a call its bound of time, and no more.
#[test]
fn a_server_that_hangs_is_given_up() {
    let mut server =
        PostgresCluster::start_with(Path::new("/dev/shm"), "hanging", &["fsync = off"]);
    let catalog = catalog::open(&server.create_database("d")).unwrap();
    take_in(&*catalog, "1.2", 1..2, &["pacs"]);
    server.pause();
    let since = Instant::now();
    let told = catalog.counts(&[]).unwrap_err();
    assert!(told.is_transient(), "{told:?}");
    assert!(since.elapsed() < Duration::from_secs(90), "{:?}", since.elapsed());
    server.resume();
    assert_eq!(catalog.counts(&[]).unwrap()[0].waiting, 1);
}

/// What a password is is nowhere told.
#[test]
fn a_password_is_not_told() {
    let port = POSTGRESQL.port();
    for url in [
        format!("postgres://storescp:wrong-secret@127.0.0.1:{port}/postgres"),
        format!("postgres://storescp@127.0.0.1:{port}/postgres?password=wrong-secret"),
        "postgres://storescp:wrong-secret@127.0.0.1:1/postgres".to_owned(),
    ] {
        let told = catalog::open(&url).map(|_| ()).unwrap_err();
        assert!(told.is_transient(), "{told:?}");
        let text = format!("{told} {told:?}");
        assert!(!text.contains("secret"), "{text}");
        assert!(catalog::check(&url).unwrap_err().is_transient());
    }
}

/// A newer version of the tables is refused, and a check makes none.
#[test]
fn newer_tables_are_refused() {
    with_database("postgresql-newer", |url| {
        catalog::check(url).unwrap();
        let name = url.rsplit('/').next().unwrap();
        assert_eq!(POSTGRESQL.sql(name, "SELECT to_regclass('study') IS NULL").trim(), "t");
        drop(catalog::open(url).unwrap());
        POSTGRESQL.sql(name, "UPDATE schema_version SET version = 99");
        for told in [catalog::open(url).map(|_| ()), catalog::check(url)] {
            assert!(matches!(told, Err(Error::Newer { found: 99, .. })), "{told:?}");
        }
    });
}

/// A row that another one locks is waited for within a bound.
#[test]
fn a_lock_is_waited_for_within_a_bound() {
    with_database("postgresql-locked", |url| {
        let catalog = catalog::open(url).unwrap();
        take_in(&*catalog, "1.2", 1..2, &["pacs"]);
        let name = url.rsplit('/').next().unwrap().to_owned();
        std::thread::scope(|scope| {
            let locks = scope.spawn(|| {
                POSTGRESQL.sql(
                    &name,
                    "BEGIN; LOCK TABLE study IN EXCLUSIVE MODE; SELECT pg_sleep(8); COMMIT",
                )
            });
            let held = "SELECT count(*) FROM pg_locks WHERE mode = 'ExclusiveLock' AND relation = 'study'::regclass";
            while POSTGRESQL.sql(&name, held).trim() != "1" {
                std::thread::yield_now();
            }
            let since = Instant::now();
            let told = catalog.take_in(&batch(vec![owed(object("1.2", 2), &[])], at(2)));
            assert!(matches!(&told, Err(error) if error.is_transient()), "{told:?}");
            assert!(since.elapsed() >= Duration::from_secs(4), "{:?}", since.elapsed());
            locks.join().unwrap();
        });
        catalog.take_in(&batch(vec![owed(object("1.2", 2), &[])], at(2))).unwrap();
    });
}
