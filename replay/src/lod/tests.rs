//! What a lane may show and what it must.

use proptest::prelude::*;
use taskreel_model::Nanos;

use super::{FULL, Lod, Piece};
use crate::attic::Attic;
use crate::figure::Window;
use crate::spans::Spans;

/// 100 ns per pixel column.
const NS_PER_PX: u64 = 100;

fn lod(width_px: u32) -> Lod {
    Lod {
        window: Window::until(Nanos((u64::from(width_px) * NS_PER_PX).max(1_000))),
        now: Nanos(u64::from(width_px) * NS_PER_PX),
        width_px,
        n_categories: 3,
    }
}

fn in_memory() -> Spans<u8> {
    Spans::new(&Attic::default())
}

fn spans(times: &[(u64, u64, u8)]) -> Spans<u8> {
    let mut spans = in_memory();
    for (start, stop, category) in times {
        spans.push(Nanos(*start), Nanos(*stop), *category);
    }
    spans
}

fn lane(width_px: u32, times: &[(u64, u64, u8)]) -> Vec<Piece> {
    let spans = spans(times);
    lod(width_px).lane(&spans, |class| class as u8)
}

/// The lane as text: a letter per full column, digits for quarters, a dot where nothing shows.
fn text(width_px: u32, pieces: &[Piece]) -> String {
    let mut row = vec!['.'; width_px as usize];
    for piece in pieces {
        for x in piece.x..piece.x + piece.width {
            row[x as usize] = match piece.level {
                FULL => char::from(b'a' + piece.category),
                level => char::from(b'0' + level),
            };
        }
    }
    row.into_iter().collect()
}

fn check(times: &[(u64, u64, u8)], expected: &str) {
    let width_px = expected.len() as u32;
    assert_eq!(text(width_px, &lane(width_px, times)), expected);
}

#[test]
fn adjoining_spans_leave_no_gap() {
    check(&[(0, 333, 0), (333, 777, 1), (777, 1_500, 0)], "aaabbbbbaaaaaaa");
    let tiny: Vec<_> = (0..200).map(|i| (i * 10, i * 10 + 10, 0)).collect();
    check(&tiny, "aaaaaaaaaaaaaaaaaaaa");
    // Wide, tiny, wide, with edges inside pixel columns.
    check(&[(0, 350, 0), (350, 420, 1), (420, 490, 1), (490, 1_000, 0)], "aaaabaaaaa");
    check(&[(0, 340, 0), (340, 460, 1), (460, 1_000, 0)], "aaabbaaaaa");
}

#[test]
fn idle_stays_idle() {
    check(&[(0, 300, 0), (700, 1_000, 0)], "aaa....aaa");
    check(&[(100, 400, 0)], ".aaa......");
}

#[test]
fn partly_busy_columns_are_partly_high() {
    let half: Vec<_> = (0..50).map(|i| (i * 20, i * 20 + 10, 0)).collect();
    check(&half, "2222222222");
    let rare: Vec<_> = (0..10).map(|i| (i * 100, i * 100 + 5, 0)).collect();
    check(&rare, "0000000000");
}

#[test]
fn work_in_an_idle_stretch_shows() {
    check(&[(512, 513, 0)], ".....0....");
    check(&[(512, 512, 0)], ".....0....");
    check(&[(1_000, 1_000, 0), (999, 1_000, 0)], ".........0");
}

#[test]
fn the_category_that_covers_most_wins() {
    check(&[(0, 20, 0), (20, 80, 1), (80, 100, 0), (100, 160, 2), (160, 200, 1)], "bc........");
}

#[test]
fn running_spans_reach_now() {
    let mut spans = in_memory();
    spans.open(Nanos(300), 0_u8);
    let mut lod = lod(10);
    lod.now = Nanos(800);
    assert_eq!(text(10, &lod.lane(&spans, |_| 0)), "...aaaaa..");
}

#[test]
fn single_spans_are_told_from_gathered_ones() {
    let pieces = lane(10, &[(0, 300, 0), (310, 330, 0), (420, 430, 0), (440, 450, 0)]);
    let single: Vec<_> = pieces.iter().map(|p| (p.x, p.span, p.is_single)).collect();
    assert_eq!(single, [(0, 0, true), (3, 1, false)]);
}

#[test]
fn overlaid_lanes_fill_up_together() {
    let two = [spans(&[(0, 1_000, 0)]), spans(&[(500, 1_000, 0)])];
    let pieces = lod(10).overlaid(&two, 2.0, |class| class as u8);
    assert_eq!(text(10, &pieces), "22222aaaaa");
}

/// A lane of many short spans looks the same whether sums of them are gathered or each of them.
#[test]
fn sums_look_like_the_spans() {
    const LEFT_OUT: u8 = 9;
    let (mut summed, mut one_by_one) = (in_memory(), in_memory());
    // While the first one goes on, none of those that follow are summed up.
    one_by_one.open(Nanos(0), LEFT_OUT);
    let mut at = 0;
    for i in 0..100_000_u64 {
        // Busier here and idler there, of three classes in turn, with a long one now and then.
        let (gap, took) = (i / 7_000 % 4, if i % 20_011 == 0 { 900 } else { 1 + i % 3 });
        let class = (i / 300 % 3) as u8;
        summed.push(Nanos(at), Nanos(at + took), class);
        one_by_one.push(Nanos(at), Nanos(at + took), class);
        at += took + gap;
    }
    let shown = |class: u32| (class < u32::from(LEFT_OUT)).then_some(class as u8);
    for (from, to) in [(0, at), (at / 3, at / 2), (at / 2, at / 2 + 2_000)] {
        let window = Window::new(Nanos(from), Nanos(to));
        let lod = Lod { window, now: window.to, ..lod(700) };
        let (a, b) = (lod.lane(&summed, shown), lod.lane(&one_by_one, shown));
        let (a, b) = (text(700, &a), text(700, &b));
        let n_other = a.chars().zip(b.chars()).filter(|(a, b)| a != b).count();
        // Where a sum lies across the end of a column, a share may be rounded otherwise.
        assert!(n_other <= 7, "{from} to {to}: {n_other} columns differ\n{a}\n{b}");
    }
}

