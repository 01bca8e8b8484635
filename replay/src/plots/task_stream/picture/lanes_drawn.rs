//! Pieces of lanes as layers of glyphs, the backmost first: where workers were, what was lost, what
//! finished, what runs, seams between neighbours of one colour, data on the move, lost workers
//! and failures on top.

use taskreel_model::{Key, Outcome, PrefixId, WorkerStatus};

use super::labels::{Labels, Subject};
use super::marks_drawn;
use super::{LOST_OPACITY, MOVED, RUNNING_OPACITY, WAITS_OPACITY};
use crate::figure::{
    Anchor, Color, Edges, Figure, Glyphs, LABEL_PX, Layer, Points, Rects, Shape, Text, View, elide,
    text_width,
};
use crate::lanes::{Lanes, WorkerLanes};
use crate::lod::{FULL, Lod, Piece};
use crate::plots::task_stream::known::{of_attempts, of_moves};
use crate::plots::task_stream::{Moved, SlotColumns, TaskStream, WorkerColumns};
use crate::spans::Spans;

/// Most pieces of a figure: a column of a lane holds one at the most. The rest of what a page can be sent
/// is for backgrounds, seams and marks.
const PIECES_MAX: u64 = 150_000;
/// Failures of a lane that are closer than this share a cross.
const CROSS_PX: f32 = 8.0;
/// Bold letters are so much wider.
const BOLD: f32 = 1.12;
/// Neighbours of one colour that are at least this wide are told apart by a seam.
const SEAM_PX: i32 = 5;

/// Layers in the making.
pub(super) struct Drawing<'a> {
    plot: &'a TaskStream,
    lanes: &'a Lanes,
    lod: Lod,
    /// The same with as many columns as pieces may have.
    pieces: Lod,
    /// Pixels of such a column.
    column_px: i32,
    /// Attempts of this prefix only.
    only: Option<PrefixId>,
    /// By category: those of prefixes that there are, and that of failures. Each costs something in each
    /// column of each lane.
    colors: Vec<Color>,
    /// Categories by prefix.
    categories: Vec<u8>,
    labels: Labels<'a>,
    back: Rects,
    waits: Rects,
    lost: Rects,
    done: Rects,
    running: Rects,
    seams: Rects,
    bands: Rects,
    ends: Edges,
    plates: Rects,
    names_behind: Vec<(f32, f32, String)>,
    names_before: Vec<(f32, f32, String)>,
    crosses: Points,
}

impl<'a> Drawing<'a> {
    pub(super) fn new(plot: &'a TaskStream, lanes: &'a Lanes, view: &View, width_px: u32) -> Self {
        let cross_px = (lanes.lane_px as f32 * 0.6).clamp(6.0, 9.0);
        let now = view.now.min(view.window.to);
        let prefixes = plot.prefixes.iter();
        let mut colors: Vec<Color> = prefixes.clone().map(|prefix| prefix.color).collect();
        colors.sort_unstable();
        colors.dedup();
        let category = |color| colors.iter().position(|known| *known == color).unwrap_or(0) as u8;
        let categories = prefixes.map(|prefix| category(prefix.color)).collect();
        colors.push(Color::ERROR);
        let n_categories = colors.len() as u8;
        let lod = Lod { window: view.window, now, width_px, n_categories };
        let column_px = column_px(lanes, width_px);
        Self {
            plot,
            lanes,
            pieces: Lod { width_px: width_px.div_ceil(column_px), ..lod },
            column_px: column_px as i32,
            lod,
            only: view.filter.prefix,
            colors,
            categories,
            labels: Labels::new(plot, view.now),
            back: Rects::default(),
            waits: Rects::default(),
            lost: Rects::default(),
            done: Rects::default(),
            running: Rects::default(),
            seams: Rects::default(),
            bands: Rects::default(),
            ends: Edges::new(2.0, false),
            plates: Rects::default(),
            names_behind: Vec::new(),
            names_before: Vec::new(),
            crosses: Points::new(Shape::Cross, cross_px),
        }
    }

