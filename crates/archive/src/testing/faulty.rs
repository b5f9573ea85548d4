//! A catalogue that fails on demand, before it passes calls on.

use catalog::*;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

/// A catalogue that fails on demand.
pub(crate) struct FaultyCatalog {
    pub(crate) inner: Arc<dyn Catalog>,
    trouble: Mutex<Option<Box<Trouble>>>,
}

/// Says, of a call with this name and perhaps a batch, why it fails. May block.
type Trouble = dyn Fn(&str, Option<&Batch>) -> Result<(), Error> + Send + Sync;

impl FaultyCatalog {
    pub(crate) fn new(inner: Arc<dyn Catalog>) -> Self {
        Self { inner, trouble: Mutex::default() }
    }

    /// From now on, calls fail so.
    pub(crate) fn trouble(
        &self,
        trouble: impl Fn(&str, Option<&Batch>) -> Result<(), Error> + Send + Sync + 'static,
    ) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(trouble));
    }

    /// From now on, calls are passed on.
    pub(crate) fn mend(&self) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn before(&self, call: &str, batch: Option<&Batch>) -> Result<(), Error> {
        match &*self.trouble.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(trouble) => trouble(call, batch),
            None => Ok(()),
        }
    }
}

impl Catalog for FaultyCatalog {
    fn take_in(&self, batch: &Batch) -> Result<TakenIn, Error> {
        self.before("take_in", Some(batch))?;
        self.inner.take_in(batch)
    }

    fn make_durable(&self) -> Result<(), Error> {
        self.before("make_durable", None)?;
        self.inner.make_durable()
    }

    fn end_studies(&self, now: SystemTime, most: usize) -> Result<Vec<EndedStudy>, Error> {
        self.before("end_studies", None)?;
        self.inner.end_studies(now, most)
    }

    fn next_end_of_study(&self) -> Result<Option<SystemTime>, Error> {
        self.before("next_end_of_study", None)?;
        self.inner.next_end_of_study()
    }

    fn shift_ends_of_studies(&self, by: Duration, forwards: bool) -> Result<(), Error> {
        self.before("shift_ends_of_studies", None)?;
        self.inner.shift_ends_of_studies(by, forwards)
    }

    fn lease(&self, lease: &Lease) -> Result<Vec<Delivery>, Error> {
        self.before("lease", None)?;
        self.inner.lease(lease)
    }

    fn renew(
        &self,
        owner: &str,
        deliveries: &[DeliveryId],
        until: SystemTime,
    ) -> Result<u64, Error> {
        self.before("renew", None)?;
        self.inner.renew(owner, deliveries, until)
    }

    fn next_attempt(
        &self,
        destination: &str,
        now: SystemTime,
    ) -> Result<Option<SystemTime>, Error> {
        self.before("next_attempt", None)?;
        self.inner.next_attempt(destination, now)
    }

    fn settle(
        &self,
        owner: &str,
        settlements: &[Settlement],
        now: SystemTime,
    ) -> Result<Vec<SpooledObject>, Error> {
        self.before("settle", None)?;
        self.inner.settle(owner, settlements, now)
    }

    fn release_leases(&self, owner: &str) -> Result<u64, Error> {
        self.before("release_leases", None)?;
        self.inner.release_leases(owner)
    }

    fn counts(&self, names: &[String]) -> Result<Vec<DestinationCounts>, Error> {
        self.before("counts", None)?;
        self.inner.counts(names)
    }

    fn pause(&self, destination: &str, paused: bool) -> Result<(), Error> {
        self.before("pause", None)?;
        self.inner.pause(destination, paused)
    }

    fn retry(&self, deliveries: &[DeliveryId], now: SystemTime) -> Result<u64, Error> {
        self.before("retry", None)?;
        self.inner.retry(deliveries, now)
    }

    fn park(&self, deliveries: &[DeliveryId], reason: &str, now: SystemTime) -> Result<u64, Error> {
        self.before("park", None)?;
        self.inner.park(deliveries, reason, now)
    }

    fn drop_deliveries(
        &self,
        deliveries: &[DeliveryId],
        reason: &str,
        now: SystemTime,
    ) -> Result<Vec<SpooledObject>, Error> {
        self.before("drop_deliveries", None)?;
        self.inner.drop_deliveries(deliveries, reason, now)
    }

    fn forget_done(
        &self,
        destination: Option<&str>,
        before: SystemTime,
        most: usize,
    ) -> Result<u64, Error> {
        self.before("forget_done", None)?;
        self.inner.forget_done(destination, before, most)
    }

    fn forget_history(&self, before: SystemTime, most: usize) -> Result<u64, Error> {
        self.before("forget_history", None)?;
        self.inner.forget_history(before, most)
    }

    fn deliveries(&self, filter: &DeliveryFilter, page: Page) -> Result<Vec<DeliveryRow>, Error> {
        self.before("deliveries", None)?;
        self.inner.deliveries(filter, page)
    }

    fn studies(&self, filter: &StudyFilter, page: Page) -> Result<Vec<StudyRow>, Error> {
        self.before("studies", None)?;
        self.inner.studies(filter, page)
    }

    fn series(&self, study: Option<&str>, page: Page) -> Result<Vec<SeriesRow>, Error> {
        self.before("series", None)?;
        self.inner.series(study, page)
    }

    fn instances(&self, study: Option<&str>, page: Page) -> Result<Vec<InstanceRow>, Error> {
        self.before("instances", None)?;
        self.inner.instances(study, page)
    }

    fn instance_at(&self, directory: &Path, file: &str) -> Result<Option<InstanceRow>, Error> {
        self.before("instance_at", None)?;
        self.inner.instance_at(directory, file)
    }

    fn set_digests(&self, digests: &[(InstanceId, [u8; 32])]) -> Result<(), Error> {
        self.before("set_digests", None)?;
        self.inner.set_digests(digests)
    }

    fn set_files(&self, files: &[(InstanceId, Option<String>)]) -> Result<(), Error> {
        self.before("set_files", None)?;
        self.inner.set_files(files)
    }

    fn removable(&self, which: &Removable) -> Result<Vec<InstanceRow>, Error> {
        self.before("removable", None)?;
        self.inner.removable(which)
    }

    fn owed(&self, keys: &[String]) -> Result<Vec<Option<bool>>, Error> {
        self.before("owed", None)?;
        self.inner.owed(keys)
    }

    fn identity(&self) -> Result<String, Error> {
        self.before("identity", None)?;
        self.inner.identity()
    }

    fn statistics(&self) -> Result<Statistics, Error> {
        self.before("statistics", None)?;
        self.inner.statistics()
    }
}
