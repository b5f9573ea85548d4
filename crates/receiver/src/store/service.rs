//! The Storage service class as SCP (PS3.4 Annex B): from a C-STORE-RQ to a file and an answer.

use super::filing::{About, Incoming};
use super::irregularities::{Irregularities, warn_of_repairs};
use super::owed::Owed;
use super::status::{Failure, class_name};
use super::uids::{ObjectUids, identify};
use crate::node::Node;
use crate::observer::{AfterAnswer, Progress, Received, Refused, StatusCounts, StoredObject};
use crate::output::studies::{CurrentStudies, EndedStudy};
use crate::output::{OutputSettings, Refusals};
use crate::peer::Peer;
use crate::treatment::{OfferedObject, Treatment};

use dataset::part10::{self, FileMeta};
use dataset::{Transcoder, TransferSyntax, Uid};
use proto::{CStoreRq, CommandSet, DataSetFragments, Status};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};
use storage::{InstanceFile, PreparedFile};
use tracing::{error, warn};

/// The data set that an association is receiving, if any, and what becomes of it.
///
/// Holds a [`Transcoder`] and an [`InstanceFile`] while an object comes in: bounded memory and one
/// descriptor, whatever the object's size. Dropping it discards what was not committed.
pub(crate) struct StorageService<'n> {
    node: &'n Node,
    treatment: Arc<Treatment>,
    peer: Peer,
    current_studies: CurrentStudies,
    receiving: Option<Receiving>,
    /// For the next object.
    prepared: PreparedFile,
    owed: Owed,
    tally: Tally,
}

/// What became of objects that were not stored, and how much came altogether.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    /// Objects that were refused.
    pub(crate) refused: StatusCounts,
    /// Objects that were dropped on purpose, by a fault.
    pub(crate) dropped: u64,
    /// Objects whose data set did not come to its end.
    pub(crate) broken_off: u64,
    /// Bytes of data sets.
    pub(crate) bytes: u64,
}

/// The answer to a C-STORE whose data set was received to its end.
pub(crate) struct Answer {
    /// The C-STORE-RSP, or the response to another request that came with a data set.
    pub(crate) response: CommandSet,
    /// Of an object that is stored, or dropped on purpose.
    pub(crate) follow_up: Option<FollowUp>,
}

/// What is left to do for an object once its success was answered.
pub(crate) struct FollowUp {
    /// Which object.
    pub(crate) sop_instance: Uid,
    /// What the observer wants to do then.
    pub(crate) after_answer: Option<AfterAnswer>,
    /// The studies that have ended by it.
    pub(crate) ended_studies: Vec<EndedStudy>,
    /// Dropping it closes the file.
    pub(crate) file: Option<InstanceFile>,
    /// From the C-STORE-RQ until the last fragment of the data set was received.
    pub(crate) receive: Duration,
    /// From then until the object was stored.
    pub(crate) commit: Duration,
    /// When the last fragment was received.
    pub(crate) received: Instant,
}

/// A data set on its way in.
struct Receiving {
    outcome: Outcome,
    progress: Option<Box<dyn Progress>>,
    /// How much of it has come.
    bytes: u64,
    /// When its request came.
    begun: Instant,
}

/// How a data set came in.
#[derive(Clone, Copy)]
struct Reception {
    /// When its request came, by the wall clock.
    requested: SystemTime,
    /// From then until the last fragment.
    receive: Duration,
    /// When the last fragment came.
    received: Instant,
    /// Its length.
    bytes: u64,
    /// Its SOP class was not accepted, which is tolerated.
    tolerates_class: bool,
}

/// What becomes of a data set.
enum Outcome {
    /// The object is stored, or could not be.
    Store {
        request: Box<CStoreRq>,
        requested: SystemTime,
        target: Result<Target, Failure>,
        /// Its SOP class was not accepted, which is tolerated.
        tolerates_class: bool,
    },
    /// The request is refused, so its data set is only read to its end.
    Refused(CommandSet),
}

/// Where the data set goes.
enum Target {
    File(Incoming),
    /// Nowhere: it is dropped on purpose.
    Nowhere,
}

impl<'n> StorageService<'n> {
    /// For an association of `peer` that was accepted.
    pub(crate) fn new(node: &'n Node, treatment: Arc<Treatment>, peer: Peer) -> Self {
        Self {
            node,
            owed: Owed::by(&treatment),
            treatment,
            peer,
            current_studies: CurrentStudies::default(),
            receiving: None,
            prepared: PreparedFile::default(),
            tally: Tally::default(),
        }
    }

