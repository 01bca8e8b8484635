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
   * @param {() => void} resized
   */
  constructor(palette, look, resized) {
    this.palette = palette;
    this.lookAt = look;
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
    new ResizeObserver(resized).observe(this.canvas.parentElement);
    this.listen();
  }

  /** The place of the strip, in CSS pixels. */
  size() {
    const { clientWidth, clientHeight } = this.canvas.parentElement;
    return { width: clientWidth, height: clientHeight };
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
    for (const [id, at] of [
      ['trouble-before', words.jumps.trouble[0]],
      ['trouble-after', words.jumps.trouble[1]],
    ]) {
      /** @type {HTMLButtonElement} */ (byId(id)).disabled = at === null;
    }
    const { canvas } = this;
    canvas.setAttribute('aria-valuemax', String(words.end_ns / 1e9));
    canvas.setAttribute('aria-valuenow', String(words.now_ns / 1e9));
    canvas.setAttribute('aria-valuetext', isPast ? `${seconds(words.now_ns)}, event ${words.seq}` : isLive ? 'live' : 'the end');
    this.redraw();
  }

  redraw() {
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
    const at = Math.round(this.px(this.at ?? figure.window_ns[1]));
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
    const { frame, window_ns: [from, to] } = this.figure;
    return frame.left + ((ns - from) / (to - from)) * frame.width;
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
    const at = (this.at ?? 0) + passed * 1e6 * Number(this.speed.value);
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
    const { left, width } = this.figure.frame;
    const x = event.clientX - this.canvas.getBoundingClientRect().left - left;
    const [from, to] = this.figure.window_ns;
    this.go(x >= width - LIVE_PX ? null : from + (Math.max(x, 0) / width) * (to - from));
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