    pub(super) fn worker(&mut self, worker: &'a WorkerColumns, at: &WorkerLanes) {
        self.presence(worker, at);
        if self.lanes.collapsed {
            self.collapsed(worker, at.lanes[0]);
        } else {
            for (index, (slot, y)) in worker.slots.iter().zip(&at.lanes).enumerate() {
                self.waits(worker, slot, *y);
                self.slot(worker, index, slot, *y);
            }
        }
        for (index, slot) in worker.slots.iter().enumerate() {
            let y = at.lanes[if self.lanes.collapsed { 0 } else { index.min(at.lanes.len() - 1) }];
            self.failures(slot, y as f32 + self.lanes.lane_px as f32 / 2.0);
        }
        if self.lanes.track_px > 0 {
            self.band(worker, &worker.transfers, at.band);
            self.band(worker, &worker.local, at.band + self.lanes.track_px);
        }
        self.loss(worker, at);
    }

    pub(super) fn finish(mut self, figure: &mut Figure) {
        let rects =
            [&mut self.waits, &mut self.lost, &mut self.done, &mut self.running, &mut self.bands]
                .map(|r| &mut r.label);
        self.labels.write(rects, &mut self.crosses.label, &mut figure.strings);
        figure.push(Layer::new(Glyphs::Rects(self.back)));
        figure.push(Layer::pale(WAITS_OPACITY, Glyphs::Rects(self.waits)));
        figure.push(Layer::pale(LOST_OPACITY, Glyphs::Rects(self.lost)));
        figure.push(Layer::new(Glyphs::Rects(self.done)));
        figure.push(Layer::pale(RUNNING_OPACITY, Glyphs::Rects(self.running)));
        figure.push(Layer::pale(0.25, Glyphs::Rects(self.seams)));
        figure.push(Layer::new(Glyphs::Rects(self.bands)));
        figure.push(Layer::new(Glyphs::Edges(self.ends)));
        if self.lod.now < self.lod.window.to {
            let mut now = Edges::new(1.0, true);
            let x = self.lod.px_from_ns(self.lod.now) as f32;
            now.push((x, 0.0), (x, self.lanes.height_px as f32), Color::TEXT);
            figure.push(Layer::new(Glyphs::Edges(now)));
        }
        marks_drawn::draw(&self.plot.marks, &self.lod, self.lanes.height_px, figure);
        figure.push(Layer::new(Glyphs::Points(self.crosses)));
        figure.push(Layer::pale(0.8, Glyphs::Rects(self.plates)));
        let names = [(Anchor::Start, self.names_behind), (Anchor::End, self.names_before)];
        for (anchor, names) in names {
            let mut texts = Text::new(anchor, LABEL_PX).bold();
            for (x, y, name) in names {
                let text = figure.string(name);
                texts.push((x, y), text, Color::LOST);
            }
            figure.push(Layer::new(Glyphs::Text(texts)));
        }
    }

    /// Lane backgrounds: light while the worker is here, dark before and after, yellow in a pause.
    fn presence(&mut self, worker: &WorkerColumns, at: &WorkerLanes) {
        let mut colors = vec![(0, Color::ABSENT)];
        for (since, status) in &worker.presence {
            let x = self.lod.px_from_ns(*since).round() as i32;
            let color = match status {
                WorkerStatus::Running | WorkerStatus::Retiring => Color::LANE,
                WorkerStatus::Paused => Color::PAUSED,
                WorkerStatus::Lost => Color::ABSENT,
            };
            // Of changes within one pixel the last one shows.
            if colors.last().is_some_and(|(last, _)| *last == x) {
                colors.pop();
            }
            colors.push((x, color));
        }
        let end = self.lod.width_px as i32;
        let ends: Vec<i32> = colors.iter().skip(1).map(|(x, _)| *x).chain([end]).collect();
        for ((x, color), x1) in colors.into_iter().zip(ends) {
            if x1 > x {
                self.back.push((x, at.top), (x1 - x, at.bottom - at.top), color, -1);
            }
        }
    }

