// The live channel: says what the page looks at, and hands on what comes back. It connects again
// by itself, so a viewer that was restarted is picked up.

import { ROOT } from './page.js';
import * as wire from './wire.js';

/**
 * @typedef {{from: number, to: number}} TimeWindow in ns since the run began
 * @typedef {{plots: {id: string, width: number, height: number}[], window: TimeWindow | null,
 *            at: string | null, prefix: string | null, worker: number | null, tables: string[]}} Look
 * @typedef {{words: import('./page.js').Words, names: import('./filter.js').Names | undefined,
 *            figures: Record<string, import('./glyphs.js').Figure>}} Frame
 *   `figures`: those that have changed
 */

const RETRY_MS_MIN = 500;
const RETRY_MS_MAX = 8000;

export class Live {
  /**
   * @param {(frame: Frame) => void} received
   * @param {(wasConnected: boolean) => void} closed told whether it ever was open
   */
  constructor(received, closed) {
    this.received = received;
    this.closed = closed;
    this.wasConnected = false;
    this.retryMs = RETRY_MS_MIN;
    /** @type {Look | null} */
    this.wanted = null;
    this.sent = '';
    this.isAnswered = true;
    /** What was said last: it is not said again until it changes. @type {Map<string, any>} */
    this.said = new Map();
    /** Messages are read one after the other. @type {Promise<void>} */
    this.reading = Promise.resolve();
    this.connect();
  }

  connect() {
    // Relative, so that it works behind a path prefix.
    const url = new URL(`${ROOT}ws`, location.href);
    url.protocol = url.protocol.replace('http', 'ws');
    const socket = new WebSocket(url);
    socket.binaryType = 'arraybuffer';
    this.socket = socket;
    socket.addEventListener('open', () => {
      this.retryMs = RETRY_MS_MIN;
      this.sent = '';
      this.isAnswered = true;
      this.wasConnected = true;
      this.send();
    });
    socket.addEventListener('message', ({ data }) => {
      this.reading = this.reading.then(() => this.take(data));
    });
    socket.addEventListener('close', () => {
      this.reading = this.reading.then(() => this.closed(this.wasConnected));
      setTimeout(() => this.connect(), this.retryMs);
      this.retryMs = Math.min(this.retryMs * 2, RETRY_MS_MAX);
    });
  }

  /** @param {ArrayBuffer} message */
  async take(message) {
    const parts = await wire.read(message);
    this.isAnswered = true;
    const figures = Object.fromEntries(parts);
    for (const id of ['words', 'names']) {
      if (parts.has(id)) this.said.set(id, parts.get(id));
      delete figures[id];
    }
    this.received({ words: this.said.get('words'), names: this.said.get('names'), figures });
    this.send();
  }

  /**
   * Asks for other plots, sizes or another window. While one question is under way the next waits,
   * and a newer one takes its place.
   * @param {Look} look
   */
  look(look) {
    this.wanted = look;
    this.send();
  }

  send() {
    if (!this.wanted || !this.isAnswered || this.socket?.readyState !== WebSocket.OPEN) return;
    const text = JSON.stringify(this.wanted);
    if (text === this.sent) return;
    this.sent = text;
    this.isAnswered = false;
    this.socket.send(text);
  }
}
