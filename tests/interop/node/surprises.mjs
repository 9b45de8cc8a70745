// Checks each row of "What surprises" in the section on Node of `docs/other-hosts.md`.
//
//     node surprises.mjs MODULE
//
// where MODULE is the module that `jco transpile --instantiation sync` made of `map.wasm`.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';

import { Host } from './host.mjs';

const module = process.argv[2];
const host = await Host.load(module);
const map = host.map();
const k = Buffer.from('k');
const never = { tag: 'never' };

/** Returns the error that `call` throws. */
function thrown(call) {
  try {
    call();
  } catch (error) {
    return error;
  }
  throw new assert.AssertionError({ message: `${call} throws nothing` });
}

const rows = {
  'text is stored as no bytes, without an error'() {
    map.set(k, 'hello', never);
    assert.equal(map.get(k).length, 0);
    assert.deepEqual(thrown(() => map.set('k', k, never)).payload, { tag: 'invalid-key', val: { tag: 'empty' } });
  },
  'other typed arrays are stored as their memory'() {
    map.set(k, Uint16Array.of(1, 2), never);
    assert.deepEqual([...map.get(k)], [1, 0, 2, 0]);
  },
  'numbers wrap: a negative TTL is 584 years, and 2^64 + 5 is 5'() {
    map.set(k, k, { tag: 'after', val: -1n });
    assert.equal(map.getEntry(k).expiresIn, 2n ** 64n - 1n);
    assert.equal(map.increment(Buffer.from('wraps'), 2n ** 64n + 5n, never), 5n);
  },
  'a TTL is nanoseconds, and a missing one is a TypeError about `tag`'() {
    map.set(k, k, { tag: 'after', val: 60n });
    host.now += 60n;
    assert.equal(map.get(k), undefined);
    assert.match(thrown(() => map.set(k, k)).message, /'tag'/);
  },
  '64-bit results are bigints'() {
    const hits = map.increment(Buffer.from('hits'), 1n, never);
    assert.equal(hits === 1, false);
    assert.throws(() => hits + 1, TypeError);
  },
  'a refusal has the message [object Object], and its reason in `payload`'() {
    const error = thrown(() => map.set(Buffer.of(), k, never));
    assert.match(`${error}`, /^Error: \[object Object\]/);
    assert.match(inspect(error), /payload: \{ tag: 'invalid-key'/);
  },
  'pins are not collected: after 1,024 of them the map is full'() {
    map.set(k, k, never);
    const pins = [];
    assert.equal(thrown(() => { for (;;) pins.push(map.pin(k)); }).payload.tag, 'full');
    assert.equal(pins.length, 1024);
    pins.forEach((pin) => pin[Symbol.dispose]());
  },
  'a released pin is a TypeError about a resource'() {
    const pin = map.pin(k);
    pin[Symbol.dispose]();
    assert.match(thrown(() => pin.value()).message, /Not a valid "Pinned" resource/);
  },
  'the output of jco is an ES module'() {
    const folder = mkdtempSync(join(tmpdir(), 'localmap-'));
    try {
      copyFileSync(module, join(folder, 'map.js'));
      writeFileSync(join(folder, 'main.mjs'), "import './map.js';");
      const run = (type) => {
        writeFileSync(join(folder, 'package.json'), JSON.stringify({ type }));
        return spawnSync(process.execPath, ['main.mjs'], { cwd: folder, encoding: 'utf8' });
      };
      assert.equal(run('module').status, 0);
      // npm writes this type into a new package.json.
      const commonjs = run('commonjs');
      assert.notEqual(commonjs.status, 0);
      assert.match(commonjs.stderr, /SyntaxError/);
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
};

for (const [row, holds] of Object.entries(rows)) {
  try {
    holds();
  } catch (error) {
    console.error(`Error: docs/other-hosts.md, Node: ${row}`);
    throw error;
  }
}
console.log(`${Object.keys(rows).length} surprises under Node are as documented`);
