//! Values of the settings file: each reads itself, and knows its JSON Schema.

mod amounts;
mod charsets;
mod destination;
mod dicom;
mod faults;
mod keep;
mod listen;
mod secret;
mod senders;
mod url;

pub(super) use amounts::{Room, Silence, Size, Time, TimeOrNever};
pub(super) use charsets::CharacterSet;
pub(super) use destination::{
    AeTitleText, Attempts, ByteAmount, ByteRate, FilterText, FolderFile, HostPort, HoursText,
    HttpUrl,
};
pub(super) use dicom::{Class, ClassOrAll, TransferSyntaxes};
pub(super) use faults::FaultText;
pub(super) use keep::{KeepTable, KeepText};
pub(super) use listen::{HttpAddress, Listen};
pub use secret::Secret;
pub(super) use secret::{HashSource, KeyPasswordSource, SecretSource};
pub(super) use senders::{Address, Digest, Title};
pub(super) use url::{Share, Url};
