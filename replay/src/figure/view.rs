//! What part of a run is shown, and how large.

use serde::{Deserialize, Serialize};
use taskreel_model::{Nanos, PrefixId, WorkerId};

/// A span of time, from `from` (shown) to `to`; never empty once it is made by [`Window::new`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// Its begin.
    pub from: Nanos,
    /// Its end.
    pub to: Nanos,
}

impl Window {
    /// From one instant to another; at least a microsecond long, whatever the arguments.
    pub fn new(from: Nanos, to: Nanos) -> Self {
        let from = from.min(Nanos(u64::MAX / 2));
        Self { from, to: to.max(from + Nanos::from_micros(1)) }
    }

    /// The whole of a run up to an instant.
    pub fn until(to: Nanos) -> Self {
        Self::new(Nanos::ZERO, to)
    }

    /// How long it is.
    pub fn length(self) -> Nanos {
        self.to - self.from
    }
}

/// What of a run is shown; the default is all of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Filter {
    /// Tasks of this prefix only.
    pub prefix: Option<PrefixId>,
    /// This worker only.
    pub worker: Option<WorkerId>,
}

/// What a figure is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct View {
    /// The span of time to show.
    pub window: Window,
    /// The instant the picture is of: what is still going on ends here.
    pub now: Nanos,
    /// Width of the picture, labels included; at least 120.
    pub width_px: u32,
    /// Height of the picture, labels included; at least 60.
    pub height_px: u32,
    /// Plots of single tasks on lanes leave out the rest; others show all.
    pub filter: Filter,
}

impl View {
    /// A view of a window whose end is now. Sizes are brought into 120 × 60 to 16,384 × 16,384.
    pub fn new(window: Window, width_px: u32, height_px: u32) -> Self {
        Self {
            window: Window::new(window.from, window.to),
            now: window.to,
            width_px: width_px.clamp(120, 16_384),
            height_px: height_px.clamp(60, 16_384),
            filter: Filter::default(),
        }
    }

    /// The same view at an instant that is not the window's end.
    pub fn at(self, now: Nanos) -> Self {
        Self { now, ..self }
    }

    /// The same view of a part of the run.
    pub fn filtered(self, filter: Filter) -> Self {
        Self { filter, ..self }
    }
}
