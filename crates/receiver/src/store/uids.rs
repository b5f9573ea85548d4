//! Whether a data set is the object that its command announced, and which of their UIDs it is stored by.

use super::status::{DifferingUid, Failure};
use crate::treatment::NamedBy;
use dataset::{Attributes, Uid};
use proto::CStoreRq;
use tracing::debug;

/// The UIDs that an object is stored by: its file is called by them, and file meta information has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ObjectUids {
    pub(super) sop_class: Uid,
    pub(super) sop_instance: Uid,
}

impl ObjectUids {
    /// Those of the command.
    pub(super) fn announced(request: &CStoreRq) -> Self {
        Self { sop_class: request.sop_class, sop_instance: request.sop_instance }
    }
}

/// What is wrong with the UIDs of an object.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mismatch {
    /// For the log.
    pub(super) what: String,
    /// Its SOP Instance UIDs differ: it may be another instance than the one by whose UID it is stored.
    pub(super) of_instance: bool,
}

/// The UIDs to store an object by, wherever and however often its data set tells them, and what is wrong with them
/// where `tolerant` says by which it is stored then. With `is_untouched` (not taken apart), a data set in which no
/// UIDs were found passes.
///
/// # Errors
/// The data set is another object than the command announced, none, or two.
pub(super) fn identify(
    request: &CStoreRq,
    attributes: &Attributes,
    is_untouched: bool,
    tolerant: Option<NamedBy>,
) -> Result<(ObjectUids, Option<Mismatch>), Failure> {
    let class = attributes.sop_class_uid().into_iter();
    let classes = class.chain(attributes.other_sop_class_uids()).collect();
    let instance = attributes.sop_instance_uid().into_iter();
    let instances = instance.chain(attributes.other_sop_instance_uids()).collect();
    let found = [
        Found { which: "SOP Class UID", announced: request.sop_class, values: classes },
        Found { which: "SOP Instance UID", announced: request.sop_instance, values: instances },
    ];
    let Some(named_by) = tolerant else {
        compare(&found, is_untouched)?;
        return Ok((ObjectUids::announced(request), None));
    };
    let mut wrong = Vec::new();
    let [class, instance] = found;
    let sop_class = class.tolerated(named_by, is_untouched, &mut wrong)?;
    let of_instance = instance.differing().is_some();
    let sop_instance = instance.tolerated(named_by, is_untouched, &mut wrong)?;
    let mismatch = (!wrong.is_empty()).then(|| Mismatch { what: wrong.join("; "), of_instance });
    Ok((ObjectUids { sop_class, sop_instance }, mismatch))
}

/// One of the UIDs, as a command and its data set tell it.
struct Found<'a> {
    which: &'static str,
    announced: Uid,
    /// In the order of the data set, padding included; the first may be empty.
    values: Vec<&'a [u8]>,
}

fn is_empty(value: &[u8]) -> bool {
    value.iter().all(|byte| matches!(byte, 0 | b' '))
}

impl Found<'_> {
    fn is_missing(&self) -> bool {
        self.values.first().is_none_or(|value| is_empty(value))
    }

    /// The values that are not empty.
    fn named(&self) -> impl Iterator<Item = &[u8]> {
        self.values.iter().copied().filter(|value| !is_empty(value))
    }

    /// The first value that is not the announced one.
    fn differing(&self) -> Option<DifferingUid> {
        let is_announced = |value: &[u8]| Uid::parse(value).is_ok_and(|it| it == self.announced);
        let value = self.named().find(|value| !is_announced(value))?;
        let found = Uid::parse(value).ok();
        Some(DifferingUid { which: self.which, announced: self.announced, found })
    }

    /// The UID to store the object by; what is wrong is added to `wrong`.
    ///
    /// # Errors
    /// There are two in the data set.
    fn tolerated(
        &self,
        named_by: NamedBy,
        is_untouched: bool,
        wrong: &mut Vec<String>,
    ) -> Result<Uid, Failure> {
        let which = self.which;
        if self.named().nth(1).is_some() {
            return Err(Failure::TwoUids(which));
        }
        let Some(differing) = self.differing() else {
            if self.is_missing() && !is_untouched {
                wrong.push(format!("its data set has no {which}"));
            }
            return Ok(self.announced);
        };
        // What is none could be anything, a name too.
        let usable = differing.found.filter(Uid::is_conformant);
        wrong.push(format!("its {which} differs: {}", differing.describe()));
        Ok(match named_by {
            NamedBy::Command => self.announced,
            NamedBy::DataSet => usable.unwrap_or(self.announced),
        })
    }
}

