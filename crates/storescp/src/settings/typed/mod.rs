//! The settings file as it is typed: each value with its place. Documentation, defaults and examples here become the
//! JSON Schema and docs/settings.md.

mod catalog;
mod commands;
mod destination;
mod faults;
mod file;
mod http;
mod log;
mod output;
mod rule;
mod telemetry;
mod tls;
mod treatment;

pub(super) use catalog::Catalog;
pub(super) use commands::Commands;
pub(super) use destination::{Destination, DestinationHeader, Kind, KindWord};
pub(super) use faults::Faults;
pub(super) use file::File;
pub(super) use http::{Http, HttpTls, HttpTlsTable, Token, User};
pub(super) use log::Log;
pub(super) use output::{FileFormat, Padding, Sort, SortBy, is_part_of_name};
pub(super) use rule::{Certificate, Rule};
pub(super) use telemetry::{Audit, TraceHeader, Traces};
pub(super) use tls::Tls;
pub(super) use treatment::{DuplicatesKey, Lenient, Profile, Treatment};

use super::reader::ReadTable;

/// Every table, as it is referred to in messages, and its keys.
pub(super) fn tables() -> Vec<(&'static str, Vec<String>)> {
    vec![
        ("at the top of the file, before the first [table]", File::keys()),
        ("in [tls]", Tls::keys()),
        ("in [log]", Log::keys()),
        ("in [http]", Http::keys()),
        ("in [audit]", Audit::keys()),
        ("in [traces]", Traces::keys()),
        ("in [catalog]", Catalog::keys()),
        ("in [faults]", Faults::keys()),
        ("in [commands]", Commands::keys()),
        ("in a [[rule]]", Rule::keys()),
        ("in a [[destination]]", Destination::keys()),
        ("in certificate = { }", Certificate::keys()),
        ("in padding = { }", Padding::keys()),
    ]
}
