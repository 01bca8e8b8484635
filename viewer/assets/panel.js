// One plot on the page: its canvas, hover, and zoom and pan of its time axis.

import { draw, labelAt } from './glyphs.js';
import { hideTip, ROOT, showTip } from './page.js';

/**
 * @typedef {import('./glyphs.js').Figure} Figure
 * @typedef {import('./live.js').TimeWindow} TimeWindow
 */

const ZOOM_STEP = 1.35;
const SPAN_NS_MIN = 20_000;
const DOUBLE_CLICK_MS = 280;

export class Panel {
  /**
   * @param {HTMLElement} section the element with `data-plot`
   * @param {() => import('./glyphs.js').Palette} palette
   * @param {(window: TimeWindow | null) => void} zoomed asks for another window; `null`: all
   * @param {() => void} resized
   * @param {(select: TimeWindow | null) => void} selected a stretch of time was chosen
   */
  constructor(section, palette, zoomed, resized, selected) {
    this.id = section.dataset.plot;
    this.section = section;
    this.palette = palette;
    this.zoomed = zoomed;
    this.selected = selected;
    /** What is selected on the axis of time. @type {TimeWindow | null} */
    this.select = null;
    /** Executions that a search found; the first is where it stands. @type {TimeWindow[]} */
    this.found = [];
    this.box = find(section, '.picture');
    this.note = find(section, '.note');
    this.zoomButtons = find(section, '.zoom');
    this.allButton = /** @type {HTMLButtonElement} */ (find(section, '[data-act="all"]'));
    this.link = /** @type {HTMLAnchorElement} */ (find(section, '.tools a'));
    /** Where the run ends for now, in ns since it began. */
    this.end = 0;
    /** The instant that is shown, in ns; `null`: the newest. @type {number | null} */
    this.at = null;
    /** @type {Figure | null} */
    this.figure = null;
    /** What was asked for last: the figure that shows it may be on its way. @type {TimeWindow | null} */
    this.window = null;
    this.canvas = document.createElement('canvas');
    this.canvas.tabIndex = 0;
    this.canvas.setAttribute('role', 'img');
    new ResizeObserver(resized).observe(this.box);
    this.listen();
  }

  /** The place it has, in CSS pixels. */
  size() {
    return { width: Math.floor(this.box.clientWidth), height: Math.floor(this.box.clientHeight) };
  }

  /**
   * @param {Figure} figure
   * @param {TimeWindow | null} window what the page looks at by now
   * @param {boolean} isLive
   */
  show(figure, window, isLive) {
    if (!this.figure) this.box.replaceChildren(this.canvas);
    this.figure = figure;
    this.window = window;
    this.note.textContent = figure.note;
    this.canvas.setAttribute('aria-label', `${figure.title}: ${figure.question} ${figure.note}`);
    const isTimed = figure.window_ns !== null;
    this.zoomButtons.hidden = !isTimed;
    this.allButton.disabled = window === null;
    this.allButton.textContent = isLive ? 'Live' : 'All';
    this.canvas.dataset.timed = String(isTimed);
    const theme = this.palette().name;
    const range = window ? `&from=${window.from}&to=${window.to}` : '';
    const at = this.at === null ? '' : `&at=${this.at}ns`;
    this.link.href = `${ROOT}plot/${this.id}.svg?width=1200&height=500&theme=${theme}${range}${at}`;
    this.redraw();
    if (this.pointer) this.hover(this.pointer);
  }

  redraw() {
    const { figure, canvas } = this;
    if (!figure) return;
    const scale = window.devicePixelRatio || 1;
    const width = Math.round(figure.width_px * scale);
    const height = Math.round(figure.height_px * scale);
    if (canvas.width !== width || canvas.height !== height) {
      canvas.width = width;
      canvas.height = height;
      // Set from here, since the figure may be a moment older than the place it has.
      canvas.style.width = `${figure.width_px}px`;
      canvas.style.height = `${figure.height_px}px`;
    }
    const ctx = canvas.getContext('2d', { alpha: false });
    ctx.setTransform(scale, 0, 0, scale, 0, 0);
    const shift = this.shift();
    draw(ctx, figure, this.palette(), shift);
    this.drawMarks(ctx, shift);
    this.drawCursor(ctx, shift);
  }

  /** Where an instant is on the frame. */
  px(ns, shift) {
    const { frame, window_ns: [from, to] } = this.figure;
    const px = ((ns - from) / (to - from)) * frame.width;
    return Math.min(Math.max(shift ? shift(px) : px, 0), frame.width);
  }

