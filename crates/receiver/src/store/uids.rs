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
) -> Result<(ObjectUids, Option<String>), Failure> {
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
    let sop_instance = instance.tolerated(named_by, is_untouched, &mut wrong)?;
    let mismatch = (!wrong.is_empty()).then(|| wrong.join("; "));
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
