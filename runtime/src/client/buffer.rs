//! What a client has yet to send. Submissions gather here, so that many become one graph. One that is
//! too long for a message goes in parts.

mod open_graph;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use open_graph::OpenGraph;
use taskreel_model::{Nanos, NewGraph, SuffixText, TaskId, split_key};

use super::Held;
use crate::task::Draft;
use crate::wire::message::FromClient;

/// A part of a graph is closed, and another begun, when it has so many tasks: while a scheduler and its
/// workers are busy with these, the next are made...
pub(super) const GRAPH_TASKS: usize = 8192;

/// ...or takes about so many bytes on the wire.
const GRAPH_BYTES: usize = 16 << 20;

/// Numbers of tasks in one message at the most.
const LOCALS_PER_MESSAGE: usize = 1 << 20;

/// How long a `map` keeps what it has made from being sent, at the most: one whose items are slow to
/// come begins to run before it has them all.
const HOLD_TIME: Duration = Duration::from_millis(250);

/// Submitters are held back while more parts of graphs than this wait to be sent.
const WAITING_GRAPHS: usize = 16;

/// A key, put together only when somebody reads it.
#[derive(Clone, Debug)]
pub(crate) struct KeyText {
    pub(crate) prefix: Arc<str>,
    pub(crate) suffix: SuffixText,
}

impl KeyText {
    pub(crate) fn text(&self) -> String {
        match &self.suffix {
            SuffixText::None => self.prefix.to_string(),
            SuffixText::Index(index) => format!("{}-{index}", self.prefix),
            SuffixText::Name(name) => format!("{}-{name}", self.prefix),
        }
    }
}

/// What waits to be sent.
#[derive(Debug)]
pub(crate) struct Buffer {
    graph_name: String,
    next_local: u32,
    graphs: VecDeque<OpenGraph>,
    released: Vec<u32>,
    cancelled: Vec<u32>,
    located: Vec<u32>,
    /// Markers and spans of the program's own.
    marks: Vec<(String, Option<Nanos>)>,
    shutdown: bool,
    /// It is looked into within a millisecond: nobody need be told that it got something.
    pub(crate) watched: bool,
    /// The threads that make a `map`, which is to be one graph, once for each...
    makers: Vec<ThreadId>,
    /// ...and until when the buffer waits for those that fit into one part.
    held_until: Option<Instant>,
    /// For whose `map` the last part was begun: the next one of that thread goes on with its graph.
    begun_for: Option<ThreadId>,
    /// The client has left: send what is here, then nothing more.
    pub(crate) closing: bool,
    /// Known prefixes, each with the number of its next task without a key of its own.
    prefixes: HashMap<Arc<str>, u32>,
}

impl Buffer {
    pub(crate) fn new(graph_name: String) -> Self {
        Self {
            graph_name,
            next_local: 0,
            graphs: VecDeque::new(),
            released: Vec::new(),
            cancelled: Vec::new(),
            located: Vec::new(),
            marks: Vec::new(),
            shutdown: false,
            watched: false,
            makers: Vec::new(),
            held_until: None,
            begun_for: None,
            closing: false,
            prefixes: HashMap::new(),
        }
    }

    /// Whether there is nothing to send.
    pub(crate) fn is_empty(&self) -> bool {
        self.graphs.is_empty()
            && self.released.is_empty()
            && self.cancelled.is_empty()
            && self.located.is_empty()
            && self.marks.is_empty()
            && !self.shutdown
    }

    /// Whether a part of a graph is full: it should be sent now.
    pub(crate) fn has_full_graph(&self) -> bool {
        self.graphs.len() > 1
    }

    /// Whether the graph that is open can take so many tasks more.
    pub(crate) fn has_room(&self, n_tasks: usize) -> bool {
        self.graphs.back().is_none_or(|open| open.graph.tasks.len() + n_tasks <= GRAPH_TASKS)
    }

    /// This thread makes a graph. `fits`: into one part, which is to be sent whole.
    pub(crate) fn hold(&mut self, now: Instant, fits: bool) {
        let me = thread::current().id();
        if !self.graphs.is_empty() {
            // It begins with what is there.
            self.begun_for = Some(me);
        }
        self.makers.push(me);
        if fits {
            self.held_until.get_or_insert(now + HOLD_TIME);
        }
    }

    /// It has made it.
    pub(crate) fn let_go(&mut self) {
        let me = thread::current().id();
        if let Some(position) = self.makers.iter().rposition(|maker| *maker == me) {
            self.makers.remove(position);
        }
        if self.begun_for == Some(me) && !self.makers.contains(&me) {
            self.begun_for = None;
        }
        if self.makers.is_empty() {
            self.held_until = None;
        }
    }

