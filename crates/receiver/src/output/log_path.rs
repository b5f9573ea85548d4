//! Paths as the log may show them.

use super::settings::{OutputSettings, Sorting};
use dataset::Uid;
use std::fmt;
use std::path::Path;
use storage::FileName;

/// A file or folder in the output directory, for the log.
///
/// It prints as the path, but for what a data set says of a patient: of a folder that is named by
/// Patient's Name the name is `<patient>`, and the time stays, which tells the folder apart. A Study
/// Instance UID that is not one, so that it may be anything, is `<study>`.
#[derive(Clone, Copy, Debug)]
pub struct LogPath<'p> {
    directory: &'p Path,
    sorting: Option<&'p Sorting>,
    folder: Option<&'p FileName>,
    file: Option<&'p FileName>,
}

impl<'p> LogPath<'p> {
    /// A file in the folder of a study, if objects are sorted; either may be missing.
    #[must_use]
    pub fn new(
        output: &'p OutputSettings,
        folder: Option<&'p FileName>,
        file: Option<&'p FileName>,
    ) -> Self {
        let sorting = output.sorting.as_ref();
        Self { directory: &output.directory, sorting, folder, file }
    }

    /// The output directory.
    pub(crate) fn directory(&self) -> &'p Path {
        self.directory
    }

    /// Whether something of the path itself must not be shown.
    #[must_use]
    pub fn hides_something(&self) -> bool {
        self.folder.is_some_and(|folder| shown_folder(folder.as_str(), self.sorting).is_some())
    }
}

impl fmt::Display for LogPath<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.directory.display().fmt(f)?;
        if let Some(folder) = self.folder.map(FileName::as_str) {
            match shown_folder(folder, self.sorting) {
                Some(shown) => write!(f, "/{shown}")?,
                None => write!(f, "/{folder}")?,
            }
        }
        match self.file {
            Some(file) => write!(f, "/{file}"),
            None => Ok(()),
        }
    }
}

/// What is shown in place of a folder's name; `None` if it is shown as it is.
fn shown_folder(folder: &str, sorting: Option<&Sorting>) -> Option<String> {
    match sorting {
        Some(Sorting::ByPatientName) => Some(match folder.rmatch_indices('_').nth(1) {
            Some((end, _)) if is_time(&folder[end + 1..]) => {
                format!("<patient>{}", &folder[end..])
            }
            _ => "<patient>".to_owned(),
        }),
        Some(Sorting::ByStudyUid { prefix }) => {
            let study = folder.strip_prefix(prefix.as_str())?;
            let study = study.strip_prefix('_').unwrap_or(study);
            let is_uid = Uid::parse(study.as_bytes()).is_ok_and(|uid| uid.is_conformant());
            let shown = &folder[..folder.len() - study.len()];
            (!is_uid).then(|| format!("{shown}<study>"))
        }
        Some(Sorting::ByTime { .. }) | None => None,
    }
}

/// Whether this is the time that folders are named by, and no part of a name.
fn is_time(text: &str) -> bool {
    text.split('_').map(str::len).eq([8, 9])
        && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(sorting: &Sorting, folder: &str) -> String {
        let folder = FileName::new(folder.to_owned()).unwrap();
        let file = FileName::new("CT.1.2.3".to_owned()).unwrap();
        let directory = Path::new("/data");
        let path =
            LogPath { directory, sorting: Some(sorting), folder: Some(&folder), file: Some(&file) };
        let hides = !path.to_string().contains(folder.as_str());
        assert_eq!(path.hides_something(), hides, "{path}");
        path.to_string()
    }

    #[test]
    fn a_patients_name_is_not_shown_and_the_time_is() {
        let shown = |folder: &str| shown(&Sorting::ByPatientName, folder);
        let expected = "/data/<patient>_20261129_083015123/CT.1.2.3";
        for name in ["Doe_Jane", "_", "X_20200101_101010101", "山田_太郎", "Doe__20261129"] {
            assert_eq!(shown(&format!("{name}_20261129_083015123")), expected);
        }
        for name in ["Doe_Jane", "Doe_Jane_2026_1", "Doe", "Doe_20261129_0830151234"] {
            assert_eq!(shown(name), "/data/<patient>/CT.1.2.3");
        }
    }

    #[test]
    fn a_study_is_shown_only_if_it_is_a_uid() {
        for (prefix, folder, expected) in [
            ("st", "st_1.2.840.3", "st_1.2.840.3"),
            ("", "1.2.840.3", "1.2.840.3"),
            ("st", "st_DOE_JANE", "st_<study>"),
            ("", "4711:Doe", "<study>"),
            ("st", "st_01.2", "st_<study>"),
        ] {
            let sorting = Sorting::ByStudyUid { prefix: prefix.to_owned() };
            assert_eq!(shown(&sorting, folder), format!("/data/{expected}/CT.1.2.3"));
        }
        let sorting = Sorting::ByTime { prefix: "st".to_owned() };
        assert_eq!(
            shown(&sorting, "st_20261129_083015123"),
            "/data/st_20261129_083015123/CT.1.2.3"
        );
    }
}
