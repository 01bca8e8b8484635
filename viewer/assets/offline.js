// Stands in for the viewer on a page that has none (reel export --format html): what the scripts ask
// for is answered from what stands within the page. Begins by `start`, with which the page is loaded;
// live.js is this file there.

import { findAll, showCurrent } from './page.js';
import { part } from './wire.js';

/**
 * @typedef {import('./glyphs.js').Figure} Figure
 * @typedef {import('./glyphs.js').Layer} Layer
 * @typedef {import('./live.js').TimeWindow} TimeWindow
 * @typedef {{now_ns: number, seq: number, parts: number[]}} Moment
 * @typedef {{task: number, key: string, prefix: string, worker: number, slot: number, start_ns: number,
 *            stop_ns: number | null, failed: boolean, bytes: number, deps: number[]}} Execution
 */

/** Ticks of an axis of time are at least so far from each other. */
const TICK_PX = 52;
const LEGEND_ROW_PX = 17;

const text = (/** @type {string} */ id) => document.getElementById(id)?.textContent?.trim() ?? '';
const bytes = (/** @type {string} */ base64) => Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
const json = (/** @type {string} */ id) => JSON.parse(new TextDecoder().decode(bytes(text(id))));

/** @type {{names: number, executions: number | null, path: number | null, moments: Moment[],
 *          tiles: {plot: string, from: number, to: number, part: number}[]}} */
const index = json('reel-index');
const lines = text('reel-parts').split('\n');
/** @type {Map<number, Promise<any>>} */
const opened = new Map();

/** A part of the page's data. @param {number} i */
function kept(i) {
  const known = opened.get(i) ?? part('', bytes(lines[i])).then(([, value]) => value);
  opened.set(i, known);
  return known;
}

/** In place of the channel to the viewer. */
export class Live {
  /** @param {(frame: any) => void} received */
  constructor(received) {
    this.received = received;
    this.n = 0;
    this.moment = index.moments[index.moments.length - 1];
  }

  /** @param {import('./live.js').Look} look */
  async look(look) {
    const n = ++this.n;
    const moment = this.nearest(look.at);
    const values = await Promise.all(moment.parts.map(kept));
    const words = values.find((value) => value.texts);
    /** @type {Record<string, Figure>} */
    const figures = {};
    for (const { id, width, height } of look.plots) {
      if (width < 40 || height < 20) continue;
      const isStrip = id.startsWith('strip');
      const figure = values.find((value) => value.id === id) ?? (await tile(id, isStrip ? null : look.window));
      if (figure) figures[id] = fit(figure, width, height);
      // The plot itself is stretched to the window, which is another matter for its ticks.
      if (figure?.window_ns && !isStrip) figures[id] = withTicks(figures[id], look.window);
    }
    const names = await kept(index.names);
    if (n !== this.n) return;
    this.moment = moment;
    this.received({ words, names, figures });
  }

  /** The last moment that is kept by an instant. @param {string | null} at @returns {Moment} */
  nearest(at) {
    const { moments } = index;
    const last = moments[moments.length - 1];
    const [, kind, number, unit] = /^(event:)?([\d.]+)(ns|ms|s|%)?$/.exec(at ?? '') ?? [];
    if (number === undefined) return last;
    if (kind) {
      const seq = Number(number) + 1;
      const found = moments.findLast((moment) => moment.seq <= seq) ?? moments[0];
      // One event on is the next moment.
      return found === this.moment && seq > found.seq ? moments[moments.indexOf(found) + 1] ?? last : found;
    }
    const units = /** @type {Record<string, number>} */ ({ ns: 1, ms: 1e6, s: 1e9, '%': last.now_ns / 100 });
    const ns = Number(number) * units[unit ?? 's'];
    return moments.findLast((moment) => moment.now_ns <= ns) ?? moments[0];
  }
}

