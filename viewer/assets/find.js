// Search by key, and statistics of a selected stretch of time.

import { byId, fill, getJson, setText, time } from './page.js';

/**
 * @typedef {import('./live.js').TimeWindow} TimeWindow
 * @typedef {import('./marks.js').Found} Found
 * @typedef {import('./filter.js').Filter} Filter
 * @typedef {{name: string, count: number, failed: number, total_ns: number, p50_ns: number, p95_ns: number,
 *            bytes: number}} Share
 */

/** Room around what was found, in its own lengths. */
const ROOM = 4;

export class Finder {
  /** @param {(found: Found[], window: TimeWindow | null) => void} show marks what was found and looks there */
  constructor(show) {
    this.show = show;
    this.field = byId('find', HTMLInputElement);
    this.text = '';
    /** @type {{total: number, first: Found[]}} */
    this.matches = { total: 0, first: [] };
    this.index = 0;
    byId('finder').hidden = false;
    byId('finder').addEventListener('submit', (event) => {
      event.preventDefault();
      this.search();
    });
    this.field.addEventListener('keydown', (event) => {
      if (event.key === 'Escape') this.clear();
    });
    this.field.addEventListener('input', () => {
      if (this.field.value === '') this.clear();
    });
  }

  async search() {
    const text = this.field.value.trim();
    if (text === '') return this.clear();
    // Enter again goes on to the next.
    if (text === this.text) return this.step(1);
    const matches = await getJson('api/find', { key: text });
    if (!matches) return;
    this.text = text;
    this.matches = matches;
    this.index = 0;
    this.step(0);
  }

  /** @param {number} n matches further */
  step(n) {
    const { first, total } = this.matches;
    if (first.length === 0) {
      setText('found', this.text ? 'none' : '');
      return this.show([], null);
    }
    this.index = (this.index + n + first.length) % first.length;
    const at = first[this.index];
    const [from, to] = [at.start_ns, at.stop_ns ?? Number.MAX_SAFE_INTEGER];
    const room = ROOM * Math.max(Math.min(to - from, 10e9), 1e5);
    setText('found', `${this.index + 1} of ${total}: ${at.key}`);
    const others = first.filter((_, i) => i !== this.index);
    const end = Math.min(to, from + room);
    this.show([at, ...others], { from: Math.max(Math.round(from - room), 0), to: Math.round(end + room) });
  }

  clear() {
    this.field.value = '';
    this.text = '';
    this.matches = { total: 0, first: [] };
    this.step(0);
    this.field.blur();
  }
}

/** Statistics of what is selected, beside the plots. */
export class Statistics {
  /** @param {() => void} closed */
  constructor(closed) {
    /** What is to be asked. @type {Record<string, string> | null} */
    this.wanted = null;
    this.isAsking = false;
    byId('unselect').addEventListener('click', closed);
  }

  /** @param {TimeWindow | null} select @param {Filter} filter */
  show(select, { prefix, worker }) {
    byId('selection').hidden = select === null;
    const said = Object.entries({ ...select, prefix, worker }).filter(([, value]) => value !== null);
    this.wanted = select && Object.fromEntries(said.map(([name, value]) => [name, String(value)]));
    // While one drags, one question at a time.
    if (!this.isAsking) this.ask();
  }

  async ask() {
    this.isAsking = true;
    for (let asked = null; this.wanted && this.wanted !== asked; ) {
      asked = this.wanted;
      const answer = await getJson('api/selection', asked);
      if (answer) tell(answer, 'prefix' in asked);
    }
    this.isAsking = false;
  }
}

/**
 * @param {{from_ns: number, to_ns: number, all: Share, idle_share: number, prefixes: Share[]}} statistics
 * @param {boolean} isOfPrefix
 */
function tell({ from_ns: from, to_ns: to, all, idle_share: idle, prefixes }, isOfPrefix) {
  setText('selection-span', `${time(to - from)}, from ${time(from)} to ${time(to)}`);
  setText('selection-idle', `${(100 * idle).toFixed(1)} % of the slots' time ${isOfPrefix ? 'not on these' : 'idle'}`);
  fill(byId('selection-table', HTMLTableElement), [all, ...prefixes].map(cells));
}

/** @param {Share} share */
function cells({ name, count, failed, total_ns: total, p50_ns: p50, p95_ns: p95, bytes }) {
  return [name, count.toLocaleString('en-US'), String(failed), time(total), time(p50), time(p95), size(bytes)];
}

/** @param {number} bytes */
function size(bytes) {
  const unit = Math.min(Math.floor(Math.log2(Math.max(bytes, 1)) / 10), 4);
  return `${(bytes / 1024 ** unit).toFixed(unit && 1)} ${['B', 'KiB', 'MiB', 'GiB', 'TiB'][unit]}`;
}
