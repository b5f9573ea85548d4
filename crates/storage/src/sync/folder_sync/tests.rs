//! Syncs that are shared, and syncs that fail.

use super::*;
use std::sync::atomic::{AtomicUsize, Ordering};

#[test]
fn concurrent_folder_syncs_are_shared_and_each_starts_after_it_was_asked_for() {
    let sync = FolderSync::default();
    let asked = AtomicUsize::new(0);
    let runs = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..20 {
                    let mine = asked.fetch_add(1, Ordering::SeqCst);
                    let covered = AtomicUsize::new(0);
                    sync.run(sync.mark(), || {
                        covered.store(asked.load(Ordering::SeqCst), Ordering::SeqCst);
                        std::thread::sleep(std::time::Duration::from_millis(1));
                        runs.fetch_add(1, Ordering::SeqCst);
                        Ok(())
                    })
                    .unwrap();
                    let covered = covered.load(Ordering::SeqCst);
                    assert!(covered == 0 || covered > mine, "own run began before the question");
                }
            });
        }
    });
    let runs = runs.load(Ordering::SeqCst);
    assert!((20..160).contains(&runs), "{runs} runs for 160 requests");
}

#[test]
fn a_failed_folder_sync_fails_all_who_waited_for_it() {
    let sync = FolderSync::default();
    let fails = || Err(io::Error::from_raw_os_error(rustix::io::Errno::IO.raw_os_error()));
    assert!(sync.run(sync.mark(), fails).is_err());
    assert!(sync.run(sync.mark(), || Ok(())).is_ok(), "the next one stands for itself");

    // Names that are given while a sync runs may be part of what it fails to write.
    let (begun, waiting) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let failures = std::thread::scope(|scope| {
        let first = scope.spawn(|| {
            sync.run(sync.mark(), || {
                begun.store(1, Ordering::SeqCst);
                while waiting.load(Ordering::SeqCst) < 4 {
                    std::thread::yield_now();
                }
                std::thread::sleep(std::time::Duration::from_millis(20));
                fails()
            })
        });
        let others: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    while begun.load(Ordering::SeqCst) == 0 {
                        std::thread::yield_now();
                    }
                    let since = sync.mark();
                    waiting.fetch_add(1, Ordering::SeqCst);
                    sync.run(since, || Ok(()))
                })
            })
            .collect();
        let all = others.into_iter().chain([first]);
        all.map(|thread| thread.join().unwrap().unwrap_err()).collect::<Vec<_>>()
    });
    let code = rustix::io::Errno::IO.raw_os_error();
    assert!(failures.iter().all(|error| error.raw_os_error() == Some(code)), "{failures:?}");
    assert!(sync.run(sync.mark(), || Ok(())).is_ok());
}
