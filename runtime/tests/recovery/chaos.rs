//! Chaos: a large graph while a worker is killed every second, and the scheduler twice.
//!
//! `TASKREEL_CHAOS_TASKS=50000` runs it at full size; every run of the tests has a small one.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use taskreel::{Client, task};
use taskreel_model::{Event, Phase, TaskId};

use super::scene::{Scene, Trace};

#[task]
fn mix(a: u64, b: u64, salt: u64) -> u64 {
    mixed(a, b, salt)
}

#[task]
fn last(values: &[u64]) -> u64 {
    values.iter().fold(0, |all, value| mixed(all, *value, 1))
}

fn mixed(a: u64, b: u64, salt: u64) -> u64 {
    let x = a.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ b.rotate_left(17) ^ salt;
    (x ^ (x >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9)
}

/// A block: so many rows of so many tasks, each of which takes two of the row before. Blocks do not
/// depend on one another: what a killed worker held is computed again from the begin of its block.
const ROWS: u64 = 8;
const WIDTH: usize = 10;

fn n_blocks() -> u64 {
    let n_tasks = std::env::var("TASKREEL_CHAOS_TASKS").ok().and_then(|text| text.parse().ok());
    (n_tasks.unwrap_or(5000_u64) / (ROWS * WIDTH as u64 + 1)).max(1)
}

/// What comes out if nothing goes wrong.
fn undisturbed(n_blocks: u64) -> u64 {
    let block = |salt: u64| {
        let mut row: Vec<u64> = (0..WIDTH as u64).map(|i| mixed(i, salt, 0)).collect();
        for n in 1..ROWS {
            let next = (0..WIDTH).map(|i| mixed(row[i], row[(i * 7 + 3) % WIDTH], n));
            row = next.collect();
        }
        row.iter().fold(0, |all, value| mixed(all, *value, 1))
    };
    (0..n_blocks).fold(0, |all, salt| mixed(all, block(salt), 2))
}

fn submitted(client: &Client, n_blocks: u64) -> u64 {
    let block = |salt: u64| {
        let mut row = client.map(0..WIDTH as u64, |i| mix(i, salt, 0));
        for n in 1..ROWS {
            let next = (0..WIDTH).map(|i| {
                let other = (i * 7 + 3) % WIDTH;
                client.submit(mix(&row[i], &row[other], n))
            });
            row = next.collect();
        }
        client.submit(last(row))
    };
    let blocks: Vec<_> = (0..n_blocks).map(block).collect();
    // Each is let go once it is here.
    blocks.into_iter().fold(0, |all, block| mixed(all, block.wait().unwrap(), 2))
}

#[test]
fn chaos_changes_nothing() {
    let n_blocks = n_blocks();
    let mut scene = Scene::new();
    scene.start_workers(4);
    let client = scene.client("ann");
    let done = AtomicBool::new(false);
    let result = std::thread::scope(|threads| {
        let work = threads.spawn(|| {
            let result = submitted(&client, n_blocks);
            done.store(true, Ordering::Release);
            result
        });
        let mut second = 0;
        while !done.load(Ordering::Acquire) {
            std::thread::sleep(Duration::from_millis(if n_blocks > 100 { 1000 } else { 300 }));
            scene.replace_worker(second % scene.n_workers());
            if second == 1 || second == 5 {
                scene.kill_scheduler();
                scene.start_scheduler();
            }
            second += 1;
        }
        work.join().unwrap()
    });
    assert_eq!(result, undisturbed(n_blocks));
    drop(client);
    let trace = scene.shut_down();
    no_result_was_computed_while_it_was_there(&trace);
    let n_lost = trace.lost().len();
    eprintln!("{} tasks, {n_lost} workers lost", n_blocks * (ROWS * WIDTH as u64 + 1));
}

/// A task is assigned again only when no copy of its result is left.
fn no_result_was_computed_while_it_was_there(trace: &Trace) {
    let mut state = taskreel_model::State::new();
    let mut finished: BTreeMap<TaskId, u32> = BTreeMap::new();
    for event in &trace.events {
        if let Event::TaskAssigned { task, .. } = event.what {
            let found = state.task(task).unwrap();
            let is_to_run = matches!(found.phase, Phase::Queued | Phase::Waiting);
            assert!(found.replicas.is_empty() && is_to_run, "{task}");
        }
        if let Event::TaskFinished { task, attempt, .. } = event.what {
            let before = finished.insert(task, attempt);
            assert!(before.is_none_or(|before| before < attempt), "{task} finished twice");
        }
        state.apply(event, &mut Vec::new()).unwrap();
    }
}
