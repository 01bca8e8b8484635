// Pages that the server renders: their `data-fresh` part is fetched again when the run has gone on or
// another instant is shown. No part of a page is made here: what comes is what the server rendered.

import * as theme from './theme.js';

/** Rest after an answer, as so many times what the answer took, and at least so long. */
const REST = 4;
const REST_MS_MIN = 1000;

let shown = '';
let isAsking = false;

export function start() {
  themePictures();
  new MutationObserver(themePictures).observe(document.documentElement, { attributeFilter: ['data-theme'] });
  const part = document.querySelector('[data-fresh]');
  if (!part) return;
  document.addEventListener('shown', (event) => {
    const { seq, now_ns: now, run_kind: kind } = /** @type {CustomEvent} */ (event).detail;
    const state = `${seq} ${kind === 'live' ? '' : now}`;
    const isFirst = shown === '';
    // What is on the page is as new as the page.
    if (state !== shown && !isFirst) again();
    shown = state;
  });
  document.addEventListener('submit', (event) => {
    const form = /** @type {HTMLFormElement} */ (event.target);
    if (!form.dataset.freshForm) return;
    event.preventDefault();
    const query = new URLSearchParams(location.search);
    query.delete('before');
    for (const field of ['kind', 'task', 'worker', 'text']) put(query, field, String(new FormData(form).get(field) ?? ''));
    go(query);
  });
  document.addEventListener('change', ({ target }) => {
    if (target instanceof HTMLSelectElement) target.closest('form[data-fresh-form]')?.dispatchEvent(new SubmitEvent('submit', { bubbles: true, cancelable: true }));
  });
  document.addEventListener('click', ({ target }) => {
    const button = target instanceof Element && target.closest('[data-turn]');
    if (!(button instanceof HTMLElement)) return;
    const query = new URLSearchParams(location.search);
    put(query, 'before', button.dataset.turn ?? '');
    go(query);
  });
}

/** @param {URLSearchParams} query @param {string} name @param {string} value */
function put(query, name, value) {
  if (value === '') query.delete(name);
  else query.set(name, value);
}

/** @param {URLSearchParams} query */
function go(query) {
  history.replaceState(null, '', query.size > 0 ? `?${query}` : location.pathname);
  again();
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
  for (const part of document.querySelectorAll('[data-fresh]')) {
    const next = page.getElementById(part.id);
    if (!next || next.isEqualNode(part)) continue;
    const scrolled = part.querySelector('.scroll')?.scrollTop ?? 0;
    part.replaceChildren(...next.childNodes);
    part.querySelector('.scroll')?.scrollTo(0, scrolled);
  }
  themePictures();
}

/** Pictures in the theme that was chosen. */
function themePictures() {
  for (const image of /** @type {NodeListOf<HTMLImageElement>} */ (document.querySelectorAll('img[data-themed]'))) {
    const url = image.getAttribute('src')?.replace(/theme=\w+/, `theme=${theme.current()}`) ?? '';
    image.parentElement?.querySelector('source')?.remove();
    if (image.getAttribute('src') !== url) image.src = url;
  }
  for (const image of /** @type {NodeListOf<HTMLImageElement>} */ (document.querySelectorAll('img[data-light]'))) {
    image.parentElement?.querySelector('source')?.remove();
    image.src = image.dataset[theme.current()] ?? '';
  }
}
