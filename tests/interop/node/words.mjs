// The words of a line of `tests/vectors`: names are strings, numbers BigInts, bytes Buffers.
// The format is told in `tests/vectors/README.md`. Lines are text in which each character is
// one byte ("latin1").

const WORD = /[ =]+|"((?:[^"\\]|\\x[0-9a-fA-F]{2}|\\["\\])*)"(?:\*([0-9]+))?|([^ ="]+)/y;
const NUMBER = /^(-?[0-9]+)(ns|us|ms|s|m|h|)$/;
const UNITS = {
  '': 1n, ns: 1n, us: 1_000n, ms: 1_000_000n, s: 1_000_000_000n, m: 60_000_000_000n, h: 3_600_000_000_000n,
};
const ESCAPE = /\\(?:x(..)|(["\\]))/g;

/** What is wrong with a line, or with what the map answers to it. */
export class Fault extends Error {}

/** The words before the arrow, and those behind it. */
export function parse(line) {
  const words = [];
  WORD.lastIndex = 0;
  while (WORD.lastIndex < line.length) {
    const at = WORD.lastIndex;
    const match = WORD.exec(line);
    if (!match) throw new Fault(`cannot read ${line.slice(at)}`);
    const [, quoted, times, plain] = match;
    if (quoted !== undefined) words.push(bytes(quoted, times ?? '1'));
    else if (plain !== undefined) words.push(number(plain) ?? plain);
  }
  const arrow = words.includes('->') ? words.indexOf('->') : words.length;
  return { words: new Words(words.slice(0, arrow)), expected: words.slice(arrow + 1) };
}

function bytes(quoted, times) {
  const text = quoted.replace(ESCAPE, (_, hex, character) =>
    hex ? String.fromCharCode(Number.parseInt(hex, 16)) : character);
  return Buffer.from(text.repeat(Number(times)), 'latin1');
}

function number(word) {
  if (word === 'max') return 2n ** 64n - 1n;
  const match = NUMBER.exec(word);
  return match ? BigInt(match[1]) * UNITS[match[2]] : undefined;
}

/** Whether two answers are the same, and of the same kinds. */
export function same(answer, expected) {
  return answer.length === expected.length && answer.every((word, at) => {
    const other = expected[at];
    if (word instanceof Uint8Array) return other instanceof Uint8Array && Buffer.compare(word, other) === 0;
    return word === other;
  });
}

/** Words for a message, long ones cut. */
export function show(words) {
  return words.map((word) => {
    const text = word instanceof Uint8Array ? JSON.stringify(Buffer.from(word).toString('latin1')) : String(word);
    return text.length <= 200 ? text : `${text.slice(0, 80)}... (${text.length} long)`;
  }).join(' ');
}

/** The arguments of an operation, taken one by one. */
class Words {
  constructor(words) {
    this.words = words;
  }

  more() {
    return this.words.length > 0;
  }

  next() {
    if (this.words.length === 0) throw new Fault('a word is missing');
    return this.words.shift();
  }

  #of(kind, isOne) {
    const word = this.next();
    if (!isOne(word)) throw new Fault(`${kind} is expected, not ${show([word])}`);
    return word;
  }

  name() {
    return this.#of('a name', (word) => typeof word === 'string');
  }

  number() {
    return this.#of('a number', (word) => typeof word === 'bigint');
  }

  bytes() {
    return this.#of('a quoted string', (word) => word instanceof Uint8Array);
  }

  literal(expected) {
    const name = this.name();
    if (name !== expected) throw new Fault(`\`${expected}\` is expected, not \`${name}\``);
  }

  /** The number in `label=N`. */
  labelled(label) {
    this.literal(label);
    return this.number();
  }

  end() {
    if (this.more()) throw new Fault(`too many words: ${show(this.words)}`);
  }
}
