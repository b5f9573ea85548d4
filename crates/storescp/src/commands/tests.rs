//! Numbering, on a real directory and on a disk that loses its power.

use super::job_runner::numbering::number_files;
use super::*;
use platform::sync::Instant;
use platform::testing::Scratch;
use receiver::Sorting;
use receiver::net::PeerNames;
use receiver::output::studies::{Reason, StudyFile};
use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use storage::doubles::power_loss::{Disk, DiskKind, Fault, Survives};
use storage::{
    Directory, Durability, FileIdentity, FileName, Folder, IfExists, InstanceFile, PreparedFile,
};

/// `id` says which file has a name.
fn study(files: &[(&str, &'static str)], id: impl Fn(&str) -> Option<FileIdentity>) -> EndedStudy {
    let name = |text: &str| FileName::new(text.to_owned()).unwrap();
    let stored = |&(file, prefix): &(&str, &'static str)| StudyFile {
        name: name(file),
        prefix,
        id: id(file),
    };
    let files = files.iter().map(stored);
    let (uid, reason) = (Box::from(&b"1.2.3"[..]), Reason::Stop);
    EndedStudy {
        folder: name("study"),
        uid,
        reason,
        files: files.collect(),
        peer: Peer::default(),
        number: 0,
    }
}

/// Which file of this folder has a name.
fn in_folder(folder: &Path) -> impl Fn(&str) -> Option<FileIdentity> {
    |name| FileIdentity::of(&File::open(folder.join(name)).ok()?).ok()
}

fn content(folder: &Path) -> Vec<(String, String)> {
    let entry = |entry: fs::DirEntry| {
        let name = entry.file_name().into_string().unwrap();
        (name, fs::read_to_string(entry.path()).unwrap())
    };
    let mut all: Vec<_> =
        fs::read_dir(folder).unwrap().map(|found| entry(found.unwrap())).collect();
    all.sort();
    all
}

#[test]
fn files_are_numbered_and_none_is_replaced() {
    let scratch = Scratch::new("numbering");
    let folder = scratch.0.join("study");
    fs::create_dir(&folder).unwrap();
    let storage = Directory::open(&scratch.0, Durability::Full).unwrap();
    for round in ["1", "2"] {
        for name in ["CT.1", "SRd.2", "CT.3"] {
            fs::write(folder.join(name), format!("{name} of {round}")).unwrap();
        }
        let files =
            [("CT.1", "CT"), ("gone", "CT"), ("SRd.2", "SRd"), ("CT.1", "CT"), ("CT.3", "CT")];
        number_files(&storage, &study(&files, in_folder(&folder)), &folder).unwrap();
    }
    let expected = [
        ("CT000001", "CT.1 of 1"),
        ("CT000002", "CT.1 of 2"),
        ("CT000005", "CT.3 of 1"),
        ("CT000006", "CT.3 of 2"),
        ("SR000003", "SRd.2 of 1"),
        ("SR000004", "SRd.2 of 2"),
    ];
    assert_eq!(content(&folder), expected.map(|(name, text)| (name.to_owned(), text.to_owned())));
}

/// Another process has replaced it: its file is not ours to rename.
#[test]
fn a_file_that_was_replaced_meanwhile_keeps_its_name() {
    let scratch = Scratch::new("numbering-foreign");
    let folder = scratch.0.join("study");
    fs::create_dir(&folder).unwrap();
    let storage = Directory::open(&scratch.0, Durability::Full).unwrap();
    for name in ["CT.1", "CT.2"] {
        fs::write(folder.join(name), "ours").unwrap();
    }
    let ended = study(&[("CT.1", "CT"), ("CT.2", "CT")], in_folder(&folder));
    fs::write(folder.join("new"), "another one").unwrap();
    fs::rename(folder.join("new"), folder.join("CT.1")).unwrap();
    number_files(&storage, &ended, &folder).unwrap();
    let expected = [("CT.1", "another one"), ("CT000002", "ours")];
    assert_eq!(content(&folder), expected.map(|(name, text)| (name.to_owned(), text.to_owned())));
}

/// Its inode has the number that ours had, as soon as others have replaced it twice.
#[test]
fn a_file_with_a_number_that_is_used_again_keeps_its_name() {
    let scratch = Scratch::new("numbering-inode");
    let folder = scratch.0.join("study");
    fs::create_dir(&folder).unwrap();
    let storage = Directory::open(&scratch.0, Durability::Full).unwrap();
    fs::write(folder.join("CT.1"), "another one").unwrap();
    let found = in_folder(&folder)("CT.1").unwrap();
    for created in [Some((1, 1)), found.created] {
        let ours = FileIdentity { created, ..found };
        number_files(&storage, &study(&[("CT.1", "CT")], |_| Some(ours)), &folder).unwrap();
        let expected = if ours == found { "CT000001" } else { "CT.1" };
        assert_eq!(content(&folder), [(expected.to_owned(), "another one".to_owned())]);
    }
}

/// Each stored object is there afterwards, whole, under the old name or the new one.
#[test]
fn a_power_loss_while_files_are_numbered_loses_none() {
    const FILES: [(&str, &str); 3] = [("CT.1", "CT"), ("SRd.2", "SRd"), ("CT.3", "CT")];
    for (way, fault) in DiskKind::ALL.into_iter().flat_map(|way| {
        [Fault::PowerLoss as fn(usize) -> Fault, Fault::LostWrite].map(|f| (way, f))
    }) {
        let mut steps = 0;
        loop {
            let disk = Disk::new(way, fault(steps));
            let store = |file: &&(&str, &str)| store_in_study(&disk, file.0).is_ok();
            let stored: Vec<_> = FILES.iter().take_while(store).collect();
            let numbered = number_files(
                &disk,
                &study(&FILES, |name| disk.id_of("study", name)),
                Path::new("study"),
            );
            for survives in Survives::ALL {
                let found = disk.after_power_loss(survives);
                for (number, (name, prefix)) in stored.iter().enumerate() {
                    let new = format!("study/{}{:06}", &prefix[..2], number + 1);
                    let kept = [format!("study/{name}"), new];
                    let kept: Vec<_> = kept.iter().filter_map(|name| found.get(name)).collect();
                    assert_eq!(kept, [name.as_bytes()], "{name}, {way:?} {steps} {survives:?}");
                }
            }
            if numbered.is_ok() && stored.len() == FILES.len() {
                break;
            }
            steps += 1;
        }
        assert!(steps > FILES.len());
    }
}

fn store_in_study(disk: &Arc<Disk>, called: &str) -> Result<(), storage::Error> {
    let name = |text: &str| FileName::new(text.to_owned()).unwrap();
    let mut file =
        InstanceFile::create(disk, &mut PreparedFile::default(), called.as_bytes().to_vec())?;
    file.enter(&[name("study")], Durability::Full)?;
    file.commit(&mut std::iter::once(name(called)), IfExists::Replace, Durability::Full)?;
    Ok(())
}

#[test]
fn a_folder_that_is_gone_or_a_link_is_left_alone() {
    let [scratch, elsewhere] = ["numbering-gone", "numbering-link"].map(Scratch::new);
    let storage = Directory::open(&scratch.0, Durability::Full).unwrap();
    let files = [("CT.1", "CT")];
    assert!(number_files(&storage, &study(&files, |_| None), &scratch.0).is_err());
    fs::write(elsewhere.0.join("CT.1"), "precious").unwrap();
    std::os::unix::fs::symlink(&elsewhere.0, scratch.0.join("study")).unwrap();
    assert!(number_files(&storage, &study(&files, |_| None), &scratch.0).is_err());
    assert_eq!(content(&elsewhere.0), [("CT.1".to_owned(), "precious".to_owned())]);
}

/// Storage that has no descriptor for a while.
struct Short {
    inner: Directory,
    lacks: AtomicUsize,
}

impl Storage for Short {
    fn folder(&self) -> io::Result<Arc<dyn Folder>> {
        let lacks = |left: usize| left.checked_sub(1);
        if self.lacks.fetch_update(Ordering::SeqCst, Ordering::SeqCst, lacks).is_ok() {
            return Err(rustix::io::Errno::MFILE.into());
        }
        self.inner.folder()
    }

    fn close_unused(&self) {}
}

/// Numbers and command come once each, later.
#[test]
fn a_study_is_numbered_when_there_are_descriptors_again() {
    let scratch = Scratch::new("numbering-later");
    let folder = scratch.0.join("study");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("CT.1"), "one").unwrap();
    let settings = CommandSettings {
        on_end_of_study: Some("echo #p >>#p/done".into()),
        rename_on_end_of_study: true,
        max_commands: 1,
        ..CommandSettings::default()
    };
    let output = OutputSettings {
        sorting: Some(Sorting::ByStudyUid { prefix: String::new() }),
        ..OutputSettings::new(scratch.0.clone())
    };
    let inner = Directory::open(&scratch.0, Durability::None).unwrap();
    let storage: Arc<dyn Storage> = Arc::new(Short { inner, lacks: AtomicUsize::new(3) });
    let pool = Arc::new(CommandPool::new(Arc::new(PeerNames::new(false))));
    pool.start(1).unwrap();
    let commands = Commands::new(&settings, &output, Some(storage), Arc::clone(&pool)).unwrap();
    commands.after_studies(vec![study(&[("CT.1", "CT")], in_folder(&folder))]);
    assert!(pool.finish(Instant::now() + std::time::Duration::from_secs(20)));
    let done = (String::from("done"), format!("{}\n", folder.display()));
    assert_eq!(content(&folder), [("CT000001".to_owned(), "one".to_owned()), done]);
}
