//! See `keysweep_fuzz::rules`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| keysweep_fuzz::rules(data));
