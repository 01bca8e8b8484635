//! What a value is: how it is written, and where an axis of such values has its ticks.

use taskreel_model::{HumanBytes, Nanos};

use crate::figure::{Axis, Tick, count_text};

/// The unit of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Measure {
    /// Whole things, by their name: `tasks`.
    Count(&'static str),
    /// Things per second.
    PerSecond(&'static str),
    /// Bytes.
    Bytes,
    /// Bytes per second.
    BytesPerSecond,
    /// Thousandths of one core, shown as percent of it.
    CorePermille,
    /// Percent.
    Percent,
    /// Nanoseconds.
    Time,
    /// Nothing: the lane has only marks, and no scale beside it.
    Mark,
}

impl Measure {
    /// A value for people.
    pub(crate) fn text(self, value: f64) -> String {
        match self {
            Self::Count(_) => count_text(value.round() as u64),
            Self::PerSecond(_) if value > 0.0 && value < 10.0 => format!("{}/s", trim(value)),
            Self::PerSecond(_) => format!("{}/s", count_text(value.round() as u64)),
            Self::Bytes => bytes(value),
            Self::BytesPerSecond => format!("{}/s", bytes(value)),
            Self::CorePermille => format!("{:.0}%", value / 10.0),
            Self::Percent => format!("{value:.0}%"),
            Self::Time => duration(value),
            Self::Mark => String::new(),
        }
    }

    /// The end of a scale for people: a count, too, with what is counted.
    pub(crate) fn end_text(self, value: f64) -> String {
        match self {
            Self::Count(what) => format!("{} {what}", self.text(value)),
            Self::PerSecond(_)
            | Self::Bytes
            | Self::BytesPerSecond
            | Self::CorePermille
            | Self::Percent
            | Self::Time
            | Self::Mark => self.text(value),
        }
    }

    /// The unit, for the axis.
    pub(crate) fn unit(self) -> &'static str {
        match self {
            Self::Count(what) => what,
            Self::PerSecond(_) => "per second",
            Self::Bytes => "bytes",
            Self::BytesPerSecond => "bytes per second",
            Self::CorePermille => "% of a core",
            Self::Percent => "%",
            Self::Time => "s",
            Self::Mark => "",
        }
    }

    /// The next round value that is not below.
    pub(crate) fn round_up(self, value: f64) -> f64 {
        let least = match self {
            Self::Count(_) | Self::PerSecond(_) | Self::BytesPerSecond | Self::Mark => 1.0,
            Self::Bytes => 1024.0,
            Self::CorePermille => 1000.0,
            Self::Percent => 100.0,
            Self::Time => 1_000.0,
        };
        let value = value.max(least);
        let base: f64 = self.base();
        let unit = base.powf(value.log(base).floor());
        let steps: &[f64] = match self {
            Self::Bytes | Self::BytesPerSecond => &[
                1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 96.0, 128.0, 192.0, 256.0, 384.0, 512.0,
                768.0,
            ],
            _ => &[1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0],
        };
        let found = steps.iter().map(|step| step * unit).find(|round| *round >= value * 0.9999);
        let round = found.unwrap_or(unit * base);
        if matches!(self, Self::Count(_)) { round.ceil() } else { round }
    }

    fn base(self) -> f64 {
        if matches!(self, Self::Bytes | Self::BytesPerSecond) { 1024.0 } else { 10.0 }
    }

    /// A horizontal axis from 0 to `to`.
    pub(crate) fn axis(self, to: f64, width_px: f32) -> Axis {
        let n_ticks = ((width_px / 90.0) as usize).clamp(2, 10);
        let ticks = self.ticks(to, width_px, n_ticks);
        Axis { unit: self.unit().to_owned(), to, ticks, ..Axis::default() }
    }

    /// At most about `n` ticks at round values over `px` pixels, the first at 0.
    pub(crate) fn ticks(self, to: f64, px: f32, n: usize) -> Vec<Tick> {
        let step = self.step(to / n.max(1) as f64);
        let count = (to / step * 1.0001) as usize;
        let tick = |i: usize| {
            let value = i as f64 * step;
            let label = if i == count { self.end_text(value) } else { self.text(value) };
            Tick { px: (value / to) as f32 * px, label }
        };
        (0..=count).map(tick).collect()
    }

    /// The next step that people count in.
    fn step(self, value: f64) -> f64 {
        let whole = matches!(self, Self::Count(_));
        let value = if whole { value.max(1.0) } else { value.max(1e-9) };
        let base = self.base();
        let unit = base.powf(value.log(base).floor());
        let steps: &[f64] = match self {
            Self::Bytes | Self::BytesPerSecond => {
                &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0]
            }
            _ => &[1.0, 2.0, 5.0],
        };
        let found = steps.iter().map(|step| step * unit).find(|step| *step >= value * 0.9999);
        found.unwrap_or(unit * base)
    }
}

fn bytes(value: f64) -> String {
    HumanBytes(value.round() as u64).to_string().replace(".0 ", " ")
}

/// A duration in its shortest form: `250 ms`, `1.5 s`, `2:05`.
fn duration(ns: f64) -> String {
    match ns {
        ns if ns <= 0.0 => "0 s".to_owned(),
        ns if ns < 1e3 => format!("{ns:.0} ns"),
        ns if ns < 1e6 => format!("{} µs", trim(ns / 1e3)),
        ns if ns < 1e9 => format!("{} ms", trim(ns / 1e6)),
        ns if ns < 120e9 => format!("{} s", trim(ns / 1e9)),
        ns if ns < 7_200e9 => format!("{} min", trim(ns / 60e9)),
        ns => format!("{} h", trim(ns / 3_600e9)),
    }
}

/// A duration for people.
pub(crate) fn time_text(time: Nanos) -> String {
    duration(time.0 as f64)
}

/// Three significant digits without needless zeros.
fn trim(value: f64) -> String {
    let decimals = match value {
        v if v >= 99.95 => 0,
        v if v >= 9.995 => 1,
        _ => 2,
    };
    let text = format!("{value:.decimals$}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_with_their_unit() {
        assert_eq!(Measure::Bytes.text(1536.0), "1.5 KiB");
        assert_eq!(Measure::BytesPerSecond.text(0.0), "0 B/s");
        assert_eq!(Measure::CorePermille.text(1_250.0), "125%");
        assert_eq!(Measure::Time.text(1.25e9), "1.25 s");
        assert_eq!(Measure::Time.text(90e9), "90 s");
        assert_eq!(Measure::PerSecond("events").text(12_345.4), "12,345/s");
    }

    #[test]
    fn axes_end_at_round_values() {
        assert_eq!(Measure::Count("tasks").round_up(37.0), 40.0);
        assert_eq!(Measure::Count("tasks").round_up(0.0), 1.0);
        assert_eq!(Measure::Bytes.round_up(5e6), 8.0 * 1024.0 * 1024.0);
        assert_eq!(Measure::Bytes.round_up(900.0 * 1024.0), 1024.0 * 1024.0);
        let labels: Vec<String> = Measure::Bytes
            .ticks(8.0 * 1024.0 * 1024.0, 400.0, 4)
            .into_iter()
            .map(|tick| tick.label)
            .collect();
        assert_eq!(labels, ["0 B", "2 MiB", "4 MiB", "6 MiB", "8 MiB"]);
        let last = Measure::Count("tasks").ticks(40.0, 400.0, 4).pop();
        assert_eq!(last.map(|tick| tick.label), Some("40 tasks".to_owned()));
    }
}
