// Search by key, and statistics of a selected stretch of time.

import { byId, fill, ROOT, setText } from './page.js';

/**
 * @typedef {import('./live.js').TimeWindow} TimeWindow
 * @typedef {{task: number, key: string, start_ns: number, stop_ns: number | null}} Found
 */

/** Room around what was found, in its own lengths. */
const ROOM = 4;

export class Finder {
  /** @param {(found: TimeWindow[], window: TimeWindow | null) => void} show marks what was found and looks there */
  constructor(show) {
    this.show = show;
    this.field = /** @type {HTMLInputElement} */ (byId('find'));
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
    const answer = await fetch(`${ROOT}api/find?${new URLSearchParams({ key: text })}`);
    if (!answer.ok) return;
    this.text = text;
    this.matches = await answer.json();
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
    const span = ({ start_ns: from, stop_ns: to }) => ({ from, to: to ?? Number.MAX_SAFE_INTEGER });
    const { from, to } = span(at);
    const room = ROOM * Math.max(Math.min(to - from, 10e9), 1e5);
    setText('found', `${this.index + 1} of ${total}: ${at.key}`);
    const others = first.filter((_, i) => i !== this.index);
    const end = Math.min(to, from + room);
    this.show([span(at), ...others.map(span)], { from: Math.max(Math.round(from - room), 0), to: Math.round(end + room) });
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
    /** @type {TimeWindow | null} */
    this.select = null;
    this.prefix = '';
    byId('unselect').addEventListener('click', closed);
    const prefix = /** @type {HTMLSelectElement} */ (byId('select-prefix'));
    prefix.addEventListener('change', () => {
      this.prefix = prefix.value;
      this.ask();
    });
  }

  /** @param {TimeWindow | null} select */
  show(select) {
    this.select = select;
    byId('selection').hidden = select === null;
    // While one drags, one question at a time.
    if (select && !this.isAsking) this.ask();
  }

  async ask() {
    if (!this.select) return;
    const { from, to } = this.select;
    this.isAsking = true;
    const query = new URLSearchParams({ from: String(from), to: String(to) });
    if (this.prefix) query.set('prefix', this.prefix);
    const answer = await fetch(`${ROOT}api/selection?${query}`).catch(() => null);
    this.isAsking = false;
    if (answer?.ok) this.fill(await answer.json());
    if (this.select && (this.select.from !== from || this.select.to !== to)) this.ask();
  }

  fill({ from_ns: from, to_ns: to, all, idle_share: idle, prefixes }) {
    setText('selection-span', `${time(to - from)}, from ${time(from)} to ${time(to)}`);
    setText('selection-idle', `${(100 * idle).toFixed(1)} % of the slots' time ${this.prefix ? 'not on these' : 'idle'}`);
    fill(byId('selection-table'), [all, ...prefixes].map(cells));
    const select = /** @type {HTMLSelectElement} */ (byId('select-prefix'));
    if (this.prefix) return;
    const names = prefixes.map((share) => share.name);
    select.replaceChildren(new Option('all prefixes', ''), ...names.map((name) => new Option(name, name)));
  }
}

function cells({ name, count, failed, total_ns: total, p50_ns: p50, p95_ns: p95, bytes }) {
  return [name, count.toLocaleString('en-US'), String(failed), time(total), time(p50), time(p95), size(bytes)];
}

/** @param {number} ns */
function time(ns) {
  if (ns < 1e6) return `${(ns / 1e3).toFixed(0)} µs`;
  return ns < 1e9 ? `${(ns / 1e6).toFixed(1)} ms` : `${(ns / 1e9).toFixed(2)} s`;
}

/** @param {number} bytes */
function size(bytes) {
  const unit = Math.min(Math.floor(Math.log2(Math.max(bytes, 1)) / 10), 4);
  return `${(bytes / 1024 ** unit).toFixed(unit && 1)} ${['B', 'KiB', 'MiB', 'GiB', 'TiB'][unit]}`;
}
