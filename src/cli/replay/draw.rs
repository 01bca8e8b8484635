//! What the player shows: a headline, progress by prefix, lanes, the events around the cursor.

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line as TextLine, Span};
use ratatui::widgets::{Block, Clear, Paragraph, Widget};
use taskreel_model::{Nanos, Outcome, Phase, WorkerStatus};
use taskreel_replay::Landmark;

use super::film::{Film, Line};
use super::keys::{Doing, KEYS};
use crate::cli::table::{grouped, printable};

/// Colours of prefixes, told apart on light and dark terminals; a letter tells them apart, too.
const COLORS: [Color; 6] =
    [Color::Blue, Color::Yellow, Color::Cyan, Color::Magenta, Color::Green, Color::LightBlue];

/// Draws one frame.
pub(super) fn frame(film: &Film, doing: &Doing, frame: &mut Frame<'_>) {
    let area = frame.area();
    whole(film, doing, area, frame.buffer_mut());
}

/// One frame as text, without colours.
pub(super) fn text(film: &Film, width: u16, height: u16) -> String {
    let area = Rect::new(0, 0, width, height);
    let mut buffer = Buffer::empty(area);
    whole(film, &Doing::default(), area, &mut buffer);
    let row = |y| {
        let row: String = (0..width).map(|x| buffer[(x, y)].symbol()).collect();
        row.trim_end().to_owned() + "\n"
    };
    (0..height).map(row).collect()
}

fn whole(film: &Film, doing: &Doing, area: Rect, buffer: &mut Buffer) {
    let n_prefixes = film.state().prefixes().len().min(4) as u16;
    let n_lanes = (film.lanes.len() as u16).max(1);
    let room = area.height.saturating_sub(3 + n_prefixes);
    let lanes = n_lanes.min(room / 2);
    let rows = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(n_prefixes),
        Constraint::Length(1),
        Constraint::Length(lanes),
        Constraint::Min(1),
        Constraint::Length(1),
    ])
    .split(area);
    headline(film, doing).render(rows[0], buffer);
    progress(film, rows[1], buffer);
    let (from, to) = shown(film, doing);
    axis(film, (from, to), rows[2], buffer);
    lanes_drawn(film, doing, (from, to), rows[3], buffer);
    events(film, rows[4], buffer);
    foot(film, doing).render(rows[5], buffer);
    if doing.shows_keys {
        keys(area, buffer);
    }
}

fn headline(film: &Film, doing: &Doing) -> Paragraph<'static> {
    let state = film.state();
    let totals = state.totals();
    let running: usize = state.present_workers().map(|(_, worker)| worker.n_executing()).sum();
    let mark = match (doing.plays, doing.speed < 0.0) {
        (false, _) => "‖",
        (true, false) => "▶",
        (true, true) => "◀",
    };
    let left = format!(
        "{mark} {} of {}  event {} of {}  ",
        film.now(),
        film.end,
        grouped(state.next_seq()),
        grouped(film.n_events)
    );
    let left = if film.is_open() { format!("{left}(not closed)  ") } else { left };
    let right = format!(
        "{running} run, {} ready, {} wait, {} erred",
        grouped(totals.get(Phase::Queued)),
        grouped(totals.get(Phase::Waiting)),
        grouped(totals.get(Phase::Erred)),
    );
    let bold = Style::new().add_modifier(Modifier::BOLD);
    Paragraph::new(TextLine::from(vec![Span::styled(left, bold), Span::raw(right)]))
}

