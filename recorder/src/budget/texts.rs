//! Long texts that are named again and again: a name of megabytes costs a few bytes for each event
//! about its task, and whoever prints the events prints it each time.

use std::collections::BTreeMap;

use taskreel_model::{Event, PrefixId, StrId, Suffix, TaskId, WorkerId};

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
        match event {
            Event::Interned { id, text } => remember(&mut self.strings, *id, text.len()),
            Event::PrefixDeclared { id, name } => remember(&mut self.prefixes, *id, name.len()),
            Event::WorkerJoined { worker, info } => {
                remember(&mut self.workers, *worker, info.name.len() + info.address.len());
            }
            _other => {}
        }
        if self.strings.is_empty() && self.prefixes.is_empty() && self.workers.is_empty() {
            return 0;
        }
        self.looked_up(event)
    }

    fn looked_up(&mut self, event: &Event) -> u64 {
        let text = |id: &StrId| self.strings.get(id).copied().unwrap_or(0);
        let said = match event {
            Event::TaskSubmitted { task, key, .. } => {
                let suffix = if let Suffix::Name(name) = &key.suffix { text(name) } else { 0 };
                let prefix = self.prefixes.get(&key.prefix).copied().unwrap_or(0);
                if prefix + suffix > 0 {
                    self.tasks.insert(*task, prefix + suffix);
                }
                0
            }
            Event::TaskFailed { error, .. } => text(error),
            Event::ClientConnected { name, .. }
            | Event::GraphSubmitted { name, .. }
            | Event::Marked { name, .. }
            | Event::SpanRecorded { name, .. } => text(name),
            _other => 0,
        };
        let of_task = event.task().and_then(|task| self.tasks.get(&task)).copied();
        let of_worker = event.worker().and_then(|worker| self.workers.get(&worker)).copied();
        said + of_task.unwrap_or(0) + of_worker.unwrap_or(0)
    }
}

fn remember<Id: Ord>(lengths: &mut BTreeMap<Id, u64>, id: Id, len: usize) {
    if len > SHORT {
        lengths.insert(id, len as u64);
    }
}
