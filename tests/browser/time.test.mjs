// Looking back, in a real browser: what the page shows is what `reel state --at` says, also while
// the run goes on.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { badge, heldJob, onPage, shows, stage, text, until, VIEW, visit } from './support.mjs';

const on = stage();

/** What the command line says of an instant. */
function stateAt(trace, at) {
  const told = spawnSync(on.reel, ['state', trace, '--at', at, '--json']);
  assert.equal(told.status, 0, String(told.stderr));
  return JSON.parse(String(told.stdout));
}

/** What a frame shows against what the command line says. */
function assertSame({ words }, state) {
  const phases = Object.entries(state.phases).filter(([, n]) => n > 0);
  const order = words.texts.phases.split(' · ').filter(Boolean).sort();
  assert.deepEqual(order, phases.map(([name, n]) => `${name} ${n.toLocaleString('en-US')}`).sort());
  assert.equal(words.seq, state.events);
  const running = state.workers.map((worker) => [worker.name, `${worker.executing.length} / ${worker.slots}`]);
  assert.deepEqual(words.tables.workers.map((row) => [row[0], row[3]]).sort(), running.sort());
  assert.deepEqual(
    words.tables.prefixes.map((row) => [row[0], row[2]]),
    state.prefixes.map((prefix) => [prefix.name, String(prefix.finished)]),
  );
}

const past = (seen, at) => until(
  { waitForTimeout: (ms) => new Promise((resolve) => setTimeout(resolve, ms)) },
  () => [...seen.frames].reverse().find((f) => f.words.kind === 'past' && (at == null || f.words.now_ns === at)),
  `a frame of ${at}`,
);

test('looking back while the run goes on, and back to LIVE', async () => {
  const trace = join(on.scratch, 'live.reel');
  const job = heldJob(on, 'live');
  const args = ['run', job.file, '--threads', '2', '--workers', '2', '--record', trace, ...VIEW];
  await onPage(on, [on.reel, ...args], '', async (page, seen, viewer) => {
    await page.waitForFunction(() => Number(document.getElementById('total-done').textContent) > 12);
    const strip = page.locator('#strip[aria-valuetext]');
    const box = await strip.boundingBox();
    await page.mouse.click(box.x + box.width * 0.4, box.y + 10);
    await badge(page, 'past');
    // Whoever has no time to read thinks that nothing is written: not for long.
    const frame = await until(page, () => seen.frames.find((f) => f.words.kind === 'past' && f.words.run_kind === 'live'), 'back in a run that goes on');
    const at = frame.words.now_ns;
    await page.waitForURL(new RegExp(`at=${at}ns`));
    assertSame(frame, stateAt(trace, `${at}ns`));

    // The run is recorded meanwhile, and the page stays where it is.
    const later = await until(page, () => seen.frames.at(-1).words.end_ns > frame.words.end_ns + 3e8 && seen.frames.at(-1), 'more');
    assert.equal(later.words.now_ns, at);
    assert.equal(later.words.seq, frame.words.seq);
    assert.deepEqual(later.figures.progress, frame.figures.progress, 'the same instant, the same picture');
    await page.locator('#go-live').click();
    await until(page, () => seen.frames.at(-1).words.kind !== 'past', 'LIVE');
    assert.ok(seen.frames.at(-1).words.now_ns > at);
    job.end();
    await viewer.ended;
    await badge(page, 'finished');
    assert.ok(seen.frames.at(-1).words.seq > frame.words.seq);
  }, { mayEnd: true });
});

test('an address with an instant, steps by event, failures and playing', async () => {
  const trace = join(on.scratch, 'finished.reel');
  const made = spawnSync(on.reel, ['demo', 'reduction', '--leaves', '12', '--sleep', '20ms', '--record', trace, '--no-view']);
  assert.equal(made.status, 0, String(made.stderr));
  await onPage(on, [on.reel, 'view', trace, ...VIEW], '?at=event:60', async (page, seen) => {
    assert.match(await page.content(), /LOOKING BACK/, 'also before any script has run');
    const frame = await past(seen);
    assert.equal(frame.words.seq, 61);
    await shows(page, 61);
    assertSame(frame, stateAt(trace, 'event:60'));
    for (const [key, seq] of /** @type {[string, number][]} */ ([['.', 62], [',', 61], [',', 60]])) {
      await page.keyboard.press(key);
      await shows(page, seq);
      assertSame(seen.frames.at(-1), stateAt(trace, `event:${seq - 1}`));
    }
    for (const at of ['37%', '90ms']) {
      await visit(page, `${page.url().split('?')[0]}?at=${encodeURIComponent(at)}`);
      await badge(page, 'past');
      assertSame(seen.frames.at(-1), stateAt(trace, at));
    }
    await page.locator('#strip').focus();
    await page.keyboard.press('Home');
    await until(page, () => seen.frames.at(-1).words.now_ns === 0, 'the begin');
    await page.locator('#play').click();
    const played = () => new Set(seen.frames.slice(-100).map((f) => f.words.now_ns));
    await until(page, () => seen.frames.at(-1).words.kind === 'finished', 'played to the end');
    assert.ok(played().size >= 3, `instants on the way: ${[...played()]}`);
    await page.waitForURL((address) => !address.search.includes('at='));
  });
});

test('to the next failure and the lost worker', () =>
  onPage(on, [on.playback, 'finished', '32'], '', async (page, seen) => {
    await badge(page, 'finished');
    await page.keyboard.press('E');
    const last = (await past(seen)).words;
    await shows(page, last.seq);
    await page.keyboard.press('E');
    const before = await until(page, () => seen.frames.at(-1).words.now_ns < last.now_ns && seen.frames.at(-1).words, 'earlier');
    await shows(page, before.seq);
    await page.keyboard.press('e');
    await until(page, () => seen.frames.at(-1).words.now_ns === last.now_ns, 'there again');
    assert.ok(before.jumps.trouble[1] === last.now_ns);
    await page.getByRole('button', { name: 'Keys' }).click();
    await page.getByRole('heading', { name: 'Keys' }).waitFor();
    await page.getByRole('button', { name: 'Close' }).click();
    await page.keyboard.press('l');
    await badge(page, 'finished');
    assert.equal(await text(page, 'go-live'), 'END');
  }));
