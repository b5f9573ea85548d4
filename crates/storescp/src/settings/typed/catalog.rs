//! The catalogue.

use crate::settings::reader::{table, words};
use crate::settings::values::{ByteRate, SecretSource, Time, Url};
use archive::{CatalogUrl, Every};

table! {
    /// The catalogue: what was received, and what is owed for it (docs/outbox.md). Without this table, without
    /// `--catalog`, without any `[[destination]]` and with `keep = "forever"` there is none. Where it is changes at a
    /// restart; the rest with a reload.
    struct Catalog {
        /// Whether there is one. `false` turns off what the command line turns on.
        #[schemars(extend("default" = true))]
        enabled: bool,
        /// Where it is: `"sqlite"` for `.storescp/catalog.sqlite` in the directory at the top, `"sqlite:PATH"` for another
        /// file, or `"postgres://USER@HOST/DATABASE"`, with the parameters that libpq knows.
        #[schemars(example = &"sqlite:/var/lib/storescp/catalog.sqlite", example = &"postgres://storescp@db.example/storescp?sslmode=require", extend("default" = "sqlite"))]
        url: Url<CatalogUrl>,
        /// The password for PostgreSQL, if it asks for one.
        #[schemars(example = serde_json::json!({ "file": "/etc/storescp/db-password" }))]
        password: SecretSource,
        /// How long without objects of a study, over all associations, the study has ended.
        #[schemars(extend("default" = "60 s"))]
        quiet: Time<1>,
        /// How often all files are read and compared with their digests.
        #[schemars(extend("default" = "never"))]
        verify: VerifyWord,
        /// Bytes a second that this reads at most.
        #[schemars(example = &"50 MB", extend("default" = "16 MiB"))]
        verify_rate: ByteRate,
    }
}

words! {
    /// How often files are verified.
    VerifyWord of Option<Every> {
        "never" => None, "only when `storescp catalog verify` is run";
        "daily" => Some(Every::Day), "once a day";
        "weekly" => Some(Every::Week), "once a week";
        "monthly" => Some(Every::Month), "once a month";
    }
}
