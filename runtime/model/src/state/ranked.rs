//! Sets of ids in the order of ranks: the queue of tasks that are ready, and workers by their load.
//!
//! Every task of a run goes through the queue, most of them in the order of their ids, and changes its
//! worker's load twice; few ranks are in use at one time. So it is no tree of pairs, but for each rank
//! the set of the ids as bits, in chunks that exist where there are any: a kilobyte for ten thousand
//! workers, where a tree of them is read from everywhere in memory.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ops::Bound;

/// Words of a chunk: a summary has a bit for each.
const WORDS: usize = 32;
/// Ids of a chunk.
const SPAN: u32 = WORDS as u32 * 64;

/// Pairs of a rank and an id, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ranked<R> {
    /// None is empty. A forged trace has any number of them.
    lanes: BTreeMap<R, Lane>,
    len: usize,
    /// The last lane that became empty, for its memory: a set of few ids makes and drops lanes
    /// all the time.
    spare: Option<Lane>,
}

impl<R: Ord> PartialEq for Ranked<R> {
    fn eq(&self, other: &Self) -> bool {
        self.lanes == other.lanes
    }
}

/// The ids of one rank.
#[derive(Clone, Debug, Default, PartialEq)]
struct Lane {
    /// In the order of their numbers. None is empty, but for the only one of a lane that is.
    chunks: Vec<Chunk>,
}

/// The ids from `number` × [`SPAN`] on, as bits.
#[derive(Clone, Debug, PartialEq)]
struct Chunk {
    number: u32,
    /// Which words have any bits.
    summary: u32,
    words: Box<[u64; WORDS]>,
}

/// Where an id is in its chunk.
#[derive(Clone, Copy)]
struct Place {
    chunk: u32,
    word: usize,
    bit: u64,
}

impl Place {
    fn of(id: u32) -> Self {
        let word = (id % SPAN / 64) as usize;
        Self { chunk: id / SPAN, word, bit: 1 << (id % 64) }
    }
}

impl<R: Ord + Copy> Ranked<R> {
    /// How many ids there are.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Adds an id that may be there.
    pub(crate) fn insert(&mut self, rank: R, id: u32) {
        let place = Place::of(id);
        let lane = self.lanes.entry(rank);
        let lane = lane.or_insert_with(|| Lane::begin(self.spare.take(), place.chunk));
        self.len += usize::from(lane.insert(place));
    }

    /// Removes an id if it is there.
    pub(crate) fn remove(&mut self, rank: R, id: u32) {
        let Entry::Occupied(mut lane) = self.lanes.entry(rank) else { return };
        self.len -= usize::from(lane.get_mut().remove(Place::of(id)));
        if lane.get().is_empty() {
            self.spare = Some(lane.remove());
        }
    }

    /// Gives an id another rank.
    pub(crate) fn shift(&mut self, id: u32, from: R, to: R) {
        if from != to {
            self.remove(from, id);
            self.insert(to, id);
        }
    }

    /// Whether an id is there with that rank.
    pub(crate) fn contains(&self, rank: R, id: u32) -> bool {
        let place = Place::of(id);
        let lane = self.lanes.get(&rank);
        let chunk = lane.and_then(|l| l.find(place.chunk).ok().map(|index| &l.chunks[index]));
        chunk.is_some_and(|chunk| chunk.words[place.word] & place.bit != 0)
    }

    /// The first one behind `after`, or of all.
    pub(crate) fn next(&self, after: Option<(R, u32)>) -> Option<(R, u32)> {
        let first = |(rank, lane): (&R, &Lane)| Some((*rank, lane.next(0)?));
        let Some((rank, id)) = after else { return first(self.lanes.first_key_value()?) };
        let behind = id.checked_add(1);
        let here = behind.zip(self.lanes.get(&rank)).and_then(|(id, lane)| lane.next(id));
        let others = (Bound::Excluded(rank), Bound::Unbounded);
        match here {
            Some(id) => Some((rank, id)),
            None => first(self.lanes.range(others).next()?),
        }
    }

    /// All, in order.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = (R, u32)> {
        self.lanes.iter().flat_map(|(&rank, lane)| {
            lane.chunks.iter().flat_map(Chunk::iter).map(move |id| (rank, id))
        })
    }
}

impl<R: Ord + Copy + Default> FromIterator<(R, u32)> for Ranked<R> {
    fn from_iter<T: IntoIterator<Item = (R, u32)>>(ids: T) -> Self {
        let mut ranked = Self::default();
        ids.into_iter().for_each(|(rank, id)| ranked.insert(rank, id));
        ranked
    }
}

impl Lane {
    /// A lane for an id in that chunk, out of the memory of an empty one if there is one.
    fn begin(spare: Option<Self>, number: u32) -> Self {
        let mut lane = spare.unwrap_or_default();
        if let Some(chunk) = lane.chunks.first_mut() {
            chunk.number = number;
        }
        lane
    }

    fn is_empty(&self) -> bool {
        self.chunks.iter().all(|chunk| chunk.summary == 0)
    }

