//! Where the bytes of objects are kept until everything that is owed was delivered.

use catalog::{SpooledObject, StoredInstance};
use std::io;
use std::path::PathBuf;

/// Where the bytes of objects are kept for deliveries. Any thread may call any method at any time.
pub trait Spool: Send + Sync {
    /// The file to read an object from: its link in the spool, or else its final name; `None` if neither is there.
    ///
    /// # Errors
    /// Those of the operating system: it is not known whether it is there.
    fn path(&self, instance: &StoredInstance) -> io::Result<Option<PathBuf>>;

    /// Nobody is owed the object any more, and the catalogue says so durably: its link in the spool may go. One that is
    /// not there is no error.
    ///
    /// # Errors
    /// Those of the operating system. The link stays then, until the next start.
    fn release(&self, object: &SpooledObject) -> io::Result<()>;
}
