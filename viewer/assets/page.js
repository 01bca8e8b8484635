// The words of the page. The server makes every text; here they only reach their elements, as
// text and nothing else.

/**
 * @typedef {{run: string, kind: string, now_ns: number, texts: Record<string, string>, tables: Record<string, string[][]>,
 *            progress: [number, number]}} Words
 */

const HIDDEN_WHEN_EMPTY = new Set(['banner', 'empty']);

/** @param {Words} words */
export function show(words) {
  for (const [id, text] of Object.entries(words.texts)) {
    setText(id, text);
    if (HIDDEN_WHEN_EMPTY.has(id)) byId(id).hidden = text === '';
  }
  byId('banner').classList.remove('info');
  byId('badge').dataset.kind = words.kind;
  byId('plots').dataset.status = words.kind;
  byId('erred').dataset.none = String(words.texts['total-erred'] === '0');
  const [ended, tasks] = words.progress;
  const progress = /** @type {HTMLProgressElement} */ (byId('progress'));
  progress.max = Math.max(tasks, 1);
  progress.value = ended;
  for (const [id, rows] of Object.entries(words.tables)) fill(byId(id), rows);
  // Lost workers are told apart by their status, which the style sheet cannot read from a cell.
  const { rows } = /** @type {HTMLTableElement} */ (byId('workers')).tBodies[0];
  words.tables.workers.forEach((row, i) => (rows[i].dataset.status = row[2]));
  document.title = `${title(words)} · Taskreel`;
}

/**
 * Says that the live channel is closed. What was received stays on the page.
 * @param {boolean} wasConnected whether it ever was open
 */
export function showDisconnected(wasConnected) {
  const badge = byId('badge');
  const isWhole = badge.dataset.kind === 'finished';
  if (!isWhole && wasConnected) {
    badge.dataset.kind = 'disconnected';
    setText('badge', 'DISCONNECTED');
  }
  setText('banner', disconnectedText(isWhole, wasConnected));
  byId('banner').classList.toggle('info', isWhole);
  byId('banner').hidden = false;
}

function disconnectedText(isWhole, wasConnected) {
  if (!wasConnected) {
    return 'The live channel cannot be opened, perhaps because of a proxy; reload the page to see what is new.';
  }
  return isWhole
    ? 'The viewer has been closed. All of the run is shown; to zoom in, open its trace with reel view.'
    : 'The cluster is gone; showing what was received. Trying to connect again …';
}

/** Shows when the run began in the visitor's time zone. */
export function localStart() {
  const started = /** @type {HTMLTimeElement} */ (byId('started'));
  const at = new Date(started.dateTime);
  if (Number.isNaN(at.getTime())) return;
  started.title = started.textContent ?? '';
  started.textContent = at.toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'medium' });
}

/** @param {string} id */
export function byId(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`the page has no #${id}`);
  return element;
}

function title(words) {
  const [ended, tasks] = words.progress;
  const name = byId('title').textContent;
  const percent = Math.floor((100 * ended) / Math.max(tasks, 1));
  return words.kind === 'live' && tasks > 0 ? `${percent} % ${name}` : name;
}

function setText(id, text) {
  const element = byId(id);
  // Writing the same text again would end a selection and make screen readers repeat it.
  if (element.textContent !== text) element.textContent = text;
}

/** Brings a table's body to the rows given, touching only cells that differ. */
function fill(table, rows) {
  const body = table.tBodies[0];
  const heads = table.tHead.rows[0].cells;
  while (body.rows.length > rows.length) body.deleteRow(-1);
  while (body.rows.length < rows.length) {
    const row = body.insertRow();
    for (const head of heads) {
      const cell = row.insertCell();
      cell.className = head.className;
      cell.append(document.createElement('bdi'));
    }
  }
  rows.forEach((cells, r) =>
    cells.forEach((text, c) => {
      const cell = body.rows[r].cells[c].firstChild;
      if (cell.textContent !== text) cell.textContent = text;
    }),
  );
}
