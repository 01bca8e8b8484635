//! Closed spans of a lane summed up: sixteen, sixteen times sixteen and so on. A picture in which many of
//! them fall into one pixel column takes their sums, so that it costs what it shows and not what the
//! run did. What is summed up is never looked at again unless it changes, which it hardly does.

mod level;
#[cfg(test)]
mod tests;

use taskreel_model::Nanos;

use crate::attic::Attic;
pub(crate) use level::Sum;
use level::{Group, Level, Part};

/// How many are summed up to one.
const FAN: usize = 16;

/// Sums of spans from the first one on.
#[derive(Debug, Default)]
pub(super) struct Sums {
    /// `levels[0]` is of sixteen spans each, from `n_coarse` on, `levels[1]` of 256 each. Those of 256 are most of what
    /// there is of a long run, and the old ones are packed.
    levels: Vec<Level>,
    /// Spans of which there are no sums of sixteen any more.
    n_coarse: usize,
}

/// The first begin and the last end of some stretches.
fn extent(stretches: impl Iterator<Item = (Nanos, Nanos)>) -> (Nanos, Nanos) {
    stretches.fold((Nanos::MAX, Nanos::ZERO), |(start, reach), (from, to)| {
        (start.min(from), reach.max(to))
    })
}

impl Sums {
    /// How many spans are summed up.
    pub(super) fn n_spans(&self) -> usize {
        self.n_coarse + self.levels.first().map_or(0, Level::len) * FAN
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
        self.add(0, extent(spans.map(|(start, stop, _)| (start, stop))), parts);
    }

    fn add(&mut self, level: usize, extent_of: (Nanos, Nanos), parts: Vec<Part>) {
        if self.levels.len() == level {
            self.levels.push(Level::default());
        }
        let sums = &mut self.levels[level];
        sums.push(extent_of, parts);
        if sums.len().is_multiple_of(FAN) {
            let full = sums.last(FAN);
            let parts = full.clone().flat_map(|sum| sum.parts()).copied().collect();
            let above = extent(full.map(|sum| (sum.start, sum.reach)));
            self.add(level + 1, above, parts);
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

    /// Keeps no sums of sixteen of the spans before one, a multiple of 256, and packs those of 256.
    pub(super) fn coarsen_before(&mut self, span: usize, attic: &Attic) {
        let Some((lowest, above)) = self.levels.split_first_mut() else { return };
        lowest.drop_first((span - self.n_coarse) / FAN);
        self.n_coarse = span;
        if let Some(sums) = above.first_mut() {
            sums.pack(span / (FAN * FAN), attic);
        }
    }

    /// Goes on with sums of sixteen from such a span, of which they were forgotten.
    pub(super) fn refine_from(&mut self, span: usize) {
        self.n_coarse = self.n_coarse.min(span);
        self.forget_from(span);
    }

    /// Few will come any more: gives back what it has for more.
    pub(super) fn come_to_rest(&mut self) {
        self.levels.iter_mut().for_each(Level::shrink);
    }

    /// To look at sums one after the other.
    pub(super) fn looker(&self) -> Looker<'_> {
        Looker { sums: self, group: Group::default() }
    }
}

/// Looks at sums, and keeps at hand what it had to unpack.
pub(super) struct Looker<'a> {
    sums: &'a Sums,
    /// Of the one level that packs.
    group: Group,
}

impl Looker<'_> {
    /// The sum of most spans from `first` on, none beyond `end`, that fits; and of how many it is. One that
    /// does not fit is part of none that does.
    pub(super) fn largest(
        &mut self,
        first: usize,
        end: usize,
        fits: impl Fn(&Sum<'_>) -> bool,
    ) -> Option<(Sum<'_>, usize)> {
        // From the largest on, which lie in memory: what is part of one that fits is not unpacked.
        let n_levels = self.sums.levels.len() as u32;
        let (level, size) = (0..n_levels)
            .rev()
            .map(|level| (level as usize, FAN.pow(level + 1)))
            .filter(|(_, size)| first.is_multiple_of(*size) && first + size <= end)
            .find(|(level, size)| self.get(*level, first, *size).is_some_and(|sum| fits(&sum)))?;
        Some((self.get(level, first, size)?, size))
    }

    /// The sum of a level that begins with a span.
    fn get(&mut self, level: usize, first: usize, size: usize) -> Option<Sum<'_>> {
        let n_without = if level == 0 { self.sums.n_coarse } else { 0 };
        let index = first.checked_sub(n_without)? / size;
        self.sums.levels[level].get(index, &mut self.group)
    }
}
