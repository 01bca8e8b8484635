//! The workers' columns as a figure: three columns of bars, each with its own scale.

use taskreel_model::{HumanBytes, WorkerStatus};

use super::{ABOUT, Row, Sampled, Workers};
use crate::figure::{
    Anchor, Area, Axis, Bars, Color, Edges, Figure, Frame, Glyphs, LABEL_PX, Layer, LegendBox,
    LegendEntry, Text, Tick, View, elide, text_width,
};

const HEAD_PX: f32 = 20.0;
const FOOT_PX: u32 = 18;
const LEGEND_PX: u32 = 18;
const ROW_MIN_PX: f32 = 5.0;
const ROW_MAX_PX: f32 = 34.0;
/// Rows lower than this have no texts.
const ROW_TEXT_PX: f32 = 12.0;
const GAP_PX: f32 = 16.0;
/// Memory beyond these shares of the limit is high, and full.
const HIGH: f64 = 0.6;
const FULL: f64 = 0.8;

/// A column of bars.
struct Column {
    left: f32,
    /// Of the bars.
    width: f32,
    /// Of the values beside them; 0: there is no room for any.
    value_px: f32,
    /// Value at the bars' right end.
    to: f64,
}

impl Column {
    fn px(&self, value: f64) -> f32 {
        self.left + (value / self.to).clamp(0.0, 1.0) as f32 * self.width
    }
}

pub(super) fn figure(plot: &Workers, view: &View) -> Figure {
    let all = shown(plot);
    let room = view.height_px.saturating_sub(FOOT_PX + LEGEND_PX) as f32 - HEAD_PX;
    let n_fit = (room / ROW_MIN_PX).max(1.0) as usize;
    let rows = &all[..all.len().min(n_fit)];
    let row_px = (room / rows.len().max(1) as f32).min(ROW_MAX_PX).floor().max(ROW_MIN_PX);
    let name_px = rows
        .iter()
        .map(|(_, row)| text_width(&row.name, LABEL_PX))
        .fold(20.0, f32::max)
        .min(view.width_px as f32 * 0.25);
    let left = name_px as u32 + 18;
    let height = HEAD_PX + rows.len() as f32 * row_px;
    let frame = Frame {
        left,
        top: 0,
        width: view.width_px.saturating_sub(left + 10).max(10),
        height: if rows.is_empty() { room.max(20.0) } else { height } as u32,
    };
    let mut figure = Figure {
        id: ABOUT.id.to_owned(),
        title: ABOUT.title.to_owned(),
        question: ABOUT.question.to_owned(),
        width_px: view.width_px,
        height_px: view.height_px,
        frame,
        x: Axis { label: "tasks, CPU, memory".to_owned(), ..Axis::default() },
        y: Axis::lanes("worker", rows.len(), names(rows, row_px, name_px), Vec::new()),
        note: note(plot, all.len() - rows.len()),
        ..Figure::default()
    };
    if rows.is_empty() {
        let mut text = Text::new(Anchor::Middle, 13.0);
        let sentence = figure.string("No worker has joined yet.");
        text.push((frame.width as f32 / 2.0, frame.height as f32 / 2.0), sentence, Color::MUTED);
        figure.push(Layer::new(Glyphs::Text(text)));
        return figure;
    }
    figure.legend = legend(plot, view, frame);
    let columns = columns(plot, rows, frame.width as f32);
    scales(&mut figure, &columns, height);
    bars(plot, rows, &columns, row_px, &mut figure);
    figure
}

/// The workers that are here; when none is, those that were.
fn shown(plot: &Workers) -> Vec<(usize, &Row)> {
    let rows = || plot.rows.iter().enumerate();
    let here: Vec<_> = rows().filter(|(_, row)| row.status != WorkerStatus::Lost).collect();
    if here.is_empty() { rows().collect() } else { here }
}

fn names(rows: &[(usize, &Row)], row_px: f32, name_px: f32) -> Vec<Tick> {
    let every = (LABEL_PX / row_px).ceil().max(1.0) as usize;
    let tick = |(i, (_, row)): (usize, &(usize, &Row))| Tick {
        px: HEAD_PX + (i as f32 + 0.5) * row_px,
        label: elide(&row.name, name_px, LABEL_PX),
    };
    rows.iter().enumerate().step_by(every).map(tick).collect()
}

fn note(plot: &Workers, n_hidden: usize) -> String {
    let n = |status| plot.rows.iter().filter(|row| row.status == status).count();
    let n_lost = n(WorkerStatus::Lost);
    let mut parts = vec![format!("{} here", plot.rows.len() - n_lost)];
    if plot.rows.is_empty() {
        parts.clear();
    }
    for (n, word) in [
        (n(WorkerStatus::Paused), "paused"),
        (n(WorkerStatus::Retiring), "retiring"),
        (n_lost, "gone"),
        (n_hidden, "more not shown"),
    ] {
        if n > 0 {
            parts.push(format!("{n} {word}"));
        }
    }
    parts.join(" · ")
}