/** The shortest stretch of a plot that holds a window. @param {string} id @param {TimeWindow | null} window */
async function tile(id, window) {
  const own = index.tiles.filter(({ plot }) => plot === id);
  const holds = own.filter(({ from, to }) => window && from <= window.from && to >= window.to);
  const best = holds.sort((a, b) => a.to - a.from - (b.to - b.from))[0] ?? own[0];
  return best && /** @type {Promise<Figure>} */ (kept(best.part));
}

/** Figures as they were laid out last. @type {WeakMap<Figure, Figure>} */
const fitted = new WeakMap();

/**
 * A figure laid out anew for another size.
 * @param {Figure} figure @param {number} width @param {number} height @returns {Figure}
 */
function fit(figure, width, height) {
  const last = fitted.get(figure);
  if (last?.width_px === width && last.height_px === height) return last;
  const { frame, x, y } = figure;
  const w = Math.max(width - (figure.width_px - frame.width), 20);
  const { legend, extra } = flow(figure.legend, frame, width);
  const lower = height - figure.height_px - extra;
  const h = Math.max(frame.height + lower, 20);
  const [sx, sy] = [w / frame.width, h / frame.height];
  // What stands beside the frame keeps its distance from it.
  const fx = (/** @type {number} */ x) => (x < 0 ? x : x > frame.width ? x + w - frame.width : x * sx);
  const fy = (/** @type {number} */ y) => (y < 0 ? y : y > frame.height ? y + h - frame.height : y * sy);
  const groups = y.groups.map((group) => ({
    ...group,
    from: fy(group.from),
    to: fy(group.to),
    lanes: group.lanes?.map((y) => Math.round(fy(y))),
    lane_px: Math.max(Math.round(group.lane_px * sy), 1),
  }));
  const next = {
    ...figure,
    width_px: width,
    height_px: height,
    frame: { ...frame, width: w, height: h },
    x: { ...x, ticks: apart(x.ticks.map(({ px, label }) => ({ px: fx(px), label }))) },
    y: { ...y, ticks: y.ticks.map(({ px, label }) => ({ px: fy(px), label })), groups },
    gaps: figure.gaps?.map((gap) => ({ ...gap, px: gap.px * sx, width_px: gap.width_px * sx })),
    layers: figure.layers.map((layer) => fitLayer(layer, fx, fy)),
    legend: legend.map((entry) => ({ ...entry, y: entry.y > frame.top + frame.height / 2 ? entry.y + lower : entry.y })),
  };
  fitted.set(figure, next);
  return next;
}

/** The ticks whose labels have room beside each other. @param {{px: number, label: string}[]} ticks */
function apart(ticks) {
  const every = Math.ceil(TICK_PX / Math.max(Math.abs((ticks[1]?.px ?? TICK_PX) - (ticks[0]?.px ?? 0)), 1));
  return ticks.filter((_, i) => i % every === 0);
}

/**
 * The legend below a frame in as many rows as fit a width; `extra`: what they take beyond what it took.
 * @param {Figure['legend']} legend @param {import('./glyphs.js').Frame} frame @param {number} width
 */
function flow(legend, frame, width) {
  const below = legend.filter((entry) => entry.y > frame.top + frame.height);
  const wide = (/** @type {{label: string}} */ { label }) => 29 + 6.2 * label.length;
  if (!below.some((entry) => entry.x + wide(entry) - 12 > width)) return { legend, extra: 0 };
  const [{ x: left, y: top }] = below;
  let [x, y] = [left, top];
  const placed = below.map((entry) => {
    if (x > left && x + wide(entry) - 12 > width) [x, y] = [left, y + LEGEND_ROW_PX];
    const place = { ...entry, x, y };
    x += wide(entry);
    return place;
  });
  const extra = y - Math.max(...below.map((entry) => entry.y));
  return { legend: [...legend.filter((entry) => !below.includes(entry)), ...placed], extra: Math.max(extra, 0) };
}

