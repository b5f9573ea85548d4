//! Copies of objects in another folder, by a template.
//!
//! ```text
//!   .storescp-<digest of the event's key>   written, synced ──► <template>, if free ──► folder synced ──► done
//!                                                                   │ taken
//!                                                    equal: done ◄──┴──► other content: <name>_2, _3, …
//! ```
//!
//! A file whose name is taken is looked at: equal content is what was to be delivered, so a repeat changes nothing. Other
//! content is never overwritten. Folders are entered one by one, and symbolic links in them are not followed. What a
//! crash leaves is written anew by the next attempt, under the same temporary name.
//!
//! Memory: two buffers of [`COMPARED_BYTES`] while files are compared, and the names of
//! [`FOLDERS_REMEMBERED`](crate::limits::FOLDERS_REMEMBERED) folders for each session.

mod copy;
mod fault;
mod place;
mod template;
#[cfg(test)]
mod tests;

pub use template::{FolderTemplate, TemplateFault};

use crate::{Destination, Error, FolderSettings, Item, Outcome, Session, Stop, cloud_event};
use copy::{Copied, copy, is_equal};
use fault::Fault;
use place::{Folders, Root};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use storage::FileName;
use storage::portable::split_extension;

/// A destination that is a folder.
#[derive(Debug)]
pub(super) struct Folder {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    root: Root,
    template: FolderTemplate,
    links: bool,
}

impl Folder {
    /// With its settings. The folder is looked at when something is delivered.
    ///
    /// # Errors
    /// [`Error::Destination`]: the template cannot be used.
    pub(super) fn new(name: &str, settings: &FolderSettings) -> Result<Self, Error> {
        let template = FolderTemplate::parse(&settings.file).map_err(|fault| {
            Error::Destination { name: name.to_owned(), reason: format!("file: {fault}") }
        })?;
        let root = Root::new(settings.directory.clone());
        Ok(Self { shared: Arc::new(Shared { root, template, links: settings.link }) })
    }
}

impl Destination for Folder {
    fn open(&self) -> Box<dyn Session> {
        Box::new(FolderSession { shared: Arc::clone(&self.shared), folders: Folders::default() })
    }
}

struct FolderSession {
    shared: Arc<Shared>,
    folders: Folders,
}

impl Session for FolderSession {
    fn deliver(&mut self, items: &[Item], stop: &Stop, tell: &mut dyn FnMut(usize, Outcome)) {
        for (index, item) in items.iter().enumerate() {
            let outcome = match self.store(item, stop) {
                Ok(()) => Outcome::Done,
                Err(Fault::Stopped) => return,
                Err(Fault::Failed(outcome)) => outcome,
            };
            let goes_on = matches!(outcome, Outcome::Done | Outcome::Park { .. });
            tell(index, outcome);
            if !goes_on {
                return;
            }
        }
    }
}

impl FolderSession {
    fn store(&mut self, item: &Item, stop: &Stop) -> Result<(), Fault> {
        let Some(path) = &item.path else {
            let why = if item.missing { "the file is gone" } else { "it is about no object" };
            return Err(Fault::park(why.to_owned()));
        };
        let mut names = self.shared.template.names(&cloud_event(item));
        let Some(name) = names.pop() else {
            return Err(Fault::park("the template makes no name".to_owned()));
        };
        let mut source = File::open(path).map_err(|error| Fault::source(path, &error))?;
        let folder = self.folders.enter(&self.shared.root, &names)?;
        let place = Place { folder, path: self.shared.root.path_of(&names) };
        let linked = self.shared.links && place.link(path, &mut source, &name)?;
        if !linked {
            place.copy(&mut source, &name, &item.delivery.event.key, stop)?;
        }
        place.folder.sync_all().map_err(|error| Fault::destination(&place.path, &error))
    }
}

/// The folder that a file goes into.
struct Place {
    folder: File,
    path: PathBuf,
}

/// A name that a file may get.
enum Taken {
    /// By an equal file.
    Equal,
    /// By something else.
    Other,
}

impl Place {
    /// Returns whether there is a hard link now; false if there can be none.
    fn link(&self, path: &Path, source: &mut File, name: &FileName) -> Result<bool, Fault> {
        for name in candidates(name) {
            match copy::link(path, &self.folder, &name) {
                Ok(()) => return Ok(true),
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                    if let Taken::Equal = self.look(source, &name)? {
                        return Ok(true);
                    }
                }
                Err(error) if copy::has_no_links(&error) => return Ok(false),
                Err(error) => return Err(self.fault(&name, &error)),
            }
        }
        Err(self.crowded(name))
    }

    fn copy(
        &self,
        source: &mut File,
        name: &FileName,
        key: &str,
        stop: &Stop,
    ) -> Result<(), Fault> {
        let mut copied: Option<Copied<'_>> = None;
        for name in candidates(name) {
            if copy::is_there(&self.folder, &name).map_err(|error| self.fault(&name, &error))? {
                if let Taken::Equal = self.look(source, &name)? {
                    return Ok(());
                }
                continue;
            }
            if copied.is_none() {
                copied = Some(copy(source, &self.folder, &self.path, key, stop)?);
            }
            match copied.as_mut().map_or(Ok(()), |copied| copied.publish(&name)) {
                Ok(()) => return Ok(()),
                // Somebody was quicker.
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                    if let Taken::Equal = self.look(source, &name)? {
                        return Ok(());
                    }
                }
                Err(error) => return Err(self.fault(&name, &error)),
            }
        }
        Err(self.crowded(name))
    }

    /// Looks at what has a name. An equal file is made durable.
    fn look(&self, source: &mut File, name: &FileName) -> Result<Taken, Fault> {
        match is_equal(source, &self.folder, name) {
            Ok(true) => Ok(Taken::Equal),
            Ok(false) => Ok(Taken::Other),
            Err(error) => Err(self.fault(name, &error)),
        }
    }

    fn fault(&self, name: &FileName, error: &std::io::Error) -> Fault {
        Fault::destination(&self.path.join(name.as_str()), error)
    }

    fn crowded(&self, name: &FileName) -> Fault {
        let path = self.path.join(name.as_str());
        let most = crate::limits::SAME_NAME_FILES;
        Fault::park(format!("{path:?} and the names up to _{most} are taken by other files"))
    }
}

/// The name, and the same with numbers in front of the extension.
fn candidates(name: &FileName) -> impl Iterator<Item = FileName> {
    let (stem, extension) = split_extension(name.as_str());
    let (stem, extension) = (stem.to_owned(), extension.to_owned());
    let numbered = (2..=crate::limits::SAME_NAME_FILES)
        .filter_map(move |number| FileName::new(format!("{stem}_{number}{extension}")));
    std::iter::once(name.clone()).chain(numbered)
}
