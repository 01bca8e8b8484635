//! Statistics of a stretch of time, as somebody selected it: how much ran, how long, and how much of
//! the slots was idle.

use std::collections::BTreeMap;

use serde::Serialize;
use taskreel_model::{Nanos, Outcome, PrefixId};
use taskreel_replay::figure::Window;

use super::Columns;

/// What was going on within a window. Times are those within it; quantiles are of whole executions.
#[derive(Debug, Serialize)]
pub(crate) struct Selection {
    pub from_ns: u64,
    pub to_ns: u64,
    pub all: Share,
    /// Part of the time of all slots that were there in which none of these tasks ran, 0 to 1.
    pub idle_share: f64,
    /// By prefix, the one with most time first.
    pub prefixes: Vec<Share>,
}

/// Executions of one prefix, or of all.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Share {
    pub name: String,
    pub count: u64,
    pub failed: u64,
    /// Execution within the window, summed over slots.
    pub total_ns: u64,
    pub p50_ns: u64,
    pub p95_ns: u64,
    /// Results of those that ended within it.
    pub bytes: u64,
    #[serde(skip)]
    durations: Vec<u64>,
}

/// Which executions count.
#[derive(Debug, Default)]
pub(crate) struct Filter {
    /// Of this prefix only.
    pub prefix: Option<String>,
    /// On the worker of this number only.
    pub worker: Option<u32>,
}

impl Columns {
    /// Statistics of a window; what goes on is counted up to `now`.
    pub(crate) fn selection(&self, window: Window, now: Nanos, filter: &Filter) -> Selection {
        let window = Window::new(window.from, window.to.min(now.max(window.from)));
        let mut all = Share { name: "all".to_owned(), ..Share::default() };
        let mut prefixes: BTreeMap<PrefixId, Share> = BTreeMap::new();
        self.attempts.each_within(window, |row| {
            let prefix = self.attempts.prefix(row.key.prefix);
            let is_other = filter.prefix.as_deref().is_some_and(|wanted| wanted != prefix);
            if is_other || filter.worker.is_some_and(|wanted| wanted != row.worker.0) {
                return;
            }
            let stop = row.stop.min(now);
            let inside = stop.min(window.to).since(row.start.max(window.from));
            let of_prefix = prefixes
                .entry(row.key.prefix)
                .or_insert_with(|| Share { name: prefix.to_owned(), ..Share::default() });
            for share in [&mut all, of_prefix] {
                share.count += 1;
                share.failed += u64::from(row.outcome == Some(Outcome::Failed));
                share.total_ns += inside.0;
                share.bytes += if stop <= window.to { row.bytes } else { 0 };
                share.durations.push(stop.since(row.start).0);
            }
        });
        let mut prefixes: Vec<Share> = prefixes.into_values().map(Share::settled).collect();
        prefixes.sort_by_key(|share| std::cmp::Reverse(share.total_ns));
        let available = self.slot_time(window, filter.worker) as f64;
        let idle_share =
            if available > 0.0 { (1.0 - all.total_ns as f64 / available).max(0.0) } else { 1.0 };
        let (from_ns, to_ns) = (window.from.0, window.to.0);
        Selection { from_ns, to_ns, all: all.settled(), idle_share, prefixes }
    }

    /// Time of all slots of the workers that were there.
    fn slot_time(&self, window: Window, worker: Option<u32>) -> u128 {
        let workers = (0..).zip(&self.workers);
        let counted = workers.filter(|(id, _)| worker.is_none_or(|wanted| wanted == *id));
        let time = counted.map(|(_, presence)| {
            let until = presence.lost.unwrap_or(Nanos::MAX).min(window.to);
            u128::from(until.since(presence.joined.max(window.from)).0) * u128::from(presence.slots)
        });
        time.sum()
    }
}

impl Share {
    fn settled(mut self) -> Self {
        self.durations.sort_unstable();
        let quantile = |share: f64| {
            let last = self.durations.len().saturating_sub(1);
            self.durations.get((last as f64 * share).round() as usize).copied().unwrap_or(0)
        };
        (self.p50_ns, self.p95_ns) = (quantile(0.5), quantile(0.95));
        self
    }
}
