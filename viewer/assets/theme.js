// Light and dark: as the system says, until the visitor chooses.

const KEY = 'taskreel-theme';

/** @returns {'light' | 'dark'} the theme that is shown */
export function current() {
  const chosen = document.documentElement.dataset.theme;
  if (chosen === 'light' || chosen === 'dark') return chosen;
  return matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
}

/**
 * Brings the button to life.
 * @param {HTMLButtonElement} button
 * @param {() => void} changed called when another theme is shown
 */
export function start(button, changed) {
  const saved = remembered();
  if (saved) document.documentElement.dataset.theme = saved;
  button.hidden = false;
  button.addEventListener('click', () => {
    const next = current() === 'dark' ? 'light' : 'dark';
    document.documentElement.dataset.theme = next;
    remember(next);
    changed();
  });
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', changed);
}

// Storage may be refused: in a sandboxed frame, or by the visitor's settings.

function remembered() {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}

function remember(theme) {
  try {
    localStorage.setItem(KEY, theme);
  } catch {
    // The choice holds for this page only.
  }
}
