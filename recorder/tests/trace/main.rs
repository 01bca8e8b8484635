//! Traces as files: written, read, followed, killed, refused.

mod crash;
mod round_trip;
mod run;
