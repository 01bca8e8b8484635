//! What the fuzzer runs. The same functions run over the corpus and its mutations in the ordinary
//! tests (`tests/fuzzed.rs`), with a stable compiler.
#![allow(missing_docs, unreachable_pub, reason = "each of its users has its own part")]

pub mod forge;
pub mod targets;
