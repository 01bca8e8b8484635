// Dropping a trace on the page hands it to this viewer, which opens it; it goes nowhere else.

import { byId, setText } from './page.js';

/** Where files go; `null`: none are taken. */
const target = document.getElementById('dropping')?.dataset.upload ?? null;

export function start() {
  if (target === null) return;
  const veil = byId('dropping');
  const hasFile = (/** @type {DragEvent} */ event) => event.dataTransfer?.types.includes('Files');
  document.addEventListener('dragover', (event) => {
    if (!hasFile(event)) return;
    event.preventDefault();
    veil.hidden = false;
  });
  document.addEventListener('dragleave', (event) => {
    if (event.relatedTarget === null) veil.hidden = true;
  });
  document.addEventListener('drop', (event) => {
    if (!hasFile(event)) return;
    event.preventDefault();
    const file = event.dataTransfer?.files[0];
    if (file) open(file);
  });
  veil.addEventListener('click', () => (veil.hidden = true));
}

/** Hands a file in and goes to it. @param {File} file */
export async function open(file) {
  if (target === null) return;
  byId('dropping').hidden = false;
  say(`Reading ${file.name} …`);
  const url = `${target}?${new URLSearchParams({ name: file.name })}`;
  const answer = await fetch(url, { method: 'POST', body: file }).catch(() => null);
  if (!answer?.ok) return say(`${file.name} cannot be opened: ${(await answer?.text()) ?? 'the viewer does not answer'}`);
  const { open: path } = await answer.json();
  location.assign(new URL(path, new URL(target, location.href)));
}

/** @param {string} text */
function say(text) {
  setText('drop-state', text);
}
