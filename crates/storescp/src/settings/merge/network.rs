//! Where to listen, and what is global.

use super::{Merging, value};
use crate::cli::Config;
use crate::settings::reader::At;
use crate::settings::typed::File;
use crate::settings::values::Listen;
use receiver::net::AddressFamily;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

pub(super) fn merge(file: &File, config: &mut Config, merging: &mut Merging<'_>) {
    let network = &mut config.network;
    if let Some(family) = value(&file.address_family) {
        network.address_family = family.0;
    }
    if let Some(listen) = &file.listen {
        let entries = &listen.value.0;
        if entries.is_empty() && !merging.report.has_fault_within(&listen.span) {
            merging.fault(&listen.span, "listen: expected at least one port or address");
        }
        report_repeated(entries, merging);
        let entries: Vec<Listen> = entries.iter().map(|entry| entry.value).collect();
        if !entries.is_empty() {
            listen_on(&entries, network);
        }
    }
    if let Some(access_control) = value(&file.access_control) {
        network.access_control = access_control;
    }
    if let Some(host_lookup) = value(&file.host_lookup) {
        network.disable_host_lookup = !host_lookup;
    }
    if let Some(timeout) = value(&file.acse_timeout) {
        config.timeouts.acse = timeout.0;
    }
    let count = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    if let Some(most) = value(&file.max_associations) {
        config.limits.max_associations = Some(count(most.0));
    }
    if let Some(most) = value(&file.max_associations_per_address) {
        config.limits.max_associations_per_host = Some(count(most.0));
    }
    if let Some(period) = value(&file.grace_period) {
        config.grace_period = period.0;
    }
    if let Some(most) = value(&file.max_commands) {
        config.commands.max_commands = count(most.0);
    }
    if let Some(refuse) = value(&file.refuse_all) {
        config.negotiation.refuse = refuse;
    }
    if let Some(others) = value(&file.default) {
        config.refuses_others = others.0;
    }
    if let Some(title) = value(&file.ae_title) {
        config.negotiation.ae_title = title;
    }
}

/// One port is listened on as on the command line; all else by addresses.
fn listen_on(entries: &[Listen], network: &mut receiver::net::Network) {
    if let [Listen::Port(port)] = entries {
        (network.port, network.addresses) = (*port, Vec::new());
        return;
    }
    let address = |entry: &Listen| match *entry {
        Listen::Address(address) => address,
        Listen::Port(port) => match network.address_family {
            AddressFamily::Ipv4 => SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)),
            AddressFamily::Ipv6 | AddressFamily::Both => {
                SocketAddr::from((Ipv6Addr::UNSPECIFIED, port))
            }
        },
    };
    network.addresses = entries.iter().map(address).collect();
    network.port = network.addresses.first().map_or(network.port, SocketAddr::port);
}

fn report_repeated(entries: &[At<Listen>], merging: &mut Merging<'_>) {
    for (index, entry) in entries.iter().enumerate() {
        if entries[..index].iter().any(|other| other.value == entry.value) {
            merging.fault(&entry.span, "listen: this is in the list already");
        }
    }
}
