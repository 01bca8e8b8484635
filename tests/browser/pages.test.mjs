// The pages beside the plots: events, findings, a worker, the list of runs; sharing and dropping files;
// and the viewer behind a proxy with a path prefix.

import assert from 'node:assert/strict';
import { copyFileSync, readFileSync } from 'node:fs';
import { createServer, request } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { badge, follow, onPage as opened, ready, ROOT, stage, startViewer, VIEW, visit, watchedPage } from './support.mjs';

const on = stage((on) => {
  for (const name of ['wordcount', 'failures', 'lost-worker', 'reduction-tree']) {
    copyFileSync(join(ROOT, 'traces/v1', `${name}.reel`), join(on.scratch, `${name}.reel`));
  }
});

/** `playback` or `reel` with arguments. */
const onPage = ([command, ...args], path, check, options = {}) => opened(on, [on[command], ...args], path, check, options);

const rows = (page, id) => page.locator(`#${id} tbody tr`);

test('events are filtered, turned over and shown as of an instant', () =>
  onPage(['playback', 'finished', '32'], 'events', async (page) => {
    await badge(page, 'finished');
    assert.equal(await rows(page, 'log').count(), 200);
    const newest = await rows(page, 'log').first().locator('td').first().innerText();
    const first = () => rows(page, 'log').first().locator('td').first().innerText();
    await follow(page, () => page.getByRole('button', { name: 'Older' }).click());
    assert.notEqual(await first(), newest);
    assert.match(page.url(), /before=\d+/);
    await follow(page, () => page.getByRole('button', { name: 'Newest' }).click());
    assert.equal(await first(), newest);

    await follow(page, () => page.locator('select[name="kind"]').selectOption('TaskFailed'));
    assert.ok((await rows(page, 'log').count()) < 10);
    assert.deepEqual(new Set(await page.locator('#log td:nth-child(3)').allInnerTexts()), new Set(['TaskFailed']));
    await follow(page, () => page.locator('select[name="kind"]').selectOption(''));
    await page.locator('input[name="key"]').fill('count-7');
    await follow(page, () => page.getByRole('button', { name: 'Filter' }).click());
    const keys = await page.locator('#log td.key').allInnerTexts();
    assert.ok(keys.every((key) => /count-7|read-7/.test(key)), keys.join());
    const kinds = await page.locator('#log td:nth-child(3)').allInnerTexts();
    assert.ok(['TaskSubmitted', 'TaskStarted', 'TaskFinished'].every((kind) => kinds.includes(kind)), kinds.join());

    // What is looked at changes; what is filtered stays.
    await page.keyboard.press('g');
    await page.waitForURL(/fold=1/);
    assert.match(page.url(), /key=count-7/);

    const last = Number(await page.locator('#log td').first().innerText());
    await follow(page, () => page.locator('#log tbody tr').last().locator('a').first().click());
    await badge(page, 'past');
    const then = Number(await page.locator('#log td').first().innerText());
    assert.ok(then < last, `${then} < ${last}`);
  }));

test('what is chosen before the scripts are there counts, too', () =>
  onPage(['playback', 'finished', '32'], 'events', async (page) => {
    /** @type {(value: unknown) => void} */
    let release;
    const released = new Promise((resolve) => (release = resolve));
    await page.route('**/assets/main.js', (route) => released.then(() => route.continue()));
    await page.reload({ waitUntil: 'commit' });
    await page.locator('select[name="kind"]').selectOption('TaskFailed');
    assert.equal(await page.locator('html[data-ready]').count(), 0);
    release(null);
    await page.waitForURL(/kind=TaskFailed/);
    await ready(page);
    assert.deepEqual(new Set(await page.locator('#log td:nth-child(3)').allInnerTexts()), new Set(['TaskFailed']));
  }));

