//! The data dictionary: built in, or the files that `DCMDICTPATH` names.

use crate::error::Error;
use dataset::Dictionary;
use std::ffi::OsStr;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use tracing::error;

/// The environment variable that names dictionary files, separated by colons.
pub const PATH_VARIABLE: &str = "DCMDICTPATH";

/// Loads the dictionary: the files of `path` in DCMTK's `dicom.dic` format, later entries before
/// earlier ones, and nothing else; or, where `path` is `None` or empty, the one that is built in.
///
/// A file that cannot be read, and each line that cannot be understood, is logged as an error; the
/// rest is used.
///
/// # Errors
/// [`Error::NoDictionary`] if nothing was loaded at all.
pub fn load(path: Option<&OsStr>) -> Result<Dictionary, Error> {
    let Some(path) = path.filter(|path| !path.is_empty()) else {
        return Ok(Dictionary::built_in());
    };
    let mut dictionary = Dictionary::empty();
    for file in std::env::split_paths(path).filter(|file| !file.as_os_str().is_empty()) {
        add(&mut dictionary, &file);
    }
    if dictionary.is_empty() { Err(Error::NoDictionary) } else { Ok(dictionary) }
}

fn add(dictionary: &mut Dictionary, path: &Path) {
    let name = path.display();
    let loaded = File::open(path).and_then(|file| dictionary.load(BufReader::new(file)));
    match loaded {
        Ok(faults) => {
            for fault in faults {
                error!("DcmDataDictionary: {name}: {fault}");
            }
        }
        Err(_) => error!("DcmDataDictionary: Cannot open file: {name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::doubles::Scratch;
    use std::fs;

    #[test]
    fn without_a_path_the_built_in_one_is_used() {
        assert!(!load(None).unwrap().is_empty());
        assert!(!load(Some(OsStr::new(""))).unwrap().is_empty());
    }

    #[test]
    fn nothing_loaded_is_an_error_and_a_part_is_not() {
        let scratch = Scratch::new("dictionary");
        let good = scratch.0.join("good.dic");
        let bad = scratch.0.join("bad.dic");
        fs::write(&good, "(0010,0010)\tPN\tPatientName\n").unwrap();
        fs::write(&bad, "nonsense\n").unwrap();
        let path = |files: &[&Path]| std::env::join_paths(files).unwrap();
        let missing = scratch.0.join("missing.dic");
        assert!(matches!(load(Some(OsStr::new(":"))), Err(Error::NoDictionary)));
        assert!(matches!(load(Some(&path(&[&missing, &bad]))), Err(Error::NoDictionary)));
        assert!(!load(Some(&path(&[&missing, &bad, &good]))).unwrap().is_empty());
    }
}
