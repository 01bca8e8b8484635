// The list of runs: sort, find, tags and notes; and the pages beside it.

import * as drop from './drop.js';
import * as fresh from './fresh.js';
import { byId, find, findAll, localTimes, markReady, setText } from './page.js';
import * as theme from './theme.js';

theme.start(() => {});
localTimes();
drop.start();
fresh.start();

const box = document.getElementById('drop');
if (box) {
  box.hidden = false;
  const field = byId('drop-file', HTMLInputElement);
  field.addEventListener('change', () => field.files?.[0] && drop.open(field.files[0]));
}

for (const table of findAll('#runs', HTMLTableElement)) listen(table);
markReady();

/** @param {HTMLTableElement} table */
function listen(table) {
  const rows = [...table.tBodies[0].rows];
  for (const head of findAll('th[data-key]', HTMLElement, table)) {
    const button = document.createElement('button');
    button.type = 'button';
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener('click', () => sort(table, rows, head));
  }
  byId('runs-filter').hidden = false;
  const field = byId('runs-find', HTMLInputElement);
  field.addEventListener('input', () => {
    const words = field.value.toLowerCase().split(/\s+/);
    for (const row of rows) row.hidden = !words.every((word) => row.textContent?.toLowerCase().includes(word));
  });
  for (const row of rows) {
    const button = find(row, '.edit');
    button.hidden = false;
    button.addEventListener('click', () => edit(row));
  }
  byId('about-save').addEventListener('click', save);
}

/** @param {HTMLTableElement} table @param {HTMLTableRowElement[]} rows @param {HTMLElement} head */
function sort(table, rows, head) {
  const isDown = head.getAttribute('aria-sort') !== 'descending';
  for (const other of table.querySelectorAll('th[aria-sort]')) other.removeAttribute('aria-sort');
  head.setAttribute('aria-sort', isDown ? 'descending' : 'ascending');
  const sign = isDown ? -1 : 1;
  const { key } = head.dataset;
  const name = (/** @type {HTMLTableRowElement} */ row) => row.querySelector('.run-name bdi')?.textContent ?? '';
  const number = (/** @type {HTMLTableRowElement} */ row) => JSON.parse(row.dataset.keys ?? '[]')[Number(key)];
  rows.sort((a, b) => sign * (key === 'name' ? name(a).localeCompare(name(b)) : number(a) - number(b)));
  table.tBodies[0].append(...rows);
}

/** @type {HTMLTableRowElement | null} */
let edited = null;

/** @param {HTMLTableRowElement} row */
function edit(row) {
  edited = row;
  setText('about-file', row.dataset.file ?? '');
  setText('about-state', '');
  const tags = [...row.querySelectorAll('.tag')].map((tag) => tag.textContent);
  byId('about-tags', HTMLInputElement).value = tags.join(' ');
  byId('about-note', HTMLTextAreaElement).value = row.querySelector('.said')?.textContent ?? '';
  byId('about', HTMLDialogElement).showModal();
}

async function save() {
  const tags = byId('about-tags', HTMLInputElement).value;
  const note = byId('about-note', HTMLTextAreaElement).value;
  const body = JSON.stringify({ file: edited?.dataset.file, tags, note });
  const headers = { 'content-type': 'application/json' };
  const answer = await fetch('runs/about', { method: 'POST', headers, body }).catch(() => null);
  if (answer?.ok) location.reload();
  else setText('about-state', (await answer?.text()) ?? 'The viewer does not answer.');
}
