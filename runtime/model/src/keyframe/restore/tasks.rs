//! The columns of tasks, taken apart again.

use super::ensure;
use crate::keyframe::numbers::{Reader, SHORT};
use crate::keyframe::{
    BadKeyframe, ExpectedDep, Keyframe, Numbers, RunRow, StretchRow, TaskColumns,
};
use crate::{
    Again, Broken, ClientId, GraphId, GraphTable, Key, Nanos, OptionsId, Phase, PrefixId, Rare,
    Replica, Run, StrId, Suffix, Task, TaskId, TaskTable, WorkerId,
};

const RANGE: BadKeyframe = BadKeyframe::Contradiction("a number is out of range");

/// The tasks of a worker in the order of their ids.
#[derive(Clone, Debug, Default)]
pub(super) struct OfWorker {
    pub(super) assigned: Vec<TaskId>,
    pub(super) held: Vec<TaskId>,
}

/// The columns, each read so far.
struct Columns<'a> {
    flags: Reader<'a>,
    shapes: Reader<'a>,
    prefixes: Reader<'a>,
    suffixes: Reader<'a>,
    graphs: Reader<'a>,
    options: Reader<'a>,
    attempts: Reader<'a>,
    n_failures: Reader<'a>,
    n_deaths: Reader<'a>,
    n_deps: Reader<'a>,
    deps: Reader<'a>,
    n_dependents: Reader<'a>,
    dependents: Reader<'a>,
    n_wanted_by: Reader<'a>,
    wanted_by: Reader<'a>,
    n_replicas: Reader<'a>,
    replicas: Reader<'a>,
    bytes: Reader<'a>,
    since: Reader<'a>,
    errors: std::slice::Iter<'a, crate::Blame>,
    runs: std::slice::Iter<'a, RunRow>,
    due: std::slice::Iter<'a, i64>,
    stretches: std::slice::Iter<'a, StretchRow>,
    /// The suffix that should come next.
    suffix: u32,
    /// The dependency that should come next.
    dep: ExpectedDep,
    /// The `since_seq` of the last task in each phase.
    since_before: [u64; Phase::ALL.len()],
    workers: Vec<OfWorker>,
}

impl Keyframe {
    /// About the memory that the state takes: for each task the table's whole chunk, since few may live in it.
    /// Beyond `max_bytes` only that it is more is true.
    pub fn memory_needed(&self, max_bytes: u64) -> u64 {
        let tasks = &self.tasks;
        let lists =
            [&tasks.deps, &tasks.deps, &tasks.dependents, &tasks.replicas, &tasks.wanted_by];
        let n_listed = lists.into_iter().map(Numbers::len).fold(0, u64::saturating_add);
        let of_tasks = tasks.gaps.len().saturating_mul(size_of::<Task>() as u64);
        let mut needed = of_tasks.saturating_add(n_listed.saturating_mul(8));
        if needed > max_bytes {
            return needed;
        }
        let table = TaskTable::memory_of(self.n_tasks, tasks.ids().map_while(Result::ok));
        needed += table.saturating_sub(of_tasks);
        needed += self.strings.iter().map(|text| 2 * text.len() as u64 + 128).sum::<u64>();
        needed += 512 * (self.prefixes.len() + self.options.len()) as u64;
        needed +=
            GraphTable::memory_of(self.n_graphs, self.graphs.iter().map(|(id, _)| u64::from(id.0)));
        needed += 128 * (self.graphs.len() + self.clients.len() + self.flights.len()) as u64;
        needed += 16 * self.jumps.len() as u64 + 24 * self.nested.len() as u64;
        let of_worker = |row: &super::WorkerRow| {
            let lists = row.assigned.len().saturating_add(row.held.len());
            lists.saturating_add(row.info.slots.into()).saturating_mul(8).saturating_add(1024)
        };
        self.workers.iter().map(of_worker).fold(needed, u64::saturating_add)
    }
}

