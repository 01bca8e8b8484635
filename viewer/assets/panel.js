// One plot on the page: its place, the window of its axis of time, and the links to it as a picture.

import { Canvas } from './canvas.js';
import { drawMarks } from './marks.js';
import { find, findAll, ROOT } from './page.js';
import { Pointer } from './pointer.js';

/**
 * @typedef {import('./glyphs.js').Figure} Figure
 * @typedef {import('./live.js').TimeWindow} TimeWindow
 * @typedef {{palette: () => import('./glyphs.js').Palette, marks: import('./marks.js').Marks,
 *            query: () => URLSearchParams,
 *            zoom: (window: TimeWindow | null) => void, ask: () => void,
 *            select: (select: TimeWindow | null) => void,
 *            pick: (task: number | null) => void}} Page what a panel needs of the page it is on:
 *   `zoom` asks for another window (`null`: all), `ask` for figures of other sizes, `select` chooses a
 *   stretch of time, `pick` a task; `query` is what a link to this page's view says
 */

const SPAN_NS_MIN = 20_000;

export class Panel extends Canvas {
  /** @param {HTMLElement} section the element with `data-plot` @param {Page} page */
  constructor(section, page) {
    super(document.createElement('canvas'), find(section, '.picture'), page.palette, page.ask);
    this.id = section.dataset.plot ?? '';
    this.section = section;
    this.page = page;
    this.note = find(section, '.note');
    this.zoomButtons = find(section, '.zoom');
    this.allButton = find(section, '[data-key="0"]', HTMLButtonElement);
    /** Where the run ends for now, in ns since it began. */
    this.end = 0;
    /** What was asked for last: the figure that shows it may be on its way. @type {TimeWindow | null} */
    this.window = null;
    this.canvas.tabIndex = 0;
    this.canvas.setAttribute('role', 'img');
    this.pointer = new Pointer(this);
    addEventListener('renderer', () => this.redraw());
  }

  /** Whether there is an axis of time. */
  get isTimed() {
    return this.figure !== null && this.figure.window_ns !== null;
  }

  /** Whether tasks lie on lanes, which marks can point to. */
  get hasLanes() {
    return this.isTimed && (this.figure?.y.groups.length ?? 0) > 0;
  }

  /**
   * @param {Figure | undefined} figure if there is a new one
   * @param {TimeWindow | null} window what the page looks at by now
   * @param {number} end where the run ends for now @param {boolean} isLive
   */
  show(figure, window, end, isLive) {
    this.end = end;
    this.window = window;
    if (figure) this.take(figure);
    if (!this.figure) return;
    this.allButton.disabled = window === null;
    this.allButton.textContent = isLive ? 'Live' : 'All';
    this.link();
    this.redraw();
    this.pointer.hoverAgain();
  }

  /** @param {Figure} figure */
  take(figure) {
    if (!this.figure) this.box.replaceChildren(this.canvas);
    super.take(figure);
    this.note.textContent = figure.note;
    this.canvas.setAttribute('aria-label', `${figure.title}: ${figure.question} ${figure.note}`);
    this.zoomButtons.hidden = !this.isTimed;
    this.canvas.dataset.timed = String(this.isTimed);
    this.section.dataset.lanes = String(this.hasLanes);
  }

  /** Links to this plot as a picture show what is shown here. */
  link() {
    const query = this.page.query();
    for (const link of findAll('a[data-picture]', HTMLAnchorElement, this.section)) {
      link.href = `${ROOT}plot/${this.id}.${link.dataset.picture}?${query}`;
    }
  }

  /** @param {CanvasRenderingContext2D} ctx @param {Figure} figure @param {import('./glyphs.js').Palette} palette */
  drawOver(ctx, figure, palette) {
    if (figure.window_ns) drawMarks({ ctx, figure, palette, px: (ns) => this.px(ns) }, this.page.marks);
  }

  /** Where an instant is on the frame, which it may lie beyond. @param {number} ns */
  px(ns) {
    const { from, to } = this.looking() ?? { from: 0, to: 1 };
    return ((ns - from) / (to - from)) * this.width;
  }

  /** How the figure is stretched until the one that was asked for is here. */
  stretch() {
    const have = this.figure?.window_ns;
    const want = this.window;
    if (!have || !want || (want.from === have[0] && want.to === have[1])) return null;
    const ns = want.to - want.from;
    return { scale: (have[1] - have[0]) / ns, shift: ((have[0] - want.from) / ns) * this.width };
  }

  /** The window that is looked at. @returns {TimeWindow | null} */
  looking() {
    const have = this.figure?.window_ns;
    if (!have) return null;
    return this.window ?? { from: have[0], to: have[1] };
  }

  /** Width of the frame. */
  get width() {
    return this.figure?.frame.width ?? 0;
  }

  /** Zooms by `factor` (below 1: in) around a pixel of the frame. @param {number} factor @param {number} px */
  zoom(factor, px = this.width / 2) {
    const now = this.looking();
    if (!now) return;
    const span = now.to - now.from;
    const next = Math.max(span * factor, SPAN_NS_MIN);
    const at = now.from + (span * px) / this.width;
    this.go(at - (next * px) / this.width, next);
  }

  /** Moves by pixels of the frame. @param {number} px */
  pan(px) {
    const now = this.looking();
    if (!now) return;
    const span = now.to - now.from;
    this.go(now.from + (px * span) / this.width, span);
  }

  /** Looks at `span` ns from `from` on, within what there is. @param {number} from @param {number} span */
  go(from, span) {
    if (span >= this.end) return this.all();
    const begin = Math.min(Math.max(from, 0), this.end - span);
    this.page.zoom({ from: Math.round(begin), to: Math.round(begin + span) });
  }

  /** Back to the whole run, which follows LIVE. */
  all() {
    this.page.zoom(null);
  }
}
