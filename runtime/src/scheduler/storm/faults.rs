//! What goes wrong, and when: the story of one storm.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use taskreel_model::LocalityThenIdle;
use taskreel_recorder::{Recorder, RecorderOptions, RunInfo};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::client::Client;
use super::invariants;
use super::worker::Worker;
use super::world::World;
use crate::scheduler::inbound::{Inbound, inbox};
use crate::scheduler::{
    Patience, ResumedLog, SchedulerConfig, SchedulerError, SchedulerSummary, core,
};

/// By then everything must have ended; the storm itself is over long before.
const BOUND: Duration = Duration::from_secs(1_200);

type Running = JoinHandle<Result<SchedulerSummary, SchedulerError>>;

/// From the first connection to the scheduler's end.
pub(super) async fn run(world: &Arc<World>) {
    let mut scheduler = start(world, None);
    let n_workers = 1 + world.draw().below(4);
    let mut workers: Vec<Worker> = (0..n_workers).map(|n| Worker::start(world, n, None)).collect();
    let clients: Vec<Client> =
        (0..1 + world.draw().below(3)).map(|n| Client::new(world, n)).collect();
    let lines: Vec<_> = clients.iter().map(Client::line).collect();
    let clients: Vec<JoinHandle<()>> =
        clients.into_iter().map(|client| tokio::spawn(client.run())).collect();
    let only_scheduler = world.draw().one_in(3);
    let mut n_faults = world.draw().below(12);
    let (mut n_started, begin) = (n_workers, Instant::now());
    while !clients.iter().all(JoinHandle::is_finished) {
        assert!(begin.elapsed() < BOUND, "it does not come to its end");
        assert!(!scheduler.is_finished(), "the scheduler ended: {:?}", scheduler.await);
        world.pause(4_000).await;
        if workers.iter().all(Worker::is_gone) {
            workers.push(Worker::start(world, n_started, None));
            n_started += 1;
        }
        if n_faults == 0 {
            continue;
        }
        n_faults -= 1;
        let what = if only_scheduler { 0 } else { world.draw().below(8) };
        if what > 1 {
            world.truth().results_may_be_lost = true;
        }
        let chosen = world.draw().below(workers.len() as u64) as usize;
        match what {
            0 | 1 => scheduler = crash(world, scheduler).await,
            2 | 3 => {
                let found = workers.swap_remove(chosen).kill();
                world.truth().seen.killed += 1;
                workers.push(Worker::start(world, n_started, found));
                n_started += 1;
            }
            4 => {
                // It stays until somebody else can take its results.
                workers[chosen].retire();
                world.truth().seen.left += 1;
                workers.push(Worker::start(world, n_started, None));
                n_started += 1;
            }
            5 => {
                workers[chosen].line().inspect(super::network::Line::cut);
                world.truth().seen.cut += 1;
            }
            6 => {
                let time = world.draw().time(30_000);
                workers[chosen].line().inspect(|line| line.hang(time));
                world.truth().seen.hung += 1;
            }
            _ => {
                let client = world.draw().below(lines.len() as u64) as usize;
                lines[client].lock().expect("one thread").as_ref().inspect(|line| line.cut());
                world.truth().seen.cut += 1;
            }
        }
    }
    for client in clients {
        client.await.expect("a client's own assertion failed: see above");
    }
    // Clients whose goodbye got lost are given up by then, and their results freed.
    tokio::time::sleep(Duration::from_secs(60)).await;
    let inbox = world.scheduler().expect("the scheduler is here");
    inbox.send(Inbound::Stop).await.expect("the scheduler takes what comes");
    let summary = scheduler.await.expect("the scheduler's thread").expect("the scheduler's end");
    *world.last.lock().expect("one thread") = Some(summary.state);
}

/// A scheduler on a new trace, or on one that it goes on with.
fn start(world: &Arc<World>, resumed: Option<(Recorder, RunInfo, ResumedLog)>) -> Running {
    let (recorder, run, resumed) = match resumed {
        Some((recorder, run, log)) => (recorder, run, Some(log)),
        None => {
            let run = RunInfo { run_id: "storm".to_owned(), ..RunInfo::default() };
            let made = Recorder::create(&world.path(), &run, RecorderOptions::default());
            (made.expect("a new trace"), run, None)
        }
    };
    let config = SchedulerConfig {
        run,
        resumed,
        patience: Patience::default(),
        recorder: Some(recorder),
        policy: Box::new(LocalityThenIdle),
        clock: world.clock,
        watch: None,
    };
    let (tx, rx) = inbox();
    world.set_scheduler(Some(tx));
    tokio::spawn(core::Core::new(config).run(rx))
}

/// `kill -9` between two turns, and perhaps in the middle of a write; then it starts again.
async fn crash(world: &Arc<World>, scheduler: Running) -> Running {
    world.set_scheduler(None);
    // What is on the disk at this moment: what the recorder does when it is dropped is not to count.
    let path = snapshot(world);
    scheduler.abort();
    let ended = scheduler.await;
    assert!(ended.is_err_and(|error| error.is_cancelled()), "it ended by itself");
    world.set_path(path.clone());
    world.pause(5_000).await;
    world.truth().seen.crashes += 1;
    tear(world, &path);
    let reopened = Recorder::reopen(&path, RecorderOptions::default());
    let (recorder, log) = reopened.expect("the trace can be gone on with");
    invariants::acknowledged(world, &log.state);
    start(world, Some((recorder, log.info, ResumedLog { state: log.state, specs: log.specs })))
}

/// The files of a trace beside it.
fn tails(path: &Path) -> [PathBuf; 2] {
    ["tail", "tail2"].map(|ending| path.with_added_extension(ending))
}

/// Copies the trace. Its recorder goes on meanwhile: the tails first, since what leaves them is in the trace.
fn snapshot(world: &World) -> PathBuf {
    let (from, crash) = (world.path(), world.truth().seen.crashes);
    let to = from.with_file_name(format!("run-{crash}.reel"));
    for (from, to) in tails(&from).iter().zip(tails(&to)) {
        // A tail that has become a block is gone.
        let _ = std::fs::copy(from, to);
    }
    std::fs::copy(&from, &to).expect("the trace can be copied");
    to
}

/// Now and then the last write was not finished: the tail ends with a piece of something.
fn tear(world: &World, path: &Path) {
    let mut draw = world.draw();
    let written = |path: &PathBuf| std::fs::metadata(path).and_then(|file| file.modified()).ok();
    let newest = tails(path).into_iter().filter(|path| path.exists()).max_by_key(written);
    let Some(tail) = newest.filter(|_| draw.one_in(3)) else { return };
    let mut bytes = std::fs::read(&tail).expect("the tail is there");
    let n_bytes = (1 + draw.below(200)) as usize;
    let from = draw.below(bytes.len().max(1) as u64) as usize;
    bytes.extend_from_within(from..(from + n_bytes).min(bytes.len()));
    std::fs::write(&tail, bytes).expect("the tail can be written");
    drop(draw);
    world.truth().seen.torn += 1;
}
