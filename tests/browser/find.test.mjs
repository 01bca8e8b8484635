// Search, selection, the story of a task and the pages, in a real browser.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { badge, follow, onPage as opened, ready, stage, text, until, visit } from './support.mjs';

const on = stage();

const onPage = (mode, path, check, options = {}) =>
  opened(on, [on.playback, mode, '32'], path, async (page, seen, viewer) => {
    await badge(page, 'finished');
    await check(page, seen, viewer.url);
  }, options);

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
    await page.waitForURL(/window=\d+-\d+/);
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
    const selected = () => /select=(\d+)-(\d+)/.exec(page.url()) ?? [];
    const [, from, to] = await until(page, () => Number(selected()[2]) >= window[1] * 0.99 && selected(), 'the selection in the address');
    assert.equal(Number(from), 0);
    const told = await page.evaluate(async ([from, to]) => (await fetch(`api/selection?from=${from}&to=${to}`)).json(), [from, to]);
    assert.equal(await cells.nth(1).innerText(), String(told.all.count));
    assert.equal(told.all.count, told.prefixes.reduce((sum, share) => sum + share.count, 0));
    assert.ok(told.idle_share > 0 && told.idle_share < 1);
    await page.locator('[data-plot="task-stream"] [data-filter="prefix"]').selectOption('read');
    await page.locator('#selection-table tbody tr').first().filter({ hasText: /all\s*32/ }).waitFor();
    const isRead = (label) => /^read-/.test(label);
    const labels = () => stream(seen).strings.filter((text) => / on worker-/.test(text) && !/^Transfer/.test(text));
    await until(page, () => labels().length > 0 && labels().every(isRead), 'only that prefix in the stream');
    await page.locator('[data-plot="task-stream"] [data-filter="worker"]').selectOption({ label: 'worker-1' });
    await until(page, () => stream(seen).y.groups.length === 1, 'only that worker in the stream');
    assert.equal(stream(seen).y.groups[0].label, 'worker-1');
    await page.waitForURL(/prefix=read&worker=1/);

    await follow(page, () => page.getByRole('link', { name: 'Tasks', exact: true }).click());
    assert.match(page.url(), /\/tasks\?/);
    await page.locator('#selection:not([hidden])').waitFor();
    await page.locator('#unselect').click();
    await page.locator('#selection').waitFor({ state: 'hidden' });
    await page.waitForURL((address) => !address.search.includes('select='));
    assert.ok(page.url().startsWith(url));
  }));

/** Where a glyph of a key is on the page. */
async function glyph(page, figure, key) {
  const box = await page.locator('[data-plot="task-stream"] canvas').boundingBox();
  for (const layer of figure.layers.filter((l) => l.kind === 'rects')) {
    const i = layer.label.findIndex((label) => figure.strings[label]?.startsWith(`${key} `));
    if (i < 0) continue;
    const x = box.x + figure.frame.left + layer.x[i] + layer.width[i] / 2;
    return { x, y: box.y + figure.frame.top + layer.y[i] + layer.height[i] / 2 };
  }
  throw new Error(`${key} is not drawn`);
}

test('a click picks a task: what it waited for, what waited for it, its story', () =>
  onPage('finished', '', async (page, seen) => {
    await page.locator('[data-plot="task-stream"] canvas').waitFor();
    const figure = await until(page, () => stream(seen), 'a task stream');
    const at = await glyph(page, figure, 'count-7');
    const before = await page.screenshot();
    await page.mouse.click(at.x, at.y);
    await page.locator('#story-key').filter({ hasText: /^count-7$/ }).waitFor();
    await page.locator('#story-needs button').filter({ hasText: /^read-7$/ }).waitFor();
    await page.locator('#story-needed-by button').filter({ hasText: /^merge-/ }).waitFor();
    assert.match(await text(page, 'story-ran'), /^ran [\d.]+ ms from [\d.]+ (s|ms) on, .* after the last/);
    await page.waitForURL(/task=\d+/);
    assert.ok(!before.equals(await page.screenshot()), 'arrows are drawn');

    // `f` looks at it, and then at the whole run again.
    const whole = length(seen);
    await page.keyboard.press('f');
    await until(page, () => length(seen) < whole * 0.9, 'zoomed in');
    await page.keyboard.press('f');
    await until(page, () => length(seen) === whole, 'the whole run');

    // The link shows the same; what waited for it can be picked in turn.
    await page.reload();
    await ready(page);
    await page.locator('#story-key').filter({ hasText: /^count-7$/ }).waitFor();
    await page.locator('#story-needs button').click();
    await page.locator('#story-key').filter({ hasText: /^read-7$/ }).waitFor();
    await follow(page, () => page.locator('#story-link').click());
    assert.match(page.url(), /\/task\/\d+/);
    assert.equal(await page.locator('#story-heading bdi').innerText(), 'read-7');
    const events = await page.locator('.story tbody td:nth-child(3)').allInnerTexts();
    assert.ok(['TaskSubmitted', 'TaskAssigned', 'TaskStarted', 'TaskFinished'].every((name) => events.includes(name)), events.join());
    await follow(page, () => page.locator('.story tbody a').nth(2).click());
    await badge(page, 'past');
    assert.match(page.url(), /at=event:\d+/);
  }));

