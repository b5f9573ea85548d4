//! The corpora of the fuzz targets, as plain tests.

#[allow(unreachable_pub, reason = "each of these is used by several crates")]
#[expect(clippy::disallowed_methods, reason = "this test reads files")]
#[path = "../../../fuzz/harness/corpus.rs"]
mod corpus;
#[allow(unreachable_pub, reason = "the fuzz targets are the other users")]
#[path = "../../../fuzz/harness/proto/mod.rs"]
mod harness;

#[test]
fn pdu() {
    assert!(corpus::run("pdu", harness::pdu::run) >= 10);
}

#[test]
fn command_set() {
    assert!(corpus::run("command_set", harness::command_set::run) >= 10);
}

#[test]
fn association() {
    assert!(corpus::run("association", harness::association::run) >= 10);
}
