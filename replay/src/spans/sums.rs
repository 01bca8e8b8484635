//! Closed spans of a lane summed up: sixteen, sixteen times sixteen and so on. A picture in which many of
//! them fall into one pixel column takes their sums, so that it costs what it shows and not what the
//! run did. What is summed up is never looked at again unless it changes, which it hardly does.

use taskreel_model::Nanos;

/// How many are summed up to one.
const FAN: usize = 16;

/// Sums of spans from the first one on.
#[derive(Clone, Debug, Default)]
pub(super) struct Sums {
    /// `levels[0]` is of sixteen spans each, from `n_coarse` on, `levels[1]` of 256 each.
    levels: Vec<Level>,
    /// Spans of which there are no sums of sixteen any more.
    n_coarse: usize,
}

/// Sums of as many spans each. What lasts lies in two columns: as many small pieces of memory, made while blocks
/// come and go, would leave holes that none of them fits into.
#[derive(Clone, Debug, Default)]
struct Level {
    entries: Vec<Entry>,
    /// Parts but the first of each, one behind the other.
    more: Vec<Part>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    start: Nanos,
    reach: Nanos,
    first: Part,
    /// Where its parts end in `more`.
    more_end: usize,
}

/// Some spans that follow one another.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sum<'a> {
    /// The first begin.
    pub(crate) start: Nanos,
    /// The last end.
    pub(crate) reach: Nanos,
    first: &'a Part,
    more: &'a [Part],
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

impl<'a> Sum<'a> {
    /// By class.
    pub(crate) fn parts(&self) -> impl Iterator<Item = &'a Part> + use<'a> {
        std::iter::once(self.first).chain(self.more)
    }
}

impl Level {
    fn len(&self) -> usize {
        self.entries.len()
    }

    fn get(&self, index: usize) -> Option<Sum<'_>> {
        let Entry { start, reach, first, more_end } = self.entries.get(index)?;
        let more = &self.more[self.more_begin(index)..*more_end];
        Some(Sum { start: *start, reach: *reach, first, more })
    }

    /// Where the further parts of a sum begin.
    fn more_begin(&self, index: usize) -> usize {
        index.checked_sub(1).map_or(0, |before| self.entries[before].more_end)
    }

    /// Adds a sum of at least one part.
    fn push(&mut self, (start, reach): (Nanos, Nanos), mut parts: Vec<Part>) {
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
        self.more.extend(&parts[1..]);
        self.entries.push(Entry { start, reach, first: parts[0], more_end: self.more.len() });
    }

    fn truncate(&mut self, n: usize) {
        if n < self.len() {
            self.more.truncate(self.more_begin(n));
            self.entries.truncate(n);
        }
    }

    fn drop_first(&mut self, n: usize) {
        let n_more = self.more_begin(n);
        self.more.drain(..n_more);
        self.entries.drain(..n);
        self.entries.iter_mut().for_each(|entry| entry.more_end -= n_more);
    }
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
        let n_sums = sums.len();
        if n_sums.is_multiple_of(FAN) {
            let full = || (n_sums - FAN..n_sums).filter_map(|index| sums.get(index));
            let parts = full().flat_map(|sum| sum.parts()).copied().collect();
            let above = extent(full().map(|sum| (sum.start, sum.reach)));
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

    /// Keeps no sums of sixteen of the spans before one, a multiple of 256.
    pub(super) fn coarsen_before(&mut self, span: usize) {
        let Some(lowest) = self.levels.first_mut() else { return };
        lowest.drop_first((span - self.n_coarse) / FAN);
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
        fits: impl Fn(&Sum<'_>) -> bool,
    ) -> Option<(Sum<'_>, usize)> {
        let (mut found, mut size, mut n_without) = (None, FAN, self.n_coarse);
        for sums in &self.levels {
            if !first.is_multiple_of(size) || first + size > end {
                break;
            }
            if first >= n_without {
                match sums.get((first - n_without) / size) {
                    Some(sum) if fits(&sum) => found = Some((sum, size)),
                    _ => break,
                }
            }
            (n_without, size) = (0, size * FAN);
        }
        found
    }
}
