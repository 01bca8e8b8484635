//! **Disk**: a lane per worker with what its process read from and wrote to disk.
//! Question: which worker's disk is the bottleneck, and when?
//!
//! | column   | unit, shape                                                              | glyph     |
//! |----------|--------------------------------------------------------------------------|-----------|
//! | read     | bytes per second by worker, at most 1,024 points of least, most and last | area, orange |
//! | written  | likewise                                                                 | line      |
//!
//! From samples, about two a second. Workers within one process share its disk.

use super::sampled::{Readings, Sampled};
use super::{About, Page, Plot};
use crate::chart::Measure;
use crate::figure::Color;

const DISK: &Readings<2> = &Readings {
    about: About {
        id: "disk",
        title: "Disk",
        question: "Which worker's disk is the bottleneck, and when?",
        page: Page::Transfers,
    },
    measure: Measure::BytesPerSecond,
    shown: [("read_per_s", "read", Color::DISK), ("written_per_s", "written", Color::AXIS)],
    opacity: 0.8,
    read: |sample| [sample.read_per_s, sample.written_per_s],
    shared: None,
};

/// The plot without any columns yet.
pub(super) fn make() -> Box<dyn Plot> {
    Box::new(Sampled::new(DISK))
}
