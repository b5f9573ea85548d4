//! What is owed for acknowledged objects: their intents in the hidden folder, compared with what was sent.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::Path;

use super::check::{Fault, tail};
use super::workload::Sent;
use crate::Scratch;

/// Settings under which something is owed for each object, to a destination that is never reached.
pub(super) fn settings(scratch: &Scratch, keeps_files: bool) -> String {
    let keep = if keeps_files { "forever" } else { "until-delivered" };
    let text = format!(
        "keep = \"{keep}\"\ndeliver = [\"away\"]\n[catalog]\nurl = \"sqlite\"\n\
         [[destination]]\nname = \"away\"\nkind = \"dicom\"\naddress = \"127.0.0.1:1\"\ncalled = \"AWAY\"\n"
    );
    let path = scratch.path().join("owed.toml");
    fs::write(&path, text).expect("settings");
    path.to_str().expect("UTF-8").to_owned()
}

/// The files that may be what is owed, as they are written whole.
#[derive(Debug)]
pub(super) struct Owed<'s> {
    files: Vec<(&'s Sent, Vec<u8>)>,
}

impl<'s> Owed<'s> {
    /// Takes the heads of files from what is owed once everything is stored in `directory`.
    ///
    /// # Panics
    /// If nothing is owed for an acknowledged object.
    pub(super) fn from_live(sent: &'s [Sent], directory: &Path) -> Self {
        let found: HashMap<Vec<u8>, Vec<u8>> =
            contents(directory).map(|content| (tail(&content).to_vec(), content)).collect();
        let file = |sent: &'s Sent| {
            let content = found.get(tail(&sent.object.bytes)).cloned();
            assert!(content.is_some() || sent.acknowledged.is_none(), "it is owed: {sent:?}");
            let content = content.filter(|it| it.ends_with(&sent.object.bytes));
            content.map(|content| (sent, content))
        };
        Self { files: sent.iter().filter_map(file).collect() }
    }

    /// What is wrong after a power cut at this position; with the number of intents that are there.
    pub(super) fn compare(
        &self,
        directory: &Path,
        position: usize,
    ) -> (Vec<(Fault, String)>, usize) {
        let found: BTreeSet<Vec<u8>> = contents(directory).collect();
        let mut faults = Vec::new();
        for (sent, content) in &self.files {
            let is_acknowledged = sent.acknowledged.is_some_and(|at| at <= position);
            if is_acknowledged && !found.contains(content) {
                faults.push((Fault::Unowed, sent.object.sop_instance.clone()));
            }
        }
        let whole: BTreeSet<&Vec<u8>> = self.files.iter().map(|(_, content)| content).collect();
        let torn = found.iter().filter(|content| !whole.contains(content));
        faults.extend(torn.map(|it| (Fault::Torn, format!("an intent of {} bytes", it.len()))));
        (faults, found.len())
    }
}

/// What is in each file that is pending or in the spool.
fn contents(directory: &Path) -> impl Iterator<Item = Vec<u8>> {
    let folders = ["pending", "spool"].map(|kind| directory.join(".storescp").join(kind));
    let below = |folder| fs::read_dir(folder).into_iter().flatten().flatten().map(|it| it.path());
    // A file that cannot be read is as bad as one without content.
    folders.into_iter().flat_map(below).flat_map(below).map(|it| fs::read(it).unwrap_or_default())
}
