//! Where lanes lie: one per slot, in groups per worker, with a thin band below for data on the
//! move. When slots grow too low to be told apart, a worker becomes one lane; when even workers
//! do not fit, the last ones are left out and counted.

use crate::figure::{Axis, Group, LABEL_PX, Tick, elide_middle, text_width};

/// A worker that wants lanes.
#[derive(Clone, Debug)]
pub(crate) struct Lodger {
    /// Its number.
    pub(crate) worker: u32,
    /// Its name, cleaned.
    pub(crate) name: String,
    /// How many slots it has, at least 1.
    pub(crate) n_slots: u16,
}

/// Lanes laid out for a height.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Lanes {
    /// One per worker that is shown, from above.
    pub(crate) workers: Vec<WorkerLanes>,
    /// Height of a lane.
    pub(crate) lane_px: i32,
    /// Whether a worker's slots share one lane.
    pub(crate) collapsed: bool,
    /// Height of each of the two tracks of the band; 0: there is no room for one.
    pub(crate) track_px: i32,
    /// Workers that are not shown.
    pub(crate) n_hidden: usize,
    /// Height of all.
    pub(crate) height_px: i32,
}

/// The lanes of one worker, in pixels of the frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WorkerLanes {
    /// Upper edge of its first lane.
    pub(crate) top: i32,
    /// Lower edge of its last lane or of its band.
    pub(crate) bottom: i32,
    /// Upper edges of its lanes.
    pub(crate) lanes: Vec<i32>,
    /// Upper edge of its band.
    pub(crate) band: i32,
}

/// How much room things get; tried from generous to tight.
struct Tier {
    lane_min: i32,
    lane_gap: i32,
    worker_gap: i32,
    track_px: i32,
    collapsed: bool,
}

const LANE_MAX_PX: i32 = 44;

const TIERS: [Tier; 5] = [
    Tier { lane_min: 10, lane_gap: 2, worker_gap: 8, track_px: 4, collapsed: false },
    Tier { lane_min: 6, lane_gap: 1, worker_gap: 4, track_px: 3, collapsed: false },
    Tier { lane_min: 3, lane_gap: 1, worker_gap: 2, track_px: 2, collapsed: false },
    Tier { lane_min: 6, lane_gap: 0, worker_gap: 3, track_px: 2, collapsed: true },
    Tier { lane_min: 3, lane_gap: 0, worker_gap: 1, track_px: 0, collapsed: true },
];

impl Tier {
    fn n_lanes(&self, lodger: &Lodger) -> i32 {
        if self.collapsed { 1 } else { i32::from(lodger.n_slots.max(1)) }
    }

    /// Height of a worker without its lanes: gaps and band.
    fn fixed(&self, lodger: &Lodger) -> i64 {
        let gaps = i64::from(self.n_lanes(lodger) - 1) * i64::from(self.lane_gap);
        let band = if self.track_px > 0 { 2 * self.track_px + 1 } else { 0 };
        gaps + i64::from(band + self.worker_gap)
    }
}

impl Lanes {
    /// Lays workers out over at most `height_px` pixels.
    pub(crate) fn new(lodgers: &[Lodger], height_px: u32) -> Self {
        for tier in &TIERS {
            let n_lanes: i64 = lodgers.iter().map(|w| i64::from(tier.n_lanes(w))).sum();
            let fixed: i64 = lodgers.iter().map(|w| tier.fixed(w)).sum();
            let lane_px = (i64::from(height_px) - fixed) / n_lanes.max(1);
            if lane_px >= i64::from(tier.lane_min) {
                let lane_px = lane_px.min(i64::from(LANE_MAX_PX)) as i32;
                return Self::place(lodgers, tier, lane_px, 0);
            }
        }
        let tier = &TIERS[TIERS.len() - 1];
        let n_fit = (height_px as i32 / (tier.lane_min + tier.worker_gap)) as usize;
        let shown = &lodgers[..n_fit.min(lodgers.len())];
        Self::place(shown, tier, tier.lane_min, lodgers.len() - shown.len())
    }

    fn place(lodgers: &[Lodger], tier: &Tier, lane_px: i32, n_hidden: usize) -> Self {
        let mut y = 0;
        let mut workers = Vec::with_capacity(lodgers.len());
        for lodger in lodgers {
            let top = y;
            let pitch = lane_px + tier.lane_gap;
            let lanes: Vec<i32> = (0..tier.n_lanes(lodger)).map(|i| top + i * pitch).collect();
            let band = top + lanes.len() as i32 * pitch - tier.lane_gap + 1;
            let has_band = tier.track_px > 0;
            let bottom = if has_band { band + 2 * tier.track_px } else { band - 1 };
            workers.push(WorkerLanes { top, bottom, lanes, band });
            y = bottom + tier.worker_gap;
        }
        Self {
            height_px: (y - tier.worker_gap).max(0),
            workers,
            lane_px,
            collapsed: tier.collapsed,
            track_px: tier.track_px,
            n_hidden,
        }
    }

