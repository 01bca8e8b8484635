//! Measures what a task costs the scheduler's thread as workers become more:
//! `cargo run --release -p taskreel-model --example scale -- [TASKS] [ROUNDS]`.
//!
//! The real core (decide, place, rebalance, apply, effects) works against simulated workers of four
//! slots on a virtual clock; only the core's turns are timed. Tasks last as long as it takes for all
//! slots to want 50,000 of them a second together, so that a turn has as much to do whatever the
//! number of workers. `independent`: tasks that depend on nothing; `layers`: each depends on two of
//! 4,096 before it, and its inputs of 64 KiB have to be fetched where it is worth it.

#![expect(clippy::disallowed_types, reason = "a measurement needs a clock; the model has none")]

use std::error::Error;
use std::io::Write;
use std::time::{Duration, Instant};

use taskreel_model::simulation::{Core, Network, Work, World};
use taskreel_model::{
    ClientId, Input, LocalityThenIdle, Nanos, NewGraph, NewTask, State, SuffixText, TaskOptions,
};

const WORKERS: [u32; 5] = [2, 10, 100, 1_000, 10_000];
const SLOTS: u16 = 4;
const TASKS_PER_S: u64 = 50_000;
const WIDTH: u32 = 4_096;
const GRAPH_TASKS: u32 = 8_192;

fn main() -> Result<(), Box<dyn Error>> {
    let mut numbers = std::env::args().skip(1).map(|n| n.parse::<u32>());
    let n_tasks = numbers.next().transpose()?.unwrap_or(200_000);
    let n_rounds = numbers.next().transpose()?.unwrap_or(3);
    let mut out = std::io::stdout();
    for (shape, has_deps) in [("independent", false), ("layers", true)] {
        let mut least = None;
        for n_workers in WORKERS {
            let rounds = (0..n_rounds).map(|_| measure(n_workers, n_tasks, has_deps));
            let took = rounds.min().unwrap_or_default();
            let per_task = took.as_nanos() as f64 / f64::from(n_tasks);
            let growth = per_task / *least.get_or_insert(per_task);
            writeln!(out, "{shape}, {n_workers} workers: {per_task:.0} ns a task, {growth:.2} ×")?;
        }
    }
    Ok(())
}

/// Time in the core's turns, for all tasks.
fn measure(n_workers: u32, n_tasks: u32, has_deps: bool) -> Duration {
    let duration = Nanos(1_000_000_000 / TASKS_PER_S * u64::from(n_workers) * u64::from(SLOTS));
    let work = move |_: &State, _| Work { duration, result_bytes: 64 << 10, failure: None };
    let mut core = Core::new(Box::new(LocalityThenIdle));
    let mut world = World::new(Network::default(), work);
    world.add_workers(n_workers, SLOTS);
    let client = ClientId(0);
    world.tell(Input::ClientConnected { client, name: "scale".to_owned() });
    while let Some((at, inputs)) = world.next() {
        core.turn(at, inputs).expect("the simulation tells what can be");
        world.carry_out(core.state(), core.effects(), core.events().len());
    }
    for first in (0..n_tasks).step_by(GRAPH_TASKS as usize) {
        let end = n_tasks.min(first + GRAPH_TASKS);
        let graph = graph(first, end, has_deps);
        world.tell(Input::GraphSubmitted { client, graph });
    }
    let mut took = Duration::ZERO;
    while let Some((at, inputs)) = world.next() {
        let begin = Instant::now();
        core.turn(at, inputs).expect("the simulation tells what can be");
        took += begin.elapsed();
        world.carry_out(core.state(), core.effects(), core.events().len());
    }
    assert!(core.state().is_idle(), "all ended");
    took
}

fn graph(first: u32, end: u32, has_deps: bool) -> NewGraph {
    let task = |local: u32| {
        let mut deps = Vec::new();
        if has_deps && local >= WIDTH {
            deps.extend([local - WIDTH, local - WIDTH / 2]);
        }
        // What nobody wants and nothing needs yet is not run: the next graph needs the last layer.
        let wanted = !has_deps || end - local <= WIDTH;
        NewTask { prefix: 0, suffix: SuffixText::Index(local), options: 0, wanted, deps }
    };
    NewGraph {
        name: "scale".to_owned(),
        local: first,
        prefixes: vec!["task".to_owned()],
        options: vec![TaskOptions::new("nothing")],
        tasks: (first..end).map(task).collect(),
    }
}
