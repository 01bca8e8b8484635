//! `GET explain`: why the run took as long as it did, the findings with pictures; `GET api/explain`:
//! the same for programs.

use std::sync::Arc;

use askama::Template;
use axum::Json;
use axum::extract::{Query, State};
use axum::response::Response;
use taskreel_model::{HumanBytes, Nanos};
use taskreel_recorder::Source;
use taskreel_replay::Instant;
use taskreel_replay::analysis::{Explanation, Facts, Finding, explain};

use super::Site;
use super::base::{Base, rendered, url_query};
use super::look::{View, parse_at};
use super::missing::Missing;
use super::page::PageQuery;
use crate::text::{count, visible_message};

/// Size of a finding's picture, in CSS pixels.
const PICTURE_PX: (u32, u32) = (1_000, 320);
/// Most prefixes listed.
const PREFIXES_MAX: usize = 30;

/// The page.
#[derive(Template)]
#[template(path = "explain.html")]
struct ExplainPage {
    base: Base,
    explained: Arc<Explanation>,
    at: String,
    /// Plots that have an axis of time.
    timed: Vec<&'static str>,
}

/// What was worked out last, and of how many events.
#[derive(Debug, Default)]
pub(super) struct Last(std::sync::Mutex<Option<(u64, Arc<Explanation>)>>);

impl Last {
    fn get(&self, n_events: u64) -> Option<Arc<Explanation>> {
        let last = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        last.as_ref()
            .filter(|(known, _)| *known == n_events)
            .map(|(_, explained)| explained.clone())
    }

    fn put(&self, n_events: u64, explained: Arc<Explanation>) {
        *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner) =
            Some((n_events, explained));
    }
}

impl Site {
    /// Explains the run up to an event.
    async fn explained(&self, n_events: u64) -> Result<Arc<Explanation>, Missing> {
        if let Some(known) = self.explained.get(n_events) {
            return Ok(known);
        }
        let last = Instant::Event(n_events.saturating_sub(1));
        let working = self.long(move |trace| {
            let mut source = trace.until(Some(last)).map_err(Missing::failed)?;
            Ok(explain_source(source.as_mut()))
        });
        let explained = Arc::new(working.await?);
        self.explained.put(n_events, explained.clone());
        Ok(explained)
    }
}

fn explain_source(source: &mut dyn Source) -> Explanation {
    explain(&Facts::read(source))
}

impl ExplainPage {
    /// How long the run took, who took part, and what came out.
    fn head(&self) -> String {
        let totals = &self.explained.totals;
        let lost = match totals.workers_lost {
            0 => String::new(),
            n => format!(", {n} lost"),
        };
        format!(
            "{} from the first submission to the last end; {} tasks, {} finished, {} erred; \
             {} workers{lost}; {} executions, {} of results, {} transfers ({})",
            Nanos::from_secs_f64(totals.makespan_s),
            count(totals.tasks),
            count(totals.finished),
            count(totals.erred),
            count(totals.workers),
            count(totals.executions),
            HumanBytes(totals.result_bytes),
            count(totals.transfers),
            HumanBytes(totals.transfer_bytes),
        )
    }

    fn percent(share: &f64) -> String {
        format!("{:.1} %", share * 100.0)
    }

    fn time(seconds: &f64) -> String {
        Nanos::from_secs_f64(*seconds).to_string()
    }

    /// A text with names in backquotes, in pieces: names are set apart.
    fn pieces(text: &str) -> Vec<(bool, String)> {
        let pieces = text.split('`').enumerate();
        pieces.map(|(i, piece)| (i % 2 == 1, visible_message(piece))).collect()
    }

    fn prefixes(&self) -> impl Iterator<Item = &taskreel_replay::analysis::PrefixTime> {
        self.explained.prefixes.iter().take(PREFIXES_MAX)
    }

    /// The address of a finding's picture.
    fn picture(&self, finding: &Finding, theme: &str) -> String {
        let window = finding.picture_window();
        let (width, mut height) = PICTURE_PX;
        let mut at = url_query("&at=", &self.at);
        if !self.timed.contains(&finding.plot) {
            // A plot without an axis of time shows the instant up to which it grew worse.
            at = format!("&at={}ns", window.to.0);
            height += height / 3;
        }
        format!(
            "plot/{}.svg?from={}&to={}&width={width}&height={height}&theme={theme}{at}",
            finding.plot, window.from.0, window.to.0,
        )
    }

    /// The address of a finding's place in the task stream.
    fn place(&self, finding: &Finding) -> String {
        let window = finding.picture_window();
        let at = url_query("&at=", &self.at);
        format!("tasks?window={}-{}{at}", window.from.0, window.to.0)
    }
}

async fn view(site: &Site, query: &PageQuery) -> Result<View, Missing> {
    Ok(site.view(parse_at(query.at()), Vec::new(), None).await?)
}

/// `GET explain`.
pub(super) async fn page(
    State(site): State<Arc<Site>>,
    Query(query): Query<PageQuery>,
) -> Result<Response, Missing> {
    let view = view(&site, &query).await?;
    let explained = site.explained(view.summary.n_events).await?;
    let base = Base::new(&site, view, "", "Explain", query.at());
    let at = query.at().filter(|at| parse_at(Some(at)).is_some()).unwrap_or_default().to_owned();
    let timed = site.plots.iter().filter(|plot| plot.is_timed).map(|plot| plot.about.id).collect();
    Ok(rendered(&ExplainPage { base, explained, at, timed }))
}

/// `GET api/explain`.
pub(super) async fn json(
    State(site): State<Arc<Site>>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Arc<Explanation>>, Missing> {
    let view = view(&site, &query).await?;
    site.explained(view.summary.n_events).await.map(Json)
}
