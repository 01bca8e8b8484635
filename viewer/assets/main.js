// Ties the page together: what it looks at, what comes back, and the theme. Begin reading here;
// then live.js and wire.js (the channel), canvas.js, panel.js and pointer.js (a plot on the page), marks.js
// (what is drawn over it), time.js (the scrubber), glyphs.js and gl.js (drawing), page.js (words), address.js
// (what the address bar keeps), find.js (search and statistics), filter.js, story.js, keys.js, beside.js.

import * as address from './address.js';
import './beside.js';
import * as menus from './filter.js';
import { Finder, Statistics } from './find.js';
import { listen as listenToKeys } from './keys.js';
import { Live } from './live.js';
import { byId, findAll, getJson, localTimes, markReady, show, showDisconnected } from './page.js';
import { Panel } from './panel.js';
import { Story } from './story.js';
import * as theme from './theme.js';
import { Scrubber } from './time.js';

/** @typedef {import('./live.js').TimeWindow} TimeWindow */

/** One instant, one window, one selection and one filter for all that is on the page. */
const place = address.read();
/** What is drawn over the plots. @type {import('./marks.js').Marks} */
const marks = { at: null, select: place.select, found: [], picked: null, path: null };

theme.start(redraw);
localTimes();

/** The colours of both themes. @type {Record<string, import('./glyphs.js').Palette>} */
const themes = await getJson('assets/themes.json', {});
const panels = findAll('[data-plot]').map((section) => new Panel(section, { palette, marks, query, zoom, ask, select, pick }));
const scrubber = new Scrubber(palette, lookBack, fold, ask);
const live = new Live(received, showDisconnected);
const statistics = new Statistics(() => select(null));
const story = new Story((picked) => {
  marks.picked = picked;
  redraw();
}, pick);
const finder = new Finder((found, window) => {
  marks.found = found;
  if (window) zoom(window);
  else redraw();
});
listenToKeys({ scrubber, panels, finder, focus, leave, togglePath });
scrubber.folds(place.fold);
menus.listen(filter);
select(place.select);
story.tell(place.task);
if (place.path) showPath();

function palette() {
  return themes[theme.current()];
}

/** What a link to a picture says, so that it is of what is shown. */
function query() {
  const query = new URLSearchParams({ width: '1200', height: '500', theme: theme.current() });
  if (place.window) for (const [end, ns] of Object.entries(place.window)) query.set(end, String(ns));
  if (scrubber.at !== null) query.set('at', `${scrubber.at}ns`);
  if (place.prefix !== null) query.set('prefix', place.prefix);
  if (place.worker !== null) query.set('worker', String(place.worker));
  return query;
}

/** @param {TimeWindow | null} window */
function zoom(window) {
  place.window = window;
  for (const panel of panels) panel.window = window;
  scrubber.window = window;
  redraw();
  ask();
}

/** @param {TimeWindow | null} selected */
function select(selected) {
  place.select = marks.select = selected;
  statistics.show(selected, place);
  redraw();
  ask();
}

/** @param {number | null} task */
export function pick(task) {
  place.task = task;
  story.tell(task);
  ask();
}

/** @param {Partial<import('./filter.js').Filter>} only */
function filter(only) {
  Object.assign(place, only);
  statistics.show(place.select, place);
  ask();
}

/** Looks at what was selected or picked, else at the whole run. */
function focus() {
  const last = marks.picked?.runs.at(-1);
  const room = last && Math.max((last.stop_ns ?? scrubber.end) - last.start_ns, 1e5);
  const task = last && room && { from: Math.max(last.start_ns - room, 0), to: (last.stop_ns ?? scrubber.end) + room };
  const wanted = marks.select ?? task;
  const isThere = wanted && place.window?.from === wanted.from && place.window.to === wanted.to;
  zoom(wanted && !isThere ? { from: wanted.from, to: wanted.to } : null);
}

/** Closes what is open beside the plots, the last of it first; then goes back to the whole run. */
function leave() {
  const menu = document.querySelector('details.take[open]');
  if (menu) menu.removeAttribute('open');
  else if (place.task !== null) pick(null);
  else if (place.select) select(null);
  else zoom(null);
}

function togglePath() {
  place.path = !place.path;
  if (place.path) return showPath();
  marks.path = null;
  pressed();
}

async function showPath() {
  pressed();
  const told = await getJson('api/critical-path', {});
  if (place.path) marks.path = told?.links ?? [];
  pressed();
}

function pressed() {
  for (const button of findAll('[data-key="c"]')) button.setAttribute('aria-pressed', String(place.path));
  redraw();
  ask();
}

/** @param {boolean} isFolded */
function fold(isFolded) {
  place.fold = isFolded;
  ask();
}

/** @param {string | null} at */
function lookBack(at) {
  place.at = at;
  marks.at = scrubber.at;
  for (const panel of panels) if (panel.isTimed) panel.redraw();
  ask();
}

/** Asks for what is on the page, in the sizes that the plots have by now. */
function ask() {
  address.write(place);
  const plots = panels.map((panel) => ({ id: panel.id, ...panel.size() }));
  plots.push({ id: place.fold ? 'strip-folded' : 'strip', ...scrubber.size() });
  const tables = findAll('table[id]').map((table) => table.id);
  const { at, window, prefix, worker } = place;
  live.look({ plots, window, at, prefix, worker, tables });
}

/** @param {import('./live.js').Frame} frame */
function received({ words, names, figures }) {
  // A viewer of another run took over the address: title and header are not ours any more.
  if (words.run !== byId('page').dataset.run) return location.reload();
  show(words);
  if (names) menus.show(names, place);
  scrubber.show(figures[place.fold ? 'strip-folded' : 'strip'], words, place.window);
  marks.at = scrubber.at;
  for (const panel of panels) panel.show(figures[panel.id], place.window, words.end_ns, words.run_kind === 'live');
  if (words.run_kind === 'live') story.again();
  markReady();
}

function redraw() {
  for (const panel of panels) panel.redraw();
  scrubber.redraw();
}
