//! What the fuzzer runs. The same functions run over the corpus and its mutations in the ordinary
//! tests (`tests/fuzzed.rs`), with a stable compiler.

pub mod forge;
pub mod targets;
