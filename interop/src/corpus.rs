//! Lists the real DICOM files that come with pydicom, for use as test data.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use crate::{peers, process};

/// One file of the corpus.
#[derive(Clone, Debug)]
pub struct SourceFile {
    /// Path of the file.
    pub path: PathBuf,
    /// Its path below pydicom's data directory.
    pub name: String,
    /// Its transfer syntax.
    pub transfer_syntax: String,
    /// SOP Class UID of the data set.
    pub sop_class: String,
    /// SOP Instance UID of the data set.
    pub sop_instance: String,
}

/// Returns every Part 10 file in pydicom's package that is a SOP instance, sorted by path.
///
/// # Panics
/// If pydicom is not installed.
#[must_use]
pub fn files() -> &'static [SourceFile] {
    static FILES: OnceLock<Vec<SourceFile>> = OnceLock::new();
    FILES.get_or_init(|| {
        let mut command = peers::python_script("corpus.py");
        let output = process::run(&mut command, Duration::from_secs(60)).expect_success("corpus");
        let files: Vec<SourceFile> = output.stdout.lines().map(parse).collect();
        assert!(files.len() > 100, "pydicom has lost files: {}", files.len());
        files
    })
}

/// Returns the file with this name, such as `test_files/CT_small.dcm`.
///
/// # Panics
/// If there is no such file.
#[must_use]
pub fn file(name: &str) -> &'static SourceFile {
    let found = files().iter().find(|file| file.name == name);
    found.unwrap_or_else(|| panic!("no {name} in the corpus"))
}

fn parse(line: &str) -> SourceFile {
    let fields: Vec<&str> = line.split('\t').collect();
    let &[path, name, transfer_syntax, sop_class, sop_instance] = fields.as_slice() else {
        panic!("not five fields: {line:?}");
    };
    SourceFile {
        path: Path::new(path).to_owned(),
        name: name.to_owned(),
        transfer_syntax: transfer_syntax.to_owned(),
        sop_class: sop_class.to_owned(),
        sop_instance: sop_instance.to_owned(),
    }
}
