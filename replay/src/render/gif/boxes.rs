//! Which boxes of a picture changed.
//!
//! LZW, in which GIF is written, learns long runs slowly: a box of `n` unchanged pixels costs about
//! the root of `2 n` codes however little is in it. Changes that lie far apart (a clock, the front
//! of the task stream, a bar) are therefore much smaller as a few tight boxes than as one.

use std::ops::Range;

/// Bytes that a box costs beside its pixels; a split must save more.
const PER_BOX: f64 = 24.0;
/// Empty bands that are tried as borders between boxes, the widest ones.
const BANDS: usize = 3;

/// A box of pixels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Area {
    pub(super) columns: Range<usize>,
    pub(super) rows: Range<usize>,
}

impl Area {
    /// About how many bytes it costs if nothing is in it.
    fn cost(&self) -> f64 {
        (2.0 * self.columns.len() as f64 * self.rows.len() as f64).sqrt() * 1.3 + PER_BOX
    }
}

/// Pixels that differ between two pictures.
pub(super) struct Changes {
    width: usize,
    differs: Vec<bool>,
}

impl Changes {
    /// Compares two pictures of that width.
    pub(super) fn new(width: usize, before: &[u8], after: &[u8]) -> Self {
        let differs = before.iter().zip(after).map(|(a, b)| a != b).collect();
        Self { width, differs }
    }

    /// Whether a pixel differs.
    pub(super) fn at(&self, column: usize, row: usize) -> bool {
        self.differs[row * self.width + column]
    }

    /// At most `n_max` boxes that hold all changes, where several are smaller than one; none if
    /// nothing differs.
    pub(super) fn boxes(&self, n_max: usize) -> Vec<Area> {
        let height = self.differs.len() / self.width.max(1);
        let mut boxes: Vec<Area> =
            self.tight(&Area { columns: 0..self.width, rows: 0..height }).into_iter().collect();
        while boxes.len() < n_max {
            let splits =
                boxes.iter().enumerate().filter_map(|(i, area)| Some((i, self.split(area)?)));
            let best = splits.max_by(|(_, a), (_, b)| a.0.total_cmp(&b.0));
            let Some((i, (_, one, other))) = best else { break };
            boxes[i] = one;
            boxes.push(other);
        }
        boxes
    }

    /// The smallest box around what differs within an area.
    fn tight(&self, area: &Area) -> Option<Area> {
        let row_differs = |row: &usize| {
            let row = row * self.width;
            self.differs[row + area.columns.start..row + area.columns.end].contains(&true)
        };
        let mut rows = area.rows.clone();
        let first = rows.find(row_differs)?;
        let last = rows.rfind(row_differs).unwrap_or(first);
        let rows = first..last + 1;
        let column_differs = |column: &usize| rows.clone().any(|row| self.at(*column, row));
        let mut columns = area.columns.clone();
        let first = columns.find(column_differs)?;
        let last = columns.rfind(column_differs).unwrap_or(first);
        Some(Area { columns: first..last + 1, rows })
    }

    /// The two boxes that save the most, and how much.
    fn split(&self, area: &Area) -> Option<(f64, Area, Area)> {
        let rows = empty_bands(area.rows.clone(), |row| {
            area.columns.clone().any(|column| self.at(column, row))
        });
        let columns = empty_bands(area.columns.clone(), |column| {
            area.rows.clone().any(|row| self.at(column, row))
        });
        let of_rows = rows.into_iter().map(|band| {
            let above = Area { rows: area.rows.start..band.start, ..area.clone() };
            (above, Area { rows: band.end..area.rows.end, ..area.clone() })
        });
        let of_columns = columns.into_iter().map(|band| {
            let left = Area { columns: area.columns.start..band.start, ..area.clone() };
            (left, Area { columns: band.end..area.columns.end, ..area.clone() })
        });
        of_rows
            .chain(of_columns)
            .filter_map(|(one, other)| {
                let (one, other) = (self.tight(&one)?, self.tight(&other)?);
                Some((area.cost() - one.cost() - other.cost(), one, other))
            })
            .filter(|(gain, ..)| *gain > 0.0)
            .max_by(|a, b| a.0.total_cmp(&b.0))
    }
}

/// The widest stretches in which nothing differs.
fn empty_bands(range: Range<usize>, differs: impl Fn(usize) -> bool) -> Vec<Range<usize>> {
    let mut bands: Vec<Range<usize>> = Vec::new();
    let mut begin = range.start;
    for index in range {
        if differs(index) {
            if index > begin {
                bands.push(begin..index);
            }
            begin = index + 1;
        }
    }
    bands.sort_by_key(|band| (usize::MAX - band.len(), band.start));
    bands.truncate(BANDS);
    bands
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 200 × 100 pixels in which some differ.
    fn changes(changed: &[(usize, usize)]) -> Changes {
        let before = vec![0; 20_000];
        let mut after = before.clone();
        for (column, row) in changed {
            after[row * 200 + column] = 1;
        }
        Changes::new(200, &before, &after)
    }

    #[test]
    fn what_lies_apart_is_boxed_apart() {
        let corners = changes(&[(1, 2), (3, 4), (150, 90), (151, 91)]);
        let area = |columns, rows| Area { columns, rows };
        assert_eq!(corners.boxes(4), [area(1..4, 2..5), area(150..152, 90..92)]);
        assert_eq!(corners.boxes(1), [area(1..152, 2..92)]);
        assert_eq!(changes(&[(7, 7), (9, 7)]).boxes(4), [area(7..10, 7..8)]);
        assert_eq!(changes(&[]).boxes(4), []);
    }

    #[test]
    fn boxes_hold_every_change() {
        let changed: Vec<(usize, usize)> = (0..60).map(|i| (i * 37 % 200, i * 53 % 100)).collect();
        let boxes = changes(&changed).boxes(4);
        let is_in = |(column, row): &(usize, usize)| {
            boxes.iter().any(|area| area.columns.contains(column) && area.rows.contains(row))
        };
        assert!(changed.iter().all(is_in), "{boxes:?}");
    }
}
