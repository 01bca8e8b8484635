// The viewer's page in a real browser, on a made-up run: see viewer/examples/playback.rs.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { badge, onPage as opened, pixels, ready, stage, startViewer, text, until, visit, watchedPage } from './support.mjs';

const on = stage();

/** Opens the page of a made-up run. */
const onPage = (mode, check, options = {}) => opened(on, [on.playback, ...mode], '', check, options);

/** Colours of prefixes: the first 18 of a theme. */
const themes = (page) => page.evaluate(async () => (await fetch('assets/themes.json')).json());

test('a live run, from its beginning to its end', () =>
  onPage(['held', '32'], async (page, seen, viewer) => {
    assert.equal(await text(page, 'total-tasks'), '0');
    assert.match(await text(page, 'empty'), /No task|Waiting for the first task/);
    // It stands at an instant at which tasks run on most slots, however slow the page is.
    viewer.child.stdin.write('600\n');
    await badge(page, 'live');

    // Running tasks reach the right edge of the stream, and grow from frame to frame.
    const { colors } = (await themes(page)).light;
    const prefixes = new Set(colors.slice(0, 18));
    const others = new Set(colors.slice(18));
    await page.waitForFunction(() => Number(document.getElementById('total-executing').textContent) >= 6);
    const { frame } = seen.frames.at(-1).figures['task-stream'];
    const edge = { left: frame.left + frame.width - 4, top: frame.top, width: 1, height: frame.height };
    const atEdge = await pixels(page, 'task-stream', edge);
    // Running ones may be paler than finished ones: all that is no lane, grid or transfer counts.
    const drawn = Object.entries(atEdge).filter(([color]) => !others.has(color));
    const sum = drawn.reduce((sum, [, n]) => sum + n, 0);
    assert.ok(sum > frame.height / 4, `running tasks at the edge: ${JSON.stringify(atEdge)}`);
    const lives = () => seen.frames.filter((f) => f.words.kind === 'live').map((f) => f.words.now_ns);
    const before = lives().length;
    await until(page, () => lives().length > before + 3, 'the page is kept up to date');
    viewer.child.stdin.write('\n');

    await badge(page, 'finished');
    const tasks = 32 + 32 + 4 + 5 + 1;
    assert.equal(await text(page, 'total-tasks'), String(tasks));
    assert.equal(await text(page, 'total-executing'), '0');
    assert.equal(await text(page, 'total-left'), '0');
    assert.equal(await text(page, 'total-done'), String(tasks - 1));
    assert.equal(await text(page, 'total-erred'), '1');
    const all = await pixels(page, 'task-stream', frame);
    const kinds = Object.keys(all).filter((color) => prefixes.has(color));
    assert.ok(kinds.length >= 3, `several prefixes are drawn: ${kinds}`);
    for (const plot of ['progress', 'workers']) {
      const figure = seen.frames.at(-1).figures[plot];
      const colors = await pixels(page, plot, figure.frame);
      assert.ok(Object.keys(colors).length > 3, `${plot} is drawn`);
    }
  }));

test('zoom, pan and back to the whole run', () =>
  onPage(['finished', '32'], async (page, seen) => {
    await badge(page, 'finished');
    const canvas = page.locator('[data-plot="task-stream"] canvas');
    await canvas.waitFor();
    const last = () => seen.frames.at(-1)?.figures['task-stream']?.window_ns;
    const settled = async (check) => {
      for (let i = 0; i < 200 && !(last() && check(last())); i++) await page.waitForTimeout(25);
      assert.ok(check(last()), `window ${last()}`);
      return last();
    };
    const [, end] = await settled(([from]) => from === 0);
    const box = await canvas.boundingBox();
    await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
    await page.mouse.wheel(0, -300);
    const zoomed = await settled(([from, to]) => from > 0 && to < end);

    await page.mouse.down();
    await page.mouse.move(box.x + box.width / 2 - 120, box.y + box.height / 2, { steps: 4 });
    await page.mouse.up();
    const moved = await settled(([from]) => from > zoomed[0]);
    assert.ok(Math.abs(moved[1] - moved[0] - (zoomed[1] - zoomed[0])) < 10, 'panning keeps the span');

    await canvas.focus();
    await page.keyboard.press('ArrowLeft');
    await settled(([from]) => from < moved[0]);
    await canvas.dblclick();
    await settled(([from, to]) => from === 0 && to === end);
    await page.getByRole('button', { name: 'Zoom in' }).click();
    await settled(([from, to]) => to - from < end);
    await page.getByRole('button', { name: 'All' }).click();
    await settled(([from, to]) => from === 0 && to === end);
  }));

