// The plots inside the real JupyterLab with the real dask-labextension. Runs when TASKREEL_JUPYTER
// is the path of a `jupyter` that has both, which `./test` sees to:
//   python3 -m venv venv && venv/bin/pip install jupyterlab dask-labextension
//   TASKREEL_JUPYTER=venv/bin/jupyter node --test tests/browser/jupyter.test.mjs

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { build, launch, startViewer } from './support.mjs';

const JUPYTER = process.env.TASKREEL_JUPYTER;

/** Starts JupyterLab on a free port and gives its address. */
function startLab(home) {
  const args = ['lab', '--no-browser', '--allow-root', '--ip=127.0.0.1', '--ServerApp.port=0', '--IdentityProvider.token=', `--ServerApp.root_dir=${home}`];
  const child = spawn(JUPYTER, args, { cwd: home, env: { ...process.env, HOME: home }, stdio: ['ignore', 'ignore', 'pipe'] });
  return new Promise((resolve, reject) => {
    let text = '';
    child.on('error', reject);
    child.on('exit', (code) => reject(new Error(`JupyterLab ended with ${code}: ${text}`)));
    child.stderr.on('data', (data) => {
      text += data;
      const url = /http:\/\/127\.0\.0\.1:[1-9]\d*\/lab/.exec(text)?.[0];
      if (url) resolve({ url, child });
    });
  });
}

test('the plots open as panels of JupyterLab', { skip: JUPYTER ? false : 'TASKREEL_JUPYTER names no jupyter' }, async () => {
  const home = mkdtempSync(join(tmpdir(), 'taskreel-jupyter-'));
  const viewer = await startViewer(build('-p', 'taskreel-viewer', '--example', 'playback'), ['finished', '32']);
  const lab = await startLab(home);
  const browser = await launch();
  try {
    const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
    await page.goto(lab.url, { timeout: 60_000 });
    await page.locator('.jp-SideBar [data-id="dask-dashboard-launcher"]').click({ timeout: 60_000 });
    const field = page.locator('input[placeholder="DASK DASHBOARD URL"]');
    await field.fill(viewer.url);
    await field.press('Enter');
    const button = page.getByRole('button', { name: /^task stream$/i });
    await button.click({ timeout: 30_000 });
    const plot = page.frameLocator('iframe[src*="individual-task-stream"]').locator('[data-plot="task-stream"] canvas');
    await plot.waitFor({ timeout: 30_000 });
    assert.ok((await plot.boundingBox()).width > 200, 'the plot fills its panel');
    if (process.env.TASKREEL_SHOTS) await page.screenshot({ path: join(process.env.TASKREEL_SHOTS, 'jupyterlab.png') });
  } finally {
    await browser.close();
    lab.child.removeAllListeners('exit');
    lab.child.kill('SIGTERM');
    viewer.child.stdin.end();
    await viewer.ended;
    rmSync(home, { recursive: true, force: true });
  }
});
