//! Where the catalogue is, as the options of a command say it.

use crate::cli::{self, Action, Config};
use crate::settings;
use archive::{CatalogSettings, CatalogUrl};
use catalog::Catalog;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

/// Where the catalogue is: `--settings`, `--catalog` and `--output-directory`.
#[derive(Debug, Default)]
pub(super) struct Place {
    settings: Option<PathBuf>,
    url: Option<CatalogUrl>,
    directory: Option<PathBuf>,
}

impl Place {
    /// Takes the options that say where the catalogue is out of the words of a command, and returns the others.
    ///
    /// # Errors
    /// In words, an option without its value, or with one that cannot be.
    pub(super) fn take(words: Vec<String>) -> Result<(Self, Vec<String>), String> {
        let mut place = Self::default();
        let mut others = Vec::new();
        let mut words = words.into_iter();
        while let Some(word) = words.next() {
            let (name, joined) = match word.split_once('=') {
                Some((name, value)) if name.starts_with("--") => (name, Some(value.to_owned())),
                _ => (word.as_str(), None),
            };
            let mut value = || {
                let value = joined.clone().or_else(|| words.next());
                value.ok_or_else(|| format!("{name} needs a value"))
            };
            match name {
                "--settings" => place.settings = Some(PathBuf::from(value()?)),
                "--catalog" => place.url = Some(value()?.parse()?),
                "--output-directory" | "-od" => place.directory = Some(PathBuf::from(value()?)),
                _ => others.push(word),
            }
        }
        Ok((place, others))
    }

    /// The settings that these options are the command line of; their catalogue is never `None`.
    ///
    /// # Errors
    /// In words, that the options say nothing, or what is wrong with the settings file.
    pub(super) fn config(&self) -> Result<Config, String> {
        if self.settings.is_none() && self.url.is_none() && self.directory.is_none() {
            return Err(
                "say where the catalogue is: --settings FILE, --catalog URL or --output-directory \
                 DIRECTORY"
                    .to_owned(),
            );
        }
        let mut words: Vec<OsString> = Vec::new();
        if let Some(directory) = &self.directory {
            words.extend(["--output-directory".into(), directory.clone().into()]);
        }
        match &self.settings {
            Some(file) => words.extend(["--settings".into(), file.clone().into()]),
            // Any port: nothing listens.
            None => words.push("104".into()),
        }
        let command_line = match cli::parse(words.into_iter()) {
            Action::Run(config) => *config,
            Action::UsageError(text) | Action::PrintAndExit(text) => return Err(text),
        };
        let mut config = match &self.settings {
            Some(file) => {
                settings::load(file, &command_line).map_err(|faults| faults.to_string())?
            }
            None => command_line,
        };
        if let Some(directory) = &self.directory {
            config.output.directory.clone_from(directory);
        }
        let url = self.url.clone().unwrap_or(CatalogUrl::InOutputDirectory);
        match &mut config.catalog {
            Some(settings) => {
                if self.url.is_some() {
                    settings.url = url;
                }
            }
            missing @ None => *missing = Some(CatalogSettings::at(url)),
        }
        Ok(config)
    }

    /// Opens the catalogue, which has to be there.
    ///
    /// # Errors
    /// In words, why it cannot be opened.
    pub(super) fn open(&self) -> Result<Arc<dyn Catalog>, String> {
        let config = self.config()?;
        let directory = &config.output.directory;
        let settings = config.catalog.as_ref().ok_or("there is no catalogue")?;
        if let Some(file) = settings.url.file(directory)
            && !file.exists()
        {
            return Err(format!(
                "there is no catalogue at {}: the receiver makes it, and storescp catalog rebuild makes it from \
                 files",
                file.display()
            ));
        }
        let url = settings.url.connection(directory).map_err(|error| error.to_string())?;
        catalog::open(&url).map_err(|error| error.to_string())
    }
}