/// Of a long lane, what lies in a file looks like what lies in memory: from afar, where sums of it are drawn, and from
/// so near that each span is.
#[test]
fn what_lies_in_a_file_looks_the_same() {
    const BUDGET_BYTES: u64 = 20_000;
    let attic = Attic::with_budget(BUDGET_BYTES);
    let (mut filed, mut kept) = (Spans::new(&attic), in_memory());
    let mut at = 0;
    for i in 0..200_000_u64 {
        let (gap, took) = (i * i % 5, 1 + i % 13);
        for lane in [&mut filed, &mut kept] {
            lane.push(Nanos(at), Nanos(at + took), (i / 50 % 3) as u8);
        }
        at += took + gap;
    }
    assert!((10_000..=BUDGET_BYTES).contains(&attic.in_memory()), "{}", attic.in_memory());
    for (part, length) in [(0, 1), (3, 10), (1, 1_000), (700, 1_000), (5, 20_000), (9_000, 20_000)]
    {
        let window = Window::new(Nanos(at / length * part), Nanos(at / length * (part + 1)));
        let lod = Lod { window, now: window.to, ..lod(700) };
        let pieces = |lane| lod.lane(lane, |class| class as u8);
        assert!(!pieces(&kept).is_empty());
        assert_eq!(pieces(&filed), pieces(&kept), "part {part} of {length}");
    }
}

proptest! {
    /// Whatever the spans, a column has at most two pieces, none leaves the lane, and wherever
    /// nothing ran nothing shows.
    #[test]
    fn pieces_are_bounded(
        times in prop::collection::vec((0_u64..5_000, 0_u64..900, 0_u8..3), 0..300),
        width_px in 1_u32..40,
    ) {
        let times: Vec<_> = times.iter().map(|(start, took, c)| (*start, start + took, *c)).collect();
        let pieces = lane(width_px, &times);
        prop_assert!(pieces.len() <= 2 * width_px as usize);
        let lod = lod(width_px);
        for piece in &pieces {
            prop_assert!(piece.x >= 0 && piece.width >= 1);
            prop_assert!(piece.x + piece.width <= width_px as i32);
            let (a, b) = (f64::from(piece.x), f64::from(piece.x + piece.width));
            let ran = times.iter().any(|(start, stop, _)| {
                lod.px_from_ns(Nanos(*start)) <= b + 0.5 && lod.px_from_ns(Nanos(*stop)) >= a - 0.5
            });
            prop_assert!(ran, "{piece:?}");
        }
    }

    /// However many spans overlap, a band has at most one piece per column, and shows something
    /// exactly where something ran.
    #[test]
    fn bands_show_what_ran(
        times in prop::collection::vec((0_u64..5_000, 0_u64..900, 0_u8..3), 0..300),
        width_px in 1_u32..40,
    ) {
        let times: Vec<_> = times.iter().map(|(start, took, c)| (*start, start + took, *c)).collect();
        let (spans, lod) = (spans(&times), lod(width_px));
        let pieces = lod.overlaid([&spans], 1.0, |class| class as u8);
        prop_assert!(pieces.len() <= width_px as usize);
        prop_assert!(pieces.windows(2).all(|pair| pair[0].x + pair[0].width <= pair[1].x));
        for (start, stop, _) in times.iter().filter(|(start, ..)| *start < lod.window.to.0) {
            let middle = lod.px_from_ns(Nanos(start.midpoint(*stop)));
            let near = |p: &Piece| {
                let (a, b) = (f64::from(p.x), f64::from(p.x + p.width));
                a - 1.0 <= middle && middle <= b + 1.0
            };
            prop_assert!(pieces.iter().any(near), "{start} {stop}");
        }
    }

    /// A lane never looks busier or idler than it was by more than rounding, over its length.
    #[test]
    fn sequences_keep_their_busy_share(
        steps in prop::collection::vec((0_u64..60, 1_u64..60), 100..400),
    ) {
        let mut at = 0;
        let mut times = Vec::new();
        for (gap, took) in steps {
            times.push((at + gap, at + gap + took, 0));
            at += gap + took;
        }
        let width_px = (at / NS_PER_PX) as u32;
        prop_assume!(width_px >= 20);
        let shown: f64 = lane(width_px, &times)
            .iter()
            .map(|p| f64::from(p.width) * f64::from(p.level) / f64::from(FULL))
            .sum();
        let busy: f64 = times.iter().map(|(a, b, _)| (b - a) as f64 / NS_PER_PX as f64).sum();
        prop_assert!((shown - busy).abs() / f64::from(width_px) < 0.06, "{shown} {busy} {width_px}");
    }
}
