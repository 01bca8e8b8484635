// Ties the page together: what it looks at, what comes back, and the theme. Begin reading here;
// then live.js (the channel), panel.js (a plot on the page), glyphs.js (drawing), page.js (words).

import { Live } from './live.js';
import { byId, localStart, show, showDisconnected } from './page.js';
import { Panel } from './panel.js';
import * as theme from './theme.js';

/** One window for all time axes; `null`: the whole run, following LIVE. @type {import('./live.js').TimeWindow | null} */
let looking = null;

theme.start(/** @type {HTMLButtonElement} */ (byId('theme')), redraw);
localStart();

const themes = await (await fetch('assets/themes.json')).json();
const panels = [...document.querySelectorAll('[data-plot]')].map(
  (section) => new Panel(/** @type {HTMLElement} */ (section), palette, lookAt, ask),
);
const live = new Live(received, showDisconnected);
ask();

/**
 * The colours of the theme that is shown; which of them are text and grid the server says.
 * @returns {import('./glyphs.js').Palette}
 */
function palette() {
  const { name, colors, names } = themes[theme.current()];
  const named = Object.fromEntries(Object.entries(names).map(([key, i]) => [key, colors[i]]));
  return /** @type {any} */ ({ name, colors, ...named });
}

function lookAt(window) {
  looking = window;
  ask();
}

/** Asks for what is on the page, in the sizes that the plots have by now. */
function ask() {
  const plots = panels.map((panel) => ({ id: panel.id, ...panel.size() }));
  live.look({ plots, window: looking });
}

function received(frame) {
  // A viewer of another run took over the address: title and header are not ours any more.
  if (frame.words.run !== byId('plots').dataset.run) return location.reload();
  show(frame.words);
  for (const panel of panels) {
    const figure = frame.figures[panel.id];
    panel.end = frame.words.now_ns;
    if (figure) panel.show(figure, looking, frame.words.kind === 'live');
  }
}

function redraw() {
  for (const panel of panels) panel.redraw();
}
