//! A run as a film in GIF: frame after frame on one axis of time, which fills.
//!
//! The clock is the run's: frame `i` is the run as it was `i / fps * speed` after the window's
//! begin, so the same trace gives the same bytes. All frames share one palette, which grows while
//! they are drawn and is put into the file's head at the end. A frame holds the box of what
//! changed, its unchanged pixels transparent; a frame without a change lengthens the one before.

mod boxes;
mod frames;

use taskreel_model::Nanos;
use thiserror::Error;

use super::layout::Layout;
use super::raster::font::Fonts;
use crate::figure::{Theme, Window, time_label};
use crate::{Instant, SeekError, Timeline};
use frames::Frames;

/// How a run becomes a film.
#[derive(Clone, Debug)]
pub struct FilmOptions {
    /// Which plots, and where.
    pub layout: Layout,
    /// Colours.
    pub theme: Theme,
    /// What stands above the plots; the instant follows it.
    pub headline: String,
    /// The part of the run that is shown, and the axis of time.
    pub window: Window,
    /// Frames per second, from 0.1 to 50.
    pub fps: f64,
    /// Seconds of the run per second of the film.
    pub speed: f64,
    /// Stretches without any event are cut to this many seconds of the film.
    pub idle_limit_s: Option<f64>,
    /// For how long the last frame is shown before the film begins again, in seconds.
    pub hold_s: f64,
    /// The file is kept below this by lowering the rate, then the size too.
    pub max_bytes: u64,
}

/// A finished film.
#[derive(Clone, Debug)]
pub struct Film {
    /// The GIF file.
    pub bytes: Vec<u8>,
    /// Frames in the file, after those that show nothing new were merged.
    pub n_frames: usize,
    /// How long it plays, in seconds.
    pub length_s: f64,
    /// The rate it has, which is lower than asked for where the file would be too large.
    pub fps: f64,
    /// Width and height in pixels.
    pub size: (u32, u32),
    /// Why the run is shown up to some instant only, if it is.
    pub cut: Option<String>,
}

/// Why there is no film.
#[derive(Debug, Error)]
pub enum FilmError {
    /// The trace could not be read from its begin again.
    #[error(transparent)]
    Seek(#[from] SeekError),
    /// Even small and slow it is too large.
    #[error(
        "the film would be larger than {max_bytes} bytes even at {fps:.1} frames per second and \
         {width}×{height} pixels: show a shorter part of the run, or play it faster"
    )]
    TooLarge {
        /// What was allowed.
        max_bytes: u64,
        /// The last rate tried.
        fps: f64,
        /// The last width tried.
        width: u32,
        /// The last height tried.
        height: u32,
    },
}

/// Shares of rate and size that are tried one after the other until the file is small enough. Texts
/// keep their size, so smaller panels than these would be illegible.
const RUNGS: [(f64, f64); 10] = [
    (1.0, 1.0),
    (0.67, 1.0),
    (0.5, 1.0),
    (0.5, 0.8),
    (0.33, 0.8),
    (0.33, 0.64),
    (0.25, 0.64),
    (0.17, 0.64),
    (0.1, 0.64),
    (0.05, 0.64),
];

/// What one attempt came to.
enum Attempt {
    Fits(Film),
    /// It would have become about this large.
    TooLarge(f64),
}

