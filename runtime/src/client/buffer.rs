//! What a client has yet to send. Submissions gather here, so that many become one graph. One that is
//! too long for a message goes in parts.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use bytes::Bytes;
use taskreel_model::{
    Nanos, NewGraph, NewNested, NewTask, SuffixText, TaskId, TaskOptions, split_key,
};

use super::Held;
use crate::task::{Draft, Wishes};
use crate::wire::message::{FromClient, SubmitGraph};

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

/// A graph, or a part of one, that grows until it is sent.
#[derive(Debug)]
struct OpenGraph {
    graph: NewGraph,
    /// By task: whether another of the same graph depends on it.
    needed: Vec<bool>,
    spec_lens: Vec<u32>,
    specs: Vec<u8>,
    n_bytes: usize,
    prefix_ids: HashMap<Arc<str>, u32>,
    options_ids: BTreeMap<TaskOptions, u32>,
    last_options: Option<(Cow<'static, str>, Wishes, u32)>,
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

impl OpenGraph {
    fn new(graph: NewGraph) -> Self {
        Self {
            graph,
            needed: Vec::new(),
            spec_lens: Vec::new(),
            specs: Vec::new(),
            n_bytes: 0,
            prefix_ids: HashMap::new(),
            options_ids: BTreeMap::new(),
            last_options: None,
        }
    }

    /// The task that is pushed next is submitted by the task `parent`.
    fn nest(&mut self, parent: TaskId) {
        let position = self.graph.tasks.len() as u32;
        match self.graph.nested.last_mut() {
            Some(last) if last.parent == parent && last.first + last.n_tasks == position => {
                last.n_tasks += 1;
            }
            _ => self.graph.nested.push(NewNested { parent, first: position, n_tasks: 1 }),
        }
    }

    fn push(&mut self, key: &KeyText, draft: Draft, deps: Vec<u32>, kept: &mut Vec<Arc<Held>>) {
        for dep in deps.iter().filter_map(|dep| dep.checked_sub(self.graph.local)) {
            self.needed[dep as usize] = true;
        }
        self.needed.push(false);
        self.n_bytes += draft.n_bytes();
        let begin = self.specs.len();
        let position = |held: &Arc<Held>| {
            deps.binary_search(&held.local()).expect("an input is a dependency") as u32
        };
        draft.spec.finish(draft.inputs.iter().map(position), &mut self.specs);
        self.spec_lens.push((self.specs.len() - begin) as u32);
        kept.extend(draft.inputs);
        kept.extend(draft.after);
        let prefix = self.prefix_id(&key.prefix);
        let options = self.options_id(draft.function, draft.wishes);
        let suffix = key.suffix.clone();
        self.graph.tasks.push(NewTask { prefix, suffix, options, wanted: true, deps });
    }

    fn prefix_id(&mut self, prefix: &Arc<str>) -> u32 {
        if let Some(&id) = self.prefix_ids.get(prefix) {
            return id;
        }
        let id = self.graph.prefixes.len() as u32;
        self.graph.prefixes.push(prefix.to_string());
        self.prefix_ids.insert(Arc::clone(prefix), id);
        id
    }

    fn options_id(&mut self, function: Cow<'static, str>, wishes: Wishes) -> u32 {
        if let Some((last, last_wishes, id)) = &self.last_options
            && *last == function
            && *last_wishes == wishes
        {
            return *id;
        }
        let Wishes { priority, retries, retry_delay, timeout, resources, workers } = wishes.clone();
        let function_name = function.clone().into_owned();
        let options = TaskOptions {
            function: function_name,
            priority,
            retries,
            retry_delay,
            timeout,
            resources,
            workers,
        };
        let id = self.options_ids.get(&options).copied().unwrap_or_else(|| {
            let id = self.graph.options.len() as u32;
            self.graph.options.push(options.clone());
            self.options_ids.insert(options, id);
            id
        });
        self.last_options = Some((function, wishes, id));
        id
    }

    fn into_message(self) -> FromClient {
        let Self { graph, spec_lens, specs, .. } = self;
        let graph = Arc::new(graph);
        let specs = Bytes::from(specs);
        FromClient::Submit(Box::new(SubmitGraph { graph, spec_lens, specs }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::Call;
    use crate::task::spec::{SpecWriter, VALUE};

    fn push(buffer: &mut Buffer, n_tasks: usize) {
        for _ in 0..n_tasks {
            let call = Call::<()>::new("f".into(), "f".into(), SpecWriter::new(VALUE));
            buffer.push(call.draft, None, &mut Vec::new());
        }
    }

    #[test]
    fn waits_for_a_graph_that_is_made_but_not_for_long_and_not_when_one_is_full() {
        let mut buffer = Buffer::new("graph".to_owned());
        let now = Instant::now();
        let soon = now + HOLD_TIME - Duration::from_millis(1);
        assert!(!buffer.is_held(now));
        buffer.hold(now, true);
        push(&mut buffer, GRAPH_TASKS);
        assert!(buffer.is_held(soon) && !buffer.is_held(now + HOLD_TIME));
        // A second, in another thread, does not make the first wait longer.
        buffer.hold(soon, true);
        assert!(!buffer.is_held(now + HOLD_TIME));
        buffer.let_go();
        assert!(buffer.is_held(soon));
        assert!(!buffer.has_room(1));
        push(&mut buffer, 1);
        assert!(!buffer.is_held(now), "one is full");
        assert_eq!(buffer.take().len(), 2);
        assert!(buffer.is_held(now) && buffer.has_room(GRAPH_TASKS));
        buffer.let_go();
        assert!(!buffer.is_held(now));
        buffer.hold(soon, true);
        buffer.closing = true;
        assert!(!buffer.is_held(soon), "the client has left");
    }

    #[test]
    fn a_graph_says_which_tasks_submitted_its_own() {
        let mut buffer = Buffer::new("graph".to_owned());
        for parent in [None, Some(7), Some(7), Some(8), None, Some(8), Some(8)] {
            let call = Call::<()>::new("f".into(), "f".into(), SpecWriter::new(VALUE));
            buffer.push(call.draft, parent.map(TaskId), &mut Vec::new());
        }
        let messages = buffer.take();
        let [FromClient::Submit(submit)] = &messages[..] else { panic!("{messages:?}") };
        let nested = submit.graph.nested.iter().map(|n| (n.parent.0, n.first, n.n_tasks));
        assert_eq!(nested.collect::<Vec<_>>(), [(7, 1, 2), (8, 3, 1), (8, 5, 2)]);
    }

    /// Whether each message that waits goes on with the graph of the one before.
    fn continues(buffer: &mut Buffer) -> Vec<bool> {
        let messages = buffer.take().into_iter();
        let continues = messages.filter_map(|message| match message {
            FromClient::Submit(submit) => Some(submit.graph.continues),
            _ => None,
        });
        continues.collect()
    }

    #[test]
    fn a_long_map_is_parts_of_one_graph_and_what_follows_is_another() {
        let mut buffer = Buffer::new("graph".to_owned());
        buffer.hold(Instant::now(), false);
        assert!(!buffer.is_held(Instant::now()), "its first part is not waited for");
        push(&mut buffer, 2 * GRAPH_TASKS + 1);
        assert_eq!(continues(&mut buffer), [false, true, true]);
        // Whatever was sent meanwhile, and however long it took.
        push(&mut buffer, 1);
        assert_eq!(continues(&mut buffer), [true]);
        buffer.let_go();
        push(&mut buffer, GRAPH_TASKS + 1);
        assert_eq!(continues(&mut buffer), [false, false], "nobody said that they are one");
    }

    #[test]
    fn what_another_thread_submits_in_between_is_not_part_of_a_map() {
        let mut buffer = Buffer::new("graph".to_owned());
        buffer.hold(Instant::now(), false);
        push(&mut buffer, 1);
        assert_eq!(continues(&mut buffer), [false]);
        thread::scope(|scope| scope.spawn(|| push(&mut buffer, 1)).join().unwrap());
        assert_eq!(continues(&mut buffer), [false]);
        push(&mut buffer, GRAPH_TASKS + 1);
        assert_eq!(continues(&mut buffer), [false, true], "its numbers left a gap");
    }
}