  /** What is selected, and what a search found. */
  drawMarks(ctx, shift) {
    if (!this.figure.window_ns) return;
    const { frame } = this.figure;
    const palette = this.palette();
    if (this.select) {
      const [from, to] = [this.px(this.select.from, shift), this.px(this.select.to, shift)];
      ctx.globalAlpha = 0.16;
      ctx.fillStyle = palette.text;
      ctx.fillRect(frame.left + from, frame.top, to - from, frame.height);
      ctx.globalAlpha = 1;
      ctx.strokeStyle = palette.text;
      ctx.lineWidth = 1;
      ctx.strokeRect(Math.round(frame.left + from) + 0.5, frame.top + 0.5, Math.round(to - from), frame.height - 1);
    }
    this.found.forEach(({ from, to }, i) => {
      const [begin, end] = [this.px(from, shift), this.px(to, shift)];
      if (end <= 0 || begin >= frame.width) return;
      ctx.fillStyle = i === 0 ? '#e5383b' : palette.text;
      ctx.fillRect(frame.left + begin, frame.top + frame.height - 3, Math.max(end - begin, 2), 3);
      if (i > 0) return;
      ctx.fillRect(frame.left + begin, frame.top, 1, frame.height);
      ctx.fillRect(frame.left + end, frame.top, 1, frame.height);
    });
  }

  /** The instant that is shown, on an axis of time; what came after it is veiled. */
  drawCursor(ctx, shift) {
    const { frame, window_ns: shown } = this.figure;
    if (this.at === null || !shown) return;
    const x = this.px(this.at, shift);
    const { background, text } = this.palette();
    ctx.globalAlpha = 0.72;
    ctx.fillStyle = background;
    ctx.fillRect(frame.left + x, frame.top, frame.width - x, frame.height);
    ctx.globalAlpha = 1;
    ctx.fillStyle = text;
    if (x > 0 && x < frame.width) ctx.fillRect(Math.round(frame.left + x) - 1, frame.top, 1.5, frame.height);
  }

  /** Moves the cursor at once; what else the instant changes comes with the next figures. */
  lookAt(at) {
    this.at = at;
    if (this.figure?.window_ns) this.redraw();
  }

  /** How the figure is stretched until the one that was asked for is here. */
  shift() {
    const have = this.figure.window_ns;
    const want = this.window;
    if (!have || !want || (want.from === have[0] && want.to === have[1])) return null;
    const width = this.figure.frame.width;
    const ns = (have[1] - have[0]) / width;
    return (x) => ((have[0] + x * ns - want.from) / (want.to - want.from)) * width;
  }

  /** The window that is looked at. @returns {TimeWindow | null} */
  looking() {
    if (this.window) return this.window;
    const have = this.figure?.window_ns;
    return have ? { from: have[0], to: have[1] } : null;
  }

  /**
   * Zooms by `factor` (below 1: in) around a pixel of the frame.
   * @param {number} factor
   * @param {number} px
   */
  zoom(factor, px = this.figure.frame.width / 2) {
    const now = this.looking();
    if (!now) return;
    const span = now.to - now.from;
    const next = Math.max(span * factor, SPAN_NS_MIN);
    const at = now.from + (span * px) / this.figure.frame.width;
    this.go(at - (next * px) / this.figure.frame.width, next);
  }

  /** Moves by pixels of the frame. @param {number} px */
  pan(px) {
    const now = this.looking();
    if (!now) return;
    const span = now.to - now.from;
    this.go(now.from + (px * span) / this.figure.frame.width, span);
  }

  /** Looks at `span` ns from `from` on, within what there is. */
  go(from, span) {
    const end = this.end;
    if (span >= end) return this.all();
    const begin = Math.min(Math.max(from, 0), end - span);
    this.window = { from: Math.round(begin), to: Math.round(begin + span) };
    this.redraw();
    this.zoomed(this.window);
  }

  /** Back to the whole run, which follows LIVE. */
  all() {
    this.window = null;
    this.zoomed(null);
  }

