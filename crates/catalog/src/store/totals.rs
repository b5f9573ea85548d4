//! What is counted as it changes: the deliveries of destinations, and the files.

use super::database::{Each, Row, Statements, Type, Value};
use super::encoding::{from_size, text, to_time};
use crate::{DestinationCounts, Error, Statistics};
use std::collections::{BTreeMap, HashMap};

/// Changes of what is counted, put down at the end of a transaction: other transactions that count wait from then on.
#[derive(Debug, Default)]
pub(super) struct Totals {
    destinations: BTreeMap<i64, [i64; 3]>,
    instances: i64,
    bytes: i64,
}

impl Totals {
    /// A delivery of so many bytes waits now (1), or does not any more (-1).
    pub(super) fn waiting(&mut self, destination: i64, by: i64, size: i64) {
        let counts = self.destinations.entry(destination).or_default();
        counts[0] += by;
        counts[1] = counts[1].saturating_add(by * size);
    }

    /// A delivery is parked now (1), or is not any more (-1).
    pub(super) fn parked(&mut self, destination: i64, by: i64) {
        self.destinations.entry(destination).or_default()[2] += by;
    }

    /// There are so many files more, with so many bytes.
    pub(super) fn files(&mut self, files: i64, bytes: i64) {
        self.instances += files;
        self.bytes = self.bytes.saturating_add(bytes);
    }

    /// Puts them down.
    pub(super) fn write(self, statements: &mut dyn Statements) -> Result<(), Error> {
        const DESTINATIONS: Each<'_> = Each::new(
            &[
                ("id", Type::Integer),
                ("waiting", Type::Integer),
                ("bytes", Type::Integer),
                ("parked", Type::Integer),
            ],
            "UPDATE destination SET waiting = destination.waiting + v.waiting, \
             waiting_bytes = destination.waiting_bytes + v.bytes, \
             parked = destination.parked + v.parked FROM v WHERE destination.id = v.id",
        );
        let changed = self.destinations.into_iter().filter(|(_, counts)| *counts != [0; 3]);
        // One after the other, in one order everywhere: so no two transactions wait for each other.
        for (id, [waiting, bytes, parked]) in changed {
            let row = vec![id.into(), waiting.into(), bytes.into(), parked.into()];
            statements.each(&DESTINATIONS, &[row])?;
        }
        if (self.instances, self.bytes) != (0, 0) {
            statements.execute(
                "UPDATE total SET instances = instances + $1, bytes = bytes + $2",
                &[self.instances.into(), self.bytes.into()],
            )?;
        }
        Ok(())
    }
}

/// The keys of destinations, which are made if they are not there.
pub(super) fn destinations<'n>(
    statements: &mut dyn Statements,
    names: impl Iterator<Item = &'n str>,
) -> Result<HashMap<&'n str, i64>, Error> {
    let mut keys = HashMap::new();
    for name in names {
        if !keys.contains_key(name) {
            let key = match destination(statements, name)? {
                Some(key) => key,
                None => make_destination(statements, name)?,
            };
            keys.insert(name, key);
        }
    }
    Ok(keys)
}

/// The key of a destination.
pub(super) fn destination(
    statements: &mut dyn Statements,
    name: &str,
) -> Result<Option<i64>, Error> {
    let rows =
        statements.query("SELECT id FROM destination WHERE name = $1", &[text(name).into()])?;
    rows.into_iter().next().map(|mut row| row.integer()).transpose()
}

fn make_destination(statements: &mut dyn Statements, name: &str) -> Result<i64, Error> {
    statements.execute(
        "INSERT INTO destination (name) VALUES ($1) ON CONFLICT (name) DO NOTHING",
        &[text(name).into()],
    )?;
    destination(statements, name)?
        .ok_or_else(|| Error::Statement("a destination was not made".to_owned()))
}

