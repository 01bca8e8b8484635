//! The event-sourced core of Taskreel.
//!
//! One state machine runs live, after a crash, and in replay: [`State::apply`] alone knows how a
//! task lives. This crate has no clock, socket, file, environment or random source; time, ids and
//! chance enter as data, so the same inputs give the same events on every machine.
//!
//! Reading order: [`Event`] (what is recorded), [`Change`] (what follows), [`State`] (what it
//! amounts to), then [`Input`], [`Turn`], [`decide`] and [`Policy`] (what happens next, live only).
//!
//! Two tasks and one worker, one turn for each input; the last one assigns the first
//! task:
//!
//! ```
//! use taskreel_model::*;
//!
//! # let (name, host) = (String::from("worker-0"), String::from("here"));
//! # let (address, version) = (String::from("local://0"), String::from("0.1.0"));
//! # let info = WorkerInfo {
//! #     name, address, host, pid: 1, slots: 2, memory_limit: 0, resources: Default::default(), version,
//! # };
//! let task = |index, deps| NewTask {
//!     prefix: 0, suffix: SuffixText::Index(index), options: 0, wanted: true, deps,
//! };
//! let (prefixes, options) = (vec!["step".to_owned()], vec![TaskOptions::new("f")]);
//! let tasks = vec![task(0, vec![]), task(1, vec![0])];
//! let graph = NewGraph { name: "two".into(), prefixes, options, tasks, ..NewGraph::default() };
//! let mut state = State::new();
//! let mut output = Output::default();
//! for input in [
//!     Input::ClientConnected { client: ClientId(0), name: "me".into() },
//!     Input::GraphSubmitted { client: ClientId(0), graph },
//!     Input::WorkerJoined { worker: WorkerId(0), info: info },
//! ] {
//!     let mut turn = Turn::new(&mut state, Nanos::from_millis(1), &mut output);
//!     decide(&mut turn, input).expect("it is accepted");
//!     place(&LocalityThenIdle, &mut turn);
//! }
//! output.events.iter().for_each(|event| println!("{} {:?}", event.seq, event.what));
//! # assert_eq!(output.events.last().unwrap().what.name(), "TaskAssigned");
//! ```

mod change;
mod decide;
mod effect;
mod effects;
mod event;
mod graph;
mod ids;
mod input;
mod key;
mod keyframe;
mod phase;
mod policy;
mod sample;
pub mod simulation;
mod spec;
mod state;
mod table;
mod task;
mod turn;
mod units;

pub use change::{Change, Last, Outcome, Storage, Stretch};
pub use decide::{Rejection, decide};
pub use effect::{Effect, Ended};
pub use effects::effects;
pub use event::{
    Activity, AssignReason, CancelReason, EVENT_NAMES, Event, FailureKind, LossReason, PauseReason,
    Stamped, Text, TextKind, TransferFailure,
};
pub use graph::{Graph, Nested};
pub use ids::{ClientId, DenseId, GraphId, OptionsId, PrefixId, StrId, TaskId, WorkerId};
pub use input::{Input, NewGraph, NewNested, NewTask, Report, Reported};
pub use key::{Key, Suffix, SuffixText, split_key};
pub use keyframe::{BadKeyframe, KEYFRAME_LAYOUT, Keyframe, KeyframeBefore, KeyframeOfLists};
pub use phase::{Phase, Stage, WorkerStatus};
pub use policy::{
    LocalityThenIdle, POLICY_NAMES, Placement, Policy, Random, Steal, copy_target, has_room, place,
    policy_by_name, rebalance, worthwhile_steals,
};
pub use sample::{LogLevel, LogLine, Sample};
pub use spec::{TaskOptions, WorkerInfo};
pub use state::{
    Client, Flight, IllegalEvent, PhaseCounts, Prefix, State, UNKNOWN_DURATION, Why, Worker,
};
pub use table::{GraphTable, Table, TaskTable};
pub use task::{Again, Blame, Broken, Executing, Rare, Replica, Run, Task};
pub use turn::{Output, Turn, Watch};
pub use units::{HumanBytes, Nanos};
