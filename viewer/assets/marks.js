// What is drawn over a plot with an axis of time: the selection, what a search found, the task that was
// picked with what it waited for, the critical path, and the instant that is shown.

/**
 * @typedef {import('./live.js').TimeWindow} TimeWindow
 * @typedef {import('./glyphs.js').Figure} Figure
 * @typedef {{task: number, key: string, worker: number, slot: number, start_ns: number,
 *            stop_ns: number | null}} Found an execution
 * @typedef {{task: number, key: string, runs: Found[], needs: Found[], needed_by: Found[],
 *            n_more: number}} Relatives the executions of a task, of what it waited for, and of what
 *   waited for it
 * @typedef {{at: number | null, select: TimeWindow | null, found: Found[],
 *            picked: Relatives | null, path: Found[] | null}} Marks
 *   `at`: the instant that is shown, `null`: the newest; `found`: the first is where the search stands
 * @typedef {{ctx: CanvasRenderingContext2D, figure: Figure, palette: import('./glyphs.js').Palette,
 *            px: (ns: number) => number}} Over what they are drawn over; `px`: where an instant is on the frame
 * @typedef {{x: number, y: number, width: number, height: number}} Box
 */

const FOUND = '#e5383b';
const NEEDS = '#e36414';
const NEEDED_BY = '#3a86ff';
const PATH = '#d00000';

/** @param {Over} over @param {Marks} marks */
export function drawMarks(over, { at, select, found, picked, path }) {
  const { ctx, figure } = over;
  const { left, top, width, height } = figure.frame;
  ctx.save();
  ctx.beginPath();
  ctx.rect(left, top - 1, width, height + 2);
  ctx.clip();
  ctx.translate(left, top);
  if (path && figure.y.groups.length > 0) drawPath(over, path);
  if (select) drawSelection(over, select);
  found.forEach((found, i) => drawFound(over, found, i === 0));
  if (picked) drawPicked(over, picked);
  if (at !== null) drawCursor(over, at);
  ctx.restore();
}

/** @param {Over} over @param {TimeWindow} select */
function drawSelection({ ctx, figure: { frame }, palette, px }, { from, to }) {
  const [begin, end] = [px(from), px(to)];
  ctx.globalAlpha = 0.16;
  ctx.fillStyle = palette.text;
  ctx.fillRect(begin, 0, end - begin, frame.height);
  ctx.globalAlpha = 1;
  ctx.strokeStyle = palette.text;
  ctx.lineWidth = 1;
  ctx.strokeRect(Math.round(begin) + 0.5, 0.5, Math.round(end - begin), frame.height - 1);
}

/**
 * Where an execution is; `null`: on no lane that is shown.
 * @param {Over} over @param {Found} found @returns {Box | null}
 */
function place({ figure, px }, { worker, slot, start_ns: from, stop_ns: to }) {
  const group = lanesOf(figure).get(worker);
  if (!group) return null;
  const y = group.lanes[Math.min(slot, group.lanes.length - 1)];
  const [begin, end] = [px(from), px(to ?? Number.MAX_SAFE_INTEGER)];
  return { x: begin, y, width: Math.max(Math.min(end, 1e5) - begin, 2), height: group.lane_px };
}

/** @type {WeakMap<Figure, Map<number, import('./glyphs.js').Group>>} */
const lanes = new WeakMap();

/** The lanes of a figure by worker. @param {Figure} figure */
function lanesOf(figure) {
  let known = lanes.get(figure);
  if (!known) lanes.set(figure, (known = new Map(figure.y.groups.map((group) => [group.worker, group]))));
  return known;
}

/** @param {Over} over @param {Found} found @param {boolean} isFirst */
function drawFound(over, found, isFirst) {
  const { ctx, figure, palette, px } = over;
  const { width, height } = figure.frame;
  const [begin, end] = [px(found.start_ns), px(found.stop_ns ?? Number.MAX_SAFE_INTEGER)];
  if (end <= 0 || begin >= width) return;
  ctx.fillStyle = isFirst ? FOUND : palette.text;
  ctx.fillRect(begin, height - 3, Math.max(Math.min(end, width) - begin, 2), 3);
  if (!isFirst) return;
  ctx.fillRect(begin, 0, 1, height);
  ctx.fillRect(end, 0, 1, height);
  outline(over, place(over, found), FOUND);
}

