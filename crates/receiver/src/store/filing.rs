//! Where an object belongs: its folder, its name.

use super::duplicates::DuplicateRule;
use super::same_instance::InstanceRule;
use super::status::Failure;
use super::uids::ObjectUids;
use crate::output::naming::{plain_name, prefix};
use crate::output::studies::{ArrivingObject, CurrentStudies, EndedStudy, study_text};
use crate::output::{
    Duplicates, LogPath, Naming, Output, OutputSettings, RenderedPath, Sorting, StoredFile,
};
use crate::peer::Peer;

use dataset::{Attributes, Transcoder, character_set};
use proto::DataSetFragments;
use std::io;
use std::sync::Arc;
use std::time::SystemTime;
use storage::{Committed, FileName, IfTaken, InstanceFile, IntentName, NameTaken, Outcome, Step};
use tracing::{error, info, warn};

/// The folder of patients whose name is not known.
const ANONYMOUS: &str = "ANONYMOUS";

/// Begins a change of the character set (ISO/IEC 2022).
const ESCAPE: u8 = 0x1B;

/// How much of a patient's name a folder is named by, so that the time fits behind it.
const NAME_BYTES: usize = 200;

/// An object on its way to a file.
pub(super) struct Incoming {
    transcoder: Box<Transcoder>,
    file: InstanceFile,
    /// The study it belongs to, once that is known, where objects are sorted.
    arriving: Option<ArrivingObject>,
    output: Arc<Output>,
}

/// Where an object went, and how. `None` if it has no final name, but an intent alone.
pub(super) type Filed = Option<(Place, Outcome)>;

/// Where an object goes beneath the output directory.
#[derive(Default)]
pub(super) struct Place {
    /// One in the other, the outermost first.
    folders: Vec<FileName>,
    /// Folders and names by the template, if there is one.
    by_template: Option<RenderedPath>,
}

/// What is known of an object beside its data set, to find its place.
#[derive(Clone, Copy)]
pub(super) struct About<'a> {
    pub(super) uids: &'a ObjectUids,
    /// It may be another instance than `uids` say.
    pub(super) is_another: bool,
    pub(super) peer: &'a Peer,
    /// When its C-STORE-RQ came.
    pub(super) requested: SystemTime,
    /// What is assumed where the data set declares no character set.
    pub(super) character_set: Option<&'a str>,
}

impl About<'_> {
    /// What becomes of it where its SOP Instance UID is stored already. What may be another instance neither takes the
    /// place of that one nor is dropped for it.
    fn duplicates(&self, settings: &OutputSettings) -> Duplicates {
        if self.is_another { settings.duplicates.beside() } else { settings.duplicates }
    }
}

impl Incoming {
    pub(super) fn new(
        transcoder: Box<Transcoder>,
        file: InstanceFile,
        output: Arc<Output>,
    ) -> Self {
        Self { transcoder, file, arriving: None, output }
    }

    /// Where it goes.
    pub(super) fn output(&self) -> &Output {
        &self.output
    }

    pub(super) fn transcoder(&self) -> &Transcoder {
        &self.transcoder
    }

    /// The data set is complete.
    pub(super) fn finish(&mut self) -> Result<(), Failure> {
        Ok(self.transcoder.finish(&mut self.file)?)
    }

    /// Takes the next fragments of the data set.
    pub(super) fn push(&mut self, fragments: &DataSetFragments<'_>) -> Result<(), Failure> {
        if fragments.is_last() {
            self.file.next_write_is_last();
        }
        self.transcoder.push(fragments.slices(), &mut self.file)?;
        if let (Some(studies), None) = (&self.output.studies, &self.arriving) {
            let uid = self.transcoder.attributes().whole_study_instance_uid();
            self.arriving = uid.and_then(study_text).map(|study| studies.object_arrives(&study));
        }
        Ok(())
    }

    /// Has the file begin with another header than it began with: the data set is copied to a new file.
    ///
    /// Its padding to a multiple of a size (`--padding-create`) is that of the old header.
    pub(super) fn replace_header(&mut self, header: Vec<u8>) -> Result<(), Failure> {
        Ok(self.file.replace_header(header)?)
    }

