//! The points of a series that is at rest: packed, and in an attic.

use std::sync::Arc;

use super::Point;
use crate::attic::{Attic, Parcel};
use crate::packed::{Unpacker, put};

/// At least one point.
#[derive(Clone, Debug)]
pub(super) struct Rested {
    n_points: usize,
    last: u64,
    most: u64,
    bytes: Arc<Parcel>,
}

impl Rested {
    /// `None`: there is nothing to pack.
    pub(super) fn pack(points: &[Point], attic: &Attic) -> Option<Self> {
        let (last, most) = (points.last()?.last, points.iter().map(|point| point.most).max()?);
        let (mut bytes, mut before) = (Vec::new(), 0);
        for Point { cell, least, most, last } in points {
            put(&mut bytes, cell - before);
            put(&mut bytes, *least);
            put(&mut bytes, most - least);
            put(&mut bytes, last - least);
            before = *cell;
        }
        Some(Self { n_points: points.len(), last, most, bytes: Arc::new(attic.put(bytes)) })
    }

    /// The last value.
    pub(super) fn last(&self) -> u64 {
        self.last
    }

    /// The most it ever was.
    pub(super) fn most(&self) -> u64 {
        self.most
    }

    pub(super) fn unpack(&self) -> Vec<Point> {
        let bytes = self.bytes.bytes();
        let mut numbers = Unpacker::new(&bytes);
        let mut cell = 0_u64;
        let point = |_| {
            cell = cell.saturating_add(numbers.take());
            let least = numbers.take();
            let most = least.saturating_add(numbers.take());
            Point { cell, least, most, last: least.saturating_add(numbers.take()) }
        };
        (0..self.n_points).map(point).collect()
    }
}