fn progress(film: &Film, area: Rect, buffer: &mut Buffer) {
    let prefixes = film.state().prefixes();
    let hidden = prefixes.len().saturating_sub(usize::from(area.height));
    for (row, prefix) in (0..area.height).zip(prefixes) {
        let total = prefix.counts.total();
        let width = u64::from(area.width.saturating_sub(34));
        let filled =
            (prefix.n_finished.min(total) * width).checked_div(total).unwrap_or(0) as usize;
        let more = if hidden > 0 && row + 1 == area.height {
            format!(" +{hidden}")
        } else {
            String::new()
        };
        let name = short(&printable(&prefix.name), 12);
        let letter = letter(u32::from(row));
        let counts = format!("{:>7}/{:<7}{more}", grouped(prefix.n_finished), grouped(total));
        let erred = prefix.n_erred;
        let line = TextLine::from(vec![
            Span::styled(format!("{letter} "), color(u32::from(row))),
            Span::raw(format!("{name:<12} ")),
            Span::styled("█".repeat(filled), color(u32::from(row))),
            Span::raw("░".repeat(width as usize - filled)),
            Span::raw(format!(" {counts}")),
            Span::styled(if erred > 0 { format!("✗{erred}") } else { String::new() }, error()),
        ]);
        line.render(Rect { y: area.y + row, height: 1, ..area }, buffer);
    }
}

/// Width of the names of lanes.
const NAMES: u16 = 14;

/// The stretch of time that the lanes show: the whole run, or less of it around the cursor.
fn shown(film: &Film, doing: &Doing) -> (Nanos, Nanos) {
    let length = (film.end.0 >> doing.zoom).max(1_000);
    if doing.zoom == 0 {
        return (Nanos::ZERO, Nanos(length));
    }
    let from = film.now().0.saturating_sub(length / 2).min(film.end.0.saturating_sub(length));
    (Nanos(from), Nanos(from + length))
}

fn column(at: Nanos, (from, to): (Nanos, Nanos), width: u16) -> u16 {
    let share = at.since(from).0 as f64 / to.since(from).0.max(1) as f64;
    ((share * f64::from(width)) as u16).min(width.saturating_sub(1))
}

fn axis(film: &Film, window: (Nanos, Nanos), area: Rect, buffer: &mut Buffer) {
    let width = area.width.saturating_sub(NAMES);
    let (mut left, mut right) = (window.0.to_string(), window.1.to_string());
    // The cursor hides no half of an instant.
    let cursor = usize::from(column(film.now(), window, width));
    if cursor < left.chars().count() {
        left = " ".repeat(left.chars().count());
    }
    if cursor + right.chars().count() >= usize::from(width) {
        right = " ".repeat(right.chars().count());
    }
    let gap = usize::from(width).saturating_sub(left.chars().count() + right.chars().count());
    let names = usize::from(NAMES);
    let name = short(&film.name, names - 1);
    let line = format!("{name:names$}{left}{}{right}", " ".repeat(gap));
    Paragraph::new(line).style(Style::new().add_modifier(Modifier::DIM)).render(area, buffer);
    if width > 0 {
        let x = area.x + NAMES + cursor as u16;
        buffer[(x, area.y)].set_symbol("▼").set_style(Style::new().fg(Color::Red));
    }
}

fn lanes_drawn(
    film: &Film,
    doing: &Doing,
    window: (Nanos, Nanos),
    area: Rect,
    buffer: &mut Buffer,
) {
    let width = area.width.saturating_sub(NAMES);
    let now = film.now();
    let cursor = column(now, window, width);
    let lanes = film.lanes.iter().skip(doing.first_lane);
    for (row, (worker, slot, attempts)) in (0..area.height).zip(lanes) {
        let y = area.y + row;
        let known = film.state().workers().get(*worker as usize);
        let status = known.map(|worker| worker.status);
        let sign = match status {
            None => " ",
            Some(WorkerStatus::Running) => "●",
            Some(WorkerStatus::Paused) => "‖",
            Some(WorkerStatus::Retiring) => "↓",
            Some(WorkerStatus::Lost) => "✗",
        };
        let name = short(&film.facts().workers[*worker as usize].name, 9);
        let label = printable(&format!("{sign} {name:<9}{slot:>2}"));
        buffer.set_stringn(area.x, y, label, usize::from(NAMES) - 1, Style::new());
        if width == 0 {
            continue;
        }
        for attempt in film.executions(attempts, window.0, window.1.min(now)) {
            let executed = attempt.executed(film.end).unwrap_or_default();
            let to = executed.to.min(now);
            let has_ended = executed.to <= now;
            let (x0, x1) =
                (column(executed.from.max(window.0), window, width), column(to, window, width));
            for x in x0..=x1 {
                let cell = &mut buffer[(area.x + NAMES + x, y)];
                // What failed is never hidden by what it shares a column with.
                if cell.symbol() == "✗" {
                    continue;
                }
                match attempt.outcome {
                    Some(Outcome::Failed | Outcome::Lost) if has_ended => {
                        cell.set_symbol("✗").set_style(error());
                    }
                    _ => {
                        cell.set_symbol(letter(attempt.prefix)).set_style(color(attempt.prefix));
                    }
                }
            }
        }
        let cell = &mut buffer[(area.x + NAMES + cursor, y)];
        if cell.symbol() == " " {
            cell.set_symbol("│").set_style(Style::new().fg(Color::Red));
        }
    }
}

