//! Whether a process grows: from what was seen of it over time.

/// The first part of the time does not count: caches and pools fill, allocators find their size.
pub(crate) const WARM_UP: f64 = 0.4;

/// Growth that is no leak, whatever the slope: allocators are not exact.
const SLACK_BYTES: f64 = (4 << 20) as f64;

/// So many files or sockets more may be open at one moment than at another: workers keep connections to each other.
const SLACK_FILES: u64 = 8;

/// One look at a process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Look {
    /// Seconds since the first look of all.
    pub(crate) at: f64,
    /// Bytes of memory.
    pub(crate) resident: f64,
    pub(crate) files: u64,
    pub(crate) sockets: u64,
}

/// What a process did after the warm-up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Trend {
    /// Medians of a tenth of the time, at the begin and at the end.
    pub(crate) from: Look,
    pub(crate) to: Look,
    /// Bytes a second.
    pub(crate) slope: f64,
    /// Bytes a second that are allowed.
    pub(crate) slope_max: f64,
    seconds: f64,
}

impl Trend {
    /// Of looks in their order; `None`: there are too few.
    pub(crate) fn of(looks: &[Look], slope_max: f64) -> Option<Self> {
        let warm = &looks[(looks.len() as f64 * WARM_UP) as usize..];
        let tenth = looks.len().div_ceil(10).min(warm.len());
        let (from, to) = (median(&warm[..tenth])?, median(&warm[warm.len() - tenth..])?);
        let seconds = warm.last()?.at - warm.first()?.at;
        Some(Self { from, to, slope: slope(warm), slope_max, seconds })
    }

    /// What is wrong with it, if anything is.
    pub(crate) fn fault(&self) -> Option<String> {
        let Self { from, to, slope, slope_max, seconds } = self;
        if *slope > *slope_max && slope * seconds > SLACK_BYTES {
            return Some(format!(
                "{slope:.0} bytes a second over {seconds:.0} s, at most {slope_max:.0} may be"
            ));
        }
        if to.files > from.files + SLACK_FILES {
            return Some(format!("{} files instead of {}", to.files, from.files));
        }
        if to.sockets > from.sockets + SLACK_FILES {
            return Some(format!("{} sockets instead of {}", to.sockets, from.sockets));
        }
        None
    }
}

fn median(looks: &[Look]) -> Option<Look> {
    let middle = |of: fn(&Look) -> f64| {
        let mut values: Vec<f64> = looks.iter().map(of).collect();
        values.sort_unstable_by(f64::total_cmp);
        values.get(values.len() / 2).copied()
    };
    Some(Look {
        at: middle(|look| look.at)?,
        resident: middle(|look| look.resident)?,
        files: middle(|look| look.files as f64)? as u64,
        sockets: middle(|look| look.sockets as f64)? as u64,
    })
}

/// The median of the slopes between looks that are half the time apart: a moment's peak changes nothing.
fn slope(looks: &[Look]) -> f64 {
    let half = looks.len() / 2;
    let pairs = looks.iter().zip(&looks[half..]).filter(|(a, b)| b.at > a.at);
    let mut slopes: Vec<f64> =
        pairs.map(|(a, b)| (b.resident - a.resident) / (b.at - a.at)).collect();
    slopes.sort_unstable_by(f64::total_cmp);
    slopes.get(slopes.len() / 2).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: f64 = (1 << 20) as f64;
    const SLOPE_MAX: f64 = 20e3;

    /// What is wrong with a process that was looked at for ten minutes.
    fn fault(look: impl Fn(f64) -> Look) -> Option<String> {
        let looks: Vec<Look> = (0..600).map(|second| look(f64::from(second))).collect();
        Trend::of(&looks, SLOPE_MAX).expect("there are looks").fault()
    }

    fn steady(at: f64) -> Look {
        Look { at, resident: 40.0 * MIB, files: 20, sockets: 10 }
    }

    #[test]
    fn what_is_flat_has_no_fault() {
        assert_eq!(fault(steady), None);
        // It fills its caches, and later on its memory goes up and down by much.
        let warms_up = |at: f64| Look {
            resident: (at / 200.0).min(1.0) * 80.0 * MIB + (at % 7.0) * 3.0 * MIB,
            ..steady(at)
        };
        assert_eq!(fault(warms_up), None);
        let peaks = |at: f64| Look {
            resident: if at > 550.0 && at < 580.0 { 400.0 * MIB } else { 40.0 * MIB },
            ..steady(at)
        };
        assert_eq!(fault(peaks), None);
        let within = |at: f64| Look { resident: 40.0 * MIB + at * 0.9 * SLOPE_MAX, ..steady(at) };
        assert_eq!(fault(within), None);
    }

    #[test]
    fn memory_that_grows_is_a_fault() {
        let leaks = |at: f64| Look { resident: 40.0 * MIB + at * 1.5 * SLOPE_MAX, ..steady(at) };
        let found = fault(leaks).expect("it leaks");
        assert!(found.starts_with("30000 bytes a second over 359 s"), "{found}");
        // The same, hidden in what goes up and down.
        let hidden = |at: f64| Look {
            resident: 40.0 * MIB + at * 1.5 * SLOPE_MAX + (at % 5.0) * 4.0 * MIB,
            ..steady(at)
        };
        assert!(fault(hidden).is_some());
        let in_steps =
            |at: f64| Look { resident: 40.0 * MIB + (at / 60.0).floor() * 4.0 * MIB, ..steady(at) };
        assert!(fault(in_steps).is_some());
    }

    #[test]
    fn files_and_sockets_that_pile_up_are_a_fault() {
        let files = fault(|at| Look { files: 20 + (at / 10.0) as u64, ..steady(at) });
        assert!(files.as_deref().is_some_and(|found| found.contains("files")), "{files:?}");
        let sockets = fault(|at| Look { sockets: 10 + (at / 10.0) as u64, ..steady(at) });
        assert!(sockets.as_deref().is_some_and(|found| found.contains("sockets")), "{sockets:?}");
        assert_eq!(fault(|at| Look { sockets: 10 + (at as u64 % 6), ..steady(at) }), None);
    }

    #[test]
    fn of_nothing_there_is_no_trend() {
        assert!(Trend::of(&[], SLOPE_MAX).is_none());
        assert!(Trend::of(&[steady(0.0)], SLOPE_MAX).is_some_and(|trend| trend.fault().is_none()));
    }
}
