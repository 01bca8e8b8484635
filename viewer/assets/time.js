// The scrubber below every page: the whole run as a strip, and which instant of it is shown.

import { draw, labelAt } from './glyphs.js';
import { byId, hideTip, setText, showTip } from './page.js';

/** @typedef {import('./glyphs.js').Figure} Figure */

/** A frame of playing at speed 1, in ns. */
const FRAME_NS = 40e6;
/** Nearer to the right end than this is LIVE, in pixels. */
const LIVE_PX = 5;

export class Scrubber {
  /**
   * @param {() => import('./glyphs.js').Palette} palette
   * @param {(at: string | null) => void} look shows an instant; `null`: the newest
   * @param {(isFolded: boolean) => void} fold idle stretches are folded, or not any more
   * @param {() => void} resized
   */
  constructor(palette, look, fold, resized) {
    this.palette = palette;
    this.lookAt = look;
    this.folded = fold;
    this.isFolded = false;
    this.isDue = false;
    this.canvas = /** @type {HTMLCanvasElement} */ (byId('strip'));
    this.speed = /** @type {HTMLSelectElement} */ (byId('speed'));
    /** The instant that is shown or asked for, in ns; `null`: the newest. @type {number | null} */
    this.at = null;
    /** @type {Figure | null} */
    this.figure = null;
    /** @type {import('./page.js').Words | null} */
    this.words = null;
    /** @type {import('./live.js').TimeWindow | null} */
    this.window = null;
    /** When the last step of playing was made. @type {number | null} */
    this.playedAt = null;
    byId('time').hidden = false;
    this.box = /** @type {HTMLElement} */ (this.canvas.parentElement);
    new ResizeObserver(resized).observe(this.box);
    this.listen();
  }

  /** The place of the strip, in CSS pixels. */
  size() {
    return { width: this.box.clientWidth, height: this.box.clientHeight };
  }

  /**
   * @param {Figure | undefined} figure
   * @param {import('./page.js').Words} words
   * @param {import('./live.js').TimeWindow | null} window what the other plots show
   */
  show(figure, words, window) {
    this.figure = figure ?? this.figure;
    this.words = words;
    this.window = window;
    const isPast = words.kind === 'past';
    // While one drags or plays, the answer is behind what is asked for.
    if (this.dragged == null && this.playedAt == null) this.at = isPast ? words.now_ns : null;
    const isLive = words.run_kind === 'live' || words.run_kind === 'reading';
    setText('go-live', isLive ? 'LIVE' : 'END');
    byId('go-live').setAttribute('aria-pressed', String(!isPast));
    byId('time').dataset.past = String(isPast);
    byId('shown-at').hidden = !isPast;
    setText('shown-at', isPast ? `${seconds(words.now_ns)} of ${seconds(words.end_ns)}` : '');
    for (const [id, at] of /** @type {[string, number | null][]} */ ([
      ['trouble-before', words.jumps.trouble[0]],
      ['trouble-after', words.jumps.trouble[1]],
    ])) {
      /** @type {HTMLButtonElement} */ (byId(id)).disabled = at === null;
    }
    const { canvas } = this;
    canvas.setAttribute('aria-valuemax', String(words.end_ns / 1e9));
    canvas.setAttribute('aria-valuenow', String(words.now_ns / 1e9));
    canvas.setAttribute('aria-valuetext', isPast ? `${seconds(words.now_ns)}, event ${words.seq}` : isLive ? 'live' : 'the end');
    this.redraw();
  }

  /** Draws with the next frame of the screen. */
  redraw() {
    if (this.isDue) return;
    this.isDue = true;
    requestAnimationFrame(() => {
      this.isDue = false;
      this.draw();
    });
  }

  draw() {
    const { figure, canvas } = this;
    if (!figure) return;
    const scale = devicePixelRatio || 1;
    const [width, height] = [figure.width_px, figure.height_px].map((px) => Math.round(px * scale));
    if (canvas.width !== width || canvas.height !== height) {
      Object.assign(canvas, { width, height });
      canvas.style.width = `${figure.width_px}px`;
      canvas.style.height = `${figure.height_px}px`;
    }
    const ctx = canvas.getContext('2d', { alpha: false });
    if (!ctx) return;
    const palette = this.palette();
    ctx.setTransform(scale, 0, 0, scale, 0, 0);
    draw(ctx, figure, palette);
    const { left, top, width: frame, height: tall } = figure.frame;
    if (this.window) {
      const [from, to] = [this.px(this.window.from), this.px(this.window.to)];
      ctx.globalAlpha = 0.6;
      ctx.fillStyle = palette.background;
      ctx.fillRect(left, top, Math.max(from - left, 0), tall);
      ctx.fillRect(to, top, Math.max(left + frame - to, 0), tall);
      ctx.globalAlpha = 1;
      ctx.strokeStyle = palette.muted;
      ctx.strokeRect(Math.round(from) + 0.5, top + 0.5, Math.max(Math.round(to - from), 2), tall - 1);
    }
    const at = Math.round(this.px(this.at ?? figure.window_ns?.[1] ?? 0));
    ctx.fillStyle = palette.text;
    ctx.fillRect(at - 1, top, 2, tall + 4);
    ctx.beginPath();
    ctx.moveTo(at - 5, top);
    ctx.lineTo(at + 5, top);
    ctx.lineTo(at, top + 7);
    ctx.fill();
  }

  /** Where an instant is on the canvas. @param {number} ns */
  px(ns) {
    const frame = this.figure?.frame ?? { left: 0, width: 0 };
    const piece = this.pieces().find((piece) => ns <= piece.to) ?? this.pieces().at(-1);
    if (!piece) return frame.left;
    const share = (ns - piece.from) / Math.max(piece.to - piece.from, 1);
    return frame.left + piece.px + Math.min(Math.max(share, 0), 1) * piece.width;
  }

