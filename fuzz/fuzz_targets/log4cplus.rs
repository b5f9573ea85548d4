//! Any text, as a log configuration.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::configuration::log4cplus::run(data));
