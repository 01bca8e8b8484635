// The live channel: says what the page looks at, and hands on what comes back. It connects again
// by itself, so a viewer that was restarted is picked up.

/**
 * @typedef {{from: number, to: number}} TimeWindow in ns since the run began
 * @typedef {{plots: {id: string, width: number, height: number}[], window: TimeWindow | null,
 *            at: string | null, tables: string[]}} Look
 */

import { ROOT } from './page.js';

const RETRY_MS_MIN = 500;
const RETRY_MS_MAX = 8000;

export class Live {
  /**
   * @param {(frame: any) => void} received
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
    this.connect();
  }

  connect() {
    // Relative, so that it works behind a path prefix.
    const url = new URL(`${ROOT}ws`, location.href);
    url.protocol = url.protocol.replace('http', 'ws');
    this.socket = new WebSocket(url);
    this.socket.addEventListener('open', () => {
      this.retryMs = RETRY_MS_MIN;
      this.sent = '';
      this.isAnswered = true;
      this.wasConnected = true;
      this.send();
    });
    this.socket.addEventListener('message', (message) => {
      this.isAnswered = true;
      this.received(JSON.parse(message.data));
      this.send();
    });
    this.socket.addEventListener('close', () => {
      this.closed(this.wasConnected);
      setTimeout(() => this.connect(), this.retryMs);
      this.retryMs = Math.min(this.retryMs * 2, RETRY_MS_MAX);
    });
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
    if (!this.wanted || !this.isAnswered || this.socket.readyState !== WebSocket.OPEN) return;
    const text = JSON.stringify(this.wanted);
    if (text === this.sent) return;
    this.sent = text;
    this.isAnswered = false;
    this.socket.send(text);
  }
}
