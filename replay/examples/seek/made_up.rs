//! A made-up run that costs what real ones cost: a client submits map, shuffle and reduce again and
//! again, workers fetch what they miss, and times and sizes vary as they do. The scheduler's own
//! logic decides; only the workers are played.

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;

use taskreel_model::{
    ClientId, Effect, GraphId, Input, LocalityThenIdle, Nanos, NewGraph, NewTask, Output, Report,
    Reported, State, SuffixText, TaskId, TaskOptions, Turn, WorkerId, WorkerInfo, decide, place,
};
use taskreel_recorder::{Recorder, RecorderOptions, RunInfo};

use crate::Random;

const CLIENT: ClientId = ClientId(0);
const N_WORKERS: u32 = 8;
const N_SLOTS: u16 = 4;
/// Inputs of a task of the shuffle.
const FAN_IN: u64 = 6;
/// Time between two messages of all workers, in nanoseconds.
const ROUND: u64 = 400_000;

/// Records a run of about `n_events` events in which about `n_live` tasks are alive at a time.
pub(crate) fn record(
    path: &Path,
    n_events: u64,
    n_live: usize,
) -> Result<(), Box<dyn std::error::Error>> {
    let info = RunInfo { name: "made up".to_owned(), ..RunInfo::default() };
    let mut recorder = Recorder::create(path, &info, RecorderOptions::default())?;
    let mut run = Run::new();
    // The client goes on when part of what it submitted has ended, as one that waits for it does.
    let n_maps = (n_live as u32 / 8).max(8);
    while run.state.next_seq() < n_events || !run.state.tasks().is_empty() {
        if run.state.next_seq() < n_events && run.state.tasks().len() < n_live {
            run.submit(n_maps)?;
        }
        run.release()?;
        run.round()?;
        recorder.take(&mut run.log)?;
        run.log.clear();
    }
    recorder.finish_at(&run.state)?;
    Ok(())
}

struct Run {
    random: Random,
    now: Nanos,
    state: State,
    output: Output,
    log: Vec<taskreel_model::Stamped<taskreel_model::Event>>,
    workers: Vec<Worker>,
    /// Graphs whose results the client holds, by their first task and the one after the last.
    held: VecDeque<(GraphId, TaskId, TaskId)>,
}

#[derive(Default)]
struct Worker {
    queue: VecDeque<(TaskId, u32)>,
    /// What runs in each slot, and until when.
    slots: Vec<Option<(TaskId, u32, u64)>>,
}

impl Run {
    fn new() -> Self {
        let slots = vec![None; usize::from(N_SLOTS)];
        let worker = || Worker { queue: VecDeque::new(), slots: slots.clone() };
        let mut run = Self {
            random: Random(0x2545_F491_4F6C_DD1D),
            now: Nanos(1_000_000),
            state: State::new(),
            output: Output::default(),
            log: Vec::new(),
            workers: (0..N_WORKERS).map(|_| worker()).collect(),
            held: VecDeque::new(),
        };
        let allowed = "the scheduler takes these";
        run.input(Input::SchedulerStarted).expect(allowed);
        run.input(Input::ClientConnected { client: CLIENT, name: "program".into() })
            .expect(allowed);
        for id in 0..N_WORKERS {
            run.input(Input::WorkerJoined { worker: WorkerId(id), info: info(id) }).expect(allowed);
        }
        run
    }

    fn input(&mut self, input: Input) -> Result<(), taskreel_model::Rejection> {
        let mut turn = Turn::new(&mut self.state, self.now, &mut self.output);
        decide(&mut turn, input)?;
        place(&LocalityThenIdle, &mut turn);
        self.log.append(&mut self.output.events);
        self.output.changes.clear();
        for effect in self.output.effects.drain(..) {
            if let Effect::Run { worker, task, attempt } = effect {
                self.workers[worker.index()].queue.push_back((task, attempt));
            }
        }
        Ok(())
    }

    /// Maps, a shuffle of them, and a reduction; the client wants what comes out last.
    fn submit(&mut self, n_maps: u32) -> Result<(), taskreel_model::Rejection> {
        let first = self.state.tasks().next_id();
        let (n_shuffled, n_reduced) = (n_maps / 2, n_maps / 16);
        let mut tasks = Vec::new();
        let mut add = |prefix, index: u32, mut deps: Vec<u32>, wanted| {
            deps.sort_unstable();
            deps.dedup();
            tasks.push(NewTask {
                prefix,
                suffix: SuffixText::Index(index),
                options: prefix,
                wanted,
                deps,
            });
        };
        for i in 0..n_maps {
            add(0, first.0 + i, Vec::new(), false);
        }
        for i in 0..n_shuffled {
            // Neighbours, as partitions have, and some from anywhere.
            let near = |random: &mut Random| (2 * i + random.below(16) as u32) % n_maps;
            let mut deps: Vec<u32> =
                (0..FAN_IN).map(|_| first.0 + near(&mut self.random)).collect();
            deps.push(first.0 + self.random.below(u64::from(n_maps)) as u32);
            add(1, first.0 + i, deps, false);
        }
        for i in 0..n_reduced {
            let each = n_shuffled / n_reduced;
            let from = first.0 + n_maps + i * each;
            add(2, first.0 + i, (from..from + each).collect(), true);
        }
        let graph = NewGraph {
            name: format!("step-{}", self.state.next_graph().0),
            local: first.0,
            continues: false,
            nested: Vec::new(),
            prefixes: ["read", "shuffle", "combine"].map(str::to_owned).to_vec(),
            options: ["read", "shuffle", "combine"].map(TaskOptions::new).to_vec(),
            tasks,
        };
        self.held.push_back((self.state.next_graph(), first, TaskId(0)));
        self.input(Input::GraphSubmitted { client: CLIENT, graph })?;
        if let Some(last) = self.held.back_mut() {
            last.2 = self.state.tasks().next_id();
        }
        Ok(())
    }

