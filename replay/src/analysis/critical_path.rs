//! The critical path: the chain of executions, each of which had to wait for the one before it,
//! that led to the last end of the run. A task that is tried again is on it with each attempt.

use taskreel_model::{Nanos, TaskId};

use super::Facts;
use crate::chain::{self, n_tasks};
use crate::figure::Window;

/// The chain, first to last.
#[derive(Clone, Debug, Default)]
pub struct CriticalPath {
    /// Its executions in the order of time; one that waited for tasks that it submitted may be several.
    pub links: Vec<Link>,
    /// How many tasks these are of.
    pub n_tasks: usize,
}

/// One execution on the path, as far as the next one waited for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// Which task.
    pub task: TaskId,
    /// Position in [`Facts::prefixes`].
    pub prefix: u32,
    /// When it executed.
    pub window: Window,
}

impl CriticalPath {
    /// Of a run that goes on, that to the last end so far.
    pub fn of(facts: &Facts) -> Self {
        let links = facts.chain.links();
        let n_tasks = n_tasks(&links);
        let link = |link: chain::Link| Link {
            task: link.task,
            prefix: link.key.prefix.0,
            window: link.window,
        };
        Self { links: links.into_iter().map(link).collect(), n_tasks }
    }

    /// Time that its executions took together.
    pub fn executed(&self) -> Nanos {
        Nanos(self.links.iter().map(|link| link.window.length().0).sum())
    }

    /// Time on the path by prefix, most first.
    pub fn by_prefix(&self) -> Vec<(u32, Nanos)> {
        let mut sums: Vec<(u32, Nanos)> = Vec::new();
        for link in &self.links {
            match sums.iter_mut().find(|(prefix, _)| *prefix == link.prefix) {
                Some((_, sum)) => *sum = *sum + link.window.length(),
                None => sums.push((link.prefix, link.window.length())),
            }
        }
        sums.sort_by_key(|(prefix, sum)| (std::cmp::Reverse(*sum), *prefix));
        sums
    }

    /// From its begin to its end.
    pub fn window(&self) -> Window {
        match (self.links.first(), self.links.last()) {
            (Some(first), Some(last)) => Window::new(first.window.from, last.window.to),
            _ => Window::default(),
        }
    }
}
