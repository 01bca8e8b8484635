//! Rows of tasks, dense whatever their ids: of a window of a run, only what was alive at its begin
//! and what came later has one.

use taskreel_model::{State, TaskId};

/// Which row a task has. Of a whole run that is its id.
#[derive(Clone, Debug, Default)]
pub(crate) struct Places {
    /// The tasks that were alive when the window began, ascending.
    earlier: Vec<TaskId>,
    /// The first task submitted in the window.
    first: u32,
}

impl Places {
    /// Of a run that begins with a state.
    pub(crate) fn after(opening: &State) -> Self {
        let earlier = opening.tasks().iter().map(|(id, _)| id).collect();
        Self { earlier, first: opening.tasks().next_id().0 }
    }

    /// The row of a task; of one that was gone when the window began, `None`. It may lie behind the
    /// rows there are.
    pub(crate) fn row(&self, task: TaskId) -> Option<usize> {
        match task.0.checked_sub(self.first) {
            Some(later) => Some(self.earlier.len() + later as usize),
            None => self.earlier.binary_search(&task).ok(),
        }
    }

    /// The task of a row.
    pub(crate) fn task(&self, row: usize) -> TaskId {
        let later = || TaskId(self.first + (row - self.earlier.len()) as u32);
        self.earlier.get(row).copied().unwrap_or_else(later)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_a_whole_run_are_ids() {
        let places = Places::default();
        assert_eq!((places.row(TaskId(7)), places.task(7)), (Some(7), TaskId(7)));
    }

    #[test]
    fn rows_of_a_window_leave_no_gap() {
        let places = Places { earlier: vec![TaskId(2), TaskId(5)], first: 9 };
        let rows = [1, 2, 5, 8, 9, 10].map(|id| places.row(TaskId(id)));
        assert_eq!(rows, [None, Some(0), Some(1), None, Some(2), Some(3)]);
        assert_eq!([0, 1, 2, 3].map(|row| places.task(row).0), [2, 5, 9, 10]);
    }
}
