//! The document around the data: markup, style and scripts, all within it.

use askama::Template;
use taskreel_model::Nanos;
use taskreel_replay::analysis::{Explanation, Finding};
use taskreel_replay::figure::Theme;
use taskreel_replay::plots::{self, About, Page};
use taskreel_replay::render::svg;

use super::{Index, Store};
use crate::base64::base64;
use crate::fold::{PlotRequest, Run, Size};
use crate::http::{Base, embedded, themes};
use crate::text::visible_message;
use crate::words::Words;

/// Size of a finding's picture, in pixels.
const PICTURE_PX: (u32, u32) = (1_000, 320);

/// The document.
#[derive(Template)]
#[template(path = "export.html")]
struct ExportPage<'a> {
    base: Base,
    sections: Vec<Section>,
    explained: &'a Explanation,
    findings: Vec<Told>,
    left_out: &'a [String],
    style: String,
    scripts: String,
    early: &'static str,
    start: &'static str,
    themes: String,
    index: String,
    parts: String,
    nonce: String,
    n_moments: usize,
}

/// A page of plots within the document.
struct Section {
    page: Page,
    plots: Vec<About>,
}

/// A finding with its picture, light and dark, as addresses that hold it; empty: there was no room.
pub(super) struct Told {
    finding: Finding,
    pictures: [String; 2],
}

impl Told {
    /// A text with names in backquotes, in pieces: names are set apart.
    fn pieces(text: &str) -> Vec<(bool, String)> {
        let pieces = text.split('`').enumerate();
        pieces.map(|(i, piece)| (i % 2 == 1, visible_message(piece))).collect()
    }

    fn share(&self) -> String {
        format!("{:.1} %", self.finding.share * 100.0)
    }
}

/// The findings, with pictures as far as there is room.
pub(super) fn findings(
    run: &Run,
    explained: &Explanation,
    room: usize,
    store: &mut Store,
) -> Vec<Told> {
    let mut left = room;
    let (width, height) = PICTURE_PX;
    let mut told = Vec::new();
    for finding in &explained.findings {
        let request =
            PlotRequest { id: finding.plot.to_owned(), size: Size::clamped(width, height) };
        let figure = run.figure(&request, Some(finding.picture_window()));
        let picture = |theme: Theme| {
            let svg = figure.as_ref().map_or_else(String::new, |figure| svg(figure, &theme));
            format!("data:image/svg+xml;base64,{}", base64(svg.as_bytes()))
        };
        let mut pictures = [picture(Theme::light()), picture(Theme::dark())];
        let bytes = pictures[0].len() + pictures[1].len();
        if bytes > left {
            pictures = [String::new(), String::new()];
            store.left_out.push(format!("the picture of the finding “{}”", finding.kind));
        } else {
            left -= bytes;
            store.used += bytes;
        }
        told.push(Told { finding: finding.clone(), pictures });
    }
    told
}

/// The document.
pub(super) fn render(
    run: &Run,
    explained: &Explanation,
    findings: Vec<Told>,
    store: &Store,
    index: &Index,
    left_out: &[String],
) -> String {
    let summary = run.summary();
    let words = Words::new(&summary, run.jumping(None));
    let about: Vec<About> = plots::all().iter().map(|plot| plot.about()).collect();
    let of_page = |page: Page| {
        let is_shown = move |about: &About| {
            about.page == page || (page == Page::Tasks && about.id == "task-stream")
        };
        let mut plots: Vec<About> = about.iter().copied().filter(is_shown).collect();
        // The widest first.
        plots.sort_by_key(|about| about.id != "task-stream");
        Section { page, plots }
    };
    let n_moments = index.moments.len();
    let index = serde_json::to_vec(index).expect("it is numbers and names of plots");
    let parts = store.text();
    let page = ExportPage {
        base: Base::alone(summary, words),
        sections: Page::ALL.into_iter().map(of_page).collect(),
        explained,
        findings,
        left_out,
        style: embedded(".css").map(|(_, content)| content).collect::<Vec<_>>().join("\n"),
        scripts: import_map(),
        early: include_str!("../../assets/early.js"),
        start: "import 'taskreel/offline.js';",
        themes: base64(themes().as_bytes()),
        index: base64(&index),
        nonce: format!("{:016x}", crate::wire::fingerprint(parts.as_bytes())),
        parts,
        n_moments,
    };
    page.render().unwrap_or_else(|error| format!("the page cannot be rendered: {error}"))
}

/// The scripts as modules without files: a map from names to addresses that hold them.
fn import_map() -> String {
    let modules = embedded(".js").map(|(name, content)| {
        let content = content.replace("'./", "'taskreel/");
        let url = format!("data:text/javascript;base64,{}", base64(content.as_bytes()));
        (format!("taskreel/{name}"), serde_json::Value::from(url))
    });
    let mut modules: serde_json::Map<String, serde_json::Value> = modules.collect();
    // What asks the viewer is answered from the page itself.
    if let Some(offline) = modules.get("taskreel/offline.js").cloned() {
        modules.insert("taskreel/live.js".to_owned(), offline);
    }
    serde_json::json!({ "imports": modules }).to_string()
}

impl ExportPage<'_> {
    /// How many instants the page can show.
    fn n_moments(&self) -> usize {
        self.n_moments
    }

    /// A page of plots by its name.
    fn title(section: &Section) -> &'static str {
        section.page.title()
    }

    fn time(seconds: &f64) -> String {
        Nanos::from_secs_f64(*seconds).to_string()
    }
}
