//! The Storage service class as SCP (PS3.4 Annex B): from a C-STORE-RQ to a file and an answer.

mod filing;

use crate::error::Error;
use crate::events::{Peer, Reception, unpadded};
use crate::naming;
use crate::progress::Progress;
use crate::shared::Shared;
use crate::storage::{FileAhead, FileName, InstanceFile};
use crate::studies::{Arrival, Attendance, EndedStudy, StoredFile};

use dataset::part10::{self, FileMeta};
use dataset::{Attributes, Cause, Transcoder, TransferSyntax, Uid};
use proto::{AeTitle, CStoreRq, CommandSet, DataSetFragments, Status};
use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;
use tracing::{debug, error, warn};

/// The data set that an association is receiving, if any, and what becomes of it.
///
/// Holds a [`Transcoder`] and an [`InstanceFile`] while an object comes in: bounded memory and one
/// descriptor, whatever the object's size. Dropping it discards what was not committed.
pub(crate) struct StorageService<'s> {
    shared: &'s Shared,
    peer: Arc<Peer>,
    attendance: Attendance,
    receiving: Option<Receiving<'s>>,
    /// For the next object.
    ahead: FileAhead,
}

/// A message that was received to its end.
pub(crate) struct Done {
    /// What it is answered with; `None` if there is nobody to answer.
    pub(crate) response: Option<CommandSet>,
    /// What is to be done once the answer is sent.
    pub(crate) received: Option<Received>,
}

/// An object that is stored, or ignored as was asked for, and what its reception has left to do.
pub(crate) struct Received {
    /// `None` where nothing happens after it.
    pub(crate) reception: Option<Box<Reception>>,
    /// The studies that have ended.
    pub(crate) ended: Vec<EndedStudy>,
    /// Dropping it closes the file.
    pub(crate) file: Option<InstanceFile>,
}

/// A data set on its way in.
struct Receiving<'s> {
    answer: Answer<'s>,
    progress: Progress,
    /// How much of it has come.
    bytes: u64,
}

/// What its end is answered with.
enum Answer<'s> {
    /// The object is stored, or could not be.
    Store { request: Box<CStoreRq>, requested: SystemTime, target: Result<Target<'s>, Failure> },
    /// The request was refused already; its data set is only read to its end.
    Refusal(CommandSet),
    /// There is nobody to answer.
    Nothing,
}

/// Where the data set goes.
enum Target<'s> {
    File(Incoming<'s>),
    /// `--ignore`.
    Ignored,
}

/// An object on its way to a file.
struct Incoming<'s> {
    transcoder: Box<Transcoder>,
    file: InstanceFile,
    /// The study it belongs to, once that is known, where objects are sorted.
    arrival: Option<Arrival<'s>>,
}

/// Why an object is not stored: the status, and the Error Comment that goes with it.
struct Failure {
    status: Status,
    comment: String,
}

impl<'s> StorageService<'s> {
    pub(crate) fn new(shared: &'s Shared) -> Self {
        Self {
            shared,
            peer: Arc::default(),
            attendance: Attendance::default(),
            receiving: None,
            ahead: FileAhead::default(),
        }
    }

    /// The association is accepted: from now on it is known who sends.
    pub(crate) fn set_peer(&mut self, peer: Peer) {
        self.peer = Arc::new(peer);
    }

    /// Whether a data set is due.
    pub(crate) fn is_receiving(&self) -> bool {
        self.receiving.is_some()
    }

    /// Opens the file for the object that `request` announces. Should that fail, the data set is
    /// read to its end and then answered so.
    pub(crate) fn begin(
        &mut self,
        request: CStoreRq,
        transfer_syntax: &'static TransferSyntax,
        calling_ae: Option<&AeTitle>,
    ) {
        let requested = SystemTime::now();
        let target = self.open(&request, transfer_syntax, calling_ae);
        self.receive(Answer::Store { request: Box::new(request), requested, target });
    }

    /// Reads the data set of a request that is refused, and answers with `response` at its end.
    pub(crate) fn drain(&mut self, response: Option<CommandSet>) {
        self.receive(response.map_or(Answer::Nothing, Answer::Refusal));
    }

    /// Takes the next fragments of the data set; with the last of them, gives the answer.
    ///
    /// A failure here costs this one object: the rest of its data set is dropped.
    pub(crate) fn data_set(&mut self, fragments: &DataSetFragments<'_>) -> Option<Done> {
        let receiving = self.receiving.as_mut()?;
        receiving.progress.pdvs(fragments.pdvs_ended());
        receiving.bytes += fragments.byte_count() as u64;
        if let Answer::Store { target, .. } = &mut receiving.answer
            && let Ok(Target::File(incoming)) = target
            && let Err(failure) = incoming.push(fragments, self.shared)
        {
            *target = Err(failure);
        }
        if fragments.is_last() { self.end() } else { None }
    }

