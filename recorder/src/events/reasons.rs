//! Small enums of the hot events by their numbers in the format.

use taskreel_model::{Activity, AssignReason};

pub(crate) fn assign_reason(number: u8) -> Option<AssignReason> {
    Some(match number {
        0 => AssignReason::Locality,
        1 => AssignReason::Idle,
        2 => AssignReason::Rebalanced,
        3 => AssignReason::Retry,
        4 => AssignReason::Recompute,
        5 => AssignReason::Restricted,
        6 => AssignReason::Random,
        7 => AssignReason::Chained,
        _ => return None,
    })
}

pub(crate) fn activity(number: u8) -> Option<Activity> {
    Some(match number {
        0 => Activity::Deserialize,
        1 => Activity::Serialize,
        2 => Activity::DiskRead,
        3 => Activity::DiskWrite,
        4 => Activity::Transfer,
        _ => return None,
    })
}
