//! A catalogue in memory, for tests: what the trait promises of deliveries, and a power loss that undoes what is not
//! durable.

use catalog::*;
use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, SystemTime};

/// A delivery.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) destination: String,
    pub(crate) study: Option<String>,
    pub(crate) state: DeliveryState,
    /// When it is due, or its lease runs out, or it came to its state.
    pub(crate) at: SystemTime,
    pub(crate) owner: String,
    pub(crate) attempts: u32,
    pub(crate) reason: Option<String>,
    pub(crate) since: SystemTime,
    pub(crate) size: u64,
}

impl Row {
    fn is_over(&self) -> bool {
        matches!(self.state, DeliveryState::Done | DeliveryState::Dropped)
    }

    fn is_free(&self, now: SystemTime) -> bool {
        matches!(self.state, DeliveryState::Waiting | DeliveryState::Leased) && self.at <= now
    }
}

/// See the module's documentation. Each delivery is for an object of its own, whose key is that of the delivery as text.
#[derive(Debug, Default)]
pub(crate) struct Model {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default, Clone)]
pub(crate) struct Inner {
    pub(crate) rows: BTreeMap<i64, Row>,
    pub(crate) paused: HashSet<String>,
    /// As a power loss leaves it.
    pub(crate) durable: BTreeMap<i64, Row>,
    /// What calls fail with.
    pub(crate) unavailable: bool,
    pub(crate) refuses: Option<DeliveryId>,
    /// Calls that panic, once each.
    pub(crate) panics: HashSet<&'static str>,
    pub(crate) leases: u64,
    pub(crate) settles: u64,
}

impl Model {
    /// Looks into it, or changes it.
    pub(crate) fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap()
    }

    fn open(&self) -> Result<MutexGuard<'_, Inner>, Error> {
        let inner = self.inner();
        if inner.unavailable {
            return Err(Error::Unavailable("it is locked".to_owned()));
        }
        Ok(inner)
    }

    fn panic_at(&self, call: &str) {
        let panics = self.inner().panics.remove(call);
        assert!(!panics, "of no use");
    }

    /// Takes in a delivery, durably.
    pub(crate) fn add(
        &self,
        destination: &str,
        study: Option<&str>,
        size: u64,
        now: SystemTime,
    ) -> i64 {
        let mut inner = self.inner();
        let id = inner.rows.last_key_value().map_or(1, |(id, _)| id + 1);
        let row = Row {
            destination: destination.to_owned(),
            study: study.map(str::to_owned),
            state: DeliveryState::Waiting,
            at: now,
            owner: String::new(),
            attempts: 0,
            reason: None,
            since: now,
            size,
        };
        inner.rows.insert(id, row.clone());
        inner.durable.insert(id, row);
        id
    }

    /// The power is lost.
    pub(crate) fn lose_power(&self) {
        let mut inner = self.inner();
        inner.rows = inner.durable.clone();
    }
}

fn spooled(ids: impl Iterator<Item = i64>) -> Vec<SpooledObject> {
    let one = |id: i64| SpooledObject { key: id.to_string(), directory: PathBuf::from("/in") };
    ids.map(one).collect()
}

fn delivery(id: i64, row: &Row) -> Delivery {
    let object = ReceivedObject {
        key: id.to_string(),
        directory: PathBuf::from("/in"),
        file: None,
        spool: Some(format!("spool/{id}")),
        sop_class: "1.2".to_owned(),
        sop_instance: format!("1.2.{id}"),
        transfer_syntax: "1.2.840.10008.1.2.1".to_owned(),
        size: row.size,
        digest: None,
        received: row.since,
        association: 1,
        calling: "CT".to_owned(),
        called: "STORESCP".to_owned(),
        peer: "127.0.0.1".to_owned(),
        rule: None,
        replaced: false,
        kept: false,
        attributes: ObjectAttributes::default(),
    };
    Delivery {
        id: DeliveryId(id),
        destination: row.destination.clone(),
        event: Event {
            key: id.to_string(),
            kind: EventKind::ObjectStored,
            time: row.since,
            instance: Some(InstanceId(id)),
            data: None,
        },
        instance: Some(StoredInstance { id: InstanceId(id), object }),
        study: row.study.clone(),
        attempts: row.attempts,
        since: row.since,
    }
}

fn not_modelled<T>() -> Result<T, Error> {
    Err(Error::Statement("the model does not have this".to_owned()))
}

impl Catalog for Model {
    fn make_durable(&self) -> Result<(), Error> {
        self.panic_at("make_durable");
        let mut inner = self.open()?;
        inner.durable = inner.rows.clone();
        Ok(())
    }

