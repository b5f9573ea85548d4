//! What the program does beside serving, by its first word: `test`, `outbox`, `catalog`.

mod catalog_command;
mod outbox_command;
mod place;
mod send_test;
mod terminal;

pub(crate) use catalog_command::run as catalog;
pub(crate) use outbox_command::run as outbox;
pub(crate) use send_test::run as test;