/// The keys of all destinations.
pub(super) fn all_destinations(statements: &mut dyn Statements) -> Result<Vec<i64>, Error> {
    let rows = statements.query("SELECT id FROM destination ORDER BY id", &[])?;
    rows.into_iter().map(|mut row| row.integer()).collect()
}

/// See [`Catalog::pause`](crate::Catalog::pause).
pub(super) fn pause(
    statements: &mut dyn Statements,
    destination: &str,
    paused: bool,
) -> Result<(), Error> {
    let keys = destinations(statements, std::iter::once(destination))?;
    for key in keys.into_values() {
        statements.execute(
            "UPDATE destination SET paused = $1 WHERE id = $2",
            &[paused.into(), key.into()],
        )?;
    }
    Ok(())
}

/// See [`Catalog::counts`](crate::Catalog::counts).
pub(super) fn counts(
    statements: &mut dyn Statements,
    names: &[String],
) -> Result<Vec<DestinationCounts>, Error> {
    const SELECT: &str = "SELECT d.name, d.waiting, d.waiting_bytes, d.parked, d.paused, \
        (SELECT w.since FROM delivery w WHERE w.destination = d.id AND w.state = 0 \
         ORDER BY w.id LIMIT 1), \
        (SELECT l.since FROM delivery l WHERE l.destination = d.id AND l.state = 1 \
         ORDER BY l.id LIMIT 1) \
        FROM destination d ORDER BY d.name";

    let rows = statements.query(SELECT, &[])?;
    let found: Result<Vec<_>, Error> = rows.into_iter().map(read_counts).collect();
    let mut found = found?;
    found.retain(|one| {
        one.waiting > 0 || one.parked > 0 || one.paused || names.contains(&one.destination)
    });
    for name in names {
        if !found.iter().any(|one| one.destination == *name) {
            found.push(DestinationCounts { destination: name.clone(), ..Default::default() });
        }
    }
    found.sort_by(|one, other| one.destination.cmp(&other.destination));
    Ok(found)
}

fn read_counts(mut row: Row) -> Result<DestinationCounts, Error> {
    Ok(DestinationCounts {
        destination: row.text()?,
        waiting: row.count()?,
        waiting_bytes: row.count()?,
        parked: row.count()?,
        paused: row.integer()? != 0,
        oldest: {
            let (waiting, leased) = (row.optional_integer()?, row.optional_integer()?);
            waiting.into_iter().chain(leased).min().map(to_time)
        },
    })
}

/// See [`Catalog::identity`](crate::Catalog::identity).
pub(super) fn identity(statements: &mut dyn Statements) -> Result<String, Error> {
    let rows = statements.query("SELECT id FROM identity", &[])?;
    let missing = || Error::Statement("the table identity has no row".to_owned());
    rows.into_iter().next().ok_or_else(missing)?.text()
}

/// See [`Catalog::statistics`](crate::Catalog::statistics); without what only the database knows.
pub(super) fn statistics(statements: &mut dyn Statements) -> Result<Statistics, Error> {
    let rows = statements.query(
        "SELECT t.instances, t.bytes, (SELECT count(*) FROM study), (SELECT count(*) FROM series), \
         (SELECT count(*) FROM study WHERE due IS NOT NULL) FROM total t",
        &[],
    )?;
    let missing = || Error::Statement("the table total has no row".to_owned());
    let mut row = rows.into_iter().next().ok_or_else(missing)?;
    Ok(Statistics {
        instances: row.count()?,
        bytes: row.count()?,
        studies: row.count()?,
        series: row.count()?,
        open_studies: row.count()?,
        destinations: counts(statements, &[])?,
        database_bytes: None,
        schema: 0,
    })
}

/// A size as it is counted.
pub(super) fn size(bytes: u64) -> i64 {
    from_size(bytes)
}

/// A parameter for each key.
pub(super) fn ids(keys: impl IntoIterator<Item = i64>) -> Vec<Vec<Value<'static>>> {
    keys.into_iter().map(|key| vec![key.into()]).collect()
}