  listen() {
    const { canvas } = this;
    canvas.addEventListener('wheel', (event) => this.wheel(event), { passive: false });
    canvas.addEventListener('dblclick', () => {
      clearTimeout(this.opening);
      this.all();
    });
    canvas.addEventListener('pointerdown', (event) => this.press(event));
    canvas.addEventListener('pointermove', (event) => this.move(event));
    canvas.addEventListener('pointerup', (event) => this.release(event));
    canvas.addEventListener('pointercancel', () => (this.pressed = this.dragged = this.selecting = null));
    canvas.addEventListener('pointerleave', () => this.leave());
    canvas.addEventListener('keydown', (event) => this.key(event));
    const acts = {
      in: () => this.zoom(1 / ZOOM_STEP),
      out: () => this.zoom(ZOOM_STEP),
      all: () => this.all(),
    };
    for (const [act, run] of Object.entries(acts)) {
      find(this.section, `[data-act="${act}"]`).addEventListener('click', run);
    }
  }

  wheel(event) {
    if (!this.figure?.window_ns) return;
    event.preventDefault();
    // Lines and pages, as some mice count, into pixels.
    const unit = [1, 16, 400][event.deltaMode];
    if (Math.abs(event.deltaX) > Math.abs(event.deltaY) || event.shiftKey) {
      this.pan((event.deltaX || event.deltaY) * unit);
    } else {
      this.zoom(Math.exp((event.deltaY * unit) / 400), this.frameX(event));
    }
  }

  press(event) {
    clearTimeout(this.opening);
    if (event.button !== 0 || !this.figure?.window_ns) return;
    this.canvas.setPointerCapture(event.pointerId);
    this.pressed = event.clientX;
    if (event.shiftKey) this.selecting = this.instant(event);
    else this.dragged = event.clientX;
  }

  /** The instant under the pointer, in ns. */
  instant(event) {
    const { from, to } = this.looking();
    return from + (this.frameX(event) / this.figure.frame.width) * (to - from);
  }

  /** What was pressed is released: a click, if the pointer stayed where it was. */
  release(event) {
    const isClick = this.pressed != null && Math.abs(event.clientX - this.pressed) < 3;
    const isSelecting = this.selecting != null;
    this.pressed = this.dragged = this.selecting = null;
    if (isClick && isSelecting) this.selected(null);
    // A second click makes it a double click, which means something else.
    else if (isClick) this.opening = setTimeout(() => this.open(event), DOUBLE_CLICK_MS);
  }

  /** Opens the story of the task under the pointer. */
  async open(event) {
    const { x, y } = this.place(event);
    const label = this.figure && labelAt(this.figure, x, y);
    if (!label || !this.figure.window_ns) return;
    const at = this.instant(event);
    const { from, to } = this.looking();
    const px = ((to - from) / this.figure.frame.width) * 2;
    const query = new URLSearchParams({ from: String(Math.max(Math.round(at - px), 0)), to: String(Math.round(at + px)), label });
    const answer = await fetch(`${ROOT}api/task-at?${query}`);
    if (answer.ok) location.assign(`${ROOT}task/${(await answer.json()).task}${location.search}`);
  }

  move(event) {
    if (this.selecting != null) {
      const ends = [this.selecting, this.instant(event)].sort((a, b) => a - b).map(Math.round);
      if (ends[1] > ends[0]) this.selected({ from: ends[0], to: ends[1] });
      hideTip();
    } else if (this.dragged != null) {
      this.pan(this.dragged - event.clientX);
      this.dragged = event.clientX;
      hideTip();
    } else {
      this.pointer = event;
      this.hover(event);
    }
  }

  hover(event) {
    const { x, y } = this.place(event);
    const label = this.figure && labelAt(this.figure, x, y);
    if (label) showTip(label, event.clientX, event.clientY);
    else hideTip();
  }

  leave() {
    this.pointer = null;
    hideTip();
  }

  key(event) {
    if (!this.figure?.window_ns || event.ctrlKey || event.metaKey || event.altKey) return;
    const step = this.figure.frame.width / 8;
    const acts = {
      '+': () => this.zoom(1 / ZOOM_STEP),
      '=': () => this.zoom(1 / ZOOM_STEP),
      '-': () => this.zoom(ZOOM_STEP),
      0: () => this.all(),
      Escape: () => this.all(),
      ArrowLeft: () => this.pan(-step),
      ArrowRight: () => this.pan(step),
    };
    const act = acts[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  }

  place(event) {
    const { left, top } = this.canvas.getBoundingClientRect();
    return { x: event.clientX - left, y: event.clientY - top };
  }

  frameX(event) {
    const { left, width } = this.figure.frame;
    return Math.min(Math.max(this.place(event).x - left, 0), width);
  }
}

/** @returns {HTMLElement} */
function find(section, selector) {
  const found = section.querySelector(selector);
  if (!found) throw new Error(`the panel has no ${selector}`);
  return found;
}
