//! What pages are sent of a run as it is, made once for all pages that look at the same thing.

use std::cell::RefCell;
use std::collections::BTreeMap;

use taskreel_model::{Nanos, PrefixId, State, WorkerId};
use taskreel_replay::figure::{Filter, Window};

use super::run::{PlotRequest, Size};
use crate::text::visible;
use crate::wire::Packed;

/// Most parts kept: beyond that the pages look at too different things to share them.
const PARTS_MAX: usize = 64;

/// Which part of a run a page shows.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Scope {
    /// Begin and end in ns; `None`: all.
    pub window: Option<(u64, u64)>,
    /// Tasks of the prefix of this name only.
    pub prefix: Option<String>,
    /// The worker of this number only.
    pub worker: Option<u32>,
}

impl Scope {
    /// This window of it; `None`: all.
    pub(crate) fn with_window(self, window: Option<Window>) -> Self {
        Self { window: window.map(|window| (window.from.0, window.to.0)), ..self }
    }

    /// The window; `None`: all.
    pub(crate) fn window(&self) -> Option<Window> {
        self.window.map(|(from, to)| Window::new(Nanos(from), Nanos(to)))
    }

    /// As plots understand it. Of a prefix that there is not, nothing is shown.
    pub(crate) fn filter(&self, state: &State) -> Filter {
        let id = |name: &str| {
            let index = state.prefixes().iter().position(|prefix| visible(&prefix.name) == name);
            PrefixId(index.map_or(u32::MAX, |index| index as u32))
        };
        Filter { prefix: self.prefix.as_deref().map(id), worker: self.worker.map(WorkerId) }
    }
}

impl From<&Self> for Scope {
    fn from(scope: &Self) -> Self {
        scope.clone()
    }
}

impl From<Option<Window>> for Scope {
    fn from(window: Option<Window>) -> Self {
        Self::default().with_window(window)
    }
}

/// What a part shows.
type Key = (String, Option<Size>, Scope);

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Shared(RefCell<BTreeMap<Key, Packed>>);

impl Shared {
    /// The run has gone on.
    pub(super) fn clear(&self) {
        self.0.borrow_mut().clear();
    }

    /// A plot's figure; `None`: there is no such plot.
    pub(super) fn figure(
        &self,
        request: &PlotRequest,
        scope: &Scope,
        make: impl FnOnce() -> Option<Packed>,
    ) -> Option<Packed> {
        self.part((request.id.clone(), Some(request.size), scope.clone()), make)
    }

    /// What the page says, with these tables.
    pub(super) fn words(&self, tables: &[String], make: impl FnOnce() -> Packed) -> Packed {
        let key = (tables.join("\n"), None, Scope::default());
        self.part(key, || Some(make())).expect("it is made always")
    }

    fn part(&self, key: Key, make: impl FnOnce() -> Option<Packed>) -> Option<Packed> {
        if let Some(known) = self.0.borrow().get(&key) {
            return Some(known.clone());
        }
        let made = make()?;
        let mut parts = self.0.borrow_mut();
        if parts.len() >= PARTS_MAX {
            parts.clear();
        }
        parts.insert(key, made.clone());
        Some(made)
    }
}
