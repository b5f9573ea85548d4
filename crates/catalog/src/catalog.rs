//! The catalogue, whatever keeps it.

use crate::{
    Delivery, DeliveryFilter, DeliveryId, DeliveryRow, DestinationCounts, EndedStudy, Error,
    InstanceId, InstanceRow, Lease, NewEvent, Page, ReceivedObject, Settlement, Statistics,
    StudyFilter, StudyRow,
};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// Objects and events that are taken in together.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Batch {
    /// The objects, in the order in which they came.
    pub objects: Vec<TakenObject>,
    /// Events about neither an object nor a study.
    pub events: Vec<NewEvent>,
    /// The time now.
    pub now: Option<SystemTime>,
    /// Time without objects after which a study has ended.
    pub quiet: Duration,
    /// Makes it, and everything that was taken in before, durable. Without, a power loss may undo the last batches, and
    /// never a part of one.
    pub durable: bool,
}

/// An object that is taken in, and to whom it is owed.
#[derive(Debug, Clone, PartialEq)]
pub struct TakenObject {
    /// The object.
    pub object: ReceivedObject,
    /// The destinations that get it, by name.
    pub destinations: Vec<String>,
    /// The destinations that are told when its study has ended, by name.
    pub study_destinations: Vec<String>,
}

/// What became of a batch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TakenIn {
    /// For each object its key in the catalogue; also of those that were known already.
    pub instances: Vec<InstanceId>,
}

/// What was received, and what is owed. See the crate's documentation.
///
/// All methods block until the database has answered. Each is one transaction: after an error, nothing of it took
/// effect.
pub trait Catalog: Send + Sync {
    /// Takes in objects with their studies and series, and makes a delivery for each of their destinations. An object
    /// whose key is known already changes nothing. An object at a file where another one was: that one is gone from
    /// then on. A study that had ended is open again, with the next epoch.
    ///
    /// # Errors
    /// [`Error`].
    fn take_in(&self, batch: &Batch) -> Result<TakenIn, Error>;

    /// Makes everything durable that was taken in or settled before.
    ///
    /// # Errors
    /// [`Error`].
    fn make_durable(&self) -> Result<(), Error>;

    /// Ends the studies that have been quiet until `now`, at most so many, the earliest first; writes the event of each
    /// end, and deliveries to those of its destinations that want it.
    ///
    /// # Errors
    /// [`Error`].
    fn end_studies(&self, now: SystemTime, most: usize) -> Result<Vec<EndedStudy>, Error>;

    /// When the next study ends, if no more of its objects come.
    ///
    /// # Errors
    /// [`Error`].
    fn next_end_of_study(&self) -> Result<Option<SystemTime>, Error>;

    /// The wall clock was set, by so much: moves the ends of open studies along, so that a jump ends none early or late.
    ///
    /// # Errors
    /// [`Error`].
    fn shift_ends_of_studies(&self, by: Duration, forwards: bool) -> Result<(), Error>;

    /// Leases deliveries of a destination, the oldest first. None if it is paused.
    ///
    /// # Errors
    /// [`Error`].
    fn lease(&self, lease: &Lease) -> Result<Vec<Delivery>, Error>;

    /// Those of these deliveries that `owner` has leased still are leased until then: they take longer than a lease
    /// lasts. Returns how many there were.
    ///
    /// # Errors
    /// [`Error`].
    fn renew(
        &self,
        owner: &str,
        deliveries: &[DeliveryId],
        until: SystemTime,
    ) -> Result<u64, Error>;

    /// When the next delivery of a destination that waits for another attempt can be leased; `None` if none waits.
    ///
    /// # Errors
    /// [`Error`].
    fn next_attempt(&self, destination: &str) -> Result<Option<SystemTime>, Error>;

    /// What became of deliveries that `owner` had leased. Those that it has no more, or that an operator has parked or
    /// dropped meanwhile, stay as they are. Returns the keys of objects that nobody is owed any more, whose spooled
    /// bytes may go.
    ///
    /// # Errors
    /// [`Error`].
    fn settle(
        &self,
        owner: &str,
        settlements: &[Settlement],
        now: SystemTime,
    ) -> Result<Vec<SpooledObject>, Error>;

