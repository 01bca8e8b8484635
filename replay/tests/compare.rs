//! Two runs side by side.

#[path = "explain/toy.rs"]
mod toy;

use taskreel_recorder::VecSource;
use taskreel_replay::analysis::Facts;
use taskreel_replay::analysis::compare::{Comparison, Digest, compare};
use toy::{Job, Toy};

fn digest(toy: &Toy) -> Digest {
    Digest::of(&Facts::read(&mut VecSource::of_events(toy.run())))
}

fn jobs(prefixes: &[(&'static str, u32, u64)]) -> Vec<Job> {
    let each =
        |&(prefix, n, us): &(&'static str, u32, u64)| (0..n).map(move |_| Job::new(prefix, us));
    prefixes.iter().flat_map(each).collect()
}

#[test]
fn what_is_slower_new_and_gone() {
    let a =
        digest(&Toy::new(jobs(&[("read", 40, 10_000), ("parse", 40, 5_000), ("old", 8, 1_000)])));
    let b =
        digest(&Toy::new(jobs(&[("read", 40, 30_000), ("parse", 20, 5_000), ("fresh", 8, 2_000)])));
    let Comparison { runs, prefixes, uses } = compare(&a, &b);
    assert!(runs[1].makespan_s > runs[0].makespan_s * 1.8, "{runs:?}");
    assert_eq!((runs[0].tasks, runs[1].tasks, runs[0].workers.len()), (88, 68, 4));
    let names: Vec<&str> = prefixes.iter().map(|diff| diff.name.as_str()).collect();
    assert_eq!(names, ["read", "parse", "fresh", "old"], "where they differ most first");
    let read = &prefixes[0];
    assert!((read.more_s() - 0.8).abs() < 1e-6, "{}", read.more_s());
    assert_eq!(read.b.as_ref().map(|b| (b.runs, b.median_s, b.p95_s)), Some((40, 0.03, 0.03)));
    assert!(prefixes[2].a.is_none() && prefixes[3].b.is_none());
    let executing = uses.iter().find(|of| of.what == "executing").expect("both did");
    assert!((executing.a_s - 0.608).abs() < 1e-6 && (executing.b_s - 1.316).abs() < 1e-6);
    for side in &runs {
        assert_eq!(side.workers.iter().map(|w| w.runs).sum::<u64>(), side.tasks);
        assert!(side.workers.iter().all(|w| w.busy > 0.5 && w.busy <= 1.0), "{side:?}");
    }
}

#[test]
fn a_run_does_not_differ_from_itself() {
    let a = digest(&Toy::new(jobs(&[("read", 40, 10_000), ("parse", 40, 5_000)])));
    let same = compare(&a, &a);
    assert!(same.prefixes.iter().all(|diff| diff.a == diff.b));
    assert!(same.uses.iter().all(|of| of.a_s == of.b_s));
}
