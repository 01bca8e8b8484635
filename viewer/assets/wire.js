// Reads what the live channel sends; viewer/src/wire.rs says what that is.

const text = new TextDecoder();

/** The parts of a message by their ids. @param {ArrayBuffer} message @returns {Promise<Map<string, any>>} */
export async function read(message) {
  const view = new DataView(message);
  const parts = [];
  for (let at = 0; at < message.byteLength; ) {
    const name = new Uint8Array(message, at + 1, view.getUint8(at));
    at += 1 + name.length;
    const length = view.getUint32(at, true);
    parts.push(part(text.decode(name), new Uint8Array(message, at + 4, length)));
    at += 4 + length;
  }
  return new Map(await Promise.all(parts));
}

/** @param {string} id @param {Uint8Array<ArrayBuffer>} packed @returns {Promise<[string, any]>} */
export async function part(id, packed) {
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream('deflate-raw'));
  const buffer = await new Response(stream).arrayBuffer();
  const length = new DataView(buffer).getUint32(0, true);
  const json = JSON.parse(text.decode(new Uint8Array(buffer, 4, length)));
  return [id, json.figure ? withColumns(json, buffer, 4 * Math.ceil((4 + length) / 4)) : json];
}

/**
 * Puts the columns that stand beside the JSON into the figure.
 * @param {{figure: import('./glyphs.js').Figure, columns: [number, string, string, number][]}} json
 * @param {ArrayBuffer} buffer @param {number} at where the first of them begins
 */
function withColumns({ figure, columns }, buffer, at) {
  for (const [layer, name, kind, n] of columns) {
    const column = new (KINDS[kind])(buffer, at, n);
    if (kind.endsWith('+')) for (let i = 1; i < n; i++) column[i] += column[i - 1];
    figure.layers[layer][name] = column;
    at += 4 * Math.ceil(column.byteLength / 4);
  }
  return figure;
}

/** @type {Record<string, Int16ArrayConstructor | Int32ArrayConstructor | Uint8ArrayConstructor>} */
const KINDS = { i16: Int16Array, 'i16+': Int16Array, 'i32+': Int32Array, u8: Uint8Array };
