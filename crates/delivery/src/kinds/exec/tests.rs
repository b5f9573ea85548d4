//! Commands that do what they should, and others.

use super::*;
use crate::kinds::programs::testing::{deliver, is_there, item, wait_until};
use platform::testing::Scratch;
use std::fs;

fn exec(command: &[&str], timeout: Option<Duration>) -> Arc<dyn Destination> {
    let command = command.iter().map(OsString::from).collect();
    build("test", &ExecSettings { command, timeout }).unwrap()
}

fn shell(script: &str) -> Arc<dyn Destination> {
    exec(&["/bin/sh", "-c", script], Some(Duration::from_secs(20)))
}

fn outcome(destination: &Arc<dyn Destination>) -> Outcome {
    let mut told = deliver(destination.as_ref(), &[item("k1")], &Stop::default());
    assert_eq!(told.len(), 1, "{told:?}");
    told.remove(0).1
}

fn again(reason: &str) -> Outcome {
    Outcome::Again { reason: reason.to_owned(), after: None }
}

#[test]
fn the_exit_code_says_what_became_of_it() {
    assert_eq!(outcome(&shell("exit 0")), Outcome::Done);
    assert_eq!(outcome(&shell("exit 75")), again("ended with exit code 75"));
    let script = "echo first >&2; printf 'a \\033[2J b\\n\\n' >&2; exit 3";
    assert_eq!(outcome(&shell(script)), again("ended with exit code 3: a \\u{1b}[2J b"));
    assert_eq!(outcome(&shell("kill -9 $$")), again("was ended by signal 9"));
}

#[test]
fn a_last_line_without_an_end_is_told_and_one_without_bounds_is_cut() {
    let script = "printf 'no end' >&2; exit 1";
    assert_eq!(outcome(&shell(script)), again("ended with exit code 1: no end"));
    let Outcome::Again { reason, .. } = outcome(&shell("head -c 3000000 /dev/zero >&2; exit 1"))
    else {
        panic!("it failed")
    };
    assert!(reason.len() <= crate::limits::REASON_BYTES && reason.ends_with("[...]"), "{reason}");
}

#[test]
fn arguments_and_variables_have_the_values_as_they_are() {
    let scratch = Scratch::new("exec-values");
    let out = scratch.0.join("out");
    let script = r#"printf '%s|' "$0" "$@" "$STORESCP_CALLING_AE" "$STORESCP_PATH" "$STORESCP_FILE" \
        "$STORESCP_OBJECT" "$STORESCP_PATIENT_ID" "$STORESCP_SOP_INSTANCE_UID" "$STORESCP_EVENT_TYPE" \
        "${STORESCP_REASON-none}" "${NOTIFY_SOCKET-none}" > "$OUT"; printf '%s' "$STORESCP_EVENT" >> "$OUT""#;
    let script = script.replace("$OUT", out.to_str().unwrap());
    let command = ["/bin/sh", "-c", &script, "{callingAeTitle}", "--in={path}", "{{id}}{id}"];
    assert_eq!(outcome(&exec(&command, None)), Outcome::Done);
    let written = fs::read_to_string(out).unwrap();
    let (values, event) = written.rsplit_once('|').unwrap();
    let expected = "CT; $(1)|--in=/data/.storescp/spool/a b|{id}k1|CT; $(1)|/data/folder|CT.1.2|\
        /data/.storescp/spool/a b|p 1|1.2|storescp.object.stored|none|none";
    assert_eq!(values, expected);
    assert_eq!(serde_json::from_str::<serde_json::Value>(event).unwrap(), cloud_event(&item("k1")));
}

/// The value would be an option of `rm`.
#[test]
fn a_value_that_would_be_an_option_is_parked() {
    let mut dash = item("k1");
    dash.delivery.instance.as_mut().unwrap().object.calling = "-rf".to_owned();
    let told = deliver(
        exec(&["rm", "{callingAeTitle}"], None).as_ref(),
        &[dash.clone()],
        &Stop::default(),
    );
    assert!(
        matches!(&told[..], [(0, Outcome::Park { reason })] if reason.starts_with("callingAeTitle"))
    );
    let told = deliver(
        exec(&["true", "--", "{callingAeTitle}"], None).as_ref(),
        &[dash],
        &Stop::default(),
    );
    assert_eq!(told, [(0, Outcome::Done)]);
}

