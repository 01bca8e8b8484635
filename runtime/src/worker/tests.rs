//! A worker alone: the test plays its scheduler, message by message.

use std::sync::mpsc as std_mpsc;
use std::time::Duration;

use bytes::Bytes;
use smallvec::SmallVec;
use taskreel_model::{FailureKind, Nanos, TaskId, TransferFailure};
use tokio::sync::mpsc;

use super::*;
use crate::executor::Failure;
use crate::io_thread::IoThread;
use crate::peers::LocalStores;
use crate::task::spec::{FUNCTION, Returned, SpecWriter};
use crate::task::{Arguments, TaskFunction};
use crate::wire::link;
use crate::wire::message::{Assignment, Holder, InputRef, RunTask};

/// Gives its argument back, once the test has let it through the gate of that name.
fn gated(arguments: &mut Arguments<'_>) -> Result<Returned, Failure> {
    let number: u64 = arguments.next("number")?;
    if number == u64::MAX {
        return Err(Failure::new(FailureKind::Error, "no such number"));
    }
    let gate = if number < 3000 { &GATE } else { &GATE_OF_IDLE };
    while gate.load(Ordering::Acquire) < number {
        std::thread::sleep(Duration::from_micros(50));
    }
    arguments.returned(&number)
}

static GATE: AtomicU64 = AtomicU64::new(1000);
/// For numbers from 3000.
static GATE_OF_IDLE: AtomicU64 = AtomicU64::new(0);

inventory::submit! { TaskFunction { name: "test::gated", run: gated } }

struct Scheduler {
    runtime: tokio::runtime::Runtime,
    worker: Worker,
    stores: LocalStores,
    tx: LinkSender<ToWorker>,
    rx: mpsc::Receiver<FromWorker>,
    seen: Vec<Reported>,
}

impl Scheduler {
    fn with_worker(slots: u16) -> Self {
        Self::with_worker_on(slots, None)
    }

    /// `io`: what carries the worker, if it is not what carries the scheduler.
    fn with_worker_on(slots: u16, io: Option<&IoThread>) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.unwrap();
        let io_handle = io.map_or_else(|| runtime.handle(), IoThread::handle).clone();
        let (ours, theirs) = link::pair();
        let stores = LocalStores::default();
        let info = WorkerInfo {
            name: "w".to_owned(),
            address: "local://0".to_owned(),
            host: String::new(),
            pid: 0,
            slots,
            memory_limit: 0,
            resources: std::collections::BTreeMap::default(),
            version: String::new(),
        };
        let setup = WorkerSetup {
            info,
            clock: Clock::start(),
            store: Arc::default(),
            peers: Peers::new(stores.clone(), crate::Credentials::default()),
            executors: Executors::new(io_handle.clone()),
            io: io_handle,
            carrier: io.map(IoThread::carrier),
            sent_bytes: Arc::default(),
            is_alone: false,
            supervised: false,
            clients: ClientSource::new(|| None),
        };
        let worker = Worker::start(setup, theirs).unwrap();
        let scheduler =
            Self { runtime, worker, stores, tx: ours.tx, rx: ours.rx, seen: Vec::new() };
        scheduler.send(ToWorker::Welcome {
            worker: WorkerId(0),
            run: "run".to_owned(),
            resumed: false,
            reports_through: 0,
            silence: None,
        });
        scheduler
    }

    fn send(&self, message: ToWorker) {
        self.tx.blocking_send(message).unwrap();
    }

    /// Waits for a message that is neither reports nor a sample.
    fn next(&mut self) -> FromWorker {
        loop {
            let next = self.rx.recv();
            let next = async { tokio::time::timeout(Duration::from_secs(20), next).await };
            match self.runtime.block_on(next).expect("in time").expect("the worker is there") {
                FromWorker::Reports { first, reports, results } => {
                    self.seen.extend(reports.into_iter().map(|report| report.what));
                    return FromWorker::Reports { first, reports: Vec::new(), results };
                }
                FromWorker::Sample(_) => {}
                other => return other,
            }
        }
    }

    /// Waits for a report, and forgets it and all that came before.
    fn wait_for(&mut self, wanted: &Reported) {
        loop {
            if let Some(position) = self.seen.iter().position(|seen| seen == wanted) {
                self.seen.drain(..=position);
                return;
            }
            self.next();
        }
    }
}

