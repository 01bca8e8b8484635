//! An hour's worth of work in ten minutes: `soak [SECONDS] [SEED]`, by default 600 s.
//!
//! A scheduler process that records, four worker processes of which two stay and one of the others is killed or
//! asked to leave every few seconds and replaced, four clients that submit, cancel and fail graphs and connect anew,
//! and a viewer that follows the trace, with three readers of its pages and two pages that are left open. Every
//! result is checked. Once a second the memory, files and sockets of each process are read. It fails, and says why, if a
//! process grows faster after the warm-up than `watch.rs` allows, if files or sockets pile up, if a result is
//! wrong, or if `reel check` finds the trace unsound.
//!
//! Needs the command `reel` beside it: `cargo build --release && cargo run --release --example soak`.

#![expect(clippy::print_stdout, reason = "it prints what it sees")]

#[path = "../../viewer/examples/freshness/channel.rs"]
mod channel;
mod judge;
mod load;
mod pages;
mod processes;
mod watch;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use taskreel::{WorkerOptions, run_worker};

use processes::{Processes, STAY};
use watch::{Watch, Watched};

pub(crate) type Outcome<T = ()> = Result<T, Box<dyn Error + Send + Sync>>;

const CLIENTS: u64 = 4;

/// How often a worker is replaced.
const REPLACE: Duration = Duration::from_secs(4);

fn main() -> Outcome {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["scheduler", trace] => processes::serve(trace),
        ["worker", address, name] => {
            let options = WorkerOptions { name: name.to_owned(), ..WorkerOptions::new(address) };
            Ok(run_worker(&options)?)
        }
        [] => soak(600, 1),
        [seconds] => soak(seconds.parse()?, 1),
        [seconds, seed, ..] => soak(seconds.parse()?, seed.parse()?),
    }
}

/// What the clients did.
#[derive(Debug, Default)]
pub(crate) struct Done {
    pub(crate) graphs: AtomicU64,
    pub(crate) tasks: AtomicU64,
    pub(crate) cancelled: AtomicU64,
    pub(crate) failed: AtomicU64,
    pub(crate) connected: AtomicU64,
}

fn soak(seconds: u64, seed: u64) -> Outcome {
    let folder = std::env::temp_dir().join(format!("soak-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let trace = folder.join("run.reel");
    let mut processes = Processes::start(&trace, &reel()?)?;
    let done = Arc::new(Done::default());
    let until = Instant::now() + Duration::from_secs(seconds);
    let clients: Vec<_> = (0..CLIENTS)
        .map(|number| {
            let (address, done) = (processes.address.clone(), Arc::clone(&done));
            std::thread::spawn(move || load::run(&address, seed * CLIENTS + number, until, &done))
        })
        .collect();
    let readers: Vec<_> = (0..5)
        .map(|number| {
            let viewer = processes.viewer_address.clone();
            let read = if number < 3 { pages::read } else { pages::follow };
            std::thread::spawn(move || read(&viewer, until))
        })
        .collect();
    let mut watch = Watch::new();
    let mut replace = Instant::now() + REPLACE;
    while Instant::now() < until {
        std::thread::sleep(Duration::from_secs(1));
        watch.look(Watched::Scheduler, [processes.scheduler.id()])?;
        watch.look(Watched::Viewer, [processes.viewer.id()])?;
        watch.look(Watched::Clients, [std::process::id()])?;
        let (stay, replaced) = processes.workers.split_at(STAY);
        for (number, worker) in stay.iter().enumerate() {
            watch.look(Watched::Worker(number), [worker.id()])?;
        }
        watch.look(Watched::Replaced, replaced.iter().map(Child::id))?;
        if Instant::now() > replace {
            replace = Instant::now() + REPLACE;
            processes.replace_worker()?;
        }
    }
    for thread in clients.into_iter().chain(readers) {
        thread.join().map_err(|_panic| "a client or reader panicked; its message is above")??;
    }
    processes.close()?;
    report(&done, &watch);
    let is_sound = Command::new(reel()?).arg("check").arg(&trace).status()?.success();
    println!("trace: {} bytes, sound: {is_sound}", std::fs::metadata(&trace)?.len());
    verdict(&watch.grown(), is_sound)
        .map_err(|why| format!("{why}; kept in {}", folder.display()))?;
    Ok(std::fs::remove_dir_all(folder)?)
}

/// What is wrong with the whole, if anything is. That a result was wrong has been said before.
fn verdict(grown: &[String], is_sound: bool) -> Result<(), String> {
    if !grown.is_empty() {
        return Err(format!("grown: {}", grown.join("; ")));
    }
    if is_sound { Ok(()) } else { Err("`reel check` finds the trace unsound".to_owned()) }
}

fn report(done: &Done, watch: &Watch) {
    let n = |count: &AtomicU64| count.load(Ordering::Relaxed);
    println!(
        "{} graphs, {} tasks, {} graphs cancelled, {} failed as they should, {} connections",
        n(&done.graphs),
        n(&done.tasks),
        n(&done.cancelled),
        n(&done.failed),
        n(&done.connected)
    );
    print!("{watch}");
}

/// A line for whoever started this process.
pub(crate) fn say(line: &str) {
    println!("{line}");
}

/// The command, which cargo puts beside the folder of examples.
fn reel() -> Outcome<PathBuf> {
    let this = std::env::current_exe()?;
    let reel = this.parent().and_then(Path::parent).map(|folder| folder.join("reel"));
    reel.filter(|reel| reel.exists())
        .ok_or_else(|| "build the command first: cargo build --release".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fault_is_a_failure() {
        assert_eq!(verdict(&[], true), Ok(()));
        assert!(verdict(&[], false).is_err_and(|why| why.contains("unsound")));
        let grown = ["viewer: 90000 bytes a second".to_owned()];
        assert!(verdict(&grown, true).is_err_and(|why| why.contains("viewer")));
    }
}
