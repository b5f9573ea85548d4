//! Workers that do what they should, and hostile ones.

use super::*;
use crate::kinds::programs::testing::{deliver, is_there, item, wait_until};
use crate::{Item, Outcome, Stop};
use platform::testing::Scratch;
use std::fs;
use std::path::Path;
use std::time::Instant;

/// Reads the ID of an event into `id`.
const READ: &str = r#"next() { IFS= read -r line && id=$(printf '%s' "$line" | sed 's/.*"id":"\([^"]*\)".*/\1/'); };"#;

fn settings(command: &[&str], window: usize, timeout: u64) -> WorkerSettings {
    let command = command.iter().map(OsString::from).collect();
    WorkerSettings { command, window, timeout: Some(Duration::from_secs(timeout)) }
}

fn shell(script: &str, window: usize, timeout: u64) -> Arc<dyn Destination> {
    let script = format!("{READ} {script}");
    build("test", &settings(&["/bin/sh", "-c", &script], window, timeout)).unwrap()
}

fn items(count: usize) -> Vec<Item> {
    (0..count).map(|number| item(&format!("k{number}"))).collect()
}

fn outcomes(destination: &Arc<dyn Destination>, count: usize) -> Vec<(usize, Outcome)> {
    deliver(destination.as_ref(), &items(count), &Stop::default())
}

fn reasons(told: Vec<(usize, Outcome)>) -> Vec<(usize, String)> {
    let reason = |(index, outcome)| match outcome {
        Outcome::Again { reason, after: None } => (index, reason),
        other => panic!("{index}: {other:?}"),
    };
    told.into_iter().map(reason).collect()
}

#[test]
fn answers_may_come_in_any_order_and_say_what_became_of_it() {
    let script = r#"next; a=$id; next; b=$id; next; c=$id
        echo "{\"park\":\"$c\",\"reason\":\"broken\"}"; echo "{\"ack\":\"$a\"}"
        echo "{\"retry\":\"$b\",\"after\":7,\"reason\":\"busy\"}"; next; echo "{\"ack\":\"$id\"}"; next"#;
    let told = outcomes(&shell(script, 3, 20), 4);
    let again = Outcome::Again { reason: "busy".to_owned(), after: Some(Duration::from_secs(7)) };
    let park = Outcome::Park { reason: "broken".to_owned() };
    assert_eq!(told, [(2, park), (0, Outcome::Done), (1, again), (3, Outcome::Done)]);
}

#[test]
fn a_worker_stays_and_has_no_more_than_its_window() {
    // It answers only once it has two, and says so if a third comes at the same time.
    let script = r#"while next; do a=$id; next; b=$id; sleep 0.05
        echo "{\"ack\":\"$a\"}"; echo "{\"ack\":\"$b\"}"; echo "$$" >&2; done"#;
    let destination = shell(script, 2, 20);
    let mut session = destination.open();
    for _ in 0..3 {
        let mut done = 0;
        session.deliver(&items(2), &Stop::default(), &mut |_, outcome| {
            done += usize::from(outcome == Outcome::Done);
        });
        assert_eq!(done, 2);
        session.idle(Duration::ZERO);
    }
    assert_eq!(destination.batch(), 2);
}

#[test]
fn what_breaks_the_protocol_is_told_and_what_it_had_is_tried_again() {
    for (script, expected) in [
        ("next; echo 'no answer'; sleep 1000", "the worker wrote a line that is no answer"),
        ("next; echo '{}'; sleep 1000", "the worker wrote an answer without exactly one of"),
        ("next; exec cat /dev/zero", "the worker wrote a line of more than 65536 bytes"),
        ("exec yes '{\"ack\":\"other\"}'", "the worker answered "),
        ("next; exec >&-; sleep 1000", "the worker closed its standard output"),
        ("next; echo oops >&2; exit 3", "the worker ended with exit code 3: oops"),
        ("next; exit 0", "the worker ended with exit code 0"),
        ("next; kill -9 $$", "the worker was ended by signal 9"),
        ("next; exec sleep 1000", "the worker gave no answer within 1 s"),
    ] {
        let begun = Instant::now();
        let mut told = reasons(outcomes(&shell(script, 4, 1), 2));
        told.sort();
        assert_eq!(told.len(), 2, "{script}");
        for (index, (told, reason)) in told.iter().enumerate() {
            assert_eq!(*told, index);
            assert!(reason.starts_with(expected), "{script}: {reason}");
        }
        assert!(begun.elapsed() < Duration::from_secs(15), "{script}");
    }
}

#[test]
fn what_was_answered_before_the_end_is_done_and_the_rest_tried_again() {
    let script = r#"next; echo "{\"ack\":\"$id\"}"; exit 0"#;
    let mut told = outcomes(&shell(script, 4, 20), 3);
    told.sort_by_key(|(index, _)| *index);
    assert_eq!(told[0], (0, Outcome::Done));
    let rest = reasons(told[1..].to_vec());
    let ended = "the worker ended with exit code 0".to_owned();
    assert_eq!(rest, [(1, ended.clone()), (2, ended)]);
}

