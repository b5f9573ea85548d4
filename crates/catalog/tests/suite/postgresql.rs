//! What only a server has: it goes and comes back, hangs, wants TLS and a password.

use crate::databases::{POSTGRESQL, with_database};
use crate::objects::{at, batch, object, owed, take_in};
use catalog::testing::PostgresCluster;
use catalog::{Delivery, Error, Lease, LeaseOrder, Page, Settlement, Verdict};
use platform::testing::Scratch;
use std::path::Path;
use std::process::Command;
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
    catalog.make_durable().unwrap();
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

/// Makes a key, and a certificate for `localhost` that it has signed itself.
fn certificate(folder: &Path, name: &str) -> [String; 2] {
    let file = |end: &str| folder.join(format!("{name}.{end}")).display().to_string();
    let [key, certificate] = [file("key"), file("pem")];
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=x"])
        .args(["-addext", "subjectAltName=DNS:localhost", "-keyout", &key, "-out", &certificate])
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    [key, certificate]
}

/// TLS, its authority and the server's name, as the URL wants them.
#[test]
fn tls_is_as_the_url_wants_it() {
    let scratch = Scratch::new("postgresql-tls");
    let [key, certificate_file] = certificate(&scratch.0, "server");
    let [_, other] = certificate(&scratch.0, "other");
    PostgresCluster::give(Path::new(&key));
    let settings = [
        "ssl = on".to_owned(),
        format!("ssl_key_file = '{key}'"),
        format!("ssl_cert_file = '{certificate_file}'"),
    ];
    let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
    let server = PostgresCluster::start_with(Path::new("/dev/shm"), "tls", &settings);
    let by_address = server.create_database("d");
    let by_name = by_address.replace("127.0.0.1", "localhost");
    let encrypted = "SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
                     WHERE ssl AND application_name = 'storescp'";
    for (url, parameters, is_taken, is_encrypted) in [
        (&by_name, format!("sslmode=verify-full&sslrootcert={certificate_file}"), true, true),
        (&by_address, format!("sslmode=verify-full&sslrootcert={certificate_file}"), false, false),
        (&by_address, format!("sslmode=verify-ca&sslrootcert={certificate_file}"), true, true),
        (&by_name, format!("sslmode=verify-full&sslrootcert={other}"), false, false),
        (&by_address, format!("sslmode=require&sslrootcert={other}"), false, false),
        (&by_address, "sslmode=require".to_owned(), true, true),
        (&by_address, "sslmode=prefer".to_owned(), true, true),
        (&by_address, "sslmode=disable".to_owned(), true, false),
    ] {
        let opened = catalog::open(&format!("{url}?{parameters}"));
        assert_eq!(opened.is_ok(), is_taken, "{url}?{parameters}");
        let counted = server.sql("d", encrypted);
        assert_eq!(counted.trim() != "0", is_encrypted, "{url}?{parameters}");
        if let Err(error) = &opened {
            assert!(error.is_transient(), "{error:?}");
        }
        drop(opened);
        while server.sql("d", encrypted).trim() != "0" {
            std::thread::yield_now();
        }
    }
}

/// A database of which no statistics are known, as a new one, is read by the right indexes all the same.
#[test]
fn plans_need_no_statistics() {
    const OBJECTS: u64 = 4_000;
    const AT_A_TIME: usize = 200;
    let settings = ["fsync = off", "autovacuum = off"];
    let server = PostgresCluster::start_with(Path::new("/dev/shm"), "plans", &settings);
    let url = server.create_database("d");
    let catalog = catalog::open(&url).unwrap();
    for first in (0..OBJECTS).step_by(AT_A_TIME) {
        let study = format!("1.{}", first / 1_000);
        let numbers = first..first + AT_A_TIME as u64;
        let objects = numbers.map(|number| owed(object(&study, number), &["pacs"])).collect();
        catalog.take_in(&batch(objects, at(first))).unwrap();
    }
    let lease = Lease {
        destination: "pacs".to_owned(),
        most: AT_A_TIME,
        order: LeaseOrder::None,
        owner: "a".to_owned(),
        now: at(10_000),
        duration: Duration::from_secs(60),
    };
    loop {
        let leased = catalog.lease(&lease).unwrap();
        if leased.is_empty() {
            break;
        }
        let done = |it: &Delivery| Settlement { id: it.id, verdict: Verdict::Done };
        let settlements: Vec<_> = leased.iter().map(done).collect();
        catalog.settle("a", &settlements, at(10_001)).unwrap();
    }
    assert!(catalog.counts(&[]).unwrap().iter().all(|it| it.waiting == 0));
    drop(catalog);
    let sql =
        "SELECT indexrelname || ' ' || idx_scan || ' ' || idx_tup_read FROM pg_stat_user_indexes";
    let found = server.sql("d", sql);
    assert!(found.lines().count() > 20, "{found}");
    for line in found.lines() {
        let [index, scans, read] = line.split(' ').collect::<Vec<_>>()[..] else {
            panic!("{line}")
        };
        let (scans, read): (u64, u64) = (scans.parse().unwrap(), read.parse().unwrap());
        // Leases and lists read a page each; everything else a row or two.
        assert!(
            read <= (scans + 100) * 2 * AT_A_TIME as u64,
            "{index}: {read} rows in {scans} scans"
        );
        assert!(read <= OBJECTS * 50, "{index}: {read} rows in {scans} scans");
    }
}