/// Three columns; their scales are shared by all workers, so that bars can be compared.
fn columns(plot: &Workers, rows: &[(usize, &Row)], width: f32) -> [Column; 3] {
    let has_values = width >= 250.0;
    let values = if has_values { [42.0, 40.0, 58.0] } else { [0.0; 3] };
    let bar_px = (width - 2.0 * GAP_PX - values.iter().sum::<f32>()) / 3.0;
    let most = |value: fn(&Row) -> u64| rows.iter().map(|(_, row)| value(row)).max().unwrap_or(0);
    let cpu = rows.iter().filter_map(|(i, _)| sampled(plot, *i)).map(|s| s.latest.cpu_permille);
    let memory = most(|row| row.limit_bytes.max(row.memory_bytes).max(row.disk_bytes));
    let to = [
        most(|row| row.n_slots.max(row.n_assigned)) as f64,
        f64::from(cpu.max().unwrap_or(0)).max(most(|row| row.n_slots) as f64 * 1000.0) / 10.0,
        memory.max(1 << 20) as f64,
    ];
    let mut left = 0.0;
    let mut column = |i: usize| {
        let column =
            Column { left, width: bar_px.max(4.0), value_px: values[i], to: to[i].max(1.0) };
        left += bar_px + values[i] + GAP_PX;
        column
    };
    [column(0), column(1), column(2)]
}

fn sampled(plot: &Workers, index: usize) -> Option<&Sampled> {
    plot.sampled.get(&taskreel_model::WorkerId(index as u32))
}

/// Heads above and ticks below each column.
fn scales(figure: &mut Figure, columns: &[Column; 3], height: f32) {
    let mut heads = Text::new(Anchor::Start, LABEL_PX).bold();
    let mut values = Text::new(Anchor::Middle, 10.0);
    let mut grid = Edges::new(1.0, false);
    let texts: [fn(f64) -> String; 3] =
        [|v| format!("{v:.0}"), |v| format!("{v:.0}%"), |v| HumanBytes(v as u64).to_string()];
    for (i, (column, head)) in columns.iter().zip(["tasks", "CPU", "memory"]).enumerate() {
        let head = figure.string(head);
        heads.push((column.left, HEAD_PX / 2.0 - 1.0), head, Color::MUTED);
        let n_ticks = (column.width / 34.0) as usize + 1;
        let axis = Axis::linear("", column.to, column.width, n_ticks, texts[i]);
        // Bytes are round in powers of two, which only the ends of the scale are.
        let ends = [Tick { px: column.width, label: texts[i](column.to) }];
        let ticks = if i == 2 { &ends[..] } else { &axis.ticks[..] };
        let mut free_from = f32::MIN;
        for tick in ticks {
            let x = column.left + tick.px;
            grid.push((x, HEAD_PX - 2.0), (x, height + 2.0), Color::GRID);
            let half = text_width(&tick.label, 10.0) / 2.0;
            if x - half >= free_from {
                let label = figure.string(tick.label.clone());
                values.push((x, height + 9.0), label, Color::MUTED);
                free_from = x + half + 4.0;
            }
        }
    }
    figure.push(Layer::new(Glyphs::Edges(grid)));
    figure.push(Layer::new(Glyphs::Text(heads)));
    figure.push(Layer::new(Glyphs::Text(values)));
}

fn bars(
    plot: &Workers,
    rows: &[(usize, &Row)],
    columns: &[Column; 3],
    row_px: f32,
    figure: &mut Figure,
) {
    let (mut tracks, mut bars) = (Bars::default(), Bars::default());
    let mut values = Text::new(Anchor::Start, 10.0);
    let thick = (row_px * 0.62).round().max(2.0);
    for (i, (index, row)) in rows.iter().enumerate() {
        let y = HEAD_PX + (i as f32 + 0.5) * row_px;
        let sampled = sampled(plot, *index);
        let hover = figure.string(hover(row, sampled));
        let cpu = sampled.map(|s| f64::from(s.latest.cpu_permille) / 10.0);
        let [tasks, load, memory] = columns;
        for column in columns {
            let end = column.left + column.width;
            tracks.push((column.left, end), y, thick, Color::TRACK, hover);
        }
        let busy = tasks.px(row.n_executing as f64);
        bars.push((busy, tasks.px(row.n_assigned as f64)), y, thick, Color::BACKLOG, hover);
        bars.push((tasks.left, busy), y, thick, Color::LOAD, hover);
        bars.push((load.left, load.px(cpu.unwrap_or(0.0))), y, thick, Color::CPU, hover);
        memory_bars(row, sampled, memory, (y, thick), hover, &mut bars);
        if row_px >= ROW_TEXT_PX && tasks.value_px > 0.0 {
            let color = if row.status == WorkerStatus::Lost { Color::MUTED } else { Color::TEXT };
            for (column, value) in columns.iter().zip(value_texts(row, cpu)) {
                let value = figure.string(elide(&value, column.value_px + 8.0, 10.0));
                values.push((column.left + column.width + 5.0, y), value, color);
            }
        }
        if row_px >= 18.0
            && let Some(sampled) = sampled
        {
            history(sampled, load, (y, thick), figure);
        }
    }
    figure.layers.insert(1, Layer::new(Glyphs::Bars(tracks)));
    figure.push(Layer::pale(0.9, Glyphs::Bars(bars)));
    figure.push(Layer::new(Glyphs::Text(values)));
}

