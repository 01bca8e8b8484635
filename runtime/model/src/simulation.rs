//! Simulation: the real core against workers and a network that are made up, on a clock of its own.
//!
//! ```text
//! World::next ──inputs──▶ Core::turn ──effects──▶ World::carry_out
//! ```
//!
//! [`Core`] does what the scheduler's thread does in a turn: decide, place, rebalance. [`World`] is
//! what lies behind its sockets: workers with slots that run tasks for as long as they are told to,
//! fetch inputs from one another and report, over links with a latency and a bandwidth. Nothing here
//! sleeps, and the same settings give the same events.

mod peer;
mod world;

pub use world::{Network, Work, World};

use crate::{
    Change, Effect, Event, Input, Nanos, Output, Policy, Rejection, Stamped, State, Turn, decide,
    place, rebalance,
};

/// The state and what decides, turn by turn.
pub struct Core {
    state: State,
    policy: Box<dyn Policy>,
    out: Output,
}

impl std::fmt::Debug for Core {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Core").field("policy", &self.policy.name()).finish_non_exhaustive()
    }
}

impl Core {
    /// A scheduler that has just started.
    pub fn new(policy: Box<dyn Policy>) -> Self {
        let mut core = Self { state: State::new(), policy, out: Output::default() };
        core.turn(Nanos::ZERO, [Input::SchedulerStarted]).expect("it is always allowed");
        core
    }

    /// The state after the last turn.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The events of the last turn.
    pub fn events(&self) -> &[Stamped<Event>] {
        &self.out.events
    }

    /// What the events of the last turn changed.
    pub fn changes(&self) -> &[Change] {
        &self.out.changes
    }

    /// The effects of the last turn.
    pub fn effects(&self) -> &[Effect] {
        &self.out.effects
    }

    /// The state, when nothing more is to happen.
    pub fn into_state(self) -> State {
        self.state
    }

    /// One turn: decides what arrived, then places what is ready.
    ///
    /// # Errors
    /// An input makes no sense; those before it stand.
    pub fn turn(
        &mut self,
        now: Nanos,
        inputs: impl IntoIterator<Item = Input>,
    ) -> Result<(), Rejection> {
        self.out.clear();
        let mut turn = Turn::new(&mut self.state, now, &mut self.out);
        for input in inputs {
            decide(&mut turn, input)?;
        }
        place(&*self.policy, &mut turn);
        rebalance(&*self.policy, &mut turn);
        Ok(())
    }
}

/// Runs until nothing more happens; gives the instant at which that was.
///
/// # Errors
/// An input was refused: a bug of the simulation, or a graph that makes no sense.
pub fn run(core: &mut Core, world: &mut World) -> Result<Nanos, Rejection> {
    let mut now = core.state().now();
    while let Some((at, inputs)) = world.next() {
        now = at;
        core.turn(at, inputs)?;
        world.carry_out(core.state(), core.effects(), core.events().len());
    }
    Ok(now)
}

#[cfg(test)]
mod tests;
