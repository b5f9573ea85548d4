//! Provides pydicom's files as data sets, unchanged and converted to the uncompressed transfer syntaxes.

use std::fs;
use std::path::{Path, PathBuf};

use super::Case;
use crate::part10::Part10;
use crate::wire::uid;
use crate::{corpus, peers};

/// Returns every file of at most `limit` bytes, in every transfer syntax that DCMTK's `dcmconv` can convert it
/// to. The converted files are cached in the target directory.
pub(super) fn real_files(limit: u64) -> Vec<Case> {
    let cache = cache();
    let small = |path: &Path| fs::metadata(path).is_ok_and(|file| file.len() <= limit);
    let mut cases = Vec::new();
    for (number, file) in corpus::files().iter().enumerate() {
        if !small(&file.path) {
            continue;
        }
        let mut paths = vec![file.path.clone()];
        paths.extend(CONVERSIONS.iter().filter_map(|(name, options)| {
            converted(&file.path, cache.join(format!("{number}-{name}")), options)
        }));
        for path in paths {
            let Some(mut part10) = fs::read(path).ok().and_then(|bytes| Part10::parse(&bytes))
            else {
                continue;
            };
            // Files may end with a stream of odd length; messages may not (PS3.5 §A.5).
            if part10.transfer_syntax() == uid::DEFLATED && part10.data_set.len() % 2 == 1 {
                part10.data_set.push(0);
            }
            cases.push(Case {
                name: file.name.clone(),
                transfer_syntax: part10.transfer_syntax(),
                sop_class: file.sop_class.clone(),
                sop_instance: file.sop_instance.clone(),
                bytes: part10.data_set,
            });
        }
    }
    // Skip old explicit big endian files that encode group 0002 in big endian too: nobody sends those.
    cases.retain(|case| !case.bytes.is_empty() && !case.transfer_syntax.is_empty());
    cases
}

/// Folder of the cached files, which are kept until the target directory is cleaned.
pub(super) fn cache() -> PathBuf {
    let cache = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/differential");
    fs::create_dir_all(&cache).expect("a directory in the target directory");
    cache
}

/// Conversions of the same file: with and without group lengths, with explicit lengths and with delimiters.
const CONVERSIONS: [(&str, &[&str]); 4] = [
    ("implicit", &["+ti", "-e", "+g"]),
    ("little", &["+te", "+e", "+g"]),
    ("big", &["+tb", "-e"]),
    ("deflated", &["+td", "+e"]),
];

fn converted(source: &Path, target: PathBuf, options: &[&str]) -> Option<PathBuf> {
    let refused = target.with_extension("refused");
    if refused.exists() {
        return None;
    }
    if !target.exists() {
        let mut command = peers::debian("dcmconv");
        let output = command.args(options).arg(source).arg(&target).output();
        if !output.expect("dcmconv runs").status.success() {
            let _ = fs::remove_file(&target);
            fs::write(refused, "").expect("a note in the target directory");
            return None;
        }
    }
    Some(target)
}

/// The distinct transfer syntaxes of these cases and of the generated data sets.
pub(super) fn transfer_syntaxes(cases: &[Case]) -> Vec<String> {
    let mut syntaxes: Vec<String> =
        [uid::IVLE, uid::EVLE, uid::EVBE, uid::DEFLATED].map(str::to_owned).to_vec();
    for case in cases {
        if !syntaxes.contains(&case.transfer_syntax) {
            syntaxes.push(case.transfer_syntax.clone());
        }
    }
    syntaxes
}
