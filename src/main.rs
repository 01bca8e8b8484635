//! The command `reel`.
fn main() {}
