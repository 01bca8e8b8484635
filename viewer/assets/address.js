// What is looked at, kept in the address bar: a link shows somebody else the same page, instant,
// window, selection, task and filter. The links between pages carry it on.

/**
 * @typedef {import('./live.js').TimeWindow} TimeWindow
 * @typedef {{at: string | null, window: TimeWindow | null, select: TimeWindow | null, task: number | null,
 *            prefix: string | null, worker: number | null, path: boolean, fold: boolean}} Place
 *   `at` as `reel state --at` takes it: `12.3s`, `event:812`, `null`: the newest there is; `task`: the one
 *   that was picked; `prefix`, `worker`: nothing else is shown; `path`: the critical path is; `fold`: idle
 *   stretches are folded
 */

/** Browsers do not take addresses faster. */
const WRITE_MS = 250;

/** The worker that the page is about: nothing else is shown on it, and its links need not say so. */
const own = number(document.documentElement.dataset.worker ?? null);

/** What is to be written soon. @type {Place | null} */
let waiting = null;

for (const type of ['pointerdown', 'click']) document.addEventListener(type, carryOn, { capture: true });

/** @returns {Place} */
export function read() {
  const query = new URLSearchParams(location.search);
  return {
    at: query.get('at'),
    window: span(query.get('window')),
    select: span(query.get('select')),
    task: number(query.get('task')),
    prefix: query.get('prefix'),
    worker: own ?? number(query.get('worker')),
    path: query.has('path'),
    fold: query.has('fold'),
  };
}

/** @param {Place} place */
export function write(place) {
  if (!waiting) setTimeout(writeNow, WRITE_MS);
  waiting = place;
}

function writeNow() {
  if (!waiting) return;
  const { at, window, select, task, prefix, worker, path, fold } = waiting;
  waiting = null;
  const said = {
    at,
    window: window && `${window.from}-${window.to}`,
    select: select && `${select.from}-${select.to}`,
    task,
    prefix,
    worker: worker === own ? null : worker,
    path: path ? 1 : null,
    fold: fold ? 1 : null,
  };
  const query = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(said)) {
    if (value === null) query.delete(name);
    else query.set(name, String(value));
  }
  // `event:12` reads better than `event%3A12`, and is as good.
  const text = query.size > 0 ? `?${String(query).replaceAll('%3A', ':')}` : '';
  if (text !== location.search) history.replaceState(null, '', (text || location.pathname) + location.hash);
}

/** The link that is about to be followed says what is looked at now. @param {Event} event */
function carryOn({ target }) {
  const link = target instanceof Element && target.closest('a[data-page]');
  if (!(link instanceof HTMLAnchorElement)) return;
  writeNow();
  link.search = location.search;
}

/** @param {string | null} text */
function number(text) {
  return text !== null && /^\d{1,9}$/.test(text) ? Number(text) : null;
}

/** `FROM-TO` in ns. @param {string | null} text @returns {TimeWindow | null} */
function span(text) {
  const found = /^(\d{1,19})-(\d{1,19})$/.exec(text ?? '');
  if (!found) return null;
  const [from, to] = [Number(found[1]), Number(found[2])];
  return from < to ? { from, to } : null;
}
