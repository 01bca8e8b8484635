//! Long texts that are named again and again: a name of megabytes costs a few bytes for each event
//! about its task, and whoever prints the events prints it each time.

use std::collections::BTreeMap;

use taskreel_model::{Event, Key, PrefixId, StrId, Suffix, TaskId, Text, WorkerId};

/// Texts up to this many bytes are not counted: they are as long as what is printed around them.
const SHORT: usize = 256;

/// The lengths of what has a long name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct LongTexts {
    strings: BTreeMap<StrId, u64>,
    prefixes: BTreeMap<PrefixId, u64>,
    workers: BTreeMap<WorkerId, u64>,
    tasks: BTreeMap<TaskId, u64>,
}

impl LongTexts {
    /// Bytes of the long texts that an event names.
    pub(super) fn named_by(&mut self, event: &Event) -> u64 {
        let said = self.said(event);
        if self.is_empty() {
            return 0;
        }
        let of_task = event.task().and_then(|task| self.tasks.get(&task)).copied();
        let of_worker = event.worker().and_then(|worker| self.workers.get(&worker)).copied();
        said + of_task.unwrap_or(0) + of_worker.unwrap_or(0)
    }

    /// Of those, the bytes that are neither its task's name nor its worker's. Remembers the names that
    /// it gives.
    fn said(&mut self, event: &Event) -> u64 {
        if let Event::Interned { id, text } = event {
            remember(&mut self.strings, *id, text.len());
        } else if let Event::PrefixDeclared { id, name } = event {
            remember(&mut self.prefixes, *id, name.len());
        } else if let Event::WorkerJoined { worker, info } = event {
            remember(&mut self.workers, *worker, info.name.len() + info.address.len());
        }
        if self.is_empty() {
            return 0;
        }
        if let Event::TaskSubmitted { task, key, .. } = event {
            self.name_task(*task, *key);
            return 0;
        }
        let mut said = 0;
        event.texts(|text| {
            if let Text::Named(name) = text {
                said += self.len_of(name);
            }
        });
        said
    }

    /// Whether nothing has a long name, as in nearly every run.
    fn is_empty(&self) -> bool {
        self.strings.is_empty() && self.prefixes.is_empty() && self.workers.is_empty()
    }

    fn len_of(&self, text: StrId) -> u64 {
        self.strings.get(&text).copied().unwrap_or(0)
    }

    fn name_task(&mut self, task: TaskId, key: Key) {
        let suffix = if let Suffix::Name(name) = key.suffix { self.len_of(name) } else { 0 };
        let prefix = self.prefixes.get(&key.prefix).copied().unwrap_or(0);
        if prefix + suffix > 0 {
            self.tasks.insert(task, prefix + suffix);
        }
    }
}

fn remember<Id: Ord>(lengths: &mut BTreeMap<Id, u64>, id: Id, len: usize) {
    if len > SHORT {
        lengths.insert(id, len as u64);
    }
}
