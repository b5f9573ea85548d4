//! Where the tests run.

use catalog::Catalog;
use catalog::testing::PostgresCluster;
use platform::testing::Scratch;
use std::path::Path;
use std::sync::LazyLock;

/// Defines tests that run on each database: functions of a new catalogue.
macro_rules! on_each_database {
    ($($(#[$attribute:meta])* fn $name:ident($catalog:ident: &dyn Catalog) $body:block)*) => {
        $($(#[$attribute])* fn $name($catalog: &dyn Catalog) $body)*

        mod sqlite {
            $(#[test]
            fn $name() {
                let test = concat!(module_path!(), "-", stringify!($name)).replace("::", "-");
                crate::databases::on_sqlite(&test, super::$name);
            })*
        }

        mod postgresql {
            $(#[test]
            fn $name() {
                let test = concat!(module_path!(), "-", stringify!($name)).replace("::", "-");
                crate::databases::on_postgresql(&test, super::$name);
            })*
        }
    };
}

/// Defines tests that run on each database: functions of the URL of an empty one.
macro_rules! on_each_url {
    ($($(#[$attribute:meta])* fn $name:ident($url:ident: &str) $body:block)*) => {
        $($(#[$attribute])* fn $name($url: &str) $body)*

        mod sqlite {
            $(#[test]
            fn $name() {
                let test = concat!(module_path!(), "-", stringify!($name)).replace("::", "-");
                crate::databases::with_file(&test, super::$name);
            })*
        }

        mod postgresql {
            $(#[test]
            fn $name() {
                let test = concat!(module_path!(), "-", stringify!($name)).replace("::", "-");
                crate::databases::with_database(&test, super::$name);
            })*
        }
    };
}

/// Runs a test on a new file.
pub(crate) fn on_sqlite(test: &str, run: impl Fn(&dyn Catalog)) {
    with_file(test, |url| run(&*catalog::open(url).unwrap()));
}

/// Runs a test with the URL of a file that is not there yet.
pub(crate) fn with_file(test: &str, run: impl Fn(&str)) {
    let scratch = Scratch::in_memory(test);
    run(&format!("sqlite:{}", scratch.0.join("catalog.sqlite").display()));
}

/// The server of all tests, each of which has a database of its own. The end of the process ends it.
pub(crate) static POSTGRESQL: LazyLock<PostgresCluster> = LazyLock::new(|| {
    // What survives a power loss is not what these tests ask for.
    PostgresCluster::start_with(Path::new("/dev/shm"), "suite", &["fsync = off"])
});

/// Runs a test on a new database.
pub(crate) fn on_postgresql(test: &str, run: impl Fn(&dyn Catalog)) {
    with_database(test, |url| run(&*catalog::open(url).unwrap()));
}

/// Runs a test with the URL of a database without tables.
pub(crate) fn with_database(test: &str, run: impl Fn(&str)) {
    // Names of databases have at most 63 bytes.
    let name = test.trim_start_matches("suite-").replace("-postgresql-", "-");
    run(&POSTGRESQL.create_database(&name));
}
