//! What a cluster costs beside its tasks, read from a trace as far as it can be told apart.

use std::collections::BTreeMap;

use taskreel_model::{
    Activity, Change, Event, Nanos, Outcome, Stamped, TaskId, WorkerId, simulation::Network,
};

/// Transfers of so many bytes tell of the bandwidth; shorter ones of anything else.
const LONG: u64 = 256 << 10;

/// So many events of one instant tell how long the scheduler takes for one.
const BUSY_TURN: u64 = 64;

/// Fewer values than that are no measurement.
const ENOUGH: usize = 10;

/// Gathers what tells of the costs.
#[derive(Debug, Default)]
pub(super) struct Measure {
    /// When a task was assigned, and when its last input had arrived.
    assigned_at: BTreeMap<TaskId, Nanos>,
    ready_at: BTreeMap<TaskId, Nanos>,
    /// When the last execution in a slot stopped.
    free_since: BTreeMap<(WorkerId, u16), Nanos>,
    /// From the assignment of a task to its start in a slot that waited for it.
    dispatches: Vec<Nanos>,
    /// From one execution to the next in the same slot, where that was there before.
    handovers: Vec<Nanos>,
    /// From the end of an execution to the scheduler's knowing.
    reports: Vec<Nanos>,
    /// Transfers that are too short for their bytes to matter.
    fetches: Vec<Nanos>,
    long_bytes: u64,
    long_time: Nanos,
    /// By worker, until when the time that it took to receive them is in `long_time`: several results
    /// that arrive at once share what it can receive.
    received_until: BTreeMap<WorkerId, Nanos>,
    /// The present turn: when it was logged, and how many events it has so far.
    turn: (Nanos, u64),
    /// Time of the scheduler for each event of busy turns.
    per_event: Vec<Nanos>,
}

impl Measure {
    pub(super) fn take(&mut self, event: &Stamped<Event>, changes: &[Change]) {
        self.count(event.logged_at);
        if let Event::TaskAssigned { task, .. } = event.what {
            self.assigned_at.insert(task, event.logged_at);
            self.ready_at.remove(&task);
        }
        if let Event::TaskFinished { .. } = event.what {
            self.reports.push(event.logged_at - event.at);
        }
        for change in changes {
            match *change {
                Change::Unchained { task, .. } => {
                    self.ready_at.insert(task, event.at);
                }
                Change::Started { task, worker, slot } => {
                    self.started(task, (worker, slot), event.at);
                }
                Change::Stopped { worker, slot, outcome: Outcome::Finished, .. } => {
                    self.free_since.insert((worker, slot), event.at);
                }
                Change::Activity {
                    dependent,
                    worker,
                    activity: Activity::Transfer,
                    started_at,
                    bytes,
                    ok: true,
                    ..
                } => {
                    self.ready_at.insert(dependent, event.at);
                    if bytes >= LONG {
                        self.received(worker, bytes, (started_at, event.at));
                    } else {
                        self.fetches.push(event.at - started_at);
                    }
                }
                _ => {}
            }
        }
    }

    /// A worker has received so many bytes.
    fn received(&mut self, worker: WorkerId, bytes: u64, (from, to): (Nanos, Nanos)) {
        let until = self.received_until.entry(worker).or_default();
        self.long_bytes += bytes;
        self.long_time = self.long_time + (to - from.max(*until));
        *until = to.max(*until);
    }

    fn started(&mut self, task: TaskId, slot: (WorkerId, u16), at: Nanos) {
        let Some(assigned_at) = self.assigned_at.remove(&task) else { return };
        let ready_at = self.ready_at.remove(&task);
        let Some(&free_since) = self.free_since.get(&slot) else { return };
        match ready_at {
            None if free_since <= assigned_at => self.dispatches.push(at - assigned_at),
            None => self.handovers.push(at - free_since),
            Some(ready_at) if ready_at <= free_since => self.handovers.push(at - free_since),
            // It waited for an input, which is neither.
            Some(_) => {}
        }
    }

    /// Counts an event of a turn. The next turn begins when this one has ended, or later: so the
    /// least time for an event is near what it costs.
    fn count(&mut self, logged_at: Nanos) {
        let (began, n_events) = self.turn;
        if logged_at == began {
            self.turn.1 += 1;
            return;
        }
        if n_events >= BUSY_TURN {
            self.per_event.push(Nanos((logged_at - began).0 / n_events));
        }
        self.turn = (logged_at, 1);
    }

    /// The costs; what a trace does not tell is as in [`Network::default`].
    pub(super) fn finish(self) -> Network {
        let usual = Network::default();
        let bandwidth = match self.long_time {
            Nanos::ZERO => usual.bandwidth,
            time => (self.long_bytes as f64 / time.as_secs_f64()) as u64,
        };
        Network {
            latency: mean(&self.dispatches).unwrap_or(usual.latency),
            bandwidth,
            handover: mean(&self.handovers).unwrap_or(usual.handover),
            per_event: median(self.per_event).unwrap_or(usual.per_event),
            // Workers that are busy gather reports, which the simulation does, too.
            report: mean(&self.reports).unwrap_or(usual.report),
            fetch: mean(&self.fetches).unwrap_or(usual.fetch),
            ..usual
        }
    }
}

/// The mean, in which the few that took very long count for what they cost; `None`: there are too few.
fn mean(values: &[Nanos]) -> Option<Nanos> {
    let sum = values.iter().fold(Nanos::ZERO, |sum, value| sum + *value);
    (values.len() >= ENOUGH).then(|| Nanos(sum.0 / values.len() as u64))
}

/// The median, which those that also waited for something do not move; `None`: there are too few.
fn median(mut values: Vec<Nanos>) -> Option<Nanos> {
    values.sort_unstable();
    (values.len() >= ENOUGH).then(|| values[values.len() / 2])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Four results of one MB that a worker receives at once, in 100 ms each, are 40 MB/s and not ten;
    /// and what another one receives meanwhile has nothing to do with it.
    #[test]
    fn results_that_arrive_at_once_share_the_bandwidth() {
        let mut measure = Measure::default();
        let millis = Nanos::from_millis;
        for _ in 0..4 {
            measure.received(WorkerId(0), 1_000_000, (millis(10), millis(110)));
        }
        measure.received(WorkerId(1), 2_000_000, (millis(10), millis(40)));
        // Begun before the last one had come, and alone for 20 ms.
        measure.received(WorkerId(1), 1_000_000, (millis(20), millis(60)));
        assert_eq!(measure.long_time, millis(100 + 30 + 20));
        assert_eq!(measure.finish().bandwidth, 7_000_000_000 / 150);
    }
}
