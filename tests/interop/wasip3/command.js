// Increments a counter of the map, and fails unless the sums are right: a command for WASI 0.2.

import map from 'localmap:core/local-map@0.1.0';

export const run = {
  run() {
    const key = Uint8Array.of(107);
    const sums = [41, 1].map((delta) => map.increment(key, delta, { tag: 'never' }));
    if (sums.join() !== '41,42') throw new Error(`the sums are ${sums}`);
  },
};
