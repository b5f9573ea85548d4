//! Data sets in normal form, read and written.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::dataset::parse_write::run(data));
