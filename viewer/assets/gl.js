// Draws many rectangles at once with WebGL2, on a canvas of its own that is copied to the plot's: each is
// an instance, so that moving and stretching them sends nothing but two numbers. Where there is no
// WebGL2, or the address says `renderer=2d`, glyphs.js draws them one by one.

/** Below so many rectangles, drawing them one by one is as good. */
const MANY = 400;
/** Most layers kept for being drawn again. */
const KEPT_MAX = 48;
/** Most colours of a theme. */
const COLORS_MAX = 64;

const VERTEX = `#version 300 es
in float x, y, w, h, color;
uniform vec2 stretch;  // of x: factor and shift, in pixels of the frame
uniform vec2 size;     // of the frame
uniform float opacity;
uniform vec3 palette[${COLORS_MAX}];
out vec4 fill;
void main() {
  vec2 corner = vec2(gl_VertexID & 1, gl_VertexID >> 1);
  float left = x * stretch.x + stretch.y;
  vec2 at = vec2(left, y) + corner * vec2(max(w * stretch.x, 1.0), h);
  gl_Position = vec4(at / size * vec2(2.0, -2.0) + vec2(-1.0, 1.0), 0.0, 1.0);
  fill = vec4(palette[int(color)] * opacity, opacity);
}`;

const FRAGMENT = `#version 300 es
precision mediump float;
in vec4 fill;
out vec4 pixel;
void main() { pixel = fill; }`;

/**
 * @typedef {import('./glyphs.js').Layer} Layer
 * @typedef {{array: WebGLVertexArrayObject, buffer: WebGLBuffer, n: number}} Loaded
 */

/** One for the page, since browsers allow a few contexts only. @type {Rects | null | undefined} */
let only;

/** The renderer; `null`: there is none, or there are too few rectangles. @param {Layer[]} layers */
export function renderer(layers) {
  if (layers.reduce((n, layer) => n + (layer.kind === 'rects' ? layer.x.length : 0), 0) < MANY) return null;
  if (only === undefined) {
    const is2d = new URLSearchParams(location.search).get('renderer') === '2d';
    only = is2d ? null : Rects.open();
    document.documentElement.dataset.renderer = only ? 'webgl2' : '2d';
  }
  return only;
}

/** Gives the context up, as a graphics driver may do at any time; for tests. */
export function lose() {
  only?.gl.getExtension('WEBGL_lose_context')?.loseContext();
}

class Rects {
  /** @returns {Rects | null} */
  static open() {
    const canvas = document.createElement('canvas');
    const gl = canvas.getContext('webgl2', { antialias: false, depth: false, alpha: true });
    const program = gl && link(gl);
    return gl && program ? new Rects(canvas, gl, program) : null;
  }

  /** @param {HTMLCanvasElement} canvas @param {WebGL2RenderingContext} gl @param {WebGLProgram} program */
  constructor(canvas, gl, program) {
    this.canvas = canvas;
    this.gl = gl;
    this.program = program;
    /** Layers of the figures that are shown. @type {Map<Layer, Loaded>} */
    this.loaded = new Map();
    /** @param {string} name */
    const uniform = (name) => gl.getUniformLocation(program, name);
    this.at = { stretch: uniform('stretch'), size: uniform('size'), opacity: uniform('opacity'), palette: uniform('palette') };
    canvas.addEventListener('webglcontextlost', () => {
      only = null;
      document.documentElement.dataset.renderer = '2d';
      dispatchEvent(new Event('renderer'));
    });
    gl.useProgram(program);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
  }

  /**
   * Draws layers of rectangles onto a canvas whose origin is the frame's.
   * @param {CanvasRenderingContext2D} ctx @param {Layer[]} layers @param {import('./glyphs.js').Frame} frame
   * @param {import('./glyphs.js').Palette} palette @param {import('./glyphs.js').Stretch} stretch
   */
  draw(ctx, layers, { width, height }, palette, stretch) {
    const { gl, canvas } = this;
    const scale = devicePixelRatio || 1;
    const [wide, tall] = [Math.round(width * scale), Math.round(height * scale)];
    if (canvas.width !== wide || canvas.height !== tall) Object.assign(canvas, { width: wide, height: tall });
    gl.viewport(0, 0, wide, tall);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT);
    gl.uniform2f(this.at.stretch, stretch.scale, stretch.shift);
    gl.uniform2f(this.at.size, width, height);
    gl.uniform3fv(this.at.palette, palette.rgb);
    for (const layer of layers) {
      const { array, n } = this.load(layer);
      gl.uniform1f(this.at.opacity, layer.opacity);
      gl.bindVertexArray(array);
      gl.drawArraysInstanced(gl.TRIANGLE_STRIP, 0, 4, n);
    }
    ctx.globalAlpha = 1;
    ctx.drawImage(canvas, 0, 0, width, height);
    // What other plots show is loaded again when they are drawn.
    if (this.loaded.size > KEPT_MAX) for (const layer of [...this.loaded.keys()]) if (!layers.includes(layer)) this.drop(layer);
  }

  /** Gives back what a layer took that is not drawn any more. @param {Layer} layer */
  drop(layer) {
    const known = this.loaded.get(layer);
    if (!known) return;
    this.gl.deleteVertexArray(known.array);
    this.gl.deleteBuffer(known.buffer);
    this.loaded.delete(layer);
  }

  /** @param {Layer} layer @returns {Loaded} */
  load(layer) {
    const known = this.loaded.get(layer);
    if (known) return known;
    const { gl } = this;
    const n = layer.x.length;
    const columns = [layer.x, layer.y, layer.width, layer.height].map((column) => Int16Array.from(column));
    const room = 2 * n + (n % 2) * 2;
    const buffer = gl.createBuffer();
    const array = gl.createVertexArray();
    gl.bindVertexArray(array);
    gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
    gl.bufferData(gl.ARRAY_BUFFER, 4 * room + n, gl.STATIC_DRAW);
    columns.forEach((column, i) => {
      gl.bufferSubData(gl.ARRAY_BUFFER, i * room, column);
      this.attribute(['x', 'y', 'w', 'h'][i], gl.SHORT, i * room);
    });
    gl.bufferSubData(gl.ARRAY_BUFFER, 4 * room, Uint8Array.from(layer.color));
    this.attribute('color', gl.UNSIGNED_BYTE, 4 * room);
    const loaded = { array, buffer, n };
    this.loaded.set(layer, loaded);
    return loaded;
  }

  /** @param {string} name @param {number} type @param {number} offset */
  attribute(name, type, offset) {
    const { gl } = this;
    const at = gl.getAttribLocation(this.program, name);
    gl.enableVertexAttribArray(at);
    gl.vertexAttribPointer(at, 1, type, false, 0, offset);
    gl.vertexAttribDivisor(at, 1);
  }
}

/** @param {WebGL2RenderingContext} gl @returns {WebGLProgram | null} */
function link(gl) {
  const program = gl.createProgram();
  for (const [kind, source] of /** @type {[number, string][]} */ ([[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]])) {
    const shader = gl.createShader(kind);
    if (!shader) return null;
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  return gl.getProgramParameter(program, gl.LINK_STATUS) ? program : null;
}
