//! Any bytes, as the first that a TLS server hears of a peer.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::tls::run(data));
