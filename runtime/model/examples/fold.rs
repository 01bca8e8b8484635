//! How fast events fold: `cargo run --release -p taskreel-model --example fold [TASKS]`.
//!
//! Runs trivial tasks through the core in memory, then folds the log from its beginning. Prints
//! nanoseconds for an event, the best of five folds.

#![expect(clippy::disallowed_types, reason = "a measurement needs a clock; the model has none")]

use std::collections::BTreeMap;
use std::error::Error;
use std::io::Write;
use std::time::Instant;

use taskreel_model::{
    ClientId, Effect, Event, Input, LocalityThenIdle, Nanos, NewGraph, NewTask, Output, Report,
    Reported, Stamped, State, SuffixText, TaskOptions, Turn, WorkerId, WorkerInfo, decide, place,
};

fn main() -> Result<(), Box<dyn Error>> {
    let n_tasks = std::env::args().nth(1).map_or(Ok(200_000), |text| text.parse())?;
    let started = Instant::now();
    let log = record(n_tasks)?;
    let live = started.elapsed();
    let n = log.len() as f64;
    let mut best = f64::INFINITY;
    for _ in 0..5 {
        let mut state = State::new();
        let mut changes = Vec::new();
        let started = Instant::now();
        for event in &log {
            state.apply(event, &mut changes)?;
            changes.clear();
        }
        best = best.min(started.elapsed().as_nanos() as f64 / n);
    }
    writeln!(
        std::io::stdout(),
        "{n_tasks} tasks, {n} events; live {:.0} ns/event, fold {best:.0} ns/event",
        live.as_nanos() as f64 / n
    )?;
    Ok(())
}

/// The log of a run of trivial tasks on four workers of two slots.
fn record(n_tasks: u32) -> Result<Vec<Stamped<Event>>, Box<dyn Error>> {
    let mut state = State::new();
    let mut log = Vec::new();
    let mut inputs = vec![Input::ClientConnected { client: ClientId(0), name: "me".to_owned() }];
    for id in 0..4 {
        inputs.push(Input::WorkerJoined { worker: WorkerId(id), info: info(id) });
    }
    inputs.push(Input::GraphSubmitted { client: ClientId(0), graph: graph(n_tasks) });
    while !inputs.is_empty() {
        let mut reports: BTreeMap<WorkerId, Vec<Report>> = BTreeMap::new();
        for input in std::mem::take(&mut inputs) {
            let now = state.now() + Nanos::from_micros(10);
            let mut output = Output::default();
            let mut turn = Turn::new(&mut state, now, &mut output);
            decide(&mut turn, input)?;
            place(&LocalityThenIdle, &mut turn);
            log.append(&mut output.events);
            for effect in output.effects {
                if let Effect::Run { worker, task, attempt } = effect {
                    let started = Reported::Started { task, attempt, slot: 0 };
                    let finished = Reported::Finished { task, attempt, bytes: 8 };
                    let told = [started, finished].map(|what| Report { at: now, what });
                    reports.entry(worker).or_default().extend(told);
                }
            }
        }
        let told = |(worker, reports)| Input::WorkerReported { worker, reports };
        inputs.extend(reports.into_iter().map(told));
    }
    Ok(log)
}

fn graph(n_tasks: u32) -> NewGraph {
    let task = |index| NewTask {
        prefix: 0,
        suffix: SuffixText::Index(index),
        options: 0,
        wanted: true,
        deps: Vec::new(),
    };
    NewGraph {
        name: "trivial".to_owned(),
        local: 0,
        prefixes: vec!["nothing".to_owned()],
        options: vec![TaskOptions::new("nothing")],
        tasks: (0..n_tasks).map(task).collect(),
    }
}

fn info(id: u32) -> WorkerInfo {
    WorkerInfo {
        name: format!("worker-{id}"),
        address: format!("local://{id}"),
        host: "here".to_owned(),
        pid: id,
        slots: 2,
        memory_limit: 0,
        resources: BTreeMap::new(),
        version: String::new(),
    }
}
