//! Taskreel: a compute cluster whose every run is a recording.

pub mod job;
