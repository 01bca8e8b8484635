//! How fast events fold: `cargo run --release -p taskreel-model --example fold [TASKS [WORKERS]]`.
//!
//! Runs two graphs through the core in memory, among simulated workers of four slots, then folds each
//! log from its beginning: `trivial`, tasks that depend on nothing; `layers`, tasks that depend on two
//! of the layer before and fetch what is elsewhere. Prints nanoseconds for an event, the best of five
//! folds. Under `valgrind --tool=callgrind --toggle-collect='fold::fold'` it counts their instructions.

#![expect(clippy::disallowed_types, reason = "a measurement needs a clock; the model has none")]

use std::error::Error;
use std::hint::black_box;
use std::io::Write;
use std::time::Instant;

use taskreel_model::simulation::{Core, Network, Work, World};
use taskreel_model::{
    ClientId, Event, Input, LocalityThenIdle, Nanos, NewGraph, NewTask, Stamped, State, SuffixText,
    TaskOptions,
};

const WIDTH: u32 = 500;

fn main() -> Result<(), Box<dyn Error>> {
    let number = |i, default| std::env::args().nth(i).map_or(Ok(default), |text| text.parse());
    let (n_tasks, n_workers) = (number(1, 200_000)?, number(2, 16)?);
    for (name, has_deps) in [("trivial", false), ("layers", true)] {
        let log = record(n_tasks, n_workers, has_deps)?;
        let n = log.len() as f64;
        let mut best = f64::INFINITY;
        for _ in 0..5 {
            let started = Instant::now();
            fold(&log)?;
            best = best.min(started.elapsed().as_nanos() as f64 / n);
        }
        writeln!(std::io::stdout(), "{name}: {n_tasks} tasks, {n} events, {best:.0} ns an event")?;
    }
    Ok(())
}

#[inline(never)]
fn fold(log: &[Stamped<Event>]) -> Result<(), Box<dyn Error>> {
    let (mut state, mut changes) = (State::new(), Vec::new());
    for event in log {
        changes.clear();
        state.apply(event, &mut changes)?;
    }
    black_box(state);
    Ok(())
}

/// The log of a run.
fn record(
    n_tasks: u32,
    n_workers: u32,
    has_deps: bool,
) -> Result<Vec<Stamped<Event>>, Box<dyn Error>> {
    let duration = Nanos::from_millis(1);
    let work = move |_: &State, _| Work { duration, result_bytes: 64 << 10, failure: None };
    let mut core = Core::new(Box::new(LocalityThenIdle));
    let mut world = World::new(Network::default(), work);
    world.add_workers(n_workers, 4);
    let client = ClientId(0);
    world.tell(Input::ClientConnected { client, name: "fold".to_owned() });
    world.tell(Input::GraphSubmitted { client, graph: graph(n_tasks, has_deps) });
    let mut log = core.events().to_vec();
    while let Some((at, inputs)) = world.next() {
        core.turn(at, inputs)?;
        log.extend_from_slice(core.events());
        world.carry_out(core.state(), core.effects(), core.events().len());
    }
    Ok(log)
}

fn graph(n_tasks: u32, has_deps: bool) -> NewGraph {
    let task = |index: u32| {
        let is_joint = has_deps && index >= WIDTH;
        let deps = if is_joint { vec![index - WIDTH, index - WIDTH / 2] } else { Vec::new() };
        let wanted = !has_deps || n_tasks - index <= WIDTH;
        NewTask { prefix: 0, suffix: SuffixText::Index(index), options: 0, wanted, deps }
    };
    NewGraph {
        name: "fold".to_owned(),
        local: 0,
        prefixes: vec!["task".to_owned()],
        options: vec![TaskOptions::new("nothing")],
        tasks: (0..n_tasks).map(task).collect(),
    }
}
