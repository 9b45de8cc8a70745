/**
 * The client of localmap in JavaScript: the operations of `localmap:core/local-map@0.1.0`, with text
 * or bytes, times in milliseconds, and errors that say what to do.
 *
 * - **Keys and values** are strings, which are stored as UTF-8, or `Uint8Array`s. Values are returned
 *   as bytes: {@link text} and {@link counter} read them.
 * - **Errors.** An argument of the wrong type is a `TypeError`, and one out of range a `RangeError`;
 *   both are thrown before the map is called. What the map refuses is a {@link LocalMapError}. After
 *   any of them, nothing has changed.
 * - **Limits** are the host's: keys have 1 to 128 bytes (`max-key`), values up to 1 MiB
 *   (`max-value`). A value that exceeds `max-value` by more than 64 KiB may end the instance.
 *
 * @module
 */

/** Text, which is encoded as UTF-8, or bytes. */
export type Bytes = string | Uint8Array;

/**
 * The time to live of an entry.
 *
 * - A number of **milliseconds**, greater than 0; fractions count to the nanosecond. A number beyond
 *   584 years is a `RangeError`.
 * - `'never'`: until the entry is deleted or the instance ends.
 * - `'default'`, or nothing: the map's default, which means `'never'` unless the host sets
 *   `--default-ttl`.
 */
export type Ttl = number | bigint | 'never' | 'default';

/** Identifies one stored value of one key. The map never uses a version twice. */
export type Version = bigint;

/** The condition of a write: the key is absent, is present, or has the value of this version. */
export type Condition = 'absent' | 'present' | Version | number;

/** A value with its version and remaining time. */
export interface Entry {
  value: Uint8Array;
  version: Version;
  /** Milliseconds until it expires, greater than 0. As a TTL, it keeps the remaining time. */
  expiresIn: number | 'never';
}

/** An entry that a scan found. */
export interface Scanned extends Entry {
  key: Uint8Array;
}

/** One page of a scan. */
export interface Page {
  /** May be empty before the scan ends. */
  entries: Scanned[];
  /** The cursor of the next page; `undefined` at the end of the scan. */
  next: bigint | undefined;
}

/** The maximum length of a key in bytes, by default. */
export const DEFAULT_MAX_KEY_LEN: 128;
/** The maximum length of a key in bytes that the host's `max-key` can allow. */
export const MAX_KEY_LEN: 512;
/** The maximum number of changes in one {@link LocalMap.apply}. */
export const MAX_CHANGES: 1024;

/** Returns the text of a value in UTF-8. Throws a `TypeError` if the value is not UTF-8. */
export function text(value: Uint8Array): string;
export function text(value: Uint8Array | undefined): string | undefined;

/**
 * Returns the number in the value of a counter. Throws a {@link LocalMapError} with the code
 * `not-a-counter` if the value is not 8 bytes long, and a `RangeError` beyond 2^53 - 1.
 */
export function counter(value: Uint8Array): number;
export function counter(value: Uint8Array | undefined): number | undefined;

/**
 * The map of this component instance. It starts empty, except for entries that the host stored in
 * advance, and ends with the instance.
 *
 * ```js
 * import * as contract from 'localmap:core/local-map@0.1.0';
 * import { LocalMap, text } from './localmap.js';
 *
 * const map = new LocalMap(contract);
 * map.set('session:7f3a', 'alice', 30 * 60_000);
 * text(map.get('session:7f3a')); // 'alice'
 * ```
 */
export class LocalMap {
  #private;

  /**
   * Returns the map. Calls nothing and changes nothing.
   *
   * @param contract In a guest, the module `localmap:core/local-map@0.1.0`. Under Node, the
   *   `localMap` of an instance that `jco transpile` made of the map component.
   */
  constructor(contract: object);

  /** Returns the value of `key`, or `undefined` if it is absent. */
  get(key: Bytes): Uint8Array | undefined;

  /**
   * Returns the value of `key` with its version and remaining time, or `undefined` if it is absent.
   *
   * ```js
   * const entry = map.getEntry('list');
   * if (entry) map.setIf('list', `${text(entry.value)}, milk`, entry.expiresIn, entry.version);
   * ```
   */
  getEntry(key: Bytes): Entry | undefined;

  /**
   * Returns the values of several keys, in the order of `keys`. All are read at the same instant if
   * the keys, plus 8 bytes each, take less than 32 KiB and the values at most 1 MiB.
   */
  getMany(keys: Iterable<Bytes>): (Uint8Array | undefined)[];

  /** Returns `true` if `key` is present. Counts as neither a hit nor a miss. */
  contains(key: Bytes): boolean;

  /**
   * Stores a value with its TTL and returns its version. Replaces the value and the TTL that `key`
   * had.
   *
   * @throws {LocalMapError} `invalid-key`, `value-too-large` or `full`.
   */
  set(key: Bytes, value: Bytes, ttl?: Ttl): Version;

  /**
   * Stores a value as {@link set} does, if `condition` holds.
   *
   * @throws {LocalMapError} Those of {@link set}, and `conflict` if `condition` does not hold.
   */
  setIf(key: Bytes, value: Bytes, ttl: Ttl | undefined, condition: Condition): Version;

