//! Deterministic simulation testing: the real scheduler and the real recorder in a storm.
//!
//! Workers, clients, their network, crashes and the clock are simulated, in one thread and on a virtual clock, and
//! every choice is drawn from one seed: messages are late, connections break or hang, workers die and leave, the
//! scheduler is killed in the middle of anything and starts again on its log, whose last write may be torn. A run of
//! some virtual minutes takes some milliseconds. Afterwards the log must fold to the live state, and every
//! file in `invariants/` states one thing that must hold.
//!
//! `cargo test -p taskreel-runtime storm` runs [`SEEDS`] seeds, `TASKREEL_STORM_SEEDS=100000` more of them, and
//! `TASKREEL_STORM_SEED=17` the one that a failure names, whose trace is kept.

mod client;
mod draw;
mod faults;
mod invariants;
mod network;
mod truth;
mod worker;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};

use draw::Draw;
use world::World;

/// How many seeds an ordinary run of the tests tries.
const SEEDS: u64 = 500;

#[test]
fn nothing_is_lost_in_a_storm() {
    let number = |name: &str| std::env::var(name).ok().map(|n| n.parse::<u64>().expect("a number"));
    let seeds = match number("TASKREEL_STORM_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("TASKREEL_STORM_SEEDS").unwrap_or(SEEDS),
    };
    let mut seen = truth::Seen::default();
    for seed in seeds {
        match catch_unwind(AssertUnwindSafe(|| storm(seed))) {
            Ok(of_seed) => seen += of_seed,
            Err(panic) => {
                eprintln!("TASKREEL_STORM_SEED={seed} cargo test -p taskreel-runtime storm");
                std::panic::resume_unwind(panic);
            }
        }
    }
    eprintln!("{seen:?}");
}

/// One run to its end, and all that must hold of it.
fn storm(seed: u64) -> truth::Seen {
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
        let world = World::new(Draw::new(seed), &folder.path().join("run.reel"));
        faults::run(&world).await;
        world
    });
    // What is still on its way, such as the tasks of killed workers, goes with the runtime.
    drop(runtime);
    invariants::check(&world);
    world.truth().seen()
}
