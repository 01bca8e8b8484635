//! What a page is shown: the run as it is, or as it was at an instant.
//!
//! Looking back asks several threads: those that follow the run say what does not depend on the
//! instant and draw what has the whole axis of time; the one that looks back says the rest.

use taskreel_model::Nanos;
use taskreel_recorder::OpenError;
use taskreel_replay::Instant;
use taskreel_replay::figure::{View as FigureView, Window};
use taskreel_replay::plots::{self, About, Page};

use super::Site;
use crate::fold::{Gone, PlotRequest, Scope};
use crate::ledger::{STRIP, STRIP_FOLDED};
use crate::summary::{Head, Summary};
use crate::wire::Packed;
use crate::words::{Jumping, Words};

/// Where a page looks; `None`: at the newest there is.
pub(super) type At = Option<Instant>;

/// A plot that there is.
#[derive(Debug)]
pub(super) struct PlotInfo {
    pub about: About,
    /// Whether its figures have an axis of time: then they show what came after an instant, too.
    pub is_timed: bool,
}

/// All plots, in the order in which pages list them.
pub(super) fn plots() -> Vec<PlotInfo> {
    let view = FigureView::new(Window::until(Nanos::from_millis(1)), 400, 200);
    let info = |plot: Box<dyn plots::Plot>| PlotInfo {
        about: plot.about(),
        is_timed: plot.figure(&view).window_ns.is_some(),
    };
    plots::all().into_iter().map(info).collect()
}

/// What a page shows.
pub(super) struct View {
    pub summary: Summary,
    pub jumping: Jumping,
    /// Of each plot asked for that there is.
    pub figures: Vec<Packed>,
}

impl View {
    /// The texts of the page.
    pub(super) fn words(self) -> (Summary, Words) {
        let words = Words::new(&self.summary, self.jumping);
        (self.summary, words)
    }

    /// What the live channel sends.
    fn parts(mut self, tables: &[String]) -> Vec<Packed> {
        let mut parts = std::mem::take(&mut self.figures);
        let (_, mut words) = self.words();
        words.tables.keep(tables);
        parts.push(words.packed());
        parts
    }
}

impl Site {
    /// What a page is sent: figures of these plots, and words with these tables. Of the run as it is,
    /// they are made once for all pages.
    ///
    /// # Errors
    /// The viewer is stopping.
    pub(super) async fn frame(
        &self,
        at: At,
        plots: Vec<PlotRequest>,
        scope: Scope,
        tables: Vec<String>,
    ) -> Result<Vec<Packed>, Gone> {
        if at.is_some() {
            return Ok(self.view(at, plots, scope).await?.parts(&tables));
        }
        let (more, own): (Vec<_>, Vec<_>) = plots.into_iter().partition(|plot| self.is_more(plot));
        let own_scope = scope.clone();
        let asked = self.folders.run.ask(move |run| {
            let mut parts = run.figures(&own, &own_scope);
            parts.extend([run.words(&tables), run.names()]);
            (parts, own_scope.window().unwrap_or_else(|| run.whole()))
        });
        let (mut parts, window) = asked.await?;
        parts.extend(self.more_figures(more, scope.with_window(Some(window))).await?);
        Ok(parts)
    }

    /// The run at an instant, with these plots; figures that have an axis of time show a window.
    ///
    /// # Errors
    /// The viewer is stopping.
    pub(super) async fn view(
        &self,
        at: At,
        plots: Vec<PlotRequest>,
        scope: impl Into<Scope>,
    ) -> Result<View, Gone> {
        let (scope, mut warning) = (scope.into(), None);
        if let Some(at) = at {
            match self.view_back(at, plots.clone(), scope.clone()).await? {
                Ok(view) => return Ok(view),
                Err(why) => warning = why.map(|error| format!("Cannot look back: {error}")),
            }
        }
        let (_, figures) = self.figures(plots, scope).await?;
        let both = self.folders.run.ask(|run| (run.summary(), run.jumping(None)));
        let (mut summary, jumping) = both.await?;
        summary.warnings.extend(warning);
        Ok(View { summary, jumping, figures })
    }

    /// Figures of the run as it is, from the threads that have the plots.
    async fn figures(
        &self,
        plots: Vec<PlotRequest>,
        scope: Scope,
    ) -> Result<(Head, Vec<Packed>), Gone> {
        let (more, own): (Vec<_>, Vec<_>) = plots.into_iter().partition(|plot| self.is_more(plot));
        let own_scope = scope.clone();
        let asked = self.folders.run.ask(move |run| {
            let window = own_scope.window().unwrap_or_else(|| run.whole());
            (run.head(), run.figures(&own, &own_scope), window)
        });
        let (head, mut figures, window) = asked.await?;
        figures.extend(self.more_figures(more, scope.with_window(Some(window))).await?);
        Ok((head, figures))
    }

    /// Figures from the thread of the other plots.
    async fn more_figures(
        &self,
        plots: Vec<PlotRequest>,
        scope: Scope,
    ) -> Result<Vec<Packed>, Gone> {
        match self.folders.more.as_ref().filter(|_| !plots.is_empty()) {
            Some(client) => client.ask(move |run| run.figures(&plots, &scope)).await,
            None => Ok(Vec::new()),
        }
    }

    /// `Ok(Err)`: there is no looking back, and why, if there should be.
    async fn view_back(
        &self,
        at: Instant,
        plots: Vec<PlotRequest>,
        scope: Scope,
    ) -> Result<Result<View, Option<OpenError>>, Gone> {
        let Some(past) = &self.folders.past else { return Ok(Err(None)) };
        let (timed, others): (Vec<_>, Vec<_>) =
            plots.into_iter().partition(|request| self.is_timed(&request.id));
        let window = scope.window();
        let (head, mut figures) = self.figures(timed, scope).await?;
        let window = window.unwrap_or_else(|| Window::until(Nanos(head.end_ns)));
        let at = match at {
            Instant::Percent(percent) => {
                Instant::At(Nanos((head.end_ns as f64 * percent / 100.0) as u64))
            }
            other => other,
        };
        let ids = others.iter().map(|request| request.id.clone()).collect();
        let asked =
            past.ask(at, ids, move |past| (past.summary(head), past.figures(&others, window)));
        let (summary, as_they_were) = match asked.await? {
            Ok(answer) => answer,
            Err(error) => return Ok(Err(Some(error))),
        };
        figures.extend(as_they_were);
        let now = Nanos(summary.now_ns);
        let jumping = self.folders.run.ask(move |run| run.jumping(Some(now))).await?;
        Ok(Ok(View { summary, jumping, figures }))
    }

    /// A plot that there is.
    pub(super) fn plot(&self, id: &str) -> Option<&PlotInfo> {
        self.plots.iter().find(|plot| plot.about.id == id)
    }

    /// Whether a plot has an axis of time.
    pub(super) fn is_timed(&self, id: &str) -> bool {
        id == STRIP || id == STRIP_FOLDED || self.plot(id).is_some_and(|plot| plot.is_timed)
    }

    /// Whether a plot is fed by the thread of the others.
    pub(super) fn is_more(&self, request: &PlotRequest) -> bool {
        let page = self.plot(&request.id).map(|plot| plot.about.page);
        self.folders.more.is_some() && page.is_some_and(|page| page != Page::Status)
    }
}

/// Reads `at=` of an address; what is no instant means the newest.
pub(super) fn parse_at(text: Option<&str>) -> At {
    text.and_then(|text| text.parse().ok()).filter(|at| *at != Instant::End)
}
