//! Clients: they come and go, want results and release them, and cancel.

use std::collections::BTreeSet;

use super::Rejection;
use crate::{CancelReason, ClientId, Event, Nanos, State, TaskId, Turn};

pub(super) fn connected(
    turn: &mut Turn<'_>,
    client: ClientId,
    name: &str,
) -> Result<(), Rejection> {
    if client != turn.state().next_client() {
        return Err(Rejection::UnknownClient(client));
    }
    let name = turn.intern(name);
    turn.emit(Event::ClientConnected { client, name });
    Ok(())
}

/// A client's leftovers go with it: what only it wanted is released or given up.
pub(super) fn left(turn: &mut Turn<'_>, client: ClientId) -> Result<(), Rejection> {
    check_client(turn.state(), client)?;
    let wanted: Vec<TaskId> = turn
        .state()
        .tasks()
        .iter()
        .filter(|(_, task)| task.wanted_by.contains(&client))
        .map(|(id, _)| id)
        .collect();
    released(turn, client, &wanted)?;
    turn.emit(Event::ClientLeft { client });
    Ok(())
}

pub(super) fn wanted(
    turn: &mut Turn<'_>,
    client: ClientId,
    tasks: &[TaskId],
) -> Result<(), Rejection> {
    check_client(turn.state(), client)?;
    if let Some(&gone) = tasks.iter().find(|task| turn.state().task(**task).is_none()) {
        return Err(Rejection::UnknownTask(gone));
    }
    for &task in tasks {
        let known = turn.state().task(task);
        if known.is_some_and(|found| !found.wanted_by.contains(&client)) {
            turn.emit(Event::ResultWanted { client, task });
        }
    }
    Ok(())
}

pub(super) fn released(
    turn: &mut Turn<'_>,
    client: ClientId,
    tasks: &[TaskId],
) -> Result<(), Rejection> {
    check_client(turn.state(), client)?;
    // Latest first: a dependent lets go of what it needs before that is looked at.
    for &task in tasks.iter().rev() {
        // Released twice, or cancelled meanwhile: nothing to do.
        let known = turn.state().task(task);
        if known.is_some_and(|found| found.wanted_by.contains(&client)) {
            turn.emit(Event::ResultReleased { client, task });
        }
    }
    Ok(())
}

/// What a client's program says of itself, outside of any task.
pub(super) fn marked(
    turn: &mut Turn<'_>,
    client: ClientId,
    name: &str,
    took: Option<Nanos>,
) -> Result<(), Rejection> {
    check_client(turn.state(), client)?;
    let name = turn.intern(name);
    let now = turn.now();
    turn.emit(match took {
        None => Event::Marked { name, task: None },
        Some(took) => Event::SpanRecorded { name, task: None, took: took.min(now) },
    });
    Ok(())
}

/// Gives tasks up with all that depends on them, dependents first.
pub(super) fn cancel(
    turn: &mut Turn<'_>,
    tasks: &[TaskId],
    reason: CancelReason,
) -> Result<(), Rejection> {
    let doomed = with_dependents(turn.state(), tasks);
    let asked: BTreeSet<TaskId> = tasks.iter().copied().collect();
    // A dependent's id is greater than those of its dependencies, so the greatest goes first.
    for &task in doomed.iter().rev() {
        let Some(found) = turn.state().task(task) else { continue };
        debug_assert_eq!(found.n_waiters, 0, "its active dependents were cancelled before");
        if !found.phase.is_active() && found.wanted_by.is_empty() {
            // Given up already, with what needed it, or kept as lineage only.
            continue;
        }
        let reason = if asked.contains(&task) { reason } else { CancelReason::Dependency };
        turn.emit(Event::TaskCancelled { task, reason });
    }
    Ok(())
}

/// The live tasks among `tasks`, and the active ones that depend on them, in the order of ids.
fn with_dependents(state: &State, tasks: &[TaskId]) -> Vec<TaskId> {
    let mut work: Vec<TaskId> = tasks.to_vec();
    let mut doomed = BTreeSet::new();
    while let Some(id) = work.pop() {
        let Some(task) = state.task(id) else { continue };
        if doomed.insert(id) {
            let active = |id: &TaskId| state.task(*id).is_some_and(|t| t.phase.is_active());
            work.extend(task.dependents.iter().copied().filter(active));
        }
    }
    doomed.into_iter().collect()
}

fn check_client(state: &State, client: ClientId) -> Result<(), Rejection> {
    if state.clients().contains_key(&client) {
        Ok(())
    } else {
        Err(Rejection::UnknownClient(client))
    }
}