    /// Whether to wait for a graph that is being made, if nobody waits for what is here.
    pub(crate) fn is_held(&self, now: Instant) -> bool {
        !self.closing && !self.has_full_graph() && self.held_until.is_some_and(|until| now < until)
    }

    /// Whether submitters should wait until some of it is sent.
    pub(crate) fn is_full(&self) -> bool {
        self.graphs.len() > WAITING_GRAPHS
    }

    /// Adds a task, which the task `parent` submits if it is one; gives its number and key. What it depends
    /// on is left in `kept`, to be let go when the buffer is not locked.
    pub(crate) fn push(
        &mut self,
        draft: Draft,
        parent: Option<TaskId>,
        kept: &mut Vec<Arc<Held>>,
    ) -> (u32, KeyText) {
        let deps = draft.deps();
        let n_bytes = draft.n_bytes();
        let key = self.key(draft.key.as_deref(), &draft.prefix);
        let local = self.next_local;
        self.next_local += 1;
        let graph = self.open_graph(local, n_bytes);
        if let Some(parent) = parent {
            graph.nest(parent);
        }
        graph.push(&key, draft, deps, kept);
        (local, key)
    }

    /// A result is no longer wanted.
    pub(crate) fn release(&mut self, local: u32) {
        for graph in &mut self.graphs {
            let Some(index) = local.checked_sub(graph.graph.local) else { continue };
            if graph.needed.get(index as usize) == Some(&true) {
                graph.graph.tasks[index as usize].wanted = false;
                return;
            }
        }
        self.released.push(local);
    }

    /// A task is to be given up.
    pub(crate) fn cancel(&mut self, local: u32) {
        self.cancelled.push(local);
    }

    /// A result is to be located again.
    pub(crate) fn locate(&mut self, local: u32) {
        self.located.push(local);
    }

    /// The program set a marker, or with `took` ended a span.
    pub(crate) fn mark(&mut self, name: String, took: Option<Nanos>) {
        self.marks.push((name, took));
    }

    /// The cluster is to stop.
    pub(crate) fn shut_down(&mut self) {
        self.shutdown = true;
    }

    /// Names the graphs that are begun from now on.
    pub(crate) fn name_graphs(&mut self, name: String) {
        self.graph_name = name;
        self.begun_for = None;
    }

    /// Takes all that is there, as messages in the order in which they must be sent.
    pub(crate) fn take(&mut self) -> Vec<FromClient> {
        let marks = self.marks.drain(..).map(|(name, took)| FromClient::Marked { name, took });
        let graphs = self.graphs.drain(..).map(OpenGraph::into_message);
        let mut messages: Vec<FromClient> = marks.chain(graphs).collect();
        let mut push = |locals: &mut Vec<u32>, wrap: fn(Vec<u32>) -> FromClient| {
            // Short enough for a frame: messages are counted, and one that is divided counts twice.
            for some in locals.chunks(LOCALS_PER_MESSAGE) {
                messages.push(wrap(some.to_vec()));
            }
            locals.clear();
        };
        push(&mut self.cancelled, FromClient::Cancel);
        push(&mut self.released, FromClient::Release);
        push(&mut self.located, FromClient::Locate);
        if std::mem::take(&mut self.shutdown) {
            messages.push(FromClient::Shutdown);
        }
        messages
    }

    fn key(&mut self, key: Option<&str>, default_prefix: &str) -> KeyText {
        match key.map(split_key) {
            Some((prefix, suffix)) => KeyText { prefix: self.prefix(prefix), suffix },
            None => {
                let prefix = self.prefix(default_prefix);
                let number = self.prefixes.get_mut(&prefix).expect("the line above put it there");
                *number += 1;
                KeyText { prefix, suffix: SuffixText::Index(*number - 1) }
            }
        }
    }

    fn prefix(&mut self, name: &str) -> Arc<str> {
        if let Some((known, _)) = self.prefixes.get_key_value(name) {
            return Arc::clone(known);
        }
        let name: Arc<str> = name.into();
        self.prefixes.insert(Arc::clone(&name), 0);
        name
    }

    fn open_graph(&mut self, local: u32, n_bytes: usize) -> &mut OpenGraph {
        let has_room = self.graphs.back().is_some_and(|graph| {
            graph.graph.tasks.len() < GRAPH_TASKS && graph.n_bytes + n_bytes <= GRAPH_BYTES
        });
        if !has_room {
            let maker = Some(thread::current().id()).filter(|me| self.makers.contains(me));
            let continues = maker.is_some() && self.begun_for == maker;
            self.begun_for = maker;
            let graph =
                NewGraph { name: self.graph_name.clone(), local, continues, ..NewGraph::default() };
            self.graphs.push_back(OpenGraph::new(graph));
        }
        self.graphs.back_mut().expect("one was pushed if there was none")
    }
}

#[cfg(test)]
mod tests;
