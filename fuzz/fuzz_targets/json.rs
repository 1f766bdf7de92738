//! The target `json` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| cenacle_fuzz::fuzz("json", input));
