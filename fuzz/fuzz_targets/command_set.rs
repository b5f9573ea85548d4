//! Any bytes, as a command set.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::proto::command_set::run(data));