    fn slot(&mut self, worker: &'a WorkerColumns, index: usize, slot: &'a SlotColumns, y: i32) {
        let pieces = self.pieces.lane(&slot.attempts, |class| self.category(class));
        let mut before: Option<Piece> = None;
        for piece in pieces {
            let piece = self.in_pixels(piece);
            let subject = if piece.is_single {
                Subject::Attempt { worker, slot: index, columns: slot, span: piece.span }
            } else {
                Subject::Attempts { prefix: of_attempts(piece.class).0 }
            };
            let label = self.labels.want(piece.width, subject);
            let color = self.colors[usize::from(piece.category)];
            let is_one = piece.level == FULL && piece.is_single;
            let span = || slot.attempts.get(piece.span);
            let rects = match is_one.then(span) {
                Some(span) if span.is_open() => &mut self.running,
                Some(span) => match span.what.outcome {
                    Some(Outcome::Lost | Outcome::Cancelled) => &mut self.lost,
                    None | Some(Outcome::Finished | Outcome::Failed) => &mut self.done,
                },
                None => &mut self.done,
            };
            put(rects, &piece, y, self.lanes.lane_px, color, label);
            if let Some(before) = before
                && before.x + before.width == piece.x
                && before.category == piece.category
                && before.width.min(piece.width) >= SEAM_PX
            {
                self.seams.push((piece.x, y), (1, self.lanes.lane_px), Color::SEAM, -1);
            }
            before = Some(piece);
        }
    }

    /// What left a slot to wait for its own tasks, behind all that computed there meanwhile.
    fn waits(&mut self, worker: &'a WorkerColumns, slot: &'a SlotColumns, y: i32) {
        let waits = &slot.waits;
        for piece in self.pieces.overlaid([waits], 1.0, |class| self.category(class)) {
            let piece = self.in_pixels(piece);
            let subject = if piece.is_single {
                Subject::Wait { worker, waits, span: piece.span }
            } else {
                Subject::Waits { prefix: of_attempts(piece.class).0 }
            };
            let label = self.labels.want(piece.width, subject);
            let color = self.colors[usize::from(piece.category)];
            put(&mut self.waits, &piece, y, self.lanes.lane_px, color, label);
        }
    }

    /// All slots of a worker on one lane, whose height then is the share of slots that are busy.
    fn collapsed(&mut self, worker: &'a WorkerColumns, y: i32) {
        let lanes = worker.slots.iter().map(|slot| &slot.attempts);
        let n_slots = f32::from(worker.n_slots);
        let pieces = self.pieces.overlaid(lanes, n_slots, |class| self.category(class));
        for piece in pieces {
            let piece = self.in_pixels(piece);
            let color = self.colors[usize::from(piece.category)];
            let label = self.labels.want(0, Subject::Worker { worker, color });
            put(&mut self.done, &piece, y, self.lanes.lane_px, color, label);
        }
    }

    fn band(&mut self, worker: &'a WorkerColumns, spans: &'a Spans<Moved>, y: i32) {
        let category = |class| {
            let (track, prefix) = of_moves(class);
            self.is_shown(prefix).then_some(track)
        };
        let lod = Lod { n_categories: MOVED.len() as u8, ..self.pieces };
        let pieces = lod.overlaid([spans], 1.0, category);
        for piece in pieces {
            let piece = self.in_pixels(piece);
            let subject = if piece.is_single {
                Subject::Moved { worker, columns: spans, span: piece.span }
            } else {
                Subject::MovedMany { track: piece.category as usize }
            };
            let label = self.labels.want(piece.width, subject);
            let (color, _) = MOVED[piece.category as usize];
            // A band is too low for slivers: it shows that data moved, not how densely.
            let piece = Piece { level: piece.level.max(FULL / 2), ..piece };
            put(&mut self.bands, &piece, y, self.lanes.track_px, color, label);
        }
    }

    /// A piece of columns as one of pixels.
    fn in_pixels(&self, piece: Piece) -> Piece {
        let (x, width) = (piece.x * self.column_px, piece.width * self.column_px);
        Piece { x, width: width.min(self.lod.width_px as i32 - x).max(1), ..piece }
    }

    /// Crosses where attempts failed: near ones share one, none is left out.
    fn failures(&mut self, slot: &SlotColumns, y: f32) {
        let window = self.lod.window;
        let begin = slot.failed.partition_point(|(at, _)| *at < window.from);
        let end = slot.failed.partition_point(|(at, _)| *at <= window.to);
        let mut group: Option<(f32, usize, Key)> = None;
        let failed =
            slot.failed[begin..end].iter().filter(|(_, key)| self.is_shown(Some(key.prefix)));
        for (at, key) in failed.copied().collect::<Vec<_>>() {
            let x = self.lod.px_from_ns(at) as f32;
            match &mut group {
                Some((first, n, _)) if x - *first < CROSS_PX => *n += 1,
                _ => {
                    if let Some(done) = group.replace((x, 1, key)) {
                        self.cross(done, y);
                    }
                }
            }
        }
        if let Some(last) = group {
            self.cross(last, y);
        }
    }

