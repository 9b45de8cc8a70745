// The client of localmap in JavaScript: the operations of `localmap:core/local-map@0.1.0`, with text
// or bytes, times in milliseconds, and errors that say what to do.
//
//     import * as contract from 'localmap:core/local-map@0.1.0';
//     import { LocalMap } from './localmap.js';
//
//     const map = new LocalMap(contract);
//     const requests = map.increment('requests:alice', 1, 60_000); // a window of one minute
//
// It has no dependencies: copy it with `localmap.d.ts`, which documents each operation. Under Node,
// pass the map that `jco transpile` made of the component instead of `contract`.
//
// Wrong arguments are a `TypeError` or a `RangeError`, thrown before the map is called. What the map
// refuses is a `LocalMapError`. Neither has changed anything.

/** The maximum length of a key in bytes, by default. */
export const DEFAULT_MAX_KEY_LEN = 128;

/** The maximum length of a key in bytes that the host's `max-key` can allow. */
export const MAX_KEY_LEN = 512;

/** The maximum number of changes in one `apply`. */
export const MAX_CHANGES = 1024;

/** The map of this component instance. */
export class LocalMap {
  #contract;

  constructor(contract) {
    if (typeof contract?.getMany !== 'function') {
      throw new TypeError(
        "new LocalMap(contract) needs the map: import * as contract from 'localmap:core/local-map@0.1.0'",
      );
    }
    this.#contract = contract;
  }

