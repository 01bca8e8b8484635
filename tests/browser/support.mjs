// What the browser tests share: a viewer as a child process, and the system's Chromium watching it.

import { spawn, spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
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

/**
 * A page that keeps account of what went wrong on it, of where it sent requests, and of the frames
 * it received.
 */
export async function watchedPage(browser, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 720 }, ...options });
  const page = await context.newPage();
  const seen = { errors: [], hosts: new Set(), frames: [] };
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') seen.errors.push(message.text());
  });
  page.on('pageerror', (error) => seen.errors.push(String(error)));
  page.on('request', (request) => seen.hosts.add(new URL(request.url()).host));
  page.on('websocket', (socket) => {
    seen.hosts.add(new URL(socket.url()).host);
    socket.on('framereceived', ({ payload }) => seen.frames.push(JSON.parse(String(payload))));
  });
  return { page, seen, close: () => context.close() };
}

/** The text of an element, by id. */
export const text = (page, id) => page.locator(`#${id}`).innerText();

/** Waits until the badge says so. */
export const badge = (page, kind) =>
  page.locator(`#badge[data-kind="${kind}"]`).waitFor({ timeout: 30_000 });

/**
 * Colours on a plot's canvas: how many pixels of each within a rectangle of CSS pixels.
 * @returns {Promise<Record<string, number>>} by `#rrggbb`
 */
export function pixels(page, plot, { left, top, width, height }) {
  return page.evaluate(
    ([plot, left, top, width, height]) => {
      const canvas = document.querySelector(`[data-plot="${plot}"] canvas`);
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
