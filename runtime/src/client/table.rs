//! What a client knows of the tasks it holds futures of.

use std::collections::HashMap;
use std::task::Waker;

use crate::wire::message::{EndedHow, TaskEnd};

/// The tasks that a client waits for or holds results of, by its own numbers.
#[derive(Debug, Default)]
pub(crate) struct Table {
    tasks: taskreel_model::Table<u32, Entry>,
    wakers: HashMap<u32, Vec<Waker>>,
    /// Why nothing more will arrive, once that is so.
    closed: Option<String>,
}

#[derive(Debug)]
enum Entry {
    Pending,
    /// Nobody waits; its result is released as soon as it ends.
    Detached,
    Ended(EndedHow),
}

/// What is known of one task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    /// It has not ended.
    Pending,
    /// It has.
    Ended(EndedHow),
    /// It has not, and never will: the cluster is gone, for the reason given.
    Closed(String),
}

impl Table {
    /// A task was submitted: the next one.
    pub(crate) fn insert(&mut self, local: u32) {
        let next = self.tasks.push(Entry::Pending);
        assert_eq!(next, local, "a client counts its tasks as it submits them");
    }

    /// Its future is gone. Whether it was known.
    pub(crate) fn remove(&mut self, local: u32) -> bool {
        if !self.wakers.is_empty() {
            self.wakers.remove(&local);
        }
        let was_known = self.tasks.get(local).is_some();
        self.tasks.remove(local);
        was_known
    }

    /// Nobody will wait for it. Whether it has ended already, and so can be released.
    pub(crate) fn detach(&mut self, local: u32) -> bool {
        match self.tasks.get_mut(local) {
            Some(Entry::Ended(_)) => return self.remove(local),
            Some(entry) => *entry = Entry::Detached,
            None => {}
        }
        false
    }

    /// Its result was not where it was said to be.
    pub(crate) fn mislaid(&mut self, local: u32) {
        if let Some(entry) = self.tasks.get_mut(local) {
            *entry = Entry::Pending;
        }
    }

    /// Tasks ended. Gives the wakers to call and the results to release.
    pub(crate) fn end(&mut self, ends: Vec<TaskEnd>) -> (Vec<Waker>, Vec<u32>) {
        let (mut wakers, mut released) = (Vec::new(), Vec::new());
        for TaskEnd { local, how } in ends {
            match self.tasks.get_mut(local) {
                Some(entry @ (Entry::Pending | Entry::Ended(_))) => *entry = Entry::Ended(how),
                Some(Entry::Detached) => {
                    self.tasks.remove(local);
                    released.push(local);
                }
                None => {}
            }
            if !self.wakers.is_empty() {
                wakers.extend(self.wakers.remove(&local).unwrap_or_default());
            }
        }
        (wakers, released)
    }

    /// The cluster is gone. Gives the wakers to call.
    pub(crate) fn close(&mut self, reason: String) -> Vec<Waker> {
        self.closed.get_or_insert(reason);
        self.wakers.drain().flat_map(|(_, wakers)| wakers).collect()
    }

    /// What is known of a task.
    pub(crate) fn known(&self, local: u32) -> Known {
        match (self.tasks.get(local), &self.closed) {
            (Some(Entry::Ended(how)), _) => Known::Ended(how.clone()),
            (_, Some(reason)) => Known::Closed(reason.clone()),
            (Some(Entry::Pending | Entry::Detached) | None, None) => Known::Pending,
        }
    }

    /// Whether a task is still awaited; cheaper than [`Self::known`].
    pub(crate) fn is_pending(&self, local: u32) -> bool {
        self.closed.is_none() && !matches!(self.tasks.get(local), Some(Entry::Ended(_)))
    }

    /// The tasks that have not ended as far as is known, in their order.
    pub(crate) fn pending(&self) -> Vec<u32> {
        let all = self.tasks.iter();
        let pending = all.filter(|(_, entry)| !matches!(entry, Entry::Ended(_)));
        pending.map(|(local, _)| local).collect()
    }

    /// Calls the waker when the task ends.
    pub(crate) fn wake_on_end(&mut self, local: u32, waker: &Waker) {
        let wakers = self.wakers.entry(local).or_default();
        if !wakers.iter().any(|known| known.will_wake(waker)) {
            wakers.push(waker.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forgets_the_tasks_whose_futures_are_gone() {
        let mut table = Table::default();
        (0..1_000).for_each(|local| table.insert(local));
        assert!((0..990).all(|local| table.remove(local)));
        assert!(!table.remove(5));
        assert_eq!(table.pending(), (990..1_000).collect::<Vec<u32>>());
        // Those that nobody waits for go when they end.
        (1_000..2_000).for_each(|local| table.insert(local));
        assert!((1_000..2_000).all(|local| !table.detach(local)));
        let how = EndedHow::Cancelled;
        let ends = (1_000..2_000).map(|local| TaskEnd { local, how: how.clone() });
        assert_eq!(table.end(ends.collect()).1.len(), 1_000);
        assert_eq!(table.tasks.len(), 10);
    }
}
