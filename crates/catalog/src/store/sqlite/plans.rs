//! Test support: each statement is looked at before it is done, so that none reads a table row by row that may have
//! millions.

use std::collections::BTreeSet;
use std::sync::Mutex;

/// Tables that are read row by row on purpose: they are small, or a page of them is read in the order of their keys.
const SCANNED: [&str; 12] = [
    "v",
    "CONSTANT ROW",
    "3 CONSTANT ROWS",
    "lanes",
    "destination",
    "d USING INDEX sqlite_autoindex_destination_1",
    "t",
    "total",
    "study USING COVERING INDEX study_due",
    "study USING COVERING INDEX",
    "series USING COVERING INDEX",
    "sqlite_schema",
];

static LOOKED_AT: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Fails if a statement reads a large table row by row.
pub(super) fn check(connection: &rusqlite::Connection, sql: &str) {
    if !LOOKED_AT.lock().unwrap().insert(sql.to_owned()) {
        return;
    }
    let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    let steps = statement.raw_query().mapped(|row| row.get::<_, String>(3));
    for step in steps.map(Result::unwrap) {
        let page = sql.contains("ORDER BY s.id DESC LIMIT")
            || sql.contains("ORDER BY i.id LIMIT")
            || sql.contains("ORDER BY r.id LIMIT");
        let Some(table) = step.strip_prefix("SCAN ") else {
            // The series of a study, and the deliveries of a study or an SOP instance, are few.
            let is_few = sql.contains("r.study = ") || sql.contains("d.id IN (");
            let sorts = step.starts_with("USE TEMP B-TREE") && !is_few;
            assert!(!sorts, "{sql}\n{step}");
            continue;
        };
        let is_scanned = SCANNED.iter().any(|known| table == *known || table.starts_with(known));
        assert!(is_scanned || page, "{sql}\n{step}");
    }
}
