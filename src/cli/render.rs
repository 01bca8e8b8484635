//! `reel render`: pictures of a run.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use taskreel_model::Nanos;
use taskreel_replay::figure::{Theme, View, Window};
use taskreel_replay::plots::{self, Page, Plot};
use taskreel_replay::render::layout::{Layout, Panel};
use taskreel_replay::render::svg;
use taskreel_replay::{Instant, Timeline};

use super::failure::say;
use super::{Failure, INSTANTS, open};

/// Space above stacked plots for the headline.
const HEAD_PX: u32 = 34;

/// Draws a run as SVG: one plot, several below each other, or the status page.
#[derive(Debug, Args)]
#[command(after_help = format!("Plots:\n{}\n{INSTANTS}

Examples:
  reel render run.reel -o run.svg
  reel render run.reel -o stream.svg --plot task-stream --from 2s --to 50%
  reel render run.reel -o dark.svg --plot task-stream,progress --theme dark
  reel render run.reel -o then.svg --at 12.3s     as it looked at that instant", plot_list()))]
pub(crate) struct Render {
    /// The trace.
    #[arg(value_name = "FILE")]
    trace: PathBuf,
    /// The picture to write; - is standard output. An existing one is replaced
    #[arg(short, long, value_name = "OUT.svg")]
    output: PathBuf,
    /// Which plots, separated by commas; several stand below each other
    #[arg(
        long, value_name = "NAME", value_delimiter = ',', conflicts_with = "layout",
        value_parser = parse_plot
    )]
    plot: Vec<&'static str>,
    /// An arrangement of plots [default: status, unless plots are named]
    #[arg(long, value_name = "LAYOUT")]
    layout: Option<LayoutName>,
    /// The instant the picture is of: the run as it was then
    #[arg(long, value_name = "T", default_value = "end")]
    at: Instant,
    /// Where the time axis begins [default: the begin of the run]
    #[arg(long, value_name = "T")]
    from: Option<Instant>,
    /// Where the time axis ends [default: --at]
    #[arg(long, value_name = "T")]
    to: Option<Instant>,
    /// Width in pixels
    #[arg(
        long, value_name = "PX", default_value_t = 1280,
        value_parser = clap::value_parser!(u32).range(240..=16_384)
    )]
    width: u32,
    /// Height in pixels [default: 720, or 360 for each plot that is named]
    #[arg(long, value_name = "PX", value_parser = clap::value_parser!(u32).range(120..=16_384))]
    height: Option<u32>,
    /// Colours
    #[arg(long, value_name = "THEME", default_value = "light")]
    theme: ThemeName,
}

/// Arrangements of several plots.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum LayoutName {
    /// Workers, task stream and progress, as the viewer shows them.
    Status,
}

/// Colours of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ThemeName {
    Light,
    Dark,
}

impl Render {
    /// Writes the picture.
    pub(crate) fn run(&self, out: &mut dyn Write) -> Result<(), Failure> {
        let to_stdout = self.output == Path::new("-");
        let is_svg = self.output.extension().is_some_and(|end| end.eq_ignore_ascii_case("svg"));
        if !to_stdout && !is_svg {
            let output = self.output.display();
            let hint = "the picture is SVG: name it OUT.svg, or - for standard output";
            return Err(Failure::usage(format!("cannot write {output}: {hint}")));
        }
        let info = open::info(&self.trace)?;
        let end = Nanos(info.summary.last_logged_at_ns);
        let mut timeline = open::timeline(&self.trace, self.plots())?;
        open::seek(&mut timeline, self.at);
        open::say_warnings(&self.trace, timeline.warnings());
        let window = self.window(&timeline, end)?;
        let picture = self.draw(&timeline, window);
        if to_stdout {
            return Ok(out.write_all(picture.as_bytes())?);
        }
        write(&self.output, &picture)?;
        say(format_args!("wrote {}", self.output.display()));
        Ok(())
    }

    fn plots(&self) -> Vec<Box<dyn Plot>> {
        match self.plot.is_empty() {
            true => plots::of_page(Page::Status),
            false => self.plot.iter().filter_map(|id| plots::by_id(id)).collect(),
        }
    }

    fn window(&self, timeline: &Timeline, end: Nanos) -> Result<Window, Failure> {
        let resolve = |instant: Option<Instant>, name: &str, otherwise: Nanos| match instant {
            None => Ok(otherwise),
            Some(instant) => open::at(instant, end).ok_or_else(|| {
                let hint = "an axis is in time: write 12.3s, 50% or end";
                Failure::usage(format!("--{name} cannot be {instant}; {hint}"))
            }),
        };
        let from = resolve(self.from, "from", Nanos::ZERO)?;
        let to = resolve(self.to, "to", timeline.now())?;
        if from >= to && to > Nanos::ZERO {
            return Err(Failure::usage(format!("the picture would end at {to}, before {from}")));
        }
        Ok(Window::new(from, to))
    }

    fn draw(&self, timeline: &Timeline, window: Window) -> String {
        let theme = match self.theme {
            ThemeName::Light => Theme::light(),
            ThemeName::Dark => Theme::dark(),
        };
        let now = timeline.now();
        if let ([id], None) = (self.plot.as_slice(), self.layout)
            && let Some(plot) = timeline.plot(id)
        {
            let view = View::new(window, self.width, self.height.unwrap_or(360)).at(now);
            return svg(&plot.figure(&view), &theme);
        }
        let layout = match self.plot.is_empty() {
            true => Layout::status(self.width, self.height.unwrap_or(720)),
            false => self.stack(),
        };
        let headline = format!("{} at {now}", timeline.run_info().name);
        layout.svg(timeline.plots(), window, now, &headline, &theme)
    }

    /// The named plots below each other, equally high.
    fn stack(&self) -> Layout {
        let n_plots = self.plot.len() as u32;
        let height_px = self.height.unwrap_or(360 * n_plots + HEAD_PX);
        let each = height_px.saturating_sub(HEAD_PX) / n_plots;
        let panel = |(i, plot): (u32, &&'static str)| Panel {
            plot,
            x: 0,
            y: HEAD_PX + i * each,
            width: self.width,
            height: each,
        };
        let panels = (0..).zip(&self.plot).map(panel).collect();
        Layout { width_px: self.width, height_px, panels }
    }
}

fn write(path: &Path, picture: &str) -> Result<(), Failure> {
    File::create(path)
        .and_then(|mut file| file.write_all(picture.as_bytes()))
        .map_err(|error| Failure::run(format!("write {}: {error}", path.display())))
}

fn parse_plot(text: &str) -> Result<&'static str, String> {
    match plots::by_id(text.trim()) {
        Some(plot) => Ok(plot.about().id),
        None => {
            let ids: Vec<&str> = plots::all().iter().map(|plot| plot.about().id).collect();
            Err(format!("plots are {}", ids.join(", ")))
        }
    }
}

fn plot_list() -> String {
    plots::all()
        .iter()
        .map(|plot| format!("  {:<14}{}\n", plot.about().id, plot.about().question))
        .collect()
}
