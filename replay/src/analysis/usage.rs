//! What the slots did at every moment, and why they did nothing when they did nothing.
//!
//! The slots of the workers that are there are the run's capacity. Each slot executes, or it is idle
//! for the first of these reasons that holds:
//!
//! | use         | what holds                                                                  |
//! |-------------|-----------------------------------------------------------------------------|
//! | unasked     | no task is active: nobody has asked for anything                            |
//! | starting    | no task of the run has begun to execute yet                                 |
//! | paused      | the worker is paused                                                        |
//! | disk        | a task is assigned to it and it reads or writes spilled results             |
//! | transfer    | a task is assigned to it and results are on their way to it                 |
//! | overhead    | a task is assigned to it and nothing else keeps it: messages, decoding      |
//! | scheduler   | ready tasks that any worker may run wait to be handed out                   |
//! | imbalance   | tasks wait for a slot elsewhere, or for a worker of their own               |
//! | no work     | nothing is ready: what could run depends on what does                       |

mod edges;

use taskreel_model::Nanos;

use super::Facts;
use crate::figure::Window;
use edges::{Edge, Kind, edges};

/// What a slot does, or why it does nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
#[expect(missing_docs, reason = "the table above says each")]
pub enum Use {
    Executing,
    Unasked,
    Starting,
    Paused,
    Disk,
    Transfer,
    Overhead,
    Scheduler,
    Imbalance,
    NoWork,
}

/// How many uses there are.
const N_USES: usize = 10;

/// Into how many equal parts the makespan is cut to find where something was at its worst.
const N_PARTS: usize = 500;

impl Use {
    /// All of them, in the order in which they are tried.
    pub const ALL: [Self; N_USES] = [
        Self::Executing,
        Self::Unasked,
        Self::Starting,
        Self::Paused,
        Self::Disk,
        Self::Transfer,
        Self::Overhead,
        Self::Scheduler,
        Self::Imbalance,
        Self::NoWork,
    ];

    /// The name for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Executing => "executing",
            Self::Unasked => "unasked",
            Self::Starting => "starting",
            Self::Paused => "paused",
            Self::Disk => "disk",
            Self::Transfer => "transfer",
            Self::Overhead => "overhead",
            Self::Scheduler => "scheduler",
            Self::Imbalance => "imbalance",
            Self::NoWork => "no work",
        }
    }
}

/// Slot time by use: in all, and by part of the makespan.
#[derive(Clone, Debug, Default)]
pub struct Usage {
    window: Window,
    totals: [u64; N_USES],
    /// Slot time by part and use.
    parts: Vec<[u64; N_USES]>,
    /// Since when, up to the end, fewer than half of the slots executed.
    tail_from: Nanos,
    /// Slot time that was idle in the tail.
    tail_idle: u64,
}

impl Usage {
    /// Sweeps over a run.
    pub fn new(facts: &Facts) -> Self {
        let mut sweep = Sweep::new(facts);
        let mut last = facts.window.from;
        for Edge { at, worker, kind, is_begin } in edges(facts) {
            let at = at.clamp(facts.window.from, facts.window.to);
            if at > last {
                sweep.pass(last, at);
                last = at;
            }
            let slots = |worker: u32| i64::from(facts.workers[worker as usize].slots);
            let n = if kind == Kind::Slots { slots(worker) } else { 1 };
            sweep.turn(kind, worker, if is_begin { n } else { -n });
        }
        if last < facts.window.to {
            sweep.pass(last, facts.window.to);
        }
        sweep.out
    }

    /// Slot time of a use.
    pub fn total(&self, of: Use) -> Nanos {
        Nanos(self.totals[of as usize])
    }

    /// Slot time of all uses: the capacity of the run.
    pub fn capacity(&self) -> Nanos {
        Nanos(self.totals.iter().sum())
    }

    /// The share of the capacity, from 0 to 1, that went into a use.
    pub fn share(&self, of: Use) -> f64 {
        self.total(of).0 as f64 / self.capacity().0.max(1) as f64
    }

    /// The share of the makespan that a slot time amounts to when all slots wait together.
    pub fn share_of(&self, slot_time: Nanos) -> f64 {
        slot_time.0 as f64 / self.capacity().0.max(1) as f64
    }

    /// How much sooner the run would have ended, had this slot time been put to use.
    pub fn cost(&self, slot_time: Nanos) -> Nanos {
        Nanos((self.share_of(slot_time) * self.window.length().0 as f64) as u64)
    }

