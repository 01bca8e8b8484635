// A figure on a canvas: how large it is, when it is drawn again, and what lies under the pointer. The
// plots (panel.js) and the strip below them (time.js) are such.

import { draw, labelAt } from './glyphs.js';
import { hideTip, showTip } from './page.js';

/**
 * @typedef {import('./glyphs.js').Figure} Figure
 * @typedef {import('./glyphs.js').Palette} Palette
 * @typedef {CanvasRenderingContext2D} Context
 */

export class Canvas {
  /**
   * @param {HTMLCanvasElement} canvas @param {HTMLElement} box the place that figures are to fill
   * @param {() => Palette} palette @param {() => void} resized told when the place has another size
   */
  constructor(canvas, box, palette, resized) {
    this.canvas = canvas;
    this.box = box;
    this.palette = palette;
    /** @type {Figure | null} */
    this.figure = null;
    this.isDue = false;
    new ResizeObserver(resized).observe(box);
  }

  /** The place it has, in CSS pixels. */
  size() {
    return { width: this.box.clientWidth, height: this.box.clientHeight };
  }

  /** Shows another figure. @param {Figure} figure */
  take(figure) {
    this.figure = figure;
    this.redraw();
  }

  /** Draws with the next frame of the screen. */
  redraw() {
    if (this.isDue) return;
    this.isDue = true;
    requestAnimationFrame(() => {
      this.isDue = false;
      if (this.figure) this.draw(this.figure);
    });
  }

  /** @param {Figure} figure */
  draw(figure) {
    const { canvas } = this;
    const scale = devicePixelRatio || 1;
    const [width, height] = [figure.width_px, figure.height_px].map((px) => Math.round(px * scale));
    if (canvas.width !== width || canvas.height !== height) {
      Object.assign(canvas, { width, height });
      // Set from here, since the figure may be a moment older than the place it has.
      canvas.style.width = `${figure.width_px}px`;
      canvas.style.height = `${figure.height_px}px`;
    }
    const ctx = canvas.getContext('2d', { alpha: false });
    if (!ctx) return;
    ctx.setTransform(scale, 0, 0, scale, 0, 0);
    const palette = this.palette();
    draw(ctx, figure, palette, this.stretch());
    this.drawOver(ctx, figure, palette);
  }

  /** How the figure's axis of time is moved and stretched. @returns {import('./glyphs.js').Stretch | null} */
  stretch() {
    return null;
  }

  /** What lies over the figure. @param {Context} _ctx @param {Figure} _figure @param {Palette} _palette */
  drawOver(_ctx, _figure, _palette) {}

  /** What lies under the pointer, if anything. @param {MouseEvent} event */
  label({ clientX, clientY }) {
    const { left, top } = this.canvas.getBoundingClientRect();
    return this.figure && labelAt(this.figure, clientX - left, clientY - top, this.stretch());
  }

  /** Says what lies under the pointer. @param {MouseEvent} event */
  hover(event) {
    const label = this.label(event);
    if (label) showTip(label, event.clientX, event.clientY);
    else hideTip();
  }
}
