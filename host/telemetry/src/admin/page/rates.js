// What has happened between two responses of /stats.

/** A longer gap than this, in seconds, shows in charts as a gap: the page was paused, or hidden for long. */
const GAP = 12;

/** Adds up the counts of buckets, of which a response has those that are not 0. */
function total(parts, length) {
  const sum = new Float64Array(length);
  for (const part of parts) for (const [index, count] of part.buckets) sum[index] += count;
  return sum;
}

/** Returns a percentile in nanoseconds, interpolated within its bucket; null if there is nothing. */
export function percentile(bounds, counts, part) {
  const all = counts.reduce((sum, count) => sum + count, 0);
  if (all <= 0) return null;
  let rest = part * all;
  for (let index = 0; index < counts.length; index += 1) {
    if (counts[index] > 0 && rest <= counts[index]) {
      const last = bounds[bounds.length - 1];
      const high = bounds[index] ?? last * 2;
      const low = index > 0 ? bounds[index - 1] : high / 2;
      return low * (high / low) ** (rest / counts[index]);
    }
    rest -= counts[index];
  }
  return bounds[bounds.length - 1];
}

const sum = (parts, value) => parts.reduce((all, part) => all + value(part), 0);

/** The sums of one response, of a class or of all. */
function sums(stats, name) {
  const classes = stats.classes.filter((found) => name === "" || found.name === name);
  const operations = classes.flatMap((found) => found.operations);
  const length = stats.bounds_ns.length + 1;
  const kinds = new Map();
  for (const operation of operations) {
    const before = kinds.get(operation.kind);
    const buckets = before ? [...before.buckets, ...operation.buckets] : operation.buckets;
    kinds.set(operation.kind, { count: (before?.count ?? 0) + operation.count, buckets });
  }
  for (const kind of kinds.values()) kind.counts = total([kind], length);
  return {
    operations: sum(operations, (found) => found.count),
    operationCounts: total(operations, length),
    requests: sum(stats.requests, (found) => found.count),
    requestCounts: total(stats.requests, length),
    hits: sum(classes, (found) => found.hits),
    misses: sum(classes, (found) => found.misses),
    evicted: sum(classes, (found) => found.evicted),
    kinds,
  };
}

/** What /stats tells of now: memory and entries of a class, or of all. */
export function totals(stats, name) {
  const classes = stats.classes.filter((found) => name === "" || found.name === name);
  const of = (field) => sum(classes, (found) => found[field]);
  return { bytes: of("bytes"), entries: of("entries"), tenants: of("tenants"), rateLimited: of("rate_limited"), refused: of("refused") };
}

/** When the survey of a response was taken, in seconds. */
const surveyed = (stats) => stats.uptime_us / 1e6 - stats.survey_age_ms / 1e3;

/**
 * The rates between two responses, of a class, or of all if `name` is empty. `last` are the rates before
 * these, which still hold for what is only counted in surveys if both responses have the same one.
 */
export function between(before, after, name, last) {
  const seconds = (after.uptime_us - before.uptime_us) / 1e6;
  const point = { time: after.uptime_us / 1e6, bytes: totals(after, name).bytes };
  if (seconds <= 0 || seconds > GAP) {
    return { ...point, bytes: null, operations: null, requests: null, hits: null, evicted: null, latency: null, kinds: [] };
  }
  const [from, to] = [sums(before, name), sums(after, name)];
  const rate = (field, time) => (to[field] - from[field]) / time;
  const less = (now, then) => now.map((count, index) => count - (then?.[index] ?? 0));
  const bounds = after.bounds_ns;
  const percentiles = (counts) => [0.5, 0.9, 0.99].map((part) => percentile(bounds, counts, part));
  const kinds = [];
  for (const [kind, { count, counts }] of to.kinds) {
    const then = from.kinds.get(kind);
    const done = count - (then?.count ?? 0);
    if (done > 0) {
      const [p50, , p99] = percentiles(less(counts, then?.counts));
      kinds.push({ kind, rate: done / seconds, p50, p99 });
    }
  }
  const surveys = surveyed(after) - surveyed(before);
  const [hits, misses] = [to.hits - from.hits, to.misses - from.misses];
  const survey = surveys < 0.1 && last
    ? { hits: last.hits, evicted: last.evicted }
    : { hits: hits + misses > 0 ? hits / (hits + misses) : null, evicted: rate("evicted", Math.max(surveys, 0.1)) };
  return {
    ...point,
    ...survey,
    operations: rate("operations", seconds),
    requests: rate("requests", seconds),
    latency: {
      operations: percentiles(less(to.operationCounts, from.operationCounts)),
      requests: percentiles(less(to.requestCounts, from.requestCounts)),
    },
    kinds: kinds.sort((a, b) => b.rate - a.rate),
  };
}
