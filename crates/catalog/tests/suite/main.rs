//! The suite of the catalogue: each test runs on SQLite and on PostgreSQL.

#[macro_use]
mod databases;
mod ends;
mod leases;
mod objects;
mod settling;
mod taking_in;
