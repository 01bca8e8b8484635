//! The bars of each worker, the values beside them, and the history of its CPU time.

use taskreel_model::{HumanBytes, WorkerStatus};

use super::{ROW_TEXT_PX, Rows, Section, VALUE_SIZE, sampled};
use crate::figure::{Anchor, Area, Bars, Color, Figure, Glyphs, Layer, Text};
use crate::plots::workers::{Row, Sampled, Workers};

/// Memory beyond these shares of the limit is high, and full.
const HIGH: f64 = 0.6;
const FULL: f64 = 0.8;

pub(super) fn draw(
    plot: &Workers,
    rows: &Rows<'_>,
    sections: &[Section; 3],
    (row_px, has_history): (f32, bool),
    figure: &mut Figure,
) {
    let (mut tracks, mut bars) = (Bars::default(), Bars::default());
    let mut values = Text::new(Anchor::Start, VALUE_SIZE);
    let mut histories = Vec::new();
    let thick = (row_px * 0.68).round().max(2.0);
    let [tasks, load, memory] = sections;
    for (i, (index, row)) in rows.iter().enumerate() {
        let sampled = sampled(plot, *index);
        let hover = figure.string(hover(row, sampled));
        for section in sections {
            let end = section.left + section.width;
            tracks.push((section.left, end), section.y(i, row_px), thick, Color::TRACK, hover);
        }
        let y = tasks.y(i, row_px);
        let busy = tasks.px(row.n_executing as f64);
        bars.push((busy, tasks.px(row.n_assigned as f64)), y, thick, Color::BACKLOG, hover);
        bars.push((tasks.left, busy), y, thick, Color::LOAD, hover);
        let y = load.y(i, row_px);
        if has_history {
            histories.extend(sampled.and_then(|sampled| history(sampled, load, (y, thick))));
        } else {
            let cpu = sampled.map_or(0.0, Sampled::cpu_percent);
            bars.push((load.left, load.px(cpu)), y, thick, Color::CPU, hover);
        }
        memory_bars(row, sampled, memory, (memory.y(i, row_px), thick), hover, &mut bars);
        if row_px >= ROW_TEXT_PX {
            let color = if row.status == WorkerStatus::Lost { Color::MUTED } else { Color::TEXT };
            for (section, value) in sections.iter().zip(value_texts(row, sampled)) {
                if section.value_px > 0.0 {
                    let value = figure.string(value);
                    let x = section.left + section.width + 5.0;
                    values.push((x, section.y(i, row_px)), value, color);
                }
            }
        }
    }
    figure.layers.insert(0, Layer::new(Glyphs::Bars(tracks)));
    for area in histories {
        figure.push(Layer::pale(0.75, Glyphs::Area(area)));
    }
    figure.push(Layer::new(Glyphs::Bars(bars)));
    figure.push(Layer::new(Glyphs::Text(values)));
}

fn memory_bars(
    row: &Row,
    sampled: Option<&Sampled>,
    section: &Section,
    (y, thick): (f32, f32),
    hover: i32,
    bars: &mut Bars,
) {
    let managed = row.memory_bytes as f64;
    let color = match managed / row.limit_bytes.max(1) as f64 {
        _ if row.status == WorkerStatus::Paused => Color::FULL,
        _ if row.limit_bytes == 0 => Color::LOAD,
        share if share >= FULL => Color::FULL,
        share if share >= HIGH => Color::HIGH,
        _ => Color::LOAD,
    };
    if row.is_process
        && row.status != WorkerStatus::Lost
        && let Some(sampled) = sampled
    {
        let rss = sampled.latest.rss_bytes as f64;
        bars.push((section.left, section.px(rss.max(managed))), y, thick, Color::UNMANAGED, hover);
    }
    bars.push((section.left, section.px(managed)), y, thick, color, hover);
    if row.peak_bytes > row.memory_bytes {
        let x = section.px(row.peak_bytes as f64).round();
        bars.push((x - 2.0, x), y, thick, Color::AXIS, hover);
    }
    if row.disk_bytes > 0 {
        let end = section.px(row.disk_bytes as f64).max(section.left + 2.0);
        let low = (thick * 0.25).max(1.5);
        bars.push((section.left, end), y + (thick - low) / 2.0, low, Color::SPILLED, hover);
    }
}

/// Tasks, CPU time and memory of a worker in a few characters each.
pub(super) fn value_texts(row: &Row, sampled: Option<&Sampled>) -> [String; 3] {
    let waiting = row.n_assigned.saturating_sub(row.n_executing);
    let more = if waiting > 0 { format!(" +{waiting}") } else { String::new() };
    let memory = HumanBytes(row.memory_bytes).to_string();
    if row.status == WorkerStatus::Lost {
        return ["gone".to_owned(), "–".to_owned(), memory];
    }
    let cpu = sampled.map_or_else(|| "–".to_owned(), |s| format!("{:.0}%", s.cpu_percent()));
    [format!("{}/{}{more}", row.n_executing, row.n_slots), cpu, memory]
}

/// The last samples of CPU time over the section's width.
fn history(sampled: &Sampled, section: &Section, (y, thick): (f32, f32)) -> Option<Area> {
    let n = sampled.history.len();
    if n < 2 {
        return None;
    }
    let base = y + thick / 2.0;
    let mut area = Area { x: Vec::new(), y0: Vec::new(), y1: Vec::new(), color: Color::CPU };
    for (i, (_, permille)) in sampled.history.iter().enumerate() {
        let share = (f64::from(*permille) / 10.0 / section.to).clamp(0.0, 1.0) as f32;
        area.x.push((section.left + i as f32 / (n - 1) as f32 * section.width).round());
        area.y0.push(base);
        area.y1.push(((base - share * thick) * 10.0).round() / 10.0);
    }
    Some(area)
}

fn hover(row: &Row, sampled: Option<&Sampled>) -> String {
    let cpu = sampled.map_or_else(String::new, |s| {
        format!(", CPU {:.0}%, process {}", s.cpu_percent(), HumanBytes(s.latest.rss_bytes))
    });
    let limit = match row.limit_bytes {
        0 => String::new(),
        limit => format!(" of {}", HumanBytes(limit)),
    };
    format!(
        "{}, {}: {} of {} slots busy, {} assigned{cpu}, results {}{limit} in memory (at most {}), {} on disk, \
         {} finished, {} failed",
        row.name,
        row.status.name(),
        row.n_executing,
        row.n_slots,
        row.n_assigned,
        HumanBytes(row.memory_bytes),
        HumanBytes(row.peak_bytes),
        HumanBytes(row.disk_bytes),
        row.n_finished,
        row.n_failed,
    )
}