    /// Whose association it is.
    pub(crate) fn peer(&self) -> &Peer {
        &self.peer
    }

    /// How its association is treated.
    pub(crate) fn treatment(&self) -> &Treatment {
        &self.treatment
    }

    /// The longest P-DATA-TF that the peer may send, in bytes; 0 for any length.
    pub(crate) fn max_pdu_bytes(&self) -> u32 {
        self.treatment.policy.max_pdu_bytes
    }

    /// What became of the objects so far.
    pub(crate) fn tally(&self) -> Tally {
        self.tally
    }

    /// Whether a data set is due.
    pub(crate) fn is_receiving(&self) -> bool {
        self.receiving.is_some()
    }

    /// Opens the file for the object that `request` announces. Should that fail, the data set is
    /// read to its end and then answered so. With `tolerates_class`, its SOP class was not accepted.
    pub(crate) fn begin(
        &mut self,
        request: CStoreRq,
        transfer_syntax: &'static TransferSyntax,
        tolerates_class: bool,
    ) {
        let requested = SystemTime::now();
        let target = self.open(&request, transfer_syntax);
        let request = Box::new(request);
        self.receive(Outcome::Store { request, requested, target, tolerates_class });
    }

    /// Counts an object that is refused without a request that could be read.
    pub(crate) fn count_refused(&mut self, status: Status) {
        self.tally.refused.add(status);
    }

    /// Refuses to store the object that `request` announces, once its data set is read.
    pub(crate) fn refuse(&mut self, request: &CStoreRq, failure: &Failure) {
        let response = self.refused(request, failure);
        self.drain(response);
    }

    /// Reads the data set of a request that is refused, and answers with `response` at its end.
    pub(crate) fn drain(&mut self, response: CommandSet) {
        self.receive(Outcome::Refused(response));
    }

    /// Takes the next fragments of the data set; with the last of them, gives the answer.
    ///
    /// A failure here costs this one object: the rest of its data set is dropped.
    pub(crate) fn data_set(&mut self, fragments: &DataSetFragments<'_>) -> Option<Answer> {
        let receiving = self.receiving.as_mut()?;
        if let Some(progress) = &receiving.progress {
            progress.pdvs(fragments.pdvs_ended());
        }
        let (bytes, is_last) = (fragments.byte_count() as u64, fragments.is_last());
        receiving.bytes += bytes;
        self.node.observer.received(&Received::new(&self.peer, bytes, is_last));
        if let Outcome::Store { target, .. } = &mut receiving.outcome
            && let Ok(Target::File(incoming)) = target
            && let Err(failure) = incoming.push(fragments)
        {
            *target = Err(failure);
        }
        if fragments.is_last() { self.complete() } else { None }
    }

    /// An object is answered, and the sender may be preparing the next one: time to make a file
    /// for it.
    pub(crate) fn prepare_next(&mut self) {
        self.prepared.prepare();
    }

    /// Gives back what is kept for an object that does not come.
    pub(crate) fn idle(&mut self) {
        self.prepared.discard();
    }

    /// The rest of the data set, if one is due, will not come, and `why`: discards what was received
    /// of it, and logs that, since the object will be missed.
    pub(crate) fn interrupt(&mut self, why: &dyn fmt::Display) {
        let Some(Receiving { outcome, progress, bytes, .. }) = self.receiving.take() else {
            return;
        };
        drop(progress);
        self.tally.bytes += bytes;
        let Outcome::Store { request, target, .. } = outcome else { return };
        self.tally.broken_off += 1;
        let instance = &request.sop_instance;
        let failed = match &target {
            Ok(_) => String::new(),
            Err(failure) => format!("; status {}: {failure}", failure.status()),
        };
        let class = class_name(&request.sop_class);
        error!(
            sopInstanceUid = %instance,
            sopClassUid = %request.sop_class,
            receivedBytes = bytes,
            "transfer interrupted after {bytes} bytes, SOP instance {instance} ({class}) is not \
             stored: {why}{failed}"
        );
    }

    fn receive(&mut self, outcome: Outcome) {
        let progress = self.node.observer.progress();
        self.receiving = Some(Receiving { outcome, progress, bytes: 0, begun: Instant::now() });
    }