    /// Whether its folder may be called by text whose character set is not declared.
    pub(super) fn lacks_character_set(&self) -> bool {
        let attributes = self.transcoder.attributes();
        if declared(attributes).is_some() {
            return false;
        }
        let is_ascii = |text: &[u8]| text.iter().all(|byte| byte.is_ascii() && *byte != ESCAPE);
        let settings = &self.output.settings;
        match &settings.path {
            Some(template) => template.texts(attributes).any(|text| !is_ascii(text)),
            None => {
                settings.sorting == Some(Sorting::ByPatientName)
                    && attributes.patient_name().is_some_and(|name| !is_ascii(name))
            }
        }
    }

    /// Has it get this intent, before its final name.
    pub(super) fn intend(&mut self, intent: IntentName) {
        self.file.intend(intent);
    }

    /// Stores the object under its name, for good; without `keeps_file`, by its intent alone.
    pub(super) fn commit(&mut self, about: &About<'_>, keeps_file: bool) -> Result<Filed, Failure> {
        let durability = self.output.settings.durability;
        if !keeps_file {
            self.file.commit_intent(durability)?;
            return Ok(None);
        }
        let place = self.enter_folder(about)?;
        let outcome = self.commit_name(about, &place)?;
        if self.file.has_intent() && matches!(outcome, Outcome::Kept(_)) {
            // What came is what is handed on, whichever file is kept.
            self.file.commit_intent(durability)?;
        }
        Ok(Some((place, outcome)))
    }

    /// Goes into the folder of its study, where objects are sorted, or into those that the template names.
    fn enter_folder(&mut self, about: &About<'_>) -> Result<Place, Failure> {
        let Self { transcoder, file, arriving, output, .. } = self;
        let attributes = transcoder.attributes();
        if let Some(template) = &output.settings.path {
            let naming = Naming {
                attributes,
                default_character_set: about.character_set,
                sop_class: &about.uids.sop_class,
                sop_instance: &about.uids.sop_instance,
                peer: about.peer,
                requested: about.requested,
            };
            let path = template.render(&naming).ok_or(Failure::NameTooLong)?;
            enter(file, &path.folders, false, &output.settings)?;
            return Ok(Place { folders: path.folders.clone(), by_template: Some(path) });
        }
        let Some(studies) = &output.studies else { return Ok(Place::default()) };
        let arriving = match arriving {
            Some(arriving) => arriving,
            None => arriving.insert(studies.object_arrives(&study(attributes)?)),
        };
        let (folder, differs) = arriving
            .folder(|| patient_folder(attributes, about.character_set))
            .ok_or(Failure::UnusableStudyUid)?;
        if differs {
            warn_of_unusual(attributes);
        }
        let folders = vec![folder];
        enter(file, &folders, differs, &output.settings)?;
        Ok(Place { folders, by_template: None })
    }

    /// Gives the object its name.
    fn commit_name(&mut self, about: &About<'_>, place: &Place) -> Result<Outcome, Failure> {
        let settings = &self.output.settings;
        let ObjectUids { sop_class, sop_instance } = about.uids;
        if let Some(path) = &place.by_template {
            let rule = InstanceRule::new(settings, &self.output.dictionary, *sop_instance);
            let transfer_syntax = self.transcoder.output_transfer_syntax();
            let mut is_same = |taken: &NameTaken<'_>| rule.is_same(taken, transfer_syntax);
            let stored = self.commit_once(about, place, path.names(), &mut is_same);
            return stored.map_err(|failure| match failure {
                Failure::Storage(storage::Error { step: Step::Name, source })
                    if source.kind() == io::ErrorKind::AlreadyExists =>
                {
                    Failure::PathTaken
                }
                other => other,
            });
        }
        let duplicates = about.duplicates(settings);
        if duplicates != Duplicates::Replace && settings.recognizes_duplicates() {
            let rule = InstanceRule::new(settings, &self.output.dictionary, *sop_instance);
            let transfer_syntax = self.transcoder.output_transfer_syntax();
            // Its name has the SOP Instance UID in it, but other programs write files too, and crashes leave parts.
            let looks = duplicates.may_drop_unequal();
            let mut is_same =
                |taken: &NameTaken<'_>| Ok(!looks || rule.is_same(taken, transfer_syntax)?);
            // What replaces has one name.
            let most = if duplicates.may_replace() { 1 } else { usize::MAX };
            let names = settings.file_naming.numbered_names(sop_class, sop_instance).take(most);
            return self.commit_once(about, place, names, &mut is_same);
        }
        let (names, taken) = settings.file_naming.names(sop_class, sop_instance, about.requested);
        let mut names = names.peekable();
        let first = names.peek().cloned().ok_or(Failure::NameTooLong)?;
        log_storing(settings, about.uids, place, &first);
        let committed = self.file.commit(&mut names, taken, settings.durability)?;
        log_stored(settings, place, &first, &committed);
        Ok(Outcome::Stored(committed))
    }

