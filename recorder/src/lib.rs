//! The trace file: write, read, tail.
