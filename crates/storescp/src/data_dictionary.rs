//! The data dictionary: built in and supplemented by DCMTK's own where that is installed, or the files
//! that `DCMDICTPATH` names.

use crate::error::Error;
use dataset::Dictionary;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use tracing::{debug, error, warn};

/// The environment variable that names dictionary files, separated by colons.
pub const PATH_VARIABLE: &str = "DCMDICTPATH";

/// Where packages of DCMTK have the folder of their dictionaries: Debian `libdcmtk17`, others `dcmtk` or
/// `dcmtk-3.6.8`.
pub const SHARED: [&str; 2] = ["/usr/share", "/usr/local/share"];

/// DCMTK's dictionaries, as its programs load them: the standard's, and that of many vendors.
const DCMTKS: [&str; 2] = ["dicom.dic", "private.dic"];

/// The longest file of DCMTK's that is taken. Those of 3.6.7 have 0.3 MB.
const DCMTKS_BYTES: u64 = 4 * 1024 * 1024;

/// Loads the dictionary: the files of `path` in DCMTK's `dicom.dic` format, later entries before
/// earlier ones, and nothing else; or, where `path` is `None` or empty, the one that is built in,
/// supplemented by the newest of DCMTK's below the folders of `shared`. That takes some 2 ms.
///
/// A file that cannot be read, and each line that cannot be understood, is logged as an error, of
/// DCMTK's own files as one warning; the rest is used.
///
/// # Errors
/// [`Error::NoDictionary`] if nothing was loaded at all.
pub fn load(path: Option<&OsStr>, shared: &[&Path]) -> Result<Dictionary, Error> {
    let Some(path) = path.filter(|path| !path.is_empty()) else {
        let mut dictionary = Dictionary::built_in();
        for file in dcmtks_files(shared) {
            supplement(&mut dictionary, &file);
        }
        return Ok(dictionary);
    };
    let mut dictionary = Dictionary::empty();
    for file in std::env::split_paths(path).filter(|file| !file.as_os_str().is_empty()) {
        add(&mut dictionary, &file);
    }
    if dictionary.is_empty() { Err(Error::NoDictionary) } else { Ok(dictionary) }
}

