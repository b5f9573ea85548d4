//! Any text, as a file of negotiation profiles.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::configuration::profile::run(data));
