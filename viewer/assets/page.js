// The words of the page. The server makes every text; here they only reach their elements, as
// text and nothing else.

/**
 * @typedef {[number | null, number | null]} Sides before and after the instant that is shown, in ns
 * @typedef {{run: string, kind: string, run_kind: string, now_ns: number, end_ns: number, seq: number,
 *            jumps: {trouble: Sides, mark: Sides}, progress: [number, number],
 *            texts: Record<string, string>, tables: Record<string, string[][]>}} Words
 */

/** The way from this page to the viewer's begin; relative, so that it works behind a path prefix. */
export const ROOT = document.documentElement.dataset.root ?? '';

const HIDDEN_WHEN_EMPTY = new Set(['banner', 'empty']);

/** @param {Words} words */
export function show(words) {
  for (const [id, text] of Object.entries(words.texts)) {
    // Not every page has a place for every text.
    if (!document.getElementById(id)) continue;
    setText(id, text);
    if (HIDDEN_WHEN_EMPTY.has(id)) byId(id).hidden = text === '';
  }
  byId('banner').classList.remove('info');
  delete document.documentElement.dataset.gone;
  byId('badge').dataset.kind = words.kind;
  byId('badge').dataset.runKind = words.run_kind;
  byId('page').dataset.status = words.kind;
  const erred = document.getElementById('erred');
  if (erred) erred.dataset.none = String(words.texts['total-erred'] === '0');
  const [ended, tasks] = words.progress;
  const progress = document.getElementById('progress');
  if (progress) Object.assign(progress, { max: Math.max(tasks, 1), value: ended });
  for (const table of findAll('table[id]', HTMLTableElement)) {
    if (words.tables[table.id]) fill(table, words.tables[table.id]);
  }
  document.dispatchEvent(new CustomEvent('shown', { detail: words }));
  const percent = Math.floor((100 * ended) / Math.max(tasks, 1));
  const isUnderWay = words.kind === 'live' && tasks > 0;
  document.title = `${isUnderWay ? `${percent} % ` : ''}${byId('title').textContent} · Taskreel`;
}

/**
 * Says that the live channel is closed. What was received stays on the page.
 * @param {boolean} wasConnected whether it ever was open
 */
export function showDisconnected(wasConnected) {
  const badge = byId('badge');
  const isWhole = badge.dataset.runKind === 'finished';
  const { dataset } = document.documentElement;
  if (wasConnected) dataset.gone ??= '';
  if (!isWhole && wasConnected) {
    badge.dataset.kind = 'disconnected';
    setText('badge', 'DISCONNECTED');
  }
  if (!dataset.gone) setText('banner', disconnectedText(isWhole, wasConnected));
  byId('banner').classList.toggle('info', isWhole);
  byId('banner').hidden = false;
}

/** @param {boolean} isWhole @param {boolean} wasConnected */
function disconnectedText(isWhole, wasConnected) {
  if (!wasConnected) {
    return 'The live channel cannot be opened, perhaps because of a proxy; reload the page to see what is new.';
  }
  return isWhole
    ? 'The viewer has been closed. All of the run is shown; to zoom in, open its trace with reel view.'
    : 'The cluster is gone; showing what was received. Trying to connect again …';
}

/** Says on the page that its scripts have taken over: whatever one does now has its effect. */
export function markReady() {
  document.documentElement.dataset.ready ??= '';
}

/** The link to the page that is shown, in sight where the links do not all fit. */
export function showCurrent() {
  const [link] = findAll('.pages [aria-current]');
  const row = link?.parentElement;
  if (row) row.scrollLeft = link.offsetLeft - row.offsetLeft - (row.clientWidth - link.offsetWidth) / 2;
}

/** Shows when runs began in the visitor's time zone. */
export function localTimes() {
  for (const at of findAll('time', HTMLTimeElement)) {
    const date = new Date(at.dateTime);
    if (Number.isNaN(date.getTime())) continue;
    at.title = at.textContent ?? '';
    at.textContent = date.toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' });
  }
}

