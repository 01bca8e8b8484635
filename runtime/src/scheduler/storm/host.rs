//! The scheduler's host: starts it, kills it, takes its power, fills its disk, and starts it again on its log.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use taskreel_model::LocalityThenIdle;
use taskreel_recorder::{Conditions, OnRecordError, Recorder, RecorderOptions, Reopened, RunInfo};
use tokio::task::{AbortHandle, JoinHandle};

use super::disk::StormDisk;
use super::invariants;
use super::world::{Mischief, World};
use crate::reading::ProcessReader;
use crate::scheduler::inbound::{Inbound, inbox};
use crate::scheduler::{
    Patience, ResumedLog, SchedulerConfig, SchedulerError, SchedulerSummary, core,
};

type Running = JoinHandle<Result<SchedulerSummary, SchedulerError>>;

/// How the scheduler's process ends before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Crash {
    /// `kill -9`: what was written stays, and perhaps a piece of what was just being written.
    Killed,
    /// What nobody synced is gone, all or in part.
    PowerLost,
}

/// See the module's text.
#[derive(Debug)]
pub(super) struct Host {
    world: Arc<World>,
    options: RecorderOptions,
    /// Small, so that tails take turns also in a short run.
    tail_bytes: u64,
    disk: Arc<StormDisk>,
    scheduler: Running,
    /// Makes blocks, as the recorder's thread does.
    hand: AbortHandle,
    /// The disk may have refused something.
    was_full: bool,
}

impl Host {
    /// A scheduler on a new trace.
    pub(super) fn start(world: &Arc<World>) -> Self {
        let mut draw = world.draw();
        let (durable, goes_on) = (draw.one_in(2), draw.one_in(5));
        let tail_bytes = 1 << (9 + draw.below(8));
        drop(draw);
        let on_error = if goes_on { OnRecordError::Continue } else { OnRecordError::Stop };
        let options = RecorderOptions { durable, on_error, ..RecorderOptions::default() };
        let disk = new_disk(world);
        let run = RunInfo { run_id: "storm".to_owned(), ..RunInfo::default() };
        let under = conditions(&disk, tail_bytes);
        let recorder = Recorder::create_under(&world.path(), &run, options, under);
        let recorder = recorder.expect("a new trace");
        let (scheduler, hand) = launch(world, recorder, run, None);
        let world = Arc::clone(world);
        Self { world, options, tail_bytes, disk, scheduler, hand, was_full: false }
    }

    /// Whether what it acknowledges outlasts a loss of power.
    pub(super) fn is_durable(&self) -> bool {
        self.options.durable
    }

    /// Whether it can be started again on its log: not once the run goes on without one.
    pub(super) fn can_restart(&self) -> bool {
        !(self.was_full && self.options.on_error == OnRecordError::Continue)
    }

    /// Ends the process between two turns; then it starts again.
    pub(super) async fn crash(&mut self, how: Crash) {
        self.world.set_scheduler(None);
        // What is on the disk at this moment: what the recorder does when it is dropped is not to count.
        let path = self.snapshot(how);
        self.hand.abort();
        self.scheduler.abort();
        let ended = (&mut self.scheduler).await;
        assert!(ended.is_err_and(|error| error.is_cancelled()), "it ended by itself");
        self.world.set_path(path.clone());
        self.world.pause(5_000).await;
        self.world.truth().seen.crashes += 1;
        match how {
            Crash::Killed => tear(&self.world, &path),
            Crash::PowerLost => self.world.truth().seen.power += 1,
        }
        self.restart();
    }

    /// From now on the disk takes little more.
    pub(super) fn fill_disk(&mut self) {
        let room = self.world.draw().below(100_000);
        self.disk.set_room(Some(room));
        self.was_full = true;
        let mut truth = self.world.truth();
        truth.seen.full += 1;
        // A scheduler that ends with its trace tells its workers to stop.
        truth.results_may_be_lost = true;
        if self.options.on_error == OnRecordError::Continue {
            truth.note_recorded();
        }
    }

    /// Starts it again if its disk was full; whether it was. It ends by itself for no other reason.
    pub(super) async fn look_after(&mut self) -> bool {
        if !self.scheduler.is_finished() {
            return false;
        }
        let ended = (&mut self.scheduler).await.expect("the scheduler's thread");
        let is_full = matches!(ended, Err(SchedulerError::Record(_))) && self.was_full;
        assert!(is_full, "the scheduler ended: {ended:?}");
        self.world.set_scheduler(None);
        self.hand.abort();
        self.world.truth().seen.ended_full += 1;
        self.world.pause(5_000).await;
        if self.world.draw().one_in(2) {
            // Somebody tries before there is room: that may fail, and takes nothing away.
            let room = self.world.draw().below(100_000);
            self.disk = new_disk(&self.world);
            self.disk.set_room(Some(room));
            if self.reopen().is_ok() {
                invariants::acknowledged(&self.world);
            }
        }
        self.restart();
        true
    }