    fn open(
        &mut self,
        request: &CStoreRq,
        transfer_syntax: &'static TransferSyntax,
    ) -> Result<Target, Failure> {
        let Some(output) = &self.treatment.output else { return Ok(Target::Nowhere) };
        if let Some(shortage) = output.shortage() {
            return Err(Failure::NoRoom(shortage));
        }
        let settings = &output.settings;
        let transcoder =
            Transcoder::new(transfer_syntax, &settings.format, Arc::clone(&output.dictionary));
        let transcoder = match self.owed.wanted() {
            Some(wanted) => transcoder.noting(Arc::clone(wanted)),
            None => transcoder,
        };
        let header = self.header(settings, &ObjectUids::announced(request), &transcoder);
        let transcoder = Box::new(transcoder.preceded_by(header.len() as u64));
        let file = InstanceFile::create(output.storage.as_ref(), &mut self.prepared, header)?;
        let file = file.with_min_free(settings.min_free);
        Ok(Target::File(Incoming::new(transcoder, file, Arc::clone(output))))
    }

    /// Preamble and file meta information; nothing where files have none.
    fn header(
        &self,
        settings: &OutputSettings,
        uids: &ObjectUids,
        transcoder: &Transcoder,
    ) -> Vec<u8> {
        if !settings.write_file_format {
            return Vec::new();
        }
        let ours = &self.treatment.policy;
        part10::header(&FileMeta {
            sop_class: &uids.sop_class,
            sop_instance: &uids.sop_instance,
            transfer_syntax: transcoder.output_transfer_syntax(),
            implementation_class_uid: ours.implementation_class_uid.as_str(),
            implementation_version_name: ours.implementation_version_name.as_str(),
            source_ae_title: self.peer.calling_ae.as_bytes(),
        })
    }

    /// The data set is complete: stores the object and makes the answer.
    fn complete(&mut self) -> Option<Answer> {
        let Receiving { outcome, progress, bytes, begun } = self.receiving.take()?;
        drop(progress);
        self.tally.bytes += bytes;
        let (request, requested, target, tolerates_class) = match outcome {
            Outcome::Refused(response) => return Some(Answer { response, follow_up: None }),
            Outcome::Store { request, requested, target, tolerates_class } => {
                (request, requested, target, tolerates_class)
            }
        };
        let received = Instant::now();
        let receive = received.duration_since(begun);
        let reception = Reception { requested, receive, received, bytes, tolerates_class };
        let stored = target.and_then(|target| match target {
            Target::File(incoming) => self.store(&request, reception, incoming),
            Target::Nowhere => Ok(self.stored_nowhere(&request, reception)),
        });
        Some(match stored {
            Ok(follow_up) => Answer {
                response: request.response(Status::SUCCESS, None),
                follow_up: Some(follow_up),
            },
            Err(failure) => Answer { response: self.failed(&request, &failure), follow_up: None },
        })
    }

    /// Commits the object. Only `Ok` means that it is stored as the settings promise.
    fn store(
        &mut self,
        request: &CStoreRq,
        reception: Reception,
        mut incoming: Incoming,
    ) -> Result<FollowUp, Failure> {
        incoming.finish()?;
        let transcoder = incoming.transcoder();
        let unlisted = transcoder.output_transfer_syntax().is_unlisted();
        let settings = &incoming.output().settings;
        let is_untouched = settings.format.bit_preserving || unlisted;
        let leniency = &self.treatment.leniency;
        let tolerant = leniency.mismatched_uids;
        let (uids, mismatch) = identify(request, transcoder.attributes(), is_untouched, tolerant)?;
        if uids != ObjectUids::announced(request) {
            let header = self.header(settings, &uids, transcoder);
            incoming.replace_header(header)?;
        }
        let character_set = leniency.default_character_set.as_deref();
        let (peer, requested) = (&self.peer, reception.requested);
        let is_another = mismatch.as_ref().is_some_and(|it| it.of_instance);
        let about = About { uids: &uids, is_another, peer, requested, character_set };
        let keeps_file = self.owed.keeps_file(&OfferedObject {
            peer,
            sop_class: &uids.sop_class,
            transfer_syntax: incoming.transcoder().output_transfer_syntax().uid(),
            attributes: incoming.transcoder().attributes(),
        });
        let intent = self.owed.next_intent(peer, requested, keeps_file);
        if let Some(intent) = &intent {
            incoming.intend(intent.clone());
        }
        let filed = incoming.commit(&about, keeps_file)?;
        let commit = reception.received.elapsed();
        incoming.output().has_stored();
        warn_of_repairs(&uids, incoming.transcoder());
        let irregularities = Irregularities {
            class_not_negotiated: reception.tolerates_class,
            uids: mismatch,
            assumed_character_set: character_set.filter(|_| incoming.lacks_character_set()),
        };
        irregularities.tell(self.node, &self.peer, &self.treatment, &uids);
        let file = incoming.stored_file(&filed);
        let whose = (&self.peer, self.treatment.as_ref());
        let object = StoredObject {
            stored_bytes: incoming.size(),
            transfer_syntax: incoming.transcoder().output_transfer_syntax().uid(),
            file,
            intent: intent.as_ref(),
            attributes: intent.as_ref().map(|_| incoming.transcoder().attributes()),
            ..received_object(&uids, whose, reception, commit)
        };
        object.log();
        let after_answer = self.node.observer.stored(&object);
        let studies = &mut self.current_studies;
        let ended_studies = match &file {
            Some(file) => incoming.file_study(&uids, file, &self.peer, studies),
            None => Vec::new(),
        };
        let (sop_instance, file) = (uids.sop_instance, Some(incoming.into_file()));
        let Reception { receive, received, .. } = reception;
        Ok(FollowUp { sop_instance, after_answer, ended_studies, file, receive, commit, received })
    }

