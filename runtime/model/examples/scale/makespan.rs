//! How near a policy comes to the least time possible.
//!
//! Lower bound = max(critical path, work / slots): the longest chain of durations along dependencies, and
//! the sum of all durations shared by all slots. No schedule is shorter, and most cannot reach it: it
//! knows no messages, no transfers, and no slot that waits because durations do not fit together.
//! Makespan: from the submission, as one graph, until the last task has ended and the scheduler knows.
//! Tasks take 5 to 15 ms by their number, results have 1 MiB, which takes 1 ms to move.

use taskreel_model::simulation::{Core, Network, Work, World, run};
use taskreel_model::{ClientId, Input, Nanos, State, TaskId, policy_by_name};

use super::graphs::{Shape, part};
use super::{Outcome, SLOTS};

/// Of the draws of `random`.
const SEED: u64 = 1;

/// Makespan / lower bound, for so many tasks for each slot.
pub(crate) fn by_lower_bound(
    shape: Shape,
    n_workers: u32,
    per_slot: u32,
    policy: &str,
) -> Outcome<f64> {
    let n_slots = n_workers * u32::from(SLOTS);
    let (n_tasks, width) = (n_slots * per_slot, 2 * n_slots);
    let policy = policy_by_name(policy, SEED).ok_or("there is no such policy")?;
    let work = |_: &State, task: TaskId| Work {
        duration: duration(task.0),
        result_bytes: 1 << 20,
        failure: None,
    };
    let (mut core, mut world) = (Core::new(policy), World::new(Network::default(), work));
    world.add_workers(n_workers, SLOTS);
    let client = ClientId(0);
    world.tell(Input::ClientConnected { client, name: "scale".to_owned() });
    let begin = run(&mut core, &mut world)?;
    let graph = part(shape, (0, n_tasks), n_tasks, width);
    world.tell(Input::GraphSubmitted { client, graph });
    let end = run(&mut core, &mut world)?;
    assert!(core.state().is_idle(), "all ended");
    let bound = lower_bound(shape, n_tasks, width, n_slots);
    assert!(end - begin >= bound, "no schedule is shorter");
    Ok((end - begin).as_secs_f64() / bound.as_secs_f64())
}

/// 5 to 15 ms, each as likely: a hash of the number.
fn duration(task: u32) -> Nanos {
    let hash = (u64::from(task) + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
    Nanos::from_micros(5_000 + hash % 10_000)
}

fn lower_bound(shape: Shape, n_tasks: u32, width: u32, n_slots: u32) -> Nanos {
    let mut ends: Vec<Nanos> = Vec::with_capacity(n_tasks as usize);
    let mut work = Nanos::ZERO;
    for task in 0..n_tasks {
        let deps = shape.deps(task, n_tasks, width);
        let ready = deps.into_iter().map(|dep| ends[dep as usize]).max().unwrap_or(Nanos::ZERO);
        ends.push(ready + duration(task));
        work = work + duration(task);
    }
    let critical_path = ends.into_iter().max().unwrap_or(Nanos::ZERO);
    critical_path.max(Nanos(work.0 / u64::from(n_slots)))
}