    /// Since when, up to the end, fewer than half of the slots executed.
    pub fn tail(&self) -> Window {
        Window { from: self.tail_from, to: self.window.to }
    }

    /// Slot time that was idle in the tail.
    pub fn tail_idle(&self) -> Nanos {
        Nanos(self.tail_idle)
    }

    /// The stretch in which uses were at their worst together: more than half of their peak on the
    /// whole.
    pub fn worst(&self, of: &[Use]) -> Window {
        let share = |part: &[u64; N_USES]| {
            let sum: u64 = of.iter().map(|of| part[*of as usize]).sum();
            sum as f64 / part.iter().sum::<u64>().max(1) as f64
        };
        let shares: Vec<f64> = self.parts.iter().map(share).collect();
        let half = shares.iter().copied().fold(0.0, f64::max) / 2.0;
        let (from, to) = heaviest(&shares, half);
        let at = |part: usize| {
            let length = u128::from(self.window.length().0);
            self.window.from + Nanos((length * part as u128 / N_PARTS as u128) as u64)
        };
        Window::new(at(from), at(to))
    }
}

/// The stretch with the largest sum of what exceeds `base`.
fn heaviest(shares: &[f64], base: f64) -> (usize, usize) {
    let (mut best, mut from, mut sum) = ((0.0, 0, shares.len()), 0, 0.0);
    for (i, share) in shares.iter().enumerate() {
        sum += share - base;
        if sum > best.0 {
            best = (sum, from, i + 1);
        }
        if sum <= 0.0 {
            (sum, from) = (0.0, i + 1);
        }
    }
    (best.1, best.2)
}

/// What is known of a worker at the sweep's instant.
#[derive(Clone, Copy, Debug, Default)]
struct Now {
    slots: i64,
    executing: i64,
    /// Tasks assigned to it that do not execute yet.
    assigned: i64,
    transfers: i64,
    disk: i64,
    pauses: i64,
}

/// How a worker's slots are split, and how many of its tasks wait for a slot.
#[derive(Clone, Copy, Debug, Default)]
struct Split {
    executing: i64,
    paused: i64,
    disk: i64,
    transfer: i64,
    overhead: i64,
    /// Nothing is assigned.
    empty: i64,
    /// Tasks that wait for a slot of this worker.
    backlog: i64,
}

impl Now {
    fn split(&self) -> Split {
        if self.slots == 0 {
            return Split::default();
        }
        let executing = self.executing.clamp(0, self.slots);
        let idle = self.slots - executing;
        let assigned = self.assigned.max(0);
        let kept = idle.min(assigned);
        let mut split =
            Split { executing, empty: idle - kept, backlog: assigned - kept, ..Split::default() };
        if self.pauses > 0 {
            split.paused = idle;
            split.empty = 0;
        } else if self.disk > 0 {
            split.disk = kept;
        } else if self.transfers > 0 {
            split.transfer = kept;
        } else {
            split.overhead = kept;
        }
        split
    }
}

impl Split {
    fn add(&mut self, other: &Self, sign: i64) {
        self.executing += sign * other.executing;
        self.paused += sign * other.paused;
        self.disk += sign * other.disk;
        self.transfer += sign * other.transfer;
        self.overhead += sign * other.overhead;
        self.empty += sign * other.empty;
        self.backlog += sign * other.backlog;
    }

    fn slots(&self) -> i64 {
        self.executing + self.paused + self.disk + self.transfer + self.overhead + self.empty
    }
}

struct Sweep {
    out: Usage,
    workers: Vec<Now>,
    /// The sum over all workers.
    sum: Split,
    queued: i64,
    /// Queued tasks that only some workers may run.
    pinned: i64,
    unasked: i64,
    has_started: bool,
}

impl Sweep {
    fn new(facts: &Facts) -> Self {
        let out = Usage {
            window: facts.window,
            parts: vec![[0; N_USES]; N_PARTS],
            tail_from: facts.window.from,
            ..Usage::default()
        };
        let workers = vec![Now::default(); facts.workers.len()];
        let (sum, has_started) = (Split::default(), false);
        Self { out, workers, sum, queued: 0, pinned: 0, unasked: 0, has_started }
    }

