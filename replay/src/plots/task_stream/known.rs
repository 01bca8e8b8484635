//! What the task stream knows of spans beyond their times: how they are classed and packed.

use taskreel_model::{Activity, Outcome, PrefixId, TaskId, WorkerId};

use super::{Attempt, Moved, track};
use crate::packed::{Unpacker, put, put_key, put_outcome, put_step};
use crate::spans::Known;

impl Known for Attempt {
    fn class(&self) -> u32 {
        (self.key.prefix.0 << 1) | u32::from(self.outcome == Some(Outcome::Failed))
    }

    fn pack(&self, before: Option<&Self>, out: &mut Vec<u8>) {
        put_key(out, before.map(|before| before.key), self.key);
        put_outcome(out, self.outcome);
    }

    fn unpack(before: Option<&Self>, numbers: &mut Unpacker<'_>) -> Self {
        let key = numbers.take_key(before.map(|before| before.key));
        Self { key, outcome: numbers.take_outcome() }
    }
}

/// Prefix of the attempts of a class, and whether they failed.
pub(super) fn of_attempts(class: u32) -> (PrefixId, bool) {
    (PrefixId(class >> 1), class & 1 == 1)
}

impl Known for Moved {
    fn class(&self) -> u32 {
        let prefix = self.key.map_or(0, |key| key.prefix.0 + 1);
        (prefix << 2) | track(self.activity) as u32
    }

    fn pack(&self, before: Option<&Self>, out: &mut Vec<u8>) {
        let activity = ACTIVITIES.iter().position(|activity| *activity == self.activity);
        put(out, (activity.unwrap_or(0) << 1) as u64 | u64::from(self.key.is_some()));
        put_step(out, before.map_or(0, |before| before.task.0.into()), self.task.0.into());
        put(out, self.peer.map_or(0, |peer| u64::from(peer.0) + 1));
        put(out, self.bytes);
        if let Some(key) = self.key {
            put_key(out, before.and_then(|before| before.key), key);
        }
    }

    fn unpack(before: Option<&Self>, numbers: &mut Unpacker<'_>) -> Self {
        let head = numbers.take() as usize;
        let task = numbers.take_step(before.map_or(0, |before| before.task.0.into())) as u32;
        let peer = numbers.take().checked_sub(1).map(|peer| WorkerId(peer as u32));
        let bytes = numbers.take();
        let has_key = head & 1 == 1;
        let key = has_key.then(|| numbers.take_key(before.and_then(|before| before.key)));
        let activity = ACTIVITIES[(head >> 1) % ACTIVITIES.len()];
        Self { activity, task: TaskId(task), key, peer, bytes }
    }
}

/// Track of the moves of a class, and the prefix of what was moved, if that is known.
pub(super) fn of_moves(class: u32) -> (u8, Option<PrefixId>) {
    ((class & 3) as u8, (class >> 2).checked_sub(1).map(PrefixId))
}

const ACTIVITIES: [Activity; 5] = [
    Activity::Transfer,
    Activity::DiskRead,
    Activity::DiskWrite,
    Activity::Serialize,
    Activity::Deserialize,
];
