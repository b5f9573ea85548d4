//! Other toolkits' programs and hostile peers against the receiver; one module per topic.

mod dimse;
mod negotiation;
mod senders;
