//! Workers at the scheduler: they connect, report, are timed, and go.

use taskreel_model::{Input, LogLevel, LogLine, LossReason, Nanos, Rejection, Report, WorkerId};
use tracing::{info, warn};

use super::core::Core;
use super::inbound::ConnId;
use super::peers::{Outbox, WorkerClock, WorkerPeer};
use crate::wire::LinkSender;
use crate::wire::message::{FromWorker, ToWorker, WorkerHello};

/// How often workers are pinged and the scheduler reads itself.
const BEAT: Nanos = Nanos::from_millis(500);

impl Core {
    pub(super) fn worker_connected(
        &mut self,
        conn: ConnId,
        hello: WorkerHello,
        tx: LinkSender<ToWorker>,
    ) {
        let WorkerHello { info, shares_clock } = hello;
        let worker = self.state.next_worker();
        let mut out = Outbox::new(tx);
        let (name, address) = (info.name.clone(), info.address.as_str().into());
        if let Err(why) = self.decide(Input::WorkerJoined { worker, info }) {
            warn!(%why, %name, "refused a worker");
            out.push(ToWorker::Shutdown);
            out.flush();
            return;
        }
        info!(%worker, %name, "worker joined");
        out.push(ToWorker::Welcome { worker });
        let ping_at = self.config.clock.now();
        let clock = if shares_clock {
            WorkerClock::Shared
        } else {
            out.push(ToWorker::Ping { at: ping_at });
            WorkerClock::Offset { offset_ns: None, error_ns: u64::MAX, ping_at }
        };
        self.peers.add_worker(worker, WorkerPeer { conn, out, address, clock });
    }

    pub(super) fn worker_message(&mut self, conn: ConnId, message: FromWorker) {
        let Some(worker) = self.peers.worker_of(conn) else { return };
        match message {
            FromWorker::Reports(reports) => self.reported(worker, reports),
            FromWorker::Sample(mut sample) => {
                sample.at = self.map_clock(worker, sample.at);
                sample.worker = Some(worker);
                if let Some(recorder) = &mut self.config.recorder {
                    recorder.sample(sample);
                }
            }
            FromWorker::Logs(lines) => {
                for mut line in lines {
                    line.at = self.map_clock(worker, line.at);
                    line.worker = Some(worker);
                    if let Some(recorder) = &mut self.config.recorder {
                        recorder.log(line);
                    }
                }
            }
            FromWorker::ClockEcho { ping_at, worker_at } => self.echoed(worker, ping_at, worker_at),
            FromWorker::Goodbye => self.lose_worker(worker, LossReason::Left),
        }
    }

    pub(super) fn worker_gone(&mut self, conn: ConnId, reason: LossReason) {
        if let Some(worker) = self.peers.worker_of(conn) {
            self.lose_worker(worker, reason);
        }
    }

    fn reported(&mut self, worker: WorkerId, mut reports: Vec<Report>) {
        for report in &mut reports {
            report.at = self.map_clock(worker, report.at);
        }
        if let Err(why) = self.decide(Input::WorkerReported { worker, reports }) {
            self.log(LogLevel::Error, format!("worker {worker} is disconnected: {why}"));
            if matches!(why, Rejection::Protocol { .. }) {
                self.lose_worker(worker, LossReason::Disconnected);
            }
        }
    }

    fn lose_worker(&mut self, worker: WorkerId, reason: LossReason) {
        info!(%worker, ?reason, "worker left");
        if self.decide(Input::WorkerLost { worker, reason }).is_ok() {
            self.peers.remove_worker(worker);
        }
    }

    /// A worker's instant on the scheduler's clock, never later than now.
    fn map_clock(&self, worker: WorkerId, at: Nanos) -> Nanos {
        let now = self.now();
        let mapped = match self.peers.workers.get(&worker).map(|peer| peer.clock) {
            Some(WorkerClock::Shared) => at,
            Some(WorkerClock::Offset { offset_ns: Some(offset), .. }) => {
                Nanos(at.0.saturating_add_signed(offset))
            }
            Some(WorkerClock::Offset { offset_ns: None, .. }) | None => now,
        };
        self.tick(mapped).min(now)
    }

    /// Estimates a worker's clock from a round trip: it answered about half-way, and is wrong by
    /// half the round trip at the most. The best estimate so far stands.
    fn echoed(&mut self, worker: WorkerId, ping_at: Nanos, worker_at: Nanos) {
        let round_trip = self.config.clock.now() - ping_at;
        let Some(peer) = self.peers.workers.get_mut(&worker) else { return };
        let WorkerClock::Offset { error_ns, ping_at: expected, .. } = peer.clock else { return };
        let measured = round_trip.0 / 2;
        if ping_at != expected || measured >= error_ns {
            return;
        }
        let offset_ns = (ping_at.0 + measured) as i64 - worker_at.0 as i64;
        let offset = Some(offset_ns);
        peer.clock = WorkerClock::Offset { offset_ns: offset, error_ns: measured, ping_at };
        let input = Input::ClockMeasured { worker, offset_ns, error_ns: measured };
        if let Err(why) = self.decide(input) {
            warn!(%why, "an echo came too late");
        }
    }

    /// Twice a second: pings those whose clock is their own, and reads the scheduler's process.
    pub(super) fn beat(&mut self, now: Nanos) {
        let lag = if self.next_beat == Nanos::ZERO { Nanos::ZERO } else { now - self.next_beat };
        self.next_beat = now + BEAT;
        for peer in self.peers.workers.values_mut() {
            if let WorkerClock::Offset { ping_at, .. } = &mut peer.clock {
                *ping_at = self.config.clock.now();
                peer.out.push(ToWorker::Ping { at: *ping_at });
            }
        }
        self.sample(now, lag);
    }

    pub(super) fn log(&mut self, level: LogLevel, text: String) {
        warn!("{text}");
        let at = self.now();
        if let Some(recorder) = &mut self.config.recorder {
            recorder.log(LogLine { at, worker: None, task: None, level, text });
        }
    }
}
