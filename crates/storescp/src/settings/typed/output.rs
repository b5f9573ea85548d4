//! Parts of the settings of files.

use crate::settings::reader::{
    Integer, Read, Report, Value, read_table, table, word_schema, words,
};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use std::borrow::Cow;

words! {
    /// Whether files have file meta information.
    FileFormat of bool {
        "part-10" => true, "preamble and file meta information before the data set";
        "data-set" => false, "the data set alone";
    }
}

table! {
    /// Padding at the end of data sets, by Data Set Trailing Padding (FFFC,FFFC).
    struct Padding {
        /// The length of a file becomes a multiple of this; 0 for any.
        #[schemars(extend("default" = 0))]
        file: Integer<0, { u32::MAX as u64 }>,
        /// The length of an item becomes a multiple of this; 0 for any.
        #[schemars(extend("default" = 0))]
        item: Integer<0, { u32::MAX as u64 }>,
    }
}

/// What folders of studies are named by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::settings) enum SortBy {
    None,
    StudyUid,
    Time,
    PatientName,
}

words! {
    /// What folders of studies are named by.
    SortWord of SortBy {
        "none" => SortBy::None, "objects are not sorted";
        "study-uid" => SortBy::StudyUid, "Study Instance UID";
        "time" => SortBy::Time, "the time at which the study began";
        "patient-name" => SortBy::PatientName, "Patient's Name, and the time";
    }
}

table! {
    /// How objects are sorted.
    struct SortTable {
        /// What folders are named by.
        by: SortWord,
        /// What the names of folders begin with (not with `by = "patient-name"`).
        #[schemars(example = &"study", extend("default" = ""))]
        prefix: String,
    }
}

/// A word, or a table with `by` and `prefix`.
#[derive(Debug)]
pub(in crate::settings) struct Sort {
    pub(in crate::settings) by: SortBy,
    pub(in crate::settings) prefix: String,
}

impl Read for Sort {
    fn read(value: &Value<'_>, report: &mut Report) -> Option<Self> {
        let Some(table) = value.get_ref().as_table() else {
            return SortWord::read(value, report)
                .map(|word| Self { by: word.0, prefix: String::new() });
        };
        let SortTable { by, prefix } = read_table(table, report);
        if by.is_none() && !table.contains_key("by") {
            report.fault(&value.span(), "missing key \"by\"");
        }
        if let Some(prefix) = &prefix
            && !is_part_of_name(&prefix.value)
        {
            report.inside("prefix", |report| {
                let what =
                    "expected a part of a folder name: no '/' or '\\', no control characters";
                report.fault(&prefix.span, what);
            });
        }
        let prefix = prefix.map(|it| it.value).filter(|it| is_part_of_name(it)).unwrap_or_default();
        Some(Self { by: by?.value.0, prefix })
    }
}

impl JsonSchema for Sort {
    fn schema_name() -> Cow<'static, str> {
        "Sort".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let table = generator.subschema_for::<SortTable>();
        json_schema!({ "anyOf": [word_schema(SortWord::WORDS), table] })
    }
}

/// Whether the name of a file or folder can have this in it.
pub(in crate::settings) fn is_part_of_name(text: &str) -> bool {
    storage::FileName::new(format!("x{text}")).is_some()
}
