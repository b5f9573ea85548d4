//! Any text, as the files of host access control.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::configuration::hosts_access::run(data));
