//! PS3.8, section by section.

#[path = "../common/mod.rs"]
mod common;

mod annex_d;
mod annex_e;
mod section_9_1_5;
mod section_9_2;
mod section_9_3_1;
mod section_9_3_2;
mod section_9_3_3;
mod section_9_3_4;
mod section_9_3_5;
mod section_9_3_6;
mod section_9_3_8;
