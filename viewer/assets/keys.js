// The keyboard: time, zoom, search and help; and the buttons, each of which does what a key does. Texts in
// fields are left alone.

import { byId, findAll } from './page.js';

const ZOOM_STEP = 1.35;

/**
 * @param {{scrubber: import('./time.js').Scrubber, panels: import('./panel.js').Panel[],
 *          finder: import('./find.js').Finder, focus: () => void, leave: () => void,
 *          togglePath: () => void}} page
 */
export function listen({ scrubber, panels, finder, focus, leave, togglePath }) {
  /** The plot whose axis of time the keys move; they all have the same. */
  const onTimed = (/** @type {(panel: import('./panel.js').Panel) => void} */ act) => {
    const panel = panels.find((panel) => panel.isTimed);
    if (panel) act(panel);
  };
  const zoomIn = () => onTimed((panel) => panel.zoom(1 / ZOOM_STEP));
  const zoomOut = () => onTimed((panel) => panel.zoom(ZOOM_STEP));
  const left = () => onTimed((panel) => panel.pan(-panel.width / 8));
  const right = () => onTimed((panel) => panel.pan(panel.width / 8));
  /** @type {Record<string, () => void>} */
  const acts = {
    ' ': () => scrubber.toggle(),
    ',': () => scrubber.stepEvent(-1),
    '.': () => scrubber.stepEvent(1),
    '[': () => scrubber.step(-1),
    ']': () => scrubber.step(1),
    e: () => scrubber.jump('trouble', 1),
    E: () => scrubber.jump('trouble', 0),
    m: () => scrubber.jump('mark', 1),
    M: () => scrubber.jump('mark', 0),
    l: () => scrubber.live(),
    w: zoomIn,
    '+': zoomIn,
    '=': zoomIn,
    s: zoomOut,
    '-': zoomOut,
    a: left,
    ArrowLeft: left,
    d: right,
    ArrowRight: right,
    0: () => onTimed((panel) => panel.all()),
    f: focus,
    Escape: leave,
    c: togglePath,
    g: () => scrubber.folds(!scrubber.isFolded),
    '/': () => finder.field.focus(),
    n: () => finder.step(1),
    N: () => finder.step(-1),
    '?': () => byId('help', HTMLDialogElement).showModal(),
  };
  byId('show-help').hidden = false;
  for (const button of findAll('button[data-key]')) button.addEventListener('click', acts[button.dataset.key ?? '']);
  document.addEventListener('keydown', (event) => {
    const target = /** @type {HTMLElement} */ (event.target);
    const isTyping = target.closest('input:not([type="range"]), select, textarea, dialog[open]');
    const isScrolling = event.key.startsWith('Arrow') && target.closest('.scroll, input');
    const isPressing = event.key === ' ' && target.closest('button, a, summary');
    if (isTyping || isScrolling || isPressing || event.ctrlKey || event.metaKey || event.altKey) return;
    const act = acts[event.key];
    if (!act || event.defaultPrevented) return;
    event.preventDefault();
    act();
  });
}
