// Prints a counter of the map: a command for WASI 0.2.

import map from 'localmap:core/local-map@0.1.0';
import { getStdout } from 'wasi:cli/stdout@0.2.0';

export const run = {
  run() {
    const key = Uint8Array.of(107);
    map.increment(key, 41, { tag: 'never' });
    const sum = map.increment(key, 1, { tag: 'never' });
    const text = Uint8Array.from(`${sum}\n`, (letter) => letter.charCodeAt(0));
    getStdout().blockingWriteAndFlush(text);
  },
};
