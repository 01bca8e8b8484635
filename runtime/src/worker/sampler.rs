//! Samples of the worker's process, twice a second.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use taskreel_model::{Nanos, Sample};
use tokio::time::{Instant, MissedTickBehavior};

use super::Shared;
use crate::reading::ProcessReader;
use crate::wire::message::FromWorker;

const PERIOD: Duration = Duration::from_millis(500);

/// Reads and sends until aborted. A sample that finds no room is dropped: there will be others.
pub(super) async fn sample(shared: Arc<Shared>) {
    let mut reader = ProcessReader::new();
    let mut ticks = tokio::time::interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let (mut last, mut received, mut sent) = (Instant::now(), 0, 0);
    loop {
        let due = ticks.tick().await;
        let now = Instant::now();
        let elapsed_ms = (now - last).as_millis() as u64;
        let per_s = |bytes: u64| (bytes * 1000).checked_div(elapsed_ms).unwrap_or(0);
        let (all_received, all_sent) =
            (shared.peers.received_bytes(), shared.sent_bytes.load(Ordering::Relaxed));
        let reading = reader.read();
        let sample = Sample {
            at: shared.clock.now(),
            worker: shared.known_id(),
            cpu_permille: reading.cpu_permille,
            rss_bytes: reading.rss_bytes,
            managed_bytes: shared.store.n_bytes(),
            spilled_bytes: shared.store.n_spilled_bytes(),
            received_per_s: per_s(all_received - received),
            sent_per_s: per_s(all_sent - sent),
            read_per_s: reading.read_per_s,
            written_per_s: reading.written_per_s,
            open_files: reading.open_files,
            slots_busy: shared.n_busy.load(Ordering::Relaxed),
            lag: Nanos((now - due).as_nanos() as u64),
        };
        (last, received, sent) = (now, all_received, all_sent);
        let Some(tx) = shared.link() else { continue };
        if tx.try_send(FromWorker::Sample(sample)).is_err() {
            tracing::debug!("no room for a sample");
        }
    }
}
