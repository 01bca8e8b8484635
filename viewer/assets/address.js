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

let wroteAt = -WRITE_MS;
/** @type {Place | null} */
let waiting = null;

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

/** Soon, if not at once. @param {Place} place */
export function write(place) {
  const passed = performance.now() - wroteAt;
  if (waiting) return;
  if (passed >= WRITE_MS) return writeNow(place);
  waiting = place;
  setTimeout(() => {
    waiting = null;
    writeNow(place);
  }, WRITE_MS - passed);
}

/** @param {Place} place */
function writeNow(place) {
  wroteAt = performance.now();
  const query = params(place);
  // `event:12` reads better than `event%3A12`, and is as good.
  const text = query.size > 0 ? `?${String(query).replaceAll('%3A', ':')}` : '';
  if (text !== location.search) history.replaceState(null, '', (text || location.pathname) + location.hash);
  for (const link of document.querySelectorAll('a[data-page]')) {
    /** @type {HTMLAnchorElement} */ (link).search = text;
  }
}

/** What the address says beside the page. @param {Place} place */
function params({ at, window, select, task, prefix, worker, path, fold }) {
  const query = new URLSearchParams(location.search);
  put(query, 'at', at);
  put(query, 'window', window && `${window.from}-${window.to}`);
  put(query, 'select', select && `${select.from}-${select.to}`);
  put(query, 'task', task);
  put(query, 'prefix', prefix);
  put(query, 'worker', worker === own ? null : worker);
  put(query, 'path', path ? 1 : null);
  put(query, 'fold', fold ? 1 : null);
  return query;
}

/** @param {URLSearchParams} query @param {string} name @param {string | number | null} value */
function put(query, name, value) {
  if (value == null) query.delete(name);
  else query.set(name, String(value));
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