impl TaskColumns {
    fn ids(&self) -> impl Iterator<Item = Result<u64, BadKeyframe>> {
        let (mut next, mut gaps) = (0_u64, self.gaps.read());
        (0..self.gaps.len()).map(move |_| {
            let id = next + u64::from(gaps.next_u32()?);
            next = id + 1;
            Ok(id)
        })
    }

    /// Whether each column has as many values as there are tasks, or as others say.
    fn check_lengths(&self) -> Result<(), BadKeyframe> {
        let dense = [&self.flags, &self.shapes, &self.prefixes, &self.graphs, &self.options]
            .into_iter()
            .chain([&self.attempts, &self.n_failures, &self.n_deaths, &self.n_deps])
            .chain([&self.n_dependents, &self.n_wanted_by, &self.n_replicas])
            .chain([&self.bytes, &self.since]);
        let n = self.gaps.len();
        ensure(dense.into_iter().all(|column| column.len() == n), "columns differ in length")
    }

    /// The live tasks, as far as a task can be known without the others, and those of so many workers.
    pub(super) fn restore(
        &self,
        (n_tasks, n_workers): (u32, usize),
        next_seq: u64,
        now: Nanos,
    ) -> Result<(TaskTable, Vec<OfWorker>), BadKeyframe> {
        self.check_lengths()?;
        let mut columns = self.columns(n_workers);
        let mut tasks = TaskTable::default();
        for id in self.ids() {
            let id = id?;
            ensure(id < u64::from(n_tasks), "a task has an impossible id")?;
            let id = TaskId(id as u32);
            let task = columns.task(id, now)?;
            ensure(task.since_seq <= next_seq, "a task changed later than it was stored")?;
            tasks.restore(id, task);
        }
        tasks.end(n_tasks);
        Ok((tasks, columns.workers))
    }

    fn columns(&self, n_workers: usize) -> Columns<'_> {
        Columns {
            flags: self.flags.read(),
            shapes: self.shapes.read(),
            prefixes: self.prefixes.read(),
            suffixes: self.suffixes.read(),
            graphs: self.graphs.read(),
            options: self.options.read(),
            attempts: self.attempts.read(),
            n_failures: self.n_failures.read(),
            n_deaths: self.n_deaths.read(),
            n_deps: self.n_deps.read(),
            deps: self.deps.read(),
            n_dependents: self.n_dependents.read(),
            dependents: self.dependents.read(),
            n_wanted_by: self.n_wanted_by.read(),
            wanted_by: self.wanted_by.read(),
            n_replicas: self.n_replicas.read(),
            replicas: self.replicas.read(),
            bytes: self.bytes.read(),
            since: self.since.read(),
            errors: self.errors.iter(),
            runs: self.runs.iter(),
            due: self.due.iter(),
            stretches: self.stretches.iter(),
            suffix: 0,
            dep: ExpectedDep::default(),
            since_before: [0; Phase::ALL.len()],
            workers: vec![OfWorker::default(); n_workers],
        }
    }
}

