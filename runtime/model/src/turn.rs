//! A turn: inputs processed until nothing more follows.
//!
//! `emit` applies an event at once, so that later logic of the turn sees it, and keeps it for the
//! log. The shell appends the events to the recorder and only then carries out the effects.

use std::fmt;

use crate::{Change, Effect, Event, Nanos, Stamped, State, StrId, effects};

/// A busy scheduler's turn has some thousands of events, changes and effects at the most.
const KEPT: usize = 8 << 10;

/// What a turn works on. One is made per turn; its buffers are the shell's, and are reused.
#[derive(Debug)]
pub struct Turn<'a> {
    state: &'a mut State,
    logged_at: Nanos,
    out: &'a mut Output,
}

/// What a turn yields, in order.
#[derive(Default)]
pub struct Output {
    /// For the log.
    pub events: Vec<Stamped<Event>>,
    /// For plots that run beside the live state; nobody has to read them.
    pub changes: Vec<Change>,
    /// To be carried out once the events are in the log.
    pub effects: Vec<Effect>,
    /// Called after each event with the state just after it: for plots fed by the live run.
    pub watch: Option<Watch>,
}

/// Sees every event of the live run with its changes, and the state just after it.
pub type Watch = Box<dyn FnMut(&Stamped<Event>, &[Change], &State) + Send>;

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Output")
            .field("events", &self.events)
            .field("changes", &self.changes)
            .field("effects", &self.effects)
            .finish_non_exhaustive()
    }
}

impl Output {
    /// Empties the buffers. They keep their memory, but not that of a turn as large as all that was
    /// cancelled at once.
    pub fn clear(&mut self) {
        self.events.clear();
        self.events.shrink_to(KEPT);
        self.changes.clear();
        self.changes.shrink_to(KEPT);
        self.effects.clear();
        self.effects.shrink_to(KEPT);
    }
}

impl<'a> Turn<'a> {
    /// Begins a turn at the instant `logged_at`, which is not before `state.now()`.
    pub fn new(state: &'a mut State, logged_at: Nanos, out: &'a mut Output) -> Self {
        let logged_at = logged_at.max(state.now());
        Self { state, logged_at, out }
    }

    /// The state after all that was emitted so far.
    pub fn state(&self) -> &State {
        self.state
    }

    /// When the turn's events are logged.
    pub fn now(&self) -> Nanos {
        self.logged_at
    }

    /// Lets policies see the order of the workers without sorting it anew.
    pub(crate) fn settle(&mut self) {
        self.state.settle();
    }

    /// Emits an event that happens now.
    pub fn emit(&mut self, event: Event) {
        self.emit_at(self.logged_at, None, event);
    }

    /// Emits an event that happened at `at`, caused by the event `cause`, if that is not the last
    /// one of the task itself.
    ///
    /// # Panics
    /// The event is illegal in the present state: a bug in `decide` or in a policy.
    pub fn emit_at(&mut self, at: Nanos, cause: Option<u64>, what: Event) {
        let (logged_at, seq) = (self.logged_at, self.state.next_seq());
        let event = Stamped { seq, logged_at, at: at.min(logged_at), cause, what };
        let before = self.out.changes.len();
        if let Err(illegal) = self.state.apply(&event, &mut self.out.changes) {
            let story = event.what.task().and_then(|task| self.state.task(task));
            panic!("{illegal}\nevent: {event:?}\ntask: {story:?}");
        }
        if let Some(watch) = &mut self.out.watch {
            watch(&event, &self.out.changes[before..], self.state);
        }
        for change in &self.out.changes[before..] {
            effects(self.state, &event.what, change, &mut self.out.effects);
        }
        self.out.events.push(event);
    }

    /// The id of a string, interned now if it is new.
    pub fn intern(&mut self, text: &str) -> StrId {
        if let Some(id) = self.state.string_id(text) {
            return id;
        }
        let id = StrId(self.state.n_strings() as u32);
        self.emit(Event::Interned { id, text: text.into() });
        id
    }

    /// Asks for an effect that follows from no event: protocol hygiene, such as freeing a result
    /// that came too late.
    pub(crate) fn ask(&mut self, effect: Effect) {
        self.out.effects.push(effect);
    }
}
