//! The critical path: the chain of executions, each of which had to wait for the one before it,
//! that led to the last end of the run.

use taskreel_model::{Nanos, TaskId};

use super::Facts;
use super::facts::NONE;
use crate::figure::Window;

/// The chain, first to last.
#[derive(Clone, Debug, Default)]
pub struct CriticalPath {
    /// Its executions in the order of time.
    pub links: Vec<Link>,
}

/// One execution on the path.
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
    /// Walks back from the execution that ended last, each time to the dependency that ended last.
    pub fn of(facts: &Facts) -> Self {
        let now = facts.window.to;
        let rows = 0..facts.attempts.len() as u32;
        let ended = |row: &u32| facts.attempts[*row as usize].executed(now).map(|w| w.to);
        let mut next = rows.filter(|row| ended(row).is_some()).max_by_key(|row| ended(row));
        let mut links = Vec::new();
        // Dependencies have smaller ids than what depends on them, so this ends.
        while let Some(attempt) = next.and_then(|row| facts.attempt(row)) {
            if let Some(window) = attempt.executed(now) {
                links.push(Link { task: attempt.task, prefix: attempt.prefix, window });
            }
            let of_dep = |dep: &TaskId| facts.tasks[dep.index()].finished_attempt;
            let deps = facts.deps(attempt.task).iter();
            next = deps.map(of_dep).filter(|row| *row != NONE).max_by_key(ended);
        }
        links.reverse();
        Self { links }
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
