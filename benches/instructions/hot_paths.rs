//! The hot paths, to count their instructions: `hot_paths PATH TASKS TIMES` does one of them so often for a
//! simulated run of so many tasks, and prints for how many units that was each time.
//!
//! `check.py` beside this file runs it under callgrind and holds the counts against `budget.json`.

#![expect(clippy::print_stdout, reason = "it prints its result")]

use std::error::Error;
use std::hint::black_box;
use std::path::Path;

use taskreel_model::simulation::{Core, Network, Work, World};
use taskreel_model::{
    ClientId, Event, Input, LocalityThenIdle, Nanos, NewGraph, NewTask, Stamped, State, SuffixText,
    TaskOptions,
};
use taskreel_recorder::{Recorder, RecorderOptions, RunInfo, Source, TraceReader, VecSource};
use taskreel_replay::{Timeline, plots};

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

const WORKERS: u32 = 100;
const SLOTS: u16 = 4;
/// Tasks of a layer; each depends on two of the layer before.
const WIDTH: u32 = 500;

fn main() -> Outcome {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [path, tasks, times] = &args[..] else { return Err("hot_paths PATH TASKS TIMES".into()) };
    let (n_tasks, times) = (tasks.parse()?, times.parse::<usize>()?);
    if path == "schedule" {
        for _ in 0..times {
            black_box(simulate(n_tasks)?);
        }
        println!("{n_tasks}");
        return Ok(());
    }
    let events = simulate(n_tasks)?;
    let folder = tempfile::tempdir()?;
    let trace = folder.path().join("run.reel");
    match path.as_str() {
        "fold" => repeat(times, || fold(&events))?,
        "append" => repeat(times, || record(&trace, &events))?,
        "read" => {
            record(&trace, &events)?;
            repeat(times, || read(&trace))?;
        }
        "plots" => repeat(times, || with_plots(&events).map(drop))?,
        "figure" => {
            let timeline = with_plots(&events)?;
            let stream = timeline.plot("task-stream").ok_or("the task stream is a plot")?;
            repeat(times, || {
                black_box(stream.figure(&timeline.view(1_000, 600)));
                Ok(())
            })?;
        }
        _ => return Err("schedule, fold, append, read, plots or figure".into()),
    }
    println!("{}", if path == "figure" { 1 } else { events.len() });
    Ok(())
}

fn repeat(times: usize, once: impl Fn() -> Outcome) -> Outcome {
    (0..times).try_for_each(|_| once())
}

/// Every event of a run of the real core among simulated workers.
fn simulate(n_tasks: u32) -> Outcome<Vec<Stamped<Event>>> {
    let work = |_: &State, _| Work {
        duration: Nanos::from_millis(10),
        result_bytes: 64 << 10,
        failure: None,
    };
    let mut core = Core::new(Box::new(LocalityThenIdle));
    let mut world = World::new(Network::default(), work);
    world.add_workers(WORKERS, SLOTS);
    let client = ClientId(0);
    world.tell(Input::ClientConnected { client, name: "hot".to_owned() });
    world.tell(Input::GraphSubmitted { client, graph: layers(n_tasks) });
    let mut events = core.events().to_vec();
    while let Some((at, inputs)) = world.next() {
        // On the trace's ticks, as a live scheduler's instants are.
        core.turn(Nanos(at.0 - at.0 % 1_000), inputs)?;
        events.extend_from_slice(core.events());
        world.carry_out(core.state(), core.effects(), core.events().len());
    }
    Ok(events)
}

fn layers(n_tasks: u32) -> NewGraph {
    let task = |local: u32| {
        let deps = if local < WIDTH { Vec::new() } else { vec![local - WIDTH, local - WIDTH / 2] };
        let wanted = n_tasks - local <= WIDTH;
        NewTask { prefix: local % 3, suffix: SuffixText::Index(local), options: 0, wanted, deps }
    };
    NewGraph {
        name: "layers".to_owned(),
        local: 0,
        continues: false,
        nested: Vec::new(),
        prefixes: ["load", "mix", "sum"].map(str::to_owned).to_vec(),
        options: vec![TaskOptions::new("nothing")],
        tasks: (0..n_tasks).map(task).collect(),
    }
}

fn fold(events: &[Stamped<Event>]) -> Outcome {
    let (mut state, mut changes) = (State::new(), Vec::new());
    for event in events {
        changes.clear();
        state.apply(event, &mut changes)?;
    }
    black_box(state);
    Ok(())
}

/// Turns of about 300 events, as a busy scheduler has.
fn record(trace: &Path, events: &[Stamped<Event>]) -> Outcome {
    let options = RecorderOptions { overwrite: true, ..RecorderOptions::default() };
    let mut recorder = Recorder::create(trace, &RunInfo::default(), options)?;
    events.chunks(300).try_for_each(|turn| recorder.append(turn))?;
    recorder.finish()?;
    Ok(())
}

fn read(trace: &Path) -> Outcome {
    let mut reader = TraceReader::open(trace)?;
    while let Some(batch) = reader.next_batch()? {
        black_box(batch);
    }
    Ok(())
}

fn with_plots(events: &[Stamped<Event>]) -> Outcome<Timeline> {
    let source = VecSource::of_events(events.to_vec());
    let mut timeline = Timeline::new(Box::new(source), plots::all());
    timeline.run_to_end()?;
    Ok(timeline)
}
