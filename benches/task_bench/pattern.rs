//! The dependence patterns of Task Bench (Slaughter et al., SC 2020, arXiv 1908.05790, table 2): which
//! points of the step before a point of a step reads.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A pattern by the name that Task Bench gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Pattern {
    Trivial,
    NoComm,
    Stencil,
    StencilPeriodic,
    Dom,
    Tree,
    Fft,
    AllToAll,
    Nearest,
    Spread,
    RandomNearest,
}

const NAMES: [(&str, Pattern); 11] = [
    ("trivial", Pattern::Trivial),
    ("no_comm", Pattern::NoComm),
    ("stencil_1d", Pattern::Stencil),
    ("stencil_1d_periodic", Pattern::StencilPeriodic),
    ("dom", Pattern::Dom),
    ("tree", Pattern::Tree),
    ("fft", Pattern::Fft),
    ("all_to_all", Pattern::AllToAll),
    ("nearest", Pattern::Nearest),
    ("spread", Pattern::Spread),
    ("random_nearest", Pattern::RandomNearest),
];

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = NAMES.iter().find(|(_, pattern)| pattern == self).map(|(name, _)| *name);
        f.write_str(name.expect("every pattern has a name"))
    }
}

impl FromStr for Pattern {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = NAMES.iter().find(|(known, _)| *known == name).map(|(_, pattern)| *pattern);
        found.ok_or_else(|| {
            let names: Vec<&str> = NAMES.iter().map(|(name, _)| *name).collect();
            format!("there is no pattern `{name}`; there are {}", names.join(", "))
        })
    }
}

/// A graph: `steps` rows of up to `width` points.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Graph {
    pub(crate) pattern: Pattern,
    pub(crate) steps: u32,
    pub(crate) width: u32,
    /// How many points `nearest` and `spread` read.
    pub(crate) radix: u32,
}

impl Graph {
    /// The points that a step has: all, but for `tree`, which grows, and `dom`, a moving window.
    pub(crate) fn points(&self, step: u32) -> std::ops::Range<u32> {
        match self.pattern {
            Pattern::Tree => 0..1u32.checked_shl(step).map_or(self.width, |n| n.min(self.width)),
            Pattern::Dom => {
                let first = (step + self.width).saturating_sub(self.steps);
                first..first + self.width.min(step + 1).min(self.steps - step)
            }
            _ => 0..self.width,
        }
    }

    /// The points of the step before that a point reads, ascending, each once.
    pub(crate) fn inputs(&self, step: u32, point: u32) -> Vec<u32> {
        if step == 0 {
            return Vec::new();
        }
        let before = self.points(step - 1);
        let mut inputs: Vec<u32> = self.reads(step, point);
        inputs.retain(|input| before.contains(input));
        inputs.sort_unstable();
        inputs.dedup();
        inputs
    }

    /// The same before what lies outside the step is left out.
    fn reads(&self, step: u32, point: u32) -> Vec<u32> {
        let (i, width) = (point, self.width);
        let around = |below: u32, above: u32| i.saturating_sub(below)..=i + above;
        match self.pattern {
            Pattern::Trivial => Vec::new(),
            Pattern::NoComm => vec![i],
            Pattern::Stencil => around(1, 1).collect(),
            Pattern::StencilPeriodic => vec![(i + width - 1) % width, i, (i + 1) % width],
            Pattern::Dom => around(1, 0).collect(),
            Pattern::Tree => vec![i / 2],
            Pattern::Fft => {
                let distance = 1 << ((step - 1) % width.next_power_of_two().ilog2().max(1));
                vec![i.checked_sub(distance).unwrap_or(i), i, i + distance]
            }
            Pattern::AllToAll => (0..width).collect(),
            Pattern::Nearest => around((self.radix - 1) / 2, self.radix / 2).collect(),
            Pattern::Spread => {
                let apart = (width / self.radix).max(1);
                let shift = step % width.div_ceil(self.radix);
                (0..self.radix)
                    .map(|k| (i + k * apart + if k > 0 { shift } else { 0 }) % width)
                    .collect()
            }
            Pattern::RandomNearest => around((self.radix - 1) / 2, self.radix / 2)
                .filter(|input| is_drawn(step, i, *input))
                .collect(),
        }
    }

    /// How many tasks it has.
    pub(crate) fn n_tasks(&self) -> u64 {
        (0..self.steps).map(|step| self.points(step).len() as u64).sum()
    }
}

/// True for one edge of four, always the same ones: the finalizer of SplitMix64 over the edge.
fn is_drawn(step: u32, point: u32, input: u32) -> bool {
    let mut hash = u64::from(step) << 40 ^ u64::from(point) << 20 ^ u64::from(input);
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (hash ^ (hash >> 31)) % 4 == 0
}
