//! Moving along a timeline as a person does: a few events on or back, playing, and to the next
//! place worth a look.

use taskreel_model::Nanos;

use super::{Landmark, SeekError, Timeline, Toward, Until};
use crate::Instant;

/// How many events a search folds before it looks whether it has passed what it looks for.
const STRIDE: usize = 4_096;

impl Timeline {
    /// Goes `n` events on, or back where `n` is negative, and no farther than the ends. Returns by
    /// how many events it moved: at the end of a growing trace that is 0 until there is more.
    ///
    /// # Errors
    /// As for [`Timeline::seek`].
    pub fn step(&mut self, n: i64) -> Result<i64, SeekError> {
        let before = self.state.next_seq();
        let target = before.saturating_add_signed(n);
        if n < 0 {
            self.go_to(target)?;
        } else if n > 0 {
            self.pump_until(usize::MAX, Until::Seq(target - 1))?;
        }
        Ok(self.state.next_seq() as i64 - before as i64)
    }

    /// Moves as far as `elapsed` of a clock on the wall takes a film at `speed`: 1 is as it was,
    /// 10 ten times as fast, -1 backwards. Stops at the ends; the trace may grow meanwhile.
    ///
    /// # Errors
    /// As for [`Timeline::seek`].
    pub fn play(&mut self, elapsed: Nanos, speed: f64) -> Result<(), SeekError> {
        let way = Nanos::from_secs_f64(elapsed.as_secs_f64() * speed.abs());
        let to = if speed < 0.0 { self.now.since(way) } else { self.now + way };
        if way > Nanos::ZERO { self.seek(Instant::At(to)) } else { Ok(()) }
    }

    /// Goes to just after the next or previous place of a kind, seen from the event the timeline
    /// stands after. Returns its `seq`; `None`: there is none (yet), and the timeline is where it
    /// was.
    ///
    /// # Errors
    /// As for [`Timeline::seek`].
    pub fn jump(&mut self, kind: Landmark, toward: Toward) -> Result<Option<u64>, SeekError> {
        let (here, now) = (self.state.next_seq(), self.now);
        let found = match toward {
            Toward::Previous => {
                self.look_up_to(here)?;
                self.landmarks.before(here.saturating_sub(1), kind)
            }
            Toward::Next => self.find_from(here, kind)?,
        };
        self.go_to(found.map_or(here, |seq| seq + 1))?;
        if found.is_none() && now > self.state.now() {
            self.seek(Instant::At(now))?;
        }
        Ok(found)
    }

    /// Folds on until a landmark at `seq` or later has been passed.
    fn find_from(&mut self, seq: u64, kind: Landmark) -> Result<Option<u64>, SeekError> {
        self.look_up_to(seq)?;
        loop {
            if let Some(found) = self.landmarks.from(seq, kind) {
                return Ok(Some(found));
            }
            if self.pump(STRIDE)?.starved {
                return Ok(self.landmarks.from(seq, kind));
            }
        }
    }

    /// Makes sure that every event before `seq` was looked at for landmarks.
    fn look_up_to(&mut self, seq: u64) -> Result<(), SeekError> {
        if self.landmarks.next_seq() < seq {
            self.rewind()?;
            self.pump_until(usize::MAX, Until::Seq(seq - 1))?;
        }
        Ok(())
    }

    /// Goes to where `n_events` events are folded.
    fn go_to(&mut self, n_events: u64) -> Result<(), SeekError> {
        let until = Until::Seq(n_events.saturating_sub(1));
        let is_behind = n_events < self.state.next_seq();
        if !(n_events > 0 && self.jump_near(until, is_behind)?) && is_behind {
            self.rewind()?;
        }
        if n_events > self.state.next_seq() {
            self.pump_until(usize::MAX, Until::Seq(n_events - 1))?;
        }
        Ok(())
    }
}
