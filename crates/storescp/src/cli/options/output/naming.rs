//! Options about the names of files and directories.

use crate::cli::fault::{Fault, Misfit};
use crate::cli::options::spec::{Choice, Opt, OptionSpec, Value};
use crate::cli::options::typed::Typed;
use receiver::Sorting;
use receiver::output::naming::{FileNaming, NameStyle};
use storage::FileName;

pub(super) const SORTING: &[OptionSpec] = &[
    OptionSpec::new(
        Opt::SortConcStudies,
        "-ss",
        "--sort-conc-studies",
        &["a directory per study, named by prefix p and", "time"],
    )
    .takes("[p]refix: string", &[Value::Text])
    .one_of(Choice::Sorting),
    OptionSpec::new(
        Opt::SortOnStudyUid,
        "-su",
        "--sort-on-study-uid",
        &["a directory per study, named by prefix p and", "Study Instance UID"],
    )
    .takes("[p]refix: string", &[Value::Text])
    .one_of(Choice::Sorting),
    OptionSpec::new(
        Opt::SortOnPatientname,
        "-sp",
        "--sort-on-patientname",
        &["a directory per study, named by Patient's Name", "and time"],
    )
    .one_of(Choice::Sorting),
];

pub(super) const FILE_NAMES: &[OptionSpec] = &[
    OptionSpec::new(
        Opt::DefaultFilenames,
        "-uf",
        "--default-filenames",
        &["from the SOP Instance UID (default)"],
    )
    .one_of(Choice::FileNames),
    OptionSpec::new(Opt::UniqueFilenames, "+uf", "--unique-filenames", &["from a new UID"])
        .one_of(Choice::FileNames),
    OptionSpec::new(Opt::Timenames, "-tn", "--timenames", &["from the time of reception"]),
    OptionSpec::new(
        Opt::FilenameExtension,
        "-fe",
        "--filename-extension",
        &["append e to every name"],
    )
    .takes("[e]xtension: string", &[Value::Text]),
];

/// How files are named.
pub(super) fn file_naming(typed: &Typed) -> Result<FileNaming, Fault> {
    typed.refuse_with(Opt::Timenames, &[Opt::UniqueFilenames])?;
    let style = match typed.chosen(Choice::FileNames) {
        Some(Opt::UniqueFilenames) => NameStyle::NewUid,
        _ if typed.has(Opt::Timenames) => NameStyle::Time,
        _ => NameStyle::SopInstance,
    };
    let extension = typed.text(Opt::FilenameExtension).unwrap_or_default();
    // Whether the longest name made with it fits a file system, shows only then.
    match extension.to_str().filter(|text| text.is_empty() || part_of_name(text)) {
        Some(extension) => Ok(FileNaming { style, extension: extension.to_owned() }),
        None => Err(Fault::Value("--filename-extension", extension.into(), Misfit::Malformed)),
    }
}

/// How objects are sorted, and any path in the prefix.
pub(super) fn sorting(typed: &Typed) -> Result<(Option<Sorting>, Option<&str>), Fault> {
    let Some(option) = typed.chosen(Choice::Sorting) else { return Ok((None, None)) };
    if option == Opt::SortOnPatientname {
        return Ok((Some(Sorting::ByPatientName), None));
    }
    let value = typed.text(option).unwrap_or_default();
    let invalid = || Fault::Value(typed.name_of(option), value.into(), Misfit::Malformed);
    let text = value.to_str().ok_or_else(invalid)?;
    let (parent, prefix) = match text.rfind('/') {
        Some(slash) => (Some(&text[..=slash]), &text[slash + 1..]),
        None => (None, text),
    };
    if !prefix.is_empty() && !part_of_name(prefix) {
        return Err(invalid());
    }
    let prefix = prefix.to_owned();
    let sorting = match option {
        Opt::SortConcStudies => Sorting::ByTime { prefix },
        _ => Sorting::ByStudyUid { prefix },
    };
    Ok((Some(sorting), parent))
}

/// Whether the name of a file can have this in it.
fn part_of_name(text: &str) -> bool {
    FileName::new(format!("x{text}")).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::tests::{config, fault};
    use std::path::Path;

    #[test]
    fn files_are_named_and_sorted() {
        let naming = |line| config(line).output.file_naming;
        let style = |line| naming(line).style;
        assert_eq!(style("1 +uf -uf"), NameStyle::SopInstance);
        assert_eq!(style("1 -uf +uf"), NameStyle::NewUid);
        assert_eq!(style("1 +uf -uf -tn"), NameStyle::Time);
        assert_eq!(naming("1 -fe .dcm").extension, ".dcm");
        assert_eq!(fault("1 -fe a/b"), "Invalid value for option --filename-extension (a/b)");

        let output = |line| config(line).output;
        let sorting = |line| output(line).sorting;
        let prefix = "p".to_owned();
        assert_eq!(sorting("1 -su x -ss p"), Some(Sorting::ByTime { prefix: prefix.clone() }));
        assert_eq!(
            sorting("1 -ss x -su p +B"),
            Some(Sorting::ByStudyUid { prefix: prefix.clone() })
        );
        assert_eq!(sorting("1 -ss x -sp"), Some(Sorting::ByPatientName));
        let nested = output("1 -od /out/ -su a/b/p");
        assert_eq!(nested.sorting, Some(Sorting::ByStudyUid { prefix }));
        assert_eq!(nested.directory, Path::new("/out/a/b"));
        assert_eq!(fault("1 -ss a\\b"), "Invalid value for option --sort-conc-studies (a\\b)");
    }
}
