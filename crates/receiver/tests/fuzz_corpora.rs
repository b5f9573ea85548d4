//! The corpora of the fuzz targets, as plain tests.

#[allow(unreachable_pub, reason = "each of these is used by several crates")]
#[path = "../../../fuzz/harness/corpus.rs"]
mod corpus;
#[allow(unreachable_pub, reason = "the fuzz targets are the other users")]
#[path = "../../../fuzz/harness/paths/mod.rs"]
mod paths;
#[allow(unreachable_pub, reason = "the fuzz targets are the other users")]
#[path = "../../../fuzz/harness/tls/mod.rs"]
mod tls;

#[test]
fn tls_first_bytes() {
    assert!(corpus::run("tls", tls::run) >= 10);
}

#[test]
fn path_template() {
    assert!(corpus::run("path_template", paths::run) >= 10);
}
