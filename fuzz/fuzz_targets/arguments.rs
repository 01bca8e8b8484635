//! See `taskreel_fuzz::targets::arguments`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| taskreel_fuzz::targets::arguments(bytes));
