//! PS3.7, section by section.

#![allow(clippy::unwrap_used, reason = "a helper's panic fails the test that called it")]

#[path = "../common/mod.rs"]
mod common;

mod annex_c;
mod annex_d;
mod section_10_3;
mod section_6_3;
mod section_9_1_1;
mod section_9_3_1;
mod section_9_3_2;
mod section_9_3_5;
