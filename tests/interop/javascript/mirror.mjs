// What must hold for `guest/javascript/localmap-mirror.js`, on a mirror of a few lines in place of the
// contract, with the values that jco makes of its types.
//
//     node mirror.mjs

import { Mirror, MirrorError } from '../../../guest/javascript/localmap-mirror.js';
import { equal, throws } from './checks.js';

const decoder = new TextDecoder();

/** A mirror that returns at most three entries at a time, and calls `between` after each. */
class Fake {
  entries = new Map();
  omitted = new Set();
  asOf = 7n;
  freshness = { tag: 'fresh', val: 1_500_000n };
  between = () => {};
  calls = 0;

  contract = {
    get: (name, key) => {
      const { entries: [entry], ...rest } = this.#ask(name, [key]);
      return { entry, ...rest };
    },
    getMany: (name, keys) => {
      const found = this.#ask(name, keys);
      this.between();
      return found;
    },
    status: (name) => {
      this.#ask(name, []);
      return { state: 'does-not-fit', revision: undefined, age: undefined, entries: 0n, omitted: 3n };
    },
  };

  #ask(name, keys) {
    this.calls += 1;
    const refuse = (payload) => { throw Object.assign(new Error('refused'), { payload }); };
    if (name !== 'flags') refuse({ tag: 'unknown-mirror' });
    if (this.error) refuse(this.error);
    const entries = keys.slice(0, 3).map((key, index) => {
      const text = decoder.decode(key);
      if (this.omitted.has(text)) refuse({ tag: 'omitted', val: { index, reason: 'key-too-long' } });
      const value = this.entries.get(text);
      return value === undefined ? undefined : { value: new TextEncoder().encode(value), modRevision: 5n };
    });
    return { entries, asOf: this.asOf, freshness: this.freshness };
  }
}

function thrown(call) {
  try {
    call();
  } catch (error) {
    return error;
  }
  throw new Error(`${call} throws nothing`);
}

const checks = {
  'a read has an entry, its revision and its age in milliseconds'({ fake, mirror }) {
    fake.entries.set('ké', 'on');
    for (const key of ['ké', new TextEncoder().encode('ké')]) {
      const { found, asOf, age, isFresh } = mirror.get(key);
      equal([decoder.decode(found.value), found.modRevision, asOf, age, isFresh], ['on', 5n, 7n, 1.5, true]);
    }
    fake.freshness = { tag: 'stale', val: 3_000_000_000n };
    equal(mirror.get('absent'), { found: undefined, asOf: 7n, age: 3000, isFresh: false });
  },

  'many keys are read at one revision, and again if the copy changes'({ fake, mirror }) {
    const keys = Array.from({ length: 10 }, (_, n) => `${n}`);
    keys.slice(0, 8).forEach((key) => fake.entries.set(key, key));
    const { found } = mirror.getMany(keys.values());
    equal(found.map((entry) => entry && decoder.decode(entry.value)), [...keys.slice(0, 8), undefined, undefined]);
    equal([fake.calls, mirror.getMany([]).found.length], [4, 0]);
    fake.between = () => {
      fake.asOf = 8n;
      fake.entries.set('0', 'new');
    };
    const again = mirror.getMany(keys);
    equal([again.asOf, decoder.decode(again.found[0].value)], [8n, 'new']);
    fake.between = () => { fake.asOf += 1n; };
    equal(thrown(() => mirror.getMany(keys)).code, 'changing');
    equal(mirror.getMany(keys.slice(0, 3)).found.length, 3);
  },

  'the worst age of several calls counts'({ fake, mirror }) {
    fake.freshness = { tag: 'stale', val: 2_000_000n };
    fake.between = () => { fake.freshness = { tag: 'fresh', val: 1_000_000n }; };
    const { age, isFresh } = mirror.getMany(['0', '1', '2', '3']);
    equal([age, isFresh], [2, false]);
  },

  'each error has a code and a message'({ fake, mirror }) {
    for (const [error, words] of [
      [{ tag: 'not-ready' }, 'no copy yet'],
      [{ tag: 'too-stale', val: 6_000_000_000n }, 'may be 6000 ms old'],
      [{ tag: 'does-not-fit' }, 'raise the limits'],
      [{ tag: 'other-cluster' }, 'another one'],
      [{ tag: 'ended' }, 'has ended'],
    ]) {
      fake.error = error;
      for (const call of [() => mirror.get('k'), () => mirror.getMany(['k'])]) {
        throws(call, MirrorError, words);
        equal(thrown(call).code, error.tag);
      }
    }
    equal(thrown(() => mirror.get('k')).age, undefined);
    fake.error = undefined;
    throws(() => new Mirror(fake.contract, 'other').status(), MirrorError, '--mirror other=etcd://');
    fake.omitted.add('4');
    const { code, index, reason } = thrown(() => mirror.getMany(['0', '1', '2', '3', '4']));
    equal([code, index, reason], ['omitted', 4, 'key-too-long']);
  },

  'a status has numbers'({ mirror }) {
    equal(mirror.status(), {
      state: 'does-not-fit', revision: undefined, age: undefined, entries: 0, omitted: 3,
    });
  },

  'other errors stay what they are'({ fake, mirror }) {
    const own = new Error('own');
    fake.between = () => { throw own; };
    equal(thrown(() => mirror.getMany(['k'])) === own, true);
  },

  'wrong arguments are a TypeError, before the call'({ fake, mirror }) {
    for (const wrong of [undefined, null, 7, 7n, true, [1], {}, new Uint16Array(2)]) {
      throws(() => mirror.get(wrong), TypeError, 'must be a string or a Uint8Array');
      throws(() => mirror.getMany(['k', wrong]), TypeError, 'must be a string or a Uint8Array');
      throws(() => new Mirror(fake.contract, wrong), TypeError, 'must be a string');
    }
    throws(() => mirror.get('half \ud83c'), TypeError, 'surrogate pair');
    for (const wrong of ['abc', 7, undefined]) throws(() => mirror.getMany(wrong), TypeError, 'iterable');
    for (const wrong of [undefined, {}, { getMany() {} }]) {
      throws(() => new Mirror(wrong, 'flags'), TypeError, 'localmap:core/mirror@0.1.0');
    }
    equal(fake.calls, 0);
  },
};

for (const [name, holds] of Object.entries(checks)) {
  const fake = new Fake();
  try {
    holds({ fake, mirror: new Mirror(fake.contract, 'flags') });
  } catch (error) {
    throw new Error(`${name}: ${error.message}`, { cause: error });
  }
}
console.log(`${Object.keys(checks).length} checks of localmap-mirror.js hold under Node`);
