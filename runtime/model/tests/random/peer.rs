//! A worker as it sees itself: it keeps results, fetches, runs and reports, and knows nothing of the
//! scheduler but the messages it has read.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use taskreel_model::{
    FailureKind, Nanos, PauseReason, Report, Reported, TaskId, TransferFailure, WorkerId,
};

/// A worker as it sees itself.
#[derive(Default)]
pub(crate) struct Peer {
    pub(crate) slots: Vec<Option<(TaskId, u32)>>,
    /// What waits for tasks that it submitted.
    pub(crate) seceded: Vec<(TaskId, u32)>,
    pub(crate) assigned: BTreeMap<TaskId, Job>,
    pub(crate) held: BTreeSet<TaskId>,
    pub(crate) fetching: BTreeMap<TaskId, WorkerId>,
    pub(crate) inbox: VecDeque<Message>,
    pub(crate) outbox: Vec<Report>,
}

pub(crate) struct Job {
    pub(crate) attempt: u32,
    /// What it needs, and who had it when it was sent.
    pub(crate) inputs: Vec<(TaskId, Vec<WorkerId>)>,
}

pub(crate) enum Message {
    Run { task: TaskId, job: Job },
    Revoke { task: TaskId, attempt: u32 },
    AskBack { task: TaskId, attempt: u32 },
    Free(TaskId),
}

impl Peer {
    fn tell(&mut self, at: Nanos, what: Reported) {
        self.outbox.push(Report { at, what });
    }

    /// Reads one message.
    pub(crate) fn receive(&mut self, at: Nanos) {
        match self.inbox.pop_front() {
            Some(Message::Run { task, job }) => {
                self.assigned.insert(task, job);
            }
            Some(Message::Revoke { task, attempt }) => self.end(task, attempt),
            Some(Message::AskBack { task, attempt }) => {
                if self.is_executing(task) || !self.has(task, attempt) {
                    self.tell(at, Reported::Kept { task, attempt });
                } else {
                    self.end(task, attempt);
                    self.tell(at, Reported::GaveBack { task, attempt });
                }
            }
            Some(Message::Free(task)) => {
                self.held.remove(&task);
            }
            None => {}
        }
    }

    fn has(&self, task: TaskId, attempt: u32) -> bool {
        self.assigned.get(&task).is_some_and(|job| job.attempt == attempt)
    }

    fn is_executing(&self, task: TaskId) -> bool {
        self.slots.iter().flatten().chain(&self.seceded).any(|(begun, _)| *begun == task)
    }

    /// Drops an assignment, and what executes for it.
    fn end(&mut self, task: TaskId, attempt: u32) {
        if self.has(task, attempt) {
            self.assigned.remove(&task);
        }
        self.seceded.retain(|waiting| *waiting != (task, attempt));
        for slot in &mut self.slots {
            *slot = slot.filter(|executing| *executing != (task, attempt));
        }
    }

    /// The next thing to do, the oldest task first; `b` chooses how what executes ends.
    pub(crate) fn work(
        &mut self,
        me: WorkerId,
        holders: &BTreeMap<WorkerId, BTreeSet<TaskId>>,
        b: u16,
        at: Nanos,
    ) {
        if let Some((task, from)) = self.fetching.pop_first() {
            self.fetched(task, holders.get(&from), at);
            return;
        }
        let executing = nth(self.slots.iter().flatten().copied().collect(), b);
        let free = self.slots.iter().position(Option::is_none);
        if self.secede_or_rejoin(executing, free, b, at) {
            return;
        }
        if let Some((task, attempt)) = executing
            && (free.is_none() || b.is_multiple_of(2))
        {
            self.finish(task, attempt, b, at);
            return;
        }
        let Some(slot) = free else { return };
        // What misses an input that it is to make itself waits for that.
        let is_made_here = |(input, _): &(TaskId, Vec<WorkerId>)| {
            !self.held.contains(input) && self.assigned.contains_key(input)
        };
        let waiting = self.assigned.iter().filter(|(task, job)| {
            !self.is_executing(**task) && !job.inputs.iter().any(is_made_here)
        });
        let Some((&task, job)) = waiting.min_by_key(|(task, _)| (task.0 + u32::from(b)) % 5) else {
            return;
        };
        let missing = job.inputs.iter().find(|(input, _)| !self.held.contains(input));
        let attempt = job.attempt;
        let Some((input, from)) = missing else {
            self.slots[slot] = Some((task, attempt));
            self.tell(at, Reported::Started { task, attempt, slot: slot as u16 });
            return;
        };
        let from = from.iter().find(|worker| **worker != me && holders.contains_key(worker));
        match (*input, from.copied()) {
            (input, Some(from)) => {
                self.fetching.insert(input, from);
                self.tell(at, Reported::TransferStarted { task: input, from, dependent: task });
            }
            (_, None) => {
                self.end(task, attempt);
                self.tell(at, Reported::InputsMissing { task, attempt });
            }
        }
    }

