// One case of a script: its own map, and the answers of operations, as tokens.

import { attempt, getMany } from './host.mjs';
import { checkPage, checkStats, entry, found, limitTokens, outcomes, result, truth } from './answers.mjs';
import { Fault } from './tokens.mjs';

export class Case {
  #host;
  #map;
  #pins = new Map(); // by name
  #scanned = [];
  #cursor = 0n;

  constructor(host) {
    this.#host = host;
    this.#map = host.map();
    this.#clock(0n);
  }

  /** Performs the operation of a line, and returns the answer. */
  operation(name, tokens) {
    const map = this.#map;
    switch (name) {
      case 'clock': return this.#clock(tokens.number());
      case 'advance': return this.#clock(this.#host.now + tokens.number());
      case 'rewind': return this.#clock(this.#host.now - tokens.number());
      case 'set': return version(() => map.set(tokens.bytes(), tokens.bytes(), ttl(tokens)));
      case 'set-if':
        return version(() => map.setIf(tokens.bytes(), tokens.bytes(), ttl(tokens), condition(tokens)));
      case 'increment':
        return result(attempt(() => map.increment(tokens.bytes(), tokens.number(), ttl(tokens))), (sum) => [sum]);
      case 'touch': return result(attempt(() => map.touch(tokens.bytes(), ttl(tokens))), truth);
      case 'get': return found(map.get(tokens.bytes()));
      case 'take': return found(map.take(tokens.bytes()));
      case 'contains': return truth(map.contains(tokens.bytes()));
      case 'delete': return truth(map['delete'](tokens.bytes()));
      case 'get-entry': {
        const there = map.getEntry(tokens.bytes());
        return there === undefined ? ['none'] : entry(there);
      }
      case 'get-many': return getMany(map, all(tokens, () => tokens.bytes())).flatMap(found);
      case 'delete-if':
        return result(attempt(() => map.deleteIf(tokens.bytes(), tokens.labelled('version'))), ok);
      case 'apply': {
        const changes = all(tokens, () => {
          const one = change(tokens);
          if (tokens.more()) tokens.literal(';');
          return one;
        });
        return outcomes(attempt(() => map.apply(changes)));
      }
      case 'apply-fill': {
        const { keys, value, ttl } = filled(tokens);
        const changes = keys.map((key) => ({ tag: 'set', val: { key, value, ttl } }));
        const answer = attempt(() => map.apply(changes));
        return answer.value?.length === changes.length ? ['ok'] : outcomes(answer);
      }
      case 'fill': {
        const { keys, value, ttl } = filled(tokens);
        return result(attempt(() => keys.forEach((key) => map.set(key, value, ttl))), ok);
      }
      case 'pin': return this.#pin(tokens.name(), tokens.bytes());
      case 'pinned': {
        const pin = this.#pinNamed(tokens.name());
        return [pin.value(), 'version', pin.version()];
      }
      case 'unpin': {
        const pin = tokens.name();
        this.#pinNamed(pin)[Symbol.dispose]();
        this.#pins.delete(pin);
        return ['ok'];
      }
      case 'page': {
        this.#page(tokens.bytes(), Number(tokens.labelled('limit')));
        return [];
      }
      case 'scan': return this.#scan(tokens).map(({ key }) => key);
      case 'scan-entries': return this.#scan(tokens).flatMap((there) => [there.key, ...entry(there)]);
      case 'scan-count': return [this.#scanCount(tokens)];
      case 'len': return [map.len()];
      case 'sweep': return [BigInt(map.control.sweep(Number(tokens.number())))];
      case 'stats': {
        const stats = this.#statistics();
        return all(tokens, () => known(stats, tokens.name()));
      }
      case 'at-least': return truth(known(this.#statistics(), tokens.name()) >= tokens.number());
      case 'limits': {
        const limits = map.control.currentLimits();
        return all(tokens, () => limitTokens(known(limits, tokens.name()))).flat();
      }
      case 'configure': return this.#configure(tokens);
      case 'clear': return ok(map.control.clear());
      default: throw new Fault(`no operation \`${name}\``);
    }
  }

  #clock(now) {
    this.#host.now = BigInt.asUintN(64, now < 0n ? 0n : now > 2n ** 64n - 1n ? 2n ** 64n - 1n : now);
    return [];
  }

  #pin(name, key) {
    return result(attempt(() => this.#map.pin(key)), (pin) => {
      if (pin === undefined) return ['none'];
      this.#pins.get(name)?.[Symbol.dispose]();
      this.#pins.set(name, pin);
      return ['ok'];
    });
  }

  #pinNamed(name) {
    const pin = this.#pins.get(name);
    if (pin === undefined) throw new Fault(`no pin \`${name}\``);
    return pin;
  }