    /// Where a chunk is or would be: mostly it is the first or the last one.
    fn find(&self, number: u32) -> Result<usize, usize> {
        match self.chunks.as_slice() {
            [first, ..] if first.number == number => Ok(0),
            [.., last] if last.number == number => Ok(self.chunks.len() - 1),
            [.., last] if last.number < number => Err(self.chunks.len()),
            chunks => chunks.binary_search_by_key(&number, |chunk| chunk.number),
        }
    }

    /// Returns whether it was not there.
    fn insert(&mut self, place: Place) -> bool {
        let index = match self.find(place.chunk) {
            Ok(index) => index,
            Err(index) => {
                let (number, words) = (place.chunk, Box::new([0; WORDS]));
                self.chunks.insert(index, Chunk { number, summary: 0, words });
                index
            }
        };
        let chunk = &mut self.chunks[index];
        let word = &mut chunk.words[place.word];
        let is_new = *word & place.bit == 0;
        *word |= place.bit;
        chunk.summary |= 1 << place.word;
        is_new
    }

    /// Returns whether it was there.
    fn remove(&mut self, place: Place) -> bool {
        let Ok(index) = self.find(place.chunk) else { return false };
        let chunk = &mut self.chunks[index];
        let word = &mut chunk.words[place.word];
        let was_there = *word & place.bit != 0;
        *word &= !place.bit;
        if *word == 0 {
            chunk.summary &= !(1 << place.word);
            if chunk.summary == 0 && self.chunks.len() > 1 {
                self.chunks.remove(index);
            }
        }
        was_there
    }

    /// The first id from one on.
    fn next(&self, from: u32) -> Option<u32> {
        let (Ok(index) | Err(index)) = self.find(from / SPAN);
        let mut chunks = self.chunks[index..].iter();
        let first = chunks.next()?;
        let within = if first.number == from / SPAN { from % SPAN } else { 0 };
        first.next(within).or_else(|| chunks.next()?.next(0))
    }
}

impl Chunk {
    /// The first id from the one at `within` on.
    fn next(&self, within: u32) -> Option<u32> {
        let word = within / 64;
        let here = self.words[word as usize] & (u64::MAX << (within % 64));
        let (word, bits) = if here != 0 {
            (word, here)
        } else {
            let later = self.summary & (u32::MAX << word) & !(1 << word);
            let word = later.trailing_zeros();
            (word, *self.words.get(word as usize)?)
        };
        Some(self.number * SPAN + word * 64 + bits.trailing_zeros())
    }

    fn iter(&self) -> impl DoubleEndedIterator<Item = u32> {
        Bits(self.summary.into()).flat_map(|word| {
            let begin = self.number * SPAN + word * 64;
            Bits(self.words[word as usize]).map(move |bit| begin + bit)
        })
    }
}

/// The numbers of the bits that are set, from the least one on.
struct Bits(u64);

impl Iterator for Bits {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        let bit = (self.0 != 0).then(|| self.0.trailing_zeros())?;
        self.0 ^= 1 << bit;
        Some(bit)
    }
}

impl DoubleEndedIterator for Bits {
    fn next_back(&mut self) -> Option<u32> {
        let bit = self.0.checked_ilog2()?;
        self.0 ^= 1 << bit;
        Some(bit)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// Ids near one another and near the ends of chunks and of all ids.
    fn id() -> impl Strategy<Value = u32> {
        prop_oneof![
            0..200_u32,
            2_040..2_060_u32,
            (0..9_u32).prop_map(|i| i * SPAN),
            u32::MAX - 70..=u32::MAX
        ]
    }

    proptest! {
        #[test]
        fn it_is_the_set_of_its_pairs(
            steps in prop::collection::vec((0..3_u8, 0..4_u32, 0..4_u32, id()), 0..300),
        ) {
            let (mut ranked, mut set) = (Ranked::default(), BTreeSet::new());
            for (what, rank, other, id) in steps {
                let key = (rank, id);
                match what {
                    0 => {
                        ranked.remove(rank, id);
                        set.remove(&key);
                    }
                    1 if set.remove(&key) => {
                        ranked.shift(id, rank, other);
                        set.insert((other, id));
                    }
                    _ => {
                        ranked.insert(rank, id);
                        set.insert(key);
                    }
                }
                prop_assert_eq!(ranked.contains(rank, id), set.contains(&key));
                prop_assert_eq!(ranked.len(), set.len());
                let behind = (Bound::Excluded(key), Bound::Unbounded);
                prop_assert_eq!(ranked.next(Some(key)), set.range(behind).next().copied());
                prop_assert_eq!(ranked.next(None), set.first().copied());
            }
            let pairs: Vec<(u32, u32)> = set.iter().copied().collect();
            prop_assert_eq!(ranked.iter().collect::<Vec<_>>(), &pairs[..]);
            prop_assert!(ranked.iter().rev().eq(pairs.into_iter().rev()));
            prop_assert_eq!(set.into_iter().collect::<Ranked<u32>>(), ranked);
        }
    }
}