fn memory_bars(
    row: &Row,
    sampled: Option<&Sampled>,
    column: &Column,
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
        && let Some(sampled) = sampled
    {
        let rss = sampled.latest.rss_bytes as f64;
        bars.push((column.left, column.px(rss.max(managed))), y, thick, Color::UNMANAGED, hover);
    }
    bars.push((column.left, column.px(managed)), y, thick, color, hover);
    if row.disk_bytes > 0 {
        let end = column.px(row.disk_bytes as f64).max(column.left + 2.0);
        let low = (thick * 0.25).max(1.5);
        bars.push((column.left, end), y + (thick - low) / 2.0, low, Color::SPILLED, hover);
    }
}

fn value_texts(row: &Row, cpu: Option<f64>) -> [String; 3] {
    let waiting = row.n_assigned.saturating_sub(row.n_executing);
    let more = if waiting > 0 { format!(" +{waiting}") } else { String::new() };
    [
        match row.status {
            WorkerStatus::Lost => "gone".to_owned(),
            WorkerStatus::Running | WorkerStatus::Paused | WorkerStatus::Retiring => {
                format!("{}/{}{more}", row.n_executing, row.n_slots)
            }
        },
        cpu.map_or_else(|| "–".to_owned(), |cpu| format!("{cpu:.0}%")),
        HumanBytes(row.memory_bytes).to_string(),
    ]
}

/// The last samples of CPU time behind the bar, over the column's width.
fn history(sampled: &Sampled, column: &Column, (y, thick): (f32, f32), figure: &mut Figure) {
    let n = sampled.history.len();
    if n < 3 {
        return;
    }
    let base = y + thick / 2.0;
    let mut area = Area { x: Vec::new(), y0: Vec::new(), y1: Vec::new(), color: Color::CPU };
    for (i, (_, permille)) in sampled.history.iter().enumerate() {
        let share = (f64::from(*permille) / 10.0 / column.to).clamp(0.0, 1.0) as f32;
        area.x.push((column.left + i as f32 / (n - 1) as f32 * column.width).round());
        area.y0.push(base);
        area.y1.push(((base - share * thick) * 10.0).round() / 10.0);
    }
    figure.push(Layer::pale(0.35, Glyphs::Area(area)));
}

fn hover(row: &Row, sampled: Option<&Sampled>) -> String {
    let cpu = sampled.map_or_else(String::new, |s| {
        format!(
            ", CPU {:.0}%, process {}",
            f64::from(s.latest.cpu_permille) / 10.0,
            HumanBytes(s.latest.rss_bytes)
        )
    });
    let limit = match row.limit_bytes {
        0 => String::new(),
        limit => format!(" of {}", HumanBytes(limit)),
    };
    format!(
        "{}, {}: {} of {} slots busy, {} assigned{cpu}, results {}{limit} in memory, {} on disk, \
         {} finished, {} failed",
        row.name,
        row.status.name(),
        row.n_executing,
        row.n_slots,
        row.n_assigned,
        HumanBytes(row.memory_bytes),
        HumanBytes(row.disk_bytes),
        row.n_finished,
        row.n_failed,
    )
}

fn legend(plot: &Workers, view: &View, frame: Frame) -> Vec<LegendEntry> {
    let mut items = vec![(Color::LOAD, 0.9, "executing, results in memory")];
    let any = |is: fn(&Row) -> bool| plot.rows.iter().any(is);
    if any(|row| row.n_assigned > row.n_executing) {
        items.push((Color::BACKLOG, 0.9, "assigned"));
    }
    if any(|row| row.is_process) && !plot.sampled.is_empty() {
        items.push((Color::UNMANAGED, 0.9, "process"));
    }
    if any(|row| row.disk_bytes > 0) {
        items.push((Color::SPILLED, 0.9, "on disk"));
    }
    let place = LegendBox {
        left: 10.0,
        right: view.width_px as f32 - 4.0,
        top: (frame.top + frame.height + FOOT_PX) as f32,
        row_px: LEGEND_PX as f32,
        n_rows: 1,
    };
    let items: Vec<_> = items.into_iter().map(|(c, o, text)| (c, o, text.to_owned())).collect();
    (1..=items.len()).rev().find_map(|n| place.set(&items[..n])).unwrap_or_default()
}