    /// An object is answered, and the sender may be preparing the next one: time to make a file
    /// for it.
    pub(crate) fn prepare_next(&mut self) {
        self.ahead.make();
    }

    /// Gives back what is kept for an object that does not come.
    pub(crate) fn idle(&mut self) {
        self.ahead.give_up();
    }

    /// The rest of the data set, if one is due, will not come, and `why`: discards what was received
    /// of it, and says so, since somebody will look for the object.
    pub(crate) fn break_off(&mut self, why: &dyn fmt::Display) {
        let Some(Receiving { answer, progress, bytes }) = self.receiving.take() else { return };
        drop(progress);
        let Answer::Store { request, target, .. } = answer else { return };
        let instance = &request.sop_instance;
        let failed = match &target {
            Ok(_) => String::new(),
            Err(Failure { status, comment }) => format!("; status {status}: {comment}"),
        };
        error!(
            "transfer broken off, SOP instance {instance} is not stored, {bytes} bytes had come: \
             {why}{failed}"
        );
    }

    fn receive(&mut self, answer: Answer<'s>) {
        self.receiving = Some(Receiving { answer, progress: Progress::begin(), bytes: 0 });
    }

    fn open(
        &mut self,
        request: &CStoreRq,
        transfer_syntax: &'static TransferSyntax,
        calling_ae: Option<&AeTitle>,
    ) -> Result<Target<'s>, Failure> {
        let Some(storage) = &self.shared.storage else { return Ok(Target::Ignored) };
        if let Some(comment) = self.shared.shortage() {
            return Err(Failure { status: Status::OUT_OF_RESOURCES, comment });
        }
        let transcoder = Transcoder::new(
            transfer_syntax,
            &self.shared.output_format,
            Arc::clone(&self.shared.dictionary),
        );
        let header = if self.shared.config.output.write_file_format {
            part10::header(&FileMeta {
                sop_class: &request.sop_class,
                sop_instance: &request.sop_instance,
                transfer_syntax: transcoder.output_transfer_syntax(),
                implementation_class_uid: crate::IMPLEMENTATION_CLASS_UID,
                implementation_version_name: crate::IMPLEMENTATION_VERSION_NAME,
                source_ae_title: calling_ae.map_or(&[], AeTitle::as_bytes),
            })
        } else {
            Vec::new()
        };
        let transcoder = Box::new(transcoder.preceded_by(header.len() as u64));
        let min_free = self.shared.config.output.min_free;
        let file =
            InstanceFile::create(storage.as_ref(), &mut self.ahead, header)?.leaving(min_free);
        Ok(Target::File(Incoming { transcoder, file, arrival: None }))
    }

    /// The data set is complete: stores the object and makes the answer.
    fn end(&mut self) -> Option<Done> {
        let Receiving { answer, progress, .. } = self.receiving.take()?;
        drop(progress);
        match answer {
            Answer::Nothing => None,
            Answer::Refusal(response) => Some(Done { response: Some(response), received: None }),
            Answer::Store { request, requested, target } => {
                let stored = target.and_then(|target| match target {
                    Target::File(incoming) => self.store(&request, requested, incoming),
                    Target::Ignored => {
                        let reception = self.reception(&request, None);
                        Ok(Received { reception, ended: Vec::new(), file: None })
                    }
                });
                Some(match stored {
                    Ok(received) => Done {
                        response: Some(request.response(Status::SUCCESS, None)),
                        received: Some(received),
                    },
                    Err(Failure { status, comment }) => {
                        if status == Status::OUT_OF_RESOURCES
                            && let Some(storage) = &self.shared.storage
                        {
                            self.ahead.give_up();
                            storage.let_go();
                        }
                        let instance = &request.sop_instance;
                        error!("cannot store SOP instance {instance}, status {status}: {comment}");
                        let response = request.response(status, Some(&comment));
                        Done { response: Some(response), received: None }
                    }
                })
            }
        }
    }

    /// Commits the object. Only `Ok` means that it is stored as `--durability` promises.
    fn store(
        &mut self,
        request: &CStoreRq,
        requested: SystemTime,
        mut incoming: Incoming<'s>,
    ) -> Result<Received, Failure> {
        let output = &self.shared.config.output;
        incoming.transcoder.finish(&mut incoming.file)?;
        let unlisted = incoming.transcoder.output_transfer_syntax().is_unlisted();
        let lenient = output.bit_preserving() || unlisted;
        compare_uids(request, incoming.transcoder.attributes(), lenient)?;
        let folder = incoming.enter_folder(self.shared)?;
        let committed = incoming.commit(request, requested, folder.as_ref(), output)?;
        warn_of_repairs(request, &incoming.transcoder);
        let Incoming { transcoder, file, arrival } = incoming;
        let ended = match arrival {
            Some(arrival) => {
                let prefix = naming::prefix(&request.sop_class);
                let is_numbered = self.shared.config.events.rename_on_end_of_study;
                let id = is_numbered.then(|| file.identity().ok()).flatten();
                let uid = transcoder.attributes().study_instance_uid().unwrap_or_default();
                let stored = StoredFile { name: committed.name.clone(), prefix, id };
                arrival.stored(stored, uid, &self.peer, &mut self.attendance)
            }
            None => Vec::new(),
        };
        let stored = (folder, committed.name, transcoder.as_ref());
        let reception = self.reception(request, Some(stored));
        Ok(Received { reception, ended, file: Some(file) })
    }

    /// What commands are told of an object, and of its file if it is stored.
    fn reception(
        &self,
        request: &CStoreRq,
        stored: Option<(Option<FileName>, FileName, &Transcoder)>,
    ) -> Option<Box<Reception>> {
        if !self.shared.events.after_each_object() {
            return None;
        }
        let mut reception = Reception {
            folder: None,
            file: None,
            peer: Arc::clone(&self.peer),
            sop_class: request.sop_class,
            sop_instance: request.sop_instance,
            study: None,
            transfer_syntax: None,
        };
        if let Some((folder, file, transcoder)) = stored {
            reception.folder = folder;
            reception.file = Some(file);
            reception.study = transcoder.attributes().study_instance_uid().map(unpadded);
            reception.transfer_syntax = Some(transcoder.output_transfer_syntax().uid());
        }
        Some(Box::new(reception))
    }

    /// The association ends: it is at no study any more, and leaves nothing else behind.
    pub(crate) fn leave(&mut self) {
        // What is on its way first, so that it does not keep its study open.
        self.break_off(&"the association has ended");
        if let Some(studies) = &self.shared.studies {
            studies.leave(&mut self.attendance);
        }
        self.shared.leave_storage();
    }
}

