//! `docs/gallery.md`: every plot with its question and its picture, of a recorded run. With
//! `BLESS=1` this writes the page and its pictures; without, it says when they are stale.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use taskreel_model::Nanos;
use taskreel_recorder::TraceReader;
use taskreel_replay::figure::{Theme, View, Window};
use taskreel_replay::plots::{self, Page, Plot};
use taskreel_replay::render::svg;
use taskreel_replay::{Instant, Timeline};

/// The instant shown: in the middle of the run, so that something is still to be done.
const AT: Nanos = Nanos::from_millis(4_700);

const HEAD: &str = "# Gallery

Every plot there is, with the question it answers. All show the same run, half-way: made-up readings of 40 stations are fetched
(some attempts fail), checked, cleaned and averaged by commands on four workers with little memory
([the job](../traces/gallery/weather.toml), [its trace](../traces/gallery/weather.reel)). Each picture follows the theme of your browser.

This page is written by `BLESS=1 cargo test -p taskreel-replay --test gallery`.
";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

#[test]
fn the_gallery_shows_every_plot_as_it_is_drawn_now() {
    let files = files();
    let pictures = root().join("docs/pictures/plots");
    if std::env::var_os("BLESS").is_some() {
        std::fs::create_dir_all(&pictures).expect("make the folder of pictures");
        for (path, text) in &files {
            std::fs::write(root().join(path), text).expect("write a file of the gallery");
        }
    }
    let stale: Vec<&String> = files
        .iter()
        .filter(|(path, text)| {
            std::fs::read_to_string(root().join(path)).ok() != Some((*text).clone())
        })
        .map(|(path, _)| path)
        .collect();
    assert!(stale.is_empty(), "look at these, then run with BLESS=1: {stale:?}");
    let n_pictures = std::fs::read_dir(&pictures).expect("list the pictures").count();
    assert_eq!(n_pictures, files.len() - 1, "a picture of a plot that is no more");
}

/// The page and its pictures, by path.
fn files() -> BTreeMap<String, String> {
    let timeline = timeline();
    let mut files = BTreeMap::new();
    let mut page = HEAD.to_owned();
    for group in Page::ALL {
        let _ = write!(page, "\n## {}\n", group.title());
        for plot in timeline.plots().iter().filter(|plot| plot.about().page == group) {
            page += &entry(plot.as_ref());
            let figure = plot.figure(&view(plot.about().id));
            for theme in [Theme::light(), Theme::dark()] {
                files.insert(picture(plot.about().id, theme.name), svg(&figure, &theme));
            }
        }
    }
    files.insert("docs/gallery.md".to_owned(), page);
    files
}

fn timeline() -> Timeline {
    let trace = root().join("traces/gallery/weather.reel");
    let reader = TraceReader::open(&trace).expect("open the recorded run");
    let mut timeline = Timeline::new(Box::new(reader), plots::all());
    timeline.seek(Instant::At(AT)).expect("fold the recorded run");
    timeline
}

fn view(id: &str) -> View {
    let (width, height) = match id {
        "workers" => (440, 480),
        "progress" => (760, 260),
        _ => (760, 320),
    };
    View::new(Window::until(AT), width, height)
}

fn picture(id: &str, theme: &str) -> String {
    format!("docs/pictures/plots/{id}-{theme}.svg")
}

fn entry(plot: &dyn Plot) -> String {
    let about = plot.about();
    let (id, title, question) = (about.id, about.title, about.question);
    format!(
        "\n### {title}\n\n{question} `--plot {id}`\n\n<picture>\n  \
         <source media=\"(prefers-color-scheme: dark)\" srcset=\"pictures/plots/{id}-dark.svg\">\n  \
         <img alt=\"{title}: {question}\" src=\"pictures/plots/{id}-light.svg\">\n</picture>\n"
    )
}
