//! Columns to a state: everything that follows is made again, everything else is checked, so that
//! `State::apply` may rely on a restored state as it does on its own.

mod check;
mod survey;
mod tasks;

use std::collections::{BTreeMap, BTreeSet};

use smallvec::smallvec;

use super::{BadKeyframe, ClientRow, GraphRow, Keyframe, Numbers, WorkerRow};
use crate::{
    Client, ClientId, Graph, GraphId, GraphTable, Nanos, Nested, OptionsId, Phase, PhaseCounts,
    PrefixId, State, StrId, TaskId, TaskOptions, Worker,
};

use survey::Survey;
use tasks::OfWorker;

/// No log is so long; beyond it, sums of counters might overflow.
const MAX_SEQ: u64 = 1 << 56;

/// `Err` with a reason unless it holds.
fn ensure(holds: bool, reason: &'static str) -> Result<(), BadKeyframe> {
    if holds { Ok(()) } else { Err(BadKeyframe::Contradiction(reason)) }
}

impl Keyframe {
    /// The state that was stored. It takes about `max_bytes` of memory at the most.
    ///
    /// # Errors
    /// The keyframe contradicts itself, or the state would be too large.
    pub fn restore(self, max_bytes: u64) -> Result<State, BadKeyframe> {
        let needed = self.memory_needed(max_bytes);
        if needed > max_bytes {
            return Err(BadKeyframe::TooLarge { needed, allowed: max_bytes });
        }
        let (next_seq, now) = (self.next_seq, self.now);
        ensure(next_seq < MAX_SEQ && now < Nanos::MAX, "its place in the log is impossible")?;
        ensure(u64::from(self.n_tasks) <= next_seq, "it has more tasks than events")?;
        ensure(u64::from(self.n_graphs) <= next_seq, "it has more graphs than events")?;
        let n_workers = self.workers.len();
        let (tasks, of_workers) = self.tasks.restore((self.n_tasks, n_workers), next_seq, now)?;
        let workers = self.workers.into_iter().zip(of_workers);
        let workers = workers.map(|(row, tasks)| worker(row, &tasks, next_seq));
        let clients = self.clients.len();
        let mut state = State {
            next_seq,
            now,
            incarnation: self.incarnation,
            string_ids: ids(&self.strings, StrId)?,
            strings: self.strings,
            prefix_ids: BTreeMap::new(),
            prefixes: self.prefixes,
            options_ids: options_ids(&self.options)?,
            options: self.options,
            clients: self.clients.into_iter().map(client).collect(),
            n_clients: self.n_clients,
            graphs: graphs(self.n_graphs, self.graphs, self.jumps, self.nested)?,
            open: None,
            n_ended: self.n_ended,
            n_erred: self.n_erred,
            tasks,
            workers: workers.collect::<Result<_, _>>()?,
            flights: self.flights.into_iter().map(|(to, task, f)| ((to, task), f)).collect(),
            // Made from all of these once they are in place.
            ready: Default::default(),
            unplaceable: BTreeSet::new(),
            loads: Default::default(),
            totals: PhaseCounts::default(),
            lacked: BTreeSet::new(),
        };
        state.lacked =
            state.workers.iter().flat_map(|worker| worker.lacks.iter().cloned()).collect();
        ensure(state.clients.len() == clients, "a client is there twice")?;
        state.check_graphs(self.open_at)?;
        state.relate_clients()?;
        let survey = state.survey()?;
        state.check_prefixes(&survey.live)?;
        state.chain_tasks(&survey);
        state.relate_workers()?;
        state.relate_tasks(&survey)?;
        state.check_flights()?;
        state.fill_queues(survey);
        Ok(state)
    }
}

fn client(row: ClientRow) -> (ClientId, Client) {
    let ClientRow { id, name, next_local } = row;
    (id, Client { name, next_local, graphs: BTreeMap::new() })
}

/// As far as graphs can be known without their tasks.
fn graphs(
    n_graphs: u32,
    rows: Vec<(GraphId, GraphRow)>,
    jumps: Vec<(GraphId, u32, TaskId)>,
    nested: Vec<(GraphId, Nested)>,
) -> Result<GraphTable, BadKeyframe> {
    let (mut graphs, mut next) = (GraphTable::default(), 0);
    for (id, row) in rows {
        ensure((next..n_graphs).contains(&id.0), "a graph has an impossible id")?;
        next = id.0 + 1;
        let GraphRow { name, client, first, n_tasks, n_ended, n_erred, local } = row;
        let n_forgotten = 0;
        let (jumps, nested) = (Vec::new(), Vec::new());
        graphs.restore(
            id,
            Graph {
                name,
                client,
                first,
                n_tasks,
                n_ended,
                n_erred,
                n_forgotten,
                local,
                jumps,
                nested,
            },
        );
    }
    for (id, from, first) in jumps {
        let graph = graphs.get_mut(id);
        let graph = graph.ok_or(BadKeyframe::Contradiction("a jump is in no graph"))?;
        let (last, n_last) = graph.ranges().last().unwrap_or((graph.first, 0));
        let begin = graph.n_tasks - n_last;
        ensure(begin < from && from < graph.n_tasks, "a jump is outside its graph")?;
        let end = last.0.checked_add(from - begin);
        ensure(end.is_some_and(|end| end < first.0), "a jump does not leave a gap")?;
        graph.jumps.push((from, first));
    }
    for (id, nested) in nested {
        let graph = graphs.get_mut(id);
        let graph = graph.ok_or(BadKeyframe::Contradiction("tasks of no graph are nested"))?;
        let end = |nested: &Nested| u64::from(nested.first.0) + u64::from(nested.n_tasks);
        let begins = graph.nested.last().map_or(0, end);
        let is_known = nested.n_tasks > 0
            && graph.index(TaskId(nested.first.0.saturating_add(nested.n_tasks - 1))).is_some();
        ensure(
            is_known && graph.index(nested.first).is_some(),
            "tasks within tasks are outside their graph",
        )?;
        ensure(u64::from(nested.first.0) >= begins, "tasks within tasks overlap")?;
        ensure(nested.parent < nested.first, "a task comes before the one that submitted it")?;
        graph.nested.push(nested);
    }
    graphs.end(n_graphs);
    Ok(graphs)
}

