//! Processor time of the core for a task, from its submission to its end.
//!
//! One core drives the simulated workers. A second one is given the same inputs, some thousands of turns
//! at a time, and only that one is timed, by the processor time of the thread: neither the simulation nor
//! other programs on the machine count, and what the core touches is in its own caches. Tasks last as long
//! as it takes for all slots to want 50,000 of them a second together, so that a turn has as much to
//! do whatever the number of workers. In `layers` each task depends on two of 4,096 before it, and its
//! inputs of 64 KiB are fetched where it is worth it. Of three rounds the fastest counts.

use std::fs;

use taskreel_model::simulation::{Core, Network, Work, World};
use taskreel_model::{ClientId, Input, LocalityThenIdle, Nanos, State};

use super::SLOTS;
use super::graphs::{Shape, part};

const TASKS_PER_S: u64 = 50_000;
const WIDTH: u32 = 4_096;
const GRAPH_TASKS: u32 = 8_192;
const ROUNDS: u32 = 3;
/// Inputs are handed over when so many turns are together.
const TURNS: usize = 4_096;

/// Nanoseconds.
pub(crate) fn of_a_task(shape: Shape, n_workers: u32, n_tasks: u32) -> f64 {
    let rounds = (0..ROUNDS).map(|_| round(shape, n_workers, n_tasks));
    rounds.min().unwrap_or_default() as f64 / f64::from(n_tasks)
}

/// The core that is timed.
struct Timed {
    core: Core,
    turns: Vec<(Nanos, Vec<Input>)>,
    took_ns: u64,
}

impl Timed {
    /// Takes the turns that are together.
    #[inline(never)]
    fn take(&mut self) {
        let turns = std::mem::take(&mut self.turns);
        let begin = cpu_ns();
        for (at, inputs) in turns {
            self.core.turn(at, inputs).expect("the other core took the same");
        }
        self.took_ns += cpu_ns() - begin;
    }
}

fn round(shape: Shape, n_workers: u32, n_tasks: u32) -> u64 {
    let duration = Nanos(1_000_000_000 / TASKS_PER_S * u64::from(n_workers) * u64::from(SLOTS));
    let work = move |_: &State, _| Work { duration, result_bytes: 64 << 10, failure: None };
    let mut world = World::new(Network::default(), work);
    world.add_workers(n_workers, SLOTS);
    let client = ClientId(0);
    world.tell(Input::ClientConnected { client, name: "scale".to_owned() });
    let mut core = Core::new(Box::new(LocalityThenIdle));
    let twin = Core::new(Box::new(LocalityThenIdle));
    let mut timed = Timed { core: twin, turns: Vec::new(), took_ns: 0 };
    let mut submitted = 0;
    while let Some((at, inputs)) = world.next() {
        timed.turns.push((at, inputs.clone()));
        core.turn(at, inputs).expect("the simulation tells what can be");
        world.carry_out(core.state(), core.effects(), core.events().len());
        if core.state().workers().len() == n_workers as usize && submitted < n_tasks {
            if submitted == 0 {
                // That the workers join is no task's cost.
                timed.take();
                timed.took_ns = 0;
            }
            let end = n_tasks.min(submitted + GRAPH_TASKS);
            let graph = part(shape, (submitted, end), n_tasks, WIDTH);
            world.tell(Input::GraphSubmitted { client, graph });
            submitted = end;
        }
        if timed.turns.len() == TURNS {
            timed.take();
        }
    }
    timed.take();
    assert!(core.state().is_idle() && submitted == n_tasks, "all ended");
    assert!(timed.core.state() == core.state(), "the same inputs give the same state");
    timed.took_ns
}

/// Time that this thread had a processor. Where the system does not tell, 0.
fn cpu_ns() -> u64 {
    let text = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split(' ').next().and_then(|ns| ns.parse().ok()).unwrap_or(0)
}
