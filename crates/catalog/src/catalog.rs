//! The catalogue, whatever keeps it.

use crate::{
    Delivery, DeliveryFilter, DeliveryId, DeliveryRow, DestinationCounts, EndedAssociation,
    EndedStudy, Error, InstanceId, InstanceRow, Lease, NewEvent, Page, ReceivedObject, Refusal,
    SeriesRow, Settlement, Statistics, StudyFilter, StudyRow,
};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Objects and events that are taken in together.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Batch {
    /// The objects, in the order in which they came.
    pub objects: Vec<TakenObject>,
    /// Events about neither an object nor a study.
    pub events: Vec<NewEvent>,
    /// Associations that have ended.
    pub associations: Vec<EndedAssociation>,
    /// What was refused.
    pub refusals: Vec<Refusal>,
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
/// All methods block until the database has answered, so they must not be called from async code. Each is one
/// transaction: after an error, nothing of it took effect; or, if the connection was lost while it was committed, perhaps
/// all of it. Doing it again is safe: what is known is not taken in twice, and what is settled stays so.
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

    /// Leases deliveries of a destination, in the order that is asked for. None if it is paused.
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

    /// The first time after `now` at which a delivery of a destination can be leased: another attempt is due, or a lease
    /// runs out. `None` if there is none such. To be asked after [`Catalog::lease`] gave less than was wanted.
    ///
    /// # Errors
    /// [`Error`].
    fn next_attempt(&self, destination: &str, now: SystemTime)
    -> Result<Option<SystemTime>, Error>;

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

    /// Parks deliveries that wait or are leased. Returns how many there were.
    ///
    /// # Errors
    /// [`Error`].
    fn park(&self, deliveries: &[DeliveryId], reason: &str, now: SystemTime) -> Result<u64, Error>;

    /// Gives up deliveries that wait, are leased or are parked. Returns the objects that nobody is owed any more.
    ///
    /// # Errors
    /// [`Error`].
    fn drop_deliveries(
        &self,
        deliveries: &[DeliveryId],
        reason: &str,
        now: SystemTime,
    ) -> Result<Vec<SpooledObject>, Error>;

    /// Forgets deliveries that were done or dropped before a time, of one destination or of all, and events of which these
    /// were the last deliveries: at most so many. Returns how many deliveries there were.
    ///
    /// # Errors
    /// [`Error`].
    fn forget_done(
        &self,
        destination: Option<&str>,
        before: SystemTime,
        most: usize,
    ) -> Result<u64, Error>;

    /// Forgets associations, refusals and events that were delivered to nobody, from before a time, and the oldest of more than
    /// [`HISTORY_ROWS`](crate::limits::HISTORY_ROWS) associations or refusals: at most so many. Returns how many there
    /// were.
    ///
    /// # Errors
    /// [`Error`].
    fn forget_history(&self, before: SystemTime, most: usize) -> Result<u64, Error>;

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

    /// The series of a study, or of all studies: in the order of their keys.
    ///
    /// # Errors
    /// [`Error`].
    fn series(&self, study: Option<&str>, page: Page) -> Result<Vec<SeriesRow>, Error>;

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

    /// Instances whose files may be removed, the earliest first.
    ///
    /// # Errors
    /// [`Error`].
    fn removable(&self, which: &Removable) -> Result<Vec<InstanceRow>, Error>;

    /// For each key of an object whether anything is owed for it, or parked; `None` for keys that are not known.
    ///
    /// # Errors
    /// [`Error`].
    fn owed(&self, keys: &[String]) -> Result<Vec<Option<bool>>, Error>;

    /// What tells this catalogue from one that was made in its place: the same as long as it exists.
    ///
    /// # Errors
    /// [`Error`].
    fn identity(&self) -> Result<String, Error>;

    /// What it holds, in numbers.
    ///
    /// # Errors
    /// [`Error`].
    fn statistics(&self) -> Result<Statistics, Error>;
}

/// Which files may be removed: all that match everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removable {
    /// In this output directory.
    pub directory: PathBuf,
    /// By exactly this rule; `None` of senders that no rule named.
    pub rule: Option<String>,
    /// Received before.
    pub before: SystemTime,
    /// Only those of which something was delivered, and nothing is owed or parked.
    pub delivered: bool,
    /// Also those of which something is owed or parked.
    pub even_owed: bool,
    /// At most so many.
    pub most: usize,
}

/// An object whose bytes were kept for deliveries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpooledObject {
    /// Its key: the name of its intent.
    pub key: String,
    /// The output directory.
    pub directory: PathBuf,
}