    fn lease(&self, lease: &Lease) -> Result<Vec<Delivery>, Error> {
        self.panic_at("lease");
        let mut inner = self.open()?;
        inner.leases += 1;
        if inner.paused.contains(&lease.destination) {
            return Ok(Vec::new());
        }
        let mut blocked: HashSet<String> = HashSet::new();
        let mut leased = Vec::new();
        for (id, row) in &mut inner.rows {
            if row.destination != lease.destination || leased.len() == lease.most {
                continue;
            }
            if matches!(row.state, DeliveryState::Waiting | DeliveryState::Leased) {
                let waits = row.study.as_ref().is_some_and(|it| blocked.contains(it));
                if row.is_free(lease.now) && !(waits && lease.order == LeaseOrder::Study) {
                    row.state = DeliveryState::Leased;
                    row.at = lease.now + lease.duration;
                    row.owner.clone_from(&lease.owner);
                    leased.push(delivery(*id, row));
                } else {
                    blocked.extend(row.study.clone());
                }
            }
        }
        Ok(leased)
    }

    fn renew(&self, owner: &str, ids: &[DeliveryId], until: SystemTime) -> Result<u64, Error> {
        let mut inner = self.open()?;
        let mut count = 0;
        for id in ids {
            if let Some(row) = inner.rows.get_mut(&id.0)
                && (row.state, row.owner.as_str()) == (DeliveryState::Leased, owner)
            {
                row.at = until;
                count += 1;
            }
        }
        Ok(count)
    }

    fn next_attempt(
        &self,
        destination: &str,
        now: SystemTime,
    ) -> Result<Option<SystemTime>, Error> {
        let inner = self.open()?;
        let waits = |row: &&Row| {
            let may_be_leased = matches!(row.state, DeliveryState::Waiting | DeliveryState::Leased);
            row.destination == destination && may_be_leased && row.at > now
        };
        Ok(inner.rows.values().filter(waits).map(|row| row.at).min())
    }

    fn settle(
        &self,
        owner: &str,
        settlements: &[Settlement],
        now: SystemTime,
    ) -> Result<Vec<SpooledObject>, Error> {
        self.panic_at("settle");
        let mut inner = self.open()?;
        if settlements.iter().any(|it| Some(it.id) == inner.refuses) {
            return Err(Error::Statement("it does not like one of them".to_owned()));
        }
        inner.settles += 1;
        let mut over = Vec::new();
        for Settlement { id, verdict } in settlements {
            let Some(row) = inner.rows.get_mut(&id.0) else { continue };
            if (row.state, row.owner.as_str()) != (DeliveryState::Leased, owner) {
                continue;
            }
            row.at = now;
            match verdict {
                Verdict::Done => {
                    row.state = DeliveryState::Done;
                    over.push(id.0);
                }
                Verdict::Again { at, reason, attempted } => {
                    row.state = DeliveryState::Waiting;
                    row.at = *at;
                    row.attempts += u32::from(*attempted);
                    row.reason = Some(reason.clone());
                }
                Verdict::Park { reason } => {
                    row.state = DeliveryState::Parked;
                    row.attempts += 1;
                    row.reason = Some(reason.clone());
                }
            }
        }
        Ok(spooled(over.into_iter()))
    }

    fn release_leases(&self, owner: &str) -> Result<u64, Error> {
        let mut inner = self.open()?;
        let mut count = 0;
        for row in inner.rows.values_mut() {
            if row.state == DeliveryState::Leased && row.owner != owner {
                row.state = DeliveryState::Waiting;
                row.at = SystemTime::UNIX_EPOCH;
                count += 1;
            }
        }
        Ok(count)
    }

    fn counts(&self, names: &[String]) -> Result<Vec<DestinationCounts>, Error> {
        let inner = self.open()?;
        let mut counts: BTreeMap<String, DestinationCounts> = BTreeMap::new();
        let named = names.iter().chain(inner.rows.values().map(|row| &row.destination));
        for name in named {
            counts.entry(name.clone()).or_insert_with(|| DestinationCounts {
                destination: name.clone(),
                paused: inner.paused.contains(name),
                ..DestinationCounts::default()
            });
        }
        for row in inner.rows.values() {
            let Some(one) = counts.get_mut(&row.destination) else { continue };
            match row.state {
                DeliveryState::Waiting | DeliveryState::Leased => {
                    one.waiting += 1;
                    one.waiting_bytes += row.size;
                    one.oldest = Some(one.oldest.map_or(row.since, |it| it.min(row.since)));
                }
                DeliveryState::Parked => one.parked += 1,
                DeliveryState::Done | DeliveryState::Dropped => {}
            }
        }
        Ok(counts.into_values().collect())
    }

    fn pause(&self, destination: &str, paused: bool) -> Result<(), Error> {
        let mut inner = self.open()?;
        if paused {
            inner.paused.insert(destination.to_owned());
        } else {
            inner.paused.remove(destination);
        }
        Ok(())
    }

