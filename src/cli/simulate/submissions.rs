//! When clients submit: as recorded, but never before what they had waited for.

use taskreel_model::{ClientId, GraphId, Input, Nanos};

use super::workload::{Recorded, Workload};

/// The graphs of one client that are still to be submitted.
#[derive(Debug)]
struct Client {
    /// Its graphs, in order.
    graphs: Vec<GraphId>,
    /// The same by when they ended in the recorded run; those that never did are left out.
    by_end: Vec<GraphId>,
    n_submitted: usize,
    /// So many of them have arrived at the scheduler.
    n_arrived: usize,
    /// So many of `by_end`, from the first, have ended in the prediction.
    n_ended: usize,
    /// When the last of these did, or the last submission was.
    since: Nanos,
}

/// All clients.
#[derive(Debug)]
pub(super) struct Submissions {
    clients: Vec<Client>,
    is_done: Vec<bool>,
}

impl Submissions {
    pub(super) fn new(workload: &Workload) -> Self {
        let of = |number| {
            let graphs: Vec<GraphId> = (0..workload.graphs.len())
                .filter(|graph| workload.graphs[*graph].client == number)
                .map(|graph| GraphId(graph as u32))
                .collect();
            let ended = |graph: &GraphId| workload.graphs[graph.index()].ended_at;
            let mut by_end: Vec<GraphId> =
                graphs.iter().copied().filter(|graph| ended(graph).is_some()).collect();
            by_end.sort_by_key(ended);
            Client { graphs, by_end, n_submitted: 0, n_arrived: 0, n_ended: 0, since: Nanos::ZERO }
        };
        let clients = (0..workload.clients.len() as u32).map(of).collect();
        Self { clients, is_done: vec![false; workload.graphs.len()] }
    }

    /// A client's next graph has arrived at the scheduler; gives which one it is.
    pub(super) fn arrived(&mut self, client: ClientId) -> GraphId {
        let client = &mut self.clients[client.0 as usize];
        client.n_arrived += 1;
        client.graphs[client.n_arrived - 1]
    }

    /// A recorded graph has ended at an instant of the prediction.
    pub(super) fn ended(&mut self, workload: &Workload, graph: GraphId, at: Nanos) {
        self.is_done[graph.index()] = true;
        let client = &mut self.clients[workload.graphs[graph.index()].client as usize];
        let before = client.n_ended;
        while client.by_end.get(client.n_ended).is_some_and(|next| self.is_done[next.index()]) {
            client.n_ended += 1;
        }
        if client.n_ended > before {
            // What was submitted before may not have arrived yet: what follows must not overtake it.
            client.since = client.since.max(at);
        }
    }

    /// The next submission that nothing keeps waiting, and when it is made. A graph that a client
    /// submitted after others had ended follows those in the prediction, too, after the same pause;
    /// one that it did not wait with follows the graph before it.
    pub(super) fn next(&mut self, workload: &Workload) -> Option<(Nanos, Input)> {
        for (number, client) in self.clients.iter_mut().enumerate() {
            let Some(&graph) = client.graphs.get(client.n_submitted) else { continue };
            let Recorded { submitted_at, graph: what, .. } = &workload.graphs[graph.index()];
            let end =
                |graph: &GraphId| workload.graphs[graph.index()].ended_at.unwrap_or(Nanos::MAX);
            let n_awaited = client.by_end.partition_point(|ended| end(ended) <= *submitted_at);
            if client.n_ended < n_awaited {
                continue;
            }
            let before = client.n_submitted.checked_sub(1).map(|n| client.graphs[n]);
            let before =
                before.map_or(Nanos::ZERO, |graph| workload.graphs[graph.index()].submitted_at);
            let awaited = n_awaited.checked_sub(1).map_or(Nanos::ZERO, |n| end(&client.by_end[n]));
            client.since = client.since + (*submitted_at - before.max(awaited));
            client.n_submitted += 1;
            let client_id = ClientId(number as u32);
            return Some((
                client.since,
                Input::GraphSubmitted { client: client_id, graph: what.clone() },
            ));
        }
        None
    }
}
