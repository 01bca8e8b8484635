//! How much of each pixel a shape covers: signed areas, summed along each row.
//!
//! Each side of an outline adds to the cells it passes what it changes in the coverage of all
//! cells to its right. A running sum along the row is then the coverage itself, exact to the
//! rounding of `f32`. The sums are plain additions and multiplications: the same on every machine.

/// A buffer of cells for one shape after the other.
#[derive(Clone, Debug, Default)]
pub(super) struct Coverage {
    left: i32,
    top: i32,
    /// Cells of a row: one more than pixels, and one to spare.
    width: usize,
    height: usize,
    cells: Vec<f32>,
}

impl Coverage {
    /// Takes in the outlines of a shape, as far as they are within `limit`.
    pub(super) fn of(&mut self, outlines: &[Vec<(f32, f32)>], limit: (f32, f32)) {
        self.height = 0;
        let is_sound = |(x, y): &(f32, f32)| x.is_finite() && y.is_finite();
        if !outlines.iter().flatten().all(is_sound) {
            return;
        }
        let clip = |(x, y): &(f32, f32)| (x.clamp(0.0, limit.0), y.clamp(0.0, limit.1));
        let points = || outlines.iter().flatten().map(clip);
        let least = points().fold((f32::MAX, f32::MAX), |a, b| (a.0.min(b.0), a.1.min(b.1)));
        let most = points().fold((0.0, 0.0), |a: (f32, f32), b| (a.0.max(b.0), a.1.max(b.1)));
        if least.0 > most.0 {
            return;
        }
        (self.left, self.top) = (least.0.floor() as i32, least.1.floor() as i32);
        self.width = (most.0.ceil() as i32 - self.left) as usize + 2;
        self.height = (most.1.ceil() as i32 - self.top) as usize;
        self.cells.clear();
        self.cells.resize(self.width * self.height, 0.0);
        let (dx, dy) = (self.left as f32, self.top as f32);
        for outline in outlines {
            let Some(last) = outline.last() else { continue };
            let mut from = clip(last);
            for point in outline {
                let to = clip(point);
                self.side((from.0 - dx, from.1 - dy), (to.0 - dx, to.1 - dy));
                from = to;
            }
        }
    }

    /// Shows each pixel that is covered at all.
    pub(super) fn each(&self, mut visit: impl FnMut(i32, i32, f32)) {
        for row in 0..self.height {
            let mut sum = 0.0;
            let cells = &self.cells[row * self.width..(row + 1) * self.width];
            for (column, cell) in cells.iter().enumerate() {
                sum += cell;
                let covered = f32::min(f32::abs(sum), 1.0);
                if covered > 1e-3 {
                    visit(self.left + column as i32, self.top + row as i32, covered);
                }
            }
        }
    }

    fn side(&mut self, from: (f32, f32), to: (f32, f32)) {
        if from.1 == to.1 {
            return;
        }
        let (sign, upper, lower) = if from.1 < to.1 { (1.0, from, to) } else { (-1.0, to, from) };
        let slope = (lower.0 - upper.0) / (lower.1 - upper.1);
        let mut x = upper.0;
        for row in upper.1 as usize..(lower.1.ceil() as usize).min(self.height) {
            let height = lower.1.min(row as f32 + 1.0) - upper.1.max(row as f32);
            let next = (x + slope * height).clamp(0.0, (self.width - 2) as f32);
            let cells = &mut self.cells[row * self.width..(row + 1) * self.width];
            within_row(cells, x.min(next), x.max(next), height * sign);
            x = next;
        }
    }
}

/// The part of a side within one row, from `x0` to `x1`, which covers `weight` of the row's height.
fn within_row(cells: &mut [f32], x0: f32, x1: f32, weight: f32) {
    let (first, end) = (x0.floor(), x1.ceil());
    let (index, n_cells) = (first as usize, (end - first) as usize);
    if n_cells <= 1 {
        let right_part = 0.5 * (x0 + x1) - first;
        cells[index] += weight * (1.0 - right_part);
        cells[index + 1] += weight * right_part;
        return;
    }
    let per_px = 1.0 / (x1 - x0);
    let head = 1.0 - (x0 - first);
    let tail = x1 - end + 1.0;
    // The area to the right of the side, cell by cell; each cell takes what it has beyond the last.
    let mut before = 0.0;
    for i in 0..n_cells {
        let covered = if i == 0 {
            0.5 * per_px * head * head
        } else if i + 1 == n_cells {
            1.0 - 0.5 * per_px * tail * tail
        } else {
            per_px * (head + i as f32 - 0.5)
        };
        cells[index + i] += weight * (covered - before);
        before = covered;
    }
    cells[index + n_cells] += weight * (1.0 - before);
}
