//! See `taskreel_fuzz::targets::repair`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| taskreel_fuzz::targets::repair(bytes));