fn add(dictionary: &mut Dictionary, path: &Path) {
    let name = path.display();
    debug!("DcmDataDictionary: Loading file: {name}");
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

/// No option names this file: whatever is wrong with it, the server starts.
fn supplement(dictionary: &mut Dictionary, path: &Path) {
    let name = path.display();
    debug!("DcmDataDictionary: Loading file: {name}");
    match open_dcmtks(path).and_then(|file| dictionary.supplement(BufReader::new(file))) {
        Ok((_, None)) => {}
        Ok((count, Some(first))) => {
            warn!("DcmDataDictionary: {name}: {count} lines are left out, the first: {first}");
        }
        Err(error) => warn!("DcmDataDictionary: {name} is not used: {error}"),
    }
}

/// Opens a plain file of bounded size. Others, such as a pipe, might never end.
fn open_dcmtks(path: &Path) -> io::Result<impl Read> {
    let plain = fs::metadata(path)?;
    if !plain.is_file() || plain.len() > DCMTKS_BYTES {
        return Err(io::Error::other("it is no file, or too large"));
    }
    Ok(File::open(path)?.take(DCMTKS_BYTES))
}

/// The dictionaries of the newest DCMTK in the first of these folders that has one.
fn dcmtks_files(shared: &[&Path]) -> Vec<PathBuf> {
    let folders = shared.iter().flat_map(|shared| {
        let entries = fs::read_dir(shared).into_iter().flatten().flatten();
        let mut folders: Vec<(Vec<u32>, PathBuf)> = entries
            .filter_map(|entry| Some((dcmtks_version(entry.file_name().to_str()?)?, entry.path())))
            .collect();
        folders.sort();
        folders.into_iter().rev().map(|(_, folder)| folder)
    });
    let files = folders.map(|folder| {
        DCMTKS.iter().map(|name| folder.join(name)).filter(|file| file.exists()).collect()
    });
    files.into_iter().find(|files: &Vec<PathBuf>| !files.is_empty()).unwrap_or_default()
}

/// The version in the name of a folder with DCMTK's dictionaries: `libdcmtk17`, `dcmtk-3.6.8`.
fn dcmtks_version(name: &str) -> Option<Vec<u32>> {
    let version = name.strip_prefix("libdcmtk").or_else(|| name.strip_prefix("dcmtk"))?;
    let version = version.strip_prefix('-').unwrap_or(version);
    if version.is_empty() {
        return Some(Vec::new());
    }
    version.split('.').map(|number| number.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use dataset::dictionary::EntryVr;
    use dataset::{Tag, Vr};
    use platform::testing::Scratch;

    const NOWHERE: &[&Path] = &[];

    #[test]
    fn without_a_path_the_built_in_one_is_used() {
        assert!(!load(None, NOWHERE).unwrap().is_empty());
        assert!(!load(Some(OsStr::new("")), NOWHERE).unwrap().is_empty());
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
        let load = |path: &OsStr| load(Some(path), NOWHERE);
        assert!(matches!(load(OsStr::new(":")), Err(Error::NoDictionary)));
        assert!(matches!(load(&path(&[&missing, &bad])), Err(Error::NoDictionary)));
        assert!(!load(&path(&[&missing, &bad, &good])).unwrap().is_empty());
    }

    /// What the dictionary has for a tag that the standard does not know.
    fn found(shared: &[&Path]) -> Option<EntryVr> {
        load(None, shared).unwrap().find(Tag(0x0010, 0x0007))
    }

    #[test]
    fn dcmtks_own_is_found_where_it_is_installed_and_the_newest_counts() {
        let scratch = Scratch::new("dcmtks-dictionary");
        let install = |folder: &str, file: &str, vr: &str| {
            let folder = scratch.0.join(folder);
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join(file), format!("(0010,0007)\t{vr}\tX\n")).unwrap();
        };
        let share = scratch.0.join("share");
        let local = scratch.0.join("local");
        let shared = [share.as_path(), local.as_path()];
        assert_eq!(found(&shared), None);
        install("local/dcmtk", "dicom.dic", "UL");
        assert_eq!(found(&shared), Some(EntryVr::Exact(Vr::UL)));
        install("share/libdcmtk9", "dicom.dic", "SH");
        assert_eq!(found(&shared), Some(EntryVr::Exact(Vr::SH)));
        install("share/libdcmtk17", "private.dic", "LO");
        install("share/libdcmtk99-dev", "private.dic", "DS");
        install("share/dcmtk-tools", "private.dic", "DS");
        assert_eq!(found(&shared), Some(EntryVr::Exact(Vr::LO)));
        fs::create_dir_all(share.join("libdcmtk18/private.d")).unwrap();
        assert_eq!(found(&shared), Some(EntryVr::Exact(Vr::LO)), "a folder without dictionaries");
    }

    #[test]
    fn whatever_dcmtks_own_is_it_does_not_stop_the_start() {
        let scratch = Scratch::new("dcmtks-broken-dictionary");
        let folder = scratch.0.join("libdcmtk17");
        fs::create_dir_all(folder.join("private.dic")).unwrap();
        let file = folder.join("dicom.dic");
        let shared = [scratch.0.as_path()];
        for text in
            [&b""[..], b"nonsense", &[0xFF; 5000], b"(0010,0007)\tSH\tX\n\x80\0\t\t\t\t\t\t"]
        {
            fs::write(&file, text).unwrap();
            let dictionary = load(None, &shared).unwrap();
            assert_eq!(dictionary.find(Tag(0x0010, 0x0010)), Some(EntryVr::Exact(Vr::PN)));
        }
        assert_eq!(found(&shared), Some(EntryVr::Exact(Vr::SH)), "good lines count");
        File::create(&file).unwrap().set_len(DCMTKS_BYTES + 1).unwrap();
        assert_eq!(found(&shared), None);
        fs::remove_file(&file).unwrap();
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &file,
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RUSR,
            0,
        )
        .unwrap();
        assert_eq!(found(&shared), None, "a pipe is not waited for");
    }
}
