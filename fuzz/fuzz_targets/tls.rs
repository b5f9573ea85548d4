//! Any bytes, as the first bytes that a TLS server receives.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::tls::run(data));
