//! The corpora of the fuzz targets, as plain tests.

#[allow(unreachable_pub, reason = "each of these is used by several crates")]
#[expect(clippy::disallowed_methods, reason = "this test reads files")]
#[path = "../../../fuzz/harness/corpus.rs"]
mod corpus;
#[allow(unreachable_pub, reason = "the fuzz targets are the other users")]
#[path = "../../../fuzz/harness/dataset/mod.rs"]
mod harness;

#[test]
fn transcoder() {
    assert!(corpus::run("transcoder", harness::transcoder::run) >= 10);
}

#[test]
fn split_invariance() {
    assert!(corpus::run("split_invariance", harness::split_invariance::run) >= 10);
}

#[test]
fn parse_write() {
    assert!(corpus::run("parse_write", harness::parse_write::run) >= 10);
}

#[test]
fn dictionary() {
    assert!(corpus::run("dictionary", harness::dictionary::run) >= 10);
}
