//! A toy cluster on a virtual clock around the real core: `decide` and `place` run it, and its
//! workers, links and disks are as fast or slow as a test wants them.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses its own part of this")]

#[path = "toy/workers.rs"]
mod workers;
#[path = "toy/world.rs"]
mod world;

use std::cmp::Reverse;

use taskreel_model::{Event, Nanos, Stamped};

use world::World;

/// A task of a toy run.
#[derive(Clone, Debug)]
pub struct Job {
    pub prefix: &'static str,
    /// Positions of tasks before it.
    pub deps: Vec<u32>,
    pub took: Nanos,
    pub bytes: u64,
    /// The only worker that may run it.
    pub only_on: Option<u32>,
    /// How many of its attempts fail.
    pub fails: u32,
}

impl Job {
    pub fn new(prefix: &'static str, took_us: u64) -> Self {
        let took = Nanos::from_micros(took_us);
        Self { prefix, deps: Vec::new(), took, bytes: 1_000, only_on: None, fails: 0 }
    }

    pub fn after(self, deps: impl IntoIterator<Item = u32>) -> Self {
        Self { deps: deps.into_iter().collect(), ..self }
    }
}

/// How a toy cluster is.
#[derive(Clone, Debug)]
pub struct Toy {
    pub jobs: Vec<Job>,
    /// How many times as long as usual each worker takes; its length is the number of workers.
    pub pace: Vec<f64>,
    pub slots: u16,
    /// From the submission to when each worker joins; before it where this is empty.
    pub joins_after: Vec<Nanos>,
    /// What a message takes.
    pub latency: Nanos,
    /// What the scheduler takes for each report.
    pub per_report: Nanos,
    /// Bytes a second that a worker receives.
    pub bandwidth: u64,
    /// Bytes of results that a worker keeps in memory.
    pub memory: u64,
    /// Bytes a second of a worker's disk.
    pub disk: u64,
    /// Whether workers pause while they spill.
    pub pauses: bool,
    pub retries: u32,
    pub retry_delay: Nanos,
    /// Workers that are lost, and when.
    pub losses: Vec<(u32, Nanos)>,
}

impl Toy {
    /// Four equal workers with two slots each, fast links, enough memory.
    pub fn new(jobs: Vec<Job>) -> Self {
        Self {
            jobs,
            pace: vec![1.0; 4],
            slots: 2,
            joins_after: Vec::new(),
            latency: Nanos::from_micros(50),
            per_report: Nanos::from_micros(3),
            bandwidth: 1_000_000_000,
            memory: u64::MAX,
            disk: 100_000_000,
            pauses: false,
            retries: 0,
            retry_delay: Nanos::ZERO,
            losses: Vec::new(),
        }
    }

    /// The log of the run.
    pub fn run(&self) -> Vec<Stamped<Event>> {
        let mut world = World::new(self);
        world.begin();
        let mut n = 0_u64;
        while let Some(Reverse((at, _, due))) = world.due.pop() {
            n += 1;
            assert!(n < 5_000_000, "the toy does not come to its end");
            world.now = at;
            world.handle(due);
        }
        assert!(world.state.is_idle(), "{:?}", world.state.totals());
        world.log
    }
}