    /// The same where the object may be stored already: under the first of the names that is free or, by
    /// [`OutputSettings::duplicates`], that has the same instance.
    fn commit_once(
        &mut self,
        about: &About<'_>,
        place: &Place,
        names: impl Iterator<Item = FileName>,
        is_same: &mut dyn FnMut(&NameTaken<'_>) -> io::Result<bool>,
    ) -> Result<Outcome, Failure> {
        let settings = &self.output.settings;
        let mut names = names.peekable();
        let first = names.peek().cloned().ok_or(Failure::NameTooLong)?;
        log_storing(settings, about.uids, place, &first);
        let (duplicates, syntax) =
            (about.duplicates(settings), self.transcoder.output_transfer_syntax());
        let mut rule = DuplicateRule::new(duplicates, settings.write_file_format, syntax);
        let decide = &mut |taken: &NameTaken<'_>| {
            if is_same(taken)? { rule.decide(taken) } else { Ok(IfTaken::NextName) }
        };
        let outcome = self.file.commit_deciding(&mut names, decide, settings.durability)?;
        match &outcome {
            Outcome::Kept(_) if rule.rejects() => return Err(Failure::Duplicate),
            Outcome::Kept(kept) => info!(
                "SOP instance {} is stored already, keeping {}",
                about.uids.sop_instance,
                LogPath::new(settings, &place.folders, Some(&kept.name))
            ),
            Outcome::Stored(committed) => log_stored(settings, place, &first, committed),
        }
        Ok(outcome)
    }

    /// The length of what was written.
    pub(super) fn size(&self) -> u64 {
        self.file.size()
    }

    /// The file, for those who are told of the object.
    pub(super) fn stored_file<'a>(&'a self, filed: &'a Filed) -> Option<StoredFile<'a>> {
        let (place, outcome) = filed.as_ref()?;
        let (name, replaced, kept, size) = match outcome {
            Outcome::Stored(it) => (&it.name, it.replaced, false, self.file.size()),
            Outcome::Kept(it) => (&it.name, false, true, it.size),
        };
        let keeps_file = !kept && self.arriving.as_ref().is_some_and(ArrivingObject::keeps_file);
        Some(StoredFile {
            path: LogPath::new(&self.output.settings, &place.folders, Some(name)),
            folders: &place.folders,
            name,
            replaced,
            kept,
            size,
            study: self.transcoder.attributes().study_instance_uid(),
            transfer_syntax: self.transcoder.output_transfer_syntax().uid(),
            open_study: self.arriving.as_ref().map(ArrivingObject::study_number),
            identity: keeps_file.then(|| self.file.identity().ok()).flatten(),
        })
    }

    /// The object is stored, by these UIDs, in `file`: where objects are sorted, its study has it. Returns the studies
    /// that have ended by that.
    pub(super) fn file_study(
        &self,
        uids: &ObjectUids,
        file: &StoredFile<'_>,
        peer: &Peer,
        current_studies: &mut CurrentStudies,
    ) -> Vec<EndedStudy> {
        let Some(arriving) = &self.arriving else { return Vec::new() };
        let prefix = prefix(&uids.sop_class);
        arriving.stored(file, prefix, peer, current_studies)
    }

    /// The file, which is only to be closed.
    pub(super) fn into_file(self) -> InstanceFile {
        self.file
    }
}

fn log_storing(settings: &OutputSettings, uids: &ObjectUids, place: &Place, name: &FileName) {
    if !settings.format.bit_preserving {
        let path = LogPath::new(settings, &place.folders, Some(name));
        info!(
            dcmtks = true,
            sopInstanceUid = %uids.sop_instance,
            sopClassUid = %uids.sop_class,
            file = %path,
            "storing DICOM file: {path}"
        );
    }
}

/// Says what was unusual: another name than `first`, or that a file was replaced.
fn log_stored(settings: &OutputSettings, place: &Place, first: &FileName, committed: &Committed) {
    let path = || LogPath::new(settings, &place.folders, Some(&committed.name));
    if committed.name != *first {
        info!("file name already exists, stored as: {}", path());
    }
    if committed.replaced && !settings.format.bit_preserving {
        let path = path();
        warn!(dcmtks = true, "DICOM file already exists, overwriting: {path}");
    }
}

