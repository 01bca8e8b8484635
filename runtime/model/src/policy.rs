//! Placement: which worker runs which ready task. Policies are pure and replaceable.

mod chain;
mod locality;
mod random;
mod rebalance;
mod retire;

use smallvec::SmallVec;

pub use locality::LocalityThenIdle;
pub use random::Random;
pub use rebalance::worthwhile_steals;
pub use retire::copy_target;

use crate::{
    Again, AssignReason, Event, Nanos, State, Task, TaskId, TaskOptions, Turn, Worker, WorkerId,
    WorkerStatus,
};

/// Bytes a second that a transfer is thought to move.
const BANDWIDTH: u64 = 1_000_000_000;

/// What each input that is not there is thought to take, beyond its bytes.
const LATENCY: Nanos = Nanos::from_micros(200);

/// Work that a slot may have ahead of it, beyond what it executes: enough to hide the way to the
/// scheduler and back behind short tasks, and nothing against the length of long ones.
const AHEAD: Nanos = Nanos::from_millis(5);

/// Tasks that a slot may have ahead of it, however short they are.
const MAX_AHEAD: usize = 512;

/// How many tasks that must wait for a worker of their own placement looks past in one turn.
const MAX_PASSED: usize = 256;

/// Decides where a ready task runs.
///
/// A policy is a pure function of the state: no clock, no chance of its own, no memory. Add one as
/// a file in `policy/`, and name it in [`policy_by_name`].
pub trait Policy: Send + Sync {
    /// Its name, for the command line and the trace.
    fn name(&self) -> &'static str;

    /// Where a task runs. Called once for each ready task of a turn, in the order of the queue.
    fn place(&self, state: &State, task: TaskId) -> Placement;

    /// Which task that waits is to go to a worker together with one that was just given to it and makes
    /// its last input: such a chain costs one way to the scheduler and back, not one for each task.
    fn chain(&self, state: &State, task: TaskId, worker: WorkerId) -> Option<TaskId> {
        let _ = (state, task, worker);
        None
    }

    /// Which assigned tasks that have not begun are to move. Called once a turn, after placement.
    fn rebalance(&self, state: &State) -> SmallVec<[Steal; 4]> {
        let _ = state;
        SmallVec::new()
    }
}

/// A task that is to move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Steal {
    /// Which; it is assigned to `from` and has not begun.
    pub task: TaskId,
    /// The worker that has it.
    pub from: WorkerId,
    /// The worker that is to have it.
    pub to: WorkerId,
}

/// What a policy says of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placement {
    /// It goes to that worker, which is running, allowed and has room.
    On(WorkerId, AssignReason),
    /// No worker has room for it now: it stays in the queue.
    Wait,
    /// No worker that is here may run it.
    Nowhere,
}

/// The names of all policies, the default first.
pub const POLICY_NAMES: [&str; 2] = ["locality", "random"];

/// Finds a policy by its name. `seed`: of its draws, if it makes any.
pub fn policy_by_name(name: &str, seed: u64) -> Option<Box<dyn Policy>> {
    match name {
        "locality" => Some(Box::new(LocalityThenIdle)),
        "random" => Some(Box::new(Random { seed })),
        _ => None,
    }
}

/// Whether a worker takes one more task: it has a free slot, or too little ahead of it.
pub fn has_room(state: &State, worker: WorkerId) -> bool {
    let Some(found) = state.worker(worker) else { return false };
    let slots = found.slots.len();
    let n = found.demand();
    n < slots || (n < slots * MAX_AHEAD && found.occupancy.0 / slots as u64 <= AHEAD.0)
}

