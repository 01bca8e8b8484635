//! Idle stretches of a run, and an axis of time on which they are folded: narrow, whatever they hold.

use taskreel_model::Nanos;
use taskreel_replay::figure::{Axis, Color, Gap, Rects, Tick, View, Window, time_label};

use super::Columns;

/// A stretch of time in which nothing was executed.
pub(super) type Idle = (Nanos, Nanos);

/// What is shorter than this part of the run is not folded.
const SHARE_MIN: u64 = 50;
/// Width of a folded stretch.
const FOLD_PX: f64 = 9.0;
/// Most stretches that are folded, the longest ones.
const FOLDS_MAX: usize = 24;
/// Room of a tick's label.
const TICK_PX: f64 = 74.0;

impl Columns {
    /// Idle stretches that are long beside the run, in order; what goes on is no idling.
    pub(super) fn gaps(&self, view: &View) -> Vec<Idle> {
        let least = Nanos((view.window.length().0 / SHARE_MIN).max(1));
        let mut gaps = self.busy.idle(least);
        let open = self.attempts.open_since().first().copied().unwrap_or(Nanos::MAX);
        gaps.retain_mut(|(from, to)| {
            *to = (*to).min(open);
            from.0.saturating_add(least.0) < to.0
        });
        let until = self.busy.end().max(view.window.from);
        if view.now.min(open) > until + least {
            gaps.push((until, view.now.min(open)));
        }
        gaps.sort_by_key(|(from, to)| std::cmp::Reverse(to.since(*from)));
        gaps.truncate(FOLDS_MAX);
        gaps.sort_unstable();
        gaps
    }
}

/// An axis of time with folded stretches.
#[derive(Debug)]
pub(super) struct Folds {
    window: Window,
    width_px: u32,
    gaps: Vec<Gap>,
    /// Pixels of a nanosecond outside of them.
    scale: f64,
}

impl Folds {
    pub(super) fn new(window: Window, width_px: u32, idle: &[Idle]) -> Self {
        let folded: u64 = idle.iter().map(|(from, to)| to.since(*from).0).sum();
        let rest = window.length().0.saturating_sub(folded).max(1) as f64;
        let room = (f64::from(width_px) - FOLD_PX * idle.len() as f64).max(1.0);
        let scale = room / rest;
        let (mut gaps, mut px, mut at) = (Vec::new(), 0.0, window.from);
        for (from, to) in idle {
            px += from.since(at).0 as f64 * scale;
            let (px0, width_px) = (px as f32, FOLD_PX as f32);
            gaps.push(Gap { from_ns: from.0, to_ns: to.0, px: px0, width_px });
            (px, at) = (px + FOLD_PX, *to);
        }
        Self { window, width_px, gaps, scale }
    }

    pub(super) fn window(&self) -> Window {
        self.window
    }

    pub(super) fn width_px(&self) -> u32 {
        self.width_px
    }

    pub(super) fn gaps(&self) -> &[Gap] {
        &self.gaps
    }

    /// Where an instant is.
    pub(super) fn px(&self, at: Nanos) -> f64 {
        let before = self.gaps.iter().rev().find(|gap| gap.from_ns <= at.0);
        let Some(gap) = before else { return at.since(self.window.from).0 as f64 * self.scale };
        let (px, width) = (f64::from(gap.px), f64::from(gap.width_px));
        match at.0.checked_sub(gap.to_ns) {
            Some(after) => px + width + after as f64 * self.scale,
            None => {
                let share = (at.0 - gap.from_ns) as f64 / (gap.to_ns - gap.from_ns).max(1) as f64;
                px + width * share
            }
        }
    }

    /// The instant at a pixel.
    pub(super) fn instant(&self, px: f64) -> Nanos {
        let before = self.gaps.iter().rev().find(|gap| f64::from(gap.px) <= px);
        let ns = |px: f64| Nanos((px / self.scale) as u64);
        let Some(gap) = before else { return self.window.from + ns(px) };
        let inside = px - f64::from(gap.px);
        match inside - f64::from(gap.width_px) {
            after if after >= 0.0 => Nanos(gap.to_ns) + ns(after),
            _ => {
                let share = inside / f64::from(gap.width_px);
                Nanos(gap.from_ns + ((gap.to_ns - gap.from_ns) as f64 * share) as u64)
            }
        }
    }

    /// The axis: ticks where there is room beside folded stretches.
    pub(super) fn axis(&self) -> Axis {
        let mut axis = Axis::time(self.window, self.width_px);
        if self.gaps.is_empty() {
            return axis;
        }
        axis.ticks.clear();
        let n = (f64::from(self.width_px) / (TICK_PX * 1.4)) as u32;
        let step = self.window.length().0 / u64::from(n.max(1)) / 4;
        for i in 0..n {
            let px = f64::from(self.width_px) * (f64::from(i) + 0.5) / f64::from(n);
            let label = time_label(self.instant(px).0, step.max(1_000));
            axis.ticks.push(Tick { px: px as f32, label });
        }
        axis
    }

    /// Where stretches are folded, for the eye.
    pub(super) fn notches(&self, height: u32) -> Rects {
        let mut rects = Rects::default();
        for gap in &self.gaps {
            let place = (gap.px.round() as i32, 0);
            rects.push(place, (gap.width_px as i32, height as i32), Color::ABSENT, -1);
        }
        rects
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixels_and_instants_are_each_others_inverse() {
        let second = |n: u64| Nanos::from_millis(n * 1_000);
        let idle = [(second(10), second(50)), (second(60), second(90))];
        let folds = Folds::new(Window::until(second(100)), 518, &idle);
        assert_eq!(folds.px(second(100)).round(), 518.0, "all of it is there");
        assert_eq!((folds.px(second(10)) - folds.px(second(0))).round(), 167.0);
        for at in [0, 5, 10, 30, 50, 55, 60, 75, 90, 99] {
            let again = folds.instant(folds.px(second(at)));
            assert!(again.0.abs_diff(second(at).0) < 50_000_000, "{at}: {again}");
        }
        let plain = Folds::new(Window::until(second(100)), 500, &[]);
        assert_eq!(plain.px(second(50)), 250.0);
        assert_eq!(plain.instant(250.0), second(50));
    }
}
