//! Traces as files: written, read, followed, killed, refused.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod check;
mod crash;
mod keyframes;
mod kill;
mod packed;
mod power;
mod reopen;
mod round_trip;
mod run;
