// Counts the visitors of a web server's log and their sessions.
//
// Only the map knows the open sessions: a session is an entry that lives for the idle time,
// and each request restarts that time.

import { getArguments } from 'wasi:cli/environment@0.2.0';
import { getStdin } from 'wasi:cli/stdin@0.2.0';
import { len, set, touch } from 'localmap:core/local-map@0.1.0';

// The command: what the world exports as `wasi:cli/run`.
export const run = {
  run() {
    let lines = 0;
    try {
      const ttl = { tag: 'after', val: idleTime(getArguments().slice(1)) };
      // All clients so far, numbered in order of appearance. Clients do not expire, and
      // their numbers fit into a key however long their names are.
      const clients = new Map();
      let sessions = 0;
      let peak = 0n;
      for (const line of linesOf(getStdin())) {
        lines += 1;
        const client = line.match(/[^ \t\n\f\r]+/)?.[0];
        if (client !== undefined) {
          if (!clients.has(client)) clients.set(client, clients.size);
          const session = new TextEncoder().encode(clients.get(client));
          if (!touch(session, ttl)) {
            set(session, new Uint8Array(), ttl);
            sessions += 1;
          }
        }
        const open = len();
        if (open > peak) peak = open;
      }
      console.log(
        `lines=${lines} clients=${clients.size} sessions=${sessions} peak=${peak} open=${len()}`,
      );
    } catch (error) {
      // An error of the map is thrown. Its payload is the `error` of the contract, such as
      // { tag: 'full' }.
      const message = error.payload ? `the map answers ${error.payload.tag}` : error.message;
      console.error(`Error: ${lines ? `line ${lines}: ` : ''}${message}`);
      throw error; // makes the command fail
    }
  },
};

// Yields the lines of a stream, as text with one character per byte, so any bytes will do.
// Each line is yielded before more is read: with `localmap run --clock`, reading moves the
// clock.
function* linesOf(stream) {
  const decoder = new TextDecoder('latin1');
  let text = '';
  try {
    for (;;) {
      text += decoder.decode(stream.blockingRead(65536n));
      const lines = text.split('\n');
      text = lines.pop();
      yield* lines;
    }
  } catch (error) {
    if (error.payload?.tag !== 'closed') throw new Error('cannot read standard input');
    if (text) yield text;
  }
}

const NANOSECONDS = { ms: 10n ** 6n, s: 10n ** 9n, m: 60n * 10n ** 9n, h: 3600n * 10n ** 9n };

// Returns the option `--idle SPAN` in nanoseconds, the unit of the map.
function idleTime(args) {
  if (args.length === 0) args = ['--idle', '30m'];
  const [, count, unit] = args[1]?.match(/^([1-9]\d*)(ms|s|m|h)$/) ?? [];
  if (args.length !== 2 || args[0] !== '--idle' || !unit) {
    throw new Error('usage: sessions [--idle SPAN], such as 90s, 30m or 1h');
  }
  return BigInt(count) * NANOSECONDS[unit];
}