    fn turn(&mut self, kind: Kind, worker: u32, up: i64) {
        match kind {
            Kind::Queued => self.queued += up,
            Kind::Pinned => self.pinned += up,
            Kind::Unasked => self.unasked += up,
            Kind::Slots
            | Kind::Executing
            | Kind::Assigned
            | Kind::Transfer
            | Kind::Disk
            | Kind::Pause => {
                self.has_started |= kind == Kind::Executing;
                let Some(now) = self.workers.get_mut(worker as usize) else { return };
                self.sum.add(&now.split(), -1);
                match kind {
                    Kind::Slots => now.slots += up,
                    Kind::Executing => now.executing += up,
                    Kind::Assigned => now.assigned += up,
                    Kind::Transfer => now.transfers += up,
                    Kind::Disk => now.disk += up,
                    Kind::Pause => now.pauses += up,
                    Kind::Queued | Kind::Pinned | Kind::Unasked => {}
                }
                self.sum.add(&now.split(), 1);
            }
        }
    }

    /// Counts a stretch in which nothing changed.
    fn pass(&mut self, from: Nanos, to: Nanos) {
        let uses = self.uses();
        let length = to.since(from).0;
        for (total, n) in self.out.totals.iter_mut().zip(uses) {
            *total += n * length;
        }
        self.spread(from, to, &uses);
        let slots = self.sum.slots();
        if self.sum.executing * 2 >= slots || self.unasked > 0 {
            (self.out.tail_from, self.out.tail_idle) = (to, 0);
        } else {
            self.out.tail_idle += (slots - self.sum.executing) as u64 * length;
        }
    }

    /// How many slots are in each use.
    fn uses(&self) -> [u64; N_USES] {
        let mut uses = [0; N_USES];
        let sum = &self.sum;
        uses[Use::Executing as usize] = sum.executing.max(0) as u64;
        let idle = (sum.slots() - sum.executing).max(0) as u64;
        if self.unasked > 0 || !self.has_started {
            let of = if self.unasked > 0 { Use::Unasked } else { Use::Starting };
            uses[of as usize] = idle;
            return uses;
        }
        uses[Use::Paused as usize] = sum.paused.max(0) as u64;
        uses[Use::Disk as usize] = sum.disk.max(0) as u64;
        uses[Use::Transfer as usize] = sum.transfer.max(0) as u64;
        uses[Use::Overhead as usize] = sum.overhead.max(0) as u64;
        let by_scheduler = sum.empty.min(self.queued).max(0);
        let rest = sum.empty - by_scheduler;
        let by_imbalance = rest.min(sum.backlog + self.pinned).max(0);
        uses[Use::Scheduler as usize] = by_scheduler as u64;
        uses[Use::Imbalance as usize] = by_imbalance as u64;
        uses[Use::NoWork as usize] = (rest - by_imbalance).max(0) as u64;
        uses
    }

    /// Shares a stretch out over the parts of the makespan that it touches.
    fn spread(&mut self, from: Nanos, to: Nanos, uses: &[u64; N_USES]) {
        let window = self.out.window;
        let length = u128::from(window.length().0.max(1));
        let part_of = |at: Nanos| {
            let part = u128::from(at.since(window.from).0) * N_PARTS as u128 / length;
            (part as usize).min(N_PARTS - 1)
        };
        let begin_of = |part: usize| {
            window.from + Nanos((length * part as u128).div_ceil(N_PARTS as u128) as u64)
        };
        for part in part_of(from)..=part_of(to) {
            let begin = from.max(begin_of(part));
            let end = to.min(begin_of(part + 1));
            for (sum, n) in self.out.parts[part].iter_mut().zip(uses) {
                *sum += n * end.since(begin).0;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_heaviest_stretch_is_found() {
        assert_eq!(heaviest(&[0.0, 0.1, 0.9, 0.8, 0.2, 0.9, 0.0], 0.45), (2, 6));
        assert_eq!(heaviest(&[0.0; 4], 0.0), (0, 4));
    }

    #[test]
    fn a_slot_is_idle_for_the_first_reason_that_holds() {
        let now = Now { slots: 4, executing: 1, assigned: 2, ..Now::default() };
        assert_eq!((now.split().overhead, now.split().empty), (2, 1));
        assert_eq!(Now { transfers: 1, ..now }.split().transfer, 2);
        assert_eq!(Now { transfers: 1, disk: 1, ..now }.split().disk, 2);
        assert_eq!(Now { pauses: 1, transfers: 1, ..now }.split().paused, 3);
        assert_eq!(Now { assigned: 9, ..now }.split().backlog, 6);
    }
}
