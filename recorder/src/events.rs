//! Event blocks: events taken apart into columns, most values as the difference to what the events
//! before them in the block let expect.
//!
//! The kinds that make up nearly all of a run are columns by hand; the others, and all that later
//! versions add, are rows with their length, so that a reader can pass over what it does not know.

mod columns;
mod context;
mod decode;
mod encode;
pub(crate) mod reasons;
#[cfg(test)]
mod tests;

#[cfg(test)]
pub(crate) use columns::COLUMN_NAMES;
pub(crate) use decode::{OpenBlock, decode};
pub(crate) use encode::{Attempt, Counts, Encoded, Encoder, Submitted};
#[cfg(test)]
pub(crate) use tests::events as any_events;

/// Set in the tag of an event that has a cause.
pub(crate) const HAS_CAUSE: u8 = 0x80;

/// Tags of the events with columns of their own (see `Event::tag`).
pub(crate) mod tag {
    pub(crate) const TASK_SUBMITTED: u8 = 7;
    pub(crate) const RESULT_RELEASED: u8 = 9;
    pub(crate) const TASK_ASSIGNED: u8 = 17;
    pub(crate) const TRANSFER_STARTED: u8 = 23;
    pub(crate) const TRANSFER_FINISHED: u8 = 24;
    pub(crate) const TASK_STARTED: u8 = 26;
    pub(crate) const TASK_FINISHED: u8 = 27;
    pub(crate) const ACTIVITY_RECORDED: u8 = 29;

    /// Rows that hold lists: these take more memory than bytes.
    pub(crate) const WITH_LISTS: [u8; 2] = [3, 11];
}