fn events(film: &Film, area: Rect, buffer: &mut Buffer) {
    let height = usize::from(area.height);
    let (past, next) = film.events(height / 2 + 1, height);
    let skip = (past.len() + next.len())
        .saturating_sub(height)
        .min(past.len().saturating_sub(height / 2 + 1));
    let cursor = past.last().map(|line| line.seq);
    for (row, line) in (0..area.height).zip(past.into_iter().skip(skip).chain(next)) {
        let is_cursor = Some(line.seq) == cursor;
        let style = style(line, is_cursor, cursor);
        let mark = if is_cursor { ">" } else { " " };
        let at = line.logged_at.as_secs_f64();
        let text = format!("{mark}{:>8} {at:>11.6} {}", line.seq, line.text);
        buffer.set_stringn(area.x, area.y + row, text, usize::from(area.width), style);
    }
}

fn style(line: &Line, is_cursor: bool, cursor: Option<u64>) -> Style {
    let mut style = match line.kind {
        Some(Landmark::Error | Landmark::WorkerLoss) => error(),
        Some(Landmark::Marker) => Style::new().fg(Color::Yellow),
        None => Style::new(),
    };
    if is_cursor {
        style = style.add_modifier(Modifier::REVERSED);
    } else if cursor.is_none_or(|cursor| line.seq > cursor) {
        style = style.add_modifier(Modifier::DIM);
    }
    style
}

fn foot(film: &Film, doing: &Doing) -> Paragraph<'static> {
    let text = if let Some((mode, text)) = &doing.typing {
        format!("{mode}{text}▏")
    } else if !doing.word.is_empty() {
        doing.word.clone()
    } else if let Some(trouble) = film.trouble() {
        printable(trouble)
    } else {
        let speed = doing.speed;
        format!(
            "space play  +/- speed ×{speed}  ←→ event  e error  w loss  / search  ? keys  q quit"
        )
    };
    Paragraph::new(text).style(Style::new().add_modifier(Modifier::DIM))
}

fn keys(area: Rect, buffer: &mut Buffer) {
    let height = (KEYS.len() as u16 + 2).min(area.height);
    let width = 58.min(area.width);
    let x = area.x + (area.width - width) / 2;
    let y = area.y + (area.height - height) / 2;
    let place = Rect { x, y, width, height };
    Clear.render(place, buffer);
    let lines: Vec<TextLine<'_>> =
        KEYS.iter().map(|(key, what)| TextLine::from(format!(" {key:<10} {what}"))).collect();
    Paragraph::new(lines).block(Block::bordered().title(" keys ")).render(place, buffer);
}

fn color(prefix: u32) -> Style {
    Style::new().fg(COLORS[prefix as usize % COLORS.len()])
}

fn error() -> Style {
    Style::new().fg(Color::Red).add_modifier(Modifier::BOLD)
}

/// A name in so many columns, its end cut if need be.
fn short(name: &str, columns: usize) -> String {
    if name.chars().count() <= columns {
        return name.to_owned();
    }
    name.chars().take(columns - 1).chain(['…']).collect()
}

/// A letter that stands for a prefix.
fn letter(prefix: u32) -> &'static str {
    const LETTERS: &str = "abcdefghijklmnopqrstuvwxyz";
    let at = prefix as usize % LETTERS.len();
    &LETTERS[at..=at]
}