#[test]
fn answers_twice_and_about_others_count_for_nothing() {
    let script = r#"next; echo "{\"ack\":\"other\"}"; echo "{\"ack\":\"$id\"}"; echo "{\"ack\":\"$id\"}"
        echo "{\"park\":\"$id\"}"; next; echo "{\"ack\":\"$id\"}"; next"#;
    assert_eq!(outcomes(&shell(script, 1, 20), 2), [(0, Outcome::Done), (1, Outcome::Done)]);
}

#[test]
fn a_worker_that_takes_no_more_events_is_started_again() {
    let script = r#"next; exec <&-; echo "{\"ack\":\"$id\"}"; sleep 1000"#;
    let told = outcomes(&shell(script, 1, 20), 2);
    assert_eq!(told[0], (0, Outcome::Done));
    let closed = "the worker closed its standard input".to_owned();
    assert_eq!(reasons(told[1..].to_vec()), [(1, closed)]);
}

/// It writes more than a pipe takes before it reads: who waited for it to read would wait for ever.
#[test]
fn a_worker_that_writes_before_it_reads_does_not_lock_up() {
    let stray =
        "i=0; while [ $i -lt 90 ]; do printf '{\"ack\":\"%01000d\"}\\n' 1; i=$((i+1)); done;";
    let noise = "head -c 1000000 /dev/zero | tr '\\0' x >&2; echo >&2;";
    let script =
        format!("{stray} {noise} while next; do echo \"{{\\\"ack\\\":\\\"$id\\\"}}\"; done");
    // Together they are more than a pipe takes too.
    let told = outcomes(&shell(&script, 300, 20), 300);
    assert_eq!(told.iter().filter(|(_, it)| *it == Outcome::Done).count(), 300);
}

#[test]
fn the_time_out_ends_all_that_the_worker_has_started() {
    let scratch = Scratch::new("worker-timeout");
    let file = scratch.0.join("child");
    let script = format!(
        "trap '' TERM; (trap '' TERM; exec sleep 1000) & echo $! > {0}; echo $$ > {0}.shell; wait; wait",
        file.display()
    );
    assert_eq!(reasons(outcomes(&shell(&script, 1, 1), 1)).len(), 1);
    for file in [file.clone(), file.with_extension("shell")] {
        let process = fs::read_to_string(file).unwrap();
        wait_until("it is gone", || !is_there(&process));
    }
}

/// Each start is noted; the pauses between them grow.
#[test]
fn a_worker_that_fails_is_started_again_after_pauses_that_grow() {
    let scratch = Scratch::new("worker-restart");
    let file = scratch.0.join("starts");
    let script = format!("date +%s%N >> {}; next; exit 1", file.display());
    let destination = shell(&script, 1, 20);
    let mut session = destination.open();
    for _ in 0..3 {
        let mut told = 0;
        session.deliver(&items(1), &Stop::default(), &mut |_, _| told += 1);
        assert_eq!(told, 1);
    }
    let starts = fs::read_to_string(file).unwrap();
    let starts: Vec<u64> = starts.lines().map(|it| it.parse().unwrap()).collect();
    let pauses: Vec<_> = starts.windows(2).map(|it| (it[1] - it[0]) / 1_000_000).collect();
    assert!(pauses.len() == 2 && pauses[0] >= 500 && pauses[1] >= 1000, "{pauses:?}");
}

/// The pause does not outlast the stop.
#[test]
fn a_pause_ends_when_the_outbox_stops() {
    let destination = shell("next; exit 1", 1, 20);
    let (mut session, stop) = (destination.open(), Stop::default());
    for _ in 0..2 {
        session.deliver(&items(1), &stop, &mut |_, _| ());
    }
    stop.set();
    let (begun, mut told) = (Instant::now(), 0);
    session.deliver(&items(1), &stop, &mut |_, _| told += 1);
    assert!(told == 0 && begun.elapsed() < Duration::from_millis(400));
}

#[test]
fn a_worker_that_cannot_be_started_makes_the_destination_unreachable() {
    let destination = build("test", &settings(&["/nonexistent/worker"], 4, 1)).unwrap();
    let told = outcomes(&destination, 3);
    let reason = "cannot start /nonexistent/worker: No such file or directory".to_owned();
    assert_eq!(told, [(0, Outcome::Unreachable { reason, after: None })]);
    assert!(build("test", &settings(&[], 1, 1)).is_err());
}

