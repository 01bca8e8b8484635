//! A value for each task that is not forgotten, so that a plot of a long run keeps what lives, not what ever was. Not a
//! plot.

use taskreel_model::{Change, Phase, State, TaskId};

const CHUNK: usize = 512;

/// Values by task. Ids only grow: a chunk of which all is gone is 8 bytes.
#[derive(Clone, Debug)]
pub(crate) struct LiveTasks<T> {
    chunks: Vec<Option<Box<Chunk<T>>>>,
    /// Forgotten by the event before `next_seq`: other changes of that event may still tell of them.
    gone: Vec<TaskId>,
    next_seq: u64,
}

#[derive(Clone, Debug)]
struct Chunk<T> {
    values: [Option<T>; CHUNK],
    n_values: usize,
}

impl<T> Default for LiveTasks<T> {
    fn default() -> Self {
        Self { chunks: Vec::new(), gone: Vec::new(), next_seq: 0 }
    }
}

impl<T: Copy> LiveTasks<T> {
    /// Lets go of the values of tasks that earlier events forgot. To be told of every change.
    pub(crate) fn update(&mut self, change: &Change, state: &State) {
        if self.next_seq != state.next_seq() {
            self.next_seq = state.next_seq();
            for task in std::mem::take(&mut self.gone) {
                self.remove(task);
            }
        }
        if let Change::Task { task, to: Phase::Forgotten, .. } = *change {
            self.gone.push(task);
        }
    }

    pub(crate) fn get(&self, task: TaskId) -> Option<T> {
        let chunk = self.chunks.get(task.index() / CHUNK)?.as_ref()?;
        chunk.values[task.index() % CHUNK]
    }

    pub(crate) fn set(&mut self, task: TaskId, value: T) {
        let index = task.index() / CHUNK;
        if self.chunks.len() <= index {
            self.chunks.resize_with(index + 1, || None);
        }
        let empty = || Box::new(Chunk { values: [None; CHUNK], n_values: 0 });
        let chunk = self.chunks[index].get_or_insert_with(empty);
        if chunk.values[task.index() % CHUNK].replace(value).is_none() {
            chunk.n_values += 1;
        }
    }

    /// All of them, in the order of their tasks.
    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.chunks.iter_mut().flatten().flat_map(|chunk| chunk.values.iter_mut().flatten())
    }

    fn remove(&mut self, task: TaskId) {
        let Some(place) = self.chunks.get_mut(task.index() / CHUNK) else { return };
        let Some(chunk) = place else { return };
        if chunk.values[task.index() % CHUNK].take().is_some() {
            chunk.n_values -= 1;
        }
        if chunk.n_values == 0 {
            *place = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_gone_leaves_nothing() {
        let mut tasks = LiveTasks::default();
        for task in (0..3_000).map(TaskId) {
            tasks.set(task, task.0);
            tasks.set(task, task.0 + 1);
        }
        assert_eq!(tasks.get(TaskId(2_999)), Some(3_000));
        (0..2_990).map(TaskId).for_each(|task| tasks.remove(task));
        assert_eq!((tasks.get(TaskId(5)), tasks.get(TaskId(2_995))), (None, Some(2_996)));
        assert_eq!(tasks.chunks.iter().flatten().count(), 1);
        assert_eq!(tasks.values_mut().count(), 10);
        assert_eq!(tasks.get(TaskId(9_999)), None);
    }
}
