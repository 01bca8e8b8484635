// How fast the page is on a long run: `node tests/browser/speed.mjs REEL TRACE [PAGE]` prints when the first
// task stream is on screen after the page was asked for, how long frames take while one pans and zooms,
// and how many glyphs a redraw brings. REEL is the command; TRACE, for example, of
// `reel demo trivial --tasks 1000000 --workers 4 --threads 2 --no-view --record TRACE`. No test: on a busy machine these say little.

import { launch, startViewer, watchedPage } from './support.mjs';

const [reel, trace, path = 'tasks'] = process.argv.slice(2);
if (!trace) throw new Error('usage: node tests/browser/speed.mjs REEL TRACE [PAGE]');
const browser = await launch();
for (const renderer of ['webgl2', '2d']) {
  const viewer = await startViewer(reel, ['view', trace, '--view', '127.0.0.1:0']);
  const { page, seen, close } = await watchedPage(browser);
  const asked = performance.now();
  await page.goto(`${viewer.url}${path}?renderer=${renderer}`, { waitUntil: 'commit' });
  await page.locator('[data-plot="task-stream"] canvas').waitFor();
  const first = performance.now() - asked;
  await page.locator('#badge[data-kind="finished"]').waitFor();
  const whole = performance.now() - asked;
  const times = await page.evaluate(pan);
  const glyphs = seen.frames.map(({ figures }) => count(figures['task-stream']));
  console.log(JSON.stringify({
    renderer: await page.evaluate(() => document.documentElement.dataset.renderer ?? '2d'),
    first_ms: Math.round(first),
    whole_ms: Math.round(whole),
    frames: times.length,
    frame_ms: { p50: quantile(times, 0.5), p95: quantile(times, 0.95), most: quantile(times, 1) },
    answers: seen.frames.length,
    glyphs_most: Math.max(...glyphs),
    bytes_most: Math.max(...seen.bytes),
  }));
  await close();
  viewer.child.kill('SIGINT');
  await viewer.ended;
}
await browser.close();

/** Zooms in, then drags to and fro for some seconds, and gives the times between frames of the screen, in ms. */
async function pan() {
  const canvas = document.querySelector('[data-plot="task-stream"] canvas');
  if (!canvas) throw new Error('no task stream');
  const box = canvas.getBoundingClientRect();
  const [x, y] = [box.left + box.width / 2, box.top + box.height / 3];
  const frame = () => new Promise(requestAnimationFrame);
  for (let i = 0; i < 6; i++) {
    canvas.dispatchEvent(new WheelEvent('wheel', { deltaY: -200, clientX: x, clientY: y, cancelable: true, bubbles: true }));
    await frame();
  }
  const times = [];
  const send = (type, clientX) => canvas.dispatchEvent(new PointerEvent(type, { clientX, clientY: y, pointerId: 1, bubbles: true }));
  canvas.setPointerCapture = () => {};
  send('pointerdown', x);
  let last = await frame();
  for (let i = 0; i < 300; i++) {
    send('pointermove', x + 300 * Math.sin(i / 25));
    const now = await frame();
    times.push(now - last);
    last = now;
  }
  send('pointerup', x + 50);
  return times;
}

function count(figure) {
  return (figure?.layers ?? []).reduce((n, layer) => n + (layer.x ?? layer.x0 ?? []).length, 0);
}

function quantile(times, share) {
  const sorted = [...times].sort((a, b) => a - b);
  return Number(sorted[Math.min(Math.floor(sorted.length * share), sorted.length - 1)].toFixed(1));
}
