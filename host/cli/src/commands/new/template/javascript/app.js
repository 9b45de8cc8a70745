// Prints each line of standard input with the number of times it has occurred within the last minute.

import * as contract from 'localmap:core/local-map@0.1.0';
import { getStdin } from 'wasi:cli/stdin@0.2.0';
import { LocalMap, LocalMapError, text } from './localmap.js';

const WINDOW = 60_000; // milliseconds

// The command: what the world exports as `wasi:cli/run`.
export const run = {
  run() {
    const seen = new LocalMap(contract);
    for (const line of linesOf(getStdin())) {
      try {
        // A new counter gets the window as its time to live, and one that exists keeps its deadline.
        // It expires at the end of its window, so there is nothing to clean up.
        const times = seen.increment(`count:${line}`, 1, WINDOW);
        seen.set('latest', line, WINDOW);
        console.log(`${line}: ${times}`);
      } catch (error) {
        if (!(error instanceof LocalMapError)) throw error;
        // The line is too long for a key, or the map is full. The message says what to do. Nothing
        // has changed.
        console.error(`${line}: ${error.message}`);
      }
    }
    const latest = text(seen.get('latest'));
    if (latest !== undefined) {
      const different = [...seen.scan('count:')].length;
      console.log(`${different} different lines, the last one: ${latest}`);
    }
  },
};

// Yields each line of a stream before it reads more.
function* linesOf(stream) {
  const decoder = new TextDecoder();
  let rest = '';
  for (;;) {
    let bytes;
    try {
      bytes = stream.blockingRead(65536n);
    } catch (error) {
      if (error.payload?.tag !== 'closed') throw new Error('cannot read standard input');
      break;
    }
    const lines = (rest + decoder.decode(bytes, { stream: true })).split('\n');
    rest = lines.pop();
    yield* lines;
  }
  rest += decoder.decode();
  if (rest) yield rest;
}
