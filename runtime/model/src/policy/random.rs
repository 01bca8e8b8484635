//! By lot: the yardstick. What a better policy is worth is the difference to this one.

use super::{Placement, Policy, has_room};
use crate::{AssignReason, State, TaskId, WorkerId};

/// Any worker that has room, each as likely as the other. Moves nothing once it is assigned.
#[derive(Clone, Copy, Debug, Default)]
pub struct Random {
    /// Draws are a hash of this, the task and how often it was assigned.
    pub seed: u64,
}

impl Policy for Random {
    fn name(&self) -> &'static str {
        "random"
    }

    fn place(&self, state: &State, id: TaskId) -> Placement {
        let Some(task) = state.task(id) else { return Placement::Wait };
        let options = state.options(task.options);
        let n_workers = state.workers().len() as u64;
        if n_workers == 0 {
            return Placement::Nowhere;
        }
        let first = draw(self.seed, (u64::from(id.0) << 32) | u64::from(task.attempt)) % n_workers;
        let mut is_somewhere = false;
        for offset in 0..n_workers {
            let worker = WorkerId(((first + offset) % n_workers) as u32);
            let Some(found) = state.worker(worker) else { continue };
            let is_here = found.status != crate::WorkerStatus::Lost;
            if !is_here || !options.allows(&found.info) {
                continue;
            }
            is_somewhere = true;
            if state.is_open(worker) && has_room(state, worker) && state.fits(found, options) {
                return Placement::On(worker, AssignReason::Random);
            }
        }
        if is_somewhere { Placement::Wait } else { Placement::Nowhere }
    }
}

/// SplitMix64: every bit of the input changes half of those of the output.
fn draw(seed: u64, number: u64) -> u64 {
    let mut z = seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
