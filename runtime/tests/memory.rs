//! Memory, end to end with worker processes: results that do not fit are spilled and come back.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

extern crate taskreel_runtime as taskreel;

#[path = "../../tests/support/not_run.rs"]
mod not_run;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use not_run::not_run;
use taskreel::{Cluster, ClusterBuilder, TaskErrorKind, task};
use taskreel_model::{Event, FailureKind, LossReason, PauseReason, State, WorkerStatus};
use taskreel_recorder::{Source, TraceReader};

const MIB: u64 = 1 << 20;
const LIMIT: u64 = 96 * MIB;

#[task]
fn block(number: u64, bytes: usize) -> String {
    let word = format!("{number:016x}");
    word.repeat(bytes / word.len())
}

/// What is said of a block, and how long it is.
#[task]
fn looked_at(block: &str) -> (u64, usize) {
    let whole = block.as_bytes().chunks(16).all(|word| word == &block.as_bytes()[..16]);
    assert!(whole, "the block is damaged");
    (u64::from_str_radix(&block[..16], 16).unwrap(), block.len())
}

/// The most memory that this worker's process ever had, and its number.
#[task]
fn peak() -> (u32, u64) {
    std::thread::sleep(Duration::from_millis(5));
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let kib: u64 = line.trim().trim_end_matches(" kB").parse().unwrap();
    (std::process::id(), kib << 10)
}

/// Takes twice the limit, which no spilling helps against; the first time only, if there is a path.
#[task]
fn hog(path: &str) -> u64 {
    if path.is_empty() || std::fs::File::create_new(path).is_ok() {
        let mut taken = Vec::new();
        while taken.len() < 2 * LIMIT as usize {
            taken.resize(taken.len() + (8 << 20), 1_u8);
            std::thread::sleep(Duration::from_millis(10));
        }
        // It would be ended long before.
        std::thread::sleep(Duration::from_secs(100));
    }
    42
}

/// Takes so much that the process has 85 % of its limit, for a while.
#[task]
fn fills(ms: u64) -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    let kib: u64 = line.trim().trim_end_matches(" kB").parse().unwrap();
    let taken = vec![1_u8; (LIMIT * 85 / 100 - (kib << 10)) as usize];
    std::thread::sleep(Duration::from_millis(ms));
    taken.iter().filter(|byte| **byte == 1).count()
}

#[test]
fn worker_process() {
    taskreel::init();
}

fn processes(workers: usize) -> ClusterBuilder {
    let program = std::env::current_exe().unwrap();
    let args = ["--exact", "worker_process", "--nocapture"];
    Cluster::local().workers(workers).threads(1).processes(true).worker_command(program, &args)
}

/// The events of a trace by name, and the state it ends with.
fn fold(path: &Path) -> (BTreeMap<&'static str, usize>, Vec<Event>, State) {
    let mut reader = TraceReader::open(path).unwrap();
    let (mut state, mut changes) = (State::new(), Vec::new());
    let (mut counts, mut events) = (BTreeMap::new(), Vec::new());
    while let Some(batch) = reader.next_batch().unwrap() {
        for event in batch.events {
            changes.clear();
            state.apply(&event, &mut changes).unwrap();
            *counts.entry(event.what.name()).or_default() += 1;
            events.push(event.what);
        }
    }
    state.validate();
    (counts, events, state)
}

/// What was logged.
fn logged(path: &Path) -> Vec<String> {
    let mut reader = TraceReader::open(path).unwrap();
    let mut said = Vec::new();
    while let Some(batch) = reader.next_batch().unwrap() {
        said.extend(batch.logs.into_iter().map(|line| line.text));
    }
    said
}

#[test]
fn results_of_four_times_the_limit_stay_under_it() {
    let folder = tempfile::tempdir().unwrap();
    let (trace, spilled) = (folder.path().join("run.reel"), folder.path().join("spilled"));
    let builder = processes(2).memory(LIMIT).spill_folder(&spilled).record(&trace);
    let cluster = builder.start().unwrap();
    let client = cluster.client();
    let size = 6 * MIB as usize;
    let n_blocks = 4 * 2 * LIMIT / size as u64;
    // The client holds on to all of them.
    let blocks = client.map(0..n_blocks, |number| block(number, size));
    let looks: Vec<_> = blocks.iter().map(|block| client.submit(looked_at(block))).collect();
    let expected: Vec<(u64, usize)> = (0..n_blocks).map(|number| (number, size)).collect();
    assert_eq!(client.gather(&looks).unwrap(), expected);
    // Once more, the first of them come from disk; one is served from there to the client.
    let again: Vec<_> = blocks.iter().map(|block| client.submit(looked_at(block))).collect();
    assert_eq!(client.gather(&again).unwrap(), expected);
    assert_eq!(client.gather(&blocks[..2]).unwrap()[1].len(), size);
    let peaks: BTreeMap<u32, u64> =
        client.gather(client.map(0..40, |_| peak())).unwrap().into_iter().collect();
    assert_eq!(peaks.len(), 2);
    for (pid, bytes) in peaks {
        assert!(bytes <= LIMIT * 115 / 100, "process {pid} had {} MiB", bytes / MIB);
    }
    drop((blocks, looks, again));
    let live = cluster.close().unwrap().state;
    assert_eq!(std::fs::read_dir(&spilled).unwrap().count(), 0, "files are left behind");
    let (counts, _, state) = fold(&trace);
    assert_eq!(state, live);
    assert!(counts["ResultSpilled"] as u64 >= n_blocks * 3 / 5, "{counts:?}");
    assert!(counts["ResultRestored"] > 0, "{counts:?}");
}