  /**
   * Adds `delta` (by default 1) to a counter and returns the sum.
   *
   * An existing counter keeps its deadline. An absent one starts from 0 with `ttl`, so a TTL creates a
   * fixed window that begins with the first `increment`.
   *
   * The sum has the type of `delta`. A counter can hold any 64-bit integer: if the sum may exceed
   * 2^53 - 1, pass a bigint. If it does and `delta` is a number, the counter has changed, and a
   * `RangeError` says its value.
   *
   * @throws {LocalMapError} `invalid-key`, `full`, `not-a-counter`, `overflow` or, if `max-value` is
   *   less than 8 bytes, `value-too-large`.
   */
  increment(key: Bytes, delta?: number, ttl?: Ttl): number;
  increment(key: Bytes, delta: bigint, ttl?: Ttl): bigint;

  /**
   * Gives an existing entry a new TTL, counted from now, and keeps its value and version. Returns
   * `false` if `key` is absent; it stays absent.
   *
   * @throws {LocalMapError} `invalid-key`, or `full` if there is no memory to record the deadline.
   */
  touch(key: Bytes, ttl?: Ttl): boolean;

  /** Deletes `key` and returns its value, or `undefined` if it was absent. */
  take(key: Bytes): Uint8Array | undefined;

  /** Deletes `key`. Returns `true` if it was present. */
  delete(key: Bytes): boolean;

  /**
   * Deletes `key` if its value has the given version.
   *
   * @throws {LocalMapError} `conflict` if the value has another version or the key is absent.
   */
  deleteIf(key: Bytes, version: Version | number): void;

  /**
   * Makes all changes of a batch or none of them, at a single instant. Returns one result for each
   * change: what the operation of the same name returns, and `true` for `deleteIf`.
   *
   * A batch has at most {@link MAX_CHANGES} changes. Its keys and values are limited to 64 KiB more
   * than 1 MiB or the map's largest value, whichever is greater. A batch far beyond that may end the
   * instance.
   *
   * ```js
   * const [, credit] = map.apply([
   *   Change.setIf('redeemed:7f3a', 'alice', 'never', 'absent'),
   *   Change.increment('credit:alice', 10, 'never'),
   * ]);
   * ```
   *
   * @throws {LocalMapError} With the `index` of the first change that fails and the code of its
   *   operation, or `full` if the batch exceeds its limits.
   */
  apply(changes: Iterable<Change>): (Version | number | boolean)[];

  /**
   * Pins the value of `key`: it stays readable until the pin is released, even if the key is changed
   * or deleted. Returns `undefined` if the key is absent.
   *
   * Release each pin. The garbage collector does not, and a map has 1,024 of them unless its host
   * sets `max-pins`.
   *
   * ```js
   * const rates = map.pin('rates');
   * try {
   *   use(rates?.value());
   * } finally {
   *   rates?.release();
   * }
   * ```
   *
   * @throws {LocalMapError} `full` if there are too many pins, or no memory for another one.
   */
  pin(key: Bytes): Pinned | undefined;

  /**
   * Returns the entries whose keys begin with `prefix` (all, if it is empty), in no particular order.
   *
   * The map may be changed meanwhile. Each entry that exists throughout the scan is returned exactly
   * once.
   */
  scan(prefix?: Bytes): Generator<Scanned, void, undefined>;

  /**
   * Returns one page of a {@link scan}. Start with a `cursor` of 0 and continue with `next`. A page
   * visits at most `limit` entries (1 to 4,096), and slightly more if keys have equal hashes.
   */
  scanPage(prefix: Bytes, cursor: bigint | number, limit: number): Page;

  /** Returns the number of entries that have not expired. May visit every expired entry. */
  len(): number;

  /** Returns `true` if the map has no entry. */
  isEmpty(): boolean;
}

/**
 * One change of a batch, for {@link LocalMap.apply}. Each function takes the arguments of the
 * operation of the same name and copies them.
 */
export class Change {
  #private;
  private constructor();
  static set(key: Bytes, value: Bytes, ttl?: Ttl): Change;
  static setIf(key: Bytes, value: Bytes, ttl: Ttl | undefined, condition: Condition): Change;
  static increment(key: Bytes, delta?: number | bigint, ttl?: Ttl): Change;
  static touch(key: Bytes, ttl?: Ttl): Change;
  static delete(key: Bytes): Change;
  static deleteIf(key: Bytes, version: Version | number): Change;
}

/**
 * A pinned value. With `using`, where the engine has it, it is released at the end of the block:
 * `using rates = map.pin('rates');`
 */
export class Pinned {
  #private;
  private constructor();

  /**
   * Returns a copy of the value as it was when it was pinned.
   *
   * @throws {LocalMapError} `released`.
   */
  value(): Uint8Array;

  /**
   * Returns the version of the value.
   *
   * @throws {LocalMapError} `released`.
   */
  version(): Version;

  /** Releases the value. Does nothing if it was released before. */
  release(): void;

  /** Releases the value. */
  [Symbol.dispose](): void;
}

/**
 * What the map has refused, or the use of a pin that was released. Nothing has changed. The message
 * suggests a fix.
 */
export class LocalMapError extends Error {
  private constructor();
  readonly name: 'LocalMapError';
  readonly code:
    | 'invalid-key'
    | 'value-too-large'
    | 'invalid-ttl'
    | 'full'
    | 'conflict'
    | 'not-a-counter'
    | 'overflow'
    | 'released';
  /** Of `invalid-key`: why. */
  readonly reason?: 'empty' | 'too-long' | 'not-utf8';
  /** Of `value-too-large`: the map's `max-value`, in bytes. */
  readonly max?: number;
  /** Of `conflict`: the version of the present value; `undefined` if the key is absent. */
  readonly current?: Version;
  /** Of a batch: the index of the change that failed, counted from 0. */
  readonly index?: number;
}
