//! Spans of one lane, as plots see them.

use super::*;
use crate::figure::Window;

impl Known for u8 {
    fn class(&self) -> u32 {
        (*self).into()
    }

    fn pack(&self, _before: Option<&Self>, out: &mut Vec<u8>) {
        out.push(*self & 0x7f);
    }

    fn unpack(_before: Option<&Self>, numbers: &mut Unpacker<'_>) -> Self {
        numbers.take() as Self
    }
}

/// Spans that touch a window, by what is known of them; of sums, how many they are of.
fn within(spans: &Spans<u8>, from: u64, to: u64) -> Vec<u8> {
    let mut found = Vec::new();
    let window = Window { from: Nanos(from), to: Nanos(to) };
    spans.stretches(
        window,
        |_| false,
        |stretch| match stretch {
            Stretch::One(_, span) => found.push(span.what),
            Stretch::Many(_) => unreachable!("no sum fits"),
        },
    );
    found
}

#[test]
fn finds_what_reaches_into_a_window() {
    let mut spans = Spans::new(&Attic::default());
    spans.push(Nanos(0), Nanos(100), b'a');
    spans.push(Nanos(10), Nanos(20), b'b');
    spans.push(Nanos(30), Nanos(40), b'c');
    spans.open(Nanos(50), b'd');
    assert_eq!(within(&spans, 60, 70), b"ad");
    assert_eq!(within(&spans, 0, 30), b"ab");
    let close = |spans: &mut Spans<u8>| spans.close(Nanos(50), Nanos(55), |_| true, |w| *w += 1);
    assert_eq!(close(&mut spans), Some(b'e'));
    assert_eq!(within(&spans, 101, 110), b"");
    assert_eq!(close(&mut spans), None);
}

#[test]
fn late_spans_find_their_place() {
    let mut spans = Spans::new(&Attic::default());
    spans.push(Nanos(30), Nanos(40), b'b');
    spans.push(Nanos(10), Nanos(90), b'a');
    spans.push(Nanos(60), Nanos(70), b'c');
    assert_eq!(within(&spans, 0, 100), b"abc");
    assert_eq!(within(&spans, 80, 100), b"a");
    assert_eq!(within(&spans, 91, 100), b"");
}

/// Busy time by class within a window, and how many stretches it took to know it.
fn busy(spans: &Spans<u8>, window: Window) -> ([u64; 3], usize) {
    let (mut busy, mut n) = ([0; 3], 0);
    let is_inside = |sum: &Sum<'_>| sum.start >= window.from && sum.reach <= window.to;
    spans.stretches(window, is_inside, |stretch| {
        n += 1;
        match stretch {
            Stretch::One(i, span) => {
                assert_eq!(spans.get(i).start, span.start);
                let inside = span.stop(window.to).min(window.to);
                busy[usize::from(span.what)] += inside.since(span.start.max(window.from)).0;
            }
            Stretch::Many(sum) => {
                sum.parts().for_each(|part| busy[part.class as usize] += part.busy.0);
            }
        }
    });
    (busy, n)
}

/// A long lane of which some spans turn out to be of another class, and some come late: by some
/// spans or by many. What was put in comes beside it.
fn long_lane() -> (Spans<u8>, Vec<(u64, u64, u8)>) {
    let mut spans = Spans::new(&Attic::default());
    let mut known: Vec<(u64, u64, u8)> = Vec::new();
    for i in 0..100_000_u64 {
        let (start, class) = (i * 10, (i * i % 3) as u8);
        spans.open(Nanos(start), class);
        let stop = start + 1 + i % 9;
        let class = if i % 301 == 0 { 2 } else { class };
        spans.close(Nanos(start), Nanos(stop), |_| true, |what| *what = class);
        known.push((start, stop, class));
        if i % 7_777 == 7_000 {
            let start = start - if i > 60_000 { 45_003 } else { 5_003 };
            spans.push(Nanos(start), Nanos(start + 3), 1);
            known.push((start, start + 3, 1));
        }
    }
    (spans, known)
}

#[test]
fn sums_say_the_same_as_the_spans_and_are_few() {
    let (spans, known) = long_lane();
    assert_eq!(spans.len(), known.len());
    assert!(spans.packed.n_spans() > 80_000, "{} are packed", spans.packed.n_spans());
    for (from, to, n_max) in [(0, 1_000_000, 300), (333_333, 777_777, 900), (500_000, 500_100, 20)]
    {
        let mut expected = [0; 3];
        for (start, stop, class) in &known {
            expected[usize::from(*class)] += (*stop).min(to).saturating_sub((*start).max(from));
        }
        let (found, n) = busy(&spans, Window { from: Nanos(from), to: Nanos(to) });
        assert_eq!(found, expected, "{from} to {to}");
        assert!(n <= n_max, "{n} stretches from {from} to {to}");
    }
}

#[test]
fn packed_spans_come_back_as_they_were() {
    let (spans, mut known) = long_lane();
    known.sort_by_key(|(start, ..)| *start);
    for (i, (start, stop, class)) in known.iter().enumerate() {
        let span = spans.get(i);
        assert_eq!((span.start.0, span.stop(Nanos::MAX).0, span.what), (*start, *stop, *class));
    }
}

#[test]
fn a_span_that_goes_on_is_never_packed() {
    let mut spans = Spans::new(&Attic::default());
    spans.open(Nanos(0), 1);
    for i in 1..50_000 {
        spans.push(Nanos(i * 10), Nanos(i * 10 + 5), 0);
    }
    assert_eq!(within(&spans, 400_000, 400_010), [1, 0]);
    assert_eq!(spans.close(Nanos(0), Nanos(7), |_| true, |_| ()), Some(1));
    spans.push(Nanos(600_000), Nanos(600_001), 0);
    assert_eq!(within(&spans, 400_000, 400_010), [0]);
}
