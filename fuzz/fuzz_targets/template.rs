//! See `keysweep_fuzz::template`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| keysweep_fuzz::template(data));
