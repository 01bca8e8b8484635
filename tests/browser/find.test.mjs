// Search, selection, the story of a task and the pages, in a real browser.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { badge, build, launch, startViewer, text, until, watchedPage } from './support.mjs';

let browser;
let playback;

before(async () => {
  playback = build('-p', 'taskreel-viewer', '--example', 'playback');
  browser = await launch();
});

after(() => browser?.close());

async function onPage(mode, path, check, options = {}) {
  const viewer = await startViewer(playback, [mode, '32']);
  const opened = await watchedPage(browser, options);
  try {
    await opened.page.goto(viewer.url + path);
    await badge(opened.page, 'finished');
    await check(opened.page, opened.seen, viewer.url);
    assert.deepEqual(opened.seen.errors, [], 'nothing on the console');
    assert.deepEqual([...opened.seen.hosts], [new URL(viewer.url).host], 'no other host');
  } finally {
    await opened.close();
    viewer.child.stdin.end();
    await viewer.ended;
  }
}

const stream = (seen) => seen.frames.at(-1)?.figures['task-stream'];

/** How much time the task stream shows, in ns. */
const length = (seen) => stream(seen) && stream(seen).window_ns[1] - stream(seen).window_ns[0];

test('a search goes from match to match, and the window goes along', () =>
  onPage('finished', '', async (page, seen) => {
    const whole = await until(page, () => length(seen), 'a task stream');
    await page.keyboard.press('/');
    await page.keyboard.type('count-1');
    await page.keyboard.press('Enter');
    await page.locator('#found').filter({ hasText: /^1 of 11: count-1/ }).waitFor();
    const first = await until(page, () => length(seen) < whole && stream(seen).window_ns, 'zoomed in');
    assert.match(page.url(), /window=\d+-\d+/);
    await page.keyboard.press('Escape');
    await page.locator('#find').fill('count-1');
    await page.keyboard.press('Enter');
    await page.locator('#found').filter({ hasText: /^1 of 11/ }).waitFor();
    await page.locator('#find').blur();
    await page.keyboard.press('n');
    await page.locator('#found').filter({ hasText: /^2 of 11/ }).waitFor();
    await until(page, () => String(stream(seen).window_ns) !== String(first), 'elsewhere');
    await page.keyboard.press('N');
    await page.locator('#found').filter({ hasText: /^1 of 11/ }).waitFor();
    await page.keyboard.press('f');
    await until(page, () => length(seen) === whole, 'the whole run');
  }));

test('a selection has statistics, which a link carries on', () =>
  onPage('finished', '', async (page, seen, url) => {
    const canvas = page.locator('[data-plot="task-stream"] canvas');
    await canvas.waitFor();
    const { frame, window_ns: window } = stream(seen);
    const box = await canvas.boundingBox();
    const x = (share) => box.x + frame.left + frame.width * share;
    await page.keyboard.down('Shift');
    await page.mouse.move(x(0.0), box.y + 60);
    await page.mouse.down();
    await page.mouse.move(x(0.5), box.y + 60, { steps: 5 });
    await page.mouse.move(x(1), box.y + 60, { steps: 5 });
    await page.mouse.up();
    await page.keyboard.up('Shift');
    const cells = page.locator('#selection-table tbody tr').first().locator('td');
    // All attempts of the run: 74 tasks, of which one runs again before it fails for good.
    await page.locator('#selection-table tbody tr').first().filter({ hasText: /all\s*7[4-9]/ }).waitFor();
    const [, from, to] = /select=(\d+)-(\d+)/.exec(page.url());
    assert.ok(Number(from) === 0 && Number(to) >= window[1] * 0.99, `${from}-${to}`);
    const told = await page.evaluate(async ([from, to]) => (await fetch(`api/selection?from=${from}&to=${to}`)).json(), [from, to]);
    assert.equal(await cells.nth(1).innerText(), String(told.all.count));
    assert.equal(told.all.count, told.prefixes.reduce((sum, share) => sum + share.count, 0));
    assert.ok(told.idle_share > 0 && told.idle_share < 1);
    await page.locator('#select-prefix').selectOption('read');
    await page.locator('#selection-table tbody tr').first().filter({ hasText: /all\s*32/ }).waitFor();

    await page.getByRole('link', { name: 'Tasks', exact: true }).click();
    await page.waitForURL(/\/tasks\?/);
    await page.locator('#selection:not([hidden])').waitFor();
    await page.locator('#unselect').click();
    await page.locator('#selection').waitFor({ state: 'hidden' });
    assert.ok(!page.url().includes('select='));
    assert.ok(page.url().startsWith(url));
  }));

test('a click opens the story of a task, and links lead on', () =>
  onPage('finished', 'tasks', async (page, seen) => {
    const canvas = page.locator('[data-plot="task-stream"] canvas');
    await canvas.waitFor();
    const figure = stream(seen);
    const layer = figure.layers.find((l) => l.kind === 'rects' && l.label.some((i) => figure.strings[i]?.startsWith('count-')));
    const i = layer.label.findIndex((label) => figure.strings[label]?.startsWith('count-'));
    const key = /^count-\d+/.exec(figure.strings[layer.label[i]])[0];
    await canvas.click({
      position: {
        x: figure.frame.left + layer.x[i] + layer.width[i] / 2,
        y: figure.frame.top + layer.y[i] + layer.height[i] / 2,
      },
    });
    await page.waitForURL(/\/task\/\d+/);
    assert.equal(await page.locator('#story-heading bdi').innerText(), key);
    const events = await page.locator('.story tbody td:nth-child(3)').allInnerTexts();
    assert.ok(['TaskSubmitted', 'TaskAssigned', 'TaskStarted', 'TaskFinished'].every((name) => events.includes(name)), events.join());
    const waitedFor = page.locator('.card.half').first().locator('a');
    assert.equal(await waitedFor.innerText(), key.replace('count', 'read'));
    await waitedFor.click();
    await page.locator('#story-heading').filter({ hasText: key.replace('count', 'read') }).waitFor();
    await page.locator('.story tbody a').nth(2).click();
    await badge(page, 'past');
    assert.match(page.url(), /at=event:\d+/);
  }));

test('every page shows its plots and nothing goes wrong, also for hostile names', async () => {
  for (const mode of ['finished', 'hostile']) {
    await onPage(mode, '', async (page) => {
      page.on('dialog', (dialog) => assert.fail(`a script of the trace ran: ${dialog.message()}`));
      const links = await page.locator('nav.pages a').evaluateAll((links) => links.map((link) => link.getAttribute('href')));
      assert.ok(links.length >= 7, links.join());
      for (const link of links) {
        await page.goto(new URL(link, page.url()).href);
        await badge(page, 'finished');
        const plots = await page.locator('[data-plot]').count();
        await page.waitForFunction((n) => document.querySelectorAll('[data-plot] canvas').length === n, plots);
        assert.equal(await page.locator('img[src="x"]').count(), 0, link);
        const [need, have] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
        assert.ok(need <= have, `${link}: ${need} ≤ ${have}`);
      }
      await page.goto(new URL('errors', page.url()).href);
      await page.locator('#errors tbody a').first().click();
      await page.waitForURL(/\/task\/\d+/);
      assert.match(await text(page, 'story-heading'), /check/);
      assert.ok((await page.locator('tr[data-event="TaskFailed"]').count()) >= 1);
    });
  }
});