/** @param {Layer} layer @param {(x: number) => number} fx @param {(y: number) => number} fy @returns {Layer} */
function fitLayer(layer, fx, fy) {
  const out = { ...layer };
  for (const name of ['x', 'x0', 'x1']) if (out[name]) out[name] = Array.from(out[name], fx);
  for (const name of ['y', 'y0', 'y1']) if (out[name]) out[name] = Array.from(out[name], fy);
  if (layer.kind === 'bars') out.thick = Array.from(layer.thick, (thick) => thick * fy(1));
  if (layer.kind !== 'rects') return out;
  for (const [at, size, f] of /** @type {[string, string, typeof fx][]} */ ([['x', 'width', fx], ['y', 'height', fy]])) {
    out[at] = out[at].map(Math.round);
    out[size] = Array.from(layer[size], (size, i) => Math.max(Math.round(f(layer[at][i] + size)) - out[at][i], 1));
  }
  return out;
}

/** A figure with round instants of a window on its axis of time. @param {Figure} figure @param {TimeWindow | null} window */
function withTicks(figure, window) {
  const [first, last] = figure.window_ns ?? [0, 1];
  const { from, to } = window ?? { from: first, to: last };
  const rough = ((to - from) / figure.frame.width) * 95;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((n) => n * power).find((n) => n >= rough) ?? rough;
  const [unit, name] = step >= 1e8 ? [1e9, 's'] : step >= 1e5 ? [1e6, 'ms'] : [1e3, 'µs'];
  const digits = Math.max(-Math.floor(Math.log10(step / unit) + 1e-9), 0);
  const ticks = [];
  for (let at = Math.ceil(from / step) * step; at <= to; at += step) {
    const px = ((at - first) / (last - first)) * figure.frame.width;
    ticks.push({ px, label: `${(at / unit).toFixed(digits)} ${name}` });
  }
  return { ...figure, x: { ...figure.x, ticks } };
}

/** @type {Promise<{rows: Execution[], workers: [number, number, number | null][], end: number}> | undefined} */
let all;

/** Every execution; none, if they were left out. */
function executions() {
  all ??= (async () => {
    if (index.executions === null) return { rows: [], workers: [], end: 0 };
    const columns = await kept(index.executions);
    const { prefixes, workers, end_ns: end } = columns;
    const names = ['task', 'key', 'worker', 'slot', 'start_ns', 'stop_ns', 'failed', 'bytes', 'deps'];
    const row = (/** @type {number} */ i) => Object.fromEntries(names.map((name) => [name, columns[name][i]]));
    const rows = columns.task.map((/** @type {number} */ _, /** @type {number} */ i) => ({ ...row(i), prefix: prefixes[columns.prefix[i]] }));
    return { rows, workers, end };
  })();
  return all;
}

/** What the viewer answers, by its address. @type {Record<string, (query: Record<string, string>) => any>} */
const ANSWERS = {
  'assets/themes.json': () => json('reel-themes'),
  'api/critical-path': () => (index.path === null ? null : kept(index.path)),
  'api/find': async ({ key }) => {
    const found = (await executions()).rows.filter((row) => row.key.includes(key));
    return { total: found.length, first: found.slice(0, 1000) };
  },
  'api/task-at': async ({ from, to, label }) => {
    const { rows, end } = await executions();
    const isThere = (/** @type {Execution} */ row) => row.start_ns < Number(to) && (row.stop_ns ?? end) > Number(from);
    return rows.findLast((row) => isThere(row) && label.startsWith(row.key) && !label.slice(row.key.length).startsWith('-'));
  },
  'api/relatives': async ({ task }) => {
    const { rows } = await executions();
    const runs = rows.filter((row) => row.task === Number(task));
    const last = runs.at(-1);
    const needs = rows.filter((row) => last?.deps.includes(row.task));
    const neededBy = rows.filter((row) => row.deps.includes(Number(task)));
    return last && { task: last.task, key: last.key, runs, needs, needed_by: neededBy, n_more: 0 };
  },
  'api/selection': selection,
};