/**
 * The task that was picked; arrows come from what it waited for and go to what waited for it.
 * @param {Over} over @param {Relatives} picked
 */
function drawPicked(over, { runs, needs, needed_by: neededBy }) {
  for (const run of runs) outline(over, place(over, run), over.palette.text);
  const last = runs.at(-1);
  const own = last && place(over, last);
  if (!own) return;
  for (const other of needs) {
    const box = place(over, other);
    outline(over, box, NEEDS);
    arrow(over, box, own, NEEDS);
  }
  for (const other of neededBy) {
    const box = place(over, other);
    outline(over, box, NEEDED_BY);
    arrow(over, own, box, NEEDED_BY);
  }
}

/** All else is veiled; lines lead from each execution to the next. @param {Over} over @param {Found[]} path */
function drawPath(over, path) {
  const { ctx, figure, palette } = over;
  const { width, height } = figure.frame;
  ctx.globalAlpha = 0.55;
  ctx.fillStyle = palette.background;
  ctx.fillRect(0, 0, width, height);
  ctx.globalAlpha = 1;
  const boxes = path.map((link) => place(over, link));
  ctx.strokeStyle = PATH;
  ctx.lineWidth = 1.5;
  ctx.beginPath();
  boxes.forEach((box, i) => {
    const before = boxes[i - 1];
    if (!box || !before || box.x < 0 || before.x + before.width > width) return;
    ctx.moveTo(before.x + before.width, before.y + before.height / 2);
    ctx.lineTo(box.x, box.y + box.height / 2);
  });
  ctx.stroke();
  ctx.fillStyle = PATH;
  for (const box of boxes) {
    if (box && box.x < width && box.x + box.width > 0) ctx.fillRect(box.x, box.y, box.width, box.height);
  }
}

/** The instant that is shown; what came after it is veiled. @param {Over} over @param {number} at */
function drawCursor({ ctx, figure: { frame: { width, height } }, palette, px }, at) {
  const x = px(at);
  ctx.globalAlpha = 0.72;
  ctx.fillStyle = palette.background;
  ctx.fillRect(Math.max(x, 0), 0, width, height);
  ctx.globalAlpha = 1;
  ctx.fillStyle = palette.text;
  ctx.fillRect(Math.round(x) - 1, 0, 1.5, height);
}

/**
 * A frame around a rectangle that stands out from whatever is below.
 * @param {Over} over @param {Box | null} box @param {string} color
 */
function outline({ ctx, palette }, box, color) {
  if (!box) return;
  for (const [style, wide] of /** @type {[string, number][]} */ ([[palette.background, 4], [color, 2]])) {
    ctx.strokeStyle = style;
    ctx.lineWidth = wide;
    ctx.strokeRect(box.x - 0.5, box.y - 0.5, box.width + 1, box.height + 1);
  }
}

/**
 * From the end of one execution to the begin of another.
 * @param {Over} over @param {Box | null} from @param {Box | null} to @param {string} color
 */
function arrow({ ctx, palette }, from, to, color) {
  if (!from || !to) return;
  const [x0, y0] = [from.x + from.width, from.y + from.height / 2];
  const [x1, y1] = [to.x, to.y + to.height / 2];
  const bend = Math.min(Math.max(Math.abs(x1 - x0) / 2, 12), 60);
  for (const [style, wide] of /** @type {[string, number][]} */ ([[palette.background, 3.5], [color, 1.6]])) {
    ctx.strokeStyle = style;
    ctx.lineWidth = wide;
    ctx.beginPath();
    ctx.moveTo(x0, y0);
    ctx.bezierCurveTo(x0 + bend, y0, x1 - bend, y1, x1, y1);
    ctx.stroke();
  }
  ctx.fillStyle = color;
  ctx.beginPath();
  ctx.moveTo(x1 + 1, y1);
  ctx.lineTo(x1 - 7, y1 - 4);
  ctx.lineTo(x1 - 7, y1 + 4);
  ctx.fill();
}
