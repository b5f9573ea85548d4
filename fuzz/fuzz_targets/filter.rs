//! Any text as a filter, and any values for it.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::delivery::run(data));
