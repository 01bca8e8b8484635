// What stands beside the plots: sharing, dropping a trace on the page, and pages that the server
// renders and that are kept up to date.

import * as drop from './drop.js';
import * as fresh from './fresh.js';
import { byId, findAll, ROOT, setText, showCurrent } from './page.js';

drop.start();
fresh.start();
showCurrent();

const dialog = /** @type {HTMLDialogElement | null} */ (document.getElementById('share'));
if (dialog) {
  byId('show-share').hidden = false;
  byId('show-share').addEventListener('click', () => dialog.showModal());
  byId('share-link').addEventListener('click', copyLink);
  document.getElementById('share-issue')?.addEventListener('click', showIssue);
  for (const link of findAll('a[download]', HTMLAnchorElement, dialog)) {
    link.addEventListener('click', () => setText('share-state', 'It is being made; large runs take a moment.'));
  }
}

// A menu closes when the next thing is pressed.
document.addEventListener('click', ({ target }) => {
  for (const menu of findAll('details.take[open]')) {
    const isWithin = target instanceof Node && menu.contains(target);
    if (!isWithin || (target instanceof Element && target.closest('a'))) menu.removeAttribute('open');
  }
});

// Without the viewer there is no other page: this one, with what it shows, is not given up for an error.
document.addEventListener('click', (event) => {
  const link = event.target instanceof Element && event.target.closest('a[href]');
  if (!link || !('gone' in document.documentElement.dataset) || link.getAttribute('href')?.startsWith('#')) return;
  event.preventDefault();
  document.documentElement.dataset.gone = 'told';
  setText('banner', 'The viewer is gone, and its other pages with it; this page stays. Open the trace with reel view for all of them.');
});

async function copyLink() {
  // Browsers refuse it where the page came from another host without TLS.
  const isCopied = await navigator.clipboard?.writeText(location.href).then(() => true, () => false);
  setText('share-state', isCopied ? 'Copied.' : `Copy it from the address bar: ${location.href}`);
}

async function showIssue() {
  setText('share-state', 'It is being written …');
  const answer = await fetch(`${ROOT}share/issue`).catch(() => null);
  const field = byId('share-text', HTMLTextAreaElement);
  field.value = answer ? await answer.text() : '';
  field.hidden = !answer?.ok;
  setText('share-state', answer?.ok ? 'Paste it into the issue, and attach the zip.' : `It cannot be written: ${field.value || 'the viewer does not answer'}`);
  field.select();
}
