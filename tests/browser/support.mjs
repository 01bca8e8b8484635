// What the browser tests share: a viewer as a child process, and the system's Chromium watching it.

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { accessSync, constants, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { after, before } from 'node:test';
import { fileURLToPath } from 'node:url';
import { inflateRawSync } from 'node:zlib';
import { chromium } from 'playwright-core';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const TARGET = process.env.CARGO_TARGET_DIR ?? join(ROOT, 'target');

/** Where Chromium is: `CHROMIUM`, or the first of the usual names on the path. */
export function findChromium() {
  const named = process.env.CHROMIUM;
  const folders = (process.env.PATH ?? '').split(delimiter);
  const usual = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'].flatMap(
    (name) => folders.map((folder) => join(folder, name)),
  );
  const found = (named ? [named] : usual).find(isExecutable);
  if (!found) throw new Error('no Chromium: install the package chromium, or set CHROMIUM to its path');
  return found;
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Starts the browser. The sandbox needs a user that is not root. */
export function launch() {
  const args = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  return chromium.launch({ executablePath: findChromium(), args });
}

/** Builds a binary or example of this project and says where it is. */
export function build(...args) {
  const built = spawnSync('cargo', ['build', '--quiet', ...args], { cwd: ROOT, stdio: 'inherit' });
  if (built.status !== 0) throw new Error(`cargo build ${args.join(' ')} failed`);
  const name = args.at(-1);
  return join(TARGET, 'debug', args.includes('--example') ? 'examples' : '', name);
}

/**
 * Runs a command that prints `viewer: URL` on its standard error, and gives the URL.
 * @returns {Promise<{url: string, child: import('node:child_process').ChildProcess, ended: Promise<number | null>}>}
 */
export function startViewer(command, args = [], options = {}) {
  const child = spawn(command, args, { stdio: ['pipe', 'ignore', 'pipe'], ...options });
  const ended = new Promise((resolve) => child.on('exit', (code) => resolve(code)));
  return new Promise((resolve, reject) => {
    let text = '';
    child.on('error', reject);
    child.stderr.on('data', (data) => {
      text += data;
      const url = /viewer: (http\S+)/.exec(text)?.[1];
      if (url) resolve({ url, child, ended });
    });
    ended.then((code) => reject(new Error(`ended with ${code} before it served: ${text}`)));
  });
}

/** The parts of a message of the live channel; viewer/src/wire.rs says how they are packed. @param {Buffer} message */
function* parts(message) {
  for (let at = 0; at < message.length; ) {
    const id = message.toString('utf8', at + 1, at + 1 + message[at]);
    at += 1 + message[at];
    const end = at + 4 + message.readUInt32LE(at);
    const bytes = inflateRawSync(message.subarray(at + 4, end));
    at = end;
    const length = bytes.readUInt32LE(0);
    const part = JSON.parse(bytes.toString('utf8', 4, 4 + length));
    let column = 4 * Math.ceil((4 + length) / 4);
    for (const [layer, name, kind, n] of part.columns ?? []) {
      const size = { i16: 2, 'i16+': 2, 'i32+': 4, u8: 1 }[kind];
      let sum = 0;
      part.figure.layers[layer][name] = Array.from({ length: n }, (_, i) => {
        const value = size === 1 ? bytes[column + i] : bytes.readIntLE(column + i * size, size);
        return (sum = kind.endsWith('+') ? sum + value : value);
      });
      column += 4 * Math.ceil((n * size) / 4);
    }
    yield [id, part];
  }
}

/**
 * Slows a page's scripts down by TASKREEL_THROTTLE, if that is set: so are tests found that pass on a fast
 * machine only. @param {import('playwright-core').Page} page
 */
export async function throttle(page) {
  const rate = Number(process.env.TASKREEL_THROTTLE ?? 1);
  if (rate > 1) await (await page.context().newCDPSession(page)).send('Emulation.setCPUThrottlingRate', { rate });
}

/** Waits until a page's scripts have taken over: before that, what a test does there may have no effect. */
export const ready = (page) => page.locator('html[data-ready]').waitFor({ state: 'attached', timeout: 60_000 });

/** Goes to an address, and waits until one can act on its page. */
export async function visit(page, url) {
  const answer = await page.goto(url);
  await ready(page);
  return answer;
}

/** Does what leads to another page, and waits until one can act on that. @param {() => Promise<unknown>} act */
export async function follow(page, act) {
  await Promise.all([page.waitForEvent('domcontentloaded', { timeout: 60_000 }), act()]);
  await ready(page);
}

/**
 * A page that keeps account of what went wrong on it, of where it sent requests, and of what it showed
 * after each message that it received.
 */
export async function watchedPage(browser, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 720 }, ...options });
  const page = await context.newPage();
  await throttle(page);
  const seen = { errors: [], hosts: new Set(), frames: [], bytes: [] };
  page.on('console', (message) => {
    // WebGL in software says of itself that it is slow.
    const isDriver = message.text().includes('GL Driver Message');
    if (!isDriver && ['error', 'warning'].includes(message.type())) seen.errors.push(message.text());
  });
  page.on('pageerror', (error) => seen.errors.push(String(error)));
  page.on('request', (request) => seen.hosts.add(new URL(request.url()).host));
  page.on('websocket', (socket) => {
    seen.hosts.add(new URL(socket.url()).host);
    const shown = { figures: {} };
    socket.on('framereceived', ({ payload }) => {
      for (const [id, part] of parts(Buffer.from(payload))) {
        if (part.figure) shown.figures[id] = part.figure;
        else shown[id] = part;
      }
      seen.bytes.push(payload.length);
      seen.frames.push({ ...shown, figures: { ...shown.figures } });
    });
  });
  return { page, seen, close: () => context.close() };
}

