//! `reel render`: pictures and films of a run.

mod film;

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};
use taskreel_model::Nanos;
use taskreel_replay::figure::{View, Window};
use taskreel_replay::plots::{self, Page, Plot};
use taskreel_replay::render::layout::{Layout, Panel};
use taskreel_replay::render::{png, svg};
use taskreel_replay::{Instant, Timeline};

use super::failure::say;
use super::output::write_file;
use super::theme::ThemeName;
use super::{Failure, INSTANTS, open};

/// Space above stacked plots for the headline.
const HEAD_PX: u32 = 34;

/// Draws a run as SVG, PNG or GIF: one plot, several below each other, or the status page.
///
/// What comes out follows from the name of the file. A GIF is the run as a film on one axis of
/// time, which fills.
#[derive(Debug, Args)]
#[command(after_help = format!("Plots:\n{}\n{INSTANTS}

Examples:
  reel render run.reel -o run.svg
  reel render run.reel -o stream.png --plot task-stream --from 2s --to 50%
  reel render run.reel -o dark.svg --plot task-stream,progress --theme dark
  reel render run.reel -o then.png --at 12.3s     as it looked at that instant
  reel render run.reel -o run.gif --speed 10 --idle-limit 0.5", plot_list()))]
pub(crate) struct Render {
    /// The trace.
    #[arg(value_name = "FILE")]
    trace: PathBuf,
    /// The picture to write; - is standard output, as SVG. An existing one is replaced
    #[arg(short, long, value_name = "OUT.svg|png|gif")]
    output: PathBuf,
    /// Which plots, separated by commas; several stand below each other
    #[arg(
        long, value_name = "NAME", value_delimiter = ',', conflicts_with = "layout",
        hide_possible_values = true, value_parser = PossibleValuesParser::new(plot_ids()).map(plot_id)
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
    /// Width in pixels [default: 1280, of a GIF 1000]
    #[arg(long, value_name = "PX", value_parser = clap::value_parser!(u32).range(240..=16_384))]
    width: Option<u32>,
    /// Height in pixels [default: 720, of a GIF 600, or 360 for each plot that is named]
    #[arg(long, value_name = "PX", value_parser = clap::value_parser!(u32).range(120..=16_384))]
    height: Option<u32>,
    /// Colours
    #[arg(long, value_name = "THEME", default_value = "light")]
    theme: ThemeName,
    #[command(flatten)]
    film: film::FilmArgs,
}

/// What the picture is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Svg,
    Png,
    Gif,
}

/// Arrangements of several plots.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum LayoutName {
    /// Workers, task stream and progress, as the viewer shows them.
    Status,
}

impl Render {
    /// Writes the picture.
    pub(crate) fn run(&self, out: &mut dyn Write) -> Result<(), Failure> {
        let format = self.format()?;
        self.film.check(format == Format::Gif, self.at)?;
        let info = open::info(&self.trace)?;
        let end = Nanos(info.summary.last_logged_at_ns);
        let mut timeline = open::timeline(&self.trace, self.plots())?;
        let picture = if format == Format::Gif {
            let window = self.window(end, end)?;
            self.film.draw(&mut timeline, self.layout((1000, 600)), window, self.theme.theme())?
        } else {
            open::seek(&mut timeline, self.at);
            let window = self.window(timeline.now(), end)?;
            self.draw(&timeline, window, format)
        };
        open::say_warnings(&self.trace, timeline.warnings());
        if self.output == Path::new("-") {
            return Ok(out.write_all(&picture)?);
        }
        write_file(&self.output, |file| file.write_all(&picture))?;
        say(format_args!("wrote {}", self.output.display()));
        Ok(())
    }

