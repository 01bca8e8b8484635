//! What belongs to the run as a whole: its strings, prefixes, options and markers.

use super::steps::Step;
use super::{PhaseCounts, Prefix, State, Why};
use crate::{Change, Nanos, OptionsId, PrefixId, StrId, TaskId, TaskOptions};

impl State {
    pub(super) fn scheduler_started(&mut self, incarnation: u32) -> Result<(), Why> {
        let expected = if self.next_seq == 0 { 0 } else { self.incarnation.saturating_add(1) };
        if incarnation != expected {
            return Err(Why::IdOutOfOrder);
        }
        self.incarnation = incarnation;
        Ok(())
    }

    pub(super) fn interned(&mut self, id: StrId, text: &str) -> Result<(), Why> {
        if id.index() != self.strings.len() || self.string_ids.contains_key(text) {
            return Err(Why::IdOutOfOrder);
        }
        self.strings.push(text.into());
        self.string_ids.insert(text.into(), id);
        Ok(())
    }

    pub(super) fn prefix_declared(&mut self, id: PrefixId, name: &str) -> Result<(), Why> {
        if id.index() != self.prefixes.len() || self.prefix_ids.contains_key(name) {
            return Err(Why::IdOutOfOrder);
        }
        self.prefixes.push(Prefix {
            name: name.into(),
            counts: PhaseCounts::default(),
            n_finished: 0,
            n_erred: 0,
            n_runs: 0,
            run_time: Nanos::ZERO,
            result_bytes: 0,
        });
        self.prefix_ids.insert(name.into(), id);
        Ok(())
    }

    pub(super) fn options_declared(
        &mut self,
        id: OptionsId,
        options: &TaskOptions,
    ) -> Result<(), Why> {
        if id.index() != self.options.len() || self.options_ids.contains_key(options) {
            return Err(Why::IdOutOfOrder);
        }
        self.options.push(options.clone());
        self.options_ids.insert(options.clone(), id);
        Ok(())
    }

    pub(super) fn marked(
        &mut self,
        step: &mut Step<'_>,
        name: StrId,
        task: Option<TaskId>,
        started_at: Option<Nanos>,
    ) -> Result<(), Why> {
        self.check_string(name)?;
        step.changes.push(Change::Mark { name, task, started_at });
        Ok(())
    }

    pub(crate) fn check_string(&self, id: StrId) -> Result<(), Why> {
        if id.index() < self.strings.len() { Ok(()) } else { Err(Why::Unknown) }
    }
}
