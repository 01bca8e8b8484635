//! The keys.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use taskreel_model::Nanos;
use taskreel_replay::{Instant, Landmark, Toward};

use super::film::Film;

/// What the player is doing.
#[derive(Clone, Debug)]
pub(super) struct Doing {
    pub(super) plays: bool,
    /// Times as fast as it was; negative: backwards.
    pub(super) speed: f64,
    /// How much time a column of the lanes shows; 0: the whole run.
    pub(super) zoom: u32,
    pub(super) shows_keys: bool,
    /// What is being typed behind `/` or `:`.
    pub(super) typing: Option<(char, String)>,
    /// What was searched for last.
    pub(super) sought: String,
    /// A word for the user, until the next key.
    pub(super) word: String,
    /// The first lane shown.
    pub(super) first_lane: usize,
}

impl Default for Doing {
    fn default() -> Self {
        Self {
            plays: false,
            speed: 1.0,
            zoom: 0,
            shows_keys: false,
            typing: None,
            sought: String::new(),
            word: String::new(),
            first_lane: 0,
        }
    }
}

/// The keys, as the help lists them.
pub(super) const KEYS: &[(&str, &str)] = &[
    ("space", "play, pause"),
    ("+ -", "faster, slower"),
    ("r", "play backwards, forwards"),
    ("→ ←", "one event on, back (with shift: 100)"),
    (". ,", "1 % of the run on, back"),
    ("PgDn PgUp", "10 % of the run on, back"),
    ("Home End", "to the begin, to the end"),
    ("e E", "next, previous error"),
    ("w W", "next, previous lost worker"),
    ("m M", "next, previous marker"),
    ("/ n", "search the events, search on"),
    (":", "go to an instant: 12.3s, 50%, event:812"),
    ("z Z", "zoom the lanes in, out"),
    ("↓ ↑", "more lanes"),
    ("? q", "these keys, quit"),
];

/// Does what a key says; `true`: it is over.
pub(super) fn press(key: KeyEvent, film: &mut Film, doing: &mut Doing) -> bool {
    doing.word.clear();
    if key.modifiers.contains(KeyModifiers::CONTROL) && key.code == KeyCode::Char('c') {
        return true;
    }
    if let Some((mode, text)) = doing.typing.take() {
        typed(key, mode, text, film, doing);
        return false;
    }
    if std::mem::take(&mut doing.shows_keys) {
        return key.code == KeyCode::Char('q');
    }
    let one = Nanos(film.end.0 / 100);
    let many = if key.modifiers.contains(KeyModifiers::SHIFT) { 100 } else { 1 };
    match key.code {
        KeyCode::Char('q') | KeyCode::Esc => return true,
        KeyCode::Char('?') => doing.shows_keys = true,
        KeyCode::Char(' ') => {
            doing.plays = !doing.plays;
            if doing.plays && doing.speed > 0.0 && film.is_at_end() {
                film.go_to(Instant::At(Nanos::ZERO));
            }
        }
        KeyCode::Char('+' | '=') => doing.speed = (doing.speed * 2.0).clamp(-1024.0, 1024.0),
        KeyCode::Char('-') => {
            let slower = doing.speed / 2.0;
            doing.speed = slower.signum() * slower.abs().max(1.0 / 1024.0);
        }
        KeyCode::Char('r') => doing.speed = -doing.speed,
        KeyCode::Right | KeyCode::Char('l') => step(film, doing, many),
        KeyCode::Left | KeyCode::Char('h') => step(film, doing, -many),
        KeyCode::Char('.') => film.shift(true, one),
        KeyCode::Char(',') => film.shift(false, one),
        KeyCode::PageDown => film.shift(true, Nanos(one.0 * 10)),
        KeyCode::PageUp => film.shift(false, Nanos(one.0 * 10)),
        KeyCode::Home => film.go_to(Instant::At(Nanos::ZERO)),
        KeyCode::End => film.go_to(Instant::End),
        KeyCode::Char('e') => jump(film, doing, Landmark::Error, Toward::Next),
        KeyCode::Char('E') => jump(film, doing, Landmark::Error, Toward::Previous),
        KeyCode::Char('w') => jump(film, doing, Landmark::WorkerLoss, Toward::Next),
        KeyCode::Char('W') => jump(film, doing, Landmark::WorkerLoss, Toward::Previous),
        KeyCode::Char('m') => jump(film, doing, Landmark::Marker, Toward::Next),
        KeyCode::Char('M') => jump(film, doing, Landmark::Marker, Toward::Previous),
        KeyCode::Char(mode @ ('/' | ':')) => doing.typing = Some((mode, String::new())),
        KeyCode::Char('n') => search(film, doing),
        KeyCode::Char('z') => doing.zoom = (doing.zoom + 1).min(24),
        KeyCode::Char('Z') => doing.zoom = doing.zoom.saturating_sub(1),
        KeyCode::Down => doing.first_lane = (doing.first_lane + 1).min(film.lanes.len().max(1) - 1),
        KeyCode::Up => doing.first_lane = doing.first_lane.saturating_sub(1),
        _ => {}
    }
    false
}

fn step(film: &mut Film, doing: &mut Doing, n: i64) {
    doing.plays = false;
    film.step(n);
}

fn jump(film: &mut Film, doing: &mut Doing, kind: Landmark, toward: Toward) {
    doing.plays = false;
    if !film.jump(kind, toward) {
        let what = match kind {
            Landmark::Error => "error",
            Landmark::WorkerLoss => "lost worker",
            Landmark::Marker => "marker",
        };
        let which = if toward == Toward::Next { "further" } else { "earlier" };
        doing.word = format!("no {which} {what}");
    }
}

/// A key while a line is typed.
fn typed(key: KeyEvent, mode: char, mut text: String, film: &mut Film, doing: &mut Doing) {
    match key.code {
        KeyCode::Esc => return,
        KeyCode::Backspace => {
            text.pop();
        }
        KeyCode::Char(c) if text.len() < 60 && !key.modifiers.contains(KeyModifiers::CONTROL) => {
            text.push(c)
        }
        KeyCode::Enter if mode == '/' => {
            doing.sought = text;
            return search(film, doing);
        }
        KeyCode::Enter => {
            match text.parse() {
                Ok(instant) => film.go_to(instant),
                Err(error) => doing.word = format!("{error}"),
            }
            return;
        }
        _ => {}
    }
    doing.typing = Some((mode, text));
}

fn search(film: &mut Film, doing: &mut Doing) {
    doing.plays = false;
    if doing.sought.is_empty() || film.find(&doing.sought).is_none() {
        doing.word = format!("no event has \"{}\"", doing.sought);
    }
}
