//! The corpora of the fuzz targets, as plain tests.

#[allow(unreachable_pub, reason = "each of these is used by several crates")]
#[path = "../../../fuzz/harness/corpus.rs"]
mod corpus;
#[allow(unreachable_pub, reason = "the fuzz targets are the other users")]
#[path = "../../../fuzz/harness/delivery/mod.rs"]
mod filters;

#[test]
fn filter() {
    assert!(corpus::run("filter", filters::run) >= 10);
}
