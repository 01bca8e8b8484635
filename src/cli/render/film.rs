//! Options of a film, and what is said about it.

use std::time::Duration;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use taskreel_replay::figure::{Theme, Window};
use taskreel_replay::render::gif::{Film, FilmOptions, film};
use taskreel_replay::render::layout::Layout;
use taskreel_replay::{Instant, Timeline};

use crate::cli::failure::{Failure, say};
use crate::cli::size::parse_size;

/// A film whose speed is not said takes at least and at most so many seconds.
const LENGTH_S: (f64, f64) = (6.0, 60.0);
/// For how long the last frame stays.
const HOLD_S: f64 = 3.0;

/// Options that only a GIF has.
#[derive(Debug, Args)]
#[command(next_help_heading = "Options of a GIF")]
pub(super) struct FilmArgs {
    /// Frames per second [default: 12]
    #[arg(long, value_name = "N", value_parser = parse_fps)]
    fps: Option<f64>,
    /// Seconds of the run per second of the film [default: 1 where that takes 6 s to a minute]
    #[arg(long, value_name = "N", value_parser = parse_positive)]
    speed: Option<f64>,
    /// Cut stretches without any event to this many seconds of the film
    #[arg(long, value_name = "S", value_parser = parse_positive)]
    idle_limit: Option<f64>,
    /// Keep the file below this size by lowering the rate, then the picture's size [default: 10MB]
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    max_bytes: Option<u64>,
}

impl FilmArgs {
    /// Refuses options that would have no effect.
    pub(super) fn check(&self, is_film: bool, at: Instant) -> Result<(), Failure> {
        if is_film && at != Instant::End {
            let hint = "it runs from --from to --to";
            return Err(Failure::usage(format!("a film is not of one instant (--at): {hint}")));
        }
        let named = [
            ("--fps", self.fps.is_some()),
            ("--speed", self.speed.is_some()),
            ("--idle-limit", self.idle_limit.is_some()),
            ("--max-bytes", self.max_bytes.is_some()),
        ];
        match named.into_iter().find(|(_, is_named)| *is_named) {
            Some((name, _)) if !is_film => {
                Err(Failure::usage(format!("{name} is for films: name the output OUT.gif")))
            }
            _ => Ok(()),
        }
    }

    /// The GIF file of a run.
    pub(super) fn draw(
        &self,
        timeline: &mut Timeline,
        layout: Layout,
        window: Window,
        theme: Theme,
    ) -> Result<Vec<u8>, Failure> {
        let length_s = window.length().as_secs_f64();
        let speed = self.speed.unwrap_or_else(|| default_speed(length_s));
        let options = FilmOptions {
            layout,
            theme,
            headline: timeline.run_info().name.clone(),
            window,
            fps: self.fps.unwrap_or(12.0),
            speed,
            idle_limit_s: self.idle_limit,
            hold_s: HOLD_S,
            max_bytes: self.max_bytes.unwrap_or(10_000_000),
        };
        let bar = ProgressBar::new(0).with_style(style());
        bar.enable_steady_tick(Duration::from_millis(200));
        let result = film(timeline, &options, &mut |frame, of| {
            bar.set_length(of as u64);
            bar.set_position(frame as u64);
        });
        bar.finish_and_clear();
        let film = result.map_err(Failure::run)?;
        self.tell(&film, &options);
        Ok(film.bytes)
    }

    fn tell(&self, film: &Film, options: &FilmOptions) {
        if let Some(cut) = &film.cut {
            say(format_args!("{cut}"));
        }
        let (width, height) = film.size;
        let speed = match self.speed {
            None if options.speed > 1.0 => {
                format!(", {} times faster than it ran (--speed)", short(options.speed))
            }
            None if options.speed < 1.0 => {
                format!(", {} times slower than it ran (--speed)", short(1.0 / options.speed))
            }
            _ => String::new(),
        };
        say(format_args!(
            "{} frames of {width}×{height} pixels in {:.1} s{speed}, {}",
            film.n_frames,
            film.length_s,
            size_text(film.bytes.len() as u64)
        ));
        if film.fps < options.fps || width < options.layout.width_px {
            let size = format!("{}×{}", options.layout.width_px, options.layout.height_px);
            say(format_args!(
                "lowered from {} to {} frames per second and from {size} to {width}×{height} \
                 pixels, to stay below {} (--max-bytes)",
                short(options.fps),
                short(film.fps),
                size_text(options.max_bytes)
            ));
        }
    }
}

/// As it ran, unless that is too short to see anything or too long to wait for.
fn default_speed(length_s: f64) -> f64 {
    let (least, most) = LENGTH_S;
    if length_s < least {
        return length_s / least;
    }
    (length_s / most).max(1.0)
}

/// Two digits that count.
fn short(number: f64) -> String {
    if number >= 10.0 {
        return format!("{number:.0}");
    }
    format!("{number:.2}").trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A size as `--max-bytes` takes it.
fn size_text(bytes: u64) -> String {
    match bytes {
        0..10_000 => format!("{bytes} B"),
        10_000..1_000_000 => format!("{} kB", bytes / 1000),
        _ => format!("{:.1} MB", bytes as f64 / 1e6),
    }
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template("{wide_bar} frame {pos} of {len}")
        .expect("the template is one that indicatif knows")
}

fn parse_positive(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix(['s', 'x']).unwrap_or(text);
    match number.parse::<f64>() {
        Ok(number) if number > 0.0 && number <= 1e9 => Ok(number),
        _ => Err(format!("`{text}` is no number above 0")),
    }
}

fn parse_fps(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(fps) if (0.1..=50.0).contains(&fps) => Ok(fps),
        _ => Err("from 0.1 to 50: GIF knows no more".to_owned()),
    }
}
