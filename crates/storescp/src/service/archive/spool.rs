//! Where the bytes of objects are kept for deliveries: in the spools of the output directories.

use ::archive::Cataloguer;
use catalog::{SpooledObject, StoredInstance};
use receiver::Durability;
use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use storage::{Directory, FileName, IntentName, Intents, Storage};

/// The spools of all output directories: also of those that the settings do not have any more.
pub(super) struct Spools {
    cataloguer: Arc<Cataloguer>,
    others: Mutex<HashMap<PathBuf, Arc<dyn Intents>>>,
}

impl Spools {
    pub(super) fn new(cataloguer: Arc<Cataloguer>) -> Self {
        Self { cataloguer, others: Mutex::default() }
    }

    fn intents(&self, directory: &Path) -> io::Result<Arc<dyn Intents>> {
        if let Some(intents) = self.cataloguer.intents(directory) {
            return Ok(intents);
        }
        let mut others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(intents) = others.get(directory) {
            return Ok(Arc::clone(intents));
        }
        let opened = Directory::open(directory, Durability::Full)?;
        let intents = opened.intents().ok_or(io::ErrorKind::Unsupported)?;
        others.insert(directory.to_owned(), Arc::clone(&intents));
        Ok(intents)
    }
}

impl delivery::Spool for Spools {
    fn path(&self, instance: &StoredInstance) -> io::Result<Option<PathBuf>> {
        let object = &instance.object;
        if let Some(name) = IntentName::parse(&object.key)
            && let Some(path) = self.intents(&object.directory)?.path(&name)?
        {
            return Ok(Some(path));
        }
        let Some(file) = &object.file else { return Ok(None) };
        if file.split('/').any(|name| FileName::new(name.to_owned()).is_none()) {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "its name is not one that the receiver gives",
            ));
        }
        let path = object.directory.join(file);
        match std::fs::symlink_metadata(&path) {
            Ok(found) if found.is_file() && found.len() == object.size => Ok(Some(path)),
            Ok(_) => Ok(None),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn release(&self, object: &SpooledObject) -> io::Result<()> {
        match IntentName::parse(&object.key) {
            Some(name) => self.intents(&object.directory)?.release(&name),
            None => Ok(()),
        }
    }
}
