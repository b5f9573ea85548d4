//! Other toolkits' programs and hostile peers against the receiver; one module per topic.

mod dimse;
mod hostile;
mod negotiation;
mod senders;
mod storing;
