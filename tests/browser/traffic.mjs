// What open pages cost a live run: `node --experimental-websocket tests/browser/traffic.mjs REEL [PAGES] [ROUNDS] [TASKS]` runs trivial
// tasks without and with open pages, in alternation, and prints for each round tasks a second and CPU
// seconds of the run, and for each page bytes a second and how old what it was shown was when it
// arrived, in ms. The pages only receive: drawing is another machine's work. No test: figures need a
// quiet machine.

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inflateRawSync } from 'node:zlib';

const [reel, pages = '10', rounds = '3', tasks = '1000000'] = process.argv.slice(2);
if (!reel) throw new Error('usage: node tests/browser/traffic.mjs REEL [PAGES] [ROUNDS] [TASKS]');
const scratch = mkdtempSync(join(tmpdir(), 'taskreel-traffic-'));
const look = {
  plots: [
    { id: 'task-stream', width: 860, height: 300 },
    { id: 'progress', width: 860, height: 150 },
    { id: 'workers', width: 340, height: 480 },
    { id: 'strip', width: 860, height: 46 },
  ],
  window: null,
  tables: ['workers', 'prefixes'],
};

for (let round = 0; round < Number(rounds); round++) {
  for (const n of [0, Number(pages)]) console.log(JSON.stringify(await run(n, `${round}-${n}`)));
}
rmSync(scratch, { recursive: true });

/** @param {number} n pages @param {string} name */
async function run(n, name) {
  const args = ['demo', 'trivial', '--tasks', tasks, '--workers', '2', '--json', '--view', '127.0.0.1:0', '--record', join(scratch, `${name}.reel`)];
  const child = spawn('/usr/bin/env', ['bash', '-c', 'TIMEFORMAT="cpu %U %S"; time "$0" "$@"', reel, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let [out, err] = ['', ''];
  const open = [];
  child.stdout.on('data', (data) => (out += data));
  child.stderr.on('data', (data) => {
    err += data;
    const url = /viewer: (http\S+)/.exec(err)?.[1];
    if (url && open.length === 0) for (let i = 0; i < n; i++) open.push(page(url));
  });
  await new Promise((resolve) => child.on('exit', () => setTimeout(resolve, 300)));
  const cpu = /cpu ([\d.]+) ([\d.]+)/.exec(err);
  const { tasks_per_second: rate } = JSON.parse(out).result ?? JSON.parse(out);
  const report = { pages: n, tasks_per_s: Math.round(rate), cpu_s: Number(cpu?.[1]) + Number(cpu?.[2]) };
  if (n === 0) return report;
  const first = open[0];
  const live = first.frames.filter((frame) => frame.kind === 'live');
  const ages = live.map((frame) => frame.age).sort((a, b) => a - b);
  const span = (live.at(-1).at - live[0].at) / 1000;
  const bytes = live.reduce((sum, frame) => sum + frame.bytes, 0);
  return { ...report, frames: live.length, kb_per_s: Math.round(bytes / span / 1000), age_ms: [0.5, 0.95, 1].map((share) => Math.round(ages[Math.min(Math.floor(ages.length * share), ages.length - 1)])) };
}

/** @param {string} url */
function page(url) {
  const frames = [];
  const started = fetch(`${url}api/state`).then((answer) => answer.json());
  let began = Number.NaN;
  started.then((state) => (began = state.run.started_unix_ns / 1e6));
  const socket = new WebSocket(`${url.replace('http', 'ws')}ws`);
  socket.binaryType = 'arraybuffer';
  socket.addEventListener('open', () => socket.send(JSON.stringify(look)));
  socket.addEventListener('message', ({ data }) => {
    const at = Date.now();
    const words = wordsOf(Buffer.from(data));
    if (words && began) frames.push({ at, kind: words.kind, bytes: data.byteLength, age: at - began - words.now_ns / 1e6 });
  });
  return { frames };
}

/** @param {Buffer} message */
function wordsOf(message) {
  for (let at = 0; at < message.length; ) {
    const id = message.toString('utf8', at + 1, at + 1 + message[at]);
    at += 1 + message[at];
    const end = at + 4 + message.readUInt32LE(at);
    if (id === 'words') {
      const bytes = inflateRawSync(message.subarray(at + 4, end));
      return JSON.parse(bytes.toString('utf8', 4, 4 + bytes.readUInt32LE(0)));
    }
    at = end;
  }
  return null;
}
