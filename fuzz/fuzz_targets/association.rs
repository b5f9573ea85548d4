//! Any sequence of operations on a connected requestor and acceptor.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::proto::association::run(data));
