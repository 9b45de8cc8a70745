// A guest that tests its map. Its argument says what:
//
//   module       the checks of `guest/javascript/localmap.js`
//   surprises    the rows of "What surprises" in the section on JavaScript of `docs/guests.md`
//   others       the rows that end the guest: `pin-released`, `negative`, `not-caught`

import * as contract from 'localmap:core/local-map@0.1.0';
import { getArguments } from 'wasi:cli/environment@0.2.0';
import { check, equal, run as runChecks } from './checks.js';

const encode = (text) => new TextEncoder().encode(text);
const dispose = Symbol.dispose ?? Symbol.for('dispose');
const builtAt = Date.now();
const k = encode('k');
const never = { tag: 'never' };

function thrown(call) {
  try {
    call();
  } catch (error) {
    return error;
  }
  throw new Error(`${call} throws nothing`);
}

const surprises = {
  'text is stored as no bytes, without an error'() {
    contract.set(k, 'hello', never);
    equal(contract.get(k), new Uint8Array());
    equal(thrown(() => contract.set('k', k, never)).payload, { tag: 'invalid-key', val: { tag: 'empty' } });
  },
  'numbers wrap: a negative TTL is 584 years, and 2^64 + 5 is 5'() {
    contract.set(k, k, { tag: 'after', val: -1n });
    check(contract.getEntry(k).expiresIn > 2n ** 63n, 'a negative TTL is long');
    equal(contract.increment(encode('wraps'), 2n ** 64n + 5n, never), 5n);
  },
  'a TTL is nanoseconds, and a missing one is a TypeError about `tag`'() {
    contract.set(k, k, { tag: 'after', val: 60_000_000_000n });
    const left = contract.getEntry(k).expiresIn;
    check(left > 0n && left <= 60_000_000_000n, `${left} of a minute`);
    check(thrown(() => contract.set(k, k)).message.includes('tag'), 'the message is about `tag`');
  },
  '64-bit results are bigints'() {
    const hits = contract.increment(encode('hits'), 1n, never);
    equal([hits === 1, thrown(() => hits + 1).name], [false, 'TypeError']);
  },
  'what is returned or thrown is of another realm'() {
    contract.set(k, k, never);
    equal([contract.get(k) instanceof Uint8Array, thrown(() => contract.set(k, k)) instanceof Error], [false, false]);
  },
  'a refusal has the message [object Object], and is no instance of Error'() {
    const error = thrown(() => contract.set(new Uint8Array(), k, never));
    check(`${error}`.startsWith('Error: [object Object]'), `${error}`);
    equal([error instanceof Error, error.payload.tag], [false, 'invalid-key']);
  },
  'pins are not collected: after 1,024 of them the map is full'() {
    contract.set(k, k, never);
    const pins = [];
    equal(thrown(() => { for (;;) pins.push(contract.pin(k)); }).payload, { tag: 'full' });
    equal(pins.length, 1024);
    pins.forEach((pin) => pin[dispose]());
  },
  'a time that is taken at the top of a module is of the build'() {
    check(Date.now() - builtAt > 1000, `the guest was built ${Date.now() - builtAt} ms ago`);
  },
};

const parts = {
  module: () => `${runChecks(() => contract)} checks of localmap.js hold in a guest`,
  surprises() {
    for (const [row, holds] of Object.entries(surprises)) {
      try {
        holds();
      } catch (error) {
        throw new Error(`docs/guests.md, JavaScript: ${row}: ${error.message}`);
      }
    }
    return `${Object.keys(surprises).length} surprises in a guest are as documented`;
  },
  'not-caught'() {
    throw new Error('nobody catches this');
  },
  negative() {
    contract.increment(k, -1n, never);
    return 'the guest goes on';
  },
  'pin-released'() {
    contract.set(k, k, never);
    const pin = contract.pin(k);
    pin[dispose]();
    try {
      pin.value();
    } catch {
      // Not reached.
    }
    return 'the guest goes on';
  },
};

export const run = {
  run() {
    const part = getArguments()[1];
    try {
      console.log(parts[part]());
    } catch (error) {
      if (part !== 'not-caught') console.error(`Error: ${error.message}`);
      throw error;
    }
  },
};
