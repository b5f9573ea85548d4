//! Tests that everything that was acknowledged comes to every destination, though the receiver is killed again and again
//! and the destinations fail, go away and hang.

use interop::Scratch;
use interop::outbox_soak::{Plan, Report, run};

fn check(report: &Report, plan: &Plan) {
    assert_eq!(report.not_told, [""; 0], "{report:#?}");
    assert_eq!(report.not_forwarded, [""; 0], "{report:#?}");
    assert_eq!(report.left, [""; 0], "links of what was delivered: {report:#?}");
    assert!(report.acknowledged > plan.objects / 2, "there was load: {report:#?}");
    assert!(report.kills >= 2, "{report:#?}");
    assert!(report.repeats_and_failures.1 > 0, "the webhook did fail: {report:#?}");
}

#[test]
fn what_was_acknowledged_comes_to_every_destination_though_the_receiver_is_killed() {
    let scratch = Scratch::new();
    let plan = Plan::short(&scratch, "sqlite");
    check(&run(&plan), &plan);
}
