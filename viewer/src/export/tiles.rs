//! Plots with an axis of time, of the whole run and of ever shorter stretches of it. Stretches of one
//! length overlap by half, so that any window lies within one that is at most four times as long.

use taskreel_model::Nanos;
use taskreel_replay::figure::{Figure, Glyphs, View, Window};
use taskreel_replay::plots;

use super::{Index, Store, Tile};
use crate::fold::{PlotRequest, Run, Size};
use crate::ledger::{STRIP, STRIP_FOLDED};
use crate::wire::Packed;

/// Width of a tile's picture, in pixels.
const WIDTH_PX: u32 = 1_240;
/// Halvings of the run, for the task stream and for the others.
const LEVELS_MAX: u32 = 9;
const LEVELS_OF_OTHERS: u32 = 3;
/// A tile with fewer rectangles has nothing finer to show.
const RECTS_MIN: usize = 1_500;

/// Ids of the plots that have an axis of time, or have none.
pub(super) fn ids(run: &Run, is_timed: bool) -> Vec<String> {
    let view = View::new(run.whole(), 400, 200);
    let of =
        plots::all().into_iter().filter(|plot| plot.figure(&view).window_ns.is_some() == is_timed);
    of.map(|plot| plot.about().id.to_owned()).collect()
}

pub(super) fn keep(run: &Run, store: &mut Store, index: &mut Index) {
    for strip in [STRIP, STRIP_FOLDED] {
        tile(run, strip, (900, 46), run.whole(), store, index);
    }
    let all = ids(run, true);
    for id in &all {
        tile(run, id, size(id), run.whole(), store, index);
    }
    let mut has_left_out = false;
    for level in 1..=LEVELS_MAX {
        for id in &all {
            let is_stream = id == "task-stream";
            if level > if is_stream { LEVELS_MAX } else { LEVELS_OF_OTHERS } {
                continue;
            }
            for window in windows(run.whole(), level) {
                if is_stream && is_whole(index, window) {
                    continue;
                }
                if store.room() < 400_000 {
                    has_left_out = true;
                    break;
                }
                tile(run, id, size(id), window, store, index);
            }
        }
    }
    if has_left_out {
        store.left_out.push("the finest detail of the plots, for want of room".to_owned());
    }
}

/// Whether a longer tile of the task stream shows all that there is in a window.
fn is_whole(index: &Index, window: Window) -> bool {
    let covers = |tile: &&Tile| {
        tile.plot == "task-stream" && tile.from <= window.from.0 && tile.to >= window.to.0
    };
    let shortest = index.tiles.iter().filter(covers).min_by_key(|tile| tile.to - tile.from);
    shortest.is_some_and(|tile| tile.n_rects < RECTS_MIN)
}

fn size(id: &str) -> (u32, u32) {
    if id == "task-stream" { (WIDTH_PX, 440) } else { (WIDTH_PX / 2, 300) }
}

/// The stretches of one length: so many halvings of the run, each half over the one before.
fn windows(whole: Window, level: u32) -> impl Iterator<Item = Window> {
    let length = Nanos((whole.length().0 >> level).max(1_000));
    let step = Nanos((length.0 / 2).max(1));
    let n = (whole.length().0 - length.0).div_ceil(step.0) + 1;
    (0..n).map(move |i| {
        let from = whole.from + Nanos(step.0 * i);
        Window::new(from, from + length)
    })
}

fn tile(
    run: &Run,
    id: &str,
    (width, height): (u32, u32),
    window: Window,
    store: &mut Store,
    index: &mut Index,
) {
    let request = PlotRequest { id: id.to_owned(), size: Size::clamped(width, height) };
    let Some(figure) = run.figure(&request, Some(window)) else { return };
    let n_rects = n_rects(&figure);
    let part = store.keep(Packed::figure(figure));
    let (from, to) = (window.from.0, window.to.0);
    index.tiles.push(Tile { plot: id.to_owned(), from, to, part, n_rects });
}

fn n_rects(figure: &Figure) -> usize {
    let layers = figure.layers.iter().map(|layer| match &layer.glyphs {
        Glyphs::Rects(rects) => rects.x.len(),
        Glyphs::Line(_)
        | Glyphs::Step(_)
        | Glyphs::Area(_)
        | Glyphs::Bars(_)
        | Glyphs::Points(_)
        | Glyphs::Text(_)
        | Glyphs::Edges(_) => 0,
    });
    layers.sum()
}
