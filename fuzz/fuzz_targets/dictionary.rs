//! Any bytes, as a data dictionary file.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::dataset::dictionary::run(data));
