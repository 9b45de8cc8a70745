// What the map answers, as the words of `tests/vectors`; and what holds for all answers.

import { Fault } from './words.mjs';

export const truth = (there) => [there ? 'true' : 'false'];

export const found = (value) => [value ?? 'none'];

export function entry(there) {
  return [there.value, 'version', there.version, 'expires-in', there.expiresIn ?? 'never'];
}

/** What `words` says of the value; or why there is none. */
export function result({ value, error }, words) {
  return error === undefined ? words(value) : refused(error);
}

export function refused({ tag, val }) {
  const words = ['error', tag];
  if (tag === 'invalid-key') return [...words, val.tag, ...(val.val === undefined ? [] : [val.val])];
  if (tag === 'conflict') return [...words, ...found(val)];
  return val === undefined ? words : [...words, val];
}

/** What a batch has done; or which of its changes was refused, and why. */
export function outcomes({ value, error }) {
  if (error !== undefined) return ['change', BigInt(error[0]), ...refused(error[1])];
  return value.flatMap(({ tag, val }) => [
    tag === 'stored' ? 'version' : tag,
    ...(typeof val === 'boolean' ? truth(val) : [val]),
  ]);
}

/** One of the limits. */
export function limitWords(limit) {
  if (typeof limit === 'boolean') return truth(limit);
  return found(typeof limit === 'number' ? BigInt(limit) : limit);
}

/** At most `limit` entries, or one more, which may have the hash of the last. */
export function checkPage({ entries }, prefix, limit) {
  if (entries.length > Math.min(Math.max(limit, 1), 4096) + 1) {
    throw new Fault(`a page of ${entries.length} entries`);
  }
  const size = entries.reduce((sum, { key, value }) => sum + key.length + value.length, 0);
  if (size > 2 ** 20 && entries.length > 1) throw new Fault(`a page of ${size} bytes`);
  for (const { key } of entries) {
    if (Buffer.compare(key.subarray(0, prefix.length), prefix) !== 0) {
      throw new Fault(`${Buffer.from(key)} has another prefix`);
    }
  }
}

/** What holds for statistics of every map at every time. */
export function checkStats(stats, limits) {
  const rules = {
    'its parts make up its bytes': stats.payload + stats.overhead + stats.free === stats.bytes,
    'it has been as large as it is': stats.highWater >= stats.bytes,
    'what pins hold is in use': stats.pinned <= stats.payload + stats.overhead,
    'it has no more entries than it may': stats.entries <= limits.maxEntries,
    'it has never held more bytes than it may': stats.highWater <= limits.maxBytes,
  };
  for (const [rule, holds] of Object.entries(rules)) {
    if (!holds) throw new Fault(`not so: ${rule}`);
  }
}
