//! Any bytes, as a settings file.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::configuration::settings::run(data));
