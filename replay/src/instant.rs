//! Instants of a run as people write them: `12.3s`, `1m2s`, `250ms`, `50%`, `event:81234`, `end`.

use std::fmt;
use std::str::FromStr;

use taskreel_model::Nanos;
use thiserror::Error;

/// An instant of a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Instant {
    /// That long after the run began.
    At(Nanos),
    /// That share of the run's length, from 0 to 100.
    Percent(f64),
    /// Just after the event of that `seq`.
    Event(u64),
    /// After everything there is.
    End,
}

/// A text that is no instant.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{text}` is no instant: write 12.3s, 1m2s, 250ms, 50%, event:81234 or end")]
pub struct ParseInstantError {
    text: String,
}

impl FromStr for Instant {
    type Err = ParseInstantError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse(text.trim()).ok_or_else(|| ParseInstantError { text: crate::figure::clean(text, 60) })
    }
}

impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At(at) => at.fmt(f),
            Self::Percent(percent) => write!(f, "{percent}%"),
            Self::Event(seq) => write!(f, "event:{seq}"),
            Self::End => f.write_str("end"),
        }
    }
}

fn parse(text: &str) -> Option<Instant> {
    if text == "end" {
        return Some(Instant::End);
    }
    if let Some(seq) = text.strip_prefix("event:") {
        return seq.parse().ok().map(Instant::Event);
    }
    if let Some(number) = text.strip_suffix('%') {
        let percent: f64 = number.trim_end().parse().ok()?;
        return (0.0..=100.0).contains(&percent).then_some(Instant::Percent(percent));
    }
    duration(text).map(Instant::At)
}

/// Sums parts of falling units; each unit at most once.
fn duration(text: &str) -> Option<Nanos> {
    const UNITS: [(&str, f64); 7] = [
        ("h", 3.6e12),
        ("m", 6e10),
        ("s", 1e9),
        ("ms", 1e6),
        ("us", 1e3),
        ("µs", 1e3),
        ("ns", 1.0),
    ];
    let mut rest = text;
    let mut sum_ns = 0.0;
    let mut last = f64::INFINITY;
    while !rest.is_empty() {
        let n_digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, after) = rest.split_at(n_digits);
        let n_letters = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, next) = after.split_at(n_letters);
        let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit.trim())?;
        if *factor >= last {
            return None;
        }
        last = *factor;
        sum_ns += number.parse::<f64>().ok()? * factor;
        rest = next;
    }
    let in_range = last.is_finite() && sum_ns.is_finite() && sum_ns < u64::MAX as f64;
    in_range.then(|| Nanos(sum_ns.round() as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_people_write() {
        let cases = [
            ("12.3s", Instant::At(Nanos(12_300_000_000))),
            ("1m2s", Instant::At(Nanos(62_000_000_000))),
            ("1h1ms", Instant::At(Nanos(3_600_001_000_000))),
            ("250ms", Instant::At(Nanos(250_000_000))),
            ("17ns", Instant::At(Nanos(17))),
            ("0s", Instant::At(Nanos(0))),
            ("50%", Instant::Percent(50.0)),
            ("event:81234", Instant::Event(81_234)),
            (" end ", Instant::End),
        ];
        for (text, expected) in cases {
            assert_eq!(text.parse(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn refuses_the_rest() {
        for text in [
            "",
            "12",
            "s",
            "-3s",
            "1s1m",
            "1s1s",
            "101%",
            "-1%",
            "NaN%",
            "event:",
            "event:-1",
            "1..2s",
            "1e9s",
            "12 parsecs",
            "99999999999999999h",
        ] {
            assert!(text.parse::<Instant>().is_err(), "{text}");
        }
    }
}
