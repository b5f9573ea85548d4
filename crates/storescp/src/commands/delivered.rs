//! Commands as destinations of the outbox, where there is a catalogue.
//!
//! They are owed like any other delivery, so they survive a kill and a power loss, and are listed and paused with the
//! others. A command that fails is logged and done, as without a catalogue: it is not run again.

use super::Commands;
use super::job::{Job, Reception};
use super::settings::CommandSettings;
use super::worker_pool::JobOutcome;
use crate::limits::{COMMAND_NICENESS, LONGEST_RETRY_DELAY};
use catalog::{Catalog, Page, ReceivedObject};
use dataset::Uid;
use delivery::{
    Bounds, Destination, DestinationKind, DestinationSettings, ExecSettings, Item, On, Outcome,
    RetrySettings, Session, Stop,
};
use proto::AeTitle;
use receiver::Peer;
use receiver::output::studies::{EndedStudy, Reason};
use std::ffi::OsString;
use std::sync::Arc;
use std::time::Duration;
use storage::FileName;

/// The names of the destinations: no other has a colon in its name.
const ON_RECEPTION: &str = "command:on-reception";
const ON_END_OF_STUDY: &str = "command:on-end-of-study";

/// How long it is remembered that a command was run.
const REMEMBERED: Duration = Duration::from_secs(24 * 60 * 60);

/// Which commands are run by the outbox.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Delivered {
    on_reception: bool,
    on_end_of_study: bool,
}

/// Who knows the commands for senders by the rule that names them.
pub(crate) type FindCommands = dyn Fn(Option<&str>) -> Option<Arc<Commands>> + Send + Sync;

/// Runs the commands of objects, or those of studies.
struct CommandDestination {
    of_studies: bool,
    find: Arc<FindCommands>,
    catalog: Arc<dyn Catalog>,
}

struct CommandSession {
    destination: Arc<CommandDestination>,
    is_lowered: bool,
}

impl Delivered {
    /// Those of these settings, for objects that a catalogue has. Not those that associations wait for (`--exec-sync`),
    /// and no end of a study that files are renamed at: that needs the files of one study and no later ones.
    pub(crate) fn of(settings: &CommandSettings, is_sorted: bool) -> Self {
        let CommandSettings { on_reception, on_end_of_study, rename_on_end_of_study, wait, .. } =
            settings;
        Self {
            on_reception: on_reception.is_some() && !wait,
            on_end_of_study: on_end_of_study.is_some()
                && is_sorted
                && !wait
                && !rename_on_end_of_study,
        }
    }

    /// The names of their destinations.
    pub(crate) fn names(self) -> impl Iterator<Item = String> {
        let names = [(self.on_reception, ON_RECEPTION), (self.on_end_of_study, ON_END_OF_STUDY)];
        names.into_iter().filter(|(is_one, _)| *is_one).map(|(_, name)| name.to_owned())
    }

    /// What is left of the settings for the [`CommandPool`](super::CommandPool).
    pub(crate) fn rest(self, settings: &CommandSettings) -> CommandSettings {
        let mut rest = settings.clone();
        if self.on_reception {
            rest.on_reception = None;
        }
        if self.on_end_of_study {
            rest.on_end_of_study = None;
        }
        rest
    }
}

/// The destination of this name, with what it runs for whoever reads the settings: as many at a time as `--exec-max` says.
pub(crate) fn destination_settings(
    name: String,
    settings: &CommandSettings,
) -> DestinationSettings {
    let (on, text) = if name == ON_END_OF_STUDY {
        (On::Study, &settings.on_end_of_study)
    } else {
        (On::Object, &settings.on_reception)
    };
    let shell = ["/bin/sh", "-c"].map(OsString::from);
    let command = shell.into_iter().chain(text.clone()).collect();
    DestinationSettings {
        name,
        kind: DestinationKind::Exec(ExecSettings { command, timeout: None }),
        on: vec![on],
        filter: None,
        concurrency: settings.max_commands.max(1),
        order_by_study: false,
        bandwidth: None,
        hours: Vec::new(),
        retry: RetrySettings { attempts: None, longest_pause: LONGEST_RETRY_DELAY },
        bounds: Bounds::default(),
        remember: REMEMBERED,
    }
}

