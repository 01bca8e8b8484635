//! Deterministic simulation testing: the real scheduler, the real recorder and what workers keep, in a storm.
//!
//! Workers are the real board, store, reports and journal. What runs on them, clients, the network, the disk,
//! crashes and the clock are simulated, in one thread and on a virtual clock, and every choice is drawn from one seed:
//! messages are late, connections break or hang, workers die and leave, the scheduler is killed in the middle of anything
//! and starts again on its log, whose last write may be torn; its host loses power, and with it what was not synced, or
//! its disk is full. A run of some virtual minutes takes some milliseconds. Afterwards the log must fold to the live
//! state, and every file in `invariants/` states one thing that must hold, and shows that it sees when it does not.
//!
//! `cargo test -p taskreel-runtime storm` runs [`SEEDS`] seeds, `./storm` as many as one likes, and
//! `TASKREEL_STORM_SEED=17` the one that a failure names, whose trace is kept.

mod client;
mod disk;
mod draw;
mod faults;
mod host;
mod invariants;
mod network;
mod truth;
mod worker;
mod world;

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use draw::Draw;
use world::{Mischief, World};

/// How many seeds an ordinary run of the tests tries.
const SEEDS: u64 = 2_000;

/// How often a long run says how far it is.
const TELL: Duration = Duration::from_secs(10);

#[test]
fn nothing_is_lost_in_a_storm() {
    let number = |name: &str| std::env::var(name).ok().map(|n| n.parse::<u64>().expect("a number"));
    let first = number("TASKREEL_STORM_FIRST").unwrap_or(0);
    let seeds = match number("TASKREEL_STORM_SEED") {
        Some(seed) => seed..seed + 1,
        None => first..first.saturating_add(number("TASKREEL_STORM_SEEDS").unwrap_or(SEEDS)),
    };
    let n_threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let next = AtomicU64::new(seeds.start);
    let seen = Mutex::new((truth::Seen::default(), Instant::now()));
    std::thread::scope(|scope| {
        for _ in 0..n_threads {
            scope.spawn(|| storms(&seeds, &next, &seen));
        }
    });
    let (seen, _) = seen.into_inner().expect("no storm failed");
    eprintln!("{seen:?}");
}

/// One storm after the other, until there are no more seeds or one fails.
fn storms(seeds: &Range<u64>, next: &AtomicU64, seen: &Mutex<(truth::Seen, Instant)>) {
    loop {
        let seed = next.fetch_add(1, Ordering::Relaxed);
        if !seeds.contains(&seed) {
            return;
        }
        match catch_unwind(AssertUnwindSafe(|| storm(seed))) {
            Ok(of_seed) => {
                let mut seen = seen.lock().expect("it is held for a moment");
                seen.0 += of_seed;
                if seen.1.elapsed() > TELL {
                    seen.1 = Instant::now();
                    eprintln!("up to seed {seed}: {:?}", seen.0);
                }
            }
            Err(panic) => {
                next.store(seeds.end, Ordering::Relaxed);
                eprintln!("TASKREEL_STORM_SEED={seed} cargo test -p taskreel-runtime storm");
                resume_unwind(panic);
            }
        }
    }
}

/// One run to its end, and all that must hold of it.
fn storm(seed: u64) -> truth::Seen {
    let world = play(seed, Mischief::None);
    invariants::check(&world);
    world.truth().seen()
}

/// One run to its end.
fn play(seed: u64, mischief: Mischief) -> Arc<World> {
    // In memory where that is offered: thousands of files are synced, and none is to last.
    let memory = std::path::Path::new("/dev/shm");
    let place = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
    let mut folder = tempfile::tempdir_in(place).expect("a folder for the trace");
    // Of the one seed that is looked into, the trace is kept.
    folder.disable_cleanup(std::env::var_os("TASKREEL_STORM_SEED").is_some());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    let world = runtime.block_on(async {
        let world = World::new(Draw::new(seed), folder, mischief);
        faults::run(&world).await;
        world
    });
    // What is still on its way, such as the tasks of killed workers, goes with the runtime.
    drop(runtime);
    world
}

/// Whether some of the first seeds fails when somebody breaks the rules, as it must. What the failing ones
/// print is what is looked for.
fn is_noticed(mischief: Mischief) -> bool {
    (0..400).any(|seed| {
        let done = catch_unwind(AssertUnwindSafe(|| {
            invariants::check(&play(seed, mischief));
        }));
        done.is_err()
    })
}

#[test]
fn a_seed_gives_the_same_run_each_time() {
    for seed in 0..20 {
        let [first, second] = [0, 1].map(|_| invariants::read(&play(seed, Mischief::None)));
        assert!(first == second, "seed {seed} gives one run, and then another");
    }
}

#[test]
fn a_disk_that_only_claims_to_keep_things_is_noticed() {
    assert!(is_noticed(Mischief::LyingDisk));
}

#[test]
fn a_worker_that_forgets_its_results_is_noticed() {
    assert!(is_noticed(Mischief::ForgetfulWorker));
}

#[test]
fn a_worker_that_forgets_its_reports_is_noticed() {
    assert!(is_noticed(Mischief::ForgetfulReports));
}
