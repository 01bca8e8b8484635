//! How much there is to do: for whoever starts workers and lets them go.

use taskreel_model::{Nanos, Phase, WorkerId, WorkerStatus};

use super::core::Core;

/// How long a task is thought to take when none of its prefix has run yet.
const UNKNOWN: Nanos = Nanos::from_millis(500);

/// What there is to do, and who is there to do it.
#[derive(Clone, Debug, Default)]
pub struct Load {
    /// Tasks that could run now if a slot were free, and those that do.
    pub n_ready: u64,
    /// How many of them run.
    pub n_executing: u64,
    /// How long all of them are thought to take, one after the other.
    pub work: Nanos,
    /// The workers that are here and stay, in the order in which they joined.
    pub workers: Vec<WorkerLoad>,
    /// Names of the workers that are about to leave.
    pub leaving: Vec<String>,
}

/// A worker, and what keeps it here.
#[derive(Clone, Debug)]
pub struct WorkerLoad {
    /// Its id.
    pub id: WorkerId,
    /// Its name.
    pub name: String,
    /// How many tasks it has.
    pub n_assigned: usize,
    /// How many results it holds.
    pub n_held: usize,
    /// Bytes of these.
    pub held_bytes: u64,
}

impl Core {
    pub(super) fn load(&self) -> Load {
        let mut load = Load::default();
        for (id, worker) in self.state.present_workers() {
            load.n_executing += worker.n_executing() as u64;
            if worker.status == WorkerStatus::Retiring {
                load.leaving.push(worker.info.name.clone());
                continue;
            }
            load.workers.push(WorkerLoad {
                id,
                name: worker.info.name.clone(),
                n_assigned: worker.assigned.len(),
                n_held: worker.held.len(),
                held_bytes: worker.memory_bytes + worker.disk_bytes,
            });
        }
        let nobody = load.workers.is_empty();
        for prefix in self.state.prefixes() {
            // Others than those that are here would be no better, unless there are none.
            let n_nowhere = if nobody { prefix.counts.get(Phase::NoWorker) } else { 0 };
            let n =
                prefix.counts.get(Phase::Queued) + prefix.counts.get(Phase::Processing) + n_nowhere;
            let each = if prefix.n_runs == 0 { UNKNOWN } else { prefix.estimate() };
            load.n_ready += n;
            load.work = load.work + Nanos(each.0.saturating_mul(n));
        }
        load
    }
}