    fn retry(&self, ids: &[DeliveryId], now: SystemTime) -> Result<u64, Error> {
        let mut inner = self.open()?;
        let mut count = 0;
        for id in ids {
            let Some(row) = inner.rows.get_mut(&id.0) else { continue };
            if !matches!(row.state, DeliveryState::Done | DeliveryState::Leased) {
                (row.state, row.at, row.attempts) = (DeliveryState::Waiting, now, 0);
                count += 1;
            }
        }
        Ok(count)
    }

    fn park(&self, ids: &[DeliveryId], reason: &str, now: SystemTime) -> Result<u64, Error> {
        let mut inner = self.open()?;
        let mut count = 0;
        for id in ids {
            let Some(row) = inner.rows.get_mut(&id.0) else { continue };
            if row.state == DeliveryState::Waiting {
                (row.state, row.at) = (DeliveryState::Parked, now);
                row.reason = Some(reason.to_owned());
                count += 1;
            }
        }
        Ok(count)
    }

    fn drop_deliveries(
        &self,
        ids: &[DeliveryId],
        reason: &str,
        now: SystemTime,
    ) -> Result<Vec<SpooledObject>, Error> {
        let mut inner = self.open()?;
        let mut dropped = Vec::new();
        for id in ids {
            let Some(row) = inner.rows.get_mut(&id.0) else { continue };
            if matches!(row.state, DeliveryState::Waiting | DeliveryState::Parked) {
                (row.state, row.at) = (DeliveryState::Dropped, now);
                row.reason = Some(reason.to_owned());
                dropped.push(id.0);
            }
        }
        Ok(spooled(dropped.into_iter()))
    }

    fn forget_done(
        &self,
        destination: Option<&str>,
        before: SystemTime,
        most: usize,
    ) -> Result<u64, Error> {
        let mut inner = self.open()?;
        let goes = |row: &Row| {
            row.is_over() && row.at < before && destination.is_none_or(|it| it == row.destination)
        };
        let found = inner.rows.iter().filter(|(_, row)| goes(row)).map(|(id, _)| *id);
        let ids: Vec<i64> = found.take(most).collect();
        for id in &ids {
            inner.rows.remove(id);
        }
        Ok(ids.len() as u64)
    }

    fn deliveries(&self, filter: &DeliveryFilter, page: Page) -> Result<Vec<DeliveryRow>, Error> {
        let inner = self.open()?;
        let matches = |row: &Row| {
            filter.destination.as_ref().is_none_or(|it| *it == row.destination)
                && filter.state.map_or(!row.is_over(), |it| it == row.state)
        };
        let after = page.after.unwrap_or(0);
        let found = inner.rows.range(after + 1..).filter(|(_, row)| matches(row));
        let shown = |(id, row): (&i64, &Row)| DeliveryRow {
            id: DeliveryId(*id),
            destination: row.destination.clone(),
            state: row.state,
            event: EventKind::ObjectStored,
            event_key: id.to_string(),
            study: row.study.clone(),
            sop_instance: None,
            size: row.size,
            attempts: row.attempts,
            since: row.since,
            at: row.at,
            reason: row.reason.clone(),
        };
        Ok(found.map(shown).take(page.most).collect())
    }

    fn take_in(&self, _: &Batch) -> Result<TakenIn, Error> {
        not_modelled()
    }

    fn end_studies(&self, _: SystemTime, _: usize) -> Result<Vec<EndedStudy>, Error> {
        not_modelled()
    }

    fn next_end_of_study(&self) -> Result<Option<SystemTime>, Error> {
        not_modelled()
    }

    fn shift_ends_of_studies(&self, _: Duration, _: bool) -> Result<(), Error> {
        not_modelled()
    }

    fn studies(&self, _: &StudyFilter, _: Page) -> Result<Vec<StudyRow>, Error> {
        not_modelled()
    }

    fn instances(&self, _: Option<&str>, _: Page) -> Result<Vec<InstanceRow>, Error> {
        not_modelled()
    }

    fn instance_at(&self, _: &Path, _: &str) -> Result<Option<InstanceRow>, Error> {
        not_modelled()
    }

    fn set_digests(&self, _: &[(InstanceId, [u8; 32])]) -> Result<(), Error> {
        not_modelled()
    }

    fn set_files(&self, _: &[(InstanceId, Option<String>)]) -> Result<(), Error> {
        not_modelled()
    }

    fn removable(&self, _: &Removable) -> Result<Vec<InstanceRow>, Error> {
        not_modelled()
    }

    fn forget_history(&self, _: SystemTime, _: usize) -> Result<u64, Error> {
        not_modelled()
    }

    fn series(&self, _: Option<&str>, _: Page) -> Result<Vec<SeriesRow>, Error> {
        not_modelled()
    }

    fn owed(&self, _: &[String]) -> Result<Vec<Option<bool>>, Error> {
        not_modelled()
    }

    fn identity(&self) -> Result<String, Error> {
        Ok("the model".to_owned())
    }

    fn statistics(&self) -> Result<Statistics, Error> {
        not_modelled()
    }
}