    fn format(&self) -> Result<Format, Failure> {
        let ending = self.output.extension().unwrap_or_default().to_ascii_lowercase();
        match ending.to_str() {
            Some("svg") => Ok(Format::Svg),
            Some("png") => Ok(Format::Png),
            Some("gif") => Ok(Format::Gif),
            _ if self.output == Path::new("-") => Ok(Format::Svg),
            _ => {
                let output = self.output.display();
                let hint = "name it OUT.svg, OUT.png or OUT.gif, or - for SVG on standard output";
                Err(Failure::usage(format!("cannot write {output}: {hint}")))
            }
        }
    }

    fn plots(&self) -> Vec<Box<dyn Plot>> {
        match self.plot.is_empty() {
            true => plots::of_page(Page::Status),
            false => self.plot.iter().filter_map(|id| plots::by_id(id)).collect(),
        }
    }

    /// The axis of time: up to `now`, unless the options say otherwise.
    fn window(&self, now: Nanos, end: Nanos) -> Result<Window, Failure> {
        let resolve = |instant: Option<Instant>, name: &str, otherwise: Nanos| match instant {
            None => Ok(otherwise),
            Some(instant) => open::at(instant, end).ok_or_else(|| {
                let hint = "an axis is in time: write 12.3s, 50% or end";
                Failure::usage(format!("--{name} cannot be {instant}; {hint}"))
            }),
        };
        let from = resolve(self.from, "from", Nanos::ZERO)?;
        let to = resolve(self.to, "to", now)?;
        if from >= to && to > Nanos::ZERO {
            return Err(Failure::usage(format!("the picture would end at {to}, before {from}")));
        }
        Ok(Window::new(from, to))
    }

    fn draw(&self, timeline: &Timeline, window: Window, format: Format) -> Vec<u8> {
        let theme = self.theme.theme();
        let now = timeline.now();
        if let ([id], None) = (self.plot.as_slice(), self.layout)
            && let Some(plot) = timeline.plot(id)
        {
            let (width, height) = (self.width.unwrap_or(1280), self.height.unwrap_or(360));
            let figure = plot.figure(&View::new(window, width, height).at(now));
            return match format {
                Format::Png => png(&figure, &theme),
                Format::Svg | Format::Gif => svg(&figure, &theme).into_bytes(),
            };
        }
        let layout = self.layout((1280, 720));
        let headline = format!("{} at {now}", timeline.run_info().name);
        match format {
            Format::Png => layout.png(timeline.plots(), window, now, &headline, &theme),
            Format::Svg | Format::Gif => {
                layout.svg(timeline.plots(), window, now, &headline, &theme).into_bytes()
            }
        }
    }

    /// The arrangement asked for, in the size asked for or the one given.
    fn layout(&self, (width, height): (u32, u32)) -> Layout {
        let width = self.width.unwrap_or(width);
        match self.plot.is_empty() {
            true => Layout::status(width, self.height.unwrap_or(height)),
            false => self.stack(width),
        }
    }

    /// The named plots below each other, equally high.
    fn stack(&self, width: u32) -> Layout {
        let n_plots = self.plot.len() as u32;
        let height_px = self.height.unwrap_or(360 * n_plots + HEAD_PX);
        let each = height_px.saturating_sub(HEAD_PX) / n_plots;
        let panel = |(i, plot): (u32, &&'static str)| Panel {
            plot,
            x: 0,
            y: HEAD_PX + i * each,
            width,
            height: each,
        };
        let panels = (0..).zip(&self.plot).map(panel).collect();
        Layout { width_px: width, height_px, panels }
    }
}

fn plot_ids() -> Vec<&'static str> {
    plots::all().iter().map(|plot| plot.about().id).collect()
}

/// The id as it stands in the list of plots.
#[expect(clippy::needless_pass_by_value, reason = "what a parser of values is given")]
fn plot_id(text: String) -> &'static str {
    plots::by_id(&text).map_or("", |plot| plot.about().id)
}

fn plot_list() -> String {
    plots::all()
        .iter()
        .map(|plot| format!("  {:<17}{}\n", plot.about().id, plot.about().question))
        .collect()
}