/** @param {Record<string, string>} query */
async function selection({ from, to, prefix, worker }) {
  const { rows, workers, end } = await executions();
  const [begin, stop] = [Number(from), Math.min(Number(to), end)];
  const inside = (/** @type {Execution} */ row) => Math.min(row.stop_ns ?? end, stop) - Math.max(row.start_ns, begin);
  const isMeant = (/** @type {Execution} */ row) => (!prefix || row.prefix === prefix) && (!worker || row.worker === Number(worker));
  const within = rows.filter((row) => inside(row) > 0 && isMeant(row));
  const share = (/** @type {string} */ name, /** @type {Execution[]} */ of) => {
    const lengths = of.map((row) => (row.stop_ns ?? end) - row.start_ns).sort((a, b) => a - b);
    const quantile = (/** @type {number} */ q) => lengths[Math.round((lengths.length - 1) * q)] ?? 0;
    const ended = of.filter((row) => (row.stop_ns ?? end) <= stop);
    return {
      name,
      count: of.length,
      failed: of.filter((row) => row.failed).length,
      total_ns: of.reduce((sum, row) => sum + inside(row), 0),
      p50_ns: quantile(0.5),
      p95_ns: quantile(0.95),
      bytes: ended.reduce((sum, row) => sum + row.bytes, 0),
    };
  };
  const names = [...new Set(within.map((row) => row.prefix))];
  const prefixes = names.map((name) => share(name, within.filter((row) => row.prefix === name)));
  const capacity = workers.reduce((sum, [slots, came, went], id) => {
    const there = Math.min(went ?? stop, stop) - Math.max(came, begin);
    return sum + (!worker || Number(worker) === id ? slots * Math.max(there, 0) : 0);
  }, 0);
  const whole = share('all', within);
  return {
    from_ns: begin,
    to_ns: stop,
    all: whole,
    idle_share: capacity > 0 ? Math.max(1 - whole.total_ns / capacity, 0) : 1,
    prefixes: prefixes.sort((a, b) => b.total_ns - a.total_ns),
  };
}

globalThis.fetch = async (address) => {
  const { pathname, searchParams } = new URL(String(address), 'http://page/');
  const answer = await ANSWERS[pathname.slice(1)]?.(Object.fromEntries(searchParams));
  return /** @type {Response} */ ({ ok: answer != null, json: async () => answer, text: async () => '' });
};

// In the address a page is `#/NAME`: to an element's own name the browser would scroll.
/** Shows one of the pages within the page. @param {string} name */
function go(name) {
  const sections = findAll('[data-section]');
  const found = sections.some((section) => section.dataset.section === name) ? name : 'status';
  for (const section of sections) section.hidden = section.dataset.section !== found;
  for (const link of findAll('[data-go]')) {
    if (link.dataset.go === found) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
  showCurrent();
  scrollTo(0, 0);
}

document.addEventListener('click', (event) => {
  const link = event.target instanceof Element ? event.target.closest('a') : null;
  const [, kind, id] = /^(task|worker)\/(\d+)/.exec(link?.getAttribute('href') ?? '') ?? [];
  if (!link || (!link.dataset.go && !kind)) return;
  // There is one page only; what was another is a part of it.
  event.preventDefault();
  const name = link.dataset.go ?? (kind === 'worker' ? 'workers' : 'tasks');
  history.pushState(null, '', `${location.search}#/${name}`);
  go(name);
  if (kind === 'task') main.then(({ pick }) => pick(Number(id)));
});
addEventListener('hashchange', () => go(location.hash.slice(2)));
go(location.hash.slice(2));
// What begins here asks what is answered above. It takes this file for live.js: waiting for it would never end.
const main = import('./main.js');