/// Draws the film of a run. `on_frame` hears of each frame: which one, and of how many.
///
/// # Errors
/// The trace cannot be read again from its begin, or no lowering makes the file small enough.
/// A trace that is damaged further on gives a film up to there.
pub fn film(
    timeline: &mut Timeline,
    options: &FilmOptions,
    on_frame: &mut dyn FnMut(usize, usize),
) -> Result<Film, FilmError> {
    let mut affordable = f64::MAX;
    let mut tried = options.clone();
    for (rate, size) in RUNGS {
        let effort = rate * size * size;
        if effort > affordable {
            continue;
        }
        tried.fps = options.fps * rate;
        tried.layout = if size < 1.0 { options.layout.scaled(size) } else { tried.layout };
        match attempt(timeline, &tried, on_frame)? {
            Attempt::Fits(film) => return Ok(film),
            Attempt::TooLarge(bytes) => {
                let fits = effort * options.max_bytes as f64 / bytes;
                affordable = (fits * 1.2).min(effort * 0.99);
            }
        }
    }
    Err(FilmError::TooLarge {
        max_bytes: options.max_bytes,
        fps: tried.fps,
        width: tried.layout.width_px,
        height: tried.layout.height_px,
    })
}

fn attempt(
    timeline: &mut Timeline,
    options: &FilmOptions,
    on_frame: &mut dyn FnMut(usize, usize),
) -> Result<Attempt, FilmError> {
    let FilmOptions { layout, theme, window, .. } = options;
    let fps = options.fps.clamp(0.1, 50.0);
    let per_frame_ns = (1e9 * options.speed.max(1e-9) / fps).max(1.0);
    let n_frames = (window.length().0 as f64 / per_frame_ns).ceil().max(1.0) as usize;
    let idle_frames = options.idle_limit_s.map_or(usize::MAX, |limit_s| (limit_s * fps) as usize);
    let mut frames = Frames::new((layout.width_px, layout.height_px), theme);
    let mut fonts = Fonts::default();
    let mut last = (Vec::new(), String::new());
    let (mut n_played, mut n_idle, mut n_events) = (0, 0, None);
    let mut cut = None;
    for i in 0..=n_frames {
        let at = Nanos(window.from.0 + (i as f64 * per_frame_ns) as u64).min(window.to);
        match timeline.seek(Instant::At(at)) {
            Ok(()) => {}
            Err(SeekError::Fold(error)) => cut = Some(error.to_string()),
            Err(error) => return Err(error.into()),
        }
        on_frame(i, n_frames);
        let is_idle = n_events == Some(timeline.state().next_seq()) && cut.is_none();
        n_events = Some(timeline.state().next_seq());
        n_idle = if is_idle { n_idle + 1 } else { 0 };
        if n_idle > idle_frames && i < n_frames {
            continue;
        }
        let figures = layout.place_fixed(timeline.plots(), *window, at);
        let headline = format!("{} at {}", options.headline, clock(at, window.length()));
        if (&figures, &headline) != (&last.0, &last.1) {
            let raster = layout.raster(&figures, layout.height_px, &headline, theme, &mut fonts);
            frames.show(&raster, centiseconds(n_played, fps));
            last = (figures, headline);
        }
        n_played += 1;
        if frames.len() as u64 > options.max_bytes {
            return Ok(Attempt::TooLarge(frames.len() as f64 * n_frames as f64 / (i + 1) as f64));
        }
        if cut.is_some() {
            break;
        }
    }
    let end = centiseconds(n_played - 1, fps) + (options.hold_s.max(0.0) * 100.0) as u64;
    let n_shown = frames.n_shown();
    let bytes = frames.finish(end);
    if bytes.len() as u64 > options.max_bytes {
        return Ok(Attempt::TooLarge(bytes.len() as f64));
    }
    let length_s = end as f64 / 100.0;
    let size = (layout.width_px, layout.height_px);
    Ok(Attempt::Fits(Film { bytes, n_frames: n_shown, length_s, fps, size, cut }))
}

/// When a frame is shown: GIF counts in hundredths of a second.
fn centiseconds(frame: usize, fps: f64) -> u64 {
    (frame as f64 * 100.0 / fps).round() as u64
}

/// An instant, with digits that fit the length of what is shown.
fn clock(at: Nanos, length: Nanos) -> String {
    let step_ns = if length < Nanos::from_millis(2_000) { 1_000_000 } else { 100_000_000 };
    time_label(at.0 - at.0 % step_ns, step_ns)
}
