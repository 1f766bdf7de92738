//! The target `x509` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| cenacle_fuzz::fuzz("x509", input));
