//! Pseudonyms for all that a run says in words of its user's.
//!
//! Each text becomes a kind and a number, `host~2`: the same text always the same, different texts
//! different, so that a state folds from the copy as from the original. What is left are numbers,
//! instants, the shape of the graph, and words of ours: reasons, kinds, versions.

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};

use taskreel_model::{Event, LogLine, TaskOptions, WorkerInfo};

use crate::RunInfo;

/// What a text names; its pseudonyms are counted apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Run,
    Host,
    Argument,
    Prefix,
    Function,
    Worker,
    Address,
    Resource,
    Text,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Host => "host",
            Self::Argument => "argument",
            Self::Prefix => "prefix",
            Self::Function => "function",
            Self::Worker => "worker",
            Self::Address => "address",
            Self::Resource => "resource",
            Self::Text => "text",
        }
    }
}

/// Replaces texts; keeps which pseudonym each has.
#[derive(Debug, Default)]
pub(crate) struct Redactor {
    known: BTreeMap<String, String>,
    counts: BTreeMap<Kind, u32>,
    /// Numbers of log lines by the hash of their text: there may be too many to keep. Two lines of
    /// one hash would only share a number.
    lines: HashMap<u64, u32>,
}

impl Redactor {
    /// How many different texts were replaced.
    pub(crate) fn n_replaced(&self) -> u64 {
        (self.known.len() + self.lines.len()) as u64
    }

    /// What the run says of itself. Its id, its seed, when it began, the version and the platform
    /// are left.
    pub(crate) fn run_info(&mut self, info: &RunInfo) -> RunInfo {
        RunInfo {
            name: self.name(Kind::Run, &info.name),
            host: self.name(Kind::Host, &info.host),
            command: info.command.iter().map(|arg| self.name(Kind::Argument, arg)).collect(),
            ..info.clone()
        }
    }

    /// An event.
    pub(crate) fn event(&mut self, event: &mut Event) {
        match event {
            Event::Interned { text, .. } => *text = self.name(Kind::Text, text).into(),
            Event::PrefixDeclared { name, .. } => *name = self.name(Kind::Prefix, name).into(),
            Event::OptionsDeclared { options, .. } => self.options(options),
            Event::WorkerJoined { info, .. } => self.worker(info),
            // Nothing in these but ids, numbers and words of ours.
            Event::SchedulerStarted { .. }
            | Event::ClientConnected { .. }
            | Event::ClientLeft { .. }
            | Event::GraphSubmitted { .. }
            | Event::GraphExtended { .. }
            | Event::TaskSubmitted { .. }
            | Event::ResultWanted { .. }
            | Event::ResultReleased { .. }
            | Event::TaskCancelled { .. }
            | Event::WorkerLost { .. }
            | Event::WorkerPaused { .. }
            | Event::WorkerResumed { .. }
            | Event::WorkerRetiring { .. }
            | Event::ClockEstimated { .. }
            | Event::TaskAssigned { .. }
            | Event::TaskUnplaceable { .. }
            | Event::StealRequested { .. }
            | Event::StealConfirmed { .. }
            | Event::StealRefused { .. }
            | Event::RetryDue { .. }
            | Event::TransferStarted { .. }
            | Event::TransferFinished { .. }
            | Event::TransferFailed { .. }
            | Event::TaskStarted { .. }
            | Event::TaskFinished { .. }
            | Event::TaskFailed { .. }
            | Event::ActivityRecorded { .. }
            | Event::ResultSpilled { .. }
            | Event::ResultRestored { .. }
            | Event::ReplicaAdded { .. }
            | Event::ReplicaDropped { .. }
            | Event::Marked { .. }
            | Event::SpanRecorded { .. }
            | Event::ReportsAccepted { .. }
            | Event::TaskSeceded { .. }
            | Event::TaskRejoined { .. }
            | Event::Unknown { .. } => {}
        }
    }

    /// A log line.
    pub(crate) fn log(&mut self, line: &mut LogLine) {
        if line.text.is_empty() {
            return;
        }
        let mut hasher = DefaultHasher::new();
        line.text.hash(&mut hasher);
        let next = self.lines.len() as u32 + 1;
        let number = *self.lines.entry(hasher.finish()).or_insert(next);
        line.text = format!("line~{number}");
    }

    fn options(&mut self, options: &mut TaskOptions) {
        options.function = self.name(Kind::Function, &options.function);
        options.resources = self.resources(&options.resources);
        for worker in &mut options.workers {
            *worker = self.name(Kind::Worker, worker);
        }
    }

    fn worker(&mut self, info: &mut WorkerInfo) {
        info.name = self.name(Kind::Worker, &info.name);
        info.address = self.name(Kind::Address, &info.address);
        info.host = self.name(Kind::Host, &info.host);
        info.resources = self.resources(&info.resources);
        info.pid = 0;
    }

    fn resources(&mut self, resources: &BTreeMap<String, u64>) -> BTreeMap<String, u64> {
        resources.iter().map(|(name, &n)| (self.name(Kind::Resource, name), n)).collect()
    }

    /// A text's pseudonym. No text says nothing, and stays.
    fn name(&mut self, kind: Kind, text: &str) -> String {
        if text.is_empty() {
            return String::new();
        }
        if let Some(pseudonym) = self.known.get(text) {
            return pseudonym.clone();
        }
        let count = self.counts.entry(kind).or_default();
        *count += 1;
        let pseudonym = format!("{}~{count}", kind.name());
        self.known.insert(text.to_owned(), pseudonym.clone());
        pseudonym
    }
}
