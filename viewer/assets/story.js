// The task that was picked on a plot, and the critical path: what the page says of them.

import { byId, getJson, ROOT, setText, time } from './page.js';

/**
 * @typedef {import('./marks.js').Found} Found
 * @typedef {import('./marks.js').Relatives} Relatives
 */

/** While the run goes on, what is known of a task changes; asked for so often. */
const AGAIN_MS = 1000;
/** Most relatives that are listed; arrows lead to all. */
const LISTED_MAX = 8;

export class Story {
  /** @param {(picked: Relatives | null) => void} show @param {(task: number | null) => void} pick */
  constructor(show, pick) {
    this.show = show;
    this.pick = pick;
    /** @type {number | null} */
    this.task = null;
    this.askedAt = 0;
    byId('unpick').addEventListener('click', () => pick(null));
  }

  /** @param {number | null} task */
  async tell(task) {
    this.task = task;
    byId('story').hidden = task === null;
    if (task === null) return this.show(null);
    this.askedAt = performance.now();
    /** @type {Relatives | null} */
    const told = await getJson('api/relatives', { task: String(task) });
    if (this.task !== task) return;
    if (!told) return this.pick(null);
    this.fill(told);
    this.show(told);
  }

  /** The run has gone on. */
  again() {
    if (this.task !== null && performance.now() - this.askedAt > AGAIN_MS) this.tell(this.task);
  }

  /** @param {Relatives} told */
  fill({ task, key, runs, needs, needed_by: neededBy, n_more: more }) {
    setText('story-key', key);
    byId('story-link', HTMLAnchorElement).href = `${ROOT}task/${task}${location.search}`;
    const last = runs.at(-1);
    const ready = Math.max(...needs.map((other) => other.stop_ns ?? 0), 0);
    const waited = last && needs.length > 0 && last.start_ns > ready ? `, ${time(last.start_ns - ready)} after the last of what it waited for` : '';
    const ran = last && `ran ${last.stop_ns === null ? 'since' : `${time(last.stop_ns - last.start_ns)} from`} ${time(last.start_ns)} on${waited}`;
    const tries = runs.length > 1 ? `; ${runs.length} attempts` : '';
    setText('story-ran', `${ran ?? 'did not run yet'}${tries}`);
    this.list('story-needs', needs, more);
    this.list('story-needed-by', neededBy, more);
  }

  /** @param {string} id @param {Found[]} others @param {number} more */
  list(id, others, more) {
    const items = others.slice(0, LISTED_MAX).map((other) => {
      const button = document.createElement('button');
      button.type = 'button';
      button.textContent = other.key;
      button.addEventListener('click', () => this.pick(other.task));
      return button;
    });
    const rest = others.length - items.length + more;
    byId(id).replaceChildren(...items, items.length === 0 ? 'nothing' : rest > 0 ? `and ${rest} more` : '');
  }
}
