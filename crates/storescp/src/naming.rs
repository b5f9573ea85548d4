//! Names of the files that instances are stored under, made from parsed values only.

use crate::storage::FileName;
use dataset::{Uid, sop_class};

/// Prefix of the names of instances whose SOP class is not known.
const UNKNOWN_PREFIX: &str = "UNKNOWN";

/// The default name: the modality prefix of the SOP class and the SOP Instance UID.
///
/// A [`Uid`] holds only characters that a name may have, so there always is one; `None` would say
/// that this no longer holds.
#[must_use]
pub fn default_name(sop_class: &Uid, sop_instance: &Uid) -> Option<FileName> {
    let prefix = sop_class::find(sop_class.as_str()).map_or(UNKNOWN_PREFIX, |class| class.prefix);
    FileName::new(format!("{prefix}.{sop_instance}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(class: &str, instance: &str) -> String {
        let uid = |text: &str| Uid::parse(text.as_bytes()).unwrap();
        default_name(&uid(class), &uid(instance)).unwrap().to_string()
    }

    #[test]
    fn the_sop_class_gives_the_prefix() {
        assert_eq!(name("1.2.840.10008.5.1.4.1.1.2", "1.2.3"), "CT.1.2.3");
        assert_eq!(name("1.2.840.10008.5.1.4.1.1.88.67", "1.2"), "SRd.1.2");
        assert_eq!(name("1.2.3.4", "5.6"), "UNKNOWN.5.6");
    }
}
