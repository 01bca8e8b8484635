//! Where results go whose holders are to leave.

use crate::{State, TaskId, WorkerId, WorkerStatus};

/// Workers with so many bytes more in memory than the emptiest are as good as that one: results
/// that move at the same time are spread.
const SAME: u64 = 64 << 20;

/// Where a copy of a result goes when its holders are to leave: to one of the workers that take
/// tasks and have the fewest bytes in memory. `None`: there is none.
pub fn copy_target(state: &State, task: TaskId) -> Option<WorkerId> {
    let replicas = state.task(task).map_or(&[][..], |found| &found.replicas);
    let free: Vec<(u64, WorkerId)> = state
        .present_workers()
        .filter(|(_, worker)| worker.status == WorkerStatus::Running)
        .filter(|(id, _)| replicas.iter().all(|replica| replica.worker != *id))
        .map(|(id, worker)| (worker.memory_bytes, id))
        .collect();
    let least = free.iter().map(|(bytes, _)| *bytes).min()?;
    let good: Vec<WorkerId> =
        free.into_iter().filter(|(bytes, _)| *bytes <= least + SAME).map(|(_, id)| id).collect();
    Some(good[task.index() % good.len()])
}
