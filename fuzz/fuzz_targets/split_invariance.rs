//! Any bytes as a data set, cut anywhere and written with every option.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::dataset::split_invariance::run(data));