/// One takes no notice of SIGTERM, and leaves a process behind.
#[test]
fn at_the_end_nothing_of_it_is_left() {
    let scratch = Scratch::new("worker-end");
    for (name, script) in [
        ("orderly", "while next; do echo \"{\\\"ack\\\":\\\"$id\\\"}\"; done"),
        (
            "stubborn",
            "trap '' TERM; next; echo \"{\\\"ack\\\":\\\"$id\\\"}\"; while :; do sleep 0.1; done",
        ),
    ] {
        let file = scratch.0.join(name);
        let script =
            format!("echo $$ > {0}; sleep 1000 & echo $! > {0}.child; {script}", file.display());
        assert_eq!(outcomes(&shell(&script, 1, 20), 1), [(0, Outcome::Done)]);
        for file in [file.clone(), file.with_extension("child")] {
            let process = fs::read_to_string(file).unwrap();
            wait_until("it is gone", || !is_there(&process));
        }
    }
}

#[test]
fn what_it_has_at_the_stop_may_be_answered_for_a_while() {
    let scratch = Scratch::new("worker-stop");
    let file = scratch.0.join("has");
    let script = format!(
        "next; echo \"$id\" > {}; sleep 0.5; echo \"{{\\\"ack\\\":\\\"$id\\\"}}\"; while next; do :; done",
        file.display()
    );
    let (destination, stop) = (shell(&script, 1, 100), Stop::default());
    let told = std::thread::scope(|scope| {
        let delivering = scope.spawn(|| deliver(destination.as_ref(), &items(2), &stop));
        wait_until("it has one", || file.exists());
        stop.set();
        delivering.join().unwrap()
    });
    // The second one was not sent.
    assert_eq!(told, [(0, Outcome::Done)]);
}

#[test]
fn a_worker_that_ends_between_events_is_started_again_without_a_pause() {
    let script = r#"next; echo "{\"ack\":\"$id\"}"; exit 0"#;
    let destination = shell(script, 1, 20);
    let mut session = destination.open();
    let begun = Instant::now();
    for _ in 0..3 {
        let mut told = Vec::new();
        session.deliver(&items(1), &Stop::default(), &mut |_, outcome| told.push(outcome));
        assert_eq!(told, [Outcome::Done]);
        std::thread::sleep(Duration::from_millis(50));
        session.idle(Duration::from_secs(1));
    }
    assert!(begun.elapsed() < Duration::from_millis(1000), "{:?}", begun.elapsed());
}

fn example(name: &str) -> String {
    let documents = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/examples");
    documents.join(name).to_str().unwrap().to_owned()
}

/// Deliveries of files that are there, but for the last one.
fn stored(scratch: &Scratch, count: usize) -> Vec<Item> {
    let mut items = items(count);
    for (number, item) in items.iter_mut().enumerate() {
        let path = scratch.0.join(format!("object {number}"));
        if number + 1 < count {
            fs::write(&path, vec![b'x'; 100 + number]).unwrap();
        }
        item.path = Some(path);
        let object = &mut item.delivery.instance.as_mut().unwrap().object;
        object.sop_instance = format!("1.2.{number}");
    }
    items
}

#[test]
fn the_example_in_python_does_each_object_once() {
    let scratch = Scratch::new("worker-python");
    let items = stored(&scratch, 4);
    let directory = scratch.0.to_str().unwrap();
    for _ in 0..2 {
        let settings = settings(&["python3", &example("worker.py"), directory], 8, 20);
        let told = deliver(build("test", &settings).unwrap().as_ref(), &items, &Stop::default());
        let done: Vec<_> = told.iter().filter(|(_, it)| *it == Outcome::Done).collect();
        assert_eq!(done.len(), 3, "{told:?}");
        let again = &told.iter().find(|(index, _)| *index == 3).unwrap().1;
        assert!(
            matches!(again, Outcome::Again { reason, after: Some(_) } if reason.starts_with("FileNotFoundError")),
            "{again:?}"
        );
    }
    let done = fs::read_to_string(scratch.0.join("done")).unwrap();
    assert_eq!(done, "k0 100 1.2.0\nk1 101 1.2.1\nk2 102 1.2.2\n");
}

#[test]
fn the_example_for_the_shell_copies_each_object() {
    let scratch = Scratch::new("worker-shell");
    let mut items = stored(&scratch, 3);
    // One that no file can be called by.
    let mut odd = items[0].clone();
    odd.delivery.event.key = "odd".to_owned();
    odd.delivery.instance.as_mut().unwrap().object.sop_instance = "../../etc".to_owned();
    items.push(odd);
    let out = scratch.0.join("out");
    fs::create_dir(&out).unwrap();
    let settings = settings(&["/bin/sh", &example("worker.sh"), out.to_str().unwrap()], 1, 20);
    let told = deliver(build("test", &settings).unwrap().as_ref(), &items, &Stop::default());
    assert_eq!(told[..2], [(0, Outcome::Done), (1, Outcome::Done)]);
    assert!(matches!(&told[2], (2, Outcome::Again { after: Some(_), .. })), "{told:?}");
    assert!(matches!(&told[3], (3, Outcome::Park { .. })), "{told:?}");
    assert_eq!(fs::read(out.join("1.2.1.dcm")).unwrap().len(), 101);
    assert_eq!(fs::read_dir(&out).unwrap().count(), 2);
}
