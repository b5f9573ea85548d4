//! Intents: what makes “will be delivered” as durable as “stored”.
//!
//! Where anything is owed for an object, its file gets a second hard link before its final name:
//!
//! ```text
//!   .storescp/pending/<shard>/<envelope>   from before the answer until the catalogue has the object
//!   .storescp/spool/<shard>/<envelope>     from then until everything that is owed was delivered
//! ```
//!
//! The link keeps the bytes, whatever becomes of the final name. After a crash, what is pending was acknowledged, or
//! was received whole and never answered: both are taken in. That is as long as the backlog, never as long as the
//! archive.

mod envelope;

pub use envelope::{Envelope, IntentName};

use std::fs::File;
use std::io;
use std::path::PathBuf;

/// The intents of one output directory. Any thread may call any method at any time.
pub trait Intents: Send + Sync {
    /// Those that are pending now, in no order: also those of objects that are just being received, which
    /// [`PendingIntent::is_in_progress`] tells. Calls `found` for each, until it returns false.
    ///
    /// # Errors
    /// Those of the operating system.
    fn pending(&self, found: &mut dyn FnMut(PendingIntent) -> bool) -> io::Result<()>;

    /// The same of those in the spool.
    ///
    /// # Errors
    /// Those of the operating system.
    fn spooled(&self, found: &mut dyn FnMut(IntentName) -> bool) -> io::Result<()>;

    /// The catalogue has the object, durably: moves the link into the spool, if deliveries are owed, or removes it.
    /// Nothing that is not there any more is an error.
    ///
    /// # Errors
    /// Those of the operating system.
    fn settle(&self, name: &IntentName, owed: bool) -> io::Result<()>;

    /// The same of many at a time, which costs less where folders have to be synced.
    ///
    /// # Errors
    /// Those of the operating system: some of them may be settled.
    fn settle_all(&self, names: &[(&IntentName, bool)]) -> io::Result<()> {
        names.iter().try_for_each(|(name, owed)| self.settle(name, *owed))
    }

    /// Everything was delivered: removes the link, from wherever it is.
    ///
    /// # Errors
    /// Those of the operating system.
    fn release(&self, name: &IntentName) -> io::Result<()>;

    /// Opens the file, wherever its link is; `NotFound` if there is none.
    ///
    /// # Errors
    /// Those of the operating system.
    fn open(&self, name: &IntentName) -> io::Result<File>;

    /// The path of the link in the spool, good until it is released; `None` if there is no link. One that is pending is
    /// linked there too, so that nothing moves a file from the path that a program was told.
    ///
    /// # Errors
    /// Those of the operating system: it is not known whether there is a link.
    fn path(&self, name: &IntentName) -> io::Result<Option<PathBuf>>;
}

/// An intent that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingIntent {
    /// Its name.
    pub name: IntentName,
    /// A receiver that is alive, this one or another, has not come to the end of its commit.
    pub is_in_progress: bool,
    /// The final name beneath the output directory, `/` between names, as far as it is known and still leads to this
    /// file.
    pub file: Option<String>,
}
