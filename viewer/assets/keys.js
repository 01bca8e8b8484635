// The keyboard: time, zoom and help. Texts in fields are left alone.

import { byId } from './page.js';

const ZOOM = 1.35;

/**
 * @param {{scrubber: import('./time.js').Scrubber, panels: import('./panel.js').Panel[],
 *          finder: import('./find.js').Finder, focus: () => void, togglePath: () => void}} page
 */
export function listen({ scrubber, panels, finder, focus, togglePath }) {
  const help = /** @type {HTMLDialogElement} */ (byId('help'));
  byId('show-help').hidden = false;
  byId('show-help').addEventListener('click', () => help.showModal());
  /** The plot whose axis of time the keys move; they all have the same. */
  const onTimed = (/** @type {(panel: import('./panel.js').Panel) => void} */ act) => {
    const panel = panels.find((panel) => panel.figure?.window_ns);
    if (panel) act(panel);
  };
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
    w: () => onTimed((panel) => panel.zoom(1 / ZOOM)),
    s: () => onTimed((panel) => panel.zoom(ZOOM)),
    a: () => onTimed((panel) => panel.pan(-panel.width / 8)),
    d: () => onTimed((panel) => panel.pan(panel.width / 8)),
    ArrowLeft: () => onTimed((panel) => panel.pan(-panel.width / 8)),
    ArrowRight: () => onTimed((panel) => panel.pan(panel.width / 8)),
    f: focus,
    c: togglePath,
    g: () => scrubber.folds(!scrubber.isFolded),
    '/': () => finder.field.focus(),
    n: () => finder.step(1),
    N: () => finder.step(-1),
    '?': () => help.showModal(),
  };
  document.addEventListener('keydown', (event) => {
    const target = /** @type {HTMLElement} */ (event.target);
    const isTyping = target.closest('input, select, textarea, dialog[open]');
    const isScrolling = event.key.startsWith('Arrow') && target.closest('.scroll');
    const isPressing = event.key === ' ' && target.closest('button, a');
    if (isTyping || isScrolling || isPressing || event.ctrlKey || event.metaKey || event.altKey) return;
    const act = acts[event.key];
    if (!act || event.defaultPrevented) return;
    event.preventDefault();
    act();
  });
}
