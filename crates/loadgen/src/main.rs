//! `loadgen`: a C-STORE requestor for benchmarks and end-to-end tests.

fn main() {}
