//! Any sequence of operations on a requestor and an acceptor that are joined.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::proto::association::run(data));