#[test]
fn a_worker_whose_disk_takes_nothing_pauses_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let no_folder = folder.path().join("no-folder");
    std::fs::write(&no_folder, "a file").unwrap();
    // As soon as there is a folder after all, it goes on.
    pauses_until(&no_folder, || std::fs::remove_file(&no_folder).unwrap());
}

#[test]
fn a_worker_whose_disk_is_full_pauses_until_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = SmallDisk::mount(folder.path()) else { return };
    let said = pauses_until(folder.path(), || disk.grow());
    assert!(said.iter().any(|line| line.contains("No space left on device")), "{said:?}");
}

/// Makes more results than fit in memory, with nowhere to spill them; gives what was logged.
fn pauses_until(spill_folder: &Path, make_room: impl FnOnce()) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("run.reel");
    let builder = processes(1).memory(LIMIT).spill_folder(spill_folder).record(&trace);
    let cluster = builder.start().unwrap();
    let client = cluster.client();
    let size = 16 * MIB as usize;
    let blocks = client.map(0..8_u64, |number| block(number, size));
    // It holds four blocks or a little more, and pauses: the next is done, or waits.
    blocks[3].wait_done().unwrap();
    wait_for(&trace, "the pause", |events| {
        events.iter().any(|event| is_pause(event, PauseReason::DiskFull))
    });
    let n_before = blocks.iter().filter(|block| block.is_done()).count();
    assert!((4..8).contains(&n_before), "{n_before} blocks");
    make_room();
    assert_eq!(client.gather(&blocks).unwrap().len(), 8);
    drop(blocks);
    cluster.close().unwrap();
    let (counts, _, state) = fold(&trace);
    assert!(counts["WorkerResumed"] > 0, "{counts:?}");
    assert_ne!(state.workers()[0].status, WorkerStatus::Paused);
    let said = logged(&trace);
    assert!(said.iter().any(|line| line.contains("cannot be spilled to")), "{said:?}");
    said
}

fn is_pause(event: &Event, why: PauseReason) -> bool {
    matches!(event, Event::WorkerPaused { reason, .. } if *reason == why)
}

fn wait_for(trace: &Path, what: &str, is_it: impl Fn(&[Event]) -> bool) {
    let begin = Instant::now();
    while !is_it(&fold(trace).1) {
        assert!(begin.elapsed() < Duration::from_secs(200), "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A file system of 24 MiB in memory.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// `None`: this process may not mount one, and has said so.
    fn mount(folder: &Path) -> Option<Self> {
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=24m", "none"]).arg(folder);
        let why = match mount.output() {
            Ok(ran) if ran.status.success() => return Some(Self(folder.to_owned())),
            Ok(ran) => String::from_utf8_lossy(&ran.stderr).trim().to_owned(),
            Err(error) => format!("no `mount`: {error}"),
        };
        not_run("a small disk for spilled results", &why);
        None
    }

    fn grow(&self) {
        let ran = Command::new("mount").args(["-o", "remount,size=500m"]).arg(&self.0).status();
        assert!(ran.unwrap().success());
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: whatever is open there still is let go of later.
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

#[test]
fn a_worker_whose_memory_is_nearly_full_pauses_and_others_do_its_work() {
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("run.reel");
    let cluster = processes(2).threads(2).memory(LIMIT).record(&trace).start().unwrap();
    let client = cluster.client();
    let filling = client.submit(fills(1500).workers(["worker-0"]));
    wait_for(&trace, "the pause", |events| events.iter().any(|e| is_pause(e, PauseReason::Memory)));
    let elsewhere = client.gather(client.map(0..10, |_| peak())).unwrap();
    assert!(elsewhere.iter().all(|(pid, _)| *pid == elsewhere[0].0), "{elsewhere:?}");
    assert!(!filling.is_done());
    let only_there = client.submit(peak().workers(["worker-0"]));
    assert_ne!(only_there.wait().unwrap().0, elsewhere[0].0);
    assert!(filling.wait().unwrap() > 0);
    cluster.close().unwrap();
    let (counts, events, _) = fold(&trace);
    assert!(counts["WorkerResumed"] > 0 && losses(&events).is_empty(), "{counts:?}");
}

/// The reasons for which workers were lost.
fn losses(events: &[Event]) -> Vec<LossReason> {
    let lost = events.iter().filter_map(|event| match event {
        Event::WorkerLost { reason, .. } => Some(*reason),
        _ => None,
    });
    lost.collect()
}

#[test]
fn a_worker_that_uses_too_much_is_replaced_and_its_tasks_run_again() {
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("run.reel");
    let cluster = processes(2).memory(LIMIT).record(&trace).start().unwrap();
    let client = cluster.client();
    let held = client.map(0..8_u64, |number| block(number, MIB as usize));
    client.gather(&held).unwrap();
    let marker = folder.path().join("was-here");
    let once = client.submit(hog(marker.to_str().unwrap()));
    assert_eq!(once.wait().unwrap(), 42);
    // One that does so wherever it runs is given up, and the others go on.
    let error = client.submit(hog("")).wait().unwrap_err();
    assert_eq!(error.kind(), TaskErrorKind::Failed(Some(FailureKind::Poison)), "{error}");
    assert_eq!(client.gather(&held).unwrap()[7].len(), MIB as usize);
    drop((held, once));
    cluster.close().unwrap();
    let (_, events, state) = fold(&trace);
    assert_eq!(losses(&events), [LossReason::OutOfMemory; 4]);
    assert!(state.workers().len() >= 5, "for each, but perhaps the last, another was started");
    assert!(logged(&trace).iter().any(|line| line.contains("more than 95 %")));
}
