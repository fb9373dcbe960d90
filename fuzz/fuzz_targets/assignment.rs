//! See `keysweep_fuzz::assignment`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| keysweep_fuzz::assignment(data));
