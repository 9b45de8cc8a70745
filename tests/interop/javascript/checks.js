// What must hold for `guest/javascript/localmap.js`, in a guest and under Node. Each check gets an
// empty map with `max-pins` of at least 16, and the raw interface to the same map.

import {
  Change, counter, LocalMap, LocalMapError, MAX_CHANGES, MAX_KEY_LEN, text,
} from '../../../guest/javascript/localmap.js';

/** The checks by name: what must hold. */
export const checks = {
  'text is stored as UTF-8, and bytes as they are'({ map, raw }) {
    map.set('tea', 'grün 🍵');
    equal(map.get('tea'), new TextEncoder().encode('grün 🍵'));
    equal(map.get(new TextEncoder().encode('tea')), raw.get(new TextEncoder().encode('tea')));
    equal(text(map.get('tea')), 'grün 🍵');
    map.set('mark', '\ufeffx');
    equal(text(map.get('mark')), '\ufeffx');
    map.set(Uint8Array.of(0xff, 0), Uint8Array.of(1, 2, 3).subarray(1));
    equal(map.get(Uint8Array.of(0xff, 0)), Uint8Array.of(2, 3));
    equal(map.get('absent'), undefined);
    const [{ key, value }] = map.scan('tea');
    map.pin('tea').release();
    for (const bytes of [map.get('tea'), map.getEntry('tea').value, map.getMany(['tea'])[0], key, value, map.take('tea')]) {
      check(bytes instanceof Uint8Array, 'a value is a Uint8Array of the guest');
    }
    equal(text(undefined), undefined);
    throws(() => text(Uint8Array.of(0xff)), TypeError);
  },

  'keys and values of other types are a TypeError that names them, and nothing is stored'({ map }) {
    for (const [other, named] of [
      [undefined, 'undefined'], [null, 'null'], [7, 'a number'], [7n, 'a bigint'], [true, 'a boolean'],
      [[1, 2], 'an Array'], [{}, 'an Object'], [new ArrayBuffer(2), 'an ArrayBuffer'],
      [new Uint16Array(2), 'a Uint16Array'], [new DataView(new ArrayBuffer(2)), 'a DataView'],
      [Promise.resolve('x'), 'a Promise'], [() => 'x', 'a function'], [Symbol('x'), 'a symbol'],
      [new String('x'), 'a String'],
    ]) {
      const wanted = `must be a string or a Uint8Array, not ${named}`;
      for (const call of [
        () => map.set('k', other), () => map.set(other, 'v'), () => map.get(other), () => map.take(other),
        () => map.getEntry(other), () => map.getMany(['k', other]), () => map.contains(other),
        () => map.setIf(other, 'v', 'never', 'absent'), () => map.increment(other), () => map.touch(other),
        () => map.delete(other), () => map.deleteIf(other, 1), () => map.pin(other),
        () => Change.set('k', other), () => Change.delete(other),
        ...(other === undefined ? [] : [() => map.scan(other), () => map.scanPage(other, 0, 9)]),
      ]) {
        throws(call, TypeError, wanted);
      }
    }
    throws(() => map.set('k', 'half \ud83c'), TypeError, 'surrogate pair');
    equal(map.len(), 0);
  },

  'a TTL is milliseconds, and wrong ones throw before the call'({ map }) {
    for (const [ttl, kind, message] of [
      [0, RangeError, 'the TTL is 0 ms'], [-1, RangeError, 'the TTL is -1 ms'], [-1n, RangeError, 'positive'],
      [0n, RangeError, 'positive'], [NaN, RangeError, 'NaN'], [Infinity, RangeError, "use 'never'"],
      [2 ** 64, RangeError, '584 years'], [2n ** 64n, RangeError, '584 years'], [1e-7, RangeError, '0.000001'],
      [null, TypeError, 'not null'], ['60', TypeError, 'not a string'], ['Never', TypeError, 'not a string'],
      [{ tag: 'never' }, TypeError, 'not an Object'], [new Date(), TypeError, 'not a Date'],
    ]) {
      for (const call of [
        () => map.set('k', 'v', ttl), () => map.setIf('k', 'v', ttl, 'absent'), () => map.increment('k', 1, ttl),
        () => map.touch('k', ttl), () => Change.set('k', 'v', ttl), () => Change.touch('k', ttl),
        () => Change.increment('k', 1, ttl), () => Change.setIf('k', 'v', ttl, 'absent'),
      ]) {
        throws(call, kind, message);
      }
    }
    equal(map.len(), 0);
    for (const ttl of [undefined, 'default', 'never']) {
      map.set('k', 'v', ttl);
      equal(map.getEntry('k').expiresIn, 'never');
    }
    for (const ttl of [3_600_000, 3_600_000n, 3_600_000.25]) {
      map.set('k', 'v', ttl);
      const left = map.getEntry('k').expiresIn;
      check(left > 3_500_000 && left <= 3_600_000.25, `${left} ms left of an hour`);
    }
    map.set('k', 'v', Number(2n ** 64n - 1n) / 1e6); // the longest
    map.set('k', 'v', map.getEntry('k').expiresIn); // as it was read
    check(map.getEntry('k').expiresIn > 1.8e13, 'the longest TTL is not shortened');
  },

  'a sum has the type of its delta, and no delta is truncated'({ map }) {
    equal([map.increment('c'), map.increment('c', 2), map.increment('c', -4)], [1, 3, -1]);
    equal(map.increment('c', 5n, 'never'), 4n);
    map.set('text', 'v');
    equal(refused(() => map.increment('text', -1), 'not-a-counter', /^the value is not a counter/).index, undefined);
    equal(counter(map.get('c')), 4);
    equal(counter(undefined), undefined);
    for (const [delta, kind, message] of [
      [1.5, RangeError, 'whole number'], [NaN, RangeError, 'whole number'], [2 ** 53, RangeError, 'bigint'],
      [2n ** 63n, RangeError, '64-bit'], [-(2n ** 63n) - 1n, RangeError, '64-bit'],
      ['1', TypeError, 'not a string'], [null, TypeError, 'not null'], [true, TypeError, 'not a boolean'],
    ]) {
      throws(() => map.increment('c', delta), kind, message);
      throws(() => Change.increment('c', delta), kind, message);
    }
    equal(counter(map.get('c')), 4);
    equal(map.increment('big', 2n ** 63n - 1n), 2n ** 63n - 1n);
    throws(() => map.increment('big', -1), RangeError, `now ${2n ** 63n - 2n}`);
    throws(() => counter(map.get('big')), RangeError, 'bigint');
    equal(map.increment('big', 1n), 2n ** 63n - 1n);
    refused(() => map.increment('big', 1n), 'overflow', /range of a 64-bit integer/);
  },

  'a refusal is an Error with a code, and prints what to do'({ map }) {
    map.set('k', 'v');
    const version = map.getEntry('k').version;
    const other = map.set('k', 'w');
    for (const [call, code, message, more] of [
      [() => map.set('', 'v'), 'invalid-key', /the key is empty: use 1 to 128 bytes/, { reason: 'empty' }],
      [() => map.set('k'.repeat(129), 'v'), 'invalid-key', /the key has 129 bytes: shorten/, { reason: 'too-long' }],
      [() => map.touch('k'.repeat(5000), 9), 'invalid-key', /the key has 5000 bytes/, { reason: 'too-long' }],
      [() => map.increment('k'), 'not-a-counter', /use another key, or delete this one/, {}],
      [() => counter(map.get('k')), 'not-a-counter', /8 bytes/, {}],
      [() => map.setIf('k', 'v', 'never', 'absent'), 'conflict', /present with version \d+: read/, { current: other }],
      [() => map.setIf('x', 'v', 'never', 'present'), 'conflict', /absent: read/, { current: undefined }],
      [() => map.setIf('k', 'v', 'never', version), 'conflict', /version/, { current: other }],
      [() => map.deleteIf('k', version), 'conflict', /version/, { current: other }],
    ]) {
      refused(call, code, message, more);
    }
    equal([text(map.get('k')), map.len()], ['w', 1]);
    equal(map.setIf('k', 'x', 'never', other) > other, true);
    map.deleteIf('k', Number(map.getEntry('k').version));
    equal(map.isEmpty(), true);
    throws(() => map.setIf('k', 'v', 'never'), TypeError, 'not undefined');
    throws(() => map.setIf('k', 'v', 'absent', 'never'), TypeError, 'the TTL must be');
    throws(() => map.deleteIf('k', -1), RangeError, 'the version is -1');
    throws(() => map.deleteIf('k', 2n ** 64n), RangeError, 'the version is');
  },

  'reads of keys that cannot exist find nothing'({ map }) {
    for (const key of ['', 'k'.repeat(MAX_KEY_LEN), 'k'.repeat(100_000)]) {
      equal([map.get(key), map.getEntry(key), map.take(key), map.pin(key)], [undefined, undefined, undefined, undefined]);
      equal([map.contains(key), map.delete(key), map.getMany([key])], [false, false, [undefined]]);
      equal([...map.scan(`${key}k`)], []);
    }
  },

  'getMany reads any number of keys, in their order'({ map }) {
    equal(map.getMany([]), []);
    const keys = Array.from({ length: 5000 }, (_, n) => `key-${n}`);
    keys.forEach((key, n) => n % 2 || map.set(key, `${n}`));
    equal(map.getMany(new Set(keys)).map(text), keys.map((_, n) => (n % 2 ? undefined : `${n}`)));
    const large = new Uint8Array(400_000);
    ['a', 'b', 'c', 'd'].forEach((key) => map.set(key, large));
    equal(map.getMany(['a', 'b', 'x', 'c', 'd']).map((value) => value?.length), [400_000, 400_000, undefined, 400_000, 400_000]);
    throws(() => map.getMany('abc'), TypeError, 'iterable, not a string');
    throws(() => map.getMany(), TypeError, 'not undefined');
  },

  'a batch is made or not made, and answers as the calls do'({ map }) {
    const version = map.set('old', 'v');
    map.set('stays', 'v');
    const done = map.apply([
      Change.set('a', 'text', 60_000), Change.setIf('b', Uint8Array.of(1), 'never', 'absent'),
      Change.increment('n', 2), Change.increment('n', 3n), Change.touch('a', 'never'), Change.touch('x'),
      Change.delete('stays'), Change.delete('k'.repeat(5000)), Change.deleteIf('old', version),
    ]);
    equal(done.slice(2), [2, 5n, true, false, true, false, true]);
    equal([map.getEntry('a').version, map.getEntry('b').version], done.slice(0, 2));
    equal([map.getEntry('a').expiresIn, map.len()], ['never', 3]);
    const before = map.len();
    const failed = refused(() => map.apply(new Set([Change.set('y', 'v'), Change.increment('a')])), 'not-a-counter', /^change 1 of the batch: /);
    equal([failed.index, map.len()], [1, before]);
    const long = refused(() => map.apply([Change.set('y', 'v'), Change.set('k'.repeat(5000), 'v')]), 'invalid-key', /has 5000 bytes/);
    equal([long.index, long.reason], [1, 'too-long']);
    const many = Array.from({ length: MAX_CHANGES + 1 }, () => Change.delete('k'));
    equal(refused(() => map.apply(many), 'full', /full/).index, MAX_CHANGES);
    equal(map.apply(many.slice(1)).length, MAX_CHANGES);
    equal(map.apply([]), []);
    throws(() => map.apply([{ tag: 'delete', val: 'a' }]), TypeError, 'Change.set or its like, not an Object');
    throws(() => map.apply(Change.delete('a')), TypeError, 'iterable, not an Object');
    const reused = Uint8Array.of(1);
    const change = Change.set('reused', reused);
    reused[0] = 2;
    map.apply([change]);
    equal(map.get('reused'), Uint8Array.of(1));
  },

  'a pin keeps its value until it is released, and then throws'({ map }) {
    const dispose = Symbol.dispose ?? Symbol.for('dispose');
    const version = map.set('rates', '1.08');
    const pin = map.pin('rates');
    map.set('rates', '1.09');
    map.delete('rates');
    equal([text(pin.value()), pin.version()], ['1.08', version]);
    pin.release();
    pin.release();
    pin[dispose]();
    refused(() => pin.value(), 'released', /has been released: read its value before/);
    refused(() => pin.version(), 'released', /has been released/);
    map.set('rates', '1.10');
    for (let n = 0; n < 5000; n += 1) map.pin('rates')[dispose]();
    const pins = [];
    const full = refused(() => { for (;;) pins.push(map.pin('rates')); }, 'full', /release pins/);
    check(pins.length >= 16 && full.index === undefined, `${pins.length} pins`);
    pins.forEach((pin) => pin.release());
  },

  'a scan finds each entry once, and may change the map'({ map }) {
    for (let n = 0; n < 1000; n += 1) map.set(`user:${n}`, `${n}`, n % 2 ? 'never' : 60_000);
    map.set('motd', 'hello');
    const found = new Map();
    for (const { key, value, version, expiresIn } of map.scan('user:')) {
      check(!found.has(text(key)) && typeof version === 'bigint', text(key));
      check(expiresIn === 'never' || (expiresIn > 0 && expiresIn <= 60_000), `${expiresIn}`);
      found.set(text(key), text(value));
      map.set('seen', text(key));
    }
    equal([found.size, found.get('user:42')], [1000, '42']);
    equal([...map.scan()].length, 1002);
    let users = 0;
    let cursor = 0;
    do {
      const page = map.scanPage('user:', cursor, 10);
      users += page.entries.length;
      cursor = page.next;
    } while (cursor !== undefined);
    equal(users, 1000);
    throws(() => map.scanPage('', -1, 9), RangeError, 'the cursor is -1');
    throws(() => map.scanPage('', 0, -1), RangeError, 'the limit of a page is -1');
    throws(() => map.scanPage('', 0, 1.5), RangeError, 'whole number');
    throws(() => map.scanPage('', 0), TypeError, 'the limit of a page');
    throws(() => map.scan(7), TypeError, 'the prefix');
  },

  'without a map there is no client, and the error names the import'() {
    for (const none of [undefined, null, {}, 'localmap']) {
      throws(() => new LocalMap(none), TypeError, "from 'localmap:core/local-map@0.1.0'");
    }
  },
};

