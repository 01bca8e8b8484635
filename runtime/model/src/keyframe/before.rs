//! Keyframes of layouts 2 to 4: graphs were of one part each, and they kept every graph that ever was, and each client's list of them.

mod lists;

use std::collections::BTreeSet;

use serde::Deserialize;

pub use lists::KeyframeOfLists;
use lists::{TaskColumnsBefore, WorkerRowBefore};

use super::{ClientRow, GraphRow};
use crate::{ClientId, Flight, GraphId, Nanos, Prefix, StrId, TaskId, TaskOptions, WorkerId};

/// A whole state, as layout 4 had it. Layout 3 lacks the last column of the tasks, layout 2 the last two.
#[derive(Debug, Deserialize)]
pub struct KeyframeBefore {
    next_seq: u64,
    now: Nanos,
    incarnation: u32,
    strings: Vec<Box<str>>,
    prefixes: Vec<Prefix>,
    options: Vec<TaskOptions>,
    n_clients: u32,
    clients: Vec<(ClientId, ClientBefore)>,
    graphs: Vec<GraphRow>,
    workers: Vec<WorkerRowBefore>,
    flights: Vec<(WorkerId, TaskId, Flight)>,
    n_tasks: u32,
    tasks: TaskColumnsBefore,
}

#[derive(Debug, Deserialize)]
struct ClientBefore {
    name: StrId,
    graphs: Vec<GraphId>,
}

impl From<KeyframeBefore> for KeyframeOfLists {
    /// Leaves out what is not kept any more. What contradicts itself still does, and is found by
    /// [`Keyframe::restore`].
    fn from(before: KeyframeBefore) -> Self {
        let (graphs, n_tasks) = (&before.graphs, before.n_tasks);
        let next_local = |client: &ClientBefore| {
            let last = client.graphs.last().and_then(|id| graphs.get(id.index()));
            last.map_or(0, |graph| graph.local.saturating_add(graph.n_tasks))
        };
        let clients = before.clients.iter().map(|(id, client)| ClientRow {
            id: *id,
            name: client.name,
            next_local: next_local(client),
        });
        let live: BTreeSet<u32> = before.tasks.graphs.iter().copied().collect();
        let is_open =
            |graph: &GraphRow| u64::from(graph.first.0) + u64::from(graph.n_tasks) > n_tasks.into();
        let kept = (0..)
            .zip(graphs)
            .filter(|(id, graph)| live.contains(id) || is_open(graph))
            .map(|(id, graph)| (GraphId(id), *graph));
        Self {
            clients: clients.collect(),
            n_graphs: u32::try_from(graphs.len()).unwrap_or(u32::MAX),
            n_ended: graphs.iter().map(|graph| u64::from(graph.n_ended)).sum(),
            n_erred: graphs.iter().map(|graph| u64::from(graph.n_erred)).sum(),
            graphs: kept.collect(),
            next_seq: before.next_seq,
            now: before.now,
            incarnation: before.incarnation,
            strings: before.strings,
            prefixes: before.prefixes,
            options: before.options,
            n_clients: before.n_clients,
            workers: before.workers,
            flights: before.flights,
            n_tasks,
            tasks: before.tasks,
            jumps: Vec::new(),
            open_at: None,
        }
    }
}
