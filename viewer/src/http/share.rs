//! What a visitor takes along: films of a panel as it is seen, the run for Perfetto, and a pack for
//! an issue. All are made where they keep nobody waiting, a few at a time.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{Path as UrlPath, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use taskreel_model::{Change, LogLine, Nanos, Sample, State as RunState};
use taskreel_replay::export::{Rows, write_perfetto};
use taskreel_replay::figure::{Figure, Filter, Theme, View, Window};
use taskreel_replay::plots::{self, About, Plot};
use taskreel_replay::render::gif::{FilmOptions, film as draw_film};
use taskreel_replay::render::layout::{Layout, Panel};

use super::Site;
use super::look::parse_at;
use super::missing::Missing;
use super::plot::PlotQuery;
use crate::desk::Trace;
use crate::export_html;

/// A film takes at least and at most so many seconds.
const FILM_S: (f64, f64) = (4.0, 12.0);
/// Frames of a film in a second.
const FILM_FPS: f64 = 10.0;
/// For how long its last frame stays, in seconds.
const FILM_HOLD_S: f64 = 2.0;
/// Most bytes of a film.
const FILM_BYTES_MAX: u64 = 8_000_000;
/// Most bytes of a page that stands alone.
const HTML_BYTES_MAX: usize = 24_500_000;
/// Space above the panel for the headline, in pixels.
const HEAD_PX: u32 = 34;

/// `GET share/WHAT`: a file to take along.
pub(super) async fn file(
    State(site): State<Arc<Site>>,
    UrlPath(what): UrlPath<String>,
) -> Result<Response, Missing> {
    let name = site.file_name().await?;
    match what.as_str() {
        "perfetto" => {
            let title = name.clone();
            let bytes = site.long(move |trace| perfetto(trace, &title)).await?;
            Ok(download("application/gzip", &format!("{name}.pftrace.gz"), bytes))
        }
        "html" => {
            let title = name.clone();
            let html = site.long(move |trace| {
                let again = trace.clone();
                let reopen = Box::new(move || again.open());
                let page = export_html(reopen, &title, HTML_BYTES_MAX);
                page.map(|page| page.html).map_err(Missing::failed)
            });
            let html = html.await?;
            Ok(download("text/html; charset=utf-8", &format!("{name}.html"), html.into_bytes()))
        }
        "pack" => {
            let bytes = site.packed(|_, zip| fs::read(zip).map_err(Missing::failed)).await?;
            Ok(download("application/zip", &format!("{name}.reel.zip"), bytes))
        }
        "issue" => {
            let text = site.packed(|issue, _| Ok(issue)).await?;
            Ok(text.into_response())
        }
        _ => Err(Missing::nothing("there is no such file to take along")),
    }
}

impl Site {
    /// Makes a pack, and what `take` makes of its issue's text and its file.
    async fn packed<T: Send + 'static>(
        &self,
        take: impl FnOnce(String, &Path) -> Result<T, Missing> + Send + 'static,
    ) -> Result<T, Missing> {
        let (Some(trace), Some(pack)) = (self.beside.trace.clone(), self.beside.files.pack.clone())
        else {
            return Err(Missing::nothing("there is no file of this run to be packed"));
        };
        self.long(move |_| {
            let folder = tempfile::tempdir().map_err(Missing::failed)?;
            let zip = folder.path().join("run.reel.zip");
            let issue = pack(&trace, &zip).map_err(Missing::failed)?;
            take(issue, &zip)
        })
        .await
    }

    /// The run's name as that of a file, without ending.
    async fn file_name(&self) -> Result<String, Missing> {
        let title = self.folders.run.ask(|run| run.head().title).await?;
        let title = title.rsplit('/').next().unwrap_or_default();
        let title = title.trim_end_matches(".zip").trim_end_matches(".reel");
        let plain = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        let name: String = title.chars().filter(plain).take(60).collect();
        Ok(if name.is_empty() { "run".to_owned() } else { name })
    }
}