fn run(task: u32, number: u64) -> RunTask {
    let mut writer = SpecWriter::new(FUNCTION);
    writer.value(&number).unwrap();
    let mut spec = Vec::new();
    writer.finish(0..0, &mut spec);
    RunTask {
        task: TaskId(task),
        attempt: 1,
        function: "test::gated".into(),
        spec: spec.into(),
        inputs: Vec::new(),
        timeout: None,
        is_awaited: true,
        priority: 0,
    }
}

/// A task whose argument is the result of task 1, which these workers are said to hold.
fn run_on_input(task: u32, holders: &[u32]) -> RunTask {
    let mut writer = SpecWriter::new(FUNCTION);
    writer.input(0);
    let mut spec = Vec::new();
    writer.finish(0..1, &mut spec);
    let holders: SmallVec<[Holder; 1]> = holders
        .iter()
        .map(|&id| Holder { worker: WorkerId(id), address: format!("local://{id}").into() })
        .collect();
    let inputs = vec![InputRef { task: TaskId(1), bytes: 1, holders, data: None }];
    RunTask { spec: spec.into(), inputs, ..run(task, 0) }
}

fn started(task: u32) -> Reported {
    Reported::Started { task: TaskId(task), attempt: 1, slot: 0 }
}

fn finished(task: u32) -> Reported {
    Reported::Finished { task: TaskId(task), attempt: 1, bytes: 1 }
}

fn first(task: u32) -> Assignment {
    Assignment { task: TaskId(task), attempt: 1 }
}

#[test]
fn runs_in_order_and_reports_each_step() {
    let mut scheduler = Scheduler::with_worker(1);
    scheduler.send(ToWorker::Run((0..50).map(|task| run(task, 7)).collect()));
    for task in 0..50 {
        scheduler.wait_for(&started(task));
        scheduler.wait_for(&finished(task));
    }
    scheduler.send(ToWorker::Run(vec![run(50, u64::MAX)]));
    let (kind, error) = (FailureKind::Error, "no such number".to_owned());
    scheduler.wait_for(&Reported::Failed { task: TaskId(50), attempt: 1, kind, error });
}

/// The name of the thread that carries what is spawned now.
fn carries(io: &IoThread) -> String {
    let (tx, rx) = std_mpsc::channel();
    io.handle().spawn(async move { tx.send(std::thread::current().name().map(str::to_owned)) });
    rx.recv_timeout(Duration::from_secs(20)).unwrap().unwrap()
}

#[test]
fn an_idle_slot_carries_the_worker_between_short_tasks_and_not_during_long_ones() {
    let io = IoThread::start("stand-in").unwrap();
    let mut scheduler = Scheduler::with_worker_on(1, Some(&io));
    assert_eq!(carries(&io), "stand-in");
    let mut tasks = 0..;
    // Busy machines make short tasks long now and then.
    let is_carried = tasks.by_ref().take(1_000).any(|task| {
        scheduler.send(ToWorker::Run(vec![run(task, 1)]));
        scheduler.wait_for(&finished(task));
        carries(&io) == "w-slot-0"
    });
    assert!(is_carried);
    let long = tasks.next().unwrap();
    scheduler.send(ToWorker::Run(vec![run(long, 3000)]));
    scheduler.wait_for(&started(long));
    assert_eq!(carries(&io), "stand-in");
    std::thread::sleep(Duration::from_millis(5));
    GATE_OF_IDLE.store(3000, Ordering::Release);
    scheduler.wait_for(&Reported::Finished { task: TaskId(long), attempt: 1, bytes: 3 });
    // After a long one it sleeps, and is told of others by the stand-in.
    let next = tasks.next().unwrap();
    scheduler.send(ToWorker::Run(vec![run(next, 1)]));
    scheduler.wait_for(&finished(next));
    assert_eq!(carries(&io), "stand-in");
}

