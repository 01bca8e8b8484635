//! What a run says of itself: the header of its trace.

use serde::{Deserialize, Serialize};
use taskreel_model::Nanos;

/// The header's content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
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
    /// Resolution of the instants in the trace, in nanoseconds; 1000 by default, 0 means 1.
    pub tick_ns: u32,
    /// Seed of the draws a policy makes.
    pub seed: u64,
}

impl Default for RunInfo {
    fn default() -> Self {
        Self {
            run_id: String::new(),
            name: String::new(),
            started_unix_ns: 0,
            version: String::new(),
            host: String::new(),
            platform: String::new(),
            command: Vec::new(),
            tick_ns: 1_000,
            seed: 0,
        }
    }
}

impl RunInfo {
    /// An instant as the trace will give it back: rounded down to a whole tick.
    ///
    /// A live scheduler rounds `at` and `logged_at` so before it applies an event; then its state
    /// and the one folded from the trace are equal.
    pub fn quantize(&self, instant: Nanos) -> Nanos {
        Nanos(instant.0 - instant.0 % self.tick())
    }

    /// The tick as a divisor.
    pub(crate) fn tick(&self) -> u64 {
        u64::from(self.tick_ns.max(1))
    }
}
