//! Tasks that wait for tasks, when what they wait on dies.

use std::time::Duration;

use taskreel::{TaskError, current_client, task};
use taskreel_model::Event;

use crate::scene::{Scene, Trace, count};

#[task]
fn slow_fib(n: u32) -> Result<u64, TaskError> {
    std::thread::sleep(Duration::from_millis(5));
    if n < 2 {
        return Ok(n.into());
    }
    let client = current_client().expect("it is called as a task");
    Ok(client.gather(&client.map([n - 1, n - 2], slow_fib))?.iter().sum())
}

/// Runs a tree of tasks on workers of one slot, and does something when some of them wait.
fn disturbed(n_workers: usize, disturb: impl FnOnce(&mut Scene)) -> Trace {
    let mut scene = Scene::new();
    scene.start_workers(n_workers);
    let client = scene.client("ann");
    let whole = client.submit(slow_fib(9));
    scene.wait_for_event("a leaf has finished", |e| matches!(e, Event::TaskFinished { .. }));
    disturb(&mut scene);
    assert_eq!(whole.wait().unwrap(), 34);
    drop((whole, client));
    scene.shut_down()
}

#[test]
fn a_worker_dies_whose_tasks_wait() {
    for n_workers in [1, 2] {
        let trace = disturbed(n_workers, |scene| scene.replace_worker(0));
        assert!(!trace.lost().is_empty(), "{n_workers} workers");
        let failed = count(&trace, |e| matches!(e, Event::TaskFailed { .. }));
        assert_eq!(failed, 0, "{n_workers} workers: nothing that only waited is blamed");
        assert!(trace.state.is_idle());
    }
}

#[test]
fn the_scheduler_dies_while_tasks_wait() {
    let trace = disturbed(1, |scene| {
        scene.kill_scheduler();
        scene.start_scheduler();
    });
    assert_eq!(trace.state.incarnation(), 1);
    assert!(trace.lost().is_empty(), "{:?}", trace.lost());
    // Nothing was lost, so what waited went on: each task ran once.
    let n_tasks = trace.state.totals().total() as usize;
    assert_eq!(count(&trace, |e| matches!(e, Event::TaskStarted { .. })), n_tasks);
    let n_seceded = count(&trace, |e| matches!(e, Event::TaskSeceded { .. }));
    assert_eq!(count(&trace, |e| matches!(e, Event::TaskRejoined { .. })), n_seceded);
    assert!(n_seceded > 8, "{n_seceded}");
}