    fn cross(&mut self, (x, n_failed, key): (f32, usize, Key), y: f32) {
        let label = self.labels.want(i32::MAX, Subject::Failed { n_failed, key });
        self.crosses.push((x, y), Color::ERROR, label);
    }

    /// A line where a worker was lost, and its name in the empty lane behind it.
    fn loss(&mut self, worker: &WorkerColumns, at: &WorkerLanes) {
        let Some(lost_at) = worker.lost_at else { return };
        if lost_at < self.lod.window.from || lost_at > self.lod.window.to {
            return;
        }
        let x = self.lod.px_from_ns(lost_at) as f32;
        self.ends.push((x, at.top as f32 - 1.0), (x, at.bottom as f32 + 1.0), Color::LOST);
        if at.bottom - at.top < 10 {
            return;
        }
        let y = (at.top + at.bottom) as f32 / 2.0;
        let name = format!("{} lost", worker.name);
        let (behind, before) = (self.lod.width_px as f32 - x - 8.0, x - 8.0);
        if text_width(&name, LABEL_PX) < behind || behind >= before {
            self.names_behind.push((x + 5.0, y, elide(&name, behind, LABEL_PX)));
        } else {
            // Before the line are attempts: a plate keeps the name legible.
            let name = elide(&name, before, LABEL_PX);
            let width = (text_width(&name, LABEL_PX) * BOLD) as i32 + 10;
            self.plates.push((x as i32 - width, y as i32 - 8), (width, 16), Color::BACKGROUND, -1);
            self.names_before.push((x - 5.0, y, name));
        }
    }

    /// Whether what is told of a task is to be shown; what is known of none is, unless one asks for
    /// a prefix.
    fn is_shown(&self, prefix: Option<PrefixId>) -> bool {
        self.only.is_none_or(|only| prefix == Some(only))
    }

    fn category(&self, class: u32) -> Option<u8> {
        let (prefix, has_failed) = of_attempts(class);
        let of_failures = (self.colors.len() - 1) as u8;
        let of_prefix = || self.categories.get(prefix.index()).copied().unwrap_or(0);
        self.is_shown(Some(prefix)).then(|| if has_failed { of_failures } else { of_prefix() })
    }
}

/// Pixels of a column of pieces: one, unless so many lanes would make too many of them.
fn column_px(lanes: &Lanes, width_px: u32) -> u32 {
    let n_bands = if lanes.track_px > 0 { 2 * lanes.workers.len() } else { 0 };
    let n_rows = lanes.workers.iter().map(|worker| worker.lanes.len()).sum::<usize>() + n_bands;
    let n_pieces = n_rows as u64 * u64::from(width_px);
    n_pieces.div_ceil(PIECES_MAX).max(1) as u32
}

/// A piece as a rectangle that stands on the lane's lower edge.
fn put(rects: &mut Rects, piece: &Piece, y: i32, lane_px: i32, color: Color, label: i32) {
    let height = match piece.level {
        0 => (lane_px / 10).max(1),
        level => ((lane_px * i32::from(level) + 2) / i32::from(FULL)).max(1),
    };
    rects.push((piece.x, y + lane_px - height), (piece.width, height), color, label);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lanes::Lodger;

    #[test]
    fn many_lanes_have_wider_columns() {
        let column = |n: u32, n_slots: u16, size: (u32, u32)| {
            let name = |worker| Lodger { worker, name: format!("worker-{worker}"), n_slots };
            let lodgers: Vec<Lodger> = (0..n).map(name).collect();
            let lanes = Lanes::new(&lodgers, size.1);
            let n_bands = if lanes.track_px > 0 { 2 } else { 0 };
            let n_rows: usize = lanes.workers.iter().map(|w| w.lanes.len() + n_bands).sum();
            let column = column_px(&lanes, size.0);
            assert!(n_rows as u64 * u64::from(size.0.div_ceil(column)) <= 200_000, "{n}");
            column
        };
        assert_eq!(column(4, 2, (1_200, 500)), 1);
        assert_eq!(column(16, 4, (1_200, 500)), 1);
        assert!(column(64, 8, (4_096, 4_096)) > 4);
        assert!(column(1_000, 1, (4_096, 4_096)) > 10);
    }
}