test('hovering tells which task it is', () =>
  onPage(['finished', '16'], async (page, seen) => {
    await badge(page, 'finished');
    await page.locator('[data-plot="task-stream"] canvas').waitFor();
    const figure = seen.frames.at(-1).figures['task-stream'];
    const layer = figure.layers.find((l) => l.kind === 'rects' && l.label.some((i) => i >= 0));
    const widest = layer.width
      .map((width, i) => ({ width, i }))
      .filter(({ i }) => layer.label[i] >= 0)
      .sort((a, b) => b.width - a.width)[0].i;
    const box = await page.locator('[data-plot="task-stream"] canvas').boundingBox();
    const x = box.x + figure.frame.left + layer.x[widest] + layer.width[widest] / 2;
    const y = box.y + figure.frame.top + layer.y[widest] + layer.height[widest] / 2;
    await page.mouse.move(x, y);
    await page.locator('#tip').waitFor();
    assert.equal(await page.locator('#tip').textContent(), figure.strings[layer.label[widest]]);
    await page.mouse.move(2, 2);
    await page.locator('#tip').waitFor({ state: 'hidden' });
  }));

test('a cluster that dies leaves the page usable', async () => {
  const viewer = await startViewer(on.playback, ['held', '64']);
  const { page, close } = await watchedPage(on.browser);
  await visit(page, viewer.url);
  viewer.child.stdin.write('\n');
  await page.waitForFunction(() => document.getElementById('total-done').textContent !== '0');
  viewer.child.kill('SIGKILL');
  await badge(page, 'disconnected');
  assert.match(await text(page, 'banner'), /The cluster is gone; showing what was received/);
  assert.notEqual(await text(page, 'total-done'), '0', 'what was received stays');
  await page.getByRole('button', { name: 'Zoom in' }).click();
  await page.getByRole('link', { name: 'Workers', exact: true }).click();
  assert.match(await text(page, 'banner'), /this page stays/, 'another page is none, and this one is not given up for it');
  assert.notEqual(await text(page, 'total-done'), '0');
  await close();
});

test('a killed run, an empty one and one without a task say what they are', async () => {
  await onPage(['killed'], async (page) => {
    await badge(page, 'incomplete');
    assert.match(await text(page, 'banner'), /was not closed/);
  });
  await onPage(['empty'], async (page) => {
    assert.match(await text(page, 'empty'), /Waiting for the first task/);
  });
  await onPage(['nothing'], async (page) => {
    assert.match(await text(page, 'empty'), /No task was submitted/);
  });
});

test('names that try to be markup are shown as text', () =>
  onPage(['hostile', '16'], async (page) => {
    await badge(page, 'finished');
    await page.locator('[data-plot="progress"] canvas').waitFor();
    assert.equal(await page.locator('img[src="x"]').count(), 0);
    assert.match(await text(page, 'title'), /^<script>alert\(1\)<\/script>/);
    const cell = page.locator('#prefixes tbody td').first();
    assert.match(await cell.innerText(), /^<script>.*�.*read$/, 'what hides or reorders is replaced');
    assert.equal(await page.locator('main script, .below script').count(), 0);
  }));

test('without scripts the page shows the run', () =>
  onPage(
    ['finished', '16'],
    async (page) => {
      await page.reload();
      assert.equal(await text(page, 'title'), 'wordcount');
      const widths = await page.evaluate(() => [...document.images].map((i) => i.naturalWidth));
      assert.ok(widths.length >= 4 && widths.every((width) => width > 0), `pictures: ${widths}`);
      assert.ok((await page.locator('#workers tbody tr').count()) >= 4);
    },
    { javaScriptEnabled: false },
  ));

test('the theme is the system’s, until one is chosen', () =>
  onPage(
    ['finished', '16'],
    async (page) => {
      const background = () =>
        page.evaluate(() => getComputedStyle(document.querySelector('.panel')).backgroundColor);
      const dark = await background();
      await page.getByRole('button', { name: /light and dark/ }).click();
      assert.notEqual(await background(), dark);
      const light = await background();
      await page.reload();
      await ready(page);
      assert.equal(await background(), light, 'the choice is kept');
    },
    { colorScheme: 'dark' },
  ));

test('the essentials fit a laptop, and a phone does not scroll sideways', async () => {
  await onPage(['finished'], async (page) => {
    await page.locator('[data-plot="progress"] canvas').waitFor();
    for (const plot of ['task-stream', 'progress', 'workers']) {
      const box = await page.locator(`[data-plot="${plot}"]`).boundingBox();
      assert.ok(box.y + box.height <= (await page.locator('#time').boundingBox()).y && box.x + box.width <= 1280, `${plot} is in sight`);
    }
  });
  await onPage(
    ['finished'],
    async (page) => {
      await page.locator('[data-plot="progress"] canvas').waitFor();
      const [need, have] = await page.evaluate(() => [
        document.documentElement.scrollWidth,
        document.documentElement.clientWidth,
      ]);
      assert.ok(need <= have, `${need} ≤ ${have}`);
    },
    { viewport: { width: 390, height: 844 } },
  );
});
