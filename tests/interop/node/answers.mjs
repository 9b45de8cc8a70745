// Formats the map's answers as the tokens of `tests/vectors`, and checks what holds for every answer.

import { Fault } from './tokens.mjs';

export const truth = (there) => [there ? 'true' : 'false'];

export const found = (value) => [value ?? 'none'];

export function entry(there) {
  return [there.value, 'version', there.version, 'expires-in', there.expiresIn ?? 'never'];
}

/** Returns the value formatted by `tokens`, or the error. */
export function result({ value, error }, tokens) {
  return error === undefined ? tokens(value) : refused(error);
}

export function refused({ tag, val }) {
  const tokens = ['error', tag];
  if (tag === 'invalid-key') return [...tokens, val.tag, ...(val.val === undefined ? [] : [val.val])];
  if (tag === 'conflict') return [...tokens, ...found(val)];
  return val === undefined ? tokens : [...tokens, val];
}

/** Returns the outcomes of a batch, or the change that failed and its error. */
export function outcomes({ value, error }) {
  if (error !== undefined) return ['change', BigInt(error[0]), ...refused(error[1])];
  return value.flatMap(({ tag, val }) => [
    tag === 'stored' ? 'version' : tag,
    ...(typeof val === 'boolean' ? truth(val) : [val]),
  ]);
}

/** Formats one of the limits. */
export function limitTokens(limit) {
  if (typeof limit === 'boolean') return truth(limit);
  return found(typeof limit === 'number' ? BigInt(limit) : limit);
}

/** Checks a page: at most `limit` entries, or one more, which may have the same hash as the last. */
export function checkPage({ entries }, prefix, limit) {
  if (entries.length > Math.min(Math.max(limit, 1), 4096) + 1) {
    throw new Fault(`a page of ${entries.length} entries`);
  }
  const size = entries.reduce((sum, { key, value }) => sum + key.length + value.length, 0);
  if (size > 2 ** 20 && entries.length > 1) throw new Fault(`a page of ${size} bytes`);
  for (const { key } of entries) {
    if (Buffer.compare(key.subarray(0, prefix.length), prefix) !== 0) {
      throw new Fault(`${Buffer.from(key)} does not have the prefix`);
    }
  }
}

/** Checks what holds for the statistics of every map at any time. */
export function checkStats(stats, limits) {
  const rules = {
    'payload, overhead and free add up to bytes': stats.payload + stats.overhead + stats.free === stats.bytes,
    'the high-water mark is at least the current size': stats.highWater >= stats.bytes,
    'pinned bytes are in use': stats.pinned <= stats.payload + stats.overhead,
    'entries are within max-entries': stats.entries <= limits.maxEntries,
    'the high-water mark is within max-bytes': stats.highWater <= limits.maxBytes,
  };
  for (const [rule, holds] of Object.entries(rules)) {
    if (!holds) throw new Fault(`does not hold: ${rule}`);
  }
}
