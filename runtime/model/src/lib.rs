//! The event-sourced core of Taskreel.
//!
//! One state machine runs live, after a crash, and in replay: [`State::apply`] alone knows how a
//! task lives. This crate has no clock, socket, file, environment or random source; time, ids and
//! chance enter as data, so the same inputs give the same events on every machine.
//!
//! Reading order: [`Event`] (what is recorded), [`Change`] (what follows), [`State`] (what it
//! amounts to), then [`Input`], [`Turn`], [`decide`] and [`Policy`] (what happens next, live only).

mod change;
mod decide;
mod effect;
mod effects;
mod event;
mod ids;
mod input;
mod key;
mod phase;
mod policy;
mod sample;
mod spec;
mod state;
mod table;
mod task;
mod turn;
mod units;

pub use change::{Change, Outcome, Storage};
pub use decide::{Rejection, decide};
pub use effect::{Effect, Ended};
pub use effects::effects;
pub use event::{
    Activity, AssignReason, CancelReason, EVENT_NAMES, Event, FailureKind, LossReason, PauseReason,
    Stamped, TransferFailure,
};
pub use ids::{ClientId, GraphId, OptionsId, PrefixId, StrId, TaskId, WorkerId};
pub use input::{Input, NewGraph, NewTask, Report, Reported};
pub use key::{Key, Suffix, SuffixText, split_key};
pub use phase::{Phase, Stage, WorkerStatus};
pub use policy::{LocalityThenIdle, Placement, Policy, has_room, place, policy_by_name};
pub use sample::{LogLevel, LogLine, Sample};
pub use spec::{TaskOptions, WorkerInfo};
pub use state::{
    Client, Flight, Graph, IllegalEvent, PhaseCounts, Prefix, ReadyKey, State, UNKNOWN_DURATION,
    Why, Worker,
};
pub use table::TaskTable;
pub use task::{Again, Blame, Executing, Replica, Run, Task};
pub use turn::{Output, Turn, Watch};
pub use units::{HumanBytes, Nanos};
