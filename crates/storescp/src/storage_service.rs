//! The Storage service class as SCP (PS3.4 Annex B): from a C-STORE-RQ to a file and an answer.

use crate::error::Error;
use crate::naming;
use crate::progress::Progress;
use crate::shared::Shared;
use crate::storage::InstanceFile;

use dataset::part10::{self, FileMeta};
use dataset::{Attributes, Transcoder, TransferSyntax, Uid};
use proto::{AeTitle, CStoreRq, CommandSet, DataSetFragments, Status};
use std::sync::Arc;
use tracing::{debug, error, info, warn};

/// The data set that an association is receiving, if any, and what becomes of it.
///
/// Holds a [`Transcoder`] and an [`InstanceFile`] while an object comes in: bounded memory and one
/// descriptor, whatever the object's size. Dropping it discards what was not committed.
pub(crate) struct StorageService<'s> {
    shared: &'s Shared,
    receiving: Option<Receiving>,
}

/// A data set on its way in.
struct Receiving {
    answer: Answer,
    progress: Progress,
}

/// What its end is answered with.
enum Answer {
    /// The object is stored, or could not be.
    Store { request: Box<CStoreRq>, target: Result<Target, Failure> },
    /// The request was refused already; its data set is only read to its end.
    Refusal(CommandSet),
    /// There is nobody to answer.
    Nothing,
}

/// Where the data set goes.
enum Target {
    File {
        transcoder: Box<Transcoder>,
        file: InstanceFile,
    },
    /// `--ignore`.
    Ignored,
}

/// Why an object is not stored: the status, and the Error Comment that goes with it.
struct Failure {
    status: Status,
    comment: String,
}

impl<'s> StorageService<'s> {
    pub(crate) fn new(shared: &'s Shared) -> Self {
        Self { shared, receiving: None }
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
        let target = self.open(&request, transfer_syntax, calling_ae);
        self.receive(Answer::Store { request: Box::new(request), target });
    }

    /// Reads the data set of a request that is refused, and answers with `response` at its end.
    pub(crate) fn drain(&mut self, response: Option<CommandSet>) {
        self.receive(response.map_or(Answer::Nothing, Answer::Refusal));
    }

    /// Takes the next fragments of the data set; with the last of them, gives the answer.
    ///
    /// A failure here costs this one object: the rest of its data set is dropped.
    pub(crate) fn data_set(&mut self, fragments: &DataSetFragments<'_>) -> Option<CommandSet> {
        let receiving = self.receiving.as_mut()?;
        receiving.progress.pdvs(fragments.pdvs_ended());
        if let Answer::Store { target, .. } = &mut receiving.answer
            && let Ok(Target::File { transcoder, file }) = target
            && let Err(error) = transcoder.push(fragments.slices(), file)
        {
            *target = Err(error.into());
        }
        if fragments.is_last() { self.end() } else { None }
    }

    /// Discards what was received of an unfinished data set.
    pub(crate) fn discard_unfinished(&mut self) {
        self.receiving = None;
    }

    fn receive(&mut self, answer: Answer) {
        self.receiving = Some(Receiving { answer, progress: Progress::begin() });
    }

    fn open(
        &self,
        request: &CStoreRq,
        transfer_syntax: &'static TransferSyntax,
        calling_ae: Option<&AeTitle>,
    ) -> Result<Target, Failure> {
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
        let file = InstanceFile::create(storage.as_ref(), header)?;
        Ok(Target::File { transcoder, file })
    }

    /// The data set is complete: stores the object and makes the answer.
    fn end(&mut self) -> Option<CommandSet> {
        let Receiving { answer, progress } = self.receiving.take()?;
        drop(progress);
        match answer {
            Answer::Nothing => None,
            Answer::Refusal(response) => Some(response),
            Answer::Store { request, target } => {
                match target.and_then(|target| self.store(&request, target)) {
                    Ok(()) => Some(request.response(Status::SUCCESS, None)),
                    Err(Failure { status, comment }) => {
                        let instance = &request.sop_instance;
                        error!("cannot store SOP instance {instance}, status {status}: {comment}");
                        Some(request.response(status, Some(&comment)))
                    }
                }
            }
        }
    }

    /// Commits the object. Only `Ok` means that it is stored as `--durability` promises.
    fn store(&self, request: &CStoreRq, target: Target) -> Result<(), Failure> {
        let Target::File { mut transcoder, mut file } = target else { return Ok(()) };
        let output = &self.shared.config.output;
        transcoder.finish(&mut file).map_err(|error| match error {
            // As DCMTK has it, only a file in the transfer syntax received cannot be of nothing; in
            // anything else, it is the UIDs that are missing.
            dataset::Error::Empty if !output.writes_same_file() => {
                Failure { status: Status::CANNOT_UNDERSTAND, comment: error.to_string() }
            }
            error => error.into(),
        })?;
        let unlisted = transcoder.output_transfer_syntax().is_unlisted();
        compare_uids(request, transcoder.attributes(), output.bit_preserving() || unlisted)?;
        let name = naming::default_name(&request.sop_class, &request.sop_instance)
            .ok_or_else(|| invalid_instance("the SOP Instance UID makes no file name"))?;
        let path = output.directory.join(name.as_str());
        if !output.bit_preserving() {
            info!("storing DICOM file: {}", path.display());
        }
        let replaced = file.commit(&name, output.durability)?;
        if replaced && !output.bit_preserving() {
            warn!("DICOM file already exists, overwriting: {}", path.display());
        }
        Ok(())
    }
}

/// Whether the data set is the object that the command announced. With `lenient`
/// (not taken apart), a data set in which no UIDs were found passes.
fn compare_uids(request: &CStoreRq, attributes: &Attributes, lenient: bool) -> Result<(), Failure> {
    let pairs = [
        ("SOP Class UID", &request.sop_class, attributes.sop_class_uid()),
        ("SOP Instance UID", &request.sop_instance, attributes.sop_instance_uid()),
    ];
    let mut differs = None;
    for (what, announced, value) in pairs {
        let value = value.filter(|value| !value.iter().all(|byte| matches!(byte, 0 | b' ')));
        match value.map(Uid::parse) {
            Some(Ok(found)) if found == *announced => {}
            Some(_) => differs = differs.or(Some(what)),
            None if lenient => debug!("data set has no {what} that could be compared"),
            None => {
                let comment = format!("data set has no {what}");
                return Err(Failure { status: Status::CANNOT_UNDERSTAND, comment });
            }
        }
    }
    differs.map_or(Ok(()), |what| {
        let comment = format!("{what} of data set and command differ");
        Err(Failure { status: Status::DATA_SET_DOES_NOT_MATCH_SOP_CLASS, comment })
    })
}

fn invalid_instance(comment: &str) -> Failure {
    Failure { status: Status::INVALID_SOP_INSTANCE, comment: comment.to_owned() }
}

impl From<dataset::Error> for Failure {
    fn from(error: dataset::Error) -> Self {
        let status = match error {
            dataset::Error::Sink(_) | dataset::Error::Representation | dataset::Error::Empty => {
                Status::OUT_OF_RESOURCES
            }
            _ => Status::CANNOT_UNDERSTAND,
        };
        Self { status, comment: error.to_string() }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { status: Status::OUT_OF_RESOURCES, comment: error.to_string() }
    }
}