#[test]
fn a_program_that_is_not_there_makes_the_destination_unreachable() {
    let Outcome::Unreachable { reason, .. } = outcome(&exec(&["/nonexistent/program"], None))
    else {
        panic!("it cannot be started")
    };
    assert_eq!(reason, "cannot start /nonexistent/program: No such file or directory");
}

#[test]
fn what_no_process_can_be_given_is_parked() {
    let mut long = item("k1");
    long.delivery.instance.as_mut().unwrap().object.calling = "x".repeat(1 << 18);
    let told =
        deliver(exec(&["true", "{callingAeTitle}"], None).as_ref(), &[long], &Stop::default());
    assert!(matches!(&told[..], [(0, Outcome::Park { .. })]), "{told:?}");
    let gone = Item { missing: true, ..item("k1") };
    let told = deliver(exec(&["true"], None).as_ref(), &[gone], &Stop::default());
    assert!(matches!(&told[..], [(0, Outcome::Park { .. })]), "{told:?}");
}

#[test]
fn commands_that_cannot_be_used_are_refused() {
    for command in [&[][..], &[""], &["{path}"], &["true", "{nothing}"]] {
        let command = command.iter().map(OsString::from).collect();
        let refused = build("name", &ExecSettings { command, timeout: None });
        assert!(matches!(refused, Err(Error::Destination { name, .. }) if name == "name"));
    }
}

#[test]
fn the_time_out_ends_all_that_the_command_has_started() {
    let scratch = Scratch::new("exec-timeout");
    let file = scratch.0.join("child");
    // Both take no notice of SIGTERM.
    let script = "trap '' TERM; (trap '' TERM; echo $$ > FILE.shell; exec sleep 1000) & echo $! > FILE; wait; wait";
    let script = script.replace("FILE", file.to_str().unwrap());
    let destination = exec(&["/bin/sh", "-c", &script], Some(Duration::from_secs(1)));
    assert_eq!(outcome(&destination), again("timed out after 1 s"));
    for file in [file.clone(), file.with_extension("shell")] {
        let process = fs::read_to_string(file).unwrap();
        wait_until("the process is gone", || !is_there(&process));
    }
}

/// It keeps standard error open.
#[test]
fn a_process_in_the_background_holds_nothing_up_and_goes_on() {
    let scratch = Scratch::new("exec-background");
    let file = scratch.0.join("child");
    let script = format!("sleep 1000 & echo $! > {}", file.display());
    let begun = Instant::now();
    assert_eq!(outcome(&shell(&script)), Outcome::Done);
    assert!(begun.elapsed() < Duration::from_secs(10));
    let process = fs::read_to_string(file).unwrap();
    assert!(is_there(&process));
    assert!(Command::new("kill").arg(process.trim()).status().unwrap().success());
}

#[test]
fn what_runs_at_the_stop_has_a_while_and_is_not_told_of_then() {
    let scratch = Scratch::new("exec-stop");
    let file = scratch.0.join("begun");
    let script = format!("echo $$ > {}; exec sleep 1000", file.display());
    let destination = exec(&["/bin/sh", "-c", &script], None);
    let stop = Stop::default();
    let told = std::thread::scope(|scope| {
        let delivering =
            scope.spawn(|| deliver(destination.as_ref(), &[item("k1"), item("k2")], &stop));
        wait_until("it runs", || fs::read_to_string(&file).is_ok_and(|it| it.ends_with('\n')));
        stop.set();
        delivering.join().unwrap()
    });
    assert_eq!(told, []);
    let process = fs::read_to_string(file).unwrap();
    assert!(!is_there(&process));
}