    /// The client lets go of graphs that have ended.
    fn release(&mut self) -> Result<(), taskreel_model::Rejection> {
        while let Some(&(graph, first, end)) = self.held.front() {
            if self.state.graph(graph).is_some_and(|found| found.n_ended < found.n_tasks) {
                break;
            }
            let wanted = |id: &TaskId| {
                self.state.task(*id).is_some_and(|task| task.wanted_by.contains(&CLIENT))
            };
            let tasks = (first.0..end.0).map(TaskId).filter(wanted).collect();
            self.held.pop_front();
            self.input(Input::ResultReleased { client: CLIENT, tasks })?;
        }
        Ok(())
    }

    /// All workers tell what happened since the last time.
    fn round(&mut self) -> Result<(), taskreel_model::Rejection> {
        for id in 0..N_WORKERS {
            self.now = self.now + Nanos(ROUND / u64::from(N_WORKERS) + self.random.below(9_000));
            let mut reports = Vec::new();
            for slot in 0..N_SLOTS {
                self.work(WorkerId(id), slot, &mut reports);
            }
            if !reports.is_empty() {
                self.input(Input::WorkerReported { worker: WorkerId(id), reports })?;
            }
        }
        Ok(())
    }

    /// What a slot did until now.
    fn work(&mut self, worker: WorkerId, slot: u16, reports: &mut Vec<Report>) {
        let mut at = self.now.0.saturating_sub(ROUND);
        loop {
            let busy = &mut self.workers[worker.index()].slots[usize::from(slot)];
            if let Some((task, attempt, until)) = *busy {
                if until > self.now.0 {
                    return;
                }
                *busy = None;
                at = at.max(until);
                let bytes = 200 + self.random.below(60_000);
                let what = Reported::Finished { task, attempt, bytes };
                reports.push(Report { at: Nanos(until), what });
            }
            let queue = &mut self.workers[worker.index()].queue;
            let can_begin = |&(task, _): &(TaskId, u32)| inputs_are_made(&self.state, task);
            let Some((task, attempt)) =
                queue.iter().position(can_begin).and_then(|place| queue.remove(place))
            else {
                return;
            };
            at = self.fetch(worker, task, at, reports);
            let what = Reported::Started { task, attempt, slot };
            reports.push(Report { at: Nanos(at), what });
            let took = 20_000 + self.random.below(60_000) * (1 + self.random.below(8) / 7 * 8);
            let slot = &mut self.workers[worker.index()].slots[usize::from(slot)];
            *slot = Some((task, attempt, at + took));
        }
    }

    /// Brings the inputs that are elsewhere; says when the last is there.
    fn fetch(
        &mut self,
        worker: WorkerId,
        task: TaskId,
        mut at: u64,
        reports: &mut Vec<Report>,
    ) -> u64 {
        let Some(found) = self.state.task(task) else { return at };
        let mut said = Vec::new();
        for &dep in &found.deps {
            let Some(input) = self.state.task(dep) else { continue };
            let is_here = input.replicas.iter().any(|copy| copy.worker == worker);
            let Some(copy) = input.replicas.first().filter(|_| !is_here) else { continue };
            // Another slot may have brought it in this very message.
            let brought = |report: &Report| matches!(report.what, Reported::TransferFinished { task, .. } if task == dep);
            if reports.iter().any(brought) {
                continue;
            }
            let begun = Reported::TransferStarted { task: dep, from: copy.worker, dependent: task };
            said.push(Report { at: Nanos(at), what: begun });
            at += 8_000 + self.random.below(30_000);
            said.push(Report {
                at: Nanos(at),
                what: Reported::TransferFinished { task: dep, bytes: input.bytes },
            });
        }
        reports.append(&mut said);
        at.min(self.now.0)
    }
}

/// Whether a task can begin: it may be assigned ahead, behind the one that makes its input.
fn inputs_are_made(state: &State, task: TaskId) -> bool {
    let is_made = |dep: &TaskId| state.task(*dep).is_some_and(|dep| !dep.replicas.is_empty());
    state.task(task).is_none_or(|task| task.deps.iter().all(is_made))
}

fn info(id: u32) -> WorkerInfo {
    WorkerInfo {
        name: format!("worker-{id}"),
        address: format!("tcp://10.0.0.{id}:4000"),
        host: format!("host-{id}"),
        pid: 1_000 + id,
        slots: N_SLOTS,
        memory_limit: 8 << 30,
        resources: BTreeMap::new(),
        version: "0.1.0".to_owned(),
    }
}
