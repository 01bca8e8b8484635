// The page that `reel export --format html` writes, opened from its file: no server, no network.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { badge, pixels, ready, ROOT, stage, text, throttle } from './support.mjs';

const on = stage();

/** Opens a file in a browser without network; it must end without complaint and ask nobody. */
async function onFile(file, check, options = {}) {
  const context = await on.browser.newContext({ viewport: { width: 1280, height: 720 }, offline: true, ...options });
  const page = await context.newPage();
  await throttle(page);
  const errors = [];
  const asked = [];
  page.on('console', (message) => ['error', 'warning'].includes(message.type()) && errors.push(message.text()));
  page.on('pageerror', (error) => errors.push(String(error)));
  page.on('dialog', (dialog) => assert.fail(`a script of the trace ran: ${dialog.message()}`));
  page.on('request', (request) => request.url().startsWith('data:') || asked.push(request.url()));
  await page.goto(`file://${file}`);
  await ready(page);
  await badge(page, 'finished');
  await page.locator('[data-plot="task-stream"]:visible canvas').waitFor();
  await check(page);
  assert.deepEqual(errors, [], 'nothing on the console');
  assert.ok(asked.every((url) => url.startsWith(`file://${file}`)), `asked for ${asked}`);
  await context.close();
}

function exported(mode, name) {
  const file = join(on.scratch, name);
  const made = spawnSync(on.playback, [mode, '48', '--html', file]);
  assert.equal(made.status, 0, String(made.stderr));
  assert.ok(statSync(file).size < 25_000_000);
  return file;
}

/** Where a task of a prefix is drawn on the page's task stream: its key, and a point. */
async function task(page, prefix) {
  const canvas = page.locator('[data-plot="task-stream"]:visible canvas');
  const box = await canvas.boundingBox();
  for (let y = 12; y < box.height; y += 9) {
    for (let x = 100; x < box.width - 10; x += 14) {
      await page.mouse.move(box.x + x, box.y + y);
      const tip = await page.locator('#tip').textContent();
      if ((await page.locator('#tip').isVisible()) && tip.startsWith(prefix)) return { key: tip.split(/[\s\n·]/)[0], x: box.x + x, y: box.y + y };
    }
  }
  throw new Error(`no task of ${prefix} is drawn`);
}

test('the page shows the run from its file: pages, hover, story, search, selection and time', async () => {
  await onFile(exported('finished', 'run.html'), async (page) => {
    assert.equal(await text(page, 'title'), 'wordcount');
    assert.equal(await text(page, 'total-tasks'), '110');
    for (const name of ['Tasks', 'Graph', 'Workers', 'Transfers', 'Errors', 'Prefixes', 'System', 'Explain', 'About', 'Status']) {
      await page.getByRole('link', { name, exact: true }).click();
      const waiting = '[data-section]:not([hidden]) [data-plot] .picture:empty';
      await page.waitForFunction((selector) => document.querySelectorAll(selector).length === 0, waiting);
      const [need, have] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
      assert.ok(need <= have, `${name}: ${need} ≤ ${have}`);
      assert.equal(await page.evaluate(() => scrollY), 0, `${name} begins at its top`);
    }
    await page.getByRole('link', { name: 'Workers', exact: true }).click();
    await page.reload();
    await ready(page);
    await page.locator('[data-section="workers"] canvas').first().waitFor();
    assert.equal(await page.evaluate(() => scrollY), 0, 'a link to a part of it, too');
    await page.getByRole('link', { name: 'Status', exact: true }).click();
    await page.locator('[data-plot="task-stream"]:visible canvas').waitFor();
    const colors = await pixels(page, 'task-stream', { left: 90, top: 5, width: 500, height: 150 });
    assert.ok(Object.keys(colors).length > 4, 'the task stream is drawn');

    // Zoom, and what lies under the pointer then.
    const canvas = page.locator('[data-plot="task-stream"]:visible canvas');
    const box = await canvas.boundingBox();
    await page.mouse.move(box.x + box.width / 2, box.y + 40);
    await page.mouse.wheel(0, -500);
    await page.waitForFunction(() => /window=\d+-\d+/.test(location.search));
    const found = await task(page, 'count');
    await page.mouse.click(found.x, found.y);
    await page.locator('#story:not([hidden])').waitFor();
    assert.equal(await text(page, 'story-key'), found.key);
    assert.match(await text(page, 'story-needs'), /read-/);
    await page.locator('#unpick').click();

    await page.locator('#find').fill('count-1');
    await page.keyboard.press('Enter');
    await page.locator('#found').filter({ hasText: /^1 of \d+: count-1/ }).waitFor();
    await page.locator('#find').blur();
    await page.keyboard.press('n');
    await page.locator('#found').filter({ hasText: /^2 of/ }).waitFor();
    await page.keyboard.press('f');

    await page.keyboard.down('Shift');
    await page.mouse.move(box.x + 120, box.y + 40);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width - 20, box.y + 40, { steps: 4 });
    await page.mouse.up();
    await page.keyboard.up('Shift');
    await page.locator('#selection-table tbody tr').nth(1).waitFor();
    const all = Number(await page.locator('#selection-table tbody tr').first().locator('td').nth(1).innerText());
    assert.ok(all > 50 && all <= 115, `${all} executions`);
    await page.locator('#unselect').click();

    // Back in time: totals are those of an instant that is kept.
    await page.locator('#strip').focus();
    await page.keyboard.press('Home');
    await badge(page, 'past');
    assert.equal(await text(page, 'total-done'), '0');
    await page.keyboard.press('e');
    await page.waitForFunction(() => document.getElementById('total-done').textContent !== '0');
    await page.keyboard.press('l');
    await badge(page, 'finished');

    await page.getByRole('link', { name: 'Errors', exact: true }).click();
    assert.match(await page.locator('#errors tbody tr').first().innerText(), /check-/);
  });
});

test('names that try to be markup are text on every page of it', () =>
  onFile(exported('hostile', 'hostile.html'), async (page) => {
    assert.match(await text(page, 'title'), /^<script>alert\(1\)<\/script>/);
    for (const link of await page.locator('[data-go]').all()) {
      await link.click();
      assert.equal(await page.locator('img[src="x"]').count(), 0);
    }
    assert.equal(await page.locator('main script').count(), 0);
    assert.match(await page.locator('#prefixes tbody td').first().textContent(), /<script>.*�.*read$/);
  }));

test('the command writes one from a trace, and a phone shows it', async () => {
  const file = join(on.scratch, 'failures.html');
  const made = spawnSync(on.reel, ['export', join(ROOT, 'traces/v1/failures.reel'), '--format', 'html', '-o', file]);
  assert.equal(made.status, 0, String(made.stderr));
  await onFile(
    file,
    async (page) => {
      assert.equal(await text(page, 'total-erred'), '3');
      const [need, have] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
      assert.ok(need <= have, `${need} ≤ ${have}`);
    },
    { viewport: { width: 390, height: 844 }, colorScheme: 'dark' },
  );
});
