//! Slots: plain threads that execute one task after the other.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use taskreel_model::{Activity, FailureKind, Nanos, Report, Reported, TaskId};
use tokio::task::AbortHandle;

use super::board::Ready;
use super::idle::Pace;
use super::{Shared, memory, secede, task_log};
use crate::executor::{Completed, Executor, Failure, Job, StopReason};
use crate::task::Spec;
use crate::task::current::{Current, Host};
use crate::wire::message::{Assignment, RunTask, SMALL_RESULT_BYTES};

/// Decoding and encoding that take less are not reported: their events would cost more than they.
const WORTH_REPORTING: Duration = Duration::from_micros(100);

/// Stack of a slot's thread: that of a main thread, as task authors expect.
const STACK_BYTES: usize = 8 << 20;

/// Starts the slots of a worker, and the thread that sends its reports.
pub(super) fn start(shared: &Arc<Shared>) -> io::Result<()> {
    for slot in 0..shared.info.slots {
        start_slot(shared, slot)?;
    }
    let flusher = Arc::clone(shared);
    thread::Builder::new()
        .name(format!("{}-reports", shared.info.name))
        .spawn(move || flusher.reports.run_flusher())?;
    Ok(())
}

/// Gives a slot a thread: one that has none, or a new one.
pub(super) fn start_slot(shared: &Arc<Shared>, slot: u16) -> io::Result<()> {
    if shared.spares.hand_over(slot) {
        return Ok(());
    }
    let shared = Arc::clone(shared);
    thread::Builder::new()
        .name(format!("{}-slot-{slot}", shared.info.name))
        .stack_size(STACK_BYTES)
        .spawn(move || run_slots(&shared, slot))?;
    Ok(())
}

/// What a thread does: it runs one slot, and when that is another's, for a while waits for the next.
fn run_slots(shared: &Arc<Shared>, first: u16) {
    let _listening = task_log::listen();
    let mut slot = Some(first);
    while let Some(mine) = slot {
        slot = run_slot(shared, mine).then(|| shared.spares.wait()).flatten();
    }
}

/// Runs a slot until the worker stops, leaves this thread to a task that takes longer than it may, or
/// the slot goes to the thread of another task. Whether this one is kept as a spare.
fn run_slot(shared: &Arc<Shared>, mut slot: u16) -> bool {
    let mut pace = Pace::new();
    loop {
        let ready = match next(shared, slot, &mut pace) {
            Next::Run(ready) => ready,
            Next::Leave { is_kept } => return is_kept,
        };
        shared.n_busy.fetch_add(1, Ordering::Relaxed);
        pace.begin();
        let Some(now) = execute(shared, slot, &ready) else { return shared.spares.enter() };
        slot = now;
        drop(ready);
        memory::make_room(shared, 0);
        shared.n_busy.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What the thread of a slot does next.
enum Next {
    Run(Ready),
    /// It has the slot no more, since the worker stops, or a task that waited for others has it;
    /// then the thread may be kept as a spare.
    Leave {
        is_kept: bool,
    },
}

/// Waits for a ready task; what was reported goes out before.
fn next(shared: &Shared, slot: u16, pace: &mut Pace) -> Next {
    let mut board = shared.board();
    let mut is_flushed = false;
    loop {
        if shared.is_stopping() {
            return Next::Leave { is_kept: false };
        }
        if board.returning.offer(slot) {
            // Before the task goes on, which may wait again at once.
            let is_kept = shared.spares.enter();
            shared.returned.notify_all();
            return Next::Leave { is_kept };
        }
        if !shared.pause.is_on()
            && let Some(ready) = board.take_ready()
        {
            return Next::Run(ready);
        }
        if is_flushed {
            board = shared.idle.wait(board, pace, || shared.board());
        } else {
            drop(board);
            pace.end(&shared.idle);
            shared.reports.flush();
            is_flushed = true;
            board = shared.board();
        }
    }
}

/// Executes one task; gives the slot that this thread has then. `None`: it took longer than it may, or
/// nobody wants it any more, and the slot has another thread by now.
fn execute(shared: &Arc<Shared>, slot: u16, ready: &Ready) -> Option<u16> {
    let Ready { run, cancellation } = ready;
    let assignment = Assignment { task: run.task, attempt: run.attempt };
    let Some((executor, inputs, body)) = prepare(shared, run) else { return Some(slot) };
    shared.report(Reported::Started { task: run.task, attempt: run.attempt, slot });
    if run.attempt > 1 {
        // If it is what ended an earlier worker, the scheduler must know before it ends this one.
        shared.reports.flush();
    }
    if executor.as_ref().is_ok_and(|executor| !executor.can_stop()) {
        cancellation.holds(slot);
    }
    let timer = run.timeout.map(|timeout| set_timer(shared, assignment, timeout));
    let outcome = match &executor {
        Ok(executor) => {
            let host: Arc<dyn Host> = Arc::<Shared>::clone(shared);
            let told = Arc::clone(cancellation);
            let priority = run.priority;
            let _entered = Current { assignment, priority, cancellation: told, host }.enter();
            let log = |level, text: &str| shared.log(run.task, level, text);
            let job =
                Job { function: &run.function, body, inputs: &inputs, cancellation, log: &log };
            executor.run(&job)
        }
        Err(failure) => Err(failure.clone()),
    };
    if let Some(timer) = timer {
        timer.abort();
    }
    finish(shared, assignment, (&inputs, run.is_awaited), outcome);
    // It may have waited for others, and got another slot then.
    (!cancellation.is_left_behind()).then(|| cancellation.slot().unwrap_or(slot))
}

type Prepared<'a> = (Result<Arc<dyn Executor>, Failure>, Vec<Bytes>, &'a [u8]);

/// Executor, inputs and body of a task. `None`: an input was freed meanwhile or its file cannot be read,
/// and the task is given back.
fn prepare<'a>(shared: &Shared, run: &'a RunTask) -> Option<Prepared<'a>> {
    let Some(spec) = Spec::parse(&run.spec) else {
        let failure = Failure::new(FailureKind::Codec, "its spec is malformed");
        return Some((Err(failure), Vec::new(), &[]));
    };
    let executor = shared.executors.get(spec.executor).cloned().ok_or_else(|| {
        let message = format!("this worker has no executor {}", spec.executor);
        Failure::new(FailureKind::Unavailable, message)
    });
    let input = |position| {
        let task = run.inputs.get::<usize>(position)?.task;
        let found = shared.store.load(task);
        if found.is_none() {
            // Else the task would come back for the sake of what cannot be read.
            shared.store.free(&[task]);
            shared.report(Reported::ReplicaDropped { task });
        }
        found
    };
    let inputs: Option<Vec<Bytes>> = spec.positions().map(input).collect();
    if inputs.is_none() {
        let (task, attempt) = (run.task, run.attempt);
        if shared.board().end(Assignment { task, attempt }) {
            shared.report(Reported::InputsMissing { task, attempt });
        }
    }
    Some((executor, inputs?, spec.body))
}

