//! A graph: tasks that were submitted together, in one part or several.

use serde::{Deserialize, Serialize};

use crate::{ClientId, GraphId, StrId, TaskId};

/// A submitted graph.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Graph {
    /// Its name.
    pub name: StrId,
    /// Who submitted it.
    pub client: ClientId,
    /// Its first task.
    pub first: TaskId,
    /// How many tasks it has, as far as they were submitted.
    pub n_tasks: u32,
    /// How many of them have finished, erred or were cancelled, each counted once.
    pub n_ended: u32,
    /// How many of them erred.
    pub n_erred: u32,
    /// How many of them are forgotten.
    pub n_forgotten: u32,
    /// The client's own number of its first task; the others' follow, without a gap.
    pub local: u32,
    /// Where the ids of its tasks leave a gap, because others' tasks came between two of its parts:
    /// how many of its tasks come before, and the id that comes next. Both ascend; mostly empty.
    pub jumps: Vec<(u32, TaskId)>,
    /// Those of its tasks that others submitted as they ran. They ascend; mostly empty.
    pub nested: Vec<Nested>,
}

/// Tasks of a graph that one task submitted as it ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nested {
    /// The task that submitted them.
    pub parent: TaskId,
    /// The first of them.
    pub first: TaskId,
    /// How many they are; at least 1.
    pub n_tasks: u32,
}

/// The part of a graph that has not got all its tasks yet: the log ends, or ended, in the middle of a
/// submission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OpenPart {
    pub(crate) graph: GraphId,
    /// Its first task...
    pub(crate) first: TaskId,
    /// ...and the one behind its last.
    pub(crate) end: TaskId,
}

impl Graph {
    /// Its task number `index`, counted from 0. Cost: the logarithm of the number of its parts.
    pub fn task(&self, index: u32) -> Option<TaskId> {
        if index >= self.n_tasks {
            return None;
        }
        let (from, first) = match self.jumps.partition_point(|(from, _)| *from <= index) {
            0 => (0, self.first),
            position => self.jumps[position - 1],
        };
        Some(TaskId(first.0 + (index - from)))
    }

    /// The number of a task among its own, counted from 0: the inverse of [`Graph::task`].
    pub fn index(&self, task: TaskId) -> Option<u32> {
        let position = self.jumps.partition_point(|(_, first)| *first <= task);
        let (from, first) = match position {
            0 => (0, self.first),
            position => self.jumps[position - 1],
        };
        let index = u64::from(from) + u64::from(task.0.checked_sub(first.0)?);
        let end = self.jumps.get(position).map_or(self.n_tasks, |(from, _)| *from);
        (index < u64::from(end)).then_some(index as u32)
    }

    /// All its tasks, in the order of their ids.
    pub fn tasks(&self) -> impl Iterator<Item = TaskId> + '_ {
        self.ranges().flat_map(|(first, n_tasks)| (first.0..first.0 + n_tasks).map(TaskId))
    }

    /// Its stretches of ids without a gap: the first, and how many.
    pub(crate) fn ranges(&self) -> impl Iterator<Item = (TaskId, u32)> + '_ {
        let begins = std::iter::once((0, self.first)).chain(self.jumps.iter().copied());
        let ends = self.jumps.iter().map(|(from, _)| *from).chain([self.n_tasks]);
        begins.zip(ends).map(|((from, first), end)| (first, end - from))
    }

    /// The client's own number of the first task that would come next; `u32::MAX` at the most.
    pub fn next_local(&self) -> u32 {
        self.local + self.n_tasks
    }

    /// The task that submitted one of its tasks, if it was one. Cost: the logarithm of their number.
    pub fn parent(&self, task: TaskId) -> Option<TaskId> {
        let position = self.nested.partition_point(|nested| nested.first <= task);
        let nested = self.nested[..position].last()?;
        (task.0 - nested.first.0 < nested.n_tasks).then_some(nested.parent)
    }

    /// The tasks that come next are nested. What the log ended with before the first of them was there is
    /// said again.
    pub(crate) fn nest(&mut self, nested: Nested) {
        self.nested.pop_if(|last| last.first == nested.first);
        self.nested.push(nested);
    }

    /// So many tasks more, whose ids begin at `first`.
    pub(crate) fn extend(&mut self, first: TaskId, n_tasks: u32) {
        let (last, n_last) = self.ranges().last().unwrap_or((self.first, 0));
        if last.0 + n_last != first.0 {
            self.jumps.push((self.n_tasks, first));
        }
        self.n_tasks += n_tasks;
    }

    /// So many tasks fewer: the last ones never came.
    pub(crate) fn cut(&mut self, n_missing: u32) {
        self.n_tasks -= n_missing;
        self.jumps.retain(|(from, _)| *from < self.n_tasks);
        let end =
            self.ranges().last().map_or(self.first, |(first, n_tasks)| TaskId(first.0 + n_tasks));
        self.nested.retain_mut(|nested| {
            nested.n_tasks = nested.n_tasks.min(end.0.saturating_sub(nested.first.0));
            nested.n_tasks > 0
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_its_tasks_across_the_gaps() {
        let mut graph = Graph {
            name: StrId(0),
            client: ClientId(0),
            first: TaskId(10),
            n_tasks: 3,
            n_ended: 0,
            n_erred: 0,
            n_forgotten: 0,
            local: 100,
            jumps: Vec::new(),
            nested: Vec::new(),
        };
        graph.extend(TaskId(13), 2);
        assert!(graph.jumps.is_empty(), "nothing came between");
        graph.extend(TaskId(20), 2);
        graph.extend(TaskId(22), 1);
        graph.extend(TaskId(30), 1);
        assert_eq!(graph.jumps, [(5, TaskId(20)), (8, TaskId(30))]);
        let tasks: Vec<TaskId> = graph.tasks().collect();
        assert_eq!(
            tasks.iter().map(|t| t.0).collect::<Vec<_>>(),
            [10, 11, 12, 13, 14, 20, 21, 22, 30]
        );
        for (index, task) in (0..).zip(&tasks) {
            assert_eq!((graph.task(index), graph.index(*task)), (Some(*task), Some(index)));
        }
        for other in [9, 15, 19, 23, 29, 31].map(TaskId) {
            assert_eq!(graph.index(other), None, "{other}");
        }
        assert_eq!((graph.task(9), graph.next_local()), (None, 109));
        graph.cut(1);
        assert_eq!((graph.jumps.len(), graph.index(TaskId(30)), graph.n_tasks), (1, None, 8));
        graph.nest(Nested { parent: TaskId(3), first: TaskId(11), n_tasks: 2 });
        graph.nest(Nested { parent: TaskId(4), first: TaskId(20), n_tasks: 1 });
        graph.nest(Nested { parent: TaskId(5), first: TaskId(20), n_tasks: 3 });
        let parents = |graph: &Graph| {
            [10, 11, 12, 13, 20, 22].map(|id| graph.parent(TaskId(id)).map(|t| t.0))
        };
        assert_eq!(parents(&graph), [None, Some(3), Some(3), None, Some(5), Some(5)]);
        graph.cut(2);
        assert_eq!(parents(&graph), [None, Some(3), Some(3), None, Some(5), None]);
        graph.cut(1);
        assert_eq!(graph.nested.len(), 1, "nothing is left of the second");
    }
}
