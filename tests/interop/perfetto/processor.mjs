// Asks Perfetto's trace processor, which the page of Perfetto runs as WebAssembly.
//
//   node processor.mjs FOLDER TRACE QUERY...
//
// FOLDER has the files of the page, such as engine_bundle.js. Prints the rows of each query as JSON.

import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import vm from "node:vm";
import { MessageChannel } from "node:worker_threads";

const [folder, trace, ...queries] = process.argv.slice(2);

// The messages are those of perfetto/trace_processor/trace_processor.proto, written and read by hand.
const APPEND = 1, FINALIZE = 2, QUERY = 3;

function varint(number) {
  const bytes = [];
  for (; number > 127; number >>>= 7) bytes.push((number & 127) | 128);
  return Buffer.from([...bytes, number]);
}

const field = (number, bytes) => Buffer.concat([varint((number << 3) | 2), varint(bytes.length), bytes]);

/** Returns the number at the beginning of a reader. */
function number(reader) {
  let value = 0n;
  for (let shift = 0n; ; shift += 7n) {
    const byte = reader.bytes[reader.at++];
    value |= BigInt(byte & 127) << shift;
    if (byte < 128) return Number(BigInt.asIntN(64, value));
  }
}

/** Yields the number and the value of each field of a message. */
function* fields(bytes) {
  for (const reader = { bytes, at: 0 }; reader.at < bytes.length; ) {
    const key = number(reader);
    const kind = key & 7;
    if (kind === 0) {
      yield [key >>> 3, number(reader)];
    } else {
      const length = kind === 1 ? 8 : kind === 5 ? 4 : number(reader);
      yield [key >>> 3, bytes.subarray(reader.at, (reader.at += length))];
    }
  }
}

function packed(bytes = Buffer.alloc(0)) {
  const numbers = [];
  for (const reader = { bytes, at: 0 }; reader.at < bytes.length; ) numbers.push(number(reader));
  return numbers;
}

/** Returns the cells of a batch of a QueryResult. Its kinds of cells: 1 is null. */
function cells(batch) {
  const parts = new Map(fields(batch));
  const floats = parts.get(3) ?? Buffer.alloc(0);
  const sources = {
    2: packed(parts.get(2)).values(),
    3: Array.from({ length: floats.length / 8 }, (_, index) => floats.readDoubleLE(8 * index)).values(),
    4: (parts.get(5) ?? "").toString().split("\0").values(),
  };
  const all = packed(parts.get(1)).map((kind) => sources[kind]?.next().value ?? null);
  return { all, last: Boolean(parts.get(6)) };
}

const results = [];
let columns = 0;
let rows = [];

function answer(bytes) {
  for (const [, message] of fields(bytes)) {
    for (const [part, value] of fields(message)) {
      // Errors: of all, of the trace, and of a query.
      if (part === 5) throw new Error(value.toString());
      if (part === 201) for (const [kind, error] of fields(value)) if (kind === 2) throw new Error(error.toString());
      if (part === 203) result(value);
    }
  }
  if (results.length === queries.length) {
    console.log(JSON.stringify(results));
    process.exit();
  }
}

/** Adds the rows of a QueryResult. Those of a query come in several. */
function result(bytes) {
  for (const [part, value] of fields(bytes)) {
    if (part === 1) columns += 1;
    if (part === 2 && value.length > 0) throw new Error(value.toString());
    if (part === 3) {
      const { all, last } = cells(value);
      for (let at = 0; at < all.length; at += columns) rows.push(all.slice(at, at + columns));
      if (last) {
        results.push(rows);
        [columns, rows] = [0, []];
      }
    }
  }
}

// The engine expects to be in a worker of a browser.
const file = (url) => readFileSync(join(folder, basename(String(url))));
const { process: node } = globalThis;
Object.assign(globalThis, {
  self: globalThis,
  location: { href: "file:///engine_bundle.js" },
  WorkerGlobalScope: class {},
  importScripts() {},
  XMLHttpRequest: class {
    open(_, url) {
      this.url = url;
    }
    send() {
      this.response = new Uint8Array(file(this.url)).buffer;
      this.status = 200;
    }
  },
  fetch: async (url) => new Response(file(url), { headers: { "content-type": "application/wasm" } }),
  process: undefined,
});
console.warn = () => {};
vm.runInThisContext(file("engine_bundle.js").toString());
globalThis.process = node;

const { port1, port2: port } = new MessageChannel();
globalThis.onmessage({ data: port1 });
port.on("message", (message) => answer(Buffer.from(message)));

let sequence = 0;
function request(kind, argument = Buffer.alloc(0)) {
  const head = Buffer.concat([varint(1 << 3), varint(++sequence), varint(2 << 3), varint(kind)]);
  port.postMessage(new Uint8Array(field(1, Buffer.concat([head, argument]))));
}
const bytes = readFileSync(trace);
for (let start = 0; start < bytes.length; start += 1 << 20) {
  request(APPEND, field(101, bytes.subarray(start, start + (1 << 20))));
}
request(FINALIZE);
for (const query of queries) request(QUERY, field(103, field(1, Buffer.from(query))));
