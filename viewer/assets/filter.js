// Showing one prefix or one worker only: two menus on each plot with lanes.

import { findAll } from './page.js';

/**
 * @typedef {{prefixes: string[], workers: [number, string][]}} Names what one can filter by
 * @typedef {{prefix: string | null, worker: number | null}} Filter
 */

/** What the menus say. */
let shown = '';

/** @param {(only: Partial<Filter>) => void} changed */
export function listen(changed) {
  document.addEventListener('change', ({ target }) => {
    if (!(target instanceof HTMLSelectElement) || !target.dataset.filter) return;
    const { value, dataset: { filter } } = target;
    changed({ [filter]: value === '' ? null : filter === 'worker' ? Number(value) : value });
  });
}

/** Brings the menus to what there is, and what is chosen of it. @param {Names} names @param {Filter} filter */
export function show(names, { prefix, worker }) {
  const text = JSON.stringify([names, prefix, worker]);
  if (text === shown) return;
  shown = text;
  for (const menu of findAll('select[data-filter]', HTMLSelectElement)) {
    const isWorker = menu.dataset.filter === 'worker';
    const value = String((isWorker ? worker : prefix) ?? '');
    /** @type {[string | number, string][]} */
    const offered = isWorker ? names.workers : names.prefixes.map((name) => [name, name]);
    const options = offered.map(([value, name]) => new Option(name, String(value)));
    options.unshift(new Option(isWorker ? 'all workers' : 'all prefixes', ''));
    // A name of a link that is not, or not yet, known here.
    if (!options.some((option) => option.value === value)) options.push(new Option(value, value));
    menu.replaceChildren(...options);
    menu.value = value;
    menu.dataset.active = String(value !== '');
  }
}
