//! Files that somebody made to do harm, each small for what it claims.

use std::path::{Path, PathBuf};

use taskreel_model::{
    AssignReason, ClientId, Event, FailureKind, GraphId, Key, LossReason, Nanos, OptionsId,
    PrefixId, Stamped, StrId, Suffix, TaskId, TaskOptions, WorkerId, WorkerInfo,
};
use taskreel_recorder::{Recorder, RecorderOptions, RunInfo};

use crate::forge::{self, Block};

/// Terminal codes, line ends and quotes, wherever a name may stand.
pub(crate) const EVIL: &str = "a\u{1b}[2J\u{7}\r\nb\"<script>alert(1)</script>&`]]>\u{202e}\u{0}";
const MIB: usize = 1 << 20;

/// A file's name and what writes it.
pub(crate) type Forgery = (&'static str, fn(&Path));

/// Every forgery.
pub(crate) const ALL: &[Forgery] = &[
    ("long-lengths", long_lengths),
    ("bombs-of-logs", |path| bombs(path, 3)),
    ("bombs-of-samples", |path| bombs(path, 2)),
    ("bombs-of-specs", |path| bombs(path, 4)),
    ("bomb-of-dependencies", bomb_of_dependencies),
    ("bomb-in-the-index", bomb_in_the_index),
    ("bomb-in-the-summary", bomb_in_the_summary),
    ("bomb-of-states", bomb_of_states),
    ("bomb-of-options", bomb_of_options),
    ("nothing-but-markers", nothing_but_markers),
    ("deep-header", deep_header),
    ("every-worker", every_worker),
    ("many-workers", many_workers),
    ("huge-graph", huge_graph),
    ("cyclic-graph", cyclic_graph),
    ("all-to-all", all_to_all),
    ("deep-graph", deep_graph),
    ("long-names", long_names),
    ("control-characters", control_characters),
];

fn write(path: &Path, parts: &[&[u8]]) {
    std::fs::write(path, parts.concat()).expect("a file of the test");
}

/// A closed trace: these blocks, and a footer that says little.
fn closed(path: &Path, blocks: &[u8]) {
    let head = forge::header("{\"name\":\"forged\"}");
    let footer = Block { kind: forge::FOOTER, ..Block::default() };
    let footer = footer.plain(&forge::footer("{}", 0, &[]));
    let at = (head.len() + blocks.len()) as u64;
    let trailer = forge::trailer(at, footer.len() as u32);
    write(path, &[&head, blocks, &footer, &trailer]);
}

fn long_lengths(path: &Path) {
    let block = |kind| Block { kind, n_records: u32::MAX, ..Block::default() };
    let blocks: Vec<u8> = (1..=6_u8)
        .flat_map(|kind| block(kind).with(u8::from(kind % 2 == 0), 64 << 20, b"short"))
        .collect();
    write(path, &[&forge::header("{}"), &blocks, &forge::trailer(u64::MAX, u32::MAX)]);
}

/// Blocks of 60 MiB of zeros, a few kilobytes each.
fn bombs(path: &Path, kind: u8) {
    let zeros = vec![0; 60 * MIB];
    let mut raw = match kind {
        2 => vec![13; 1],
        3 => vec![6, 1, 1, 1, 1, 4],
        _ => Vec::new(),
    };
    raw.extend_from_slice(&zeros);
    let block = Block { kind, n_records: 1, ..Block::default() }.packed(&raw);
    closed(path, &block.repeat(40));
}

/// One task with sixty million dependencies.
fn bomb_of_dependencies(path: &Path) {
    let n = 60 * MIB;
    let mut claimed = Vec::new();
    forge::put_varint(&mut claimed, n as u64);
    let zeros = vec![0; n];
    let mut columns: Vec<(u8, &[u8])> = vec![(0, &[7])];
    columns.extend([1, 2, 7, 8, 9, 10, 12].map(|number| (number, &[0_u8][..])));
    columns.extend([(13, &claimed[..]), (14, &zeros[..])]);
    let raw = forge::columns(&columns);
    let block = Block { kind: forge::EVENTS, n_records: 1, ..Block::default() };
    closed(path, &block.packed(&raw));
}

fn with_footer(path: &Path, raw: &[u8]) {
    let head = forge::header("{}");
    let footer = Block { kind: forge::FOOTER, ..Block::default() }.packed(raw);
    let trailer = forge::trailer(head.len() as u64, footer.len() as u32);
    write(path, &[&head, &footer, &trailer]);
}

fn bomb_in_the_index(path: &Path) {
    with_footer(path, &forge::footer("{}", 10 << 20, &vec![0; 60 * MIB]));
}

fn bomb_in_the_summary(path: &Path) {
    let summary = format!("{{\"by_tag\":[{}0]}}", "0,".repeat(29 * MIB));
    with_footer(path, &forge::footer(&summary, 0, &[]));
}

/// Stored states of sixty million empty texts; the first of the file, and a hundred more.
fn bomb_of_states(path: &Path) {
    let mut raw = taskreel_model::KEYFRAME_LAYOUT.to_le_bytes().to_vec();
    raw.extend_from_slice(&[0, 0, 0, 252, 0, 0, 0xc0, 3]);
    raw.resize(60 * MIB, 0);
    let block = Block { kind: forge::KEYFRAME, n_records: 1, ..Block::default() };
    closed(path, &block.packed(&raw).repeat(100));
}

/// Options that name twenty million workers of no name.
fn bomb_of_options(path: &Path) {
    let n = 20 * MIB;
    let mut row = vec![3, 0, 0, 0, 0, 0, 0, 0, 252];
    row.extend_from_slice(&(n as u32).to_le_bytes());
    row.resize(row.len() + n, 0);
    let mut cold = Vec::new();
    forge::put_varint(&mut cold, row.len() as u64);
    cold.extend_from_slice(&row);
    let raw = forge::columns(&[(0, &[3]), (1, &[0]), (2, &[0]), (4, &cold)]);
    let block = Block { kind: forge::EVENTS, n_records: 1, ..Block::default() };
    closed(path, &block.packed(&raw));
}

fn nothing_but_markers(path: &Path) {
    write(path, &[&forge::header("{}"), &forge::MARKER.repeat(MIB / 4)]);
}

fn deep_header(path: &Path) {
    write(path, &[&forge::header(&format!("{{\"more\":{}", "[".repeat(MIB - 100)))]);
}

/// A log in the making: events by the number that comes next.
struct Log {
    events: Vec<Stamped<Event>>,
}

impl Log {
    /// A log with a client, options and a prefix.
    fn new(prefix: &str) -> Self {
        let mut log = Self { events: Vec::new() };
        log.add(Event::SchedulerStarted { incarnation: 0 });
        log.add(Event::Interned { id: StrId(0), text: prefix.into() });
        log.add(Event::PrefixDeclared { id: PrefixId(0), name: prefix.into() });
        let options = Box::new(TaskOptions { function: prefix.to_owned(), ..options() });
        log.add(Event::OptionsDeclared { id: OptionsId(0), options });
        log.add(Event::ClientConnected { client: ClientId(0), name: StrId(0) });
        log
    }

    fn add(&mut self, what: Event) {
        let seq = self.events.len() as u64;
        let at = Nanos(1_000 * seq);
        self.events.push(Stamped { seq, logged_at: at, at, cause: None, what });
    }

    fn graph(&mut self, n_tasks: u32) {
        let (graph, client, name) = (GraphId(0), ClientId(0), StrId(0));
        self.add(Event::GraphSubmitted {
            graph,
            client,
            name,
            first: TaskId(0),
            n_tasks,
            local: 0,
        });
    }

    fn task(&mut self, task: u32, deps: Vec<TaskId>) {
        self.add(Event::TaskSubmitted {
            task: TaskId(task),
            graph: GraphId(0),
            key: Key { prefix: PrefixId(0), suffix: Suffix::Index(task) },
            options: OptionsId(0),
            wanted: true,
            deps: deps.into_boxed_slice(),
        });
    }

    fn worker(&mut self, id: u32, name: &str, slots: u16) {
        let info = WorkerInfo {
            name: name.to_owned(),
            address: "tcp://127.0.0.1:1".to_owned(),
            host: name.to_owned(),
            pid: 1,
            slots,
            memory_limit: u64::MAX,
            resources: Default::default(),
            version: name.to_owned(),
        };
        self.add(Event::WorkerJoined { worker: WorkerId(id), info: Box::new(info) });
    }

    fn assign(&mut self, task: u32, attempt: u32) {
        let (task, worker, reason) = (TaskId(task), WorkerId(0), AssignReason::Idle);
        self.add(Event::TaskAssigned { task, worker, attempt, reason });
        self.add(Event::TaskStarted { task, worker, attempt, slot: 0 });
    }

    /// Recorded as a real recorder does, which asks nothing of what it is given.
    fn record(&self, path: &Path, name: &str) {
        let info = RunInfo {
            name: name.to_owned(),
            host: name.to_owned(),
            command: vec![name.to_owned()],
            ..RunInfo::default()
        };
        let mut recorder =
            Recorder::create(path, &info, RecorderOptions::default()).expect("a new trace");
        for part in self.events.chunks(10_000) {
            recorder.append(part).expect("it is written");
        }
        recorder.finish().expect("it is closed");
    }
}

fn options() -> TaskOptions {
    TaskOptions::new("f")
}

/// The highest ids that there are.
fn every_worker(path: &Path) {
    let mut log = Log::new("x");
    log.worker(u32::MAX, "last", 1);
    log.worker(u32::MAX - 1, "last but one", u16::MAX);
    log.graph(u32::MAX);
    log.task(u32::MAX, vec![TaskId(u32::MAX)]);
    log.record(path, "every-worker");
}

fn many_workers(path: &Path) {
    let mut log = Log::new("x");
    (0..40_000).for_each(|id| log.worker(id, "w", u16::MAX));
    log.record(path, "many-workers");
}

fn huge_graph(path: &Path) {
    let mut log = Log::new("x");
    log.graph(u32::MAX);
    (0..150_000).for_each(|task| log.task(task, Vec::new()));
    log.record(path, "huge-graph");
}

fn cyclic_graph(path: &Path) {
    let mut log = Log::new("x");
    log.graph(3);
    log.task(0, vec![TaskId(1)]);
    log.task(1, vec![TaskId(0), TaskId(1)]);
    log.record(path, "cyclic-graph");
}

/// Each of two thousand tasks depends on all before it.
fn all_to_all(path: &Path) {
    let mut log = Log::new("x");
    log.graph(4_000);
    (0..4_000).for_each(|task| log.task(task, (0..task).map(TaskId).collect()));
    log.record(path, "all-to-all");
}

/// A chain of a hundred thousand tasks, whose first fails: the last is blamed on it.
fn deep_graph(path: &Path) {
    let n = 60_000;
    let mut log = Log::new("x");
    log.graph(n);
    (0..n).for_each(|task| log.task(task, task.checked_sub(1).map(TaskId).into_iter().collect()));
    log.worker(0, "w", 1);
    log.assign(0, 1);
    let (kind, error) = (FailureKind::Error, StrId(0));
    let (task, worker) = (TaskId(0), WorkerId(0));
    log.add(Event::TaskFailed { task, worker, attempt: 1, kind, error, retry: None });
    log.record(path, "deep-graph");
}

/// A name of two megabytes, which every event is about.
fn long_names(path: &Path) {
    let mut log = Log::new(&"n".repeat(2 * MIB));
    log.worker(0, "w", 1);
    log.graph(u32::MAX);
    (0..20_000).for_each(|task| log.task(task, Vec::new()));
    for attempt in 1..20_000 {
        log.assign(0, attempt);
        let (kind, error) = (FailureKind::Error, StrId(0));
        let (task, worker, retry) = (TaskId(0), WorkerId(0), Some(Nanos(0)));
        log.add(Event::TaskFailed { task, worker, attempt, kind, error, retry });
    }
    log.record(path, "long-names");
}

/// A run that is in order, but for its names.
fn control_characters(path: &Path) {
    let mut log = Log::new(EVIL);
    log.worker(0, EVIL, 2);
    log.graph(6);
    (0..6).for_each(|task| log.task(task, Vec::new()));
    for task in 0..5 {
        log.assign(task, 1);
        let (task, worker) = (TaskId(task), WorkerId(0));
        if task.0 == 3 {
            let (kind, error) = (FailureKind::Error, StrId(0));
            log.add(Event::TaskFailed { task, worker, attempt: 1, kind, error, retry: None });
        } else {
            log.add(Event::TaskFinished { task, worker, attempt: 1, bytes: 9 });
        }
    }
    log.add(Event::Marked { name: StrId(0), task: Some(TaskId(1)) });
    log.add(Event::WorkerLost { worker: WorkerId(0), reason: LossReason::Silent });
    log.record(path, EVIL);
}

/// Writes a forgery into a folder.
pub(crate) fn forge_into(folder: &Path, (name, write): &Forgery) -> PathBuf {
    let path = folder.join(format!("{name}.reel"));
    write(&path);
    path
}
