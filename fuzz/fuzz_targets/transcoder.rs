//! Any bytes as a data set, written with any options.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::dataset::transcoder::run(data));
