use bytes::Bytes;
use smallvec::smallvec;

use super::*;
use crate::task::spec::{self, SpecWriter};
use crate::wire::message::InputRef;

const ME: WorkerId = WorkerId(0);

fn run(task: u32, inputs: &[u32]) -> RunTask {
    let mut spec = Vec::new();
    SpecWriter::new(spec::FUNCTION).finish(0..inputs.len() as u32, &mut spec);
    RunTask {
        task: TaskId(task),
        attempt: 1,
        function: "f".into(),
        spec: Bytes::from(spec),
        inputs: inputs
            .iter()
            .map(|&input| InputRef {
                task: TaskId(input),
                bytes: 8,
                holders: smallvec![
                    Holder { worker: ME, address: "local://0".into() },
                    Holder { worker: WorkerId(1), address: "local://1".into() },
                ],
                data: None,
            })
            .collect(),
        timeout: None,
        is_awaited: true,
        priority: 0,
    }
}

fn first(task: u32) -> Assignment {
    Assignment { task: TaskId(task), attempt: 1 }
}

fn taken(board: &mut Board) -> Option<u32> {
    board.take_ready().map(|ready| ready.run.task.0)
}

#[test]
fn what_has_a_higher_priority_runs_first_also_when_it_comes_later() {
    let mut board = Board::default();
    let mut wanted = Vec::new();
    let high = |task, inputs: &[u32]| RunTask { priority: 3, ..run(task, inputs) };
    for task in [run(1, &[]), high(2, &[9]), high(3, &[]), run(4, &[])] {
        board.add(task, ME, |_| false, &mut wanted);
    }
    board.arrived(TaskId(9));
    let order: Vec<u32> = std::iter::from_fn(|| taken(&mut board)).collect();
    assert_eq!(order, [3, 2, 1, 4]);
    assert_eq!(board.n_ready(), 0);
}

#[test]
fn an_input_that_two_wait_for_is_fetched_once_and_not_from_oneself() {
    let (mut board, mut wanted) = (Board::default(), Vec::new());
    board.add(run(5, &[1, 2]), ME, |t| t == TaskId(2), &mut wanted);
    board.add(run(6, &[1]), ME, |_| false, &mut wanted);
    assert_eq!(wanted.len(), 1);
    assert_eq!(wanted[0].holders.iter().map(|h| h.worker).collect::<Vec<_>>(), [WorkerId(1)]);
    assert!(wanted[0].is_lost, "the scheduler thinks that it is here");
    assert_eq!(taken(&mut board), None);
    assert!(board.arrived(TaskId(1)));
    assert_eq!((taken(&mut board), taken(&mut board)), (Some(5), Some(6)));
}

#[test]
fn a_missing_input_gives_up_all_who_wait_for_it() {
    let (mut board, mut wanted) = (Board::default(), Vec::new());
    board.add(run(5, &[1]), ME, |_| false, &mut wanted);
    board.add(run(6, &[1]), ME, |_| false, &mut wanted);
    board.revoke(first(6));
    assert_eq!(board.missing(TaskId(1)), [first(5)]);
    assert!(!board.end(first(5)));
}

#[test]
fn revoked_tasks_do_not_run_and_do_not_count_when_they_end() {
    let (mut board, mut wanted) = (Board::default(), Vec::new());
    board.add(run(5, &[]), ME, |_| true, &mut wanted);
    board.add(run(6, &[]), ME, |_| true, &mut wanted);
    board.revoke(first(5));
    let ready = board.take_ready().expect("6 is ready");
    assert_eq!(ready.run.task, TaskId(6));
    board.revoke(first(6));
    assert_eq!(ready.cancellation.reason(), Some(StopReason::Revoked));
    assert!(!board.end(first(6)));
}

