//! **Network**: a lane per worker with what it received from and sent to other workers.
//! Question: which worker's network is the bottleneck, and when?
//!
//! | column   | unit, shape                                                              | glyph     |
//! |----------|--------------------------------------------------------------------------|-----------|
//! | received | bytes per second by worker, at most 1,024 points of least, most and last | area, red |
//! | sent     | likewise                                                                 | line      |
//!
//! From samples, about two a second.

use super::sampled::{Readings, Sampled};
use super::{About, Page, Plot};
use crate::chart::Measure;
use crate::figure::Color;

const NETWORK: &Readings<2> = &Readings {
    about: About {
        id: "network",
        title: "Network",
        question: "Which worker's network is the bottleneck, and when?",
        page: Page::Transfers,
    },
    measure: Measure::BytesPerSecond,
    shown: [("received_per_s", "received", Color::TRANSFER), ("sent_per_s", "sent", Color::AXIS)],
    opacity: 0.8,
    read: |sample| [sample.received_per_s, sample.sent_per_s],
    shared: None,
};

/// The plot without any columns yet.
pub(super) fn make() -> Box<dyn Plot> {
    Box::new(Sampled::new(NETWORK))
}