    /// Tells it to stop, and leaves the state it ended with in `World::last`, if that was recorded.
    pub(super) async fn stop(mut self) {
        let inbox = self.world.scheduler().expect("the scheduler is here");
        inbox.send(Inbound::Stop).await.expect("the scheduler takes what comes");
        let ended = (&mut self.scheduler).await.expect("the scheduler's thread");
        self.hand.abort();
        let summary = match ended {
            // Full at the very end: what is in the trace must hold all the same.
            Err(SchedulerError::Record(_)) if self.was_full => return,
            ended => ended.expect("the scheduler's end"),
        };
        let record = summary.record.expect("it was recorded");
        if record.incomplete {
            assert!(!self.can_restart(), "nothing failed, and the trace is incomplete");
        } else {
            self.world.truth().recorded = None;
            *self.world.last.lock().expect("one thread") = Some(summary.state);
        }
    }

    /// On a disk with room.
    fn restart(&mut self) {
        self.disk = new_disk(&self.world);
        self.was_full = false;
        let (recorder, log) = self.reopen().expect("the trace can be gone on with");
        invariants::acknowledged(&self.world);
        let resumed = ResumedLog { state: log.state, specs: log.specs };
        (self.scheduler, self.hand) = launch(&self.world, recorder, log.info, Some(resumed));
    }

    fn reopen(&self) -> Result<(Recorder, Reopened), taskreel_recorder::ReopenError> {
        let under = conditions(&self.disk, self.tail_bytes);
        Recorder::reopen_under(&self.world.path(), self.options, under)
    }

    /// Copies the trace as it is found after the crash. Its recorder goes on meanwhile.
    fn snapshot(&self, how: Crash) -> PathBuf {
        let (from, crash) = (self.world.path(), self.world.truth().seen.crashes);
        let to = from.with_file_name(format!("run-{crash}.reel"));
        let [tail, tail2] = tails(&from);
        let [to_tail, to_tail2] = tails(&to);
        for (from, to) in [(&from, &to), (&tail, &to_tail), (&tail2, &to_tail2)] {
            let left = match how {
                Crash::Killed => std::fs::read(from).ok(),
                Crash::PowerLost => self.disk.left_of(from, &mut self.world.draw()),
            };
            if let Some(bytes) = left {
                std::fs::write(to, bytes).expect("the trace can be copied");
            }
        }
        to
    }
}

fn new_disk(world: &World) -> Arc<StormDisk> {
    Arc::new(StormDisk::new(world.mischief == Mischief::LyingDisk))
}

fn conditions(disk: &Arc<StormDisk>, tail_bytes: u64) -> Conditions {
    let disk: Arc<dyn taskreel_recorder::Disk> = Arc::<StormDisk>::clone(disk);
    Conditions { disk: Some(disk), by_hand: true, tail_bytes: Some(tail_bytes) }
}

/// A scheduler, and the hand that makes blocks for its recorder.
fn launch(
    world: &Arc<World>,
    recorder: Recorder,
    run: RunInfo,
    resumed: Option<ResumedLog>,
) -> (Running, AbortHandle) {
    let hand = recorder.hand();
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
    let theirs = Arc::clone(world);
    let working = tokio::spawn(async move {
        loop {
            theirs.pause(3_000).await;
            let sync = theirs.draw().one_in(2);
            hand.work(sync);
        }
    });
    let mut core = core::Core::new(config);
    core.reader = ProcessReader::idle();
    (tokio::spawn(core.run(rx)), working.abort_handle())
}

/// The files of a trace beside it.
fn tails(path: &Path) -> [PathBuf; 2] {
    ["tail", "tail2"].map(|ending| path.with_added_extension(ending))
}

/// Now and then the last write was not finished: the tail ends with a piece of something.
fn tear(world: &World, path: &Path) {
    let mut draw = world.draw();
    let len = |path: &PathBuf| std::fs::metadata(path).map_or(0, |file| file.len());
    let mut tails = tails(path).into_iter().filter(|path| len(path) > 0);
    let Some(tail) = tails.next_back().filter(|_| draw.one_in(3)) else { return };
    let mut bytes = std::fs::read(&tail).expect("the tail is there");
    let n_bytes = (1 + draw.below(200)) as usize;
    let from = draw.below(bytes.len().max(1) as u64) as usize;
    let torn = bytes[from..(from + n_bytes).min(bytes.len())].to_vec();
    bytes.truncate(end_of_frames(&bytes));
    bytes.extend(torn);
    std::fs::write(&tail, bytes).expect("the tail can be written");
    drop(draw);
    world.truth().seen.torn += 1;
}

/// Where the next frame of a tail would begin. Behind it are zeros, or what it held before.
fn end_of_frames(tail: &[u8]) -> usize {
    let (header_len, frame_len) = (20, 21);
    let mut end = header_len.min(tail.len());
    while let Some(len) = tail.get(end..).and_then(|rest| rest.first_chunk()) {
        let next = end + frame_len + u32::from_le_bytes(*len) as usize;
        if u32::from_le_bytes(*len) == 0 || next > tail.len() {
            break;
        }
        end = next;
    }
    end
}