/// Reports how a task ended, unless that is nobody's business any more.
fn finish(
    shared: &Shared,
    assignment: Assignment,
    (inputs, is_awaited): (&[Bytes], bool),
    outcome: Result<Completed, Failure>,
) {
    let Assignment { task, attempt } = assignment;
    let at = shared.clock.now();
    let mut reports = Vec::with_capacity(3);
    let mut small = None;
    let mut board = shared.board();
    // This thread takes what its result makes ready, others the rest.
    let n_ready =
        if outcome.is_ok() { board.finish(assignment) } else { board.end(assignment).then_some(0) };
    let Some(n_ready) = n_ready else { return };
    match outcome {
        Ok(Completed { result, decode_took, encode_took }) => {
            let bytes = result.len() as u64;
            let n_input_bytes = inputs.iter().map(|input| input.len() as u64).sum();
            reports.extend(activity(task, at, Activity::Deserialize, decode_took, n_input_bytes));
            reports.extend(activity(task, at, Activity::Serialize, encode_took, bytes));
            if is_awaited && result.len() <= SMALL_RESULT_BYTES {
                small = Some((assignment, result.clone()));
            }
            shared.store.insert(task, result);
            reports.push(Report { at, what: Reported::Finished { task, attempt, bytes } });
        }
        Err(Failure { kind, message: error }) => {
            let what = Reported::Failed { task, attempt, kind, error };
            reports.push(Report { at, what });
        }
    }
    // The report follows while the board is locked: nothing can be said of the task in between.
    shared.reports.extend_with(reports, small);
    drop(board);
    if n_ready > 1 {
        shared.idle.tell(n_ready - 1);
    }
    shared.store.settle(task);
}

fn activity(
    task: TaskId,
    at: Nanos,
    activity: Activity,
    took: Duration,
    bytes: u64,
) -> Option<Report> {
    let took_ns = Nanos(took.as_nanos() as u64);
    let what = Reported::Activity { task, activity, took: took_ns, bytes };
    (took >= WORTH_REPORTING).then_some(Report { at, what })
}

/// Ends the task when its time is up: its executor is told to, or it is left to its thread.
fn set_timer(shared: &Arc<Shared>, assignment: Assignment, timeout: Nanos) -> AbortHandle {
    let shared = Arc::clone(shared);
    let timer = shared.io.clone().spawn(async move {
        tokio::time::sleep(Duration::from_nanos(timeout.0)).await;
        expire(&shared, assignment, timeout);
    });
    timer.abort_handle()
}

fn expire(shared: &Arc<Shared>, assignment: Assignment, timeout: Nanos) {
    let Assignment { task, attempt } = assignment;
    let mut board = shared.board();
    let executing = board.stop(assignment, StopReason::Timeout);
    // One that stops by itself reports that.
    let Some(executing) = executing else { return };
    let slot = executing.leave_behind();
    if slot.is_none() && !executing.is_left_behind() {
        return;
    }
    board.end(assignment);
    let error = format!("took longer than its timeout of {timeout}; its thread was left behind");
    shared.report(Reported::Failed { task, attempt, kind: FailureKind::Timeout, error });
    drop(board);
    match slot {
        Some(slot) => replace(shared, slot),
        // It waits for others, without a slot.
        None => secede::wake(shared),
    }
    shared.reports.hurry();
}

/// Gives a slot another thread: what its own one executes was given up, and does not stop.
pub(super) fn replace(shared: &Arc<Shared>, slot: u16) {
    shared.n_busy.fetch_sub(1, Ordering::Relaxed);
    start_again(shared, slot);
}

/// Gives a slot a thread again, after it has lost one that was idle.
pub(super) fn start_again(shared: &Arc<Shared>, slot: u16) {
    if let Err(error) = start_slot(shared, slot) {
        tracing::error!(%error, slot, "a slot is lost: its thread cannot be replaced");
    }
}
