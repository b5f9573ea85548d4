//! Names of the files that instances are stored under, made from parsed values only.

mod patient_name;

pub use patient_name::plain_name;

use crate::limits::DUPLICATES_KEPT;
use chrono::{DateTime, Local};
use dataset::{Uid, sop_class};
use std::time::SystemTime;
use storage::{FileName, IfExists};

/// Prefix of the names of instances whose SOP class is not known.
const UNKNOWN_PREFIX: &str = "UNKNOWN";

/// How the files of instances are called.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileNaming {
    /// What the names are made of.
    pub style: NameStyle,
    /// Appended to each name as it is.
    pub extension: String,
}

/// What the name of a file is made of, beside the prefix of the SOP class.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum NameStyle {
    /// The SOP Instance UID.
    #[default]
    SopInstance,
    /// A new UID.
    NewUid,
    /// The time at which the C-STORE-RQ came.
    Time,
}

impl FileNaming {
    /// The names that an instance may have, best first, and what to do where one is taken.
    ///
    /// There is none if it would be longer than file systems take.
    pub fn names(
        &self,
        sop_class: &Uid,
        sop_instance: &Uid,
        requested: SystemTime,
    ) -> (Box<dyn Iterator<Item = FileName> + '_>, IfExists) {
        let prefix = prefix(sop_class);
        let extension = &self.extension;
        match self.style {
            NameStyle::SopInstance => {
                let name = FileName::new(format!("{prefix}.{sop_instance}{extension}"));
                (Box::new(name.into_iter()), IfExists::Replace)
            }
            NameStyle::NewUid => {
                let name = move || FileName::new(format!("{prefix}.X.{}{extension}", new_uid()));
                (Box::new(std::iter::repeat_with(name).map_while(|name| name)), IfExists::Refuse)
            }
            NameStyle::Time => {
                let time = DateTime::<Local>::from(requested).format("%Y%m%d%H%M%S%3f").to_string();
                let first = FileName::new(format!("{time}.{prefix}{extension}"));
                let numbered = (0..1_000_000).map_while(move |serial| {
                    FileName::new(format!("{time}_{serial:04}.{prefix}{extension}"))
                });
                (Box::new(first.into_iter().chain(numbered)), IfExists::Refuse)
            }
        }
    }
}

impl FileNaming {
    /// The name of an instance by its UIDs, and the same with a number before the extension, from 1 on, for others
    /// of the same SOP Instance UID: `CT.1.2.3.dcm`, `CT.1.2.3_1.dcm`.
    ///
    /// There is none if it would be longer than file systems take.
    pub fn numbered_names(
        &self,
        sop_class: &Uid,
        sop_instance: &Uid,
    ) -> impl Iterator<Item = FileName> + use<> {
        let (prefix, instance) = (prefix(sop_class), *sop_instance);
        let extension = self.extension.clone();
        (0..=DUPLICATES_KEPT).map_while(move |number| {
            FileName::new(match number {
                0 => format!("{prefix}.{instance}{extension}"),
                _ => format!("{prefix}.{instance}_{number}{extension}"),
            })
        })
    }
}

/// The letters that stand for a SOP class in the names of files.
#[must_use]
pub fn prefix(sop_class: &Uid) -> &'static str {
    sop_class::find(sop_class.as_str()).map_or(UNKNOWN_PREFIX, |class| class.prefix)
}

/// A UID that nothing else has, made from a random UUID (PS3.5 §B.2).
fn new_uid() -> String {
    format!("2.25.{}", uuid::Uuid::new_v4().as_u128())
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeZone;

    const CT: &str = "1.2.840.10008.5.1.4.1.1.2";

    fn uid(text: &str) -> Uid {
        Uid::parse(text.as_bytes()).unwrap()
    }

    fn some_names(style: NameStyle, extension: &str, class: &str) -> (Vec<String>, IfExists) {
        let naming = FileNaming { style, extension: extension.to_owned() };
        let time = Local.with_ymd_and_hms(2026, 2, 3, 4, 5, 6).unwrap();
        let time = time + chrono::Duration::milliseconds(7);
        let (names, taken) = naming.names(&uid(class), &uid("1.2.3"), time.into());
        (names.take(3).map(|name| name.to_string()).collect(), taken)
    }

    #[test]
    fn the_sop_class_gives_the_prefix() {
        for (class, name) in [
            (CT, "CT.1.2.3"),
            ("1.2.840.10008.5.1.4.1.1.88.67", "SRd.1.2.3"),
            ("1.2.3.4", "UNKNOWN.1.2.3"),
        ] {
            let (names, taken) = some_names(NameStyle::SopInstance, "", class);
            assert_eq!((names, taken), (vec![name.to_owned()], IfExists::Replace));
        }
        assert_eq!(some_names(NameStyle::SopInstance, ".dcm", CT).0, ["CT.1.2.3.dcm"]);
    }

    #[test]
    fn duplicates_are_numbered_before_the_extension() {
        let naming = |extension: &str| FileNaming {
            extension: extension.to_owned(),
            ..FileNaming::default()
        };
        let names = |extension: &str| {
            let names = naming(extension).numbered_names(&uid(CT), &uid("1.2.3"));
            names.map(|name| name.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(names("")[..3], ["CT.1.2.3", "CT.1.2.3_1", "CT.1.2.3_2"]);
        assert_eq!(names(".dcm")[..2], ["CT.1.2.3.dcm", "CT.1.2.3_1.dcm"]);
        assert_eq!(names(".dcm").len(), 1 + DUPLICATES_KEPT as usize);
        assert!(names(&"x".repeat(250)).is_empty());
        assert_eq!(names(&"x".repeat(247)).len(), 1, "there is no room for a number");
    }

    #[test]
    fn times_are_numbered_where_they_are_taken() {
        let (names, taken) = some_names(NameStyle::Time, ".x", CT);
        let expected = [
            "20260203040506007.CT.x",
            "20260203040506007_0000.CT.x",
            "20260203040506007_0001.CT.x",
        ];
        assert_eq!((names, taken), (expected.map(str::to_owned).to_vec(), IfExists::Refuse));
    }

    #[test]
    fn new_uids_are_uids_and_differ() {
        let (names, taken) = some_names(NameStyle::NewUid, ".x", CT);
        assert_eq!((names.len(), taken), (3, IfExists::Refuse));
        for name in &names {
            let text = name.strip_prefix("CT.X.").and_then(|name| name.strip_suffix(".x"));
            assert!(uid(text.unwrap()).is_conformant(), "{name}");
        }
        assert!(names[0] != names[1] && names[1] != names[2]);
    }

    #[test]
    fn a_name_that_is_too_long_is_none() {
        for style in [NameStyle::SopInstance, NameStyle::NewUid, NameStyle::Time] {
            assert!(some_names(style, &"x".repeat(250), CT).0.is_empty());
        }
    }
}
