use super::*;
use crate::scheduler::load::WorkerLoad;

const ADAPTING: Adapting = Adapting { min: 1, max: 4, slots: 1 };

fn load(n_ready: u64, work_ms: u64, assigned: &[usize]) -> Load {
    let worker = |(index, &n_assigned): (usize, &usize)| WorkerLoad {
        id: WorkerId(index as u32),
        name: format!("worker-{index}"),
        n_assigned,
        n_held: 1,
        held_bytes: 10 + index as u64,
    };
    Load {
        n_ready,
        n_executing: assigned.iter().filter(|n| **n > 0).count() as u64,
        work: Nanos::from_millis(work_ms),
        workers: assigned.iter().enumerate().map(worker).collect(),
        leaving: Vec::new(),
    }
}

fn at(begin: Instant, ms: u64) -> Instant {
    begin + Duration::from_millis(ms)
}

#[test]
fn as_many_as_the_work_is_worth_and_the_bounds_allow() {
    for (n_ready, work_ms, n_started) in
        [(0, 0, 0), (10_000, 30, 0), (10, 2_500, 2), (2, 60_000, 1), (100, 90_000, 3)]
    {
        let load = load(n_ready, work_ms, &[1]);
        let plan = plan(ADAPTING, &load, &mut Seen::default(), Instant::now());
        assert_eq!(plan.start.len(), n_started, "{n_ready} tasks of {work_ms} ms");
        assert!(plan.retire.is_empty());
    }
}

#[test]
fn work_that_waits_wants_more_whatever_was_thought_of_it() {
    let (mut seen, begin) = (Seen::default(), Instant::now());
    let looks: Vec<usize> = (0..8)
        .map(|look| {
            plan(ADAPTING, &load(9, 20, &[9]), &mut seen, at(begin, look * 200)).start.len()
        })
        .collect();
    // One is on its way from then on.
    assert_eq!(looks, [0, 0, 1, 0, 0, 0, 0, 0]);
    assert_eq!(seen.starting.keys().collect::<Vec<_>>(), ["worker-1"]);
    // It never came: somebody else may have the name.
    let late = plan(ADAPTING, &load(9, 20_000, &[9]), &mut seen, at(begin, 60_000));
    assert_eq!(late.start, ["worker-1", "worker-2", "worker-3"]);
}

#[test]
fn idle_ones_leave_but_for_the_last_that_holds_results() {
    let (mut seen, begin) = (Seen::default(), Instant::now());
    let adapting = Adapting { min: 0, ..ADAPTING };
    let idle = load(0, 0, &[0, 0, 0]);
    assert_eq!(plan(adapting, &idle, &mut seen, begin), Plan::default());
    let busy = load(1, 100, &[0, 1, 0]);
    assert_eq!(plan(adapting, &busy, &mut seen, at(begin, 1_000)), Plan::default());
    let left = |plan: Plan| plan.retire.iter().map(|(id, _)| id.0).collect::<Vec<u32>>();
    assert_eq!(left(plan(adapting, &idle, &mut seen, at(begin, 2_500))), [0, 2]);
    let last = load(0, 0, &[0]);
    assert_eq!(plan(adapting, &last, &mut seen, at(begin, 9_000)), Plan::default());
    let mut free = last;
    free.workers[0].n_held = 0;
    assert_eq!(left(plan(adapting, &free, &mut seen, at(begin, 9_200))), [0]);
}