test('the critical path ends where the run ends, each link after the one before', () =>
  onPage('finished', '', async (page, seen) => {
    await until(page, () => stream(seen), 'a task stream');
    const told = await page.evaluate(async () => (await fetch('api/critical-path')).json());
    assert.match(told.links.at(-1).key, /^total/);
    assert.match(told.links[0].key, /^read-/);
    assert.ok(told.links.every((link, i) => i === 0 || link.start_ns >= told.links[i - 1].stop_ns));
    const before = await page.locator('[data-plot="task-stream"]').screenshot();
    await page.keyboard.press('c');
    const button = page.locator('[data-key="c"]:visible');
    await page.locator('[data-key="c"][aria-pressed="true"]').first().waitFor();
    await page.waitForURL(/path=1/);
    await page.waitForTimeout(100);
    assert.ok(!before.equals(await page.locator('[data-plot="task-stream"]').screenshot()), 'it is drawn');
    await button.first().click();
    await page.waitForURL((url) => !url.search.includes('path'));
  }));

test('WASD and arrows move and zoom', () =>
  onPage('finished', '', async (page, seen) => {
    await until(page, () => stream(seen), 'a task stream');
    const whole = length(seen);
    await page.keyboard.press('w');
    await page.keyboard.press('w');
    const zoomed = await until(page, () => length(seen) < whole * 0.6 && stream(seen).window_ns, 'zoomed in');
    const from = () => stream(seen).window_ns[0];
    for (const [key, isRight] of [['d', true], ['a', false], ['ArrowRight', true], ['ArrowLeft', false]]) {
      const at = from();
      await page.keyboard.press(key);
      await until(page, () => (isRight ? from() > at : from() < at), key);
    }
    await page.keyboard.press('s');
    await until(page, () => length(seen) > zoomed[1] - zoomed[0], 'zoomed out');
    await page.keyboard.press('?');
    await page.getByRole('heading', { name: 'Keys' }).waitFor();
  }));

test('every page shows its plots and nothing goes wrong, also for hostile names', async () => {
  for (const mode of ['finished', 'hostile']) {
    await onPage(mode, '', async (page) => {
      const links = await page.locator('nav.pages a').evaluateAll((links) => links.map((link) => link.getAttribute('href')));
      assert.ok(links.length >= 7, links.join());
      for (const link of links) {
        await visit(page, new URL(link, page.url()).href);
        await badge(page, 'finished');
        const plots = await page.locator('[data-plot]').count();
        await page.waitForFunction((n) => document.querySelectorAll('[data-plot] canvas').length === n, plots);
        assert.equal(await page.locator('img[src="x"]').count(), 0, link);
        const [need, have] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
        assert.ok(need <= have, `${link}: ${need} ≤ ${have}`);
      }
      await visit(page, new URL('errors', page.url()).href);
      await follow(page, () => page.locator('#errors tbody a').first().click());
      assert.match(page.url(), /\/task\/\d+/);
      assert.match(await text(page, 'story-heading'), /check/);
      assert.ok((await page.locator('tr[data-event="TaskFailed"]').count()) >= 1);
    });
  }
});