#[test]
fn asks_the_next_holder_and_says_when_nobody_has_an_input() {
    let mut scheduler = Scheduler::with_worker(1);
    let here = Arc::new(Store::default());
    here.insert(TaskId(1), Bytes::from_static(&[5]));
    scheduler.stores.insert("local://2".to_owned(), &here);
    let empty = Arc::default();
    scheduler.stores.insert("local://1".to_owned(), &empty);
    let (task, dependent) = (TaskId(1), TaskId(9));
    scheduler.send(ToWorker::Run(vec![run_on_input(9, &[1])]));
    scheduler.wait_for(&Reported::TransferStarted { task, from: WorkerId(1), dependent });
    scheduler.wait_for(&Reported::TransferFailed { task, reason: TransferFailure::Missing });
    scheduler.wait_for(&Reported::InputsMissing { task: dependent, attempt: 1 });

    scheduler.send(ToWorker::Run(vec![RunTask { attempt: 2, ..run_on_input(9, &[1, 2]) }]));
    scheduler.wait_for(&Reported::TransferStarted { task, from: WorkerId(1), dependent });
    scheduler.wait_for(&Reported::TransferFailed { task, reason: TransferFailure::Missing });
    scheduler.wait_for(&Reported::TransferStarted { task, from: WorkerId(2), dependent });
    scheduler.wait_for(&Reported::TransferFinished { task, bytes: 1 });
    scheduler.wait_for(&Reported::Finished { task: dependent, attempt: 2, bytes: 1 });

    // The copy stays until it is freed; then it has to be fetched again, and nobody is named.
    scheduler.send(ToWorker::Run(vec![run_on_input(10, &[])]));
    scheduler.wait_for(&finished(10));
    scheduler.send(ToWorker::Free(vec![task]));
    scheduler.send(ToWorker::Run(vec![run_on_input(11, &[])]));
    scheduler.wait_for(&Reported::InputsMissing { task: TaskId(11), attempt: 1 });
}

#[test]
fn asks_nobody_for_an_input_that_came_with_its_task() {
    let mut scheduler = Scheduler::with_worker(1);
    let mut run = run_on_input(9, &[1]);
    run.inputs[0].data = Some(Bytes::from_static(&[5]));
    scheduler.send(ToWorker::Run(vec![run]));
    let (task, dependent) = (TaskId(1), TaskId(9));
    // No holder is there.
    scheduler.wait_for(&Reported::TransferStarted { task, from: WorkerId(1), dependent });
    scheduler.wait_for(&Reported::TransferFinished { task, bytes: 1 });
    scheduler.wait_for(&finished(9));
    // Another task finds it here.
    scheduler.send(ToWorker::Run(vec![run_on_input(10, &[])]));
    scheduler.wait_for(&finished(10));
}

#[test]
fn gives_back_what_has_not_begun_and_drops_what_is_revoked() {
    let mut scheduler = Scheduler::with_worker(1);
    scheduler.send(ToWorker::Run(vec![run(0, 2000), run(1, 1), run(2, 1), run(3, 1)]));
    scheduler.wait_for(&started(0));
    scheduler.send(ToWorker::AskBack(vec![first(0), first(1)]));
    scheduler.wait_for(&Reported::Kept { task: TaskId(0), attempt: 1 });
    scheduler.wait_for(&Reported::GaveBack { task: TaskId(1), attempt: 1 });
    scheduler.send(ToWorker::Revoke(vec![first(0), first(2)]));
    scheduler.send(ToWorker::Ping { at: Nanos(5) });
    while !matches!(scheduler.next(), FromWorker::ClockEcho { ping_at: Nanos(5), .. }) {}
    GATE.store(2000, Ordering::Release);
    scheduler.wait_for(&started(3));
    scheduler.wait_for(&finished(3));
    assert_eq!(scheduler.seen, [], "nothing was said of what was revoked");
}

#[test]
fn stops_when_told_or_when_its_scheduler_is_gone() {
    let mut told = Scheduler::with_worker(2);
    told.send(ToWorker::Shutdown);
    let mut orphan = Scheduler::with_worker(2);
    drop(std::mem::replace(&mut orphan.tx, told.tx.clone()));
    let (tx, rx) = std_mpsc::channel();
    std::thread::spawn(move || {
        told.runtime.block_on(told.worker.stopped());
        orphan.runtime.block_on(orphan.worker.stopped());
        tx.send(()).unwrap();
    });
    rx.recv_timeout(Duration::from_secs(20)).expect("both stop");
}
