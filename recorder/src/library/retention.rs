//! Which runs a library no longer keeps.

use super::Run;

/// A run with this tag is never removed for its age or for room.
pub const KEEP_TAG: &str = "keep";
/// A run that is not closed and was written so lately may still be recorded, by another host, whose lock on
/// the file may not be seen here.
const MAY_GROW_NS: u64 = 600 * 1_000_000_000;
const DAY_NS: u64 = 86_400 * 1_000_000_000;

/// What to keep.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Keep {
    /// Runs that began in the last so many days; `None`: of any age.
    pub days: Option<u64>,
    /// The latest runs, as many as have so many bytes together; `None`: all.
    pub bytes: Option<u64>,
}

/// The runs to remove, of `runs` with the latest first. `now_unix_ns` is the present; `is_recording`
/// tells whether a run goes on, and is asked only of those that would go.
///
/// Runs tagged [`KEEP_TAG`], runs that go on or may do so on another host, and files that cannot be
/// read as traces are never among them; all but the last count towards the bytes.
pub fn to_remove(
    runs: &[Run],
    keep: Keep,
    now_unix_ns: u64,
    is_recording: impl Fn(&Run) -> bool,
) -> Vec<&Run> {
    let oldest = keep.days.map(|days| now_unix_ns.saturating_sub(days.saturating_mul(DAY_NS)));
    let mut kept_bytes = 0_u64;
    let mut gone = Vec::new();
    for run in runs.iter().filter(|run| run.problem.is_none()) {
        let too_old = oldest.is_some_and(|oldest| run.facts.started_unix_ns < oldest);
        let too_much = keep.bytes.is_some_and(|max| kept_bytes.saturating_add(run.bytes) > max);
        if (too_old || too_much) && !is_exempt(run, now_unix_ns) && !is_recording(run) {
            gone.push(run);
        } else {
            kept_bytes = kept_bytes.saturating_add(run.bytes);
        }
    }
    gone
}

fn is_exempt(run: &Run, now_unix_ns: u64) -> bool {
    let may_grow =
        !run.facts.closed && now_unix_ns.saturating_sub(run.modified_unix_ns) < MAY_GROW_NS;
    may_grow || run.tags.iter().any(|tag| tag == KEEP_TAG)
}
