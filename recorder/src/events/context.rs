//! What the events before an event in its block let expect of it. Encoder and decoder keep the
//! same context by the same calls; it begins empty in each block.

use std::collections::VecDeque;

/// How far a lookup goes before it gives up and the value is written out.
const MAX_LOOKUP: usize = 64;
/// Slots, and flights, that are remembered for each worker.
const MAX_SLOTS: usize = 256;

/// What was last seen of each thing.
#[derive(Debug)]
pub(super) struct Context {
    /// Of the last event: in ticks.
    pub(super) logged_at: u64,
    /// Workers in the order in which the block names them first.
    pub(super) workers: Vec<WorkerContext>,
    /// The task expected next, by kind of event.
    pub(super) next_submitted: u32,
    pub(super) next_released: u32,
    pub(super) next_assigned: u32,
    pub(super) next_started: u32,
    pub(super) next_finished: u32,
    pub(super) next_fetched: u32,
    /// The dependency expected next: the one after the last.
    pub(super) next_dep: u32,
    /// The suffix expected next, of numbered and of named keys.
    pub(super) next_index: u32,
    pub(super) next_name: u32,
}

/// What was last seen of one worker.
#[derive(Debug)]
pub(super) struct WorkerContext {
    pub(super) id: u32,
    /// Of its last event: in ticks.
    pub(super) last_at: u64,
    pub(super) last_task: u32,
    /// Tasks and attempts assigned to it and not started, oldest first.
    queued: VecDeque<(u32, u32)>,
    /// Slots in the order in which they were first used: as many as were, whatever their numbers.
    slots: Vec<SlotContext>,
    /// Results on their way to it, and since when; oldest first.
    flights: VecDeque<(u32, u64)>,
}

#[derive(Clone, Copy, Debug)]
struct SlotContext {
    slot: u16,
    /// When what runs there began, or what ran there ended: in ticks.
    at: u64,
    /// Task and attempt that run there.
    running: Option<(u32, u32)>,
}

impl Context {
    pub(super) fn new(first_logged_at: u64) -> Self {
        Self {
            logged_at: first_logged_at,
            workers: Vec::new(),
            next_submitted: 0,
            next_released: 0,
            next_assigned: 0,
            next_started: 0,
            next_finished: 0,
            next_fetched: 0,
            next_dep: 0,
            next_index: 0,
            next_name: 0,
        }
    }

    /// Remembers a worker that was not named before in the block.
    pub(super) fn add_worker(&mut self, id: u32) {
        self.workers.push(WorkerContext {
            id,
            last_at: self.logged_at,
            last_task: 0,
            queued: VecDeque::new(),
            slots: Vec::new(),
            flights: VecDeque::new(),
        });
    }
}

impl WorkerContext {
    #[inline]
    pub(super) fn queue(&mut self, task: u32, attempt: u32) {
        self.queued.push_back((task, attempt));
    }

    /// Where a task waits in the queue; mostly at its begin.
    #[inline]
    pub(super) fn find_queued(&self, task: u32, attempt: u32) -> Option<usize> {
        if self.queued.front() == Some(&(task, attempt)) {
            return Some(0);
        }
        self.queued.iter().take(MAX_LOOKUP).position(|&queued| queued == (task, attempt))
    }

    /// Takes a task out of the queue, from a place where the lookup would have found it.
    #[inline]
    pub(super) fn unqueue(&mut self, position: usize) -> Option<(u32, u32)> {
        match position {
            0 => self.queued.pop_front(),
            1..MAX_LOOKUP => self.queued.remove(position),
            _ => None,
        }
    }

    /// When a task is expected to begin in a slot: as soon as the slot was free.
    #[inline(always)]
    pub(super) fn expected_start(&self, slot: u16) -> u64 {
        let known = self.slots.iter().find(|known| known.slot == slot);
        known.map_or(self.last_at, |known| known.at)
    }

    /// A task begins to run in a slot.
    #[inline(always)]
    pub(super) fn start(&mut self, slot: u16, task: u32, attempt: u32, at: u64) {
        let begun = SlotContext { slot, at, running: Some((task, attempt)) };
        match self.slots.iter().position(|known| known.slot == slot) {
            Some(place) => self.slots[place] = begun,
            None if self.slots.len() < MAX_SLOTS => self.slots.push(begun),
            None => {}
        }
        self.touch(task, at);
    }

    /// What runs in the slot at a place ends.
    #[inline(always)]
    pub(super) fn finish(&mut self, place: usize, at: u64) {
        if let Some(slot) = self.slots.get_mut(place) {
            slot.at = at;
            slot.running = None;
        }
    }

    /// Where among the slots a task runs.
    #[inline(always)]
    pub(super) fn find_running(&self, task: u32, attempt: u32) -> Option<usize> {
        self.slots.iter().position(|slot| slot.running == Some((task, attempt)))
    }

    /// What runs in the slot at a place, and since when.
    #[inline(always)]
    pub(super) fn running(&self, place: usize) -> Option<(u32, u32, u64)> {
        let slot = self.slots.get(place)?;
        let (task, attempt) = slot.running?;
        Some((task, attempt, slot.at))
    }

    pub(super) fn add_flight(&mut self, task: u32, at: u64) {
        if self.flights.len() == MAX_SLOTS {
            self.flights.pop_front();
        }
        self.flights.push_back((task, at));
    }

    pub(super) fn find_flight(&self, task: u32) -> Option<usize> {
        self.flights.iter().take(MAX_LOOKUP).position(|flight| flight.0 == task)
    }

    pub(super) fn remove_flight(&mut self, position: usize) -> Option<(u32, u64)> {
        self.flights.remove(position)
    }

    /// Remembers the last event on the worker.
    #[inline(always)]
    pub(super) fn touch(&mut self, task: u32, at: u64) {
        self.last_task = task;
        self.last_at = at;
    }
}