/// The destination of this name, if it is one of commands.
pub(crate) fn destination(
    name: &str,
    find: &Arc<FindCommands>,
    catalog: &Arc<dyn Catalog>,
) -> Option<Arc<dyn Destination>> {
    let of_studies = match name {
        ON_RECEPTION => false,
        ON_END_OF_STUDY => true,
        _ => return None,
    };
    let (find, catalog) = (Arc::clone(find), Arc::clone(catalog));
    Some(Arc::new(Owner(Arc::new(CommandDestination { of_studies, find, catalog }))))
}

struct Owner(Arc<CommandDestination>);

impl Destination for Owner {
    fn open(&self) -> Box<dyn Session> {
        Box::new(CommandSession { destination: Arc::clone(&self.0), is_lowered: false })
    }
}

impl Session for CommandSession {
    fn deliver(&mut self, items: &[Item], stop: &Stop, tell: &mut dyn FnMut(usize, Outcome)) {
        if !std::mem::replace(&mut self.is_lowered, true) {
            platform::lower_thread_priority(COMMAND_NICENESS);
        }
        for (index, item) in items.iter().enumerate() {
            if stop.is_set() {
                return;
            }
            tell(index, self.destination.deliver(item));
        }
    }
}

impl CommandDestination {
    fn deliver(&self, item: &Item) -> Outcome {
        let object = match self.object(item) {
            Ok(Some(object)) => object,
            Ok(None) => {
                return Outcome::Park { reason: "its object is not known any more".to_owned() };
            }
            Err(error) => {
                return Outcome::Unreachable { reason: error.to_string(), after: None };
            }
        };
        let Some(commands) = (self.find)(object.rule.as_deref()) else {
            let reason = "the settings have no such command any more".to_owned();
            return Outcome::Park { reason };
        };
        let job = if self.of_studies { end_of_study(&object) } else { reception(&object) };
        let Some(job) = job else {
            return Outcome::Park {
                reason: "the object has no file of its own that the command could be told"
                    .to_owned(),
            };
        };
        match commands.run_now(job) {
            JobOutcome::Done => Outcome::Done,
            JobOutcome::Later(_) => Outcome::Unreachable {
                reason: "the system lacks processes, memory or descriptors".to_owned(),
                after: Some(LONGEST_RETRY_DELAY),
            },
        }
    }

    /// The object, or an object of the study: the latest with a file.
    fn object(&self, item: &Item) -> Result<Option<ReceivedObject>, catalog::Error> {
        if !self.of_studies {
            let instance = item.delivery.instance.as_ref();
            return Ok(instance.map(|instance| instance.object.clone()));
        }
        let Some(study) = &item.delivery.study else { return Ok(None) };
        let mut found: Option<ReceivedObject> = None;
        let mut page = Page { after: None, most: catalog::limits::PAGE_ROWS };
        loop {
            let rows = self.catalog.instances(Some(study), page)?;
            let (count, last) = (rows.len(), rows.last().map(|row| row.id.0));
            let with_file = rows.into_iter().map(|row| row.object).filter(|it| it.file.is_some());
            for object in with_file {
                if found.as_ref().is_none_or(|found| found.received <= object.received) {
                    found = Some(object);
                }
            }
            if count < page.most {
                return Ok(found);
            }
            page.after = last;
        }
    }
}

fn reception(object: &ReceivedObject) -> Option<Job> {
    // Without the name of a file, a command would be told of the folder alone, and might remove or move that.
    let mut folders = names(object.file.as_ref()?)?;
    let file = Some(folders.pop()?);
    let study = object.attributes.study_instance_uid.as_ref();
    Some(Job::Reception(Box::new(Reception {
        folders: folders.into(),
        file,
        peer: peer(object)?,
        sop_class: Uid::parse(object.sop_class.as_bytes()).ok()?,
        sop_instance: Uid::parse(object.sop_instance.as_bytes()).ok()?,
        study: study.map(|uid| uid.as_bytes().into()),
        transfer_syntax: Some(object.transfer_syntax.clone().into()),
        entry: None,
    })))
}

/// The end of the study that an object is of.
fn end_of_study(object: &ReceivedObject) -> Option<Job> {
    let folder = names(object.file.as_ref()?)?.into_iter().next()?;
    let uid = object.attributes.study_instance_uid.as_ref()?.as_bytes().into();
    let (reason, files, peer) = (Reason::Timeout, Vec::new(), peer(object)?);
    Some(Job::EndOfStudy(EndedStudy { folder, uid, reason, files, peer, number: 0 }))
}

