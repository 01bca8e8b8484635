//! Pseudonyms for all that a run says in words of its user's.
//!
//! Each text becomes a kind and a number, `host~2`: the same text always the same, different texts
//! different, so that a state folds from the copy as from the original. What is left are numbers,
//! instants, the shape of the graph, and words of ours: reasons, kinds, versions.

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};

use taskreel_model::{Event, LogLine, TextKind};

use crate::RunInfo;

/// Replaces texts; keeps which pseudonym each has.
#[derive(Debug, Default)]
pub(crate) struct Redactor {
    known: BTreeMap<String, String>,
    /// How many there are of each kind.
    counts: BTreeMap<&'static str, u32>,
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
            name: self.name("run", &info.name),
            host: self.name("host", &info.host),
            command: info.command.iter().map(|arg| self.name("argument", arg)).collect(),
            ..info.clone()
        }
    }

    /// An event.
    pub(crate) fn event(&mut self, event: &mut Event) {
        event.map_texts(|kind, text| match kind {
            TextKind::String => self.name("text", text),
            TextKind::Prefix => self.name("prefix", text),
            TextKind::Function => self.name("function", text),
            TextKind::Worker => self.name("worker", text),
            TextKind::Address => self.name("address", text),
            TextKind::Host => self.name("host", text),
            TextKind::Resource => self.name("resource", text),
            // Of ours, as that of the run.
            TextKind::Version => text.to_owned(),
        });
        if let Event::WorkerJoined { info, .. } = event {
            info.pid = 0;
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

    /// A text's pseudonym. No text says nothing, and stays.
    fn name(&mut self, kind: &'static str, text: &str) -> String {
        if text.is_empty() {
            return String::new();
        }
        if let Some(pseudonym) = self.known.get(text) {
            return pseudonym.clone();
        }
        let count = self.counts.entry(kind).or_default();
        *count += 1;
        let pseudonym = format!("{kind}~{count}");
        self.known.insert(text.to_owned(), pseudonym.clone());
        pseudonym
    }
}
