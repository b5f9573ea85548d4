//! Any bytes, received by an acceptor or a requestor in any state.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::proto::pdu::run(data));