/** Serve on a port that is free. */
export const VIEW = ['--view', '127.0.0.1:0'];

/**
 * What the tests of a file share: a browser, the command `reel`, the example `playback` and a folder that
 * goes with them. All is there when the first test runs.
 * @typedef {{browser?: import('playwright-core').Browser, reel?: string, playback?: string, scratch?: string}} Stage
 * @param {(on: Stage) => void} prepare puts files into the folder
 */
export function stage(prepare = () => {}) {
  /** @type {Stage} */
  const on = {};
  before(async () => {
    on.playback = build('-p', 'taskreel-viewer', '--example', 'playback');
    on.reel = build('--bin', 'reel');
    on.browser = await launch();
    on.scratch = mkdtempSync(join(tmpdir(), 'taskreel-browser-'));
    prepare(on);
  });
  after(async () => {
    await on.browser?.close();
    if (on.scratch) rmSync(on.scratch, { recursive: true, force: true });
  });
  return on;
}

/**
 * A job that goes on until a test lets it end, however slow the page is: 24 short tasks, one that waits,
 * and 8 that follow it.
 * @param {Stage} on @param {string} name
 */
export function heldJob(on, name) {
  const [file, gate] = [join(on.scratch, `${name}.toml`), join(on.scratch, `${name}-may-end`)];
  const task = (key, run, needs = []) => `[[task]]\nkey = "${key}"\nrun = "${run}"\nneeds = ${JSON.stringify(needs)}\n`;
  const numbered = (n, make) => Array.from({ length: n }, (_, i) => make(i));
  const tasks = [
    ...numbered(24, (i) => task(`read-${i}`, 'sleep 0.02')),
    task('wait', `until [ -e '${gate}' ]; do sleep 0.05; done`, ['read-0']),
    ...numbered(8, (i) => task(`write-${i}`, 'sleep 0.02', ['wait'])),
  ];
  writeFileSync(file, tasks.join(''));
  return { file, tasks: tasks.length, end: () => writeFileSync(gate, '') };
}

/** What a browser says of a connection that has ended. */
const ENDED = /WebSocket connection|ERR_CONN/;

/**
 * Opens a page of what a command shows. Afterwards nothing may have gone wrong on it, it must have asked
 * nobody but its viewer, and no script of a trace may have run.
 * @param {Stage} on
 * @param {(string | undefined)[]} command a program and its arguments
 * @param {string} path of the page
 * @param {(page: import('playwright-core').Page, seen: any, viewer: Awaited<ReturnType<typeof startViewer>>) => Promise<void>} check
 * @param {{mayEnd?: boolean} & import('playwright-core').BrowserContextOptions} options `mayEnd`: the viewer does before the page
 */
export async function onPage(on, [command, ...args], path, check, { mayEnd, ...options } = {}) {
  const viewer = await startViewer(command, args, { cwd: on.scratch });
  const { page, seen, close } = await watchedPage(on.browser, options);
  page.on('dialog', (dialog) => assert.fail(`a script of the trace ran: ${dialog.message()}`));
  try {
    await page.goto(viewer.url + path);
    if (options.javaScriptEnabled !== false) await ready(page);
    await check(page, seen, viewer);
    assert.deepEqual(seen.errors.filter((text) => !mayEnd || !ENDED.test(text)), [], 'nothing on the console');
    assert.deepEqual([...seen.hosts], [new URL(viewer.url).host], 'no other host');
  } finally {
    await close();
    viewer.child.stdin.end();
    viewer.child.kill('SIGINT');
    await viewer.ended;
  }
}

/** The text of an element, by id. */
export const text = (page, id) => page.locator(`#${id}`).innerText();

/** Waits until the page shows the run up to a place in its log: a frame that has come is not on the screen yet. */
export const shows = (page, seq) => page.locator(`#strip[aria-valuetext$="event ${seq}"]`).waitFor({ timeout: 30_000 });

/** Waits until the badge says so. */
export const badge = (page, kind) =>
  page.locator(`#badge[data-kind="${kind}"]`).waitFor({ timeout: 30_000 });

/**
 * Colours on a plot's canvas: how many pixels of each within a rectangle of CSS pixels.
 * @returns {Promise<Record<string, number>>} by `#rrggbb`
 */
export function pixels(page, plot, { left, top, width, height }) {
  return page.evaluate(
    async ([plot, left, top, width, height]) => {
      // What has come is drawn with the next frame of the screen.
      await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
      const canvas = /** @type {HTMLCanvasElement} */ (document.querySelector(`[data-plot="${plot}"] canvas`));
      // A copy, since reading back the page's own canvas would slow its drawing down.
      const copy = new OffscreenCanvas(width, height).getContext('2d');
      copy.drawImage(canvas, -left, -top);
      const { data } = copy.getImageData(0, 0, width, height);
      const counts = {};
      for (let i = 0; i < data.length; i += 4) {
        const hex = [data[i], data[i + 1], data[i + 2]].map((n) => n.toString(16).padStart(2, '0'));
        const color = `#${hex.join('')}`;
        counts[color] = (counts[color] ?? 0) + 1;
      }
      return counts;
    },
    [plot, left, top, width, height],
  );
}

/** Waits until a condition on what was seen holds, and gives what it gave. */
export async function until(page, check, what) {
  for (let i = 0; i < 400; i++) {
    const found = check();
    if (found) return found;
    await page.waitForTimeout(25);
  }
  throw new Error(`never: ${what}`);
}
