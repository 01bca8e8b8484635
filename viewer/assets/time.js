// The scrubber below every page: the whole run as a strip, and which instant of it is shown.

import { Canvas } from './canvas.js';
import { byId, find, hideTip, setText } from './page.js';

/** @typedef {import('./glyphs.js').Figure} Figure */

/** A frame of playing at speed 1, in ns. */
const FRAME_NS = 40e6;
/** Nearer to the right end than this is LIVE, in pixels. */
const LIVE_PX = 5;

export class Scrubber extends Canvas {
  /**
   * @param {() => import('./glyphs.js').Palette} palette
   * @param {(at: string | null) => void} look shows an instant; `null`: the newest
   * @param {(isFolded: boolean) => void} fold idle stretches are folded, or not any more
   * @param {() => void} resized
   */
  constructor(palette, look, fold, resized) {
    super(byId('strip-picture', HTMLCanvasElement), find(byId('time'), '.strip'), palette, resized);
    this.lookAt = look;
    this.folded = fold;
    this.isFolded = false;
    this.speed = byId('speed', HTMLSelectElement);
    /** The instant that is shown or asked for, in ns; `null`: the newest. @type {number | null} */
    this.at = null;
    /** @type {import('./page.js').Words | null} */
    this.words = null;
    /** What the other plots show. @type {import('./live.js').TimeWindow | null} */
    this.window = null;
    /** Lies over the strip, and counts its pixels. */
    this.slider = byId('strip', HTMLInputElement);
    this.isDragged = false;
    /** When the last step of playing was made. @type {number | null} */
    this.playedAt = null;
    byId('time').hidden = false;
    this.listen();
  }

  /**
   * @param {Figure | undefined} figure @param {import('./page.js').Words} words
   * @param {import('./live.js').TimeWindow | null} window what the other plots show
   */
  show(figure, words, window) {
    if (figure) this.take(figure);
    this.words = words;
    this.window = window;
    const isPast = words.kind === 'past';
    // While one drags or plays, the answer is behind what is asked for.
    if (!this.isDragged && this.playedAt === null) this.at = isPast ? words.now_ns : null;
    const isLive = words.run_kind === 'live' || words.run_kind === 'reading';
    setText('go-live', isLive ? 'LIVE' : 'END');
    byId('go-live').setAttribute('aria-pressed', String(!isPast));
    byId('time').dataset.past = String(isPast);
    byId('shown-at').hidden = !isPast;
    setText('shown-at', isPast ? `${seconds(words.now_ns)} of ${seconds(words.end_ns)}` : '');
    byId('trouble-before', HTMLButtonElement).disabled = words.jumps.trouble[0] === null;
    byId('trouble-after', HTMLButtonElement).disabled = words.jumps.trouble[1] === null;
    this.place();
    this.slider.setAttribute('aria-valuetext', isPast ? `${seconds(words.now_ns)}, event ${words.seq}` : isLive ? 'live' : 'the end');
    this.redraw();
  }

  /** Brings the slider to where the strip is, and to the instant that is shown. */
  place() {
    const { frame } = this.figure ?? {};
    if (!frame || this.isDragged) return;
    Object.assign(this.slider.style, { left: `${frame.left}px`, width: `${frame.width}px` });
    Object.assign(this.slider, { max: frame.width, value: this.at === null ? frame.width : this.px(this.at) - frame.left });
  }

  /**
   * What the other plots do not show is veiled; a hand stands at the instant that is shown.
   * @param {CanvasRenderingContext2D} ctx @param {Figure} figure @param {import('./glyphs.js').Palette} palette
   */
  drawOver(ctx, figure, palette) {
    const { left, top, width, height } = figure.frame;
    if (this.window) {
      const [from, to] = [this.px(this.window.from), this.px(this.window.to)];
      ctx.globalAlpha = 0.6;
      ctx.fillStyle = palette.background;
      ctx.fillRect(left, top, Math.max(from - left, 0), height);
      ctx.fillRect(to, top, Math.max(left + width - to, 0), height);
      ctx.globalAlpha = 1;
      ctx.strokeStyle = palette.muted;
      ctx.strokeRect(Math.round(from) + 0.5, top + 0.5, Math.max(Math.round(to - from), 2), height - 1);
    }
    const at = Math.round(this.px(this.at ?? figure.window_ns?.[1] ?? 0));
    ctx.fillStyle = palette.text;
    ctx.fillRect(at - 1, top, 2, height + 4);
    ctx.beginPath();
    ctx.moveTo(at - 5, top);
    ctx.lineTo(at + 5, top);
    ctx.lineTo(at, top + 7);
    ctx.fill();
  }

  /** Where an instant is on the canvas. @param {number} ns */
  px(ns) {
    const pieces = this.pieces();
    const { from, to, px, width } = pieces.find((piece) => ns <= piece.to) ?? pieces[pieces.length - 1];
    const share = (ns - from) / Math.max(to - from, 1);
    return (this.figure?.frame.left ?? 0) + px + Math.min(Math.max(share, 0), 1) * width;
  }

  /** The instant at a pixel of the frame. @param {number} at */
  instant(at) {
    const pieces = this.pieces();
    const { from, to, px, width } = pieces.find((piece) => at <= piece.px + piece.width) ?? pieces[pieces.length - 1];
    return from + (Math.max(at - px, 0) / Math.max(width, 1)) * (to - from);
  }

  /** The stretches of the strip, from left to right: folded ones are narrow, whatever they hold. */
  pieces() {
    const { frame, window_ns: window, gaps } = this.figure ?? {};
    let [from, px] = [window?.[0] ?? 0, 0];
    const pieces = [];
    for (const gap of gaps ?? []) {
      pieces.push({ from, to: gap.from_ns, px, width: gap.px - px });
      pieces.push({ from: gap.from_ns, to: gap.to_ns, px: gap.px, width: gap.width_px });
      [from, px] = [gap.to_ns, gap.px + gap.width_px];
    }
    pieces.push({ from, to: window?.[1] ?? 0, px, width: (frame?.width ?? 0) - px });
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
    this.setPlayed(performance.now());
    requestAnimationFrame((now) => this.play(now));
  }

  pause() {
    this.setPlayed(null);
  }

  /** @param {number | null} now when it was played, `null`: it is not any more */
  setPlayed(now) {
    this.playedAt = now;
    byId('play').setAttribute('aria-label', now === null ? 'Play' : 'Pause');
    byId('play').dataset.playing = String(now !== null);
  }

  /** @param {number} now */
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

  listen() {
    const { slider } = this;
    slider.addEventListener('input', () => {
      this.pause();
      hideTip();
      const px = Number(slider.value);
      this.go(px >= Number(slider.max) - LIVE_PX ? null : this.instant(px));
    });
    slider.addEventListener('pointerdown', () => (this.isDragged = true));
    for (const type of ['pointerup', 'pointercancel']) slider.addEventListener(type, () => (this.isDragged = false));
    slider.addEventListener('pointermove', (event) => this.hover(event));
    slider.addEventListener('pointerleave', hideTip);
  }
}

/** @param {number} ns */
function seconds(ns) {
  return `${(ns / 1e9).toFixed(3)} s`;
}
