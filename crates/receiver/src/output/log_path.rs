//! Paths as the log may show them.

use super::settings::{OutputSettings, Sorting};
use super::template::PathTemplate;
use dataset::Uid;
use std::borrow::Cow;
use std::fmt;
use std::path::Path;
use storage::FileName;

/// A file or folder in the output directory, for the log.
///
/// It prints as the path, but for what a data set says of a patient: of a folder that is named by
/// Patient's Name the name is `<patient>`, and the time stays, which tells the folder apart. A Study
/// Instance UID that is not one, so that it may be anything, is `<study>`. Of names by a template, those are shown that
/// consist of UIDs, dates, numbers and modalities; in place of others stands what the template says, `{PatientID}`.
#[derive(Clone, Copy, Debug)]
pub struct LogPath<'p> {
    directory: &'p Path,
    sorting: Option<&'p Sorting>,
    template: Option<&'p PathTemplate>,
    folders: &'p [FileName],
    file: Option<&'p FileName>,
}

impl<'p> LogPath<'p> {
    /// A file in these folders, the outermost first: in that of a study, if objects are sorted, or in those of a
    /// template. Either may be missing.
    #[must_use]
    pub fn new(
        output: &'p OutputSettings,
        folders: &'p [FileName],
        file: Option<&'p FileName>,
    ) -> Self {
        let template = output.path.as_ref();
        let sorting = output.sorting.as_ref().filter(|_| template.is_none());
        Self { directory: &output.directory, sorting, template, folders, file }
    }

    /// The output directory.
    pub(crate) fn directory(&self) -> &'p Path {
        self.directory
    }

    /// Whether something of the path itself must not be shown.
    #[must_use]
    pub fn hides_something(&self) -> bool {
        let mut names = self.names();
        names.any(|(level, name)| self.shown(level, name).is_some_and(|shown| shown != name))
    }

    /// The names behind the directory; that of the file has the level of a file.
    fn names(&self) -> impl Iterator<Item = (usize, &'p str)> {
        let level = self.template.map_or(usize::MAX, PathTemplate::folders);
        let folders = self.folders.iter().map(FileName::as_str).enumerate();
        folders.chain(self.file.map(|file| (level, file.as_str())))
    }

    /// What is shown in place of a name; `None` if it is shown as it is.
    fn shown(&self, level: usize, name: &'p str) -> Option<Cow<'p, str>> {
        match self.template {
            Some(template) => Some(template.shown(level, name).into()),
            None if level == 0 => shown_folder(name, self.sorting).map(Cow::Owned),
            None => None,
        }
    }
}

impl fmt::Display for LogPath<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.directory.display().fmt(f)?;
        self.names().try_for_each(|(level, name)| match self.shown(level, name) {
            Some(shown) => write!(f, "/{shown}"),
            None => write!(f, "/{name}"),
        })
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
        let folders = [FileName::new(folder.to_owned()).unwrap()];
        let file = FileName::new("CT.1.2.3".to_owned()).unwrap();
        let mut settings = OutputSettings::new("/data".into());
        settings.sorting = Some(sorting.clone());
        let path = LogPath::new(&settings, &folders, Some(&file));
        let hides = !path.to_string().contains(folder);
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
    fn of_a_template_only_what_says_nothing_of_a_patient_is_shown() {
        let mut settings = OutputSettings::new("/data".into());
        // Without effect.
        settings.sorting = Some(Sorting::ByPatientName);
        let template = "{PatientID}/{StudyDate:%Y}/{SOPClass}.{SOPInstanceUID}";
        settings.path = Some(PathTemplate::parse(template).unwrap());
        let name = |text: &str| FileName::new(text.to_owned()).unwrap();
        let (folders, file) = ([name("4711"), name("2026")], name("CT.1.2.3"));
        let path = LogPath::new(&settings, &folders, Some(&file));
        assert_eq!(path.to_string(), "/data/{PatientID}/2026/CT.1.2.3");
        assert!(path.hides_something());
        assert!(!LogPath::new(&settings, &[], Some(&file)).hides_something());
        assert_eq!(LogPath::new(&settings, &[], None).to_string(), "/data");
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