    /// Gives back all leases that are not of `owner`: of runs that are over. To be called at the start, where no other
    /// receiver uses the catalogue.
    ///
    /// # Errors
    /// [`Error`].
    fn release_leases(&self, owner: &str) -> Result<u64, Error>;

    /// How many deliveries each destination has: of those that have any, and those in `names`.
    ///
    /// # Errors
    /// [`Error`].
    fn counts(&self, names: &[String]) -> Result<Vec<DestinationCounts>, Error>;

    /// Pauses a destination, or resumes it.
    ///
    /// # Errors
    /// [`Error`].
    fn pause(&self, destination: &str, paused: bool) -> Result<(), Error>;

    /// Lets parked, waiting or dropped deliveries be tried now. Returns how many there were.
    ///
    /// # Errors
    /// [`Error`].
    fn retry(&self, deliveries: &[DeliveryId], now: SystemTime) -> Result<u64, Error>;

    /// Parks deliveries that wait. Returns how many there were.
    ///
    /// # Errors
    /// [`Error`].
    fn park(&self, deliveries: &[DeliveryId], reason: &str, now: SystemTime) -> Result<u64, Error>;

    /// Gives up deliveries that wait or are parked. Returns the objects that nobody is owed any more.
    ///
    /// # Errors
    /// [`Error`].
    fn drop_deliveries(
        &self,
        deliveries: &[DeliveryId],
        reason: &str,
        now: SystemTime,
    ) -> Result<Vec<SpooledObject>, Error>;

    /// Forgets deliveries that were done or dropped before a time, of one destination or of all, and events without
    /// deliveries: at most so many. Returns how many deliveries there were.
    ///
    /// # Errors
    /// [`Error`].
    fn forget_done(
        &self,
        destination: Option<&str>,
        before: SystemTime,
        most: usize,
    ) -> Result<u64, Error>;

    /// Deliveries, for people.
    ///
    /// # Errors
    /// [`Error`].
    fn deliveries(&self, filter: &DeliveryFilter, page: Page) -> Result<Vec<DeliveryRow>, Error>;

    /// Studies, for people.
    ///
    /// # Errors
    /// [`Error`].
    fn studies(&self, filter: &StudyFilter, page: Page) -> Result<Vec<StudyRow>, Error>;

    /// The instances of a study, or of all studies: in the order of their keys.
    ///
    /// # Errors
    /// [`Error`].
    fn instances(&self, study: Option<&str>, page: Page) -> Result<Vec<InstanceRow>, Error>;

    /// The instance whose file this is.
    ///
    /// # Errors
    /// [`Error`].
    fn instance_at(&self, directory: &Path, file: &str) -> Result<Option<InstanceRow>, Error>;

    /// The digests of files are known.
    ///
    /// # Errors
    /// [`Error`].
    fn set_digests(&self, digests: &[(InstanceId, [u8; 32])]) -> Result<(), Error>;

    /// Files have another name, or none any more.
    ///
    /// # Errors
    /// [`Error`].
    fn set_files(&self, files: &[(InstanceId, Option<String>)]) -> Result<(), Error>;

    /// Instances whose files may be removed: received before a time, the earliest first; without those of which anything
    /// is owed or parked, unless `even_owed`; with `delivered`, only those of which something was delivered and
    /// nothing is owed. At most so many.
    ///
    /// # Errors
    /// [`Error`].
    fn removable(
        &self,
        before: SystemTime,
        delivered: bool,
        even_owed: bool,
        most: usize,
    ) -> Result<Vec<InstanceRow>, Error>;

    /// What it holds, in numbers.
    ///
    /// # Errors
    /// [`Error`].
    fn statistics(&self) -> Result<Statistics, Error>;
}

/// An object whose bytes were kept for deliveries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpooledObject {
    /// Its key: the name of its intent.
    pub key: String,
    /// The output directory.
    pub directory: std::path::PathBuf,
}

/// Opens the catalogue at `url`, made or brought up to date where it is not: `sqlite:PATH`, or
/// `postgres://user@host/database` (also with `postgresql:`), with the parameters that libpq knows.
///
/// # Errors
/// [`Error`].
pub fn open(url: &str) -> Result<Arc<dyn Catalog>, Error> {
    Err(Error::Url { url: url.to_owned(), reason: "not built yet".to_owned() })
}