/// A file that the browser keeps rather than shows; `name` has no quotes.
fn download(content_type: &'static str, name: &str, bytes: Vec<u8>) -> Response {
    let disposition = format!("attachment; filename=\"{name}\"");
    let headers = [(CONTENT_TYPE, content_type.to_owned()), (CONTENT_DISPOSITION, disposition)];
    (headers, Body::from(Bytes::from(bytes))).into_response()
}

fn perfetto(trace: &Trace, title: &str) -> Result<Vec<u8>, Missing> {
    let mut source = trace.open().map_err(Missing::failed)?;
    let rows = Rows::collect(source.as_mut(), title);
    let mut bytes = Vec::new();
    write_perfetto(&rows, &mut bytes).map_err(Missing::failed)?;
    Ok(bytes)
}

/// What a film shows.
struct Film {
    plot: &'static str,
    headline: String,
    window: Window,
    filter: Filter,
    theme: Theme,
    size: (u32, u32),
}

/// `GET plot/ID.gif`: how the panel came to look as it does.
pub(super) async fn film(
    site: &Arc<Site>,
    id: &str,
    query: &PlotQuery,
    theme: Theme,
) -> Result<Response, Missing> {
    let plot = site.plot(id).ok_or_else(|| Missing::nothing("there is no such plot"))?.about.id;
    let at = parse_at(query.at());
    let end = site.view(at, Vec::new(), None).await?.summary.now_ns;
    let scope = query.scope();
    let (whole, headline, filter) = site
        .folders
        .run
        .ask(move |run| (run.whole(), run.head().title, run.filter(&scope)))
        .await?;
    let window = query.window().unwrap_or(whole);
    let window = Window::new(window.from, window.to.min(Nanos(end)).max(window.from));
    let size = (query.width.unwrap_or(1_000), query.height.unwrap_or(400));
    let size = (size.0.clamp(320, 1_600), size.1.clamp(160, 1_200));
    let film = Film { plot, headline, window, filter, theme, size };
    let bytes = site.long(move |trace| film.draw(trace)).await?;
    Ok(([(CONTENT_TYPE, "image/gif")], bytes).into_response())
}

impl Film {
    fn draw(self, trace: &Trace) -> Result<Vec<u8>, Missing> {
        let plot = plots::by_id(self.plot).map(|plot| Filtered { plot, filter: self.filter });
        let plots: Vec<Box<dyn Plot>> = plot.into_iter().map(|plot| Box::new(plot) as _).collect();
        let mut timeline = trace.timeline(plots).map_err(Missing::failed)?;
        let (width, height) = self.size;
        let panel = Panel { plot: self.plot, x: 0, y: HEAD_PX, width, height };
        let length_s = self.window.length().as_secs_f64();
        let (least, most) = FILM_S;
        let options = FilmOptions {
            layout: Layout { width_px: width, height_px: height + HEAD_PX, panels: vec![panel] },
            theme: self.theme,
            headline: self.headline,
            window: self.window,
            fps: FILM_FPS,
            speed: (length_s / length_s.clamp(least, most)).max(1e-9),
            idle_limit_s: None,
            hold_s: FILM_HOLD_S,
            max_bytes: FILM_BYTES_MAX,
        };
        let film = draw_film(&mut timeline, &options, &mut |_, _| {}).map_err(Missing::failed)?;
        Ok(film.bytes)
    }
}

/// A plot that shows a part of the tasks only.
struct Filtered {
    plot: Box<dyn Plot>,
    filter: Filter,
}

impl Plot for Filtered {
    fn about(&self) -> About {
        self.plot.about()
    }

    fn fresh(&self) -> Box<dyn Plot> {
        Box::new(Self { plot: self.plot.fresh(), filter: self.filter })
    }

    fn update(&mut self, at: Nanos, change: &Change, state: &RunState) {
        self.plot.update(at, change, state);
    }

    fn sample(&mut self, sample: &Sample, state: &RunState) {
        self.plot.sample(sample, state);
    }

    fn log(&mut self, line: &LogLine, state: &RunState) {
        self.plot.log(line, state);
    }

    fn settle(&mut self, state: &RunState) {
        self.plot.settle(state);
    }

    fn figure(&self, view: &View) -> Figure {
        self.plot.figure(&view.filtered(self.filter))
    }

    fn columns(&self) -> String {
        self.plot.columns()
    }
}
