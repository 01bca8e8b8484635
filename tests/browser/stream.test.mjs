// The task stream by both renderers, and folded idle stretches, in a real browser.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { badge, onPage as opened, stage, until } from './support.mjs';

const on = stage();

const onPage = (files, path, check) =>
  opened(on, [on.playback, 'finished', String(files)], path, async (page, seen, viewer) => {
    await badge(page, 'finished');
    await check(page, seen, viewer.url);
  });

const stream = (seen) => seen.frames.at(-1)?.figures['task-stream'];

/** The frame of the task stream as it is on the screen: red, green and blue of each pixel. */
async function onScreen(page, seen) {
  const { frame } = stream(seen);
  const box = await page.locator('[data-plot="task-stream"] canvas').boundingBox();
  const clip = { x: box.x + frame.left, y: box.y + frame.top, width: frame.width, height: Math.min(frame.height, 250) };
  const png = await page.screenshot({ clip });
  return page.evaluate(async (url) => {
    const image = new Image();
    image.src = url;
    await image.decode();
    const ctx = new OffscreenCanvas(image.width, image.height).getContext('2d');
    ctx.drawImage(image, 0, 0);
    return [...ctx.getImageData(0, 0, image.width, image.height).data].filter((_, i) => i % 4 < 3);
  }, `data:image/png;base64,${png.toString('base64')}`);
}

test('both renderers draw the same', async () => {
  const drawn = {};
  for (const renderer of ['webgl2', '2d']) {
    await onPage(600, `tasks?renderer=${renderer}`, async (page, seen) => {
      await page.locator(`html[data-renderer="${renderer}"]`).waitFor({ state: 'attached' });
      const n = stream(seen).layers.reduce((n, layer) => n + (layer.kind === 'rects' ? layer.x.length : 0), 0);
      assert.ok(n > 500, `many rectangles: ${n}`);
      drawn[renderer] = await onScreen(page, seen);
    });
  }
  const [ours, theirs] = [drawn.webgl2, drawn['2d']];
  assert.equal(ours.length, theirs.length);
  const isOther = (value, i) => Math.abs(value - theirs[i]) > 12;
  const share = ours.filter(isOther).length / ours.length;
  assert.ok(share < 0.01, `${(100 * share).toFixed(2)} % differ`);
  assert.ok(new Set(ours).size > 8, 'something is drawn');
});

test('a lost graphics context falls back to 2D', () =>
  onPage(600, 'tasks', async (page, seen) => {
    await page.locator('html[data-renderer="webgl2"]').waitFor({ state: 'attached' });
    const before = await onScreen(page, seen);
    await page.evaluate(async () => {
      const gl = await import(new URL('assets/gl.js', document.baseURI).href);
      gl.lose();
    });
    await page.locator('html[data-renderer="2d"]').waitFor({ state: 'attached' });
    await page.waitForTimeout(200);
    const now = await onScreen(page, seen);
    const share = now.filter((value, i) => Math.abs(value - before[i]) > 12).length / now.length;
    assert.ok(share < 0.01, `${(100 * share).toFixed(2)} % differ`);
  }));

test('what a redraw asks for is bounded, and what a page has is not sent again', () =>
  onPage(2_000, 'tasks', async (page, seen) => {
    await until(page, () => stream(seen), 'a task stream');
    const canvas = page.locator('[data-plot="task-stream"] canvas');
    const box = await canvas.boundingBox();
    await page.mouse.move(box.x + box.width / 2, box.y + 80);
    for (let i = 0; i < 5; i++) await page.mouse.wheel(0, -300);
    const whole = stream(seen).window_ns;
    await until(page, () => stream(seen).window_ns[1] - stream(seen).window_ns[0] <= whole[1] - whole[0], 'zoomed in');
    const count = ({ layers }) => layers.reduce((n, layer) => n + (layer.x ?? layer.x0 ?? []).length, 0);
    const most = Math.max(...seen.frames.map(({ figures }) => (figures['task-stream'] ? count(figures['task-stream']) : 0)));
    assert.ok(most > 1_000 && most <= 200_000, `${most} glyphs`);
    await page.waitForTimeout(300);
    const n = seen.bytes.length;
    // Selecting changes what is drawn, not what is shown: nothing has to come again.
    await page.keyboard.press('n');
    await page.setViewportSize({ width: 1280, height: 721 });
    await page.waitForTimeout(300);
    assert.ok(seen.bytes.slice(n).every((bytes) => bytes < Math.max(...seen.bytes)), 'parts only');
  }));

test('idle stretches fold, and playing passes over them', () =>
  onPage(16, '', async (page, seen) => {
    await until(page, () => seen.frames.length > 0, 'a first frame');
    await page.locator('#fold').click();
    const strip = await until(page, () => seen.frames.at(-1).figures['strip-folded'], 'a folded strip');
    assert.ok(strip.gaps.length > 0, 'the first task came late');
    const [{ from_ns: from, to_ns: to, width_px: width }] = strip.gaps;
    assert.ok(to - from > 1e7 && width < 12, `${to - from} ns on ${width} px`);
    await page.waitForURL(/fold=1/);
    await page.locator('#speed').selectOption('0.1');
    await page.locator('#strip').focus();
    await page.keyboard.press('Home');
    await until(page, () => seen.frames.at(-1).words.now_ns === 0, 'the begin');
    await page.locator('#play').click();
    // At a tenth of the speed the first stretch alone would take seconds.
    const shown = await until(page, () => seen.frames.at(-1).words.now_ns > 0 && seen.frames.at(-1).words.now_ns, 'playing');
    assert.ok(shown >= to * 0.99, `${shown} of ${to}`);
    await page.keyboard.press('g');
    await page.waitForURL((url) => !url.search.includes('fold'));
  }));