test('findings come with their pictures', () =>
  onPage(['playback', 'finished', '64'], 'explain', async (page) => {
    await badge(page, 'finished');
    assert.ok((await page.locator('.finding').count()) > 0);
    const widths = () => page.evaluate(() => [...document.images].filter((image) => image.closest('.finding')).map((image) => image.naturalWidth));
    await page.waitForFunction(() => [...document.images].every((image) => !image.closest('.finding') || image.complete));
    assert.ok((await widths()).every((width) => width > 0));
    await follow(page, () => page.getByRole('link', { name: 'Show it in the task stream' }).first().click());
    assert.match(page.url(), /\/tasks\?window=\d+-\d+/);
    await page.locator('[data-plot="task-stream"] canvas').waitFor();
  }));

test('a live page of the server is kept up to date', () =>
  onPage(['playback', 'held', '24'], '', async (page, _seen, viewer) => {
    viewer.child.stdin.write('\n');
    // Before the run begins there is no worker yet.
    await follow(page, () => page.locator('#workers tbody a').first().click());
    await page.waitForFunction(() => document.querySelectorAll('#worker-page tbody tr').length > 3);
    await badge(page, 'finished');
    assert.ok(await page.locator('.of-worker img').evaluate((image) => image.complete && image.naturalWidth > 0));
    // Of this worker alone.
    await page.locator('[data-plot="task-stream"] canvas').waitFor();
    assert.equal(await page.locator('[data-plot="task-stream"] select[data-filter="worker"]').inputValue(), '0');
  }));

test('names that try to be markup are text on the pages beside the plots', async () => {
  for (const path of ['worker/0', 'events?kind=TaskFinished', 'explain', 'task/5']) {
    await onPage(['playback', 'hostile', '16'], path, async (page) => {
      await badge(page, 'finished');
      assert.equal(await page.locator('img[src="x"]').count(), 0, path);
      assert.equal(await page.locator('main script').count(), 0, path);
      assert.match(await page.locator('main').innerText(), /<script>alert\(1\)<\/script>/, path);
    });
  }
});