/// Without tolerance.
///
/// # Errors
/// A UID is missing, or one differs from the announced one.
fn compare(found: &[Found<'_>; 2], is_untouched: bool) -> Result<(), Failure> {
    let mut differs = None;
    for uid in found {
        if uid.is_missing() && !is_untouched {
            return Err(Failure::NoUid(uid.which));
        }
        if uid.named().next().is_none() {
            debug!("data set has no {} to compare", uid.which);
        }
        differs = differs.or_else(|| uid.differing());
    }
    differs.map_or(Ok(()), |it| Err(Failure::UidDiffers(Box::new(it))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use dataset::{Dictionary, OutputFormat, Transcoder, transfer_syntax};
    use std::io::IoSlice;
    use std::sync::Arc;

    const CT: &str = "1.2.840.10008.5.1.4.1.1.2";
    const MR: &str = "1.2.840.10008.5.1.4.1.1.4";

    fn uid(text: &str) -> Uid {
        Uid::parse(text.as_bytes()).unwrap()
    }

    /// The attributes of a data set of these UIDs, announced as CT 1.2.3.
    fn identified(
        classes: &[&str],
        instances: &[&str],
        is_untouched: bool,
        tolerant: Option<NamedBy>,
    ) -> Result<(ObjectUids, Option<Mismatch>), Failure> {
        let syntax = transfer_syntax::IMPLICIT_VR_LITTLE_ENDIAN;
        let dictionary = Arc::new(Dictionary::built_in());
        let format = OutputFormat { bit_preserving: true, ..OutputFormat::default() };
        let mut transcoder = Transcoder::new(syntax, &format, dictionary);
        let mut bytes = Vec::new();
        let tagged =
            |tag, values: &[&str]| values.iter().map(|it| (tag, (*it).to_owned())).collect();
        let elements: [Vec<(u8, String)>; 2] = [tagged(0x16, classes), tagged(0x18, instances)];
        for (tag, value) in elements.into_iter().flatten() {
            bytes.extend([8, 0, tag, 0]);
            bytes.extend(u32::try_from(value.len().next_multiple_of(2)).unwrap().to_le_bytes());
            bytes.extend(value.as_bytes());
            bytes.resize(bytes.len().next_multiple_of(2), 0);
        }
        let mut sink = Vec::new();
        transcoder.push(&[IoSlice::new(&bytes)], &mut sink).unwrap();
        transcoder.finish(&mut sink).unwrap();
        let request = CStoreRq {
            message_id: 1,
            sop_class: uid(CT),
            sop_instance: uid("1.2.3"),
            priority: None,
            move_originator_ae: None,
            move_originator_message_id: None,
        };
        identify(&request, transcoder.attributes(), is_untouched, tolerant)
    }

    #[test]
    fn what_is_wrong_is_named_with_both_values_unless_one_could_be_anything() {
        let wrong = |classes: &[&str], instances: &[&str]| {
            let identified = identified(classes, instances, false, Some(NamedBy::DataSet)).unwrap();
            identified.1.map(|it| it.what)
        };
        let differs = |found: &str| {
            let both = format!("{found} in the data set, 1.2.3 in the command");
            Some(format!("its SOP Instance UID differs: {both}"))
        };
        assert_eq!(wrong(&[CT], &["1.2.3"]), None);
        assert_eq!(wrong(&[CT], &["1.2.4"]), differs("1.2.4"));
        for other in ["DOE.JANE", "DOE^JANE", "4711-DOE", "01.2"] {
            assert_eq!(wrong(&[CT], &[other]), differs("not a UID"), "{other}");
        }
        let class = "its SOP Class UID differs: MRImageStorage in the data set, CTImageStorage in the command";
        let missing = "its data set has no SOP Instance UID";
        assert_eq!(wrong(&[MR], &[]), Some(format!("{class}; {missing}")));
        assert_eq!(wrong(&[CT], &["", "1.2.4"]), differs("1.2.4"), "the first is empty");
        assert_eq!(wrong(&[CT], &["", "1.2.3"]).as_deref(), Some(missing));
    }

    /// Where a data set is not taken apart, that nothing is found means nothing.
    #[test]
    fn a_data_set_that_is_not_taken_apart_may_say_nothing() {
        let announced = ObjectUids { sop_class: uid(CT), sop_instance: uid("1.2.3") };
        for tolerant in [None, Some(NamedBy::Command), Some(NamedBy::DataSet)] {
            let found = identified(&[], &[], true, tolerant).unwrap();
            assert_eq!(found, (announced, None), "{tolerant:?}");
            let found = identified(&[], &[], false, tolerant);
            assert_eq!(found.is_ok_and(|it| it.1.is_some()), tolerant.is_some(), "{tolerant:?}");
            let two = identified(&[CT, MR], &["1.2.3"], true, tolerant).unwrap_err();
            assert_eq!(two.status(), proto::Status::DATA_SET_DOES_NOT_MATCH_SOP_CLASS);
        }
    }
}