#[test]
fn a_task_is_given_back_only_before_it_begins() {
    let (mut board, mut wanted) = (Board::default(), Vec::new());
    board.add(run(5, &[]), ME, |_| true, &mut wanted);
    board.add(run(6, &[]), ME, |_| true, &mut wanted);
    assert_eq!(taken(&mut board), Some(5));
    assert_eq!(board.ask_back(first(5)), AskedBack::Kept);
    assert_eq!(board.ask_back(first(6)), AskedBack::Given);
    assert_eq!(board.ask_back(first(7)), AskedBack::Kept);
    assert_eq!(taken(&mut board), None);
}

#[test]
fn a_new_attempt_is_not_mistaken_for_the_old_one() {
    let (mut board, mut wanted) = (Board::default(), Vec::new());
    board.add(run(5, &[]), ME, |_| true, &mut wanted);
    board.revoke(first(5));
    board.add(RunTask { attempt: 2, ..run(5, &[]) }, ME, |_| true, &mut wanted);
    assert!(!board.end(first(5)));
    assert_eq!(taken(&mut board), Some(5));
    assert!(board.end(Assignment { task: TaskId(5), attempt: 2 }));
}

/// A task that runs after another which nobody has made yet.
fn run_after(task: u32, maker: u32) -> RunTask {
    let mut run = run(task, &[maker]);
    run.inputs.iter_mut().for_each(|input| input.holders.clear());
    run
}

#[test]
fn a_chained_task_is_ready_when_its_input_is_made_here() {
    let (mut board, mut wanted) = (Board::default(), Vec::new());
    board.add(run(5, &[]), ME, |_| false, &mut wanted);
    board.add(run_after(6, 5), ME, |_| false, &mut wanted);
    board.add(run_after(7, 6), ME, |_| false, &mut wanted);
    assert_eq!(wanted, [], "nothing is to be fetched");
    assert_eq!((taken(&mut board), taken(&mut board)), (Some(5), None));
    assert_eq!(board.finish(first(5)), Some(1));
    assert_eq!((taken(&mut board), taken(&mut board)), (Some(6), None));
    assert!(board.end(first(6)), "it fails");
    assert_eq!(taken(&mut board), None);
    board.revoke(first(7));
    assert_eq!(board.assignments(), []);
    board.add(run_after(8, 5), ME, |task| task == TaskId(5), &mut wanted);
    assert_eq!(taken(&mut board), Some(8), "it was made before");
}

#[test]
fn a_chained_task_that_does_not_read_its_input_waits_for_it_all_the_same() {
    let (mut board, mut wanted) = (Board::default(), Vec::new());
    board.add(run(5, &[]), ME, |_| false, &mut wanted);
    let spec = run(6, &[]).spec;
    board.add(RunTask { spec, ..run_after(6, 5) }, ME, |_| false, &mut wanted);
    assert_eq!((taken(&mut board), taken(&mut board)), (Some(5), None));
    assert_eq!(board.finish(first(5)), Some(1));
    assert_eq!(taken(&mut board), Some(6));
}

#[test]
fn a_chained_task_takes_a_copy_that_arrives_instead() {
    let (mut board, mut wanted) = (Board::default(), Vec::new());
    board.add(run(5, &[]), ME, |_| false, &mut wanted);
    board.add(run_after(6, 5), ME, |_| false, &mut wanted);
    assert!(board.arrived(TaskId(5)));
    board.revoke(first(5));
    assert_eq!(taken(&mut board), Some(6));
}

#[test]
fn a_chained_task_whose_maker_has_failed_already_misses_its_input() {
    let (mut board, mut wanted) = (Board::default(), Vec::new());
    board.add(run_after(6, 5), ME, |_| false, &mut wanted);
    assert_eq!(wanted.iter().map(|wanted| wanted.task).collect::<Vec<_>>(), [TaskId(5)]);
    assert!(wanted[0].holders.is_empty() && !wanted[0].is_lost);
    assert_eq!(board.missing(TaskId(5)), [first(6)]);
}
