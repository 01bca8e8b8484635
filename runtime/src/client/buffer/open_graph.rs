//! A graph, or a part of one, that grows until it is sent.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use bytes::Bytes;
use taskreel_model::{NewGraph, NewNested, NewTask, TaskId, TaskOptions};

use super::{Held, KeyText};
use crate::task::{Draft, Wishes};
use crate::wire::message::{FromClient, SubmitGraph};

/// See the module.
#[derive(Debug)]
pub(super) struct OpenGraph {
    pub(super) graph: NewGraph,
    /// By task: whether another of the same graph depends on it.
    pub(super) needed: Vec<bool>,
    spec_lens: Vec<u32>,
    specs: Vec<u8>,
    pub(super) n_bytes: usize,
    prefix_ids: HashMap<Arc<str>, u32>,
    options_ids: BTreeMap<TaskOptions, u32>,
    last_options: Option<(Cow<'static, str>, Wishes, u32)>,
}

impl OpenGraph {
    pub(super) fn new(graph: NewGraph) -> Self {
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
    pub(super) fn nest(&mut self, parent: TaskId) {
        let position = self.graph.tasks.len() as u32;
        match self.graph.nested.last_mut() {
            Some(last) if last.parent == parent && last.first + last.n_tasks == position => {
                last.n_tasks += 1;
            }
            _ => self.graph.nested.push(NewNested { parent, first: position, n_tasks: 1 }),
        }
    }

    pub(super) fn push(
        &mut self,
        key: &KeyText,
        draft: Draft,
        deps: Vec<u32>,
        kept: &mut Vec<Arc<Held>>,
    ) {
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

    pub(super) fn into_message(self) -> FromClient {
        let Self { graph, spec_lens, specs, .. } = self;
        let graph = Arc::new(graph);
        let specs = Bytes::from(specs);
        FromClient::Submit(Box::new(SubmitGraph { graph, spec_lens, specs }))
    }
}