    /// What executes gives its slot back to wait, or what waits goes on; `false`: neither.
    fn secede_or_rejoin(
        &mut self,
        executing: Option<(TaskId, u32)>,
        free: Option<usize>,
        b: u16,
        at: Nanos,
    ) -> bool {
        let waiting = self.seceded.first().copied();
        if let (Some((task, attempt)), Some(slot), true) = (waiting, free, b.is_multiple_of(3)) {
            self.seceded.remove(0);
            self.slots[slot] = Some((task, attempt));
            self.tell(at, Reported::Rejoined { task, attempt, slot: slot as u16 });
            return true;
        }
        if let (Some((task, attempt)), true) = (executing, b % 7 == 3) {
            for slot in &mut self.slots {
                *slot = slot.filter(|executing| *executing != (task, attempt));
            }
            self.tell(at, Reported::Seceded { task, attempt });
            self.seceded.push((task, attempt));
            return true;
        }
        false
    }

    fn fetched(&mut self, task: TaskId, sender: Option<&BTreeSet<TaskId>>, at: Nanos) {
        let reason = match sender {
            Some(held) if held.contains(&task) => {
                self.held.insert(task);
                self.tell(at, Reported::TransferFinished { task, bytes: 10 });
                return;
            }
            Some(_) => TransferFailure::Missing,
            None => TransferFailure::Unreachable,
        };
        self.tell(at, Reported::TransferFailed { task, reason });
        let needs = |job: &Job| job.inputs.iter().any(|(input, _)| *input == task);
        let stuck: Vec<(TaskId, u32)> = self
            .assigned
            .iter()
            .filter(|(waiting, job)| needs(job) && !self.is_executing(**waiting))
            .map(|(waiting, job)| (*waiting, job.attempt))
            .collect();
        for (task, attempt) in stuck {
            self.end(task, attempt);
            self.tell(at, Reported::InputsMissing { task, attempt });
        }
    }

    fn finish(&mut self, task: TaskId, attempt: u32, b: u16, at: Nanos) {
        self.end(task, attempt);
        if b % 10 > 5 {
            let (kind, error) = (FailureKind::Error, "it failed".to_owned());
            self.tell(at, Reported::Failed { task, attempt, kind, error });
        } else {
            self.held.insert(task);
            self.tell(at, Reported::Finished { task, attempt, bytes: u64::from(b) });
        }
    }

    /// Something it may do of itself.
    pub(crate) fn whim(&mut self, b: u16, at: Nanos) {
        let what = match nth(self.held.iter().copied().collect(), b / 8) {
            Some(task) if b % 8 < 3 => {
                Reported::Spilled { task, bytes: 1, took: Nanos::from_micros(3) }
            }
            Some(task) if b % 8 < 5 => {
                Reported::Restored { task, bytes: 1, took: Nanos::from_micros(3) }
            }
            Some(task) if b % 8 == 5 => {
                self.held.remove(&task);
                Reported::ReplicaDropped { task }
            }
            _ if b % 8 == 6 => Reported::Paused { reason: PauseReason::Memory },
            _ => Reported::Resumed,
        };
        self.tell(at, what);
    }
}

/// One of the items, by a number drawn; `None` of none.
pub(crate) fn nth<T>(mut items: Vec<T>, a: u16) -> Option<T> {
    let n = items.len();
    (n > 0).then(|| items.swap_remove(usize::from(a) % n))
}
