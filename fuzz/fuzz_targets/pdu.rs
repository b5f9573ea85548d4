//! Any bytes, to an acceptor and to a requestor, in any state.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::proto::pdu::run(data));
