//! Closed spans of a lane summed up: sixteen, sixteen times sixteen and so on. A picture in which many of
//! them fall into one pixel column takes their sums, so that it costs what it shows and not what the
//! run did. What is summed up is never looked at again unless it changes, which it hardly does.

use taskreel_model::Nanos;

/// How many are summed up to one.
const FAN: usize = 16;

/// Sums of spans from the first one on.
#[derive(Clone, Debug, Default)]
pub(super) struct Sums {
    /// `levels[0][i]` is of the spans from `n_coarse + 16 i` on, `levels[1][i]` of those from `256 i` on.
    levels: Vec<Vec<Sum>>,
    /// Spans of which there are no sums of sixteen any more.
    n_coarse: usize,
}

/// Some spans that follow one another.
#[derive(Clone, Debug)]
pub(crate) struct Sum {
    /// The first begin.
    pub(crate) start: Nanos,
    /// The last end.
    pub(crate) reach: Nanos,
    first: Part,
    /// Spans of one class need no memory beside.
    more: Box<[Part]>,
}

/// Those of one class.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part {
    /// What they are drawn and filtered by.
    pub(crate) class: u32,
    /// How many there are.
    pub(crate) n: u32,
    /// The last one.
    pub(crate) last: u32,
    /// Time of all.
    pub(crate) busy: Nanos,
}

impl Sum {
    /// By class.
    pub(crate) fn parts(&self) -> impl Iterator<Item = &Part> {
        std::iter::once(&self.first).chain(&self.more)
    }

    /// Of at least one part, each with the begin and the end of what it is of.
    fn of(stretches: impl Iterator<Item = (Nanos, Nanos)>, mut parts: Vec<Part>) -> Self {
        let (mut start, mut reach) = (Nanos::MAX, Nanos::ZERO);
        for (from, to) in stretches {
            (start, reach) = (start.min(from), reach.max(to));
        }
        parts.sort_unstable_by_key(|part| (part.class, part.last));
        parts.dedup_by(|later, kept| {
            let is_same = later.class == kept.class;
            if is_same {
                kept.n = kept.n.saturating_add(later.n);
                kept.busy = kept.busy + later.busy;
                kept.last = later.last;
            }
            is_same
        });
        let first = parts.remove(0);
        Self { start, reach, first, more: parts.into() }
    }
}

impl Sums {
    /// How many spans are summed up.
    pub(super) fn n_spans(&self) -> usize {
        self.n_coarse + self.levels.first().map_or(0, Vec::len) * FAN
    }

    /// The spans that are summed up next.
    pub(super) fn next(&self) -> std::ops::Range<usize> {
        self.n_spans()..self.n_spans() + FAN
    }

    /// Sums those up: begin, end and class of each.
    pub(super) fn push(&mut self, spans: impl Iterator<Item = (Nanos, Nanos, u32)> + Clone) {
        let first = self.n_spans() as u32;
        let part = |(last, (start, stop, class)): (u32, (Nanos, Nanos, u32))| Part {
            class,
            n: 1,
            last,
            busy: stop.since(start),
        };
        let parts = (first..).zip(spans.clone()).map(part).collect();
        self.add(0, Sum::of(spans.map(|(start, stop, _)| (start, stop)), parts));
    }

    fn add(&mut self, level: usize, sum: Sum) {
        if self.levels.len() == level {
            self.levels.push(Vec::new());
        }
        let sums = &mut self.levels[level];
        sums.push(sum);
        if sums.len().is_multiple_of(FAN) {
            let full = &sums[sums.len() - FAN..];
            let parts = full.iter().flat_map(Sum::parts).copied().collect();
            let above = Sum::of(full.iter().map(|sum| (sum.start, sum.reach)), parts);
            self.add(level + 1, above);
        }
    }

    /// Forgets what is of a span or those after it: they change.
    pub(super) fn forget_from(&mut self, span: usize) {
        let Some((lowest, above)) = self.levels.split_first_mut() else { return };
        lowest.truncate(span.saturating_sub(self.n_coarse) / FAN);
        let mut size = FAN * FAN;
        for sums in above {
            sums.truncate(span / size);
            size *= FAN;
        }
    }

    /// Keeps no sums of sixteen of the spans before one, a multiple of 256.
    pub(super) fn coarsen_before(&mut self, span: usize) {
        let Some(lowest) = self.levels.first_mut() else { return };
        lowest.drain(..(span - self.n_coarse) / FAN);
        self.n_coarse = span;
    }

    /// Goes on with sums of sixteen from such a span, of which they were forgotten.
    pub(super) fn refine_from(&mut self, span: usize) {
        self.n_coarse = self.n_coarse.min(span);
        self.forget_from(span);
    }

    /// The sum of most spans from `first` on, none beyond `end`, that fits; and of how many it is. One that
    /// does not fit is part of none that does.
    pub(super) fn largest(
        &self,
        first: usize,
        end: usize,
        fits: impl Fn(&Sum) -> bool,
    ) -> Option<(&Sum, usize)> {
        let (mut found, mut size, mut n_without) = (None, FAN, self.n_coarse);
        for sums in &self.levels {
            if !first.is_multiple_of(size) || first + size > end {
                break;
            }
            if first >= n_without {
                match sums.get((first - n_without) / size) {
                    Some(sum) if fits(sum) => found = Some((sum, size)),
                    _ => break,
                }
            }
            (n_without, size) = (0, size * FAN);
        }
        found
    }
}
