// Reads mirrors in JavaScript: copies of data that other machines own, such as a prefix of etcd, through
// `localmap:core/mirror@0.1.0`, with text or bytes, times in milliseconds, and errors that say what to do.
//
//     import * as contract from 'localmap:core/mirror@0.1.0';
//     import { Mirror } from './localmap-mirror.js';
//
//     const flags = new Mirror(contract, 'flags');
//     const { found, age } = flags.get('dark-mode'); // throws if there is no copy that is young enough
//
// It has no dependencies: copy it with `localmap-mirror.d.ts`, which documents each operation.
//
// Wrong arguments are a `TypeError`, thrown before the host is called. What the host answers instead of a
// value is a `MirrorError`.

/** A mirror of the host, by its name. */
export class Mirror {
  #contract;

  constructor(contract, name) {
    if (typeof contract?.getMany !== 'function' || typeof contract.status !== 'function') {
      throw new TypeError(
        "new Mirror(contract, name) needs mirrors: import * as contract from 'localmap:core/mirror@0.1.0'",
      );
    }
    if (typeof name !== 'string') {
      throw new TypeError(`the name of a mirror must be a string, not ${kindOf(name)}`);
    }
    this.#contract = contract;
    Object.defineProperty(this, 'name', { value: name, enumerable: true });
  }

  get(key) {
    const given = bytes(key);
    const { entry, ...rest } = this.#attempt(() => this.#contract.get(this.name, given));
    return { found: entryOf(entry), ...readOf(rest) };
  }

  getMany(keys) {
    if (typeof keys !== 'object' || typeof keys?.[Symbol.iterator] !== 'function') {
      throw new TypeError(`the keys must be an array or another iterable, not ${kindOf(keys)}`);
    }
    const wanted = Array.from(keys, bytes);
    for (let tries = 0; tries < TRIES; tries += 1) {
      const read = this.#tryGetMany(wanted);
      if (read) return read;
    }
    throw new MirrorError({ tag: 'changing' }, this.name);
  }

  status() {
    const { state, revision, age, entries, omitted } = this.#attempt(() => this.#contract.status(this.name));
    return {
      state,
      revision,
      age: age === undefined ? undefined : millis(age),
      entries: Number(entries),
      omitted: Number(omitted),
    };
  }

  /** Reads all keys, or returns nothing if the copy changes meanwhile. */
  #tryGetMany(wanted) {
    let all;
    while (!all || all.found.length < wanted.length) {
      const first = all?.found.length ?? 0;
      const some = wanted.slice(first, first + MAX_KEYS);
      const { entries, ...rest } = this.#attempt(() => this.#contract.getMany(this.name, some), first);
      const read = readOf(rest);
      if ((all && all.asOf !== read.asOf) || (some.length > 0 && entries.length === 0)) return undefined;
      all ??= { found: [], asOf: read.asOf, age: 0, isFresh: true };
      all.found.push(...entries.slice(0, some.length).map(entryOf));
      all.age = Math.max(all.age, read.age);
      all.isFresh &&= read.isFresh;
    }
    return all;
  }

  /** Calls the host. Turns what it answers instead of a value into an error. */
  #attempt(call, first = 0) {
    try {
      return call();
    } catch (error) {
      const payload = error?.payload;
      if (!Object.hasOwn(MESSAGES, payload?.tag ?? '')) throw error;
      throw new MirrorError(payload, this.name, first);
    }
  }
}

/** A read returns no value, neither an old one. */
export class MirrorError extends Error {
  constructor({ tag, val }, name, first = 0) {
    super(MESSAGES[tag](val, name, first));
    this.code = tag;
    if (tag === 'too-stale') this.age = millis(val);
    if (tag === 'omitted') Object.assign(this, { index: first + val.index, reason: val.reason });
  }
}
MirrorError.prototype.name = 'MirrorError';

const MAX_KEYS = 1024; // of one call
const TRIES = 10; // of `getMany`, if the copy changes while it reads

const MESSAGES = {
  'unknown-mirror': (_, name) =>
    `the host has no mirror \`${name}\`: give it one with \`localmap serve --mirror `
    + `${name}=etcd://HOST:2379/PREFIX/\``,
  'not-ready': () => 'the mirror has no copy yet: try again in a moment',
  'too-stale': (age) =>
    `the mirror may be ${Math.trunc(millis(age))} ms old, which is too much: its host has lost the source`,
  omitted: ({ index, reason }, _, first) => `key ${first + index} of the read is not in the mirror: ${reason}`,
  'does-not-fit': () => 'the source does not fit into the mirror: raise the limits of the mirror on its host',
  'other-cluster': () => 'the source of the mirror has become another one',
  ended: () => 'the mirror has ended',
  changing: () => 'the mirror changes while these keys are read: read fewer of them at a time',
};

const encoder = new TextEncoder();

/** Returns text as UTF-8, and bytes as they are. */
function bytes(key) {
  if (typeof key === 'string') {
    if (/\p{Surrogate}/u.test(key)) {
      throw new TypeError('the key holds half of a surrogate pair, which UTF-8 cannot encode: pass bytes');
    }
    return encoder.encode(key);
  }
  if (Object.prototype.toString.call(key) !== '[object Uint8Array]') {
    throw new TypeError(`the key must be a string or a Uint8Array, not ${kindOf(key)}`);
  }
  return key;
}

/** Returns an entry with bytes of the guest: in a component, they are those of the engine. */
function entryOf(entry) {
  if (entry === undefined) return undefined;
  const { value, modRevision } = entry;
  if (value instanceof Uint8Array) return { value, modRevision };
  return { value: new Uint8Array(value.buffer, value.byteOffset, value.length), modRevision };
}

function readOf({ asOf, freshness }) {
  return { asOf, age: millis(freshness.val), isFresh: freshness.tag === 'fresh' };
}

function millis(nanos) {
  return Number(nanos) / 1e6;
}

function kindOf(value) {
  if (value === null || value === undefined) return `${value}`;
  if (typeof value !== 'object') return `a ${typeof value}`;
  return `a ${Object.prototype.toString.call(value).slice(8, -1)}`;
}