/**
 * The element of an id, of a kind if one is named.
 * @template {HTMLElement} [T=HTMLElement]
 * @param {string} id @param {new () => T} [kind] @returns {T}
 */
export function byId(id, kind) {
  return find(document, `#${id}`, kind);
}

/**
 * An element within another.
 * @template {HTMLElement} [T=HTMLElement]
 * @param {ParentNode} within @param {string} selector @param {new () => T} [kind] @returns {T}
 */
export function find(within, selector, kind) {
  const found = within.querySelector(selector);
  if (!(found instanceof (kind ?? HTMLElement))) throw new Error(`the page has no ${selector}`);
  return /** @type {T} */ (found);
}

/**
 * All elements of the page, or within another.
 * @template {HTMLElement} [T=HTMLElement]
 * @param {string} selector @param {new () => T} [_kind] what they are @param {ParentNode} [within] @returns {T[]}
 */
export function findAll(selector, _kind, within = document) {
  return /** @type {T[]} */ ([...within.querySelectorAll(selector)]);
}

/** What the server answers to a question; `null`: it does not. @param {string} path @param {Record<string, string>} query */
export async function getJson(path, query) {
  const answer = await fetch(`${ROOT}${path}?${new URLSearchParams(query)}`).catch(() => null);
  return answer?.ok ? answer.json() : null;
}

/** A length of time for people. @param {number} ns */
export function time(ns) {
  if (ns < 1e6) return `${(ns / 1e3).toFixed(0)} µs`;
  return ns < 1e9 ? `${(ns / 1e6).toFixed(1)} ms` : `${(ns / 1e9).toFixed(2)} s`;
}

/** @param {string} id @param {string} text */
export function setText(id, text) {
  const element = byId(id);
  // Writing the same text again would end a selection and make screen readers repeat it.
  if (element.textContent !== text) element.textContent = text;
}

/** A text beside the pointer. @param {string} text @param {number} x @param {number} y */
export function showTip(text, x, y) {
  const tip = byId('tip');
  tip.textContent = text;
  tip.hidden = false;
  // Beside the pointer, and never beyond the window's edge.
  const left = Math.min(x + 14, innerWidth - tip.offsetWidth - 8);
  const below = y + 18 + tip.offsetHeight < innerHeight;
  tip.style.left = `${Math.max(left, 8)}px`;
  tip.style.top = `${below ? y + 18 : y - tip.offsetHeight - 10}px`;
}

export function hideTip() {
  byId('tip').hidden = true;
}

/**
 * Brings a table's body to the rows given, touching only cells that differ. In a table with
 * `data-link` the first cell is a link, to what the last entry of the row says; in one with
 * `data-status` a row is told apart by what stands in that column.
 * @param {HTMLTableElement} table @param {string[][]} rows
 */
export function fill(table, rows) {
  const body = table.tBodies[0];
  const heads = [...(table.tHead?.rows[0].cells ?? [])];
  const { link, status } = table.dataset;
  while (body.rows.length > rows.length) body.deleteRow(-1);
  while (body.rows.length < rows.length) {
    const row = body.insertRow();
    for (const head of heads) {
      const cell = row.insertCell();
      cell.className = head.className;
      const isLink = link !== undefined && head === heads[0];
      const place = isLink ? cell.appendChild(document.createElement('a')) : cell;
      if (isLink) place.dataset.page = '';
      place.append(document.createElement('bdi'));
    }
  }
  rows.forEach((texts, r) => {
    const row = body.rows[r];
    if (status !== undefined) row.dataset.status = texts[Number(status)];
    heads.forEach((_, c) => {
      const place = row.cells[c].querySelector('bdi') ?? row.cells[c];
      if (place.textContent !== texts[c]) place.textContent = texts[c];
    });
    if (link !== undefined) find(row, 'a', HTMLAnchorElement).href = `${ROOT}${link}${texts[heads.length]}`;
  });
}
