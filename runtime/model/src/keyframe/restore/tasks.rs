//! The columns of tasks, taken apart again.

use smallvec::SmallVec;

use super::ensure;
use crate::keyframe::{BadKeyframe, Keyframe, RunRow, StretchRow, TaskColumns};
use crate::{
    Again, Broken, ClientId, GraphId, GraphTable, Key, Nanos, OptionsId, Phase, PrefixId, Rare,
    Replica, Run, StrId, Suffix, Task, TaskId, TaskTable, WorkerId,
};

const SHORT: BadKeyframe = BadKeyframe::Contradiction("a column is too short");
const RANGE: BadKeyframe = BadKeyframe::Contradiction("a number is out of range");

/// Reads a column from its front.
struct Column<'a, T>(std::slice::Iter<'a, T>);

impl<'a, T: Copy> Column<'a, T> {
    fn new(values: &'a [T]) -> Self {
        Self(values.iter())
    }

    fn next(&mut self) -> Result<T, BadKeyframe> {
        self.0.next().copied().ok_or(SHORT)
    }

    /// So many values.
    fn list(&mut self, n: u32) -> Result<&'a [T], BadKeyframe> {
        let (list, rest) = self.0.as_slice().split_at_checked(n as usize).ok_or(SHORT)?;
        self.0 = rest.iter();
        Ok(list)
    }
}

/// The columns that not every task has a value in.
struct Sparse<'a> {
    suffixes: Column<'a, i64>,
    deps: Column<'a, i64>,
    dependents: Column<'a, u32>,
    wanted_by: Column<'a, ClientId>,
    replicas: Column<'a, u64>,
    errors: Column<'a, crate::Blame>,
    runs: Column<'a, RunRow>,
    due: Column<'a, i64>,
    stretches: Column<'a, StretchRow>,
    /// The suffix that should come next.
    suffix: u32,
    /// The dependency that should come next.
    dep: u32,
}

impl Keyframe {
    /// About what the state takes: for each task the table's whole chunk, since few may live in it.
    pub(super) fn memory_needed(&self) -> Result<u64, BadKeyframe> {
        let mut needed = TaskTable::memory_of(self.n_tasks, self.tasks.ids());
        let tasks = &self.tasks;
        needed += 8 * (2 * tasks.deps.len() + tasks.dependents.len() + tasks.replicas.len()) as u64;
        needed += self.strings.iter().map(|text| 2 * text.len() as u64 + 128).sum::<u64>();
        needed += 512 * (self.prefixes.len() + self.options.len()) as u64;
        needed +=
            GraphTable::memory_of(self.n_graphs, self.graphs.iter().map(|(id, _)| u64::from(id.0)));
        needed += 128 * (self.graphs.len() + self.clients.len() + self.flights.len()) as u64;
        needed += 16 * self.jumps.len() as u64;
        let of_worker = |row: &super::WorkerRow| {
            let lists = row.assigned.len() + row.held.len();
            1024 + 8 * (lists as u64 + u64::from(row.info.slots))
        };
        needed += self.workers.iter().map(of_worker).sum::<u64>();
        Ok(needed)
    }
}

impl TaskColumns {
    fn ids(&self) -> impl Iterator<Item = u64> {
        let mut next = 0_u64;
        self.gaps.iter().map(move |gap| {
            let id = next + u64::from(*gap);
            next = id + 1;
            id
        })
    }

    /// The live tasks, as far as a task can be known without the others.
    pub(super) fn restore(
        &self,
        n_tasks: u32,
        next_seq: u64,
        now: Nanos,
    ) -> Result<TaskTable, BadKeyframe> {
        let n = self.gaps.len();
        let dense = [&self.prefixes, &self.graphs, &self.options, &self.attempts, &self.n_failures]
            .into_iter()
            .chain([&self.n_deaths, &self.n_deps, &self.n_dependents])
            .chain([&self.n_wanted_by, &self.n_replicas]);
        ensure(dense.into_iter().all(|column| column.len() == n), "columns differ in length")?;
        let same = [self.flags.len(), self.shapes.len(), self.bytes.len(), self.since.len()];
        ensure(same.iter().all(|&len| len == n), "columns differ in length")?;
        let mut sparse = Sparse {
            suffixes: Column::new(&self.suffixes),
            deps: Column::new(&self.deps),
            dependents: Column::new(&self.dependents),
            wanted_by: Column::new(&self.wanted_by),
            replicas: Column::new(&self.replicas),
            errors: Column::new(&self.errors),
            runs: Column::new(&self.runs),
            due: Column::new(&self.due),
            stretches: Column::new(&self.stretches),
            suffix: 0,
            dep: 0,
        };
        let (mut tasks, mut since) = (TaskTable::default(), 0_u64);
        for (i, id) in self.ids().enumerate() {
            ensure(id < u64::from(n_tasks), "a task has an impossible id")?;
            let id = TaskId(id as u32);
            let mut task = self.task(i, id, &mut sparse, now)?;
            since = since.wrapping_add(self.since[i] as u64);
            ensure(since <= next_seq, "a task changed later than it was stored")?;
            task.since_seq = since;
            tasks.restore(id, task);
        }
        tasks.end(n_tasks);
        Ok(tasks)
    }

