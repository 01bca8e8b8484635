// Showing one prefix or one worker only: two menus on each plot with lanes.

/**
 * @typedef {{prefixes: string[], workers: [number, string][]}} Names what one can filter by
 * @typedef {{prefix: string | null, worker: number | null}} Filter
 */

export class Filters {
  /** @param {(filter: Filter) => void} changed */
  constructor(changed) {
    /** @type {Filter} */
    this.filter = { prefix: null, worker: null };
    this.known = '';
    for (const select of menus()) {
      select.addEventListener('change', () => {
        const value = select.value === '' ? null : select.value;
        if (select.dataset.filter === 'worker') this.filter.worker = value === null ? null : Number(value);
        else this.filter.prefix = value;
        changed(this.filter);
      });
    }
  }

  /** @param {Filter} filter */
  show({ prefix, worker }) {
    this.filter = { prefix, worker };
    for (const select of menus()) {
      const value = String((select.dataset.filter === 'worker' ? worker : prefix) ?? '');
      // A name of a link that is not, or not yet, known here.
      if (![...select.options].some((option) => option.value === value)) select.append(new Option(value, value));
      select.value = value;
      select.dataset.active = String(value !== '');
    }
  }

  /** Fills the menus. @param {Names | undefined} names */
  offer(names) {
    const text = JSON.stringify(names);
    if (!names || text === this.known) return;
    this.known = text;
    for (const select of menus()) {
      const isWorker = select.dataset.filter === 'worker';
      /** @type {[string | number, string][]} */
      const offered = isWorker ? names.workers : names.prefixes.map((name) => [name, name]);
      const options = offered.map(([value, name]) => new Option(name, String(value)));
      select.replaceChildren(new Option(isWorker ? 'all workers' : 'all prefixes', ''), ...options);
    }
    this.show(this.filter);
  }
}

/** @returns {NodeListOf<HTMLSelectElement>} */
function menus() {
  return document.querySelectorAll('select[data-filter]');
}
