//! Sets of ids in the order of ranks: the queue of tasks that are ready, and workers by their load.
//!
//! Every task of a run goes through the queue, most of them in the order of their ids, and changes the
//! load of its worker; few ranks are in use at one time. So it is no tree of pairs, but for each rank
//! the set of the ids as bits, in chunks that exist where there are any: a kilobyte for ten thousand
//! workers, where a tree of them is read from everywhere in memory.

use std::collections::BTreeMap;
use std::ops::Bound;

/// Words of a chunk: a summary has a bit for each.
const WORDS: usize = 32;
/// Ids of a chunk.
const SPAN: u32 = WORDS as u32 * 64;

/// Lanes that stay although they are empty: a set of few ids fills and empties the same ones all the
/// time. There may be no more: a forged trace has any number of ranks.
const MAX_EMPTY: usize = 8;

/// Pairs of a rank and an id, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ranked<R> {
    lanes: BTreeMap<R, Lane>,
    /// Lanes without ids.
    n_empty: usize,
    len: usize,
}

impl<R: Ord + Copy> PartialEq for Ranked<R> {
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len && self.iter().eq(other.iter())
    }
}

/// The ids of one rank.
#[derive(Clone, Debug, Default)]
struct Lane {
    /// In the order of their numbers. None is empty, but for the only one of a lane that is.
    chunks: Vec<Chunk>,
    len: usize,
}

/// The ids from `number` × [`SPAN`] on, as bits.
#[derive(Clone, Debug)]
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
        let lane = self.lanes.entry(rank).or_insert_with(|| {
            self.n_empty += 1;
            Lane::default()
        });
        if lane.insert(Place::of(id)) {
            self.len += 1;
            self.n_empty -= usize::from(lane.len == 1);
        }
    }

    /// Removes an id if it is there.
    pub(crate) fn remove(&mut self, rank: R, id: u32) {
        let Some(lane) = self.lanes.get_mut(&rank) else { return };
        if !lane.remove(Place::of(id)) {
            return;
        }
        self.len -= 1;
        if lane.len > 0 {
            return;
        }
        if self.n_empty < MAX_EMPTY {
            self.n_empty += 1;
        } else {
            self.lanes.remove(&rank);
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
        let Some((rank, id)) = after else { return self.lanes.iter().find_map(first) };
        let behind = id.checked_add(1);
        let here = behind.zip(self.lanes.get(&rank)).and_then(|(id, lane)| lane.next(id));
        let others = (Bound::Excluded(rank), Bound::Unbounded);
        match here {
            Some(id) => Some((rank, id)),
            None => self.lanes.range(others).find_map(first),
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
        if self.len == 0
            && let Some(empty) = self.chunks.first_mut()
        {
            empty.number = place.chunk;
        }
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
        self.len += usize::from(is_new);
        is_new
    }

    /// Returns whether it was there.
    fn remove(&mut self, place: Place) -> bool {
        let Ok(index) = self.find(place.chunk) else { return false };
        let chunk = &mut self.chunks[index];
        let word = &mut chunk.words[place.word];
        let was_there = *word & place.bit != 0;
        *word &= !place.bit;
        self.len -= usize::from(was_there);
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
        if self.len == 0 {
            return None;
        }
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
            steps in prop::collection::vec((any::<bool>(), 0..20_u32, id()), 0..300),
        ) {
            let (mut ranked, mut set) = (Ranked::default(), BTreeSet::new());
            for (insert, rank, id) in steps {
                let key = (rank, id);
                if insert {
                    ranked.insert(rank, id);
                    set.insert(key);
                } else {
                    ranked.remove(rank, id);
                    set.remove(&key);
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
