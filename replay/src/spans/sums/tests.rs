//! Sums that were packed, beside such that never are.

use super::*;

/// Of three classes, of which some are rare, and some overlap.
fn span(i: usize) -> (Nanos, Nanos, u32) {
    let start = (i * 10 + i % 3) as u64;
    let class = if i.is_multiple_of(1_999) { 70_000 } else { (i / 700 % 3) as u32 };
    (Nanos(start), Nanos(start + 3 + (i * i % 40) as u64), class)
}

fn add(sums: &mut Sums, to: usize) {
    while sums.next().end <= to {
        let spans = sums.next();
        sums.push(spans.map(span));
    }
}

/// A sum in words; `None`: there is none that begins there.
fn told(looker: &mut Looker<'_>, first: usize, n: usize) -> Option<String> {
    let (sum, found) = looker.largest(first, first + n, |_| true)?;
    let parts: Vec<_> = sum.parts().collect();
    Some(format!("{found} from {:?} to {:?}: {parts:?}", sum.start, sum.reach))
}

#[track_caller]
fn check(packed: &Sums, kept: &Sums, n_spans: usize) {
    let (mut packed, mut kept) = (packed.looker(), kept.looker());
    for n in [FAN * FAN, FAN * FAN * FAN, 1 << 30] {
        for first in (0..n_spans).step_by(FAN * FAN) {
            let end = n.min(n_spans - first);
            assert_eq!(told(&mut packed, first, end), told(&mut kept, first, end), "{first}");
        }
    }
}

#[test]
fn packed_sums_are_the_same_as_others() {
    // The first of them in memory, most in a file.
    let attic = Attic::with_budget(2_000);
    let (mut packed, mut kept) = (Sums::default(), Sums::default());
    for to in (0..60_000).step_by(1_000) {
        add(&mut packed, to);
        add(&mut kept, to);
        packed.coarsen_before(packed.n_spans() / CHUNK * CHUNK, &attic);
    }
    assert!((1_000..=2_000).contains(&attic.in_memory()), "{}", attic.in_memory());
    assert!(packed.levels[0].n_newest() < 2 * FAN && packed.levels[1].n_newest() < 2 * FAN);
    check(&packed, &kept, 59_000);
    // One span comes so late that it belongs among them.
    for late in [41_000, 40_960, 7_000, 100] {
        packed.refine_from(late / CHUNK * CHUNK);
        kept.forget_from(late);
        add(&mut packed, 59_000);
        add(&mut kept, 59_000);
        check(&packed, &kept, 59_000);
        packed.coarsen_before(58_880, &attic);
        check(&packed, &kept, 59_000);
    }
}

/// Spans of a chunk.
const CHUNK: usize = 256;
