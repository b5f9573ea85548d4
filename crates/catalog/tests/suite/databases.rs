//! Where the tests run.

use catalog::Catalog;
use platform::testing::Scratch;

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
    };
}

/// Runs a test on a new file.
pub(crate) fn on_sqlite(test: &str, run: impl Fn(&dyn Catalog)) {
    let scratch = Scratch::in_memory(test);
    let url = format!("sqlite:{}", scratch.0.join("catalog.sqlite").display());
    run(&*catalog::open(&url).unwrap());
}
