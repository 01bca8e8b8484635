//! What a run says of itself: the header of its trace.

use serde::{Deserialize, Serialize};

/// The header's content.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunInfo {
    /// Random 128 bits, in hex: tells runs apart.
    pub run_id: String,
    /// What was run: `wordcount`, the job file's name.
    pub name: String,
    /// When it began: nanoseconds since 1970-01-01 UTC. Instants in the trace count from here.
    pub started_unix_ns: u64,
    /// Version of the software that recorded it.
    pub version: String,
    /// The scheduler's machine.
    pub host: String,
    /// Operating system and architecture: `linux x86_64`.
    pub platform: String,
    /// The command line, argument by argument.
    pub command: Vec<String>,
    /// Resolution of the instants in the trace, in nanoseconds.
    pub tick_ns: u32,
    /// Seed of the draws a policy makes.
    pub seed: u64,
}
