// The real command and a real cluster, watched in a real browser.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { badge, heldJob, onPage, pixels, stage, text, until, VIEW } from './support.mjs';

const on = stage();

/** A page of what `reel ARGS` shows, which may end before the page does. */
const watch = (args, check) => onPage(on, [on.reel, ...args], '', check, { mayEnd: true });

/** Colours of prefixes within a figure's frame. */
async function prefixColors(page, seen, plot) {
  const { frame } = seen.frames.at(-1).figures[plot];
  const { colors } = (await page.evaluate(async () => (await fetch('assets/themes.json')).json())).light;
  const found = await pixels(page, plot, frame);
  return colors.slice(0, 18).filter((color) => found[color] > 20);
}

test('a live run from the empty page to its end, then from its trace', async () => {
  const trace = join(on.scratch, 'held.reel');
  const job = heldJob(on, 'held');
  const args = ['run', job.file, '--record', trace, ...VIEW];
  let last;
  await watch(args, async (page, seen, viewer) => {
    await page.waitForFunction(() => Number(document.getElementById('total-executing').textContent) > 0);
    assert.equal(await text(page, 'badge'), 'LIVE');
    // Tasks are drawn while they run: the stream has open rectangles that reach its right edge. The
    // page says that they run before its first frame has come.
    const isRunning = (f) => f.words.texts['total-executing'] !== '0' && f.figures['task-stream'];
    await until(page, () => seen.frames.some(isRunning), 'a frame of the run');
    const running = seen.frames.filter(isRunning);
    const { frame, layers } = running.at(-1).figures['task-stream'];
    const reach = layers
      .filter((layer) => layer.kind === 'rects')
      .flatMap((layer) => layer.x.map((x, i) => x + layer.width[i]));
    assert.ok(Math.max(...reach) >= frame.width - 2, 'running tasks reach the edge');
    await page.waitForFunction(() => Number(document.getElementById('total-done').textContent) > 8);
    assert.ok((await prefixColors(page, seen, 'task-stream')).length > 0, 'the stream shows colours');

    await until(page, () => seen.frames.length >= 5, 'several frames');
    job.end();
    // In a pipe the command ends with the run, and the page has seen the end.
    assert.equal(await viewer.ended, 0);
    await badge(page, 'finished');
    assert.equal(await text(page, 'total-tasks'), String(job.tasks));
    assert.equal(await text(page, 'total-done'), String(job.tasks));
    assert.equal(await text(page, 'total-executing'), '0');
    assert.match(await text(page, 'banner'), /All of the run is shown/);
    last = seen.frames.at(-1);
    const lives = seen.frames.filter((f) => f.words.kind === 'live').map((f) => f.words.now_ns);
    assert.ok(lives.every((now, i) => i === 0 || now >= lives[i - 1]), 'time never goes back');
  });

  await watch(['view', trace, ...VIEW], async (page, seen) => {
    await badge(page, 'finished');
    await page.locator('[data-plot="task-stream"] canvas').waitFor();
    const now = seen.frames.at(-1);
    assert.deepEqual(now.words.progress, last.words.progress, 'the same totals as live');
    assert.deepEqual(now.words.tables.prefixes, last.words.tables.prefixes);
    for (const plot of ['task-stream', 'progress', 'workers']) {
      // How high a panel is, the page decides, by a pixel more or less as its texts come.
      const drawn = (frame) => ({ ...frame.figures[plot], height_px: 0 });
      assert.deepEqual(drawn(now), drawn(last), `${plot} is the same as live`);
    }
    assert.deepEqual(seen.errors, []);
  });
});

test('a word count with a hostile file name', async () => {
  const tree = join(on.scratch, 'texts');
  mkdirSync(tree);
  for (let i = 0; i < 40; i++) writeFileSync(join(tree, `text-${i}.txt`), `word${i % 7} `.repeat(20_000));
  writeFileSync(join(tree, "<img src=x onerror=alert(1)>'.txt"), 'a few words');
  const trace = join(on.scratch, 'words.reel');
  const counted = spawnSync(on.reel, ['demo', 'wordcount', tree, '--record', trace, '--no-view']);
  assert.equal(counted.status, 0, String(counted.stderr));
  await watch(['view', trace, ...VIEW], async (page, seen) => {
    await badge(page, 'finished');
    await page.locator('[data-plot="task-stream"] canvas').waitFor();
    assert.ok((await prefixColors(page, seen, 'task-stream')).length > 0);
    assert.equal(await page.locator('img[src="x"]').count(), 0);
    assert.deepEqual(seen.errors, []);
  });
});

test('kill -9 of a run: the page says so, and the trace is shown up to there', async () => {
  const trace = join(on.scratch, 'killed.reel');
  const job = heldJob(on, 'killed');
  const args = ['run', job.file, '--record', trace, ...VIEW];
  await watch(args, async (page, seen, viewer) => {
    await page.waitForFunction(() => Number(document.getElementById('total-done').textContent) > 4);
    viewer.child.kill('SIGKILL');
    await badge(page, 'disconnected');
    job.end();
    assert.match(await text(page, 'banner'), /The cluster is gone/);
  });
  await watch(['view', trace, ...VIEW], async (page) => {
    await badge(page, 'incomplete');
    assert.match(await text(page, 'banner'), /was not closed/);
    assert.ok(Number(await text(page, 'total-done')) > 4, 'what was recorded is shown');
  });
});
