// Light and dark: as the system says, until the visitor chooses.

import { byId } from './page.js';

const KEY = 'taskreel-theme';
const { dataset } = document.documentElement;

/** @returns {'light' | 'dark'} the theme that is shown */
export function current() {
  if (dataset.theme === 'light' || dataset.theme === 'dark') return dataset.theme;
  return matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
}

/** Brings the page's button to life. @param {() => void} changed called when another theme is shown */
export function start(changed) {
  const saved = stored((storage) => storage.getItem(KEY));
  if (saved) dataset.theme = saved;
  const button = byId('theme');
  button.hidden = false;
  button.addEventListener('click', () => {
    const next = current() === 'dark' ? 'light' : 'dark';
    dataset.theme = next;
    stored((storage) => storage.setItem(KEY, next));
    changed();
  });
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', changed);
}

/**
 * Storage may be refused, in a sandboxed frame or by the visitor's settings: then the choice holds for
 * this page only.
 * @template T
 * @param {(storage: Storage) => T} use
 */
function stored(use) {
  try {
    return use(localStorage);
  } catch {
    return null;
  }
}