  get(key) {
    return own(this.#contract.get(keyToRead(key)));
  }

  getEntry(key) {
    const entry = this.#contract.getEntry(keyToRead(key));
    return entry && { value: own(entry.value), ...versionAndTime(entry) };
  }

  getMany(keys) {
    const wanted = Array.from(iterable('the keys', keys), keyToRead);
    const values = [];
    while (values.length < wanted.length) {
      const answer = this.#contract.getMany(firstOf(wanted, values.length));
      if (answer.length === 0) throw new Error('the map has answered without a value');
      values.push(...answer.map(own));
    }
    return values;
  }

  contains(key) {
    return this.#contract.contains(keyToRead(key));
  }

  set(key, value, ttl) {
    const args = [keyToWrite(key), bytes('the value', value), ttlOf(ttl)];
    return attempt(() => this.#contract.set(...args));
  }

  setIf(key, value, ttl, condition) {
    const args = [keyToWrite(key), bytes('the value', value), ttlOf(ttl), conditionOf(condition)];
    return attempt(() => this.#contract.setIf(...args));
  }

  increment(key, delta = 1, ttl) {
    const args = [keyToWrite(key), s64('the delta', delta), ttlOf(ttl)];
    return sumLike(delta, attempt(() => this.#increment(...args)));
  }

  // The engine of jco 1.35.0 ends the guest at a negative argument, but not at one in a list.
  #increment(key, delta, ttl) {
    if (delta >= 0n) return this.#contract.increment(key, delta, ttl);
    try {
      return this.#contract.apply([{ tag: 'increment', val: { key, delta, ttl } }])[0].val;
    } catch (error) {
      throw Array.isArray(error?.payload) ? { payload: error.payload[1] } : error;
    }
  }

  touch(key, ttl) {
    const args = [keyToWrite(key), ttlOf(ttl)];
    return attempt(() => this.#contract.touch(...args));
  }

  take(key) {
    return own(this.#contract.take(keyToRead(key)));
  }

  delete(key) {
    return this.#contract.delete(keyToRead(key));
  }

  deleteIf(key, version) {
    const args = [keyToRead(key), u64('the version', version)];
    attempt(() => this.#contract.deleteIf(...args));
  }

  apply(changes) {
    const batch = Array.from(iterable('the changes', changes), (change) => {
      const form = forms.get(change);
      if (form) return form;
      throw new TypeError(`a change must be made by Change.set or its like, not ${kindOf(change)}`);
    });
    // The map would answer the same, but a list of this size may exceed its memory.
    if (batch.length > MAX_CHANGES) throw new LocalMapError({ tag: 'full' }, MAX_CHANGES);
    const outcomes = attempt(
      () => this.#contract.apply(batch.map(({ tag, val }) => ({ tag, val }))),
      (index) => batch[index]?.keyLen,
    );
    return outcomes.map(({ tag, val }, at) => (tag === 'counter' ? sumLike(batch[at].delta, val) : val));
  }

  pin(key) {
    const given = keyToRead(key);
    const handle = attempt(() => this.#contract.pin(given));
    return handle && new Pinned(handle);
  }

  scan(prefix = '') {
    return this.#scan(bytes('the prefix', prefix));
  }

  *#scan(prefix) {
    for (let cursor = 0n; cursor !== undefined; ) {
      const page = this.scanPage(prefix, cursor, PAGE);
      yield* page.entries;
      cursor = page.next;
    }
  }

  scanPage(prefix, cursor, limit) {
    const start = bytes('the prefix', prefix);
    const from = u64('the cursor', cursor);
    const most = integer('the limit of a page', limit);
    if (most < 0n) throw new RangeError(`the limit of a page is ${limit}: use a number from 1 to 4096`);
    // No key is longer than this, so none begins with the prefix.
    if (start.length > MAX_KEY_LEN) return { entries: [], next: undefined };
    const page = this.#contract.scan(start, from, most < 4096n ? Number(most) : 4096);
    return {
      entries: page.entries.map((entry) => (
        { key: own(entry.key), value: own(entry.value), ...versionAndTime(entry) }
      )),
      next: page.next,
    };
  }

  len() {
    return Number(this.#contract.len());
  }

  isEmpty() {
    return this.len() === 0;
  }
}

/** One change of a batch. */
export class Change {
  static set(key, value, ttl) {
    return change('set', key, { value: copied('the value', value), ttl: ttlOf(ttl) });
  }

  static setIf(key, value, ttl, condition) {
    const args = { value: copied('the value', value), ttl: ttlOf(ttl), condition: conditionOf(condition) };
    return change('set-if', key, args);
  }

  static increment(key, delta = 1, ttl) {
    return change('increment', key, { delta: s64('the delta', delta), ttl: ttlOf(ttl) }, delta);
  }

  static touch(key, ttl) {
    return change('touch', key, { ttl: ttlOf(ttl) });
  }

  static delete(key) {
    return change('delete', key);
  }

  static deleteIf(key, version) {
    return change('delete-if', key, { version: u64('the version', version) });
  }
}

/** A pinned value. */
export class Pinned {
  #handle;

  constructor(handle) {
    this.#handle = handle;
  }

  value() {
    return own(this.#live().value());
  }

  version() {
    return this.#live().version();
  }

  release() {
    const handle = this.#handle;
    this.#handle = undefined;
    handle?.[DISPOSE]();
  }

  #live() {
    if (this.#handle === undefined) throw new LocalMapError({ tag: 'released' });
    return this.#handle;
  }
}

// Engines without `using` have no `Symbol.dispose`; jco's code then uses this one.
const DISPOSE = Symbol.dispose ?? Symbol.for('dispose');
Pinned.prototype[DISPOSE] = Pinned.prototype.release;

/** What the map has refused. Nothing has changed. */
export class LocalMapError extends Error {
  constructor(refusal, index) {
    const at = index === undefined ? '' : `change ${index} of the batch: `;
    super(at + MESSAGES[refusal.tag](refusal.val));
    this.code = refusal.tag;
    if (index !== undefined) this.index = index;
    if (refusal.tag === 'invalid-key') this.reason = refusal.val.tag;
    if (refusal.tag === 'value-too-large') this.max = Number(refusal.val);
    if (refusal.tag === 'conflict') this.current = refusal.val;
  }
}
LocalMapError.prototype.name = 'LocalMapError';

/** Returns the text of a value in UTF-8, or `undefined` for `undefined`. */
export function text(value) {
  return value === undefined ? undefined : decoder.decode(value);
}

/** Returns the number in the value of a counter, or `undefined` for `undefined`. */
export function counter(value) {
  if (value === undefined) return undefined;
  const { buffer, byteOffset, length } = bytes('the value of a counter', value);
  if (length !== 8) throw new LocalMapError({ tag: 'not-a-counter' });
  return sumLike(0, new DataView(buffer, byteOffset).getBigInt64(0, true));
}

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The form of each change in the contract, with the length of its key and the delta as given. */
const forms = new WeakMap();

const PAGE = 256; // entries, enough to make the cost of calls negligible
const KEYS_OF_A_CALL = 32 * 1024; // bytes; the contract guarantees room for 64 KiB
const PER_KEY = 8; // bytes
const U64_MAX = 2n ** 64n - 1n;
const NANOS_PER_MS = 1_000_000n;
const LONGEST_MS = Number(U64_MAX) / 1e6; // 584 years

const MESSAGES = {
  'invalid-key': (fault) => KEY_MESSAGES[fault.tag](fault.val),
  'value-too-large': (max) =>
    `the value is longer than the ${max} bytes that this map accepts: split it, or raise \`max-value\``,
  'invalid-ttl': () => 'the TTL is zero: use a positive one, or delete the key instead',
  full: () =>
    'the map is full: delete entries, use shorter TTLs, release pins, or raise its limits',
  conflict: (current) =>
    current === undefined
      ? 'the key is absent: read it again, then retry'
      : `the key is present with version ${current}: read it again, then retry`,
  'not-a-counter': () => 'the value is not a counter (8 bytes): use another key, or delete this one first',
  overflow: () => 'the counter would exceed the range of a 64-bit integer: set it to a new value',
  released: () => 'this pin has been released: read its value before `release()`, or pin the key again',
};

const KEY_MESSAGES = {
  empty: () => `the key is empty: use 1 to ${DEFAULT_MAX_KEY_LEN} bytes`,
  'too-long': (len) =>
    `the key has ${len} bytes: shorten it to ${DEFAULT_MAX_KEY_LEN}, or use a hash of it and keep the `
    + 'whole key in the value',
  'not-utf8': () => 'the key is not UTF-8, which this map requires: encode it, for example in hexadecimal',
};

/** Calls the map. Turns its refusals into errors, where `keyLen` knows the lengths of a batch's keys. */
function attempt(call, keyLen) {
  try {
    return call();
  } catch (error) {
    const payload = error?.payload;
    const [index, refusal] = Array.isArray(payload) ? payload : [undefined, payload];
    if (!Object.hasOwn(MESSAGES, refusal?.tag ?? '')) throw error;
    // Only a part of an over-long key was sent.
    if (refusal.val?.tag === 'too-long' && keyLen) refusal.val.val = keyLen(index);
    throw new LocalMapError(refusal, index);
  }
}

/** Returns text as UTF-8, and bytes as they are. */
function bytes(what, value) {
  if (typeof value === 'string') {
    if (/\p{Surrogate}/u.test(value)) {
      throw new TypeError(`${what} holds half of a surrogate pair, which UTF-8 cannot encode: pass bytes`);
    }
    return encoder.encode(value);
  }
  if (Object.prototype.toString.call(value) !== '[object Uint8Array]') {
    throw new TypeError(`${what} must be a string or a Uint8Array, not ${kindOf(value)}`);
  }
  if (value.length === 0) new Uint8Array(value.buffer); // throws if its memory was transferred
  return value;
}

/** Returns bytes of the map as a `Uint8Array` of the guest: in a component, they are one of the engine. */
function own(value) {
  if (value === undefined || value instanceof Uint8Array) return value;
  return new Uint8Array(value.buffer, value.byteOffset, value.length);
}

/** Copies bytes, so that their owner may reuse them before the batch is applied. */
function copied(what, value) {
  return Uint8Array.from(bytes(what, value));
}

/** Returns the key of a read. A key that is too long to exist becomes the empty one, which does not
 * exist either. */
function keyToRead(key) {
  const given = bytes('the key', key);
  return given.length > MAX_KEY_LEN ? new Uint8Array() : given;
}

/** Returns the key of a write, or throws if it is too long to exist. */
function keyToWrite(key) {
  const given = bytes('the key', key);
  if (given.length > MAX_KEY_LEN) {
    throw new LocalMapError({ tag: 'invalid-key', val: { tag: 'too-long', val: given.length } });
  }
  return given;
}

function change(tag, key, args, delta) {
  const given = copied('the key', key);
  const deletes = tag.startsWith('delete');
  // The map must reject an over-long key, because an earlier change may fail first.
  const sent = deletes && given.length > MAX_KEY_LEN ? new Uint8Array() : given.subarray(0, MAX_KEY_LEN + 1);
  const made = new Change();
  forms.set(made, { tag, val: args ? { key: sent, ...args } : sent, keyLen: given.length, delta });
  return made;
}

/** Returns the keys from `start` that fit into one call: at least one. */
function firstOf(keys, start) {
  let size = 0;
  let end = start;
  while (end < keys.length && (size += keys[end].length + PER_KEY) <= KEYS_OF_A_CALL) end += 1;
  return keys.slice(start, Math.max(end, start + 1));
}

function ttlOf(ttl) {
  if (ttl === undefined) return { tag: 'default' };
  if (ttl === 'default' || ttl === 'never') return { tag: ttl };
  if (typeof ttl !== 'number' && typeof ttl !== 'bigint') {
    throw new TypeError(`the TTL must be milliseconds, 'never' or 'default', not ${kindOf(ttl)}`);
  }
  if (!(ttl > 0)) throw new RangeError(`the TTL is ${ttl} ms: use a positive one, or delete the key instead`);
  if (ttl > LONGEST_MS) throw new RangeError(`the TTL is ${ttl} ms, more than 584 years: use 'never'`);
  const nanos = typeof ttl === 'bigint'
    ? ttl * NANOS_PER_MS
    : BigInt(Math.trunc(ttl)) * NANOS_PER_MS + BigInt(Math.round((ttl % 1) * 1e6));
  if (nanos === 0n) throw new RangeError(`the TTL is ${ttl} ms: use at least 0.000001, one nanosecond`);
  return { tag: 'after', val: nanos < U64_MAX ? nanos : U64_MAX };
}

function conditionOf(condition) {
  if (condition === 'absent' || condition === 'present') return { tag: condition };
  if (typeof condition === 'number' || typeof condition === 'bigint') {
    return { tag: 'version', val: u64('the version', condition) };
  }
  throw new TypeError(`the condition must be 'absent', 'present' or a version, not ${kindOf(condition)}`);
}

function versionAndTime({ version, expiresIn }) {
  return { version, expiresIn: expiresIn === undefined ? 'never' : Number(expiresIn) / 1e6 };
}

/** Returns a sum of the type of its delta. */
function sumLike(delta, sum) {
  if (typeof delta === 'bigint') return sum;
  if (Number.isSafeInteger(Number(sum))) return Number(sum);
  throw new RangeError(`the counter is now ${sum}, which a number cannot hold: increment it by a bigint, such as 1n`);
}

function s64(what, value) {
  const whole = integer(what, value);
  if (BigInt.asIntN(64, whole) === whole) return whole;
  throw new RangeError(`${what} is ${value}: use a 64-bit integer`);
}

function u64(what, value) {
  const whole = integer(what, value);
  if (BigInt.asUintN(64, whole) === whole) return whole;
  throw new RangeError(`${what} is ${value}: use one that the map has returned`);
}

function integer(what, value) {
  if (typeof value === 'bigint') return value;
  if (typeof value !== 'number') {
    throw new TypeError(`${what} must be a whole number or a bigint, not ${kindOf(value)}`);
  }
  if (Number.isSafeInteger(value)) return BigInt(value);
  const fix = Number.isInteger(value) ? 'use a bigint, which is exact' : 'use a whole number';
  throw new RangeError(`${what} is ${value}: ${fix}`);
}

function iterable(what, value) {
  if (typeof value === 'object' && typeof value?.[Symbol.iterator] === 'function') return value;
  throw new TypeError(`${what} must be an array or another iterable, not ${kindOf(value)}`);
}

/** Names the kind of a value, for a message. */
function kindOf(value) {
  const kind = Object.prototype.toString.call(value).slice(8, -1);
  const article = { Null: '', Undefined: '' }[kind] ?? (/^[AEIO]/.test(kind) ? 'an ' : 'a ');
  return article + (typeof value === 'object' && value !== null ? kind : kind.toLowerCase());
}
