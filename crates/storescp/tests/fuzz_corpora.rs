//! The corpora of the fuzz targets, as plain tests.

#[allow(unreachable_pub, reason = "the fuzz targets are the other users")]
#[path = "../../../fuzz/harness/configuration/mod.rs"]
mod configuration;
#[allow(unreachable_pub, reason = "each of these is used by several crates")]
#[path = "../../../fuzz/harness/corpus.rs"]
mod corpus;

#[test]
fn profile() {
    assert!(corpus::run("profile", configuration::profile::run) >= 10);
}

#[test]
fn log4cplus() {
    assert!(corpus::run("log4cplus", configuration::log4cplus::run) >= 10);
}

#[test]
fn options() {
    assert!(corpus::run("options", configuration::options::run) >= 10);
}

#[test]
fn hosts_access() {
    assert!(corpus::run("hosts_access", configuration::hosts_access::run) >= 10);
}

#[test]
fn settings() {
    assert!(corpus::run("settings", configuration::settings::run) >= 10);
}
