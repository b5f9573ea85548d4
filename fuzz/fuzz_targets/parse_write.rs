//! Data sets in normal form, parsed and written again.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::dataset::parse_write::run(data));
