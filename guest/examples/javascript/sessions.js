// Counts the visitors of a web server's log and their sessions.
//
// Only the map knows the open sessions: a session is an entry that lives for the idle time,
// and each request restarts that time.

import * as contract from 'localmap:core/local-map@0.1.0';
import { getArguments } from 'wasi:cli/environment@0.2.0';
import { getStdin } from 'wasi:cli/stdin@0.2.0';
import { LocalMap } from '../../javascript/localmap.js';

// The command: what the world exports as `wasi:cli/run`.
export const run = {
  run() {
    const read = { lines: 0 };
    try {
      console.log(count(idleTime(getArguments().slice(1)), read));
    } catch (error) {
      // What the map refuses is thrown too, with a message that says what to do.
      console.error(`Error: ${read.lines ? `line ${read.lines}: ` : ''}${error.message}`);
      throw error; // makes the command fail
    }
  },
};

function count(idle, read) {
  const map = new LocalMap(contract);
  // All clients so far, numbered in order of appearance. Clients do not expire, and their
  // numbers fit into a key however long their names are.
  const clients = new Map();
  let sessions = 0;
  let peak = 0;
  for (const line of linesOf(getStdin())) {
    read.lines += 1;
    const client = line.match(/[^ \t\n\f\r]+/)?.[0];
    if (client !== undefined) {
      if (!clients.has(client)) clients.set(client, clients.size);
      const session = `${clients.get(client)}`;
      if (!map.touch(session, idle)) {
        map.set(session, '', idle);
        sessions += 1;
      }
    }
    peak = Math.max(peak, map.len());
  }
  return `lines=${read.lines} clients=${clients.size} sessions=${sessions} peak=${peak} open=${map.len()}`;
}

// Yields the lines of a stream, as text with one character per byte, so any bytes will do.
// Each line is yielded before more is read: with `localmap run --clock`, reading moves the
// clock.
function* linesOf(stream) {
  const decoder = new TextDecoder('latin1');
  let rest = '';
  for (;;) {
    let bytes;
    try {
      bytes = stream.blockingRead(65536n);
    } catch (error) {
      if (error.payload?.tag !== 'closed') throw new Error('cannot read standard input');
      break;
    }
    const lines = (rest + decoder.decode(bytes)).split('\n');
    rest = lines.pop();
    yield* lines;
  }
  if (rest) yield rest;
}

const MILLISECONDS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

// Returns the option `--idle SPAN` in milliseconds.
function idleTime(args) {
  if (args.length === 0) args = ['--idle', '30m'];
  const [, count, unit] = args[1]?.match(/^([1-9]\d*)(ms|s|m|h)$/) ?? [];
  if (args.length !== 2 || args[0] !== '--idle' || !unit) {
    throw new Error('usage: sessions [--idle SPAN], such as 90s, 30m or 1h');
  }
  return Number(count) * MILLISECONDS[unit];
}
