// Runs the checks of `guest/javascript/localmap.js` under Node, with a clock that the test sets.
//
//     node checks-node.mjs MODULE
//
// where MODULE is the module that `jco transpile --instantiation sync` made of `map.wasm`.

import { LocalMap, text } from '../../../guest/javascript/localmap.js';
import { Host } from '../node/host.mjs';
import { check, equal, run } from './checks.js';

const host = await Host.load(process.argv[2]);
const count = run(() => host.map());

// Time, which a guest cannot set: a TTL ends at its millisecond, to the nanosecond.
const map = new LocalMap(host.map());
for (const [ttl, nanos] of [[1, 1_000_000n], [2n, 2_000_000n], [0.000001, 1n], [1500.000001, 1_500_000_001n]]) {
  map.set('k', 'v', ttl);
  equal(map.getEntry('k').expiresIn, Number(ttl));
  host.now += nanos - 1n;
  equal(text(map.get('k')), 'v');
  host.now += 1n;
  equal(map.get('k'), undefined);
}
map.increment('window', 1, 60_000);
host.now += 59_999_999_999n;
equal(map.increment('window', 1, 60_000), 2);
host.now += 1n;
equal(map.increment('window', 1, 60_000), 1);
equal(map.touch('window', 1000), true);
const left = map.getEntry('window');
host.now += 400_000_000n;
map.setIf('window', left.value, map.getEntry('window').expiresIn, left.version);
equal(map.getEntry('window').expiresIn, 600);

// A value whose memory was given away would be stored as an empty one.
const away = new Uint8Array(8);
structuredClone(away.buffer, { transfer: [away.buffer] });
let error;
try {
  map.set('k', away);
} catch (thrown) {
  error = thrown;
}
check(error instanceof TypeError && !map.contains('k'), `a transferred value is a TypeError, not ${error}`);

console.log(`${count} checks of localmap.js hold under Node, and time`);
