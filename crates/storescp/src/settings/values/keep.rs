//! How long files are kept.

use crate::settings::reader::{At, Read, Report, Value, read_table, table};
use crate::settings::values::Time;
use crate::settings::values::amounts::{seconds, with_unit};
use archive::Keep;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use std::borrow::Cow;

/// `"forever"`, `"until-delivered"`, a time, a share of the disk; or a table, for what is owed still too.
#[derive(Debug, Clone, Copy)]
pub(in crate::settings) struct KeepText(pub(in crate::settings) Keep);

table! {
    /// How long files are kept, with what happens to those of which something is owed.
    struct KeepTable {
        /// So long after they came.
        #[schemars(example = &"30 days")]
        time: Time<1>,
        /// Until so much of the disk is used.
        #[schemars(example = &"90 %")]
        disk: DiskShare,
        /// Whether also files are removed of which something is owed still: that is then never delivered.
        #[schemars(extend("default" = false))]
        even_owed: bool,
    }
}

const FORMS: &str = "\"forever\", \"until-delivered\", a time such as \"30 days\", or a share of the disk such as \"90 %\"";

impl Read for KeepText {
    fn read(value: &Value<'_>, report: &mut Report) -> Option<Self> {
        if let Some(table) = value.get_ref().as_table() {
            return of_table(read_table(table, report), value, report).map(Self);
        }
        let typed = value.get_ref();
        let keep = match typed.as_str() {
            Some("forever") => Some(Keep::Forever),
            Some("until-delivered") => Some(Keep::UntilDelivered),
            Some(text) => percent(text)
                .map(|percent| Keep::Percent { percent, even_owed: false })
                .or_else(|| Some(Keep::For { time: seconds(typed, 1)?, even_owed: false })),
            None => None,
        };
        if keep.is_none() {
            report.expected_one_of(value, FORMS, ["forever", "until-delivered"]);
        }
        keep.map(Self)
    }
}

fn of_table(typed: KeepTable, value: &Value<'_>, report: &mut Report) -> Option<Keep> {
    let even_owed = typed.even_owed.is_some_and(|it| it.value);
    match (typed.time, typed.disk) {
        (Some(At { value: time, .. }), None) => Some(Keep::For { time: time.0, even_owed }),
        (None, Some(At { value: share, .. })) => {
            Some(Keep::Percent { percent: share.0, even_owed })
        }
        (Some(_), Some(disk)) => {
            report.fault(&disk.span, "disk has no effect with time: leave one of them out");
            None
        }
        (None, None) => {
            if !report.has_fault_within(&value.span()) {
                report.fault(&value.span(), "expected a table with time or disk");
            }
            None
        }
    }
}

/// A share of the disk: `"90 %"`, from 1 to 99.
#[derive(Debug, Clone, Copy)]
pub(in crate::settings) struct DiskShare(u8);

impl Read for DiskShare {
    fn read(value: &Value<'_>, report: &mut Report) -> Option<Self> {
        let share = value.get_ref().as_str().and_then(percent);
        if share.is_none() {
            report.expected(value, "a share of the disk from \"1 %\" to \"99 %\"");
        }
        share.map(Self)
    }
}

fn percent(text: &str) -> Option<u8> {
    let percent = with_unit(text, &[("%", 1)])?;
    u8::try_from(percent).ok().filter(|percent| (1..100).contains(percent))
}

const PERCENT_PATTERN: &str = "^[1-9][0-9]? ?%$";

impl JsonSchema for DiskShare {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "DiskShare".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "title": "per cent", "type": "string", "pattern": PERCENT_PATTERN })
    }
}

impl JsonSchema for KeepText {
    fn schema_name() -> Cow<'static, str> {
        "Keep".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let table = generator.subschema_for::<KeepTable>();
        let time = generator.subschema_for::<Time<1>>();
        json_schema!({ "anyOf": [
            { "const": "forever" },
            { "const": "until-delivered" },
            time,
            { "title": "per cent", "type": "string", "pattern": PERCENT_PATTERN },
            table,
        ] })
    }
}
