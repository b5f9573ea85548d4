//! What differs between two settings, and cannot change while the program runs.

use crate::cli::Config;
use receiver::net::Network;
use receiver::net::tls::TlsSettings;

/// What differs between the settings that the program started with and those that are in place now, and is as it was
/// until a restart: one line each.
pub(crate) fn needs_restart(started: &Config, now: &Config) -> Vec<String> {
    let mut needs_restart = Vec::new();
    let mut compare = |differs: bool, what: &str| {
        if differs {
            needs_restart.push(format!("{what}: takes effect after a restart"));
        }
    };
    let (before, after) = (&started.network, &now.network);
    let listen =
        |network: &Network| (network.port, network.addresses.clone(), network.address_family);
    compare(listen(before) != listen(after), "listen");
    compare(before.access_control != after.access_control, "access-control");
    compare(before.disable_host_lookup != after.disable_host_lookup, "host-lookup");
    compare(started.timeouts.acse != now.timeouts.acse, "acse-timeout");
    compare(started.limits.max_associations != now.limits.max_associations, "max-associations");
    compare(
        started.limits.max_associations_per_host != now.limits.max_associations_per_host,
        "max-associations-per-address",
    );
    compare(started.inetd != now.inetd, "inetd");
    let faults = |config: &Config| (config.faults.clone(), config.fault_seed);
    compare(faults(started) != faults(now), "[faults]");
    compare(started.log != now.log, "[log]");
    compare(started.http.is_some() != now.http.is_some(), "[http] on or off");
    if let (Some(before), Some(after)) = (&started.http, &now.http) {
        compare(before.listen != after.listen, "[http] listen");
    }
    compare(started.audit != now.audit, "[audit]");
    compare(started.traces != now.traces, "[traces]");
    compare(started.catalog.is_some() != now.catalog.is_some(), "[catalog] on or off");
    if let (Some(before), Some(after)) = (&started.catalog, &now.catalog) {
        let in_directory =
            before.url.file(&started.output.directory) != after.url.file(&now.output.directory);
        compare(before.url != after.url || in_directory, "[catalog] url");
    }
    compare(started.tls.is_some() != now.tls.is_some(), "[tls] on or off");
    if let (Some(before), Some(after)) = (&started.tls, &now.tls) {
        let seed = |tls: &TlsSettings| (tls.seed.clone(), tls.write_seed.clone());
        compare(seed(before) != seed(after), "[tls] random-seed");
    }
    needs_restart
}
