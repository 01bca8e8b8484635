// What is looked at, kept in the address bar: a link shows somebody else the same page, instant,
// window and selection. The links between pages carry it on.

/**
 * @typedef {import('./live.js').TimeWindow} TimeWindow
 * @typedef {{at: string | null, window: TimeWindow | null, select: TimeWindow | null}} Place
 *   `at` as `reel state --at` takes it: `12.3s`, `event:812`; `null`: the newest there is
 */

/** @returns {Place} */
export function read() {
  const query = new URLSearchParams(location.search);
  return { at: query.get('at'), window: span(query.get('window')), select: span(query.get('select')) };
}

/** @param {Place} place */
export function write({ at, window, select }) {
  const query = new URLSearchParams(location.search);
  put(query, 'at', at);
  put(query, 'window', window && `${window.from}-${window.to}`);
  put(query, 'select', select && `${select.from}-${select.to}`);
  // `event:12` reads better than `event%3A12`, and is as good.
  const text = query.size > 0 ? `?${String(query).replaceAll('%3A', ':')}` : '';
  if (text !== location.search) history.replaceState(null, '', text || location.pathname);
  for (const link of document.querySelectorAll('a[data-page]')) {
    /** @type {HTMLAnchorElement} */ (link).search = text;
  }
}

function put(query, name, value) {
  if (value == null) query.delete(name);
  else query.set(name, value);
}

/** `FROM-TO` in ns. @returns {TimeWindow | null} */
function span(text) {
  const found = /^(\d{1,19})-(\d{1,19})$/.exec(text ?? '');
  if (!found) return null;
  const [from, to] = [Number(found[1]), Number(found[2])];
  return from < to ? { from, to } : null;
}
