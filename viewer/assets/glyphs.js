// Draws any figure on a canvas, and says what lies under the pointer. It knows glyphs, never plots: the
// figure comes laid out in pixels (see replay/src/figure.rs), colours are indices into a theme.

import { renderer } from './gl.js';

/**
 * @typedef {{left: number, top: number, width: number, height: number}} Frame
 * @typedef {{px: number, label: string}} Tick
 * @typedef {{from: number, to: number, label: string, worker: number, lanes: number[], lane_px: number}} Group
 * @typedef {{label: string, scale: string, ticks: Tick[], groups: Group[]}} Axis
 * @typedef {{kind: string, opacity: number, [column: string]: any}} Layer
 * @typedef {{from_ns: number, to_ns: number, px: number, width_px: number}} Gap a stretch of time that is folded
 * @typedef {{id: string, title: string, question: string, width_px: number, height_px: number,
 *            frame: Frame, window_ns: [number, number] | null, x: Axis, y: Axis, layers: Layer[],
 *            strings: string[], note: string, gaps?: Gap[],
 *            legend: {x: number, y: number, color: number, opacity: number, label: string}[]}} Figure
 * @typedef {{name: string, text: string, grid: string, axis: string, muted: string, rim: string,
 *            background: string, colors: string[], rgb: number[]}} Palette
 * @typedef {(x: number) => number} Shift from a pixel of the figure's frame to one of the canvas's
 * @typedef {{scale: number, shift: number}} Stretch the same as numbers: `x * scale + shift`
 * @typedef {CanvasRenderingContext2D} Context
 */

const LABEL_PX = 11;
const SWATCH_PX = 10;
const FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif';

/**
 * Draws a figure. `stretch` moves and stretches the time axis: it bridges the moment between a
 * zoom and the figure that answers it.
 * @param {Context} ctx scaled to CSS pixels @param {Figure} figure @param {Palette} palette
 * @param {Stretch | null} [stretch]
 */
export function draw(ctx, figure, palette, stretch = null) {
  /** @type {Shift} */
  const shift = stretch ? (x) => x * stretch.scale + stretch.shift : (x) => x;
  ctx.fillStyle = palette.background;
  ctx.fillRect(0, 0, figure.width_px, figure.height_px);
  drawAxes(ctx, figure, palette, shift);
  const { left, top, width, height } = figure.frame;
  ctx.save();
  ctx.translate(left, top);
  // The first rectangles lie below all else, and are the many.
  const other = figure.layers.findIndex((layer) => layer.kind !== 'rects');
  const first = other < 0 ? figure.layers : figure.layers.slice(0, other);
  const gl = renderer(first);
  gl?.draw(ctx, first, figure.frame, palette, stretch ?? { scale: 1, shift: 0 });
  for (const layer of gl ? figure.layers.slice(first.length) : figure.layers) {
    ctx.save();
    ctx.beginPath();
    ctx.rect(0, 0, width, height);
    // Marks may stand on the frame's edge; of a stretched picture only texts, which are not stretched.
    if (stretch && layer.kind !== 'text') ctx.clip();
    ctx.globalAlpha = layer.opacity;
    DRAW[layer.kind]?.(ctx, layer, palette, shift, figure.strings);
    ctx.restore();
  }
  ctx.restore();
  drawLegend(ctx, figure, palette);
}

/**
 * One function for each kind of glyph; the columns are those of replay/src/figure/glyphs.rs.
 * @type {Record<string, (ctx: Context, layer: Layer, palette: Palette, shift: Shift, strings: string[]) => void>}
 */
