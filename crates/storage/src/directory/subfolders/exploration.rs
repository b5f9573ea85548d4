//! All who use a subfolder at a time use the same one, with its syncs and its claims, whoever makes it and
//! however many others are opened meanwhile.

use crate::directory::exploration::in_new_folders;
use crate::{
    Directory, Durability, FileName, IfExists, InstanceFile, PreparedFile, Storage, SubfolderName,
};
use platform::exploration::{caught, explore};
use platform::sync::{Arc, Mutex, Timers, pause, thread};
use std::collections::HashMap;

/// More than are held open.
const NAMES: [&str; 2] = ["study 1", "study 2"];

#[test]
fn who_meets_in_a_subfolder_shares_it() {
    explore(
        Timers::Patient,
        in_new_folders(|folder| {
            let directory = Arc::new(Directory::open(folder, Durability::Full).unwrap());
            enter_by_turns(move |name| {
                let mut file = directory.folder().unwrap().stage().unwrap();
                let entered = file.enter(&FileName::new(name.to_owned()).unwrap()).unwrap();
                // The file keeps it open.
                (entered.name, file)
            });
        }),
    );
}

/// Two threads that make the same folders in folders, of which fewer stay open than there are levels.
#[test]
fn who_meets_in_nested_folders_stores_in_the_same() {
    explore(
        Timers::Patient,
        in_new_folders(|folder| {
            let directory = Arc::new(Directory::open(folder, Durability::Full).unwrap());
            let threads: Vec<_> = ["CT.1", "CT.2"]
                .into_iter()
                .map(|called| {
                    let directory = Arc::clone(&directory);
                    thread::spawn(move || {
                        let prepared = &mut PreparedFile::default();
                        let directory = directory.as_ref();
                        let mut file =
                            InstanceFile::create(directory, prepared, b"head".to_vec()).unwrap();
                        let name = |text: &str| FileName::new(text.to_owned()).unwrap();
                        file.enter(&["a", "b", "c"].map(name), Durability::Full).unwrap();
                        let names = &mut std::iter::once(name(called));
                        file.commit(names, IfExists::Refuse, Durability::Full).unwrap();
                    })
                })
                .collect();
            threads.into_iter().for_each(|thread| thread.join().unwrap());
            assert!(folder.join("a/b/c/CT.1").is_file() && folder.join("a/b/c/CT.2").is_file());
        }),
    );
}

/// A thread that opens a subfolder without checking whether it is open has its own.
#[test]
fn looking_before_opening_alone_is_caught() {
    caught(&["two of one"], Timers::Patient, || {
        let known = Arc::new(Mutex::new(HashMap::new()));
        enter_by_turns(move |name| {
            let found = known.lock().unwrap().get(name).cloned();
            let found = found.unwrap_or_else(|| {
                let opened = Arc::new(SubfolderName::given(Default::default()));
                known.lock().unwrap().insert(name, Arc::clone(&opened));
                opened
            });
            (Arc::clone(&found), found)
        });
    });
}

/// Threads that each enter subfolders, one after the other, and use them for a moment. What is
/// known of a subfolder's own name tells one `OpenDirectory` from another.
fn enter_by_turns<K>(
    enter: impl Fn(&'static str) -> (Arc<SubfolderName>, K) + Send + Sync + 'static,
) {
    let enter = Arc::new(enter);
    let used = Arc::new(Mutex::new(HashMap::<&str, Vec<Arc<SubfolderName>>>::new()));
    let threads: Vec<_> = (0..3)
        .map(|number| {
            let (enter, used) = (Arc::clone(&enter), Arc::clone(&used));
            thread::spawn(move || {
                for turn in 0..2 {
                    let name = NAMES[(number + turn) % 2];
                    let (own_name, kept) = enter(name);
                    begin(&used, name, &own_name);
                    pause();
                    end(&used, name);
                    drop(kept);
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

type Used = Mutex<HashMap<&'static str, Vec<Arc<SubfolderName>>>>;

fn begin(used: &Used, name: &'static str, own_name: &Arc<SubfolderName>) {
    let mut used = used.lock().unwrap();
    let at_a_time = used.entry(name).or_default();
    let shared = at_a_time.iter().all(|other| Arc::ptr_eq(other, own_name));
    assert!(shared, "two of one subfolder at a time");
    at_a_time.push(Arc::clone(own_name));
}

fn end(used: &Used, name: &'static str) {
    used.lock().unwrap().get_mut(name).and_then(Vec::pop);
}
