//! Axes: what pixels mean, and where ticks stand.

use plotters::coord::ranged1d::{BoldPoints, Ranged};
use plotters::coord::types::RangedCoordf64;
use serde::Serialize;

use super::{LABEL_PX, Window, text_width};

/// One axis of a figure.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Axis {
    /// What it shows: `time`; may be empty where the ticks say it.
    pub label: String,
    /// In which unit: `s`, `bytes`, `slot`.
    pub unit: String,
    /// How values become pixels.
    pub scale: Scale,
    /// Value at the frame's left (or upper) edge, in the unit.
    pub from: f64,
    /// Value at the frame's right (or lower) edge.
    pub to: f64,
    /// Labelled places, thinned so that they do not overlap.
    pub ticks: Vec<Tick>,
    /// Lanes that belong together: of one worker.
    pub groups: Vec<Group>,
}

/// How values become pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Scale {
    /// In proportion.
    #[default]
    Linear,
    /// In proportion, in seconds since the run began.
    Time,
    /// In proportion to the logarithm.
    Log,
    /// One row after the other; the ticks name them.
    Lanes,
}

/// A labelled place on an axis.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Tick {
    /// Pixels from the frame's left (or upper) edge.
    pub px: f32,
    /// What to write there.
    pub label: String,
}

/// Neighbouring lanes that belong together.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Group {
    /// Upper edge, in pixels of the frame.
    pub from: f32,
    /// Lower edge.
    pub to: f32,
    /// What they have in common: the worker's name.
    pub label: String,
    /// The worker's number.
    pub worker: u32,
    /// Upper edges of the lanes, by slot; one for all slots where they share it.
    pub lanes: Vec<i32>,
    /// Height of each lane.
    pub lane_px: i32,
}

impl Axis {
    /// A time axis over `width_px` pixels.
    pub fn time(window: Window, width_px: u32) -> Self {
        Self {
            label: "time since the run began".to_owned(),
            unit: "s".to_owned(),
            scale: Scale::Time,
            from: window.from.as_secs_f64(),
            to: window.to.as_secs_f64(),
            ticks: time_ticks(window, width_px),
            groups: Vec::new(),
        }
    }

    /// A proportional axis from 0 over `width_px` pixels, with at most `n_ticks` ticks at round
    /// values. `value_text` writes a value.
    pub fn linear(
        unit: &str,
        to: f64,
        width_px: f32,
        n_ticks: usize,
        value_text: impl Fn(f64) -> String,
    ) -> Self {
        let to = if to.is_finite() && to > 0.0 { to } else { 1.0 };
        let ticks = key_points(to, n_ticks)
            .into_iter()
            .map(|value| Tick {
                px: round_px(value / to * f64::from(width_px)),
                label: value_text(value),
            })
            .collect();
        Self { unit: unit.to_owned(), scale: Scale::Linear, to, ticks, ..Self::default() }
    }

    /// A logarithmic axis between two positive values over `width_px` pixels, with ticks at powers
    /// of ten, and at twice and five times these while there is room.
    pub fn log(
        unit: &str,
        (from, to): (f64, f64),
        width_px: u32,
        value_text: impl Fn(f64) -> String,
    ) -> Self {
        let octaves = (to / from).ln();
        let ticks_at = |factors: &[f64]| -> Vec<Tick> {
            let powers = (from.log10().floor() as i32)..=(to.log10().ceil() as i32);
            powers
                .flat_map(|power| factors.iter().map(move |factor| factor * 10f64.powi(power)))
                .filter(|value| (from..=to).contains(value))
                .map(|value| Tick {
                    px: round_px((value / from).ln() / octaves * f64::from(width_px)),
                    label: value_text(value),
                })
                .collect()
        };
        let ticks = [&[1.0, 2.0, 5.0][..], &[1.0, 3.0], &[1.0]]
            .into_iter()
            .map(ticks_at)
            .find(|ticks| fits(ticks))
            .unwrap_or_default();
        let unit = unit.to_owned();
        Self { unit, scale: Scale::Log, from, to, ticks, ..Self::default() }
    }

    /// An axis of rows.
    pub fn lanes(unit: &str, n_lanes: usize, ticks: Vec<Tick>, groups: Vec<Group>) -> Self {
        Self {
            label: String::new(),
            unit: unit.to_owned(),
            scale: Scale::Lanes,
            from: 0.0,
            to: n_lanes as f64,
            ticks,
            groups,
        }
    }
}

/// Round values from 0 to `to`: plotters knows where.
fn key_points(to: f64, n_max: usize) -> Vec<f64> {
    RangedCoordf64::from(0.0..to).key_points(BoldPoints(n_max.max(1)))
}

/// Steps between ticks that people can count in, in nanoseconds from one second on: 1, 2, 5, 10,
/// 15, 30 s, the same in minutes, then hours and days. Below a second, 1, 2 and 5 times tens.
const LONG_STEPS: [u64; 18] = [
    1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 43_200, 86_400,
    864_000,
];

