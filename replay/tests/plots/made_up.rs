//! Made-up runs: a small cluster simulated on a virtual clock, whose every event the state
//! accepts. For tests, and for looking at pictures of runs that are hard to come by.

#[path = "made_up/cluster.rs"]
mod cluster;
#[path = "made_up/happenings.rs"]
mod happenings;

use taskreel_model::Nanos;
use taskreel_recorder::Batch;

use cluster::Cluster;

/// What kind of run.
#[derive(Clone, Debug)]
pub(crate) struct Made {
    pub(crate) seed: u64,
    pub(crate) n_workers: u32,
    pub(crate) n_slots: u16,
    /// Names of prefixes; each stage has as many tasks as stands beside it and depends on the
    /// stage before it.
    pub(crate) stages: Vec<(&'static str, u32)>,
    /// Mean duration of a task.
    pub(crate) task_us: u64,
    /// One attempt in so many fails; 0: none.
    pub(crate) fails_every: u64,
    /// A worker that is lost, and when.
    pub(crate) loses: Option<(u32, Nanos)>,
    /// Nothing happens after this instant: the run is looked at in its middle.
    pub(crate) until: Nanos,
    pub(crate) worker_name: &'static str,
    pub(crate) memory_limit: u64,
}

impl Default for Made {
    fn default() -> Self {
        Self {
            seed: 1,
            n_workers: 4,
            n_slots: 2,
            stages: vec![("read", 96), ("parse", 96), ("count", 96), ("merge", 12), ("total", 1)],
            task_us: 120_000,
            fails_every: 0,
            loses: None,
            until: Nanos::MAX,
            worker_name: "worker",
            memory_limit: 1 << 30,
        }
    }
}

impl Made {
    /// The run's events and samples.
    pub(crate) fn batch(&self) -> Batch {
        let mut cluster = Cluster::new(self);
        cluster.run();
        let events = cluster.events;
        Batch { events, samples: cluster.samples, logs: cluster.logs }
    }
}
