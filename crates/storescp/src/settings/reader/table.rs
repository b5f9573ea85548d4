//! Tables: structs whose fields are the keys.

use super::report::meant;
use super::{At, Read, Report, Value, listed, quoted, read_at};
use std::ops::Range;
use toml::de::DeTable;

/// A struct that is read from a table.
pub(in crate::settings) trait ReadTable: Sized {
    /// Its keys, in the order of their declaration.
    fn keys() -> Vec<String>;

    /// The keys that are there, each with the place of its value.
    fn typed(&self) -> Vec<(&'static str, Range<usize>)>;

    /// Takes its keys out of a table.
    fn take_from(table: &mut TableReader<'_, '_>, report: &mut Report) -> Self;
}

/// Reads a struct from a value, which has to be a table.
pub(in crate::settings) fn read_value<T: ReadTable>(
    value: &Value<'_>,
    report: &mut Report,
) -> Option<T> {
    let Some(table) = value.get_ref().as_table() else {
        report.expected(value, &format!("a table with {}", listed_keys(&T::keys())));
        return None;
    };
    Some(read_table(table, report))
}

/// Reads a struct from a table; keys that it does not have are reported.
pub(in crate::settings) fn read_table<T: ReadTable>(table: &DeTable<'_>, report: &mut Report) -> T {
    let mut reader = TableReader { table };
    let read = T::take_from(&mut reader, report);
    reader.report_unknown(&T::keys(), report);
    read
}

/// A table that is being read.
pub(in crate::settings) struct TableReader<'t, 'i> {
    table: &'t DeTable<'i>,
}

impl TableReader<'_, '_> {
    /// Reads what stands under a key, if it is there.
    pub(in crate::settings) fn take<T: Read>(
        &mut self,
        field: &str,
        report: &mut Report,
    ) -> Option<At<T>> {
        let key = key(field);
        let value = self.table.get(key.as_str())?;
        report.inside(&key, |report| read_at(value, report))
    }

    fn report_unknown(&self, keys: &[String], report: &mut Report) {
        for (found, _) in self.table {
            let name: &str = found.get_ref();
            if keys.iter().any(|key| key == name) {
                continue;
            }
            if report.is_full() {
                report.fault(&found.span(), "unknown key");
                continue;
            }
            let meant = meant(name, keys.iter().map(String::as_str));
            let help = match (elsewhere(name), meant.is_empty()) {
                (_, false) => meant,
                (Some(place), true) => format!("; it belongs {place}"),
                (None, true) if keys.len() > LISTED => "; docs/settings.md has all keys".to_owned(),
                (None, true) => format!("; there are {}", listed_keys(keys)),
            };
            report.fault(&found.span(), format!("unknown key {}{help}", quoted(name)));
        }
    }
}

/// Longer lists of keys help nobody.
const LISTED: usize = 20;

/// Where a key belongs that stands in the wrong table.
fn elsewhere(key: &str) -> Option<&'static str> {
    super::super::typed::tables()
        .into_iter()
        .find(|(_, keys)| keys.iter().any(|it| it == key))
        .map(|(place, _)| place)
}

fn listed_keys(keys: &[String]) -> String {
    listed(keys.iter().map(String::as_str))
}

/// The key that is read into a field: `max_pdu` is `max-pdu`.
pub(in crate::settings) fn key(field: &str) -> String {
    field.replace('_', "-")
}

/// Declares a struct that is read from a table: each field is a key, with hyphens for underscores, that may be
/// missing. Documentation, `#[schemars(example)]` and `#[schemars(extend("default" = …))]` become the JSON Schema
/// and docs/settings.md. A field behind `..` is a struct whose keys stand in the same table.
macro_rules! table {
    (
        $(#[$meta:meta])*
        struct $name:ident {
            $( $(#[$field_meta:meta])* $field:ident: $type:ty, )*
            $( .. $(#[$flat_meta:meta])* $flat:ident: $flat_type:ty, )?
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Default, schemars::JsonSchema)]
        #[schemars(rename_all = "kebab-case", deny_unknown_fields)]
        pub(in crate::settings) struct $name {
            $( $(#[$field_meta])* pub(in crate::settings) $field: Option<crate::settings::reader::At<$type>>, )*
            $( $(#[$flat_meta])* #[schemars(flatten)] pub(in crate::settings) $flat: $flat_type, )?
        }

        impl crate::settings::reader::Read for $name {
            fn read(
                value: &crate::settings::reader::Value<'_>,
                report: &mut crate::settings::reader::Report,
            ) -> Option<Self> {
                crate::settings::reader::read_value(value, report)
            }
        }

        impl crate::settings::reader::ReadTable for $name {
            fn keys() -> Vec<String> {
                #[allow(unused_mut)]
                let mut keys: Vec<String> = vec![$( stringify!($field).replace('_', "-"), )*];
                $( keys.extend(<$flat_type as crate::settings::reader::ReadTable>::keys()); )?
                keys
            }

            fn typed(&self) -> Vec<(&'static str, std::ops::Range<usize>)> {
                #[allow(unused_mut)]
                let mut typed = Vec::new();
                $( typed.extend(self.$field.as_ref().map(|it| (stringify!($field), it.span.clone()))); )*
                $( typed.extend(crate::settings::reader::ReadTable::typed(&self.$flat)); )?
                typed
            }

            fn take_from(
                table: &mut crate::settings::reader::TableReader<'_, '_>,
                report: &mut crate::settings::reader::Report,
            ) -> Self {
                Self {
                    $( $field: table.take(stringify!($field), report), )*
                    $( $flat: crate::settings::reader::ReadTable::take_from(table, report), )?
                }
            }
        }
    };
}
pub(in crate::settings) use table;