const DRAW = {
  rects(ctx, { x, y, width, height, color }, palette, shift) {
    let last = -1;
    for (let i = 0; i < x.length; i++) {
      if (color[i] !== last) ctx.fillStyle = palette.colors[(last = color[i])];
      const from = shift(x[i]);
      ctx.fillRect(from, y[i], Math.max(shift(x[i] + width[i]) - from, 1), height[i]);
    }
  },

  line(ctx, { x, y, color, stroke }, palette, shift) {
    ctx.beginPath();
    for (let i = 0; i < x.length; i++) ctx.lineTo(shift(x[i]), y[i]);
    strokeWith(ctx, palette.colors[color], stroke);
  },

  step(ctx, { x, y, color, stroke }, palette, shift) {
    ctx.beginPath();
    for (let i = 0; i < x.length; i++) {
      if (i > 0) ctx.lineTo(shift(x[i]), y[i - 1]);
      ctx.lineTo(shift(x[i]), y[i]);
    }
    strokeWith(ctx, palette.colors[color], stroke);
  },

  area(ctx, { x, y0, y1, color }, palette, shift) {
    ctx.beginPath();
    for (let i = 0; i < x.length; i++) ctx.lineTo(shift(x[i]), y1[i]);
    for (let i = x.length - 1; i >= 0; i--) ctx.lineTo(shift(x[i]), y0[i]);
    ctx.fillStyle = palette.colors[color];
    ctx.fill();
  },

  bars(ctx, { x0, x1, y, thick, color }, palette) {
    for (let i = 0; i < x0.length; i++) {
      ctx.fillStyle = palette.colors[color[i]];
      ctx.fillRect(x0[i], y[i] - thick[i] / 2, x1[i] - x0[i], thick[i]);
    }
  },

  points(ctx, { x, y, color, shape, size }, palette, shift) {
    for (let i = 0; i < x.length; i++) {
      SHAPES[shape]?.(ctx, shift(x[i]), y[i], size / 2, palette.colors[color[i]], palette.rim);
    }
  },

  text(ctx, { x, y, text, color, anchor, size, bold }, palette, _shift, strings) {
    setFont(ctx, size, bold);
    ctx.textAlign = ANCHORS[anchor];
    for (let i = 0; i < x.length; i++) {
      ctx.fillStyle = palette.colors[color[i]];
      ctx.fillText(strings[text[i]], x[i], y[i]);
    }
  },

  edges(ctx, { x0, y0, x1, y1, color, stroke, dashed }, palette, shift) {
    ctx.setLineDash(dashed ? [4, 3] : []);
    for (let i = 0; i < x0.length; i++) {
      ctx.beginPath();
      ctx.moveTo(shift(x0[i]), y0[i]);
      ctx.lineTo(shift(x1[i]), y1[i]);
      strokeWith(ctx, palette.colors[color[i]], stroke);
    }
    ctx.setLineDash([]);
  },
};

/** @type {Record<string, CanvasTextAlign>} */
const ANCHORS = { start: 'left', middle: 'center', end: 'right' };

/** @type {Record<string, (ctx: Context, x: number, y: number, radius: number, color: string, rim: string) => void>} */
const SHAPES = {
  dot(ctx, x, y, radius, color) {
    ctx.beginPath();
    ctx.arc(x, y, radius, 0, 2 * Math.PI);
    ctx.fillStyle = color;
    ctx.fill();
  },

  cross(ctx, x, y, radius, color, rim) {
    ctx.beginPath();
    ctx.moveTo(x - radius, y - radius);
    ctx.lineTo(x + radius, y + radius);
    ctx.moveTo(x - radius, y + radius);
    ctx.lineTo(x + radius, y - radius);
    strokeWith(ctx, rim, 4.5);
    strokeWith(ctx, color, 2);
  },

  triangle(ctx, x, y, radius, color) {
    ctx.beginPath();
    ctx.moveTo(x - radius, y - radius);
    ctx.lineTo(x + radius, y - radius);
    ctx.lineTo(x, y + radius);
    ctx.fillStyle = color;
    ctx.fill();
  },
};

/** @param {Context} ctx @param {string} color @param {number} width */
function strokeWith(ctx, color, width) {
  ctx.strokeStyle = color;
  ctx.lineWidth = width;
  ctx.stroke();
}

/** @param {Context} ctx @param {number} size @param {boolean} [bold] */
function setFont(ctx, size, bold = false) {
  ctx.font = `${bold ? 600 : 400} ${size}px ${FONT}`;
  ctx.textBaseline = 'middle';
}

