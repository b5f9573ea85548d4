//! Faults on purpose.

use crate::settings::reader::{At, Integer, OneOrMore, table};
use crate::settings::values::FaultText;
use std::path::PathBuf;

table! {
    /// Faults on purpose, to test senders (docs/faults.md).
    struct Faults {
        /// The faults, as `--fault` takes them.
        #[schemars(example = ["object every 10th: status A700", "object: delay next 2s", "object: abort user"])]
        provoke: Vec<At<FaultText>>,
        /// Files with further faults, one on each line.
        files: OneOrMore<PathBuf>,
        /// Repeats the draws of faults such as `object 10%: reset` that began with this number.
        seed: Integer<0, { u64::MAX }>,
    }
}
