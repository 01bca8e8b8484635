//! How fast events fold: `cargo run --release -p taskreel-model --example fold [TASKS [WORKERS [GRAPH]]]`.
//!
//! Runs two graphs through the core in memory, among simulated workers of four slots, then folds each
//! log from its beginning: `trivial`, tasks that depend on nothing; `layers`, tasks that depend on two
//! of the layer before and fetch what is elsewhere. Prints nanoseconds of processor time for an event,
//! the mean of eight folds. Under `valgrind --tool=callgrind --toggle-collect=fold::fold` it counts their
//! instructions.

use std::error::Error;
use std::fs;
use std::hint::black_box;
use std::io::Write;

use taskreel_model::simulation::{Core, Network, Work, World};
use taskreel_model::{
    ClientId, Event, Input, LocalityThenIdle, Nanos, NewGraph, NewTask, Stamped, State, SuffixText,
    TaskOptions,
};

const WIDTH: u32 = 500;
const FOLDS: u32 = 8;

fn main() -> Result<(), Box<dyn Error>> {
    let number = |i, default| std::env::args().nth(i).map_or(Ok(default), |text| text.parse());
    let (n_tasks, n_workers) = (number(1, 200_000)?, number(2, 16)?);
    let only = std::env::args().nth(3);
    let graphs = [("trivial", false), ("layers", true)].into_iter();
    for (name, has_deps) in graphs.filter(|(name, _)| only.as_ref().is_none_or(|o| o == name)) {
        let log = record(n_tasks, n_workers, has_deps)?;
        let n = log.len() as f64;
        let begin = cpu_ns();
        for _ in 0..FOLDS {
            fold(&log)?;
        }
        let ns = (cpu_ns() - begin) as f64 / f64::from(FOLDS) / n;
        writeln!(std::io::stdout(), "{name}: {n_tasks} tasks, {n} events, {ns:.0} ns an event")?;
    }
    Ok(())
}

/// Time that this thread had a processor. Where the system does not tell, 0.
fn cpu_ns() -> u64 {
    let text = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split(' ').next().and_then(|ns| ns.parse().ok()).unwrap_or(0)
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
        continues: false,
        nested: Vec::new(),
        prefixes: vec!["task".to_owned()],
        options: vec![TaskOptions::new("nothing")],
        tasks: (0..n_tasks).map(task).collect(),
    }
}