/// The way from texts back to their ids.
fn ids<Id>(
    texts: &[Box<str>],
    id: impl Fn(u32) -> Id,
) -> Result<BTreeMap<Box<str>, Id>, BadKeyframe> {
    let ids: BTreeMap<_, _> = texts.iter().cloned().zip((0..).map(id)).collect();
    ensure(ids.len() == texts.len(), "a text has two ids")?;
    Ok(ids)
}

fn options_ids(options: &[TaskOptions]) -> Result<BTreeMap<TaskOptions, OptionsId>, BadKeyframe> {
    let ids: BTreeMap<_, _> = options.iter().cloned().zip((0..).map(OptionsId)).collect();
    ensure(ids.len() == options.len(), "options have two ids")?;
    Ok(ids)
}

fn worker(row: WorkerRow, tasks: &OfWorker, next_seq: u64) -> Result<Worker, BadKeyframe> {
    let in_range = row.n_finished <= next_seq && row.n_failed <= next_seq;
    ensure(in_range && row.freed_seq <= next_seq, "a worker's counts are impossible")?;
    ensure(row.info.slots > 0, "a worker has no slots")?;
    Ok(Worker {
        slots: smallvec![None; usize::from(row.info.slots)],
        info: Box::new(row.info),
        status: row.status,
        joined_at: row.joined_at,
        since: row.since,
        assigned: in_places(&row.assigned, &tasks.assigned)?,
        n_seceded: 0,
        n_chained: 0,
        held: in_places(&row.held, &tasks.held)?,
        memory_bytes: 0,
        disk_bytes: 0,
        occupancy: Nanos::ZERO,
        n_finished: row.n_finished,
        n_failed: row.n_failed,
        busy: row.busy,
        clock_offset_ns: row.clock_offset_ns,
        clock_error_ns: row.clock_error_ns,
        freed_seq: row.freed_seq,
        reports_through: row.reports_through,
        lacks: row.lacks.into_iter().collect(),
    })
}

/// The tasks of a worker in the order of its list, which says of each where it stands in that of their ids.
fn in_places<L: FromIterator<TaskId>>(
    places: &Numbers,
    tasks: &[TaskId],
) -> Result<L, BadKeyframe> {
    ensure(places.len() == tasks.len() as u64, "a worker has other tasks than say so")?;
    let mut places = places.read();
    let task = |_| {
        let task = tasks.get(places.next_u32()? as usize).copied();
        task.ok_or(BadKeyframe::Contradiction("a worker has more tasks than say so"))
    };
    tasks.iter().map(task).collect()
}

impl State {
    /// Prefixes: their ids, and the sum of their tasks, of which these are live.
    fn check_prefixes(&mut self, live: &[PhaseCounts]) -> Result<(), BadKeyframe> {
        let names: Vec<Box<str>> = self.prefixes.iter().map(|prefix| prefix.name.clone()).collect();
        self.prefix_ids = ids(&names, PrefixId)?;
        for (prefix, live) in self.prefixes.iter().zip(live) {
            let counters = [prefix.n_finished, prefix.n_erred, prefix.n_runs];
            ensure(counters.iter().all(|&n| n <= self.next_seq), "a prefix ended too often")?;
            for phase in Phase::ALL {
                let n = prefix.counts.get(phase);
                let fits = phase == Phase::Forgotten && n <= self.next_seq || n == live.get(phase);
                ensure(fits, "a prefix has other tasks than it counts")?;
                self.totals.add_many(phase, n);
            }
        }
        let n_tasks = u64::from(self.tasks.next_id().0);
        ensure(self.totals.total() == n_tasks, "the phases of the tasks do not add up")
    }

    /// The queues that phases and statuses amount to.
    fn fill_queues(&mut self, survey: Survey) {
        self.ready = survey.ready.into_iter().collect();
        self.unplaceable = survey.unplaceable.into_iter().collect();
        self.workers.iter().for_each(|_| self.loads.join());
    }

    fn has_client(&self, client: ClientId) -> bool {
        client.0 < self.n_clients
    }
}
