// Ties the page together: what it looks at, what comes back, and the theme. Begin reading here;
// then live.js (the channel), panel.js (a plot on the page), time.js (the scrubber), glyphs.js
// (drawing), page.js (words), address.js (what the address bar keeps),
// find.js (search and statistics), keys.js.

import * as address from './address.js';
import { listen as listenToKeys } from './keys.js';
import { Finder, Statistics } from './find.js';
import { Live } from './live.js';
import { byId, localStart, ROOT, show, showDisconnected } from './page.js';
import { Panel } from './panel.js';
import * as theme from './theme.js';
import { Scrubber } from './time.js';

/** One instant and one window for all that is on the page. */
const place = address.read();

theme.start(/** @type {HTMLButtonElement} */ (byId('theme')), redraw);
localStart();

const themes = await (await fetch(`${ROOT}assets/themes.json`)).json();
const panels = [...document.querySelectorAll('[data-plot]')].map(
  (section) => new Panel(/** @type {HTMLElement} */ (section), palette, zoom, ask, select),
);
const scrubber = new Scrubber(palette, lookBack, ask);
const live = new Live(received, showDisconnected);
const statistics = new Statistics(() => select(null));
const finder = new Finder((found, window) => {
  for (const panel of panels) {
    panel.found = panel.id === 'task-stream' ? found : [];
    if (panel.figure && !window) panel.redraw();
  }
  if (window) zoom(window);
});
listenToKeys(scrubber, panels, finder);
select(place.select);

/**
 * The colours of the theme that is shown; which of them are text and grid the server says.
 * @returns {import('./glyphs.js').Palette}
 */
function palette() {
  const { name, colors, names } = themes[theme.current()];
  const named = Object.fromEntries(Object.entries(names).map(([key, i]) => [key, colors[i]]));
  return /** @type {any} */ ({ name, colors, ...named });
}

function zoom(window) {
  place.window = window;
  for (const panel of panels) panel.window = window;
  scrubber.window = window;
  scrubber.redraw();
  ask();
}

/** @param {import('./live.js').TimeWindow | null} selected */
function select(selected) {
  place.select = selected;
  statistics.show(selected);
  for (const panel of panels) {
    panel.select = selected;
    panel.redraw();
  }
  ask();
}

/** @param {string | null} at */
function lookBack(at) {
  place.at = at;
  for (const panel of panels) panel.lookAt(scrubber.at);
  ask();
}

/** Asks for what is on the page, in the sizes that the plots have by now. */
function ask() {
  address.write(place);
  const plots = panels.map((panel) => ({ id: panel.id, ...panel.size() }));
  plots.push({ id: 'strip', ...scrubber.size() });
  const tables = [...document.querySelectorAll('table[id]')].map((table) => table.id);
  live.look({ plots, window: place.window, at: place.at, tables });
}

function received(frame) {
  // A viewer of another run took over the address: title and header are not ours any more.
  if (frame.words.run !== byId('page').dataset.run) return location.reload();
  show(frame.words);
  scrubber.show(frame.figures.strip, frame.words, place.window);
  for (const panel of panels) {
    const figure = frame.figures[panel.id];
    panel.end = frame.words.end_ns;
    panel.at = scrubber.at;
    if (figure) panel.show(figure, place.window, frame.words.run_kind === 'live');
  }
}

function redraw() {
  for (const panel of panels) panel.redraw();
  scrubber.redraw();
}