    fn task(
        &self,
        i: usize,
        id: TaskId,
        sparse: &mut Sparse<'_>,
        now: Nanos,
    ) -> Result<Task, BadKeyframe> {
        let (flags, shape) = (self.flags[i], self.shapes[i]);
        let phase = Phase::ALL[usize::from(flags & 7)];
        let later = |far: &u32| id.0.checked_add(*far).map(TaskId).ok_or(RANGE);
        let dependents = sparse.dependents.list(self.n_dependents[i])?.iter().map(later);
        let wanted_by = sparse.wanted_by.list(self.n_wanted_by[i])?;
        let replicas = sparse.replicas.list(self.n_replicas[i])?.iter().map(replica);
        // In layout 2 nothing says when it is due: then at once.
        let due = (flags & 1 << 3 != 0).then(|| sparse.due.next().unwrap_or(0));
        let mut rare = Rare {
            due_at: due.map(|later| Nanos(now.0.wrapping_add(later as u64))),
            n_failures: self.n_failures[i],
            n_deaths: self.n_deaths[i],
            error: if shape & 4 != 0 { Some(sparse.errors.next()?) } else { None },
            thief: None,
            broken: None,
        };
        let key = Key { prefix: PrefixId(self.prefixes[i]), suffix: sparse.suffix(shape & 3)? };
        // What follows from other tasks and from workers is filled in later.
        let mut task = Task::new(key, GraphId(self.graphs[i]), OptionsId(self.options[i]));
        task.phase = phase;
        task.ended = flags & 1 << 4 != 0;
        task.finished = flags & 1 << 5 != 0;
        task.again =
            [Again::No, Again::Retry, Again::Recompute, Again::Rebalanced][usize::from(flags >> 6)];
        task.attempt = self.attempts[i];
        task.deps = sparse.deps(self.n_deps[i], id)?;
        task.dependents = dependents.collect::<Result<_, _>>()?;
        task.wanted_by = wanted_by.iter().copied().collect();
        task.replicas = replicas.collect::<Result<_, _>>()?;
        task.bytes = self.bytes[i];
        if phase == Phase::Processing {
            let row = sparse.runs.next()?;
            rare.thief = row.thief;
            let mut run = row.restore(now);
            rare.broken = sparse.broken(shape, now, &mut run)?;
            task.run = Some(run);
        }
        task.amend(|empty| *empty = rare);
        Ok(task)
    }
}

impl Sparse<'_> {
    /// What an execution consists of, of a task of that shape.
    fn broken(
        &mut self,
        shape: u8,
        now: Nanos,
        run: &mut Run,
    ) -> Result<Option<Broken>, BadKeyframe> {
        if shape & 8 == 0 {
            return Ok(None);
        }
        let StretchRow { seceded, since, computed } = self.stretches.next()?;
        ensure(run.executing().is_some(), "a task waits and has not begun")?;
        if seceded {
            run.secede();
        }
        Ok(Some(Broken { since: Nanos(now.0.wrapping_sub(since as u64)), computed }))
    }

    /// So many dependencies of a task.
    fn deps(&mut self, n: u32, of: TaskId) -> Result<SmallVec<[TaskId; 4]>, BadKeyframe> {
        let expected = &mut self.dep;
        let next = |step: &i64| {
            let dep = i64::from(*expected).checked_add(*step).ok_or(RANGE)?;
            let dep = u32::try_from(dep).ok().filter(|dep| *dep < of.0).ok_or(RANGE)?;
            *expected = dep + 1;
            Ok(TaskId(dep))
        };
        self.deps.list(n)?.iter().map(next).collect()
    }

    fn suffix(&mut self, kind: u8) -> Result<Suffix, BadKeyframe> {
        if kind == 0 {
            return Ok(Suffix::None);
        }
        let value = i64::from(self.suffix).checked_add(self.suffixes.next()?).ok_or(RANGE)?;
        let value = u32::try_from(value).map_err(|_range| RANGE)?;
        self.suffix = value.wrapping_add(1);
        match kind {
            1 => Ok(Suffix::Index(value)),
            2 => Ok(Suffix::Name(StrId(value))),
            _ => Err(RANGE),
        }
    }
}

fn replica(stored: &u64) -> Result<Replica, BadKeyframe> {
    let worker = u32::try_from(stored >> 1).map(WorkerId).map_err(|_range| RANGE)?;
    Ok(Replica { worker, position: u32::MAX, spilled: stored & 1 != 0 })
}

impl RunRow {
    fn restore(self, now: Nanos) -> Run {
        let mut run = Run::new(self.worker, u32::MAX, self.estimate);
        if let Some((slot, ago)) = self.executing {
            run.begin(slot, Nanos(now.0.wrapping_sub(ago as u64)));
        }
        run
    }
}
