// Pages that the server renders: their `data-fresh` part is fetched again when the run has gone on or
// another instant is shown. No part of a page is made here: what comes is what the server rendered.

import { findAll } from './page.js';
import * as theme from './theme.js';

/** Rest after an answer, as so many times what the answer took, and at least so long. */
const REST = 4;
const REST_MS_MIN = 1000;

let shown = '';
let isAsking = false;

export function start() {
  themePictures();
  new MutationObserver(themePictures).observe(document.documentElement, { attributeFilter: ['data-theme'] });
  for (const form of findAll('form[data-filters]', HTMLFormElement)) keepPlace(form);
  if (!document.querySelector('[data-fresh]')) return;
  document.addEventListener('shown', (event) => {
    const { seq, now_ns: now, run_kind: kind } = /** @type {CustomEvent} */ (event).detail;
    const state = `${seq} ${kind === 'live' ? '' : now}`;
    const isFirst = shown === '';
    // What is on the page is as new as the page.
    if (state !== shown && !isFirst) again();
    shown = state;
  });
}

/**
 * A form is sent when something is chosen in one of its menus. What the address says beside its own fields
 * stays then.
 * @param {HTMLFormElement} form
 */
function keepPlace(form) {
  form.addEventListener('change', ({ target }) => target instanceof HTMLSelectElement && form.requestSubmit());
  form.addEventListener('formdata', ({ formData }) => {
    const own = new Set([...formData.keys(), 'before']);
    for (const [name, value] of new URLSearchParams(location.search)) if (!own.has(name)) formData.set(name, value);
    for (const name of own) if (formData.get(name) === '') formData.delete(name);
  });
  // What was chosen before this script ran counts, too: the menu says something else than the server did.
  if (findAll('select', HTMLSelectElement, form).some((menu) => menu.selectedIndex !== rendered(menu))) form.requestSubmit();
}

/** Which entry of a menu the server chose. @param {HTMLSelectElement} menu */
function rendered(menu) {
  return Math.max([...menu.options].findIndex((option) => option.defaultSelected), 0);
}

/** Asks for the page as it would be now, and takes its part over; a rest follows. */
async function again() {
  if (isAsking) return;
  isAsking = true;
  const began = performance.now();
  const asked = [shown, location.search].join();
  document.querySelector('[data-fresh]')?.setAttribute('aria-busy', 'true');
  const answer = await fetch(location.href).catch(() => null);
  if (answer?.ok) take(new DOMParser().parseFromString(await answer.text(), 'text/html'));
  document.querySelector('[data-fresh]')?.removeAttribute('aria-busy');
  const took = performance.now() - began;
  setTimeout(() => {
    isAsking = false;
    if (asked !== [shown, location.search].join()) again();
  }, Math.max(REST * took, REST_MS_MIN));
}

/** @param {Document} page */
function take(page) {
  for (const part of findAll('[data-fresh]')) {
    const next = page.getElementById(part.id);
    if (!next || next.isEqualNode(part)) continue;
    const scrolled = part.querySelector('.scroll')?.scrollTop ?? 0;
    part.replaceChildren(...next.childNodes);
    part.querySelector('.scroll')?.scrollTo(0, scrolled);
  }
  themePictures();
}

/** Pictures in the theme that was chosen; the server's are in the system's. */
function themePictures() {
  for (const image of findAll('img[data-dark]', HTMLImageElement)) {
    image.parentElement?.querySelector('source')?.remove();
    const url = image.dataset[theme.current()] ?? '';
    if (image.getAttribute('src') !== url) image.src = url;
  }
}
