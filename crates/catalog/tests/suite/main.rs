//! The suite of the catalogue: each test runs on SQLite and on PostgreSQL.

#![allow(clippy::unwrap_used, reason = "a helper's panic fails the test that called it")]

#[macro_use]
mod databases;
mod ends;
mod leases;
mod lists;
mod model;
mod objects;
mod postgresql;
mod processes;
mod settling;
mod sqlite;
mod taking_in;