/// Places the ready tasks, in the order of the queue, as long as workers have room. Once per turn:
/// a burst of finished tasks is answered by one pass.
pub fn place(policy: &dyn Policy, turn: &mut Turn<'_>) {
    let mut after = None;
    let mut n_passed = 0;
    while let Some((rank, id)) = turn.state().ready.next(after) {
        after = Some((rank, id));
        turn.settle();
        let task = TaskId(id);
        match policy.place(turn.state(), task) {
            Placement::On(worker, reason) => {
                let cause = let_go_by(turn.state(), task, worker);
                assign(turn, task, worker, reason, cause);
                chain::extend(policy, turn, task, worker);
            }
            Placement::Nowhere => turn.emit(Event::TaskUnplaceable { task }),
            Placement::Wait => {
                n_passed += 1;
                let state = turn.state();
                let found = state.task(task).expect("the queue holds live tasks only");
                // When one that may run anywhere has to wait, all workers are full.
                if state.may_run_anywhere(state.options(found.options)) || n_passed == MAX_PASSED {
                    break;
                }
            }
        }
    }
}

/// Asks workers for tasks back that others would begin sooner. Once per turn, after [`place`].
pub fn rebalance(policy: &dyn Policy, turn: &mut Turn<'_>) {
    turn.settle();
    for Steal { task, from, to } in policy.rebalance(turn.state()) {
        turn.emit(Event::StealRequested { task, from, to });
    }
}

/// How long the task is thought to wait before it begins on the worker.
fn start_delay(state: &State, task: &Task, worker: WorkerId) -> Nanos {
    let Some(found) = state.worker(worker) else { return Nanos::MAX };
    let slots = found.slots.len();
    let queue =
        if found.demand() < slots { Nanos::ZERO } else { Nanos(found.occupancy.0 / slots as u64) };
    let missing = task.deps.iter().filter(|dep| !holds(state, **dep, worker));
    missing.fold(queue, |delay, dep| {
        let bytes = state.task(*dep).map_or(0, |dep| dep.bytes);
        delay + LATENCY + Nanos(bytes.saturating_mul(1_000_000_000 / BANDWIDTH))
    })
}

fn holds(state: &State, dep: TaskId, worker: WorkerId) -> bool {
    state.task(dep).is_some_and(|dep| dep.replicas.iter().any(|r| r.worker == worker))
}

/// What let a ready task go now: its own readiness (`None`), or that the worker got room after that.
fn let_go_by(state: &State, task: TaskId, worker: WorkerId) -> Option<u64> {
    let since_seq = state.task(task).map_or(0, |found| found.since_seq);
    state.worker(worker).map(|found| found.freed_seq).filter(|freed_seq| *freed_seq > since_seq)
}

fn assign(
    turn: &mut Turn<'_>,
    task: TaskId,
    worker: WorkerId,
    reason: AssignReason,
    cause: Option<u64>,
) {
    let found = turn.state().task(task).expect("placement names live tasks only");
    let reason = match found.again {
        Again::No => reason,
        Again::Retry => AssignReason::Retry,
        Again::Recompute => AssignReason::Recompute,
        Again::Rebalanced => AssignReason::Rebalanced,
    };
    let attempt = found.attempt + 1;
    turn.emit_at(turn.now(), cause, Event::TaskAssigned { task, worker, attempt, reason });
}

impl State {
    /// Whether a worker takes tasks.
    fn is_open(&self, worker: WorkerId) -> bool {
        self.worker(worker).is_some_and(|found| found.status == WorkerStatus::Running)
    }

    /// Whether a worker may run a task with these options, and has what it asks for left.
    fn fits(&self, worker: &Worker, options: &TaskOptions) -> bool {
        let is_left = |(name, need): (&String, &u64)| {
            let have = worker.info.resources.get(name).copied().unwrap_or(0);
            have.saturating_sub(self.resource_in_use(worker, name)) >= *need
        };
        options.allows(&worker.info)
            && self.may_have(worker, options)
            && options.resources.iter().all(is_left)
    }

    /// Whether any worker will do.
    fn may_run_anywhere(&self, options: &TaskOptions) -> bool {
        options.is_unrestricted() && !self.lacked.contains(options.function.as_str())
    }

    /// Whether a worker is not known to lack the function, or all others lack it too: then the task
    /// fails there, and says why.
    fn may_have(&self, worker: &Worker, options: &TaskOptions) -> bool {
        let function = options.function.as_str();
        let has = |worker: &Worker| !worker.lacks.contains(function);
        !self.lacked.contains(function)
            || has(worker)
            || !self.present_workers().any(|(_, w)| options.allows(&w.info) && has(w))
    }
}