fn names(file: &str) -> Option<Vec<FileName>> {
    file.split('/').map(|name| FileName::new(name.to_owned())).collect()
}

fn peer(object: &ReceivedObject) -> Option<Peer> {
    Some(Peer {
        calling_ae: title(&object.calling),
        called_ae: title(&object.called),
        address: object.peer.parse().ok()?,
        association: object.association,
    })
}

/// A title as it came: the catalogue has it as Latin-1.
fn title(text: &str) -> AeTitle {
    let mut field = [b' '; AeTitle::BYTES];
    for (byte, letter) in field.iter_mut().zip(text.chars()) {
        *byte = u8::try_from(u32::from(letter)).unwrap_or(b'?');
    }
    AeTitle::from_field(field)
}

#[cfg(test)]
mod tests {
    use super::*;
    use catalog::ObjectAttributes;
    use std::time::SystemTime;

    fn object(file: Option<&str>) -> ReceivedObject {
        ReceivedObject {
            key: "k".to_owned(),
            directory: "/data".into(),
            file: file.map(str::to_owned),
            spool: None,
            sop_class: "1.2.840.10008.5.1.4.1.1.2".to_owned(),
            sop_instance: "1.2.3".to_owned(),
            transfer_syntax: "1.2.840.10008.1.2.1".to_owned(),
            size: 1,
            digest: None,
            received: SystemTime::UNIX_EPOCH,
            association: 3,
            calling: "CT ÿ; $(x)".to_owned(),
            called: "ANY".to_owned(),
            peer: "10.0.0.1".to_owned(),
            rule: None,
            replaced: false,
            kept: false,
            attributes: ObjectAttributes {
                study_instance_uid: Some("1.2".to_owned()),
                ..ObjectAttributes::default()
            },
        }
    }

    #[test]
    fn a_command_gets_of_the_catalogue_what_it_gets_of_the_association() {
        let Some(Job::Reception(found)) = reception(&object(Some("a/b c/CT.1.2.3"))) else {
            panic!("it has a file")
        };
        let names: Vec<_> = found.folders.iter().map(FileName::as_str).collect();
        assert_eq!(
            (&names[..], found.file.as_ref().map(FileName::as_str)),
            (&["a", "b c"][..], Some("CT.1.2.3"))
        );
        assert_eq!(found.peer.calling_ae.field(), *b"CT \xff; $(x)      ");
        assert_eq!(found.study.as_deref(), Some(&b"1.2"[..]));
        let Some(Job::EndOfStudy(study)) = end_of_study(&object(Some("1.2/CT.1.2.3"))) else {
            panic!("it has a folder")
        };
        assert_eq!((study.folder.as_str(), &*study.uid), ("1.2", &b"1.2"[..]));
        assert!(reception(&object(Some("../etc"))).is_none());
        assert!(reception(&object(None)).is_none(), "not the folder alone");
        assert!(end_of_study(&object(None)).is_none());
    }

    #[test]
    fn what_associations_wait_for_and_files_that_are_renamed_stay_with_the_pool() {
        let settings = CommandSettings {
            on_reception: Some("a".into()),
            on_end_of_study: Some("b".into()),
            max_commands: 8,
            ..CommandSettings::default()
        };
        let names = |settings: &CommandSettings, is_sorted| {
            Delivered::of(settings, is_sorted).names().collect::<Vec<_>>()
        };
        assert_eq!(names(&settings, true), [ON_RECEPTION, ON_END_OF_STUDY]);
        assert_eq!(names(&settings, false), [ON_RECEPTION]);
        let renames = CommandSettings { rename_on_end_of_study: true, ..settings.clone() };
        assert_eq!(names(&renames, true), [ON_RECEPTION]);
        let waits = CommandSettings { wait: true, ..settings.clone() };
        assert_eq!(names(&waits, true), [] as [&str; 0]);
        let rest = Delivered::of(&renames, true).rest(&renames);
        assert_eq!((rest.on_reception, rest.on_end_of_study), (None, Some("b".into())));
        let made = destination_settings(ON_END_OF_STUDY.to_owned(), &settings);
        assert_eq!((made.on, made.concurrency), (vec![On::Study], 8));
    }
}
