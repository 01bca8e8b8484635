//! A graph is submitted.

use super::Rejection;
use crate::graph::OpenPart;
use crate::{
    ClientId, Event, GraphId, Key, NewGraph, NewNested, OptionsId, PrefixId, State, StrId, Suffix,
    SuffixText, TaskId, Turn,
};

pub(super) fn submitted(
    turn: &mut Turn<'_>,
    client: ClientId,
    graph: &NewGraph,
) -> Result<(), Rejection> {
    check(turn.state(), client, graph)?;
    let name = turn.intern(&graph.name);
    let prefixes: Vec<PrefixId> = graph.prefixes.iter().map(|p| declare_prefix(turn, p)).collect();
    let options: Vec<OptionsId> = graph
        .options
        .iter()
        .map(|options| match turn.state().options_id(options) {
            Some(id) => id,
            None => {
                let id = OptionsId(turn.state().n_options() as u32);
                turn.emit(Event::OptionsDeclared { id, options: Box::new(options.clone()) });
                id
            }
        })
        .collect();
    let (id, first, n_logged) = begin(turn, client, name, graph);
    let mut nested =
        graph.nested.iter().skip_while(|nested| (nested.first as usize) < n_logged).peekable();
    for (position, new) in graph.tasks.iter().enumerate().skip(n_logged) {
        if let Some(NewNested { parent, n_tasks, .. }) =
            nested.next_if(|n| n.first as usize == position)
        {
            let first = TaskId(first.0 + position as u32);
            turn.emit(Event::TasksNested { parent: *parent, first, n_tasks: *n_tasks });
        }
        let suffix = match &new.suffix {
            SuffixText::None => Suffix::None,
            SuffixText::Index(index) => Suffix::Index(*index),
            SuffixText::Name(name) => Suffix::Name(turn.intern(name)),
        };
        let key = Key { prefix: prefixes[new.prefix as usize], suffix };
        let deps: Box<[TaskId]> =
            new.deps.iter().map(|dep| resolve(turn.state(), client, graph, first, *dep)).collect();
        turn.emit(Event::TaskSubmitted {
            task: TaskId(first.0 + position as u32),
            graph: id,
            key,
            options: options[new.options as usize],
            wanted: new.wanted,
            deps,
        });
    }
    Ok(())
}

/// Its id, its first task, and how many of its tasks are in the log already: the scheduler may have
/// been killed in the middle of it, and the client sends it again.
fn begin(
    turn: &mut Turn<'_>,
    client: ClientId,
    name: StrId,
    graph: &NewGraph,
) -> (GraphId, TaskId, usize) {
    let (n_tasks, local) = (graph.tasks.len() as u32, graph.local);
    let state = turn.state();
    let (id, first) = (state.next_graph(), state.tasks().next_id());
    if let Some((id, begun_at)) = state.cut_short(client, graph) {
        return (id, begun_at, (first.0 - begun_at.0) as usize);
    }
    if let Some(id) = state.continued(client, graph) {
        turn.emit(Event::GraphExtended { graph: id, first, n_tasks });
        return (id, first, 0);
    }
    turn.emit(Event::GraphSubmitted { graph: id, client, name, first, n_tasks, local });
    (id, first, 0)
}

fn declare_prefix(turn: &mut Turn<'_>, name: &str) -> PrefixId {
    if let Some(id) = turn.state().prefix_id(name) {
        return id;
    }
    let id = PrefixId(turn.state().prefixes().len() as u32);
    turn.emit(Event::PrefixDeclared { id, name: name.into() });
    id
}

/// The task that a client's own number means; checked before.
fn resolve(state: &State, client: ClientId, graph: &NewGraph, first: TaskId, local: u32) -> TaskId {
    match local.checked_sub(graph.local) {
        Some(offset) => TaskId(first.0 + offset),
        None => state.local_task(client, local).expect("checked before anything was emitted"),
    }
}

fn check(state: &State, client: ClientId, graph: &NewGraph) -> Result<(), Rejection> {
    let known = state.clients().get(&client).ok_or(Rejection::UnknownClient(client))?;
    let bad = |position, why| Err(Rejection::BadGraph { position, why });
    if graph.local < known.next_local && state.cut_short(client, graph).is_none() {
        return bad(0, "its number was used before");
    }
    let n_tasks = graph.tasks.len();
    let room = u32::MAX - graph.local.max(state.tasks().next_id().0);
    if n_tasks as u64 >= u64::from(room) {
        return bad(n_tasks, "there are too many tasks");
    }
    let mut end = 0;
    for nested in &graph.nested {
        let begin = nested.first as usize;
        if begin < end
            || nested.n_tasks == 0
            || nested.n_tasks as usize > n_tasks.saturating_sub(begin)
        {
            return bad(begin, "tasks within tasks are not in increasing order");
        }
        if nested.parent >= state.tasks().next_id() {
            return bad(begin, "it is of a task that is unknown");
        }
        end = begin + nested.n_tasks as usize;
    }
    for (position, new) in graph.tasks.iter().enumerate() {
        if new.prefix as usize >= graph.prefixes.len() {
            return bad(position, "its prefix is not in the graph's list");
        }
        if new.options as usize >= graph.options.len() {
            return bad(position, "its options are not in the graph's list");
        }
        if !new.deps.is_sorted_by(|a, b| a < b) {
            return bad(position, "its dependencies are not in increasing order");
        }
        for &dep in &new.deps {
            if dep >= graph.local + position as u32 {
                return bad(position, "it depends on a task that does not come before it");
            }
            if dep < graph.local {
                let task = state.local_task(client, dep);
                if task.and_then(|task| state.task(task)).is_none() {
                    return bad(position, "it depends on a task that is unknown or was released");
                }
            }
        }
    }
    Ok(())
}

impl State {
    /// Whether a client's graph was submitted before, whole: it is sent again when the client
    /// cannot know that it arrived.
    pub fn has_graph(&self, client: ClientId, graph: &NewGraph) -> bool {
        let next = self.clients.get(&client).map_or(0, |known| known.next_local);
        graph.local < next && self.cut_short(client, graph).is_none()
    }

    /// Whether the log ends in the middle of this submission of a client, which was sent again: only
    /// the rest of it is new.
    pub fn has_begun(&self, client: ClientId, graph: &NewGraph) -> bool {
        self.cut_short(client, graph).is_some()
    }

    /// The graph, and the first task of its part that the log ends in the middle of, if this is that
    /// part again.
    fn cut_short(&self, client: ClientId, graph: &NewGraph) -> Option<(GraphId, TaskId)> {
        let OpenPart { graph: id, first, end } = self.open?;
        let (open, n_tasks) = (self.graph(id)?, end.0 - first.0);
        let is_same = open.client == client
            && open.next_local() - n_tasks == graph.local
            && n_tasks as usize == graph.tasks.len();
        is_same.then_some((id, first))
    }

    /// The graph of which this is a further part.
    fn continued(&self, client: ClientId, graph: &NewGraph) -> Option<GraphId> {
        let known = self.clients.get(&client)?;
        let (_, &id) = known.graphs.range(..graph.local).next_back()?;
        let is_next = self.kept_graph(id).next_local() == graph.local;
        let is_open = self.open.is_some_and(|open| open.graph == id);
        (graph.continues && !graph.tasks.is_empty() && is_next && !is_open).then_some(id)
    }

    fn n_options(&self) -> usize {
        self.options.len()
    }
}
