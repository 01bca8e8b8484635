//! `reel replay`: a run frame by frame, in the terminal.

mod draw;
mod film;
mod keys;

use std::io::{IsTerminal, Write, stdout};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use ratatui::crossterm::event::{self, Event as TerminalEvent, KeyEventKind};
use taskreel_model::Nanos;

use super::failure::say;
use super::{Failure, INSTANTS};
use film::Film;
use keys::{Doing, press};

/// Plays a run in the terminal: worker lanes, progress, and the events around each instant.
///
/// Works in 80×24 over ssh. Press ? for the keys.
#[derive(Debug, clap::Args)]
#[command(after_help = format!("{INSTANTS}

Examples:
  reel replay run.reel
  reel replay run.reel --at 50%
  reel replay run.reel --at 12s --frame    prints one frame, also into a pipe"))]
pub(crate) struct Replay {
    /// The trace; it may still be growing.
    #[arg(value_name = "FILE")]
    trace: PathBuf,
    /// The instant to begin at.
    #[arg(long, value_name = "T", default_value = "0s")]
    at: taskreel_replay::Instant,
    /// Print one frame of 80×24 and end.
    #[arg(long)]
    frame: bool,
}

/// How long a frame stays while it plays: 20 a second.
const FRAME: Duration = Duration::from_millis(50);

/// How often it looks whether the trace has grown.
const LOOK: Duration = Duration::from_millis(900);

/// How long it waits for a key while it is paused.
const IDLE: Duration = Duration::from_secs(1);

impl Replay {
    /// Plays until `q`.
    pub(crate) fn run(&self, out: &mut dyn Write) -> Result<(), Failure> {
        let mut film = Film::open(&self.trace)?;
        film.go_to(self.at);
        if self.frame {
            return Ok(out.write_all(draw::text(&film, 80, 24).as_bytes())?);
        }
        if !stdout().is_terminal() {
            let hint = "replay needs a terminal; --frame prints one frame";
            return Err(Failure::usage(hint.to_owned()));
        }
        // Restores the terminal also when it panics.
        let mut terminal = ratatui::try_init()?;
        let played = play(&mut terminal, &mut film);
        ratatui::try_restore()?;
        if let Some(trouble) = film.trouble() {
            say(format_args!("{trouble}"));
        }
        played
    }
}

fn play(terminal: &mut ratatui::DefaultTerminal, film: &mut Film) -> Result<(), Failure> {
    let mut doing = Doing::default();
    let (mut last, mut looked) = (Instant::now(), Instant::now());
    terminal.draw(|frame| draw::frame(film, &doing, frame))?;
    loop {
        // While nothing moves, nothing is drawn: a line to a far host stays silent.
        let wait = if doing.plays { FRAME.saturating_sub(last.elapsed()) } else { IDLE };
        let pressed = event::poll(wait)?;
        let elapsed = Nanos(last.elapsed().as_nanos() as u64);
        last = Instant::now();
        if doing.plays {
            film.play(elapsed, doing.speed);
        }
        let mut has_grown = false;
        if looked.elapsed() >= LOOK {
            (looked, has_grown) = (Instant::now(), film.grow());
        }
        let read = if pressed { Some(event::read()?) } else { None };
        if let Some(TerminalEvent::Key(key)) = read
            && key.kind != KeyEventKind::Release
            && press(key, film, &mut doing)
        {
            return Ok(());
        }
        if doing.plays || pressed || has_grown {
            terminal.draw(|frame| draw::frame(film, &doing, frame))?;
        }
    }
}
