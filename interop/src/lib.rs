//! Other toolkits' programs, run against this project's receiver.
//!
//! The tests of this crate start a real `storescp` as a child process and send to it: with DCMTK's
//! `storescu` and `dcmsend`, pynetdicom, dicom-rs and dcmjs-dimse, and with a raw client that puts
//! any bytes on the wire. Wherever the two are meant to agree, the same sends go to Debian's
//! `storescp` and the results are compared.
//!
//! ```text
//!  sender ----> Tap (records both directions) ----> Server (ours or Debian's, a guarded child)
//!                                                      |
//!  wire::Client (raw bytes) ---------------------------+----> Scratch directory, compared
//! ```
//!
//! What is needed on the machine is installed by `interop/install-peers`. Helpers panic with what
//! they expected and what they saw: they are for tests only.
//!
//! | variable | effect |
//! |---|---|
//! | `STORESCP_BINARY` | the program under test; otherwise `cargo build -p storescp` makes it |
//! | `STORESCP_PEERS` | where `install-peers` put the other toolkits |
//! | `INTEROP_KEEP` | set: the directories of the tests are kept |

mod compare;
pub mod corpus;
pub mod differential;
mod failing_disk;
mod namespace;
mod object;
pub mod part10;
pub mod peers;
pub mod process;
mod scratch;
mod server;
pub mod structure;
mod tap;
pub mod tls;
pub mod wire;

pub use compare::{Difference, compare_files};
pub use failing_disk::FailingDisk;
pub use namespace::{Namespace, skip};
pub use object::{Object, element};
pub use scratch::Scratch;
pub use server::{Program, Server, Setup, StartFailure, both, files_below, free_port};
pub use tap::{Recording, StoredMessage, Tap};
