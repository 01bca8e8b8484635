//! Which dependency is to be expected: tasks that lie side by side need what lies side by side.

/// Foretells the dependencies of tasks, one after the other, to who stores as to who restores.
#[derive(Debug, Default)]
pub(super) struct ExpectedDep {
    /// Where those of the last task begin, apart from one far off.
    begin: u32,
    /// Of the present task: behind its last dependency.
    next: u32,
    /// Which one comes, and which one of them is the begin for the next task.
    place: u32,
    marks: u32,
}

impl ExpectedDep {
    /// Those of the next task come, so many.
    pub(super) fn task(&mut self, n_deps: u32) {
        (self.next, self.place, self.marks) = (0, 0, u32::from(n_deps > 2));
    }

    /// The next dependency should be behind the last one, and not before those of the task before: one far off
    /// is then paid for once.
    pub(super) fn get(&self) -> i64 {
        self.next.max(self.begin).into()
    }

    /// It is this one.
    pub(super) fn was(&mut self, dep: u32) {
        if self.place == self.marks {
            self.begin = dep;
        }
        self.place += 1;
        self.next = dep.saturating_add(1);
    }
}
