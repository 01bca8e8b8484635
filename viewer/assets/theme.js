// Light and dark: as the system says, until the visitor chooses; early.js brings the choice to the next page.

import { byId } from './page.js';

const { dataset } = document.documentElement;

/** @returns {'light' | 'dark'} the theme that is shown */
export function current() {
  if (dataset.theme === 'light' || dataset.theme === 'dark') return dataset.theme;
  return matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
}

/** Brings the page's button to life. @param {() => void} changed called when another theme is shown */
export function start(changed) {
  const button = byId('theme');
  button.hidden = false;
  button.addEventListener('click', () => {
    const next = current() === 'dark' ? 'light' : 'dark';
    dataset.theme = next;
    try {
      localStorage.setItem('taskreel-theme', next);
    } catch {
      // Storage may be refused, in a sandboxed frame or by the visitor's settings: the choice holds for this page.
    }
    changed();
  });
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', changed);
}
