//! Pictures in pixels and films, as a viewer decodes them.

#[path = "plots/made_up.rs"]
mod made_up;

use std::io::Cursor;

use made_up::Made;
use taskreel_model::Nanos;
use taskreel_recorder::{Batch, RunInfo, VecSource};
use taskreel_replay::figure::{Color, Theme, View, Window};
use taskreel_replay::render::gif::{Film, FilmError, FilmOptions, film};
use taskreel_replay::render::layout::Layout;
use taskreel_replay::render::png;
use taskreel_replay::{Timeline, plots};

fn batch() -> Batch {
    let lost = Some((2, Nanos::from_millis(900)));
    Made { fails_every: 20, loses: lost, ..Made::default() }.batch()
}

fn timeline(batch: &Batch) -> Timeline {
    let batch = batch.clone();
    let reopen =
        Box::new(move || Ok(Box::new(VecSource::new(RunInfo::default(), [batch.clone()])) as _));
    let drawn = ["task-stream", "progress", "workers"];
    let drawn = drawn.into_iter().filter_map(plots::by_id).collect();
    Timeline::rewindable(reopen, drawn).expect("a Vec can be opened")
}

fn options(batch: &Batch) -> FilmOptions {
    let end = batch.events.last().expect("a run has events").logged_at;
    FilmOptions {
        layout: Layout::status(480, 320),
        theme: Theme::light(),
        headline: "made up".to_owned(),
        window: Window::until(end),
        fps: 4.0,
        speed: 1.0,
        idle_limit_s: None,
        hold_s: 1.0,
        max_bytes: 10_000_000,
    }
}

fn shoot(batch: &Batch, options: &FilmOptions) -> Result<Film, FilmError> {
    film(&mut timeline(batch), options, &mut |_, _| {})
}

/// Size and pixels of a PNG file.
fn decoded(file: &[u8]) -> (u32, u32, Vec<[u8; 3]>) {
    let mut decoder = ::png::Decoder::new(Cursor::new(file));
    decoder.set_transformations(::png::Transformations::EXPAND);
    let mut reader = decoder.read_info().expect("it is PNG");
    let mut bytes = vec![0; reader.output_buffer_size().expect("it has a size")];
    let info = reader.next_frame(&mut bytes).expect("it has pixels");
    let pixels = bytes.chunks_exact(3).map(|rgb| [rgb[0], rgb[1], rgb[2]]).collect();
    (info.width, info.height, pixels)
}

fn rgb(theme: &Theme, color: Color) -> [u8; 3] {
    let value = u32::from_str_radix(&theme.hex(color)[1..], 16).expect("#rrggbb");
    let [_, r, g, b] = value.to_be_bytes();
    [r, g, b]
}

#[test]
fn a_png_has_the_figure_in_the_theme_s_colours() {
    let mut timeline = timeline(&batch());
    timeline.run_to_end().unwrap();
    let view = View::new(Window::until(timeline.now()), 900, 300);
    let figure = timeline.plot("task-stream").unwrap().figure(&view);
    for theme in [Theme::light(), Theme::dark()] {
        let file = png(&figure, &theme);
        assert_eq!(file, png(&figure, &theme), "the same figure gives the same bytes");
        let (width, height, pixels) = decoded(&file);
        assert_eq!((width, height), (900, 326));
        assert_eq!(pixels[0], rgb(&theme, Color::BACKGROUND));
        for color in [Color::ERROR, Color::LOST, Color::TRANSFER, Color::of_prefix("count")] {
            let n = pixels.iter().filter(|pixel| **pixel == rgb(&theme, color)).count();
            assert!(n > 20, "{color:?} in {}: {n} pixels", theme.name);
        }
    }
}

#[test]
fn texts_of_strangers_do_no_harm() {
    let made = Made {
        worker_name: "\u{1}\u{202e}漢字 \u{1f600} <b>",
        stages: vec![("\u{0}\r\n]]>", 5), ("e\u{301}\u{ffff}", 2)],
        n_workers: 2,
        ..Made::default()
    };
    let mut timeline = timeline(&made.batch());
    timeline.run_to_end().unwrap();
    for (width, height) in [(1, 1), (120, 60), (5_000, 40)] {
        let view = View::new(Window::until(timeline.now()), width, height);
        for plot in timeline.plots() {
            decoded(&png(&plot.figure(&view), &Theme::dark()));
        }
    }
}

#[test]
fn a_film_plays_as_long_as_the_run_and_is_the_same_each_time() {
    let batch = batch();
    let options = options(&batch);
    let film = shoot(&batch, &options).unwrap();
    let length_s = options.window.length().as_secs_f64();
    assert!((film.length_s - length_s - 1.0).abs() < 0.4, "{} {length_s}", film.length_s);
    assert!(film.n_frames as f64 > length_s * 3.0, "{}", film.n_frames);
    assert_eq!(film.bytes, shoot(&batch, &options).unwrap().bytes);
    let fast = shoot(&batch, &FilmOptions { speed: 4.0, ..options }).unwrap();
    assert!((fast.length_s - length_s / 4.0 - 1.0).abs() < 0.4, "{}", fast.length_s);
}

#[test]
fn a_film_stays_below_its_limit_or_says_that_it_cannot() {
    let batch = batch();
    let options = options(&batch);
    let whole = shoot(&batch, &options).unwrap();
    let max_bytes = whole.bytes.len() as u64 * 6 / 10;
    let small = shoot(&batch, &FilmOptions { max_bytes, ..options.clone() }).unwrap();
    assert!(small.bytes.len() as u64 <= max_bytes);
    assert!(small.fps < whole.fps);
    let refused = shoot(&batch, &FilmOptions { max_bytes: 1_000, ..options });
    let message = refused.unwrap_err().to_string();
    assert!(message.contains("larger than 1000 bytes"), "{message}");
}

#[test]
fn idle_stretches_are_cut_short() {
    let mut batch = batch();
    let half = batch.events.len() / 2;
    for event in &mut batch.events[half..] {
        event.at = event.at + Nanos::from_millis(20_000);
        event.logged_at = event.logged_at + Nanos::from_millis(20_000);
    }
    let options = options(&batch);
    let whole = shoot(&batch, &options).unwrap();
    let cut = shoot(&batch, &FilmOptions { idle_limit_s: Some(0.5), ..options }).unwrap();
    assert!(cut.length_s < whole.length_s - 15.0, "{} {}", cut.length_s, whole.length_s);
}

#[test]
fn a_damaged_run_gives_a_film_up_to_the_damage() {
    let mut batch = batch();
    let half = batch.events.len() / 2;
    batch.events[half].seq += 7;
    let film = shoot(&batch, &options(&batch)).unwrap();
    let cut = film.cut.unwrap();
    assert!(cut.contains("event"), "{cut}");
    assert!(film.n_frames > 1);
}