  /** Scans one page. Returns `false` at the end of the scan. */
  #page(prefix, limit) {
    const page = this.#map.scan(prefix, this.#cursor, limit);
    checkPage(page, prefix, limit);
    this.#scanned.push(...page.entries);
    this.#cursor = page.next ?? 0n;
    return page.next !== undefined;
  }

  /** Scans to the end. Returns all entries, sorted by key. */
  #scan(tokens) {
    const prefix = tokens.bytes();
    const limit = Number(tokens.labelled('limit'));
    for (let pages = 0; this.#page(prefix, limit); pages += 1) {
      if (pages > 100_000) throw new Fault('the scan does not end');
    }
    const scanned = this.#scanned;
    this.#scanned = [];
    return scanned.sort((one, other) => Buffer.compare(one.key, other.key));
  }

  #scanCount(tokens) {
    const keys = this.#scan(tokens).map(({ key }) => Buffer.from(key).toString('latin1'));
    if (new Set(keys).size < keys.length) throw new Fault('the scan returned a key twice');
    return BigInt(keys.length);
  }

  #statistics() {
    const stats = this.#map.control.stats();
    checkStats(stats, this.#map.control.currentLimits());
    return stats;
  }

  #configure(tokens) {
    const limits = this.#map.control.currentLimits();
    while (tokens.more()) {
      const setting = tokens.name();
      const before = known(limits, setting);
      const token = tokens.next();
      limits[camel(setting)] = typeof before === 'number' ? Number(token) : NAMED.has(token) ? NAMED.get(token) : token;
    }
    return result(attempt(() => this.#map.control.configure(limits)), ok);
  }
}

// Values for `configure` other than numbers and the names of policies.
const NAMED = new Map([['none', undefined], ['true', true], ['false', false]]);

const ok = () => ['ok'];

const version = (call) => result(attempt(call), (number) => ['version', number]);

/** Calls `one` until no tokens are left, and returns the results. */
function all(tokens, one) {
  const made = [];
  while (tokens.more()) made.push(one());
  return made;
}

const camel = (name) => name.replace(/-(.)/g, (_, letter) => letter.toUpperCase());

/** Returns a field of a record by its name in the WIT. */
function known(record, name) {
  if (!(camel(name) in record)) throw new Fault(`no field \`${name}\``);
  return record[camel(name)];
}

/** Returns the keys `PREFIX0` to `PREFIX(N-1)`, with their value and TTL. */
function filled(tokens) {
  const prefix = tokens.bytes();
  const count = Number(tokens.number());
  const keys = Array.from({ length: count }, (_, n) => Buffer.concat([prefix, Buffer.from(String(n))]));
  return { keys, value: tokens.bytes(), ttl: ttl(tokens) };
}

function ttl(tokens) {
  const token = tokens.next();
  if (typeof token === 'bigint') return { tag: 'after', val: token };
  if (token !== 'default' && token !== 'never') throw new Fault(`no TTL \`${token}\``);
  return { tag: token };
}

function condition(tokens) {
  const name = tokens.name();
  if (name === 'version') return { tag: name, val: tokens.number() };
  if (name !== 'absent' && name !== 'present') throw new Fault(`no condition \`${name}\``);
  return { tag: name };
}

/** Parses a change of a batch, with its arguments in the order of its function. */
function change(tokens) {
  const tag = tokens.name();
  const key = tokens.bytes();
  switch (tag) {
    case 'set': return { tag, val: { key, value: tokens.bytes(), ttl: ttl(tokens) } };
    case 'set-if':
      return { tag, val: { key, value: tokens.bytes(), ttl: ttl(tokens), condition: condition(tokens) } };
    case 'increment': return { tag, val: { key, delta: tokens.number(), ttl: ttl(tokens) } };
    case 'touch': return { tag, val: { key, ttl: ttl(tokens) } };
    case 'delete': return { tag, val: key };
    case 'delete-if': return { tag, val: { key, version: tokens.labelled('version') } };
    default: throw new Fault(`no change \`${tag}\``);
  }
}