/**
 * Grid, ticks and their labels: x below the frame, y to its left.
 * @param {Context} ctx @param {Figure} figure @param {Palette} palette @param {Shift} shift
 */
function drawAxes(ctx, { frame, x, y, width_px: widthPx }, palette, shift) {
  const { left, top, width, height } = frame;
  setFont(ctx, LABEL_PX);
  ctx.textAlign = 'center';
  const isOrdinary = x.scale !== 'lanes' && x.ticks.length > 0;
  for (const tick of isOrdinary ? x.ticks : []) {
    const px = shift(tick.px);
    if (px < -0.5 || px > width + 0.5) continue;
    const at = Math.round(left + px) + 0.5;
    ctx.beginPath();
    ctx.moveTo(at, top);
    ctx.lineTo(at, top + height);
    strokeWith(ctx, palette.grid, 1);
    ctx.beginPath();
    ctx.moveTo(at, top + height);
    ctx.lineTo(at, top + height + 4);
    strokeWith(ctx, palette.axis, 1);
    ctx.fillStyle = palette.muted;
    // Labels at the edge stay inside the picture.
    const reach = widthPx - 2 - ctx.measureText(tick.label).width / 2;
    ctx.fillText(tick.label, Math.min(left + px, reach), top + height + 12);
  }
  if (isOrdinary) {
    ctx.beginPath();
    ctx.moveTo(left, top + height + 0.5);
    ctx.lineTo(left + width, top + height + 0.5);
    strokeWith(ctx, palette.axis, 1);
  }
  ctx.textAlign = 'right';
  ctx.fillStyle = palette.text;
  for (const tick of y.ticks) ctx.fillText(tick.label, left - 8, Math.max(top + tick.px, LABEL_PX / 2 + 1));
}

/** @param {Context} ctx @param {Figure} figure @param {Palette} palette */
function drawLegend(ctx, { legend }, palette) {
  setFont(ctx, LABEL_PX);
  ctx.textAlign = 'left';
  for (const entry of legend) {
    ctx.globalAlpha = entry.opacity;
    ctx.fillStyle = palette.colors[entry.color];
    ctx.fillRect(entry.x, entry.y - SWATCH_PX / 2, SWATCH_PX, SWATCH_PX);
    ctx.globalAlpha = 1;
    ctx.fillStyle = palette.muted;
    ctx.fillText(entry.label, entry.x + SWATCH_PX + 5, entry.y);
  }
}

/**
 * The label of the topmost glyph at a point of the picture, or `null`.
 * @param {Figure} figure @param {number} left @param {number} top
 * @param {Stretch | null} stretch as it is drawn
 */
export function labelAt(figure, left, top, stretch) {
  // A pixel of the screen, in pixels of the figure.
  const px = 1 / (stretch?.scale ?? 1);
  const x = (left - figure.frame.left - (stretch?.shift ?? 0)) * px;
  const y = top - figure.frame.top;
  for (const layer of figure.layers.toReversed()) {
    const covers = COVERS[layer.kind];
    if (!covers || !layer.label?.length) continue;
    for (let i = layer.label.length - 1; i >= 0; i--) {
      if (layer.label[i] >= 0 && covers(layer, i, x, y, px)) return figure.strings[layer.label[i]];
    }
  }
  return null;
}

/**
 * Whether glyph `i` of a layer covers a point of the frame; thin ones get a pixel on each side.
 * @type {Record<string, (layer: Layer, i: number, x: number, y: number, px: number) => boolean>}
 */
const COVERS = {
  rects: (l, i, x, y, px) => {
    const near = l.width[i] < 3 * px ? px : 0;
    return x >= l.x[i] - near && x < l.x[i] + l.width[i] + near && y >= l.y[i] && y < l.y[i] + l.height[i];
  },
  bars: (l, i, x, y) => x >= l.x0[i] && x < l.x1[i] && Math.abs(y - l.y[i]) <= l.thick[i] / 2,
  points: (l, i, x, y, px) => Math.hypot((x - l.x[i]) / px, y - l.y[i]) <= l.size / 2 + 3,
};