  /** The instant at a pixel of the frame. @param {number} px */
  instant(px) {
    const piece = this.pieces().find((piece) => px <= piece.px + piece.width) ?? this.pieces().at(-1);
    if (!piece) return 0;
    return piece.from + (Math.max(px - piece.px, 0) / Math.max(piece.width, 1)) * (piece.to - piece.from);
  }

  /** The stretches of the strip, from left to right: folded ones are narrow, whatever they hold. */
  pieces() {
    const { figure } = this;
    if (!figure?.window_ns) return [];
    const [first, last] = figure.window_ns;
    const pieces = [];
    let [from, px] = [first, 0];
    for (const gap of figure.gaps ?? []) {
      pieces.push({ from, to: gap.from_ns, px, width: gap.px - px });
      pieces.push({ from: gap.from_ns, to: gap.to_ns, px: gap.px, width: gap.width_px });
      [from, px] = [gap.to_ns, gap.px + gap.width_px];
    }
    pieces.push({ from, to: last, px, width: figure.frame.width - px });
    return pieces;
  }

  /** Folds idle stretches, or unfolds them. @param {boolean} isFolded */
  folds(isFolded) {
    this.isFolded = isFolded;
    byId('fold').setAttribute('aria-pressed', String(isFolded));
    this.folded(isFolded);
  }

  /** The newest instant there is. */
  get end() {
    return this.words?.end_ns ?? 0;
  }

  /** Shows an instant. @param {number | null} ns */
  go(ns) {
    const isPast = ns !== null && ns < this.end;
    this.at = isPast ? Math.max(Math.round(ns), 0) : null;
    this.lookAt(isPast ? `${this.at}ns` : null);
    this.redraw();
  }

  live() {
    this.pause();
    this.go(null);
  }

  /** @param {number} n frames, to and fro */
  step(n) {
    this.pause();
    this.go((this.at ?? this.end) + n * FRAME_NS * Number(this.speed.value));
  }

  /** @param {1 | -1} n one event, to or fro */
  stepEvent(n) {
    this.pause();
    const last = (this.words?.seq ?? 0) - 1;
    if (last + n >= 0 && (n < 0 || this.at !== null)) this.lookAt(`event:${last + n}`);
  }

  /** @param {'trouble' | 'mark'} kind @param {0 | 1} side before or after */
  jump(kind, side) {
    this.pause();
    const at = this.words?.jumps[kind][side];
    if (at != null) this.go(at);
  }

  toggle() {
    if (this.playedAt !== null) return this.pause();
    // From the end there is nothing to play but the whole again.
    if (this.at === null) this.go(0);
    this.playedAt = performance.now();
    this.buttons();
    requestAnimationFrame((now) => this.play(now));
  }

  pause() {
    this.playedAt = null;
    this.buttons();
  }

  play(now) {
    if (this.playedAt === null) return;
    const passed = Math.max(now - this.playedAt, 0);
    this.playedAt = now;
    const next = (this.at ?? 0) + passed * 1e6 * Number(this.speed.value);
    // What is folded is passed over.
    const gap = this.figure?.gaps?.find((gap) => next > gap.from_ns && next < gap.to_ns);
    const at = gap ? gap.to_ns : next;
    if (at >= this.end) return this.live();
    this.go(at);
    requestAnimationFrame((next) => this.play(next));
  }

  buttons() {
    const isPlaying = this.playedAt !== null;
    byId('play').setAttribute('aria-label', isPlaying ? 'Pause' : 'Play');
    byId('play').dataset.playing = String(isPlaying);
  }

  listen() {
    const clicks = {
      'trouble-before': () => this.jump('trouble', 0),
      'event-before': () => this.stepEvent(-1),
      play: () => this.toggle(),
      'event-after': () => this.stepEvent(1),
      'trouble-after': () => this.jump('trouble', 1),
      'go-live': () => this.live(),
      fold: () => this.folds(!this.isFolded),
    };
    for (const [id, act] of Object.entries(clicks)) byId(id).addEventListener('click', act);
    const { canvas } = this;
    canvas.addEventListener('pointerdown', (event) => {
      if (event.button !== 0 || !this.figure) return;
      this.pause();
      this.dragged = event.pointerId;
      canvas.setPointerCapture(event.pointerId);
      this.drag(event);
    });
    canvas.addEventListener('pointermove', (event) => (this.dragged == null ? this.hover(event) : this.drag(event)));
    for (const type of ['pointerup', 'pointercancel']) canvas.addEventListener(type, () => (this.dragged = null));
    canvas.addEventListener('pointerleave', hideTip);
    canvas.addEventListener('keydown', (event) => this.key(event));
  }

  drag(event) {
    const { left, width } = this.figure?.frame ?? { left: 0, width: 0 };
    const x = event.clientX - this.canvas.getBoundingClientRect().left - left;
    this.go(x >= width - LIVE_PX ? null : this.instant(Math.max(x, 0)));
    hideTip();
  }

  hover(event) {
    if (!this.figure) return;
    const { left, top } = this.canvas.getBoundingClientRect();
    const label = labelAt(this.figure, event.clientX - left, event.clientY - top);
    if (label) showTip(label, event.clientX, event.clientY);
    else hideTip();
  }

  key(event) {
    const acts = {
      ArrowLeft: () => this.step(-1),
      ArrowRight: () => this.step(1),
      Home: () => this.go(0),
      End: () => this.live(),
    };
    const act = acts[event.key];
    if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    act();
  }
}

/** @param {number} ns */
function seconds(ns) {
  return `${(ns / 1e9).toFixed(3)} s`;
}