fn enter(
    file: &mut InstanceFile,
    folders: &[FileName],
    differs: bool,
    settings: &OutputSettings,
) -> Result<(), Failure> {
    let path = LogPath::new(settings, folders, None);
    match file.enter(folders, settings.durability) {
        Ok(true) if settings.path.is_some() => info!("created new subdirectory: {path}"),
        Ok(true) => info!(dcmtks = true, "created new subdirectory for study: {path}"),
        Ok(false) if differs => {
            info!(dcmtks = true, "using existing subdirectory for study: {path}");
        }
        Ok(false) => {}
        Err(error) => {
            let whose = if settings.path.is_some() { "" } else { " for study" };
            error!("could not create subdirectory{whose}: {path}");
            return Err(error.into());
        }
    }
    Ok(())
}

/// The study that a data set belongs to.
fn study(attributes: &Attributes) -> Result<String, Failure> {
    attributes.study_instance_uid().and_then(study_text).ok_or(Failure::NoStudy)
}

/// A Study Instance UID that is not one is kept out of the log: it may be anything, a name too.
fn warn_of_unusual(attributes: &Attributes) {
    let raw = attributes.study_instance_uid().unwrap_or_default();
    let Some(clean) = study_text(raw) else { return };
    let first = raw.split(|&byte| byte == b'\\').next().unwrap_or_default();
    let end = first.iter().rposition(|byte| !matches!(byte, 0 | b' ')).map_or(0, |last| last + 1);
    let first = &first[..end];
    if first != clean.as_bytes() {
        warn!(
            "Sanitized unusual characters in Study Instance UID: {} of its {} bytes do not \
             belong in a UID",
            first.iter().filter(|&&byte| !byte.is_ascii_digit() && byte != b'.').count(),
            first.len()
        );
    }
}

/// What Patient's Name makes of the name of a folder.
fn patient_folder(attributes: &Attributes, assumed: Option<&str>) -> String {
    let raw = attributes.patient_name().unwrap_or_default();
    let end = raw.iter().rposition(|&byte| byte != b' ' && byte != 0).map_or(0, |last| last + 1);
    let character_set = declared(attributes).or(assumed.map(str::as_bytes));
    let (name, as_declared) = character_set::person_name(character_set, &raw[..end]);
    if !as_declared {
        warn!("Patient name is not in its declared character set, read as UTF-8 or Latin-1");
    }
    let name = name.split('\\').next().unwrap_or_default();
    if name.is_empty() {
        warn!(
            dcmtks = true,
            "element PatientName (0010,0010) absent or empty in data set, using '{ANONYMOUS}' \
             instead"
        );
        return ANONYMOUS.to_owned();
    }
    if name.contains(char::REPLACEMENT_CHARACTER) {
        let declared = declared_character_set(character_set.unwrap_or_default());
        warn!("Patient name not legible (charset: {declared}), dir name may be broken");
    }
    let mut plain = plain_name(name);
    let end = plain.char_indices().map(|(start, letter)| start + letter.len_utf8());
    let end = end.take_while(|&end| end <= NAME_BYTES).last().unwrap_or_default();
    plain.truncate(end);
    plain
}

/// Specific Character Set (0008,0005), unless it is missing or empty.
fn declared(attributes: &Attributes) -> Option<&[u8]> {
    let raw = attributes.specific_character_set()?;
    raw.iter().any(|byte| !matches!(byte, b' ' | 0)).then_some(raw)
}

/// Specific Character Set for the log: its terms if they look like defined ones (PS3.3 §C.12.1.1.2).
fn declared_character_set(raw: &[u8]) -> String {
    let declared = String::from_utf8_lossy(raw);
    let declared = declared.trim_matches([' ', '\0']);
    let mut terms = declared.split('\\').map(str::trim);
    let is_term = |term: &str| {
        let number = ["ISO_IR ", "ISO 2022 IR "].iter().find_map(|it| term.strip_prefix(it));
        let is_number = |text: &str| text.len() <= 3 && text.bytes().all(|it| it.is_ascii_digit());
        term.is_empty() || matches!(term, "GB18030" | "GBK") || number.is_some_and(is_number)
    };
    if terms.all(is_term) { declared.to_owned() } else { "not a defined term".to_owned() }
}
