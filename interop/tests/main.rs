//! Other toolkits' programs and hostile peers against the receiver; one module per topic.

mod access;
mod broken_peers;
mod crash;
mod dimse;
mod disk;
mod docs;
mod durability;
mod events;
mod hostile;
mod inetd;
mod logging;
mod names;
mod negotiation;
mod output;
mod packaging;
mod power_loss;
mod privacy;
mod process;
mod profiles;
mod senders;
mod storing;
mod studies;
mod tls_clients;
mod tls_files;
mod tls_peers;
mod type_confusion;
