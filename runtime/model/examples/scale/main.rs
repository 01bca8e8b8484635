//! What a task costs the scheduler's core as workers and tasks become more, and how near each policy
//! comes to the least time possible: `cargo run --release -p taskreel-model --example scale -- [WHAT] [N]`.
//!
//! | WHAT | N | prints |
//! |---|---|---|
//! | `cost` | tasks, 200,000 | processor time and memory of a task, by graph and workers |
//! | `policies` | tasks for each slot, 12; graph and workers, all | makespan of each policy by the lower bound, by graph and workers |
//! | `memory` | graph, workers, tasks | the memory of `cost` alone: all wait, all are held, as many wait again |
//!
//! Without WHAT it prints the first two. The real core (decide, place, rebalance, apply, effects) works against
//! simulated workers of four slots on a virtual clock; `time.rs`, `memory.rs` and `makespan.rs` say
//! what is measured how.

mod graphs;
mod makespan;
mod memory;
mod time;

use std::error::Error;
use std::io::{Write, stdout};

use graphs::Shape;

/// Numbers of workers that are compared.
const WORKERS: [u32; 4] = [10, 100, 1_000, 10_000];
/// Slots of each.
const SLOTS: u16 = 4;

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

fn main() -> Outcome {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args[..] {
        [] => costs(200_000).and_then(|()| policies(12, &Shape::ALL, &WORKERS)),
        ["cost"] => costs(200_000),
        ["cost", n_tasks] => costs(n_tasks.parse()?),
        ["policies"] => policies(12, &Shape::ALL, &WORKERS),
        ["policies", per_slot] => policies(per_slot.parse()?, &Shape::ALL, &WORKERS),
        // One row, which may take minutes by itself.
        ["policies", per_slot, shape, n_workers] => {
            let shape = Shape::named(shape).ok_or("there is no such graph")?;
            policies(per_slot.parse()?, &[shape], &[n_workers.parse()?])
        }
        // What `memory::of_state` asks of a process of its own.
        ["memory", shape, n_workers, n_tasks] => {
            let shape = Shape::named(shape).ok_or("there is no such graph")?;
            memory::measure(shape, n_workers.parse()?, n_tasks.parse()?)
        }
        _ => Err("scale [cost [TASKS] | policies [TASKS OF A SLOT [GRAPH WORKERS]]]".into()),
    }
}

fn costs(n_tasks: u32) -> Outcome {
    let mut out = stdout();
    writeln!(
        out,
        "{n_tasks} tasks       workers  ns a task  by that of 100  bytes a task: all wait / all held / as many wait again"
    )?;
    for shape in [Shape::Independent, Shape::Layers] {
        let times: Vec<f64> =
            WORKERS.iter().map(|&n_workers| time::of_a_task(shape, n_workers, n_tasks)).collect();
        for (n_workers, ns) in WORKERS.into_iter().zip(&times) {
            let bytes = memory::of_state(shape, n_workers, n_tasks)?;
            let growth = ns / times[1];
            writeln!(
                out,
                "{:<12} {n_workers:>13} {ns:>10.0} {growth:>13.2} ×  {:.0} / {:.0} / {:.0}",
                shape.name(),
                bytes[0],
                bytes[1],
                bytes[2],
            )?;
        }
    }
    Ok(())
}

fn policies(per_slot: u32, shapes: &[Shape], workers: &[u32]) -> Outcome {
    let mut out = stdout();
    write!(
        out,
        "makespan by the lower bound, {per_slot} tasks a slot\n{:<12} {:>8}",
        "", "workers"
    )?;
    for name in taskreel_model::POLICY_NAMES {
        write!(out, " {name:>10}")?;
    }
    writeln!(out)?;
    for &shape in shapes {
        for &n_workers in workers {
            write!(out, "{:<12} {n_workers:>8}", shape.name())?;
            for name in taskreel_model::POLICY_NAMES {
                let ratio = makespan::by_lower_bound(shape, n_workers, per_slot, name)?;
                write!(out, " {ratio:>10.2}")?;
            }
            writeln!(out)?;
        }
    }
    Ok(())
}
