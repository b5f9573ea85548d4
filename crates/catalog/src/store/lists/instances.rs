//! Instances.

use super::{Conditions, most, study};
use crate::limits::PAGE_ROWS;
use crate::store::database::{Each, Row, Statements, Type};
use crate::store::encoding::{file_key, from_path, from_time, text};
use crate::store::rows::{self, INSTANCE_COLUMNS, INSTANCE_JOINS};
use crate::store::take_in::directory;
use crate::{Error, InstanceRow, Page, Removable};
use std::collections::HashMap;
use std::path::Path;

/// See [`Catalog::instances`](crate::Catalog::instances).
pub(in crate::store) fn instances(
    statements: &mut dyn Statements,
    of: Option<&str>,
    page: Page,
) -> Result<Vec<InstanceRow>, Error> {
    let mut conditions = Conditions::default();
    if let Some(uid) = of {
        let Some(study) = study(statements, uid)? else { return Ok(Vec::new()) };
        conditions.add("i.study = ?", study);
    }
    if let Some(after) = page.after {
        conditions.add("i.id > ?", after);
    }
    let limit = conditions.parameter(most(page));
    let sql = format!(
        "SELECT {INSTANCE_COLUMNS} FROM instance i {INSTANCE_JOINS} WHERE {} \
         ORDER BY i.id LIMIT {limit}",
        conditions.all()
    );
    read(statements.query(&sql, &conditions.parameters)?)
}

/// See [`Catalog::instance_at`](crate::Catalog::instance_at).
pub(in crate::store) fn instance_at(
    statements: &mut dyn Statements,
    path: &Path,
    file: &str,
) -> Result<Option<InstanceRow>, Error> {
    let Some(directory) = directory(statements, &from_path(path))? else { return Ok(None) };
    let sql = format!(
        "SELECT {INSTANCE_COLUMNS} FROM instance i {INSTANCE_JOINS} \
         WHERE i.directory = $1 AND i.file_key = $2"
    );
    let rows = statements.query(&sql, &[directory.into(), file_key(file).into()])?;
    Ok(read(rows)?.into_iter().next())
}

/// See [`Catalog::removable`](crate::Catalog::removable).
pub(in crate::store) fn removable(
    statements: &mut dyn Statements,
    which: &Removable,
) -> Result<Vec<InstanceRow>, Error> {
    let Some(directory) = directory(statements, &from_path(&which.directory))? else {
        return Ok(Vec::new());
    };
    let sql = format!(
        "SELECT {INSTANCE_COLUMNS} FROM instance i {INSTANCE_JOINS} \
         WHERE i.directory = $1 AND i.rule = $2 AND i.owed = $3 AND i.file IS NOT NULL \
         AND i.received < $4 ORDER BY i.received, i.id LIMIT $5"
    );
    let mut states = vec![2];
    if !which.delivered {
        states.push(0);
    }
    if which.even_owed {
        states.push(1);
    }
    let most = which.most.min(PAGE_ROWS);
    let mut found = Vec::new();
    for owed in states {
        let rule = text(which.rule.as_deref().unwrap_or_default());
        let parameters = [
            directory.into(),
            rule.into(),
            i64::from(owed).into(),
            from_time(which.before).into(),
            (most as i64).into(),
        ];
        found.extend(read(statements.query(&sql, &parameters)?)?);
    }
    found.sort_by_key(|row| (row.object.received, row.id));
    found.truncate(most);
    Ok(found)
}

/// See [`Catalog::owed`](crate::Catalog::owed).
pub(in crate::store) fn owed(
    statements: &mut dyn Statements,
    keys: &[String],
) -> Result<Vec<Option<bool>>, Error> {
    const OWED: Each<'_> = Each::new(
        &[("place", Type::Integer), ("key", Type::Text)],
        "SELECT v.place, i.owed FROM v JOIN instance i ON i.key = v.key",
    );
    let rows: Vec<_> =
        keys.iter().zip(0_i64..).map(|(key, place)| vec![place.into(), text(key).into()]).collect();
    let mut known = HashMap::with_capacity(keys.len());
    for mut row in statements.each(&OWED, &rows)? {
        known.insert(row.integer()?, row.integer()?);
    }
    let places = 0..keys.len() as i64;
    Ok(places.map(|place| known.get(&place).map(|owed| *owed == 1)).collect())
}

fn read(rows: Vec<Row>) -> Result<Vec<InstanceRow>, Error> {
    rows.into_iter().map(|mut row| rows::instance(&mut row)).collect()
}
