//! See `keysweep_fuzz::scan`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| keysweep_fuzz::scan(data));