impl Drop for StorageService<'_> {
    fn drop(&mut self) {
        self.leave();
    }
}

/// Says what had to be put right in an object that is stored, or that it could not be read to its end.
fn warn_of_repairs(request: &CStoreRq, transcoder: &Transcoder) {
    let instance = &request.sop_instance;
    let repairs = transcoder.repairs();
    if !repairs.is_empty() {
        warn!("SOP instance {instance} breaks rules of encoding: {repairs}");
    }
    let attributes = transcoder.attributes();
    if transcoder.is_untouched() && attributes.other_study_instance_uids().next().is_some() {
        warn!("SOP instance {instance} names two studies, of which the first counts here");
    }
    match transcoder.unread() {
        Some(error) if transcoder.output_transfer_syntax().is_unlisted() => {
            debug!("SOP instance {instance} was not read to its end: {error}");
        }
        Some(error) => {
            warn!(
                "SOP instance {instance} is stored as it came, and was not read to its end: {error}"
            );
        }
        None => {}
    }
}

/// Whether the data set is the object that the command announced, wherever and however often it tells
/// its UIDs. With `lenient` (not taken apart), a data set in which no UIDs were found passes.
fn compare_uids(request: &CStoreRq, attributes: &Attributes, lenient: bool) -> Result<(), Failure> {
    let class = attributes.sop_class_uid().into_iter();
    let classes: Vec<&[u8]> = class.chain(attributes.other_sop_class_uids()).collect();
    let instance = attributes.sop_instance_uid().into_iter();
    let instances: Vec<&[u8]> = instance.chain(attributes.other_sop_instance_uids()).collect();
    let mut differs = None;
    for (what, announced, found) in [
        ("SOP Class UID", &request.sop_class, classes),
        ("SOP Instance UID", &request.sop_instance, instances),
    ] {
        let is_empty = |value: &&[u8]| value.iter().all(|byte| matches!(byte, 0 | b' '));
        if found.first().is_none_or(is_empty) && !lenient {
            let comment = format!("data set has no {what}");
            return Err(Failure { status: Status::CANNOT_UNDERSTAND, comment });
        }
        let mut named = found.into_iter().filter(|value| !is_empty(value)).peekable();
        if named.peek().is_none() {
            debug!("data set has no {what} that could be compared");
        }
        if !named.all(|value| Uid::parse(value).is_ok_and(|found| found == *announced)) {
            differs = differs.or(Some(what));
        }
    }
    differs.map_or(Ok(()), |what| {
        let comment = format!("{what} of data set and command differ");
        Err(Failure { status: Status::DATA_SET_DOES_NOT_MATCH_SOP_CLASS, comment })
    })
}

impl From<dataset::Error> for Failure {
    fn from(error: dataset::Error) -> Self {
        let status = match error.cause() {
            Cause::DataSet => Status::CANNOT_UNDERSTAND,
            Cause::Storage => Status::OUT_OF_RESOURCES,
        };
        Self { status, comment: error.to_string() }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { status: Status::OUT_OF_RESOURCES, comment: error.to_string() }
    }
}
