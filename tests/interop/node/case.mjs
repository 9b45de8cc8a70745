// One case of a script: a map of its own, and what an operation answers, as words.

import { attempt, getMany } from './host.mjs';
import { checkPage, checkStats, entry, found, limitWords, outcomes, result, truth } from './answers.mjs';
import { Fault } from './words.mjs';

export class Case {
  #host;
  #map;
  #pins = new Map(); // by the names that the case gives them
  #scanned = [];
  #cursor = 0n;

  constructor(host) {
    this.#host = host;
    this.#map = host.map();
    this.#clock(0n);
  }

  /** Does what a line says, and gives the answer. */
  operation(name, words) {
    const map = this.#map;
    switch (name) {
      case 'clock': return this.#clock(words.number());
      case 'advance': return this.#clock(this.#host.now + words.number());
      case 'rewind': return this.#clock(this.#host.now - words.number());
      case 'set': return version(() => map.set(words.bytes(), words.bytes(), ttl(words)));
      case 'set-if':
        return version(() => map.setIf(words.bytes(), words.bytes(), ttl(words), condition(words)));
      case 'increment':
        return result(attempt(() => map.increment(words.bytes(), words.number(), ttl(words))), (sum) => [sum]);
      case 'touch': return result(attempt(() => map.touch(words.bytes(), ttl(words))), truth);
      case 'get': return found(map.get(words.bytes()));
      case 'take': return found(map.take(words.bytes()));
      case 'contains': return truth(map.contains(words.bytes()));
      case 'delete': return truth(map['delete'](words.bytes()));
      case 'get-entry': {
        const there = map.getEntry(words.bytes());
        return there === undefined ? ['none'] : entry(there);
      }
      case 'get-many': return getMany(map, all(words, () => words.bytes())).flatMap(found);
      case 'delete-if':
        return result(attempt(() => map.deleteIf(words.bytes(), words.labelled('version'))), ok);
      case 'apply': {
        const changes = all(words, () => {
          const one = change(words);
          if (words.more()) words.literal(';');
          return one;
        });
        return outcomes(attempt(() => map.apply(changes)));
      }
      case 'apply-fill': {
        const { keys, value, ttl } = filled(words);
        const changes = keys.map((key) => ({ tag: 'set', val: { key, value, ttl } }));
        const answer = attempt(() => map.apply(changes));
        return answer.value?.length === changes.length ? ['ok'] : outcomes(answer);
      }
      case 'fill': {
        const { keys, value, ttl } = filled(words);
        return result(attempt(() => keys.forEach((key) => map.set(key, value, ttl))), ok);
      }
      case 'pin': return this.#pin(words.name(), words.bytes());
      case 'pinned': {
        const pin = this.#pinNamed(words.name());
        return [pin.value(), 'version', pin.version()];
      }
      case 'unpin': {
        const pin = words.name();
        this.#pinNamed(pin)[Symbol.dispose]();
        this.#pins.delete(pin);
        return ['ok'];
      }
      case 'page': {
        this.#page(words.bytes(), Number(words.labelled('limit')));
        return [];
      }
      case 'scan': return this.#scan(words).map(({ key }) => key);
      case 'scan-entries': return this.#scan(words).flatMap((there) => [there.key, ...entry(there)]);
      case 'scan-count': return [this.#scanCount(words)];
      case 'len': return [map.len()];
      case 'sweep': return [BigInt(map.control.sweep(Number(words.number())))];
      case 'stats': {
        const stats = this.#statistics();
        return all(words, () => known(stats, words.name()));
      }
      case 'at-least': return truth(known(this.#statistics(), words.name()) >= words.number());
      case 'limits': {
        const limits = map.control.currentLimits();
        return all(words, () => limitWords(known(limits, words.name()))).flat();
      }
      case 'configure': return this.#configure(words);
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

  /** One page further. False: the scan is at its end. */
  #page(prefix, limit) {
    const page = this.#map.scan(prefix, this.#cursor, limit);
    checkPage(page, prefix, limit);
    this.#scanned.push(...page.entries);
    this.#cursor = page.next ?? 0n;
    return page.next !== undefined;
  }

  /** To the end of the scan: all that it has come by, by their keys. */
  #scan(words) {
    const prefix = words.bytes();
    const limit = Number(words.labelled('limit'));
    for (let pages = 0; this.#page(prefix, limit); pages += 1) {
      if (pages > 100_000) throw new Fault('a scan without an end');
    }
    const scanned = this.#scanned;
    this.#scanned = [];
    return scanned.sort((one, other) => Buffer.compare(one.key, other.key));
  }

  #scanCount(words) {
    const keys = this.#scan(words).map(({ key }) => Buffer.from(key).toString('latin1'));
    if (new Set(keys).size < keys.length) throw new Fault('a key was given twice');
    return BigInt(keys.length);
  }

  #statistics() {
    const stats = this.#map.control.stats();
    checkStats(stats, this.#map.control.currentLimits());
    return stats;
  }

  #configure(words) {
    const limits = this.#map.control.currentLimits();
    while (words.more()) {
      const setting = words.name();
      const before = known(limits, setting);
      const word = words.next();
      limits[camel(setting)] = typeof before === 'number' ? Number(word) : NAMED.has(word) ? NAMED.get(word) : word;
    }
    return result(attempt(() => this.#map.control.configure(limits)), ok);
  }
}

// What `configure` is given, other than numbers and the names of policies.
const NAMED = new Map([['none', undefined], ['true', true], ['false', false]]);

const ok = () => ['ok'];

const version = (call) => result(attempt(call), (number) => ['version', number]);

/** What `one` gives, until there are no more words. */
function all(words, one) {
  const made = [];
  while (words.more()) made.push(one());
  return made;
}

const camel = (name) => name.replace(/-(.)/g, (_, letter) => letter.toUpperCase());

/** A field of a record by its name in the WIT. */
function known(record, name) {
  if (!(camel(name) in record)) throw new Fault(`no field \`${name}\``);
  return record[camel(name)];
}

/** The keys `PREFIX0` to `PREFIX(N-1)`, and what they are set to. */
function filled(words) {
  const prefix = words.bytes();
  const count = Number(words.number());
  const keys = Array.from({ length: count }, (_, n) => Buffer.concat([prefix, Buffer.from(String(n))]));
  return { keys, value: words.bytes(), ttl: ttl(words) };
}

function ttl(words) {
  const word = words.next();
  if (typeof word === 'bigint') return { tag: 'after', val: word };
  if (word !== 'default' && word !== 'never') throw new Fault(`no TTL \`${word}\``);
  return { tag: word };
}

function condition(words) {
  const name = words.name();
  if (name === 'version') return { tag: name, val: words.number() };
  if (name !== 'absent' && name !== 'present') throw new Fault(`no condition \`${name}\``);
  return { tag: name };
}

/** A change of a batch, with its arguments in the order of its function. */
function change(words) {
  const tag = words.name();
  const key = words.bytes();
  switch (tag) {
    case 'set': return { tag, val: { key, value: words.bytes(), ttl: ttl(words) } };
    case 'set-if':
      return { tag, val: { key, value: words.bytes(), ttl: ttl(words), condition: condition(words) } };
    case 'increment': return { tag, val: { key, delta: words.number(), ttl: ttl(words) } };
    case 'touch': return { tag, val: { key, ttl: ttl(words) } };
    case 'delete': return { tag, val: key };
    case 'delete-if': return { tag, val: { key, version: words.labelled('version') } };
    default: throw new Fault(`no change \`${tag}\``);
  }
}
