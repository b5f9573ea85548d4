//! Runs other toolkits' programs against this project's receiver, for the tests in `interop/tests`.
//!
//! The tests of this crate start a real `storescp` as a child process and send to it: with DCMTK's `storescu`
//! and `dcmsend`, pynetdicom, dicom-rs and dcmjs-dimse, and with a raw client that can send any bytes. Where
//! both are meant to agree, the same data is sent to Debian's `storescp` and the results are compared.
//!
//! ```text
//!  sender ----> Tap (records both directions) ----> Server (ours or Debian's, a guarded child)
//!                                                      |
//!  wire::Client (raw bytes) ---------------------------+----> Scratch directory, compared
//! ```
//!
//! `interop/install-peers` installs the programs that the tests need. The helpers are for tests only: they
//! panic with what they expected and what they got.
//!
//! | variable | effect |
//! |---|---|
//! | `STORESCP_BINARY` | path of the program under test; if not set, `cargo build -p storescp` builds it |
//! | `STORESCP_PEERS` | where `install-peers` put the other toolkits |
//! | `INTEROP_KEEP` | if set, the directories of the tests are not deleted |

mod compare;
pub mod corpus;
pub mod differential;
mod failing_disk;
pub mod http;
mod image;
mod namespace;
mod object;
pub mod outbox_soak;
pub mod part10;
pub mod peers;
pub mod powercut;
pub mod process;
mod random;
pub mod receivers;
mod scratch;
mod server;
pub mod structure;
pub mod syslog;
mod tap;
pub mod tls;
pub mod wire;

pub use compare::{Difference, compare_files, is_dcmtks_line};
pub use failing_disk::FailingDisk;
pub use image::Image;
pub use namespace::{Namespace, skip};
pub use object::{Object, element};
pub use scratch::Scratch;
pub use server::{Program, Server, Setup, StartFailure, both, files_below, free_port};
pub use tap::{Recording, StoredMessage, Tap};