impl Columns<'_> {
    fn task(&mut self, id: TaskId, now: Nanos) -> Result<Task, BadKeyframe> {
        let (flags, shape) = (byte(&mut self.flags)?, byte(&mut self.shapes)?);
        let phase = Phase::ALL[usize::from(flags & 7)];
        let prefix = PrefixId(self.prefixes.next_u32()?);
        let key = Key { prefix, suffix: self.suffix(shape & 3)? };
        let (graph, options) = (self.graphs.next_u32()?, self.options.next_u32()?);
        // What follows from other tasks and from workers is filled in later.
        let mut task = Task::new(key, GraphId(graph), OptionsId(options));
        task.phase = phase;
        task.ended = flags & 1 << 4 != 0;
        task.finished = flags & 1 << 5 != 0;
        task.again =
            [Again::No, Again::Retry, Again::Recompute, Again::Rebalanced][usize::from(flags >> 6)];
        task.attempt = self.attempts.next_u32()?;
        task.bytes = self.bytes.next()?;
        let since = &mut self.since_before[phase as usize];
        *since = since.wrapping_add(self.since.next_signed()? as u64);
        task.since_seq = *since;
        self.lists(id, &mut task)?;
        // In layout 2 nothing says when it is due: then at once.
        let due = (flags & 1 << 3 != 0).then(|| self.due.next().copied().unwrap_or(0));
        let error = if shape & 4 != 0 { Some(*self.errors.next().ok_or(SHORT)?) } else { None };
        let mut rare = Rare {
            due_at: due.map(|later| Nanos(now.0.wrapping_add(later as u64))),
            n_failures: self.n_failures.next_u32()?,
            n_deaths: self.n_deaths.next_u32()?,
            error,
            thief: None,
            broken: None,
        };
        if phase == Phase::Processing {
            let row = *self.runs.next().ok_or(SHORT)?;
            rare.thief = row.thief;
            let mut run = row.restore(now);
            rare.broken = self.broken(shape, now, &mut run)?;
            of(&mut self.workers, run.worker)?.assigned.push(id);
            task.run = Some(run);
        }
        if rare != Rare::default() {
            task.amend(|empty| *empty = rare);
        }
        Ok(task)
    }

    fn lists(&mut self, id: TaskId, task: &mut Task) -> Result<(), BadKeyframe> {
        let n_deps = self.n_deps.next_u32()?;
        self.dep.task(n_deps);
        for _ in 0..n_deps {
            let dep = self.dep.get().checked_add(self.deps.next_signed()?).ok_or(RANGE)?;
            let dep = u32::try_from(dep).ok().filter(|dep| *dep < id.0).ok_or(RANGE)?;
            self.dep.was(dep);
            task.deps.push(TaskId(dep));
        }
        for _ in 0..self.n_dependents.next_u32()? {
            let dependent = id.0.checked_add(self.dependents.next_u32()?).ok_or(RANGE)?;
            task.dependents.push(TaskId(dependent));
        }
        for _ in 0..self.n_wanted_by.next_u32()? {
            task.wanted_by.push(ClientId(self.wanted_by.next_u32()?));
        }
        for _ in 0..self.n_replicas.next_u32()? {
            let stored = self.replicas.next()?;
            let worker = u32::try_from(stored >> 1).map(WorkerId).map_err(|_range| RANGE)?;
            of(&mut self.workers, worker)?.held.push(id);
            task.replicas.push(Replica { worker, position: u32::MAX, spilled: stored & 1 != 0 });
        }
        Ok(())
    }

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
        let StretchRow { seceded, since, computed } = *self.stretches.next().ok_or(SHORT)?;
        ensure(run.executing().is_some(), "a task waits and has not begun")?;
        if seceded {
            run.secede();
        }
        Ok(Some(Broken { since: Nanos(now.0.wrapping_sub(since as u64)), computed }))
    }

    fn suffix(&mut self, kind: u8) -> Result<Suffix, BadKeyframe> {
        if kind == 0 {
            return Ok(Suffix::None);
        }
        let step = self.suffixes.next_signed()?;
        let value = i64::from(self.suffix).checked_add(step).ok_or(RANGE)?;
        let value = u32::try_from(value).map_err(|_range| RANGE)?;
        self.suffix = value.wrapping_add(1);
        match kind {
            1 => Ok(Suffix::Index(value)),
            2 => Ok(Suffix::Name(StrId(value))),
            _ => Err(RANGE),
        }
    }
}

fn byte(column: &mut Reader<'_>) -> Result<u8, BadKeyframe> {
    u8::try_from(column.next()?).map_err(|_range| RANGE)
}

fn of(workers: &mut [OfWorker], worker: WorkerId) -> Result<&mut OfWorker, BadKeyframe> {
    workers.get_mut(worker.index()).ok_or(BadKeyframe::Contradiction("a worker is unknown"))
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
