// Parses a line of `tests/vectors` into tokens: names are strings, numbers BigInts, bytes Buffers.
// `tests/vectors/README.md` describes the format. In a line, each character is one byte
// ("latin1").

const TOKEN = /[ =]+|"((?:[^"\\]|\\x[0-9a-fA-F]{2}|\\["\\])*)"(?:\*([0-9]+))?|([^ ="]+)/y;
const NUMBER = /^(-?[0-9]+)(ns|us|ms|s|m|h|)$/;
const UNITS = {
  '': 1n, ns: 1n, us: 1_000n, ms: 1_000_000n, s: 1_000_000_000n, m: 60_000_000_000n, h: 3_600_000_000_000n,
};
const ESCAPE = /\\(?:x(..)|(["\\]))/g;

/** An error in a line, or in the map's answer to it. */
export class Fault extends Error {}

/** Returns the tokens before the arrow, and those after it. */
export function parse(line) {
  const tokens = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < line.length) {
    const at = TOKEN.lastIndex;
    const match = TOKEN.exec(line);
    if (!match) throw new Fault(`cannot read ${line.slice(at)}`);
    const [, quoted, times, plain] = match;
    if (quoted !== undefined) tokens.push(bytes(quoted, times ?? '1'));
    else if (plain !== undefined) tokens.push(number(plain) ?? plain);
  }
  const arrow = tokens.includes('->') ? tokens.indexOf('->') : tokens.length;
  return { tokens: new Tokens(tokens.slice(0, arrow)), expected: tokens.slice(arrow + 1) };
}

function bytes(quoted, times) {
  const text = quoted.replace(ESCAPE, (_, hex, character) =>
    hex ? String.fromCharCode(Number.parseInt(hex, 16)) : character);
  return Buffer.from(text.repeat(Number(times)), 'latin1');
}

function number(token) {
  if (token === 'max') return 2n ** 64n - 1n;
  const match = NUMBER.exec(token);
  return match ? BigInt(match[1]) * UNITS[match[2]] : undefined;
}

/** Returns `true` if two answers are equal, with tokens of the same kinds. */
export function same(answer, expected) {
  return answer.length === expected.length && answer.every((token, at) => {
    const other = expected[at];
    if (token instanceof Uint8Array) return other instanceof Uint8Array && Buffer.compare(token, other) === 0;
    return token === other;
  });
}

/** Formats tokens for a message, and shortens long ones. */
export function show(tokens) {
  return tokens.map((token) => {
    const text = token instanceof Uint8Array ? JSON.stringify(Buffer.from(token).toString('latin1')) : String(token);
    return text.length <= 200 ? text : `${text.slice(0, 80)}... (${text.length} long)`;
  }).join(' ');
}

/** The arguments of an operation, consumed one by one. */
class Tokens {
  constructor(tokens) {
    this.tokens = tokens;
  }

  more() {
    return this.tokens.length > 0;
  }

  next() {
    if (this.tokens.length === 0) throw new Fault('a token is missing');
    return this.tokens.shift();
  }

  #of(kind, isOne) {
    const token = this.next();
    if (!isOne(token)) throw new Fault(`expected ${kind}, found ${show([token])}`);
    return token;
  }

  name() {
    return this.#of('a name', (token) => typeof token === 'string');
  }

  number() {
    return this.#of('a number', (token) => typeof token === 'bigint');
  }

  bytes() {
    return this.#of('a quoted string', (token) => token instanceof Uint8Array);
  }

  literal(expected) {
    const name = this.name();
    if (name !== expected) throw new Fault(`expected \`${expected}\`, found \`${name}\``);
  }

  /** Returns the number in `label=N`. */
  labelled(label) {
    this.literal(label);
    return this.number();
  }

  end() {
    if (this.more()) throw new Fault(`too many tokens: ${show(this.tokens)}`);
  }
}