    /// The object was received and is dropped, as was asked for.
    fn stored_nowhere(&self, request: &CStoreRq, reception: Reception) -> FollowUp {
        let commit = Duration::ZERO;
        let whose = (&self.peer, self.treatment.as_ref());
        let uids = ObjectUids::announced(request);
        let object = received_object(&uids, whose, reception, commit);
        object.log();
        let after_answer = self.node.observer.stored(&object);
        let (sop_instance, ended_studies, file) = (request.sop_instance, Vec::new(), None);
        let Reception { receive, received, .. } = reception;
        FollowUp { sop_instance, after_answer, ended_studies, file, receive, commit, received }
    }

    /// The object could not be stored: says so, and makes the answer.
    fn failed(&mut self, request: &CStoreRq, failure: &Failure) -> CommandSet {
        let status = failure.status();
        if status == Status::OUT_OF_RESOURCES
            && let Some(output) = &self.treatment.output
        {
            self.prepared.discard();
            output.storage.close_unused();
            if failure.is_want_of_room() {
                output.refused_for_want_of_room(Refusals::OBJECT, failure);
            }
        }
        self.refused(request, failure)
    }

    /// Says that an object is not stored, tells the observer, and makes the answer.
    #[cold]
    fn refused(&mut self, request: &CStoreRq, failure: &Failure) -> CommandSet {
        let (status, reason) = (failure.status(), failure.to_string());
        let (instance, class) = (&request.sop_instance, class_name(&request.sop_class));
        if let Some(answered) = failure.pretended() {
            self.tally.dropped += 1;
            warn!(
                sopInstanceUid = %instance,
                sopClassUid = %request.sop_class,
                "SOP instance {instance} ({class}) is dropped on purpose, {answered}"
            );
        } else {
            self.tally.refused.add(status);
            error!(
                sopInstanceUid = %instance,
                sopClassUid = %request.sop_class,
                status = %status,
                "cannot store SOP instance {instance} ({class}), status {status} ({}): {failure}{}",
                status.meaning(),
                failure.details()
            );
        }
        self.node.observer.refused(&Refused::Object {
            peer: &self.peer,
            sop_class: &request.sop_class,
            sop_instance: &request.sop_instance,
            status,
            reason: &reason,
        });
        request.response(status, Some(&reason))
    }

    /// The association ends: it is at no study any more, and leaves nothing else behind.
    pub(crate) fn association_ended(&mut self) {
        // What is on its way first, so that it does not keep its study open.
        self.interrupt(&"the association has ended");
        let Some(output) = &self.treatment.output else { return };
        if let Some(studies) = &output.studies {
            studies.association_ended(&mut self.current_studies);
        }
        output.storage.clean_up();
    }
}

impl Drop for StorageService<'_> {
    fn drop(&mut self) {
        self.association_ended();
    }
}

/// What the observer is told of an object, beside where it is stored.
fn received_object<'a>(
    uids: &'a ObjectUids,
    (peer, treatment): (&'a Peer, &'a Treatment),
    reception: Reception,
    commit: Duration,
) -> StoredObject<'a> {
    let ObjectUids { sop_class, sop_instance } = uids;
    let Reception { requested, receive, bytes: received_bytes, .. } = reception;
    StoredObject {
        sop_class,
        sop_instance,
        peer,
        requested,
        treatment,
        receive,
        commit,
        received_bytes,
        stored_bytes: 0,
        transfer_syntax: "",
        file: None,
        intent: None,
        attributes: None,
    }
}
