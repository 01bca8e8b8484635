//! Small results that came with workers' reports, the latest of them: they go on with the word that they
//! are there, and with the tasks that take them, so that nobody has to ask their holder.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use taskreel_model::TaskId;

use crate::wire::message::{Assignment, SMALL_RESULT_BYTES};

/// So many are kept: what takes a result mostly runs soon after it. 1 MiB at the most.
const N_KEPT: usize = 4096;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct SmallResults {
    /// With the attempt that made it: one that is made again may be another.
    by_task: BTreeMap<TaskId, (u32, Bytes)>,
    /// In the order in which they came; a task may be there twice.
    order: VecDeque<TaskId>,
}

impl SmallResults {
    /// Takes in what came with reports, in place of the oldest.
    pub(super) fn extend(&mut self, results: Vec<(Assignment, Bytes)>) {
        for (Assignment { task, attempt }, result) in results {
            if result.len() > SMALL_RESULT_BYTES {
                continue;
            }
            self.by_task.insert(task, (attempt, result));
            self.order.push_back(task);
            if self.order.len() > N_KEPT
                && let Some(oldest) = self.order.pop_front()
            {
                self.by_task.remove(&oldest);
            }
        }
    }

    /// What that attempt made, if it is still kept.
    pub(super) fn get(&self, task: TaskId, attempt: u32) -> Option<Bytes> {
        let (made_by, result) = self.by_task.get(&task)?;
        (*made_by == attempt).then(|| result.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn came(task: u32, attempt: u32, len: usize) -> Vec<(Assignment, Bytes)> {
        vec![(Assignment { task: TaskId(task), attempt }, vec![attempt as u8; len].into())]
    }

    #[test]
    fn are_those_of_their_attempt_and_small() {
        let mut results = SmallResults::default();
        results.extend(came(1, 1, 8));
        results.extend(came(2, 1, SMALL_RESULT_BYTES + 1));
        assert_eq!(results.get(TaskId(1), 1).as_deref(), Some(&[1; 8][..]));
        assert_eq!((results.get(TaskId(1), 2), results.get(TaskId(2), 1)), (None, None));
        results.extend(came(1, 2, 4));
        assert_eq!(results.get(TaskId(1), 1), None);
        assert_eq!(results.get(TaskId(1), 2).as_deref(), Some(&[2; 4][..]));
    }

    #[test]
    fn no_more_are_kept_than_that() {
        let mut results = SmallResults::default();
        (0..10_000).for_each(|task| results.extend(came(task, 1, 1)));
        assert_eq!((results.by_task.len(), results.order.len()), (N_KEPT, N_KEPT));
        assert!(results.get(TaskId(9_999), 1).is_some() && results.get(TaskId(0), 1).is_none());
    }
}