    /// What a lane is called: `worker-0 · 1`, or `worker-0` if it is the only one.
    pub(crate) fn label(&self, lodger: &Lodger, slot: usize) -> String {
        if self.collapsed || lodger.n_slots == 1 {
            lodger.name.clone()
        } else {
            format!("{} · {slot}", lodger.name)
        }
    }

    /// The y axis: a tick per lane while they fit, else per worker, else per few workers.
    pub(crate) fn axis(&self, lodgers: &[Lodger], label_width_px: f32) -> Axis {
        let each_lane = self.lane_px >= 11;
        let mut ticks: Vec<Tick> = Vec::new();
        let mut free_from = f32::MIN;
        for (worker, lodger) in self.workers.iter().zip(lodgers) {
            let places: Vec<(f32, String)> = if each_lane {
                let name = |(slot, y): (usize, &i32)| {
                    (*y as f32 + self.lane_px as f32 / 2.0, self.label(lodger, slot))
                };
                worker.lanes.iter().enumerate().map(name).collect()
            } else {
                vec![((worker.top + worker.bottom) as f32 / 2.0, lodger.name.clone())]
            };
            for (px, label) in places {
                if px - LABEL_PX / 2.0 >= free_from {
                    ticks.push(Tick { px, label: shorten(&label, label_width_px) });
                    free_from = px + LABEL_PX / 2.0 + 1.0;
                }
            }
        }
        let groups = self.workers.iter().zip(lodgers).map(|(worker, lodger)| Group {
            from: worker.top as f32,
            to: worker.bottom as f32,
            label: lodger.name.clone(),
            worker: lodger.worker,
            lanes: worker.lanes.clone(),
            lane_px: self.lane_px,
        });
        let n_lanes = self.workers.iter().map(|w| w.lanes.len()).sum();
        Axis::lanes(
            if self.collapsed { "worker" } else { "slot" },
            n_lanes,
            ticks,
            groups.collect(),
        )
    }
}

/// Shortens the name of a lane but keeps its slot.
fn shorten(label: &str, width: f32) -> String {
    match label.rsplit_once(" · ") {
        Some((name, slot)) => {
            let slot = format!(" · {slot}");
            elide_middle(name, width - text_width(&slot, LABEL_PX), LABEL_PX) + &slot
        }
        None => elide_middle(label, width, LABEL_PX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lodgers(n: usize, n_slots: u16) -> Vec<Lodger> {
        (0..n).map(|i| Lodger { worker: i as u32, name: format!("worker-{i}"), n_slots }).collect()
    }

    #[test]
    fn lanes_stay_inside_and_apart() {
        for (n, n_slots) in
            [(0, 1), (1, 1), (4, 2), (1, 64), (40, 2), (100, 8), (3_000, 1), (2, 65_535)]
        {
            for height in [20, 60, 300, 900] {
                let lanes = Lanes::new(&lodgers(n, n_slots), height);
                assert!(lanes.height_px <= height as i32, "{n} {n_slots} {height}");
                assert_eq!(lanes.workers.len() + lanes.n_hidden, n);
                for pair in lanes.workers.windows(2) {
                    assert!(pair[0].bottom < pair[1].top, "{n} {n_slots} {height}");
                }
                for worker in &lanes.workers {
                    assert!(worker.lanes.iter().all(|y| y + lanes.lane_px <= worker.bottom));
                }
            }
        }
    }

    #[test]
    fn labels_thin_out() {
        let axis = |n: usize, n_slots: u16| {
            let lodgers = lodgers(n, n_slots);
            let ticks = Lanes::new(&lodgers, 400).axis(&lodgers, 80.0).ticks;
            ticks.into_iter().map(|tick| tick.label).collect::<Vec<_>>()
        };
        assert_eq!(axis(2, 2), ["worker-0 · 0", "worker-0 · 1", "worker-1 · 0", "worker-1 · 1"]);
        assert_eq!(axis(1, 1), ["worker-0"]);
        assert_eq!(axis(10, 4).len(), 10);
        let many = axis(90, 1);
        assert!(many.len() > 20 && many.len() < 40, "{}", many.len());
    }

    #[test]
    fn long_names_keep_their_slot() {
        let lodgers =
            [Lodger { worker: 0, name: "a-host-with-a-very-long-name".to_owned(), n_slots: 2 }];
        let ticks = Lanes::new(&lodgers, 100).axis(&lodgers, 70.0).ticks;
        assert!(ticks[1].label.ends_with("e · 1"), "{ticks:?}");
        assert!(text_width(&ticks[1].label, LABEL_PX) <= 70.0);
    }
}
