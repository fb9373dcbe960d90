//! See `keysweep_fuzz::utf16`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| keysweep_fuzz::utf16(data));