/** Runs all checks. Returns their number, or throws an error that names the first that fails. */
export function run(environment) {
  for (const [name, holds] of Object.entries(checks)) {
    const raw = environment();
    const map = new LocalMap(raw);
    for (const { key } of [...map.scan()]) map.delete(key);
    try {
      holds({ map, raw });
    } catch (error) {
      throw new Error(`${name}: ${error.message}\n${error.stack}`);
    }
  }
  return Object.keys(checks).length;
}

export function check(holds, message) {
  if (!holds) throw new Error(`does not hold: ${message}`);
}

const plain = (value) => JSON.stringify(value, (_, part) => {
  if (typeof part === 'bigint') return `${part}n`;
  if (part === undefined) return 'undefined';
  return Object.prototype.toString.call(part) === '[object Uint8Array]' ? [...part] : part;
});

export function equal(found, expected) {
  check(plain(found) === plain(expected), `${plain(found)} is ${plain(expected)}`);
}

export function throws(call, kind, message = '') {
  let error;
  try {
    call();
  } catch (thrown) {
    error = thrown;
  }
  check(error instanceof kind && error.name === kind.prototype.name, `${call} throws a ${kind.name}, not ${error}`);
  check(error.message.includes(message), `${JSON.stringify(error.message)} includes ${JSON.stringify(message)}`);
}

function refused(call, code, message, more = {}) {
  try {
    call();
  } catch (error) {
    check(error instanceof LocalMapError && error instanceof Error, `${error} is a LocalMapError`);
    check(error.code === code && message.test(error.message), `${error.code}: ${error.message}`);
    check(String(error) === `LocalMapError: ${error.message}`, String(error));
    for (const [name, value] of Object.entries(more)) equal(error[name], value);
    // An error with a payload would end a command without a word.
    check(!('payload' in error), 'the error has a payload');
    return error;
  }
  throw new Error(`${call} does not throw`);
}