test('a folder’s runs are listed, found, tagged, compared and opened', () =>
  onPage(['reel', 'view', '.', ...VIEW], '', async (page) => {
    assert.match(page.url(), /\/runs$/);
    assert.equal(await rows(page, 'runs').count(), 4);
    await follow(page, () => page.getByRole('link', { name: 'tasks' }).click());
    assert.match(await rows(page, 'runs').first().innerText(), /lost-worker\.reel/);
    const find = page.getByRole('searchbox', { name: 'find' });
    await find.fill('reduc');
    await follow(page, () => find.press('Enter'));
    assert.equal(await rows(page, 'runs').count(), 1);
    await find.fill('');
    await follow(page, () => find.press('Enter'));
    const row = page.locator('#runs tr[data-file="failures.reel"]');
    await row.locator('summary').click();
    await row.locator('input[name="tags"]').fill('slow issue-17');
    await row.locator('textarea').fill('<b>disk</b> was full');
    await follow(page, () => row.getByRole('button', { name: 'Save' }).click());
    await row.locator('.tag').filter({ hasText: 'issue-17' }).waitFor();
    assert.equal(await row.locator('.said').innerText(), '<b>disk</b> was full');

    await page.locator('#runs tr[data-file="wordcount.reel"] input[name="a"]').check();
    await page.locator('#runs tr[data-file="reduction-tree.reel"] input[name="b"]').check();
    await follow(page, () => page.getByRole('button', { name: 'Compare A with B' }).click());
    await page.locator('#verdict').waitFor();
    await page.waitForFunction(() => [...document.images].some((image) => image.className === 'both' && image.naturalWidth > 0));
    await follow(page, () => page.getByRole('link', { name: 'reduction-tree.reel' }).click());
    await badge(page, 'finished');
    assert.match(page.url(), /\/open\/reduction-tree\.reel\//);
    await page.locator('[data-plot="task-stream"] canvas').waitFor();
    await follow(page, () => page.getByRole('link', { name: 'Events', exact: true }).click());
    await rows(page, 'log').first().waitFor();
    await follow(page, () => page.getByRole('link', { name: 'Runs', exact: true }).click());
    assert.match(page.url(), /\/runs$/);
  }));

test('a trace that is handed in is opened, and what is none is refused', () =>
  onPage(['reel', 'view', 'wordcount.reel', ...VIEW], '', async (page, seen) => {
    await badge(page, 'finished');
    const drop = async (name, bytes) => {
      const data = await page.evaluateHandle(
        ([name, bytes]) => {
          const transfer = new DataTransfer();
          transfer.items.add(new File([new Uint8Array(bytes)], name));
          return transfer;
        },
        [name, [...bytes]],
      );
      await page.dispatchEvent('body', 'dragover', { dataTransfer: data });
      await page.dispatchEvent('body', 'drop', { dataTransfer: data });
    };
    await drop('nonsense.reel', Buffer.from('<script>alert(1)</script>'));
    await page.locator('#drop-state').filter({ hasText: 'nonsense.reel cannot be opened' }).waitFor();
    assert.ok(seen.errors.every((text) => /422/.test(text)), seen.errors.join());
    seen.errors.length = 0;
    await follow(page, () => drop('failures.reel', readFileSync(join(on.scratch, 'failures.reel'))));
    assert.match(page.url(), /\/open\/2-failures\.reel\/$/);
    await badge(page, 'finished');
    assert.equal(await page.locator('#title').innerText(), 'failing');
  }));

test('pictures, films, packs and traces for Perfetto can be taken along', () =>
  onPage(['reel', 'view', 'failures.reel', ...VIEW], '', async (page, seen, viewer) => {
    await badge(page, 'finished');
    const panel = page.locator('[data-plot="task-stream"]');
    await panel.locator('canvas').waitFor();
    await panel.locator('.take summary').click();
    const taken = await panel.locator('.take a').evaluateAll(async (links) =>
      Promise.all(links.map(async (link) => [link.textContent, [...new Uint8Array(await (await fetch(link.href)).arrayBuffer())].slice(0, 4)])),
    );
    const heads = Object.fromEntries(taken.map(([name, bytes]) => [name, Buffer.from(bytes).toString('latin1')]));
    assert.deepEqual(heads, { SVG: '<svg', PNG: '\x89PNG', GIF: 'GIF8' });

    await page.getByRole('button', { name: 'Share this run' }).click();
    const download = page.waitForEvent('download');
    await page.getByRole('link', { name: 'Pack (.zip)' }).click();
    const zip = readFileSync(await (await download).path());
    assert.equal(zip.subarray(0, 2).toString(), 'PK');
    await page.locator('#share-issue').click();
    await page.waitForFunction(() => /** @type {HTMLTextAreaElement | null} */ (document.getElementById('share-text'))?.value.length > 100);
    const perfetto = await page.request.get(`${viewer.url}share/perfetto`);
    assert.deepEqual([...(await perfetto.body()).subarray(0, 2)], [0x1f, 0x8b]);
    assert.match(perfetto.headers()['content-disposition'], /failing\.pftrace\.gz/);
  }));

/** What a person who does not see the page, or uses no mouse, would miss on it. */
const flaws = (page) =>
  page.evaluate(() => {
    const flaws = [];
    const named = (element) => {
      const labelled = (element.getAttribute('aria-labelledby') ?? '').split(' ').map((id) => document.getElementById(id)?.textContent ?? '').join('');
      const labels = [...(element.labels ?? [])].map((label) => label.textContent).join('');
      return [element.getAttribute('aria-label'), labelled, labels, element.textContent, element.getAttribute('alt'), element.title].some((text) => text?.trim());
    };
    const wanted = 'button, a[href], input:not([type="hidden"]), select, textarea, img, canvas, summary, [role="region"], [tabindex="0"], section, nav, dialog, meter, progress';
    for (const element of document.querySelectorAll(wanted)) {
      if (!named(element) && !element.ariaHidden) flaws.push(`no name: ${element.outerHTML.slice(0, 120)}`);
    }
    const ids = [...document.querySelectorAll('[id]')].map((element) => element.id);
    flaws.push(...ids.filter((id, i) => ids.indexOf(id) !== i).map((id) => `twice: #${id}`));
    for (const attribute of ['aria-labelledby', 'for']) {
      for (const element of document.querySelectorAll(`[${attribute}]`)) {
        const id = element.getAttribute(attribute);
        if (!document.getElementById(id)) flaws.push(`nobody is #${id}`);
      }
    }
    if (document.querySelectorAll('main').length !== 1) flaws.push('not one main part');
    if (document.querySelectorAll('h1').length !== 1) flaws.push('not one heading');
    if (!document.documentElement.lang || !document.title) flaws.push('no language or title');
    for (const head of document.querySelectorAll('th')) if (!head.scope) flaws.push(`a head without scope: ${head.textContent}`);
    return flaws;
  });

/** Texts that stand out too little from what is behind them: less than 4.5 to 1. */
const faint = (page) =>
  page.evaluate(() => {
    const ctx = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
    const parts = (color) => {
      ctx.clearRect(0, 0, 1, 1);
      ctx.fillStyle = color;
      ctx.fillRect(0, 0, 1, 1);
      return [...ctx.getImageData(0, 0, 1, 1).data].map((part) => part / 255);
    };
    const over = (color, below) => color.slice(0, 3).map((part, i) => part * color[3] + below[i] * (1 - color[3]));
    const back = (element) => (element ? over(parts(getComputedStyle(element).backgroundColor), back(element.parentElement)) : [1, 1, 1]);
    const light = (color) => {
      const [r, g, b] = color.map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
      return 0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05;
    };
    const found = [];
    for (const element of document.querySelectorAll('body *')) {
      const hasText = [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.textContent.trim());
      if (!hasText && !element.matches('input:not([type="range"]), select')) continue;
      if (!element.checkVisibility() || element.matches(':disabled, option')) continue;
      for (const pseudo of element.matches('input[placeholder]') ? ['', '::placeholder'] : ['']) {
        const below = back(element);
        const ratio = light(over(parts(getComputedStyle(element, pseudo).color), below)) / light(below);
        if (Math.max(ratio, 1 / ratio) < 4.5) found.push(`${element.outerHTML.slice(0, 90)} ${pseudo} ${ratio.toFixed(2)}`);
      }
    }
    return found;
  });

test('every text stands out from what is behind it, in both themes', async () => {
  for (const colorScheme of /** @type {const} */ (['light', 'dark'])) {
    await onPage(['reel', 'view', 'failures.reel', ...VIEW], '?at=50%25', async (page) => {
      await badge(page, 'past');
      const links = await page.locator('nav.pages a').evaluateAll((links) => links.map((link) => link.href));
      const others = ['worker/0', 'task/0', 'compare?a=failures.reel&b=wordcount.reel'].map((path) => new URL(path, page.url()).href);
      for (const link of [page.url(), ...links, ...others]) {
        await visit(page, link);
        assert.deepEqual(await faint(page), [], `${colorScheme} ${link}`);
      }
    }, { colorScheme });
  }
});

test('everything has a name, and the keyboard reaches what the mouse does', () =>
  onPage(['reel', 'view', 'failures.reel', ...VIEW], '', async (page) => {
    await badge(page, 'finished');
    const links = await page.locator('nav.pages a').evaluateAll((links) => links.map((link) => link.href));
    for (const link of [...links, new URL('worker/0', page.url()).href, new URL('task/0', page.url()).href]) {
      await visit(page, link);
      assert.deepEqual(await flaws(page), [], link);
      await page.keyboard.press('Tab');
      assert.equal(await page.evaluate(() => document.activeElement.className), 'skip', link);
      for (let i = 0; i < 6; i++) {
        await page.keyboard.press('Tab');
        const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
        assert.notEqual(outline, 'none', link);
      }
    }
  }));

test('on a phone and on half a screen neither a page nor a table scrolls sideways', async () => {
  for (const [width, file] of /** @type {[number, string][]} */ ([[390, 'failures.reel'], [760, 'lost-worker.reel']])) {
    await onPage(['reel', 'view', file, ...VIEW], '', isNarrow, { viewport: { width, height: 844 } });
  }
});

/** Nothing on the pages of a run is wider than they are. */
async function isNarrow(page) {
  await badge(page, 'finished');
  const links = await page.locator('nav.pages a').evaluateAll((links) => links.map((link) => link.href));
  for (const link of [...links, new URL('worker/0', page.url()).href, new URL('task/5', page.url()).href]) {
    await visit(page, link);
    const wide = await page.evaluate(() =>
      [document.documentElement, ...document.querySelectorAll('main .scroll, .below .scroll')].filter((part) => part.scrollWidth > part.clientWidth + 1).map((part) => part.outerHTML.slice(0, 90)),
    );
    assert.deepEqual(wide, [], link);
  }
}

/** A proxy that serves a viewer below `/lab/proxy/8787`, WebSockets too. */
async function startProxy(url) {
  const prefix = '/lab/proxy/8787';
  const target = new URL(url);
  const headers = (incoming) => ({ ...incoming.headers, 'x-forwarded-host': incoming.headers.host, host: target.host });
  const inner = (incoming) => (incoming.url.startsWith(`${prefix}/`) ? incoming.url.slice(prefix.length) : null);
  const server = createServer((incoming, answer) => {
    const path = inner(incoming);
    if (path === null) return answer.writeHead(404).end('outside of the prefix');
    const asked = request({ host: target.hostname, port: target.port, path, method: incoming.method, headers: headers(incoming) }, (got) => {
      answer.writeHead(got.statusCode, got.headers);
      got.pipe(answer);
    });
    incoming.pipe(asked);
  });
  server.on('upgrade', (incoming, socket) => {
    const path = inner(incoming);
    if (path === null) return socket.end('HTTP/1.1 404 Not Found\r\n\r\n');
    const upstream = connect(Number(target.port), target.hostname, () => {
      const lines = Object.entries(headers(incoming)).map(([name, value]) => `${name}: ${value}`);
      upstream.write(`${incoming.method} ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`);
      socket.pipe(upstream).pipe(socket);
    });
    upstream.on('error', () => socket.destroy());
    socket.on('error', () => upstream.destroy());
  });
  await new Promise((resolve) => server.listen({ port: 0, host: '127.0.0.1' }, () => resolve(null)));
  return { server, url: `http://127.0.0.1:${/** @type {import('node:net').AddressInfo} */ (server.address()).port}${prefix}/` };
}

test('all works behind a proxy with a path prefix', async () => {
  const viewer = await startViewer(on.reel, ['view', 'failures.reel', ...VIEW], { cwd: on.scratch });
  const proxy = await startProxy(viewer.url);
  const { page, seen, close } = await watchedPage(on.browser);
  try {
    await visit(page, proxy.url);
    await badge(page, 'finished');
    await page.locator('[data-plot="task-stream"] canvas').waitFor();
    const links = await page.locator('nav.pages a').evaluateAll((links) => links.map((link) => link.href));
    assert.ok(links.length >= 11 && links.every((link) => link.startsWith(proxy.url)), links.join());
    for (const link of links) {
      const answer = await visit(page, link);
      assert.equal(answer.status(), 200, link);
    }
    await visit(page, `${proxy.url}open/wordcount.reel/tasks`);
    await badge(page, 'finished');
    await page.locator('[data-plot="task-stream"] canvas').waitFor();
    const plots = await (await page.request.get(`${proxy.url}individual-plots.json`)).json();
    await visit(page, proxy.url + plots['Individual Task stream'].slice(1));
    await page.locator('[data-plot="task-stream"] canvas').waitFor();
    assert.deepEqual(seen.errors, []);
    assert.deepEqual([...seen.hosts], [new URL(proxy.url).host]);
  } finally {
    await close();
    proxy.server.closeAllConnections();
    proxy.server.close();
    viewer.child.kill('SIGINT');
    await viewer.ended;
  }
});