fn step_at_least(ns: u64) -> u64 {
    let mut step = 1;
    while step < 1_000_000_000 {
        for factor in [1, 2, 5] {
            if step * factor >= ns {
                return step * factor;
            }
        }
        step *= 10;
    }
    const DAYS: u64 = 864_000_000_000_000;
    let long = LONG_STEPS.iter().map(|s| s * 1_000_000_000).find(|step| *step >= ns);
    long.unwrap_or_else(|| ns.div_ceil(DAYS).saturating_mul(DAYS))
}

fn time_ticks(window: Window, width_px: u32) -> Vec<Tick> {
    let length = window.length().0.max(1);
    let width = f64::from(width_px.max(1));
    let mut n_max = u64::from(width_px / 70).clamp(1, 100);
    loop {
        let step = step_at_least(length.div_ceil(n_max));
        let first = window.from.0.div_ceil(step).saturating_mul(step);
        let ticks: Vec<Tick> = (0..=n_max)
            .map(|i| first.saturating_add(i.saturating_mul(step)))
            .take_while(|at| *at <= window.to.0)
            .map(|at| Tick {
                px: round_px((at - window.from.0) as f64 / length as f64 * width),
                label: time_label(at, step),
            })
            .collect();
        if fits(&ticks) {
            return ticks;
        }
        if n_max == 1 {
            return ticks.into_iter().take(1).collect();
        }
        n_max -= 1;
    }
}

/// Whether labels stand apart from each other.
fn fits(ticks: &[Tick]) -> bool {
    ticks.windows(2).all(|pair| {
        let room = pair[1].px - pair[0].px;
        let need = text_width(&pair[0].label, LABEL_PX) + text_width(&pair[1].label, LABEL_PX);
        need / 2.0 + 10.0 <= room
    })
}

fn round_px(px: f64) -> f32 {
    ((px * 10.0).round() / 10.0) as f32
}

/// An instant as a tick label, with just the digits that tell ticks `step_ns` apart: `2.5 s`,
/// `250 ms`, `1:05` (minutes and seconds), `2:00:00`.
pub fn time_label(at_ns: u64, step_ns: u64) -> String {
    const S: u64 = 1_000_000_000;
    if at_ns == 0 {
        return "0 s".to_owned();
    }
    if at_ns < S && step_ns < S / 10 {
        let (unit, ns) = if step_ns < 1_000_000 && at_ns < 1_000_000 {
            ("µs", 1_000)
        } else {
            ("ms", 1_000_000)
        };
        return format!("{} {unit}", decimal(at_ns, ns, step_ns));
    }
    let (minutes, rest) = (at_ns / (60 * S), at_ns % (60 * S));
    if minutes == 0 {
        return format!("{} s", decimal(at_ns, S, step_ns));
    }
    let seconds = decimal(rest, S, step_ns);
    let pad = if rest < 10 * S { "0" } else { "" };
    match minutes / 60 {
        0 => format!("{minutes}:{pad}{seconds}"),
        hours => format!("{hours}:{:02}:{pad}{seconds}", minutes % 60),
    }
}

/// `ns` in units of `unit_ns`, with as many decimals as a step of `step_ns` needs.
fn decimal(ns: u64, unit_ns: u64, step_ns: u64) -> String {
    let mut decimals = 0;
    let mut unit = unit_ns;
    while unit > 1 && !step_ns.is_multiple_of(unit) && decimals < 9 {
        unit /= 10;
        decimals += 1;
    }
    format!("{:.decimals$}", ns as f64 / unit_ns as f64)
}

#[cfg(test)]
mod tests {
    use taskreel_model::Nanos;

    use super::*;

    fn labels(from_ms: u64, to_ms: u64, width_px: u32) -> Vec<String> {
        let window = Window::new(Nanos::from_millis(from_ms), Nanos::from_millis(to_ms));
        Axis::time(window, width_px).ticks.into_iter().map(|tick| tick.label).collect()
    }

    #[test]
    fn ticks_are_round() {
        assert_eq!(labels(0, 10_000, 420), ["0 s", "2 s", "4 s", "6 s", "8 s", "10 s"]);
        assert_eq!(labels(0, 300, 300), ["0 s", "0.1 s", "0.2 s", "0.3 s"]);
        assert_eq!(labels(100, 180, 300), ["100 ms", "120 ms", "140 ms", "160 ms", "180 ms"]);
        assert_eq!(labels(50_000, 130_000, 300), ["1:00", "1:30", "2:00"]);
        assert_eq!(labels(3_599_000, 3_601_000, 200), ["59:59", "1:00:00", "1:00:01"]);
    }

    #[test]
    fn ticks_never_overlap() {
        for width in [1, 60, 100, 333, 1200, 4000] {
            for to_ns in [1, 999, 10_000, 5_000_000, 7_000_000_000, 9_000_000_000_000, u64::MAX] {
                let window = Window::new(Nanos(0), Nanos(to_ns));
                let ticks = Axis::time(window, width).ticks;
                for pair in ticks.windows(2) {
                    assert!(pair[1].px - pair[0].px > 20.0, "{width} {to_ns} {ticks:?}");
                }
            }
        }
    }
}
