//! Any text as a path template, and any values for it.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::paths::run(data));
