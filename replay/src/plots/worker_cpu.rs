//! **CPU**: a lane per worker with the CPU time of its process over time.
//! Question: which worker computes, and which one waits or starves?
//!
//! | column | unit, shape                                                     | glyph          |
//! |--------|-----------------------------------------------------------------|----------------|
//! | cpu    | thousandths of a core by worker, at most 1,024 points of least, most and last | area, green: solid up to the least, pale up to the most |
//!
//! From samples, about two a second. Workers within one process share its CPU time.

use super::sampled::{Readings, Sampled};
use super::{About, Page, Plot};
use crate::chart::Measure;
use crate::figure::Color;

const CPU: &Readings<1> = &Readings {
    about: About {
        id: "cpu",
        title: "CPU",
        question: "Which worker computes, and which one waits or starves?",
        page: Page::Workers,
    },
    measure: Measure::CorePermille,
    shown: [("cpu_permille", "CPU time", Color::CPU)],
    opacity: 1.0,
    read: |sample| [u64::from(sample.cpu_permille)],
    shared: Some("workers of one process share its CPU time"),
};

/// The plot without any columns yet.
pub(super) fn make() -> Box<dyn Plot> {
    Box::new(Sampled::new(CPU))
}
