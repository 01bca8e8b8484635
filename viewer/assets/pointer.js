// What the pointer does on a plot: hover, zoom and pan of its axis of time, selecting a stretch of it,
// and picking a task.

import { getJson, hideTip } from './page.js';

const DOUBLE_CLICK_MS = 280;
/** Less than this is no movement. */
const STILL_PX = 3;

export class Pointer {
  /** @param {import('./panel.js').Panel} panel */
  constructor(panel) {
    this.panel = panel;
    const { canvas } = panel;
    /** Where it is, unless it is elsewhere. @type {MouseEvent | null} */
    this.at = null;
    /** Where it was pressed. @type {number | null} */
    this.pressed = null;
    /** Where it was when the plot was moved last. @type {number | null} */
    this.dragged = null;
    /** The instant where a selection began. @type {number | null} */
    this.selecting = null;
    canvas.addEventListener('wheel', (event) => this.wheel(event), { passive: false });
    canvas.addEventListener('dblclick', () => {
      clearTimeout(this.picking);
      panel.all();
    });
    canvas.addEventListener('pointerdown', (event) => this.press(event));
    canvas.addEventListener('pointermove', (event) => this.move(event));
    canvas.addEventListener('pointerup', (event) => this.release(event));
    canvas.addEventListener('pointercancel', () => (this.pressed = this.dragged = this.selecting = null));
    canvas.addEventListener('pointerleave', () => {
      this.at = null;
      hideTip();
    });
  }

  /** @param {WheelEvent} event */
  wheel(event) {
    const { panel } = this;
    if (!panel.isTimed) return;
    event.preventDefault();
    // Lines and pages, as some mice count, into pixels.
    const unit = [1, 16, 400][event.deltaMode];
    if (Math.abs(event.deltaX) > Math.abs(event.deltaY) || event.shiftKey) {
      panel.pan((event.deltaX || event.deltaY) * unit);
    } else {
      panel.zoom(Math.exp((event.deltaY * unit) / 400), this.frameX(event));
    }
  }

  /** @param {PointerEvent} event */
  press(event) {
    clearTimeout(this.picking);
    const { panel } = this;
    if (event.button !== 0 || !panel.isTimed) return;
    panel.canvas.setPointerCapture(event.pointerId);
    this.pressed = event.clientX;
    if (event.shiftKey) this.selecting = this.instant(event);
    else this.dragged = event.clientX;
  }

  /** @param {PointerEvent} event */
  move(event) {
    if (this.selecting != null) {
      const [from, to] = [this.selecting, this.instant(event)].sort((a, b) => a - b).map(Math.round);
      if (to > from) this.panel.page.select({ from, to });
      hideTip();
    } else if (this.dragged != null) {
      this.panel.pan(this.dragged - event.clientX);
      this.dragged = event.clientX;
      hideTip();
    } else {
      this.at = event;
      this.panel.hover(event);
    }
  }

  /** Another figure may lie under the pointer now. */
  hoverAgain() {
    if (this.at) this.panel.hover(this.at);
  }

  /** What was pressed is released: a click, if the pointer stayed where it was. @param {PointerEvent} event */
  release(event) {
    const isClick = this.pressed != null && Math.abs(event.clientX - this.pressed) < STILL_PX;
    const isSelecting = this.selecting != null;
    this.pressed = this.dragged = this.selecting = null;
    if (isClick && isSelecting) this.panel.page.select(null);
    // A second click makes it a double click, which means something else.
    else if (isClick) this.picking = setTimeout(() => this.pick(event), DOUBLE_CLICK_MS);
  }

  /** Picks the task under the pointer, or none. @param {MouseEvent} event */
  async pick(event) {
    const { panel } = this;
    if (!panel.hasLanes) return;
    const label = panel.label(event);
    if (!label) return panel.page.pick(null);
    const at = this.instant(event);
    const { from, to } = panel.looking() ?? { from: 0, to: 0 };
    const near = ((to - from) / panel.width) * 2;
    const around = { from: String(Math.max(Math.round(at - near), 0)), to: String(Math.round(at + near)) };
    const found = await getJson('api/task-at', { ...around, label });
    if (found) panel.page.pick(found.task);
  }

  /** The instant under the pointer, in ns. @param {MouseEvent} event */
  instant(event) {
    const { from, to } = this.panel.looking() ?? { from: 0, to: 0 };
    return from + (this.frameX(event) / this.panel.width) * (to - from);
  }

  /** Pixels from the frame's left edge, within it. @param {MouseEvent} event */
  frameX(event) {
    const { left } = this.panel.canvas.getBoundingClientRect();
    const x = event.clientX - left - (this.panel.figure?.frame.left ?? 0);
    return Math.min(Math.max(x, 0), this.panel.width);
  }
}
