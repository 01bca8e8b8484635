//! What events say in words. One list, for all who look for texts: to bound them, to hide them.

use std::collections::BTreeMap;

use super::Event;
use crate::{StrId, Suffix, TaskOptions, WorkerInfo};

/// A text of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Text<'a> {
    /// The event carries it.
    Said(TextKind, &'a str),
    /// The event names it by the id that it got before.
    Named(StrId),
}

/// What a text that an event carries is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TextKind {
    /// Anything that gets an id: names of clients, graphs and marks, ends of keys, error messages.
    String,
    /// What keys begin with.
    Prefix,
    /// What a task runs: a function's name, or a program.
    Function,
    /// A worker's name; in the options of a task, or its address.
    Worker,
    /// A worker's address.
    Address,
    /// A worker's machine.
    Host,
    /// What tasks ask for beyond a slot.
    Resource,
    /// The version of a worker's software.
    Version,
}

impl Event {
    /// Shows each text of the event. What it names by an id that is not of a text - its task, its worker,
    /// a prefix, a set of options - is left out: those ids were given by events that carry the texts.
    pub fn texts(&self, mut show: impl FnMut(Text<'_>)) {
        match self {
            Self::Interned { text, .. } => show(Text::Said(TextKind::String, text)),
            Self::PrefixDeclared { name, .. } => show(Text::Said(TextKind::Prefix, name)),
            Self::OptionsDeclared { options, .. } => options.texts(show),
            Self::WorkerJoined { info, .. } => info.texts(show),
            Self::TaskSubmitted { key, .. } => {
                if let Suffix::Name(name) = key.suffix {
                    show(Text::Named(name));
                }
            }
            Self::ClientConnected { name, .. }
            | Self::GraphSubmitted { name, .. }
            | Self::TaskFailed { error: name, .. }
            | Self::Marked { name, .. }
            | Self::SpanRecorded { name, .. } => show(Text::Named(*name)),
            Self::SchedulerStarted { .. }
            | Self::ClientLeft { .. }
            | Self::GraphExtended { .. }
            | Self::TasksNested { .. }
            | Self::ResultWanted { .. }
            | Self::ResultReleased { .. }
            | Self::TaskCancelled { .. }
            | Self::WorkerLost { .. }
            | Self::WorkerPaused { .. }
            | Self::WorkerResumed { .. }
            | Self::WorkerRetiring { .. }
            | Self::ClockEstimated { .. }
            | Self::TaskAssigned { .. }
            | Self::TaskUnplaceable { .. }
            | Self::StealRequested { .. }
            | Self::StealConfirmed { .. }
            | Self::StealRefused { .. }
            | Self::RetryDue { .. }
            | Self::TransferStarted { .. }
            | Self::TransferFinished { .. }
            | Self::TransferFailed { .. }
            | Self::TaskStarted { .. }
            | Self::TaskFinished { .. }
            | Self::ActivityRecorded { .. }
            | Self::ResultSpilled { .. }
            | Self::ResultRestored { .. }
            | Self::ReplicaAdded { .. }
            | Self::ReplicaDropped { .. }
            | Self::ReportsAccepted { .. }
            | Self::TaskSeceded { .. }
            | Self::TaskRejoined { .. }
            | Self::Unknown { .. } => {}
        }
    }

    /// Replaces each text that the event carries: those that [`Event::texts`] shows as [`Text::Said`].
    pub fn map_texts(&mut self, mut map: impl FnMut(TextKind, &str) -> String) {
        if let Self::Interned { text, .. } = self {
            *text = map(TextKind::String, text).into();
        } else if let Self::PrefixDeclared { name, .. } = self {
            *name = map(TextKind::Prefix, name).into();
        } else if let Self::OptionsDeclared { options, .. } = self {
            options.map_texts(map);
        } else if let Self::WorkerJoined { info, .. } = self {
            info.map_texts(map);
        }
    }
}

impl TaskOptions {
    fn texts(&self, mut show: impl FnMut(Text<'_>)) {
        let Self {
            function,
            resources,
            workers,
            priority: _,
            retries: _,
            retry_delay: _,
            timeout: _,
        } = self;
        show(Text::Said(TextKind::Function, function));
        resources.keys().for_each(|name| show(Text::Said(TextKind::Resource, name)));
        workers.iter().for_each(|name| show(Text::Said(TextKind::Worker, name)));
    }

    fn map_texts(&mut self, mut map: impl FnMut(TextKind, &str) -> String) {
        self.function = map(TextKind::Function, &self.function);
        map_names(&mut self.resources, &mut map);
        self.workers.iter_mut().for_each(|name| *name = map(TextKind::Worker, name));
    }
}

impl WorkerInfo {
    fn texts(&self, mut show: impl FnMut(Text<'_>)) {
        let Self { name, address, host, resources, version, pid: _, slots: _, memory_limit: _ } =
            self;
        show(Text::Said(TextKind::Worker, name));
        show(Text::Said(TextKind::Address, address));
        show(Text::Said(TextKind::Host, host));
        resources.keys().for_each(|name| show(Text::Said(TextKind::Resource, name)));
        show(Text::Said(TextKind::Version, version));
    }

    fn map_texts(&mut self, mut map: impl FnMut(TextKind, &str) -> String) {
        self.name = map(TextKind::Worker, &self.name);
        self.address = map(TextKind::Address, &self.address);
        self.host = map(TextKind::Host, &self.host);
        map_names(&mut self.resources, &mut map);
        self.version = map(TextKind::Version, &self.version);
    }
}

fn map_names(
    resources: &mut BTreeMap<String, u64>,
    map: &mut impl FnMut(TextKind, &str) -> String,
) {
    let mapped = resources.iter().map(|(name, &n)| (map(TextKind::Resource, name), n));
    *resources = mapped.collect();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ClientId, OptionsId, PrefixId, WorkerId};

    /// The texts that an event carries.
    fn said(event: &Event) -> Vec<(TextKind, String)> {
        let mut said = Vec::new();
        event.texts(|text| {
            if let Text::Said(kind, text) = text {
                said.push((kind, text.to_owned()));
            }
        });
        said
    }

    #[test]
    fn whatever_text_is_shown_is_replaced() {
        let resources = BTreeMap::from([("gpu".to_owned(), 1), ("licence".to_owned(), 2)]);
        let mut options = TaskOptions::new("train");
        options.resources = resources.clone();
        options.workers = vec!["big".to_owned(), "tcp://10.0.0.1:1".to_owned()];
        let info = WorkerInfo {
            name: "big".to_owned(),
            address: "tcp://10.0.0.1:1".to_owned(),
            host: "node".to_owned(),
            pid: 1,
            slots: 1,
            memory_limit: 0,
            resources,
            version: "0.1.0".to_owned(),
        };
        let events = [
            (Event::Interned { id: StrId(0), text: "text".into() }, 1),
            (Event::PrefixDeclared { id: PrefixId(0), name: "step".into() }, 1),
            (Event::OptionsDeclared { id: OptionsId(0), options: Box::new(options) }, 5),
            (Event::WorkerJoined { worker: WorkerId(0), info: Box::new(info) }, 6),
            (Event::ClientConnected { client: ClientId(0), name: StrId(0) }, 0),
        ];
        for (mut event, n_texts) in events {
            let before = said(&event);
            assert_eq!(before.len(), n_texts, "{event:?}");
            event.map_texts(|_, text| format!("no {text}"));
            let expected: Vec<(TextKind, String)> =
                before.into_iter().map(|(kind, text)| (kind, format!("no {text}"))).collect();
            assert_eq!(said(&event), expected);
        }
    }
}
