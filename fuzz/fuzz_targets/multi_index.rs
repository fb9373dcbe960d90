//! See `fuzz/src/git.rs`.
#![no_main]

#[allow(dead_code, unreachable_pub)] // every target uses one function of it
#[path = "../src/git.rs"]
mod git;

libfuzzer_sys::fuzz_target!(|data: &[u8]| git::multi_index(data));
