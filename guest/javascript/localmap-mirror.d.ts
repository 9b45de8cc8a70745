/**
 * Reads mirrors in JavaScript: copies of data that other machines own, such as a prefix of etcd, which the
 * host keeps up to date, through `localmap:core/mirror@0.1.0`.
 *
 * - **Keys** are strings, which are read as UTF-8, or `Uint8Array`s: those of the source without the prefix.
 *   Values are bytes.
 * - **One revision.** A read sees the copy as it was at one revision of its source, `asOf`.
 * - **Age.** A read says how old the copy is at most. The host has a maximum (5 s unless it is given
 *   another), beyond which a read throws a {@link MirrorError} instead of returning an old value.
 *
 * @module
 */

/** An entry of a mirror. */
export interface Entry {
  value: Uint8Array;
  /** The revision at which the source has stored this value. */
  modRevision: bigint;
}

/** The result of a read, and how old it is. */
export interface Read<T> {
  found: T;
  /** The revision of the copy. */
  asOf: bigint;
  /** The age of the copy in milliseconds, at most: all that was committed that long ago is in it. */
  age: number;
  /** Whether the mirror is connected to its source, and hears from it in time. */
  isFresh: boolean;
}

/** What a mirror does. */
export type State =
  | 'starting' | 'listing' | 'live' | 'reconnecting' | 'does-not-fit' | 'other-cluster' | 'ended';

/** The status of a mirror. */
export interface Status {
  state: State;
  /** The revision of the copy; `undefined` if there is none. */
  revision: bigint | undefined;
  /** The age of the copy in milliseconds, at most, even if it is too old to be read. */
  age: number | undefined;
  entries: number;
  /** The number of keys of the source that the mirror cannot hold. */
  omitted: number;
}

/**
 * A mirror of the host, by its name.
 *
 * ```js
 * import * as contract from 'localmap:core/mirror@0.1.0';
 * import { Mirror } from './localmap-mirror.js';
 *
 * const flags = new Mirror(contract, 'flags');
 * const { found, age } = flags.get('dark-mode');
 * ```
 */
export class Mirror {
  #private;

  /**
   * Returns the mirror. Calls nothing: if the host has none of this name, reads throw `unknown-mirror`.
   *
   * @param contract The module `localmap:core/mirror@0.1.0`.
   */
  constructor(contract: object, name: string);

  /** The name of the mirror. */
  readonly name: string;

  /**
   * Returns the entry of `key`; its `found` is `undefined` if the key is absent.
   *
   * @throws {MirrorError} If there is no copy that is young enough, or `omitted`.
   */
  get(key: string | Uint8Array): Read<Entry | undefined>;

  /**
   * Returns the entries of several keys, all of one revision, in the order of the keys.
   *
   * A call of the host reads up to 1,024 keys and 1 MiB of values. If there are more, this takes several
   * calls, and begins again if the copy has changed between two of them.
   *
   * @throws {MirrorError} Those of {@link get}, and `changing` if the copy changes each time.
   */
  getMany(keys: Iterable<string | Uint8Array>): Read<(Entry | undefined)[]>;

  /**
   * Returns what the mirror does.
   *
   * @throws {MirrorError} Only `unknown-mirror`.
   */
  status(): Status;
}

/** A read returns no value, neither an old one. The message suggests what to do. */
export class MirrorError extends Error {
  code:
    | 'unknown-mirror' | 'not-ready' | 'too-stale' | 'omitted' | 'does-not-fit' | 'other-cluster' | 'ended'
    | 'changing';
  /** With `too-stale`: the age of the copy in milliseconds, at most. */
  age?: number;
  /** With `omitted`: the index of the first such key among those of the read. */
  index?: number;
  /** With `omitted`: why the mirror cannot hold the key. */
  reason?: 'empty-key' | 'key-too-long' | 'not-utf8' | 'value-too-large';
}
