//! The order in which tasks run when slots are few: each result is used soon after it was made.

use super::super::problem::Problems;
use super::super::{JobStdin, JobTask};

/// How far the search has come with a task.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    New,
    Open,
    Done,
}

/// Positions of the tasks, dependencies first: depth first from the tasks that nobody needs.
/// Notes each cycle it meets; `None` if there was one.
pub(crate) fn order(
    tasks: &[JobTask],
    offsets: &[usize],
    problems: &mut Problems<'_>,
) -> Option<Vec<usize>> {
    let mut needed = vec![false; tasks.len()];
    tasks.iter().flat_map(|task| &task.needs).for_each(|&need| needed[need] = true);
    // Tasks in a cycle are all needed: they come last, and only if nothing led to them.
    let ends = (0..tasks.len()).filter(|&t| !needed[t]);
    let rest = (0..tasks.len()).filter(|&t| needed[t]);

    let mut marks = vec![Mark::New; tasks.len()];
    let mut order = Vec::with_capacity(tasks.len());
    let mut path: Vec<(usize, usize)> = Vec::new();
    let mut cyclic = false;
    for start in ends.chain(rest) {
        if marks[start] == Mark::New {
            marks[start] = Mark::Open;
            path.push((start, 0));
        }
        while let Some((task, next)) = path.last_mut() {
            let Some(&need) = tasks[*task].needs.get(*next) else {
                marks[*task] = Mark::Done;
                order.push(*task);
                path.pop();
                continue;
            };
            *next += 1;
            match marks[need] {
                Mark::Done => {}
                Mark::New => {
                    marks[need] = Mark::Open;
                    path.push((need, 0));
                }
                Mark::Open => {
                    cyclic = true;
                    note_cycle(tasks, offsets, &path, need, problems);
                }
            }
        }
    }
    (!cyclic).then_some(order)
}

/// Puts tasks into an order and renumbers what they refer to.
pub(crate) fn reorder(tasks: Vec<JobTask>, order: &[usize]) -> Vec<JobTask> {
    let mut position = vec![0; tasks.len()];
    order.iter().enumerate().for_each(|(new, &old)| position[old] = new);
    let mut placed: Vec<Option<JobTask>> = tasks.into_iter().map(Some).collect();
    order
        .iter()
        .map(|&old| {
            let mut task = placed[old].take().expect("an order has each task once");
            task.needs.iter_mut().for_each(|need| *need = position[*need]);
            task.needs.sort_unstable();
            // Outputs keep the order of the file: it is the order in which they are read.
            if let JobStdin::Outputs(sources) = &mut task.stdin {
                sources.iter_mut().for_each(|source| *source = position[*source]);
            }
            task
        })
        .collect()
}

fn note_cycle(
    tasks: &[JobTask],
    offsets: &[usize],
    path: &[(usize, usize)],
    back_to: usize,
    problems: &mut Problems<'_>,
) {
    let from = path.iter().position(|(task, _)| *task == back_to).unwrap_or(0);
    let mut keys: Vec<&str> = path[from..].iter().map(|(t, _)| tasks[*t].key.as_str()).collect();
    keys.push(&tasks[back_to].key);
    if keys.len() > 12 {
        keys.splice(6..keys.len() - 5, ["…"]);
    }
    let message = format!("dependency cycle: {}", keys.join(" → "));
    problems.add(offsets[back_to], message, "an arrow reads `needs`; take one of them out");
}
